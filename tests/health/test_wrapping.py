import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes

BRIGHT = photons(scenes(150, mean=150.0, contrast=0.5))


@pytest.mark.parametrize(
    "values",
    [
        BRIGHT.astype(np.uint8),
        BRIGHT.astype(np.uint8).astype(np.float32),
        BRIGHT.astype(np.int8),
        (np.minimum(BRIGHT // 2, 200) - 30).astype(np.uint8),
        (photons(scenes(150, mean=25_000.0)).astype(np.int32)).astype(np.int16),
    ],
    ids=["counts in 8 bits", "written as floats", "in signed 8 bits", "below 0", "in signed 16 bits"],
)
def test_numbers_that_wrapped_around_in_their_type(values):
    seen = found(values)
    assert seen["wrapped"].severity == "void"
    assert "clipped" not in seen


@pytest.mark.parametrize(("shift", "dtype"), [(1, np.uint16), (1, np.float64), (16, np.uint16)])
def test_numbers_that_wrapped_around_in_twelve_bits(shift, dtype):
    values, options = camera(scenes(150, mean=900.0), read_noise=1.6, gain=0.45)
    packed = (values % 4096 * shift).astype(dtype)
    assert "wrapped" in found(packed, **options | {"gain": 0.45 / shift, "offset": 100.0 * shift})
    assert "wrapped" not in found(np.minimum(values, 4095) * shift, **options)


def test_what_is_cut_off_or_even_has_not_wrapped():
    assert "wrapped" not in found(np.minimum(BRIGHT, 255).astype(np.uint8))
    even = np.random.default_rng(0).integers(0, 256, (100, 32, 32)).astype(np.uint8)
    assert "wrapped" not in found(even, noise="gaussian", sigma=3.0)

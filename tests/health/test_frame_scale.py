import numpy as np
import pytest
from fixtures.health import found, photons, scenes

COUNTS = photons(scenes(200, side=16, mean=60.0))


def largest(values):
    return values.max((1, 2), keepdims=True)


def test_counts_that_were_scaled_to_the_largest_of_each_frame():
    for values in (np.rint(COUNTS / largest(COUNTS) * 255), np.rint(COUNTS / largest(COUNTS) * 65535).astype(np.uint16)):
        seen = found(values)
        assert "scaled-frames" in seen
        assert "clipped" not in seen


@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_other_ways_to_scale_frames(sigma):
    noisy = scenes(200, side=16) + 5 * np.random.default_rng(0).standard_normal((200, 16, 16))
    mean, least = noisy.mean((1, 2), keepdims=True), noisy.min((1, 2), keepdims=True)
    for values in (noisy / largest(noisy), noisy / mean, noisy - mean, (noisy - least) / largest(noisy - least)):
        assert "scaled-frames" in found(values, noise="gaussian", sigma=sigma)
    assert "scaled-frames" not in found(noisy, noise="gaussian", sigma=5.0)


def test_clipping_hot_pixels_and_frames_of_equal_light_are_no_scaling():
    for ceiling in (120, 200, 260):
        assert "scaled-frames" not in found(np.minimum(COUNTS, ceiling))
    hot = COUNTS.copy()
    hot[:, 3, 4] = 4095
    assert "scaled-frames" not in found(hot)
    light = scenes(200, side=16)
    assert "scaled-frames" not in found(photons(60 * light / light.mean((1, 2), keepdims=True)))

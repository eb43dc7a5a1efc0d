import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes


@pytest.mark.parametrize("value", [0, 4095, 65535])
def test_salt_and_pepper_are_no_light(value):
    hit = np.random.default_rng(0).random((120, 32, 32)) < 0.002
    counts = photons(scenes(mean=300.0, contrast=0.3))
    for values in (np.where(hit, value, counts).astype(np.uint16), np.where(hit, value, counts).astype(np.float32)):
        seen = found(values)
        assert ("isolated-values" if value else "lost-values") in seen
    numbers, options = camera(scenes(mean=300.0, contrast=0.3))
    assert ("isolated-values" if value else "lost-values") in found(np.where(hit, value, numbers), **options)


def test_saturated_light_detail_and_bad_pixels_are_not_salt():
    rng = np.random.default_rng(0)
    points = np.where(rng.random((120, 32, 32)) < 0.01, 500.0, 2.0)
    for light in (points, 300 * rng.gamma(2, 0.5, (120, 32, 32)), scenes(mean=300.0)):
        assert "isolated-values" not in found(photons(light))
    assert "isolated-values" not in found(np.minimum(photons(scenes(mean=300.0)), 500))
    values = photons(scenes(mean=300.0))
    values[:, 7, 8], values[:, 9, 20] = 4095, 0
    assert "isolated-values" not in found(values)

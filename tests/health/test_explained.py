"""What one fault makes is told once, and what is right is not told at all."""

import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes


@pytest.mark.parametrize("frames", [3, 4])
def test_averages_whose_gain_makes_them_whole_are_counts(frames):
    counts = photons(scenes(side=16)[:, None] * np.ones((1, frames, 1, 1)))
    for values in (counts.mean(1), counts.mean(1).astype(np.float32)):
        assert "not-whole" not in found(values, gain=float(frames))
        assert found(values)["not-whole"].remedy


def test_nan_is_not_called_a_fraction():
    values = photons(scenes(side=16)).astype(float)
    values[3, 3, 3] = np.nan
    assert "not-whole" not in found(values)


def test_a_floor_that_is_modelled_leaves_less_variance():
    values, options = camera(scenes(300, side=16, mean=1.5), read_noise=1.6, offset=0.0)
    seen = found(np.maximum(values, 0), **options)
    assert "clipped" in seen
    assert "variance-too-small" not in seen


def test_a_column_that_is_stuck_is_no_offset_and_no_pattern():
    values = photons(scenes(side=16))
    values[:, :, 7] = 4095
    seen = found(values)
    assert "dead-pixels" in seen
    assert not {"units-offset", "banding", "fixed-pattern"} & set(seen)

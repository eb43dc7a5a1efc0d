"""Values of a camera far below what it reads in the dark."""

import numpy as np
import pytest

from ideal.measurements.measurement_set import from_arrays


def camera(offset):
    rng = np.random.default_rng(11)
    light = 200 * np.exp(0.4 * rng.standard_normal((80, 12, 12)))
    return np.round((rng.poisson(light) + 2 * rng.standard_normal(light.shape)) / 0.5 + 100).astype(np.uint16), offset


def found(values, offset):
    measured = from_arrays(values, noise="poisson-gaussian", gain=0.5, read_noise=2.0, offset=float(offset))
    return next((each for each in measured.examination.findings if each.name == "impossible-values"), None)


def test_an_offset_that_is_too_large_is_named_with_one_that_fits():
    values, _ = camera(100)
    assert found(values, 100) is None
    told = found(values, 350)
    assert told.severity == "biased"
    assert 100 < told.figures["offset_that_fits"] < 350
    assert "would fit, 350 was stated" in told.remedy
    assert "too high" in told.effect


@pytest.mark.parametrize("where", [np.s_[:, 3, 4], np.s_[7]])
def test_a_bad_pixel_or_frame_is_no_matter_of_the_offset(where):
    values, _ = camera(100)
    values[where] = 50
    told = found(values, 100)
    assert told is not None
    assert told.remedy == "leave out these pixels or frames"


def test_darkness_with_its_noise_stays_silent():
    rng = np.random.default_rng(0)
    dark = np.round(2 * rng.standard_normal((200, 16, 16)) / 0.5 + 100).astype(np.uint16)
    assert found(dark, 100) is None

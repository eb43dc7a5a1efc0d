import re

import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes

import ideal

COUNTS = photons(scenes())


@pytest.mark.parametrize("factor", [2, 3, 10, 64, 257])
def test_multiples_are_told_with_the_gain_that_fits(factor):
    for shift in (0, 1, 100):
        one = found(COUNTS * factor + shift)["scaled-counts"]
        assert one.figures["factor"] == factor
        assert one.figures["gain"] == pytest.approx(1 / factor)


def test_one_odd_value_hides_nothing():
    values = COUNTS * 16
    values[0, 0, 0] += 3
    values[:, 4, 4] += 7
    assert found(values)["scaled-counts"].figures["factor"] == 16


@pytest.mark.parametrize("factor", [1.7, 2.5, 7.3, 171.1])
def test_stretched_numbers_have_gaps(factor):
    one = found(np.rint((COUNTS - COUNTS.min()) * factor).astype(int))["missing-codes"]
    assert one.figures["factor"] == pytest.approx(factor, rel=0.35)


@pytest.mark.parametrize("mean", [0.1, 1, 10, 1000, 40000])
def test_counts_have_no_gaps(mean):
    assert not {"missing-codes", "scaled-counts"} & set(found(photons(scenes(mean=mean))))


def test_a_dark_background_does_not_make_a_grid():
    values = photons(scenes(mean=500.0))
    values[np.random.default_rng(0).random(values.shape) < 0.985] = 0
    assert not {"missing-codes", "scaled-counts"} & set(found(values))


def test_a_camera_with_fine_or_known_steps_is_right():
    values, options = camera(scenes(), read_noise=3.0)
    assert not found(values, **options)
    shifted, options = camera(scenes(), read_noise=3.0, gain=1 / 16)
    assert not found(shifted // 16 * 16, **options)  # 12 bits in a container of 16, which the noise model knows


def test_continuous_noise_on_coarse_steps():
    values = scenes() + 0.3 * np.random.default_rng(0).standard_normal((120, 32, 32))
    assert found(np.rint(values), noise="gaussian", sigma=0.3)["coarse-steps"].figures["step"] == pytest.approx(1.0)
    assert found(np.rint(values), noise="gaussian", sigma=0.3)["coarse-steps"].severity == "biased"
    assert found(np.rint(values), noise="gaussian", sigma=1e-5)["coarse-steps"].severity == "void"
    assert "coarse-steps" not in found(values, noise="gaussian", sigma=0.3)
    assert "coarse-steps" not in found(np.rint(values * 100) / 100, noise="gaussian", sigma=0.3)


def test_the_gain_of_a_remedy_is_exact_enough_to_be_typed():
    rng = np.random.default_rng(8)
    counts = rng.poisson(rng.gamma(4, 20, (200, 12, 12)))
    for shift in (0, 7):
        one = found(3 * counts + shift)["scaled-counts"]
        gain = float(re.search(r"--gain (\S+)", one.remedy)[1])
        assert ("--offset" in one.remedy) == bool(shift)
        right = ideal.from_arrays(3 * counts + shift, noise="poisson", gain=gain, offset=shift)
        assert np.allclose(
            ideal.estimate(right, models=["stationary"], patch=6).information_bits_per_pixel,
            ideal.estimate(ideal.from_arrays(counts, noise="poisson"), models=["stationary"], patch=6).information_bits_per_pixel,
        )
    assert "--gain" not in found(np.rint(2.7 * counts).astype(int))["missing-codes"].remedy

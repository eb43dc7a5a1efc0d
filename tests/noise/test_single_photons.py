"""Cameras whose read noise shows single photons: known answers, and no false information."""

import numpy as np
import pytest
from fixtures.intensities import LAWS, check_known_answer

from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import PoissonGaussian


@pytest.mark.parametrize("law", LAWS)
def test_known_answers(law):
    places = np.arange(-2, 70, 0.02)
    check_known_answer(PoissonGaussian(0.2), law, 1.5, places, np.full(len(places), 0.02))


@pytest.mark.parametrize("quantised", [False, True])
def test_a_constant_scene_holds_nothing(quantised):
    noise = PoissonGaussian(0.2, gain=0.05, offset=100.0, quantised=quantised)
    values = noise.stored(noise.sample(np.random.default_rng(0), np.full((600, 16, 16), 1.0)))
    found = estimate(from_arrays(values, noise=noise), models=["stationary", "known-channel"])
    assert found.model == "known-channel"
    assert abs(found.information_bits_per_pixel) < 0.01
    assert found.models["stationary"].values.mean / (256 * np.log(2)) > 0.05


def test_limits_of_a_converter_and_more_read_noise():
    noise = PoissonGaussian(0.3, gain=0.25, offset=10.0, quantised=True, floor=9.0, ceiling=30.0)
    levels = noise.origin + 0.25 * np.arange(round(noise.lowest / 0.25), round(noise.highest / 0.25) + 1)
    found = {}
    for each in noise.windows(levels):
        photons = each.first[:, None] + np.arange(each.weights.shape[1])
        poisson = np.exp(photons * np.log(4.0) - 4.0 - np.vectorize(lambda n: np.log(np.arange(1, n + 1)).sum())(photons))
        found |= dict(zip(each.index.tolist(), (each.weights * poisson).sum(1), strict=True))
    inside = np.array([found[index] for index in range(len(levels) - 1)])  # the last level holds all beyond its window, too
    np.testing.assert_allclose(inside, np.exp(noise.log_prob(levels, np.full(levels.shape, 4.0)))[:-1], atol=1e-9)
    assert not PoissonGaussian(0.8).electrons

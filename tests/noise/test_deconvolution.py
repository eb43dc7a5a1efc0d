import numpy as np
import pytest

from ideal.noise import Poisson, PoissonGaussian
from ideal.noise.deconvolution import fit_mixing_distribution

PIXELS = 200_000
CAMERA = PoissonGaussian(read_noise=1.6, gain=0.45, offset=100.0, quantised=True)


def two_lobes(rng, mean):
    dark, bright = 0.2 * mean * rng.gamma(4, 0.25, PIXELS), 1.8 * mean * rng.gamma(8, 1 / 8, PIXELS)
    return np.where(rng.random(PIXELS) < 0.5, dark, bright)


def from_noisy(model, mean, seed):
    rng = np.random.default_rng(seed)
    clean = two_lobes(rng, mean)
    measured = model.sample(rng, clean)
    alone = model.conditional_entropy(measured[:, None]).mean()
    return alone - model.conditional_entropy(measured[:, None], clean[:, None]).mean(), measured, clean


@pytest.mark.parametrize("mean", [0.3, 1, 3, 10, 30, 1000])
def test_poisson_noise_entropy_from_counts_alone(mean):
    errors = [from_noisy(Poisson(), mean, seed)[0] for seed in range(3)]
    assert np.abs(np.mean(errors)) < 0.02
    _, measured, clean = from_noisy(Poisson(), mean, 0)
    if mean < 30:  # what the noisy counts in the formula would give, for scale
        plug_in = Poisson().entropy(measured).mean() - Poisson().entropy(clean).mean()
        assert plug_in < 2 * np.mean(errors) - 0.01


@pytest.mark.parametrize("mean", [1, 3, 10, 30])
def test_camera_noise_entropy_from_raw_numbers_alone(mean):
    assert np.abs(np.mean([from_noisy(CAMERA, mean, seed)[0] for seed in range(2)])) < 0.02


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.5, 3.0, 100.0])
def test_one_mean_for_all_pixels(mean):
    errors = []
    for seed in range(5):
        counts = Poisson().sample(np.random.default_rng(seed), np.full(PIXELS, mean))
        found = fit_mixing_distribution(counts)
        errors.append(found.expectation(Poisson().entropy(found.grid)) - float(Poisson().entropy(np.array(counts.mean()))))
    assert np.abs(np.mean(errors)) < 0.005  # nats


def test_influence_averages_to_the_estimate_and_follows_the_values():
    counts = Poisson().sample(np.random.default_rng(0), two_lobes(np.random.default_rng(1), 10.0))
    found = fit_mixing_distribution(counts)
    entropy = Poisson().entropy(found.grid)
    influence = found.influence(counts, entropy)
    assert influence.mean() == pytest.approx(found.expectation(entropy), abs=1e-9)
    assert influence[counts > 15].min() > influence[counts == 0].max()
    assert found.weights.sum() == pytest.approx(1)
    assert np.isfinite(found.influence(np.array([1e9]), entropy))  # beyond all bins


def test_influence_is_unbiased_for_other_pixels_of_the_same_kind():
    found = fit_mixing_distribution(Poisson().sample(np.random.default_rng(0), two_lobes(np.random.default_rng(1), 10.0)))
    bright = np.random.default_rng(2).uniform(5, 15, PIXELS)  # other means than those fitted
    influence = found.influence(Poisson().sample(np.random.default_rng(3), bright), Poisson().entropy(found.grid))
    assert influence.mean() == pytest.approx(Poisson().entropy(bright).mean(), abs=0.01)


@pytest.mark.parametrize("dim", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("bright", [1e4, 6e4])
def test_a_few_bright_pixels_do_not_spoil_the_dark_ones(dim, bright):
    clean = np.full(PIXELS, dim)
    clean[:20] = bright
    counts = Poisson().sample(np.random.default_rng(0), clean)
    found = fit_mixing_distribution(counts)
    assert found.expectation(Poisson().entropy(found.grid)) == pytest.approx(Poisson().entropy(clean).mean(), abs=0.01)


def test_a_wide_range_of_means():
    clean = np.exp(3 * np.random.default_rng(0).standard_normal(PIXELS))
    found = fit_mixing_distribution(Poisson().sample(np.random.default_rng(1), clean))
    assert found.expectation(Poisson().entropy(found.grid)) == pytest.approx(Poisson().entropy(clean).mean(), abs=0.015)


def test_the_mean_is_kept():
    counts = Poisson().sample(np.random.default_rng(0), two_lobes(np.random.default_rng(1), 3.0))
    found = fit_mixing_distribution(counts)
    assert found.expectation(found.grid) == pytest.approx(counts.mean(), rel=0.01)

"""The estimate in worlds whose information is known."""

import numpy as np
import pytest
from fixtures.information import LN2, draw_field, field_covariance, nats, standard_error
from scipy.special import gammaln, logsumexp
from scipy.stats import gamma, multivariate_normal, nbinom, poisson

from ideal.density import MODELS
from ideal.information.estimation import estimate
from ideal.information.intervals import GroupedValues, interval
from ideal.measurements.measurement_set import from_arrays
from ideal.noise import Gaussian, Poisson, PoissonGaussian


def gaussian_field(rng):
    x, sigma = draw_field(rng, 2000, 6, 6), 0.5
    truth = 0.5 * np.linalg.slogdet(np.eye(36) + field_covariance(6, 6) / sigma**2)[1]
    return from_arrays(Gaussian(sigma).sample(rng, x), noise="gaussian", sigma=sigma), truth, 0.0


def gamma_poisson(rng):
    """A Gamma prior makes the counts negative binomial."""
    shape, mean = 2.0, 3.0
    x = rng.gamma(shape, mean / shape, (3000, 4, 4))
    k = np.arange(200)
    p = nbinom.pmf(k, shape, shape / (shape + mean))
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum()
    nodes = (np.arange(20000) + 0.5) / 20000  # the prior by quantiles
    noise = Poisson().entropy(gamma.ppf(nodes, shape, scale=mean / shape)).mean()
    return from_arrays(rng.poisson(x), clean=x, noise="poisson"), 16 * (entropy - noise), 0.0


def two_points(rng):
    x = rng.choice([1.0, 10.0], (2000, 4, 4))
    k = np.arange(100)
    p = 0.5 * poisson.pmf(k, 1) + 0.5 * poisson.pmf(k, 10)
    truth = -(p * np.log(np.maximum(p, 1e-300))).sum() - Poisson().entropy(np.array([1.0, 10.0])).mean()
    assert 0 < truth < LN2
    return from_arrays(rng.poisson(x), clean=x, noise="poisson"), 16 * truth, 0.0


def markov_rows(rng):
    """A two-state chain along a row seen in Poisson counts: the forward recursion gives log p(y)."""
    levels, stay, count, length = np.array([2.0, 12.0]), 0.9, 3000, 12
    states = np.zeros((count, length), int)
    states[:, 0] = rng.integers(0, 2, count)
    for step in range(1, length):
        states[:, step] = np.where(rng.random(count) < stay, states[:, step - 1], 1 - states[:, step - 1])
    x = levels[states]
    y = rng.poisson(x)
    transition = np.log([[stay, 1 - stay], [1 - stay, stay]])
    log_likelihood = y[..., None] * np.log(levels) - levels - gammaln(y + 1)[..., None]
    forward = np.log(0.5) + log_likelihood[:, 0]
    for step in range(1, length):
        forward = logsumexp(forward[:, :, None] + transition, axis=1) + log_likelihood[:, step]
    each = -logsumexp(forward, axis=1) - Poisson().entropy(x).sum(1)
    measured = from_arrays(y[:, None], clean=x[:, None], noise="poisson")
    return measured, each.mean(), each.std() / np.sqrt(count)


def known_images(rng):
    images, sigma, count = 2 * draw_field(rng, 8, 5, 5), 1.0, 2000
    which = rng.integers(0, 8, count)
    y = Gaussian(sigma).sample(rng, images[which])
    log_p = Gaussian(sigma).log_prob(y[:, None], images[None]).sum((2, 3))
    each = log_p[np.arange(count), which] - (logsumexp(log_p, axis=1) - np.log(8))
    assert each.mean() <= np.log(8)
    return from_arrays(y, noise="gaussian", sigma=sigma), each.mean(), each.std() / np.sqrt(count)


def mixed_fields(rng):
    covariances = [field_covariance(5, 5, length=4.0), 4 * field_covariance(5, 5, length=0.5)]
    which, sigma, count = rng.integers(0, 2, 3000), 0.3, 3000
    draws = np.stack([rng.multivariate_normal(np.zeros(25), covariance, count) for covariance in covariances])
    y = draws[which, np.arange(count)] + sigma * rng.standard_normal((count, 25))
    parts = [multivariate_normal(np.zeros(25), each + sigma**2 * np.eye(25)).logpdf(y) for each in covariances]
    each = -(logsumexp(parts, axis=0) + np.log(0.5)) - 25 * 0.5 * np.log(2 * np.pi * np.e * sigma**2)
    return from_arrays(y.reshape(-1, 5, 5), noise="gaussian", sigma=sigma), each.mean(), each.std() / np.sqrt(count)


def visibilities(rng):
    power, sigma = np.linspace(0.5, 8, 10), 1.5
    x = np.sqrt(power) * (rng.standard_normal((2000, 10)) + 1j * rng.standard_normal((2000, 10)))
    y = x + sigma * (rng.standard_normal(x.shape) + 1j * rng.standard_normal(x.shape))
    return from_arrays(y, noise="complex-gaussian", sigma=sigma), np.log1p(power / sigma**2).sum(), 0.0


def dark_camera(rng):
    """A camera that looks at an even light: read noise, converter and photons, and nothing else in its whole numbers."""
    camera = PoissonGaussian(2.0, gain=0.45, offset=100.0, quantised=True)
    x = np.full((1500, 6, 6), 30.0)
    numbers = np.round(camera.sample(rng, x) / 0.45 + 100).astype(np.uint16)
    return from_arrays(numbers, clean=x, noise="poisson-gaussian", read_noise=2.0, gain=0.45, offset=100.0), 0.0, 0.0


def single_photons(rng):
    """A camera that tells single photons apart and looks at an even light of one of them."""
    camera = PoissonGaussian(0.3, gain=0.1, offset=100.0, quantised=True)
    x = np.full((1500, 4, 4), 1.0)
    numbers = np.round(camera.sample(rng, x) / 0.1 + 100).astype(np.uint16)
    return from_arrays(numbers, clean=x, noise="poisson-gaussian", read_noise=0.3, gain=0.1, offset=100.0), 0.0, 0.0


WORLDS = (gaussian_field, gamma_poisson, two_points, markov_rows, known_images, mixed_fields, visibilities)
WORLDS += (dark_camera, single_photons)


# Trained models take most of the time, so each kind of value (continuous, counts, a converter's levels) has one world with them.
SLOW = {name for name, model in MODELS.items() if model.trained or name == "blend"}
TRAINED = {gaussian_field: {"causal-mixture"}, two_points: SLOW, dark_camera: {"causal-mixture"}}


def models_for(world, source):
    """Return all models that suit a world, the trained ones where it is one of theirs."""
    kind = {"counts": source.noise.counts, "is_complex": source.dtype.kind == "c"}
    names = [name for name in MODELS if name not in SLOW or name in TRAINED.get(world, ())]
    return [name for name in names if MODELS[name].accepts(source.shape[1:], **kind) and MODELS[name].suits(source.noise)]


@pytest.fixture(scope="module")
def answers():
    """Estimate every world once; the trained models with little work, which can only loosen them."""
    found = {}
    for number, world in enumerate(WORLDS):
        source, truth, error = world(np.random.default_rng(number))
        found[world.__name__] = estimate(source, models=models_for(world, source), effort=0.02), truth, error
    return found


@pytest.mark.slow
@pytest.mark.parametrize("world", [world.__name__ for world in WORLDS])
def test_no_model_falls_below_the_truth(answers, world):
    """One-sided, for every model of the registry: a model can only overstate."""
    found, truth, error = answers[world]
    assert found.models
    for name in found.models:
        assert nats(found, name) > truth - 3 * np.hypot(standard_error(found, name), error), name


def test_every_model_meets_a_world(answers):
    assert {name for found, _, _ in answers.values() for name in found.models} == set(MODELS)


@pytest.mark.parametrize(
    ("world", "model", "excess"),
    [  # excess in nats per measurement: parameters / 2 n_train, or what the shrinkage leaves
        ("gaussian_field", "stationary", 0.1),
        ("gaussian_field", "full", 0.2),
        ("gamma_poisson", "negative-binomial", 0.1),
        ("visibilities", "full", 0.3),
        ("dark_camera", "stationary", 0.2),
    ],
)
def test_the_right_model_reaches_the_truth(answers, world, model, excess):
    found, truth, error = answers[world]
    assert abs(nats(found, model) - truth) < 3 * np.hypot(standard_error(found, model), error) + excess


def test_validation_chooses_the_best_of_the_models(answers):
    assert answers["gamma_poisson"][0].model == "negative-binomial"
    assert answers["gaussian_field"][0].model == "stationary"
    for found, _, _ in answers.values():
        assert found.model == min(found.models, key=lambda name: found.models[name].validation_loss)


def test_intervals_hold_the_truth_where_the_model_is_right(answers):
    for world, model in (("gaussian_field", "stationary"), ("gamma_poisson", "negative-binomial")):
        found, truth, _ = answers[world]
        low, high = found.models[model].interval
        half = (high - low) / 2
        assert low - half < truth < high + half  # four standard errors
        assert high - low == pytest.approx(2 * 1.96 * standard_error(found, model), rel=0.15)


def test_counts_without_their_means_say_the_same(answers):
    """H(Y|X) from the counts alone costs a few thousandths of a nat per pixel."""
    known, truth, _ = answers["gamma_poisson"]
    source = gamma_poisson(np.random.default_rng(WORLDS.index(gamma_poisson)))[0]
    blind = estimate(from_arrays(source.read(0, len(source)), noise="poisson"), models=["negative-binomial"])
    assert known.noise["entropy_from"] == "clean means"
    assert blind.noise["entropy_from"] == "measurements"
    assert abs(nats(blind) - truth) < 3 * standard_error(blind) + 16 * 0.01


@pytest.mark.slow
def test_interval_covers_where_the_noise_entropy_comes_from_counts_alone():
    """The deconvolution's own scatter is part of the interval: Gamma-Poisson pixels, scored by their true probability."""
    shape, mean, patches, covered = 2.0, 1.0, 400, []
    grid = np.arange(200)
    log_p = nbinom.logpmf(grid, shape, shape / (shape + mean))
    prior = gamma(shape, scale=mean / shape)
    x = prior.ppf((np.arange(200_000) + 0.5) / 200_000)
    truth = -(np.exp(log_p) * log_p).sum() - Poisson().entropy(x).mean()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = rng.poisson(rng.gamma(shape, mean / shape, (3 * patches, 64)))
        loss = -log_p[y[:patches]].sum(1)
        noise = Poisson().conditional_entropy(y[:patches], means=Poisson().fit_means(y))
        low, high = interval(GroupedValues.of((loss - noise) / 64, np.arange(patches) // 8), 0.95, rng)
        covered.append(low <= truth <= high)
    assert np.mean(covered) > 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / 60)

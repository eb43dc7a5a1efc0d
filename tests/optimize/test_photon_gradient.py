"""Gradients of expectations over photon noise in its mean, against sums over all counts."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln

from ideal.density import FullGaussian, NegativeBinomial, StationaryGaussian
from ideal.density._traced import GaussianForm, NegativeBinomialForm, traced
from ideal.noise import Poisson, PoissonGaussian
from ideal.optimize.objectives.density import _Score
from ideal.optimize.objectives.poisson_gradient import Photons, photon_score

pytestmark = pytest.mark.usefixtures("hasty_compiler")


def gaussian_score(mean):
    """A Gaussian q of two pixels with the scale of the light, and the exact gradient of E[-ln q]."""
    covariance = mean * np.array([[1.5, 0.9], [0.9, 1.2]]) + 0.1
    model = FullGaussian(np.array([0.8, 1.3]) * mean, covariance)
    precision = np.linalg.inv(covariance)

    def exact(light):
        return precision @ (light - model.mean) + 0.5 * np.diag(precision)

    return GaussianForm(), traced(model)[1], exact


def counts_score(mean):
    """A non-Gaussian q of two pixels, and the gradient of its expectation summed over all counts."""
    gaussian = StationaryGaussian([mean], mean * np.array([[0.5, 1.4, 0.5]]))
    model = NegativeBinomial(gaussian, [[0.7, 0.05 * mean, 0.01, 0.02, 0.02], [0.3, 0.3 * mean, 0.1, 0.3, 0.4]])

    def expectation(light):
        reach = 9 * np.sqrt(light) + 25
        axes = [np.arange(max(0, int(m - r)), int(m + r)) for m, r in zip(light, reach, strict=True)]
        pairs = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 2)
        log_p = (pairs[:, 0] * np.log(light) - light - gammaln(pairs[:, 0] + 1)).sum(1)
        return -(np.exp(log_p) * model.log_prob(pairs)).sum()

    def exact(light):
        step = 1e-3 * light
        return np.array([(expectation(light + each) - expectation(light - each)) / (2 * each.sum()) for each in np.diag(step)])

    return NegativeBinomialForm(), traced(model)[1], exact


@partial(jax.jit, static_argnums=(0, 1))
def slopes(form, photons, arrays, means, key):
    return jax.grad(lambda m: photon_score(_Score(form, 1.0, 0.0), photons, (arrays, None), m, key).sum())(means)


@partial(jax.jit, static_argnums=0)
def slopes_by_gaussian_noise(form, arrays, means, key):
    white = jax.random.normal(key, means.shape, means.dtype)

    def score(means):
        return _Score(form, 1.0, 0.0)((arrays, None), jnp.maximum(means + jnp.sqrt(means) * white, 0)).sum()

    return jax.grad(score)(means)


def estimates(form, photons, arrays, light, draws=40_000):
    """Mean and standard error of estimates of the gradient at a mean; by Gaussian noise where `photons` is None."""
    with jax.enable_x64(True):
        arrays = jax.tree.map(jnp.asarray, arrays)
        given = arrays, jnp.broadcast_to(jnp.asarray(light), (draws, 1, 2)), jax.random.key(5)
        found = slopes_by_gaussian_noise(form, *given) if photons is None else slopes(form, photons, *given)
    found = np.asarray(found).reshape(draws, 2)
    return found.mean(0), found.std(0) / np.sqrt(draws)


ONE = Photons(Poisson(), 1)


@pytest.mark.slow
@pytest.mark.parametrize("mean", [0.5, 5.0, 500.0])
@pytest.mark.parametrize("make", [gaussian_score, counts_score])
def test_photon_gradient_is_unbiased(make, mean):
    form, arrays, exact = make(mean)
    light = np.array([0.7, 1.3]) * mean
    found, error = estimates(form, ONE, arrays, light)
    assert np.all(np.abs(found - exact(light)) < 3 * error + 1e-6 * np.abs(exact(light)))
    assert np.all(error < 0.03 * np.abs(exact(light)).max() + 0.03 / mean)  # so that a bias would be seen


def test_gaussian_noise_in_place_of_photons_is_seen_to_be_biased_in_the_dark():
    form, arrays, exact = counts_score(0.5)
    light = np.array([0.35, 0.65])
    found, error = estimates(form, None, arrays, light)
    assert np.any(np.abs(found - exact(light)) > 6 * error)


def test_dequantised_counts_keep_the_gradient_of_a_gaussian():
    form, arrays, exact = gaussian_score(0.5)  # uniform noise adds a constant to E[-ln q]
    light = np.array([0.35, 0.65])
    found, error = estimates(form, Photons(Poisson(), 1, dequantised=True), arrays, light)
    assert np.all(np.abs(found - exact(light)) < 3 * error)


def wave(given, measured):
    """A score that is not quadratic, and of any sign."""
    return jnp.cos(measured.reshape(len(measured), -1) / 3) * jnp.array([1.0, 2.0])


@cache
def slopes_by_camera(photons):
    return jax.jit(jax.grad(lambda means: photon_score(wave, photons, (), means, jax.random.key(6)).sum()))


@pytest.mark.parametrize("mean", [0.5, 5.0])
@pytest.mark.parametrize("quantised", [False, True])
def test_camera_gradient_is_unbiased(mean, quantised):
    photons = Photons(PoissonGaussian(read_noise=0.6, gain=2.5, offset=10.2, quantised=quantised), 1)
    light, step = np.array([0.7, 1.3]) * mean, 0.01 * mean
    reach = np.arange(0, 60)
    shifts = np.linspace(-6, 6, 2001)
    weights = np.exp(-0.5 * shifts**2)

    def expectation(light):
        electrons = reach[:, None] + 0.6 * shifts
        measured = np.asarray(photons.read(jnp.asarray(electrons), 0.0))
        by_count = (np.cos(measured / 3) * weights).sum(1) / weights.sum()
        return (np.exp(reach * np.log(light) - light - gammaln(reach + 1)) * by_count).sum()

    with jax.enable_x64(True):
        means = jnp.broadcast_to(jnp.asarray(light), (60_000, 1, 2))
        found = np.asarray(slopes_by_camera(photons)(means)).reshape(-1, 2)
        exact = [(expectation(m + step) - expectation(m - step)) / (2 * step) for m in light] * np.array([1.0, 2.0])
    assert np.all(np.abs(found.mean(0) - exact) < 3 * found.std(0) / np.sqrt(len(found)) + 1e-3 * np.abs(exact))


def test_gradient_in_what_the_score_is_given_is_its_own():
    means, key = jnp.full((3, 4), 5.0), jax.random.key(1)

    def score(given, measured):
        return given["factor"] * measured.reshape(len(measured), -1)

    def total(factor):
        return (photon_score(score, ONE, {"factor": factor}, means, key) * jnp.arange(1.0, 4.0)).sum()

    found, slope = jax.jit(jax.value_and_grad(total))(2.0)
    assert float(slope) == pytest.approx(float(found) / 2, rel=1e-5)

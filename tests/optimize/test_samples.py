"""Samples: unbiased, and the same information as the closed form of Gaussian scenes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.imaging import tiny
from fixtures.optimize import LIGHT, LN2, MOSAIC, SMALL, double, light_fields, relative_errors, soft
from scipy.stats import gamma, nbinom

from ideal.datasets import make_objects
from ideal.errors import DataError, UsageError
from ideal.noise import Gaussian, Poisson, PoissonGaussian
from ideal.optimize import Task, parse_target
from ideal.optimize.objectives import periodic
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.objectives.samples import Samples, gaussian_information

pytestmark = pytest.mark.usefixtures("hasty_compiler", "double_precision")


def test_gradients_are_finite_differences_for_a_draw_held_fixed():
    line, key = tiny("diffraction-limited"), jax.random.key(2)
    fields = light_fields(line, 1.0, 40)
    aim = Samples(Task(line, Poisson(), fields, fields), batch=30)

    def gains(free, photons):
        aim._scenes = photons * fields  # one compilation for all
        return aim.gain(line.constrain(free), (), key)[None]

    for photons in LIGHT:
        assert relative_errors(gains, soft(line), photons).max() < 1e-4


def exact_population(params, covariance, mean):
    """Nats of Gaussian scenes under photon noise: the same quantity without any sample."""
    matrix = operator(params)
    average = matrix @ mean
    signal = matrix @ covariance @ matrix.T
    return 0.5 * jnp.linalg.slogdet(jnp.eye(16) + signal / jnp.sqrt(average[:, None] * average))[1]


def operator(params):
    return jax.vmap(lambda unit: SMALL.encode(params, unit.reshape(4, 4, 3)).ravel())(jnp.eye(48)).T


def test_samples_are_unbiased_in_information_and_gradient():
    objects = make_objects("natural-fields", marginal="gaussian", contrast=0.15, channel_correlation=0.5)
    covariance = objects.covariance(SMALL.scene) / (3 * objects.mean) ** 2
    values, vectors = np.linalg.eigh(covariance)
    root, free, count, repeats = vectors * np.sqrt(np.maximum(values, 0)), soft(SMALL), 256, 400
    along = {"filters": jnp.asarray(np.random.default_rng(0).standard_normal(free["filters"].shape))}

    def of_batch(free, key, photons):
        scenes = photons * (1 / 3 + jax.random.normal(key, (count, 48)) @ root.T)
        means = scenes @ operator(SMALL.constrain(free)).T
        corrected = gaussian_information(means, Poisson())
        white = jnp.cov(means / jnp.sqrt(means.mean(0)), rowvar=False)
        ratio = jnp.eye(16) - jnp.linalg.inv(jnp.eye(16) + white)
        bias = (jnp.trace(ratio) ** 2 + jnp.trace(ratio @ ratio)) / (2 * (count - 1))
        return jnp.stack([corrected, corrected - 0.5 * bias])

    @jax.jit
    def with_slopes(photons):
        def one(key):
            return jax.jvp(lambda each: of_batch(each, key, photons), (free,), (along,))

        def exact(each):
            return exact_population(SMALL.constrain(each), photons**2 * covariance, jnp.full(48, photons / 3))

        keys = jax.random.split(jax.random.key(0), repeats)
        return jax.lax.map(one, keys, batch_size=50), jax.jvp(exact, (free,), (along,))

    for photons in LIGHT:
        found, exact = with_slopes(photons)
        for values, truth in zip(found, exact, strict=True):
            error = (np.asarray(values) - float(truth)).mean(0) / (np.asarray(values).std(0) / np.sqrt(repeats))
            assert abs(error[0]) < 3, "with the bias removed"
            if photons == 500:
                assert abs(error[1]) > 4, "the published form would have passed"


def test_closed_form_and_samples_see_the_same_information_in_gaussian_scenes(monkeypatch):
    monkeypatch.setattr(periodic, "_LEAST_GRID", 8)
    scenes = light_fields(MOSAIC, 1.0, 3000, periodic=True, marginal="gaussian", contrast=0.12)
    params = double(MOSAIC.design("random", 1))
    closed = [ClosedForm(Task(MOSAIC, Poisson(), photons * scenes, photons * scenes)) for photons in LIGHT]
    aim = Samples(Task(MOSAIC, Poisson(), scenes, scenes), batch=3000, patch=8)

    @jax.jit
    def gains(photons, state):
        aim._scenes = photons * scenes  # one compilation for all
        return closed[0].gain(params, state), aim.gain(params, (), jax.random.key(0))

    for photons, own in zip(LIGHT, closed, strict=True):
        told, sampled = gains(photons, own.start(params, None))
        assert float(sampled) == pytest.approx(float(told), abs=0.01), photons
    assert float(told) > 0.3


@pytest.mark.parametrize("photons", LIGHT)
def test_samples_of_skewed_light_tell_nearly_what_its_counts_do(photons):
    shape = 1 / 0.6**2  # light of a gamma distribution: counts are negative binomial
    light = gamma.ppf((np.arange(20_000) + 0.5) / 20_000, shape, scale=photons / shape)
    counts = nbinom.pmf(np.arange(int(20 * photons) + 100), shape, shape / (shape + photons))
    truth = -(counts * np.log(np.maximum(counts, 1e-300))).sum() - np.asarray(Poisson().entropy(light)).mean()
    assert float(gaussian_information(jnp.asarray(light[:, None]), Poisson())) == pytest.approx(truth, rel=0.07)


def test_samples_cut_at_the_phase_of_the_mosaic_and_take_the_noise_of_each_value_along():
    scenes = light_fields(MOSAIC, 50.0, 64)
    sigma = np.kron(np.ones((2, 2)), np.linspace(1, 20, 16).reshape(4, 4))
    aim = Samples(Task(MOSAIC, Gaussian(sigma), scenes, scenes), batch=64, patch=4)
    means = np.asarray(MOSAIC.images(double(MOSAIC.design()), scenes))
    places = {
        float(gaussian_information(jnp.asarray(means[:, y : y + 4, x : x + 4].reshape(64, -1)), Gaussian(sigma[:4, :4].ravel())))
        for y in (0, 4)
        for x in (0, 4)
    }
    gain = jax.jit(aim.gain)
    found = [float(gain(double(MOSAIC.design()), (), jax.random.key(n))) * 16 * LN2 for n in range(8)]
    assert all(min(abs(each - place) for place in places) < 1e-9 for each in found)
    assert len({round(each, 6) for each in found}) > 1


def test_no_light_tells_nothing_and_much_light_half_a_bit_for_each_doubling():
    fields = light_fields(SMALL, 1.0, 300)
    params = double(SMALL.constrain(soft(SMALL)))

    def traced(noise):
        aim = Samples(Task(SMALL, noise, fields, fields))

        def gain(photons):
            aim._scenes = fields * photons  # one compilation for all
            return aim.gain(params, (), jax.random.key(0))

        return jax.jit(gain)

    gains = {noise.name: traced(noise) for noise in (Poisson(), Gaussian(1.0), PoissonGaussian(1.0))}

    def bits(photons, noise="poisson"):
        return float(gains[noise](photons))

    assert abs(bits(1e-5)) < 1e-4
    assert abs(bits(1e-3, "gaussian")) < 1e-4
    assert abs(bits(1e-3, "poisson-gaussian")) < 1e-4
    assert bits(16e11) - bits(1e11) == pytest.approx(2.0, abs=1e-3)
    assert bits(16e6, "gaussian") - bits(1e6, "gaussian") == pytest.approx(4.0, abs=1e-3)


def test_scenes_that_hardly_change_tell_samples_nothing_at_low_light():
    means = 1.0 + 1e-9 * jnp.asarray(np.random.default_rng(0).standard_normal((50, 4)))
    noises = (Poisson(), PoissonGaussian(1.0), Gaussian(1.0))
    found = jax.jit(lambda values: jnp.stack([gaussian_information(values, noise) for noise in noises]))(means)
    assert np.abs(found).max() < 1e-6


def test_scenes_that_never_change_are_refused():
    scenes = np.full((20, *SMALL.scene.shape), 7.0)
    with pytest.raises(DataError, match="never change"):
        Samples(Task(SMALL, Poisson(), scenes, scenes))


def test_samples_take_no_target_and_refuse_what_has_no_meaning():
    scenes = light_fields(SMALL, 100.0, 40)
    with pytest.raises(UsageError, match="leave out the target"):
        Samples(Task(SMALL, Poisson(), scenes, scenes, target=parse_target("luminance", SMALL.scene)))

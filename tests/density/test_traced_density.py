"""Log-densities as functions of JAX: the models' own, and moved along with measurements."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.density import COUNTS, fields, summed, traced_log_prob, untrained

from ideal.density import MODELS, Sensor
from ideal.density._traced import traced
from ideal.optimize.objectives.density import _Score

pytestmark = pytest.mark.usefixtures("hasty_compiler")


@pytest.mark.parametrize("mean", [0.5, 500])
@pytest.mark.parametrize("name", ["stationary", "full", "gaussian-mixture", "negative-binomial"])
def test_traced_log_density_is_the_models_own(name, mean):
    counts = np.random.default_rng(1).poisson(fields(300, 5, mean)).astype(float)
    model = MODELS[name].fit(0, counts[:256], counts[256:], sensor=COUNTS)
    expected = model.log_prob(counts[256:])
    np.testing.assert_allclose(traced_log_prob(model, counts[256:]), expected, rtol=1e-10)
    np.testing.assert_allclose(traced_log_prob(model, counts[256:].astype(np.float32), double=False), expected, rtol=1e-4)


@pytest.mark.parametrize(("name", "mean"), [("causal-mixture", 0.5), ("causal-mixture", 500), ("pixel-cnn", 0.5)])
def test_traced_network_is_the_models_own(name, mean):
    counts = np.random.default_rng(1).poisson(fields(300, 5, mean)).astype(float)
    model = untrained(name, counts, COUNTS)
    np.testing.assert_allclose(traced_log_prob(model, counts[250:]), model.log_prob(counts[250:]), rtol=1e-4)


def test_traced_density_of_a_mosaic_knows_the_phase():
    gain = np.tile([[1.0, 0.3], [0.6, 2.0]], (3, 3))
    noisy = fields(300, 6, 100) * gain + np.random.default_rng(2).normal(0, 5, (300, 6, 6))
    model = untrained("causal-mixture", noisy, Sensor(noise_variance=(25.0, 0.0), period=(2, 2)))
    np.testing.assert_allclose(traced_log_prob(model, noisy[250:]), model.log_prob(noisy[250:]), rtol=1e-5)


def test_traced_density_by_class():
    labels = np.arange(300) % 3
    noisy = fields(300, 5, 10) * (1 + labels[:, None, None]) + np.random.default_rng(3).normal(0, 2, (300, 5, 5))
    model = untrained("causal-mixture", noisy, Sensor(noise_variance=(4.0, 0.0)), classes=3)
    test, own = noisy[250:], labels[250:]
    with jax.enable_x64(True):
        form, arrays = traced(model)
        given = jax.tree.map(jnp.asarray, arrays), jnp.asarray(own)

        @jax.jit
        def terms(given, test):
            scores = [_Score(form, *weights)(given, test).sum(1) for weights in ((0.0, 1.0), (1.0, 2.0))]
            return form.terms_by_class(given[0], test).sum(-1), *scores

        by_class, label, both = terms(given, jnp.asarray(test))
    np.testing.assert_allclose(by_class.T, model.log_prob_by_class(test), rtol=1e-5)
    expected = model.log_prob(test, own) - model.log_prob(test)
    np.testing.assert_allclose(label, expected, atol=2e-3)
    np.testing.assert_allclose(both, -model.log_prob(test) + 2 * expected, atol=4e-3)


@pytest.mark.parametrize("name", ["gaussian-mixture", "causal-mixture"])
def test_a_density_follows_a_shift_and_a_spread_of_what_it_was_fitted_to(name):
    shift, factor = np.linspace(20, 30, 16), np.linspace(0.5, 2.0, 16)
    values = fields(300, 4, 10) + np.random.default_rng(3).normal(0, 2, (300, 4, 4))
    model = untrained(name, values, Sensor()) if name == "causal-mixture" else MODELS[name].fit(0, values[:250], values[250:])
    with jax.enable_x64(True):
        form, arrays = traced(model)
        arrays = jax.tree.map(jnp.asarray, arrays)
        location = np.ravel(arrays["location"] if name == "causal-mixture" else arrays["mean"])
        there = (values.reshape(300, 16) - location) * factor + location + shift
        moved = form.moved(arrays, jnp.asarray(shift), jnp.asarray(factor))
        found = summed(form, moved, jnp.asarray(there).reshape(values.shape)) + np.log(factor).sum()
        expected = summed(form, arrays, jnp.asarray(values))
    np.testing.assert_allclose(found, expected, rtol=1e-9 if name == "gaussian-mixture" else 1e-3)

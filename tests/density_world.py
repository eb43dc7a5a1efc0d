"""What tests of densities as functions of JAX share: textures, a network with random weights, log-densities."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter

from ideal.density import MODELS, Sensor
from ideal.density._traced import traced
from ideal.density.networks.anchor import Anchor

COUNTS = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0))


def fields(count, side, mean, seed=0):
    """Log-normal textures, (sample, row, column)."""
    white = np.random.default_rng(seed).standard_normal((count, side, side))
    smooth = gaussian_filter(white, (0, 1, 1))
    return (mean * np.exp(0.8 * smooth / smooth.std() - 0.32)).astype(np.float32)


def traced_log_prob(model, measurements, *, double=True):
    with jax.enable_x64(double):
        form, arrays = traced(model)
        return np.asarray(summed(form, jax.tree.map(jnp.asarray, arrays), jnp.asarray(measurements)))


@partial(jax.jit, static_argnums=0)
def summed(form, arrays, measurements):
    return form.terms(arrays, measurements).sum(1)


def untrained(name, measurements, sensor, classes=0):
    """A network density with random weights in every layer, as no training would leave out."""
    kind = MODELS[name]
    anchor = Anchor.fit(measurements[:250], measurements[250:], sensor)
    network, _ = kind._plan(
        0.1, 250, (*measurements.shape[1:], 1), phases=int(np.prod(sensor.period)), classes=classes, positions=None
    )
    rng = np.random.default_rng(2)
    params = jax.tree.map(lambda each: each + 0.1 * rng.standard_normal(each.shape).astype(np.float32), network.init(rng))
    return kind(anchor, network, params, measurements.shape[1:], np.full(classes, 1 / classes) if classes else ())

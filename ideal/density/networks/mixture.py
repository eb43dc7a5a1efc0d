"""A mixture of Gaussians for each value, about a prediction: its density, and its mass on the levels of quantised values."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtr

_SPREAD = 0.7  # the components begin with deviations from e^-0.7 to e^0.7 of the prediction's
_LOG_SCALES = 9.0  # deviations of a component stay within e^9 of the prediction's
_FAR = 999.0  # standard deviations from which an edge stands for infinity
_SMALLEST_MASS = 1e-6  # below it float32 leaves the difference of two probabilities too few digits
_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


def mixture(outputs, mean, log_deviation, xp, log_floor=None):
    """Return means, log deviations and log weights of the components.

    Args:
        outputs: of a network, (3 component, ...): shifts of the means in units of the deviation, logs of factors of the
            deviation, logits of the weights. All zero gives a scale mixture about the prediction.
        mean, log_deviation: the prediction, shapes that broadcast to (...).
        xp: numpy or jax.numpy.
        log_floor: least log deviation of a component, as of the noise, which is part of every continuous value: without it a
            component would collapse on values that occur often, such as those of a clipped or rounded measurement.

    Returns:
        Three arrays (component, ...).

    """
    shifts, factors, logits = outputs.reshape(3, -1, *outputs.shape[1:])
    count = len(shifts)
    spread = xp.linspace(-_SPREAD, _SPREAD, count) if count > 1 else xp.zeros(1)
    factors = xp.clip(factors + spread.reshape(-1, *(1,) * (factors.ndim - 1)).astype(factors.dtype), -_LOG_SCALES, _LOG_SCALES)
    means = mean + shifts * xp.exp(log_deviation)
    logits = logits - logits.max(0)
    logs = factors + log_deviation
    if log_floor is not None:
        logs = xp.maximum(logs, log_floor)
    return means, logs, logits - xp.log(xp.exp(logits).sum(0))


def _log_density(values, means, log_deviations):
    """Return ln of each component's density."""
    inside = (values - means) * jnp.exp(-log_deviations)
    return -0.5 * inside * inside - log_deviations - _HALF_LOG_2PI


def training_loss(outputs, mean, log_deviation, values, edges=None, log_floor=None):
    """Return -ln q of each value in float32, for gradients.

    Args:
        outputs, mean, log_deviation, log_floor: see `mixture`.
        values: transformed and standardised, (...).
        edges: lower and upper edges of each value's cell, two finite arrays (...), to give the mass between them; None to give
            the density. Of the cell of a lowest or highest level the outer one is 1000 deviations away.

    """
    means, logs, weights = mixture(outputs, mean, log_deviation, jnp, log_floor)
    parts = _log_density(values, means, logs)
    if edges is not None:
        low, high = ((edge - means) * jnp.exp(-logs) for edge in edges)
        flip = low > 0  # the difference of two probabilities near 1 would lose all digits
        low, high = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
        mass = jax.scipy.special.ndtr(high) - jax.scipy.special.ndtr(low)
        enough = mass > _SMALLEST_MASS
        half = jnp.where(edges[1] < _FAR, edges[1] - values, values - edges[0])  # the cell of the highest level has no upper edge
        parts = jnp.where(enough, jnp.log(jnp.where(enough, mass, 1.0)), parts + jnp.log(2 * half))
    return -jax.nn.logsumexp(parts + weights, axis=0)


def log_prob(outputs, mean, log_deviation, values, edges=None, log_floor=None) -> np.ndarray:
    """Return ln q of each value in float64: the density, or with edges the mass between them.

    Args:
        outputs, mean, log_deviation, values, edges, log_floor: as of `training_loss`; an outer edge may be infinite.

    """
    means, logs, weights = mixture(np.asarray(outputs, np.float64), mean, log_deviation, np, log_floor)
    if edges is None:
        inside = (values - means) * np.exp(-logs)
        parts = -0.5 * inside**2 - logs - _HALF_LOG_2PI
    else:
        low, high = ((edge - means) * np.exp(-logs) for edge in edges)
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        parts = _log_difference(low, high)
    return logsumexp(parts + weights, axis=0)


def _log_difference(low, high):
    """Return ln(Phi(high) - Phi(low)) for low < high and not both above 0."""
    mass = ndtr(high) - ndtr(low)
    small = mass < 1e-8
    found = np.log(np.where(small, 1.0, mass))
    above, below = log_ndtr(high[small]), log_ndtr(low[small])
    found[small] = above + np.log1p(-np.exp(np.minimum(below - above, -1e-16)))
    return found


def draw(rng: np.random.Generator, outputs, mean, log_deviation, log_floor=None) -> np.ndarray:
    """Draw a value from each mixture."""
    means, logs, weights = mixture(np.asarray(outputs, np.float64), mean, log_deviation, np, log_floor)
    pick = (np.cumsum(np.exp(weights), axis=0) < rng.random(weights.shape[1:])).sum(0)
    pick = np.minimum(pick, len(means) - 1)[None]
    centre, spread = (np.take_along_axis(part, pick, axis=0)[0] for part in (means, logs))
    return centre + np.exp(spread) * rng.standard_normal(centre.shape)

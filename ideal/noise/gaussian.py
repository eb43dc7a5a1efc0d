"""Additive Gaussian noise of real values."""

import math
from dataclasses import dataclass

import numpy as np

from ideal.noise.additive import Additive, check_sigma
from ideal.noise.entropy import HALF_LOG_2PIE, namespace

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Gaussian(Additive):
    """Additive Gaussian noise: Y = X + sigma N(0, 1).

    Args:
        sigma: standard deviation in the units of the measurement: a scalar, one per value of a measurement (shape of a
            measurement), or one per value of every measurement.

    Raises:
        UsageError: a sigma is not positive.

    """

    sigma: float | np.ndarray
    name = "gaussian"
    summary = "additive Gaussian noise of real values"
    formula = "Y = X + sigma N(0, 1)"
    _precisions = (np.float32, np.float64)

    def __post_init__(self):
        check_sigma(self.sigma, "the sigma of Gaussian noise")

    def sample(self, key, mean):
        """Draw measurements; nothing is clipped, since clipping would break the closed form of the entropy."""
        mean = mean if hasattr(mean, "dtype") else np.asarray(mean, dtype=np.float64)
        return mean + self.sigma * _normal(key, np.shape(mean), mean)

    def log_prob(self, measurement, mean):
        """Return ln N(measurement; mean, sigma^2)."""
        xp, _ = namespace(measurement, mean)
        sigma = xp.asarray(self.sigma)
        return -0.5 * ((measurement - mean) / sigma) ** 2 - xp.log(sigma) - 0.5 * _LOG_2PI

    def entropy(self, mean):
        """Return 1/2 ln(2 pi e sigma^2)."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(HALF_LOG_2PIE + xp.log(xp.asarray(self.sigma)), np.shape(mean))

    def _entropy(self) -> np.ndarray:
        return HALF_LOG_2PIE + np.log(self.sigma)


def _normal(key, shape, like):
    if isinstance(key, np.random.Generator):
        return key.standard_normal(shape)
    import jax

    return jax.random.normal(key, shape, like.dtype)

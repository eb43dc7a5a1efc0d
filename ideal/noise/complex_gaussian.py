"""Circular Gaussian noise of complex values, as visibilities have it."""

import math
from dataclasses import dataclass

import numpy as np

from ideal.noise.additive import Additive, check_sigma
from ideal.noise.entropy import HALF_LOG_2PIE, namespace

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class ComplexGaussian(Additive):
    """Circular complex Gaussian noise of visibilities: Y = X + sigma (N(0, 1) + i N(0, 1)).

    Args:
        sigma: standard deviation of the real part and of the imaginary part each, in Jy: a scalar, one per visibility, or
            one per visibility of every measurement.

    Raises:
        UsageError: a sigma is not positive.

    """

    sigma: float | np.ndarray
    name = "complex-gaussian"
    summary = "circular Gaussian noise of complex values, as of visibilities"
    formula = "Y = X + sigma (N(0, 1) + i N(0, 1))"
    units = "Jy"
    is_complex = True
    _precisions = (np.complex64, np.complex128)
    _parts = 2

    def __post_init__(self):
        check_sigma(self.sigma, "the sigma of complex Gaussian noise")

    def sample(self, key, mean):
        """Draw visibilities, complex."""
        if isinstance(key, np.random.Generator):
            parts = key.standard_normal((2, *np.shape(mean)))
        else:
            import jax
            import jax.numpy as jnp

            parts = jax.random.normal(key, (2, *jnp.shape(mean)), jnp.real(mean).dtype)
        return mean + self.sigma * (parts[0] + 1j * parts[1])

    def log_prob(self, measurement, mean):
        """Return the log-density over the complex plane."""
        xp, _ = namespace(measurement, mean)
        sigma = xp.asarray(self.sigma)
        return -0.5 * (xp.abs(measurement - mean) / sigma) ** 2 - 2 * xp.log(sigma) - _LOG_2PI

    def entropy(self, mean):
        """Return ln(2 pi e sigma^2) per visibility."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(2 * (HALF_LOG_2PIE + xp.log(xp.asarray(self.sigma))), np.shape(mean))

    def _entropy(self) -> np.ndarray:
        return 2 * (HALF_LOG_2PIE + np.log(self.sigma))

"""Multiplicative speckle, as in images of radar, ultrasound and other coherent light."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from ideal._ranges import Range
from ideal.errors import UsageError
from ideal.noise.contract import Figure, NoiseModel, sum_values
from ideal.noise.entropy import as_float, namespace
from ideal.noise.scales import LOG


@dataclass(frozen=True)
class Speckle(NoiseModel):
    """Multiplicative speckle: Y = X G, with G Gamma distributed of shape `looks` and mean 1.

    It is the intensity of fully developed speckle averaged over so many independent looks (Goodman, Speckle Phenomena in Optics,
    2007). On a logarithmic scale it is added, and alike at every mean.

    Args:
        looks: shape L of the Gamma distribution, above 0; 1 for the intensity of one look, whose noise is as large as its mean.

    Raises:
        UsageError: `looks` is not a finite number above 0.

    Example:
        >>> from ideal.noise import Speckle
        >>> round(float(Speckle(looks=1.0).entropy(1.0)), 6)  # that of an exponential distribution
        1.0

    """

    looks: float
    name = "speckle"
    summary = "intensities of coherent light: radar, ultrasound, laser speckle"
    formula = "Y = X G, G ~ Gamma(looks, 1 / looks)"
    figures = (Figure("looks", "", "number of looks, the shape of G", within=Range(0.5, 1e6)),)
    positive = True
    scale = LOG

    def __post_init__(self):
        if not (math.isfinite(self.looks) and self.looks > 0):
            raise UsageError(f"the looks of speckle noise must be a finite number above 0; found {self.looks:g}")

    def sample(self, key, mean):
        """Draw intensities, positive where the mean is."""
        if isinstance(key, np.random.Generator):
            return np.asarray(mean, dtype=np.float64) * key.gamma(self.looks, 1 / self.looks, np.shape(mean))
        import jax
        import jax.numpy as jnp

        mean = as_float(jnp.asarray(mean), jnp)
        return mean * jax.random.gamma(key, self.looks, mean.shape, mean.dtype) / self.looks

    def log_prob(self, measurement, mean):
        """Return the log-density of a Gamma distribution of shape L and scale X / L; -inf from 0 down."""
        xp, _ = namespace(measurement, mean)
        measurement, mean = as_float(measurement, xp), as_float(mean, xp)
        safe, shape = xp.where(measurement > 0, measurement, 1.0), self.looks
        found = (shape - 1) * xp.log(safe) + shape * xp.log(shape / mean) - shape * safe / mean - gammaln(shape)
        return xp.where(measurement > 0, found, -xp.inf)

    def entropy(self, mean):
        """Return L + ln(X / L) + ln Gamma(L) + (1 - L) psi(L)."""
        xp, _ = namespace(mean)
        return xp.log(as_float(mean, xp)) + self._unit_entropy

    def variance(self, mean):
        """Return X^2 / L."""
        return mean**2 / self.looks

    def variance_from(self, values):
        """Return Y^2 / (L + 1), since E[Y^2] = X^2 (1 + 1 / L)."""
        return values**2 / (self.looks + 1)

    def fourth_cumulant(self, variance):
        """Return 6 X^4 / L^3, which is 6 / L times the square of the variance."""
        return 6 * variance**2 / self.looks

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or, as exactly, from E[ln X] = E[ln Y] - (psi(L) - ln L)."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        return sum_values(np.log(measurements) - self._mean_log + self._unit_entropy)

    def scaled_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return the entropy of ln G, L + ln Gamma(L) - L psi(L), for each value: no mean is needed."""
        return sum_values(np.full(np.shape(measurements), self._unit_entropy - self._mean_log))

    def scaled_variance(self, mean):
        """Return the variance of ln G, psi'(L), at every mean."""
        xp, _ = namespace(mean)
        return xp.full(np.shape(mean), float(polygamma(1, self.looks)))

    @property
    def _unit_entropy(self) -> float:
        shape = self.looks
        return float(shape - np.log(shape) + gammaln(shape) + (1 - shape) * digamma(shape))

    @property
    def _mean_log(self) -> float:
        """E[ln G]."""
        return float(digamma(self.looks) - np.log(self.looks))

"""What noise of counted photons has in common: means from 0 on, told by deconvolution where they are not known."""

from typing import ClassVar

import numpy as np

from ideal.errors import DataError
from ideal.noise.contract import NoiseModel, sum_values
from ideal.noise.deconvolution import MixingDistribution
from ideal.noise.entropy import as_float

_ROUNDING = 1e-5  # of the largest mean: what float32 transforms leave


class PhotonNoise(NoiseModel):
    """Noise of photoelectrons: the variance grows with the mean."""

    photons: ClassVar[bool] = True
    needs_means: ClassVar[bool] = True

    def conditional_entropy(self, measurements, clean=None, means: MixingDistribution | None = None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or from the measurements alone."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        means = self.fit_means(measurements) if means is None else means
        if means is None:
            return super().conditional_entropy(measurements)  # which asks for clean means
        return sum_values(means.influence(measurements, self.entropy(means.grid), np.size(measurements)))

    def check_means(self, clean: np.ndarray, where: str) -> np.ndarray:
        """Return mean photoelectrons without the negative zeros that Fourier transforms leave where it is dark."""
        least, most = float(clean.min()), float(clean.max())
        if least < -_ROUNDING * max(most, -least):
            raise DataError(
                f"{where}: a mean of {least:g} photoelectrons, photons cannot be fewer than none: choose other noise (--noise)"
            )
        return np.maximum(clean, 0)

    def variance_from(self, values):
        """Return the value itself, for its mean, and what the read noise and the steps of a converter add."""
        return values + self.linear_variance[0]

    def fourth_cumulant(self, variance):
        """Return about the variance, as of photons."""
        return variance


def draw_poisson(key, mean):
    """Return counts of these means, in floating point, by a JAX key or a NumPy generator."""
    if isinstance(key, np.random.Generator):
        return key.poisson(np.asarray(mean, dtype=np.float64)).astype(np.float64)
    import jax
    import jax.numpy as jnp

    mean = as_float(jnp.asarray(mean), jnp)
    return jax.random.poisson(key, mean).astype(mean.dtype)


def poisson_log_pmf(count, mean, xp, special):
    """Return the log-probability of counts, -inf of negative ones."""
    safe = xp.maximum(mean, xp.finfo(mean.dtype).tiny)
    log_pmf = count * xp.log(safe) - mean - special.gammaln(xp.maximum(count, 0) + 1)
    return xp.where(count >= 0, xp.where((mean > 0) | (count > 0), log_pmf, 0.0), -xp.inf)


def log_upper_tail(count: float, mean, xp, special):
    """Return ln P(N >= count) of counts N."""
    if count <= 0:
        return xp.zeros_like(mean)
    # P(N >= n) is the regularised gamma function.
    return _log_of(special.gammainc(count, xp.maximum(mean, xp.finfo(mean.dtype).tiny)), xp)


def log_lower_tail(count: float, mean, xp, special):
    """Return ln P(N <= count) of counts N."""
    if count < 0:
        return xp.full_like(mean, -xp.inf)
    return _log_of(special.gammaincc(count + 1.0, xp.maximum(mean, xp.finfo(mean.dtype).tiny)), xp)


def _log_of(chance, xp):
    return xp.where(chance > 0, xp.log(xp.where(chance > 0, chance, 1.0)), -xp.inf)


def with_tail(inner, side: int, tail, measurement, limit: float, slack: float, xp):
    """Return log-probabilities of levels: at a limit that of the whole tail above (1) or below (-1), -inf beyond the limit."""
    beyond = side * (measurement - limit)
    return xp.where(beyond < -slack, inner, xp.where(beyond > slack, -xp.inf, tail))

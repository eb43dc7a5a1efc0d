"""Noise models: what is known of a measurement Y when its noiseless mean X is known.

Every model has the same five methods. `sample`, `log_prob`, `entropy` and `variance` act value by value on NumPy arrays (in
float64) and on JAX arrays (traceable and differentiable); `conditional_entropy` sums H(Y|X) over each measurement. Everything is
in nats and in photoelectrons.

A measurement made of whole steps (counts, or the output of a converter) is discrete. Its log-probabilities and entropies are
given as densities, ln(probability / `quantum`), which for counts is the plain ln(probability).
"""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import special as special_functions

from ideal.errors import DataError, UsageError
from ideal.noise import entropy as _entropy
from ideal.noise.deconvolution import MixingDistribution, fit_mixing_distribution
from ideal.noise.entropy import HALF_LOG_2PIE, as_float, namespace
from ideal.noise.limits import Channel, limited_entropy, limited_variance

_LOG_2PI = math.log(2 * math.pi)
_DARK = 1e-6  # photoelectrons: the least variance of counts, where there is no light


class NoiseModel:
    """The contract of a noise model.

    Attributes:
        name: its name in files and on the command line.
        quantum: width in photoelectrons of one step of the measurement; 0 where it is continuous.
        lowest, highest: levels in photoelectrons at which a converter cuts values off; -inf and inf where there are none.

    """

    name: str
    quantum: float = 0.0
    lowest: float = -math.inf
    highest: float = math.inf

    def sample(self, key, mean):
        """Draw measurements.

        Args:
            key: a JAX key (traceable; the result is a JAX array of the mean's type) or a `numpy.random.Generator` (float64).
            mean: mean photoelectrons, any shape.

        """
        raise NotImplementedError

    def log_prob(self, measurement, mean):
        """Return ln p(measurement | mean) value by value, of the broadcast shape."""
        raise NotImplementedError

    def entropy(self, mean):
        """Return the entropy of one value in nats, of the shape of `mean`."""
        raise NotImplementedError

    def variance(self, mean):
        """Return the variance of each value at its mean; of visibilities, of the real and of the imaginary part each."""
        raise NotImplementedError

    def fit_means(self, values) -> MixingDistribution | None:
        """Return the distribution of means behind measured values, any shape, photoelectrons; None where H(Y|X) needs none."""
        return None

    def conditional_entropy(self, measurements, clean=None, means: MixingDistribution | None = None) -> np.ndarray:
        """Return H(Y|X) of each measurement.

        Args:
            measurements: shape (sample, ...), photoelectrons.
            clean: their noiseless means, same shape, or None where they are unknown. Then the distribution of the means is
                estimated, and a measurement gets its part in that estimate: the average over samples is H(Y|X), and their
                scatter is the estimate's own.
            means: that distribution, as `fit_means` finds it from these measurements and more of the same system; by default it
                is found from the measurements given.

        Returns:
            Nats per measurement, shape (sample,), float64, in the order given.

        """
        raise NotImplementedError

    def _clean_entropy(self, measurements, clean) -> np.ndarray:
        if np.shape(clean) != np.shape(measurements):
            raise DataError(f"clean has shape {np.shape(clean)}, the measurements have {np.shape(measurements)}: they must match")
        clean = np.asarray(clean, dtype=np.float64)
        if not (np.isfinite(clean) & (clean >= 0)).all():
            index = tuple(int(each) for each in np.argwhere(~(np.isfinite(clean) & (clean >= 0)))[0])
            raise DataError(f"clean is {clean[index]:g} at {index}, expected finite mean photoelectrons, 0 or more")
        return _sum_values(self.entropy(clean))

    def _deconvolved_entropy(self, measurements, means: MixingDistribution | None) -> np.ndarray:
        means = self.fit_means(measurements) if means is None else means
        return _sum_values(means.influence(measurements, self.entropy(means.grid), np.size(measurements)))

    def describe(self) -> dict:
        """Return the name and parameters, ready for JSON."""
        raise NotImplementedError


def _sum_values(values) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(len(values), -1).sum(1)


def _normal(key, shape, like):
    if isinstance(key, np.random.Generator):
        return key.standard_normal(shape)
    import jax

    return jax.random.normal(key, shape, like.dtype)


def _poisson(key, mean):
    if isinstance(key, np.random.Generator):
        return key.poisson(np.asarray(mean, dtype=np.float64)).astype(np.float64)
    import jax
    import jax.numpy as jnp

    mean = as_float(jnp.asarray(mean), jnp)
    return jax.random.poisson(key, mean).astype(mean.dtype)


def _poisson_log_pmf(count, mean, xp, special):
    safe = xp.maximum(mean, xp.finfo(mean.dtype).tiny)
    log_pmf = count * xp.log(safe) - mean - special.gammaln(xp.maximum(count, 0) + 1)
    return xp.where(count >= 0, xp.where((mean > 0) | (count > 0), log_pmf, 0.0), -xp.inf)


def _log_upper_tail(count: float, mean, xp, special):
    """Return ln P(N >= count) of counts N."""
    if count <= 0:
        return xp.zeros_like(mean)
    # P(N >= n) is the regularised gamma function.
    return _log_of(special.gammainc(count, xp.maximum(mean, xp.finfo(mean.dtype).tiny)), xp)


def _log_lower_tail(count: float, mean, xp, special):
    """Return ln P(N <= count) of counts N."""
    if count < 0:
        return xp.full_like(mean, -xp.inf)
    return _log_of(special.gammaincc(count + 1.0, xp.maximum(mean, xp.finfo(mean.dtype).tiny)), xp)


def _log_of(chance, xp):
    return xp.where(chance > 0, xp.log(xp.where(chance > 0, chance, 1.0)), -xp.inf)


def _with_tail(inner, side: int, tail, measurement, limit: float, slack: float, xp):
    """Return log-probabilities of levels: at a limit that of the whole tail above (1) or below (-1), -inf beyond the limit."""
    beyond = side * (measurement - limit)
    return xp.where(beyond < -slack, inner, xp.where(beyond > slack, -xp.inf, tail))


def _check_sigma(sigma, what: str) -> None:
    values = np.asarray(sigma, dtype=np.float64)
    if not np.all(np.isfinite(values)) or np.any(values <= 0):
        worst = float(values.ravel()[np.argmin(np.where(np.isfinite(values.ravel()), values.ravel(), -np.inf))])
        raise UsageError(f"{what} must be a positive standard deviation everywhere; found {worst:g}")


def _describe_sigma(sigma) -> float | str:
    values = np.asarray(sigma)
    if values.ndim == 0:
        return float(values)
    return f"array of shape {values.shape}, from {values.min():g} to {values.max():g}"


@dataclass(frozen=True, eq=False)
class Gaussian(NoiseModel):
    """Additive Gaussian noise: Y = X + sigma N(0, 1).

    Args:
        sigma: standard deviation in the units of the measurement: a scalar, one per value of a measurement (shape of a
            measurement), or one per value of every measurement.

    Raises:
        UsageError: a sigma is not positive.

    """

    sigma: float | np.ndarray
    name = "gaussian"

    def __post_init__(self):
        _check_sigma(self.sigma, "the sigma of Gaussian noise")

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

    def variance(self, mean):
        """Return sigma^2, with the shape of the mean."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(xp.asarray(self.sigma) ** 2, np.shape(mean))

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return the sum of 1/2 ln(2 pi e sigma^2) over the values of each measurement; `clean` is not needed."""
        return _sum_values(np.broadcast_to(HALF_LOG_2PIE + np.log(self.sigma), np.shape(measurements)))

    def describe(self) -> dict:
        """Return the name and sigma."""
        return {"name": self.name, "sigma": _describe_sigma(self.sigma)}


@dataclass(frozen=True, eq=False)
class ComplexGaussian(NoiseModel):
    """Circular complex Gaussian noise of visibilities: Y = X + sigma (N(0, 1) + i N(0, 1)).

    Args:
        sigma: standard deviation of the real part and of the imaginary part each, in Jy: a scalar, one per visibility, or
            one per visibility of every measurement.

    Raises:
        UsageError: a sigma is not positive.

    """

    sigma: float | np.ndarray
    name = "complex-gaussian"

    def __post_init__(self):
        _check_sigma(self.sigma, "the sigma of complex Gaussian noise")

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

    def variance(self, mean):
        """Return sigma^2 of each part, with the shape of the mean."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(xp.asarray(self.sigma) ** 2, np.shape(mean))

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return the sum of ln(2 pi e sigma^2) over the visibilities of each measurement; `clean` is not needed."""
        return _sum_values(np.broadcast_to(2 * (HALF_LOG_2PIE + np.log(self.sigma)), np.shape(measurements)))

    def describe(self) -> dict:
        """Return the name and sigma."""
        return {"name": self.name, "sigma": _describe_sigma(self.sigma)}


@dataclass(frozen=True)
class Poisson(NoiseModel):
    """Photon counting: Y is Poisson with mean X (not X plus a Poisson variable).

    Args:
        ceiling: the largest count that the counter or the file can hold, as 255; every count above reads as this one.

    Raises:
        UsageError: the ceiling is not a whole number above 0.

    """

    ceiling: float = math.inf
    name = "poisson"
    quantum: float = field(default=1.0, init=False)

    def __post_init__(self):
        if not self.ceiling > 0 or (math.isfinite(self.ceiling) and self.ceiling != round(self.ceiling)):
            raise UsageError(f"the ceiling of counts must be a whole number above 0; found {self.ceiling:g}")

    @property
    def highest(self) -> float:
        """The ceiling."""
        return self.ceiling

    @property
    def _channel(self) -> Channel | None:
        return Channel(0.0, 1.0, 0.0, -math.inf, self.ceiling) if math.isfinite(self.ceiling) else None

    def sample(self, key, mean):
        """Draw counts."""
        counts = _poisson(key, mean)
        return counts if self._channel is None else counts.clip(None, self.ceiling)

    def log_prob(self, measurement, mean):
        """Return the log-probability of whole counts, of the ceiling that of all counts from there on; -inf beyond."""
        xp, special = namespace(measurement, mean)
        measurement, mean = as_float(measurement, xp), as_float(mean, xp)
        inner = _poisson_log_pmf(measurement, mean, xp, special)
        if self._channel is None:
            return inner
        return _with_tail(inner, 1, _log_upper_tail(self.ceiling, mean, xp, special), measurement, self.ceiling, 0.25, xp)

    def entropy(self, mean):
        """Return the exact entropy; see `ideal.noise.entropy.poisson_entropy` and, with a ceiling, `ideal.noise.limits`."""
        return _entropy.poisson_entropy(mean) if self._channel is None else limited_entropy(mean, self._channel)

    def variance(self, mean):
        """Return the mean (with a ceiling, the variance of what is left), or a millionth of a photoelectron where it is less."""
        xp, _ = namespace(mean)
        return xp.maximum(mean if self._channel is None else limited_variance(mean, self._channel), _DARK)

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or from the counts alone."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        return self._deconvolved_entropy(measurements, means)

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of means behind counts."""
        # Counts in little light resolve a single brightness slowly: see `tolerance`.
        return fit_mixing_distribution(values, high=self.ceiling, tolerance=0.0)

    def describe(self) -> dict:
        """Return the name, and the ceiling if there is one."""
        return {"name": self.name} | ({"ceiling": self.ceiling} if math.isfinite(self.ceiling) else {})


@dataclass(frozen=True)
class PoissonGaussian(NoiseModel):
    """A camera: Poisson electrons plus Gaussian read noise, as read through its converter.

    The camera's number is DN = round((N + read_noise N(0, 1)) / gain + offset) with N Poisson of mean X. Measurements are
    given in photoelectrons, (DN - offset) x gain. A converter with a floor or a ceiling gives this for every DN beyond.

    Args:
        read_noise: standard deviation of the read noise, electrons.
        gain: electrons per DN.
        offset: DN in the dark.
        quantised: whether measurements are whole DN (a camera's raw numbers) or continuous.
        step: DN between two levels of the converter: 16 where 12-bit numbers stand shifted in a 16-bit container.
        floor: least DN that the converter gives, as 0; -inf for none.
        ceiling: largest DN that it gives, as 4095; inf for none.

    Raises:
        UsageError: read noise or gain not positive, no level between floor and ceiling, or limits of continuous measurements.

    """

    read_noise: float
    gain: float = 1.0
    offset: float = 0.0
    quantised: bool = False
    step: int = 1
    floor: float = -math.inf
    ceiling: float = math.inf
    name = "poisson-gaussian"

    def __post_init__(self):
        if not self.gain > 0 or not math.isfinite(self.gain):
            raise UsageError(f"gain must be positive, in electrons per DN; found {self.gain:g}")
        if not self.read_noise > 0 or not math.isfinite(self.read_noise):
            raise UsageError(
                f"read noise must be a positive number of electrons; found {self.read_noise:g} (for none, use poisson noise)"
            )
        if not self.lowest < self.highest:
            raise UsageError(f"the floor of a converter must lie below its ceiling; found {self.floor:g} and {self.ceiling:g} DN")
        if self._channel is not None and not self.quantised:
            raise UsageError("a floor or a ceiling needs whole DN: what clipping does to continuous values has no closed form")

    @property
    def lowest(self) -> float:
        """The lowest level, electrons; -inf without a floor."""
        return self._electrons(math.ceil(self.floor / self.step)) if math.isfinite(self.floor) else -math.inf

    @property
    def highest(self) -> float:
        """The highest level, electrons; inf without a ceiling."""
        return self._electrons(math.floor(self.ceiling / self.step)) if math.isfinite(self.ceiling) else math.inf

    def _electrons(self, level: int) -> float:
        return (self.step * level - self.offset) * self.gain

    @property
    def _channel(self) -> Channel | None:
        if not (math.isfinite(self.floor) or math.isfinite(self.ceiling)):
            return None
        return Channel(self.read_noise, self.quantum, self.origin, self.lowest, self.highest)

    @property
    def quantum(self) -> float:
        """Electrons per step of the converter; 0 where the measurements are continuous."""
        return self.gain * self.step if self.quantised else 0.0

    @property
    def origin(self) -> float:
        """One of the levels of the converter, electrons; 0 where the measurements are continuous."""
        return (-self.offset * self.gain) % self.quantum if self.quantised else 0.0

    def sample(self, key, mean):
        """Draw measurements in photoelectrons, on the converter's levels where `quantised`."""
        if isinstance(key, np.random.Generator):
            xp, electrons = np, _poisson(key, mean)
            electrons = electrons + self.read_noise * key.standard_normal(electrons.shape)
        else:
            import jax
            import jax.numpy as xp

            photon_key, read_key = jax.random.split(key)
            electrons = _poisson(photon_key, mean)
            electrons = electrons + self.read_noise * _normal(read_key, electrons.shape, electrons)
        if not self.quantised:
            return electrons
        levels = xp.round((electrons / self.gain + self.offset) / self.step)
        if math.isfinite(self.floor):
            levels = xp.maximum(levels, math.ceil(self.floor / self.step))
        if math.isfinite(self.ceiling):
            levels = xp.minimum(levels, math.floor(self.ceiling / self.step))
        return self.gain * (self.step * levels - self.offset)

    def log_prob(self, measurement, mean):
        """Return the log-density per electron, of a limit the log-probability of all beyond, per quantum.

        It is a sum over the electron numbers within ten read noises.
        """
        xp, special = namespace(measurement, mean)
        values, means = as_float(measurement, xp), as_float(mean, xp)
        measurement, mean = values[..., None], means[..., None]
        reach = math.ceil(10 * self.read_noise + self.quantum) + 1
        electrons = xp.round(measurement) + xp.arange(-reach, reach + 1)
        distance = measurement - electrons
        if self.quantised:
            low = (distance - self.quantum / 2) / self.read_noise
            high = (distance + self.quantum / 2) / self.read_noise
            flip = low > 0  # the difference of two values near 1 would lose all digits
            low, high = xp.where(flip, -high, low), xp.where(flip, -low, high)
            mass = special.ndtr(high) - special.ndtr(low)
            log_kernel = xp.log(xp.maximum(mass, xp.finfo(mean.dtype).tiny)) - math.log(self.quantum)
            log_kernel = xp.where(mass > 0, log_kernel, -xp.inf)
        else:
            log_kernel = -0.5 * (distance / self.read_noise) ** 2 - math.log(self.read_noise) - 0.5 * _LOG_2PI
        log_pmf = _poisson_log_pmf(electrons, xp.broadcast_to(mean, electrons.shape), xp, special)
        found = special.logsumexp(log_pmf + log_kernel, axis=-1)
        if self._channel is None:
            return found
        for side, limit in ((-1, self.lowest), (1, self.highest)):
            if math.isfinite(limit):
                tail = self._log_tail(side, means, xp, special)
                found = _with_tail(found, side, tail, values, limit, self.quantum / 4, xp)
        return found

    def _log_tail(self, side: int, mean, xp, special):
        """Return the log-probability per quantum of all levels from the lowest down (-1) or from the highest up (1)."""
        edge = self.highest - self.quantum / 2 if side > 0 else self.lowest + self.quantum / 2
        reach = math.ceil(10 * self.read_noise) + 1
        electrons = np.arange(max(0, math.floor(edge) - reach), max(0, math.ceil(edge) + reach) + 1)
        chance = np.log(np.maximum(special_functions.ndtr(side * (electrons - edge) / self.read_noise), 1e-300))
        log_pmf = _poisson_log_pmf(xp.asarray(electrons, dtype=mean.dtype), mean[..., None], xp, special)
        near = special.logsumexp(log_pmf + xp.asarray(chance, dtype=mean.dtype), axis=-1)
        tail = _log_upper_tail if side > 0 else _log_lower_tail
        far = tail(float(electrons[-1] + 1 if side > 0 else electrons[0] - 1), mean, xp, special)
        return xp.logaddexp(near, far) - math.log(self.quantum)

    def entropy(self, mean):
        """Return the entropy by quadrature; see `ideal.noise.entropy` and, with limits, `ideal.noise.limits`."""
        if self._channel is not None:
            return limited_entropy(mean, self._channel)
        return _entropy.poisson_gaussian_entropy(mean, self.read_noise, self.quantum, self.origin)

    def variance(self, mean):
        """Return mean + read_noise^2 + quantum^2 / 12, photoelectrons squared; with limits, the variance of what is left."""
        xp, _ = namespace(mean)
        if self._channel is not None:
            return limited_variance(xp.maximum(mean, 0.0), self._channel)
        return xp.maximum(mean, 0.0) + self.read_noise**2 + self.quantum**2 / 12

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or from the measurements alone."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        return self._deconvolved_entropy(measurements, means)

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of mean electrons behind a camera's values."""
        limits = {"low": self.lowest, "high": self.highest}
        return fit_mixing_distribution(values, self.read_noise, self.quantum, self.origin, **limits)

    def describe(self) -> dict:
        """Return the name and the camera's figures, its limits where it has any."""
        limits = {"floor": self.floor, "ceiling": self.ceiling}
        return {
            "name": self.name,
            "read_noise": self.read_noise,
            "gain": self.gain,
            "offset": self.offset,
            "quantised": self.quantised,
            "step": self.step,
            **{name: value for name, value in limits.items() if math.isfinite(value)},
        }


NAMES = ("poisson", "gaussian", "poisson-gaussian", "complex-gaussian")

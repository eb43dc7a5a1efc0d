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

from ideal import _entropy
from ideal._entropy import HALF_LOG_2PIE, as_float, namespace
from ideal.deconvolution import fit_mixing_distribution
from ideal.errors import DataError, UsageError

_LOG_2PI = math.log(2 * math.pi)
_DARK = 1e-6  # photoelectrons: the least variance of counts, where there is no light


class NoiseModel:
    """The contract of a noise model.

    Attributes:
        name: its name in files and on the command line.
        quantum: width in photoelectrons of one step of the measurement; 0 where it is continuous.

    """

    name: str
    quantum: float = 0.0

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

    def conditional_entropy(self, measurements, clean=None, reference=None) -> np.ndarray:
        """Return H(Y|X) of each measurement.

        Args:
            measurements: shape (sample, ...), photoelectrons.
            clean: their noiseless means, same shape, or None where they are unknown. Then the distribution of the means is
                estimated from the measurements given, and a measurement gets its part in that estimate: the average over
                samples is H(Y|X), and their scatter is the estimate's own.
            reference: further measured values of the same system, any shape, that help to estimate that distribution.

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

    def describe(self) -> dict:
        """Return the name and parameters, ready for JSON."""
        raise NotImplementedError


def _sum_values(values) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(len(values), -1).sum(1)


def _together(measurements, reference) -> np.ndarray:
    values = np.ravel(measurements)
    return values if reference is None else np.concatenate([values, np.ravel(reference)])


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

    def conditional_entropy(self, measurements, clean=None, reference=None) -> np.ndarray:
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

    def conditional_entropy(self, measurements, clean=None, reference=None) -> np.ndarray:
        """Return the sum of ln(2 pi e sigma^2) over the visibilities of each measurement; `clean` is not needed."""
        return _sum_values(np.broadcast_to(2 * (HALF_LOG_2PIE + np.log(self.sigma)), np.shape(measurements)))

    def describe(self) -> dict:
        """Return the name and sigma."""
        return {"name": self.name, "sigma": _describe_sigma(self.sigma)}


@dataclass(frozen=True)
class Poisson(NoiseModel):
    """Photon counting: Y is Poisson with mean X (not X plus a Poisson variable)."""

    name = "poisson"
    quantum: float = field(default=1.0, init=False)

    def sample(self, key, mean):
        """Draw counts."""
        return _poisson(key, mean)

    def log_prob(self, measurement, mean):
        """Return the log-probability of whole counts; -inf below 0."""
        xp, special = namespace(measurement, mean)
        return _poisson_log_pmf(as_float(measurement, xp), as_float(mean, xp), xp, special)

    def entropy(self, mean):
        """Return the exact entropy; see `ideal._entropy.poisson_entropy`."""
        return _entropy.poisson_entropy(mean)

    def variance(self, mean):
        """Return the mean, or a millionth of a photoelectron where it is less."""
        xp, _ = namespace(mean)
        return xp.maximum(mean, _DARK)

    def conditional_entropy(self, measurements, clean=None, reference=None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or from the counts alone."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        mixing = fit_mixing_distribution(_together(measurements, reference))
        return _sum_values(mixing.influence(measurements, self.entropy(mixing.grid), np.size(measurements)))

    def describe(self) -> dict:
        """Return the name."""
        return {"name": self.name}


@dataclass(frozen=True)
class PoissonGaussian(NoiseModel):
    """A camera: Poisson electrons plus Gaussian read noise, as read through its converter.

    The camera's number is DN = round((N + read_noise N(0, 1)) / gain + offset) with N Poisson of mean X. Measurements are
    given in photoelectrons, (DN - offset) x gain.

    Args:
        read_noise: standard deviation of the read noise, electrons.
        gain: electrons per DN.
        offset: DN in the dark.
        quantised: whether measurements are whole DN (a camera's raw numbers) or continuous.
        step: DN between two levels of the converter: 16 where 12-bit numbers stand shifted in a 16-bit container.

    Raises:
        UsageError: read noise or gain not positive.

    """

    read_noise: float
    gain: float = 1.0
    offset: float = 0.0
    quantised: bool = False
    step: int = 1
    name = "poisson-gaussian"

    def __post_init__(self):
        if not self.gain > 0 or not math.isfinite(self.gain):
            raise UsageError(f"gain must be positive, in electrons per DN; found {self.gain:g}")
        if not self.read_noise > 0 or not math.isfinite(self.read_noise):
            raise UsageError(
                f"read noise must be a positive number of electrons; found {self.read_noise:g} (for none, use poisson noise)"
            )

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
        return self.gain * (self.step * levels - self.offset)

    def log_prob(self, measurement, mean):
        """Return the log-density per electron: the sum over the electron numbers within ten read noises."""
        xp, special = namespace(measurement, mean)
        measurement = as_float(measurement, xp)[..., None]
        mean = as_float(mean, xp)[..., None]
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
        return special.logsumexp(log_pmf + log_kernel, axis=-1)

    def entropy(self, mean):
        """Return the entropy by quadrature; see `ideal._entropy.poisson_gaussian_entropy`."""
        return _entropy.poisson_gaussian_entropy(mean, self.read_noise, self.quantum, self.origin)

    def variance(self, mean):
        """Return mean + read_noise^2 + quantum^2 / 12, photoelectrons squared."""
        xp, _ = namespace(mean)
        return xp.maximum(mean, 0.0) + self.read_noise**2 + self.quantum**2 / 12

    def conditional_entropy(self, measurements, clean=None, reference=None) -> np.ndarray:
        """Return H(Y|X) of each measurement, from clean means or from the measurements alone."""
        if clean is not None:
            return self._clean_entropy(measurements, clean)
        mixing = fit_mixing_distribution(_together(measurements, reference), self.read_noise, self.quantum, self.origin)
        return _sum_values(mixing.influence(measurements, self.entropy(mixing.grid), np.size(measurements)))

    def describe(self) -> dict:
        """Return the name and the camera's figures."""
        return {
            "name": self.name,
            "read_noise": self.read_noise,
            "gain": self.gain,
            "offset": self.offset,
            "quantised": self.quantised,
            "step": self.step,
        }


NAMES = ("poisson", "gaussian", "poisson-gaussian", "complex-gaussian")

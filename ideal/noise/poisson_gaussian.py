"""A camera: photon counting, read noise and a converter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy import special as special_functions

from ideal._ranges import Range
from ideal.errors import UsageError
from ideal.noise import entropy as entropies
from ideal.noise.contract import Figure
from ideal.noise.deconvolution import MixingDistribution, fit_mixing_distribution
from ideal.noise.electrons import ElectronNoise, gaussian_windows
from ideal.noise.entropy import as_float, namespace
from ideal.noise.limits import Channel, limited_entropy, limited_variance
from ideal.noise.photons import draw_poisson, log_lower_tail, log_upper_tail, poisson_log_pmf, with_tail

_LOG_2PI = math.log(2 * math.pi)
_UINT16 = 65_535
_RESOLVES = 0.7  # electrons of read noise below which single photons show as peaks


@dataclass(frozen=True)
class PoissonGaussian(ElectronNoise):
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
    summary = "a camera's raw numbers: photons, read noise and a converter"
    formula = "Y = gain (DN - offset), DN = round((Poisson(X) + read_noise N(0, 1)) / gain + offset)"
    units = None
    figures = (
        Figure("read_noise", "electrons", "standard deviation of the read noise", within=Range(1e-3, 1e5), option="--read-noise"),
        Figure("gain", "electrons per DN", "gain", needed=False, within=Range(1e-5, 1e6), option="--gain"),
        Figure("offset", "DN", "level in the dark", needed=False, positive=False, within=Range(-1e6, 1e6), option="--offset"),
    )

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
    def electrons(self) -> bool:  # type: ignore[override]
        """Whether the read noise is so small, below 0.7 electrons, that single photons show."""
        return self.read_noise < _RESOLVES

    def windows(self, values, figures=None):
        """Return what values tell of the number of electrons; see `ElectronNoise`."""
        if figures is not None:
            return gaussian_windows(values, *figures.T)
        return gaussian_windows(values, self.read_noise, self.quantum, self.lowest, self.highest)

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
            xp, electrons = np, draw_poisson(key, mean)
            electrons = electrons + self.read_noise * key.standard_normal(electrons.shape)
        else:
            import jax
            import jax.numpy as xp

            photon_key, read_key = jax.random.split(key)
            electrons = draw_poisson(photon_key, mean)
            electrons = electrons + self.read_noise * jax.random.normal(read_key, electrons.shape, electrons.dtype)
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
        log_pmf = poisson_log_pmf(electrons, xp.broadcast_to(mean, electrons.shape), xp, special)
        found = special.logsumexp(log_pmf + log_kernel, axis=-1)
        if self._channel is None:
            return found
        for side, limit in ((-1, self.lowest), (1, self.highest)):
            if math.isfinite(limit):
                tail = self._log_tail(side, means, xp, special)
                found = with_tail(found, side, tail, values, limit, self.quantum / 4, xp)
        return found

    def _log_tail(self, side: int, mean, xp, special):
        """Return the log-probability per quantum of all levels from the lowest down (-1) or from the highest up (1)."""
        edge = self.highest - self.quantum / 2 if side > 0 else self.lowest + self.quantum / 2
        reach = math.ceil(10 * self.read_noise) + 1
        electrons = np.arange(max(0, math.floor(edge) - reach), max(0, math.ceil(edge) + reach) + 1)
        chance = np.log(np.maximum(special_functions.ndtr(side * (electrons - edge) / self.read_noise), 1e-300))
        log_pmf = poisson_log_pmf(xp.asarray(electrons, dtype=mean.dtype), mean[..., None], xp, special)
        near = special.logsumexp(log_pmf + xp.asarray(chance, dtype=mean.dtype), axis=-1)
        tail = log_upper_tail if side > 0 else log_lower_tail
        far = tail(float(electrons[-1] + 1 if side > 0 else electrons[0] - 1), mean, xp, special)
        return xp.logaddexp(near, far) - math.log(self.quantum)

    def entropy(self, mean):
        """Return the entropy by quadrature; see `ideal.noise.entropy` and, with limits, `ideal.noise.limits`."""
        if self._channel is not None:
            return limited_entropy(mean, self._channel)
        return entropies.poisson_gaussian_entropy(mean, self.read_noise, self.quantum, self.origin)

    def variance(self, mean):
        """Return mean + read_noise^2 + quantum^2 / 12, photoelectrons squared; with limits, the variance of what is left."""
        xp, _ = namespace(mean)
        if self._channel is not None:
            return limited_variance(xp.maximum(mean, 0.0), self._channel)
        return xp.maximum(mean, 0.0) + self.read_noise**2 + self.quantum**2 / 12

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of mean electrons behind a camera's values."""
        return fit_mixing_distribution(values, self.read_noise, self.quantum, self.origin, low=self.lowest, high=self.highest)

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

    # What may be assumed of values.

    @property
    def linear_variance(self) -> tuple[float, float]:
        """The variance of the read noise, and 1 per photoelectron; what the steps of a converter add is left out."""
        return self.read_noise**2, 1.0

    @property
    def least_deviation(self) -> float:
        """The read noise."""
        return self.read_noise

    def variance_from(self, values):
        """Return the value itself, for its mean, and what the read noise and the steps of the converter add."""
        return values + (self.read_noise**2 + self.quantum**2 / 12)

    def without_limits(self) -> Self:
        """Return the camera without a floor and a ceiling."""
        return self if self._channel is None else replace(self, floor=-math.inf, ceiling=math.inf)

    def with_limits(self, calibration, *, floor: float | None, ceiling: float | None) -> Self:
        """Return a camera whose converter ends at these numbers."""
        floor, ceiling = self.floor if floor is None else floor, self.ceiling if ceiling is None else ceiling
        return replace(self, floor=floor, ceiling=ceiling)

    def continuous(self) -> Self:
        """Return the electrons before the converter."""
        return replace(self, quantised=False)

    # Files, configurations and the command line.

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the camera of a measurement set; None without its read noise."""
        calibration = measured.calibration
        if cls.missing(calibration):
            return None
        given = {"floor": calibration.floor, "ceiling": calibration.saturation}
        limits = {name: value for name, value in given.items() if value is not None and measured.integer}
        return cls(calibration.read_noise, calibration.gain, calibration.offset, measured.integer, measured.step, **limits)

    @classmethod
    def refuse(cls, measured) -> None:
        """Refuse a camera whose read noise nobody has given.

        Raises:
            UsageError: nobody has.

        """
        if not measured.calibration.read_noise > 0:
            raise UsageError(
                f"{measured.path}: poisson-gaussian noise needs a read noise above 0 electrons (--read-noise R); for none, name "
                "--noise poisson"
            )

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return a camera that gives whole DN, with these figures."""
        return cls(**settings, quantised=True)

    def attributes(self) -> dict[str, Any]:
        """Return the camera's figures; without a converter, that its values are photoelectrons."""
        if not self.quantised:
            return {"read_noise": self.read_noise, "units": "photoelectrons"}
        # As photoelectrons the values would pass for those of a converter of 1 e-/DN, or of none.
        return {"gain": self.gain, "offset": self.offset, "read_noise": self.read_noise}

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return whole DN, as the converter gives them, or photoelectrons as they are where there is none."""
        return np.round(values / self.gain + self.offset).astype(np.int64) if self.quantised else values

    def stored_type(self, largest: float) -> np.dtype:
        """Return 16 bits where they hold the numbers, else 32, or single precision without a converter.

        Raises:
            UsageError: the numbers need more.

        """
        if not self.quantised:
            return np.dtype(np.float32)
        self._check_room(largest)
        width = 10 * self.read_noise / self.gain
        least, most = self.offset - width, 4 * largest / self.gain + self.offset + width
        return np.dtype(np.uint16 if least >= 0 and most < _UINT16 else np.int32)

    def _check_room(self, largest: float) -> None:
        width = 10 * self.read_noise
        ends = self.offset - width / self.gain, (largest + 10 * largest**0.5 + width) / self.gain + self.offset
        furthest = max(map(abs, ends))
        if furthest >= np.iinfo(np.int32).max:
            raise UsageError(
                f"{largest:.4g} photoelectrons, read noise {self.read_noise:g}, gain {self.gain:g}, offset {self.offset:g} give "
                f"values as far from 0 as {furthest:.3g} DN, at most 2.1e9 fit into a file: is the gain right "
                "(photoelectrons per DN)?"
            )

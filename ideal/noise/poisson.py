"""Photon counting."""

import math
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.noise import entropy as entropies
from ideal.noise.deconvolution import MixingDistribution, fit_mixing_distribution
from ideal.noise.entropy import as_float, namespace
from ideal.noise.limits import Channel, limited_entropy, limited_variance
from ideal.noise.photons import PhotonNoise, draw_poisson, log_upper_tail, poisson_log_pmf, with_tail

_DARK = 1e-6  # photoelectrons: the least variance of counts, where there is no light
_WHOLE = 1e-3  # electrons from a whole number that rounding in a file may explain
_UINT16 = 65_535


@dataclass(frozen=True)
class Poisson(PhotonNoise):
    """Photon counting: Y is Poisson with mean X (not X plus a Poisson variable).

    Args:
        ceiling: the largest count that the counter or the file can hold, as 255; every count above reads as this one.

    Raises:
        UsageError: the ceiling is not a whole number above 0.

    """

    ceiling: float = math.inf
    name = "poisson"
    summary = "photon counts, of a camera without read noise"
    formula = "Y ~ Poisson(X)"
    counts = True
    lowest = 0.0
    linear_variance = (0.0, 1.0)
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
        counts = draw_poisson(key, mean)
        return counts if self._channel is None else counts.clip(None, self.ceiling)

    def log_prob(self, measurement, mean):
        """Return the log-probability of whole counts, of the ceiling that of all counts from there on; -inf beyond."""
        xp, special = namespace(measurement, mean)
        measurement, mean = as_float(measurement, xp), as_float(mean, xp)
        inner = poisson_log_pmf(measurement, mean, xp, special)
        if self._channel is None:
            return inner
        return with_tail(inner, 1, log_upper_tail(self.ceiling, mean, xp, special), measurement, self.ceiling, 0.25, xp)

    def entropy(self, mean):
        """Return the exact entropy; see `ideal.noise.entropy.poisson_entropy` and, with a ceiling, `ideal.noise.limits`."""
        return entropies.poisson_entropy(mean) if self._channel is None else limited_entropy(mean, self._channel)

    def variance(self, mean):
        """Return the mean (with a ceiling, the variance of what is left), or a millionth of a photoelectron where it is less."""
        xp, _ = namespace(mean)
        return xp.maximum(mean if self._channel is None else limited_variance(mean, self._channel), _DARK)

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of means behind counts."""
        # Counts in little light resolve a single brightness slowly: see `tolerance`.
        return fit_mixing_distribution(values, high=self.ceiling, tolerance=0.0)

    def check_values(self, values: np.ndarray, where: str) -> np.ndarray:
        """Return whole counts.

        Raises:
            DataError: a value is negative or not whole.

        """
        whole = np.round(values)
        worst = float(np.abs(values - whole).max(initial=0.0))
        if worst > _WHOLE:
            example = float(values.ravel()[np.abs(values - whole).argmax()])
            raise DataError(
                f"{where}: Poisson counts must be whole photoelectrons; found {example:.6g}: give the camera's gain and offset "
                "(--gain e-/DN --offset DN), or name poisson-gaussian noise with its --read-noise"
            )
        if whole.min(initial=0.0) < 0:
            raise DataError(
                f"{where}: Poisson counts cannot be negative; found {whole.min():g}: the offset is too large, or there is read "
                "noise (--noise poisson-gaussian --read-noise R)"
            )
        return whole

    def without_limits(self) -> "Poisson":
        """Return counts without a ceiling."""
        return self if self._channel is None else Poisson()

    def with_limits(self, calibration, *, floor: float | None, ceiling: float | None) -> Self:
        """Return counts that end at a stored value; that they end at 0 is their nature."""
        return self if ceiling is None else replace(self, ceiling=_counts(calibration, ceiling))

    @classmethod
    def of(cls, measured) -> Self:
        """Return the noise of a measurement set, with its ceiling where one is stated."""
        ceiling = measured.calibration.saturation
        return cls() if ceiling is None else cls(_counts(measured.calibration, ceiling))

    @classmethod
    def refuse(cls, measured) -> None:
        """Refuse counts with read noise, of several electrons each, or with a floor.

        Raises:
            UsageError: they have one of these.

        """
        where, calibration = measured.path, measured.calibration
        if calibration.read_noise > 0:
            raise UsageError(
                f"{where}: poisson noise has no read noise, yet the read noise is {calibration.read_noise:g} electrons: name "
                "--noise poisson-gaussian, or --read-noise 0"
            )
        if calibration.gain > 1 and measured.integer:
            raise UsageError(
                f"{where}: whole DN of {calibration.gain:g} electrons each are not Poisson counts: name --noise poisson-gaussian "
                "with its --read-noise"
            )
        floor = calibration.floor
        if floor is not None and _counts(calibration, floor) > 0:
            raise UsageError(f"{where}: photon counts end at 0, yet the floor is {floor:g} (--floor): leave it out")

    def stored_type(self, largest: float) -> np.dtype:
        """Return 16 bits where they hold the counts, else 32."""
        most = 4 * largest
        return np.dtype(np.uint16 if most + 10 * most**0.5 < _UINT16 else np.uint32)

    def describe(self) -> dict:
        """Return the name, and the ceiling if there is one."""
        return {"name": self.name} | ({"ceiling": self.ceiling} if math.isfinite(self.ceiling) else {})


def _counts(calibration, level: float) -> float:
    """Return a stored level in whole counts."""
    return float(round((level - calibration.offset) * calibration.gain))

"""What real and complex Gaussian noise share: standard deviations that are the same at every mean."""

from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from ideal.errors import UsageError
from ideal.noise.contract import Figure, NoiseModel, sum_values
from ideal.noise.entropy import namespace

_SIGMA = Figure("sigma", "units of the values", "standard deviation", option="--sigma")
_FINE = 1e-4  # of the largest value: single precision is kept only where its steps are far finer than the noise


class Additive(NoiseModel):
    """Gaussian noise that is added to the mean; subclasses are dataclasses with a field `sigma`."""

    additive = True
    mean_independent = True
    figures = (_SIGMA,)
    _precisions: ClassVar[tuple[type, type]]  # of stored values, single and double
    _parts: ClassVar[int] = 1  # real numbers in a value
    sigma: float | np.ndarray

    if TYPE_CHECKING:  # the dataclasses have it

        def __init__(self, sigma: float | np.ndarray) -> None: ...

    def variance(self, mean):
        """Return sigma^2, with the shape of the mean; of complex values that of each part."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(xp.asarray(self.sigma) ** 2, np.shape(mean))

    def variance_from(self, values):
        """Return sigma^2, of complex values twice that, whatever the values are."""
        return np.broadcast_to(self._parts * np.asarray(self.sigma, dtype=np.float64) ** 2, np.shape(values))

    def conditional_entropy(self, measurements, clean=None, means=None) -> np.ndarray:
        """Return the sum of the entropies of the noise of the values of each measurement; `clean` is not needed."""
        return sum_values(np.broadcast_to(self._entropy(), np.shape(measurements)))

    def _entropy(self) -> np.ndarray:
        raise NotImplementedError

    def entropy_from(self, has_clean: bool) -> str:
        """Return "sigma"."""
        return "sigma"

    @property
    def linear_variance(self) -> tuple[float, float]:
        """The least sigma^2, and 0."""
        return self.least_deviation**2, 0.0

    @property
    def least_deviation(self) -> float:
        """The least sigma."""
        return float(np.min(self.sigma))

    @property
    def by_value(self) -> bool:
        """Whether there is a sigma for each value."""
        return np.ndim(self.sigma) > 0

    def part(self, index) -> Self:
        """Return the noise of a part of the values, by an index of an array that holds them all."""
        return type(self)(cast(np.ndarray, self.sigma)[index]) if self.by_value else self

    def with_sigma(self, sigma) -> Self:
        """Return the same noise with other standard deviations."""
        return type(self)(sigma)

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the noise of a measurement set; where every sample has its own sigma, that of the first."""
        if measured.sigma is None:
            return None
        return cls(measured.read_sigma(0, 1)[0] if measured.has_sample_sigma else measured.sigma)

    def attributes(self) -> dict[str, Any]:
        """Return sigma, a number or an array."""
        sigma = np.asarray(self.sigma, dtype=np.float64)
        return {"sigma": float(sigma) if sigma.ndim == 0 else sigma}

    def stored_type(self, largest: float) -> np.dtype:
        """Return single precision only where its steps are far finer than the noise."""
        return np.dtype(self._precisions[bool(np.min(self.sigma) < _FINE * largest)])

    def describe(self) -> dict:
        """Return the name and sigma."""
        return {"name": self.name, "sigma": _describe_sigma(self.sigma)}


def check_sigma(sigma, what: str) -> None:
    """Refuse a standard deviation that is not a finite number above 0; `what` opens the message.

    Raises:
        UsageError: there is one.

    """
    values = np.asarray(sigma, dtype=np.float64)
    if not np.all(np.isfinite(values)) or np.any(values <= 0):
        worst = float(values.ravel()[np.argmin(np.where(np.isfinite(values.ravel()), values.ravel(), -np.inf))])
        raise UsageError(f"{what} must be a positive standard deviation everywhere; found {worst:g}")


def _describe_sigma(sigma) -> float | str:
    values = np.asarray(sigma)
    if values.ndim == 0:
        return float(values)
    return f"array of shape {values.shape}, from {values.min():g} to {values.max():g}"

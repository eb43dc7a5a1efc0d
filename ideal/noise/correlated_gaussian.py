"""Gaussian noise that values share: coils of a scanner, channels of a detector, read noise of amplifiers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.linalg import solve_triangular

from ideal._ranges import Range
from ideal.errors import UsageError
from ideal.noise.contract import Figure, NoiseModel
from ideal.noise.entropy import HALF_LOG_2PIE, namespace

_LOG_2PI = math.log(2 * math.pi)
_FINE = 1e-4  # of the largest value: single precision is kept only where its steps are far finer than the noise


@dataclass(frozen=True, eq=False)
class CorrelatedGaussian(NoiseModel):
    """Gaussian noise with a covariance between channels, or between the values of a vector: Y = X + L Z, L L^H the covariance.

    The covariance is of neighbouring values along the last axis: of the channels of an image, of all values of a vector, or of
    each group of as many values where the axis holds several groups (coils that take turns). Whitening makes every entropy exact.

    Args:
        covariance: between these values, (value, value), symmetric; None for one that `sigma` and `correlation` make.
        sigma: standard deviation of every value.
        correlation: between any two values along the last axis.

    Raises:
        UsageError: there is neither a covariance nor a sigma, or it is no covariance.

    Example:
        >>> import numpy as np
        >>> from ideal.noise import CorrelatedGaussian
        >>> noise = CorrelatedGaussian(np.array([[1.0, 0.6], [0.6, 1.0]]))
        >>> round(float(noise.entropy(np.zeros(2)).sum()), 4)  # ln(2 pi e) and half the logarithm of 1 - 0.36
        2.6147

    """

    covariance: np.ndarray | None = None
    sigma: float | None = None  # type: ignore[assignment]
    correlation: float = 0.0
    name = "correlated-gaussian"
    summary = "Gaussian noise that channels share, as of coils or amplifiers"
    formula = "Y = X + L Z, Z = N(0, 1) for each value, L L^T = covariance"
    mean_independent = True
    correlates = True
    figures = (
        Figure("sigma", "units of the values", "standard deviation", option="--sigma"),
        Figure(
            "correlation",
            "",
            "correlation of the noise of any two channels",
            needed=False,
            positive=False,
            within=Range(-0.999, 0.999),
        ),
    )
    _parts: ClassVar[int] = 1
    _precisions: ClassVar[tuple[type, type]] = (np.float32, np.float64)

    def __post_init__(self):
        if self.covariance is None:
            if self.sigma is None or not (math.isfinite(self.sigma) and self.sigma > 0):
                raise UsageError(f"{self.name} noise needs a covariance, or a sigma above 0; found {self.sigma}")
            if not -1 < self.correlation < 1:
                raise UsageError(f"the correlation of {self.name} noise must lie between -1 and 1; found {self.correlation:g}")
            return
        matrix = np.asarray(self.covariance, dtype=np.complex128 if self.is_complex else np.float64)
        if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not len(matrix):
            raise UsageError(f"the covariance of {self.name} noise has shape {matrix.shape}, expected (value, value)")
        scale = np.sqrt(np.abs(np.diag(matrix)))
        if not np.isfinite(matrix).all() or np.abs(matrix - matrix.conj().T).max() > 1e-6 * max(scale.max() ** 2, 1e-300):
            raise UsageError(f"the covariance of {self.name} noise must be symmetric and finite")
        object.__setattr__(self, "covariance", (matrix + matrix.conj().T) / 2)
        self._factor(len(matrix))

    def _matrix(self, size: int) -> np.ndarray:
        """Return the covariance of values along a last axis of this length, of one group of them."""
        if self.covariance is not None:
            if size % len(self.covariance):
                raise UsageError(
                    f"the covariance of {self.name} noise is of {len(self.covariance)} values, the last axis of the measurements "
                    f"has {size}: they must be as many, or a multiple"
                )
            return self.covariance
        assert self.sigma is not None
        matrix = np.full((size, size), self.correlation)
        np.fill_diagonal(matrix, 1.0)
        return self._parts * self.sigma**2 * matrix

    def _factor(self, size: int) -> np.ndarray:
        try:
            return np.linalg.cholesky(self._matrix(size))
        except np.linalg.LinAlgError:
            raise UsageError(
                f"the covariance of {self.name} noise is not positive definite: values that repeat each other"
            ) from None

    def _groups(self, values, size: int):
        """Return values (..., value) as (..., group, value of the covariance)."""
        return values.reshape(*values.shape[:-1], -1, size)

    def whiten(self, values, xp=np):
        """Return values whose noise is independent of variance 1 (of complex values, 1 in each part); shape kept.

        Args:
            values: measurements or means, (..., value).
            xp: NumPy or jax.numpy.

        """
        factor = self._factor(values.shape[-1]) / np.sqrt(self._parts)
        inverse = solve_triangular(factor, np.eye(len(factor)), lower=True)
        return (self._groups(values, len(factor)) @ xp.asarray(inverse.T)).reshape(values.shape)

    def sample(self, key, mean):
        """Draw measurements (..., value)."""
        factor = self._factor(np.shape(mean)[-1]) / np.sqrt(self._parts)
        if isinstance(key, np.random.Generator):
            xp, parts = np, key.standard_normal((self._parts, *np.shape(mean)))
        else:
            import jax
            import jax.numpy as xp

            parts = jax.random.normal(key, (self._parts, *xp.shape(mean)), xp.real(mean).dtype)
        white = parts[0] if self._parts == 1 else parts[0] + 1j * parts[1]
        return mean + (self._groups(white, len(factor)) @ xp.asarray(factor.T, dtype=white.dtype)).reshape(np.shape(mean))

    def log_prob(self, measurement, mean):
        """Return ln p of each value given those before it in its group: the sum over a group is that of the group."""
        xp, _ = namespace(measurement, mean)
        residual = xp.asarray(measurement) - xp.asarray(mean)
        white = self.whiten(residual, xp)
        deviation = np.log(np.real(np.diag(self._factor(residual.shape[-1]))) / np.sqrt(self._parts))
        constant = np.tile(deviation, residual.shape[-1] // len(deviation)) * self._parts + 0.5 * self._parts * _LOG_2PI
        return -0.5 * xp.abs(white) ** 2 - xp.asarray(constant)

    def entropy(self, mean):
        """Return the entropy of each value given those before it in its group, nats, of the shape of `mean` (..., value)."""
        xp, _ = namespace(mean)
        size = np.shape(mean)[-1]
        deviation = np.log(np.real(np.diag(self._factor(size))) / np.sqrt(self._parts))
        each = self._parts * (HALF_LOG_2PIE + np.tile(deviation, size // len(deviation)))
        return xp.broadcast_to(xp.asarray(each), np.shape(mean))

    def variance(self, mean):
        """Return the variance of each value; of complex ones, of each part."""
        xp, _ = namespace(mean)
        return xp.broadcast_to(xp.asarray(self._variances(np.shape(mean)[-1]) / self._parts), np.shape(mean))

    def _variances(self, size: int) -> np.ndarray:
        own = np.real(np.diag(self._matrix(size)))
        return np.tile(own, size // len(own))

    def variance_from(self, values):
        """Return the variance of each value whatever it is; of complex ones, of both parts together."""
        return np.broadcast_to(self._variances(np.shape(values)[-1]), np.shape(values))

    @property
    def least_deviation(self) -> float:
        """The least standard deviation of a value; of complex ones, of each part."""
        if self.covariance is None:
            return float(self.sigma or 0.0)
        return float(np.sqrt(np.real(np.diag(self.covariance)).min() / self._parts))

    # Files, configurations and the command line.

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the covariance, where there is one of its own."""
        return {} if self.covariance is None else {"covariance": self.covariance}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], figures: Mapping[str, Any]) -> Self:
        """Return the noise that a file keeps."""
        return cls(np.asarray(arrays["covariance"]))

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the noise of a measurement set; None without a covariance and a sigma."""
        calibration = measured.calibration
        if calibration.model is not None:
            calibration.model._factor(measured.shape[-1])
            return calibration.model
        if calibration.sigma is None:
            return None
        if np.ndim(calibration.sigma):
            raise UsageError(f"{measured.path}: {cls.name} noise takes one sigma for all values, or a covariance")
        return cls(None, float(calibration.sigma), calibration.figure("correlation") or 0.0)

    def attributes(self) -> dict[str, Any]:
        """Return sigma and correlation, where these make the covariance."""
        return {} if self.covariance is not None else {"sigma": float(self.sigma or 0.0), "correlation": self.correlation}

    def stored_type(self, largest: float) -> np.dtype:
        """Return single precision only where its steps are far finer than the noise."""
        return np.dtype(self._precisions[bool(self.least_deviation < _FINE * largest)])

    def describe(self) -> dict:
        """Return the name, and what makes the covariance."""
        if self.covariance is None:
            return {"name": self.name, "sigma": self.sigma, "correlation": self.correlation}
        scale = np.sqrt(np.real(np.diag(self.covariance)))
        relative = np.abs(self.covariance) / np.outer(scale, scale) - np.eye(len(scale))
        return {
            "name": self.name,
            "covariance": f"array of shape {self.covariance.shape}, correlations up to {relative.max():.3g}",
        }

    def with_sigma(self, sigma) -> Self:
        """Return the noise as it is, or with another sigma where that makes the covariance."""
        return self if self.covariance is not None else replace(self, sigma=float(sigma))


@dataclass(frozen=True, eq=False)
class ComplexCorrelatedGaussian(CorrelatedGaussian):
    """Circular complex Gaussian noise with a covariance, as of the coils of a magnetic resonance scanner.

    Args:
        covariance: E[n n^H] of the noise n of neighbouring values, Hermitian, (value, value); both parts of a value count.
        sigma: standard deviation of the real and of the imaginary part each.
        correlation: between any two values along the last axis.

    Raises:
        UsageError: there is neither a covariance nor a sigma, or it is no covariance.

    """

    name = "complex-correlated-gaussian"
    summary = "circular Gaussian noise that complex values share, as of the coils of a scanner"
    formula = "Y = X + L Z, Z = (N(0, 1) + i N(0, 1)) / sqrt(2) for each value, L L^H = covariance"
    is_complex = True
    _parts = 2
    _precisions = (np.complex64, np.complex128)

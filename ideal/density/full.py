"""The full Gaussian density: a free mean and covariance, shrunk towards a simpler one as far as validation asks."""

from functools import cached_property
from typing import Self

import numpy as np
from scipy.linalg import eigh, solve_triangular

from ideal._random import generator
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density._moments import flatten, moments
from ideal.density._multivariate import LOG_2PI, factorise, gaussian_log_prob, normal_log_density, predict_in_order, whiten
from ideal.density.stationary import StationaryGaussian
from ideal.errors import DataError

_STILL = 1e-12  # of the mean variance
_WEIGHTS = 1 - np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 60)])[::-1]


class FullGaussian(Density):
    """A Gaussian with a mean and a covariance of its own for each value.

    The sample covariance of N measurements of D values costs about D (D + 3) / 4N nats beyond the best Gaussian, so it is
    mixed with the covariance of a simpler model, the stationary one for images and independent values for vectors, by weights
    chosen on validation measurements. Complex vectors are pairs of real values, so they need not be circular.

    Args:
        mean: shape of one measurement.
        covariance: between the flattened real values, (value, value).
        is_complex: whether measurements are complex.
        shrinkage: weights of the simpler model in the covariance and in the mean, for the record.

    """

    name = "full"

    def __init__(self, mean, covariance, *, is_complex: bool = False, shrinkage: tuple[float, float] = (0.0, 0.0)):
        self.mean = np.asarray(mean)
        self.covariance = np.asarray(covariance, dtype=np.float64)
        self.is_complex = is_complex
        self.shrinkage = shrinkage
        self.shape = self.mean.shape
        size = self.mean.size * (2 if is_complex else 1)
        if self.covariance.shape != (size, size):
            raise DataError(f"a mean of {size} real values needs a covariance ({size}, {size}); found {self.covariance.shape}")

    @classmethod
    def fit(cls, key, train, validation, *, fitted=_NONE, sensor=PLAIN_SENSOR, fitting=DEFAULT_FITTING) -> Self:
        """Fit by shrunk maximum likelihood; nothing is random.

        Args:
            key: not used.
            train: measurements (sample, ...).
            validation: measurements by which the two shrinkage weights are chosen.
            fitted: a stationary model among these is not fitted again.

        """
        shape = tuple(train.shape[1:])
        found = moments(train)
        variances = np.diag(found.covariance)
        still = int((variances <= _STILL * variances.mean()).sum())
        if still:
            raise DataError(
                f"{still} of {len(variances)} values of a measurement never change: what carries no noise is no raw measurement; "
                "crop it away, or leave out the model full"
            )
        held_out = flatten(validation)
        is_complex = np.iscomplexobj(validation)
        if StationaryGaussian.accepts(shape, counts=False, is_complex=is_complex):
            simpler = fitted.get(StationaryGaussian.name) or StationaryGaussian.fit(key, train, validation)
            target_mean = np.tile(simpler.mean, found.mean.size // len(simpler.mean))
            target = simpler.covariance()
        else:
            target_mean = found.mean
            target = np.diag(np.diag(found.covariance))
        # In the basis where the target is white and the sample covariance diagonal, every weight costs O(value).
        factor = factorise(target)
        half = solve_triangular(factor, found.covariance, lower=True, check_finite=False)
        values, vectors = eigh(solve_triangular(factor, half.T, lower=True, check_finite=False))
        basis = solve_triangular(factor, vectors, lower=True, trans="T", check_finite=False)
        inside = (held_out - found.mean) @ basis
        step = (found.mean - target_mean) @ basis
        weight, mean_weight = _choose_weights(np.maximum(values, 0.0), inside, step)
        mean = found.mean + mean_weight * (target_mean - found.mean)
        covariance = (1 - weight) * found.covariance + weight * target
        mean = mean.view(np.complex128).reshape(shape) if is_complex else mean.reshape(shape)
        fitted = cls(mean, covariance, is_complex=is_complex, shrinkage=(weight, mean_weight))
        _ = fitted._factor  # a singular covariance is an error of the data, to be told now
        return fitted

    @cached_property
    def _factor(self) -> np.ndarray:
        return factorise(self.covariance)

    def _centre(self, measurements) -> np.ndarray:
        """Return measurements less the mean, as rows of real values."""
        array = np.asarray(measurements)
        if array.shape[1:] != self.shape:
            raise DataError(f"measurements have shape {array.shape[1:]}, the model was fitted to {self.shape}")
        if np.iscomplexobj(array) and not self.is_complex:
            raise DataError("the measurements are complex, the model was fitted to real ones")
        array = array.astype(np.complex128 if self.is_complex else np.float64, copy=False)
        return flatten(array - self.mean)

    def log_prob(self, measurements) -> np.ndarray:
        """Return the log-density in nats per measurement."""
        return gaussian_log_prob(self._factor, self._centre(measurements))

    def conditional_log_prob(self, measurements) -> np.ndarray:
        """Return ln q of each real value given those before it, nats, (sample, value)."""
        innovations, deviation = whiten(self._factor, self._centre(measurements)), np.diag(self._factor)
        return normal_log_density(innovations, 0.0, 1.0) - np.log(deviation)

    def predict(self, measurements) -> tuple[np.ndarray, np.ndarray]:
        """Return each real value's mean given the values before it, and its standard deviation.

        Args:
            measurements: (sample, ...), of the shape that the model was fitted to.

        Returns:
            Means, of the shape of the measurements, and standard deviations, of the shape of one measurement.

        """
        array = np.asarray(measurements, dtype=np.float64)
        if array.shape[1:] != self.shape:
            raise DataError(f"measurements have shape {array.shape[1:]}, the model was fitted to {self.shape}")
        mean, deviation = predict_in_order(self._factor, array - self.mean)
        return mean + self.mean, deviation

    def entropy(self) -> float:
        """Return the model's own entropy, nats."""
        return float(np.log(np.diag(self._factor)).sum() + 0.5 * len(self._factor) * (LOG_2PI + 1))

    def sample(self, key, count: int) -> np.ndarray:
        """Draw measurements (count, ...)."""
        rows = generator(key).standard_normal((count, len(self._factor))) @ self._factor.T
        if self.is_complex:
            rows = np.ascontiguousarray(rows).view(np.complex128)
        return rows.reshape(count, *self.shape) + self.mean

    def _state(self) -> dict[str, np.ndarray]:
        return {
            "mean": self.mean,
            "covariance": self.covariance,
            "is_complex": np.array(self.is_complex),
            "shrinkage": np.array(self.shrinkage),
        }

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        weights = tuple(float(weight) for weight in state["shrinkage"])
        return cls(state["mean"], state["covariance"], is_complex=bool(state["is_complex"]), shrinkage=weights)


def _choose_weights(values: np.ndarray, inside: np.ndarray, step: np.ndarray) -> tuple[float, float]:
    """Return the weights of the target in the covariance and in the mean that cost least on validation data.

    Args:
        values: sample variances along the basis, where the target has variance 1, (value,).
        inside: validation measurements less the sample mean, in the basis, (sample, value).
        step: sample mean less the target's mean, in the basis, (value,).

    """
    square, first = (inside**2).mean(0), inside.mean(0)
    best = np.inf, 1.0, 1.0
    for weight in _WEIGHTS:
        variance = (1 - weight) * values + weight
        if variance.min() <= 0:
            continue
        # The mean moves by -u step, so a residual r becomes r + u step: the best u in [0, 1] is in closed form.
        curvature = (step**2 / variance).sum()
        mean_weight = float(np.clip(-(first * step / variance).sum() / curvature, 0, 1)) if curvature > 0 else 0.0
        residual = square + 2 * mean_weight * first * step + (mean_weight * step) ** 2
        loss = 0.5 * (np.log(variance) + residual / variance).sum()
        if loss < best[0]:
            best = loss, float(weight), mean_weight
    return best[1:]

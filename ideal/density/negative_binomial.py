"""Counts given their past: a negative binomial about the stationary Gaussian's prediction."""

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from ideal._random import generator
from ideal.density._contract import _NONE, Density
from ideal.density._moments import batches
from ideal.density.stationary import StationaryGaussian
from ideal.errors import DataError

_FIT_VALUES = 40_000
_LARGEST_SHAPE = 1e7  # beyond it the negative binomial is a Poisson to 1e-7 and its formula loses digits


class NegativeBinomial(Density):
    """A probability of whole counts, exact for a constant object under Poisson noise.

    The stationary Gaussian model predicts each value m from those before it; the count then is negative binomial (a Poisson
    whose mean is Gamma distributed) about the positive part of m, with variance m + a + b m + c m^2. It needs no
    dequantisation, and its variance follows the light as Poisson noise does, so it is the tighter the less light there is.

    Args:
        gaussian: the predictor.
        floor: softens the positive part of the prediction, in counts.
        excess: (a, b, c), nonnegative: variance beyond that of Poisson noise.

    """

    name = "negative-binomial"
    discrete = True

    def __init__(self, gaussian: StationaryGaussian, floor: float, excess: tuple[float, float, float]):
        self.gaussian = gaussian
        self.floor = float(floor)
        self.excess = tuple(float(value) for value in excess)
        self.shape = gaussian.shape

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images of counts."""
        return counts and StationaryGaussian.accepts(shape, counts=counts, is_complex=is_complex)

    @classmethod
    def fit(cls, key, train, validation, *, fitted=_NONE) -> Self:
        """Fit the predictor to the training counts, then floor and excess by maximum likelihood on some of them."""
        gaussian = StationaryGaussian.fit(key, train, validation)
        some = next(iter(batches(train)))
        some = some[: max(1, _FIT_VALUES // int(np.prod(some.shape[1:])))]
        _check_counts(some)
        prediction, _ = gaussian.predict(some)
        counts, prediction = np.asarray(some, dtype=np.float64).ravel(), prediction.ravel()
        scale = max(float(gaussian.mean.mean()), 1e-12)
        constant = gammaln(counts + 1)

        def unpack(x):
            share = np.exp(np.clip(x, -30, 5))
            return share[0] * scale, (share[1] * scale, share[2], share[3] / scale)

        def loss(x):
            floor, excess = unpack(x)
            return -_log_prob(counts, _positive(prediction, floor), excess, constant).mean()

        start = np.log([0.05, 0.01, 0.05, 0.01])
        result = minimize(
            loss,
            start,
            method="Nelder-Mead",
            options={"maxiter": 300, "xatol": 0.05, "fatol": 1e-6, "adaptive": True},
        )
        floor, excess = unpack(result.x)
        return cls(gaussian, floor, excess)

    def log_prob(self, measurements) -> np.ndarray:
        """Return the log-probability of counts in nats per measurement.

        Raises:
            DataError: a value is negative or not whole.

        """
        counts = np.asarray(measurements, dtype=np.float64)
        _check_counts(counts)
        prediction, _ = self.gaussian.predict(counts)
        log_prob = _log_prob(counts, _positive(prediction, self.floor), self.excess, gammaln(counts + 1))
        return log_prob.reshape(len(counts), -1).sum(1)

    def interior_log_prob(self, measurements) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return the log-probability of each pixel given its past in the causal window's box."""
        prediction, _, (rows, columns) = self.gaussian.predict_interior(measurements)
        counts = np.asarray(measurements, dtype=np.float64)[:, rows, columns].reshape(prediction.shape)
        log_prob = _log_prob(counts, _positive(prediction, self.floor), self.excess, gammaln(counts + 1))
        return log_prob.sum(-1), (rows, columns)

    def sample(self, key, count: int) -> np.ndarray:
        """Draw counts value by value, each given those before it."""
        rng = generator(key)
        factor = self.gaussian._factor(*self.gaussian.window)
        mean = np.tile(self.gaussian.mean, len(factor) // len(self.gaussian.mean))
        innovations = np.zeros((count, len(factor)))
        values = np.empty_like(innovations)
        for index in range(len(factor)):
            prediction = mean[index] + innovations[:, :index] @ factor[index, :index]
            expected = _positive(prediction, self.floor)
            shape = _gamma_shape(expected, self.excess)
            values[:, index] = rng.poisson(rng.gamma(shape) * expected / shape)
            innovations[:, index] = (values[:, index] - prediction) / factor[index, index]
        return values.reshape(count, *self.shape)

    def _state(self) -> dict[str, np.ndarray]:
        return {**self.gaussian._state(), "floor": np.array(self.floor), "excess": np.array(self.excess)}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        return cls(StationaryGaussian._from_state(state), float(state["floor"]), tuple(state["excess"]))


def _check_counts(counts) -> None:
    if (np.asarray(counts) < 0).any() or (np.asarray(counts) % 1 != 0).any():
        raise DataError("a model of counts was given values that are negative or not whole")


def _positive(prediction, floor):
    return 0.5 * (prediction + np.sqrt(prediction**2 + 4 * floor**2))


def _gamma_shape(mean, excess):
    a, b, c = excess
    return np.minimum(mean**2 / np.maximum(a + b * mean + c * mean**2, 1e-300), _LARGEST_SHAPE)


def _log_prob(counts, mean, excess, log_factorial):
    shape = _gamma_shape(mean, excess)
    choose = gammaln(counts + shape) - gammaln(shape) - log_factorial
    return choose - shape * np.log1p(mean / shape) + counts * (np.log(mean) - np.log(shape + mean))

"""Counts given their past: a mixture of negative binomials about the stationary Gaussian's prediction."""

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betainc, gammaln, logsumexp, psi

from ideal._random import generator
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density.gaussian.moments import batches
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.errors import DataError

_FIT_VALUES = 40_000
_LARGEST_SHAPE = 1e7  # beyond it the formula loses digits; the variance left in excess is mean / 1e7 of the mean
# Start of the fit, a row a component: log weight, then logs of floor, a, b and c in units of the mean count.
_START = np.log([[0.8, 0.05, 0.01, 0.02, 0.005], [0.2, 0.3, 0.1, 0.3, 0.1]])


class NegativeBinomial(Density):
    """A probability of whole counts, exact for a constant object under Poisson noise.

    The stationary Gaussian model predicts each value m from those before it; the count then follows a mixture of negative
    binomials (Poissons whose means are Gamma distributed), each about the positive part of m with variance
    m + a + b m + c m^2. It needs no dequantisation, and its variance follows the light as Poisson noise does, so it is the
    tighter the less light there is.

    Args:
        gaussian: the predictor.
        components: a row for each component: weight, then floor (softens the positive part of the prediction, in counts), a, b
            and c, all nonnegative; shape (component, 5).
        highest: the largest count that is given, which stands for all from there on; inf where there is none.

    """

    name = "negative-binomial"
    summary = "counts given their causal past, by a mixture of negative binomials about the stationary prediction"
    refitted = True
    discrete = True

    def __init__(self, gaussian: StationaryGaussian, components, highest: float = np.inf):
        self.gaussian, self.highest = gaussian, float(highest)
        self.components = np.asarray(components, dtype=np.float64)
        self.shape = gaussian.shape

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images of counts."""
        return counts and StationaryGaussian.accepts(shape, counts=counts, is_complex=is_complex)

    @classmethod
    def suits(cls, noise) -> bool:
        """Tell whether every photon counts: a counter that ends after a few bits has a model that knows it."""
        return not noise.electrons

    @classmethod
    def fit(cls, key, train, validation, *, fitted=_NONE, sensor=PLAIN_SENSOR, fitting=DEFAULT_FITTING) -> Self:
        """Fit the predictor to the training counts, then the components by maximum likelihood on some of them."""
        gaussian = StationaryGaussian.fit(key, train, validation)
        counts = _some(train, max(1, _FIT_VALUES // int(np.prod(train.shape[1:]))))
        _check_counts(counts, sensor.highest)
        prediction, _ = gaussian.predict(counts)
        counts, prediction = counts.ravel(), prediction.ravel()
        scale = max(float(gaussian.mean.mean()), 1e-12)
        units = np.array([1.0, scale, scale, 1.0, 1.0 / scale])
        log_factorial = gammaln(counts + 1)

        def components_of(x):
            logs = np.clip(x.reshape(_START.shape), -30, 6)
            rows = np.exp(logs) * units
            rows[:, 0] /= rows[:, 0].sum()
            return rows

        def loss_and_gradient(x):
            rows = components_of(x)
            found = (_component(counts, prediction, row, log_factorial, sensor.highest) for row in rows)
            parts, slopes = zip(*found, strict=True)
            joint = np.stack(parts) + np.log(rows[:, :1])
            total = logsumexp(joint, axis=0)
            share = np.exp(joint - total)
            gradient = np.empty_like(rows)
            gradient[:, 0] = share.mean(1) - rows[:, 0]
            for row, part, slope, out in zip(rows, share, slopes, gradient, strict=True):
                out[1:] = [(part * each).mean() * value for each, value in zip(slope, row[1:], strict=True)]
            inside = (x.reshape(_START.shape) > -30) & (x.reshape(_START.shape) < 6)
            return -total.mean(), -(gradient * inside).ravel()

        found = minimize(
            loss_and_gradient, _START.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-9, "gtol": 1e-6}
        )
        return cls(gaussian, components_of(found.x), sensor.highest)

    def _log_prob_values(self, counts: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        log_factorial = gammaln(counts + 1)
        common = counts, prediction
        parts = [_component(*common, row, log_factorial, self.highest, slopes=False)[0] for row in self.components]
        return logsumexp(np.stack(parts, axis=-1) + np.log(self.components[:, 0]), axis=-1)

    def log_prob(self, measurements) -> np.ndarray:
        """Return the log-probability of counts in nats per measurement.

        Raises:
            DataError: a value is negative, not whole, or above the highest.

        """
        found = self.conditional_log_prob(measurements)
        return found.reshape(len(found), -1).sum(1)

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return ln q of each count given those before it, nats, of the shape of the measurements."""
        counts = np.asarray(measurements, dtype=np.float64)
        _check_counts(counts, self.highest)
        prediction, _ = self.gaussian.predict(counts)
        return self._log_prob_values(counts, prediction)

    def interior_log_prob(self, measurements, sigma=None) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return the log-probability of each pixel given its past in the causal window's box."""
        prediction, _, (rows, columns) = self.gaussian.predict_interior(measurements)
        counts = np.asarray(measurements, dtype=np.float64)[:, rows, columns].reshape(prediction.shape)
        return self._log_prob_values(counts, prediction).sum(-1), (rows, columns)

    def sample(self, key, count: int) -> np.ndarray:
        """Draw counts value by value, each given those before it."""
        rng = generator(key)
        factor = self.gaussian._factor(*self.gaussian.window)
        mean = np.tile(self.gaussian.mean, len(factor) // len(self.gaussian.mean))
        innovations = np.zeros((count, len(factor)))
        values = np.empty_like(innovations)
        for index in range(len(factor)):
            prediction = mean[index] + innovations[:, :index] @ factor[index, :index]
            row = self.components[rng.choice(len(self.components), count, p=self.components[:, 0])].T
            expected = _positive(prediction, row[1])
            shape = np.minimum(expected**2 / _excess(expected, row), _LARGEST_SHAPE)
            values[:, index] = np.minimum(rng.poisson(rng.gamma(shape) * expected / shape), self.highest)
            innovations[:, index] = (values[:, index] - prediction) / factor[index, index]
        return values.reshape(count, *self.shape)

    def _state(self) -> dict[str, np.ndarray]:
        return {**self.gaussian._state(), "components": self.components, "highest": np.array(self.highest)}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        highest = float(state.get("highest", np.inf))  # older files name none
        return cls(StationaryGaussian._from_state(state), state["components"], highest)


def _some(data, count: int) -> np.ndarray:
    """Return about `count` measurements spread over the data, since neighbours in a file may be alike."""
    step = max(1, data.shape[0] // count)
    found, seen = [], 0
    for batch in batches(data):
        found.append(np.asarray(batch[-seen % step :: step], dtype=np.float64))
        seen += len(batch)
    return np.concatenate(found)


def _check_counts(counts, highest: float) -> None:
    if (np.asarray(counts) < 0).any() or (np.asarray(counts) % 1 != 0).any():
        raise DataError("a model of counts was given values that are negative or not whole")
    if (np.asarray(counts) > highest).any():
        raise DataError(f"a model of counts up to {highest:g} was given {np.max(counts):g}")


def _positive(prediction, floor):
    return 0.5 * (prediction + np.sqrt(prediction**2 + 4 * floor**2)) + 1e-12 * floor


def _excess(mean, component):
    return np.maximum(component[2] + component[3] * mean + component[4] * mean**2, 1e-300)


def _component(counts, prediction, component, log_factorial, highest: float, *, slopes: bool = True):
    """Return the log-probability of one component and its derivatives by floor, a, b and c, value by value.

    That of the highest count is that of all counts from there on.
    """
    floor = component[1]
    mean = _positive(prediction, floor)
    excess = _excess(mean, component)
    free = mean**2 / excess
    shape = np.minimum(free, _LARGEST_SHAPE)
    choose = gammaln(counts + shape) - gammaln(shape) - log_factorial
    log_prob = choose - shape * np.log1p(mean / shape) + counts * (np.log(mean) - np.log(shape + mean))
    top = counts >= highest
    at_top = highest, mean[top], shape[top], log_prob[top]
    if not slopes:
        log_prob[top] = _log_tail(*at_top)
        return log_prob, ()
    ratio = (shape + counts) / (shape + mean)
    by_shape = np.where(free < _LARGEST_SHAPE, psi(counts + shape) - psi(shape) - np.log1p(mean / shape) + 1 - ratio, 0.0)
    by_mean = counts / mean - ratio
    if top.any():
        log_prob[top], by_mean[top], by_shape[top] = _log_tail_with_slopes(*at_top)
        by_shape[top & (free >= _LARGEST_SHAPE)] = 0.0
    by_excess = -by_shape * shape / excess
    by_mean = by_mean + by_shape * 2 * mean / excess + by_excess * (component[3] + 2 * component[4] * mean)
    by_floor = by_mean * 2 * floor / np.sqrt(prediction**2 + 4 * floor**2)
    return log_prob, (by_floor, by_excess, by_excess * mean, by_excess * mean**2)


def _log_tail(highest, mean, shape, log_prob):
    """Return the log-probability of all counts from the highest on, given that of the highest alone."""
    if not mean.size:
        return log_prob
    chance = betainc(highest, shape, mean / (shape + mean))
    # Where that underflows the tail falls so fast that the highest count alone is nearly all of it.
    return np.where(chance > 0, np.maximum(np.log(np.where(chance > 0, chance, 1.0)), log_prob), log_prob)


def _log_tail_with_slopes(highest, mean, shape, log_prob):
    """Return `_log_tail` and its derivatives by the mean and by the shape."""
    found = _log_tail(highest, mean, shape, log_prob)
    # Between P(K >= k) and its slope by the mean stands the probability of the highest count: d/dm = (k / m) P(K = k).
    by_mean = np.exp(log_prob - found) * highest / mean
    step = 1e-4 * shape
    sides = [_log_tail(highest, mean, shape + side * step, log_prob) for side in (0.5, -0.5)]
    return found, by_mean, (sides[0] - sides[1]) / step

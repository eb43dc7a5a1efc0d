"""Values given their past, seen through the known noise: whole electrons about the stationary Gaussian's prediction."""

import json
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betainc, gammaln, logsumexp, ndtr

from ideal._random import generator
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.density.negative_binomial import _excess, _positive
from ideal.errors import DataError, UsageError
from ideal.noise.electrons import ElectronNoise, Wide, Window

_FIT_CELLS = 500_000  # values times electrons that are looked at
_FEWEST, _MOST = 2_000, 20_000  # values of the fit
_BLOCK_CELLS = 4_000_000
_LARGEST_SHAPE = 1e7
_LEAST = 1e-300
_SLOPE = 1e-5  # relative step of a difference that stands for a derivative
_NOISY = 2.0  # times the median variance, from which on a pixel tells others less
# Start of the fit, a row a component: log weight, then logs of floor, a, b and c in units of the mean, and of the scale.
_START = np.log([[0.8, 0.05, 0.01, 0.02, 0.005, 1.0], [0.2, 0.3, 0.1, 0.3, 0.1, 1.0]])
_BOUNDS = (-30.0, 6.0)


class KnownChannel(Density):
    """A density of values that see whole electrons, exact for a constant object.

    The stationary Gaussian model predicts each value m from those before it. The number of electrons then follows a mixture of
    negative binomials about the light behind m (Poissons whose means are Gamma distributed, of variance a + b m + c m^2), as in
    the model `negative-binomial`, each about m times a scale of its own; and the value follows the known p(value | electrons),
    pixel by pixel. So the peaks of single photons, the tail of a multiplying register, the end of a counter and pixels of other
    read noise are no information.

    Args:
        gaussian: the predictor.
        components: a row for each component, as of `NegativeBinomial` and the scale; shape (component, 6).
        channel: the noise.

    """

    name = "known-channel"
    summary = "whole electrons behind the values, given their causal past, seen through the known noise of a sensor"
    refitted = True
    discrete = True
    sees_electrons = True

    def __init__(self, gaussian: StationaryGaussian, components, channel: ElectronNoise):
        self.gaussian, self.channel = gaussian, channel
        self.components = np.asarray(components, dtype=np.float64)
        self.shape = gaussian.shape

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images."""
        return StationaryGaussian.accepts(shape, counts=counts, is_complex=is_complex)

    @classmethod
    def fit(cls, key, train, validation, *, fitted=_NONE, sensor=PLAIN_SENSOR, fitting=DEFAULT_FITTING, figures=None) -> Self:
        """Fit the predictor to the training values, then the components by maximum likelihood on some of them."""
        if sensor.channel is None:
            raise UsageError(f"the model {cls.name} needs noise that sees whole electrons (ideal noise)")
        train = np.asarray(train if isinstance(train, np.ndarray) else np.concatenate(list(train)))
        own, other = (None, None) if figures is None else figures
        quiet, quiet_too = _quiet(train, own), _quiet(np.asarray(validation), other)
        gaussian = StationaryGaussian.fit(key, quiet, quiet_too)
        model = cls(gaussian, np.exp(_START), sensor.channel)
        width = max(model._width(train, own), 1)
        wanted = int(np.clip(_FIT_CELLS / width, _FEWEST, _MOST))
        count = int(np.clip(wanted // max(1, int(np.prod(train.shape[1:]))), 8, len(train)))
        chosen = np.linspace(0, len(train) - 1, count).astype(int)
        some = None if own is None else own[chosen].reshape(-1, own.shape[-1])
        prediction, _ = gaussian.predict(quiet[chosen])
        light = sensor.channel.electrons_behind(prediction.ravel())
        seen = sensor.channel.windows(train[chosen].ravel(), some)
        model.components = _fit_components(seen, light, max(float(np.mean(light)), 1e-12))
        return model

    def _width(self, values: np.ndarray, figures: np.ndarray | None) -> int:
        """Return about how many electrons are looked at for each value."""
        some = np.linspace(0, values.size - 1, min(values.size, 4000)).astype(int)
        own = None if figures is None else figures.reshape(-1, figures.shape[-1])[some]
        parts = self.channel.windows(values.ravel()[some], own)
        return sum(len(each.index) * (each.weights.shape[1] if isinstance(each, Window) else 1) for each in parts) // len(some)

    def log_prob(self, measurements, figures=None) -> np.ndarray:
        """Return the log-density in nats per measurement; of quantised values the log-probability over the step."""
        found = self.conditional_log_prob(measurements, figures=figures)
        return found.reshape(len(found), -1).sum(1)

    def conditional_log_prob(self, measurements, sigma=None, figures=None) -> np.ndarray:
        """Return ln q of each value given those before it, nats, of the shape of the measurements."""
        values = np.asarray(measurements, dtype=np.float64)
        prediction, _ = self.gaussian.predict(_quiet(values, figures))
        return self._log_prob_values(values, prediction, figures)

    def interior_log_prob(self, measurements, sigma=None, figures=None) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return the log-density of each pixel given its past in the causal window's box."""
        values = np.asarray(measurements, dtype=np.float64)
        prediction, _, (rows, columns) = self.gaussian.predict_interior(_quiet(values, figures))
        inside = values[:, rows, columns].reshape(prediction.shape)
        own = None if figures is None else figures[:, rows, columns].reshape(*prediction.shape, -1)
        return self._log_prob_values(inside, prediction, own).sum(-1), (rows, columns)

    def _log_prob_values(self, values: np.ndarray, prediction: np.ndarray, figures: np.ndarray | None) -> np.ndarray:
        flat, light = values.ravel(), self.channel.electrons_behind(prediction.ravel())
        table = None if figures is None else figures.reshape(-1, figures.shape[-1])
        found = np.empty(len(flat))
        block = max(1024, _BLOCK_CELLS // max(self._width(values, figures), 1)) if len(flat) else 1
        for start in range(0, len(flat), block):
            part = slice(start, start + block)
            for seen in self.channel.windows(flat[part], None if table is None else table[part]):
                own = light[part][seen.index]
                parts = [np.log(np.maximum(_density(seen, *_moments(own, row)), _LEAST)) for row in self.components]
                found[start + seen.index] = logsumexp(np.stack(parts, -1) + np.log(self.components[:, 0]), axis=-1)
        return found.reshape(values.shape)

    def sample(self, key, count: int) -> np.ndarray:
        """Draw values one by one, each given those before it, with the noise of the typical pixel."""
        rng = generator(key)
        factor = self.gaussian._factor(*self.gaussian.window)
        mean = np.tile(self.gaussian.mean, len(factor) // len(self.gaussian.mean))
        innovations = np.zeros((count, len(factor)))
        values = np.empty_like(innovations)
        channel = self.channel.typical
        spurious = getattr(channel, "spurious", 0.0)
        for index in range(len(factor)):
            prediction = mean[index] + innovations[:, :index] @ factor[index, :index]
            row = self.components[rng.choice(len(self.components), count, p=self.components[:, 0])].T
            expected, shape = _moments(self.channel.electrons_behind(prediction), row)
            light = np.maximum(rng.gamma(shape) * expected / shape - spurious, 0.0)
            values[:, index] = channel.sample(rng, light)
            innovations[:, index] = (values[:, index] - prediction) / factor[index, index]
        return values.reshape(count, *self.shape)

    def _state(self) -> dict[str, np.ndarray]:
        channel = self.channel.typical
        said = {key: value for key, value in channel.describe().items() if isinstance(value, str | int | float | bool)}
        return {**self.gaussian._state(), "components": self.components, "channel": np.array(json.dumps(said).encode())}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        from ideal.noise import NOISE

        said = json.loads(bytes(np.asarray(state["channel"]).item()))
        name = said.pop("name")
        if name not in NOISE:
            raise DataError(f"its noise, {name}, is not known here")
        channel = NOISE[name](**said)
        if not isinstance(channel, ElectronNoise):
            raise DataError(f"its noise, {name}, does not see electrons")
        return cls(StationaryGaussian._from_state(state), state["components"], channel)


def _quiet(values: np.ndarray, figures: np.ndarray | None) -> np.ndarray:
    """Return values as the predictor sees them: those of far noisier pixels drawn to the mean of the pixels before them."""
    if figures is None or not values.size:
        return values
    from ideal.noise.camera_maps import causal_means

    noise = figures[..., 0] ** 2 + np.maximum(np.median(values), 0.0)
    usual = float(np.median(noise))
    noisy = noise > _NOISY * usual
    if not noisy.any():
        return values
    share = np.where(noisy, usual / noise, 1.0)
    return np.where(noisy, share * values + (1 - share) * causal_means(values, ~noisy), values)


def _moments(light: np.ndarray, component: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the shape of the negative binomial of a component about predicted light."""
    mean = component[5] * _positive(light, component[1])
    return mean, np.minimum(mean**2 / _excess(mean, component), _LARGEST_SHAPE)


def _density(seen: Window | Wide, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return the density of values under negative binomials of these means and shapes, (value,)."""
    if isinstance(seen, Wide):
        deviation = np.sqrt(seen.deviation**2 + mean + mean**2 / shape)
        distance = seen.values - mean
        if not seen.quantum.any():
            return np.exp(-0.5 * (distance / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        low, high = (distance - seen.quantum / 2) / deviation, (distance + seen.quantum / 2) / deviation
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        return (ndtr(high) - ndtr(low)) / seen.quantum
    first, width = seen.first, seen.weights.shape[1]
    share = mean / (shape + mean)
    log_first = gammaln(first + shape) - gammaln(shape) - gammaln(first + 1)
    log_first = log_first - shape * np.log1p(mean / shape) + first * np.log(share)
    ratios = np.empty(seen.weights.shape)
    ratios[:, 0] = 1.0
    if width > 1:
        electrons = first[:, None] + np.arange(width - 1)
        np.cumprod((electrons + shape[:, None]) / (electrons + 1) * share[:, None], axis=1, out=ratios[:, 1:])
    found = np.exp(log_first) * np.einsum("vn,vn->v", ratios, seen.weights)
    if seen.above is not None:
        found = found + seen.above * betainc(first + width, shape, share)
    return found


def _fit_components(seen, light: np.ndarray, scale: float) -> np.ndarray:
    """Return the components of maximum likelihood, about predicted light (value,)."""
    units = np.array([1.0, scale, scale, 1.0, 1.0 / scale, 1.0])
    total = sum(len(each.index) for each in seen)

    def components_of(x):
        rows = np.exp(np.clip(x.reshape(_START.shape), *_BOUNDS)) * units
        rows[:, 0] /= rows[:, 0].sum()
        return rows

    def loss_and_gradient(x):
        rows, loss, gradient = components_of(x), 0.0, np.zeros(_START.shape)
        for each in seen:
            own = light[each.index]
            densities, slopes = [], []
            for row in rows:
                mean, shape = _moments(own, row)
                here = _density(each, mean, shape)
                by_mean = (_density(each, mean * (1 + _SLOPE), shape) - here) / _SLOPE  # by ln(mean), and by ln(shape)
                by_shape = (_density(each, mean, shape * (1 + _SLOPE)) - here) / _SLOPE
                densities.append(here)
                slopes.append(_by_figure(own, row, mean, shape, by_mean, by_shape))
            mixed = np.maximum(rows[:, 0] @ np.stack(densities), _LEAST)
            loss -= np.log(mixed).sum()
            for number, (row, density, slope) in enumerate(zip(rows, densities, slopes, strict=True)):
                part = row[0] / mixed
                gradient[number, 0] += (part * density - row[0]).sum()
                gradient[number, 1:] += [(part * one).sum() * value for one, value in zip(slope, row[1:], strict=True)]
        inside = (x.reshape(_START.shape) > _BOUNDS[0]) & (x.reshape(_START.shape) < _BOUNDS[1])
        return loss / total, -(gradient * inside).ravel() / total

    found = minimize(
        loss_and_gradient, _START.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 150, "ftol": 1e-8, "gtol": 1e-5}
    )
    return components_of(found.x)


def _by_figure(light, component, mean, shape, by_mean, by_shape) -> list[np.ndarray]:
    """Return the derivatives of a density by floor, a, b, c and scale, from those by the logarithms of mean and shape."""
    excess = _excess(mean, component)
    free = mean**2 / excess < _LARGEST_SHAPE
    # ln(shape) = 2 ln(mean) - ln(excess)
    by_excess = np.where(free, -by_shape / excess, 0.0)
    whole = (by_mean + np.where(free, 2 * by_shape, 0.0)) / mean + by_excess * (component[3] + 2 * component[4] * mean)
    by_floor = whole * component[5] * 2 * component[1] / np.sqrt(light**2 + 4 * component[1] ** 2)
    return [by_floor, by_excess, by_excess * mean, by_excess * mean**2, whole * mean / component[5]]

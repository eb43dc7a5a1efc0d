"""Where networks start: a Gaussian model's prediction of each value from those before it, on a scale that suits the noise."""

from dataclasses import dataclass
from typing import Self, TypeGuard

import numpy as np
from scipy.linalg import solve_triangular

from ideal.density._fitting import Sensor
from ideal.density.gaussian.full import FullGaussian
from ideal.density.gaussian.moments import batches
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.density.networks.transform import RootTransform
from ideal.errors import DataError

_FULL_VALUES = 1024  # in larger measurements a full covariance costs more than it tells
_FULL_GAIN = 0.005  # nats per value by which it must be better than the stationary one, which measurements of any size can use
_VARYING = 0.05  # share of the variance that the average image may have before its places are told apart
_DARK = 5.0  # read noises below the dark that a drawn value may lie
_MARGIN = 0.9  # of the noise: no continuous value is predicted to scatter less
_FAR = 1e3  # in standard deviations: an edge of the last cell in float32


@dataclass(frozen=True)
class Sites:
    """Measurements as a network sees them, standardised, (sample, row, column, channel), float64.

    Attributes:
        values: transformed measurements.
        mean: prediction of each from those before it in raster order and, of its pixel, from earlier channels.
        edges: lower and upper edges of the cells of quantised values, those of the lowest and of the highest level at -inf and
            inf; None where values are continuous.

    """

    values: np.ndarray
    mean: np.ndarray
    edges: tuple[np.ndarray, np.ndarray] | None

    def arrays(self, *, exact: bool) -> tuple[np.ndarray, ...]:
        """Return values, means and if `exact` the edges in float32, with finite edges."""
        arrays = [self.values, self.mean]
        if exact:
            if self.edges is None:
                raise ValueError("continuous values have no cells: their density is asked for, not a mass")
            arrays += [np.maximum(self.edges[0], -_FAR), np.minimum(self.edges[1], _FAR)]
        return tuple(array.astype(np.float32) for array in arrays)


class Scaling:
    """A transform, and a location and scale for each channel and phase of the mosaic.

    Args:
        sensor: how the values came about.
        location, scale: of transformed values, (phase row, phase column, channel).

    """

    def __init__(self, sensor: Sensor, location, scale):
        self.sensor, self.location, self.scale = sensor, location, scale
        self.transform = RootTransform(*sensor.noise_variance)

    def _at(self, table: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return a table by phase for every pixel of an image, (row, column, channel)."""
        return table[self.phase_rows(shape[0])[:, None], self.phase_columns(shape[1])[None]]

    def phase_rows(self, count: int) -> np.ndarray:
        """Return the phase of each of so many rows."""
        return np.arange(count) % self.sensor.period[0]

    def phase_columns(self, count: int) -> np.ndarray:
        """Return the phase of each of so many columns."""
        return np.arange(count) % self.sensor.period[1]

    def phase(self, shape: tuple[int, int]) -> np.ndarray:
        """Return the number of each pixel's phase in the mosaic, (row, column)."""
        return (self.phase_rows(shape[0])[:, None] * self.sensor.period[1] + self.phase_columns(shape[1])).astype(np.int32)

    def standardise(self, measurements) -> np.ndarray:
        """Return transformed and standardised measurements with a channel axis."""
        images = self.transform(_with_channel(measurements))
        return (images - self._at(self.location, images.shape[1:3])) / self._at(self.scale, images.shape[1:3])

    def standard_sigma(self, sigma) -> np.ndarray:
        """Return the deviations of noise on the standardised scale, which for noise of continuous values is linear."""
        images = _with_channel(sigma)
        return images / self._at(self.scale, images.shape[1:3])

    def _place(self, row: int, column: int, channel: int) -> tuple[float, float]:
        at = row % self.sensor.period[0], column % self.sensor.period[1], channel
        return self.location[at], self.scale[at]

    def restore_at(self, standard: np.ndarray, row: int, column: int, channel: int) -> np.ndarray:
        """Return the measured values nearest to standardised ones of one place in an image."""
        sensor, (location, scale) = self.sensor, self._place(row, column, channel)
        values = self.transform.inverse(standard * scale + location)
        # The transform is steep in the dark: a draw a little below its zero would be restored to any negative value.
        dark = -_DARK * np.sqrt(sensor.noise_variance[0]) if sensor.noise_variance[1] else -np.inf
        values = np.maximum(values, max(sensor.lowest, dark))
        if sensor.step:
            values = np.maximum(sensor.origin + sensor.step * np.round((values - sensor.origin) / sensor.step), sensor.lowest)
            values = np.minimum(values, sensor.highest)
        return values

    def standardise_at(self, values: np.ndarray, row: int, column: int, channel: int) -> np.ndarray:
        """Return measured values of one place in an image, standardised."""
        location, scale = self._place(row, column, channel)
        return (self.transform(values) - location) / scale


class Anchor(Scaling):
    """A transform, a location and scale for each channel and phase of the mosaic, and a Gaussian model of what results.

    Args:
        sensor: how the values came about.
        location, scale: (phase row, phase column, channel).
        gaussian: model of the standardised measurements (sample, row, column, channel), which may know noise that differs from
            place to place or from sample to sample.
        registered: whether the place in an image matters, as of objects that are centred.

    """

    def __init__(self, sensor: Sensor, location, scale, gaussian: StationaryGaussian | FullGaussian, *, registered: bool = False):
        self.registered = registered or not isinstance(gaussian, StationaryGaussian)
        super().__init__(sensor, location, scale)
        self.gaussian = gaussian

    @classmethod
    def fit(cls, train, validation, sensor: Sensor, sigmas: tuple[np.ndarray, np.ndarray] | None = None) -> Self:
        """Fit to measurements (sample, row, column[, channel]); `sigmas` as of `ideal.density.Density.fit`."""
        if len(train.shape) not in (3, 4):
            raise DataError(f"a network is for images (row, column[, channel]); found measurements of shape {train.shape[1:]}")
        transform = RootTransform(*sensor.noise_variance)
        location, scale = _location_and_scale((transform(_with_channel(batch)) for batch in batches(train)), sensor.period)
        raw = Scaling(sensor, location, scale)
        standard, held_out = _Standardised(raw, train), raw.standardise(validation)
        plain = Sensor()
        known: tuple[np.ndarray, np.ndarray] | None = None
        if sigmas is not None:
            known = raw.standard_sigma(sigmas[0]), raw.standard_sigma(sigmas[1])
        elif sensor.noise_sigma is not None:
            plain = Sensor(noise_sigma=raw.standard_sigma(np.asarray(sensor.noise_sigma)[None])[0])
        best: StationaryGaussian | FullGaussian = StationaryGaussian.fit(0, standard, held_out, sensor=plain, sigmas=known)
        registered = _is_registered(standard)
        if held_out[0].size <= _FULL_VALUES:
            try:
                full = FullGaussian.fit(0, standard, held_out, fitted={best.name: best}, sensor=plain, sigmas=known)
            except DataError:
                return cls(sensor, location, scale, best, registered=registered)
            told = () if known is None else known[1:]
            if (full.log_prob(held_out, *told) - best.log_prob(held_out, *told)).mean() > _FULL_GAIN * held_out[0].size:
                best = full
        return cls(sensor, location, scale, best, registered=registered)

    @property
    def stationary(self) -> bool:
        """Whether measurements of any size can be predicted."""
        return _is_stationary(self.gaussian)

    @property
    def mirrored(self) -> bool:
        """Whether the texture looks the same in a left-right mirror, as validation found of the stationary model."""
        gaussian = self.gaussian
        if self.registered or self.sensor.period != (1, 1) or not _is_stationary(gaussian):
            return False
        return np.allclose(gaussian.autocovariance, gaussian.autocovariance[:, ::-1])

    def predict(self, standard: np.ndarray, *, window: bool = False, sigma=None) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations of standardised values given those before them.

        Args:
            standard: (sample, row, column, channel).
            window: whether to look no further than the causal window of a stationary model.
            sigma: deviations of the noise in the measurements, (sample, row, column[, channel]), for a model that knows it apart.

        """
        gaussian = self.gaussian
        if window and _is_stationary(gaussian):
            centred = standard - gaussian.mean
            mean, deviation = gaussian.causal_window.predict(centred)
            return mean + gaussian.mean, deviation
        if sigma is None:
            return self.gaussian.predict(standard)
        return self.gaussian.predict(standard, self.standard_sigma(sigma))

    def sites(self, measurements, *, window: bool = False, sigma=None) -> tuple[Sites, np.ndarray]:
        """Return measurements as a network sees them, and the predictions' log deviations ([sample, ]row, column, channel)."""
        images = _with_channel(measurements)
        standard = self.standardise(measurements)
        mean, deviation = self.predict(standard, window=window, sigma=sigma)
        edges = None
        if self.sensor.step:
            location, scale = (self._at(table, images.shape[1:3]) for table in (self.location, self.scale))
            low, high = ((self.transform(images + side * self.sensor.step / 2) - location) / scale for side in (-1, 1))
            lowest, highest = self.sensor.lowest + self.sensor.slack, self.sensor.highest - self.sensor.slack
            edges = np.where(images > lowest, low, -np.inf), np.where(images < highest, high, np.inf)
        return Sites(standard, mean, edges), np.log(deviation)

    def log_unit(self, measurements, *, exact: bool) -> np.ndarray:
        """Return what makes ln q of a standardised value one of a measured value, (sample, row, column, channel).

        Args:
            measurements: (sample, row, column[, channel]).
            exact: whether q is the mass in a cell, to become a density per unit of the measurement; or a density already.

        """
        images = _with_channel(measurements)
        if exact:
            return np.full((1, 1, 1, 1), -np.log(self.sensor.step))
        return self.transform.log_slope(images) - np.log(self._at(self.scale, images.shape[1:3]))

    def log_floor(self, shape: tuple[int, int], sigma=None) -> np.ndarray | None:
        """Return log deviations of continuous noise on the standardised scale, ([sample, ]row, column, channel), less a margin.

        None where values are quantised: what they are given is a probability, and cannot pass 1.
        """
        if self.gaussian.noise is not None:
            known = np.sqrt(self.gaussian.noise.min(0)).reshape(*shape, -1) if sigma is None else self.standard_sigma(sigma)
            return np.log(_MARGIN * known)
        constant, slope = self.sensor.noise_variance
        if self.sensor.step or (constant == 0 and slope == 0):
            return None
        # Of roots of light the deviation is 1, but in the dark, where it is less.
        deviation = 0.5 if slope else _MARGIN * np.sqrt(constant)
        return np.log(deviation / self._at(self.scale, shape))

    def log_deviation(self, shape: tuple[int, int]) -> np.ndarray:
        """Return the log deviations of the predictions in an image of this shape, (row, column, channel)."""
        return np.log(self.predict(np.zeros((1, *shape, self.location.shape[2])))[1])

    def sequence(self, count: int, shape: tuple[int, int]) -> "_FactorSequence | _WindowSequence":
        """Return a predictor of images that are drawn value by value."""
        gaussian = self.gaussian
        if _is_stationary(gaussian) and not (shape[0] <= gaussian.window[0] and shape[1] <= gaussian.window[1]):
            return _WindowSequence(gaussian, count, shape)
        size = int(np.prod(shape)) * self.location.shape[2]
        if isinstance(gaussian, FullGaussian):
            return _FactorSequence(gaussian._factor, gaussian.mean.ravel(), count)
        return _FactorSequence(gaussian._factor(*shape), np.tile(gaussian.mean, size // len(gaussian.mean)), count)

    def state(self) -> dict[str, np.ndarray]:
        """Return the arrays that make up the anchor."""
        sensor = self.sensor
        return {
            "sensor": np.array(
                [sensor.step, sensor.origin, sensor.lowest, *sensor.noise_variance, *sensor.period, sensor.highest],
                dtype=np.float64,
            ),
            "location": self.location,
            "scale": self.scale,
            "gaussian": np.array(self.gaussian.name.encode()),
            **{f"gaussian_{name}": array for name, array in self.gaussian._state().items()},
        }

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> Self:
        """Rebuild an anchor from `state`."""
        step, origin, lowest, constant, slope, rows, columns, *highest = state["sensor"].tolist()  # older files name no ceiling
        sensor = Sensor(step, origin, lowest, (constant, slope), (int(rows), int(columns)), *highest)
        kinds = {model.name: model for model in (StationaryGaussian, FullGaussian)}
        kind = kinds[bytes(np.asarray(state["gaussian"])[()]).decode()]
        arrays = {name.removeprefix("gaussian_"): array for name, array in state.items() if name.startswith("gaussian_")}
        return cls(sensor, state["location"], state["scale"], kind._from_state(arrays))


class _FactorSequence:
    """Predicts each value from those before it by a Cholesky factor."""

    def __init__(self, factor: np.ndarray, mean: np.ndarray, count: int):
        self._factor, self._mean = factor, mean
        self._innovations = np.zeros((count, len(mean)))
        self._at = 0

    def predict(self) -> np.ndarray:
        """Return the mean of the next value in raster order, (sample,)."""
        at = self._at
        return self._mean[at] + self._innovations[:, :at] @ self._factor[at, :at]

    def observe(self, values: np.ndarray) -> None:
        """Take the next value of each image."""
        self._innovations[:, self._at] = (values - self.predict()) / self._factor[self._at, self._at]
        self._at += 1


class _WindowSequence:
    """Predicts each value from those in the causal window of a stationary model."""

    def __init__(self, gaussian: StationaryGaussian, count: int, shape: tuple[int, int]):
        self._window, self._mean, self._shape = gaussian.causal_window, gaussian.mean, shape
        self._images = np.zeros((count, *shape, len(gaussian.mean)))
        self._at = 0

    def predict(self) -> np.ndarray:
        """Return the mean of the next value in raster order, (sample,)."""
        row, column, channel = (int(each) for each in np.unravel_index(self._at, self._images.shape[1:]))
        case = self._window.case_at(row, column, self._shape)
        past = self._images[:, row + case.offsets[:, 0], column + case.offsets[:, 1]]
        joint = np.einsum("npa,pab->nb", past, case.weights)
        within = self._images[:, row, column, :channel] - joint[:, :channel]
        if channel:
            earlier = solve_triangular(case.factor[:channel, :channel], within.T, lower=True)
            return self._mean[channel] + joint[:, channel] + case.factor[channel, :channel] @ earlier
        return self._mean[channel] + joint[:, channel]

    def observe(self, values: np.ndarray) -> None:
        """Take the next value of each image."""
        row, column, channel = np.unravel_index(self._at, self._images.shape[1:])
        self._images[:, row, column, channel] = values - self._mean[channel]
        self._at += 1


def _is_stationary(gaussian: StationaryGaussian | FullGaussian) -> TypeGuard[StationaryGaussian]:
    return isinstance(gaussian, StationaryGaussian) and gaussian.noise is None


def _is_registered(standard) -> bool:
    """Tell whether the average image varies by more than a share of the variance, and than so few samples explain."""
    total, count = 0.0, 0
    for batch in standard:
        total, count = total + batch.sum(0), count + len(batch)
    return bool(np.mean((total / count) ** 2) > _VARYING + 3 / count)


def _with_channel(measurements) -> np.ndarray:
    images = np.asarray(measurements, dtype=np.float64)
    return images[..., None] if images.ndim == 3 else images


class _Standardised:
    """Measurements, standardised as they are read."""

    def __init__(self, scaling: Scaling, data):
        self._scaling, self._data = scaling, data
        self.shape = tuple(data.shape) if len(data.shape) == 4 else (*data.shape, 1)

    def __iter__(self):
        return (self._scaling.standardise(batch) for batch in batches(self._data))


def _location_and_scale(images, period) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation by phase of the mosaic and channel, from an iterable of images."""
    total: np.ndarray | float = 0.0
    square: np.ndarray | float = 0.0
    count = 0.0
    for batch in images:
        total, square, count = total + batch.sum(0), square + (batch**2).sum(0), count + len(batch)
    shape = np.shape(total)
    sums = np.zeros((3, *period, shape[2]))
    rows, columns = (np.arange(size) % each for size, each in zip(shape[:2], period, strict=True))
    for table, values in zip(sums, (total, square, np.full_like(total, count)), strict=True):
        np.add.at(table, (rows[:, None], columns[None]), values)
    if not sums[2].all():
        raise DataError(
            f"patches of {len(rows)}x{len(columns)} pixels do not show every phase of a mosaic of period "
            f"{period[0]}x{period[1]}: choose a larger patch"
        )
    location = sums[0] / sums[2]
    variance = sums[1] / sums[2] - location**2
    if not variance.max() > 0:
        raise DataError("the measurements never change: a constant image carries no information")
    return location, np.sqrt(np.maximum(variance, 1e-6 * variance.mean()))

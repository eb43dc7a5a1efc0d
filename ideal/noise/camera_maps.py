"""A camera whose pixels differ: maps of gain, offset and read noise, noise that rows and columns share, pixels that are bad."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import numpy as np

from ideal._ranges import Range
from ideal.errors import DataError, UsageError
from ideal.noise import entropy as entropies
from ideal.noise.contract import Figure, sum_values
from ideal.noise.deconvolution import MixingDistribution, bin_edges, bin_likelihood, fit_by_likelihood, mean_grid
from ideal.noise.electrons import ElectronNoise, Wide, Window, gaussian_windows
from ideal.noise.entropy import as_float, namespace
from ideal.noise.limits import Channel, limited_entropy, limited_variance
from ideal.noise.photons import draw_poisson
from ideal.noise.poisson_gaussian import PoissonGaussian

_CLASS = 0.1  # of ln(read noise): pixels of one class share a table of entropies; between classes they are interpolated
_MOST_CLASSES = 12  # in the deconvolution of means
_MAPS = ("gain", "offset", "read_noise")
_UINT16 = 65_535

Map = float | np.ndarray


@dataclass(frozen=True, eq=False)
class CameraMaps(ElectronNoise):
    """A calibrated camera: photons and read noise, with a gain, an offset and a read noise for each pixel.

    The camera's number is DN = round((N + read_noise N(0, 1) + row + column) / gain + offset), N Poisson of mean X, with one draw
    of `row` for each row of a frame and one of `column` for each column. Measurements are given in photoelectrons,
    (DN - offset) x gain by the maps, so that the fixed pattern is gone before anything is counted; each pixel has steps as wide
    as its own gain. Pixels that are bad count neither in the measurements nor in the noise.

    Noise that rows or columns share belongs to H(Y|X). Its part, 1/2 ln det(1 + U^T D^-1 U) with D the variances of single
    pixels, is exact where these are Gaussian, and else a lower bound, since of all noise of one covariance the Gaussian hides
    most (Shannon; Ihara, Inf. Control 37, 34, 1978): the information stays a bound from above.

    Args:
        gain: electrons per DN, a number or an array of the shape of one frame, (row, column).
        offset: DN in the dark, likewise.
        read_noise: standard deviation of the read noise of single pixels, electrons, likewise.
        row_noise: standard deviation of what the pixels of a row share, electrons.
        column_noise: of what those of a column share, electrons.
        bad_pixels: which pixels to leave out, boolean, (row, column); None for none.
        floor: least DN that the converter gives; None for no such limit.
        saturation: largest DN that it gives; None for no such limit.
        quantised: whether measurements are whole DN or continuous.
        step: DN between two levels of the converter.

    Raises:
        UsageError: a figure has no meaning, or maps are of different shapes.

    Example:
        >>> import numpy as np
        >>> from ideal.noise import CameraMaps
        >>> camera = CameraMaps(0.5, 100.0, np.array([[1.0, 2.0]]), quantised=False)
        >>> camera.variance(np.array([[10.0, 10.0]])).tolist()
        [[11.0, 14.0]]

    """

    gain: Map = field()  # type: ignore[assignment]
    offset: Map
    read_noise: Map
    row_noise: float = field(default=0.0, kw_only=True)
    column_noise: float = field(default=0.0, kw_only=True)
    bad_pixels: np.ndarray | None = field(default=None, kw_only=True)
    floor: float | None = field(default=None, kw_only=True)
    saturation: float | None = field(default=None, kw_only=True)
    quantised: bool = field(default=True, kw_only=True)
    step: int = field(default=1, kw_only=True)
    name = "camera-maps"
    told_by_figures = False  # a camera of plain numbers has the same ones
    summary = "a calibrated camera: maps of gain, offset and read noise, noise of rows and columns, bad pixels"
    formula = "Y = gain (DN - offset), DN = round((Poisson(X) + read_noise N(0, 1) + row + column) / gain + offset), by pixel"
    units = None
    figures = (
        Figure("read_noise", "electrons", "standard deviation of the read noise", within=Range(1e-3, 1e5), option="--read-noise"),
        Figure("gain", "electrons per DN", "gain", needed=False, within=Range(1e-5, 1e6), option="--gain"),
        Figure("offset", "DN", "level in the dark", needed=False, positive=False, within=Range(-1e6, 1e6), option="--offset"),
        Figure("row_noise", "electrons", "noise that a row shares", needed=False, positive=False, within=Range(0.0, 1e5)),
        Figure("column_noise", "electrons", "noise that a column shares", needed=False, positive=False, within=Range(0.0, 1e5)),
    )

    def __post_init__(self):
        for name in _MAPS:
            values = np.asarray(getattr(self, name), dtype=np.float64)
            good = np.isfinite(values) & ((values > 0) | (name == "offset"))
            if self.bad_pixels is not None and values.ndim:
                good |= np.broadcast_to(self.bad_pixels, values.shape)
            if not good.all():
                place = tuple(int(i) for i in np.argwhere(~good)[0])
                said = f" at pixel {place}" if place else ""
                raise UsageError(
                    f"the {name.replace('_', ' ')} of camera-maps must be {'finite' if name == 'offset' else 'above 0'}; found "
                    f"{values[place]:g}{said}: name the pixel among bad_pixels, or mend the map"
                )
            object.__setattr__(self, name, float(values) if values.ndim == 0 else values)
        if self.bad_pixels is not None:
            bad = np.asarray(self.bad_pixels)
            if bad.dtype.kind not in "bui" or not np.isin(bad, (0, 1)).all():
                raise UsageError("bad_pixels must be true or false for each pixel")
            object.__setattr__(self, "bad_pixels", bad.astype(bool) if bad.any() else None)
            if bad.all():
                raise UsageError("bad_pixels names every pixel: none is left")
        shapes = {np.shape(each) for each in self._every() if np.ndim(each)}
        if len(shapes) > 1:
            raise UsageError(
                f"the maps of a camera have shapes {' and '.join(map(str, sorted(shapes)))}, expected one of a frame"
            )
        for name in ("row_noise", "column_noise"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UsageError(f"{name} must be a number of electrons from 0 on; found {getattr(self, name):g}")
        if self.floor is not None and self.saturation is not None and not self.floor < self.saturation:
            raise UsageError(f"the floor must lie below saturation; found {self.floor:g} and {self.saturation:g} DN")

    def _every(self) -> list:
        return [*(getattr(self, name) for name in _MAPS), *([] if self.bad_pixels is None else [self.bad_pixels])]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the maps, that of one frame; () where all are numbers."""
        return next((np.shape(each) for each in self._every() if np.ndim(each)), ())

    @property
    def electrons(self) -> bool:  # type: ignore[override]
        """True: density models score each pixel by its own read noise."""
        return True

    @property
    def typical(self) -> PoissonGaussian:
        """The camera of the median pixel that is good, without noise of rows and columns."""
        own = self._typical("read_noise"), self._typical("gain"), self._typical("offset"), self.quantised, self.step
        floor = -math.inf if self.floor is None or not self.quantised else self.floor
        return PoissonGaussian(*own, floor, math.inf if self.saturation is None or not self.quantised else self.saturation)

    def _typical(self, name: str) -> float:
        values = getattr(self, name)
        if np.ndim(values) == 0:
            return float(values)
        return float(np.median(values if self.bad_pixels is None else values[~self.bad_pixels]))

    @property
    def _shared(self) -> float:
        return self.row_noise**2 + self.column_noise**2

    @property
    def steps(self) -> Map:
        """Electrons per step of the converter by pixel; 0 where the measurements are continuous."""
        return self.gain * self.step if self.quantised else 0.0

    @property
    def quantum(self) -> float:
        """Electrons per step of the converter, of the typical pixel; 0 where the measurements are continuous."""
        return self._typical("gain") * self.step if self.quantised else 0.0

    @property
    def origin(self) -> float:
        """One of the levels of the converter, electrons, of the typical pixel."""
        return (-self._typical("offset") * self._typical("gain")) % self.quantum if self.quantised else 0.0

    def _limit(self, side: int) -> Map:
        """Return the lowest (-1) or highest (1) level by pixel, electrons."""
        number = self.floor if side < 0 else self.saturation
        if number is None or not self.quantised:
            return side * math.inf
        level = self.step * (math.ceil(number / self.step) if side < 0 else math.floor(number / self.step))
        return (level - self.offset) * self.gain

    @property
    def lowest(self) -> float:
        """The lowest level of the typical pixel, electrons; -inf without a floor."""
        return float(np.median(self._limit(-1)))

    @property
    def highest(self) -> float:
        """The highest level of the typical pixel, electrons; inf without a ceiling."""
        return float(np.median(self._limit(1)))

    @property
    def _limited(self) -> Channel | None:
        typical = self.typical
        return typical._channel

    # The probability of Y at a mean.

    def sample(self, key, mean):
        """Draw measurements in photoelectrons, (..., row, column); noise of rows and columns is drawn for each frame."""
        shape = np.shape(mean)
        if (self.row_noise or self.column_noise) and len(shape) < 2:
            raise UsageError("noise of rows and columns is of images (row, column), not of vectors: leave it out")
        if isinstance(key, np.random.Generator):
            xp, electrons = np, draw_poisson(key, mean)
            normal = key.standard_normal
            parts = normal(shape), *(normal(each) for each in self._lines(shape))
        else:
            import jax
            import jax.numpy as xp

            keys = jax.random.split(key, 4)
            electrons = draw_poisson(keys[0], mean)
            sizes = (shape, *self._lines(shape))
            parts = tuple(jax.random.normal(own, size, electrons.dtype) for own, size in zip(keys[1:], sizes, strict=False))
        own, *lines = parts
        electrons = electrons + xp.asarray(self.read_noise, dtype=electrons.dtype) * own
        for deviation, line in zip(self._line_noise, lines, strict=True):
            electrons = electrons + deviation * line
        if not self.quantised:
            return electrons
        gain, offset = (xp.asarray(each, dtype=electrons.dtype) for each in (self.gain, self.offset))
        levels = self.step * xp.round((electrons / gain + offset) / self.step)
        if self.floor is not None:
            levels = xp.maximum(levels, self.step * math.ceil(self.floor / self.step))
        if self.saturation is not None:
            levels = xp.minimum(levels, self.step * math.floor(self.saturation / self.step))
        return gain * (levels - offset)

    @property
    def _line_noise(self) -> list[float]:
        return [each for each in (self.row_noise, self.column_noise) if each]

    def _lines(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        rows, columns = (*shape[:-1], 1), (*shape[:-2], 1, *shape[-1:])
        return [rows] * bool(self.row_noise) + [columns] * bool(self.column_noise)

    def log_prob(self, measurement, mean):
        """Return the log-density per electron of single values: noise of their row and column counts as their own.

        It is a sum over the electron numbers within ten standard deviations.
        """
        from ideal.noise.photons import poisson_log_pmf

        xp, special = namespace(measurement, mean)
        values, means = as_float(measurement, xp), as_float(mean, xp)
        deviation = np.sqrt(np.asarray(self.read_noise) ** 2 + self._shared)
        steps = np.asarray(self.steps, dtype=np.float64)
        reach = math.ceil(10 * float(np.max(deviation)) + float(np.max(steps))) + 1
        electrons = xp.round(values)[..., None] + xp.arange(-reach, reach + 1)
        distance = values[..., None] - electrons
        own, step = (xp.asarray(each[..., None], dtype=values.dtype) for each in (deviation, steps))
        if self.quantised:
            low, high = (distance - step / 2) / own, (distance + step / 2) / own
            flip = low > 0
            low, high = xp.where(flip, -high, low), xp.where(flip, -low, high)
            mass = special.ndtr(high) - special.ndtr(low)
            kernel = xp.where(mass > 0, xp.log(xp.maximum(mass, xp.finfo(values.dtype).tiny)) - xp.log(step), -xp.inf)
        else:
            kernel = -0.5 * (distance / own) ** 2 - xp.log(own) - 0.5 * math.log(2 * math.pi)
        log_pmf = poisson_log_pmf(electrons, xp.broadcast_to(means[..., None], electrons.shape), xp, special)
        found = special.logsumexp(log_pmf + kernel, axis=-1)
        for side in (-1, 1):
            limit = np.asarray(self._limit(side), dtype=np.float64)
            if not np.isfinite(limit).all():
                continue
            edge = (limit - side * steps / 2)[..., None]
            around = np.round(edge) + np.arange(-reach, reach + 1)
            chance = np.log(np.maximum(_normal_tail(side * (around - edge) / deviation[..., None]), 1e-300))
            near = poisson_log_pmf(xp.asarray(around, dtype=means.dtype), means[..., None], xp, special)
            near = special.logsumexp(near + xp.asarray(chance, dtype=means.dtype), axis=-1)
            far_from = xp.asarray(around[..., -1] + 1 if side > 0 else around[..., 0] - 1, dtype=means.dtype)
            far = _far_tail(side, far_from, means, xp, special)
            tail = xp.logaddexp(near, far) - xp.log(xp.asarray(steps, dtype=means.dtype))
            beyond = side * (values - xp.asarray(limit, dtype=values.dtype))
            slack = xp.asarray(steps / 4, dtype=values.dtype)
            found = xp.where(beyond < -slack, found, xp.where(beyond > slack, -xp.inf, tail))
        return found

    def entropy(self, mean):
        """Return the entropy of each value given what its row and column share, (..., row, column); 0 of bad pixels.

        It is that of `PoissonGaussian`, interpolated between read noises a tenth apart within 5e-4 nat. Limits of the converter
        enter as they do for the typical pixel.
        """
        xp, _ = namespace(mean)
        mean = as_float(mean, xp)
        found = self._single_entropy(mean, self.read_noise, self.steps)
        return found if self.bad_pixels is None else xp.where(xp.asarray(self.bad_pixels), 0.0, found)

    def _single_entropy(self, mean, read_noise, steps):
        xp, _ = namespace(mean)
        typical = self.quantum
        noise = np.asarray(read_noise, dtype=np.float64)
        if noise.ndim == 0 or np.ptp(noise) == 0:
            value = float(noise.ravel()[0]) if noise.ndim else float(noise)
            found = entropies.poisson_gaussian_entropy(mean, value, typical, self.origin)
        else:
            good = np.isfinite(noise) & (noise > 0)
            noise = np.where(good, noise, self._typical("read_noise"))
            place = np.log(noise) / _CLASS
            found = 0.0
            for node in np.unique(np.concatenate([np.floor(place).ravel(), np.floor(place).ravel() + 1])):
                weight = np.maximum(1 - np.abs(place - node), 0.0)
                if not weight.any():
                    continue
                used = np.broadcast_to(weight > 0, np.shape(mean))
                at_node = float(np.exp(node * _CLASS))
                if xp is np:
                    part = np.zeros(np.shape(mean))
                    part[used] = entropies.poisson_gaussian_entropy(mean[used], at_node, typical, self.origin)
                else:
                    part = xp.where(used, entropies.poisson_gaussian_entropy(mean, at_node, typical, self.origin), 0.0)
                found = found + xp.asarray(weight) * part
        if np.ndim(steps) and typical:
            # The width of a pixel's own steps changes the variance; the shape of the noise is that of the typical pixel.
            base = mean + xp.asarray(noise) ** 2
            found = found + 0.5 * xp.log((base + xp.asarray(steps) ** 2 / 12) / (base + typical**2 / 12))
        channel = self._limited
        if channel is not None:
            inside = xp.maximum(mean, 0.0)
            found = xp.maximum(found + limited_entropy(inside, channel) - channel.unlimited(inside)[0], math.log(typical))
        return found

    def variance(self, mean):
        """Return mean + read_noise^2 + row_noise^2 + column_noise^2 + quantum^2 / 12 of each value, photoelectrons squared."""
        xp, _ = namespace(mean)
        mean = xp.maximum(mean, 0.0)
        channel, found = self._limited, mean + xp.asarray(self._constant)
        if channel is None:
            return found
        return xp.maximum(found + limited_variance(mean, channel) - channel.unlimited(mean)[1], 0.0)

    @property
    def _constant(self) -> Map:
        return self.read_noise**2 + self._shared + self.steps**2 / 12

    # H(Y|X) of measurements.

    def conditional_entropy(self, measurements, clean=None, means: MixingDistribution | None = None) -> np.ndarray:
        """Return H(Y|X) of each measurement, of its good pixels: their own entropies, and what rows and columns share.

        Without clean means the distribution of means is deconvolved from the values, pixels sorted by their read noise.
        """
        values = np.asarray(measurements, dtype=np.float64)
        if clean is not None:
            found = self._clean_entropy(values, clean)
            return found + self._line_entropy(1 / self._own_variance(np.asarray(clean, dtype=np.float64)))
        if means is None:
            means = self.fit_means(values)
        assert isinstance(means, PixelMeans)
        own = self._class_of(values.shape, means)
        curves = np.stack([self._single_entropy(means.grid, each, self.quantum) for each in means.deviations])
        each = means.influence_by_class(values, own, curves, self._good(values.shape))
        if np.ndim(self.gain) and self.quantised:
            # The width of a pixel's own steps beside that of the typical one, where the light is what it shows.
            base = np.maximum(values, 0.0) + np.asarray(self.read_noise) ** 2
            each = each + 0.5 * np.log((base + np.asarray(self.steps) ** 2 / 12) / (base + self.quantum**2 / 12))
        good = self._good(values.shape)
        found = sum_values(np.where(good, each, 0.0))
        if not self._line_noise:
            return found
        inverse = np.stack([1 / (means.grid + each**2 + self.quantum**2 / 12) for each in means.deviations])
        weights = means.influence_by_class(values, own, inverse, good)
        least = 1 / self._own_variance(np.maximum(values, 0.0) * 4 + 16)
        return found + self._line_entropy(np.maximum(weights, least))

    def _own_variance(self, mean):
        return mean + np.asarray(self.read_noise) ** 2 + np.asarray(self.steps) ** 2 / 12

    def _good(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(True if self.bad_pixels is None else ~self.bad_pixels, shape)

    def _line_entropy(self, weights: np.ndarray) -> np.ndarray:
        """Return what noise of rows and columns adds to the entropy of each measurement, nats, (sample,).

        `weights` are one over the variance of each pixel, (sample, row, column). Where they are estimates their scatter lowers
        the result, by less than 1e-3 nat a row.
        """
        if not self._line_noise:
            return np.zeros(len(weights))
        if weights.ndim != 3:
            raise UsageError(
                f"noise of rows and columns is of images (row, column); found measurements of shape {weights.shape[1:]}"
            )
        weights = np.where(self._good(weights.shape), weights, 0.0)
        rows, columns = self.row_noise**2, self.column_noise**2
        if not columns or not rows:
            line, variance = weights.sum(2 if rows else 1), rows or columns
            return 0.5 * np.log1p(variance * line).sum(1)
        across = 1 + rows * weights.sum(2)
        along = columns * weights.sum(1)
        size = weights.shape[2]
        inner = -rows * columns * np.einsum("nrc,nr,nrd->ncd", weights, 1 / across, weights)
        inner[:, range(size), range(size)] += 1 + along
        return 0.5 * (np.log(across).sum(1) + np.linalg.slogdet(inner)[1])

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of mean electrons behind values, by pixels of like read noise together."""
        values = np.asarray(values, dtype=np.float64)
        good = self._good(values.shape)
        noise = np.broadcast_to(np.asarray(self.read_noise), values.shape)[good]
        kept = values[good]
        low, high = float(np.log(noise.min())), float(np.log(noise.max()))
        count = int(np.clip(np.ceil((high - low) / _CLASS), 1, _MOST_CLASSES))
        limits = np.linspace(low, high, count + 1)[1:-1]
        own = np.searchsorted(limits, np.log(noise), side="right")
        used = np.unique(own)
        deviations = np.array([np.sqrt(np.mean(noise[own == each] ** 2)) for each in used])
        limits = limits[used[1:] - 1] if len(used) > 1 else np.empty(0)
        own = np.searchsorted(used, own)
        total = np.sqrt(deviations**2 + self._shared)
        # Levels of one lattice keep their place; those of pixels of their own gain or offset are spread evenly between it.
        aligned = np.ndim(self.gain) == 0 and np.ndim(self.offset) == 0
        lattice = (self.quantum, self.origin) if aligned and self.quantised else (0.0, 0.0)
        widened = total if aligned else np.sqrt(total**2 + self.quantum**2 / 12)
        ends = (self.lowest, self.highest) if self.quantised else (-math.inf, math.inf)
        edges = bin_edges(kept.min(), kept.max(), float(total.min()), *lattice, *ends)
        grid = mean_grid(float(kept.max()), float(total.min()), ends[1] if kept.max() >= ends[1] - self.quantum / 4 else math.inf)
        shares = np.bincount(own, minlength=len(deviations)) / len(own)
        parts = [share * bin_likelihood(edges, grid, each) for share, each in zip(shares, widened, strict=True)]
        numbers = own * (len(edges) + 1) + np.searchsorted(edges, kept, side="right")
        found = fit_by_likelihood(
            numbers, np.arange(len(parts) * (len(edges) + 1) - 1) + 0.5, grid, np.maximum(np.concatenate(parts), 1e-300)
        )
        return PixelMeans(**vars(found), limits=limits, deviations=deviations, shares=shares, value_edges=edges)

    def _class_of(self, shape: tuple[int, ...], means: "PixelMeans") -> np.ndarray:
        noise = np.broadcast_to(np.asarray(self.read_noise), shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.searchsorted(means.limits, np.log(noise), side="right")

    # What density models see.

    def figures_at(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return read noise, step, lowest and highest level of each value, electrons, (*shape, 4); of bad pixels typical ones."""
        parts = [self.read_noise, self.steps, self._limit(-1), self._limit(1)]
        found = np.stack([np.broadcast_to(np.asarray(each, dtype=np.float64), shape) for each in parts], axis=-1)
        if self.bad_pixels is not None:
            typical = [self._typical("read_noise"), self.quantum, self.lowest, self.highest]
            found[np.broadcast_to(self.bad_pixels, shape)] = typical
        return found

    def windows(self, values: np.ndarray, figures: np.ndarray | None = None) -> Sequence[Window | Wide]:
        """Return what values tell of the number of electrons; see `ElectronNoise`."""
        if figures is None:
            return self.typical.windows(values)
        return gaussian_windows(values, *figures.T)

    # What may be assumed of values.

    @property
    def linear_variance(self) -> tuple[float, float]:
        """The least variance of the read noise of a pixel, and 1 per photoelectron."""
        return self.least_deviation**2, 1.0

    @property
    def line_variances(self) -> tuple[float, float]:
        """Variances of row noise and of column noise, electrons squared."""
        return self.row_noise**2, self.column_noise**2

    @property
    def dark_variance(self) -> float:
        """Variance of the typical good pixel where there is no light, what rows and columns share included."""
        return self._typical("read_noise") ** 2 + self._shared + self.quantum**2 / 12

    @property
    def least_deviation(self) -> float:
        """The least read noise of a good pixel."""
        noise = np.asarray(self.read_noise)
        return float(np.min(noise[~self.bad_pixels] if self.bad_pixels is not None and noise.ndim else noise))

    def variance_from(self, values):
        """Return the value itself, for its mean, and what read noise, rows, columns and steps of the converter add."""
        return values + self._constant

    def without_limits(self) -> Self:
        """Return the camera without a floor and a ceiling."""
        return replace(self, floor=None, saturation=None)

    def with_limits(self, calibration, *, floor: float | None, ceiling: float | None) -> Self:
        """Return a camera whose converter ends at these numbers."""
        return replace(
            self, floor=self.floor if floor is None else floor, saturation=self.saturation if ceiling is None else ceiling
        )

    def continuous(self) -> Self:
        """Return the electrons before the converter."""
        return replace(self, quantised=False, floor=None, saturation=None)

    # Parts of measurements.

    @property
    def by_place(self) -> bool:
        """Whether there is a map, so that pixels differ."""
        return bool(self.shape)

    def at(self, positions: np.ndarray, patch: tuple[int, int] | None) -> Self:
        """Return the camera with the maps of patches, (patch, row, column)."""
        if not self.by_place:
            return self
        if patch is None:
            return self.part(np.zeros(len(positions), dtype=int), whole=True)
        rows = positions[:, 1, None] + np.arange(patch[0])
        columns = positions[:, 2, None] + np.arange(patch[1])
        return self.part((rows[:, :, None], columns[:, None, :]))

    def part(self, index, *, whole: bool = False) -> Self:
        """Return the camera of a part of its pixels, by an index of its maps."""
        if not self.by_place:
            return self

        def cut(each):
            return each if np.ndim(each) == 0 else np.broadcast_to(each, (len(index), *each.shape)) if whole else each[index]

        maps = {name: cut(getattr(self, name)) for name in _MAPS}
        bad = None if self.bad_pixels is None else cut(self.bad_pixels)
        # Figures of the typical pixel stay those of the whole sensor.
        return cast(Self, _Part(**{**vars(self), **maps, "bad_pixels": bad, "whole": getattr(self, "whole", None) or self}))

    def alone(self) -> Self:
        """Return the camera without noise of rows and columns."""
        return replace(self, row_noise=0.0, column_noise=0.0)

    @property
    def keep(self) -> np.ndarray | None:
        """Which pixels count; None for all."""
        return None if self.bad_pixels is None else ~self.bad_pixels

    def refilled(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return patches whose bad pixels show what good pixels before them make likely, with noise drawn anew.

        So nothing of a bad pixel, and nothing that comes after it, tells density models anything.

        Args:
            values: (patch, row, column[, channel]) of a camera that `at` gave.
            rng: draws the noise.

        """
        if self.bad_pixels is None:
            return values
        bad = np.broadcast_to(self.bad_pixels, values.shape)
        if not bad.any():
            return values
        mean = np.maximum(causal_means(values, ~bad)[bad], 0.0)
        deviation = np.sqrt(mean + self._typical("read_noise") ** 2 + self._shared)
        found = mean + deviation * rng.standard_normal(mean.shape)
        if self.quantised:
            found = self.origin + self.quantum * np.round((found - self.origin) / self.quantum)
        values = values.copy()
        values[bad] = found
        return values

    def photoelectrons(self, stored: np.ndarray, rows: slice | None = None) -> np.ndarray:
        """Return (stored - offset) x gain by pixel; bad pixels show the mean of the good ones around them."""
        if stored.shape[1:] != (self.shape if rows is None else (len(range(*rows.indices(self.shape[0]))), *self.shape[1:])):
            raise DataError(
                f"the maps of the camera are of {' x '.join(map(str, self.shape))} pixels, the frames of "
                f"{' x '.join(map(str, stored.shape[1:]))}: take the maps of the same region of the sensor"
            )
        own = self if rows is None else self.part(rows)
        bad = own.bad_pixels
        gain, offset = (
            each if bad is None or np.ndim(each) == 0 else np.where(bad, self._typical(name), each)
            for each, name in ((own.gain, "gain"), (own.offset, "offset"))
        )
        stored -= offset
        stored *= gain
        if bad is not None:
            _fill(stored, bad)
        return stored

    # Files, configurations and the command line.

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the maps."""
        found = {name: np.asarray(getattr(self, name)) for name in _MAPS if np.ndim(getattr(self, name))}
        return found if self.bad_pixels is None else found | {"bad_pixels": self.bad_pixels}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], figures: Mapping[str, Any]) -> Self:
        """Return the camera whose maps a file keeps; figures are those of pixels without a map."""
        whole = {**figures, **arrays}
        whole.setdefault("gain", 1.0)
        whole.setdefault("offset", 0.0)
        if "bad_pixels" in whole:
            whole["bad_pixels"] = np.asarray(whole["bad_pixels"], dtype=bool)
        return cls(**whole)

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the camera of a measurement set; None without its read noise."""
        calibration = measured.calibration
        if cls.missing(calibration):
            return None
        levels: dict[str, Any] = {"quantised": measured.integer, "step": measured.step}
        if measured.integer:
            limits = {"floor": calibration.floor, "saturation": calibration.saturation}
            levels |= {name: value for name, value in limits.items() if value is not None}
        if calibration.model is not None:
            if calibration.model.by_place and calibration.model.shape != measured.shape[1:]:
                raise DataError(
                    f"{measured.path}: the maps of the camera are of {' x '.join(map(str, calibration.model.shape))} pixels, the "
                    f"frames of {' x '.join(map(str, measured.shape[1:]))}: take the maps of the same region of the sensor"
                )
            return replace(calibration.model, **levels)
        levels |= {name: calibration.figure(name) or 0.0 for name in ("row_noise", "column_noise")}
        return cls(calibration.gain, calibration.offset, calibration.read_noise, **levels)

    @classmethod
    def refuse(cls, measured) -> None:
        """Refuse a camera whose read noise nobody has given, and noise of rows of what has none.

        Raises:
            UsageError: it is one of these.

        """
        super().refuse(measured)
        noise = measured.noise
        if noise is not None and noise._line_noise and len(measured.shape) != 3:
            raise UsageError(f"{measured.path}: noise of rows and columns is of images (row, column): leave it out")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return a camera that gives whole DN, with these figures."""
        own = dict(settings)
        return cls(own.pop("gain", 1.0), own.pop("offset", 0.0), own.pop("read_noise"), **own)

    def attributes(self) -> dict[str, Any]:
        """Return the figures of the camera, those of the typical pixel where there is a map."""
        found = {name: self._typical(name) for name in _MAPS}
        found |= {name: getattr(self, name) for name in ("row_noise", "column_noise") if getattr(self, name)}
        limits = {name: getattr(self, name) for name in ("floor", "saturation") if getattr(self, name) is not None}
        if self.quantised:
            return found | limits
        return {name: value for name, value in found.items() if name not in ("gain", "offset")} | {"units": "photoelectrons"}

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return whole DN, as the converter gives them, or photoelectrons as they are where there is none."""
        return np.round(values / self.gain + self.offset).astype(np.int64) if self.quantised else values

    def stored_type(self, largest: float) -> np.dtype:
        """Return 16 bits where they hold the numbers, else 32, or single precision without a converter."""
        if not self.quantised:
            return np.dtype(np.float32)
        width = 10 * np.sqrt(np.asarray(self.read_noise) ** 2 + self._shared) / self.gain
        least, most = float(np.min(self.offset - width)), float(np.max(4 * largest / self.gain + self.offset + width))
        return np.dtype(np.uint16 if least >= 0 and most < _UINT16 else np.int32)

    def describe(self) -> dict:
        """Return the name, the figures of the typical pixel, and which are maps."""
        figures = {name: _described(getattr(self, name)) for name in _MAPS}
        lines = {name: getattr(self, name) for name in ("row_noise", "column_noise")}
        limits = {name: getattr(self, name) for name in ("floor", "saturation") if getattr(self, name) is not None}
        bad = {} if self.bad_pixels is None else {"bad_pixels": int(self.bad_pixels.sum())}
        return {"name": self.name, **figures, **lines, **bad, "quantised": self.quantised, "step": self.step, **limits}


@dataclass(frozen=True, eq=False)
class _Part(CameraMaps):
    """A part of a camera, (..., row, column); what is typical is so of the whole sensor."""

    whole: CameraMaps | None = field(default=None, kw_only=True)

    def __post_init__(self):
        return

    def _typical(self, name: str) -> float:
        assert self.whole is not None
        return self.whole._typical(name)

    @property
    def lowest(self) -> float:
        assert self.whole is not None
        return self.whole.lowest

    @property
    def highest(self) -> float:
        assert self.whole is not None
        return self.whole.highest


@dataclass(frozen=True)
class PixelMeans(MixingDistribution):
    """The distribution of means behind values of pixels of several read noises; bins are of a value and of a class of pixels.

    Attributes:
        limits: logarithms of read noise between the classes, (class - 1,).
        deviations: read noise of each class, electrons, (class,).
        shares: of the pixels in each class, (class,).
        value_edges: inner boundaries of the bins of values, (bin - 1,).

    """

    limits: np.ndarray
    deviations: np.ndarray
    shares: np.ndarray
    value_edges: np.ndarray

    def influence_by_class(self, values, own: np.ndarray, curves: np.ndarray, good: np.ndarray) -> np.ndarray:
        """Return `influence` of a function of the mean that differs by class.

        Args:
            values: measured photoelectrons, any shape.
            own: class of each, same shape.
            curves: the function, (class, grid).
            good: which values count, same shape.

        """
        bins = own * (len(self.value_edges) + 1) + np.searchsorted(self.value_edges, values, side="right")
        average = self.shares @ curves
        each = self._influence_by_bin(average, int(good.sum()))[np.minimum(bins, len(self.frequency) - 1)]
        return each + (curves @ self.weights - average @ self.weights)[own]


def causal_means(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return for each pixel the mean of the good pixels among the four beside it that come before it.

    Where there is none, it is the mean of the good pixels of all first rows: a number that tells nothing of the patch.

    Args:
        values: (patch, row, column[, channel]).
        good: which count, same shape.

    """
    total, count = np.zeros(values.shape), np.zeros(values.shape)
    kept = np.where(good, values, 0.0)
    for dy, dx in ((0, 1), (1, 1), (1, 0), (1, -1)):
        rows = slice(dy, None), slice(None, -dy or None)
        columns = {1: (slice(1, None), slice(None, -1)), 0: (slice(None),) * 2, -1: (slice(None, -1), slice(1, None))}[dx]
        total[:, rows[0], columns[0]] += kept[:, rows[1], columns[1]]
        count[:, rows[0], columns[0]] += good[:, rows[1], columns[1]]
    first = kept[:, 0].sum() / max(good[:, 0].sum(), 1)
    return np.where(count > 0, total / np.maximum(count, 1), first)


def _normal_tail(x):
    from scipy.special import ndtr

    return ndtr(x)


def _far_tail(side: int, count, mean, xp, special):
    """Return ln P(N >= count) (1) or ln P(N <= count) (-1), value by value."""
    safe = xp.maximum(mean, xp.finfo(mean.dtype).tiny)
    if side > 0:
        chance = xp.where(count > 0, special.gammainc(xp.maximum(count, 1e-3), safe), 1.0)
    else:
        chance = xp.where(count >= 0, special.gammaincc(xp.maximum(count, 0.0) + 1.0, safe), 0.0)
    return xp.where(chance > 0, xp.log(xp.where(chance > 0, chance, 1.0)), -xp.inf)


def _described(values) -> float | str:
    values = np.asarray(values)
    if values.ndim == 0:
        return float(values)
    finite = values[np.isfinite(values)]
    return (
        f"map of {' x '.join(map(str, values.shape))}, median {np.median(finite):.6g}, from {finite.min():g} to {finite.max():g}"
    )


def _fill(values: np.ndarray, bad: np.ndarray) -> None:
    """Put the mean of the good pixels around it into each bad pixel of images (sample, row, column[, ...]), in place."""
    rows, columns = bad.shape[:2]
    good = ~bad
    for place in np.argwhere(bad):
        row, column, *rest = (int(i) for i in place)
        for reach in (1, 2, 4, 8, max(rows, columns)):
            tall, wide = (slice(max(at - reach, 0), at + reach + 1) for at in (row, column))
            area: Any = (tall, wide, *rest)
            near = good[area]
            if near.any():
                values[(slice(None), *place)] = np.moveaxis(values[(slice(None), *area)], 0, -1)[near].mean(0)
                break

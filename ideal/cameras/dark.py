"""Dark frames: the offset, the noise in the dark, what rows and columns share, dark current, and pixels that are bad."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from ideal.cameras.frames import Stack
from ideal.cameras.moments import Components, Moments, SharedNoise

HOT, DEAD, NOISY = 1, 2, 4
KINDS = {HOT: "hot", DEAD: "dead", NOISY: "noisy"}

_FAR = 8.0  # standard deviations of all pixels' dark values, about, from which on a pixel is hot
_BRIGHT = 5.0  # standard deviations of a pixel's own noise that it must be off as well
_LOUD = 6.25  # variance over that of a middling pixel from which on a pixel is noisy
_CHANCE = 1e-3  # expected number of pixels that chance makes noisy
_FEWEST = 8  # frames from which on a pixel can be called noisy
_SPIKE = 8.0  # standard deviations by which a frame's value is off that something hit: a cosmic ray
_RARELY = 0.03  # share of the frames in which that may be
_SERIES = 2**24  # values of suspicious pixels that are looked at frame by frame


@dataclass
class Dark:
    """What dark frames say of a sensor.

    Attributes:
        offset: mean value of each pixel, of no exposure where exposures are named, DN, float64 (row, column).
        variance: variance of each pixel over frames, DN^2, float32 (row, column); NaN where no two frames are alike.
        kinds: what is wrong with a pixel, a sum of 1 hot and 4 noisy, uint8 (row, column).
        current: dark current of each pixel, DN/s, float64 (row, column); None where exposures are not named.
        components: parts of the temporal noise; None of single frames.
        mean: mean over good pixels, DN, of no exposure where these are named.
        mean_error: its standard error.
        mean_freedom: degrees of freedom of the error.
        current_mean: mean dark current of good pixels, DN/s.
        current_error: its standard error.
        current_chance: variance that noise makes of a pixel's dark current.
        chance: variance that noise makes of a pixel's offset.
        frames: number of frames.
        freedom: degrees of freedom of a pixel's variance.
        points: (exposure, mean, variance, its error, frames) of each exposure.
        hits: values that cosmic rays, or the like, have changed.
        drift: change of the mean from the first frame to the last, DN, and its standard error.

    """

    offset: np.ndarray
    variance: np.ndarray
    kinds: np.ndarray
    current: np.ndarray | None
    components: Components | None
    mean: float
    mean_error: float
    mean_freedom: int
    current_mean: float
    current_error: float
    current_chance: float
    chance: float
    frames: int
    freedom: int
    points: list[tuple[float | None, float, float, float, int]] = field(default_factory=list)
    hits: int = 0
    drift: tuple[float, float] = (0.0, np.inf)

    @property
    def good(self) -> np.ndarray:
        """Which pixels are neither hot nor noisy, (row, column)."""
        return self.kinds == 0

    def at(self, exposure: float | None) -> np.ndarray:
        """Return the dark values of an exposure, DN (row, column)."""
        if self.current is None or not exposure:
            return self.offset
        return self.offset + exposure * self.current

    def mean_at(self, exposure: float | None) -> float:
        """Return the mean dark value of an exposure, DN."""
        return self.mean + (self.current_mean * exposure if self.current is not None and exposure else 0.0)


@dataclass
class _Group:
    """Dark frames of one exposure."""

    exposure: float | None
    mean: np.ndarray
    variance: np.ndarray
    count: int


def measure_dark(stacks: Sequence[Stack], say: Callable[[], None]) -> Dark:
    """Return what dark frames say; they are read twice, one at a time.

    Args:
        stacks: of frames of one shape; each frame has an exposure, or none has.
        say: called after each frame.

    """
    groups: list[_Group] = []
    parts = _by_exposure(stacks)
    shape = stacks[0].shape
    shared: SharedNoise | None = None
    hits, freedom = 0, 0
    pooled = np.zeros(shape)
    drift = (0.0, np.inf)
    for exposure, members in parts:
        moments = Moments(shape)
        for stack, numbers in members:
            for frame in stack.frames(numbers):
                moments.add(frame)
                say()
        group = _Group(exposure, moments.mean, moments.variance, moments.count)
        groups.append(group)
        if group.count < 2:
            continue
        suspicious = _loud(group.variance, group.count - 1)
        series, places = _room_for(suspicious, group.count)
        good = ~suspicious
        if shared is None:
            shared = SharedNoise(good)
        shared.add_all(_residuals(members, group.mean, shared.good, series, places, say))
        if series is not None:
            hits += _without_hits(group, series, places)
        freedom += group.count - 1
        pooled += group.variance * (group.count - 1)
        drift = max(drift, _drift(shared.frames[-group.count :]), key=lambda each: abs(each[0]) / max(each[1], 1e-300))
    variance = pooled / freedom if freedom else np.full(shape, np.nan)
    offset, current, chance, current_chance = _line(groups)
    kinds = _kinds(groups, variance, freedom)
    good = kinds == 0
    typical = float(variance[good].mean()) if freedom else 0.0
    components = None
    if shared is not None and freedom:
        mean_square = float((variance[good] ** 2).mean())
        components = shared.components(float(variance[good].mean()), mean_square)
        typical = max(components.pixel, 0.0) if components is not None else typical
    mean, error, slope, slope_error = _means(groups, good, shared, variance)
    points = []
    for group in groups:
        one = float(group.variance[good].mean()) if group.count > 1 else np.nan
        scatter = float(np.sqrt((group.variance[good] ** 2).mean() * 2 / (group.count + 1) / good.sum()))
        points.append((group.exposure, float(group.mean[good].mean()), one, scatter, group.count))
    return Dark(
        offset,
        variance.astype(np.float32),
        kinds,
        current,
        components,
        mean,
        error,
        max(1, freedom),
        slope,
        slope_error,
        current_chance * typical,
        chance * typical,
        sum(each.count for each in groups),
        freedom,
        points,
        hits,
        drift,
    )


def _by_exposure(stacks: Sequence[Stack]) -> list[tuple[float | None, list[tuple[Stack, list[int]]]]]:
    found: dict[float | None, list[tuple[Stack, list[int]]]] = {}
    for stack in stacks:
        if stack.exposures is None:
            found.setdefault(None, []).append((stack, list(range(stack.count))))
            continue
        for exposure in np.unique(stack.exposures):
            found.setdefault(float(exposure), []).append((stack, np.flatnonzero(stack.exposures == exposure).tolist()))
    return sorted(found.items(), key=lambda each: -1.0 if each[0] is None else each[0])


def _loud(variance: np.ndarray, freedom: int) -> np.ndarray:
    """Return which pixels scatter more than others, beyond chance."""
    if freedom < _FEWEST - 1:
        return np.zeros(variance.shape, bool)
    middle = np.median(variance) / (stats.chi2.median(freedom) / freedom)
    if not middle > 0:  # most pixels never change: the converter's steps hide their noise
        middle = max(float(variance.mean()), 1e-12)
    factor = max(_LOUD, float(stats.chi2.isf(_CHANCE / variance.size, freedom)) / freedom)
    return variance > factor * middle


def _room_for(suspicious: np.ndarray, count: int) -> tuple[np.ndarray | None, np.ndarray]:
    places = np.flatnonzero(suspicious)
    if not len(places) or len(places) * count > _SERIES or count < _FEWEST:
        return None, places
    return np.empty((count, len(places)), np.float32), places


def _residuals(members, mean, good, series, places, say):
    """Yield frames less their mean, 0 at bad pixels, and keep the values of suspicious ones."""
    number = 0
    center, bad = mean.astype(np.float32), ~good
    for stack, numbers in members:
        for frame in stack.frames(numbers):
            if series is not None:
                series[number] = frame.ravel()[places]
            number += 1
            residual = frame - center
            residual[bad] = 0.0
            say()
            yield residual


def _without_hits(group: _Group, series: np.ndarray, places: np.ndarray) -> int:
    """Take single values that are far off out of the mean and the variance of pixels; return how many."""
    middle = np.median(series, axis=0)
    spread = 1.4826 * np.median(np.abs(series - middle), axis=0)
    typical = float(np.sqrt(np.median(group.variance)))
    far = np.abs(series - middle) > _SPIKE * np.maximum(spread, typical)
    few = (far.sum(0) > 0) & (far.sum(0) <= max(1, int(_RARELY * len(series))))
    if not few.any():
        return 0
    rest = np.where(far[:, few], np.nan, series[:, few].astype(np.float64))
    group.mean.ravel()[places[few]] = np.nanmean(rest, axis=0)
    group.variance.ravel()[places[few]] = np.nanvar(rest, axis=0, ddof=1)
    return int(far[:, few].sum())


def _line(groups: list[_Group]):
    """Return the offset of each pixel, its dark current or None, and the variances of both over that of a pixel."""
    weights = np.array([float(each.count) for each in groups])
    times = np.array([0.0 if each.exposure is None else each.exposure for each in groups])
    if len(groups) == 1:
        return groups[0].mean, None, 1 / weights[0], 0.0
    middle = float(np.average(times, weights=weights))
    spread = float((weights * (times - middle) ** 2).sum())
    center = sum(weight * each.mean for weight, each in zip(weights, groups, strict=True)) / weights.sum()
    slope = sum(w * (t - middle) * each.mean for w, t, each in zip(weights, times, groups, strict=True)) / spread
    return center - middle * slope, slope, 1 / weights.sum() + middle**2 / spread, 1 / spread


def _kinds(groups: list[_Group], variance: np.ndarray, freedom: int) -> np.ndarray:
    kinds = np.zeros(variance.shape, np.uint8)
    # Of the longest exposure: there a pixel that is hot by its dark current shows it.
    longest = groups[-1].mean
    middle = np.median(longest)
    scale = 1.4826 * np.median(np.abs(longest - middle))
    noise = np.sqrt(np.median(variance)) if np.isfinite(variance).any() else 0.0
    kinds[longest - middle > max(_FAR * scale, _BRIGHT * noise, 1e-9)] |= HOT
    if freedom:
        kinds[_loud(variance, freedom)] |= NOISY
    return kinds


def _means(groups: list[_Group], good: np.ndarray, shared: SharedNoise | None, variance: np.ndarray):
    """Return mean and slope over exposures of the good pixels, each with its standard error."""
    means = np.array([float(each.mean[good].mean()) for each in groups])
    counts = np.array([float(each.count) for each in groups])
    if shared is not None and shared.freedom:
        frame = float(np.sum(np.square(shared.frames))) / shared.freedom
    else:
        frame = float(np.nanmean(variance)) / good.sum() if np.isfinite(variance).any() else np.inf
    if len(groups) == 1:
        return float(means[0]), float(np.sqrt(frame / counts[0])), 0.0, 0.0
    times = np.array([each.exposure or 0.0 for each in groups])
    middle = float(np.average(times, weights=counts))
    spread = float((counts * (times - middle) ** 2).sum())
    slope = float((counts * (times - middle) * means).sum() / spread)
    center = float(np.average(means, weights=counts))
    error = np.sqrt(frame * (1 / counts.sum() + middle**2 / spread))
    return center - slope * middle, float(error), slope, float(np.sqrt(frame / spread))


def _drift(frames: list[float]) -> tuple[float, float]:
    """Return by how much the means of frames rise from the first to the last, and the standard error of that."""
    values = np.asarray(frames)
    if len(values) < 8:
        return 0.0, np.inf
    time = np.linspace(-0.5, 0.5, len(values))
    slope = float((time * values).sum() / (time**2).sum())
    rest = values - values.mean() - slope * time
    return slope, float(np.sqrt(rest.var() * len(values) / (len(values) - 2) / (time**2).sum()))

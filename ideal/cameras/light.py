"""Frames with light: temporal variance against mean, of levels of flat fields and of the pixels of still scenes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ideal.cameras.dark import Dark
from ideal.cameras.frames import Stack
from ideal.cameras.levels import Level
from ideal.cameras.moments import Moments
from ideal.errors import DataError

_HIT = 1e-6  # chance that a pixel's variance is as far beyond that of its light: more is a hit, or motion
_BINS = 24
_FEWEST = 200  # pixels of a bin
_CLIPPED = 1e-3
_MOVED = 0.05  # correlation of neighbours in the difference of two frames, above which the scene has changed
_ERRORS = 6.0


@dataclass
class Response:
    """Light of each pixel, summed over flat fields.

    Attributes:
        light: sum over frames of the values above the dark, DN (row, column).
        mean: its mean over pixels.
        chance: variance that noise makes of a pixel's sum.
        frames: number of frames.

    """

    light: np.ndarray
    mean: float = 0.0
    chance: float = 0.0
    frames: int = 0


def measure_flats(
    levels: Sequence[Level], dark: Dark | None, slope: float, good: np.ndarray, say: Callable[[], None]
) -> Response:
    """Measure the variance of each level that is `used`, and the response of each pixel.

    Args:
        levels: their means, above the dark, and variances are written here.
        dark: what dark frames say; None without any.
        slope: about the system gain, DN/e-, by which values that something hit are told.
        good: which pixels count.
        say: called after each frame.

    """
    shape = good.shape
    response = Response(np.zeros(shape))
    floor = None if dark is None or not dark.freedom else np.maximum(dark.variance, np.median(dark.variance))
    shared = None if dark is None else dark.components
    lines = 0.0 if shared is None else max(shared.row, 0.0) + max(shared.column, 0.0)
    alone: list[Level] = []
    for level in levels:
        if not level.used:
            continue
        moments = Moments(shape)
        frames = []
        for frame in level.stack.frames(level.numbers):
            moments.add(frame)
            frames.append(float(frame.mean(dtype=np.float64)))
            say()
        mean = moments.mean - (dark.at(level.exposure) if dark is not None else 0.0)
        level.mean = float(mean[good].mean())
        response.light += level.count * mean
        response.frames += level.count
        response.mean += level.count * level.mean
        if level.count > 1:
            _variance_of(level, mean, moments.variance, frames, good, floor, slope, shared)
            response.chance += level.count * max(level.variance - lines, 0.0)
        else:
            alone.append(level)
    response.chance += _chance_of(alone, levels, 0.0 if shared is None else shared.total, lines, slope)
    if response.frames and dark is not None:
        response.chance += response.frames**2 * dark.chance
    return response


def _chance_of(alone: Sequence[Level], levels: Sequence[Level], dark: float, lines: float, slope: float) -> float:
    """Return what noise makes of the sum of frames that have a level of their own: their variance is that of their light."""
    known = [each for each in levels if each.used and each.count > 1]
    light = sum(each.mean for each in known)
    if light > 0:
        slope = sum(each.variance - dark for each in known) / light
    return sum(max(dark + slope * each.mean - lines, 0.0) for each in alone)


def _variance_of(level: Level, mean, variance, frames, good, floor, slope, shared) -> None:
    """Write the temporal variance of a pixel, without what whole frames share, and its error into a level."""
    freedom = level.count - 1
    expected = slope * np.maximum(mean, 0.0) + (floor if floor is not None else 0.0)
    limit = float(stats.chi2.isf(_HIT, freedom)) / freedom
    # Without dark frames the noise without light is not known: a middling pixel's stands in for it.
    least = 1.0 if floor is not None else float(np.median(variance))
    use = good & (variance <= limit * np.maximum(expected, least))
    pixels = int(use.sum())
    v, m = variance[use], mean[use]
    total = float(v.mean())
    square = float((v**2).mean())
    middle = float(m.mean())
    # A lamp that flickers scales all pixels: what the means of frames share beyond their pixels' noise is taken off.
    common = float(np.var(frames, ddof=1)) - total / good.size
    scale = float((m**2).mean()) / middle**2 if middle > 0 else 1.0
    level.variance = total - common * scale
    error = square * 2 / (freedom + 2) / pixels
    if shared is not None:
        height, width = good.shape
        for part, lines, across in ((shared.row, height, width), (shared.column, width, height)):
            part = max(part, 0.0)
            error += (2 * part**2 + 4 * part * total / across) / (freedom * lines)
    level.error = float(np.sqrt(error))


def measure_repeats(
    stacks: Sequence[Stack], dark: Dark | None, ceiling: float, good: np.ndarray, say: Callable[[], None]
) -> list[Level]:
    """Return the variance against the mean of pixels of still scenes, in bins of the light beside them.

    Pixels are sorted by the mean of their neighbors, whose noise is independent of theirs: sorting favors no noise.

    Args:
        stacks: repeated frames; several scenes in one are told apart by its groups.
        dark: what dark frames say; None without any.
        ceiling: largest number that occurs.
        good: which pixels count.
        say: called after each frame.

    """
    found: list[Level] = []
    for stack in stacks:
        label = np.zeros(stack.count, int) if stack.groups is None else np.unique(stack.groups, return_inverse=True)[1]
        for scene in np.unique(label):
            numbers = np.flatnonzero(label == scene).tolist()
            if len(numbers) < 2:
                continue
            moments, frames = Moments(good.shape), []
            highest = np.full(good.shape, -np.inf)
            change = np.zeros(good.shape)
            for number, frame in zip(numbers, stack.frames(numbers), strict=True):
                moments.add(frame)
                change += {numbers[0]: -1.0, numbers[-1]: 1.0}.get(number, 0.0) * frame
                np.maximum(highest, frame, out=highest)
                frames.append(float(frame.mean(dtype=np.float64)))
                say()
            _check_still(stack, change, moments.mean, good)
            found += _bins(stack, numbers, moments, frames, highest >= ceiling, dark, good)
    return found


def _check_still(stack: Stack, change: np.ndarray, mean: np.ndarray, good: np.ndarray) -> None:
    """Refuse frames between which the scene has changed: the difference of two is then alike in neighbouring pixels.

    Raises:
        DataError: it has.

    """
    light = mean - mean[good].mean()
    rest = np.where(good, change - change[good].mean(), 0.0)
    if (light[good] ** 2).sum() > 0:  # a lamp that flickers changes all in proportion
        rest -= np.where(good, light, 0.0) * float((rest * light)[good].sum() / (light[good] ** 2).sum())
    rows, columns = stack.period
    power = float((rest**2).mean())
    if not power > 0 or min(rest.shape[0] // rows, rest.shape[1] // columns) < 8:
        return
    # Noise that a row or a column shares makes neighbours alike in one direction; a scene does so in both.
    # At two distances, for a mosaic that nobody has named.
    alike = max(
        min(float((rest[:-down] * rest[down:]).mean()), float((rest[:, :-across] * rest[:, across:]).mean())) / power
        for down, across in ((rows, columns), (2 * rows, 2 * columns))
    )
    if alike > _MOVED + _ERRORS / np.sqrt(rest.size):
        raise DataError(
            f"{stack.name}: the scene is not the same in all frames, the difference of two of them is alike in neighbours "
            f"({alike:.2g} of 1): record frames of a still scene, or tell scenes apart by groups"
        )


def _bins(stack: Stack, numbers, moments, frames, clipped, dark: Dark | None, good) -> list[Level]:
    exposure = None if stack.exposures is None else float(stack.exposures[numbers[0]])
    mean = moments.mean - (dark.at(exposure) if dark is not None else 0.0)
    beside = _beside(mean, stack.period)
    inner = good & np.isfinite(beside)
    order = np.argsort(beside[inner], kind="stable")
    m, v, cut = mean[inner][order], moments.variance[inner][order], clipped[inner][order]
    freedom = len(numbers) - 1
    limit = float(stats.chi2.isf(_HIT, freedom)) / freedom
    middle = float(m.mean())
    common = float(np.var(frames, ddof=1)) - float(v.mean()) / mean.size
    flicker = max(common, 0.0) / middle**2 if middle > 0 else 0.0
    found = []
    for part in np.array_split(np.arange(len(m)), max(1, min(_BINS, len(m) // _FEWEST))):
        own, noise = m[part], v[part]
        noise_middle = float(np.median(noise)) / (stats.chi2.median(freedom) / freedom)
        use = noise <= limit * max(noise_middle, float(noise.mean()) / 2)
        own, noise = own[use], noise[use]
        level = Level(stack, list(numbers), exposure, float(own.mean()))
        level.clipped = float(cut[part].mean())
        level.variance = float(noise.mean()) - flicker * float((own**2).mean())
        level.error = float(np.sqrt((noise**2).mean() * 2 / (freedom + 2) / len(own)))
        level.used = level.clipped <= _CLIPPED
        found.append(level)
    for first, level in enumerate(found):  # beyond a clipped bin all are
        if not level.used:
            for later in found[first:]:
                later.used = False
            break
    return found


def _beside(mean: np.ndarray, period: tuple[int, int]) -> np.ndarray:
    """Return the mean of the four pixels of the same color beside each; NaN at the edges."""
    rows, columns = period
    found = np.full(mean.shape, np.nan)
    if mean.shape[0] <= 2 * rows or mean.shape[1] <= 2 * columns:
        return found
    found[rows:-rows, columns:-columns] = (
        mean[: -2 * rows, columns:-columns]
        + mean[2 * rows :, columns:-columns]
        + mean[rows:-rows, : -2 * columns]
        + mean[rows:-rows, 2 * columns :]
    ) / 4
    return found

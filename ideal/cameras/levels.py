"""Levels of light among flat fields, and where the sensor saturates, from one first look at each frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ideal.cameras.frames import Stack

_SAME_LIGHT = 0.01  # share of the light by which frames of one level may differ: lamps flicker
_ERRORS = 6.0
_LOOK = 2**17  # values of a frame that its first look compares with the frame before
_SIDE = 256  # rows and columns of the part in which neighbours are compared
_SPIKE = 5.0  # standard deviations beyond which a difference does not count at first
_CLIPPED = 1e-3  # share of values at the ceiling from which on a level is clipped
_FALLEN = 0.8  # variance over that of the level where it is largest: beyond, the sensor saturates
_COLLAPSED = 0.1
LINEAR = 0.7  # share of saturation up to which the gain is fitted, as EMVA 1288 says


@dataclass
class Level:
    """Frames of one level of light.

    Attributes:
        stack: that they are part of.
        numbers: of the frames in it.
        exposure: seconds; None where nobody has said.
        mean: mean value over pixels and frames, DN; above the dark once that is taken off.
        variance: temporal variance of a pixel, DN^2, but for what whole frames share; NaN of a single frame.
        error: standard error of the variance.
        clipped: share of values at the largest number that occurs.
        used: whether the fit of the gain takes it.

    """

    stack: Stack
    numbers: list[int]
    exposure: float | None
    mean: float
    variance: float = np.nan
    error: float = np.nan
    clipped: float = 0.0
    used: bool = False

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.numbers)


@dataclass
class Look:
    """What a first look says of frames.

    Attributes:
        mean: of each frame, DN.
        variance: half the variance of the difference from the frame before; NaN of the first.
        lowest, highest: least and largest value.
        at_lowest, at_highest: how many values of each frame are these extremes of its own.
        steps: greatest common divisor of the values' differences; 0 for values that are not whole.
        alike: correlation of neighbours in the difference from the frame before, in the direction where it is larger, less what
            rows or columns share; NaN of the first.
        digests: of each frame, alike only of frames that are; None of those that are saturated.

    """

    mean: list[float] = field(default_factory=list)
    variance: list[float] = field(default_factory=list)
    lowest: list[float] = field(default_factory=list)
    highest: list[float] = field(default_factory=list)
    at_lowest: list[int] = field(default_factory=list)
    at_highest: list[int] = field(default_factory=list)
    steps: int | None = None
    alike: list[float] = field(default_factory=list)
    digests: list[int | None] = field(default_factory=list)


def look_at(stack: Stack, say) -> Look:
    """Read a stack once; `say` is called after each frame."""
    found, last, block = Look(), None, np.empty(0)
    every = max(1, int(np.prod(stack.shape)) // _LOOK)
    for number, frame in enumerate(stack.frames()):
        low, high = frame.min(), frame.max()
        found.mean.append(float(frame.mean(dtype=np.float64)))
        found.lowest.append(float(low))
        found.highest.append(float(high))
        found.at_lowest.append(int(np.count_nonzero(frame == low)))
        found.at_highest.append(int(np.count_nonzero(frame == high)))
        part = frame[::every].astype(np.float64)
        if number in (0, stack.count // 2):
            found.steps = int(np.gcd(found.steps or 0, _step(part)))
        found.variance.append(np.nan if last is None else _spread(part - last))
        before, block = block, _middle(frame).astype(np.float64)
        found.alike.append(np.nan if last is None else _alike(block - before))
        found.digests.append(None if found.at_highest[-1] > frame.size / 2 else hash(part.tobytes()))
        last = part
        say()
    return found


def _step(values: np.ndarray) -> int:
    """Return the greatest common divisor of differences of values; 1 for values that are not whole."""
    if values.size == 0 or np.any(values % 1) or np.abs(values).max() > 2**53:
        return 1
    return int(np.gcd.reduce((values - values.min()).astype(np.int64), axis=None)) or 0


def _spread(difference: np.ndarray) -> float:
    middle, spread = difference.mean(), difference.std()
    near = difference[np.abs(difference - middle) <= _SPIKE * spread] if spread > 0 else difference
    return float(near.var() / 2)


def _middle(frame: np.ndarray) -> np.ndarray:
    """Return a part in the middle of a frame that is small enough to be looked at at once, all its rows beside each other."""
    height, width = (min(size, _SIDE) for size in frame.shape)
    row, column = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return frame[row : row + height, column : column + width]


def _alike(difference: np.ndarray) -> float:
    """Return the larger correlation of neighbours: along rows less what each row shares, down columns less what each shares."""
    if min(difference.shape) < 8:
        return np.nan
    found = []
    for values in (difference, difference.T):
        rest = values - values.mean(1, keepdims=True)
        most = _SPIKE * float(rest.std())
        rest = np.clip(rest, -most, most)
        power = float((rest**2).mean())
        found.append(float((rest[:, 1:] * rest[:, :-1]).mean()) / power if power > 0 else 0.0)
    return max(found, key=abs)


def levels_of(stack: Stack, look: Look, dark: float) -> list[Level]:
    """Return the levels of light of a stack: frames of one group, or exposure, or that are equally bright.

    Args:
        stack: flat fields.
        look: of it.
        dark: mean dark value, DN.

    """
    means, noise = np.asarray(look.mean), np.asarray(look.variance)
    label = np.zeros(stack.count, dtype=int)
    if stack.exposures is not None:
        label = np.unique(stack.exposures, return_inverse=True)[1]
    if stack.groups is not None and len(np.unique(stack.groups)) < stack.count:
        label = label * (stack.count + 1) + np.unique(stack.groups, return_inverse=True)[1]
    found = []
    pixels = float(np.prod(stack.shape))
    for each in np.unique(label):
        numbers = np.flatnonzero(label == each)
        numbers = numbers[np.argsort(means[numbers], kind="stable")]
        chance = np.sqrt(np.nanmedian(noise) / pixels) if np.isfinite(noise).any() else 0.0
        gaps = np.diff(means[numbers]) > _SAME_LIGHT * np.abs(means[numbers][1:] - dark) + _ERRORS * chance
        for part in np.split(numbers, np.flatnonzero(gaps) + 1):
            part = np.sort(part)
            exposure = None if stack.exposures is None else float(stack.exposures[part[0]])
            pairs = [number for number in part if number - 1 in part]
            level = Level(stack, part.tolist(), exposure, float(means[part].mean()))
            if pairs:
                level.variance = float(noise[pairs].mean())
            found.append(level)
    return found


def mark_clipped(levels: Sequence[Level], looks: Sequence[tuple[Stack, Look]]) -> float:
    """Note in each level the share of its values at the largest number of all, and return that number."""
    ceiling = max(max(look.highest) for _, look in looks)
    by_stack = {id(stack): look for stack, look in looks}
    for level in levels:
        look = by_stack[id(level.stack)]
        at = [look.at_highest[k] for k in level.numbers if look.highest[k] == ceiling]
        level.clipped = sum(at) / (level.count * float(np.prod(level.stack.shape)))
    return ceiling


@dataclass(frozen=True)
class Saturation:
    """Where a sensor saturates.

    Attributes:
        value: DN at which light adds nothing; None where no level is bright enough.
        limit: mean above the dark up to which levels serve a fit, DN; infinite where nothing saturates.
        by: "converter" where values pile up at one number, "pixels" where their noise vanishes, "variance" where it falls.

    """

    value: float | None
    limit: float
    by: str


def find_saturation(levels: Sequence[Level], ceiling: float, dark: float, dark_variance: float) -> Saturation:
    """Tell where the sensor saturates, from the means and variances of levels that a first look found.

    Args:
        levels: in any order, their means with the dark.
        ceiling: largest number that occurs.
        dark: mean dark value, DN.
        dark_variance: its variance, DN^2.

    """
    known = sorted((each for each in levels if np.isfinite(each.variance)), key=lambda each: each.mean)
    piled = [each for each in levels if each.clipped > _CLIPPED]
    if not known:
        return Saturation(ceiling if piled else None, np.inf, "converter" if piled else "")
    means = np.array([each.mean - dark for each in known])
    noise = np.array([max(each.variance - dark_variance, 0.0) for each in known])
    peak = int(np.argmax(noise))
    falls = peak + 1 < len(noise) and noise[peak + 1 :].min() < _FALLEN * noise[peak]
    if piled:
        return Saturation(ceiling, min(LINEAR * (ceiling - dark), means[peak] if falls else np.inf), "converter")
    if not falls:
        return Saturation(None, np.inf, "")
    if noise[-1] < _COLLAPSED * noise[peak]:
        value = known[-1].mean
        return Saturation(value, LINEAR * (value - dark), "pixels")
    return Saturation(known[peak].mean, LINEAR * means[peak], "variance")

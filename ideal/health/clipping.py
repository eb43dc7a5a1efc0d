"""Clipping: values that a converter, a file's type or a subtraction cut off at a floor or a ceiling.

Smooth noise cannot end at a wall. For noise of least standard deviation s, whatever the scene, the histogram p of the values
obeys (ln p)'' >= -1/s^2, since it is a mixture of Gaussians that wide; for Poisson counts (k + 1) p(k + 1) / p(k) grows with k,
since it is the mean light behind a count. Both say how many values would have to lie beyond the outermost level: where many
would and none does, they were cut off.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_KEPT = 4  # outermost different values that are kept at each end
_PIXELS = 2**16  # whose own extremes are kept
_FRAMES = 10  # fewer do not show the wall of a pixel
_CONSTANT_SIZE = 64  # a smaller sample may well have all values alike by chance
_FULL_SCALES = {2.0**bits - 1 for bits in (8, 10, 12, 14, 16)}
_FEWEST = 12  # values at a wall
_BEYOND = 20.0  # values that would have to lie beyond it
_PART = 0.25  # of the values beside a wall, at least, stand at it
_MENTIONED = 1e-5  # share of the values
_BIASED, _VOID = 1e-4, 3e-3
_PAST = 1e-5  # share of values beyond a stated limit that is worth a word
_UNKNOWN = 1e-3  # share at the largest value, where no noise is named
_FEW_LEVELS = 4  # do not tell a distribution of means
_IMPOSSIBLE = 1e-6  # chance of the floor in the dark below which values there come from something else, as dead pixels
_BINS = 64  # of the range of an unsigned type, to see a gap in it


@dataclass(frozen=True)
class Wall:
    """Where values are cut off.

    Attributes:
        level: stored value.
        share: of the values.
        source: "option", "type" or "pile-up".

    """

    level: float
    share: float
    source: str


class Clipping(Check):
    """Looks for values at a floor or a ceiling, for all pixels together and by pixel."""

    takes = "finite"

    def __init__(self, measured):
        super().__init__(measured)
        self._count = 0
        self._ends = {1: {}, -1: {}}
        self._given = {1: 0, -1: 0}
        self._past = {1: 0, -1: 0}  # values beyond a stated limit
        self._furthest = {1: -math.inf, -1: math.inf}
        self._whole_frames = {}  # values of frames of one value, by that value
        self._bins = np.zeros(_BINS, dtype=np.int64)
        self._by_pixel = {1: _PixelEnds(), -1: _PixelEnds()}
        self._columns = None

    @classmethod
    def applies(cls, measured) -> bool:
        """Visibilities have no floor."""
        return measured.dtype.kind != "c"

    def add(self, block: Block) -> None:
        """Count the outermost values of a block; frames of one value count where it is the ceiling, else they hold nothing."""
        values = np.asarray(block.raw).reshape(len(block.raw), -1)
        if values.shape[1] >= _CONSTANT_SIZE:
            lively = np.any(values != values[:, :1], axis=1)
            for value, count in zip(*np.unique(values[~lively, 0], return_counts=True), strict=True):
                self._whole_frames[float(value)] = self._whole_frames.get(float(value), 0) + int(count) * values.shape[1]
            values = values[lively]
        finite = np.isfinite(values)
        flat = values.ravel() if finite.all() else values[finite]
        if not flat.size:
            return
        self._count += flat.size
        for side, ends in self._ends.items():
            for value, count in _outermost(flat, side):
                ends[value] = ends.get(value, 0) + count
            self._ends[side] = dict(sorted(ends.items(), reverse=side > 0)[:_KEPT])
        for side, limit in ((1, self.measured.calibration.saturation), (-1, self.measured.calibration.floor)):
            if limit is not None:
                self._given[side] += int(np.sum(flat >= limit if side > 0 else flat <= limit))
                self._past[side] += int(np.sum(flat > limit if side > 0 else flat < limit))
                self._furthest[side] = (
                    max(self._furthest[side], float(flat.max())) if side > 0 else min(self._furthest[side], float(flat.min()))
                )
        if values.dtype.kind == "u":
            shift = 8 * values.dtype.itemsize - int(math.log2(_BINS))
            self._bins += np.bincount((flat >> np.array(shift, flat.dtype)).astype(np.int64), minlength=_BINS)
        if block.sampled:
            if self._columns is None:
                self._columns = slice(None, None, -(-values.shape[1] // _PIXELS))
            part = values[:, self._columns].astype(np.float64)
            for side, pixels in self._by_pixel.items():
                pixels.add(np.where(np.isfinite(part), side * part, -np.inf))

    def wall(self, side: int) -> Wall | None:
        """Return the ceiling (1) or the floor (-1) that all pixels share, or None where values are not cut off."""
        given = self.measured.calibration.saturation if side > 0 else self.measured.calibration.floor
        if given is not None and self._given[side]:
            return Wall(float(given), self._given[side] / self._count, "option")
        kind = self.measured.noise_kind
        if self._count == 0 or len(self._ends[side]) < 2 or (side > 0 and kind is not None and kind.ends):
            return None
        (level, count), (beside, count_beside), *_ = sorted(self._ends[side].items(), reverse=side > 0)
        type_limit = level == _type_limit(self.measured.dtype, side)
        if not type_limit:
            count -= round(self._by_pixel[side].share_of_stuck(side * level) * self._count)
        source = "type" if type_limit else "pile-up"
        whole = self._whole_frames.get(float(level), 0) if side > 0 else 0
        found = Wall(float(level), (count + whole) / (self._count + whole), source)
        if found.share < _MENTIONED:
            return None
        if self.measured.noise_kind is None:
            return found if side > 0 and self._looks_saturated(found, beside, count_beside) else None
        if side < 0 and not self._has_floor(level):
            return None
        if type_limit:
            return found
        if side > 0 and level / self.measured.step in _FULL_SCALES and count >= max(3, count_beside):
            return found
        return found if self._piles_up(side, level, count, beside, count_beside) else None

    def _has_floor(self, level: float) -> bool:
        """Tell whether noise can reach the level from above: counts end at 0 by nature, and a dead pixel is not noise."""
        kind, calibration = self.measured.noise_kind, self.measured.calibration
        if kind.counts:
            return False
        if kind.photons and (read_noise := self.measured.read_noise) > 0:
            dark = (level + self.measured.step / 2 - calibration.offset) * calibration.gain / read_noise
            return ndtr(dark) > _IMPOSSIBLE
        return True

    def _looks_saturated(self, wall: Wall, beside: float, count_beside: int) -> bool:
        """Tell a clipped maximum from a rare one where the noise is not known."""
        count = self._ends[1][wall.level]
        if wall.share < _UNKNOWN or count < 2 or wall.level <= 0:
            return False
        return wall.level in _FULL_SCALES or wall.source == "type" or (beside != 0 and count > 3 * count_beside)

    def _piles_up(self, side, level, count, beside, count_beside) -> bool:
        """Tell whether more values would have to lie beyond the level than chance explains the lack of."""
        if count < _FEWEST or count < _PART * count_beside:
            return False
        sure = max(count - 2 * math.sqrt(count), 0.0) ** 2 / (count_beside + 2 * math.sqrt(count_beside) + 1)
        calibration = self.measured.calibration
        if self.measured.noise_kind.counts:
            light = (level - calibration.offset) * calibration.gain
            return sure * light / (light + 1) >= _BEYOND
        deviation = float(self._deviation(np.array(float(level))))
        gap = abs(level - beside)
        if gap <= deviation:
            return sure * math.exp(-((gap / deviation) ** 2)) >= _BEYOND
        # Far below the ceiling nothing may lie beside it, as where lamps are in the picture.
        return side > 0 and len(self._ends[side]) > 2 and count > 10 * count_beside and count >= _UNKNOWN * self._count

    def _deviation(self, level: np.ndarray) -> np.ndarray:
        """Return the least standard deviation of the noise at stored values, in stored units."""
        measured, calibration = self.measured, self.measured.calibration
        light = np.maximum((level - calibration.offset) * calibration.gain, 0.0)
        if measured.noise_kind.counts:
            return np.sqrt(light) / calibration.gain
        if measured.noise_kind.photons:
            return np.sqrt(light + calibration.read_noise**2) / calibration.gain
        if not noise_is_stated(measured):
            return np.zeros_like(light)
        if not measured.noise_kind.additive:
            return np.sqrt(measured.noise.variance(light)) / calibration.gain
        sigma = measured.read_sigma(0, 1) if measured.has_sample_sigma else np.asarray(measured.sigma)
        return np.full_like(light, sigma.min() / calibration.gain)

    @property
    def wraps(self) -> bool:
        """Whether negative differences wrapped around to the top of an unsigned type: a tail there with nothing below it."""
        top = _type_limit(self.measured.dtype, 1)
        if self.measured.dtype.kind != "u" or not self._bins[-1] or not self._bins[0]:
            return False
        (level, count), *others = sorted(self._ends[1].items(), reverse=True)
        gap = int(np.argmax(self._bins[-1 - self._top_bins :: -1] > 0))  # empty bins below
        lowest, at_lowest = min(self._ends[-1].items())
        if level != top or lowest != 0 or gap < _BINS // 4 or not others or level - others[0][0] > 4:
            return False
        return count <= 3 * others[0][1] + 10 and 10 * at_lowest >= count

    @property
    def _top_bins(self) -> int:
        """Number of bins at the top of the type's range that follow each other and hold values."""
        return int(np.argmax(self._bins[::-1] == 0))

    def by_pixel(self, side: int, wall: Wall | None) -> float:
        """Return the share of values at a floor (-1) or a ceiling (1) that differs by pixel, as after flat-fielding."""
        kind = self.measured.noise_kind
        if kind is None or (kind.counts if side < 0 else kind.ends):
            return 0.0
        return self._by_pixel[side].share_cut_off(side, wall, self._deviation)

    def findings(self) -> list[Finding]:
        """Return what was found: note where a censored channel holds, void or biased where the channel is not known."""
        if not self._count:
            return []
        if self.wraps:
            return [self._wrapped()]
        walls = {side: self.wall(side) for side in (-1, 1)}
        shares = {side: self.by_pixel(side, walls[side]) for side in (-1, 1)}
        for side, wall in walls.items():
            if (
                wall is not None and wall.source == "pile-up" and shares[side] > _BIASED
            ):  # only that of the pixel that goes furthest
                shares[side], walls[side] = shares[side] + wall.share, None
        found: list[Finding | None] = [*self._past_limits()]
        if any(walls.values()):
            found.append(self._clipped(walls))
        if sum(shares.values()) > _BIASED:
            text = " and ".join(
                f"{_percent(share)} of the values are at a {'ceiling' if side > 0 else 'floor'} that differs by pixel"
                for side, share in shares.items()
                if share > _BIASED
            )
            figures = {"share_at_floor_by_pixel": shares[-1], "share_at_ceiling_by_pixel": shares[1]}
            found.append(_unknown_channel(f"{text}, as after a correction of clipped values", sum(shares.values()), figures))
        return [each for each in found if each is not None]

    def _past_limits(self) -> list[Finding]:
        """Return a finding where values lie beyond a limit at which they are said to be cut off."""
        calibration, found = self.measured.calibration, []
        for side, option, limit in ((-1, "floor", calibration.floor), (1, "saturation", calibration.saturation)):
            share = self._past[side] / self._count
            if limit is None or share <= _PAST:
                continue
            beyond = f"{'above' if side > 0 else 'below'} the stated {option} of {limit:g}"
            found.append(
                Finding(
                    "limit-contradicted",
                    "biased" if share > _BIASED else "note",
                    f"{_percent(share)} of the values lie {beyond}, {'up' if side > 0 else 'down'} to {self._furthest[side]:g}, "
                    "where none can be",
                    f"they are taken as {limit:g}: what they tell is lost, and the number is too low",
                    f"give the value at which the numbers of the camera end (--{option}), or leave the option out",
                    {"axis": option, "limit": limit, "furthest": self._furthest[side], "share": share},
                )
            )
        return found

    def _clipped(self, walls) -> Finding | None:
        unit = "DN" if self.measured.calibration.converts else self.measured.units
        texts = []
        figures: dict[str, Any] = {}
        for side, name in ((-1, "floor"), (1, "ceiling")):
            wall = walls[side]
            figures |= {name: None, f"share_at_{name}": 0.0, f"{name}_from": None}
            if wall is not None:
                origin = {"option": "as given", "type": f"the limit of {self.measured.dtype}", "pile-up": "where values pile up"}
                texts.append(
                    f"{_percent(wall.share)} of the values are at the {name}, {wall.level:g} {unit} ({origin[wall.source]})"
                )
                figures |= {name: wall.level, f"share_at_{name}": wall.share, f"{name}_from": wall.source}
        text, share = " and ".join(texts), sum(wall.share for wall in walls.values() if wall is not None)
        kind = self.measured.noise_kind
        figures["modelled"] = kind is not None and (kind.counts or (kind.photons and self.measured.integer))
        if kind is None:
            effect = "once the noise is named, the number may be off"
            return Finding("clipped", "note", text, effect, "lower the exposure, or name the noise (--noise)", figures)
        if figures["modelled"]:
            text = f"{text}: modelled as a censored channel"
            if self._levels(walls) > _FEW_LEVELS or self.measured.has_clean:
                effect = "the number is that of the values as they are; what was cut off is lost"
                return Finding("clipped", "note", text, effect, "lower the exposure, or raise the black level", figures)
            effect = "so few levels hardly tell how bright the light was, and the number may be off to either side"
            return Finding("clipped", "biased", text, effect, "write the noiseless means (clean)", figures)
        return _unknown_channel(text, share, figures)

    def _levels(self, walls) -> float:
        """Return how many levels lie between the walls, both among them."""
        low = 0.0 if self.measured.noise_kind.counts else walls[-1].level if walls[-1] is not None else -math.inf
        high = walls[1].level if walls[1] is not None else math.inf
        return (high - low) / self.measured.step + 1

    def _wrapped(self) -> Finding:
        share = self._bins[_BINS - self._top_bins :].sum() / self._count
        return Finding(
            "wrapped",
            "void",
            f"{_percent(share)} of the values lie just below {_type_limit(self.measured.dtype, 1):g} with nothing beneath: "
            f"numbers below 0 that wrapped around in {self.measured.dtype}",
            "they count as the brightest values there are",
            "subtract in a signed type (values.astype('int32') - dark), or give the raw numbers and --offset",
            {"share": float(share)},
        )


def without_noise(findings: list[Finding]) -> list[Finding]:
    """Return findings for a bound that needs no noise, as that of labels: what is said of clipping is a remark then."""
    effect = "bounds on what the values tell of labels hold for them as they are"
    return [
        replace(each, severity="note", effect=effect, remedy="") if each.name == "clipped" and each.severity != "note" else each
        for each in findings
    ]


def _unknown_channel(text: str, share: float, figures: dict) -> Finding | None:
    if share <= _BIASED:
        return None
    remedy = (
        "raise the black level or lower the exposure, or give raw DN with --noise poisson-gaussian, whose clipping is modelled"
    )
    if share <= _VOID:
        return Finding(
            "clipped", "biased", text, "the noise there is less than stated: the number is a little low", remedy, figures
        )
    effect = "the noise there is less than stated, and the bound may lie below the truth"
    return Finding("clipped", "void", text, effect, f"{remedy}; --allow-clipped to go on", figures)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _type_limit(dtype: np.dtype, side: int) -> float | None:
    if dtype.kind not in "iu":
        return None
    return float(np.iinfo(dtype).max if side > 0 else np.iinfo(dtype).min)


def _outermost(values: np.ndarray, side: int) -> list[tuple[float, int]]:
    """Return the largest (1) or smallest (-1) different values with their counts."""
    spread = values[:: max(1, values.size // 20_000)]
    edge = np.sort(spread)[-1 - spread.size // 100 if side > 0 else spread.size // 100]
    part = values[values >= edge] if side > 0 else values[values <= edge]
    levels, counts = np.unique(part, return_counts=True)
    found = list(zip(levels.tolist(), counts.tolist(), strict=True))[::-side][:_KEPT]
    if len(found) < _KEPT and part.size < values.size:
        rest = values[values < edge] if side > 0 else values[values > edge]
        while rest.size and len(found) < _KEPT:
            level = rest.max() if side > 0 else rest.min()
            at_level = rest == level
            found.append((level.item(), int(at_level.sum())))
            rest = rest[~at_level]
    return found


class _PixelEnds:
    """The two largest different values of each pixel and how often they occur."""

    def __init__(self):
        self._values = self._counts = None  # (2, pixel)
        self._frames = 0

    def add(self, values: np.ndarray) -> None:
        """Take (sample, pixel)."""
        if not len(values):
            return
        self._frames += len(values)
        first = values.max(0)
        at_first = values == first
        rest = np.where(at_first, -np.inf, values)
        second = rest.max(0)
        here = np.stack([first, second]), np.stack([at_first.sum(0), np.where(second > -np.inf, (rest == second).sum(0), 0)])
        if self._values is None:
            self._values, self._counts = here
            return
        every = np.concatenate([self._values, here[0]])
        counts = np.concatenate([self._counts, here[1]])
        largest = every.max(0)
        next_one = np.where(every < largest, every, -np.inf).max(0)
        self._values = np.stack([largest, next_one])
        self._counts = np.stack([np.where(every == level, counts, 0).sum(0) for level in self._values])

    def share_of_stuck(self, level: float) -> float:
        """Return the share of pixels that never leave a level."""
        if self._values is None or self._frames < _FRAMES:
            return 0.0
        return float(np.mean((self._values[0] == level) & (self._values[1] == -np.inf)))

    def share_cut_off(self, side: int, wall: Wall | None, deviation) -> float:
        """Return the share of values at the end of their own pixel's range where these ends pile up, 0 where they do not.

        The outermost value of smooth noise occurs hardly more often than the one beside it.
        """
        if self._values is None or self._frames < _FRAMES:
            return 0.0
        first, second = side * self._values
        fine = np.isfinite(second) & (np.abs(first - second) <= deviation(first))
        if wall is not None:
            fine &= side * (wall.level - first) > 0
        repeats, beside = ((self._counts[row, fine] - 1).sum() for row in (0, 1))
        if repeats < _BEYOND + 3 * beside + 5 * math.sqrt(beside):
            return 0.0
        again = self._counts[0, fine] > 1
        return float(self._counts[0, fine][again].sum() / (self._frames * len(fine)))

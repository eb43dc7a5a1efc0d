"""Frames of which a part holds nothing: transfers that broke off, strips never written, edges that registration left empty."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding
from ideal.health.frames import ranges

_WIDE = 0.9  # share of lit pixels in the line beside the empty ones: an object's own edge is seldom so wide
_LIT, _LIT_SHARE = 5.0, 0.25  # photoelectrons a pixel in that line; share of the mean of all that is not empty
_FEWEST_LINES = 2
_MOST_OF_THEM = 0.8  # of the frames that are empty at one end, or between, at the same place
_SHARE = 0.005  # of the frames: fewer must be clearer
_LOG_CHANCE = -12.0  # natural logarithm of the chance that noise makes lines of one value somewhere
_MOST_LOOKED_AT = 4000  # frames with lines of one value


class _Run(NamedTuple):
    """Neighbouring lines of one value: axis 0 for rows and 1 for columns, first, one past the last, and the value."""

    axis: int
    start: int
    stop: int
    value: float


class _Empty(NamedTuple):
    """What of a frame holds nothing: its number, the runs, whether noise cannot make them, and whether all beside is lit."""

    number: int
    runs: tuple[_Run, ...]
    sure: bool
    clear: bool


class PartialFrames(Check):
    """Frames with rows or columns of one value that noise cannot make, or that are dark beside others that are lit all along."""

    def __init__(self, measured):
        super().__init__(measured)
        self._empty: list[_Empty] = []
        self._seen = self._dark_ends = self._looked_at = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of some rows and columns."""
        return (
            len(measured.shape) > 2
            and min(measured.shape[1:3]) >= 8
            and measured.dtype.kind != "c"
            and not measured.has_clean
            and noise_is_stated(measured)
        )

    def add(self, block: Block) -> None:
        """Look for rows and columns of one value in each frame."""
        if not block.sampled or block.rows is not None:
            return
        self._seen += len(block.raw)
        flat = [_flat_lines(block.raw, axis) for axis in (0, 1)]
        for place in np.flatnonzero(flat[0].any(1) | flat[1].any(1)).tolist():
            if self._looked_at >= _MOST_LOOKED_AT:
                break
            self._looked_at += 1
            self._look(block.start + place, block.raw[place], [lines[place] for lines in flat])

    def _look(self, number: int, frame: np.ndarray, flat: list[np.ndarray]) -> None:
        runs = [run for axis in (0, 1) for run in _runs(frame, flat[axis], axis)]
        box = [_box(flat[axis]) for axis in (0, 1)]
        if any(start >= stop for start, stop in box):
            return
        inside = frame[slice(*box[0]), slice(*box[1])]
        sure = [run for run in runs if self._impossible(run, frame, inside)]
        dark = [run for run in runs if run not in sure and run.value <= frame.min()]
        self._dark_ends += any(_at_end(run, frame) for run in dark)
        beside = [self._beside(run, frame, inside, box) for run in dark]
        lit, clear = [], True
        for run, (wide, sharp) in zip(dark, beside, strict=True):
            if sharp or (wide and run.stop - run.start >= _FEWEST_LINES):
                lit.append(run)
                clear &= sharp
        # What breaks off or is moved leaves one end of an axis empty; an object on a dark ground has dark on both sides.
        opposite = any(sum(_at_end(run, frame) for run in lit if run.axis == axis) > 1 for axis in (0, 1))
        if sure or (lit and not opposite):
            self._empty.append(_Empty(number, (*sure, *(lit if not opposite else ())), bool(sure), clear))

    def _impossible(self, run: _Run, frame: np.ndarray, inside: np.ndarray) -> bool:
        """Tell whether noise cannot make lines of this one value."""
        measured = self.measured
        if not measured.noise_kind.photons:
            return run.stop - run.start >= _FEWEST_LINES
        if run.value >= inside.max():  # saturated lines, unless nothing else comes near
            others = np.delete(frame, np.s_[run.start : run.stop], axis=run.axis)
            if run.stop - run.start < _FEWEST_LINES or 2 * others.max(initial=0) >= run.value:
                return False
        light = (run.value - measured.offset) * measured.gain
        deviation = np.sqrt(max(light, 0.0) + constant_variance(measured))
        if light <= 0 and measured.noise_kind.counts:
            return light < 0
        half = measured.gain * measured.step / 2
        equal = min(1.0, 2 * half / (np.sqrt(2 * np.pi) * deviation))
        if run.value <= inside.min():  # it may be a floor, at which all lower values are cut off
            equal = max(equal, float(ndtr((light + half) / deviation)), 1e-300)
        count = (run.stop - run.start) * (frame.size // frame.shape[run.axis]) - 1
        return count * np.log(equal) + np.log(len(measured) * sum(frame.shape[:2])) < _LOG_CHANCE

    def _beside(self, run: _Run, frame, inside, box) -> tuple[bool, bool]:
        """Tell whether the lines beside are lit nearly all along, and whether they are everywhere and as bright as others."""
        across = slice(*box[1 - run.axis])
        wide = sharp = True
        mean = (float(inside.mean()) - self.measured.offset) * self.measured.gain
        for place in (run.start - 1, run.stop):
            if 0 <= place < frame.shape[run.axis]:
                line = np.moveaxis(frame, run.axis, 0)[place, across].astype(np.float64)
                lit, light = float(np.mean(line != run.value)), (line.mean() - self.measured.offset) * self.measured.gain
                wide &= lit > _WIDE and light > _LIT
                sharp &= lit == 1.0 and light > max(_LIT, _LIT_SHARE * mean)
        return wide, sharp

    def findings(self) -> list[Finding]:
        """Return a finding where some, but not all, frames are empty in part."""
        frames = [each for each in self._empty if each.sure]
        frames += self._dark([each for each in self._empty if not each.sure])
        if not frames or (len(frames) == self._seen and len({each.runs for each in frames}) == 1):
            return []
        numbers, widths, places = [each.number for each in frames], [0, 0], []
        for axis, name in enumerate(("rows", "columns")):
            lines = [k for each in frames for run in each.runs if run.axis == axis for k in range(run.start, run.stop)]
            widths[axis] = max(sum(run.stop - run.start for run in each.runs if run.axis == axis) for each in frames)
            places += [f"{name} {ranges(lines)}"] if lines else []
        return [
            Finding(
                "partial-frames",
                "biased",
                f"{len(frames)} of {self._seen} frames are empty in part, in {' and '.join(places)} (frames {ranges(numbers)})",
                "where they end counts as information about the object",
                "leave these frames out, or cut all to the rows and columns that are always written",
                {"frames": len(frames), "of": self._seen, "rows": int(widths[0]), "columns": int(widths[1])},
            )
        ]

    def _dark(self, frames: list[_Empty]) -> list[_Empty]:
        """Return which frames with dark lines are empty there, where no object on a dark ground explains that."""
        shape = self.measured.shape[1:3]
        ends = [each for each in frames if all(run.start == 0 or run.stop == shape[run.axis] for run in each.runs)]
        between = [each for each in frames if each not in ends]
        if len(between) >= 2:  # a dark stripe of the scene does not stand in some frames at one place and in none at others
            same = max({each.runs for each in between}, key=[each.runs for each in between].count)
            kept = [each for each in between if each.runs == same]
            between = kept if len(kept) >= _MOST_OF_THEM * len(between) else []
        else:
            between = []
        if len(ends) < _SHARE * self._seen:
            ends = [each for each in ends if each.clear]
        # Of objects on a dark ground some happen to be wide.
        return (ends if len(ends) >= _MOST_OF_THEM * self._dark_ends else []) + between


def _flat_lines(raw: np.ndarray, axis: int) -> np.ndarray:
    """Return which rows (axis 0) or columns (1) are one value, (sample, line)."""
    lines = np.moveaxis(raw, axis + 1, 1)
    first = lines[(slice(None), slice(None), *[slice(0, 1)] * (lines.ndim - 2))]
    return (lines == first).all(tuple(range(2, lines.ndim)))


def _runs(frame: np.ndarray, flat: np.ndarray, axis: int) -> list[_Run]:
    lines = np.moveaxis(frame, axis, 0).reshape(frame.shape[axis], -1)
    found: list[_Run] = []
    for k in np.flatnonzero(flat).tolist():
        value = float(lines[k, 0])
        if found and found[-1].stop == k and found[-1].value == value:
            found[-1] = found[-1]._replace(stop=k + 1)
        else:
            found.append(_Run(axis, k, k + 1, value))
    return found


def _box(flat: np.ndarray) -> tuple[int, int]:
    """Return the first line that is not of one value, and one past the last."""
    lively = np.flatnonzero(~flat)
    return (int(lively[0]), int(lively[-1]) + 1) if len(lively) else (0, 0)


def _at_end(run: _Run, frame: np.ndarray) -> bool:
    return run.start == 0 or run.stop == frame.shape[run.axis]

"""Samples that show parts of each other, noise and all: crops that overlap, and shifted, mirrored or turned copies."""

from functools import cached_property

import numpy as np

from ideal._levels import level_distance
from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_HALF = 6  # values on both sides of an anchor, along its row or column
_LEAST_BITS = 26.0  # of a window: noise makes a given one with a chance of 2^-26 at most
_CONTINUOUS_BITS = 20.0  # of a value that is no whole number
_ONE_IN = 4  # bits: one of 16 places is an anchor
_MOST_ANCHORS = 400_000
_SOME = 20_000  # values that tell whether they keep to levels
_FEWEST = 3  # rows or columns with windows that two samples share
_OFTEN = 20  # samples with one window: more is a pattern of all of them, as a caption
_MOST_PAIRS = 200_000
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class SharedWindows(Check):
    """Whether windows of one sample stand in another one too, value for value, wherever they are and whichever way round.

    Noise never repeats over a row of different values. Windows are told by a hash at places that their own values choose, so
    that both samples choose the same ones; hashes are alike for a window and for its mirror image.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []  # (anchor, hash, sample, row, column, whether along a column)
        self._count = self._samples = 0
        self._step: float | None = None  # of the values; 0 where they are continuous

    @classmethod
    def applies(cls, measured) -> bool:
        """Images large enough for windows within, with stated noise."""
        return (
            noise_is_stated(measured) and len(measured.shape) > 2 and min(measured.shape[1:3]) > 2 * _HALF and len(measured) > 1
        )

    def add(self, block: Block) -> None:
        """Keep the hashes of the windows of each sample."""
        if not block.sampled or block.rows is not None or self._count >= _MOST_ANCHORS:
            return
        self._samples += len(block.raw)
        values, bits = _as_whole(block.raw), self._bits(block)
        for turned in (0, 1):
            if turned:
                values, bits = (np.ascontiguousarray(each.swapaxes(1, 2)) for each in (values, bits))
            found = _anchors(values, bits, block.start, turned)
            self._kept.append(found)
            self._count += len(found)

    def _bits(self, block: Block) -> np.ndarray:
        """Return how many bits it takes at least to guess each value by its noise, (sample, row, column)."""
        measured, raw = self.measured, block.raw
        if self._step is None:
            some = raw.ravel()[:: max(1, raw.size // _SOME)]
            self._step = measured.step if measured.integer else max(map(level_distance, _parts(some)))
        if self._step:
            step = measured.gain * self._step
            bits = 0.5 * np.log2(np.maximum(2 * np.pi * np.maximum(block.value_variance, 0.0) / step**2, 1.0))
            bits = np.broadcast_to(bits, raw.shape).astype(np.float32)
        else:
            bits = np.where(raw == np.round(raw), 0, _CONTINUOUS_BITS).astype(np.float32)
        bits = np.where((raw == raw.min()) | (raw == raw.max()), 0, bits)  # which may be clipped
        return bits if bits.ndim == 3 else bits.reshape(*bits.shape[:3], -1).sum(3)

    @cached_property
    def _found(self) -> tuple[np.ndarray, str]:
        """The pairs of samples that share windows, and how the first two lie to each other."""
        nothing = np.empty((0, 2), dtype=np.int64), ""
        if not self._kept:
            return nothing
        anchors = np.concatenate(self._kept)
        anchors = anchors[np.lexsort((anchors["sample"], anchors["hash"]))]
        _, first, count = np.unique(anchors["hash"], return_index=True, return_counts=True)
        # What very many samples have in one place is a pattern of all; the same part of many crops moves from one to the other.
        often = np.zeros(len(anchors), bool)
        for start, size in zip(first[count > _OFTEN].tolist(), count[count > _OFTEN].tolist(), strict=True):
            same = anchors[start : start + size]
            often[start : start + size] = np.ptp(same["row"]) == 0 and np.ptp(same["column"]) == 0
        one, other = anchors[:-1], anchors[1:]
        near = (one["hash"] == other["hash"]) & (one["sample"] != other["sample"]) & ~often[:-1]
        one, other = one[near], other[near]
        if not len(one):
            return nothing
        pairs, index = np.unique(np.stack([one["sample"], other["sample"]], axis=1), axis=0, return_inverse=True)
        line = np.where(one["turned"], one["column"], one["row"])
        lines = np.unique(np.stack([index.ravel(), one["turned"], line], axis=1), axis=0)
        shared = np.bincount(lines[:, 0], minlength=len(pairs))
        moved = (one["row"] != other["row"]) | (one["column"] != other["column"]) | (one["turned"] != other["turned"])
        kept = (shared >= _FEWEST) & (np.bincount(index.ravel(), moved) >= _FEWEST)
        if not kept.any():
            return nothing
        place = np.flatnonzero(index.ravel() == np.flatnonzero(kept)[0])
        return pairs[kept][:_MOST_PAIRS], _how(one[place], other[place])

    @property
    def pairs(self) -> np.ndarray:
        """(pair, 2) of samples that show parts of each other."""
        return self._found[0]

    def findings(self) -> list[Finding]:
        """Return a finding where samples of different groups share windows."""
        pairs, how = self._found
        pairs = pairs[np.not_equal(*map(self.measured.groups_of, pairs.T))]
        if not len(pairs):
            return []
        samples, whole = len(np.unique(pairs)), self._samples == len(self.measured)
        return [
            Finding(
                "overlapping-crops",
                "note" if whole else "biased",
                f"{samples} of {self._samples} samples show parts of others, noise and all (as {pairs[0, 1]} of {pairs[0, 0]}, "
                f"{how})",
                "they are taken as one source, so that no model is scored on what it was fitted to"
                if whole
                else "where they were found they are taken as one source; samples that were not looked at are left, and the "
                "number may be too low",
                "check the groups: crops of one exposure stand in different ones"
                if self.measured.has_groups
                else "give the exposure of each crop (--groups), or crops that do not overlap",
                {"samples": samples, "of": self._samples, "pairs": len(pairs)},
            )
        ]


_ANCHOR = np.dtype([("hash", "u8"), ("sample", "i8"), ("row", "i4"), ("column", "i4"), ("turned", "i1")])


def _parts(values: np.ndarray) -> tuple[np.ndarray, ...]:
    return (values.real, values.imag) if np.iscomplexobj(values) else (values,)


def _as_whole(raw: np.ndarray) -> np.ndarray:
    """Return values (sample, row, column[, channel]) as whole numbers (sample, row, column) that are alike where values are."""
    if raw.dtype.kind == "c":
        parts = np.stack([raw.real, raw.imag], axis=-1)
        raw = parts.reshape(*raw.shape[:3], -1)
    if raw.dtype.kind == "f":
        raw = np.ascontiguousarray(raw + np.zeros((), raw.dtype))  # -0.0 is 0.0
        raw = raw.view(f"u{raw.dtype.itemsize}") if raw.dtype.itemsize in (2, 4, 8) else raw.astype(np.float64).view("u8")
    values = raw.astype(np.uint64)
    if values.ndim == 3:
        return values
    total = values[..., 0]
    for number in range(1, values.shape[3]):
        total = total * _MIX[0] + values[..., number]
    return total


def _anchors(bits: np.ndarray, telling: np.ndarray, start: int, turned: int) -> np.ndarray:
    """Return the hashed windows along the rows of (sample, row, column), those of enough bits (`telling`) in all."""
    middle = slice(_HALF, bits.shape[2] - _HALF)
    chosen = (bits[:, :, _HALF - 1 : -_HALF - 1] + bits[:, :, _HALF + 1 : bits.shape[2] - _HALF + 1]) * _MIX[0]
    chosen += bits[:, :, middle] * _MIX[1]
    chosen ^= chosen >> np.uint64(29)
    sample, row, column = np.nonzero((chosen * _MIX[2]) >> np.uint64(64 - _ONE_IN) == 0)
    flat = bits.reshape(-1)
    place = (sample * bits.shape[1] + row) * bits.shape[2] + column
    at = place[:, None] + np.arange(2 * _HALF + 1)
    window, good = flat[at], telling.reshape(-1)[at].sum(1) >= _LEAST_BITS
    window, sample, row, column = window[good], sample[good], row[good], column[good]
    ways = []
    for each in (window, window[:, ::-1]):
        hashed = np.zeros(len(each), np.uint64)
        for k in range(each.shape[1]):
            hashed = (hashed ^ each[:, k]) * _MIX[1]
            hashed ^= hashed >> np.uint64(31)
        ways.append(hashed)
    found = np.empty(len(window), _ANCHOR)
    found["hash"], found["sample"], found["turned"] = np.minimum(*ways), sample + start, turned
    here = column + _HALF
    found["row"], found["column"] = (here, row) if turned else (row, here)
    return found


def _how(one: np.ndarray, other: np.ndarray) -> str:
    """Say how two samples lie to each other, by the places of windows that they share."""
    if (one["turned"] != other["turned"]).mean() > 0.5:
        return "turned"
    rows, columns = other["row"] - one["row"], other["column"] - one["column"]
    down, right = int(np.median(rows)), int(np.median(columns))
    if ((rows == down) & (columns == right)).mean() > 0.5:
        return f"moved by {down} rows and {right} columns"
    return "mirrored, or moved in parts"


__all__ = ["SharedWindows"]

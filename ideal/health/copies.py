"""Copies: samples, or patches, that are one measurement twice. They are kept in one group, never scored by each other."""

import hashlib
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding

_WHOLE_BYTES = 2**20  # a larger sample is told by slices of it
_SLICES = 16
_DIFFERENT = 12  # values apart from the commonest one that make a coincidence impossible
_QUADS, _MOST_FRAMES, _FEWEST_LIT = 768, 2500, 150
_SAME = 1e-6  # identical samples are told by their hashes
_SHARED = 0.6  # of the difference that independent noise makes; below it two samples share their noise


class _FirstOfEach:
    """The first sample with each hash, and those that equal it."""

    def __init__(self):
        self._first: dict[bytes, int] = {}
        self._pairs: list[tuple[int, int]] = []
        self.seen = 0

    def add(self, samples: np.ndarray, start: int) -> None:
        """Hash samples (sample, ...), of which the first has the number `start`."""
        self.seen += len(samples)
        for number, digest in enumerate(digests(samples), start):
            if digest is not None and self._first.setdefault(digest, number) != number:
                self._pairs.append((self._first[digest], number))

    @property
    def pairs(self) -> np.ndarray:
        """(copy, 2): the first sample of its kind, and one that equals it."""
        return np.array(self._pairs, dtype=np.int64).reshape(-1, 2)


class Copies(Check):
    """Samples that are identical value for value, told by a hash of each."""

    def __init__(self, measured):
        super().__init__(measured)
        self._found = _FirstOfEach()

    def add(self, block: Block) -> None:
        """Hash each sample."""
        self._found.add(block.raw, block.start)

    @property
    def pairs(self) -> np.ndarray:
        """(copy, 2): the first sample of its kind, and one that equals it."""
        return self._found.pairs

    def findings(self) -> list[Finding]:
        """Return a finding where there are copies."""
        pairs = self.pairs
        if not len(pairs):
            return []
        originals = len(np.unique(pairs[:, 0]))
        across = int((self.measured.groups[pairs[:, 0]] != self.measured.groups[pairs[:, 1]]).sum())
        if not across:
            return []
        return [
            Finding(
                "identical-samples",
                "note",
                f"{len(pairs)} of {self._found.seen} samples are identical copies of {originals} others (as {pairs[0, 1]} of "
                f"{pairs[0, 0]})",
                "copies are taken as one source, so that no model is scored on what it was fitted to",
                "" if not self.measured.has_groups else "check the groups: copies stand in different ones",
                {"copies": len(pairs), "originals": originals, "of": self._found.seen},
            )
        ]


class SharedNoise(Check):
    """Pairs of samples that differ by less than two independent noises would make them: near-copies.

    The fine differences of two samples, each divided by its stated standard deviation, differ by a variance of at least 2 where
    their noise is independent, whatever the scenes. Re-encoded, shifted in brightness or interpolated copies do not.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []
        self._places: np.ndarray | None = None
        size = len(measured)
        self._stride = max(1, -(-size // _MOST_FRAMES))

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise."""
        return has_quads(measured) and int(np.prod(measured.shape[1:])) >= 2 * _FEWEST_LIT

    def add(self, block: Block) -> None:
        """Keep some standardised fine differences of each sample."""
        if not block.sampled or sum(map(len, self._numbers)) >= _MOST_FRAMES:
            return
        fine = block.quads.fine.reshape(len(block.raw), -1)
        if self._places is None:
            size = fine.shape[1]
            self._places = np.sort(np.random.default_rng(0).choice(size, min(_QUADS, size), replace=False))
        variance = np.broadcast_to(block.quad_variance, block.quads.fine.shape).reshape(fine.shape)[:, self._places]
        lit = variance > 0
        scaled = np.where(lit, fine[:, self._places] / np.sqrt(np.where(lit, variance, 1.0)), 0.0)
        self._kept.append(scaled.astype(np.float32))
        self._numbers.append(np.arange(block.start, block.stop))

    @cached_property
    def _found(self) -> tuple[np.ndarray, int]:
        if not self._kept:
            return np.empty((0, 2), dtype=np.int64), 0
        kept, number = np.concatenate(self._kept)[:_MOST_FRAMES], np.concatenate(self._numbers)[:_MOST_FRAMES]
        lit = (kept != 0).sum(1)
        usable = lit >= _FEWEST_LIT
        kept, number, lit = kept[usable], number[usable], lit[usable].astype(np.float32)
        if len(kept) < 2:
            return np.empty((0, 2), dtype=np.int64), len(kept)
        energy = (kept**2).sum(1)
        pairs, typical = [], []
        for start in range(0, len(kept), 512):
            part = slice(start, start + 512)
            gap = energy[part, None] + energy - 2 * kept[part] @ kept.T
            ratio = gap / (lit[part, None] + lit)
            near = np.argwhere((ratio < _SHARED) & (ratio > _SAME))
            near = near[near[:, 1] > near[:, 0] + start]
            pairs.append(near + np.array([start, 0]))
            typical.append(np.quantile(ratio, 0.2))
        found = np.concatenate(pairs)
        # Where all pairs differ too little, the noise is stated too large, which another check tells.
        if np.median(typical) < 1.2 * _SHARED or len(found) > 0.2 * len(kept) ** 2 / 2:
            return np.empty((0, 2), dtype=np.int64), len(kept)
        # Between bright scenes the product in single precision loses the difference: it is taken again.
        left, right = found.T
        gap = np.array([((kept[i].astype(float) - kept[j]) ** 2).sum() for i, j in zip(left, right, strict=True)])
        ratio = gap / (lit[left] + lit[right])
        return number[found[(ratio < _SHARED) & (ratio > _SAME)]], len(kept)

    @property
    def pairs(self) -> np.ndarray:
        """(pair, 2) of samples that share their noise."""
        return self._found[0]

    def findings(self) -> list[Finding]:
        """Return a finding where samples of different groups share their noise."""
        pairs, seen = self._found
        pairs = pairs[self.measured.groups[pairs[:, 0]] != self.measured.groups[pairs[:, 1]]]
        if not len(pairs):
            return []
        samples = len(np.unique(pairs))
        return [
            Finding(
                "near-copies",
                "note",
                f"{samples} of {seen} samples share their noise with another (as {pairs[0, 1]} with {pairs[0, 0]}): near-copies, "
                "such as frames saved twice, averaged over time or compressed",
                "they are taken as one source where they were found; others may be left",
                "keep each exposure once, or give groups (--groups)",
                {"samples": samples, "of": seen, "pairs": len(pairs)},
            )
        ]


def identical(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the pairs (pair, 2) of samples that are identical: the first of its kind, and one that equals it.

    Args:
        parts: arrays of samples (sample, ...), one after another.

    """
    found = _FirstOfEach()
    for part in parts:
        found.add(part, found.seen)
    return found.pairs


def digests(samples: np.ndarray) -> list[bytes | None]:
    """Return a hash of each sample (sample, ...), None where chance could make two alike."""
    samples = np.ascontiguousarray(samples)
    flat = samples.reshape(len(samples), -1)
    parts = flat.view(flat.real.dtype).reshape(len(flat), -1) if flat.dtype.kind == "c" else flat
    enough = _distinct(parts)
    rows = flat.view(np.uint8).reshape(len(flat), -1)
    if rows.shape[1] > _WHOLE_BYTES:
        length = _WHOLE_BYTES // _SLICES
        starts = np.linspace(0, rows.shape[1] - length, _SLICES).astype(int)
        rows = np.concatenate([rows[:, start : start + length] for start in starts], axis=1)
    return [hashlib.blake2b(row, digest_size=16).digest() if told else None for row, told in zip(rows, enough, strict=True)]


def _distinct(values: np.ndarray) -> np.ndarray:
    """Tell which samples have so many values apart from their median one that no other has the same by chance."""
    needed = _DIFFERENT
    if values.dtype.kind == "f":
        some = values[:64].ravel()[:4096]
        if not np.all(some == np.round(some)):
            needed = 2  # continuous values never coincide
    width = min(values.shape[1], 4096)
    some = values[:, np.linspace(0, values.shape[1] - 1, width).astype(int)] if width < values.shape[1] else values
    apart = (some != np.median(some, axis=1, keepdims=True).astype(some.dtype)).sum(1)
    return apart >= needed


def merged(groups: np.ndarray, pairs: Iterable[tuple[int, int]] | np.ndarray) -> np.ndarray:
    """Return groups (sample,) of which those that share a pair of samples (pair, 2) are one; the numbers of the rest stay."""
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if not len(pairs):
        return groups
    names, index = np.unique(groups, return_inverse=True)
    parent = np.arange(len(names))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for a, b in index[pairs]:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return names[np.array([root(k) for k in range(len(names))])[index]]

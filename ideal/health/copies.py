"""Copies: samples, or patches, that are one measurement twice. They are kept in one group, never scored by each other."""

import hashlib
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from scipy.special import gammaincinv

from ideal.health.check import Block, Check, has_quads, noise_is_stated
from ideal.health.finding import Finding
from ideal.noise import NoiseModel

_WHOLE_BYTES = 2**20  # a larger sample is told by slices of it
_SLICES = 16
_DIFFERENT = 12  # values apart from the commonest one that make a coincidence impossible
_SURE_BITS = 10  # beyond two for each bit of the number of samples: chance makes such a pair once in a thousand sets
_MANY_PAIRS = 10  # times as many as chance makes
_QUADS, _MOST_FRAMES, _FEWEST_LIT = 768, 2500, 30
_SHARING = 3.0  # differences that count for one, as they share values
_SHARED = 0.6  # of the difference that independent noise makes; below it two samples share their noise


class _FirstOfEach:
    """The first sample with each hash, and those that equal it.

    That two samples are alike says nothing where it may be chance, as of vectors of a few counts. The noise bounds how probable
    a value is whatever the object, so that a sample of b bits below that bound equals another one with a chance of 2^-b at most:
    pairs are copies where so many cannot be chance.

    Args:
        size: number of all samples.

    """

    def __init__(self, size: int):
        self._first: dict[bytes, int] = {}
        self._found: list[tuple[int, int, float]] = []
        self._bits: list[np.ndarray] = []
        self._size = size
        self.seen = 0

    def add(self, samples: np.ndarray, start: int, bits: np.ndarray) -> None:
        """Hash samples (sample, ...), of which the first has the number `start`; `bits` (sample,) is what a copy of each says."""
        self.seen += len(samples)
        self._bits.append(bits)
        told = np.flatnonzero(bits > 0)
        for place, digest in zip(told.tolist(), digests(samples[told]), strict=True):
            first = self._first.setdefault(digest, start + place)
            if first != start + place:
                self._found.append((first, start + place, float(bits[place])))

    @property
    def pairs(self) -> np.ndarray:
        """(copy, 2): the first sample of its kind, and one that equals it."""
        pairs = np.array([pair[:2] for pair in self._found], dtype=np.int64).reshape(-1, 2)
        if not len(pairs):
            return pairs
        told, bits = np.array([pair[2] for pair in self._found]), np.concatenate(self._bits)
        sure = 2 * np.log2(self._size) + _SURE_BITS
        for least in (1, *range(2, int(sure), 2)):
            chance = (self._size / 2 * 2.0 ** -bits[(bits >= least) & (bits < sure)]).sum()
            if ((told >= least) & (told < sure)).sum() > _MANY_PAIRS * (1 + chance):
                return pairs[told >= least]
        return pairs[told >= sure]


class Copies(Check):
    """Samples that are identical value for value, told by a hash of each."""

    def __init__(self, measured):
        super().__init__(measured)
        self._found = _FirstOfEach(len(measured))

    def add(self, block: Block) -> None:
        """Hash each sample."""
        measured = self.measured
        steps = measured.integer and noise_is_stated(measured) and measured.dtype.kind != "c"
        known = (block.value_variance, measured.gain * measured.step) if steps else ()
        self._found.add(block.raw, block.start, told_by_copies(block.raw, *known))

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
        across = int(np.not_equal(*map(self.measured.groups_of, pairs.T)).sum())
        if not across:
            return []
        return [
            Finding(
                "identical-samples",
                "note",
                f"{len(pairs)} of {self._found.seen} samples are identical copies of {originals} others (sample {pairs[0, 1]} is "
                f"sample {pairs[0, 0]} again)",
                "copies are taken as one source, so that no model is scored on what it was fitted to",
                "" if not self.measured.has_groups else "check the groups: copies stand in different ones",
                {"copies": len(pairs), "originals": originals, "of": self._found.seen},
            )
        ]


class SharedNoise(Check):
    """Pairs of samples that differ by less than two independent noises would make them: near-copies.

    The fine differences of two samples (of neighbouring values, or of squares of 2x2 pixels), each divided by its stated standard
    deviation, differ by a variance of at least 2 where their noise is independent, whatever the scenes. Re-encoded, shifted in
    brightness or interpolated copies do not. The fewer differences a sample has, the more must two agree to be told apart from
    chance.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []
        self._means: list[np.ndarray] = []
        self._places: np.ndarray | None = None

    @classmethod
    def applies(cls, measured) -> bool:
        """Images, vectors and visibilities of more than a few values with stated noise."""
        few = int(np.prod(measured.shape[1:])) < _FEWEST_LIT
        return not few and (has_quads(measured) or (len(measured.shape) == 2 and noise_is_stated(measured)))

    def add(self, block: Block) -> None:
        """Keep some standardised fine differences of each sample."""
        if not block.sampled or sum(map(len, self._numbers)) >= _MOST_FRAMES:
            return
        fine, variance = _fine(block)
        if self._places is None:
            size = fine.shape[1]
            self._places = np.sort(np.random.default_rng(0).choice(size, min(_QUADS, size), replace=False))
        fine, variance = fine[:, self._places], variance[:, self._places]
        lit = variance > 0
        scaled = np.where(lit, fine / np.sqrt(np.where(lit, variance, 1.0)), 0.0)
        self._kept.append(scaled.astype(np.float32))
        self._numbers.append(np.arange(block.start, block.stop))
        self._means.append(block.raw.reshape(len(block.raw), -1).mean(1))

    @cached_property
    def _found(self) -> tuple[np.ndarray, int]:
        if not self._kept:
            return np.empty((0, 2), dtype=np.int64), 0
        kept, number, mean = (np.concatenate(each)[:_MOST_FRAMES] for each in (self._kept, self._numbers, self._means))
        lit = (kept != 0).sum(1)
        usable = lit >= _FEWEST_LIT
        kept, number, mean, lit = kept[usable], number[usable], mean[usable], lit[usable].astype(np.float32)
        if len(kept) < 2:
            return np.empty((0, 2), dtype=np.int64), len(kept)
        shared = _least_ratio(len(kept))
        energy = (kept**2).sum(1)
        pairs, typical = [], []
        for start in range(0, len(kept), 512):
            part = slice(start, start + 512)
            gap = energy[part, None] + energy - 2 * kept[part] @ kept.T
            both = lit[part, None] + lit
            ratio = gap / both
            near = np.argwhere(ratio < shared[(both / 2).astype(int)])
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
        both = lit[left] + lit[right]
        identical = (gap == 0) & (mean[left] == mean[right])  # which are told by their hashes
        return number[found[(gap / both < shared[(both / 2).astype(int)]) & ~identical]], len(kept)

    @property
    def pairs(self) -> np.ndarray:
        """(pair, 2) of samples that share their noise."""
        return self._found[0]

    def findings(self) -> list[Finding]:
        """Return a finding where samples of different groups share their noise."""
        pairs, seen = self._found
        pairs = pairs[np.not_equal(*map(self.measured.groups_of, pairs.T))]
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


def _fine(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Return differences of neighbouring values (sample, difference) that no smooth scene changes, and their stated variance."""
    samples = len(block.raw)
    if block.raw.ndim > 2:
        fine = block.quads.fine
        return fine.reshape(samples, -1), np.broadcast_to(block.quad_variance, fine.shape).reshape(samples, -1)
    values, variance = block.values, np.broadcast_to(block.value_variance, block.raw.shape)
    if values.dtype.kind == "c":
        values, variance = values.view(np.float64).reshape(samples, -1), np.repeat(variance / 2, 2, axis=1)
        return values, variance
    return (values[:, 1:] - values[:, :-1]) / np.sqrt(2), (variance[:, 1:] + variance[:, :-1]) / 2


def _least_ratio(samples: int) -> np.ndarray:
    """Return the ratio below which two of so many samples share their noise, (differences of a sample,).

    Sums of squares of differences that share values scatter as chi squared of a third as many; chance makes one pair in ten
    thousand sets.
    """
    freedom = np.maximum(np.arange(_QUADS + 2), 1) / _SHARING
    return np.minimum(_SHARED, 2 * gammaincinv(freedom / 2, 1e-4 / samples**2) / freedom)


def identical(parts: Iterable[np.ndarray], size: int, noise: NoiseModel | None = None) -> np.ndarray:
    """Return the pairs (pair, 2) of samples that are identical: the first of its kind, and one that equals it.

    Args:
        parts: arrays of samples (sample, ...), one after another.
        size: number of all samples.
        noise: of their values, where it is known.

    """
    found = _FirstOfEach(size)
    for part in parts:
        known = (noise.variance(part), noise.quantum) if noise is not None and noise.quantum else ()
        found.add(part, found.seen, told_by_copies(part, *known))
    return found.pairs


def told_by_copies(samples: np.ndarray, variance: np.ndarray | None = None, quantum: float = 0.0) -> np.ndarray:
    """Return how many bits a copy of each sample says, (sample,): 2^-bits bounds the chance that another sample is the same.

    Args:
        samples: (sample, ...).
        variance: of the noise of each value, of their shape; without it, only the number of different values is known.
        quantum: step of the values, in the units of `variance`'s root.

    """
    flat = samples.reshape(len(samples), -1)
    if variance is None:
        parts = np.ascontiguousarray(flat).view(flat.real.dtype).reshape(len(flat), -1) if flat.dtype.kind == "c" else flat
        return np.where(_distinct(parts), np.inf, 0.0)
    # The commonest value of noise of this width has a probability of quantum / sqrt(2 pi variance) at most, 1 in no noise.
    bits = 0.5 * np.log2(np.maximum(2 * np.pi * np.broadcast_to(variance, samples.shape) / quantum**2, 1.0)).reshape(flat.shape)
    bits[(flat == flat.max()) | (flat == flat.min())] = 0.0  # which may be clipped
    return bits.sum(1)


def digests(samples: np.ndarray) -> list[bytes]:
    """Return a hash of each sample (sample, ...)."""
    rows = np.ascontiguousarray(samples).reshape(len(samples), -1).view(np.uint8) if len(samples) else np.empty((0, 0), np.uint8)
    if rows.shape[1] > _WHOLE_BYTES:
        length = _WHOLE_BYTES // _SLICES
        starts = np.linspace(0, rows.shape[1] - length, _SLICES).astype(int)
        rows = np.concatenate([rows[:, start : start + length] for start in starts], axis=1)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]


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

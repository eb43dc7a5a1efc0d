"""Patches of a measurement set, and splits that keep all patches of one source together.

Patches of one picture are not independent, so a split by patch would let a model see its test set.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.measurements.positions import checked_patch, random_positions, some_tiled_positions, spatial_groups, tiled_positions

__all__ = [
    "Fold",
    "Patches",
    "halves_by_group",
    "random_positions",
    "some_tiled_positions",
    "spatial_groups",
    "split_by_group",
    "tiled_positions",
]

_BLOCK_BYTES = 64 * 2**20
_GAP_BYTES = 2**20  # reading on is faster than a new read across less than this


@dataclass(frozen=True)
class Fold:
    """One way to split samples: indices to fit on, to choose with, and to score once; sorted, disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_by_group(groups, *, folds: int = 5, seed: int | Sequence[int]) -> list[Fold]:
    """Split samples into folds of whole groups, balanced in samples.

    Args:
        groups: source of each sample, shape (sample,).
        folds: number of parts, at least 3; no more than there are groups are made.
        seed: decides which groups go together.

    Returns:
        Fold k tests part k, validates on part k + 1 and trains on the rest; every sample is tested once.

    Raises:
        DataError: fewer than 3 groups.

    """
    if folds < 3:
        raise UsageError(f"folds is {folds}, expected at least 3: one each to train, to validate and to test")
    names, index, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < 3:
        raise DataError(
            f"{len(names)} group(s) of {len(index)} samples, expected at least 3 sources to train, validate and test: "
            "measure more sources, give the file groups, or split large images by place (spatial_groups)"
        )
    folds = min(folds, len(names))
    part = _assign(sizes, folds, np.random.default_rng(seed))[index]
    every = np.arange(folds)
    return [Fold(*(np.flatnonzero(np.isin(part, parts)) for parts in _roles(every, k))) for k in range(folds)]


def halves_by_group(groups, *, seed) -> list[np.ndarray]:
    """Split samples into two halves of whole groups, balanced in samples.

    Args:
        groups: source of each sample, shape (sample,); at least two.
        seed: decides which groups go together.

    Returns:
        Increasing indices of the samples of each half.

    """
    _, index, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    part = _assign(sizes, 2, np.random.default_rng(seed))[index]
    return [np.flatnonzero(part == half) for half in range(2)]


def _roles(parts: np.ndarray, k: int) -> tuple[np.ndarray, list[int], list[int]]:
    following = (k + 1) % len(parts)
    return parts[(parts != k) & (parts != following)], [following], [k]


def _assign(sizes: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Give each group a part: in random order, the largest first, to the part with fewest samples."""
    order = generator.permutation(len(sizes))
    part = np.empty(len(sizes), dtype=np.int64)
    if sizes.min() == sizes.max():
        part[order] = np.arange(len(sizes)) % folds
        return part
    order = order[np.argsort(-sizes[order], kind="stable")]
    loads = [(0, k) for k in range(folds)]
    for group in order.tolist():
        load, k = heapq.heappop(loads)
        part[group] = k
        heapq.heappush(loads, (load + int(sizes[group]), k))
    return part


class Patches:
    """Patches of one measurement set, read as they are asked for, always in the order of `positions`.

    Positions sorted by sample are read in one pass over the file, each sample once. In any other order a sample may be read
    again for every 64 MB of patches.

    Attributes:
        source: the measurement set.
        positions: (patch, 3) of sample, row, column.
        patch: (rows, columns), or None for whole samples.
        shape: (patch, rows, columns[, channel]), or that of whole samples.
        groups: source of each patch, (patch,).

    """

    def __init__(self, source, positions, patch, *, groups=None):
        """Check the positions.

        Args:
            source: `ideal.measurements.MeasurementSet`.
            positions: (patch, 3) of sample, row, column, or (patch,) sample indices for whole samples.
            patch: (rows, columns), one number for both, or None for whole samples.
            groups: source of each patch; None for that of its sample.

        """
        positions = np.asarray(positions, dtype=np.int64)
        if positions.ndim == 1:
            positions = tiled_positions(positions, source.shape[1:], None)
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise UsageError(f"positions have shape {positions.shape}, expected (patch, 3) of sample, row, column")
        inner = source.shape[1:]
        limits = np.array([len(source) - 1, 0, 0])
        if patch is not None:
            patch, _ = checked_patch(inner, patch)
            limits[1:] = inner[0] - patch[0], inner[1] - patch[1]
            inner = (*patch, *inner[2:])
        bad = ((positions < 0) | (positions > limits)).any(axis=1)
        if bad.any():
            first = int(np.argmax(bad))
            raise UsageError(
                f"{source.path}: position {first} is {tuple(positions[first].tolist())}, expected sample, row and column "
                f"from 0 to {tuple(limits.tolist())}"
            )
        self.source, self.positions, self.patch = source, positions, patch
        self.shape = (len(positions), *inner)
        self.groups = source.groups_of(positions[:, 0]) if groups is None else np.asarray(groups)
        if self.groups.shape != (len(positions),):
            raise UsageError(f"groups have shape {self.groups.shape}, expected one for each of {len(positions)} patches")

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.positions)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Return batches of measurements."""
        return self.batches()

    def take(self, indices) -> "Patches":
        """Return some of the patches, in the order of `indices`."""
        return Patches(self.source, self.positions[indices], self.patch, groups=self.groups[indices])

    def read(self, what: str = "measurements") -> np.ndarray:
        """Return all patches; `what` as of `batches`."""
        return self._gather(np.arange(len(self)), self._reader(what), {})

    def batches(self, size: int = 1024, what: str = "measurements") -> Iterator[np.ndarray]:
        """Return an iterator over arrays of up to `size` patches, in the order of `positions`.

        Args:
            size: patches in one array.
            what: "measurements" (photoelectrons), "clean" (their noiseless means) or "sigma".

        Returns:
            Iterator of float64 arrays (complex128 for visibilities) of shape (size, rows, columns[, channel]).

        """
        if size < 1:
            raise UsageError(f"batch size is {size}, expected at least 1")
        reader = self._reader(what)
        return self._batches(size, reader)

    def _batches(self, size: int, reader) -> Iterator[np.ndarray]:
        patch_bytes = 16 * max(1, math.prod(self.shape[1:]))
        together = size * max(1, _BLOCK_BYTES // (patch_bytes * size))
        cache: dict = {}
        for start in range(0, len(self), together):
            gathered = self._gather(np.arange(start, min(start + together, len(self))), reader, cache)
            for first in range(0, len(gathered), size):
                yield gathered[first : first + size]

    def _reader(self, what: str):
        readers = {
            "measurements": self.source.read,
            "clean": self.source.read_clean,
            "sigma": self.source.read_sigma,
        }
        if what not in readers:
            raise UsageError(f"unknown kind of patches {what!r}, expected one of {', '.join(readers)}")
        return readers[what]

    def _gather(self, chosen: np.ndarray, reader, cache: dict) -> np.ndarray:
        """Read the samples of the chosen patches in file order, and put each patch in its place."""
        is_sigma = reader == self.source.read_sigma
        dtype = np.complex128 if self.source.dtype.kind == "c" and not is_sigma else np.float64
        patches = np.empty((len(chosen), *self.shape[1:]), dtype)
        positions = self.positions[chosen]
        order = np.argsort(positions[:, 0], kind="stable")
        for start, stop in self._ranges(np.unique(positions[:, 0])):
            first, last = np.searchsorted(positions[order, 0], [start, stop])
            here = order[first:last]
            if self._large:
                for rows, some in self._bands(positions[here, 1]):
                    places = positions[here[some]] - [start, rows.start, 0]
                    mapped = self.source.calibration.by_place  # pixels differ: they are converted in their places
                    if reader == self.source.read and self.source.dtype.kind in "iu" and not mapped:  # which are all finite
                        crop = partial(_crop, positions=places, patch=self.patch)
                        patches[here[some]] = self.source.read_parts(start, stop, rows, crop)
                    else:
                        patches[here[some]] = _crop(reader(start, stop, rows), places, self.patch)
                continue
            block = self._block(start, stop, reader, cache)
            patches[here] = _crop(block, positions[here] - [start, 0, 0], self.patch)
        return patches

    @property
    def _large(self) -> bool:
        """Tell whether a single sample is more than a block."""
        return self.patch is not None and 16 * math.prod(self.source.shape[1:]) > _BLOCK_BYTES

    def _bands(self, first_rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Return bands of rows of one sample that cover its patches, each with the indices of those that lie in it."""
        height = max(self.patch[0], _BLOCK_BYTES // (16 * math.prod(self.source.shape[2:])))
        order = np.argsort(first_rows, kind="stable")
        while len(order):
            start = int(first_rows[order[0]])
            taken = int(np.searchsorted(first_rows[order], start + height - self.patch[0], side="right"))
            yield slice(start, int(first_rows[order[taken - 1]]) + self.patch[0]), order[:taken]
            order = order[taken:]

    def _block(self, start: int, stop: int, reader, cache: dict) -> np.ndarray:
        """Read samples; the last sample of the block before is kept, for it may begin this one."""
        if cache.get("sample") == start:
            kept = cache["values"]
            block = kept if stop == start + 1 else np.concatenate([kept, reader(start + 1, stop)])
        else:
            block = reader(start, stop)
        cache["sample"], cache["values"] = stop - 1, block[-1:].copy()
        return block

    def _ranges(self, samples: np.ndarray) -> Iterator[tuple[int, int]]:
        """Return ranges that cover the samples: bounded in bytes, and split where unneeded samples lie between."""
        sample_bytes = 16 * max(1, math.prod(self.source.shape[1:]))
        most, gap = max(1, _BLOCK_BYTES // sample_bytes), max(1, _GAP_BYTES // sample_bytes)
        runs = np.split(samples, np.flatnonzero(np.diff(samples) > gap) + 1)
        for run in runs:
            while len(run):
                taken = int(np.searchsorted(run, run[0] + most))
                yield int(run[0]), int(run[taken - 1]) + 1
                run = run[taken:]


def _crop(block: np.ndarray, positions: np.ndarray, patch: tuple[int, int] | None) -> np.ndarray:
    sample, row, column = positions.T
    if patch is None:
        return block[sample]
    windows = np.lib.stride_tricks.sliding_window_view(block, patch, axis=(1, 2))
    cropped = windows[sample, row, column]  # (patch[, channel], rows, columns)
    return np.moveaxis(cropped, 1, -1) if block.ndim == 4 else cropped

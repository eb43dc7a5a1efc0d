"""Parts of HDF5 and zarr datasets that were never written and read as the fill value; both formats know them.

HDF5 stores a chunk once it is written, whatever its values. zarr leaves out chunks of nothing but the fill value even where they
were written (`write_empty_chunks=False`, its default), as dim counts may be; such chunks are told from those never written by the
chunks that are there.
"""

import itertools
import math
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ideal.formats.hdf5 import is_pattern, selected_points
from ideal.formats.meant import MeantArray
from ideal.health import Finding, plain_note

_RANGES = 6
_LISTED_CHUNKS = 4_000_000  # of a larger grid only the number is told
_SOURCES = 2000  # files of a virtual dataset that are looked for
_SELECTED = 100_000  # boxes of one selection
_PROBED = 512  # zarr chunks that are read, where chunks are missing
_PROBED_BYTES = 64 * 2**20
_NO_ENTRY = 2**64 - 1  # offset of an inner chunk that a zarr shard does not hold


@dataclass(frozen=True)
class Gap:
    """What is missing of a dataset.

    Attributes:
        missing: boxes of the dataset that were never written, a slice for each axis; None where only their number is known.
        count: number of chunks, or of mapped sources, that are missing.
        total: number of all.
        unit: what is counted, as "chunk".
        files: files that are not there.

    """

    missing: list[tuple[slice, ...]] | None
    count: int
    total: int
    unit: str = "chunk"
    files: tuple[str, ...] = ()


def finding_of(gap: Gap, name: str, shape: Sequence[int], fill: Any, axis: int = 0, word: str = "sample") -> Finding:
    """Return the finding of severity "void" that names what is missing.

    Args:
        gap: what is missing.
        name: of the dataset.
        shape: of the dataset as stored.
        fill: value as which it reads.
        axis: of `shape` that counts samples, or the outermost of those that do.
        word: what an entry of this axis is called.

    """
    length = shape[axis] if len(shape) else 0
    figures: dict[str, Any] = {"dataset": name, f"{gap.unit}s_missing": gap.count, f"{gap.unit}s": gap.total}
    figures["fill_value"] = fill if isinstance(fill, int | float) and math.isfinite(fill) else str(fill)
    where = ""
    if gap.missing is not None and length:
        samples, partly = _samples(gap.missing, shape, axis)
        figures |= {"samples_missing": int(samples.sum()), "samples_partly_missing": int(partly.sum()), "samples": length}
        touched = samples | partly
        figures["ranges"] = _ranges(touched)[:100]
        whole = f"{samples.sum()} of {length} {word}s" if samples.any() else f"parts of {partly.sum()} of {length} {word}s"
        where = f", {whole} ({_in_words(touched)}{f', {partly.sum()} of them in part' if samples.any() and partly.any() else ''})"
    lost = ""
    if gap.files:
        figures["files"] = list(gap.files)
        more = f" and {len(gap.files) - 3} more" if len(gap.files) > 3 else ""
        lost = f", whose source{'s' * (len(gap.files) > 1)} {', '.join(gap.files[:3])}{more} cannot be found"
    verb = ("is" if gap.count == 1 else "are") if gap.files else ("was" if gap.count == 1 else "were")
    text = f"{name}: {gap.count} of {gap.total} {gap.unit}s {verb} {'missing' if gap.files else 'never written'}{where}{lost}"
    return Finding(
        "unwritten",
        "void",
        text,
        effect=f"they read as the fill value, {fill}, and no light fell on them",
        remedy=("put the files in their place" if gap.files else f"write the other {word}s to a file of their own")
        + ", or take them for measurements with --keep-unwritten",
        figures=figures,
    )


def _samples(missing: Iterable[tuple[slice, ...]], shape: Sequence[int], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples are missing whole, and which in part."""
    lost = np.zeros(shape[axis] + 1, np.int64)
    for box in missing:
        size = math.prod(one.stop - one.start for i, one in enumerate(box) if i != axis)
        lost[box[axis].start] += size
        lost[box[axis].stop] -= size
    lost = np.cumsum(lost[:-1])
    whole = lost >= math.prod(shape) // shape[axis]
    return whole, (lost > 0) & ~whole


def _ranges(flags: np.ndarray) -> list[list[int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [[int(first), int(last)] for first, last in zip(edges[::2], edges[1::2] - 1, strict=True)]


def _in_words(flags: np.ndarray) -> str:
    ranges = _ranges(flags)
    longest = sorted(sorted(ranges, key=lambda ends: ends[0] - ends[1])[:_RANGES])
    words = [str(first) if first == last else f"{first} to {last}" for first, last in longest]
    return ", ".join(words) + (f" and {len(ranges) - _RANGES} more ranges" if len(ranges) > _RANGES else "")


def _box(place: Sequence[int], chunks: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the part of a dataset that a chunk covers, `place` its number along each axis."""
    starts = [i * chunk for i, chunk in zip(place, chunks, strict=True)]
    return tuple(slice(a, min(a + chunk, size)) for a, chunk, size in zip(starts, chunks, shape, strict=True))


def _grid(shape: Sequence[int], chunks: Sequence[int]) -> tuple[int, ...]:
    return tuple(-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True))


def findings_of(array: Any, name: str, axis: int = 0, word: str = "sample") -> list[Finding]:
    """Return a finding where parts of an HDF5 or zarr array were never written, or sources of a virtual dataset are missing.

    zarr chunks that are not stored because all their counts are 0 are no fault: where the chunks that are there make so many of
    them likely, the finding is a remark. Other arrays have no findings.

    Args:
        array: `h5py.Dataset` or `zarr.Array`.
        name: what messages call it.
        axis: that counts samples, or the outermost of those that do.
        word: what an entry of this axis is called.

    """
    if not len(array.shape) or 0 in array.shape:
        return []
    if isinstance(array, MeantArray):
        array, axis = array.stored, len(array.shape) - 1 - axis if array.reverse else axis
    if isinstance(array, h5py.Dataset):
        return _hdf5_finding(array, name, axis, word)
    if hasattr(array, "nchunks_initialized"):
        return _zarr_finding(array, name, axis, word)
    return []


# HDF5


def _hdf5_finding(dataset: h5py.Dataset, name: str, axis: int, word: str) -> list[Finding]:
    gap = _virtual_gap(dataset) if dataset.is_virtual else _hdf5_gap(dataset)
    if gap is None:
        return []
    fill = dataset.fillvalue
    return [finding_of(gap, name, dataset.shape, fill.item() if isinstance(fill, np.generic) else fill, axis, word)]


def _hdf5_gap(dataset: h5py.Dataset) -> Gap | None:
    whole = tuple(slice(0, size) for size in dataset.shape)
    if dataset.chunks is None:
        layout = dataset.id.get_create_plist()
        empty = layout.get_layout() == h5py.h5d.CONTIGUOUS and not layout.get_external_count()
        if empty and dataset.id.get_storage_size() == 0:
            return Gap([whole], 1, 1, "block")
        return None
    grid = _grid(dataset.shape, dataset.chunks)
    total, present = math.prod(grid), dataset.id.get_num_chunks()
    if present >= total:
        return None
    if total > _LISTED_CHUNKS or not hasattr(dataset.id, "chunk_iter"):
        return Gap([whole] if present == 0 else None, total - present, total)
    written = np.zeros(grid, bool)
    sizes = dataset.chunks

    def note(chunk) -> None:
        place = tuple(offset // size for offset, size in zip(chunk.chunk_offset, sizes, strict=True))
        if all(i < n for i, n in zip(place, grid, strict=True)):
            written[place] = True

    dataset.id.chunk_iter(note)
    return Gap(_boxes_of(~written, sizes, dataset.shape), int((~written).sum()), total)


def _boxes_of(missing: np.ndarray, chunks: Sequence[int], shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """Return the parts of chunks that are missing, (grid), neighboring whole rows of the grid as one."""
    rows = missing.reshape(len(missing), -1)
    whole, touched = np.all(rows, axis=1), np.any(rows, axis=1)
    rest = tuple(slice(0, size) for size in shape[1:])
    boxes = [(slice(a * chunks[0], min((b + 1) * chunks[0], shape[0])), *rest) for a, b in _ranges(whole)]
    for first in np.flatnonzero(touched & ~whole).tolist():
        boxes += [_box((first, *place), chunks, shape) for place in np.argwhere(missing[first]).tolist()]
    return boxes


def _virtual_gap(dataset: h5py.Dataset) -> Gap | None:
    """Return what a virtual dataset cannot show: files that are not there, what they never wrote, and what is not mapped."""
    folder = Path(dataset.file.filename).resolve().parent
    sources = dataset.virtual_sources()
    missing, files, covered, count = [], [], 0, 0
    for source in sources[:_SOURCES]:
        selected = selected_points(source.vspace)
        if selected is None or is_pattern(source.file_name) or is_pattern(source.dset_name):
            return None  # as much as its sources have: the dataset ends with them
        covered += selected
        problem = _source_problem(dataset, source, folder)
        if problem is None:
            continue
        count += 1
        missing += _selected(source.vspace, dataset.shape)
        if problem and problem not in files:
            files.append(problem)
    if len(sources) > _SOURCES:
        covered = dataset.size
    if count:
        return Gap(missing, count, len(sources), "source", tuple(files))
    if covered < dataset.size:
        flags = np.ones(dataset.shape[0], bool)
        for source in sources:
            for box in _selected(source.vspace, dataset.shape):
                flags[box[0]] = False
        rest = tuple(slice(0, size) for size in dataset.shape[1:])
        boxes = [(slice(first, last + 1), *rest) for first, last in _ranges(flags)]
        return Gap(boxes or None, dataset.size - covered, dataset.size, "value")
    return None


def _selected(space, shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """Return the boxes of a selection; the box around it where it is not regular."""
    low, high = space.get_select_bounds()
    around = tuple(slice(a, min(b + 1, length)) for a, b, length in zip(low, high, shape, strict=True))
    if space.get_select_npoints() >= math.prod(one.stop - one.start for one in around) or not space.is_regular_hyperslab():
        return [around]
    start, stride, count, block = space.get_regular_hyperslab()
    if math.prod(count) > _SELECTED:
        return [around]
    corners = itertools.product(*(range(a, a + n * step, step) for a, n, step in zip(start, count, stride, strict=True)))
    return [
        tuple(slice(a, min(a + size, length)) for a, size, length in zip(corner, block, shape, strict=True)) for corner in corners
    ]


def _source_problem(dataset: h5py.Dataset, source, folder: Path) -> str | None:
    """Return the name of a source that is not there, "" for one that was never written, None for one that can be read."""
    file_name, dset_name = source.file_name.replace("%%", "%"), source.dset_name.replace("%%", "%")
    if file_name == ".":
        inner = dataset.file.get(dset_name)
        return dset_name if inner is None else _never_written(inner)
    beside, there = folder / Path(file_name).name, folder / file_name
    path = next((one for one in (there, beside, Path(file_name)) if one.is_file()), None)
    if path is None:
        return file_name
    try:
        with h5py.File(path, "r") as file:
            inner = file.get(dset_name)
            return f"{file_name}::{dset_name}" if inner is None else _never_written(inner)
    except OSError:
        return file_name


def _never_written(dataset: h5py.Dataset) -> str | None:
    gap = None if dataset.is_virtual or not dataset.size else _hdf5_gap(dataset)
    return None if gap is None else ""


# zarr


def _zarr_finding(array, name: str, axis: int, word: str) -> list[Finding]:
    fill = array.fill_value
    fill = fill.item() if isinstance(fill, np.generic) else fill
    gap = _zarr_gap(array)
    if gap is None:
        return []
    if gap.missing is not None and _may_be_dark(array, gap, fill):
        text = f"{name}: {gap.count} of {gap.total} chunks are not stored, as many as light so dim leaves at {fill} by chance"
        return [plain_note(text, dataset=name, chunks_missing=gap.count, chunks=gap.total)]
    return [finding_of(gap, name, array.shape, fill, axis, word)]


def _zarr_gap(array) -> Gap | None:
    sizes = array.shards or array.chunks
    grid = _grid(array.shape, sizes)
    total = math.prod(grid)
    root = getattr(array.store, "root", None)
    folder = None if root is None else Path(root) / array.path
    if folder is None or not folder.is_dir() or total > _LISTED_CHUNKS:
        total, present = array.nchunks, array.nchunks_initialized
        return None if present >= total else Gap(None, total - present, total)
    stored = _files_in(folder)
    keys = (array.metadata.encode_chunk_key(place) for place in itertools.product(*map(range, grid)))
    missing = np.array([key not in stored for key in keys], bool).reshape(grid)
    if array.shards is None:
        return Gap(_boxes_of(missing, sizes, array.shape), int(missing.sum()), total) if missing.any() else None
    inner = _missing_in_shards(array, folder, missing)
    return Gap(_boxes_of(inner, array.chunks, array.shape), int(inner.sum()), inner.size) if inner.any() else None


def _files_in(folder: Path) -> set[str]:
    """Return the files below a folder as keys of the store."""
    found: set[str] = set()
    base = str(folder)
    for where, _, files in os.walk(base):
        prefix = os.path.relpath(where, base).replace(os.sep, "/")
        found.update(files if prefix == "." else (f"{prefix}/{name}" for name in files))
    return found


def _missing_in_shards(array, folder: Path, missing: np.ndarray) -> np.ndarray:
    """Return which inner chunks are not stored: those of missing shards, and those that the index at a shard's end leaves out."""
    per_shard = _grid(array.shards, array.chunks)
    inner = np.zeros(tuple(a * b for a, b in zip(missing.shape, per_shard, strict=True)), bool)
    readable = _has_plain_index(array)
    for place in itertools.product(*map(range, missing.shape)):
        part = tuple(slice(i * n, (i + 1) * n) for i, n in zip(place, per_shard, strict=True))
        if missing[place]:
            inner[part] = True
        elif readable:
            entries = _shard_index(folder / array.metadata.encode_chunk_key(place), math.prod(per_shard))
            if entries is not None:
                inner[part] = (entries == _NO_ENTRY).reshape(per_shard)
    return inner[tuple(slice(0, n) for n in _grid(array.shape, array.chunks))]


def _has_plain_index(array) -> bool:
    codec = array.metadata.codecs[0].to_dict().get("configuration", {})
    names = [one.get("name") if isinstance(one, dict) else one for one in codec.get("index_codecs", ())]
    return codec.get("index_location") == "end" and names == ["bytes", "crc32c"]


def _shard_index(path: Path, chunks: int) -> np.ndarray | None:
    """Return the offset of each inner chunk of a shard, uint64, or None where the file holds no index."""
    length = 16 * chunks + 4  # offset and length of each, 8 bytes, and a checksum
    with open(path, "rb") as stream:
        stream.seek(0, os.SEEK_END)
        if stream.tell() < length:
            return None
        stream.seek(-length, os.SEEK_END)
        return np.array(struct.unpack(f"<{2 * chunks}Q", stream.read(length - 4))[::2], np.uint64)


def _may_be_dark(array, gap: Gap, fill) -> bool:
    """Tell whether so many chunks may hold nothing but the fill value by chance, and lie as chance would have them.

    Of Poisson counts of any mixture of means, the number of chunks without a count is at least n1^2 / (2 n2) on average, where n1
    and n2 are the numbers of chunks with one lit pixel and with two (A. Chao, Scandinavian Journal of Statistics 11, 265, 1984).
    Up to four times as many are taken for chance, unless some lie in a run that is longer than chance makes.
    """
    if fill != 0 or gap.missing is None or gap.count == gap.total:
        return False
    whole = np.ones(_grid(array.shape, array.chunks), bool)
    for box in gap.missing:
        whole[tuple(slice(one.start // n, -(-one.stop // n)) for one, n in zip(box, array.chunks, strict=True))] = False
    stored = np.argwhere(whole)
    chunk_bytes = math.prod(array.chunks) * array.dtype.itemsize
    count = max(1, min(_PROBED, len(stored), _PROBED_BYTES // chunk_bytes))
    chosen = stored[np.linspace(0, len(stored) - 1, count).astype(int)]
    counts = [int(np.count_nonzero(array[_box(place, array.chunks, array.shape)])) for place in chosen.tolist()]
    scale = len(stored) / count
    once, twice = scale * counts.count(1), scale * counts.count(2)
    if gap.count > 4 * once**2 / (2 * max(twice, scale)) + 1 or not once:
        return False
    share = gap.count / gap.total
    runs = [last - first + 1 for first, last in _ranges(~whole.ravel())]
    return max(runs) <= math.log(1e4 * gap.total) / -math.log(share)

"""HDF5 files of others: their links are followed by us, not by the library, so that no file is read that nobody named.

A dataset may lie in another file: behind an external link, as a source of a virtual dataset, or as raw bytes that the dataset
names (external storage). Such files are read where they lie in the folder of the file that was named, or below it; elsewhere only
where the user allows it. All of them are listed in `Hdf5Tree.files`.
"""

import glob
import math
import mmap
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, overload

import h5py
import numpy as np

from ideal._memory import check_memory, in_bytes
from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats import axis_names
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.damage import check_packed, damaged, reason_of
from ideal.text import plain_text

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = 2**24  # it may stand at any power of two from 512 on; further away nobody puts it
_CHUNK_CACHE = 16 * 2**20  # holds one chunk of a few megabytes, so that neighbouring reads decompress it once
_HOPS = 16  # links after each other
_MOST_NODES = 100_000  # groups and datasets that are looked at
_ATTRIBUTE_BYTES, _MOST_ATTRIBUTES = 2**16, 1000
# Of an array of so many bytes, or entries, as much must have been written as the best compression would leave: more than 2000:1
# no lossless compression of measurements reaches, and that of zlib ends at 1032:1.
_SUSPECT_BYTES, _SUSPECT_ENTRIES, _LEAST_BYTES = 2**34, 10**7, 2**26
_COMPRESSION = 2000
_HEAP, _HEAP_SEARCH_BYTES = b"GCOL\x01\0\0\0", 2**28
_FILTERS = {
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32018: "FCIDECOMP",
    32019: "JPEG",
    32024: "SZ3",
    32026: "Blosc2",
    32028: "SPERR",
}
_BUILT_IN = {1: "deflate", 2: "shuffle", 3: "Fletcher32", 4: "SZIP", 5: "n-bit", 6: "scale-offset"}


@contextmanager
def opened(path: str | Path, **options) -> Iterator[h5py.File]:
    """Give an HDF5 file, open for reading; as `open_file`."""
    file = open_file(path, **options)
    try:
        yield file
    finally:
        file.close()


def open_file(path: str | Path, stream: BinaryIO | None = None, **options) -> h5py.File:
    """Open an HDF5 file for reading.

    Args:
        path: of the file.
        stream: of it, through which it is read; None for HDF5's own way, in which all that open a file share it.
        **options: as of `h5py.File`.

    Raises:
        DataError: it is no regular file, no HDF5, truncated, damaged, or locked by another program.

    """
    check_regular(path, "an HDF5 file")
    _check_heaps(path)
    try:
        return h5py.File(path if stream is None else stream, "r", **options)
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error)
        if isinstance(error, PermissionError):
            raise DataError(f"{path}: permission denied, the file cannot be read") from error
        if "truncated" in text:
            raise DataError(f"{path}: truncated HDF5 file: copy or write the file again") from error
        if "lock file" in text:
            raise DataError(
                f"{path}: locked by a program that writes to it: wait until it has ended, or copy the file and read the copy"
            ) from error
        if "already open for write" in text or "SWMR" in text or "consistency flags" in text:
            raise DataError(
                f"{path}: still marked as open for writing: let the program that writes it end, or, where it crashed, clear "
                "the mark with h5clear -s"
            ) from error
        if not _is_hdf5(path):
            raise DataError(f"{path}: not an HDF5 file: is it cut short, or of another format?") from error
        raise DataError(f"{path}: cannot be read as HDF5 ({reason_of(error)}): is it damaged? copy the file again") from error


def _check_heaps(path) -> None:
    """Refuse a file in whose global heaps, which hold texts of variable length, the HDF5 library would walk in place for ever.

    Its walk goes on by the size of each object, and a damaged size can be no step at all. Larger files are not looked through.

    Raises:
        DataError: there is such a size.

    """
    size = os.path.getsize(path)
    if not 0 < size <= _HEAP_SEARCH_BYTES:
        return
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_HEAP)
        while start >= 0:
            end = start + int.from_bytes(content[start + 8 : start + 16], "little")
            place = start + 16
            while place + 16 <= end <= size:
                number, length = struct.unpack("<H6xQ", content[place : place + 16])
                step = (16 + -(-length // 8) * 8 if number else length) % 2**64
                if step == 0:
                    raise DataError(
                        f"{path}: damaged HDF5 file (an object without length in a heap): copy or write the file again"
                    )
                place += step
            start = content.find(_HEAP, start + 4)


def _is_hdf5(path) -> bool:
    try:
        return bool(h5py.is_hdf5(path))
    except (OSError, RuntimeError, ValueError):
        return False


class Hdf5Tree:
    """The datasets of an HDF5 file by their paths, and its attributes.

    Args:
        path: of the file.
        follow_links: whether files outside its folder may be read where it names them.
        alone: whether it shares nothing with others that have the same file open. HDF5 ends the process where two handles read
            tables with values of variable length and one is closed (h5py issue 2920).

    Attributes:
        handle: the open file.
        files: further files that were read so far, resolved.

    """

    array_type = h5py.Dataset
    is_array = False
    calls_itself = "HDF5"

    def __init__(self, path: str | Path, follow_links: bool = False, alone: bool = False):
        self.path, self._follow = Path(path), follow_links
        self.folder = self.path.resolve().parent
        self._stream = open(path, "rb") if alone else None  # noqa: SIM115
        try:
            self.handle = open_file(path, self._stream, rdcc_nbytes=_CHUNK_CACHE)
        except BaseException:
            if self._stream is not None:
                self._stream.close()
            raise
        self._others: dict[Path, h5py.File] = {}
        self.files: list[Path] = []

    def close(self) -> None:
        """Close the file and all others."""
        for each in self._others.values():
            each.close()
        self.handle.close()
        if self._stream is not None:
            self._stream.close()

    def _name_of(self, node) -> str:
        """Return the name of the file that a node lies in."""
        return str(self.path) if node.file == self.handle else node.file.filename

    def attributes(self) -> dict:
        """Return the attributes of the file as plain Python values."""
        with damaged(self.path):
            return attributes_of(self.handle)

    def attributes_of(self, node) -> dict:
        """Return the attributes of an array as plain values."""
        return attributes_of(node)

    def axes_of(self, node, path: str) -> str:
        """Return the axes that the file names for an array, as letters."""
        return axis_names.of_hdf5(node)

    def first_level(self, name: str | None) -> None:
        """Return None: HDF5 knows no pyramids."""

    def get(self, path: str):
        """Return the dataset or group of a path, or None where there is nothing.

        Raises:
            DataError: it lies in a file that must not be read or is not there, its links lead in a circle, or it cannot be read.

        """
        with damaged(f"{self.path}::{plain_text(path)}"):
            node = self._resolve(self.handle, path, path, [_HOPS])
            return self._checked(node, path) if isinstance(node, h5py.Dataset) else node

    def paths(self) -> tuple[list[str], list[str]]:
        """Return the paths of all datasets, each dataset once, and why links were left out."""
        found, left = [], []
        seen: set[tuple[int, int]] = set()
        waiting: list[tuple[str, h5py.Group]] = [("", self.handle["/"])]
        while waiting and len(seen) < _MOST_NODES:
            prefix, group = waiting.pop()
            with damaged(self.path):
                names = list(group)
            inner = []
            for name in names:
                path = f"{prefix}{name}"
                try:
                    node = self._resolve(group, name, path, [_HOPS])
                except DataError as error:
                    left.append(str(error))
                    continue
                except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError):
                    continue  # a link to nothing
                if not isinstance(node, h5py.Dataset | h5py.Group):
                    continue
                about = h5py.h5o.get_info(node.id)
                if (about.fileno, about.addr) in seen:
                    continue
                seen.add((about.fileno, about.addr))
                if isinstance(node, h5py.Dataset):
                    found.append(path)
                else:
                    inner.append((f"{path}/", node))
            waiting += reversed(inner)
        return sorted(found), left

    def _resolve(self, group, path: str, shown: str, hops: list[int]):
        """Return what a path leads to, from a group on; links are counted down in `hops`."""
        node = group.file["/"] if path.startswith("/") else group
        for part in path.split("/"):
            if part in ("", "."):
                continue
            if not isinstance(node, h5py.Group):
                return None
            link = node.get(part, getlink=True)
            if link is None:
                return None
            if isinstance(link, h5py.HardLink):
                node = node[part]
                continue
            hops[0] -= 1
            if hops[0] < 0:
                raise DataError(f"{self.path}: the links of {plain_text(shown)} lead in a circle: name the dataset itself")
            if isinstance(link, h5py.SoftLink):
                node = self._resolve(node, link.path, shown, hops)
                if node is None:
                    raise DataError(
                        f"{self.path}: {plain_text(shown)} is a link to {plain_text(link.path)}, which is not there: name the "
                        "dataset itself"
                    )
            else:
                other = self._other(link.filename, self._name_of(node), f"{plain_text(shown)} is a link to")
                node = self._resolve(other, link.path, shown, hops)
                if node is None:
                    raise DataError(
                        f"{self.path}: {plain_text(shown)} is a link to {plain_text(link.filename)}::{plain_text(link.path)}, "
                        "which is not there: put it in its place"
                    )
        return node

    def _other(self, name: str, holder: str, said: str) -> h5py.File:
        path = self.allowed(name, holder, said)
        if path == self.path.resolve():
            return self.handle
        if path not in self._others:
            self._others[path] = open_file(path, rdcc_nbytes=_CHUNK_CACHE)
        return self._others[path]

    @overload
    def allowed(self, name: str, holder: str | Path, said: str) -> Path: ...
    @overload
    def allowed(self, name: str, holder: str | Path, said: str, *, missing: bool) -> Path | None: ...
    def allowed(self, name: str, holder: str | Path, said: str, *, missing: bool = False) -> Path | None:
        """Return the resolved path of a file that another names.

        Args:
            name: as it stands there.
            holder: the file that names it.
            said: how it names it, for messages: "m is a link to".
            missing: whether None is returned where the file is not there, in place of an error.

        Raises:
            DataError: the file lies outside the folder, or is no regular file.

        """
        shown, folder = plain_text(name), Path(holder).resolve().parent
        places = [Path(name)] if os.path.isabs(name) else [folder / name]
        places += [folder / Path(name).name, Path(name)]  # where the library looks: by its name alone, and from where we stand
        place = next((each for each in places if os.path.lexists(each)), None)
        if place is None:
            if missing:
                return None
            raise DataError(f"{self.path}: {said} {shown}, which is not there: put the file in its place")
        found = place.resolve()
        if not self._follow and not found.is_relative_to(self.folder):
            raise DataError(
                f"{self.path}: {said} {shown}, outside its folder: where that may be read, say so (--follow-links), or put the "
                "file beside it"
            )
        check_regular(found, "an HDF5 file", where=f"{self.path}: {said} {shown}")
        if found not in self.files and found != self.path.resolve():
            self.files.append(found)
        return found

    def _checked(self, dataset: h5py.Dataset, path: str) -> h5py.Dataset:
        """Return a dataset that can be read and reads nothing that nobody named."""
        where = f"{self.path}::{plain_text(path)}"
        try:
            itemsize = np.dtype(dataset.dtype).itemsize
        except TypeError as error:
            raise DataError(
                f"{where}: values of a type that NumPy does not have ({reason_of(error)}), expected numbers"
            ) from error
        check_filters(dataset, where)
        if dataset.is_virtual:  # before its shape, for which HDF5 looks into the sources
            self._check_sources(dataset, where, set(), [])
        if dataset.shape is None:
            raise DataError(f"{where}: is empty, without a shape, expected an array of numbers")
        if dataset.external and not dataset.is_virtual:
            dataset = self._with_raw_files(dataset, where)
        elif not dataset.is_virtual:
            check_written(dataset, where)
        if dataset.chunks is not None and dataset.size:
            chunk = math.prod(dataset.chunks) * itemsize
            check_memory(where, 2 * chunk, f"one of its chunks, {dataset.chunks},", "write it again with smaller chunks")
            _check_chunks(dataset, where)
        return dataset

    def _check_sources(self, dataset: h5py.Dataset, where: str, seen: set, way: list) -> None:
        """Check the files that a virtual dataset maps, and those that these map.

        Args:
            dataset: whose sources are checked.
            where: what messages call it.
            seen: datasets that were checked.
            way: those that lead to this one; HDF5 crashes where one of them is a source of it.

        """
        way = [*way, _mark(dataset)]
        if len(way) > _HOPS:
            raise DataError(f"{where}: maps what maps another, more than {_HOPS} times: write it as one dataset")
        covered = 0
        for source in dataset.virtual_sources():
            selected = selected_points(source.vspace)
            covered += selected or 0
            for inner, file in self._sources_of(source, dataset, where):
                mark = _mark(inner)
                if mark in way:
                    raise DataError(f"{where}: maps itself: write it as one dataset")
                if mark not in seen:
                    seen.add(mark)
                    if len(seen) > _MOST_NODES:
                        raise DataError(f"{where}: maps more than {_MOST_NODES} datasets: take a part of it")
                    self._check_source(inner, file, where, seen, way)
                covered += (inner.size or 0) if selected is None else 0
        size = dataset.size or 0
        if is_empty_promise(dataset.shape or (), dataset.dtype.itemsize, covered * dataset.dtype.itemsize):
            raise DataError(
                f"{where}: of its {size} values {covered} are mapped to files: take the part that was recorded, or write it again"
            )

    def _check_source(self, source: h5py.Dataset, file: Path, where: str, seen: set, way: list) -> None:
        check_filters(source, where)
        _check_chunks(source, where)
        if source.is_virtual:
            self._check_sources(source, where, seen, way)
        elif source.external:
            raise DataError(f"{where}: maps a dataset whose values are raw files: write it as one dataset")
        elif source.shape is not None:
            check_written(source, f"{where} (in {plain_text(file.name)})")

    def _sources_of(self, source, dataset: h5py.Dataset, where: str) -> Iterator[tuple[h5py.Dataset, Path]]:
        """Give the datasets that a mapping means, each with its file; more than one where its names hold the pattern %b."""
        for file in self._named_by(source.file_name, self._name_of(dataset), where):
            other = dataset.file if source.file_name == "." else self._other(str(file), str(file), f"{where} maps")
            for name in self._names_of(other, source.dset_name):
                inner = self._resolve(other, name, name, [_HOPS])
                if isinstance(inner, h5py.Dataset):
                    yield inner, file

    def _names_of(self, file: h5py.File, name: str) -> list[str]:
        """Return the paths in a file that the name of a source may mean: itself, or those of a pattern with %b."""
        found = [name, name.replace("%%", "%")]
        if is_pattern(name):
            found = [""]
            for part in filter(None, name.split("/")):
                meant, grown = _numbered(part), []
                for prefix in found:
                    group = self._resolve(file, prefix or "/", prefix, [_HOPS])
                    names = group if isinstance(group, h5py.Group) else ()
                    grown += [f"{prefix}/{each}" for each in names if meant.fullmatch(each)]
                if len(grown) > _MOST_NODES:
                    raise DataError(f"{self.path}: {plain_text(name)} means more than {_MOST_NODES} datasets: take a part of it")
                found = grown
        return list(dict.fromkeys(found))

    def _named_by(self, name: str, holder: str, where: str) -> list[Path]:
        """Return the files that a name in a virtual dataset means: one, none, or those of a pattern with %b."""
        if name == ".":
            return [Path(holder)]
        said = f"{plain_text(where.rpartition('::')[2])} maps"
        there = [name, name.replace("%%", "%")]
        if is_pattern(name):
            pattern, meant = "*".join(map(glob.escape, _pieces(name))), _numbered(Path(name).name)
            folder = Path(holder).resolve().parent
            places = [folder / pattern, folder / Path(pattern).name, Path.cwd() / pattern]
            there = [path for place in places for path in glob.iglob(str(place)) if meant.fullmatch(Path(path).name)]
            if len(there) > _MOST_NODES:
                raise DataError(f"{self.path}: {said} more than {_MOST_NODES} files: take a part of it")
        found = [self.allowed(path, holder, said, missing=True) for path in dict.fromkeys(there)]
        return [path for path in dict.fromkeys(found) if path is not None]

    def _with_raw_files(self, dataset: h5py.Dataset, where: str) -> h5py.Dataset:
        """Return a dataset whose raw files are looked for beside the file, after a check of each."""
        for name, _, _ in dataset.external:
            name = os.fsdecode(name)
            self.allowed(name, self._name_of(dataset), f"{plain_text(dataset.name)} takes its values from")
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_efile_prefix(b"${ORIGIN}")
        file, name = dataset.file, dataset.name.encode()
        dataset.id.close()  # HDF5 keeps the prefix of a dataset that is open
        return h5py.Dataset(h5py.h5d.open(file.id, name, access))


def selected_points(space: h5py.h5s.SpaceID) -> int | None:
    """Return how many values a selection has; None where it goes on without an end, as the sources of a virtual dataset do."""
    try:
        return space.get_select_npoints()
    except (OSError, RuntimeError, ValueError):
        return None


def is_pattern(name: str) -> bool:
    """Tell whether a name in a virtual dataset stands for many: it holds %b, for which HDF5 puts 0, 1, 2 and so on."""
    return "%b" in name.replace("%%", "")


def _pieces(name: str) -> list[str]:
    """Return the texts between the %b of a pattern."""
    return [piece.replace("\0", "%") for piece in name.replace("%%", "\0").split("%b")]


def _numbered(name: str) -> re.Pattern:
    """Return what matches all names of a pattern with %b."""
    return re.compile("[0-9]+".join(map(re.escape, _pieces(name))))


def _mark(dataset: h5py.Dataset) -> tuple:
    """Return what tells a dataset from all others, whatever links lead to it."""
    about = h5py.h5o.get_info(dataset.id)
    return about.fileno, about.addr


def check_written(dataset: h5py.Dataset, where: str) -> None:
    """Refuse a large dataset of which nearly nothing was written: its shape is a promise that costs memory and time.

    Raises:
        DataError: it is one.

    """
    stored, itemsize = dataset.id.get_storage_size(), dataset.dtype.itemsize
    if is_empty_promise(dataset.shape, itemsize, stored):
        raise DataError(empty_promise(where, dataset.shape, itemsize, stored))


def is_empty_promise(shape: tuple[int, ...], itemsize: int, stored: int) -> bool:
    """Tell whether a shape promises so much more than `stored` bytes that nearly nothing can have been written."""
    promised = math.prod(shape) * itemsize
    large = promised > _SUSPECT_BYTES or (max(shape, default=0) > _SUSPECT_ENTRIES and promised > _LEAST_BYTES)
    return large and stored * _COMPRESSION < promised


def empty_promise(where: str, shape: tuple[int, ...], itemsize: int, stored: int) -> str:
    """Return the message for an array whose shape promises far more than was written."""
    return (
        f"{where}: its shape {tuple(shape)} promises {in_bytes(math.prod(shape) * itemsize)}, and {in_bytes(stored)} were "
        "written: nearly all of it was never recorded: write a file of what was"
    )


def check_filters(dataset: h5py.Dataset, where: str) -> None:
    """Refuse a dataset that was compressed by a filter that is not installed.

    Raises:
        DataError: there is one; the message says what to install.

    """
    layout = dataset.id.get_create_plist()
    for place in range(layout.get_nfilters()):
        code, _, _, name = layout.get_filter(place)
        if h5py.h5z.filter_avail(code) or (_load_plugins() and h5py.h5z.filter_avail(code)):
            continue
        name = _FILTERS.get(code) or _BUILT_IN.get(code) or plain_text(name.decode("utf-8", "replace")) or "an unknown filter"
        remedy = (
            "install it with pip install 'ideal[codecs]' (or hdf5plugin)"
            if code >= 32000
            else "write it again without this filter (h5repack)"
        )
        raise DataError(f"{where}: compressed by {name} (HDF5 filter {code}), which is not installed: {remedy}")


def _check_chunks(dataset: h5py.Dataset, where: str) -> None:
    """Refuse a compressed dataset of which a chunk has more bytes than it could unpack to."""
    if not dataset.id.get_create_plist().get_nfilters() or dataset.chunks is None:
        return
    unpacked = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if dataset.id.get_storage_size() > 2 * unpacked:  # of many chunks, or of one that is too large
        largest = 0

        def look(chunk) -> None:
            nonlocal largest
            largest = max(largest, chunk.size)

        dataset.id.chunk_iter(look)
        check_packed(f"{where}: a chunk", largest, unpacked)


def _load_plugins() -> bool:
    try:
        import hdf5plugin  # noqa: F401 - registers its filters
    except ImportError:
        return False
    return True


def attributes_of(node) -> dict:
    """Return the attributes of a file, group or dataset as plain Python values, without those that are large or unreadable."""
    found = {}
    for key in list(node.attrs)[:_MOST_ATTRIBUTES]:
        try:
            if node.attrs.get_id(key).get_storage_size() > _ATTRIBUTE_BYTES:
                continue
            found[key] = node.attrs[key]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError):
            continue  # of a type that NumPy does not have
    return plain_attributes(found)


def plain_attributes(attributes) -> dict:
    """Return attributes with NumPy scalars and byte strings as plain Python values, texts without control characters."""
    plain = {}
    for key, value in dict(attributes).items():
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
            value = value.item()
            value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        plain[plain_text(str(key))] = plain_text(value) if isinstance(value, str) else value
    return plain


def read_arrays(file: h5py.File, where: str | Path) -> dict[str, np.ndarray]:
    """Return the datasets at the root of an open file of ours, whole; links of any kind are refused.

    Raises:
        DataError: something is no plain dataset, or does not fit into memory.

    """
    with damaged(where):
        return {name: _plain_array(file, name, where, "is it a file of ideal?") for name in file}


def read_array(path: str | Path, name: str) -> np.ndarray:
    """Return one array of any HDF5 file, by its path inside, whole; links of any kind are refused.

    Raises:
        DataError: there is none of this name, it is no plain dataset, or it does not fit into memory.

    """
    with opened(path) as file, damaged(path):
        node: Any = file
        *groups, last = [part for part in name.split("/") if part] or [""]
        for part in groups:
            hard = isinstance(node, h5py.Group) and isinstance(node.get(part, getlink=True), h5py.HardLink)
            node = node[part] if hard else None
        if not isinstance(node, h5py.Group) or last not in node:
            raise DataError(f"{path}: no array is called {plain_text(name)}")
        found = _plain_array(node, last, path, "name another")
        texts = h5py.check_string_dtype(found.dtype) is not None or found.dtype.kind == "S"
        return np.array([plain_text(each.decode("utf-8", "replace")) for each in found.ravel()]) if texts else found


def _plain_array(group: h5py.Group, name: str, where: str | Path, remedy: str) -> np.ndarray:
    shown = plain_text(name)
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataError(f"{where}: {shown} is a link, expected an array: {remedy}")
    node = group[name]
    if not isinstance(node, h5py.Dataset) or node.is_virtual or node.external or node.shape is None:
        raise DataError(f"{where}: {shown} is no plain array: {remedy}")
    check_written(node, f"{where}::{shown}")
    check_filters(node, f"{where}::{shown}")
    _check_chunks(node, f"{where}::{shown}")
    check_memory(f"{where}::{shown}", (node.size or 0) * node.dtype.itemsize, "it", remedy)
    return node[()]


class Hdf5(Format):
    """HDF5: our own files, NXdata, MATLAB 7.3, xarray's and anybody's."""

    starts = (_SIGNATURE,)
    suffixes = (".h5", ".hdf5")
    has_names = True

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether the signature stands at a power of two from 512 on, behind a block of the user."""
        with open(path, "rb") as stream:
            place, end = 512, min(path.stat().st_size, _USER_BLOCKS)
            while place < end:
                stream.seek(place)
                if stream.read(len(_SIGNATURE)) == _SIGNATURE:
                    return True
                place *= 2
        return False

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        from ideal.formats.trees import open_tree

        return open_tree(Hdf5Tree(path, follow_links), path, name)

"""zarr stores of others: their metadata are read as JSON, and what could run code or read elsewhere is refused before zarr looks.

zarr builds a codec for each name in the metadata, and older releases of numcodecs run what a pickle holds. So every array of a
store is checked, whichever is asked for: object types (but texts) and codecs that are not known here are refused.
"""

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ideal._documents import parse_json
from ideal._memory import check_memory
from ideal._text import plain_text
from ideal.errors import DataError, missing_extra
from ideal.formats import axis_names
from ideal.formats.hdf5 import empty_promise, is_empty_promise, plain_attributes

_METADATA_BYTES = 16 * 2**20
_MOST_FILES = 50_000_000
_DEEPEST = 64
_TEXT_CODEC = "vlen-utf8"
_COMPRESSORS = ("blosc", "lz4", "zstd", "zlib", "gzip", "bz2", "lzma", "zfpy", "pcodec")
_ARRANGERS = ("shuffle", "delta", "fixedscaleoffset", "quantize", "packbits", "astype", "bitround", "transpose")
_SUMS = ("crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3")
_CODECS = {*_COMPRESSORS, *_ARRANGERS, *_SUMS, "bytes", "endian", "sharding_indexed", "vlen-utf8", "vlen-bytes"}
_PREFIXES = ("numcodecs.", "imagecodecs_", "imagecodecs.")
_RUNS_CODE = frozenset(("pickle", "json", "json2", "msgpack", "msgpack2", "vlen-array", "categorize", "n5_wrapper"))


@dataclass(frozen=True)
class StoredArray:
    """An array of a store, as its metadata describe it.

    Attributes:
        shape: of the array.
        chunk: shape of what is decoded at once.
        itemsize: bytes of a value; 0 where it is not known.
        stored: bytes of the files below its folder.

    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int
    stored: int


class ZarrTree:
    """The arrays of a zarr store by their paths, and its attributes.

    Args:
        path: of the store, a folder.
        follow_links: whether links of the file system that lead out of the store may be followed.

    Raises:
        UsageError: zarr is not installed.
        DataError: it is no store, or holds what is never read.

    """

    def __init__(self, path: str | Path, follow_links: bool = False):
        self.path = Path(path)
        try:
            import zarr
        except ImportError as error:
            raise missing_extra("zarr", "zarr", f"reading {path}") from error
        self.array_type = zarr.Array
        self._arrays, self.files = _checked_arrays(self.path, follow_links)
        store = zarr.storage.LocalStore(self.path, read_only=True)
        try:
            if "" in self._arrays:
                self.root = zarr.open_array(store, mode="r")
            else:
                self.root = zarr.open_group(store, mode="r", use_consolidated=False)
        except Exception as error:
            raise DataError(f"{path}: cannot be read as zarr ({_reason(error)})") from error

    @property
    def is_array(self) -> bool:
        """True where the store is one array and no group."""
        return "" in self._arrays

    def close(self) -> None:
        """Do nothing: zarr keeps no file open."""

    def attributes(self) -> dict:
        """Return the attributes of the root as plain Python values."""
        return plain_attributes(self.root.attrs)

    def get(self, path: str):
        """Return the array or group of a path, or None where there is nothing.

        Raises:
            DataError: its codecs are not installed, its metadata have no meaning, or its shape promises what was never written.

        """
        path = path.strip("/")
        where = f"{self.path}::{plain_text(path)}" if path else str(self.path)
        try:
            node = self.root if not path else self.root.get(path)
        except Exception as error:  # zarr raises what it likes on metadata of no meaning
            missing = _missing_codec(error)
            if missing:
                raise DataError(
                    f"{where}: compressed by {missing}, which is not installed: install it with pip install 'ideal[codecs]'"
                ) from error
            raise DataError(f"{where}: cannot be read as zarr ({_reason(error)})") from error
        if path in self._arrays:
            _check_size(self._arrays[path], where)
        return node

    def paths(self) -> tuple[list[str], list[str]]:
        """Return the paths of all arrays, and an empty list: nothing is left out."""
        return sorted(self._arrays), []

    def axes_of(self, node, path: str) -> str:
        """Return the axes that the store names for one of its arrays, as letters."""
        if self.is_array:
            return axis_names.of_zarr(node, ())
        groups, parent = [self.root.attrs], self.root
        for part in path.strip("/").split("/")[:-1]:
            parent = parent[part]
            groups.insert(0, parent.attrs)
        return axis_names.of_zarr(node, groups)

    def first_level(self, name: str | None) -> str | None:
        """Return the path of the full picture of an OME-Zarr group: the named one, the root, or the only one in it."""
        if self.is_array:
            return None
        root = self.root
        group = root if name is None else root.get(name)
        if not hasattr(group, "keys"):
            return None
        prefix = "" if name is None else f"{name}/"
        for image in axis_names.multiscales(group.attrs)[:1]:
            levels = [level.get("path") for level in image.get("datasets") or () if hasattr(level, "get")]
            return f"{prefix}{levels[0]}" if levels and isinstance(levels[0], str) else None
        if name:
            return None
        inner = [key for key in group if hasattr(group[key], "keys") and axis_names.multiscales(group[key].attrs)]
        return self.first_level(inner[0]) if len(inner) == 1 else None


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


def _missing_codec(error: Exception) -> str:
    text = str(error)
    if "codec not available" in text or "UnknownCodec" in type(error).__name__:
        return text.split(":")[-1].strip(" '\"") or "a codec"
    if isinstance(error, ImportError):
        return "a codec"
    return ""


def _checked_arrays(root: Path, follow_links: bool) -> tuple[dict[str, StoredArray], list[Path]]:
    """Return the arrays of a store by path, after a look at every file in it, and files outside it that links lead to."""
    home = root.resolve()
    told: dict[str, dict] = {}
    sizes: dict[str, int] = {}
    outside: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting, count = [(home, "", 0)], 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        if depth > _DEEPEST:
            raise DataError(f"{root}: folders in it are nested deeper than {_DEEPEST}: is it a zarr store?")
        stored = 0
        with os.scandir(folder) as entries:
            for entry in entries:
                count += 1
                if count > _MOST_FILES:
                    raise DataError(f"{root}: holds more than {_MOST_FILES} files: take a part of it")
                shown = plain_text(f"{prefix}{entry.name}")
                try:
                    about = entry.stat()
                except OSError:
                    raise DataError(f"{root}: {shown} is a link to nothing: copy the store again") from None
                if entry.is_symlink():
                    target = Path(entry.path).resolve()
                    if not target.is_relative_to(home) and not follow_links:
                        raise DataError(
                            f"{root}: {shown} is a link to {plain_text(str(target))}, outside the store: where that may be read, "
                            "say so (--follow-links), or copy it"
                        )
                    if not target.is_relative_to(home):
                        outside.append(target)
                if stat.S_ISDIR(about.st_mode):
                    if (about.st_dev, about.st_ino) in seen:
                        raise DataError(f"{root}: {shown} is a link to a folder above or beside it: copy what it means")
                    seen.add((about.st_dev, about.st_ino))
                    waiting.append((Path(entry.path), f"{prefix}{entry.name}/", depth + 1))
                elif not stat.S_ISREG(about.st_mode):
                    raise DataError(f"{root}: {shown} is no regular file: a store holds nothing else, leave it out")
                elif entry.name in ("zarr.json", ".zarray", ".zmetadata", ".zgroup", ".zattrs"):
                    told[f"{prefix}{entry.name}"] = _metadata(Path(entry.path), f"{root}: {shown}")
                else:
                    stored += about.st_size
        sizes[prefix] = stored
    found = {}
    for path, metadata in told.items():
        where = f"{root}: {plain_text(path)}"
        _check_metadata(metadata, where)
        folder, _, name = path.rpartition("/")
        if name in ("zarr.json", ".zarray") and _is_array(metadata):
            found[folder] = metadata, where
    stored = dict.fromkeys(found, 0)
    for folder, size in sizes.items():
        place = folder.rstrip("/")
        while place and place not in stored:
            place = place.rpartition("/")[0]
        if place in stored:
            stored[place] += size
    return {folder: _described(*about, stored[folder]) for folder, about in found.items()}, outside


def _metadata(path: Path, where: str) -> dict:
    with open(path, "rb") as stream:
        content = stream.read(_METADATA_BYTES + 1)
    if len(content) > _METADATA_BYTES:
        raise DataError(f"{where} has more than {_METADATA_BYTES // 2**20} MiB: is it a zarr store?")
    found = parse_json(content, where)
    if not isinstance(found, dict):
        raise DataError(f"{where} is no table of JSON: copy the store again")
    return found


def _is_array(metadata: dict) -> bool:
    return "shape" in metadata and ("dtype" in metadata or "data_type" in metadata)


def _check_metadata(metadata: Any, where: str) -> None:
    """Check each array that metadata describe, also those that consolidated metadata repeat."""
    waiting = [(metadata, 0)]
    while waiting:
        each, depth = waiting.pop()
        if depth > _DEEPEST:
            raise DataError(f"{where}: nested deeper than {_DEEPEST}: is it a zarr store?")
        if isinstance(each, dict):
            if each.keys() & {"filters", "compressor", "codecs", "dtype"}:
                _check_array(each, where)
            waiting += [(value, depth + 1) for key, value in each.items() if key != "attributes"]
        elif isinstance(each, list):
            waiting += [(value, depth + 1) for value in each if isinstance(value, dict | list)]


def _check_array(metadata: dict, where: str) -> None:
    filters = metadata.get("filters") or []
    codecs = [*(filters if isinstance(filters, list) else [filters]), metadata.get("compressor")]
    for codec in codecs:
        _check_codec(codec, "id", where)
    for codec in _listed(metadata, "codecs", where):
        _check_v3(codec, where, 0)
    if "dtype" in metadata and _has_objects(metadata["dtype"]):
        if metadata["dtype"] == "|O" and filters == [{"id": _TEXT_CODEC}]:
            return  # texts, which no code makes
        raise DataError(
            f"{where}: values are Python objects, which may run code and are never read: write numbers, and labels as texts"
        )


def _check_v3(codec: Any, where: str, depth: int) -> None:
    if depth > 8:
        raise DataError(f"{where}: codecs inside codecs deeper than 8: is it a zarr store?")
    _check_codec(codec, "name", where)
    for key in ("codecs", "index_codecs"):
        for each in _listed(_configuration(codec), key, where):
            _check_v3(each, where, depth + 1)


def _listed(metadata: dict, key: str, where: str) -> list:
    """Return a list of the metadata, which is empty where they have none."""
    value = metadata.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{where}: {key} is {plain_text(repr(value))[:60]}, expected a list: copy the store again")
    return value


def _configuration(part: Any) -> dict:
    """Return what a grid or a codec says of itself."""
    found = part.get("configuration") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}


def _check_codec(codec: Any, key: str, where: str) -> None:
    if codec is None:
        return
    name = codec.get(key) if isinstance(codec, dict) else codec
    if not isinstance(name, str):
        raise DataError(f"{where}: a codec without a name: copy the store again")
    bare = next((name.removeprefix(prefix) for prefix in _PREFIXES[:1] if name.startswith(prefix)), name)
    if bare in _RUNS_CODE:
        raise DataError(
            f"{where}: the codec {plain_text(name)} makes Python objects, which may run code, and is never used: write numbers, "
            "and labels as texts"
        )
    if bare not in _CODECS and not name.startswith(_PREFIXES[1:]):
        raise DataError(
            f"{where}: the codec {plain_text(name)[:60]!r} is not known: write the store with another (zstd, blosc, gzip)"
        )


def _has_objects(dtype: Any) -> bool:
    if isinstance(dtype, str):
        return "O" in dtype
    return any(_has_objects(each) for each in dtype) if isinstance(dtype, list) else False


def _described(metadata: dict, where: str, stored: int) -> StoredArray:
    shape = metadata["shape"]
    chunk = metadata.get("chunks")
    if "chunk_grid" in metadata:
        chunk = _configuration(metadata["chunk_grid"]).get("chunk_shape")
        for codec in _listed(metadata, "codecs", where):
            if isinstance(codec, dict) and codec.get("name") == "sharding_indexed":
                chunk = _configuration(codec).get("chunk_shape")
    for name, sizes in (("shape", shape), ("chunks", chunk)):
        if not isinstance(sizes, list) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in sizes):
            raise DataError(f"{where}: {name} is {plain_text(repr(sizes))[:60]}, expected whole numbers: copy the store again")
    if len(shape) != len(chunk) or 0 in chunk:
        raise DataError(f"{where}: chunks {chunk} of a shape {shape}: copy the store again")
    kind = metadata.get("dtype", metadata.get("data_type"))
    try:
        itemsize = np.dtype(kind).itemsize if isinstance(kind, str) else 0
    except (TypeError, ValueError):
        itemsize = 0
    return StoredArray(tuple(shape), tuple(chunk), itemsize, stored)


def _check_size(array: StoredArray, where: str) -> None:
    if is_empty_promise(array.shape, array.itemsize, array.stored):
        raise DataError(empty_promise(where, array.shape, array.itemsize, array.stored))
    chunk = math.prod(array.chunk) * array.itemsize
    check_memory(where, 2 * chunk, f"one of its chunks, {array.chunk},", "write it again with smaller chunks")

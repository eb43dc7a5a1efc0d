"""zarr stores of others: their metadata are read as JSON, and what could run code or read elsewhere is refused before zarr looks.

zarr builds a codec for each name in the metadata, and older releases of numcodecs run what a pickle holds. So every array of a
store is checked, whichever is asked for: object types (but texts) and codecs that are not known here are refused.
"""

import math
import os
import reprlib
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ideal._documents import parse_json
from ideal._memory import check_memory
from ideal.errors import DataError, missing_extra
from ideal.formats import axis_names
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.axes import sources_of_microscope
from ideal.formats.damage import check_packed
from ideal.formats.hdf5 import empty_promise, is_empty_promise, plain_attributes
from ideal.text import plain_text

_METADATA_FILES = ("zarr.json", ".zarray", ".zgroup", ".zmetadata", ".zattrs")
_Version = Literal[2, 3]  # of the format of a store
_METADATA_BYTES = 16 * 2**20
_MOST_FILES = 50_000_000
_DEEPEST = 64
_TEXT_CODEC = "vlen-utf8"
_COMPRESSORS = ("blosc", "lz4", "zstd", "zlib", "gzip", "bz2", "lzma", "zfpy", "pcodec")
_ARRANGERS = ("shuffle", "delta", "fixedscaleoffset", "quantize", "packbits", "astype", "bitround", "transpose")
_SUMS = ("crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3")
_CODECS = {*_COMPRESSORS, *_ARRANGERS, *_SUMS, "bytes", "endian", "sharding_indexed", "vlen-utf8", "vlen-bytes"}
_PREFIXES = ("numcodecs.", "imagecodecs_", "imagecodecs.")
_INDEX_BYTES = 16  # that a shard keeps for each of its chunks
_TYPES = {"dtype", "astype", "encode_dtype", "decode_dtype"}
_RUNS_CODE = frozenset(("pickle", "json", "json2", "msgpack", "msgpack2", "vlen-array", "categorize", "n5_wrapper"))


def _is_named(value: Any) -> bool:
    """Tell whether a value is what format 3 calls an extension: a name, or a table with one and settings."""
    if isinstance(value, dict):
        return isinstance(value.get("name"), str) and isinstance(value.get("configuration", {}), dict)
    return isinstance(value, str)


def _is_key_encoding(value: Any) -> bool:
    settings = value.get("configuration", {}) if isinstance(value, dict) else {}
    return _is_named(value) and settings.get("separator", "/") in ("/", ".")  # any other could lead out of the store


_WHOLE_NUMBERS = (
    lambda value: isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value),
    "whole numbers",
)
# What each field of metadata may hold, and how to say it; zarr looks at few of them before it uses them.
_FIELDS = {
    "zarr_format": (lambda value: value in (2, 3) and type(value) is int, "2 or 3"),
    "node_type": (lambda value: value in ("array", "group"), '"array" or "group"'),
    "attributes": (lambda value: value is None or isinstance(value, dict), "a table"),
    "shape": _WHOLE_NUMBERS,
    "chunks": _WHOLE_NUMBERS,
    "dtype": (lambda value: isinstance(value, str | list), "a type of NumPy"),
    "data_type": (_is_named, "the name of a type"),
    "filters": (lambda value: value is None or isinstance(value, list), "a list of codecs"),
    "codecs": (lambda value: isinstance(value, list) and all(map(_is_named, value)), "a list of codecs, each with a name"),
    "order": (lambda value: value in ("C", "F"), '"C" or "F"'),
    "dimension_separator": (lambda value: value in ("/", "."), '"/" or "."'),
    "chunk_grid": (lambda value: isinstance(value, dict) and _is_named(value), "a table with a name and a configuration"),
    "chunk_key_encoding": (_is_key_encoding, 'a table with a name, and "/" or "." as separator'),
    "dimension_names": (
        lambda value: value is None or (isinstance(value, list) and all(isinstance(n, str | None) for n in value)),
        "a list of names",
    ),
    "storage_transformers": (lambda value: value in (None, []), "none"),
    "consolidated_metadata": (lambda value: value is None or isinstance(value, dict), "a table"),
}


@dataclass(frozen=True)
class StoredArray:
    """An array of a store, as its metadata describe it.

    Attributes:
        shape: of the array.
        chunk: shape of what is decoded at once.
        itemsize: bytes of a value; 0 where it is not known.
        stored: bytes of the files below its folder.
        file: shape of what one of these files holds, a chunk or a shard of several.
        largest: bytes of the largest of them.

    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int
    stored: int
    file: tuple[int, ...]
    largest: int


class ZarrTree:
    """The arrays of a zarr store by their paths, and its attributes.

    Args:
        path: of the store, a folder.
        follow_links: whether links of the file system that lead out of the store may be followed.

    Raises:
        MissingPackageError: zarr is not installed.
        DataError: it is no store, or holds what is never read.

    """

    calls_itself = "zarr"

    def __init__(self, path: str | Path, follow_links: bool = False):
        self.path = Path(path)
        try:
            import zarr
        except ImportError as error:
            raise missing_extra("zarr", "zarr", f"reading {path}") from error
        self.array_type = zarr.Array
        self._arrays, version, self.files = _checked_arrays(self.path, follow_links)
        store = zarr.storage.LocalStore(self.path, read_only=True)
        self.root: Any  # a zarr.Array where the store is one array, else a zarr.Group: zarr is imported only above
        try:
            with _without_warnings():
                if "" in self._arrays:
                    self.root = zarr.open_array(store, mode="r", zarr_format=version)
                else:
                    self.root = zarr.open_group(store, mode="r", zarr_format=version, use_consolidated=False)
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

    def attributes_of(self, node) -> dict:
        """Return the attributes of an array as plain values."""
        return plain_attributes(node.attrs)

    def get(self, path: str):
        """Return the array or group of a path, or None where there is nothing.

        Raises:
            DataError: its codecs are not installed, its metadata have no meaning, or its shape promises what was never written.

        """
        path = path.strip("/")
        where = f"{self.path}::{plain_text(path)}" if path else str(self.path)
        try:
            with _without_warnings():
                node = self.root if not path else self.root.get(path)
        except Exception as error:  # zarr raises what it likes on metadata of no meaning
            missing = _missing_codec(error)
            if missing:
                raise DataError(
                    f"{where}: compressed by {missing}, which is not installed: install it with pip install 'ideal[codecs]'"
                ) from error
            raise DataError(f"{where}: cannot be read as zarr ({_reason(error)})") from error
        if path in self._arrays:
            if node is None:
                raise DataError(f"{where}: zarr does not find this array: the metadata of a group above it seem damaged")
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
            listed = image.get("datasets")
            levels = [level.get("path") for level in listed if hasattr(level, "get")] if isinstance(listed, list) else []
            return f"{prefix}{levels[0]}" if levels and isinstance(levels[0], str) else None
        if name:
            return None
        with _without_warnings():
            inner = [key for key in group if hasattr(group[key], "keys") and axis_names.multiscales(group[key].attrs)]
        return self.first_level(inner[0]) if len(inner) == 1 else None


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence what zarr says to those who write stores: of files of another format beside, and of its future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


def _missing_codec(error: Exception) -> str:
    text = str(error)
    if "codec not available" in text or "UnknownCodec" in type(error).__name__:
        return text.split(":")[-1].strip(" '\"") or "a codec"
    if isinstance(error, ImportError):
        return "a codec"
    return ""


def _checked_arrays(root: Path, follow_links: bool) -> tuple[dict[str, StoredArray], _Version | None, list[Path]]:
    """Return the arrays of a store by path, its format, and files outside it that links lead to, after a look at every file."""
    home = root.resolve()
    told: dict[str, dict] = {}
    sizes: dict[str, tuple[int, int]] = {}  # of the files in a folder: of all, and of the largest
    outside: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting, count = [(home, "", 0)], 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        if depth > _DEEPEST:
            raise DataError(f"{root}: folders in it are nested deeper than {_DEEPEST}: is it a zarr store?")
        stored = largest = 0
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
                    largest = max(largest, about.st_size)
        sizes[prefix] = stored, largest
    of_version: dict[int, dict[str, tuple[dict, str]]] = {2: {}, 3: {}}
    for path, metadata in told.items():
        where = f"{root}: {plain_text(path)}"
        parent, _, name = path.rpartition("/")
        for node in _nodes(name, metadata):
            _check_node(node, where)
        if name == ".zarray" or (name == "zarr.json" and metadata.get("node_type") == "array"):
            of_version[2 if name == ".zarray" else 3][parent] = metadata, where
    version = _version(root, *of_version.values())
    found = of_version[version] if version is not None else {}
    totals = dict.fromkeys(found, (0, 0))
    for prefix, (size, largest) in sizes.items():
        place = prefix.rstrip("/")
        while place and place not in totals:
            place = place.rpartition("/")[0]
        if place in totals:
            totals[place] = totals[place][0] + size, max(totals[place][1], largest)
    return {place: _described(*about, *totals[place]) for place, about in found.items()}, version, outside


def _version(root: Path, older: Mapping[str, Any], newer: Mapping[str, Any]) -> _Version | None:
    """Return the format in which a store has all its arrays; None where it has none.

    Raises:
        DataError: some arrays are there in format 2 alone, others in format 3 alone.

    """
    if not older and not newer:
        return None
    if older.keys() <= newer.keys():  # also of a store that was converted in its place
        return 3
    if newer.keys() <= older.keys():
        return 2
    both = (plain_text(min(some.keys() - other.keys()) or "the root") for some, other in ((older, newer), (newer, older)))
    raise DataError("{}: {} is of zarr format 2 and {} of format 3: write both in one format".format(root, *both))


def _metadata(path: Path, where: str) -> dict:
    with open(path, "rb") as stream:
        content = stream.read(_METADATA_BYTES + 1)
    if len(content) > _METADATA_BYTES:
        raise DataError(f"{where} has more than {_METADATA_BYTES // 2**20} MiB: is it a zarr store?")
    found = parse_json(content, where)
    if not isinstance(found, dict):
        raise DataError(f"{where} is no table of JSON: copy the store again")
    return found


def _nodes(name: str, metadata: dict) -> Iterator[dict]:
    """Give what a file of metadata tells of groups and arrays, consolidated or not; attributes are the user's own."""
    if name == ".zattrs":
        return
    if name == ".zmetadata":
        inner = metadata.get("metadata")
        for key, node in inner.items() if isinstance(inner, dict) else ():
            if isinstance(node, dict) and key.rpartition("/")[2] != ".zattrs":
                yield node
        return
    waiting = [metadata]
    while waiting:
        node = waiting.pop()
        yield node
        consolidated = node.get("consolidated_metadata")
        inner = consolidated.get("metadata") if isinstance(consolidated, dict) else None
        waiting += [each for each in inner.values() if isinstance(each, dict)] if isinstance(inner, dict) else []


def _check_node(node: dict, where: str) -> None:
    """Check the types of what a group or an array says of itself, and all codecs and types of values in it."""
    for key, (good, expected) in _FIELDS.items():
        if key in node and not good(node[key]):
            found = plain_text(reprlib.repr(node[key]))
            raise DataError(f"{where}: {key} is {found}, expected {expected}: copy or write the store again")
    waiting: list[Any] = [{key: value for key, value in node.items() if key not in ("attributes", "consolidated_metadata")}]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.keys() & {"filters", "compressor", "codecs", *_TYPES}:
                _check_array(each, where)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _check_array(metadata: dict, where: str) -> None:
    filters = metadata.get("filters") or []
    for codec in [*(filters if isinstance(filters, list) else [filters]), metadata.get("compressor")]:
        _check_codec(codec, "id", where)
    _check_v3(metadata.get("codecs"), where)
    for key in _TYPES & metadata.keys():
        if _has_objects(metadata[key]):
            if metadata[key] == "|O" and filters == [{"id": _TEXT_CODEC}]:
                continue  # texts, which no code makes
            raise DataError(
                f"{where}: values are Python objects, which may run code and are never read: write numbers, and labels as texts"
            )


def _check_v3(codecs: Any, where: str, depth: int = 0) -> None:
    if depth > 8:
        raise DataError(f"{where}: codecs inside codecs deeper than 8: is it a zarr store?")
    for codec in codecs if isinstance(codecs, list) else [codecs]:
        _check_codec(codec, "name", where)
        inner = codec.get("configuration") if isinstance(codec, dict) else None
        for key in ("codecs", "index_codecs"):
            if isinstance(inner, dict):
                _check_v3(inner.get(key), where, depth + 1)


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


def _described(metadata: dict, where: str, stored: int, largest: int) -> StoredArray:
    shape: Any = metadata.get("shape")
    chunk: Any = metadata.get("chunks")
    file = chunk
    if "chunk_grid" in metadata:
        file = chunk = metadata["chunk_grid"].get("configuration", {}).get("chunk_shape")
        for codec in metadata.get("codecs", []):
            if isinstance(codec, dict) and codec.get("name") == "sharding_indexed":
                chunk = codec.get("configuration", {}).get("chunk_shape")
    for name, sizes in (("shape", shape), ("chunks", chunk), ("chunks", file)):
        if not isinstance(sizes, list) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in sizes):
            raise DataError(f"{where}: {name} is {plain_text(repr(sizes))[:60]}, expected whole numbers: copy the store again")
    if not len(shape) == len(chunk) == len(file) or 0 in (*chunk, *file):
        raise DataError(f"{where}: chunks {chunk} of a shape {shape}: copy the store again")
    kind = metadata.get("dtype", metadata.get("data_type"))
    try:
        itemsize = np.dtype(kind).itemsize if isinstance(kind, str) and not np.dtype(kind).hasobject else 0
    except (TypeError, ValueError):
        itemsize = 0
    return StoredArray(tuple(shape), tuple(chunk), itemsize, stored, tuple(file), largest)


def _check_size(array: StoredArray, where: str) -> None:
    if is_empty_promise(array.shape, array.itemsize, array.stored):
        raise DataError(empty_promise(where, array.shape, array.itemsize, array.stored))
    chunk = math.prod(array.chunk) * array.itemsize
    check_memory(where, 2 * chunk, f"one of its chunks, {array.chunk},", "write it again with smaller chunks")
    if array.itemsize:
        index = _INDEX_BYTES * math.prod(array.file) // math.prod(array.chunk) if array.file != array.chunk else 0
        check_packed(f"{where}: a chunk", array.largest, math.prod(array.file) * array.itemsize + index)


class Zarr(Format):
    """Zarr stores of versions 2 and 3 in a folder, OME-Zarr included."""

    suffixes = (".zarr",)
    has_names = True

    @classmethod
    def recognises_folder(cls, path: Path) -> bool:
        """Tell whether a folder holds the metadata of a store, or is called one."""
        return any(os.path.lexists(path / name) for name in _METADATA_FILES) or path.suffix.lower() in cls.suffixes

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a store; see `Format.open`."""
        from ideal.formats.trees import open_tree

        source = open_tree(ZarrTree(path, follow_links), path, name)
        if source.axes and source.path != str(path):  # of an OME-Zarr group, or an array that was named
            source.findings += sources_of_microscope(source.axes, source.arrays["measurements"].shape)
        return source

"""NumPy's own files, .npy and .npz: headers are read by a grammar, never evaluated, and checked against the size of the file."""

import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from ideal._memory import check_memory, in_bytes, memory_for
from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats._contract import Format
from ideal.formats._source import NAMES, MappedArray, Source

MAGIC = b"\x93NUMPY"
_HEADER_BYTES = 2**16
_LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
_FIELD = re.compile(
    r"""['"](?P<name>descr|fortran_order|shape)['"]\s*:\s*
    (?:['"](?P<text>[^'"\\]{1,40})['"] | (?P<truth>True|False) | \((?P<sizes>(?:\s*\d{1,19}L?\s*,)*\s*(?:\d{1,19}L?\s*)?)\))
    \s*(?:,\s*|(?=\}))""",
    re.VERBOSE,
)
_TYPE = re.compile(r"[<>|=]?[?biufcSUVOmM]\d{0,9}(?:\[[A-Za-z0-9]{1,8}\])?")
_REMEDY = "save it as .npy or HDF5, of which only a part is read at a time"


class Header(NamedTuple):
    """What the header of an .npy array says.

    Attributes:
        dtype: of the values.
        shape: of the array.
        fortran: whether the first axis runs fastest.
        offset: bytes before the values.

    """

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: IO[bytes] | zipfile.ZipExtFile, where: str | Path) -> Header:
    """Read the header of an .npy array from a stream that stands at its beginning.

    Raises:
        DataError: it is none, or describes no array of plain values.

    """
    start = stream.read(8)
    if not start.startswith(MAGIC) or len(start) < 8:
        raise DataError(f"{where}: not a .npy file (it does not begin as one): is it cut short, or of another format?")
    version = start[6], start[7]
    if version not in _LENGTHS:
        raise DataError(f"{where}: .npy of version {version[0]}.{version[1]}, expected 1.0, 2.0 or 3.0: save it again with NumPy")
    kind = _LENGTHS[version]
    size = struct.calcsize(kind)
    told = stream.read(size)
    length = struct.unpack(kind, told)[0] if len(told) == size else -1
    if not 0 <= length <= _HEADER_BYTES:
        raise DataError(f"{where}: damaged .npy header (its length is {length}): copy the file again")
    text = stream.read(length)
    if len(text) < length:
        raise DataError(f"{where}: truncated in its header: copy the file again")
    dtype, shape, fortran = _parse(text.decode("utf-8" if version == (3, 0) else "latin-1", "replace"), where)
    return Header(dtype, shape, fortran, 8 + size + length)


def _parse(text: str, where: str | Path) -> tuple[np.dtype, tuple[int, ...], bool]:
    said, place = {}, 0
    inner = text.strip()
    place = len(inner) - len(inner.removeprefix("{").lstrip()) if inner.startswith("{") else -1
    while place >= 0 and (found := _FIELD.match(inner, place)):
        said[found["name"]] = found
        place = found.end()
    if re.search(r"['\"]descr['\"]\s*:\s*\[", text):
        raise DataError(f"{where}: holds records of several fields, expected an array of numbers: save the field alone")
    whole = place >= 0 and inner[place:] == "}" and set(said) == {"descr", "fortran_order", "shape"}
    if not whole or said["descr"]["text"] is None or said["fortran_order"]["truth"] is None or said["shape"]["sizes"] is None:
        raise DataError(f"{where}: damaged .npy header {text.strip()[:60]!r}, expected descr, fortran_order and shape")
    name = said["descr"]["text"]
    try:
        if not _TYPE.fullmatch(name):
            raise TypeError
        dtype = np.dtype(name)
    except (TypeError, ValueError):
        raise DataError(f"{where}: values of unknown type {name!r} in its .npy header, expected numbers") from None
    shape = tuple(int(size.strip().rstrip("L")) for size in said["shape"]["sizes"].split(",") if size.strip())
    return dtype, shape, said["fortran_order"]["truth"] == "True"


def is_npy(path: str | Path) -> bool:
    """Tell whether a regular file begins as an .npy file.

    Raises:
        DataError: it is no regular file.

    """
    check_regular(path)
    with open(path, "rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def open_npy(file: Path) -> Source:
    """Open an .npy file; values are read as they are asked for.

    Raises:
        DataError: not an .npy file of numbers, or truncated.

    """
    check_regular(file, "a .npy file")
    return Source(str(file), {"measurements": _mapped(file)})


def _mapped(file: Path) -> "MappedArray | Turned":
    with open(file, "rb") as stream:
        header = read_header(stream, file)
    _check_numbers(header, file)
    if header.fortran and len(header.shape) > 1 and header.size:
        turned = MappedArray(file, header.dtype, header.shape[::-1], header.offset)
        return Turned(turned)
    return MappedArray(file, header.dtype, header.shape, header.offset)


class Turned:
    """An array on disk whose first axis runs fastest, with its axes in order; read by a slice for each axis."""

    def __init__(self, stored: MappedArray):
        self._stored, self.shape, self.dtype = stored, stored.shape[::-1], stored.dtype

    def __getitem__(self, index: slice | tuple[slice, ...]) -> np.ndarray:
        """Return the part of slices without a step, of the first axis or of several."""
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        return np.ascontiguousarray(self._stored[index[::-1]].T)


def _check_numbers(header: Header, where: str | Path) -> None:
    if header.dtype.hasobject or not header.shape:
        kind = "Python objects" if header.dtype.hasobject else "one number"
        raise DataError(f"{where}: holds {kind}, expected an array of numbers, sample first")


def load_array(path: str | Path, what: str = "an array") -> np.ndarray:
    """Return the array in an .npy file, whole.

    Args:
        path: of the file.
        what: it holds, in words.

    Raises:
        DataError: it is no .npy file, holds Python objects, or is shorter than its header says.

    """
    check_regular(path, f"{what} (.npy)")
    with open(path, "rb") as stream:
        header = read_header(stream, path)
    if header.dtype.hasobject:
        raise DataError(f"{path}: holds Python objects, expected {what}")
    found = Path(path).stat().st_size
    if found < header.offset + header.size:
        raise DataError(f"{path}: truncated, {found} bytes where its header promises {header.offset + header.size}")
    check_memory(path, header.size, what, "give a smaller one")
    values = np.fromfile(path, header.dtype, math.prod(header.shape), offset=header.offset)
    return values.reshape(header.shape, order="F" if header.fortran else "C")


def open_npz(file: Path, name: str | None) -> Source:
    """Open an .npz file: the array `measurements` with what belongs to it, the only array, or the one of this name.

    Raises:
        DataError: it is no .npz file or damaged, an array is missing or is none, or there is too little memory for it.

    """
    check_regular(file, "a .npz file")
    try:
        with zipfile.ZipFile(file) as archive:
            members = {each.removesuffix(".npy"): each for each in archive.namelist()}
            main = name or "measurements"
            if main not in members and name is None and len(members) == 1:
                main = next(iter(members))
            if main not in members:
                held = ", ".join(list(members)[:12]) or "none"
                raise DataError(f"{file}: no array {main!r}, it holds {held}: name one as {file}::KEY")
            wanted = {"measurements": main}
            if main == "measurements":
                wanted |= {key: key for key in NAMES if key in members}
            arrays = {key: _member(file, archive, members[member]) for key, member in wanted.items()}
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = "it is encrypted" if "encrypted" in str(error) else error
        raise DataError(f"{file}: cannot be read as .npz ({reason}): copy the file again, or save it again") from error
    shown = str(file) if name is None else f"{file}::{name}"
    return Source(shown, arrays)


def _member(file: Path, archive: zipfile.ZipFile, member: str) -> np.ndarray:
    where = f"{file}::{member.removesuffix('.npy')}"
    stored = archive.getinfo(member)
    with cast(zipfile.ZipExtFile, archive.open(stored)) as stream:  # of typeshed's IO[bytes], which has less
        if not member.endswith(".npy") and stream.peek(8)[:6] != MAGIC:
            raise DataError(f"{where}: is no NumPy array, expected one")
        header = read_header(stream, where)
        _check_numbers(header, where) if member in ("measurements", "measurements.npy") else None
        if header.dtype.hasobject:
            raise DataError(f"{where}: holds Python objects, expected numbers or texts")
        if header.offset + header.size > stored.file_size:
            promised = header.offset + header.size
            raise DataError(f"{where}: truncated, {stored.file_size} bytes where its header promises {promised}")
        what = f"its {in_bytes(header.size)}, which an .npz keeps in one piece,"
        check_memory(where, header.size, what, _REMEDY)
        with memory_for(where, "unpacking it", _REMEDY):
            content = bytearray(header.size)
            _fill(stream, content, where)
    if not header.size:
        return np.empty(header.shape, header.dtype)
    return np.frombuffer(content, header.dtype).reshape(header.shape, order="F" if header.fortran else "C")


def _fill(stream: zipfile.ZipExtFile, content: bytearray, where: str) -> None:
    view, place = memoryview(content), 0
    while place < len(content):
        count = stream.readinto(view[place : place + 2**24])
        if not count:
            raise DataError(f"{where}: ends after {place} of its {len(content)} bytes: copy the file again")
        place += count
    stream.read(1)  # the end: the check sum is compared


class Npy(Format):
    """One array of NumPy's."""

    starts = (b"\x93NUMPY",)
    suffixes = (".npy",)

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_npy(path)


class Npz(Format):
    """Several arrays of NumPy's in an archive."""

    starts = (b"PK\x03\x04", b"PK\x05\x06")
    suffixes = (".npz",)
    has_names = True

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_npz(path, name)

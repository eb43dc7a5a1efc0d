"""MATLAB's files: version 5 by SciPy, version 7.3 (HDF5) by h5py, with axes in the order that MATLAB shows.

MATLAB has no order of samples, rows and columns: most people count frames last, (row, column, frame). Where shape and values
leave no doubt the axes are named by them; elsewhere the user is asked (`--axes yxn`).
"""

import math
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ideal._memory import check_memory, in_bytes, memory_for
from ideal.errors import DataError
from ideal.formats._contract import Format
from ideal.formats._source import NAMES, Source
from ideal.formats.damage import damaged
from ideal.formats.hdf5 import Hdf5Tree
from ideal.formats.meant import MeantArray, pair_of
from ideal.text import plain_text

_V5, _V73 = b"MATLAB 5.0", b"MATLAB 7.3"
_HEADER = 128
_INFLATION = 1040  # of zlib, at most
_BYTES = {
    **{
        "double": 8,
        "single": 4,
        "int8": 1,
        "uint8": 1,
        "int16": 2,
        "uint16": 2,
        "int32": 4,
        "uint32": 4,
        "int64": 8,
        "uint64": 8,
    },
    "logical": 1,
}
_SMALLER = "save the variable alone, with -v7.3, of which only a part is read at a time"
_WRONG = (ValueError, TypeError, KeyError, IndexError, OSError, EOFError, NotImplementedError, OverflowError, AttributeError)


def open_mat(file: Path, name: str | None, *, follow_links: bool = False) -> Source:
    """Open a MATLAB file: the variable of this name, the one called `measurements` with what belongs to it, or the only array.

    Args:
        file: its path.
        name: of the variable (`FILE.mat::NAME`; fields of structures of version 7.3 as `a/b`); None for none.
        follow_links: whether files outside the folder may be read, of version 7.3.

    Raises:
        DataError: it cannot be read, holds no array of numbers of this name, or several and none is named.

    """
    with open(file, "rb") as stream:
        start = stream.read(len(_V5))
    if start == _V73:
        return _open_new(file, name, follow_links)
    if start != _V5:
        raise DataError(f"{file}: no MATLAB file of version 5 or 7.3: save it again with -v7 or -v7.3, or copy it again")
    return _open_old(file, name)


def _chosen(file: Path, name: str | None, arrays: list[str], others: list[str]) -> dict[str, str]:
    """Return which variables are read, by what they are here."""
    listed = ", ".join(plain_text(each) for each in arrays[:12]) + (f" and {len(arrays) - 12} more" if len(arrays) > 12 else "")
    if name is not None:
        if name in arrays:
            return {"measurements": name}
        what = "is no array of numbers" if name in others else "is not there"
        raise DataError(f"{file}::{name}: this variable {what}, the file holds {listed or 'no array of numbers'}")
    if "measurements" in arrays:
        return {"measurements": "measurements"} | {key: key for key in NAMES if key in arrays}
    if len(arrays) == 1:
        return {"measurements": arrays[0]}
    remedy = f": name one as {file}::VARIABLE" if arrays else ": is it the right file?"
    raise DataError(f"{file}: no variable 'measurements', it holds {listed or 'no array of numbers'}{remedy}")


def _source(file: Path, name: str | None, chosen: dict[str, str], arrays: dict[str, Any], **more: Any) -> Source:
    for key in ("groups", "labels"):
        if key in arrays and math.prod(arrays[key].shape) == max(arrays[key].shape, default=0):
            arrays[key] = np.ravel(np.asarray(arrays[key][...]))  # MATLAB has no arrays of one axis
    only = name if name is not None else None if chosen["measurements"] == "measurements" else chosen["measurements"]
    return Source(f"{file}" if only is None else f"{file}::{only}", arrays, asks_axes=True, **more)


def _open_old(file: Path, name: str | None) -> Source:
    import scipy.io

    size = file.stat().st_size
    _check_elements(file, size)
    try:
        with open(file, "rb") as stream:
            listed = scipy.io.whosmat(stream)
    except (*_WRONG, zlib.error, struct.error, scipy.io.matlab.MatReadError) as error:
        raise DataError(f"{file}: cannot be read as a MATLAB file ({_reason(error)}): copy or save it again") from error
    shapes = {called: tuple(map(int, shape)) for called, shape, kind in listed if kind in _BYTES}
    kinds = {called: kind for called, _, kind in listed if kind in _BYTES}
    chosen = _chosen(file, name, list(shapes), [called for called, _, _ in listed])
    arrays = {}
    for key, variable in chosen.items():
        where, shape = f"{file}::{plain_text(variable)}", shapes[variable]
        if any(side < 0 for side in shape) or math.prod(shape) * _BYTES[kinds[variable]] > _INFLATION * size * 8:
            raise DataError(f"{where}: its shape {shape} promises more than the file holds, {in_bytes(size)}: copy it again")
        needed = math.prod(shape) * 2 * _BYTES[kinds[variable]]
        check_memory(where, needed, f"its {in_bytes(needed)}, which version 5 keeps in one piece,", _SMALLER)
        try:
            with memory_for(where, "reading it", _SMALLER), open(file, "rb") as stream:
                found = scipy.io.loadmat(stream, variable_names=[variable], squeeze_me=False)[variable]
        except (*_WRONG, zlib.error, struct.error, scipy.io.matlab.MatReadError) as error:
            raise DataError(f"{where}: cannot be read ({_reason(error)}): copy or save it again") from error
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "iufcb":
            raise DataError(f"{where}: is no array of numbers, expected one")
        arrays[key] = found.astype(np.uint8) if found.dtype.kind == "b" else found
    return _source(file, name, chosen, arrays)


def _check_elements(file: Path, size: int) -> None:
    """Refuse a file that is cut short: SciPy skips by sizes that the file states.

    Raises:
        DataError: it ends before what its parts promise.

    """
    with open(file, "rb") as stream:
        header = stream.read(_HEADER)
        if len(header) < _HEADER or header[126:128] not in (b"IM", b"MI"):
            raise DataError(f"{file}: truncated or damaged MATLAB file (its header): copy it again")
        order = "<" if header[126:128] == b"IM" else ">"
        place = _HEADER
        while place < size:
            stream.seek(place)
            tag = stream.read(8)
            if len(tag) < 8:
                raise DataError(f"{file}: truncated MATLAB file, {size} bytes: copy it again")
            _, length = struct.unpack(f"{order}II", tag)
            place += 8 + length
        if place > size:
            raise DataError(f"{file}: truncated MATLAB file, {size} bytes where its parts promise {place}: copy it again")


def _open_new(file: Path, name: str | None, follow_links: bool) -> Source:
    tree = Hdf5Tree(file, follow_links)
    try:
        with damaged(file, "damaged MATLAB file of version 7.3"):
            found = [path for path in tree.paths()[0] if not re.match("#(refs|subsystem)#/", path)]
            nodes = {path: tree.get(path) for path in found}
            numbers = {path: node for path, node in nodes.items() if _is_numbers(node)}
            chosen = _chosen(file, name, list(numbers), found)
            arrays = {
                key: MeantArray(numbers[path], reverse=True, pair=pair_of(np.dtype(numbers[path].dtype)))
                for key, path in chosen.items()
            }
            return _source(file, name, chosen, arrays, close=tree.close, files=tree.files)
    except BaseException:
        tree.close()
        raise


def _is_numbers(node: Any) -> bool:
    if not isinstance(node, h5py.Dataset) or "MATLAB_empty" in node.attrs:
        return False
    named = node.attrs.get("MATLAB_class", b"")
    called = named.decode("ascii", "replace") if isinstance(named, bytes) else str(named)
    if called and called not in _BYTES:
        return False
    kind = np.dtype(node.dtype)
    return bool(node.shape) and (kind.kind in "iufc" or pair_of(kind) is not None)


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


class Mat(Format):
    """MATLAB files of version 5 to 7.3; `FILE.mat::NAME` names a variable."""

    starts = (_V5, _V73)
    suffixes = (".mat",)
    has_names = True

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_mat(path, name, follow_links=follow_links)

"""Measurements on disk in any format that is read, as arrays that are read sample by sample.

A reader returns a `Source`: named arrays with `shape`, `dtype` and `array[start:stop]`, sample first, of which only the
samples asked for are in memory (except for .npz, whose members are compressed whole). What the arrays mean is
`ideal.measurements`' business.
"""

import math
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from ideal.errors import DataError, UsageError, missing_extra
from ideal.formats import axis_names
from ideal.formats._source import FORMAT, FORMAT_VERSION, NAMES, MappedArray, Source
from ideal.formats.axes import WORDS, arrange, parse_axes
from ideal.formats.unwritten import findings_of

_CHUNK_CACHE = 16 * 2**20  # holds one chunk of a few megabytes, so that neighbouring reads decompress it once


def open_source(path: str | Path, axes: str | None = None, **radio) -> Source:
    """Open a measurement file of any known format.

    Args:
        path: .h5/.hdf5 (also without the extension), .npy, .npz, .tif/.tiff, .zarr, .uvfits/.uvf/.fits; `FILE::NAME` names
            a dataset inside an HDF5, .npz or .zarr file, the number of a series of a TIFF file, or a source in a UVFITS file
            (`FILE::NAME,freqsel=N,subarray=N`).
        axes: of the measurements as they are stored, letters as of `ideal.formats.axes`; None for what the file says.
        **radio: of UVFITS files alone, `source`, `freqsel`, `subarray`, `weight_scale` and `sigma` of
            `ideal.formats.uvfits.open_uvfits`; `sigma` is passed over for others, which is the noise's business there.

    Raises:
        DataError: not there, not readable, or of no known format.
        UsageError: `axes` have no meaning, or do not fit the shape; a UVFITS file holds several sources and none was chosen, or a
            source was chosen of another format.

    """
    if axes is not None:
        parse_axes(axes)
    source = _open(path, **radio)
    try:
        _name_what_is_missing(source, axes)
        arrange(source, axes)
    except BaseException:
        source.close()
        raise
    return source


def _name_what_is_missing(source: Source, axes: str | None) -> None:
    letters = source.axes if axes is None else parse_axes(axes)
    for name, array in source.arrays.items():
        axis, word = 0, "sample"
        if letters and name in ("measurements", "clean") and len(letters) == len(array.shape):
            counting = [i for i, letter in enumerate(letters) if letter in "ntz"]
            axis = counting[0] if counting else 0
            word = "sample" if len(counting) == 1 else WORDS[letters[axis]]
        source.findings += findings_of(array, name, axis, word)


def _open(path: str | Path, **radio) -> Source:
    text = str(path)
    file, name = Path(text), None
    if not file.exists() and "::" in text:
        base, _, name = text.rpartition("::")
        file = Path(base)
    if not file.exists():
        raise DataError(f"{file}: no such file: check the name and the folder")
    reader = _READERS.get(file.suffix.lower())
    if reader is None and file.is_file() and h5py.is_hdf5(file):
        reader = _open_hdf5
    if reader is None and file.is_dir():
        raise DataError(f"{file}: is a folder: name the files in it")
    if reader is None:
        raise DataError(f"{file}: unknown format, expected one of {' '.join(_READERS)}")
    if file.is_dir() and reader is not _open_zarr:
        raise DataError(f"{file}: is a folder, expected a {file.suffix} file")
    if name is not None and reader not in (_open_hdf5, _open_npz, _open_zarr, _open_tiff, _open_uvfits):
        raise DataError(f"{text}: a {file.suffix} file holds one array, remove '::{name}'")
    radio = {key: value for key, value in radio.items() if value is not None}
    if reader is not _open_uvfits and radio.keys() - {"sigma"}:
        option = sorted(radio.keys() - {"sigma"})[0]
        raise UsageError(f"{file}: {option} (--{option.replace('_', '-')}) is for UVFITS files: leave it out")
    try:
        return reader(file, name) if reader is not _open_uvfits else _open_uvfits(file, name, **radio)
    except PermissionError as error:
        raise DataError(f"{file}: permission denied, the file cannot be read") from error


def _open_hdf5(file: Path, name: str | None) -> Source:
    try:
        handle = h5py.File(file, "r", rdcc_nbytes=_CHUNK_CACHE)
    except OSError as error:
        if "truncated" in str(error):
            raise DataError(f"{file}: truncated HDF5 file: copy or write the file again") from error
        if not h5py.is_hdf5(file):
            raise DataError(f"{file}: not an HDF5 file: is it cut short, or of another format?") from error
        raise DataError(f"{file}: cannot be read as HDF5 ({error})") from error
    try:
        return _from_group(file, name, handle, h5py.Dataset, handle.close)
    except BaseException:
        handle.close()
        raise


def _open_zarr(file: Path, name: str | None) -> Source:
    try:
        import zarr
    except ImportError as error:
        raise missing_extra("zarr", "zarr", f"reading {file}") from error
    try:
        node = zarr.open(str(file), mode="r")
    except Exception as error:
        raise DataError(f"{file}: cannot be read as zarr ({error or type(error).__name__})") from error
    if isinstance(node, zarr.Array):
        if name is not None:
            raise DataError(f"{file}::{name}: the zarr file is one array, remove '::{name}'")
        return Source(str(file), {"measurements": node}, _plain(node.attrs), axes=axis_names.of_zarr(node, ()))
    return _from_group(file, name, node, zarr.Array, lambda: None)


def _first_level(root, name: str | None) -> str | None:
    """Return the path of the full picture of an OME-Zarr group: the one that is named, the root, or the only one in it."""
    group = root if name is None else root.get(name)
    if not hasattr(group, "keys"):
        return None
    prefix = "" if name is None else f"{name}/"
    for image in axis_names.multiscales(group.attrs)[:1]:
        levels = [level.get("path") for level in image.get("datasets") or () if hasattr(level, "get")]
        return f"{prefix}{levels[0]}" if levels and isinstance(levels[0], str) else None
    inner = [key for key in group if hasattr(group[key], "keys") and axis_names.multiscales(group[key].attrs)] if not name else []
    return _first_level(root, inner[0]) if len(inner) == 1 else None


def _axes_of(root, node, path: str) -> str:
    """Return the axes that a file names for one of its arrays, as letters."""
    if isinstance(node, h5py.Dataset):
        return axis_names.of_hdf5(node)
    groups, parent = [root.attrs], root
    for part in path.split("/")[:-1]:
        parent = parent[part]
        groups.insert(0, parent.attrs)
    return axis_names.of_zarr(node, groups)


def _from_group(file: Path, name: str | None, root, array_type: type, close: Callable) -> Source:
    """Find the measurements in an HDF5 file or a zarr group: named, called `measurements`, or the only array."""
    if array_type is not h5py.Dataset:
        name = _first_level(root, name) or name
    if name is not None:
        node = root.get(name)
        if not isinstance(node, array_type):
            raise DataError(f"{file}: no dataset {name!r}, it holds {_listing(root, array_type)}")
        return Source(f"{file}::{name}", {"measurements": node}, _plain(node.attrs), close=close, axes=_axes_of(root, node, name))
    attributes = _plain(root.attrs)
    if attributes.get("format") == FORMAT and attributes.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{file}: format_version is {attributes.get('format_version')}, this release reads {FORMAT_VERSION}: "
            "update ideal, or write the file again"
        )
    arrays = {key: root[key] for key in NAMES if key in root and isinstance(root[key], array_type)}
    if "measurements" not in arrays:
        paths = _paths(root, array_type)
        if attributes.get("format") == FORMAT or len(paths) != 1:
            raise DataError(
                f"{file}: no dataset 'measurements', it holds {_listing(root, array_type)}: name one as {file}::DATASET"
            )
        return _from_group(file, paths[0], root, array_type, close)
    trusted, main = attributes.get("format") == FORMAT, arrays["measurements"]
    # our writer labels the axes of whatever it is given: in our own files the attribute `axes` alone is somebody's word
    axes = axis_names.of_attributes(main.attrs, len(main.shape)) if trusted else _axes_of(root, main, "measurements")
    return Source(str(file), arrays, attributes, trusted=trusted, close=close, axes=axes)


def _paths(root, array_type: type) -> list[str]:
    found = []

    def walk(group, prefix):
        for key in group:
            node = group.get(key)  # None for a link to a file that is not there
            if isinstance(node, array_type):
                found.append(prefix + key)
            elif hasattr(node, "keys"):
                walk(node, f"{prefix}{key}/")

    walk(root, "")
    return sorted(found)


def _listing(root, array_type: type) -> str:
    paths = _paths(root, array_type)
    return (", ".join(paths[:12]) + (f" and {len(paths) - 12} more" if len(paths) > 12 else "")) or "no dataset"


def _plain(attributes) -> dict:
    """Copy attributes, with NumPy scalars and byte strings as plain Python values."""
    plain = {}
    for key in attributes:
        value = attributes[key]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
            value = value.item()
        plain[str(key)] = value
    return plain


def _open_npy(file: Path, name: None) -> Source:
    try:
        with open(file, "rb") as stream:
            version = np.lib.format.read_magic(stream)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read_header(stream)
            offset = stream.tell()
    except ValueError as error:
        raise DataError(f"{file}: not a .npy file ({error})") from error
    if dtype.hasobject or not shape:
        kind = "Python objects" if dtype.hasobject else "one number"
        raise DataError(f"{file}: holds {kind}, expected an array of numbers, sample first")
    mapped = MappedArray(file, dtype, shape, offset)
    array = np.load(file, mmap_mode="r") if fortran and math.prod(shape) else mapped
    return Source(str(file), {"measurements": array})


def _open_npz(file: Path, name: str | None) -> Source:
    try:
        with np.load(file, allow_pickle=False) as archive:
            keys = archive.files
            main = name or "measurements"
            if main not in keys and name is None and len(keys) == 1:
                main = keys[0]
            if main not in keys:
                raise DataError(f"{file}: no array {main!r}, it holds {', '.join(keys) or 'none'}: name one as {file}::KEY")
            arrays = {"measurements": archive[main]}
            if main == "measurements":
                arrays |= {key: archive[key] for key in NAMES if key in keys}
    except DataError:
        raise
    except Exception as error:  # zipfile and zlib errors, pickled objects, anything a broken archive leads to
        raise DataError(f"{file}: cannot be read as .npz ({error})") from error
    shown = str(file) if name is None else f"{file}::{name}"
    return Source(shown, arrays)


def _open_tiff(file: Path, name: str | None) -> Source:
    from ideal.formats.tiff import open_tiff

    if name is not None and not name.isdecimal():
        raise DataError(f"{file}::{name}: a TIFF file holds series by number, as {file}::0")
    return open_tiff(file, None if name is None else int(name))


def _open_uvfits(file: Path, name: str | None, **radio) -> Source:
    from ideal.formats.uvfits import open_named_uvfits

    return open_named_uvfits(file, name, **radio)


_READERS = {
    **dict.fromkeys((".h5", ".hdf5"), _open_hdf5),
    ".npy": _open_npy,
    ".npz": _open_npz,
    **dict.fromkeys((".tif", ".tiff"), _open_tiff),
    ".zarr": _open_zarr,
    **dict.fromkeys((".uvfits", ".uvf", ".fits"), _open_uvfits),
}

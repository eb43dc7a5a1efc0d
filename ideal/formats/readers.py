"""Measurements on disk in any format that is read, as arrays that are read sample by sample.

A reader returns a `Source`: named arrays with `shape`, `dtype` and `array[start:stop]`, sample first, of which only the
samples asked for are in memory (except for .npz, whose members are compressed whole). What the arrays mean is
`ideal.measurements.measurement_set`' business.
"""

import os
import re
from pathlib import Path

from ideal._memory import memory_for
from ideal.errors import DataError, UsageError
from ideal.formats import axis_names
from ideal.formats._source import FORMAT, FORMAT_VERSION, NAMES, Source
from ideal.formats.axes import WORDS, arrange, parse_axes
from ideal.formats.hdf5 import Hdf5Tree, attributes_of, damaged, plain_attributes
from ideal.formats.npy import open_npy, open_npz
from ideal.formats.recognition import format_of
from ideal.formats.unwritten import findings_of
from ideal.formats.zarr_store import ZarrTree
from ideal.text import plain_text

_SEEMS_DAMAGED = "cannot be read, it seems damaged"
_NAMED = ("hdf5", "npz", "zarr", "tiff", "uvfits")  # formats whose files may hold several arrays


def open_source(path: str | Path, axes: str | None = None, *, follow_links: bool = False, **radio) -> Source:
    """Open a measurement file of any known format.

    Args:
        path: HDF5, .npy, .npz, TIFF, zarr or UVFITS, told by its first bytes, whatever its name ends in; `FILE::NAME` names a
            dataset inside an HDF5, .npz or .zarr file, the number of a series of a TIFF file, or a source in a UVFITS file
            (`FILE::NAME,freqsel=N,subarray=N`).
        axes: of the measurements as they are stored, letters as of `ideal.formats.axes`; None for what the file says.
        follow_links: whether files that the file names may be read outside its folder: external links, external storage and
            virtual datasets of HDF5, the parts of an OME-TIFF, links in a zarr folder.
        **radio: of UVFITS files alone, `source`, `freqsel`, `subarray`, `weight_scale` and `sigma` of
            `ideal.formats.uvfits.open_uvfits`; `sigma` is passed over for others, which is the noise's business there.

    Raises:
        DataError: not there, not readable, or of no known format.
        UsageError: `axes` have no meaning, or do not fit the shape; a UVFITS file holds several sources and none was chosen, or a
            source was chosen of another format.

    """
    if axes is not None:
        parse_axes(axes)
    source = _open(path, follow_links, **radio)
    try:
        with damaged(plain_text(str(path)), _SEEMS_DAMAGED):
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


def _open(path: str | Path, follow_links: bool, **radio) -> Source:
    text = str(path)
    file, name = Path(text), None
    if "\0" in text:
        raise DataError(f"{plain_text(text)}: no such file: check the name and the folder")
    if not os.path.lexists(file) and "::" in text:
        base, _, name = text.rpartition("::")
        file = Path(base)
    kind = format_of(file)
    if name is not None and kind not in _NAMED:
        raise DataError(f"{text}: a .{kind} file holds one array, remove '::{name}'")
    radio = {key: value for key, value in radio.items() if value is not None}
    if kind != "uvfits" and radio.keys() - {"sigma"}:
        option = sorted(radio.keys() - {"sigma"})[0]
        raise UsageError(f"{file}: {option} (--{option.replace('_', '-')}) is for UVFITS files: leave it out")
    try:
        with memory_for(text, "opening it", "name a smaller file, or use a machine with more memory"):
            if kind == "uvfits":
                from ideal.formats.uvfits import open_named_uvfits

                return open_named_uvfits(file, name, **radio)
            if kind == "tiff":
                return _open_tiff(file, name, follow_links)
            if kind == "npy":
                return open_npy(file)
            if kind == "npz":
                return open_npz(file, name)
            return _open_tree((Hdf5Tree if kind == "hdf5" else ZarrTree)(file, follow_links), file, name)
    except PermissionError as error:
        raise DataError(f"{file}: permission denied, the file cannot be read") from error


def _open_tree(tree: Hdf5Tree | ZarrTree, file: Path, name: str | None) -> Source:
    try:
        with damaged(file, _SEEMS_DAMAGED):
            return _from_tree(tree, file, name)
    except BaseException:
        tree.close()
        raise


def _from_tree(tree: Hdf5Tree | ZarrTree, file: Path, name: str | None) -> Source:
    """Find the measurements in an HDF5 file or a zarr store: named, called `measurements`, or the only array."""
    if isinstance(tree, ZarrTree) and tree.is_array:
        if name is not None:
            raise DataError(f"{file}::{name}: the zarr file is one array, remove '::{name}'")
        node = tree.get("")
        arrays = {"measurements": node}
        return Source(str(file), arrays, tree.attributes(), close=tree.close, axes=tree.axes_of(node, ""), files=tree.files)
    if isinstance(tree, ZarrTree):
        name = tree.first_level(name) or name
    if name is not None:
        node = tree.get(name)
        if not isinstance(node, tree.array_type):
            raise DataError(f"{file}: no dataset {name!r}, it holds {_listing(tree)}")
        found = plain_attributes(node.attrs) if isinstance(tree, ZarrTree) else attributes_of(node)
        arrays = {"measurements": node}
        return Source(f"{file}::{name}", arrays, found, close=tree.close, axes=_axes_of(tree, node, name), files=tree.files)
    attributes = tree.attributes()
    if attributes.get("format") == FORMAT and attributes.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{file}: format_version is {attributes.get('format_version')}, this release reads {FORMAT_VERSION}: "
            "update ideal, or write the file again"
        )
    nodes = {key: tree.get(key) for key in NAMES}
    arrays = {key: node for key, node in nodes.items() if isinstance(node, tree.array_type)}
    if "measurements" not in arrays:
        paths, left = tree.paths()
        if attributes.get("format") != FORMAT and len(paths) == 1:
            return _from_tree(tree, file, paths[0])
        if not paths and left:
            raise DataError(left[0])
        remedy = f": name one as {file}::DATASET" if paths else ": is it the right file?"
        raise DataError(f"{file}: no dataset 'measurements', it holds {_listing(tree)}{remedy}")
    trusted, main = attributes.get("format") == FORMAT, arrays["measurements"]
    # our writer labels the axes of whatever it is given: in our own files the attribute `axes` alone is somebody's word
    axes = axis_names.of_attributes(main.attrs, len(main.shape)) if trusted else _axes_of(tree, main, "measurements")
    return Source(str(file), arrays, attributes, trusted=trusted, close=tree.close, axes=axes, files=tree.files)


def _axes_of(tree: Hdf5Tree | ZarrTree, node, path: str) -> str:
    """Return the axes that a file names for one of its arrays, as letters."""
    return tree.axes_of(node, path) if isinstance(tree, ZarrTree) else axis_names.of_hdf5(node)


def _listing(tree: Hdf5Tree | ZarrTree) -> str:
    paths, _ = tree.paths()
    paths = [plain_text(path) if len(path) < 80 else f"{plain_text(path[:40])}…{plain_text(path[-30:])}" for path in paths]
    return (", ".join(paths[:12]) + (f" and {len(paths) - 12} more" if len(paths) > 12 else "")) or "no dataset"


def _open_tiff(file: Path, name: str | None, follow_links: bool) -> Source:
    from ideal.formats.tiff import open_tiff

    if name is not None and not re.fullmatch("[0-9]{1,9}", name):
        raise DataError(f"{file}::{name}: a TIFF file holds series by number, as {file}::0")
    return open_tiff(file, None if name is None else int(name), follow_links=follow_links)

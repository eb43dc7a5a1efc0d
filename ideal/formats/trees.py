"""Measurements in files that are trees of arrays: HDF5 and zarr."""

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ideal._memory import check_memory
from ideal.errors import DataError
from ideal.formats import axis_names
from ideal.formats._source import FORMAT, FORMAT_VERSION, NAMES, NOISE_ARRAYS, Source
from ideal.formats.damage import damaged
from ideal.formats.meant import MeantArray, pair_of
from ideal.health.finding import Finding
from ideal.text import plain_text

SEEMS_DAMAGED = "cannot be read, it seems damaged"


class Tree(Protocol):
    """An open file of named arrays in groups.

    Attributes:
        calls_itself: how messages name the kind of file.
        files: what else is read, resolved: files that the file names.

    """

    calls_itself: str
    files: list[Path]

    @property
    def array_type(self) -> type:
        """The type of its arrays, as `get` returns them."""

    @property
    def is_array(self) -> bool:
        """Whether the file is one array and no group."""

    def get(self, path: str) -> Any:
        """Return an array or a group; None where there is none."""

    def attributes(self) -> dict:
        """Return the attributes of the file as plain values."""

    def attributes_of(self, node) -> dict:
        """Return the attributes of an array as plain values."""

    def axes_of(self, node, path: str) -> str:
        """Return the axes that the file names for one of its arrays, as letters."""

    def first_level(self, name: str | None) -> str | None:
        """Return the array at full resolution of a pyramid of this name; None where there is no pyramid."""

    def paths(self) -> tuple[list[str], list[str]]:
        """Return the names of all arrays, and what is to be said of those left out."""

    def close(self) -> None:
        """Release the file."""


def open_tree(tree: Tree, file: Path, name: str | None) -> Source:
    """Find the measurements in an HDF5 file or a zarr store, which is closed where that fails."""
    try:
        with damaged(file, SEEMS_DAMAGED):
            source = _from_tree(tree, file, name)
            source.fills, packed = _conventions(source.arrays["measurements"].attrs)
    except BaseException:
        tree.close()
        raise
    source.findings += [packed] if packed else []
    return source


def _from_tree(tree: Tree, file: Path, name: str | None) -> Source:
    """Find the measurements in an HDF5 file or a zarr store: named, called `measurements`, or the only array."""
    if tree.is_array:
        if name is not None:
            raise DataError(f"{file}::{name}: the {tree.calls_itself} file is one array, remove '::{name}'")
        node = tree.get("")
        arrays = {"measurements": node}
        return Source(str(file), arrays, tree.attributes(), close=tree.close, axes=tree.axes_of(node, ""), files=tree.files)
    name = tree.first_level(name) or name
    if name is not None:
        node = tree.get(name)
        if not isinstance(node, tree.array_type):
            raise DataError(f"{file}: no dataset {name!r}, it holds {_listing(tree)}")
        found = tree.attributes_of(node)
        arrays = {"measurements": _meant(node)}
        return Source(f"{file}::{name}", arrays, found, close=tree.close, axes=tree.axes_of(node, name), files=tree.files)
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
    axes = axis_names.of_attributes(main.attrs, len(main.shape)) if trusted else tree.axes_of(main, "measurements")
    arrays = {key: _meant(node) for key, node in arrays.items()}
    source = Source(str(file), arrays, attributes, trusted=trusted, close=tree.close, axes=axes, files=tree.files)
    if trusted and attributes.get(NOISE_ARRAYS) is not None:
        source.noise_arrays = _noise_arrays(tree, file, attributes.pop(NOISE_ARRAYS))
    return source


def _conventions(attributes) -> tuple[tuple[float, ...], Finding | None]:
    """Return what the conventions of netCDF say of an array: values that stand for nothing, and a finding where it is packed."""
    said = {}
    for name in ("_FillValue", "missing_value", "scale_factor", "add_offset"):
        value = np.asarray(attributes[name]) if name in attributes else np.empty(0)
        if value.size and value.dtype.kind in "iuf":
            said[name] = [float(each) for each in value.ravel()[:8]]
    fills = tuple(dict.fromkeys(each for name in ("_FillValue", "missing_value") for each in said.get(name, ())))
    scale, offset = said.get("scale_factor", [1.0])[0], said.get("add_offset", [0.0])[0]
    if scale == 1 and offset == 0:
        return fills, None
    text = f"its attributes say that its numbers are packed: value = {scale:g} x stored + {offset:g}"
    return fills, Finding(
        "packed-values",
        "biased",
        text,
        "the stored numbers are taken as they are, and noise that is stated for the values is not theirs",
        "give what makes photoelectrons of the stored numbers (--gain, --offset), or write the values themselves",
        {"scale_factor": scale, "add_offset": offset},
    )


def _noise_arrays(tree: Tree, file: Path, names) -> dict[str, np.ndarray]:
    """Return the arrays that make the noise, read whole."""
    found = {}
    for name in map(str, np.atleast_1d(names).tolist()):
        node: Any = tree.get(f"{NOISE_ARRAYS}/{name}")
        if not isinstance(node, tree.array_type):
            raise DataError(f"{file}: no dataset {NOISE_ARRAYS}/{plain_text(name)}, which its noise needs")
        shape = tuple(getattr(node, "shape", ()))
        check_memory(str(file), math.prod(shape) * 8, f"the map {plain_text(name)} of its noise", "give smaller frames")
        array: Any = node
        found[name] = np.asarray(array[...])
    return found


def _meant(node: Any) -> Any:
    """Return an array of a tree; one whose complex numbers are pairs of real ones, as MATLAB writes them, as complex numbers."""
    pair = pair_of(node.dtype) if isinstance(getattr(node, "dtype", None), np.dtype) else None
    return node if pair is None else MeantArray(node, pair=pair)


def _listing(tree: Tree) -> str:
    paths, _ = tree.paths()
    paths = [plain_text(path) if len(path) < 80 else f"{plain_text(path[:40])}…{plain_text(path[-30:])}" for path in paths]
    return (", ".join(paths[:12]) + (f" and {len(paths) - 12} more" if len(paths) > 12 else "")) or "no dataset"

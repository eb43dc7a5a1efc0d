"""The axes that a file names: TIFF's letters, dimension scales, NXdata, OME-Zarr and xarray attributes, as letters of `axes`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_NAMES = {
    "t": ("t", "time", "times", "timepoint", "timepoints"),
    "z": ("z", "depth", "plane", "planes", "slice", "slices", "zplane", "focus"),
    "c": ("c", "ch", "chan", "channel", "channels", "color", "colour", "colors", "band", "bands", "rgb"),
    "y": ("y", "row", "rows", "height", "ypixel", "pixely"),
    "x": ("x", "col", "cols", "column", "columns", "width", "xpixel", "pixelx"),
    "s": ("s",),
    "v": ("v", "value", "values"),
}
_LETTER = {name: letter for letter, names in _NAMES.items() for name in names}
_PLAIN = "tzcyxs"


def letters_of(names: Sequence[Any]) -> str:
    """Return letters for the names of the axes of images, "" where they do not name a row and a column axis once each.

    A name that is not known counts samples, as `position` or `scene` do.
    """
    cleaned = [re.sub(r"[\s_\-\d]", "", str(name).lower()) for name in names]
    letters = "".join(_LETTER.get(name, "n") for name in cleaned)
    unknown = sum(not name or name == "." for name in cleaned)
    once = all(letters.count(letter) <= 1 for letter in _PLAIN)
    images = "y" in letters and "x" in letters and "v" not in letters
    return letters if once and images and not unknown else ""


def of_tiff(axes: str) -> str:
    """Return letters for the axes of a series as `tifffile` calls them.

    Nobody has named axes called Q. One of them counts samples, and so do several before the channels of a color. Several before
    pages of grey may be anything: "" is returned, so that an array means the same here as in other formats. A lone C is what
    programs call any plain stack.
    """
    if axes.count("Q") > 1 and "S" not in axes:
        return ""
    letters = "".join(letter.lower() if letter in "TZCYXS" else "n" for letter in axes)
    if letters in ("cyx", "cyxs"):
        letters = "n" + letters[1:]
    return letters if "y" in letters and "x" in letters else ""


def of_hdf5(dataset) -> str:
    """Return letters for the labels or scales of a dataset's dimensions, its attributes, or the NXdata group that holds it."""
    rank = len(dataset.shape)
    labels = []
    for dimension in dataset.dims:
        scales = [] if dimension.label else [scale.name for scale in dimension.values() if scale is not None]
        labels.append(dimension.label or (str(scales[0]).rsplit("/", 1)[-1] if scales else ""))
    found = _of_list(labels, rank) or of_attributes(dataset.attrs, rank)
    if found:
        return found
    group = dataset.parent.attrs
    if _text(group.get("signal", "")) == dataset.name.rsplit("/", 1)[-1] and "axes" in group:
        return _of_list(group["axes"], rank)
    return ""


def of_zarr(array, group_attributes: Sequence[Mapping]) -> str:
    """Return letters for the dimensions of a zarr array.

    Args:
        array: `zarr.Array`.
        group_attributes: attributes of the groups that hold it, the nearest first.

    """
    rank = len(array.shape)
    for attributes in group_attributes:
        for image in multiscales(attributes):
            axes = image.get("axes")
            named = axes if isinstance(axes, list) else []
            found = _of_list([axis.get("name", "") if isinstance(axis, Mapping) else axis for axis in named], rank)
            if found:
                return found
    names = getattr(array.metadata, "dimension_names", None)
    return _of_list(names or (), rank) or of_attributes(array.attrs, rank)


def multiscales(attributes: Mapping) -> list[Mapping]:
    """Return the pictures that an OME-Zarr group describes (versions 0.1 to 0.5), without what is malformed."""
    ome = attributes.get("ome")
    found = ome.get("multiscales") if isinstance(ome, Mapping) else attributes.get("multiscales")
    return [image for image in found if isinstance(image, Mapping)] if isinstance(found, list) else []


def of_attributes(attributes: Mapping, rank: int) -> str:
    """Return letters for the attributes by which our own files, xarray, NeXus and others name the axes of an array."""
    for key in ("axes", "_ARRAY_DIMENSIONS", "dims", "dimensions", "dimension_names"):
        if key in attributes and (found := _of_list(attributes[key], rank)):
            return found
    return ""


def _of_list(names, rank: int) -> str:
    if isinstance(names, str | bytes):
        text = _text(names).strip("[]() ")
        names = [part for part in re.split(r"[,:;\s]+", text) if part]
        if len(names) == 1 and rank > 1:
            names = list(text)
    if not isinstance(names, Sequence | np.ndarray):
        return ""  # an attribute of another meaning
    names = [_text(name) for name in (np.ravel(names).tolist() if isinstance(names, np.ndarray) else list(names))]
    if len(names) != rank or rank < 2:
        return ""
    return letters_of(names)


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

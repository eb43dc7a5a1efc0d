"""A user's own pictures as objects: a folder of them, an array file, or an array in memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ideal._regular_files import check_regular
from ideal.datasets._picture_set import ColorSet
from ideal.datasets._to_scene import COLORS, Pictures
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene, setting

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
_ARRAYS = (".npy", ".h5", ".hdf5")
_GROUPINGS = ("picture", "folder", "name")
_LEVELS = {np.dtype(np.uint16): 65535.0}  # codes of full light of pictures that have more than 8 bits
_MOST_PIXELS = 2**28  # of one picture
_CACHED = 64  # pictures that are kept while others are read


@dataclass(frozen=True, eq=False)
class OwnPictures(ColorSet):
    """Own pictures: those of a folder and of the folders in it, or those of an array (picture, row, column[, channel]).

    Pictures of 8 bits are taken for sRGB, as cameras and screens write them, unless `linear` says that they are in proportion to
    light. Arrays of other numbers are linear light; whole numbers of 16 bits count in shares of full light.
    """

    name: ClassVar[str] = "own-pictures"
    summary: ClassVar[str] = "own pictures: a folder, an .npy or an .h5 file (FILE.h5::DATASET); name it in place of OBJECTS"
    origin: ClassVar[str] = "own"
    licence: ClassVar[str] = "the user's own"

    path: str = setting("", "", "folder of pictures, or a file of an array (picture, row, column[, channel])")
    linear: bool = setting(False, "", "whether values of 8 bits are in proportion to light, not sRGB")
    group_by: str = setting(
        "picture",
        "",
        "what is one source: picture, folder, or name (the first part of a picture's name, up to _ or -)",
    )
    array: Any = field(default=None, repr=False)

    def __post_init__(self):
        super().__post_init__()
        if self.group_by not in _GROUPINGS:
            raise UsageError(f"{self.path or self.name}: group_by is {' or '.join(_GROUPINGS)}; found {self.group_by!r}")
        if self.path:
            object.__setattr__(self, "name", self.path)
        if self.array is None and not self.path:
            raise UsageError("own pictures need a folder, an .npy or an .h5 file: name it in place of the objects")

    @property
    def is_on_disk(self) -> bool:
        """Whether a configuration can name the pictures."""
        return self.array is None

    @property
    def preview(self) -> Scene:
        """The scene to show people: in color, if the pictures are."""
        stock = self._stock
        size = tuple(int(side) for side in np.minimum(stock.sizes.min(0), 128))
        return Scene("radiance", (*size, 3), COLORS) if stock.channels == 3 and not self.grey else Scene("radiance", size)

    def _pictures(self, scene: Scene) -> Pictures:
        stock = self._stock
        return Pictures(self.name, stock.sizes, stock.read, sources=stock.sources)

    @cached_property
    def _stock(self) -> "_Stock":
        if self.array is not None:
            return _stock_of_array(self.name, np.asarray(self.array), self.linear)
        path = Path(self.path)
        if path.is_dir():
            return _stock_of_folder(str(path), self.linear, self.group_by)
        return _stock_of_array(self.path, _read_array(self.path), self.linear)


@dataclass(frozen=True)
class _Stock:
    """Pictures: rows and columns of each, channels, the source of each, and what reads them."""

    sizes: np.ndarray
    channels: int
    sources: np.ndarray
    read: Callable[[np.ndarray], list[np.ndarray]]


def names_pictures(name: str) -> bool:
    """Tell whether a name in the place of objects means own pictures: a folder, or a file of an array."""
    file = name.partition("::")[0]
    return "/" in name or os.sep in name or name in (".", "..") or file.lower().endswith(_ARRAYS)


def _stock_of_folder(folder: str, linear: bool, group_by: str) -> _Stock:
    files = sorted(
        file for file in Path(folder).rglob("*") if file.suffix.lower() in _PICTURES and file.is_file() and file.name[0] != "."
    )
    if not files:
        raise DataError(f"{folder}: there are no pictures in this folder (of {', '.join(each[1:] for each in _PICTURES)})")
    shapes = [_shape_of(file) for file in files]
    channels = {1 if len(shape) == 2 else shape[2] for shape in shapes}
    keys = {
        "picture": [str(file) for file in files],
        "folder": [str(file.parent) for file in files],
        "name": [f"{file.parent}/{file.stem.replace('-', '_').partition('_')[0]}" for file in files],
    }[group_by]
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    read_one = lru_cache(maxsize=_CACHED)(lambda number: _values(str(files[number]), _read_picture(files[number]), linear))
    return _Stock(
        np.array([shape[:2] for shape in shapes]),
        max(channels),
        np.array([order[key] for key in keys]),
        lambda numbers: [read_one(int(number)) for number in numbers],
    )


def _shape_of(file: Path) -> tuple[int, ...]:
    """Return rows, columns and channels of a picture, colors as three whatever it has."""
    check_regular(file)
    try:
        from PIL import Image

        with Image.open(file) as picture:
            (columns, rows), bands = picture.size, len(picture.getbands())
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: cannot be read as a picture ({' '.join(str(error).split())})") from error
    if rows * columns > _MOST_PIXELS:
        raise DataError(f"{file}: {rows} x {columns} pixels are more than the {_MOST_PIXELS:.2g} of one picture")
    return (rows, columns) if bands < 3 else (rows, columns, 3)


def _read_picture(file: Path) -> np.ndarray:
    """Return the values of a picture as they are stored, without transparency: (row, column) or (row, column, 3)."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            if picture.mode in ("P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
                return np.asarray(picture.convert("RGB"))
            if picture.mode in ("LA", "1"):
                return np.asarray(picture.convert("L"))
            return np.asarray(picture)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DataError(f"{file}: cannot be read as a picture ({' '.join(str(error).split())})") from error


def _read_array(path: str) -> np.ndarray:
    file = path.partition("::")[0]
    if not Path(file).exists():
        raise DataError(f"{path}: there is no such folder or file of pictures")
    if file.lower().endswith(".npy"):
        from ideal.formats.npy import load_array

        return load_array(file, "pictures")
    if not file.lower().endswith(_ARRAYS):
        raise DataError(f"{path}: own pictures are a folder, an .npy or an .h5 file; put single pictures into a folder")
    from ideal.formats.hdf5 import opened

    with opened(file) as store:
        name = path.partition("::")[2]
        names = [each for each in (name, "objects", "pictures", "images", "measurements", "data") if each and each in store]
        if not names or (name and names[0] != name):
            held = ", ".join(store) or "nothing"
            raise DataError(f"{path}: there is no dataset of pictures (it holds {held}): name it as {file}::DATASET")
        return np.asarray(store[names[0]][()])


def _stock_of_array(name: str, array: np.ndarray, linear: bool) -> _Stock:
    if array.ndim not in (3, 4) or 0 in array.shape or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise DataError(f"{name}: an array of shape {array.shape}, expected (picture, row, column) or (picture, row, column, 3)")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: pictures of the type {array.dtype}, expected numbers")
    pictures = array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array
    sizes = np.tile(pictures.shape[1:3], (len(pictures), 1))
    channels = 1 if pictures.ndim == 3 else 3
    return _Stock(
        sizes,
        channels,
        np.arange(len(pictures)),
        lambda numbers: [_values(f"{name}: picture {number}", pictures[int(number)], linear) for number in numbers],
    )


def _values(name: str, picture: np.ndarray, linear: bool) -> np.ndarray:
    """Return sRGB code values as uint8, or linear light as float32; full light of whole numbers is 1."""
    if picture.dtype == np.uint8:
        return (picture / np.float32(255)).astype(np.float32) if linear else picture
    light = picture.astype(np.float32) / np.float32(_LEVELS.get(picture.dtype, 1.0))
    if not np.isfinite(light).all() or light.min() < 0:
        raise DataError(f"{name} holds values that are no light: expected finite numbers, 0 or more")
    return light

"""A point spread function that was measured: read from a picture, cleaned, and reduced to a window of pixels."""

from pathlib import Path

import numpy as np

from ideal.errors import DataError
from ideal.formats.tiff import open_tiff

_FRAME = 20  # the dark frame is one part in so many of the shorter side wide
_PICTURES = (".tif", ".tiff", ".png", ".npy", ".h5", ".hdf5")


def measured_psf(path: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the point spread function that a picture shows, of a given shape, with a sum of 1.

    Channels are averaged. The background is the median over a frame along the picture's edge, a twentieth of the shorter side
    wide; it is subtracted, and what falls below 0 is 0. The picture is padded with darkness to the window's ratio of sides and
    reduced by areas: each pixel gets the light that fell on it.

    Args:
        path: of a .tif, .png or .npy file, or FILE.h5::DATASET; (row, column) or (row, column, channel), linear in the light.
        shape: rows and columns of the window, at most those of the picture.

    Raises:
        DataError: the file is missing, cannot be read, holds no picture, is smaller than the window, or shows no light above
            its background.

    """
    picture = _read(path)
    if picture.ndim == 3 and picture.shape[2] <= 4:
        picture = picture.mean(2)
    if picture.ndim != 2:
        raise DataError(
            f"{path}: an array of shape {picture.shape}, expected one picture (row, column) or (row, column, channel)"
        )
    if not np.isfinite(picture).all():
        raise DataError(f"{path}: holds values that are not finite, expected a picture of a point source")
    if any(found < wanted for found, wanted in zip(picture.shape, shape, strict=True)):
        raise DataError(
            f"{path}: a picture of {_by(picture.shape)} pixels, expected at least the PSF's {_by(shape)}: lower psf_shape"
        )
    psf = _by_areas(_padded(np.maximum(picture - _background(picture), 0), shape), shape)
    total = psf.sum()
    if not total > 0:
        raise DataError(f"{path}: nothing is brighter than the frame along its edge: expected a picture of a point source")
    return psf / total


def _background(picture: np.ndarray) -> float:
    width = max(1, min(picture.shape) // _FRAME)
    frame = np.ones(picture.shape, bool)
    frame[width:-width, width:-width] = False
    return float(np.median(picture[frame]))


def _padded(picture: np.ndarray, shape) -> np.ndarray:
    scale = max(found / wanted for found, wanted in zip(picture.shape, shape, strict=True))
    sides = [max(found, round(scale * wanted)) for found, wanted in zip(picture.shape, shape, strict=True)]
    before = [(side - found) // 2 for side, found in zip(sides, picture.shape, strict=True)]
    margins = [(b, side - found - b) for b, side, found in zip(before, sides, picture.shape, strict=True)]
    return np.pad(picture, margins)


def _by_areas(picture: np.ndarray, shape) -> np.ndarray:
    rows, columns = (_overlaps(found, wanted) for found, wanted in zip(picture.shape, shape, strict=True))
    return rows @ picture @ columns.T


def _overlaps(found: int, wanted: int) -> np.ndarray:
    """Return the part (wanted, found) of each small pixel that lies in each large one."""
    edges = np.arange(wanted + 1)[:, None] * (found / wanted)
    covered = np.clip(edges - np.arange(found), 0, 1)
    return np.diff(covered, axis=0)


def _read(path: str) -> np.ndarray:
    file, _, dataset = path.partition("::")
    suffix = Path(file).suffix.lower()
    if suffix not in _PICTURES:
        raise DataError(f"{path}: unknown format, expected one of {' '.join(_PICTURES)}")
    if not Path(file).is_file():
        raise DataError(f"{file}: no such file: check psf_file")
    if dataset and suffix not in (".h5", ".hdf5"):
        raise DataError(f"{path}: a {suffix} file holds one picture, remove '::{dataset}'")
    try:
        picture = np.asarray(_load(file, suffix, dataset))
    except DataError:
        raise
    except Exception as error:  # each of the readers has its own kinds
        raise DataError(f"{file}: cannot be read as a picture ({type(error).__name__}: {error})") from error
    if picture.dtype.kind not in "uifb":
        raise DataError(f"{path}: values of type {picture.dtype}, expected real numbers")
    return picture.astype(np.float64)


def _load(file: str, suffix: str, dataset: str):
    if suffix == ".npy":
        return np.load(file)
    if suffix in (".tif", ".tiff"):
        return _load_tiff(Path(file))
    if suffix == ".png":
        from PIL import Image

        with open(file, "rb") as stream, Image.open(stream) as picture:
            plain = {"P": "RGB", "RGBA": "RGB", "LA": "L"}.get(picture.mode)  # transparency is not light
            return np.asarray(picture.convert(plain) if plain else picture)
    import h5py

    with h5py.File(file) as handle:
        if not dataset:
            raise DataError(f"{file}: name the picture in it as {file}::DATASET")
        if not isinstance(handle.get(dataset), h5py.Dataset):
            raise DataError(f"{file}: no dataset {dataset!r} in it")
        return handle[dataset][()]


def _load_tiff(file: Path) -> np.ndarray:
    source = open_tiff(file)
    try:
        pages = source.arrays["measurements"]
        if pages.shape[0] != 1:
            raise DataError(f"{file}: a stack of {pages.shape[0]} pictures, expected one")
        return pages[0:1][0]
    finally:
        source.close()


def _by(shape) -> str:
    return "x".join(map(str, shape))

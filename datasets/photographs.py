"""Photographs that come with scikit-image, in linear light."""

import numpy as np

# Each is one source; documents, drawings, micrographs and the night sky are left out. Licences: scikit-image's data/README.txt.
NAMES = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "moon",
    "rocket",
    "stereo_motorcycle",
)
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (Rec. 709)


def linear_light(code_values: np.ndarray) -> np.ndarray:
    """Return linear light from 0 to 1 of 8-bit sRGB code values (IEC 61966-2-1)."""
    v = np.asarray(code_values, dtype=np.float64) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def code_values(name: str) -> np.ndarray:
    """Return a photograph as it is stored: sRGB code values, (row, column) or (row, column, RGB), uint8."""
    from skimage import data

    picture = getattr(data, name)()
    return picture[0] if isinstance(picture, tuple) else picture  # a stereo pair: the left one


def photograph(name: str) -> np.ndarray:
    """Return the luminance of a photograph, (row, column), linear, from 0 to 1 (Rec. 709 weights for color)."""
    light = linear_light(code_values(name))
    return light @ np.array(LUMINANCE) if light.ndim == 3 else light


def photograph_tiles(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all photographs cut into square tiles.

    Args:
        size: side of a tile in pixels.

    Returns:
        Luminance (tile, row, column), each photograph scaled to a mean of 1 (as if exposed alike), and the number of the
        photograph that each tile comes from (tile,).

    """
    tiles, groups = [], []
    for number, name in enumerate(NAMES):
        light = photograph(name)
        rows, columns = (n // size for n in light.shape)
        whole = (light / light.mean())[: rows * size, : columns * size]
        tiles.append(whole.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size))
        groups.append(np.full(rows * columns, number))
    return np.concatenate(tiles), np.concatenate(groups)

"""A point spread function that was measured: read from a picture and reduced to a window of pixels."""

from dataclasses import dataclass

import numpy as np

from ideal.errors import DataError
from ideal.health.finding import Finding, plain_note
from ideal.imaging.lensless.psf_picture import read_picture
from ideal.text import percent

BORDER_MEDIAN = "border-median"  # what to subtract: the median over a frame along the picture's edge
_FRAME = 20  # the frame is one part in so many of the shorter side wide
_LEAST_SIDE = 16  # pixels: in a smaller picture the edge is a part of the point spread function
_DARK = 0.02  # of all light: more than that on a flat ground as bright as the edge is named


@dataclass(frozen=True)
class MeasuredPsf:
    """A point spread function from a picture.

    Attributes:
        values: (row, column), float64, sum 1.
        findings: what is odd about the picture.

    """

    values: np.ndarray
    findings: tuple[Finding, ...] = ()


def measured_psf(path: str, shape: tuple[int, int], background: float | str | None = None) -> MeasuredPsf:
    """Return the point spread function that a picture shows, of a given shape, with a sum of 1.

    The picture is taken as it is: nothing is subtracted unless `background` says so. Red, green and blue are averaged with equal
    weights. A picture larger than the window is padded with darkness to the window's ratio of sides and reduced by areas: each
    pixel gets the light that fell on it.

    Args:
        path: of a .tif, .png or .npy file, or FILE.h5::DATASET; (row, column) or (row, column, 3), linear in the light.
        shape: rows and columns of the window, at most those of the picture.
        background: what to subtract, in the file's values: a number; "border-median", the median over a frame along the edge, a
            twentieth of the shorter side wide; or None for nothing. What falls below 0 is then 0.

    Raises:
        DataError: the file is missing, cannot be read, holds no picture, is smaller than the window, holds values that are not
            finite or are negative, or shows no light above its background.

    """
    picture = read_picture(path)
    values, findings = picture.values, list(picture.findings)
    if not np.isfinite(values).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise DataError(
            f"{path}: holds values that are not finite ({values[row, column]} at row {row}, column {column}), expected a picture "
            "of a point source"
        )
    if any(found < wanted for found, wanted in zip(values.shape, shape, strict=True)):
        raise DataError(
            f"{path}: a picture of {_by(values.shape)} pixels, expected at least the PSF's {_by(shape)}: lower psf_shape to "
            f"{values.shape[0]},{values.shape[1]}"
        )
    if background is None and values.min() < 0:
        row, column = (int(i) for i in np.argwhere(values < 0)[0])
        raise DataError(
            f"{path}: {(values < 0).sum()} values are negative (the first is {values[row, column]:g} at row {row}, column "
            f"{column}), light cannot be: set psf_background=0 to take them as 0"
        )
    edge = float(np.median(_frame(values)))
    if background is not None:
        values = np.maximum(values - (edge if background == BORDER_MEDIAN else float(background)), 0)
    total = values.sum()
    if not total > 0:
        above = "nothing is above 0" if background is None else f"nothing is brighter than the background, {background}"
        raise DataError(f"{path}: {above}: expected a picture of a point source")
    findings += _oddities(path, values, shape, picture.largest if background is None else None)
    psf = _by_areas(_padded(values / total, shape), shape)
    return MeasuredPsf(psf / psf.sum(), tuple(findings))


def _oddities(path: str, values: np.ndarray, shape: tuple[int, int], largest: float | None) -> list[Finding]:
    findings = []
    edge, peak = float(np.median(_frame(values))), float(values.max())
    share = float(edge * values.size / values.sum())
    if share > _DARK and min(values.shape) >= _LEAST_SIDE:
        findings.append(
            Finding(
                "psf-background",
                "biased",
                f"{path}: the edge of the measured PSF is not dark, its median is {percent(edge / peak)} of the peak",
                f"as a background it would be {percent(share)} of all light, which blurs every image",
                f"--set psf_background={BORDER_MEDIAN} subtracts it; leave it if the PSF does reach so far",
                {"border_median": edge, "peak": peak, "share": share},
            )
        )
    clipped = int((values >= largest).sum()) if largest is not None else 0
    if clipped > 1:
        findings.append(
            plain_note(f"{path}: {clipped} pixels have the greatest value of the file's type: the PSF may be clipped")
        )
    if values.shape != tuple(shape):
        scale = max(found / wanted for found, wanted in zip(values.shape, shape, strict=True))
        findings.append(
            plain_note(
                f"{path}: the picture of {_by(values.shape)} pixels is reduced to the PSF's {_by(shape)}, {scale:.3g} times "
                f"smaller (--set psf_shape={values.shape[0]},{values.shape[1]} keeps it as it is)"
            )
        )
    return findings


def _frame(picture: np.ndarray) -> np.ndarray:
    width = max(1, min(picture.shape) // _FRAME)
    frame = np.ones(picture.shape, bool)
    frame[width:-width, width:-width] = False
    return picture[frame]


def _padded(picture: np.ndarray, shape) -> np.ndarray:
    scale = max(found / wanted for found, wanted in zip(picture.shape, shape, strict=True))
    sides = [max(found, round(scale * wanted)) for found, wanted in zip(picture.shape, shape, strict=True)]
    before = [(side - found) // 2 for side, found in zip(sides, picture.shape, strict=True)]
    margins = [(b, side - found - b) for b, side, found in zip(before, sides, picture.shape, strict=True)]
    return np.pad(picture, margins)


def _by_areas(picture: np.ndarray, shape) -> np.ndarray:
    if picture.shape == tuple(shape):
        return picture
    rows, columns = (_overlaps(found, wanted) for found, wanted in zip(picture.shape, shape, strict=True))
    return rows @ picture @ columns.T


def _overlaps(found: int, wanted: int) -> np.ndarray:
    """Return the part (wanted, found) of each small pixel that lies in each large one."""
    edges = np.arange(wanted + 1)[:, None] * (found / wanted)
    covered = np.clip(edges - np.arange(found), 0, 1)
    return np.diff(covered, axis=0)


def _by(shape) -> str:
    return "x".join(map(str, shape))

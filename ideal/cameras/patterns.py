"""Patterns that stand in all frames: how large they are, what rows and columns have of them, and maps without their chance."""

from dataclasses import dataclass

import numpy as np

_DEGREE = 4  # of the polynomial in rows and columns that takes the light of a flat field off
_LEAST_SHARE = 0.1  # of the spread of a map that is its own and no chance: with less a number serves
_ERRORS = 5.0
_FAR = 2.0  # standard deviations of its chance by which a pixel of a map is moved at most


@dataclass(frozen=True)
class Pattern:
    """Variances of a fixed pattern, of all and of its parts, without what noise makes of the mean of frames.

    Attributes:
        total: of all pixels; may be below 0 by chance.
        row: of rows as a whole.
        column: of columns as a whole.
        pixel: of single pixels.
        total_error, row_error, column_error, pixel_error: standard errors, for this sensor's own pattern.
        chance: variance that noise makes of a pixel of the map.
        pixels: number of pixels that count.

    """

    total: float
    row: float
    column: float
    pixel: float
    total_error: float
    row_error: float
    column_error: float
    pixel_error: float
    chance: float
    pixels: int

    @property
    def share(self) -> float:
        """The part of the spread of a map that is the sensor's own: 0 to 1."""
        return max(self.total, 0.0) / max(max(self.total, 0.0) + self.chance, 1e-300)

    @property
    def is_worth_a_map(self) -> bool:
        """Whether the pattern is there beyond chance, and large enough beside it for a map to be better than a number."""
        return self.total > _ERRORS * self.total_error and self.share > _LEAST_SHARE

    def frames_needed(self, frames: int) -> int:
        """Return about how many frames would make a map half its own, where so many have made this one."""
        if not self.total > 0:
            return 0
        return int(np.ceil(frames * self.chance / self.total))


def pattern_of(
    values: np.ndarray,
    good: np.ndarray,
    chance: float,
    freedom: tuple[int, int] = (1, 1),
    lines: tuple[float, float] = (0.0, 0.0),
) -> Pattern:
    """Return the variances of a map by an analysis of variance over rows and columns.

    Args:
        values: (row, column).
        good: which pixels count.
        chance: variance that noise makes of a pixel of the map.
        freedom: how many numbers a row, and a column, lost to a background that was taken off.
        lines: variance that noise makes of a row, and of a column, as a whole.

    """
    middle = values[good].mean()
    filled = np.where(good, values - middle, 0.0)
    in_row, in_column, pixels = good.sum(1), good.sum(0), int(good.sum())
    height, width = int((in_row > 0).sum()), int((in_column > 0).sum())
    rows = filled.sum(1)[in_row > 0] / in_row[in_row > 0]
    columns = filled.sum(0)[in_column > 0] / in_column[in_column > 0]
    total = float((filled**2).sum()) / max(1, pixels - freedom[0] * freedom[1])
    by_row = float((rows**2).sum()) / max(1, height - freedom[0])
    by_column = float((columns**2).sum()) / max(1, width - freedom[1])
    across, down = pixels / height, pixels / width
    # total = pixel + row + column, and the means of rows and columns have their share of the pixels.
    matrix = np.array([[1.0, 1.0, 1.0], [1 / across, 1.0, 0.0], [1 / down, 0.0, 1.0]])
    pixel, row, column = np.linalg.solve(matrix, [total, by_row, by_column])
    pixel, row, column = pixel - chance, row - lines[0], column - lines[1]
    total -= chance + sum(lines)
    # The pattern is the sensor's own; only the chance in its map is not known.
    error = np.sqrt(
        _error(max(total, 0.0), chance, pixels) ** 2
        + _error(max(row, 0.0), lines[0], height) ** 2
        + _error(max(column, 0.0), lines[1], width) ** 2
    )
    row_error = _error(max(row, 0.0), chance / across + lines[0], height) + max(pixel, 0.0) / across * np.sqrt(2 / height)
    column_error = _error(max(column, 0.0), chance / down + lines[1], width) + max(pixel, 0.0) / down * np.sqrt(2 / width)
    return Pattern(
        total,
        float(row),
        float(column),
        float(pixel),
        float(error),
        float(row_error),
        float(column_error),
        _error(max(pixel, 0.0), chance, pixels),
        chance + sum(lines),
        pixels,
    )


def _error(own: float, chance: float, count: int) -> float:
    return float(np.sqrt((4 * own * chance + 2 * chance**2) / count))


def without_chance(values: np.ndarray, center: float, chance: float, share: float) -> np.ndarray:
    """Return a map drawn towards its center by what chance has of its spread.

    A pixel is moved by no more than two standard deviations of its chance, so that one far off stays what it is (limited
    translation: Efron and Morris, J. Am. Stat. Assoc. 67, 130, 1972).
    """
    away = values - center
    far = _FAR * np.sqrt(chance)
    return center + away - np.clip(away * (1 - share), -far, far)


def flatten(values: np.ndarray, good: np.ndarray, period: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a response over the light that falls on it, a smooth polynomial of rows and columns, and what that took.

    Args:
        values: light of each pixel, (row, column), of any unit.
        good: which pixels count for the light.
        period: of the sensor's mosaic, whose colors see different light.

    """
    found = np.ones_like(values)
    took = (1, 1)
    for first in range(period[0]):
        for second in range(period[1]):
            part = (slice(first, None, period[0]), slice(second, None, period[1]))
            one, use = values[part], good[part]
            if not use.any():
                continue
            middle = float(np.median(one[use]))
            filled = np.where(use & (np.abs(one - middle) <= abs(middle)), one, middle)
            rows, columns = (_polynomials(size) for size in one.shape)
            light = rows @ (rows.T @ filled @ columns) @ columns.T
            found[part] = one / np.where(np.abs(light) > 1e-3 * abs(middle), light, middle)
            took = (rows.shape[1], columns.shape[1])
    return found, took


def _polynomials(size: int) -> np.ndarray:
    """Return orthonormal polynomials of a row or a column, (place, degree): fewer of a short one."""
    degree = min(_DEGREE, max(0, size // 16))
    return np.linalg.qr(np.vander(np.linspace(-1, 1, size), degree + 1))[0]

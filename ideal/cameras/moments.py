"""Mean and variance of every pixel over frames that pass by one after the other, and what rows, columns and frames share."""

from dataclasses import dataclass

import numpy as np

_BAND = 2**17  # values at a time, which stay in a processor's cache


class Moments:
    """Running mean and sum of squared deviations of every pixel (Welford's sums), in bounded memory.

    Args:
        shape: of a frame, (row, column).

    Attributes:
        count: frames so far.
        mean: of each pixel, float64 (row, column).

    """

    def __init__(self, shape: tuple[int, int]):
        self.count = 0
        self.mean = np.zeros(shape)
        self._square = np.zeros(shape)
        self._rows = max(1, _BAND // shape[1])

    def add(self, frame: np.ndarray) -> None:
        """Take one frame (row, column) into account."""
        self.count += 1
        for first in range(0, len(frame), self._rows):
            rows = slice(first, first + self._rows)
            mean = self.mean[rows]
            ahead = frame[rows] - mean
            mean += ahead / self.count
            ahead *= frame[rows] - mean
            self._square[rows] += ahead

    @property
    def variance(self) -> np.ndarray:
        """Unbiased variance of each pixel, (row, column); of one frame NaN."""
        return self._square / (self.count - 1) if self.count > 1 else np.full_like(self._square, np.nan)


@dataclass(frozen=True)
class Components:
    """Temporal noise in the dark by what shares it, variances in DN^2, each with its standard error.

    Attributes:
        pixel: of pixels alone, those that are not bad.
        row: what a row shares in a frame; may be below 0 by chance.
        column: what a column shares in a frame.
        frame: what a frame shares.
        pixel_error, row_error, column_error: standard errors of the first three.
        freedom: frames that they come from, less the means that were taken off.

    """

    pixel: float
    row: float
    column: float
    frame: float
    pixel_error: float
    row_error: float
    column_error: float
    freedom: int

    @property
    def total(self) -> float:
        """Variance of a pixel but for what whole frames share."""
        return self.pixel + self.row + self.column

    @property
    def total_error(self) -> float:
        """Standard error of `total`."""
        return float(np.sqrt(self.pixel_error**2 + self.row_error**2 + self.column_error**2))


class SharedNoise:
    """Sums that tell what rows, columns and frames share: an analysis of variance of residuals of frames.

    Args:
        good: (row, column) which pixels count.

    Attributes:
        frames: mean residual of each frame.
        freedom: frames less the means that were taken off.

    """

    def __init__(self, good: np.ndarray):
        self.good = good
        self._in_row, self._in_column = good.sum(1), good.sum(0)
        self._rows_used, self._columns_used = self._in_row > 0, self._in_column > 0
        self._row = self._column = self._frame = 0.0
        self.frames: list[float] = []
        self.freedom = 0

    def add_all(self, residuals) -> None:
        """Take frames less the mean of all of them, an iterable of (row, column) with 0 at bad pixels, into account."""
        count = 0
        total = max(1, int(self.good.sum()))
        for residual in residuals:
            rows = residual.sum(1, dtype=np.float64)[self._rows_used] / self._in_row[self._rows_used]
            columns = residual.sum(0, dtype=np.float64)[self._columns_used] / self._in_column[self._columns_used]
            frame = float(residual.sum(dtype=np.float64)) / total
            self._row += float(((rows - rows.mean()) ** 2).mean()) * len(rows) / max(1, len(rows) - 1)
            self._column += float(((columns - columns.mean()) ** 2).mean()) * len(columns) / max(1, len(columns) - 1)
            self._frame += frame**2
            self.frames.append(frame)
            count += 1
        self.freedom += max(0, count - 1)

    def components(self, variance: float, square: float) -> Components | None:
        """Return the parts of the noise; None where there are too few frames.

        Args:
            variance: mean variance of the good pixels over frames.
            square: mean squared variance of theirs.

        """
        if self.freedom < 1:
            return None
        height, width = int(self._rows_used.sum()), int(self._columns_used.sum())
        pixels = int(self.good.sum())
        across, down = pixels / max(1, height), pixels / max(1, width)  # pixels in a row, in a column
        by_row, by_column, by_frame = (each / self.freedom for each in (self._row, self._column, self._frame))
        # What is left of a pixel beside its row, its column and its frame; its part in their means is taken off them.
        matrix = np.array(
            [
                [1.0, 1.0, 1.0, 1.0],
                [1 / across, 1.0, 0.0, 0.0],  # what columns and the frame share moves the means of all rows alike
                [1 / down, 0.0, 1.0, 0.0],
                [1 / pixels, 1 / height, 1 / width, 1.0],
            ]
        )
        pixel, row, column, frame = np.linalg.solve(matrix, [variance, by_row, by_column, by_frame])
        spread = np.sqrt(2.0 / self.freedom)
        return Components(
            pixel=float(pixel),
            row=float(row),
            column=float(column),
            frame=float(frame),
            pixel_error=float(np.sqrt(square * 2 / (self.freedom + 2) / pixels)),
            row_error=float(by_row * spread / np.sqrt(max(1, height - 1))),
            column_error=float(by_column * spread / np.sqrt(max(1, width - 1))),
            freedom=self.freedom,
        )

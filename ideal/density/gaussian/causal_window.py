"""Gaussian prediction of each pixel from a bounded past: a normalised density for images of any size.

A stationary covariance known for lags inside a window gives the distribution of a pixel given the pixels before it, in
raster order, that lie in a box around it. The product of these conditionals is a normalised density whatever the box, so it
still bounds the entropy. Near the borders the box is cut; each way of cutting it is a case with weights of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky

_LARGEST_REACH = 8


@dataclass(frozen=True)
class Case:
    """Prediction where the box is cut in one way.

    Attributes:
        offsets: (row, column) steps to the past pixels used, shape (past, 2).
        weights: of their channels for each predicted channel, shape (past, channel, channel).
        factor: lower Cholesky factor of the residual's covariance between channels, (channel, channel).

    """

    offsets: np.ndarray
    weights: np.ndarray
    factor: np.ndarray


class CausalWindow:
    """Predictor of pixels from their past for a stationary field.

    Args:
        covariance: function of integer lags (..., 2) that gives the covariances (..., channel, channel) of a pixel with the
            pixel that lies one lag before it; known for lags below `window`.
        window: (row, column) lags known.

    """

    def __init__(self, covariance: Callable[[np.ndarray], np.ndarray], window: tuple[int, int]):
        self._covariance = covariance
        self.rows = min(window[0] - 1, _LARGEST_REACH)
        self.columns = min((window[1] - 1) // 2, _LARGEST_REACH)
        self._case = lru_cache(maxsize=None)(self._solve)

    def _solve(self, above: int, left: int, right: int) -> Case:
        past = [(-i, j) for i in range(1, above + 1) for j in range(-left, right + 1)]
        past += [(0, -j) for j in range(1, left + 1)]
        offsets = np.array(past, dtype=int).reshape(-1, 2)
        variance = self._covariance(np.zeros(2, dtype=int))
        channels = len(variance)
        if not past:
            return Case(offsets, np.zeros((0, channels, channels)), cholesky(variance, lower=True))
        between = self._covariance(offsets[:, None] - offsets[None, :])
        between = between.transpose(0, 2, 1, 3).reshape(len(past) * channels, -1)
        towards = self._covariance(offsets).reshape(len(past) * channels, channels)  # covariance of the past with the pixel
        weights = cho_solve(cho_factor(between, lower=True), towards)
        residual = variance - towards.T @ weights
        return Case(offsets, weights.reshape(len(past), channels, channels), cholesky(residual, lower=True))

    def case_at(self, row: int, column: int, shape: tuple[int, int]) -> Case:
        """Return the case of one pixel of an image of this shape."""
        return self._case(min(row, self.rows), min(column, self.columns), min(shape[1] - 1 - column, self.columns))

    @property
    def interior(self) -> Case:
        """The case of a pixel whose box is whole."""
        return self._case(self.rows, self.columns, self.columns)

    def interior_slices(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return the rows and columns of an image whose boxes are whole (empty where the image is too small)."""
        return slice(self.rows, shape[0]), slice(self.columns, max(shape[1] - self.columns, self.columns))

    def _cases(self, shape: tuple[int, int]) -> Iterator[tuple[slice, slice, Case]]:
        """Yield (rows, columns, case) that cover the image."""
        columns = np.arange(shape[1])
        left, right = np.minimum(columns, self.columns), np.minimum(shape[1] - 1 - columns, self.columns)
        breaks = [0, *(np.flatnonzero(np.diff(left) | np.diff(right)) + 1), shape[1]]
        for row in range(min(self.rows + 1, shape[0])):
            rows = slice(row, row + 1 if row < self.rows else shape[0])
            for start, stop in pairwise(breaks):
                yield rows, slice(start, stop), self._case(row, int(left[start]), int(right[start]))

    def predict(self, centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each value's conditional mean and standard deviation given its past.

        Args:
            centred: images less their mean, (sample, row, column, channel). Channels of a pixel are predicted in order.

        Returns:
            Conditional means (same shape) and standard deviations (row, column, channel).

        """
        mean = np.empty_like(centred)
        deviation = np.empty(centred.shape[1:])
        for rows, columns, case in self._cases(centred.shape[1:3]):
            joint = np.zeros_like(centred[:, rows, columns])
            for (dy, dx), weight in zip(case.offsets, case.weights, strict=True):
                past = centred[:, rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx]
                joint += past * weight[0, 0] if weight.size == 1 else past @ weight
            scale = np.diag(case.factor)
            # Innovations of the channels in order; what is not innovation was predicted.
            innovations = (centred[:, rows, columns] - joint) @ np.linalg.inv(case.factor).T
            mean[:, rows, columns] = centred[:, rows, columns] - innovations * scale
            deviation[rows, columns] = scale
        return mean, deviation

    def sample(self, rng: np.random.Generator, count: int, shape: tuple[int, int]) -> np.ndarray:
        """Draw centred images (count, row, column, channel), pixel by pixel."""
        channels = len(self.interior.factor)
        images = np.empty((count, *shape, channels))
        noise = rng.standard_normal(images.shape)
        for rows, columns, case in self._cases(shape):
            images[:, rows, columns] = noise[:, rows, columns] @ case.factor.T
        for row in range(shape[0]):
            for column in range(shape[1]):
                case = self.case_at(row, column, shape)
                past = images[:, row + case.offsets[:, 0], column + case.offsets[:, 1]]
                images[:, row, column] += np.einsum("npa,pab->nb", past, case.weights)
        return images

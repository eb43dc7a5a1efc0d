"""Demosaicing with filters: bilinear and gradient-corrected for Bayer's mosaic, and of least mean square error for any mosaic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.ndimage import correlate

from ideal.errors import DataError, UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel

_RGB = "RGB"
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
_CORNERS = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]]) / 4
_ACROSS = np.array([[0, 0, 0], [1, 0, 1], [0, 0, 0]]) / 2
_GAIN_GREEN, _GAIN_AT_GREEN, _GAIN_OPPOSITE = 1 / 2, 5 / 8, 3 / 4  # alpha, beta and gamma of Malvar et al., section 3
_RIDGE = 1e-5  # of the mean variance: covariances averaged over finitely many pairs need not be positive
_BLOCK_VALUES = 2**22
_STRIP = 24  # columns that are decoded at once


def demosaic_bilinear(measurements: np.ndarray, tile: Sequence[str] = ("RG", "GB")) -> np.ndarray:
    """Return red, green and blue of a sensor under Bayer's mosaic, each interpolated linearly between its own pixels.

    Args:
        measurements: (sample, row, column); beyond the edges they are mirrored, which keeps the mosaic.
        tile: the two rows of one period, letters R, G and B.

    Returns:
        (sample, row, column, 3), in the units of the measurements.

    Raises:
        UsageError: the tile is not Bayer's.
        DataError: the measurements are no images, or smaller than the filters reach.

    """
    return _filtered(measurements, tile, gains=(0.0, 0.0, 0.0))


def demosaic_malvar(measurements: np.ndarray, tile: Sequence[str] = ("RG", "GB")) -> np.ndarray:
    """Return red, green and blue of a sensor under Bayer's mosaic, interpolated with a correction by the gradient of each pixel.

    The bilinear value plus a gain times the Laplacian of the color that the pixel measures: Malvar, He and Cutler, High-quality
    linear interpolation for demosaicing of Bayer-patterned color images, ICASSP 2004, with their gains 1/2, 5/8 and 3/4.

    Args:
        measurements: (sample, row, column); beyond the edges they are mirrored, which keeps the mosaic.
        tile: the two rows of one period, letters R, G and B.

    Returns:
        (sample, row, column, 3), in the units of the measurements.

    Raises:
        UsageError: the tile is not Bayer's.
        DataError: the measurements are no images, or smaller than the filters reach.

    """
    return _filtered(measurements, tile, gains=(_GAIN_GREEN, _GAIN_AT_GREEN, _GAIN_OPPOSITE))


def _filtered(measurements, tile, gains) -> np.ndarray:
    if sorted("".join(tile)) != ["B", "G", "G", "R"] or [len(row) for row in tile] != [2, 2] or _greens_beside(tile):
        raise UsageError(f"the tile {'/'.join(tile)} is not Bayer's: expected two rows such as RG/GB, green on a diagonal")
    letters = np.array([list(row) for row in tile])
    values = np.asarray(measurements, dtype=np.float64)
    if values.ndim != 3 or min(values.shape[1:]) < 4:
        raise DataError(f"measurements have shape {values.shape}, expected (sample, row, column) of at least 4 x 4 pixels")
    found = np.empty((*values.shape, 3))
    for r, c in np.ndindex(2, 2):
        place = (slice(None), slice(r, None, 2), slice(c, None, 2))
        for channel, color in enumerate(_RGB):
            kernel = _kernel(letters, r, c, color, gains)
            padded = correlate(values, kernel[None], mode="mirror")
            found[(*place, channel)] = padded[place]
    return found


def _greens_beside(tile: Sequence[str]) -> bool:
    return (tile[0][0] == "G") != (tile[1][1] == "G")


def _kernel(letters: np.ndarray, row: int, column: int, color: str, gains) -> np.ndarray:
    """Return the weights (5, 5) that give a color at a pixel of the tile."""
    own = letters[row, column]
    kernel = np.zeros((5, 5))
    if own == color:
        kernel[2, 2] = 1.0
        return kernel
    green, at_green, opposite = gains
    star = np.zeros((5, 5))
    star[[0, 4, 2, 2], [2, 2, 0, 4]] = -1 / 4  # the same color two pixels away
    star[2, 2] = 1.0
    inner = kernel[1:4, 1:4]
    if color == "G":
        inner += _CROSS
        return kernel + green * star
    if own != "G":
        inner += _CORNERS
        return kernel + opposite * star
    beside = letters[row, 1 - column] == color
    inner += _ACROSS if beside else _ACROSS.T
    nine = np.zeros((5, 5))  # greens around a green pixel, most of all those along the line of the wanted color
    nine[[1, 1, 3, 3], [1, 3, 1, 3]] = -1 / 5
    nine[2, [0, 4]], nine[[0, 4], 2], nine[2, 2] = -1 / 5, 1 / 10, 1.0
    return kernel + at_green * (nine if beside else nine.T)


@dataclass(frozen=True)
class SceneStatistics:
    """Mean and covariance of scenes, as if they were the same everywhere in a picture.

    Attributes:
        mean: of each channel, (channel,).
        covariance: of channels i at a pixel and j at another that lies (row, column) before it, (2 L + 1, 2 L + 1, i, j), the
            distance 0 in the middle.

    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, scenes: np.ndarray, reach: int) -> Self:
        """Average over all pixels and pairs of pixels of scenes.

        Args:
            scenes: (sample, row, column, channel).
            reach: largest distance L along rows and columns, smaller than the scenes.

        Raises:
            DataError: the scenes are no pictures with channels, or too small.

        """
        if np.ndim(scenes) != 4 or min(np.shape(scenes)[1:3]) <= reach:
            raise DataError(f"scenes have shape {np.shape(scenes)}, expected (sample, row, column, channel) larger than {reach}")
        count, rows, columns, channels = scenes.shape
        mean = scenes.mean((0, 1, 2), dtype=np.float64)
        size = rows + reach, columns + reach
        power = np.zeros((size[0], size[1] // 2 + 1, channels, channels), np.complex128)
        block = max(1, _BLOCK_VALUES // (size[0] * size[1] * channels))
        for start in range(0, count, block):
            spectrum = np.fft.rfft2(scenes[start : start + block] - mean, s=size, axes=(1, 2))
            for i, j in np.ndindex(channels, channels):
                power[..., i, j] += (spectrum[..., i] * spectrum[..., j].conj()).sum(0)
        lags = np.arange(-reach, reach + 1)
        found = np.fft.irfft2(power, s=size, axes=(0, 1))[np.ix_(lags, lags)] / count
        pairs = np.outer(rows - np.abs(lags), columns - np.abs(lags))
        return cls(mean, found / pairs[..., None, None])

    def times(self, exposure: float) -> Self:
        """Return those of scenes in so many times the light."""
        return type(self)(self.mean * exposure, self.covariance * exposure**2)


@dataclass(frozen=True)
class MosaicFilter:
    """The linear decoder of least mean square error from the pixels around each pixel, by weights for each place in the mosaic.

    Scenes count as stationary, so that few of them say what their covariance is; `LinearDecoder` takes it as it is found, place
    by place. At the edges of the sensor the weights are those of the pixels that there are.

    Attributes:
        mean: of the channels of the scenes, (channel,).
        expected: measurement of the mean scene, (row, column).
        kinds: which of the rows of `gain` each row of the sensor takes, and the same of the columns.
        gain: (kind of row, kind of column, (2 reach + 1)^2, channel).
        reach: pixels to each side.

    """

    mean: np.ndarray
    expected: np.ndarray
    kinds: tuple[np.ndarray, np.ndarray]
    gain: np.ndarray
    reach: int

    @classmethod
    def fit(
        cls, system: ImagingSystem, params: Params, noise: NoiseModel, scenes: np.ndarray | SceneStatistics, reach: int = 5
    ) -> Self:
        """Return the decoder for scenes like those given.

        Args:
            system: a sensor whose pixels see those of the scene one by one, under a mosaic.
            params: its design.
            noise: of the measurements; its variance is taken at their mean.
            scenes: exposed, (sample, row, column, channel), none of those that will be decoded; or their statistics, which reach
                at least twice as far.
            reach: pixels to each side that are looked at.

        Raises:
            UsageError: the system blurs or has no mosaic.

        """
        with jax.enable_x64(True):
            double = {name: jnp.asarray(np.asarray(value), jnp.float64) for name, value in params.items()}
            form = system.periodic_form(double)
            if form is None or form.psf is not None:
                raise UsageError(f"a mosaic is decoded of a sensor that does not blur; {system.name} is none")
            known = scenes if isinstance(scenes, SceneStatistics) else SceneStatistics.of(scenes, 2 * reach)
            weights = np.asarray(form.weights)
            light = weights @ known.mean + np.asarray(form.offset)
            variance = np.asarray(noise.variance(jnp.asarray(light)))
        shape = system.measurement_shape
        kinds = [_kinds(size, period, reach) for size, period in zip(shape, weights.shape[:2], strict=True)]
        gain = _gains(weights, variance, known, [places for places, _ in kinds], shape, reach)
        rows, columns = (np.arange(size) % period for size, period in zip(shape, weights.shape[:2], strict=True))
        return cls(known.mean, light[np.ix_(rows, columns)], (kinds[0][1], kinds[1][1]), gain, reach)

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        """Return scenes (sample, row, column, channel) of measurements (sample, row, column), in their units.

        Raises:
            DataError: the measurements are not those of the sensor.

        """
        if np.shape(measurements)[1:] != self.expected.shape:
            raise DataError(f"measurements have shape {np.shape(measurements)[1:]}, the sensor has {self.expected.shape}")
        apart = np.asarray(measurements, np.float64) - self.expected
        found = np.empty((*apart.shape, len(self.mean)))
        rows, columns = apart.shape[1:]
        for row in range(rows):
            above, below = max(0, row - self.reach), min(rows, row + self.reach + 1)
            for first in range(0, columns, _STRIP):
                some = np.arange(first, min(columns, first + _STRIP))
                left, right = max(0, first - self.reach), min(columns, int(some[-1]) + self.reach + 1)
                matrix = self._matrix(row, some, (above, below), (left, right))
                seen = apart[:, above:below, left:right].reshape(len(apart), len(matrix))
                found[:, row, some] = (seen @ matrix).reshape(len(apart), len(some), -1)
        return found + self.mean

    def _matrix(self, row: int, columns: np.ndarray, rows_seen, columns_seen) -> np.ndarray:
        """Return what gives some pixels of a row from a rectangle around them: one product of matrices is fastest."""
        side, channels = 2 * self.reach + 1, len(self.mean)
        gain = self.gain[self.kinds[0][row], self.kinds[1][columns]].reshape(len(columns), side, side, channels)
        high, wide = rows_seen[1] - rows_seen[0], columns_seen[1] - columns_seen[0]
        matrix = np.zeros((high, wide, len(columns), channels))
        top = rows_seen[0] - (row - self.reach)
        for place, column in enumerate(columns):
            start = column - self.reach  # of the window, which may begin beyond the edge
            left, right = max(start, columns_seen[0]), min(start + side, columns_seen[1])
            window = gain[place, top : top + high, left - start : right - start]
            matrix[:, left - columns_seen[0] : right - columns_seen[0], place] = window
        return matrix.reshape(high * wide, len(columns) * channels)


def _kinds(size: int, period: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one place of each kind along an axis, and the kind of every place: its phase and how near the edges it is."""
    place = np.arange(size)
    facts = np.stack([place % period, np.minimum(place, reach), np.minimum(size - 1 - place, reach)], axis=1)
    _, first, kinds = np.unique(facts, axis=0, return_index=True, return_inverse=True)
    return first, kinds.ravel()


def _gains(weights, variance, known: SceneStatistics, places, shape, reach: int) -> np.ndarray:
    """Return the weights of the pixels around, (kind of row, kind of column, pixel, channel), zeros beyond the sensor."""
    p, q, channels = weights.shape
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), -1).reshape(-1, 2)
    middle = len(known.covariance) // 2
    apart = offsets[:, None] - offsets + middle
    between = known.covariance[apart[..., 0], apart[..., 1]]  # (pixel, other, channel, channel)
    to_centre = known.covariance[middle - offsets[:, 0], middle - offsets[:, 1]]  # (pixel, channel of the centre, channel)
    ridge = _RIDGE * np.trace(known.covariance[middle, middle]) / channels
    gains = np.zeros((len(places[0]), len(places[1]), len(offsets), channels))
    for i, row in enumerate(places[0]):
        for j, column in enumerate(places[1]):
            seen = offsets + np.array([row, column])
            inside = np.flatnonzero(((seen >= 0) & (seen < shape)).all(1))
            phase = seen[inside] % (p, q)
            weight = weights[phase[:, 0], phase[:, 1]]
            across = np.einsum("dci,di->dc", to_centre[inside], weight)
            some = between[np.ix_(inside, inside)]
            within = sum(weight[:, a, None] * some[..., a, b] * weight[:, b] for a, b in np.ndindex(channels, channels))
            within[np.diag_indices(len(within))] += variance[phase[:, 0], phase[:, 1]] + ridge
            gains[i, j, inside] = cho_solve(cho_factor(within), across)
    return gains

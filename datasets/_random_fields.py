"""Stationary Gaussian random fields of a given power spectrum, drawn on a torus from which a scene is cut."""

from functools import cached_property

import numpy as np
from scipy import fft


def frequencies(torus: tuple[int, ...]) -> np.ndarray:
    """Return the length of every frequency of a torus, cycles per pixel, (..., half of the last axis) as of `rfftn`."""
    axes = [fft.fftfreq(size) for size in torus[:-1]] + [fft.rfftfreq(torus[-1])]
    return np.sqrt(sum(each**2 for each in np.meshgrid(*axes, indexing="ij")))


def power_law(exponent: float):
    """Return the power spectrum of an amplitude that falls as frequency to the minus `exponent`, nothing at frequency 0.

    Natural pictures have an exponent near 1 in two dimensions, at all scales (Field 1987, J. Opt. Soc. Am. A 4, 2379).
    """

    def power(frequency):
        return np.where(frequency > 0, np.where(frequency > 0, frequency, 1.0) ** (-2.0 * exponent), 0.0)

    return power


def matern(length: float, smoothness: float, dimensions: int = 2):
    """Return the power spectrum of a Matern covariance, up to a factor.

    Flat at scales above the correlation length, a power law below (Rasmussen and Williams 2006, equation 4.15).

    Args:
        length: correlation length, pixels.
        smoothness: nu: amplitude falls as frequency to the minus (nu + dimensions / 2).
        dimensions: of the field.

    """

    def power(frequency):
        return (1 + (2 * np.pi * length * frequency) ** 2 / (2 * smoothness)) ** -(smoothness + dimensions / 2)

    return power


class RandomField:
    """A stationary Gaussian field of mean 0 and variance 1 on a grid.

    Args:
        shape: of the grid, pixels along each axis.
        power: function of frequency (cycles per pixel): the power spectrum up to a factor.
        margin: pixels by which the torus is larger than the grid along each axis, so that opposite edges are not neighbours;
            None: as many as the grid has, which leaves no pair of its pixels nearer around the torus than across the grid.
            0: the grid is the torus, and the field periodic.

    """

    def __init__(self, shape: tuple[int, ...], power, margin: int | None = None):
        self.shape = tuple(shape)
        longer = [1 if size == 1 else size + (size if margin is None else margin) for size in shape]
        self.torus = tuple(longer) if margin == 0 else tuple(fft.next_fast_len(size, real=True) for size in longer)
        spectrum = power(frequencies(self.torus))
        # each frequency of the half spectrum stands for its mirror image too
        twice = np.full(spectrum.shape[-1], 2.0)
        twice[0] = 1
        if self.torus[-1] % 2 == 0:
            twice[-1] = 1
        total = (spectrum * twice).sum()
        # a single pixel has no frequency but 0
        self.spectrum = spectrum * (np.prod(self.torus) / total) if total > 0 else np.ones_like(spectrum)

    @cached_property
    def _amplitude(self) -> np.ndarray:
        return np.sqrt(self.spectrum).astype(np.float32)

    @cached_property
    def _crop(self) -> tuple[slice, ...]:
        return tuple(slice(size) for size in self.shape)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Return one field, of `shape`, float32."""
        white = rng.standard_normal(self.torus, dtype=np.float32)
        return fft.irfftn(fft.rfftn(white) * self._amplitude, s=self.torus)[self._crop]

    def autocovariance(self) -> np.ndarray:
        """Return the covariance of two pixels by their distances along the axes, 0 to size - 1, of `shape`; float64."""
        return fft.irfftn(self.spectrum, s=self.torus)[self._crop]

    def covariance(self) -> np.ndarray:
        """Return the covariance of all pixels in raster order, (pixel, pixel), float64."""
        axes = [np.abs(np.subtract.outer(np.arange(size), np.arange(size))) for size in self.shape]
        if len(axes) == 1:
            return self.autocovariance()[axes[0]]
        rows, columns = axes
        count = rows.shape[0] * columns.shape[0]
        return self.autocovariance()[rows[:, None, :, None], columns[None, :, None, :]].reshape(count, count)

"""Fresnel diffraction from a mask of square cells to the pixels of a sensor, without a transform's wrap-around or sampling.

The Fresnel kernel is a product of a function of rows and one of columns, so that propagation is two matrix products. Each matrix
element is the kernel's integral over a cell of the mask, by Gauss-Legendre quadrature with as many nodes as the fastest phase
asks for: exact for a mask that is constant over each cell, at any distance. The intensity behind an aperture of width a is
band-limited to a / (wavelength x distance); its integral over a pixel is a Gauss-Legendre sum as well.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np


def fresnel_matrix(
    places: np.ndarray, count: int, pitch: float, wavelength: float, distance: float, source_distance: float = 0.0
) -> np.ndarray:
    """Return the matrix from the field on the cells of a mask to the field behind it, along one axis.

    U(x) = (wavelength distance)^-1/2 integral u(t) exp(i pi t^2 (1/distance + 1/source) / wavelength) exp(-2 pi i x t /
    (wavelength distance)) dt: Goodman, Introduction to Fourier Optics, section 4.2, but for a phase that depends on x only and
    does not show in an intensity.

    Args:
        places: (place,), where the field is wanted, um from the axis.
        count: cells of the mask, centred on the axis.
        pitch: width of a cell, um.
        wavelength: um.
        distance: from mask to sensor, um.
        source_distance: from the point source to the mask, um; 0 for infinity, negative for light that converges.

    Returns:
        (place, cell), complex128. The intensity |matrix @ field|^2 integrates over all places to sum |field|^2 x pitch.

    """
    curvature = (1 / distance + (1 / source_distance if source_distance else 0.0)) / wavelength
    tilt = np.asarray(places, dtype=float) / (wavelength * distance)
    steepest = 2 * math.pi * (abs(curvature) * count * pitch / 2 + np.abs(tilt).max())
    nodes, weights = np.polynomial.legendre.leggauss(math.ceil(steepest * pitch / 2) + 8)
    nodes, weights = nodes * pitch / 2, weights * pitch / 2
    centres = (np.arange(count) - (count - 1) / 2) * pitch
    lens = weights * np.exp(1j * math.pi * curvature * (centres[:, None] + nodes) ** 2)
    within = np.exp(-2j * math.pi * tilt[:, None] * nodes)
    return np.exp(-2j * math.pi * tilt[:, None] * centres) * (within @ lens.T) / math.sqrt(wavelength * distance)


@dataclass(frozen=True, eq=False)
class FresnelPropagator:
    """From the field on a square mask to the light on each pixel of a sensor's window.

    Attributes:
        cells: of the mask along each side.
        pitch: width of a cell, um.
        wavelength: um.
        distance: from mask to sensor, um.
        window: rows and columns of pixels; the axis passes through the centre of pixel (rows // 2, columns // 2).
        pixel: width of a pixel, um.
        source_distance: from the point source to the mask, um; 0 for infinity.

    """

    cells: int
    pitch: float
    wavelength: float
    distance: float
    window: tuple[int, int]
    pixel: float
    source_distance: float = 0.0

    @property
    def nodes(self) -> int:
        """Places along each side of a pixel where the intensity is taken."""
        band = self.cells * self.pitch / (self.wavelength * self.distance)
        return math.ceil(math.pi * band * self.pixel) + 5

    @cached_property
    def _matrices(self) -> list[np.ndarray]:
        nodes, weights = np.polynomial.legendre.leggauss(self.nodes)
        found = []
        for size in self.window:
            places = ((np.arange(size) - size // 2)[:, None] + nodes / 2) * self.pixel
            optics = (self.pitch, self.wavelength, self.distance, self.source_distance)
            matrix = fresnel_matrix(places.ravel(), self.cells, *optics)
            found.append(matrix * np.sqrt(np.tile(weights * self.pixel / 2, size))[:, None])
        return found

    def light(self, field: jax.Array) -> jax.Array:
        """Return the light on each pixel.

        Args:
            field: (cell row, cell column), complex, amplitudes such that |field|^2 is light per um^2.

        Returns:
            (row, column), real; summed over an endless sensor it is sum |field|^2 x pitch^2.

        """
        down, across = (jnp.asarray(matrix, field.dtype) for matrix in self._matrices)
        # Some accelerators multiply float32 matrices with three digits unless they are told not to.
        behind = jnp.matmul(jnp.matmul(down, field, precision="highest"), across.T, precision="highest")
        power = (behind.real**2 + behind.imag**2).reshape(self.window[0], self.nodes, self.window[1], self.nodes)
        return power.sum((1, 3))


def disc_coverage(count: int, lines: int = 64) -> np.ndarray:
    """Return the part (cell row, cell column) of each cell that lies inside the circle touching the sides of the mask."""
    radius = count / 2
    edges = np.arange(count + 1) - radius
    heights = (np.arange(count * lines) + 0.5) / lines - radius
    half = np.sqrt(np.maximum(radius**2 - heights**2, 0))
    covered = np.stack([np.diff(np.clip(edges, -h, h)) for h in half])
    return covered.reshape(count, lines, count).mean(1)

"""The pupil of a microscope under oblique plane waves, sampled exactly where the object's spectrum passes it."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy.fft import next_fast_len

_TIE = 1e-9  # of a sample: a frequency on the pupil's edge belongs to the window whatever the rounding


@dataclass(frozen=True)
class Passbands:
    """What part of an object's spectrum each LED sends through the pupil.

    A plane wave that carries the spatial frequency s moves the object's spectrum by s, so that the object's frequency f passes
    with pupil(f + s). Windows of one size are cut from the spectrum at whole samples; the pupil in them is evaluated at f + s, so
    that no LED is moved to the frequency grid.

    Attributes:
        shape: rows and columns of the object.
        starts: first row and column of each window, as signed sample numbers, (led, 2).
        pupils: the pupil in each window, complex, (led, row, column).
        centre: pupil(s) of each LED: what an empty field passes, complex, (led,).

    """

    shape: tuple[int, int]
    starts: np.ndarray
    pupils: np.ndarray
    centre: np.ndarray

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of a window."""
        return self.pupils.shape[1:]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the smallest quick grid on which an intensity keeps its whole band; at most those of the object."""
        return tuple(min(next_fast_len(2 * width - 1), count) for width, count in zip(self.window, self.shape, strict=True))

    def cut(self, spectrum: jax.Array) -> jax.Array:
        """Return an object's spectrum (as of fft2) ready for windows to be sliced from it at `offsets`."""
        return jnp.pad(jnp.fft.fftshift(spectrum), ((0, 1), (0, 1)))  # the last window may reach one sample beyond

    @property
    def offsets(self) -> np.ndarray:
        """First row and column of each window in what `cut` returns, (led, 2)."""
        return (self.starts + np.array([n // 2 for n in self.shape])).astype(np.int32)

    def places(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row (led, row, 1) and column (led, 1, column) of chosen LEDs' windows in a spectrum as of fft2."""
        rows, columns = ((self.starts[which, axis, None] + np.arange(self.window[axis])) % self.shape[axis] for axis in range(2))
        return rows[:, :, None].astype(np.int32), columns[:, None, :].astype(np.int32)


def pupil(frequency_squared: np.ndarray, na: float, wavelength: float, defocus: float) -> np.ndarray:
    """Return the pupil of an ideal objective focused `defocus` beyond the object (exact scalar propagation in air).

    Args:
        frequency_squared: of the light behind the object, 1/um^2.
        na: numerical aperture, below 1.
        wavelength: um.
        defocus: um.

    """
    inside = frequency_squared <= (na / wavelength) ** 2
    axial = np.sqrt(np.where(inside, 1 / wavelength**2 - frequency_squared, 0.0))
    return np.where(inside, np.exp(2j * np.pi * defocus * axial), 0.0)


def passbands(
    shape: tuple[int, int], pitch: float, waves: np.ndarray, *, na: float, wavelength: float, defocus: float
) -> Passbands:
    """Return the windows and pupils for plane waves.

    The grid must carry them: (na + wavelength |wave|) / wavelength < 1 / (2 pitch).

    Args:
        shape: rows and columns of the object.
        pitch: of its samples, um.
        waves: spatial frequency of each illumination along rows and columns, 1/um, (led, 2).
        na, wavelength, defocus: see `pupil`.

    """
    step = 1 / (np.array(shape) * pitch)
    radius = na / wavelength / step
    window = np.floor(2 * radius + 2 * _TIE).astype(int) + 1
    starts = np.ceil(-waves / step - radius - _TIE).astype(int)
    rows, columns = ((starts[:, axis, None] + np.arange(window[axis])) * step[axis] + waves[:, axis, None] for axis in range(2))
    squared = rows[:, :, None] ** 2 + columns[:, None, :] ** 2
    light = (na, wavelength, defocus)
    return Passbands((shape[0], shape[1]), starts, pupil(squared, *light), pupil((waves**2).sum(1), *light))


def interpolate(image: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Return a band-limited periodic image on a finer grid, exactly, by padding its spectrum with zeros.

    Args:
        image: real, (row, column), of a band that its grid more than carries (no value at the highest frequency of even sides).
        shape: rows and columns of the finer grid over the same field.

    """
    if image.shape == tuple(shape):
        return image
    rows, columns = image.shape
    spectrum = jnp.fft.rfft2(image, norm="forward")
    if rows != shape[0]:
        high = (rows - 1) // 2
        between = jnp.zeros((shape[0] - 2 * high - 1, spectrum.shape[1]), spectrum.dtype)
        spectrum = jnp.concatenate([spectrum[: high + 1], between, spectrum[rows - high :]])
    if columns != shape[1]:
        spectrum = jnp.pad(spectrum, ((0, 0), (0, shape[1] // 2 - columns // 2)))
    return jnp.fft.irfft2(spectrum, s=tuple(shape), norm="forward")

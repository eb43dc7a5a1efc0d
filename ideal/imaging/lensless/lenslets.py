"""Point spread functions of lenslets and of diffusers, on a window of sensor pixels."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ideal.imaging.constraints import Array, Bounded, Constraint
from ideal.noise.entropy import namespace

_CANDIDATES = 32  # places tried for each lenslet: more would give regular grids, whose transfer functions have zeros
_RAYS = 2**20


@dataclass(frozen=True)
class Inside(Constraint):
    """Positions (..., 2) between bounds of their own for rows and for columns."""

    rows: Bounded
    columns: Bounded

    def describe(self) -> str:
        """Return the bounds of both."""
        return f"rows {self.rows.describe()}, columns {self.columns.describe()}"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return positions of free numbers."""
        return jnp.stack([self.rows.physical(free[..., 0]), self.columns.physical(free[..., 1])], -1)

    def free(self, physical: Array) -> jax.Array:
        """Return free numbers of positions."""
        physical = jnp.asarray(physical)
        return jnp.stack([self.rows.free(physical[..., 0]), self.columns.free(physical[..., 1])], -1)

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return the distances of the bounds."""
        return np.stack([self.rows.span(physical[..., 0]), self.columns.span(physical[..., 1])], -1)

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the position, or the nearest on a bound."""
        return np.stack([self.rows.project(physical[..., 0]), self.columns.project(physical[..., 1])], -1)

    def inside(self, physical: Array, share: float) -> jax.Array:
        """Return positions nearer to the middle."""
        return jnp.stack([self.rows.inside(physical[..., 0], share), self.columns.inside(physical[..., 1], share)], -1)

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell which coordinates are next to a bound."""
        return np.stack([self.rows.at_edge(physical[..., 0], share), self.columns.at_edge(physical[..., 1], share)], -1)

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return positions on the bounds that they are next to."""
        return np.stack([self.rows.settle(physical[..., 0], share), self.columns.settle(physical[..., 1], share)], -1)

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse positions outside the bounds."""
        self.rows.check(f"{what} (rows)", physical[..., 0])
        self.columns.check(f"{what} (columns)", physical[..., 1])


def lenslet_psf(positions: Array, widths: Array, weights: Array, shape: tuple[int, int]) -> jax.Array:
    """Return a sum of Gaussian spots with a sum of 1.

    Each spot is integrated over the pixels, which is what a pixel gathers: a sampled Gaussian narrower than a pixel would keep
    or lose its light with the place of its centre. The light of each lenslet inside the window is its share.

    Args:
        positions: (lenslet, 2), row and column of the centres in pixels; the first pixel's centre is (0, 0).
        widths: (lenslet,), standard deviations in pixels.
        weights: (lenslet,), shares of the light.
        shape: rows and columns of the window.

    Returns:
        (row, column), differentiable in all arrays; NumPy's for NumPy's.

    """
    xp, special = namespace(positions, widths, weights)
    down, across = (_profile(positions[:, axis], widths, size, xp, special.erf) for axis, size in enumerate(shape))
    shares = weights / weights.sum()
    return (shares[:, None, None] * down[:, :, None] * across[:, None, :]).sum(0)


def _profile(centres, widths, size: int, xp, erf):
    edges = xp.arange(size + 1, dtype=centres.dtype) - 0.5
    below = erf((edges - centres[:, None]) / (widths[:, None] * float(np.sqrt(2))))
    light = xp.diff(below, axis=1)
    return light / light.sum(1, keepdims=True)


def centre(shape: tuple[int, int]) -> np.ndarray:
    """Return row and column of the pixel where a single lens focuses: as with Fourier transforms, half the size rounded down."""
    return np.array([shape[0] // 2, shape[1] // 2], dtype=float)


def spread_positions(count: int, shape: tuple[int, int], margin: float, rng: np.random.Generator) -> np.ndarray:
    """Return positions (lenslet, 2) in pixels, far from each other and from the window's edge; one alone is in the centre.

    Each is the farthest of a few random candidates, which spreads them without a pattern that repeats.
    """
    if count == 1:
        return centre(shape)[None]
    high = np.array(shape) - 1 - margin
    places = [rng.uniform(margin, high)]
    while len(places) < count:
        candidates = rng.uniform(margin, high, (_CANDIDATES, 2))
        nearest = np.linalg.norm(candidates[:, None] - np.array(places), axis=2).min(1)
        places.append(candidates[nearest.argmax()])
    return np.array(places)


def random_widths(count: int, width: float, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Return widths (lenslet,) of lenslets of several focal lengths, in pixels: log-uniform from `width` to `largest`."""
    return np.exp(rng.uniform(np.log(width), np.log(largest), count))


def smooth_surface(shape: tuple[int, int], correlation: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return a periodic Gaussian random surface and the root mean square of its slope along one axis.

    Args:
        shape: rows and columns.
        correlation: standard deviation of the Gaussian filter, in samples; the slope is 1 / (sqrt(2) correlation).
        rng: where the surface comes from.

    Returns:
        Heights with a mean of 0 and a variance of 1, and the slope, per sample.

    """
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    transfer = np.exp(-2 * (np.pi * correlation) ** 2 * (fy**2 + fx**2))
    transfer[0, 0] = 0
    surface = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * transfer, s=shape)
    surface /= surface.std()
    slopes = [np.roll(surface, -1, axis) - surface for axis in (0, 1)]
    return surface, float(np.sqrt(np.mean(np.square(slopes))))


def caustic_psf(shape: tuple[int, int], width: float, rng: np.random.Generator) -> np.ndarray:
    """Return the caustics of a smooth random surface: where a bundle of parallel rays falls behind a diffuser.

    The surface bends a ray by its slope. Its bumps are about a third of the window across and focus, in the mean, where the
    sensor is; its aperture is smaller than the window by the reach of most rays, and the few that miss the window are left out.

    Args:
        shape: rows and columns of the window.
        width: standard deviation in pixels of the blur by diffraction and by the size of the source.
        rng: where the surface comes from.

    Returns:
        (row, column), sum 1.

    """
    rows, columns = shape
    density = int(np.clip(np.sqrt(_RAYS / (rows * columns)), 2, 32))  # rays per pixel and axis
    bump, reach = min(shape) / 14, min(shape) / 16
    surface, slope = smooth_surface((rows * density, columns * density), bump * density, rng)
    landing = []
    for axis, size in enumerate(shape):
        start = (np.arange(size * density) + 0.5) / density - 0.5
        start = start[:, None] if axis == 0 else start[None]
        bent = (np.roll(surface, -1, axis) - np.roll(surface, 1, axis)) * (reach / (2 * slope))
        aperture = (np.abs(start - (size - 1) / 2) < size / 2 - 1.5 * reach) & np.ones(surface.shape, bool)
        landing.append((start + bent, aperture))
    (y, in_y), (x, in_x) = landing
    inside = in_y & in_x
    psf = np.zeros((rows, columns))
    y, x = y[inside], x[inside]
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = np.floor(y).astype(int) + dy, np.floor(x).astype(int) + dx
            share = (1 - np.abs(y - row)) * (1 - np.abs(x - column))
            hit = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            psf += np.bincount(row[hit] * columns + column[hit], share[hit], rows * columns).reshape(shape)
    from scipy.ndimage import gaussian_filter

    psf = gaussian_filter(psf, width, mode="constant")
    return psf / psf.sum()

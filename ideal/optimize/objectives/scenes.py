"""What a closed form knows of scenes: their mean and covariance, as a spectrum or as a factor of low rank."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ideal.errors import DataError


@dataclass(frozen=True)
class SceneSpectrum:
    """Mean and spectral density of stationary scenes on a periodic grid.

    Attributes:
        mean: of each channel, (channel,).
        density: (row, column, channel, channel), Hermitian: the variance of a channel is its average over frequencies.

    """

    mean: np.ndarray
    density: np.ndarray


@dataclass(frozen=True)
class SceneFactor:
    """Mean and covariance of scenes, covariance = factor^T factor.

    Attributes:
        mean: of the shape of a scene.
        factor: (rank, *shape).
        kept: share of the variance that this rank holds.

    """

    mean: np.ndarray
    factor: np.ndarray
    kept: float


def scene_spectrum(scenes: np.ndarray, grid: tuple[int, int]) -> SceneSpectrum:
    """Return the spectral density of scenes, each channel a stationary field.

    The autocovariance is averaged over all pairs of pixels at each distance, wrapped on the grid, and transformed; what is not
    nonnegative then is made so. A taper would make long correlations short, and the scenes seem to tell more than they do.

    Args:
        scenes: (sample, row, column[, channel]).
        grid: rows and columns of the periodic grid; distances up to half of them count.

    Raises:
        DataError: the scenes do not vary, or are smaller than half the grid.

    """
    scenes = np.asarray(scenes, dtype=np.float64)
    scenes = scenes[..., None] if scenes.ndim == 3 else scenes
    count, rows, columns, channels = scenes.shape
    if min(rows, columns) < 2:
        raise DataError(f"scenes of {rows}x{columns} pixels have no spectrum")
    mean = scenes.mean((0, 1, 2))
    doubled = 2 * rows, 2 * columns
    power = np.zeros((doubled[0], doubled[1], channels, channels), dtype=np.complex128)
    for start in range(0, count, 64):
        spectrum = np.fft.fft2(scenes[start : start + 64] - mean, s=doubled, axes=(1, 2))
        power += np.einsum("nuvi,nuvj->uvij", spectrum, spectrum.conj())
    covariance = np.fft.ifft2(power, axes=(0, 1)).real / count
    pairs = [size - np.minimum(np.arange(2 * size), 2 * size - np.arange(2 * size)) for size in (rows, columns)]
    covariance /= np.maximum(np.outer(*pairs), 1)[..., None, None]
    wrapped = np.zeros((*grid, channels, channels))
    offsets = [np.arange(-(size // 2), size - size // 2) for size in grid]
    reach = [max(1, min(size // 2, bound - 1)) for size, bound in zip(grid, (rows, columns), strict=True)]
    inside = [np.clip(each, -far, far) for each, far in zip(offsets, reach, strict=True)]
    values = covariance[np.ix_(inside[0] % doubled[0], inside[1] % doubled[1])]
    wrapped[np.ix_(offsets[0] % grid[0], offsets[1] % grid[1])] = values
    density = np.fft.fft2(wrapped, axes=(0, 1))
    density = 0.5 * (density + density.conj().swapaxes(-1, -2))
    if not np.einsum("uvii->", density).real > 0:
        raise DataError("the scenes never change: they carry no information")
    return SceneSpectrum(mean, _nonnegative(density))


def _nonnegative(density: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(density)
    values = np.maximum(values, 1e-9 * values.mean())
    return np.einsum("...ij,...j,...kj->...ik", vectors, values, vectors.conj())


def scene_factor(scenes: np.ndarray, rank: int) -> SceneFactor:
    """Return the principal components of scenes.

    Args:
        scenes: (sample, ...).
        rank: number of components, at most one less than scenes.

    Raises:
        DataError: the scenes do not vary.

    """
    scenes = np.asarray(scenes, dtype=np.float64)
    mean = scenes.mean(0)
    flat = (scenes - mean).reshape(len(scenes), -1) / np.sqrt(max(len(scenes) - 1, 1))
    total = float((flat**2).sum())
    if not total > 0:
        raise DataError("the scenes never change: they carry no information")
    rank = max(1, min(rank, len(flat) - 1, flat.shape[1]))
    gram = flat @ flat.T if len(flat) <= flat.shape[1] else flat.T @ flat
    last = len(gram) - 1
    values, vectors = scipy.linalg.eigh(gram, subset_by_index=(last - rank + 1, last))  # three times faster than all
    values, vectors = values[::-1], vectors[:, ::-1]
    factor = vectors.T @ flat if len(flat) <= flat.shape[1] else (vectors * np.sqrt(np.maximum(values, 0))).T
    return SceneFactor(mean, factor.reshape(rank, *mean.shape), float(np.maximum(values, 0).sum() / total))

"""What a measurement tells of single pixels of the scene, from what is left unknown of each."""

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

from ideal.information.results import LN2
from ideal.optimize.objectives.log_determinant import log_determinant, log_determinant_and_inverse
from ideal.optimize.targets import PixelTarget

_RIDGE = 1e-9  # of the variance: where a pixel never changes, nothing can be told of it


def pixel_information(variance: jax.Array, explained: jax.Array, target: PixelTarget) -> jax.Array:
    """Return bits per pixel about the color of a pixel, or those by which the mean square error of all pixels shrinks.

    Args:
        variance: covariance of the channels of a pixel, (channel, channel), or one for each pixel, (pixel, channel, channel).
        explained: the part of it that the best linear estimate from the measurement explains, (pixel, channel, channel).
        target: `by_error` false: 1/2 log2 det(variance) / det(error), averaged over the pixels, the mutual information of
            Gaussian scenes; true: 1/2 log2 of the mean square error without the measurement over that with it.

    """
    before = jnp.broadcast_to(variance, explained.shape)
    ridge = _RIDGE * jnp.trace(before.mean(0)) / explained.shape[-1] * jnp.eye(explained.shape[-1])
    before, after = before + ridge, before - explained + ridge
    if target.by_error:
        return 0.5 * jnp.log(jnp.einsum("xii->", before) / jnp.einsum("xii->", after)) / LN2
    return 0.5 * (log_determinant(before) - log_determinant(after)).mean() / LN2


def explained_variance(across: jax.Array, measured: jax.Array, share: jax.Array) -> jax.Array:
    """Return how much of a pixel's covariance its best linear estimate explains, (pixel, channel, channel).

    Args:
        across: covariance of scene and measurement, (frequency, channel, pixel, value).
        measured: that of the measurement, (frequency, value, value), Hermitian positive definite.
        share: of each frequency in the average, (frequency,).

    """
    return jnp.einsum("fikx,f->xik", _explained(across, measured), share)


@jax.custom_jvp
def _explained(across: jax.Array, measured: jax.Array) -> jax.Array:
    """Return the real part of the pixels' own blocks of A K^-1 A^H, (frequency, channel, channel, pixel)."""
    frequencies, channels, _, values = across.shape
    roots = jax.vmap(_half_solved)(measured, across.reshape(frequencies, -1, values))
    return _own_blocks(roots.conj(), roots, channels)


@sequential_vmap
def _half_solved(measured: jax.Array, across: jax.Array) -> jax.Array:
    """Return L^-1 A^H with K = L L^H: two fifths of the work of the inverse and a product; one by one, as log-determinants."""
    return jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(measured), across.conj().T, lower=True)


def _own_blocks(first: jax.Array, second: jax.Array, channels: int) -> jax.Array:
    """Return sum over v of first[f, v, i x] second[f, v, k x], its real part, (frequency, channel, channel, pixel)."""
    shape = (*first.shape[:2], channels, -1)
    first, second = first.reshape(shape)[:, :, :, None], second.reshape(shape)[:, :, None]
    return (first.real * second.real - first.imag * second.imag).sum(1)


@_explained.defjvp
def _tangents(values, changes):
    (across, measured), (across_change, measured_change) = values, changes
    frequencies, channels, _, count = across.shape
    flat, moved = (each.reshape(frequencies, -1, count).swapaxes(1, 2) for each in (across, across_change))
    solved = log_determinant_and_inverse(measured)[1] @ flat.conj()
    own = _own_blocks(flat, solved, channels)
    turned = _own_blocks(moved, solved, channels)
    return own, turned + turned.swapaxes(1, 2) - _own_blocks(solved.conj(), measured_change @ solved, channels)

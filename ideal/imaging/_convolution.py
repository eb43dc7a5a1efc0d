"""Convolution of a scene with a point spread function, cut to where the function lies wholly inside the scene."""

import jax
import jax.numpy as jnp
from scipy.fft import next_fast_len

_ROUNDING, _DARK = 32, 4  # error of the transforms in units of eps x brightest value: measured below 3


def valid_convolution(scene: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return sum_k kernel[k] scene[i + size - 1 - k]: the "valid" part of the true convolution, by real Fourier transforms.

    Args:
        scene: (row, column), any units.
        kernel: (row, column), no larger than the scene; nonnegative with a sum of about 1.

    Returns:
        (rows - kernel rows + 1, columns - kernel columns + 1), units of the scene. What only rounding made of the dark is 0:
        no noise model takes a negative mean, and there is no light where there is none; derivatives are those of the plain
        convolution.

    """
    rows, columns = scene.shape
    # A circular transform of the scene's size wraps into the part that is cut off, never into the valid one.
    size = (next_fast_len(rows, real=True), next_fast_len(columns, real=True))
    product = jnp.fft.rfft2(scene, s=size) * jnp.fft.rfft2(kernel, s=size)
    valid = jnp.fft.irfft2(product, s=size)[kernel.shape[0] - 1 : rows, kernel.shape[1] - 1 : columns]
    unit = float(jnp.finfo(valid.dtype).eps) * jnp.abs(scene).max()
    correction = jnp.where((valid < _DARK * unit) & (valid > -_ROUNDING * unit), -valid, 0)
    return valid + jax.lax.stop_gradient(correction)

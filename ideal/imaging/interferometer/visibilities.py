"""Direct Fourier transform of an image at any points of the u,v plane, block by block of points, in real arithmetic.

V(u, v) = P(u, v) sum over pixels of I exp(+2 pi i (u l + v m)), with l towards east, m towards north, the origin in the middle
of the image, and P the Fourier transform of a pixel. The sign belongs to u = (x1 - x2)/wavelength and is that of eht-imaging
and of the files of the Event Horizon Telescope.

Pixels at +l and -l share a cosine, and a sine but for its sign, so the image is folded into sums and differences of its halves,
in both directions: four quarters of the image times real matrices, half the work of one complex product.
"""

import jax
import jax.numpy as jnp
import numpy as np

_POINTS = 1024  # of the u,v plane at once: 17 MB of float32 for 64x64 pixels, small against the images

PULSES = {"point": 0, "rectangle": 1, "triangle": 2}  # power of sinc(u pixel) sinc(v pixel)


def visibilities(image: jax.Array, u: jax.Array, v: jax.Array, pixel: float, pulse: str) -> jax.Array:
    """Return the visibilities of an image, complex, (point,), in the units of a pixel.

    Args:
        image: (row, column), row 0 north, column 0 east.
        u: (point,) towards east, wavelengths.
        v: (point,) towards north, wavelengths.
        pixel: side of a pixel, radians.
        pulse: what a pixel is; one of `PULSES`.

    """
    dtype = jnp.result_type(image.dtype, jnp.float32)
    image = image.astype(dtype)
    quarters = [fold.ravel() for rows in _halves(image) for fold in map(jnp.transpose, _halves(rows.T))]
    even, mixed = jnp.concatenate([quarters[0], quarters[3]]), jnp.concatenate([quarters[1], quarters[2]])
    down, across = (jnp.asarray(_offsets(size), dtype) for size in image.shape)

    # Residuals of the backward pass would be the whole matrix: it is cheaper to compute again.
    @jax.checkpoint
    def block(points):
        scaled = points.astype(dtype) * pixel  # cycles per pixel
        x, y = 2 * jnp.pi * scaled[0][:, None] * across, 2 * jnp.pi * scaled[1][:, None] * down
        cos_x, sin_x, cos_y, sin_y = jnp.cos(x), jnp.sin(x), jnp.cos(y), jnp.sin(y)
        real = jnp.concatenate([_outer(cos_y, cos_x), _outer(-sin_y, sin_x)], axis=1) @ even
        imaginary = jnp.concatenate([_outer(cos_y, sin_x), _outer(sin_y, cos_x)], axis=1) @ mixed
        envelope = (jnp.sinc(scaled[0]) * jnp.sinc(scaled[1])) ** PULSES[pulse]
        return envelope * real, envelope * imaginary

    count = u.shape[0]
    blocks = -(-count // _POINTS)
    size = -(-count // blocks)
    points = jnp.pad(jnp.stack([u, v]), ((0, 0), (0, blocks * size - count))).reshape(2, blocks, size)
    real, imaginary = jax.lax.map(block, jnp.moveaxis(points, 1, 0))
    return jax.lax.complex(real.ravel()[:count], imaginary.ravel()[:count])


def _outer(rows, columns):
    return (rows[:, :, None] * columns[:, None, :]).reshape(rows.shape[0], -1)


def _halves(image):
    """Return the sum and the difference of the first half of the rows and the mirrored second; a middle row counts once."""
    half = (image.shape[0] + 1) // 2
    first, second = image[:half], image[::-1][:half]
    once = np.ones((half, 1))
    once[-1] -= 0.5 * (image.shape[0] % 2)
    return (first + second) * once.astype(image.dtype), first - second


def _offsets(size: int) -> np.ndarray:
    """Return the distance of the pixels of the first half from the middle, pixels."""
    return (size - 1) / 2 - np.arange((size + 1) // 2)

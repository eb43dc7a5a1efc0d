"""What tests of several objectives share: small mosaics, fields of light, dense linear algebra, finite differences."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from ideal.datasets import make_objects
from ideal.imaging import make_system
from ideal.information.results import LN2

LIGHT = (0.5, 5.0, 500.0)
MOSAIC = make_system("color-filter-array", shape=(8, 8), period=(4, 4))
SMALL = make_system("color-filter-array", shape=(4, 4), period=(2, 2))


def double(params):
    return {name: jnp.asarray(np.asarray(value), jnp.float64) for name, value in params.items()}


def soft(system, seed=0):
    """Parameters in general position."""
    free = system.release(double(system.design(seed=seed)))
    rng = np.random.default_rng(seed)
    return {name: 0.2 * value + rng.standard_normal(value.shape) for name, value in free.items()}


def light_fields(system, photons, count, seed=0, **settings):
    """Scenes of natural-fields, double precision, with so many mean photoelectrons on an unfiltered pixel."""
    scenes = make_objects("natural-fields", **settings).open(system.scene, seed).read(0, count).scenes.astype(np.float64)
    return scenes * (photons / system.brightness(scenes).mean())


def dense_information(matrix, covariance, variance, known=None):
    """Bits that A x + noise tells of Gaussian x, or of known @ x."""

    def log_det(signal):
        white = matrix @ signal @ matrix.T / np.sqrt(np.outer(variance, variance))
        return np.linalg.slogdet(np.eye(len(white)) + white)[1]

    total = log_det(covariance)
    if known is not None:
        across = known @ covariance
        total -= log_det(covariance - across.T @ np.linalg.pinv(across @ known.T, rcond=1e-12, hermitian=True) @ across)
    return 0.5 * total / LN2


def dense_pixel_information(matrix, covariance, variance, channels, by_error=False):
    """Bits that A x + noise tells of the channels of one pixel of Gaussian x, or by which the mean square error shrinks."""
    measured = matrix @ covariance @ matrix.T + np.diag(variance)
    left = covariance - covariance @ matrix.T @ np.linalg.solve(measured, matrix @ covariance)
    if by_error:
        return 0.5 * np.log2(np.trace(covariance) / np.trace(left))
    pixels = [slice(start, start + channels) for start in range(0, len(covariance), channels)]
    before, after = ([np.linalg.slogdet(each[part, part])[1] for part in pixels] for each in (covariance, left))
    return 0.5 * (np.mean(before) - np.mean(after)) / LN2


@cache
def with_slopes(gains):
    """Return values and reverse-mode slopes as one compiled function."""

    def twice(free, photons):
        found = gains(free, photons)
        return found, found

    return jax.jit(jax.jacrev(twice, has_aux=True))


def relative_errors(gains, free, photons, step=1e-4):
    """Relative differences of the reverse-mode slopes of several gains from central differences, along a random direction."""
    rng = np.random.default_rng(1)
    along = {name: rng.standard_normal(value.shape) for name, value in free.items()}
    both = with_slopes(gains)
    slopes = both(free, photons)[0]
    slope = sum(np.tensordot(np.asarray(slopes[name]), along[name], along[name].ndim) for name in free)
    up, down, far_up, far_down = (
        np.asarray(both({name: free[name] + k * step * along[name] for name in free}, photons)[1]) for k in (1, -1, 2, -2)
    )
    measured = (8 * (up - down) - (far_up - far_down)) / (12 * step)
    assert (np.abs(measured) > 1e-12).all()
    return np.abs(slope / measured - 1)

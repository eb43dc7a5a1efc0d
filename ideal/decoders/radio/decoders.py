"""Images from visibilities: the dirty image, the linear decoder of least mean square error, regularised maximum likelihood."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ideal.decoders.linear import _RIDGE, LinearDecoder
from ideal.decoders.radio.visibilities import CondensedVisibilities
from ideal.errors import DataError, UsageError

_TOGETHER = 16  # images at once: their arrays stay in the cache, and a matrix that is read serves all
_PADDED = 64  # the number of combinations is made a multiple of it: few shapes, few compilations
_FLUX_ERROR = 1e-4  # of a flux that is known
_DARK = 0.02  # of the brightest pixel of a prior image: what it says of pixels that are darker


def dirty_images(condensed: CondensedVisibilities, values: np.ndarray) -> np.ndarray:
    """Return the dirty images of observations: the adjoint with natural weights, in which a point source reads its flux.

    Args:
        condensed: how the visibilities were combined.
        values: their combinations, (sample, combination).

    Returns:
        (sample, row, column), Jy per beam; the sources convolved with the array's dirty beam.

    Raises:
        DataError: there are not as many values as combinations.

    Source: Thompson, Moran and Swenson 2017, section 10.2.

    """
    values = _checked(condensed, values)
    # The response of a pixel to its own flux is that of any pixel, but for the rounding of what was left out.
    response = (condensed.matrix**2).sum(0).max(initial=1e-300)
    return (values @ condensed.matrix / response).reshape(len(values), *condensed.seen.shape[1:])


def linear_sky_decoder(condensed: CondensedVisibilities, skies: np.ndarray) -> LinearDecoder:
    """Return the decoder of least mean square error among linear ones, for skies like those given.

    The system of equations is solved for the combinations, which are always fewer than the pixels.

    Args:
        condensed: how the visibilities were combined; the decoder takes these combinations.
        skies: (sample, row, column), Jy per pixel, none of those that will be decoded.

    Raises:
        DataError: the skies have another shape, or are fewer than two.

    """
    flat = np.asarray(skies, np.float64).reshape(len(skies), -1)
    if np.shape(skies)[1:] != condensed.seen.shape[1:] or len(flat) < 2:
        raise DataError(f"skies of shape {np.shape(skies)}, expected two or more of shape {condensed.seen.shape[1:]}")
    mean = flat.mean(0)
    flat = flat - mean
    across = flat.T @ (flat @ condensed.matrix.T) / (len(flat) - 1)
    across += _RIDGE * (flat**2).sum() / (len(flat) - 1) / flat.shape[1] * condensed.matrix.T
    within = condensed.matrix @ across
    within[np.diag_indices(len(within))] += 1.0
    gain = cho_solve(cho_factor(within), across.T).T if len(within) else across
    return LinearDecoder(mean, condensed.matrix @ mean, gain, condensed.seen.shape[1:])


def regularised_likelihood(
    condensed: CondensedVisibilities,
    values: np.ndarray,
    weight: float | np.ndarray,
    *,
    prior: np.ndarray | None = None,
    prior_weight: float | np.ndarray = 0.0,
    flux: float | None = None,
    iterations: int = 300,
) -> np.ndarray:
    """Return the nonnegative skies x of least 1/2 chi^2(x) + weight (TV(x) + prior_weight sum of x / (prior + 0.02)).

    TV is the isotropic total variation. The last term, the l1 norm weighted by a prior image whose brightest pixel is 1, says
    where skies are likely to be dark, and the known flux fixes what short baselines would have to see; arrays without these
    leave both open. The primal-dual algorithm of Chambolle and Pock (2011, algorithm 1) with the quadratic term in its proximal
    step, which is exact in the basis of the combinations' singular vectors: the ratio of 10^4 or more between the best and the
    worst measured ones, which a gradient step would suffer from, does not matter.

    Args:
        condensed: how the visibilities were combined.
        values: their combinations, (sample, combination).
        weight: of the regularisation, 1/Jy; a number or one for each sample.
        prior: image of typical skies, (row, column), in any unit; None for none.
        prior_weight: of the prior's term relative to that of the total variation; a number or one for each sample.
        flux: total flux of every sky in Jy where it is known.
        iterations: of the algorithm.

    Returns:
        (sample, row, column), Jy per pixel, float32.

    Raises:
        DataError: there are not as many values as combinations, or the prior has another shape.
        UsageError: a weight, the flux or the number of iterations has no meaning.

    """
    values = _checked(condensed, values)
    weight, prior_weight = (np.broadcast_to(np.asarray(each, np.float64), len(values)) for each in (weight, prior_weight))
    if not (weight > 0).all() or not (prior_weight >= 0).all() or iterations < 1 or not (flux is None or flux > 0):
        raise UsageError(
            "regularised likelihood takes a positive weight and flux, a prior weight from 0, and an iteration or more"
        )
    if flux is not None:
        values = np.concatenate([values, np.full((len(values), 1), 1 / _FLUX_ERROR)], axis=1)
    unit, left, scales, right = _singular(condensed, flux)
    turned = (values @ left).astype(np.float32)
    dark = _darkness(prior, condensed.seen.shape[1:])
    found = []
    for start in range(0, len(values), _TOGETHER):
        part = np.minimum(np.arange(start, start + _TOGETHER), len(values) - 1)  # one shape: the last one is repeated
        weights = jnp.asarray(np.stack([weight[part], weight[part] * prior_weight[part]]) * unit, jnp.float32)
        skies = _primal_dual(right, scales, jnp.asarray(turned[part]), weights, dark, iterations)
        found.append(np.asarray(skies)[: len(values) - start])
    return np.concatenate(found) * np.float32(unit) if found else np.zeros((0, *condensed.seen.shape[1:]), np.float32)


def _checked(condensed: CondensedVisibilities, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or values.shape[1] != len(condensed.seen):
        raise DataError(f"combinations of visibilities of shape {values.shape}, expected (sample, {len(condensed.seen)})")
    return values


@lru_cache(maxsize=4)
def _singular(condensed: CondensedVisibilities, flux: float | None) -> tuple[float, np.ndarray, jax.Array, jax.Array]:
    """Return the unit in which pixels are about 1, Jy, and the singular vectors and values of the combinations in it."""
    rows, unit = condensed.matrix, condensed.flux / condensed.matrix.shape[1]
    if flux is not None:
        rows = np.concatenate([rows, np.full((1, rows.shape[1]), 1 / (_FLUX_ERROR * flux))])
    left, scales, right = np.linalg.svd(rows * unit, full_matrices=False)
    missing = -len(scales) % _PADDED
    right, scales = np.pad(right, ((0, missing), (0, 0))), np.pad(scales, (0, missing))
    return unit, np.pad(left, ((0, 0), (0, missing))), jnp.asarray(scales, jnp.float32), jnp.asarray(right, jnp.float32)


def _darkness(prior: np.ndarray | None, shape: tuple[int, int]) -> jax.Array:
    if prior is None:
        return jnp.zeros(shape, jnp.float32)
    prior = np.asarray(prior, np.float64)
    if prior.shape != shape or not (np.isfinite(prior).all() and prior.min() >= 0 and prior.max() > 0):
        raise DataError(f"a prior image of shape {prior.shape}, expected light of shape {shape}")
    return jnp.asarray(1 / (prior / prior.max() + _DARK), jnp.float32)


@partial(jax.jit, static_argnames="iterations")
def _primal_dual(right, scales, turned, weights, dark, iterations):
    """Minimise for a batch of images; pixels of about 1.

    The operator of the dual step is (gradient, identity), of squared norm at most 9, and both steps follow from the weight so
    that images of about 1 and dual variables of about the weight change alike.
    """
    count, shape = len(turned), dark.shape
    smooth, linear = weights[0][:, None, None], weights[1][:, None, None] * dark
    down, up = 1 / (3 * smooth), smooth / 3  # primal and dual steps
    shrink = down[:, :, 0] * scales**2 / (1 + down[:, :, 0] * scales**2)
    towards = down[:, :, 0] * scales * turned / (1 + down[:, :, 0] * scales**2)

    def step(state, _):
        image, ahead, slopes, floor = state
        slopes = slopes + up[..., None] * _gradient(ahead)
        slopes = slopes / jnp.maximum(1, jnp.sqrt((slopes**2).sum(-1, keepdims=True)) / smooth[..., None])
        floor = jnp.minimum(linear, floor + up * ahead)  # positivity and the prior's term, together one proximal step
        moved = (image - down * (_gradient_adjoint(slopes) + floor)).reshape(count, -1)
        new = (moved + (towards - shrink * (moved @ right.T)) @ right).reshape(image.shape)
        return (new, 2 * new - image, slopes, floor), None

    start = jnp.zeros((count, *shape), jnp.float32)
    state = (start, start, jnp.zeros((count, *shape, 2), jnp.float32), start)
    (image, *_), _ = jax.lax.scan(step, state, length=iterations)
    return jnp.maximum(image, 0)


def _gradient(images: jax.Array) -> jax.Array:
    """Return differences to the next row and column, (sample, row, column, 2); none at the last ones."""
    rows = jnp.pad(images[:, 1:] - images[:, :-1], ((0, 0), (0, 1), (0, 0)))
    columns = jnp.pad(images[:, :, 1:] - images[:, :, :-1], ((0, 0), (0, 0), (0, 1)))
    return jnp.stack([rows, columns], axis=-1)


def _gradient_adjoint(slopes: jax.Array) -> jax.Array:
    rows, columns = slopes[:, :-1, :, 0], slopes[:, :, :-1, 1]
    return (
        jnp.pad(rows, ((0, 0), (1, 0), (0, 0)))
        - jnp.pad(rows, ((0, 0), (0, 1), (0, 0)))
        + jnp.pad(columns, ((0, 0), (0, 0), (1, 0)))
        - jnp.pad(columns, ((0, 0), (0, 0), (0, 1)))
    )

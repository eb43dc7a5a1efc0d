"""Designs to begin an ascent with: near the named ones, but away from the edges where gradients vanish."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ideal.imaging import Budget, ImagingSystem, OneOf, Params, UnitSum

_TOWARDS_EVEN = {OneOf: 0.6, UnitSum: 0.2, Budget: 0.5}  # shares of the way
_UNSETTLED = 0.1  # standard deviation of what is added to free parameters, which tells equal alternatives apart
_AT_EDGE = 5e-3  # of the span: so near to a bound transforms have no slope, and an ascent would hardly begin
_OFF_EDGE = 0.1  # of the way to the middle that such values are moved
_APART = 1.2  # times that, at most: drawn, so that equal values are told apart


def starting_designs(
    system: ImagingSystem, names: Sequence[str | Params], seed: int = 0, kept: Sequence[str] = ()
) -> list[Params]:
    """Return parameters in double precision near named designs, one for each name.

    Args:
        system: what is designed.
        names: of its designs; a name may stand several times, each with a seed of its own. Or parameters.
        seed: of what is random.
        kept: names of parameters that stay as they are.

    """
    found: list[Params] = []
    for number, name in enumerate(names):
        given = system.design(name, seed + number) if isinstance(name, str) else name
        params = {key: jnp.asarray(np.asarray(each), jnp.float64) for key, each in given.items()}
        rngs = [np.random.default_rng([seed, number, purpose]) for purpose in (3, 4)]
        moved = {key: _away_from_edges(each, system.constraints[key], *rngs) for key, each in params.items()}
        found.append(params | {key: each for key, each in moved.items() if key not in kept})
    return found


def _away_from_edges(value: jax.Array, constraint, unsettling: np.random.Generator, moving: np.random.Generator) -> jax.Array:
    """Return shares that are more even and unsettled, and other values off their bounds."""
    share = next((each for kind, each in _TOWARDS_EVEN.items() if isinstance(constraint, kind)), None)
    if share is not None:
        free = constraint.free(constraint.inside(value, share))
        return constraint.physical(free + _UNSETTLED * jnp.asarray(unsettling.standard_normal(free.shape)))
    near = constraint.at_edge(np.asarray(value), _AT_EDGE)
    if not near.any():
        return value
    inwards = constraint.inside(value, _OFF_EDGE) - value
    return jnp.where(near, value + inwards * jnp.asarray(moving.uniform(1.0, _APART, value.shape)), value)

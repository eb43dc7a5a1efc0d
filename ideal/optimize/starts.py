"""Designs to begin an ascent with: near the named ones, but away from the edges where gradients vanish."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ideal.imaging import Budget, ImagingSystem, OneOf, Params, UnitSum

_TOWARDS_EVEN = {OneOf: 0.6, UnitSum: 0.2}
_UNSETTLED = 0.1  # standard deviation of what is added to free parameters, which tells equal alternatives apart


def default_starts(system: ImagingSystem, count: int) -> list[str]:
    """Return names of designs to begin with: random ones where there are any, else the first of the named ones."""
    if "random" in system.designs:
        return ["random"] * count
    return list(system.designs)[:count]


def starting_designs(system: ImagingSystem, names: Sequence[str | Params], seed: int = 0) -> list[Params]:
    """Return parameters in double precision near named designs, one for each name.

    Args:
        system: what is designed.
        names: of its designs; a name may stand several times, each with a seed of its own. Or parameters.
        seed: of what is random.

    """
    found = []
    for number, name in enumerate(names):
        given = system.design(name, seed + number) if isinstance(name, str) else name
        params = {key: jnp.asarray(np.asarray(each), jnp.float64) for key, each in given.items()}
        free = system.release({key: _away_from_edges(each, system.constraints[key]) for key, each in params.items()})
        rng = np.random.default_rng([seed, number, 3])
        for key, each in free.items():
            if isinstance(system.constraints[key], OneOf | UnitSum | Budget):
                free[key] = each + _UNSETTLED * jnp.asarray(rng.standard_normal(each.shape))
        found.append(system.constrain(free))
    return found


def _away_from_edges(value: jax.Array, constraint) -> jax.Array:
    share = _TOWARDS_EVEN.get(type(constraint), 0.0)
    if isinstance(constraint, Budget):
        return 0.5 * value + 0.25
    even = 1 / (value.shape[-1] if isinstance(constraint, OneOf) else value.size)
    return (1 - share) * value + share * even

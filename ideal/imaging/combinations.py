"""Measurements in few numbers: the combinations of visibilities that tell of given scenes, free of correlated noise."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError
from ideal.imaging._contract import ImagingSystem, Params
from ideal.imaging.linear import Combinations
from ideal.noise import NoiseModel

_WEAKEST = 1e-9  # of the best measured combination: below it there is rounding
_TOGETHER = 32  # components that are encoded at once


def informative_combinations(
    system: ImagingSystem, designs: Sequence[Params], noise: NoiseModel, components: np.ndarray
) -> list[Combinations]:
    """Return for each of several designs the combinations of values that see given components of scenes.

    With A the system over its noise and F the components, these are the orthonormal rows U that span F A^T, and what they see is
    U A. For scenes that are sums of the components nothing is lost (sufficient statistics); of others the part beyond them.
    Components that a design does not see count as combinations of noise alone, so that all designs have as many.

    Args:
        system: linear in its scene.
        designs: parameters of each.
        noise: additive and Gaussian, the same for all.
        components: principal components of scenes, (component, ...), each as large as its standard deviation and exposed; of
            other scenes than those to be measured.

    Raises:
        UsageError: the system is not linear, or its noise depends on the light.

    """
    if not system.linear or not noise.additive:
        raise UsageError(f"{system.name} with {noise.name} noise has no combinations of independent noise: measure its pixels")
    sigma = np.asarray(noise.sigma, np.float32)
    with jax.enable_x64(False):
        dark = jnp.zeros(system.scene.shape, jnp.float32)

        def white(params, scene):
            seen = system.encode(params, scene) / sigma
            return jnp.stack([seen.real, seen.imag]).ravel() if jnp.iscomplexobj(seen) else seen.ravel()

        def back(params, row):
            return jax.vjp(lambda scene: white(params, scene), dark)[1](row)[0]

        # Compiled once for all designs and blocks.
        encode, adjoint = (jax.jit(jax.vmap(each, (None, 0))) for each in (white, back))
        single = ({name: jnp.asarray(np.asarray(value), jnp.float32) for name, value in each.items()} for each in designs)
        return [_combined(partial(encode, params), partial(adjoint, params), components) for params in single]


def _combined(encode, adjoint, components: np.ndarray) -> Combinations:
    nothing = np.zeros((1, *components.shape[1:]))  # what is seen of it is an offset
    seen = _by_blocks(encode, np.concatenate([nothing, components]))
    seen = seen[1:] - seen[0]
    values, vectors = np.linalg.eigh(seen @ seen.T)
    kept = values > _WEAKEST * values.max()
    weights = _by_blocks(adjoint, (vectors[:, kept] / np.sqrt(values[kept])).T @ seen)
    silent = np.zeros((len(components) - len(weights), *weights.shape[1:]))
    return Combinations(np.concatenate([weights[::-1], silent]))


def _by_blocks(function, values: np.ndarray) -> np.ndarray:
    """Return a function of all rows, called with as many at once each time."""
    found = []
    for start in range(0, len(values), _TOGETHER):
        block = values[start : start + _TOGETHER].astype(np.float32)
        padded = np.concatenate([block, np.zeros((_TOGETHER - len(block), *block.shape[1:]), np.float32)])
        found.append(np.asarray(function(padded), np.float64)[: len(block)])
    return np.concatenate(found)

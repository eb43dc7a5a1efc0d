"""Linear operators with an offset: what a linear imaging system is, for closed forms and for decoders."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

_BLOCK = 256


class LinearOperator:
    """mean = forward(scene) + offset, with scenes real and measurements real or complex.

    The inner product is real: Re sum conj(a) b, so that the adjoint of visibilities is a real image.
    """

    def __init__(self, affine: Callable[[jax.Array], jax.Array], scene_shape: tuple[int, ...]):
        """Take a function that is linear in its argument but for a constant.

        Args:
            affine: from a scene of `scene_shape` to a measurement; traceable.
            scene_shape: of one scene.

        """
        self._affine = affine
        self.scene_shape = tuple(scene_shape)

    def _zero(self, dtype=None) -> jax.Array:
        return jnp.zeros(self.scene_shape, dtype)

    @cached_property
    def offset(self) -> jax.Array:
        """Measurement of a dark scene, in the default precision."""
        return jax.jit(self._affine)(self._zero())

    @cached_property
    def measurement_shape(self) -> tuple[int, ...]:
        """Shape of a measurement."""
        return jax.eval_shape(self._affine, self._zero()).shape

    def forward(self, scene: jax.Array) -> jax.Array:
        """Return what a scene adds to the offset."""
        return self._forward(scene)

    def adjoint(self, measurement: jax.Array) -> jax.Array:
        """Return the adjoint of the linear part, applied to a measurement: a real array of `scene_shape`."""
        return self._adjoint(measurement)

    @cached_property
    def _forward(self) -> Callable[[jax.Array], jax.Array]:
        return jax.jit(lambda scene: jax.jvp(self._affine, (self._zero(scene.dtype),), (scene,))[1])

    @cached_property
    def _adjoint(self) -> Callable[[jax.Array], jax.Array]:
        def pulled_back(measurement):
            _, transpose = jax.vjp(self._affine, self._zero(jnp.real(measurement).dtype))
            return transpose(jnp.conj(measurement))[0]

        return jax.jit(pulled_back)

    def matrix(self) -> np.ndarray:
        """Return the dense matrix of the linear part, (values of a measurement, values of a scene), row by row.

        In float64 where that is enabled. For small scenes: it holds as many numbers as the product of both sizes.
        """
        size = int(np.prod(self.scene_shape))
        columns = jax.jit(jax.vmap(lambda unit: self.forward(unit.reshape(self.scene_shape)).ravel()))
        identity = np.eye(size, dtype=jnp.zeros(()).dtype)
        return np.concatenate([np.asarray(columns(identity[start : start + _BLOCK])) for start in range(0, size, _BLOCK)]).T


@dataclass(frozen=True)
class Combinations:
    """Orthonormal combinations of a measurement's values, each divided by its noise: as many numbers as components of scenes.

    Noise of different combinations is independent and of unit variance, because the combinations are orthonormal. Being a
    function of the measurement they carry no more information, and as much about scenes that are sums of the components.

    Attributes:
        weights: (combination, *shape of the scene): what each sees of a scene, in units of the noise's standard deviation.

    """

    weights: np.ndarray

    def measured(self, scenes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return noisy combinations of scenes and their noiseless means, (sample, combination) each.

        Args:
            scenes: (sample, ...), exposed.
            rng: of the noise.

        """
        flat = self.weights.reshape(len(self.weights), -1)
        mean = scenes.reshape(len(scenes), -1) @ flat.T.astype(scenes.dtype)
        return mean + rng.standard_normal(mean.shape), mean

"""Information of batches of encoded objects, their covariance taken for a Gaussian's: the published form, without its bias."""

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import DataError, UsageError
from ideal.imaging import Params
from ideal.information.results import LN2
from ideal.optimize._contract import Objective, Task
from ideal.optimize.objectives.log_determinant import log_determinant_and_inverse

_PATCH = 16
_BATCH = 1024


class Samples(Objective):
    """The entropy of a Gaussian with the covariance of a batch of measurements, less the entropy of their noise.

    The published form draws noise, takes the covariance of noisy measurements and lets its bias stand. Here the batch gives the
    covariance S of the noiseless means, and the noise adds its average variance N exactly, as its expectation is known; what is
    random is the choice of objects alone, and photons need no reparameterisation. The determinant of S + N is too small on
    average by [tr(M)^2 + tr(M^2)] / 2n in the exponent, M = (S + N)^-1 S, for a batch of n (the second order of its expansion,
    exact for Gaussian means); this is added.

    Noise that depends on the light counts with its average variance, as in the closed form. That it is less uncertain on average
    than at the average light, H(mean) - E H(x), is not added: where photons are few the determinant holds as much already (the
    information of counts at low light is E x ln(x / mean) = var / 2 mean, and so is 1/2 ln(1 + var / mean)), and where they are
    many the light of real scenes is skewed, which lowers H(Y) by nearly as much.

    Settings: `batch`, objects of a step (1024); `patch`, side of the square patch of the sensor that counts (16), drawn anew for
    each step at the mosaic's phase; of a vector as many values in a row as such a patch has.
    """

    name = "samples"
    summary = "Gaussian entropy of batches of encoded objects: any system, stochastic"

    def __init__(self, task: Task, batch: int = _BATCH, patch: int = _PATCH):
        if task.target is not None:
            raise UsageError(f"the objective {self.name} gives the information about the whole scene only: leave out the target")
        self.task = task
        self.batch = min(int(batch), len(task.scenes))
        shape = task.system.measurement_shape
        side = int(patch) if len(shape) > 1 else int(patch) ** 2
        self.patch = tuple(min(side, size) for size in shape[:2])
        self.values = int(np.prod(self.patch)) * int(np.prod(shape[2:])) * (2 if task.noise.is_complex else 1)
        if self.batch < 2:
            raise UsageError("the objective samples needs at least two objects")
        if not np.any(np.asarray(task.scenes[1:]) != np.asarray(task.scenes[0])):
            raise DataError("the scenes never change: they carry no information")
        self._scenes, self._held_out = jnp.asarray(task.scenes), jnp.asarray(task.held_out)

    def gain(self, params: Params, state, key: jax.Array) -> jax.Array:
        """Return bits per pixel of a random batch and a random place."""
        return self._information(params, self._scenes, key, self.batch)

    def validation_gain(self, params: Params, state, key: jax.Array) -> jax.Array:
        """Return bits per pixel of held-out objects."""
        return self._information(params, self._held_out, key, min(self.batch, len(self._held_out)))

    def _information(self, params, scenes, key, count):
        which, where = jax.random.split(key)
        chosen = scenes[jax.random.choice(which, len(scenes), (count,), replace=False)]
        means = jax.lax.map(lambda scene: self.task.system.encode(params, scene), chosen, batch_size=64)
        variance = None
        if self.task.noise.by_value:
            variance = self.task.noise.scaled_variance(jnp.real(means[:1]))  # every value its own: cut alike
            variance = self._cut(variance, where)[0]
        means = self._cut(means, where)
        return gaussian_information(means, self.task.noise, variance) / (int(np.prod(self.patch)) * LN2)

    def _cut(self, means, key):
        period = self.task.system.period
        shape = means.shape[1:3]
        for axis, (side, size) in enumerate(zip(self.patch, shape, strict=False)):
            step = period[axis] if len(shape) > 1 else 1
            key, own = jax.random.split(key)
            start = step * jax.random.randint(own, (), 0, (size - side) // step + 1)
            means = jax.lax.dynamic_slice_in_dim(means, start, side, axis + 1)
        return means.reshape(len(means), -1)


def gaussian_information(means: jax.Array, noise, variance: jax.Array | None = None) -> jax.Array:
    """Return 1/2 ln det(1 + N^-1 S) of noiseless means (sample, value), N their average noise, unbiased to second order, nats.

    Both are taken on the scale of the noise, as on that of logarithms where it multiplies the light. Complex means count as twice
    as many real values. Sums are in float64 where that is enabled.

    Args:
        means: (sample, value).
        noise: of the measurement.
        variance: of the noise of each value, (value,), where that does not depend on the light and is not one number.

    """
    if variance is None and noise.correlates:
        means = noise.whiten(means, jnp)
        variance = jnp.ones(means.shape[1])
    wide = jnp.promote_types(jnp.real(means).dtype, jnp.zeros(()).dtype)
    real = jnp.real(means).astype(wide)
    if variance is None:
        variance = noise.scaled_variance(real).mean(0)
        real = noise.scale(real, jnp)
    if jnp.iscomplexobj(means):
        variance, real = jnp.tile(variance, 2), jnp.concatenate([real, jnp.imag(means).astype(wide)], axis=1)
    count = len(real)
    white = (real - real.mean(0)) / jnp.sqrt(variance)
    spread = white.T @ white / (count - 1)
    identity = jnp.eye(len(spread), dtype=wide)
    log_det, inverse = log_determinant_and_inverse(spread + identity)
    ratio = identity - inverse  # (S + N)^-1 S on the white scale
    bias = (jnp.trace(ratio) ** 2 + (ratio * ratio.T).sum()) / (2 * (count - 1))
    return 0.5 * (log_det + bias)

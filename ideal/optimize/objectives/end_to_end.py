"""Encoder and decoder trained jointly by the reconstruction error: what designs by information are compared with."""

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import DataError, UsageError
from ideal.imaging import Params
from ideal.noise import NoiseModel
from ideal.optimize._contract import Objective, Task
from ideal.optimize.objectives.decoder_network import WienerNetwork, network_for
from ideal.optimize.targets import ChannelTarget, RegionTarget

_BATCH = 32
_MOST_HELD_OUT = 256
_FEW_PHOTONS = 20.0


class EndToEnd(Objective):
    """The error of a small decoder network that is trained along with the design, in decibels.

    gain = 10 log10(variance of the scenes / mean squared error of the decoder): 0 for a decoder that knows the mean scene and
    nothing else, 10 where a tenth of the variance is left. The noise is drawn anew for each step and differentiated as mean +
    sqrt(variance) x deviate. Up to 20 mean photoelectrons of the system's first design the deviate is that of an exact draw of
    the noise, held fixed (straight through): the gradient is then exact for whatever depends on mean and variance alone, such
    as the squared error of a linear decoder. Above, it is a normal one.

    With a target that is linear in the scene (channels, luminance, a region) the error is that of the target.

    Settings: `batch`, objects of a step (32).
    """

    name = "end-to-end"
    compares = False
    summary = "reconstruction error of a small decoder that is trained along with the design, in dB: the baseline"
    unit = "dB"

    def __init__(self, task: Task, batch: int = _BATCH):
        if not (task.target is None or isinstance(task.target, ChannelTarget | RegionTarget)):
            raise UsageError(
                f"the objective {self.name} reconstructs scenes, or channels, the luminance or a region of them: it does not take"
                f" the target {task.target.name}"
            )
        if int(batch) < 1:
            raise UsageError(f"the objective {self.name}: batch is {batch}, expected at least 1")
        self.task, self.batch = task, int(batch)
        self._scenes = jnp.asarray(task.scenes, jnp.float32)
        self._held_out = jnp.asarray(task.held_out[:_MOST_HELD_OUT], jnp.float32)
        seen = task.system.images(task.system.design(), np.asarray(task.scenes[:256], np.float32))
        values = np.stack([seen.real, seen.imag]) if np.iscomplexobj(seen) else seen
        noise = float(task.noise.variance(jnp.asarray(seen.real.mean(0))).mean())
        light = float(values.mean()), float(np.sqrt(values.var() + noise))
        self.few_photons = task.noise.photons and light[0] < _FEW_PHOTONS
        self.decoder = network_for(task.system, task.scenes, light)
        if isinstance(self.decoder, WienerNetwork):
            self.decoder.variance = task.noise.variance
        wanted = self._wanted(jnp.asarray(np.asarray(task.scenes) - self.decoder.mean))
        self._variance = float(jnp.mean(jnp.square(wanted)))
        if not self._variance > 0:
            raise DataError("the scenes never change: there is nothing to reconstruct")

    def start(self, params: Params, key: jax.Array):
        """Return the decoder's weights, the best of several where it begins with a filter."""
        found = self.decoder.candidates(self.decoder.start(key))
        if len(found) == 1:
            return found[0]
        judge = jax.jit(lambda state: self._decibels(params, state, self._scenes[:_BATCH], key))
        gains = [float(judge(each)) for each in found]
        return found[int(np.nanargmax(gains))]

    def learned(self, state):
        """Return the weights: all of the state is trained."""
        return state

    def with_learned(self, state, learned):
        """Return these weights."""
        return learned

    def gain(self, params: Params, state, key: jax.Array) -> jax.Array:
        """Return the decibels of a random batch."""
        which, key = jax.random.split(key)
        return self._decibels(params, state, self._scenes[jax.random.randint(which, (self.batch,), 0, len(self._scenes))], key)

    def validation_gain(self, params: Params, state, key: jax.Array) -> jax.Array:
        """Return the decibels of held-out objects, 256 of them at most."""
        return self._decibels(params, state, self._held_out, key)

    def reconstruct(self, params: Params, state, measurements: jax.Array) -> jax.Array:
        """Return the decoder's scenes, (sample, *shape of a scene), from measurements (sample, *shape of a measurement)."""
        return self.decoder(state, params, measurements)

    def _decibels(self, params, state, scenes, key):
        means = jax.vmap(lambda scene: self.task.system.encode(params, scene))(scenes)
        seen = draw(self.task.noise, means, key, exact=self.few_photons)
        error = jnp.mean(jnp.square(self._wanted(self.reconstruct(params, state, seen) - scenes)))
        return 10 * jnp.log10(self._variance / error)

    def _wanted(self, scenes):
        target = self.task.target
        if isinstance(target, ChannelTarget):
            return scenes @ jnp.asarray(target.matrix.T, scenes.dtype)
        if isinstance(target, RegionTarget):
            return scenes[:, slice(*target.rows), slice(*target.columns)]
        return scenes


def draw(noise: NoiseModel, means: jax.Array, key: jax.Array, *, exact: bool) -> jax.Array:
    """Return noisy measurements that can be differentiated in their means.

    Args:
        noise: of the measurements.
        means: (sample, ...), real or complex.
        key: of the draw.
        exact: draw from the noise itself and hold the deviate fixed; otherwise take a normal deviate.

    """
    deviation = jnp.sqrt(noise.variance(jnp.real(means)))
    if exact:
        still = jax.lax.stop_gradient(means)
        deviate = (noise.sample(key, still) - still) / jax.lax.stop_gradient(deviation)
    elif jnp.iscomplexobj(means):
        parts = jax.random.normal(key, (2, *means.shape), deviation.dtype)
        deviate = parts[0] + 1j * parts[1]
    else:
        deviate = jax.random.normal(key, means.shape, deviation.dtype)
    return means + deviation * deviate

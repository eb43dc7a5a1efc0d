"""What a set of members is worth whose images add: LEDs, lenslets, anything that is linear in a vector of weights."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError
from ideal.information.results import LN2
from ideal.optimize._contract import Task
from ideal.optimize.objectives.log_determinant import log_determinant
from ideal.optimize.objectives.scenes import scene_factor
from ideal.optimize.selection.members import Members
from ideal.optimize.selection.set_value import SetValue

_RANK = 64
_TOLERANCE = 1e-4  # of the largest value: how well sums of images have to agree with the encoder
_BYTES = 2**30  # of the images that are kept


class ImageSums(SetValue):
    """Closed form for Gaussian scenes where the mean measurement is a weighted sum of one image for each member.

    Every member images the scenes' mean and principal components once; a set is then a sum of arrays, 1/2 log2 det(1 + F A^T
    N^-1 A F^T) with A the members' sum and N the noise variance at its mean. A system that is not linear in its scene is taken at
    its tangent in the mean scene. Images are kept in float32, sums and determinants are made in float64.

    Members that give neither light nor signal are `dark`.

    """

    starts, steps = 2, 40

    def __init__(self, members: Members, task: Task, *, rank: int = _RANK):
        """Take members of a system, and image the scenes of a task by each.

        Raises:
            UsageError: images do not add, or take more than 1 GiB.
            DataError: the scenes do not vary.

        """
        self.members, self.noise, self.size = members, task.noise, members.size
        scene = scene_factor(task.scenes, rank)
        self._rank, pixels = len(scene.factor), int(np.prod(members.system.measurement_shape))
        if 4 * self.size * self._rank * pixels > _BYTES:
            raise UsageError(f"{self.size} images of {self._rank} components are too many to keep")
        with jax.enable_x64(False):
            mean, factor = jnp.asarray(scene.mean, jnp.float32), jnp.asarray(scene.factor, jnp.float32)

            @jax.jit
            def image(weights):
                params = {**members.others, members.parameter: weights}

                def encode(x):
                    return members.system.encode(params, x)

                tangents = jax.lax.map(lambda x: jax.jvp(encode, (mean,), (x,))[1], factor, batch_size=16)
                return encode(mean).ravel(), tangents.reshape(len(factor), -1)

            nothing = [np.asarray(each) for each in image(jnp.zeros(self.size))]
            if not all(np.isfinite(each).all() for each in nothing):
                raise UsageError(f"{members.system.name} measures nothing that is a number without any of its {members.noun}s")
            centre, tangents, lit = [], [], []
            for number, row in enumerate(jnp.eye(self.size)):
                parts = [np.asarray(each) - base for each, base in zip(image(row), nothing, strict=True)]
                if any(np.abs(each).max() > 0 for each in parts):  # what is dark takes no memory
                    lit.append(number)
                    centre.append(parts[0])
                    tangents.append(parts[1])
            self._lit = np.array(lit, dtype=int)
            centres = np.stack(centre) if lit else np.zeros((0, *nothing[0].shape), np.float32)
            slopes = np.stack(tangents) if lit else np.zeros((0, *nothing[1].shape), np.float32)
            shares = np.random.default_rng(0).random(self.size).astype(np.float32)
            seen = [np.asarray(each) for each in image(jnp.asarray(shares))]
        for found, base, each in zip(seen, nothing, (centres, slopes), strict=True):
            if np.abs(base + np.tensordot(shares[self._lit], each, 1) - found).max() > _TOLERANCE * max(
                np.abs(found).max(), 1e-30
            ):
                raise UsageError(f"{members.system.name}: the images of its {members.noun}s do not add up")
        self.dark = tuple(np.setdiff1d(np.arange(self.size), self._lit).tolist())
        self.arrays = (*nothing, centres, slopes)

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        """Return bits of sets."""
        base, slope, centre, tangents = self.arrays
        found = []
        for each in np.atleast_2d(chosen):
            weights = np.asarray(self.members.params(each * 1.0)[self.members.parameter], np.float64)
            mean, white = base.astype(np.float64), slope.astype(np.float64)
            for place, number in enumerate(self._lit):
                if each[number]:
                    mean += weights[number] * centre[place]
                    white += weights[number] * tangents[place]
            white /= np.sqrt(np.asarray(self.noise.variance(mean)))
            factor = np.linalg.cholesky(white @ white.T + np.eye(self._rank))
            found.append(np.log2(np.diagonal(factor)).sum())
        return np.array(found)

    def soft(self, weights: jax.Array, arrays: Any) -> jax.Array:
        """Return bits of shares."""
        base, slope, centre, tangents = arrays
        weights = self.members.params(weights)[self.members.parameter][self._lit]
        mean = base + jnp.tensordot(weights, centre, 1)
        white = slope + jnp.tensordot(weights, tangents, 1)
        white = white / jnp.sqrt(self.noise.variance(mean))
        return 0.5 * log_determinant(white @ white.T + jnp.eye(self._rank)) / LN2

"""The linear decoder of least mean square error, for any linear system of small scenes."""

from dataclasses import dataclass
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel
from ideal.progress import Progress

_MOST_VALUES = 6000  # of a scene: its covariance takes 0.3 GB
_SCENES_PER_VALUE = 2  # fewer scenes to learn from raise the error markedly
_RIDGE = 1e-4  # of the mean variance: what a finite number of scenes leaves open


@dataclass(frozen=True)
class LinearDecoder:
    """scene = mean + gain (measurement - expected measurement), by the scenes' mean and covariance.

    Attributes:
        mean: of the scenes, flat.
        expected: measurement of the mean scene, flat.
        gain: (values of a scene, values of a measurement).
        scene_shape: of a scene.

    """

    mean: np.ndarray
    expected: np.ndarray
    gain: np.ndarray
    scene_shape: tuple[int, ...]

    @classmethod
    def fit(cls, system: ImagingSystem, params: Params, noise: NoiseModel, scenes: np.ndarray) -> Self:
        """Return the decoder for scenes like those given.

        Args:
            system: linear, with real measurements.
            params: its design.
            noise: of the measurements; its variance is taken at their mean.
            scenes: exposed, (sample, ...), none of those that will be decoded.

        Raises:
            UsageError: the system is not linear, its measurements are complex, or its scenes are too large.

        """
        size = int(np.prod(system.scene.shape))
        if size > _MOST_VALUES:
            raise UsageError(
                f"the linear decoder takes scenes of up to {_MOST_VALUES} values; those of {system.name} have {size}"
            )
        with jax.enable_x64(True):
            double = {name: jnp.asarray(np.asarray(value), jnp.float64) for name, value in params.items()}
            operator = system.operator(double)
            matrix, offset = operator.matrix(), np.asarray(operator.offset).ravel()
            if np.iscomplexobj(matrix):
                raise UsageError("the linear decoder takes real measurements")
            flat = np.asarray(scenes, np.float64).reshape(len(scenes), size)
            mean = flat.mean(0)
            expected = matrix @ mean + offset
            light = jnp.asarray(expected.reshape(operator.measurement_shape))
            variance = np.asarray(noise.variance(light)).ravel()
        covariance = (flat - mean).T @ (flat - mean) / (len(flat) - 1)
        covariance[np.diag_indices(size)] += _RIDGE * np.trace(covariance) / size
        across = covariance @ matrix.T
        within = matrix @ across
        within[np.diag_indices(len(within))] += variance
        return cls(mean, expected, cho_solve(cho_factor(within), across.T).T, system.scene.shape)

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        """Return scenes (sample, ...) of measurements (sample, ...), in their units."""
        flat = np.asarray(measurements, np.float64).reshape(len(measurements), -1)
        return (self.mean + (flat - self.expected) @ self.gain.T).reshape(len(flat), *self.scene_shape)


@dataclass(frozen=True)
class Linear(Decoder):
    """The linear decoder of least mean square error, by the mean and the covariance of training scenes."""

    name = "linear"
    summary = "linear estimate of least mean square error, by the covariance of the scenes"
    serves = f"any linear system of real values, scenes of up to {_MOST_VALUES} values"

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: the system is not linear, measures complex values, or has scenes too large for their covariance."""
        if not system.linear:
            return f"{system.name} is not linear in its scene"
        if system.complex_valued:
            return f"it takes real measurements, those of {system.name} are complex"
        size = int(np.prod(system.scene.shape))
        if size > _MOST_VALUES:
            return f"it takes scenes of up to {_MOST_VALUES} values, those of {system.name} have {size}: make them smaller"
        return ""

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the decoder of least error for scenes with the mean and covariance of the training scenes."""
        scenes = task.train.scenes
        found = LinearDecoder.fit(task.system, task.params, task.noise, scenes)
        size, needed = found.mean.size, _SCENES_PER_VALUE * found.mean.size
        few = f"decoder linear: {len(scenes)} scenes to learn from leave the covariance of {size} values rough: take more objects"
        return FittedDecoder(found.decode, task.system.scene.shape, notes=(few,) if len(scenes) < needed else ())

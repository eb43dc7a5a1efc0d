"""A network that makes scenes of raw images, for systems that nothing else serves: it tells their principal components."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ideal._ranges import Range
from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder
from ideal.decoders.images.networks import ImageRegressor
from ideal.errors import DataError
from ideal.imaging import ImagingSystem, Params, setting
from ideal.progress import Progress

_NEGLIGIBLE = 1e-5  # of the largest standard deviation of a component: no more than rounding


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Scenes in few numbers: their mean, and the directions in which they differ most.

    Attributes:
        mean: of the scenes, flat.
        directions: orthonormal, (component, value).
        scene_shape: of a scene.

    """

    mean: np.ndarray
    directions: np.ndarray
    scene_shape: tuple[int, ...]

    @classmethod
    def of(cls, scenes: np.ndarray, count: int) -> Self:
        """Return at most so many components of scenes (sample, ...).

        Raises:
            DataError: the scenes are all alike.

        """
        flat = np.asarray(scenes, np.float64).reshape(len(scenes), -1)
        mean = flat.mean(0)
        _, sizes, directions = np.linalg.svd(flat - mean, full_matrices=False)
        kept = int((sizes > _NEGLIGIBLE * max(sizes[0], 1e-300)).sum()) if sizes[0] > 0 else 0
        if not kept:
            raise DataError("the scenes to learn from are all alike: a decoder needs some that differ")
        return cls(mean, directions[: min(count, kept)], scenes.shape[1:])

    def numbers(self, scenes: np.ndarray) -> np.ndarray:
        """Return the components of scenes (sample, ...), (sample, component)."""
        return (np.asarray(scenes, np.float64).reshape(len(scenes), -1) - self.mean) @ self.directions.T

    def scenes(self, numbers: np.ndarray) -> np.ndarray:
        """Return the scenes (sample, ...) with these components (sample, component)."""
        return (self.mean + numbers @ self.directions).reshape(len(numbers), *self.scene_shape)


@dataclass(frozen=True, eq=False)
class _SceneNetwork:
    network: ImageRegressor
    components: PrincipalComponents

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        return self.components.scenes(self.network.predict(measurements)[0])


@dataclass(frozen=True)
class ImageNetworkDecoder(Decoder):
    """A convolutional network that tells the principal components of a scene from its raw image, linear or not."""

    name = "image-network"
    summary = "a convolutional network that tells the principal components of the scene"
    serves = "any system whose measurements are real images, linear or not"

    components: int = setting(32, "", "principal components of the scenes at most", Range(1, 1024, whole=True))

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: measurements are complex or no images."""
        if system.complex_valued:
            return f"it takes real measurements, those of {system.name} are complex"
        if len(system.measurement_shape) not in (2, 3):
            return f"it takes images, measurements of {system.name} have the shape {tuple(system.measurement_shape)}"
        return ""

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Train on the training scenes until those of validation are told no better."""
        components = PrincipalComponents.of(task.train.scenes, self.components)
        network = ImageRegressor.fit(
            seed,
            task.train.measurements,
            components.numbers(task.train.scenes),
            task.validation.measurements,
            components.numbers(task.validation.scenes),
            noise=task.noise,
            effort=effort,
            progress=progress,
        )
        choice = {"components": len(components.directions)}
        return FittedDecoder(_SceneNetwork(network, components).decode, task.system.scene.shape, choice=choice)

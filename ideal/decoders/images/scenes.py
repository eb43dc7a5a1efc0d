"""Scenes made of raw images without physics: a linear estimate of their principal components, and what a network adds to it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ideal._ranges import Range
from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder
from ideal.decoders.images.networks import ImageRegressor
from ideal.errors import DataError
from ideal.imaging import ImagingSystem, Params, setting
from ideal.progress import Progress

_PENALTIES = tuple(10.0**power for power in range(-6, 4))
_LEAST_REST = 1e-3  # of an example that an estimate follows: what is left of it is no longer known
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
class RidgeRegression:
    """A linear estimate of numbers from measurements, learned from examples: least squares with a penalty on its weights.

    Attributes:
        expected: mean measurement, flat.
        mean: of the numbers, (number,).
        weights: (value of a measurement, number).
        left: what it leaves of the numbers of each example, by an estimate that did not see that example, (sample, number).
        penalty: which validation examples chose, in units of the mean eigenvalue of the measurements' inner products.

    """

    expected: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    penalty: float

    @classmethod
    def fit(cls, measurements: np.ndarray, numbers: np.ndarray, held_out: np.ndarray, held_out_numbers: np.ndarray) -> Self:
        """Return the regression with the penalty of least error for held-out examples.

        Args:
            measurements: (sample, ...), real.
            numbers: to be told, (sample, number).
            held_out: measurements of others, by which the penalty is chosen.
            held_out_numbers: theirs.

        Raises:
            DataError: the measurements are all alike.

        """
        flat = np.asarray(measurements, np.float64).reshape(len(measurements), -1)
        expected, mean = flat.mean(0), numbers.mean(0)
        flat, target = flat - expected, numbers - mean
        other = np.asarray(held_out, np.float64).reshape(len(held_out), -1) - expected
        # Left singular vectors by the smaller of the two matrices of inner products.
        is_wide = flat.shape[1] > flat.shape[0]
        squares, vectors = np.linalg.eigh(flat @ flat.T if is_wide else flat.T @ flat)
        kept = squares > _NEGLIGIBLE**2 * max(squares[-1], 1e-300)
        if not (squares[-1] > 0 and kept.any()):
            raise DataError("the measurements to learn from are all alike: nothing can be told from them")
        squares, vectors = squares[kept], vectors[:, kept]
        scales = np.sqrt(squares)
        left, right = (vectors, flat.T @ vectors / scales) if is_wide else (flat @ vectors / scales, vectors)
        turned, seen, unit = left.T @ target, other @ right, float(squares.mean())

        def weights(penalty: float) -> np.ndarray:
            return (scales / (squares + penalty * unit))[:, None] * turned

        errors = [np.square(mean + seen @ weights(each) - held_out_numbers).sum() for each in _PENALTIES]
        best = _PENALTIES[int(np.argmin(errors))]
        # What is left of an example where it is left out itself: Craven and Wahba 1979, with its share of the mean.
        shrunk = squares / (squares + best * unit)
        share = (left**2 @ shrunk) + 1 / len(flat)
        residual = (target - left @ (shrunk[:, None] * turned)) / np.maximum(1 - share, _LEAST_REST)[:, None]
        return cls(expected, mean, right @ weights(best), residual, best)

    def numbers(self, measurements: np.ndarray) -> np.ndarray:
        """Return estimates (sample, number) from measurements (sample, ...)."""
        flat = np.asarray(measurements, np.float64).reshape(len(measurements), -1)
        return self.mean + (flat - self.expected) @ self.weights


@dataclass(frozen=True, eq=False)
class _SceneNetwork:
    network: ImageRegressor
    linear: RidgeRegression
    components: PrincipalComponents

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        return self.components.scenes(self.linear.numbers(measurements) + self.network.predict(measurements)[0])


@dataclass(frozen=True)
class ImageNetworkDecoder(Decoder):
    """A linear estimate of the principal components of a scene, learned from examples, and what a network adds to it."""

    name = "image-network"
    summary = "a learned linear estimate of the scene's principal components, and what a network adds"
    serves = "any system whose measurements are real images, linear or not"

    components: int = setting(256, "", "principal components of the scenes at most", Range(1, 1024, whole=True))

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: measurements are complex or no images."""
        if system.complex_valued:
            return f"it takes real measurements, those of {system.name} are complex"
        if len(system.measurement_shape) not in (2, 3):
            return f"it takes images, measurements of {system.name} have the shape {tuple(system.measurement_shape)}"
        return ""

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Learn the linear estimate, then train the network on what it leaves until validation scenes are told no better."""
        components = PrincipalComponents.of(task.train.scenes, self.components)
        wanted, held_out = (components.numbers(each.scenes) for each in (task.train, task.validation))
        linear = RidgeRegression.fit(task.train.measurements, wanted, task.validation.measurements, held_out)
        network = ImageRegressor.fit(
            seed,
            task.train.measurements,
            linear.left,
            task.validation.measurements,
            held_out - linear.numbers(task.validation.measurements),
            noise=task.noise,
            effort=effort,
            progress=progress,
        )
        choice = {"components": len(components.directions), "penalty": linear.penalty}
        return FittedDecoder(_SceneNetwork(network, linear, components).decode, task.system.scene.shape, choice=choice)

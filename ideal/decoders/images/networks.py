"""Networks that decode raw images: one that names a class, and one that tells numbers and how sure it is of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from ideal._random import generator
from ideal.decoders.images.layers import ImageNetwork
from ideal.density import Fitting, Progress
from ideal.density.networks.training import Schedule, power_of_two, train, whole_chunks
from ideal.density.networks.transform import RootTransform
from ideal.errors import DataError, UsageError
from ideal.noise import NoiseModel

_PRODUCTS = 1e11  # multiplications forward in training at effort 1: about half a minute on one core
_EPOCHS, _BATCH = 16, 64
_BLOCK_VALUES = 2**23  # of features in one forward pass
# Of 0.1 to 4, what gave phase cells the lowest validation loss by far: thousands of images are few for ten times as many weights.
_WEIGHT_DECAY = 2.0
_MOST_LOG_SIGMA = 6.0  # in units of the targets' spread
_LOG_2PI = float(np.log(2 * np.pi))

Say = Callable[[str, float | None], None]


@dataclass(frozen=True)
class _Loss:
    """What is minimised; compiled once for equal networks."""

    network: ImageNetwork

    def matrices(self, params):
        return self.network.matrices(params)

    def at_once(self, shape):
        return self.network.at_once(shape)


class _CrossEntropy(_Loss):
    """Average -ln p(label), nats."""

    def __call__(self, params, constants, batch):
        values, labels = batch
        logs = jax.nn.log_softmax(self.network.outputs_of(params, values))
        return -jnp.take_along_axis(logs, labels[:, None], 1).mean()


class _GaussianLoss(_Loss):
    """Average -ln p(standardised targets) under independent Gaussians, nats."""

    def __call__(self, params, constants, batch):
        values, targets = batch
        mean, log_sigma = _mean_and_log_sigma(self.network.outputs_of(params, values))
        return (0.5 * ((targets - mean) * jnp.exp(-log_sigma)) ** 2 + log_sigma + 0.5 * _LOG_2PI).sum(1).mean()


def _mean_and_log_sigma(outputs):
    mean, log_sigma = jnp.split(outputs, 2, 1)
    return mean, _MOST_LOG_SIGMA * jnp.tanh(log_sigma / _MOST_LOG_SIGMA)


@dataclass(frozen=True)
class _Scale:
    """How a network sees measurements: with noise of about one variance, and standardised.

    Attributes:
        transform: which evens out the noise.
        location: of transformed values, shape of a measurement.
        scale: of them, (channel,).

    """

    transform: RootTransform
    location: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, noise: NoiseModel | None) -> Self:
        photons = noise is not None and noise.photons  # other noise is alike at all values
        ends = (0.0, 1.0)
        dark, light = (float(noise.variance(np.float64(each))) for each in ends) if noise is not None and photons else (0.0, 0.0)
        transform = RootTransform(dark, light - dark)
        values = transform(images)
        variance = values.var(0).mean((0, 1))
        scale = np.sqrt(np.maximum(variance, 1e-12 * max(float(variance.max()), 1e-300)))
        return cls(transform, values.mean(0), scale)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return ((self.transform(images) - self.location) / self.scale).astype(np.float32)


class _ImageDecoder:
    """A fitted network with the scale on which it sees measurements."""

    def __init__(self, network: ImageNetwork, params, scale: _Scale):
        self._network, self._params, self._scale = network, params, scale

    def _outputs(self, measurements) -> np.ndarray:
        values = self._scale(_images(measurements, self._network.shape))
        size = max(1, _BLOCK_VALUES // self._network.working)
        size = min(size, 1 << max(len(values) - 1, 0).bit_length())  # blocks of one size are compiled once
        parts = []
        for start in range(0, len(values), size):
            block = values[start : start + size]
            whole = np.concatenate([block, np.zeros((size - len(block), *block.shape[1:]), np.float32)])
            parts.append(np.asarray(_forward(self._network, self._params, whole))[: len(block)])
        return np.concatenate(parts).astype(np.float64)


class ImageClassifier(_ImageDecoder):
    """A convolutional network that gives each class of a raw image its probability.

    It sees measurements after a transform that evens out their noise. Residual stages halve the image until a side has at most
    6 pixels; a hidden layer sees the last stage whole, so that places may matter, as they do where optics multiplex.
    """

    @classmethod
    def fit(
        cls,
        key,
        measurements,
        labels,
        validation,
        validation_labels,
        *,
        noise: NoiseModel | None = None,
        effort: float = 1.0,
        progress: Say | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Return the network whose cross-entropy on validation images was the lowest seen in training.

        Args:
            key: of initial weights and order: an integer, a NumPy generator or a JAX key.
            measurements: (sample, row, column[, channel]), real.
            labels: whole numbers from 0, (sample,), every class among them.
            validation: measurements of other sources, by which training ends.
            validation_labels: theirs.
            noise: whose variance the transform evens out; None for no transform.
            effort: work of training; 1 is about half a minute on one core, or 16 passes where those take less.
            progress: called with a line of text and the fraction done.
            checkpoint: file that keeps the state: training goes on from it, or finds that it had ended.

        Raises:
            UsageError: an argument has no meaning, or shapes do not fit each other.
            DataError: a measurement is not finite, or a class is missing.

        """
        images, held_out = _images(measurements), _images(validation)
        labels, held_out_labels = (_labels(*each) for each in ((labels, images), (validation_labels, held_out)))
        classes = int(max(labels.max(), held_out_labels.max())) + 1
        missing = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
        if len(missing):
            raise DataError(
                f"no training image shows class {missing[0]} of {classes}: number classes without gaps, or add images"
            )
        fitted = _fit(
            key, _CrossEntropy, classes, (images, held_out), (labels, held_out_labels), noise, effort, progress, checkpoint
        )
        return cls(*fitted)

    def log_probabilities(self, measurements) -> np.ndarray:
        """Return ln p(class) of measurements (sample, row, column[, channel]), nats, (sample, class)."""
        outputs = self._outputs(measurements)
        top = outputs.max(1, keepdims=True)
        return outputs - top - np.log(np.exp(outputs - top).sum(1, keepdims=True))


class ImageRegressor(_ImageDecoder):
    """A convolutional network that tells numbers of a raw image, each with its standard deviation; see `ImageClassifier`."""

    def __init__(self, network, params, scale, location: np.ndarray, spread: np.ndarray, *, single: bool):
        super().__init__(network, params, scale)
        self._location, self._spread, self._single = location, spread, single

    @classmethod
    def fit(
        cls,
        key,
        measurements,
        targets,
        validation,
        validation_targets,
        *,
        noise: NoiseModel | None = None,
        effort: float = 1.0,
        progress: Say | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Return the network whose Gaussian log-likelihood of validation targets was the highest seen in training.

        Args:
            key: see `ImageClassifier.fit`, as for all arguments not named here.
            measurements: (sample, row, column[, channel]), real.
            targets: numbers to tell, (sample,) or (sample, value), in any unit.
            validation: measurements of other sources, by which training ends.
            validation_targets: theirs.
            noise: see `ImageClassifier.fit`.
            effort: likewise.
            progress: likewise.
            checkpoint: likewise.

        Raises:
            UsageError: an argument has no meaning, or shapes do not fit each other.
            DataError: a measurement or target is not finite, or a target is the same for all.

        """
        images, held_out = _images(measurements), _images(validation)
        single = np.ndim(targets) == 1
        targets, told = (_targets(*each) for each in ((targets, images), (validation_targets, held_out)))
        if targets.shape[1:] != told.shape[1:]:
            raise UsageError(f"targets have shape {targets.shape}, those of validation {told.shape}: as many values are expected")
        location, spread = targets.mean(0), targets.std(0)
        if not (spread > 1e-12 * np.abs(location)).all():
            raise DataError("a target is the same for all training images: there is nothing to tell")
        standard = tuple(((each - location) / spread).astype(np.float32) for each in (targets, told))
        fitted = _fit(key, _GaussianLoss, 2 * len(location), (images, held_out), standard, noise, effort, progress, checkpoint)
        return cls(*fitted, location, spread, single=single)

    def predict(self, measurements) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the targets of measurements, in their units, shaped as they were."""
        mean, log_sigma = (np.asarray(each, np.float64) for each in _mean_and_log_sigma(self._outputs(measurements)))
        mean, sigma = self._location + self._spread * mean, self._spread * np.exp(log_sigma)
        return (mean[:, 0], sigma[:, 0]) if self._single else (mean, sigma)


_forward = jax.jit(lambda network, params, values: network.outputs_of(params, values), static_argnums=0)


def _fit(key, kind, outputs, images, targets, noise, effort, progress, checkpoint) -> tuple[ImageNetwork, Any, _Scale]:
    """Return a network, its weights and its scale."""
    if not (np.isfinite(effort) and effort > 0):
        raise UsageError(f"effort must be a positive number; found {effort}")
    if images[0].shape[1:] != images[1].shape[1:]:
        raise UsageError(f"images have shape {images[0].shape[1:]}, those of validation {images[1].shape[1:]}: they must agree")
    rng = generator(key)
    scale = _Scale.of(images[0], noise)
    network = ImageNetwork(images[0].shape[1:], outputs)
    batch = min(_BATCH, power_of_two(len(images[0])))
    steps = min(_EPOCHS * len(images[0]), effort * _PRODUCTS / network.products) / batch
    name = "classifier" if kind is _CrossEntropy else "regressor"
    trained_on, held_out = ((scale(each), target) for each, target in zip(images, targets, strict=True))
    params, _ = train(
        kind(network),
        network.init(rng),
        {},
        trained_on,
        held_out,
        Schedule(whole_chunks(steps), batch, learning_rate=4e-3, weight_decay=_WEIGHT_DECAY),
        key=rng,
        name=name,
        fitting=Fitting(effort, None, checkpoint, None if progress is None else partial(_tell, progress)),
    )
    return network, params, scale


def _tell(progress: Say, at: Progress) -> None:
    progress(f"decoder: {at.model}" + (f", loss {at.loss:.3f}" if np.isfinite(at.loss) else ""), at.fraction)


def _images(measurements, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return measurements as (sample, row, column, channel)."""
    array = np.asarray(measurements)
    if array.ndim not in (3, 4) or array.dtype.kind not in "iubf" or not array.size:
        raise UsageError(
            f"measurements of shape {array.shape}, type {array.dtype}: expected real images (sample, row, column[, channel])"
        )
    array = array.astype(np.float64)
    array = array[..., None] if array.ndim == 3 else array
    if shape is not None and array.shape[1:] != tuple(shape):
        raise UsageError(f"images have shape {array.shape[1:]}, this decoder was fitted to {tuple(shape)}")
    if not np.isfinite(array).all():
        raise DataError(f"image {np.argwhere(~np.isfinite(array))[0][0]} has values that are not finite numbers")
    return array


def _labels(labels, images: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iub" or labels.min() < 0:
        raise UsageError(
            f"labels of shape {labels.shape}, type {labels.dtype}: expected whole numbers from 0, one for each of {len(images)}"
        )
    return labels.astype(np.int32)


def _targets(targets, images: np.ndarray) -> np.ndarray:
    targets = np.asarray(targets, np.float64)
    if targets.ndim not in (1, 2) or len(targets) != len(images):
        raise UsageError(f"targets have shape {targets.shape}, expected ({len(images)},) or ({len(images)}, value)")
    if not np.isfinite(targets).all():
        raise DataError(f"target {np.argwhere(~np.isfinite(targets))[0][0]} is not a finite number")
    return targets.reshape(len(targets), -1)

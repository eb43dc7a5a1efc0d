"""A small network that names the class of a measurement, and the calibration of any model's posterior over classes."""

import time
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from optax.contrib import MuonDimensionNumbers
from scipy.optimize import minimize
from scipy.special import log_softmax

from ideal._random import generator
from ideal.density import Fitting, Sensor
from ideal.density.gaussian.moments import batches
from ideal.density.networks.training import Schedule, power_of_two, train, whole_chunks
from ideal.density.networks.transform import RootTransform

_PRODUCTS = 4e10  # multiplications forward in training at effort 1
_EPOCHS, _BATCH = 40, 128  # passes of the first lot of training
_GAIN = 2e-3  # nats of the validation loss: with less training ends
_SMALLEST = 4  # pixels: images are halved until a side has no more
_FEATURES, _MOST_FEATURES, _HIDDEN = 16, 64, 96
_BLOCK_VALUES = 2**20  # of features in one forward pass
_WEIGHT_DECAY = 0.1
_GUARD = 0.5  # pseudo-counts of a measurement whose class is a surprise


@dataclass(frozen=True)
class ClassifierNetwork:
    """Logits of the classes: convolutions of 3x3 and halvings of an image, or nothing of a vector, then one hidden layer.

    Attributes:
        shape: of a measurement, (row, column, channel) or (value,).
        classes: number of them.

    """

    shape: tuple[int, ...]
    classes: int

    @property
    def _levels(self) -> list[tuple[int, int, int, int]]:
        """Rows, columns, channels and features of each convolution."""
        if len(self.shape) == 1:
            return []
        rows, columns, channels = self.shape
        found: list[tuple[int, int, int, int]] = []
        features = _FEATURES
        while not found or min(rows, columns) > _SMALLEST:
            found.append((rows, columns, channels, features))
            rows, columns, channels, features = -(-rows // 2), -(-columns // 2), features, min(2 * features, _MOST_FEATURES)
        return found

    @property
    def _flat(self) -> int:
        """Values that reach the hidden layer."""
        if not self._levels:
            return self.shape[0]
        rows, columns, _, features = self._levels[-1]
        return -(-rows // 2) * -(-columns // 2) * features

    @property
    def products(self) -> int:
        """Multiplications for one measurement."""
        inside = sum(9 * rows * columns * channels * features for rows, columns, channels, features in self._levels)
        return inside + (self._flat + self.classes) * _HIDDEN

    def init(self, rng: np.random.Generator) -> dict:
        """Return random weights; the logits are zero at first."""
        sizes = [(9 * channels, features) for _, _, channels, features in self._levels] + [(self._flat, _HIDDEN)]
        params = {"output": np.zeros((_HIDDEN, self.classes)), "output_bias": np.zeros(self.classes)}
        for number, (inputs, outputs) in enumerate(sizes):
            params[f"layer_{number}"] = np.sqrt(2 / inputs) * rng.standard_normal((inputs, outputs))
            params[f"bias_{number}"] = np.zeros(outputs)
        return {name: weights.astype(np.float32) for name, weights in params.items()}

    def logits(self, params, values) -> jax.Array:
        """Return the logits (sample, class) of standardised measurements (sample, ...)."""
        number = 0
        for number, (rows, columns, _, _) in enumerate(self._levels, 1):
            padded = jnp.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
            around = [padded[:, dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)]
            values = jnp.concatenate(around, -1) @ params[f"layer_{number - 1}"] + params[f"bias_{number - 1}"]
            values = jax.nn.silu(_halved(values))
        hidden = values.reshape(len(values), -1) @ params[f"layer_{number}"] + params[f"bias_{number}"]
        return jax.nn.silu(hidden) @ params["output"] + params["output_bias"]

    def matrices(self, params):
        """Return for each weight the axes of its inputs and outputs if it is a matrix, and None if it is not."""
        return {name: MuonDimensionNumbers(0, 1) if name.startswith("layer") else None for name in params}


def _halved(values):
    """Return the largest of each 2x2 pixels; an odd last row or column stands alone."""
    count, rows, columns, features = values.shape
    padded = jnp.pad(values, ((0, 0), (0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
    return padded.reshape(count, -(-rows // 2), 2, -(-columns // 2), 2, features).max((2, 4))


@dataclass(frozen=True)
class _Loss:
    """Average cross-entropy of the labels, nats; compiled once for equal networks."""

    network: ClassifierNetwork

    def matrices(self, params):
        return self.network.matrices(params)

    def at_once(self, shape):
        return shape[0]

    def __call__(self, params, constants, batch):
        values, labels = batch
        logs = jax.nn.log_softmax(self.network.logits(params, values))
        return -jnp.take_along_axis(logs, labels[:, None], 1).mean()


class Classifier:
    """A fitted network with the scale on which it sees measurements.

    Args:
        network: see `ClassifierNetwork`.
        params: its weights.
        transform: after which noise has about the same variance everywhere.
        location, scale: of transformed values, shapes that broadcast to those of a measurement.

    """

    def __init__(self, network: ClassifierNetwork, params, transform: RootTransform, location, scale):
        self.network, self.params = network, params
        self.transform, self.location, self.scale = transform, location, scale

    @classmethod
    def fit(cls, key, training, validation, labels, classes: int, sensor: Sensor, fitting: Fitting) -> "Classifier":
        """Fit by gradient descent on the cross-entropy; the weights with the lowest validation loss are kept.

        Args:
            key: of initial weights and order of samples.
            training, validation: measurements (sample, ...), real or complex.
            labels: of both, whole numbers from 0.
            classes: number of them.
            sensor: whose noise variance gives the transform.
            fitting: effort, time limit, checkpoint, progress.

        """
        rng = generator(key)
        transform = RootTransform(*sensor.noise_variance)
        arrays = [
            np.concatenate([transform(_real(batch)).astype(np.float32) for batch in batches(part)])
            for part in (training, validation)
        ]
        location = arrays[0].mean(0, dtype=np.float64)
        # Values of a vector may differ in kind; the pixels of a channel do not, and some may be dark and still.
        variance = arrays[0].var(0, dtype=np.float64)
        variance = variance.mean((0, 1)) if variance.ndim == 3 else np.maximum(variance, 1e-3 * variance.mean())
        scale = np.sqrt(np.maximum(variance, 1e-12 * max(variance.max(), 1e-300)))
        network = ClassifierNetwork(arrays[0].shape[1:], classes)
        arrays = [((array - location) / scale).astype(np.float32) for array in arrays]
        trained_on, held_out = ((array, each.astype(np.int32)) for array, each in zip(arrays, labels, strict=True))
        batch = min(_BATCH, power_of_two(len(arrays[0])))
        params, loss, epochs = network.init(rng), np.inf, _EPOCHS
        left, ends = fitting.effort * _PRODUCTS / network.products, time.monotonic() + (fitting.time_limit or np.inf)
        while True:  # few measurements are cheap: training begins again, twice as long, until validation gains no more
            visits = min(epochs * len(arrays[0]), left)
            begun = time.monotonic()
            params, found = train(
                _Loss(network),
                params,
                {},
                trained_on,
                held_out,
                Schedule(whole_chunks(visits / batch), batch, learning_rate=4e-3, weight_decay=_WEIGHT_DECAY),
                key=rng,
                name="classifier",
                fitting=replace(fitting, time_limit=None if fitting.time_limit is None else max(ends - begun, 0.1)),
            )
            gained, loss = loss - found, found
            left, epochs = left - visits, 2 * epochs
            if gained < _GAIN or left < len(arrays[0]) * _EPOCHS or 2 * time.monotonic() - begun > ends:
                return cls(network, params, transform, location, scale)

    def logits(self, measurements) -> np.ndarray:
        """Return the logits of measurements, (sample, class)."""
        values = ((self.transform(_real(measurements)) - self.location) / self.scale).astype(np.float32)
        size = max(1, _BLOCK_VALUES // (_FEATURES * int(np.prod(self.network.shape))))
        parts = []
        for start in range(0, len(values), size):
            block = values[start : start + size]
            missing = min(size, 1 << (len(values) - 1).bit_length()) - len(block)  # blocks of one size are compiled once
            block = np.concatenate([block, np.zeros((missing, *block.shape[1:]), np.float32)]) if missing > 0 else block
            parts.append(np.asarray(_logits(self.network, self.params, block))[: len(values) - start])
        return np.concatenate(parts).astype(np.float64)


_logits = jax.jit(lambda network, params, values: network.logits(params, values), static_argnums=0)


def _real(measurements) -> np.ndarray:
    """Return measurements as real vectors (sample, value) or images (sample, row, column, channel)."""
    array = np.asarray(measurements)
    if np.iscomplexobj(array):
        array = np.concatenate([array.real, array.imag], axis=1)
    return array[..., None] if array.ndim == 3 else array


@dataclass(frozen=True)
class Posterior:
    """Probabilities of the classes t from scores s that only rank them: (1 - e) softmax(ln p + b + beta s) + e / K.

    Whatever the scores and these numbers, E ln q(t|y) + H(T) bounds I(T;Y) from below (Barber and Agakov, NIPS 2003). The
    exponent beta takes back the confidence of models that take dependent values for independent ones, e what they do not know.
    For beta to infinity q says the decision and its error rate alone, which gives Fano's bound.

    Attributes:
        log_prior: ln p(t), (class,).
        exponent: beta.
        biases: b, (class,).
        floor: e.

    """

    log_prior: np.ndarray
    exponent: float = 1.0
    biases: np.ndarray | float = 0.0
    floor: float = 0.0

    @classmethod
    def fit(cls, scores: np.ndarray, labels: np.ndarray, log_prior: np.ndarray) -> "Posterior":
        """Fit to scores (sample, class) of measurements that the model was not fitted to, and their labels."""
        count, classes = scores.shape
        centred = scores - scores.mean(1, keepdims=True)
        unit = max(float(np.sqrt((centred**2).mean())), 1e-300)
        rows, hot = np.arange(count), np.eye(classes)[labels]

        def loss(point, floored):
            """Return the total -ln q with weak priors, and its gradient in (beta, b, logit e)."""
            floor = 1 / (1 + np.exp(-point[-1])) if floored else 0.0
            logs = log_softmax(log_prior + point[1:-1] + point[0] / unit * centred, axis=1)
            hit = np.exp(logs[rows, labels])
            found = (1 - floor) * hit + floor / classes
            share = (1 - floor) * hit / found if floored else np.ones(count)
            value = -(np.log(found) if floored else logs[rows, labels]).sum() + 0.5 * (point[1:-1] ** 2).sum()
            slope = -share[:, None] * (hot - np.exp(logs))
            gradient = np.array([(slope * centred).sum() / unit, *(slope.sum(0) + point[1:-1]), 0.0])
            if floored:
                gradient[-1] = floor * (1 - floor) * ((hit - 1 / classes) / found).sum() - _GUARD * (1 - floor)
                value -= _GUARD * np.log(floor)
            return value / count, gradient / count

        start = np.array([1.0, *np.zeros(classes), 0.0])
        bounds = [(0.0, 1e4), *[(-20.0, 20.0)] * classes, (-15.0, 3.0)]
        for floored in (False, True):  # without the floor the problem is convex
            start = minimize(loss, start, (floored,), jac=True, method="L-BFGS-B", bounds=bounds).x
            start[-1] = start[-1] if floored else -np.log(max(count, 3) / 2)
        return cls(log_prior, start[0] / unit, start[1:-1], float(1 / (1 + np.exp(-start[-1]))))

    def log_prob(self, scores: np.ndarray) -> np.ndarray:
        """Return ln q(t|y), (sample, class)."""
        logs = log_softmax(self.log_prior + self.biases + self.exponent * scores, axis=1)
        if not self.floor:
            return logs
        return np.logaddexp(logs + np.log1p(-self.floor), np.log(self.floor / scores.shape[1]))

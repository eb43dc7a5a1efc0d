"""A small network that demosaics under any mosaic: it learns what the linear decoder of least mean square error leaves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from optax.contrib import MuonDimensionNumbers

from ideal._random import generator
from ideal.decoders._contract import Example
from ideal.decoders.mosaics.demosaic import MosaicFilter
from ideal.density import Fitting
from ideal.density._fitting import DEFAULT_FITTING
from ideal.density.networks.training import Schedule, train, whole_chunks
from ideal.errors import DataError, UsageError

_WIDTH, _LAYERS = 40, 3
_BATCH = 4  # images in a step: many small steps learn more in the same time than few large ones
_STEPS, _PEAK, _AVERAGING = 4096, 0.7, 100.0
_BLOCK = 128  # images decoded at once


class ResidualNetwork(nnx.Module):
    """Convolutions of 3x3 on blocks of 2x2 pixels, each followed by scales and shifts of its own for each place in the mosaic.

    Args:
        inputs: channels of an image.
        outputs: channels of the result.
        places: rows and columns of blocks after which the mosaic repeats.
        width: features.
        layers: hidden layers.
        rngs: of the initial weights; the last layer starts at zero, and so does the result.

    """

    def __init__(self, inputs: int, outputs: int, places: tuple[int, int], *, width: int, layers: int, rngs: nnx.Rngs):
        sizes = [4 * inputs, *[width] * layers]
        self.hidden = nnx.List([nnx.Linear(9 * a, width, rngs=rngs) for a in sizes[:-1]])
        self.scales = nnx.List([nnx.Param(jnp.ones((*places, width))) for _ in range(layers)])
        self.shifts = nnx.List([nnx.Param(jnp.zeros((*places, width))) for _ in range(layers)])
        self.last = nnx.Linear(9 * width, 4 * outputs, kernel_init=nnx.initializers.zeros_init(), rngs=rngs)

    def __call__(self, images):
        """Return (sample, row, column, outputs) of images (sample, row, column, inputs) of even sides."""
        count, rows, columns, _ = images.shape
        values = images.reshape(count, rows // 2, 2, columns // 2, 2, -1).swapaxes(2, 3)
        values = values.reshape(count, rows // 2, columns // 2, -1)
        for number, (layer, scale, shift) in enumerate(zip(self.hidden, self.scales, self.shifts, strict=True)):
            found = layer(_around(values))
            found = jax.nn.silu(found * _everywhere(scale, found) + _everywhere(shift, found))
            values = values + found if number else found
        found = self.last(_around(values)).reshape(count, rows // 2, columns // 2, 2, 2, -1).swapaxes(2, 3)
        return found.reshape(count, rows, columns, -1)


def _around(values):
    """Return the 3x3 neighbourhood of each block, (sample, row, column, 9 feature), for products of matrices are fast."""
    rows, columns = values.shape[1:3]
    padded = jnp.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return jnp.concatenate([padded[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)], -1)


def _everywhere(tile, images):
    """Return a tile (row, column, feature) repeated over images, cut to their size."""
    rows, columns = images.shape[1:3]
    repeats = -(-rows // tile.shape[0]), -(-columns // tile.shape[1]), 1
    return jnp.tile(tile[...], repeats)[:rows, :columns]


@dataclass(frozen=True)
class _Size:
    """Of a network: what makes one equal to another, so that it is compiled once.

    Attributes:
        inputs, outputs: channels.
        places: see `ResidualNetwork`.
        width, layers: likewise.

    """

    inputs: int
    outputs: int
    places: tuple[int, int]
    width: int
    layers: int


@lru_cache
def _abstract(size: _Size):
    def make():
        return ResidualNetwork(size.inputs, size.outputs, size.places, width=size.width, layers=size.layers, rngs=nnx.Rngs(0))

    return nnx.split(nnx.eval_shape(make))


def _initial(size: _Size, rng: np.random.Generator):
    def one(path, leaf):
        names = {str(getattr(step, "key", step)) for step in path}
        if "scales" in names:
            return np.ones(leaf.shape, np.float32)
        if "kernel" not in names or "last" in names:
            return np.zeros(leaf.shape, np.float32)
        return (rng.standard_normal(leaf.shape) * np.sqrt(2 / leaf.shape[0])).astype(np.float32)

    return jax.tree.map_with_path(one, _abstract(size)[1])


@dataclass(frozen=True)
class _Loss:
    """Mean square error over that of the linear decoder in the same light; compiled once for equal networks."""

    size: _Size

    def matrices(self, params):
        def one(path, leaf):
            names = {str(getattr(step, "key", step)) for step in path}
            return MuonDimensionNumbers(0, 1) if "kernel" in names else None

        return jax.tree.map_with_path(one, params)

    def at_once(self, shape):
        return shape[0]

    def __call__(self, params, constants, batch):
        inputs, residual = batch
        return jnp.square(residual - _result(self.size, params, inputs)).mean()


def _result(size: _Size, params, inputs):
    return nnx.merge(_abstract(size)[0], params)(inputs)


_results = jax.jit(_result, static_argnums=0)


@dataclass(frozen=True)
class MosaicNetwork:
    """A decoder of one mosaic in several lights: a linear estimate, and what a network adds to it.

    Attributes:
        filters: the linear decoder in each light, by its photoelectrons.
        planes: which filter each pixel has, (row, column, filter).
        deviation: of what the linear decoder leaves, by the light, (channel,).
        size: of the network.
        params: its weights.
        validation_loss: mean square error over that of the linear decoder, of the validation examples.

    """

    filters: Mapping[float, MosaicFilter]
    planes: np.ndarray
    deviation: Mapping[float, np.ndarray]
    size: _Size
    params: object
    validation_loss: float

    @classmethod
    def fit(
        cls,
        key,
        filters: Mapping[float, MosaicFilter],
        planes: np.ndarray,
        train_on: Mapping[float, Example],
        validate_on: Mapping[float, Example],
        *,
        steps: int = _STEPS,
        width: int = _WIDTH,
        layers: int = _LAYERS,
        fitting: Fitting | None = None,
    ) -> "MosaicNetwork":
        """Train by the square error, each light counted by what the linear decoder leaves in it.

        The weights with the least error of the validation examples are kept, and training ends when it no longer falls.

        Args:
            key: of the first weights and the order of the examples.
            filters: linear decoders of the mosaic by the photoelectrons of an unfiltered pixel.
            planes: share of each filter at each pixel of one period, (row, column, filter).
            train_on: examples by the same light, of even sides.
            validate_on: others, of other sources.
            steps: minibatches at most.
            width: features of a block of 2x2 pixels.
            layers: hidden ones.
            fitting: checkpoint, and whom to report to.

        Raises:
            UsageError: the sensor has an odd number of rows or columns, or the lights differ.

        """
        shape = next(iter(filters.values())).expected.shape
        if shape[0] % 2 or shape[1] % 2:
            raise UsageError(f"the network takes sensors of even sides; found {shape[0]} x {shape[1]}: set another shape")
        if not filters.keys() == train_on.keys() == validate_on.keys():
            raise UsageError("linear decoders, training and validation examples are of different light: give the same to each")
        rng = generator(key)
        period = np.shape(planes)[:2]
        whole = np.tile(planes, [-(-long // short) for long, short in zip(shape, period, strict=True)] + [1])
        outputs = len(next(iter(filters.values())).mean)
        rows, columns = (math.lcm(each, 2) // 2 for each in period)
        size = _Size(outputs + np.shape(planes)[2] + 1, outputs, (rows, columns), width, layers)
        blank = cls(filters, whole[: shape[0], : shape[1]].astype(np.float32), {}, size, _initial(size, rng), 1.0)
        linear = {light: filters[light].decode(each.measurements) for light, each in train_on.items()}
        spread = {light: np.sqrt(((train_on[light].scenes - linear[light]) ** 2).mean((0, 1, 2))) for light in filters}
        overall = {light: np.full(outputs, np.sqrt((each**2).mean())) for light, each in spread.items()}
        blank = _with(blank, deviation=overall)
        data = blank._arrays(train_on, linear)
        held_out = blank._arrays(
            validate_on, {light: filters[light].decode(validate_on[light].measurements) for light in filters}
        )
        schedule = Schedule(whole_chunks(steps), _BATCH, peak=_PEAK, averaging=_AVERAGING, evaluations=10, patience=3)
        fitting = DEFAULT_FITTING if fitting is None else fitting
        named = "demosaicing network"
        params, loss = train(_Loss(size), blank.params, {}, data, held_out, schedule, key=rng, name=named, fitting=fitting)
        return _with(blank, params=params, validation_loss=float(loss))

    def decode(self, light: float, measurements: np.ndarray) -> np.ndarray:
        """Return scenes (sample, row, column, channel) of measurements (sample, row, column) in a light that it was trained in.

        Raises:
            DataError: it was trained in no such light.

        """
        if light not in self.filters:
            known = ", ".join(f"{each:g}" for each in self.filters)
            raise DataError(f"the network was trained at {known} photoelectrons; found {light:g}: train it in that light too")
        linear = self.filters[light].decode(measurements)
        inputs = self._inputs(light, measurements, linear)
        found = np.empty(linear.shape)
        for start in range(0, len(inputs), _BLOCK):
            part = inputs[start : start + _BLOCK]
            padded = np.concatenate([part, np.zeros((_BLOCK - len(part), *part.shape[1:]), np.float32)])
            found[start : start + _BLOCK] = np.asarray(_results(self.size, self.params, padded))[: len(part)]
        return linear + found * self.deviation[light]

    def _inputs(self, light: float, measurements, linear) -> np.ndarray:
        """Return the linear estimate, the measurement by its filter, and how strong the noise is, in units of the mean light."""
        decoder = self.filters[light]
        whole = decoder.mean.sum()
        apart = (np.asarray(measurements, np.float64) - decoder.expected)[..., None] * self.planes
        noise = np.full((*np.shape(measurements), 1), 10 / np.sqrt(light))
        parts = [3 * (linear - decoder.mean) / whole, 3 * apart / whole, noise]
        return np.concatenate([each.astype(np.float32) for each in parts], axis=-1)

    def _arrays(self, examples: Mapping[float, Example], linear) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and wanted outputs of examples in all lights, one light after the other for each scene."""
        inputs, wanted = [], []
        for light, each in examples.items():
            inputs.append(self._inputs(light, each.measurements, linear[light]))
            wanted.append(((each.scenes - linear[light]) / self.deviation[light]).astype(np.float32))
        known, told = (np.stack(each, axis=1).reshape(-1, *each[0].shape[1:]) for each in (inputs, wanted))
        return known, told


def _with(decoder: MosaicNetwork, **changed) -> MosaicNetwork:
    return MosaicNetwork(**(vars(decoder) | changed))

"""A residual network on the neighbourhood of each value: what a causal mixture is made of.

Arrays run feature first, (feature, sample x row x column): on a CPU everything between the
matrix products then works on long contiguous rows, which makes a training step two to three times faster than features last.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from optax.contrib import MuonDimensionNumbers


@dataclass(frozen=True)
class NeighbourhoodNetwork:
    """Numbers of a mixture for each value from the values around it that come before it.

    Attributes:
        channels: of an image.
        components: of the mixture.
        radius: of the half disc of pixels that are seen.
        width: units in a layer.
        depth: layers.
        phases: of the sensor's mosaic.
        classes: of labels; 0 for none.
        positions: (row, column) of images that are always of that size, so that the place in them matters; None otherwise.

    """

    channels: int = 1
    components: int = 5
    radius: int = 5
    width: int = 32
    depth: int = 3
    phases: int = 1
    classes: int = 0
    positions: tuple[int, int] | None = None

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Steps to the neighbours, in raster order."""
        reach = self.radius
        square = [(dy, dx) for dy in range(-reach, 1) for dx in range(-reach, reach + 1) if dy < 0 or dx < 0]
        return [(dy, dx) for dy, dx in square if dy**2 + dx**2 <= (reach + 0.5) ** 2]

    def init(self, rng: np.random.Generator) -> dict:
        """Return random weights; the outputs are zero at first."""
        taps, width, own = len(self.offsets), self.width, self.channels + 2

        def normal(shape, fan_in, gain=1.0):
            return (gain / np.sqrt(fan_in) * rng.standard_normal(shape)).astype(np.float32)

        def zeros(*shape):
            return np.zeros(shape, np.float32)

        params = {
            "neighbours": normal((width, self.channels * taps), taps * self.channels, 0.7),
            "inside": normal((width, taps), taps, 0.1),
            "own": normal((width, own), own, 0.7),
            "channel": zeros(width, self.channels),
            "layers": normal((self.depth - 1, width, width), width),
            "biases": zeros(self.depth - 1, width),
            "output": zeros(3 * self.components, width),
            "output_bias": zeros(3 * self.components),
        }
        # Tables for each layer, and one more that scales what the neighbours say.
        for name, size in (("phase", self.phases if self.phases > 1 else 0), ("class", self.classes)):
            if size:
                params[name] = zeros(self.depth + 1, width, size)
        if self.positions:
            params |= {name: zeros(self.depth, width, size) for name, size in zip(("row", "column"), self.positions, strict=True)}
        return params

    def matrices(self, params):
        """Return for each weight the axes of its inputs and outputs if it is a matrix, and None if it is not."""
        axes = {name: MuonDimensionNumbers(1, 0) for name in ("neighbours", "output")}
        axes["layers"] = MuonDimensionNumbers(2, 1)
        return {name: axes.get(name) for name in params}

    def at_once(self, shape: tuple[int, ...]) -> int:
        """Return how many of a batch of images (sample, row, column, ...) a gradient takes at a time: all."""
        return shape[0]

    def outputs(self, params, values, mean, log_deviation, phase=None, condition=None):
        """Return the numbers of the mixtures, (3 component, sample, row, column, channel).

        Args:
            params: weights.
            values, mean: standardised measurements and their prediction, (sample, row, column, channel), float32.
            log_deviation: of the prediction, ([sample, ]row, column, channel).
            phase: number of each pixel's phase in the mosaic, (row, column), or None.
            condition: of each sample, one-hot labels (sample, class), or None.

        """
        reach, (count, rows, columns, channels) = self.radius, values.shape
        first = jnp.moveaxis(values, 3, 0)
        padded = jnp.pad(first, ((0, 0), (0, 0), (reach, 0), (reach, reach)))
        # A loop, since the compiler would take a second for a hundred slices.
        neighbours = jax.lax.map(
            lambda step: jax.lax.dynamic_slice(padded, (0, 0, *step), first.shape), jnp.asarray(self.offsets) + reach
        )
        neighbours = neighbours.swapaxes(0, 1)
        place = np.indices((rows, columns)).reshape(2, -1)
        return self._sites(
            params,
            neighbours.reshape(channels, len(self.offsets), count, rows * columns),
            place,
            (rows, columns),
            first.reshape(channels, count, -1),
            jnp.moveaxis(mean, 3, 0).reshape(channels, count, -1),
            jnp.moveaxis(log_deviation, -1, 0).reshape(channels, *log_deviation.shape[:-3], -1),
            None if phase is None else phase.reshape(-1),
            condition,
        ).reshape(-1, count, rows, columns, channels)

    def _sites(self, params, neighbours, place, shape, values, mean, log_deviation, phase, condition):
        """Return the numbers of the mixtures at some pixels, (3 component, sample, pixel, channel).

        Args:
            params: weights.
            neighbours: (channel, tap, sample, pixel), zero outside the image.
            place: row and column of each pixel, (2, pixel).
            shape: (row, column) of the image.
            values, mean: (channel, sample, pixel).
            log_deviation: (channel, [sample, ]pixel).
            phase: (pixel,) or None.
            condition: (sample, class) or None.

        """
        channels, taps, count, pixels = neighbours.shape
        steps = np.array(self.offsets)
        at = steps[:, :, None] + jnp.asarray(place)[None]
        inside = ((at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 1] < shape[1])).astype(jnp.float32)  # (tap, pixel)
        weights = params["neighbours"]
        common = (weights @ neighbours.reshape(channels * taps, -1)).reshape(-1, count, pixels)
        # Neighbours count relative to the prediction from the past alone, which is that of the first channel.
        common = common - (weights.reshape(-1, channels, taps).sum(1) @ inside)[:, None] * mean[0]
        common = common + (params["inside"] @ inside)[:, None]
        extra = [None] * (self.depth + 1)
        for name, index in (("phase", phase), ("row", place[0]), ("column", place[1])):
            if name in params:
                for layer, table in enumerate(params[name]):
                    part = table[:, index][:, None]
                    extra[layer] = part if extra[layer] is None else extra[layer] + part
        if "class" in params:
            for layer, table in enumerate(params["class"]):
                part = (table @ condition.T)[:, :, None]
                extra[layer] = part if extra[layer] is None else extra[layer] + part
        if extra[-1] is not None:
            common = common * (1 + extra[-1])
        if extra[0] is not None:
            common = common + extra[0]
        found = []
        for channel in range(channels):
            own = [mean[0], mean[channel] - mean[0], jnp.broadcast_to(log_deviation[channel], mean[0].shape)]
            own += [values[k] - mean[k] if k < channel else jnp.zeros_like(mean[0]) for k in range(channels - 1)]
            part = jnp.tensordot(params["own"], jnp.stack(own), 1) + params["channel"][:, channel, None, None]
            found.append(common + part)
        hidden = jax.nn.silu(jnp.stack(found, -1))
        for layer, (weight, bias) in enumerate(zip(params["layers"], params["biases"], strict=True), 1):
            inner = (weight @ hidden.reshape(self.width, -1) + bias[:, None]).reshape(hidden.shape)
            if extra[layer] is not None:
                inner = inner + extra[layer][..., None]
            hidden = hidden + jax.nn.silu(inner)
        outputs = params["output"] @ hidden.reshape(self.width, -1) + params["output_bias"][:, None]
        return outputs.reshape(-1, *hidden.shape[1:])

    def stepper(self, params, count: int, shape: tuple[int, int], log_deviation, phase=None, condition=None) -> "_Stepper":
        """Return what gives the numbers of the mixtures value by value, as images are drawn."""
        return _Stepper(self, params, count, shape, log_deviation, phase, condition)


class _Stepper:
    """Evaluates a network at one pixel after another."""

    def __init__(self, network, params, count, shape, log_deviation, phase, condition):
        self._network, self._params, self._shape, self._condition = network, params, shape, condition
        self._log_deviation, self._phase = np.asarray(log_deviation, np.float32), phase
        reach, self._channels = network.radius, network.channels
        self._padded = np.zeros((self._channels, count, shape[0] + reach, shape[1] + 2 * reach), np.float32)
        self._mean = np.zeros((self._channels, count, 1), np.float32)
        self._offsets = np.array(network.offsets).T + reach

    def outputs(self, row: int, column: int, channel: int, mean: np.ndarray) -> np.ndarray:
        """Return the numbers of the mixture of the next value, (3 component, sample), given its prediction (sample,)."""
        rows, columns = self._offsets[0] + row, self._offsets[1] + column
        neighbours = self._padded[:, :, rows, columns].transpose(0, 2, 1)[..., None]
        self._mean[channel, :, 0] = mean
        reach = self._network.radius
        values = self._padded[:, :, reach + row, reach + column][..., None]
        found = _pixel(
            self._network,
            self._params,
            neighbours,
            np.array([[row], [column]]),
            self._shape,
            values,
            self._mean,
            self._log_deviation[row, column][:, None],
            None if self._phase is None else self._phase[row, column][None],
            self._condition,
        )
        return np.asarray(found[:, :, 0, channel])

    def observe(self, row: int, column: int, channel: int, values: np.ndarray) -> None:
        """Take the value that was drawn."""
        reach = self._network.radius
        self._padded[channel, :, reach + row, reach + column] = values


def _pixel_outputs(network, params, neighbours, place, shape, values, mean, log_deviation, phase, condition):
    return network._sites(params, neighbours, place, shape, values, mean, log_deviation, phase, condition)


_pixel = jax.jit(_pixel_outputs, static_argnums=(0, 4))

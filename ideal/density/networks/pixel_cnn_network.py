"""The network of a gated PixelCNN: numbers for every value of an image, given the values before it in raster order.

After van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016: one stack for the rows above a pixel and
one for its own row, so that there is no blind spot. Kernels hold only the taps that causality allows, as one matrix product of
shifted copies side by side; masked kernels would spend a third of the arithmetic on zeros.
"""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ideal.errors import UsageError

DILATIONS = (1, 2, 1, 4, 1, 2, 1)  # their sums leave no gap: 12 steps, and 1 of the first layer


def _shift(x, rows, columns):
    """Move images (batch, row, column, feature) down and right, zeros entering."""
    return jnp.pad(x, ((0, 0), (rows, 0), (columns, 0), (0, 0)))[:, : x.shape[1], : x.shape[2]]


def _row_taps(above, here, dilation):
    """Set two rows' columns to the left, in the middle and to the right side by side, (..., column, 6 feature)."""
    columns = here.shape[-2]
    edges = [(0, 0)] * (here.ndim - 2) + [(dilation, dilation), (0, 0)]
    padded = [jnp.pad(x, edges) for x in (above, here)]
    return jnp.concatenate([x[..., start : start + columns, :] for x in padded for start in (0, dilation, 2 * dilation)], -1)


def _gate(x):
    signal, gate = jnp.split(x, 2, -1)
    return jnp.tanh(signal) * jax.nn.sigmoid(gate)


class _Layer(nnx.Module):
    """A gated layer of both stacks; arrays may have any leading axes."""

    def __init__(self, width, dilation, phases, conditions, dtype, rngs):
        linear = partial(nnx.Linear, dtype=dtype, rngs=rngs)
        # Zeros: all phases and labels start alike, and one that says nothing costs nothing.
        label = partial(linear, use_bias=False, kernel_init=nnx.initializers.zeros_init())
        self.dilation = dilation
        self.rows = linear(6 * width, 2 * width)
        self.past = linear(3 * width, 2 * width)
        self.residual = linear(width, width)
        self.phase = label(phases, 4 * width) if phases > 1 else None
        self.condition = label(conditions, 4 * width) if conditions else None

    def labels(self, phase, condition):
        """Return what phase (..., phase) and condition (..., condition), one-hot, add to the two stacks before the gates."""
        total = 0.0 if self.phase is None else self.phase(phase)
        total = total if self.condition is None else total + self.condition(condition)
        return (total, total) if self.phase is None and self.condition is None else jnp.split(total, 2, -1)

    def vertical(self, above, here, label):
        return here + _gate(self.rows(_row_taps(above, here, self.dilation)) + label)

    def horizontal(self, before, here, vertical, label):
        return here + self.residual(_gate(self.past(jnp.concatenate([before, here, vertical], -1)) + label))


class PixelCNN(nnx.Module):
    """A gated PixelCNN on images of any size, with channels modelled jointly.

    Args:
        channels: of the images.
        outputs: numbers for each value.
        width: features of each stack.
        layers: gated layers.
        dilations: of each layer's taps; the default repeats 1, 2, 1, 4, 1, 2, 1. Dilations of which the sums leave gaps leave
            gaps in what a pixel sees.
        phases: positions in the period of a sensor's mosaic, 1 where there is none.
        conditions: numbers that describe each image, such as a one-hot label.
        dtype: of the computation; parameters and outputs are float32.
        rngs: of the initial parameters. The last layer starts at zero, and so do all outputs.

    """

    def __init__(
        self, channels, outputs, *, width=64, layers=7, dilations=None, phases=1, conditions=0, dtype=jnp.float32, rngs: nnx.Rngs
    ):
        dilations = tuple(DILATIONS[i % len(DILATIONS)] for i in range(layers)) if dilations is None else tuple(dilations)
        if len(dilations) != layers:
            raise UsageError(f"a network of {layers} layers needs as many dilations; found {len(dilations)}: {dilations}")
        self.channels, self.outputs, self.width, self.dilations = channels, outputs, width, dilations
        self.phases, self.conditions, self.dtype = phases, conditions, dtype
        linear = partial(nnx.Linear, dtype=dtype, rngs=rngs)
        seen = 2 * channels + 1
        self.first_rows = linear(6 * seen, width)
        self.first_past = linear(2 * seen, width)
        self.layers = nnx.List([_Layer(width, dilation, phases, conditions, dtype, rngs) for dilation in dilations])
        self.trunk = linear(width, 2 * width)
        self.pixel = linear(2 + 2 * (channels - 1) + channels, 2 * width, use_bias=False)
        # float32 throughout: a mixture's weights and places are not to be rounded.
        self.last = nnx.Linear(width, outputs, use_bias=False, kernel_init=nnx.initializers.zeros_init(), rngs=rngs)
        self.last_bias = nnx.Param(jnp.zeros((channels, outputs)))

    def __call__(self, values, mean, log_deviation, phase=None, condition=None):
        """Return the numbers of each value, (batch, row, column, channel, output), float32.

        Args:
            values: standardised, (batch, row, column, channel).
            mean: a prediction of each value from all values before it, in raster order with channels last; like `values`.
            log_deviation: natural logarithm of its standard deviation, ([sample, ]row, column, channel).
            phase: of each pixel in the mosaic, integers below `phases`, (row, column).
            condition: of each image, (batch, condition).

        Numbers at (row, column, channel) depend on values before that one and on means up to its own.
        """
        self._check(phase, condition)
        innovation = (values - mean) * jnp.exp(-log_deviation)
        inputs = self.inputs(values, innovation)
        phase = None if phase is None else jax.nn.one_hot(phase, self.phases)
        condition = None if condition is None else condition[:, None, None]
        vertical = self.first_rows(_row_taps(_shift(inputs, 1, 0), inputs, 1))
        horizontal = self.first_past(jnp.concatenate([_shift(inputs, 0, 2), _shift(inputs, 0, 1)], -1))
        for layer in self.layers:
            step = layer.dilation
            labels = layer.labels(phase, condition)
            vertical = layer.vertical(_shift(vertical, step, 0), vertical, labels[0])
            horizontal = layer.horizontal(_shift(horizontal, 0, step), horizontal, _shift(vertical, 1, 0), labels[1])
        channel = jnp.arange(self.channels)
        log_deviation = jnp.broadcast_to(log_deviation, mean.shape)
        return self.head(horizontal[..., None, :], mean, log_deviation, values[..., None, :], innovation[..., None, :], channel)

    def inputs(self, values, innovation):
        """Return what the stacks see of each pixel: its values, its innovations, and a one that is missing beyond the border."""
        return jnp.concatenate([values, innovation, jnp.ones_like(values[..., :1])], -1).astype(self.dtype)

    def head(self, features, mean, log_deviation, values, innovation, channel):
        """Return the numbers (..., output) of a channel from the trunk's features and the pixel's channels before it.

        Args:
            features: (..., width).
            mean: of this channel's value, (...).
            log_deviation: of it, (...).
            values: of all channels, (..., channel), of which those from `channel` on are not used.
            innovation: like `values`.
            channel: index, (...).

        """
        before = jnp.arange(self.channels - 1) < channel[..., None]
        seen = [jnp.where(before, x[..., : self.channels - 1], 0) for x in (values, innovation)]
        which = jnp.broadcast_to(jax.nn.one_hot(channel, self.channels), (*mean.shape, self.channels))
        pixel = jnp.concatenate([mean[..., None], log_deviation[..., None], *seen, which], -1)
        hidden = _gate(self.trunk(features) + self.pixel(pixel))
        return self.last(hidden.astype(jnp.float32)) + self.last_bias[channel]

    def _check(self, phase, condition):
        if (phase is None) != (self.phases == 1):
            raise UsageError(f"this network has {self.phases} phases; found {'no' if phase is None else 'an'} array of phases")
        if (condition is None) != (self.conditions == 0):
            found = "none" if condition is None else f"an array of shape {condition.shape}"
            raise UsageError(f"this network has {self.conditions} conditions for each image; found {found}")


def _advance_row(network, inputs, above, phase, condition):
    """Return the vertical stack's features of a finished row: each layer's input and the last layer's output."""
    features = [network.first_rows(_row_taps(*inputs.astype(network.dtype), 1))]
    for layer, row in zip(network.layers, above, strict=True):
        features.append(layer.vertical(row, features[-1], layer.labels(phase, condition)[0]))
    return features


def _advance_pixel(network, inputs, before, vertical, column, phase, condition):
    """Return the horizontal stack's features of a pixel: each layer's input, and what the head needs."""
    at = partial(jax.lax.dynamic_index_in_dim, index=column, keepdims=False)
    here = network.first_past(jnp.concatenate(list(inputs.astype(network.dtype)), -1))
    features = []
    phase = None if phase is None else at(phase, axis=0)
    for layer, past, above in zip(network.layers, before, vertical, strict=True):
        features.append(here)
        here = layer.horizontal(past, here, at(above, axis=1), layer.labels(phase, condition)[1])
    return features, here


@lru_cache(maxsize=8)
def _compiled(graph, tree):
    """Return the three steps for networks of one structure, jitted once; hashing the structure at every pixel takes longer."""

    def compiled(step):
        return jax.jit(lambda leaves, *arguments: step(nnx.merge(graph, jax.tree.unflatten(tree, leaves)), *arguments))

    return tuple(map(compiled, (_advance_row, _advance_pixel, PixelCNN.head)))


class Stepper:
    """The network's outputs value by value in raster order, for sampling: each layer's activations are kept.

    Args:
        network: a `PixelCNN`.
        batch: images at a time.
        log_deviation: (row, column, channel); it gives the size of the images.
        phase: (row, column), or None.
        condition: (batch, condition), or None.

    For each value call `outputs` with its mean, then `record` with what was drawn.
    """

    def __init__(self, network, batch, log_deviation, phase=None, condition=None):
        network._check(phase, condition)
        graph, state = nnx.split(network)
        self._parameters, tree = jax.tree.flatten(state)
        self._advance_row, self._advance_pixel, self._head = _compiled(graph, tree)
        self._log_deviation = np.asarray(log_deviation, dtype=np.float32)
        rows, columns, channels = self._log_deviation.shape
        self._phase = None if phase is None else np.asarray(jax.nn.one_hot(np.asarray(phase), network.phases))
        self._condition = None if condition is None else jnp.asarray(condition, jnp.float32)
        self._row_condition = None if condition is None else self._condition[:, None]
        self._dilations = network.dilations
        # Two rows and two columns of zeros before the image stand for its border.
        self._inputs = np.zeros((rows + 2, columns + 2, batch, 2 * channels + 1), dtype=np.float32)
        self._edge_row = jnp.zeros((batch, columns, network.width), network.dtype)
        self._edge = jnp.zeros((batch, network.width), network.dtype)
        self._vertical = [[self._edge_row] * (len(self._dilations) + 1)]  # of the row above, and of those before it
        self._position, self._next = (0, 0, 0), np.ndindex(rows, columns, channels)
        self._values, self._innovation = (np.zeros((batch, channels), dtype=np.float32) for _ in range(2))
        next(self._next)

    def outputs(self, mean) -> jax.Array:
        """Return the outputs (batch, output) of the next value, whose mean given those before it has shape (batch,)."""
        if self._position is None:
            raise UsageError("every value of these images has been recorded")
        row, column, channel = self._position
        if column == channel == 0:
            self._start_row(row)
        if channel == 0:
            self._start_pixel(row, column)
        self._mean = np.asarray(mean, dtype=np.float32)
        log_deviation = np.broadcast_to(self._log_deviation[row, column, channel], self._mean.shape)
        pixel = self._mean, log_deviation, self._values, self._innovation
        return self._head(self._parameters, self._features, *pixel, np.int32(channel))

    def record(self, value) -> None:
        """Keep the value drawn, (batch,), and go to the next in raster order."""
        row, column, channel = self._position
        self._values, self._innovation = self._values.copy(), self._innovation.copy()  # JAX may still read the old ones
        self._values[:, channel] = value
        self._innovation[:, channel] = (self._values[:, channel] - self._mean) * np.exp(
            -self._log_deviation[row, column, channel]
        )
        if channel == self._values.shape[1] - 1:
            ones = np.ones_like(self._mean)[:, None]
            self._inputs[row + 2, column + 2] = np.concatenate([self._values, self._innovation, ones], -1)
        self._position = next(self._next, None)

    def _start_row(self, row):
        """Carry the vertical stack over the row just finished."""
        if row:
            inputs = self._inputs[row : row + 2, 2:].swapaxes(1, 2).copy()  # the two rows above this one
            above = [self._layer_of_row(layer, step) for layer, step in enumerate(self._dilations)]
            phase = None if self._phase is None else self._phase[row - 1]
            found = self._advance_row(self._parameters, inputs, above, phase, self._row_condition)
            self._vertical = [found, *self._vertical[: max(self._dilations, default=1)]]
        self._row_phase = None if self._phase is None else self._phase[row]
        self._horizontal = []

    def _layer_of_row(self, layer, step):
        return self._vertical[step - 1][layer] if step <= len(self._vertical) else self._edge_row

    def _start_pixel(self, row, column):
        """Carry the horizontal stack to a pixel, of which no value has been drawn yet."""
        inputs = self._inputs[row + 2, column : column + 2].copy()
        past = self._horizontal
        before = [past[-step][layer] if step <= len(past) else self._edge for layer, step in enumerate(self._dilations)]
        arguments = inputs, before, self._vertical[0][1:], np.int32(column), self._row_phase, self._condition
        found, self._features = self._advance_pixel(self._parameters, *arguments)
        self._horizontal.append(found)

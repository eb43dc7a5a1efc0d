"""The network of the image decoders: residual stages of halved images, then one hidden layer that sees the last stage whole.

Convolutions are matrix products of shifted copies side by side: inside a compiled loop on a processor they are several times as
fast as the convolutions of XLA.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from optax.contrib import MuonDimensionNumbers

_SMALLEST = 6  # pixels: images are halved until a side has no more
_FEATURES, _MOST_FEATURES, _HIDDEN = 12, 48, 64
_CACHED_VALUES = 2**20  # of features in one forward pass of a gradient


def _around(x):
    """Set the nine neighbours of each pixel side by side, (batch, row, column, 9 feature), zeros beyond the border."""
    rows, columns = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return jnp.concatenate([padded[:, dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)], -1)


def _gathered(x):
    """Set the pixels of each 2x2 side by side, (batch, row / 2, column / 2, 4 feature); an odd last row or column is repeated."""
    count, rows, columns, features = x.shape
    x = jnp.pad(x, ((0, 0), (0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
    x = x.reshape(count, -(-rows // 2), 2, -(-columns // 2), 2, features)
    return x.swapaxes(2, 3).reshape(count, -(-rows // 2), -(-columns // 2), 4 * features)


class _Stage(nnx.Module):
    """Halves an image, then adds to it what its neighbourhoods show."""

    def __init__(self, before: int, features: int, rngs: nnx.Rngs):
        self.halve = nnx.Linear(4 * before, features, rngs=rngs)
        self.norm = nnx.LayerNorm(features, rngs=rngs)
        self.neighbours = nnx.Linear(9 * features, features, rngs=rngs)
        self.residual = nnx.Linear(features, features, rngs=rngs)

    def __call__(self, x):
        x = self.halve(_gathered(x))
        return x + self.residual(jax.nn.gelu(self.neighbours(_around(self.norm(x)))))


class _Network(nnx.Module):
    """Numbers (batch, output) of standardised images (batch, row, column, channel); zeros at first."""

    def __init__(self, settings: "ImageNetwork", rngs: nnx.Rngs):
        levels = settings.levels
        self.first = nnx.Linear(9 * settings.shape[2], _FEATURES, rngs=rngs)
        before = [_FEATURES, *(features for _, _, features in levels)]
        self.stages = nnx.List([_Stage(few, many, rngs) for few, many in pairwise(before)])
        self.norm = nnx.LayerNorm(before[-1], rngs=rngs)
        self.hidden = nnx.Linear(settings.flat, _HIDDEN, rngs=rngs)
        self.last = nnx.Linear(_HIDDEN, settings.outputs, rngs=rngs)

    def __call__(self, x):
        x = jax.nn.gelu(self.first(_around(x)))
        for stage in self.stages:
            x = stage(x)
        return self.last(jax.nn.gelu(self.hidden(self.norm(x).reshape(len(x), -1))))


@dataclass(frozen=True)
class ImageNetwork:
    """Size of a network, and what training asks of it.

    Attributes:
        shape: of a measurement, (row, column, channel).
        outputs: numbers for each image.

    """

    shape: tuple[int, int, int]
    outputs: int

    @property
    def levels(self) -> list[tuple[int, int, int]]:
        """Rows, columns and features after each stage; there is one at least."""
        rows, columns, _ = self.shape
        found: list[tuple[int, int, int]] = []
        features = _FEATURES
        while not found or min(rows, columns) > _SMALLEST:
            rows, columns, features = -(-rows // 2), -(-columns // 2), min(2 * features, _MOST_FEATURES)
            found.append((rows, columns, features))
        return found

    @property
    def flat(self) -> int:
        """Values that reach the hidden layer."""
        return int(np.prod(self.levels[-1]))

    @property
    def products(self) -> int:
        """Multiplications for one image."""
        rows, columns, channels = self.shape
        total, before = 9 * rows * columns * channels * _FEATURES + (self.flat + self.outputs) * _HIDDEN, _FEATURES
        for rows, columns, features in self.levels:
            total += rows * columns * features * (4 * before + 10 * features)
            before = features
        return total

    @property
    def working(self) -> int:
        """Values of the largest array that one image needs."""
        return 9 * self.shape[0] * self.shape[1] * _FEATURES

    def init(self, rng: np.random.Generator) -> nnx.State:
        """Return random weights; the outputs are zero at first."""

        def initial(path, leaf):
            names = _names(path)
            if "scale" in names:
                return np.ones(leaf.shape, leaf.dtype)
            if "kernel" not in names or "last" in names:
                return np.zeros(leaf.shape, leaf.dtype)
            return (rng.standard_normal(leaf.shape) / np.sqrt(leaf.shape[0])).astype(leaf.dtype)

        return jax.tree.map_with_path(initial, _abstract(self)[1])

    def matrices(self, params):
        """Return for each weight the axes of its inputs and outputs if it is a matrix, and None if it is not."""

        def one(path, leaf):
            names = _names(path)
            return MuonDimensionNumbers(0, 1) if "kernel" in names and "last" not in names else None

        return jax.tree.map_with_path(one, params)

    def at_once(self, shape: tuple[int, ...]) -> int:
        """Return how many of a batch of images a gradient takes at a time: as many as a processor's caches hold."""
        if jax.default_backend() != "cpu":
            return shape[0]
        most = max(1, _CACHED_VALUES // self.working)
        return max(size for size in range(1, shape[0] + 1) if shape[0] % size == 0 and size <= most)

    def outputs_of(self, params, values) -> jax.Array:
        """Return the outputs (sample, output) of standardised measurements (sample, row, column, channel)."""
        return nnx.merge(_abstract(self)[0], params)(values)


def _names(path) -> set[str]:
    return {str(getattr(step, "key", step)) for step in path}


@lru_cache
def _abstract(settings: ImageNetwork):
    """Return the structure of a network and its weights' shapes."""
    return nnx.split(nnx.eval_shape(lambda: _Network(settings, nnx.Rngs(0))))

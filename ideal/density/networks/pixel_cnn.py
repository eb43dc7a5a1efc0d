"""The PixelCNN: a deep gated network that sees all of a measurement before each value, about a Gaussian model's prediction."""

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from optax.contrib import MuonDimensionNumbers

from ideal.density.networks.network_density import NetworkDensity
from ideal.density.networks.pixel_cnn_network import PixelCNN as Network
from ideal.density.networks.pixel_cnn_network import Stepper
from ideal.density.networks.training import Schedule

_VISITS = 3e6  # values seen in training at effort 1
# Least effort, width, layers and weight decay: a larger network is better when there is time to train it.
_SIZES = ((0, 32, 5, 0.0), (3, 32, 5, 0.05), (8, 48, 7, 0.1))
_COMPONENTS = 5
_CACHED_PIXELS = 2048  # more spill from a processor's caches: a step of 64 images of 32x32 at once took 1.5 times as long


@dataclass(frozen=True)
class GatedNetwork:
    """The size of a PixelCNN's network, and what a density asks of it; see `NeighbourhoodNetwork` for the shapes.

    Attributes:
        channels: of an image.
        components: of the mixture.
        width: features of each stack.
        layers: gated layers.
        phases: of the sensor's mosaic.
        classes: of labels; 0 for none.
        dtype: of the computation, "float32" or "bfloat16".

    """

    channels: int = 1
    components: int = 5
    width: int = 64
    layers: int = 7
    phases: int = 1
    classes: int = 0
    dtype: str = "float32"

    def init(self, rng: np.random.Generator) -> nnx.State:
        """Return random weights; the outputs are zero at first."""

        def initial(path, leaf):
            names = {str(getattr(step, "key", step)) for step in path}
            if "kernel" not in names or {"last", "phase", "condition"} & names:
                return np.zeros(leaf.shape, leaf.dtype)
            return (rng.standard_normal(leaf.shape) / np.sqrt(leaf.shape[0])).astype(leaf.dtype)

        return jax.tree.map_with_path(initial, _abstract(self)[1])

    def matrices(self, params):
        """Return for each weight the axes of its inputs and outputs if it is a matrix, and None if it is not."""
        axes = MuonDimensionNumbers(0, 1)

        def one(path, leaf):
            names = {str(getattr(step, "key", step)) for step in path}
            return axes if "kernel" in names and not {"phase", "condition", "pixel"} & names else None

        return jax.tree.map_with_path(one, params)

    def at_once(self, shape: tuple[int, ...]) -> int:
        """Return how many of a batch of images (sample, row, column, ...) a gradient takes at a time."""
        if jax.default_backend() != "cpu":
            return shape[0]
        most = max(1, _CACHED_PIXELS // (shape[1] * shape[2]))
        return max(size for size in range(1, shape[0] + 1) if shape[0] % size == 0 and size <= most)

    def outputs(self, params, values, mean, log_deviation, phase=None, condition=None):
        """Return the numbers of the mixtures, (3 component, sample, row, column, channel)."""
        network = nnx.merge(_abstract(self)[0], params)
        return jnp.moveaxis(network(values, mean, log_deviation, phase, condition), -1, 0)

    def stepper(self, params, count: int, shape, log_deviation, phase=None, condition=None) -> "_Stepper":
        """Return what gives the numbers of the mixtures value by value, as images are drawn."""
        return _Stepper(Stepper(nnx.merge(_abstract(self)[0], params), count, log_deviation, phase, condition))


@lru_cache
def _abstract(settings: GatedNetwork):
    """Return the structure of a network and its weights' shapes."""
    return nnx.split(
        nnx.eval_shape(
            lambda: Network(
                settings.channels,
                3 * settings.components,
                width=settings.width,
                layers=settings.layers,
                phases=settings.phases,
                conditions=settings.classes,
                dtype=jnp.dtype(settings.dtype),
                rngs=nnx.Rngs(0),
            )
        )
    )


class _Stepper:
    """The network's stepper, by the name of each value."""

    def __init__(self, stepper: Stepper):
        self._stepper = stepper

    def outputs(self, row: int, column: int, channel: int, mean: np.ndarray) -> np.ndarray:
        """Return the numbers of the mixture of the next value, (3 component, sample), given its prediction (sample,)."""
        return np.asarray(self._stepper.outputs(mean)).T

    def observe(self, row: int, column: int, channel: int, values: np.ndarray) -> None:
        """Take the value that was drawn."""
        self._stepper.record(values)


class PixelCNN(NetworkDensity):
    """A gated PixelCNN (van den Oord et al., 2016) with a mixture of Gaussians for each value.

    It starts at the likelihood of a Gaussian model, whose prediction of each value its mixtures move and reshape. It sees as far
    as the measurement reaches, about 14 pixels, where a causal mixture sees a few: it wins where structure is long, and given
    time.
    """

    name = "pixel-cnn"
    summary = "the same mixtures from a gated PixelCNN, which sees as far as the patch reaches"
    network_type = GatedNetwork

    @classmethod
    def _plan(cls, effort, samples, shape, *, phases, classes, positions):
        values = shape[0] * shape[1] * shape[2]
        _, width, layers, decay = max(size for size in _SIZES if size[0] <= effort)
        visits = effort * _VISITS * (_SIZES[0][1] / width)
        # Accelerators multiply faster in 16 bits; weights, mixtures and sums stay in 32 or 64.
        dtype = "float32" if jax.default_backend() == "cpu" else "bfloat16"
        network = GatedNetwork(shape[2], _COMPONENTS, width, layers, phases, classes, dtype)
        return network, Schedule.for_visits(visits, samples, values, weight_decay=decay)

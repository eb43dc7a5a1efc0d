"""The causal mixture: a few thousand weights that turn the neighbourhood of a value into a mixture of Gaussians for it."""

from ideal.density.networks.neighbourhood import NeighbourhoodNetwork
from ideal.density.networks.network_density import NetworkDensity
from ideal.density.networks.training import Schedule

_VISITS = 16e6  # values seen in training at effort 1, each as often as it comes
# Least effort, width, depth and weight decay: a larger network is better when there is time to train it.
_SIZES = ((0, 48, 3, 0.0), (2, 64, 4, 0.07), (6, 96, 4, 0.1), (30, 128, 4, 0.15))
_RADIUS = 6
_COMPONENTS = 5


class CausalMixture(NetworkDensity):
    """A mixture of Gaussians for each value given its causal neighbourhood, about a Gaussian model's prediction.

    In the line of the mixtures of conditional Gaussian scale mixtures (Theis, Hosseini and Bethge, PLoS ONE 2012), with a gated
    residual network in place of the quadratic gates.
    """

    name = "causal-mixture"
    summary = "Gaussians for each value about the Gaussian prediction, moved by a small network that sees the pixels before it"
    network_type = NeighbourhoodNetwork

    @classmethod
    def _plan(cls, effort, samples, shape, *, phases, classes, positions):
        values = shape[0] * shape[1] * shape[2]
        _, width, depth, decay = max(size for size in _SIZES if size[0] <= effort)
        visits = effort * _VISITS * _SIZES[0][1] / width
        network = NeighbourhoodNetwork(shape[2], _COMPONENTS, _RADIUS, width, depth, phases, classes, positions)
        return network, Schedule.for_visits(visits, samples, values, weight_decay=decay)

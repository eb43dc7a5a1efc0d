"""Sparse fluorescent beads on a dark ground."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import ndtr

from ideal._ranges import Range
from ideal.datasets._contract import ObjectSet
from ideal.datasets._generated import GeneratedSource, check_kind, picture_shape, share_light
from ideal.errors import UsageError
from ideal.imaging import Scene, setting

_MOST_PROFILES = 2.0**25  # values of all beads' profiles of a scene
_PRECISE = 1e-13  # of a bead's light: what interpolation between places may be off by
_MOST_PLACES = 100
_REACH = 5.0  # widths from its centre beyond which a bead gives no light worth counting (6e-7 of it)


@dataclass(frozen=True, eq=False)
class Beads(ObjectSet):
    """Gaussian spots at random places between the pixels, some across the edges.

    A bead's light is integrated over each pixel. Beads lie beyond the edges as well as within, so that a pixel at the edge is
    as bright on average as one in the middle: `mean_light` at every pixel.
    """

    density: float = setting(
        2.0, "per 1000 pixels", "mean number of beads; the number in a scene is Poisson distributed", Range(0, 1e4)
    )
    number: int = setting(
        0,
        "beads",
        "this very number of beads in every scene, all centred within it; 0: random, see density",
        Range(0, 100_000, whole=True),
    )
    width: float = setting(1.0, "pixels", "standard deviation of a bead's Gaussian profile", Range(0, 1000, above=True))
    light: float = setting(
        4.0,
        "pixels",
        "mean light of a bead, summed over its pixels, 1 being the full brightness of one pixel (sky: Jy)",
        Range(1e-6, 1e6),
    )
    spread: float = setting(0.3, "1", "standard deviation of the logarithm of the beads' light; 0: all alike", Range(0, 5))
    background: float = setting(0.0, "1", "light of the ground, relative to full brightness (sky: Jy per pixel)", Range(0, 1e4))

    name = "beads"
    summary = "sparse fluorescent beads at random places on a dark ground"
    origin = "generated"
    licence = "none needed: generated"
    kinds = ("radiance", "sky")

    @property
    def mean_light(self) -> float:
        """Mean light of a pixel where the number is random, channels summed."""
        return self.background + self.density / 1000 * self.light

    def open(self, scene: Scene, seed: int = 0) -> GeneratedSource:
        """Return beads that fit a scene: a line of values, a picture, or one with channels that share the light equally.

        Args:
            scene: its kind, shape and channels count.
            seed: of numbers, places and brightnesses.

        Raises:
            UsageError: the kind or shape of the scene does not fit.

        """
        check_kind(self, scene)
        shape = picture_shape(self, scene)
        sides = [size + 2 * _REACH * self.width * (not self.number and size > 1) for size in shape]
        count = self.number or self.density / 1000 * sides[0] * sides[1]
        axes = [_Axis(size, self.width) for size in shape]
        if count * sum(axis.values for axis in axes) > _MOST_PROFILES:
            raise UsageError(
                f"{self.name}: some {count:.3g} beads in a scene of {shape[0]} x {shape[1]} pixels are too many to draw: lower "
                "density, number or width"
            )
        return GeneratedSource(scene.shape, seed, lambda rng: share_light(self._draw(rng, shape, axes), scene))

    def _draw(self, rng: np.random.Generator, shape: tuple[int, int], axes: list["_Axis"]) -> np.ndarray:
        # a line of values is seen edge on: beads do not leave it sideways
        margins = [0.0 if self.number or size == 1 else _REACH * self.width for size in shape]
        sides = [size + 2 * margin for size, margin in zip(shape, margins, strict=True)]
        count = self.number or rng.poisson(self.density / 1000 * np.prod(sides))
        places = [rng.uniform(-margin, size + margin, count) for size, margin in zip(shape, margins, strict=True)]
        light = self.light * np.exp(self.spread * rng.standard_normal(count) - self.spread**2 / 2)
        rows, columns = (axis.profiles(place) for axis, place in zip(axes, places, strict=True))
        down, across = axes
        drawn = down.spread(across.spread((rows * light[:, None]).T @ columns).T).T
        return self.background + np.maximum(drawn, 0.0)  # what stands for wide profiles may miss 0 by a little


class _Axis:
    """The pixels along one side of a scene, and the shares of a bead's light that fall on each.

    Where beads are wide against the scene their profiles are smooth: they are taken at a few places (Chebyshev's), of which a
    polynomial gives those of all pixels. Thousands of wide beads, most of which lie beyond the edges, cost no more then than
    narrow ones.

    Attributes:
        values: how many values stand for a profile.

    """

    def __init__(self, size: int, width: float):
        self.size, self.width = size, width
        few = _places_for(size / width)
        self._basis, self._edges = None, np.arange(size + 1)
        if few < size:
            nodes = chebyshev.chebpts1(few)
            integrals = chebyshev.chebval(2 * self._edges / size - 1, chebyshev.chebint(np.eye(few), scl=size / 2))
            self._basis = np.diff(np.linalg.inv(chebyshev.chebvander(nodes, few - 1)).T @ integrals, axis=1)
            self._nodes = (nodes + 1) * size / 2
        self.values = size if self._basis is None else few

    def profiles(self, places: np.ndarray) -> np.ndarray:
        """Return what stands for the profiles of beads at places (bead,), (bead, value)."""
        if self.size == 1:
            return np.ones((len(places), 1))
        if self._basis is None:
            return np.diff(ndtr((self._edges - places[:, None]) / self.width), axis=1)
        return np.exp(-0.5 * ((self._nodes - places[:, None]) / self.width) ** 2) / (self.width * np.sqrt(2 * np.pi))

    def spread(self, profiles: np.ndarray) -> np.ndarray:
        """Return sums of profiles (..., value) on the pixels, (..., pixel)."""
        return profiles if self._basis is None else profiles @ self._basis


def _places_for(reach: float) -> int:
    """Return at how many places a Gaussian has to be taken over a reach in standard deviations.

    The error is below 2 (reach / 4)^m / m! times the m-th derivative, at most sqrt(m!). More than `_MOST_PLACES` are not looked
    for: pixels are as few then.
    """
    count, error = 1, 0.0  # its logarithm
    while error > np.log(_PRECISE) and count < _MOST_PLACES:
        count += 1
        error += np.log(reach / 4) - 0.5 * np.log(count)
    return count

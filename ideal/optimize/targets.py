"""What information is wanted about: linear functions of the scene, or its label."""

import math
from dataclasses import dataclass

import numpy as np

from ideal.errors import UsageError, unknown_name
from ideal.imaging import Scene
from ideal.optimize.members import COLOR_TARGETS, TARGETS


@dataclass(frozen=True)
class ChannelTarget:
    """A linear function of the channels at every pixel, T = rows @ scene.

    Args:
        name: what reports call it.
        rows: (function, channel).

    """

    name: str
    rows: tuple[tuple[float, ...], ...]

    @property
    def matrix(self) -> np.ndarray:
        """The rows as an array."""
        return np.array(self.rows, dtype=np.float64)


@dataclass(frozen=True)
class RegionTarget:
    """The pixels of a rectangle.

    Args:
        name: what reports call it.
        rows: first and the one after the last.
        columns: the same.

    """

    name: str
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class LabelTarget:
    """The class of the object."""

    name: str = "label"


@dataclass(frozen=True)
class PixelTarget:
    """The scene at one pixel, averaged over the pixels: "color" or, by the error of its best linear estimate, "mse".

    The information about the color of a pixel (all its channels together) goes by the volume of what is left unknown of it, so
    that light cannot buy out hue: each direction of color counts by the factor by which its own error shrinks. The mean square
    error adds those errors in the units of the scene, as a decoder's does, and cares most for where the scene varies most.

    Args:
        name: what reports call it.
        by_error: whether it is the bits by which the mean square error shrinks.

    """

    name: str
    by_error: bool = False


@dataclass(frozen=True)
class WeightedTarget:
    """A weighted sum of informations about several targets.

    Args:
        parts: pairs of a weight and a target; None for the whole scene.
        name: what reports call it.

    """

    parts: tuple[tuple[float, "Target | None"], ...]
    name: str


def chroma(channels: int) -> WeightedTarget:
    """Return what is told of the channels beyond their sum, I(T;Y|L) = I(O;Y) - I(L;Y) with the luminance L.

    Differences of channels alone would not do: in natural scenes they go with the luminance, so that a sensor without any filter
    tells something of them.
    """
    return WeightedTarget(((1.0, None), (-1.0, ChannelTarget("luminance", ((1.0,) * channels,)))), "chroma")


Target = ChannelTarget | RegionTarget | LabelTarget | PixelTarget | WeightedTarget


def parts_of(target: Target | None) -> tuple[tuple[float, Target | None], ...]:
    """Return a target as pairs of a weight and a target that is no sum; None for the whole scene."""
    return target.parts if isinstance(target, WeightedTarget) else ((1.0, target),)


def about_label(target: Target | None) -> bool:
    """Return whether a target has to do with labels."""
    return any(isinstance(part, LabelTarget) for _, part in parts_of(target))


def parse_target(text: str, scene: Scene) -> Target | None:
    """Return the target that a text names, None for the whole scene.

    Args:
        text: "total", "color", "mse", "chroma", "luminance", the name of a channel of the scene, "region:8-24,8-24", "label", or
            a weighted sum of such, as "chroma + 0.1 luminance".
        scene: what the system looks at.

    Raises:
        UsageError: it names nothing that such a scene has.

    """
    parts = [_weighted(part.strip(), scene) for part in text.split("+")]
    if len(parts) == 1 and parts[0][0] == 1.0:
        return parts[0][1]
    flat = []
    for weight, part in parts:
        flat += [(weight * share, each) for share, each in parts_of(part)]
    if not any(weight for weight, _ in flat):
        raise UsageError(f"a target needs a weight other than 0; found {text!r}")
    return WeightedTarget(tuple(flat), text)


def _weighted(text: str, scene: Scene) -> tuple[float, Target | None]:
    weight, _, rest = text.partition(" ")
    try:
        share = float(weight)
    except ValueError:
        share = None
    if share is None or text in scene.channels:  # as "400 nm"
        return 1.0, _single(text, scene)
    if not math.isfinite(share):
        raise UsageError(f"a target's weight is a finite number; found {text!r}")
    return share, _single(rest.strip(), scene)


def _single(text: str, scene: Scene) -> Target | None:
    if text == "total":
        return None
    if text == "label":
        return LabelTarget()
    if text.startswith("region:"):
        return _region(text, scene)
    count = len(scene.channels)
    if text == "luminance" and count > 1:
        return ChannelTarget(text, ((1.0,) * count,))
    if text == "chroma" and count > 1:
        return chroma(count)
    if text in ("color", "colour") and count > 1:
        return PixelTarget("color")
    if text == "mse":
        return PixelTarget(text, by_error=True)
    if text in scene.channels:
        return ChannelTarget(text, (tuple(float(text == channel) for channel in scene.channels),))
    known = [*(name for name in TARGETS if count > 1 or name not in COLOR_TARGETS), *scene.channels]
    raise UsageError(unknown_name("no target is called", text, [*known, "region:ROWS,COLUMNS"]))


def _region(text: str, scene: Scene) -> RegionTarget:
    try:
        rows, columns = (tuple(map(int, part.split("-"))) for part in text.removeprefix("region:").split(","))
        (top, bottom), (left, right) = rows, columns
    except ValueError:
        raise UsageError(
            f"a region is region:FIRST-LAST,FIRST-LAST in rows and columns, as region:8-24,8-24; found {text!r}"
        ) from None
    if not (0 <= top < bottom <= scene.shape[0] and len(scene.shape) > 1 and 0 <= left < right <= scene.shape[1]):
        raise UsageError(f"{text}: outside of a scene of {'x'.join(map(str, scene.shape))}, or empty")
    return RegionTarget(text, (top, bottom), (left, right))

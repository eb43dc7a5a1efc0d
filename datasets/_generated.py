"""What sets of generated objects share: one object for each number, drawn from (seed, number) alone."""

from collections.abc import Callable, Sequence

import numpy as np

from ideal._shapes import rows_and_columns
from ideal.datasets._contract import Objects, ObjectSource
from ideal.errors import DataError, UsageError
from ideal.health.finding import Finding
from ideal.imaging import Scene

Range = tuple[float, ...]  # one number, or the lowest and the highest

_NOTHING = 1e-30  # tails of Gaussians below this would only slow down whatever is done with them, as subnormal numbers


class GeneratedSource(ObjectSource):
    """Endlessly many objects, each its own group.

    Args:
        shape: of a scene.
        seed: of all objects.
        draw: returns a scene, of `shape`, for a random generator; or a scene and its label.
        labelled: whether `draw` returns a label.
        classes: names of the labels, where they are classes.
        findings: what is lost of the objects on the pixels of the scene.

    """

    def __init__(
        self,
        shape: tuple[int, ...],
        seed: int,
        draw: Callable[[np.random.Generator], np.ndarray | tuple[np.ndarray, float]],
        *,
        labelled: bool = False,
        classes: Sequence[str] = (),
        findings: Sequence[Finding] = (),
    ):
        self.findings = tuple(findings)
        self.shape, self.seed, self.draw, self.labelled, self.classes = tuple(shape), seed, draw, labelled, tuple(classes)

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last)."""
        scenes, labels = np.empty((max(stop - start, 0), *self.shape), np.float32), []
        for index in range(start, stop):
            # the 1 keeps it apart from [seed] alone, which numpy takes for [seed, 0]: designs are drawn from that
            drawn = self.draw(np.random.default_rng([self.seed, index, 1]))
            scenes[index - start] = drawn[0] if self.labelled else drawn
            if self.labelled:
                labels.append(drawn[1])
        scenes[np.abs(scenes) < _NOTHING] = 0
        return Objects(scenes, np.array(labels) if self.labelled else None, np.arange(start, stop, dtype=np.int64))


def check_kind(objects, scene: Scene) -> None:
    """Refuse a kind of scene that a set cannot give; "any" is taken for the natural one.

    Args:
        objects: an ObjectSet.
        scene: what is asked of it.

    Raises:
        UsageError: it has no objects of this kind; the message says which sets fit the scene.

    """
    if scene.kind in objects.kinds or scene.kind == "any":
        return
    from ideal.datasets import OBJECTS

    able = [name for name in OBJECTS if _fits(name, scene)]
    raise UsageError(
        f"{objects.name} gives objects of the kind {' or '.join(objects.kinds)}; this system looks at a {scene.kind}"
        f" (sets that fit: {', '.join(able) or 'none'})"
    )


def _fits(name: str, scene: Scene) -> bool:
    from ideal.datasets import find_objects

    try:
        kind = find_objects(name)
        if scene.kind in kind.kinds:
            kind().open(scene)  # the kind alone does not tell: size, channels and pixels may not suit
            return True
    except DataError:
        return True  # not on this machine, which is another matter
    except (ImportError, UsageError):  # a set whose own dependency is missing is no advice
        pass
    return False


def picture_shape(objects, scene: Scene) -> tuple[int, int]:
    """Return rows and columns of a scene; those of one line of values are (1, value).

    Raises:
        UsageError: the scene has no pixels, more axes than a picture with channels, or a sky has channels.

    """
    shape = scene.shape
    most = 2 if scene.kind == "sky" else 3
    if not 1 <= len(shape) <= most or min(shape) < 1:
        form = "(row, column)" if scene.kind == "sky" else "(value,), (row, column) or (row, column, channel)"
        raise UsageError(f"{objects.name}: a {scene.kind} scene has the shape {shape}, expected {form}")
    return (1, shape[0]) if len(shape) == 1 else rows_and_columns(shape)


def share_light(light: np.ndarray, scene: Scene) -> np.ndarray:
    """Return a picture of light, (row, column), as a scene: a line of values, or channels with an equal share each."""
    if len(scene.shape) < 3:
        return light.reshape(scene.shape)
    return np.repeat((light / scene.shape[2])[..., None], scene.shape[2], axis=2)


def angular_pixel(objects, scene: Scene, field_of_view: float) -> float:
    """Return the side of a pixel in microarcseconds: the scene's own, or that which makes its longer side the field of view.

    Raises:
        UsageError: a sky's pixels are given in another unit.

    """
    if scene.pixel is not None and scene.pixel_unit == "uas":
        return float(scene.pixel)
    if scene.pixel is not None and scene.kind == "sky":
        raise UsageError(f"{objects.name}: the pixels of this sky are given in {scene.pixel_unit}, expected uas")
    return field_of_view / max(scene.shape[:2])


def check_extent(objects, what: str, extent: float, pixel: float, unit: str, remedy: str) -> None:
    """Refuse objects that lie within one pixel of the scene, where nothing is left of them but their light.

    Args:
        objects: an ObjectSet.
        what: they are, in the plural.
        extent: of the largest, in `unit`.
        pixel: side of a pixel.
        unit: "um" or "uas".
        remedy: what to change.

    Raises:
        UsageError: they do.

    """
    if extent < pixel:
        raise UsageError(
            f"{objects.name}: {what} of at most {extent:.3g} {unit} lie within one pixel of the scene, {pixel:.3g} {unit}: "
            + remedy
        )


def draw_range(rng: np.random.Generator, value: Range) -> float:
    """Return a number drawn evenly from a range."""
    return float(rng.uniform(value[0], value[-1]))


def draw_in_disc(rng: np.random.Generator, radius: float) -> tuple[float, float]:
    """Return two coordinates of a point drawn evenly from a disc."""
    distance, angle = radius * np.sqrt(rng.random()), 2 * np.pi * rng.random()
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))

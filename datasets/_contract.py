"""What every set of objects can do: give scenes of the size and kind that a system looks at."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ideal._ranges import check_ranges
from ideal.health.finding import Finding
from ideal.imaging import Scene, settings_of


@dataclass(frozen=True)
class Objects:
    """Some objects.

    Attributes:
        scenes: (sample, *shape of the scene), float32: relative linear light from about 0 to 1 for radiance, absorption and
            phase in radians for a transmission, Jy per pixel for a sky.
        labels: class of each as an index into the source's `classes`, or a number, (sample,); None where there are none.
        groups: number of the source of each, (sample,) int64: two objects of different groups have nothing in common (no picture,
            no cell), so that what is fitted to some groups may be scored on others.

    """

    scenes: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray


class ObjectSource(ABC):
    """Objects drawn for one kind of scene; object number i depends on the seed and on i alone, not on how it is asked for.

    Attributes:
        count: how many there are; None where there are as many as are asked for.
        classes: names of the labels; empty where labels are numbers or missing.
        findings: what is lost of the objects on the pixels of the scene.

    """

    count: int | None = None
    classes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @abstractmethod
    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last)."""


@dataclass(frozen=True, eq=False)
class ObjectSet(ABC):
    """A named set of objects; its settings are dataclass fields made by `ideal.imaging.setting`.

    Attributes:
        name: on the command line.
        summary: one line for people.
        origin: "bundled" (comes with a dependency), "generated", "downloaded" (or read from the folder named by IDEAL_DATA) or
            "IDEAL_DATA" (read from there only).
        licence: of the data, with whom to cite.
        kinds: kinds of scene that it can give, the natural one first; see `ideal.imaging.Scene`.

    """

    name: ClassVar[str]
    summary: ClassVar[str]
    origin: ClassVar[str]
    licence: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]

    def __post_init__(self):
        """Refuse settings outside their ranges; a subclass with further checks calls this first."""
        check_ranges(self)

    @abstractmethod
    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return objects that fit a scene.

        Args:
            scene: kind, shape, channels and size of a pixel.
            seed: of whatever is random: places of crops, order, what is generated.

        Raises:
            UsageError: the set has no objects of this kind (the message says which sets have), or a setting has no meaning.
            DataError: the data are not on this machine (the message says how to get them) or damaged.

        """

    @property
    def settings(self) -> dict[str, Any]:
        """Settings by name."""
        return {each.name: getattr(self, each.name) for each in settings_of(type(self))}

    @property
    def is_on_disk(self) -> bool:
        """Whether a configuration can name the objects; not where Python holds them alone."""
        return True

    @property
    def preview(self) -> Scene:
        """The scene to show people, of the natural kind: `ideal data show` draws some."""
        return Scene(self.kinds[0], (64, 64))

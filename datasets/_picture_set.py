"""What sets of pictures share: their settings, and how they open."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ideal._ranges import Range
from ideal.datasets._contract import ObjectSet, ObjectSource
from ideal.datasets._generated import check_kind
from ideal.datasets._to_scene import COLORS, FITS, Pictures, PictureScenes
from ideal.errors import UsageError, unknown_name
from ideal.imaging import Scene, setting


@dataclass(frozen=True, eq=False)
class PictureSet(ObjectSet):
    """Pictures as objects; how they become scenes is told by `_to_scene.PictureScenes`.

    Raises:
        UsageError: a setting has no meaning.

    """

    kinds: ClassVar[tuple[str, ...]] = ("radiance", "sky", "transmission")
    small_fit: ClassVar[str] = "tile"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"fit": FITS}

    fit: str = setting(
        "auto",
        "",
        "crop (a random part), tile (pictures side by side), pad (dark around), resize, or auto: crop where pictures are larger "
        "than the scene",
    )
    phase: float = setting(
        0.0, "rad", "of a transmission: largest phase, in proportion to the light; 0: the picture absorbs", Range(-100, 100)
    )

    def __post_init__(self):
        super().__post_init__()
        for name, known in self.choices.items():
            if getattr(self, name) not in known:
                raise UsageError(unknown_name(f"{self.name}: {name} is not", getattr(self, name), known))

    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return pictures that fit a scene; see `ObjectSet.open`."""
        check_kind(self, scene)
        pictures, grey = self._pictures(scene), self._without_colors
        return PictureScenes(pictures, scene, seed, fit=self.fit, small_fit=self.small_fit, grey=grey, phase=self.phase)

    @property
    def _without_colors(self) -> bool:
        return False

    @abstractmethod
    def _pictures(self, scene: Scene) -> Pictures:
        """Return the pictures to choose from for a scene."""


@dataclass(frozen=True, eq=False)
class ColorSet(PictureSet):
    """Pictures in color."""

    grey: bool = setting(False, "", "show the luminance in all channels of a color scene alike")

    @property
    def preview(self) -> Scene:
        """The scene to show people: in color, if the pictures are."""
        return Scene("radiance", (128, 128)) if self.grey else Scene("radiance", (128, 128, 3), COLORS)

    @property
    def _without_colors(self) -> bool:
        return self.grey

"""Sets of pictures: photographs, small labelled pictures, digits, faces, a multispectral scene."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import ClassVar

import numpy as np

from ideal._ranges import Range
from ideal.datasets import _archives
from ideal.datasets._data_folder import open_data_file
from ideal.datasets._picture_set import ColorSet, PictureSet
from ideal.datasets._small_pictures import Cifar10, FashionMnist, Mnist
from ideal.datasets._to_scene import COLORS, FITS, Pictures
from ideal.datasets.photographs import NAMES, code_values, linear_light, photograph
from ideal.imaging import Scene, setting

__all__ = ["Bsds500", "Cifar10", "Faces", "FashionMnist", "Kodak", "McMaster", "Mnist", "Multispectral", "Photographs"]


_REGIONS = 4  # a side of the still life, where scenes are small enough


@dataclass(frozen=True, eq=False)
class Photographs(ColorSet):
    """Photographs of scikit-image: twelve, of which five are in color; color scenes are made of these."""

    name: ClassVar[str] = "photographs"
    summary: ClassVar[str] = "12 photographs that come with scikit-image, 5 of them in color"
    origin: ClassVar[str] = "bundled"
    licence: ClassVar[str] = "free, by file (public domain, CC0, CC BY): scikit-image, skimage/data/README.txt"

    small_fit: ClassVar[str] = "crop"

    def _pictures(self, scene: Scene) -> Pictures:
        colored = scene.kind == "radiance" and len(scene.shape) == 3 and not self.grey
        loaded = _loaded_photographs(colored)
        sizes = np.array([each.shape[:2] for each in loaded])
        return Pictures(self.name, sizes, lambda numbers: [loaded[n] for n in numbers])


@lru_cache(maxsize=2)
def _loaded_photographs(colored: bool) -> list[np.ndarray]:
    if colored:
        return [code for code in map(code_values, NAMES) if code.ndim == 3]
    return [photograph(name).astype(np.float32) for name in NAMES]


@dataclass(frozen=True, eq=False)
class _DataFolderSet(ColorSet):
    """Pictures of one size in a dataset of natural_rgb.h5."""

    origin: ClassVar[str] = "IDEAL_DATA"
    dataset: ClassVar[str]

    def _pictures(self, scene: Scene) -> Pictures:
        with open_data_file("natural_rgb.h5", self.name) as file:
            path, found = file.filename, file[self.dataset]
            chosen, size = np.flatnonzero(self._chosen(file)), found.shape[1:3]
        stack = _archives.Stack(lambda: (_archives.read_dataset(path, self.dataset), None))
        return Pictures(self.name, np.tile(size, (len(chosen), 1)), lambda numbers: stack.read(chosen[numbers]))

    def _chosen(self, file) -> np.ndarray:
        return np.ones(len(file[self.dataset]), bool)


class Kodak(_DataFolderSet):
    """The Kodak lossless true color suite: 24 photographs of 512 x 768."""

    name: ClassVar[str] = "kodak"
    summary: ClassVar[str] = "24 lossless color photographs of 512 x 768 (Kodak true color suite)"
    licence: ClassVar[str] = "released by the Eastman Kodak Company for unrestricted usage"
    dataset: ClassVar[str] = "kodak/images"
    small_fit: ClassVar[str] = "crop"


class McMaster(_DataFolderSet):
    """The McMaster (IMAX) pictures: 18 of 500 x 500, of strong colors."""

    name: ClassVar[str] = "mcmaster"
    summary: ClassVar[str] = "18 lossless color photographs of 500 x 500 with strong colors (McMaster, for demosaicking)"
    licence: ClassVar[str] = "no formal licence, published for research: cite L. Zhang et al. 2011"
    dataset: ClassVar[str] = "mcmaster/images"
    small_fit: ClassVar[str] = "crop"


@dataclass(frozen=True, eq=False)
class Bsds500(_DataFolderSet):
    """Berkeley photographs: the centre 128 x 128 of every second one, averaged 2 x 2 in linear light."""

    name: ClassVar[str] = "bsds500"
    summary: ClassVar[str] = "250 color photographs of 128 x 128 (half-size centres of the Berkeley segmentation data set)"
    licence: ClassVar[str] = "non-commercial research and education: cite Arbelaez et al. 2011"
    dataset: ClassVar[str] = "bsds500_half/images"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"fit": FITS, "split": ("all", "train", "val", "test")}

    split: str = setting("all", "", "train, val, test, or all of them")

    def _chosen(self, file) -> np.ndarray:
        names = np.array([name.decode().split("/")[0] for name in file["bsds500_half/names"][:]])
        return (names == self.split) | (self.split == "all")


@dataclass(frozen=True, eq=False)
class Faces(PictureSet):
    """A hundred faces and a hundred patches of background of Labeled Faces in the Wild, 25 x 25, as scikit-image carries them."""

    name: ClassVar[str] = "faces"
    summary: ClassVar[str] = "100 faces and 100 patches that are none, grey, 25 x 25, labelled (from Labeled Faces in the Wild)"
    origin: ClassVar[str] = "bundled"
    licence: ClassVar[str] = "published for research, comes with scikit-image: cite Huang et al. 2007"

    @property
    def preview(self) -> Scene:
        """The scene to show people: one picture."""
        return Scene("radiance", (25, 25))

    def _pictures(self, scene: Scene) -> Pictures:
        light = _faces()
        labels = np.repeat([0, 1], 100)
        sizes = np.tile(light.shape[1:], (len(light), 1))
        return Pictures(self.name, sizes, lambda numbers: light[numbers], lambda: labels, ("face", "no face"))


@cache
def _faces() -> np.ndarray:
    from skimage import data

    return linear_light(255 * data.lfw_subset()).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Multispectral(PictureSet):
    """The reflectance of one scene of the CAVE database in 31 bands, 400 to 700 nm, under light that is equal in all of them."""

    name: ClassVar[str] = "multispectral"
    summary: ClassVar[str] = (
        "one still life in 31 bands, 400 to 700 nm, 256 x 256, cut into regions (CAVE: chart and stuffed toy)"
    )
    origin: ClassVar[str] = "IDEAL_DATA"
    licence: ClassVar[str] = "no formal licence, available to the research community: cite Yasuma et al. 2008"

    regions: int = setting(
        0,
        "",
        "cut the picture into so many regions a side; they count as different sources, though of one picture; 0: four, or fewer "
        "where the scene is larger than these",
        Range(0, 32, whole=True),
    )

    @property
    def preview(self) -> Scene:
        """The scene to show people: in color."""
        return Scene("radiance", (64, 64, 3), COLORS)

    def _pictures(self, scene: Scene) -> Pictures:
        with open_data_file("multispectral.h5", self.name) as file:
            path, bands = file.filename, tuple(file["wavelength_nm"][:].tolist())
        whole = _reflectance(path)
        largest = whole.shape[0] // max(scene.shape[:2]) if self.fit in ("auto", "crop") else _REGIONS
        regions = self.regions or max(1, min(_REGIONS, largest))
        side = whole.shape[0] // regions
        cut = whole[: side * regions, : side * regions]
        cut = cut.reshape(regions, side, regions, side, -1).swapaxes(1, 2).reshape(-1, side, side, len(bands))
        return Pictures(self.name, np.full((len(cut), 2), side), lambda numbers: cut[numbers], bands=bands)


@lru_cache(maxsize=1)
def _reflectance(path: str) -> np.ndarray:
    stored = _archives.read_dataset(path, "chart_and_stuffed_toy/reflectance")
    return np.ascontiguousarray(np.moveaxis(stored, 0, -1)) / np.float32(65535)

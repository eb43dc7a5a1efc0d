"""Small labelled pictures: CIFAR-10, MNIST and Fashion-MNIST, downloaded or from the data folder."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from ideal.datasets import _archives, _download
from ideal.datasets._data_folder import has_data_file, open_data_file
from ideal.datasets._picture_set import ColorSet, PictureSet
from ideal.datasets._to_scene import COLORS, FITS, Pictures
from ideal.errors import DataError, MissingDataError
from ideal.imaging import Scene, setting

_SPLITS = ("all", "train", "test")
_SOURCES = ("auto", "download", "IDEAL_DATA")
_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION_CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


@dataclass(frozen=True, eq=False)
class Cifar10(ColorSet):
    """CIFAR-10: color pictures of 32 x 32 in ten classes; of IDEAL_DATA's 20,000 the 4,000 exact ones come before copies."""

    name: ClassVar[str] = "cifar10"
    summary: ClassVar[str] = "CIFAR-10: labelled color pictures of 32 x 32, 60,000 (IDEAL_DATA: 20,000, most of them JPEG copies)"
    origin: ClassVar[str] = "downloaded"
    licence: ClassVar[str] = "no formal licence: cite Krizhevsky 2009"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"fit": FITS, "split": _SPLITS, "source": _SOURCES}

    split: str = setting("all", "", "train, test, or all of them")
    source: str = setting("auto", "", "download, IDEAL_DATA, or auto: what is here, the download before the other")

    @property
    def preview(self) -> Scene:
        """The scene to show people: one picture."""
        return Scene("radiance", (32, 32)) if self.grey else Scene("radiance", (32, 32, 3), COLORS)

    def _pictures(self, scene: Scene) -> Pictures:
        downloaded = _chosen_source(self.name, self.source, "cifar10.h5")
        stack: _archives.Stack | _ExactThenCopies
        if downloaded:
            stack, count, first = _cifar_archive(str(downloaded[0]), self.split), _archives.cifar_count(self.split), 0
        else:
            with open_data_file("cifar10.h5", self.name) as file:
                path = file.filename
            stack, count, first = _cifar_copies(path, self.split)
        return Pictures(self.name, np.full((count, 2), 32), stack.read, stack.labels, _CIFAR_CLASSES, first=first)


@lru_cache(maxsize=2)
def _cifar_archive(path: str, split: str) -> _archives.Stack:
    return _archives.Stack(lambda: _archives.read_cifar(path, split))


class _ExactThenCopies:
    """Exact pictures and JPEG copies under one numbering."""

    def __init__(self, exact: np.ndarray, copies: list[_archives.JpegCopies], labels: np.ndarray):
        self._exact, self._copies, self._labels = exact, copies, labels

    def read(self, numbers: np.ndarray) -> np.ndarray:
        out, start = np.empty((len(numbers), 32, 32, 3), np.uint8), 0
        parts: tuple[np.ndarray | _archives.JpegCopies, ...] = (self._exact, *self._copies)
        for part in parts:
            here = (numbers >= start) & (numbers < start + len(part))
            local = numbers[here] - start
            out[here] = part[local] if isinstance(part, np.ndarray) else part.read(local)
            start += len(part)
        return out

    def labels(self) -> np.ndarray:
        return self._labels


@lru_cache(maxsize=2)
def _cifar_copies(path: str, split: str) -> tuple[_ExactThenCopies, int, int]:
    import h5py

    with h5py.File(path, "r") as file:
        exact = file["exact/images"][:] if split != "test" else np.empty((0, 32, 32, 3), np.uint8)
        parts = ["jpeg_train"] * (split != "test") + ["jpeg_test"] * (split != "train")
        copies = [_archives.JpegCopies(file[f"{part}/bytes"][:], file[f"{part}/offsets"][:], 32) for part in parts]
        labels = np.concatenate([file[f"{part}/labels"][:] for part in ["exact"] * (split != "test") + parts])
    return _ExactThenCopies(exact, copies, labels), len(labels), len(exact)


def _chosen_source(name: str, source: str, file: str) -> list[Path] | None:
    """Return downloaded files, or None where the data folder is to be read.

    Raises:
        MissingDataError: neither is here, or not the one that is asked for.
        DataError: what IDEAL_DATA names is no folder.

    """
    downloaded = _download.cached(name) if source != "IDEAL_DATA" else None
    if downloaded or source == "IDEAL_DATA":
        return downloaded
    if source == "auto" and has_data_file(file):
        return None
    where = "" if source == "download" else f", nor does a data folder named by IDEAL_DATA hold {file}"
    raise MissingDataError(f"{name} has not been downloaded{where}: ideal data fetch {name}")


@dataclass(frozen=True, eq=False)
class _IdxSet(PictureSet):
    """Grey pictures of 28 x 28 in the files of MNIST."""

    origin: ClassVar[str] = "downloaded"
    small_fit: ClassVar[str] = "pad"
    file: ClassVar[str]
    labels: ClassVar[tuple[str, ...]]
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"fit": FITS, "split": _SPLITS, "source": _SOURCES}

    split: str = setting("all", "", "train, test, or all of them")
    source: str = setting("auto", "", "download, IDEAL_DATA, or auto: what is here, the download before the other")

    @property
    def preview(self) -> Scene:
        """The scene to show people: one picture."""
        return Scene("radiance", (28, 28))

    def _pictures(self, scene: Scene) -> Pictures:
        downloaded = _chosen_source(self.name, self.source, self.file)
        if downloaded:
            paths = tuple(map(str, {"train": downloaded[:2], "test": downloaded[2:], "all": downloaded}[self.split]))
            stack, count = _idx_files(paths), sum(map(_archives.idx_count, paths[1::2]))
        else:
            with open_data_file(self.file, self.name) as file:
                path, parts = file.filename, self._parts(file)
                count = sum(len(file[f"{part}labels"]) for part in parts)
            stack = _h5_parts(path, parts)
        return Pictures(self.name, np.full((count, 2), 28), stack.read, stack.labels, self.labels)

    def _parts(self, file) -> tuple[str, ...]:
        return tuple(f"{part}/" for part in ("train", "test") if self.split in ("all", part))


@lru_cache(maxsize=4)
def _idx_files(paths: tuple[str, ...]) -> _archives.Stack:
    def load():
        arrays = [_archives.read_idx(path) for path in paths]
        return np.concatenate(arrays[::2]), np.concatenate(arrays[1::2])

    return _archives.Stack(load)


@lru_cache(maxsize=4)
def _h5_parts(path: str, parts: tuple[str, ...]) -> _archives.Stack:
    def load():
        return tuple(
            np.concatenate([_archives.read_dataset(path, part + what) for part in parts]) for what in ("images", "labels")
        )

    return _archives.Stack(load)


class Mnist(_IdxSet):
    """MNIST: handwritten digits, 28 x 28."""

    name: ClassVar[str] = "mnist"
    summary: ClassVar[str] = "MNIST: 70,000 handwritten digits of 28 x 28, labelled (IDEAL_DATA: 30,000)"
    licence: ClassVar[str] = "CC BY-SA 3.0: LeCun, Cortes, Burges"
    file: ClassVar[str] = "mnist.h5"
    labels: ClassVar[tuple[str, ...]] = tuple(map(str, range(10)))


class FashionMnist(_IdxSet):
    """Fashion-MNIST: articles of clothing, 28 x 28."""

    name: ClassVar[str] = "fashion-mnist"
    summary: ClassVar[str] = "Fashion-MNIST: 70,000 grey pictures of clothes of 28 x 28, labelled (IDEAL_DATA: 900)"
    licence: ClassVar[str] = "MIT (Zalando SE): cite Xiao et al. 2017"
    file: ClassVar[str] = "fashion_mnist_900.h5"
    labels: ClassVar[tuple[str, ...]] = _FASHION_CLASSES

    def _parts(self, file) -> tuple[str, ...]:
        if self.split != "all":
            raise DataError(
                f"{self.name}: {self.file} does not say which of its pictures are of the {self.split} split: "
                f"`objects.split=all`, or ideal data fetch {self.name}"
            )
        return ("",)

"""Files of microscopes' own programs, ND2, CZI and LIF, by the readers of bioio: axes by name, each scene a field."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ideal._memory import check_memory
from ideal.errors import DataError, IdealError, missing_extra
from ideal.formats import axis_names
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.axes import sources_of_microscope
from ideal.formats.hdf5 import empty_promise, is_empty_promise
from ideal.text import plain_text


class SceneArray:
    """Scenes of one shape as an array (scene, ...), planes read when they are asked for; a single scene has no axis.

    Args:
        where: what messages call it.
        reader: of bioio, open.
        scenes: numbers of the scenes.
        stored: shape of a scene as the reader gives it.
        kept: which of its axes stay; the others have length 1.
        dtype: of the values.

    """

    def __init__(self, where: str, reader: Any, scenes: list[int], stored: tuple[int, ...], kept: list[int], dtype: np.dtype):
        self._where, self._reader, self._scenes, self._kept, self.dtype = where, reader, scenes, kept, dtype
        self._rank = len(stored)
        inner = tuple(stored[axis] for axis in kept)
        self.shape = (len(scenes), *inner) if len(scenes) > 1 else inner

    def __getitem__(self, index) -> np.ndarray:
        """Return the part of one index: slices without a step of the first axes, or of all."""
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        if len(self._scenes) == 1:
            return self._part(self._scenes[0], index)
        parts = [self._part(scene, index[1:]) for scene in self._scenes[index[0]]]
        return np.stack(parts) if parts else np.empty((0, *self._part(self._scenes[0], index[1:]).shape), self.dtype)

    def _part(self, scene: int, index: tuple[slice, ...]) -> np.ndarray:
        place: list[Any] = [0] * self._rank
        for axis, part in zip(self._kept, index, strict=True):
            place[axis] = part
        with _reading(f"{self._where}: scene {scene} cannot be read"):
            self._reader.set_scene(scene)
            values = self._reader.xarray_dask_data.data[tuple(place)]
            return np.asarray(values.compute(scheduler="synchronous"), dtype=self.dtype)


def open_scenes(file: Path, name: str | None, reader: Any) -> Source:
    """Open what a reader of bioio gives: one scene, or all where they are of one shape, each a field.

    Args:
        file: its path.
        name: number or name of the scene; None for the only one, or for all.
        reader: of bioio, open.

    Raises:
        DataError: there is no such scene, or scenes differ in shape or type and none is named.

    """
    with _reading(f"{file}: cannot be read"):
        names, abouts = list(map(str, reader.scenes)), []
        for number in range(len(names)):
            reader.set_scene(number)
            abouts.append((str(reader.dims.order), tuple(map(int, reader.shape)), np.dtype(reader.dtype)))
        chunks = [max(sizes) for sizes in reader.xarray_dask_data.data.chunks]
    listed = ", ".join(f"{file}::{number} {plain_text(each)} {abouts[number][1]}" for number, each in list(enumerate(names))[:4])
    listed += f" and {len(names) - 4} more" if len(names) > 4 else ""
    chosen = list(range(len(names)))
    if name is not None:
        chosen = [number for number in chosen if name in (names[number], str(number))]
        if len(chosen) != 1:
            raise DataError(f"{file}: {'several scenes' if chosen else 'no scene'} {name!r}, it holds {listed or 'none'}")
    if not chosen or len({abouts[number] for number in chosen}) > 1:
        raise DataError(f"{file}: its scenes differ in shape or type, {listed or 'none'}: name one of these")
    order, shape, dtype = abouts[chosen[0]]
    where = str(file) if name is None else f"{file}::{name}"
    if is_empty_promise(shape, dtype.itemsize, file.stat().st_size):
        raise DataError(empty_promise(where, shape, dtype.itemsize, file.stat().st_size))
    check_memory(where, 2 * math.prod(chunks) * dtype.itemsize, "one of its planes", "export it in smaller parts")
    kept = [axis for axis, size in enumerate(shape) if size > 1 or order[axis] in "YX"]
    letters = axis_names.letters_of([*(["scene"] if len(chosen) > 1 else []), *(order[axis] for axis in kept)])
    if not letters:
        raise DataError(f"{where}: axes {plain_text(order)} of shape {shape}, expected rows and columns once each")
    array = SceneArray(where, reader, chosen, shape, kept, dtype)
    whole = (len(chosen), *shape) if len(chosen) > 1 else shape
    close = getattr(reader, "close", None)
    arrays: dict[str, Any] = {"measurements": array}
    findings = sources_of_microscope(letters, array.shape)
    return Source(where, arrays, {}, findings, close=close or (lambda: None), axes=letters, whole_shape=whole)


@contextmanager
def _reading(failure: str) -> Iterator[None]:
    """Turn whatever a reader raises into an error that names the file, and keep its warnings from the terminal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (IdealError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{failure} ({_reason(error)}): copy the file again") from error


def _reason(error: Exception) -> str:
    return plain_text(" ".join(str(error).split()))[:200] or type(error).__name__


class _ByBioio(Format):
    """A format that a reader of bioio opens."""

    plugin: ClassVar[str]
    has_names = True

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        package = f"bioio-{cls.plugin}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader = import_module(package.replace("-", "_")).Reader
        except ImportError as error:
            raise missing_extra(package, "microscopy", f"reading {path}") from error
        with _reading(f"{path}: cannot be read by {package}"):
            opened = reader(str(path))
        return open_scenes(path, name, opened)


class Nd2(_ByBioio):
    """Nikon's ND2; `FILE.nd2::SCENE` names a scene."""

    plugin = "nd2"
    starts = (b"\xda\xce\xbe\x0a",)
    suffixes = (".nd2",)


class Czi(_ByBioio):
    """Zeiss's CZI; `FILE.czi::SCENE` names a scene."""

    plugin = "czi"
    starts = (b"ZISRAWFILE",)
    suffixes = (".czi",)


class Lif(_ByBioio):
    """Leica's LIF; `FILE.lif::SCENE` names a scene."""

    plugin = "lif"
    suffixes = (".lif",)

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether it begins as a block of LIF: the number 112, a length, and a star."""
        return re.match(rb"\x70\0\0\0....\x2a", start, re.DOTALL) is not None

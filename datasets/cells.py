"""Real cells: quantitative phase of single cells, and stained blood cells in bright field."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from ideal._ranges import Range
from ideal._shapes import rows_and_columns
from ideal.datasets._contract import Objects, ObjectSet, ObjectSource
from ideal.datasets._data_folder import has_data_file, open_data_file
from ideal.datasets._generated import check_kind
from ideal.datasets.phase_cells import sample_places
from ideal.datasets.photographs import linear_light
from ideal.errors import UsageError
from ideal.imaging import Scene, setting

_HL60 = "quantitative_phase_hl60.h5"
_HL60_WAVELENGTH = 0.647  # um, at which it was measured
_BLOOD = "blood_cells.h5"
_SOURCES = ("floating", "hl60", "all")
_FLOATING_PIXEL = 0.107  # um, from scikit-image's description of the picture
_FLOATING_CENTRE = (374, 428)  # row and column of the cell in it
_PLATEAU = 99.0  # per cent of the cell are below its peak
_RIMS = {"floating": (7.6, 9.6), "hl60": (8.0, 9.6)}  # um: where the noise of the background fades, and has gone
_REACH = 9.6  # um
_FADE = 0.1  # of a side of a crop
_CLEAR = 95.0  # per cent of a crop's pixels are darker than its background


@dataclass(frozen=True)
class _View:
    """Absorption and phase about a cell's centre, (2, row, column), with the pixel in um and the number of the cell."""

    values: np.ndarray
    pixel: float
    cell: int


@dataclass(frozen=True, eq=False)
class Cells(ObjectSet):
    """Measured quantitative phase of two cells, turned, mirrored and moved at random.

    `floating` is the cell that scikit-image bundles (Mueller et al. 2018): 8-bit values, linear in phase, whose scale is not
    recorded; the background and the dark halo about the cell are set to 0, the cell's peak to `peak`. Its absorption is not known
    and 0. `hl60` (Schuermann et al. 2017) are 140 views of one living HL60 cell, phase in radians and amplitude, measured at
    647 nm and scaled to the system's wavelength; read from IDEAL_DATA. All views of a cell have one group: there are two at
    most, too few to fit and score a model on different cells. What surrounds a cell fades to a flat background between 7.6 and
    9.6 um from its centre.
    """

    name: ClassVar[str] = "cells"
    summary: ClassVar[str] = "measured phase of two cells (scikit-image; IDEAL_DATA), turned and moved; one cell is one group"
    origin: ClassVar[str] = "bundled"
    licence: ClassVar[str] = "CC0; cite Mueller et al. 2018 (floating), Schuermann et al. 2017 (hl60)"
    kinds: ClassVar[tuple[str, ...]] = ("transmission",)

    source: str = setting("all", "", "floating, hl60 (needs IDEAL_DATA), or all that there are")
    peak: float = setting(3.0, "rad", "largest phase of the floating cell, which its picture does not record", Range(-100, 100))

    def __post_init__(self):
        super().__post_init__()
        if self.source not in _SOURCES:
            raise UsageError(f"{self.name}: setting source is {self.source!r}, expected one of {', '.join(_SOURCES)}")

    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return endlessly many views; see `ObjectSet.open`.

        Raises:
            UsageError: the scene is no transmission, or smaller than a cell.
            DataError: source is hl60, and IDEAL_DATA names no folder that holds it.

        """
        check_kind(self, scene)
        axes = sample_places(self, scene, 2 * _REACH, "use phase-cells with a smaller radius")
        views: list[tuple[_View, ...]] = []
        if self.source in ("floating", "all"):
            views.append((_floating_cell(float(self.peak)),))
        if self.source == "hl60" or (self.source == "all" and has_data_file(_HL60)):
            with open_data_file(_HL60, self.name) as file:
                views.append(_hl60_views(file.filename, scene.wavelength or _HL60_WAVELENGTH))
        return _Views(views, axes, seed)


class _Views(ObjectSource):
    """Views of cells; the cells come in turn by chance, alike often."""

    def __init__(self, cells, axes, seed):
        self.cells, self.axes, self.seed = cells, axes, seed

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last)."""
        rows, columns = self.axes
        scenes = np.empty((max(stop - start, 0), len(rows), len(columns), 2), np.float32)
        groups = np.empty(len(scenes), np.int64)
        for place, index in enumerate(range(start, stop)):
            rng = np.random.default_rng([self.seed, index, 1])
            views = self.cells[rng.integers(len(self.cells))]
            view = views[rng.integers(len(views))]
            scenes[place], groups[place] = _placed(rng, view, rows, columns), view.cell
        return Objects(scenes, None, groups)


def _placed(rng: np.random.Generator, view: _View, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return a view turned, mirrored and moved, on the samples of a scene, (row, column, 2)."""
    from scipy.ndimage import map_coordinates

    y, x = (axis - rng.uniform(-1, 1) * max(np.abs(axis).max() - _REACH, 0) for axis in (rows, columns))
    angle, mirror = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    down = (y[:, None] * np.cos(angle) - x * np.sin(angle)) / view.pixel
    across = mirror * (y[:, None] * np.sin(angle) + x * np.cos(angle)) / view.pixel
    centre = (np.array(view.values.shape[1:]) - 1) / 2
    places = np.stack([down + centre[0], across + centre[1]])
    return np.stack([map_coordinates(channel, places, order=1) for channel in view.values], axis=-1)


def _faded(values: np.ndarray, pixel: float, rim: tuple[float, float]) -> np.ndarray:
    """Return values about the centre that fall to 0 between two radii in um."""
    rows, columns = (pixel * (np.arange(side) - (side - 1) / 2) for side in values.shape[-2:])
    share = np.clip((np.hypot(rows[:, None], columns) - rim[0]) / (rim[1] - rim[0]), 0, 1)
    return (values * 0.5 * (1 + np.cos(np.pi * share))).astype(np.float32)


@lru_cache(maxsize=2)
def _floating_cell(peak: float) -> _View:
    from skimage import data

    picture = data.cell().astype(np.float64)
    background = np.median(picture)
    row, column = _FLOATING_CENTRE
    half = int(_REACH / _FLOATING_PIXEL) + 2
    around = picture[row - half : row + half + 1, column - half : column + half + 1] - background
    inside = around > 0.5 * around.max()
    phase = peak * np.maximum(around, 0) / np.percentile(around[inside], _PLATEAU)
    values = np.stack([np.zeros_like(phase), phase])
    return _View(_faded(values, _FLOATING_PIXEL, _RIMS["floating"]), _FLOATING_PIXEL, 0)


@lru_cache(maxsize=1)
def _hl60_views(path: str, wavelength: float) -> tuple[_View, ...]:
    import h5py

    with h5py.File(path, "r") as file:
        phase, amplitude = file["phase"][:], file["amplitude"][:]
        pixel = 1e6 * float(file["phase"].attrs["pixel_size"])
    values = _faded(np.stack([-np.log(amplitude), phase * (_HL60_WAVELENGTH / wavelength)], axis=1), pixel, _RIMS["hl60"])
    return tuple(_View(each, pixel, 1) for each in values)


@dataclass(frozen=True, eq=False)
class BloodCells(ObjectSet):
    """Stained blood cells in bright field, by class: the BCCD pictures' green channel about annotated cells.

    Linear light (sRGB undone), relative to the background of each crop. As a transmission: absorption -ln(light) / 2, so that
    light is the transmitted intensity, and no phase. A crop of 64 x 64 pixels (about 10 um) fills the scene; a transmission fades
    to clear glass at its edges, for a microscope's object is periodic. Crops of one field may overlap: the group is the field.
    """

    name: ClassVar[str] = "blood-cells"
    summary: ClassVar[str] = "stained red cells, white cells and platelets in bright field (BCCD), labelled"
    origin: ClassVar[str] = "IDEAL_DATA"
    licence: ClassVar[str] = "MIT (Shenggan, BCCD dataset)"
    kinds: ClassVar[tuple[str, ...]] = ("transmission", "radiance")

    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return the crops in a seeded order; see `ObjectSet.open`.

        Raises:
            UsageError: the scene is of another kind.
            DataError: IDEAL_DATA names no folder that holds them.

        """
        check_kind(self, scene)
        with open_data_file(_BLOOD, self.name) as file:
            crops, labels, fields = (file[f"bccd/{name}"][:] for name in ("green", "labels", "field"))
        order = np.random.default_rng(seed).permutation(len(crops))
        return _Crops(scene, crops[order], labels[order].astype(np.int64), fields[order].astype(np.int64))


class _Crops(ObjectSource):
    """Crops about blood cells, resampled to a scene."""

    classes = ("red cell", "white cell", "platelet")

    def __init__(self, scene: Scene, crops: np.ndarray, labels: np.ndarray, fields: np.ndarray):
        self.scene, self.crops, self.labels, self.fields = scene, crops, labels, fields
        self.count = len(crops)

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last)."""
        chosen = slice(start, stop)
        light = linear_light(self.crops[chosen])
        light = light / np.percentile(light, _CLEAR, axis=(1, 2), keepdims=True)
        light = _resized(np.clip(light, 1e-3, 1.0), rows_and_columns(self.scene.shape))
        if self.scene.kind == "transmission":
            absorption = -0.5 * np.log(light) * _window(light.shape[1:])
            scenes = np.stack([absorption, np.zeros_like(absorption)], axis=-1)
        elif len(self.scene.shape) == 3:
            scenes = np.repeat(light[..., None], self.scene.shape[2], axis=-1)
        else:
            scenes = light
        return Objects(scenes.astype(np.float32), self.labels[chosen], self.fields[chosen])


def _resized(pictures: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the middle of pictures (sample, row, column), of the scene's proportions, on its samples."""
    from skimage.transform import resize

    scale = min(side / wanted for side, wanted in zip(pictures.shape[1:], shape, strict=True))
    used = [max(1, round(scale * wanted)) for wanted in shape]
    first = [(side - count) // 2 for side, count in zip(pictures.shape[1:], used, strict=True)]
    middle = pictures[:, first[0] : first[0] + used[0], first[1] : first[1] + used[1]]
    return middle if tuple(used) == tuple(shape) else resize(middle, (len(middle), *shape), order=1, anti_aliasing=scale > 1)


def _window(shape: tuple[int, int]) -> np.ndarray:
    """Return a window that is 1 but falls to 0 at the edges, (row, column)."""
    rows, columns = (np.clip(np.minimum(np.arange(side), np.arange(side)[::-1]) / (_FADE * side), 0, 1) for side in shape)
    rise = [0.5 * (1 - np.cos(np.pi * each)) for each in (rows, columns)]
    return rise[0][:, None] * rise[1]

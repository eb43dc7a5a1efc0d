"""Generated phase objects: cells of three classes that differ in their nucleus and grains, not in size or thickness."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from ideal._ranges import WAVELENGTH, Range, Ranges
from ideal.datasets._contract import ObjectSet, ObjectSource
from ideal.datasets._generated import GeneratedSource, check_extent, check_kind
from ideal.errors import UsageError
from ideal.health.finding import Finding
from ideal.imaging import Scene, setting

CLASSES = ("lymphocyte", "monocyte", "granulocyte")
_FIELD = 24.0  # um, of a scene whose pixel is not known
_RIM = 1.15  # of the radius: how far an uneven outline and its soft edge may reach
_EDGE = 0.35  # um, over which edges fade: what a microscope could see
_GRAIN = 0.3  # um, standard deviation of the lumps of chromatin
_LEAST_RADIUS = 4 * _EDGE  # um, of a cell in which a nucleus can be told from the rest
_AREA = (0.25, 0.4)  # of the cell's area, the nucleus
_GRAINS = {"lymphocyte": (0, 6), "monocyte": (5, 20), "granulocyte": (60, 140)}


@dataclass(frozen=True, eq=False)
class PhaseCells(ObjectSet):
    """Cells like white blood cells in water: mostly phase, hardly any absorption.

    phase = 2 pi / wavelength x (index above the medium) x thickness. The cytoplasm is a flattened ellipsoid of uneven outline.
    The nucleus adds index: round in a lymphocyte, a kidney in a monocyte, two to five linked lobes in a granulocyte, whose
    cytoplasm is full of grains. Radius, thickness, area of the nucleus and indices are drawn alike for all classes, so that the
    total phase does not tell the class; place, orientation and texture are random too. Each cell is its own group.
    """

    name: ClassVar[str] = "phase-cells"
    summary: ClassVar[str] = "generated phase objects like white blood cells, three classes told apart by nucleus and grains"
    origin: ClassVar[str] = "generated"
    licence: ClassVar[str] = "none needed: made by this program"
    kinds: ClassVar[tuple[str, ...]] = ("transmission",)

    radius: tuple = setting(
        (5.0, 7.0), "um", "least and largest radius of a cell", Ranges(Range(0.1, 1000), (2,), growing="or equal")
    )
    contrast: float = setting(0.03, "", "refractive index of the cytoplasm above the medium's, on average", Range(-1, 1))
    absorption: float = setting(0.02, "", "largest amplitude absorption of the nucleus, -ln |field|", Range(0, 20))
    wavelength: float = setting(0.53, "um", "of the light, where the system does not say", WAVELENGTH)

    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return endlessly many cells, labelled; see `ObjectSet.open`.

        Raises:
            UsageError: the scene is no transmission, or smaller than a cell.

        """
        check_kind(self, scene)
        axes = sample_places(self, scene, 2 * _RIM * self.radius[1], "set a smaller radius")
        return GeneratedSource(
            (*scene.shape[:2], 2),
            seed,
            partial(self._cell, *axes, scene.wavelength or self.wavelength),
            labelled=True,
            classes=CLASSES,
            findings=self._findings(),
        )

    def _findings(self) -> list[Finding]:
        """Return that cells are smaller than what is inside them, whose edges and grains do not shrink with them."""
        if self.radius[0] >= _LEAST_RADIUS:
            return []
        text = f"cells of {self.radius[0]:.3g} um in radius hold edges that fade over {_EDGE:g} um and grains of {_GRAIN:g} um"
        effect = "nuclei and grains, by which the classes differ, are hardly there"
        remedy = f"set radius to {_LEAST_RADIUS:g} um or more, unless that is meant"
        return [Finding("objects-fine", "note", f"{self.name}: {text}", effect, remedy, {"radius": self.radius[0]})]

    def _cell(self, rows: np.ndarray, columns: np.ndarray, wavelength: float, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        label = int(rng.integers(len(CLASSES)))
        radius = rng.uniform(*self.radius)
        reach = _RIM * radius
        y, x = (axis - rng.uniform(-1, 1) * max(np.abs(axis).max() - reach, 0) for axis in (rows, columns))
        y, x = _turned(y[:, None], x[None, :], rng.uniform(0, 2 * np.pi))
        distance, angle = np.hypot(y, x), np.arctan2(y, x)

        outline = radius * _uneven(rng, angle, (2, 3, 4, 5), 0.04)
        inside = _soft(distance - outline)
        flatness = rng.uniform(0.35, 0.5)
        thickness = 2 * radius * flatness * np.sqrt(np.clip(1 - (distance / outline) ** 2, 0, None) + 0.02) * inside

        area = rng.uniform(*_AREA) * np.pi * radius**2
        nucleus = _NUCLEI[CLASSES[label]](rng, y, x, radius, area) * inside
        lumps = _lumps(rng, distance.shape, abs(float(rows[1] - rows[0])))
        grains = _grains(rng, CLASSES[label], y, x, radius)

        cytoplasm = self.contrast * rng.uniform(0.85, 1.15)
        excess = self.contrast * rng.uniform(0.3, 0.5)  # of the nucleus
        index = cytoplasm * (1 + 0.04 * lumps + 0.12 * grains * (1 - nucleus)) + excess * nucleus * (1 + 0.15 * lumps)
        phase = 2 * np.pi / wavelength * index * thickness
        absorption = self.absorption * rng.uniform(0.5, 1) * nucleus * thickness / thickness.max()
        return np.stack([absorption, phase], axis=-1), label


def sample_places(objects: ObjectSet, scene: Scene, least: float, remedy: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where the samples of a scene are, from its centre: rows and columns in um.

    Args:
        objects: the set, for the message.
        scene: with the pixel in um; without, its shorter side is 24 um.
        least: side of the smallest field that holds an object, um.
        remedy: what to change where the field is smaller.

    Raises:
        UsageError: the field is smaller, or its pixels are larger than an object.

    """
    name = objects.name
    pixel = scene.pixel if scene.pixel is not None and scene.pixel_unit == "um" else _FIELD / min(scene.shape[:2])
    field = pixel * min(scene.shape[:2])
    if field < least:
        raise UsageError(
            f"{name}: the scene of {scene.shape[0]} x {scene.shape[1]} samples is {field:.3g} um wide, a cell needs {least:.3g}"
            f" um: give the system a larger shape, or {remedy}"
        )
    finer = "give the system smaller pixels (camera_pixel over magnification), or set larger cells"
    check_extent(objects, "cells", least, pixel, "um", finer)
    rows, columns = (pixel * (np.arange(count) - (count - 1) / 2) for count in scene.shape[:2])
    return rows, columns


def _soft(beyond: np.ndarray) -> np.ndarray:
    """Return 1 inside and 0 outside of an edge; `beyond` is the distance outwards in um."""
    return 0.5 * (1 - np.tanh(2 * beyond / _EDGE))


def _turned(y, x, angle):
    return y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)


def _uneven(rng, angle, orders, spread):
    """Return a factor of the radius that varies with the angle."""
    factor = np.ones_like(angle)
    for order in orders:
        factor += spread / order * rng.uniform(-1, 1) * np.cos(order * (angle - rng.uniform(0, 2 * np.pi)))
    return factor


def _disc(rng, y, x, radius, unevenness=0.1):
    """Return a soft disc about the origin, not quite round."""
    return _soft(np.hypot(y, x) - radius * _uneven(rng, np.arctan2(y, x), (2, 3), unevenness))


def _round_nucleus(rng, y, x, radius, area):
    size = np.sqrt(area / np.pi)
    away = rng.uniform(0, 0.6) * (radius - size)
    return _disc(rng, y - away, x, size)


def _kidney_nucleus(rng, y, x, radius, area):
    # A disc with a bay; made larger by what the bay takes.
    size = np.sqrt(1.2 * area / np.pi)
    bay = rng.uniform(0.5, 0.65) * size
    whole = _disc(rng, y, x, size)
    return whole * (1 - _disc(rng, y - rng.uniform(0.9, 1.05) * size, x, bay))


def _lobed_nucleus(rng, y, x, radius, area):
    count = rng.integers(2, 6)
    size = np.sqrt(area / np.pi / count) * rng.uniform(0.85, 1.15, count)
    ring = (radius - size.max()) * rng.uniform(0.6, 0.75)
    step = np.minimum(2.5 * size.mean() / ring, 2 * np.pi / (count + 1))
    angles = step * (np.arange(count) + rng.uniform(-0.12, 0.12, count))
    centres = ring * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    clear = np.ones(np.broadcast_shapes(y.shape, x.shape))
    for lobe, (centre, side) in enumerate(zip(centres, size, strict=True)):
        clear *= 1 - _disc(rng, y - centre[0], x - centre[1], side)
        if lobe:
            clear *= 1 - 0.8 * _soft(_from_line(y, x, centres[lobe - 1], centre) - 0.25 * size.mean())
    return 1 - clear


def _from_line(y, x, begin, end):
    """Return the distance from the straight line between two points."""
    along = end - begin
    share = np.clip(((y - begin[0]) * along[0] + (x - begin[1]) * along[1]) / (along @ along), 0, 1)
    return np.hypot(y - begin[0] - share * along[0], x - begin[1] - share * along[1])


_NUCLEI = {"lymphocyte": _round_nucleus, "monocyte": _kidney_nucleus, "granulocyte": _lobed_nucleus}


def _lumps(rng, shape, pixel):
    """Return a Gaussian random texture of unit variance."""
    squared = np.fft.fftfreq(shape[0], pixel)[:, None] ** 2 + np.fft.rfftfreq(shape[1], pixel) ** 2
    texture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * np.exp(-2 * (np.pi * _GRAIN) ** 2 * squared), s=shape)
    return texture / texture.std()


def _grains(rng, kind, y, x, radius):
    """Return grains in the cytoplasm, each a soft point of height 1."""
    low, high = _GRAINS[kind]
    count = rng.integers(low, high + 1)
    place = radius * np.sqrt(rng.uniform(0, 0.85, count))[:, None] * _directions(rng.uniform(0, 2 * np.pi, count))
    total = np.zeros(np.broadcast_shapes(y.shape, x.shape))
    for (row, column), size in zip(place, rng.uniform(0.2, 0.4, count), strict=True):
        total += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * (0.6 * size) ** 2))
    return np.minimum(total, 2.0)


def _directions(angles):
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)

"""Simulated pictures of black holes and their jets, turned, scaled and shifted."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from scipy.ndimage import map_coordinates

from ideal._ranges import Range, Ranges
from ideal.datasets._contract import Objects, ObjectSet, ObjectSource
from ideal.datasets._data_folder import open_data_file
from ideal.datasets._generated import (
    angular_pixel,
    check_extent,
    check_kind,
    draw_in_disc,
    draw_range,
    picture_shape,
    share_light,
)
from ideal.errors import DataError, UsageError, unknown_name
from ideal.imaging import Scene, setting

_FILE = "black_holes.h5"
_ends = partial(Ranges, lengths=(1, 2), growing="or equal")  # one number, or the lowest and the highest
_SAMPLES = 3  # of a model's brightness per pixel of the scene, along each axis
# What names of models of one source differ in: the frequency, the frame of a film, or the number of a snapshot or a variant.
_VARIANT = re.compile(r"_freq_?[\d.e+]+(_\d+)?$|_?[\d.]+GHz|(?<=fromm)\d+|_230$|(?<=jet)\d(?=_)")


def source_of(name: str) -> str:
    """Return the source that a model in the file belongs to: its name without frequency, frame and variant.

    Among the twenty models are four pairs at two frequencies (GRRT of M87, Fromm's and the H-AMR simulation of Sgr A*, the MAD
    simulation) and a pair of frames of one film (riaf); jet and jet2 show the same outflow at two times, and binary_jet and
    binary_jet2 are taken together for their names' sake. That leaves 13 sources.
    """
    return _VARIANT.sub("", name)


@dataclass(frozen=True, eq=False)
class BlackHoles(ObjectSet):
    """Simulations of M87*, Sgr A*, jets and binaries, each object one of them in another position.

    Every object is one model, drawn evenly by source and then among the source's models, turned, scaled, shifted, and given a
    flux: the models' own fluxes are partly arbitrary. What reaches beyond the scene is cut off, and the flux that is given is
    that within the scene. Objects of one source form one group, and the source is the label.
    """

    sources: tuple = setting((), "", "names of the sources to draw from; none: all of them")
    rotation: tuple = setting(
        (0.0, 360.0), "degrees", "turn from north to east: one number, or lowest and highest", _ends(Range(-720, 720))
    )
    scale: tuple = setting((0.8, 1.2), "1", "factor on the size", _ends(Range(0.05, 20)))
    shift: float = setting(4.0, "uas", "largest distance of the model's centre from the middle of the scene", Range(0, 1e9))
    flux: tuple = setting((1.0, 1.0), "Jy", "total flux within the scene", _ends(Range(1e-9, 1e5)))
    field_of_view: float = setting(
        128.0, "uas", "longer side of the scene, where the scene does not give its pixels in uas", Range(1, 1e11)
    )

    name = "black-holes"
    summary = "20 simulated pictures of 13 black holes and jets, turned, scaled and shifted"
    origin = "IDEAL_DATA"
    licence = "by model: MIT (A. Broderick), BSD-3-Clause (ngehtutil), GPL-3.0 (eht-imaging); see the file's attributes"
    kinds = ("sky",)

    @property
    def preview(self) -> Scene:
        """A field as of the published rings."""
        return Scene("sky", (64, 64), pixel=2.0, pixel_unit="uas")

    def open(self, scene: Scene, seed: int = 0) -> ObjectSource:
        """Return black holes that fit a scene.

        Args:
            scene: its shape and pixel.
            seed: of the choice of models and of all that is drawn from a range.

        Raises:
            UsageError: the kind, shape or pixel of the scene does not fit, or a source is unknown.
            DataError: IDEAL_DATA names no folder with the file, or the file is damaged.

        """
        check_kind(self, scene)
        shape = picture_shape(self, scene)
        pixel = angular_pixel(self, scene, self.field_of_view)
        return _Source(self, scene, shape, pixel, seed)


@dataclass(frozen=True)
class Model:
    """A picture of the sky, to be looked at on other pixels.

    Attributes:
        light: Jy per pixel, (row, column), row 0 north, column 0 east.
        side: of its pixels, uas.
        middle: row and column of the place about which it is turned.

    """

    light: np.ndarray
    side: float
    middle: tuple[float, float]

    @classmethod
    def of(cls, picture: np.ndarray, side: float, finest: float) -> Self:
        """Return a picture about its middle, its pixels put together in squares up to the side `finest`, uas."""
        factor = max(int(finest / side), 1)
        rows, columns = picture.shape
        padded = np.pad(picture, [(0, -rows % factor), (0, -columns % factor)])
        light = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor).sum((1, 3))
        return cls(light, side * factor, tuple((size - factor) / (2 * factor) for size in picture.shape))

    def resample(
        self, shape: tuple[int, int], pixel: float, turn: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
    ) -> np.ndarray:
        """Return what of the picture falls on other pixels: its light there, interpolated linearly and averaged over each.

        Args:
            shape: rows and columns.
            pixel: side of the new pixels, uas.
            turn: of the picture, from north to east, radians.
            scale: of the picture; its light stays the same.
            shift: of the picture's middle from that of the new pixels to the north and to the east, uas.

        Returns:
            Jy per pixel, of `shape`, float64.

        """
        north, east = (
            pixel * (size / 2 - (np.arange(size * _SAMPLES) + 0.5) / _SAMPLES) - offset
            for size, offset in zip(shape, shift, strict=True)
        )
        cosine, sine = np.cos(turn) / (scale * self.side), np.sin(turn) / (scale * self.side)
        rows = self.middle[0] - (np.add.outer(cosine * north, sine * east))
        columns = self.middle[1] - (np.add.outer(-sine * north, cosine * east))
        samples = map_coordinates(self.light, [rows, columns], order=1, prefilter=False)
        blocks = samples.reshape(shape[0], _SAMPLES, shape[1], _SAMPLES)
        return blocks.mean((1, 3)) * (pixel / (scale * self.side)) ** 2


class _Source(ObjectSource):
    def __init__(self, settings: BlackHoles, scene: Scene, plane: tuple[int, int], pixel: float, seed: int):
        self.settings, self.scene, self.plane, self.pixel, self.seed = settings, scene, plane, pixel, seed
        names = _model_names(settings.name)
        everything = sorted({source_of(name) for name in names})
        for name in settings.sources:
            if name not in everything:
                raise UsageError(unknown_name(f"{settings.name} has no source", str(name), everything))
        self.classes = tuple(name for name in everything if name in (settings.sources or everything))
        self._models = [[name for name in names if source_of(name) == source] for source in self.classes]
        # the same number whatever else is drawn from
        self._groups = np.array([everything.index(source) for source in self.classes])
        self._made: dict[str, Model] = {}

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last)."""
        scenes = np.empty((max(stop - start, 0), *self.scene.shape), np.float32)
        labels = np.empty(len(scenes), np.int64)
        for place, index in enumerate(range(start, stop)):
            rng = np.random.default_rng([self.seed, index, 1])
            labels[place] = rng.integers(len(self.classes))
            models = self._models[labels[place]]
            scenes[place] = share_light(self._draw(models[int(rng.integers(len(models)))], rng), self.scene)
        return Objects(scenes, labels, self._groups[labels])

    def _draw(self, name: str, rng: np.random.Generator) -> np.ndarray:
        settings = self.settings
        turn, scale = np.deg2rad(draw_range(rng, settings.rotation)), draw_range(rng, settings.scale)
        to_north, to_east = draw_in_disc(rng, settings.shift)
        flux = draw_range(rng, settings.flux)
        if name not in self._made:
            self._made[name] = self._load(name)
        picture = self._made[name].resample(self.plane, self.pixel, turn, scale, (to_north, to_east))
        total = picture.sum()
        if not total > 0:
            raise DataError(f"{_FILE}: nothing of model {name} lies within the scene; expected light, set a smaller shift")
        return picture * (flux / total)

    def _load(self, name: str) -> Model:
        with open_data_file(_FILE, self.settings.name) as file:
            data = file[f"images/{name}"]
            picture, side = np.asarray(data[()], dtype=np.float64), float(data.attrs["pixel_uas"])
        if picture.ndim != 2 or not np.isfinite(picture).all() or picture.min() < 0 or not side > 0:
            raise DataError(f"{_FILE}: model {name} is damaged, expected a picture of finite light; fetch the file again")
        check_extent(
            self.settings,
            f"pictures such as {name}",
            side * max(picture.shape) * self.settings.scale[-1],
            self.pixel,
            "uas",
            "lower the field of view (field_of_view) or give the scene more pixels (shape)",
        )
        return Model.of(picture, side, self.pixel / (_SAMPLES * self.settings.scale[-1]))


def _model_names(wanted_by: str) -> list[str]:
    with open_data_file(_FILE, wanted_by) as file:
        names = sorted(file["images"])
        damaged = [name for name in names if "pixel_uas" not in file[f"images/{name}"].attrs]
    if damaged or not names:
        found = f"model {damaged[0]} without pixel_uas" if damaged else "no models under images"
        raise DataError(f"{_FILE} has {found}; expected pictures with the side of their pixels: copy the file again")
    return names

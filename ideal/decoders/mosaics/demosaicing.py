"""Decoders of sensors under mosaics of filters by name."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import partial

import numpy as np

from ideal._ranges import Range
from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder
from ideal.decoders.mosaics.demosaic import MosaicFilter, demosaic_bilinear, demosaic_malvar
from ideal.decoders.mosaics.network import MosaicNetwork
from ideal.density import Fitting
from ideal.density import Progress as Told
from ideal.imaging import ImagingSystem, Params, PeriodicForm, setting
from ideal.progress import Progress

_LETTERS = {"red": "R", "green": "G", "blue": "B"}
_STEPS = 4096  # minibatches at effort 1
_LEAST_SIDE = 4  # pixels that the filters of Bayer's mosaic reach


def _mosaic(system: ImagingSystem, params: Params) -> PeriodicForm | None:
    """Return what each pixel takes of each channel of its own place in the scene; None where a system is no such sensor."""
    shape = tuple(system.scene.shape)
    if system.complex_valued or len(shape) != 3 or tuple(system.measurement_shape) != shape[:2]:
        return None
    form = system.periodic_form(params)
    return form if form is not None and form.psf is None else None


def _no_mosaic(system: ImagingSystem) -> str:
    return f"it takes a sensor under a mosaic of filters, {system.name} is none"


@dataclass(frozen=True, eq=False)
class _Bayer:
    """Bayer's mosaic: the letters of its two rows, and the share of its channel that each pixel passes.

    Attributes:
        tile: as ("RG", "GB").
        shares: (2, 2).
        offset: what a dark scene gives.

    """

    tile: tuple[str, str]
    shares: np.ndarray
    offset: float

    @classmethod
    def of(cls, system: ImagingSystem, params: Params) -> "_Bayer | None":
        """Return Bayer's mosaic where a system has it; None elsewhere."""
        form = _mosaic(system, params)
        if form is None or tuple(system.scene.channels) != tuple(_LETTERS):
            return None
        weights = np.asarray(form.weights, np.float64)
        rows, columns = (math.lcm(side, 2) // side for side in weights.shape[:2])
        weights = np.tile(weights, (rows, columns, 1))
        first = weights[:2, :2]
        repeats = np.tile(first, (weights.shape[0] // 2, weights.shape[1] // 2, 1))
        if not np.array_equal(weights, repeats) or not ((first > 0).sum(-1) == 1).all():
            return None
        letters = np.array(list(_LETTERS.values()))[first.argmax(-1)]
        tile = ("".join(letters[0]), "".join(letters[1]))
        greens = {(int(r), int(c)) for r, c in zip(*np.nonzero(letters == "G"), strict=True)}
        if sorted("".join(tile)) != ["B", "G", "G", "R"] or greens not in ({(0, 0), (1, 1)}, {(0, 1), (1, 0)}):
            return None
        return cls(tile, first.max(-1), float(form.offset))

    def light(self, measurements: np.ndarray) -> np.ndarray:
        """Return of measurements (sample, row, column) the light that each pixel tells of its own channel."""
        values = np.asarray(measurements, np.float64) - self.offset
        rows, columns = (np.arange(size) % 2 for size in values.shape[1:])
        return values / self.shares[np.ix_(rows, columns)]


@dataclass(frozen=True)
class _OfBayer(Decoder):
    """The base of decoders for Bayer's mosaic, which learn nothing from scenes."""

    serves = "color sensors under Bayer's mosaic"

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: there is no mosaic, it is another than Bayer's, or the sensor is tiny."""
        if _mosaic(system, params) is None:
            return _no_mosaic(system)
        if _Bayer.of(system, params) is None:
            return "it takes Bayer's mosaic of red, green and blue, and this design is another: take the design bayer"
        if min(system.measurement_shape) < _LEAST_SIDE:
            return f"it takes sensors of at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels"
        return ""

    @abstractmethod
    def _interpolated(self, light: np.ndarray, tile: tuple[str, str]) -> np.ndarray:
        """Return colors (sample, row, column, 3) of the light that each pixel tells of its own."""

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the filter for the tile of the design."""
        bayer = _Bayer.of(task.system, task.params)
        assert bayer is not None  # by `refusal`
        return FittedDecoder(partial(self._estimates, bayer), task.system.scene.shape)

    def _estimates(self, bayer: _Bayer, measurements: np.ndarray) -> np.ndarray:
        return self._interpolated(bayer.light(measurements), bayer.tile)


@dataclass(frozen=True)
class Bilinear(_OfBayer):
    """Each color interpolated linearly between its own pixels."""

    name = "bilinear"
    summary = "each color interpolated linearly between its own pixels"

    def _interpolated(self, light, tile):
        return demosaic_bilinear(light, tile)


@dataclass(frozen=True)
class Malvar(_OfBayer):
    """Each color interpolated linearly and corrected by the gradient of the others: Malvar, He and Cutler 2004."""

    name = "malvar"
    summary = "linear interpolation corrected by the gradients of other colors (Malvar, He and Cutler 2004)"

    def _interpolated(self, light, tile):
        return demosaic_malvar(light, tile)


@dataclass(frozen=True)
class _OfMosaic(Decoder):
    """The base of decoders for any mosaic, which learn the statistics of scenes."""

    reach: int = setting(5, "pixels", "pixels to each side of a pixel that are looked at", Range(1, 32, whole=True))

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: there is no mosaic."""
        return _no_mosaic(system) if _mosaic(system, params) is None else ""

    def _filter(self, task: DecodingTask) -> MosaicFilter:
        return MosaicFilter.fit(task.system, task.params, task.noise, task.train.scenes, self.reach)


@dataclass(frozen=True)
class LeastSquares(_OfMosaic):
    """The linear decoder of least mean square error from the pixels around each pixel, for stationary scenes."""

    name = "mosaic-filter"
    summary = "linear estimate of least mean square error from the pixels around each pixel"
    serves = "sensors under any mosaic of filters"

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the filter for scenes with the statistics of the training scenes."""
        return FittedDecoder(self._filter(task).decode, task.system.scene.shape)


@dataclass(frozen=True)
class Network(_OfMosaic):
    """A small network that learns what `mosaic-filter` leaves, trained in the light of the task."""

    name = "mosaic-network"
    summary = "a small network that learns what mosaic-filter leaves"
    serves = "sensors of even sides under any mosaic of filters"

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: there is no mosaic, or a side of the sensor is odd."""
        odd = any(side % 2 for side in system.measurement_shape)
        return super().refusal(system, params) or ("it takes sensors of even sides: set another shape" if odd else "")

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Train on the training scenes until the error of validation scenes no longer falls."""
        form = _mosaic(task.system, task.params)
        assert form is not None  # by `refusal`
        weights = np.asarray(form.weights)
        kinds, number = np.unique(weights.reshape(-1, weights.shape[2]), axis=0, return_inverse=True)
        planes = np.eye(len(kinds))[number.reshape(weights.shape[:2])]
        light = float(np.mean(task.system.brightness(task.train.scenes)))

        def told(at: Told) -> None:
            progress(f"decoder: {at.model}, loss {at.loss:.3f}", at.fraction)

        network = MosaicNetwork.fit(
            seed,
            {light: self._filter(task)},
            planes,
            {light: task.train},
            {light: task.validation},
            steps=max(1, round(_STEPS * effort)),
            fitting=Fitting(report=told),
        )
        choice = {"validation_loss": network.validation_loss}
        return FittedDecoder(partial(network.decode, light), task.system.scene.shape, choice=choice)

"""Decoders of lensless captures by name: deconvolutions whose settings validation scenes choose."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ideal._ranges import Range, Ranges
from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder, least_error
from ideal.decoders.images.deconvolution import (
    Blurring,
    CroppedWiener,
    Deconvolution,
    TotalVariation,
    UnsupervisedWiener,
    Wiener,
)
from ideal.imaging import ImagingSystem, Params, setting
from ideal.progress import Progress

_FACTORS = Ranges(Range(0, 1e9, above=True))
_WEIGHTS = Ranges(Range(0, 1e6, above=True))
_SERVES = "lensless cameras: one point spread function, a sensor that crops"


@dataclass(frozen=True)
class _Deblurring(Decoder):
    """The base of all: estimates of the part of scenes whose light falls on the sensor entirely."""

    serves = _SERVES

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: there is no single point spread function, or it is larger than half the scene."""
        form = None if system.complex_valued else system.periodic_form(params)
        if form is None or form.psf is None or np.size(form.weights) != 1:
            return f"it takes captures that one point spread function makes, those of {system.name} are made otherwise"
        psf, scene = np.shape(form.psf), system.scene.shape
        if tuple(system.measurement_shape) != tuple(a - b + 1 for a, b in zip(scene, psf, strict=True)):
            return f"it takes captures that are cropped to where the whole point spread function fits, {system.name} has others"
        if any(a < 2 * b - 1 for a, b in zip(scene, psf, strict=True)):
            return (
                f"a point spread function of {psf[0]} x {psf[1]} pixels leaves no pixel of a scene of {scene[0]} x {scene[1]} "
                "fully seen: take a larger scene or a smaller point spread function"
            )
        return ""

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the deconvolution that does best on validation scenes."""
        form = task.system.periodic_form(task.params)
        assert form is not None  # by `refusal`
        assert form.psf is not None
        psf = np.asarray(form.psf, np.float64) * float(np.sum(np.asarray(form.weights)))
        light = np.asarray(task.train.measurements, np.float64).mean(0)
        noise = float(np.mean(np.asarray(task.noise.variance(light))))
        blurring = Blurring.of(psf, task.train.scenes, noise, float(form.offset))
        found = [
            FittedDecoder(each.decode, blurring.shape, blurring.fully_seen, choice)
            for choice, each in self._candidates(blurring, seed)
        ]
        return found[0] if len(found) == 1 else least_error(found, task.validation, progress)

    @abstractmethod
    def _candidates(self, blurring: Blurring, seed: int) -> Iterator[tuple[dict[str, float], Deconvolution]]:
        """Give the deconvolutions to choose from, each with what it stands for."""


_MEANING = "times the noise that the filter reckons with, to choose from on validation scenes"


@dataclass(frozen=True)
class WienerFilter(_Deblurring):
    """Wiener's filter with the spectrum of the training scenes; what the sensor does not see is filled in."""

    name = "wiener"
    summary = "Wiener's filter by the spectrum of the scenes"

    balances: tuple = setting((0.3, 1.0, 3.0), "", _MEANING, _FACTORS)

    def _candidates(self, blurring, seed):
        return (({"balance": each}, Wiener(blurring, each)) for each in self.balances)


@dataclass(frozen=True)
class CroppedWienerFilter(_Deblurring):
    """The linear filter of least square error for stationary scenes and a sensor that crops."""

    name = "cropped-wiener"
    summary = "linear filter of least error for stationary scenes on a sensor that crops"

    balances: tuple = setting((0.3, 1.0, 3.0), "", _MEANING, _FACTORS)

    def _candidates(self, blurring, seed):
        return (({"balance": each}, CroppedWiener(blurring, each)) for each in self.balances)


@dataclass(frozen=True)
class UnsupervisedWienerFilter(_Deblurring):
    """Wiener's filter that finds the noise and the contrast of each scene itself."""

    name = "unsupervised-wiener"
    summary = "Wiener's filter that finds noise and contrast of each scene by itself"

    def _candidates(self, blurring, seed):
        yield {}, UnsupervisedWiener(blurring, seed)


@dataclass(frozen=True)
class TotalVariationFilter(_Deblurring):
    """The cropped filter's estimates, made piecewise smooth."""

    name = "total-variation"
    summary = "the cropped filter's estimate made piecewise smooth, by Chambolle's algorithm"

    balances: tuple = setting((0.3, 1.0), "", _MEANING, _FACTORS)
    weights: tuple = setting(
        (0.05, 0.1, 0.2), "", "of total variation, in standard deviations of the scenes, to choose from", _WEIGHTS
    )

    def _candidates(self, blurring, seed):
        for balance in self.balances:
            first = CroppedWiener(blurring, balance)
            for weight in self.weights:
                yield {"balance": balance, "weight": weight}, TotalVariation(blurring, first, weight)

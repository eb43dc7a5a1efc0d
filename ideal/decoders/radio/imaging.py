"""Decoders of interferometers' visibilities by name."""

from dataclasses import dataclass

import numpy as np

from ideal._ranges import Range, Ranges
from ideal.decoders._contract import Decoder, DecodingTask, FittedDecoder, least_error
from ideal.decoders.linear import LinearDecoder
from ideal.decoders.radio.decoders import dirty_images, linear_sky_decoder, regularised_likelihood
from ideal.decoders.radio.visibilities import CondensedVisibilities
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params, setting
from ideal.progress import Progress


@dataclass(frozen=True)
class _Imaging(Decoder):
    """The base of all: visibilities are first combined into the few numbers that tell of a sky."""

    serves = "interferometers"

    @classmethod
    def refusal(cls, system: ImagingSystem, params: Params) -> str:
        """Return why not: the system does not measure visibilities of a sky at known places of the u,v plane."""
        if system.scene.kind != "sky" or not system.complex_valued or not hasattr(system, "uv_coverage"):
            return f"it takes visibilities of an interferometer, {system.name} measures something else"
        return ""

    def _condensed(self, task: DecodingTask) -> CondensedVisibilities:
        own = getattr(task.system.noise(task.params), "sigma", None)
        used = getattr(task.noise, "sigma", None)
        if own is None or used is None or not np.allclose(own, used):
            raise UsageError(
                f"{self.name} reckons with the thermal noise of {task.system.name} itself: leave out --noise and --sigma"
            )
        flux = float(np.asarray(task.train.scenes, np.float64).reshape(len(task.train.scenes), -1).sum(1).max())
        if not flux > 0:
            raise UsageError("the skies to learn from are dark: a decoder needs some with light")
        return CondensedVisibilities.of(task.system, task.params, flux)  # type: ignore[arg-type]  # by `refusal`


@dataclass(frozen=True, eq=False)
class _DirtyImages:
    condensed: CondensedVisibilities
    factor: float = 1.0

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        return self.factor * dirty_images(self.condensed, self.condensed.condense(measurements))


@dataclass(frozen=True)
class Dirty(_Imaging):
    """The dirty image with natural weights, in Jy per pixel by one factor that validation skies choose."""

    name = "dirty"
    summary = "the dirty image with natural weights, brought to Jy per pixel by one factor"

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the dirty image times the factor of least error for validation skies."""
        seen = _DirtyImages(self._condensed(task))
        images = seen.decode(task.validation.measurements)
        factor = float((images * task.validation.scenes).sum() / max((images**2).sum(), 1e-300))
        decoder = _DirtyImages(seen.condensed, factor)
        return FittedDecoder(decoder.decode, task.system.scene.shape, choice={"beams_per_pixel": factor})


@dataclass(frozen=True, eq=False)
class _LinearImages:
    condensed: CondensedVisibilities
    linear: LinearDecoder

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        return self.linear.decode(self.condensed.condense(measurements))


@dataclass(frozen=True)
class LinearSky(_Imaging):
    """The linear decoder of least mean square error, by the mean and the covariance of training skies."""

    name = "linear-sky"
    summary = "linear estimate of least mean square error, by the covariance of the skies"

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the decoder of least error for skies with the mean and covariance of the training skies."""
        condensed = self._condensed(task)
        linear = linear_sky_decoder(condensed, task.train.scenes)
        return FittedDecoder(_LinearImages(condensed, linear).decode, task.system.scene.shape)


@dataclass(frozen=True, eq=False)
class _LikelyImages:
    condensed: CondensedVisibilities
    weight: float
    prior: np.ndarray
    prior_weight: float
    flux: float | None
    iterations: int

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        return regularised_likelihood(
            self.condensed,
            self.condensed.condense(measurements),
            self.weight,
            prior=self.prior,
            prior_weight=self.prior_weight,
            flux=self.flux,
            iterations=self.iterations,
        )


@dataclass(frozen=True)
class RegularisedLikelihood(_Imaging):
    """Regularised maximum likelihood: nonnegative skies of little total variation, dark where training skies are."""

    name = "regularised-likelihood"
    summary = "nonnegative sky of greatest likelihood with total variation and a prior image"

    weights: tuple = setting(
        (100.0, 600.0, 4000.0),
        "1/Jy",
        "of the regularisation, to choose from on validation skies",
        Ranges(Range(0, 1e9, above=True)),
    )
    priors: tuple = setting((0.0, 0.1, 0.3), "", "of the mean training sky as a prior, to choose from", Ranges(Range(0, 1e6)))
    flux: float = setting(0.0, "Jy", "total flux of every sky where it is known", Range(1e-7, 1e5, zero="it is not known"))
    iterations: int = setting(300, "", "of the algorithm", Range(1, 100_000, whole=True))
    validated: int = setting(32, "", "validation skies that choose", Range(1, 100_000, whole=True))

    def _fit(self, task: DecodingTask, seed: int, effort: float, progress: Progress) -> FittedDecoder:
        """Return the weights that do best on validation skies."""
        condensed = self._condensed(task)
        prior = np.asarray(task.train.scenes, np.float64).mean(0)
        some = type(task.validation)(task.validation.scenes[: self.validated], task.validation.measurements[: self.validated])
        candidates = (
            FittedDecoder(
                _LikelyImages(condensed, weight, prior, strength, self.flux or None, self.iterations).decode,
                task.system.scene.shape,
                choice={"weight": weight, "prior_weight": strength},
            )
            for weight in self.weights
            for strength in self.priors
        )
        return least_error(candidates, some, progress)

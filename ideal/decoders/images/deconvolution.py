"""Lensless captures turned back into scenes by their point spread function: Wiener filters and total variation.

A sensor crops: the light of a scene's edge falls partly beside it. Filters by Fourier transforms take the capture for one period
of a periodic one and have to fill in what is missing; the cropped filter leaves it unknown and solves for the scene all the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.linalg import cho_factor, cho_solve
from skimage import restoration

from ideal.errors import UsageError

_FLOOR = 1e-8  # of the largest variance of a frequency: none is known exactly
_MOST_PIXELS = 8000  # of a capture: the covariance of more takes over half a gigabyte
_MARGIN = 8  # pixels around what is wanted that total variation may lean on
_BLOCK = 64  # captures at once


@dataclass(frozen=True, eq=False)
class Blurring:
    """What a decoder knows of how captures come about: a stationary scene, blurred, cropped, with noise.

    Attributes:
        psf: point spread function (row, column), shares of the light.
        mean: of the scenes, photoelectrons of an unfiltered pixel.
        spectrum: variance of the scenes at each frequency of their real, unitary Fourier transform, (row, column // 2 + 1),
            photoelectrons^2.
        shape: rows and columns of a scene.
        noise: variance of a pixel's noise, photoelectrons^2.
        bias: stray light on each pixel, photoelectrons.

    """

    psf: np.ndarray
    mean: float
    spectrum: np.ndarray
    shape: tuple[int, int]
    noise: float
    bias: float = 0.0

    @classmethod
    def of(cls, psf: np.ndarray, scenes: np.ndarray, noise: float, bias: float = 0.0) -> Self:
        """Return what is known from scenes to learn from.

        Args:
            psf: (row, column), no larger than the scenes.
            scenes: exposed, (sample, row, column), none of those that will be decoded.
            noise: variance of a pixel's noise: for counts the mean of captures of these scenes.
            bias: stray light on each pixel.

        Raises:
            UsageError: the shapes do not fit, the noise is not positive, or all scenes are the same in every pixel.

        """
        psf, scenes = np.asarray(psf, np.float64), np.asarray(scenes, np.float64)
        if psf.ndim != 2 or scenes.ndim != 3 or any(a > b for a, b in zip(psf.shape, scenes.shape[1:], strict=True)):
            raise UsageError(
                f"a PSF of shape {psf.shape} for scenes of shape {scenes.shape}: expected (row, column), and (sample, row, "
                "column) no smaller"
            )
        if not noise > 0:
            raise UsageError(f"the variance of the noise is {noise:g}, expected a positive number of photoelectrons^2")
        mean = float(scenes.mean())
        total = sum((np.abs(rfft2(part - mean)) ** 2).sum(0) for part in _blocks(scenes))
        spectrum = total / (len(scenes) * scenes[0].size)
        if not spectrum.max() > 0:
            raise UsageError("the scenes to learn from are the same in every pixel: a decoder needs some that differ")
        return cls(psf, mean, np.maximum(spectrum, _FLOOR * spectrum.max()), scenes.shape[1:], float(noise), float(bias))

    @property
    def deviation(self) -> float:
        """Standard deviation of a scene's pixels, photoelectrons."""
        weights = np.full(self.spectrum.shape, 2.0)  # a real transform leaves out one of each pair
        weights[:, 0] = 1
        if self.shape[1] % 2 == 0:
            weights[:, -1] = 1
        return float(np.sqrt((weights * self.spectrum).sum() / np.prod(self.shape)))

    @property
    def capture_shape(self) -> tuple[int, int]:
        """Rows and columns of a capture: where the whole point spread function lies inside the scene."""
        return tuple(scene - psf + 1 for scene, psf in zip(self.shape, self.psf.shape, strict=True))

    @property
    def fully_seen(self) -> tuple[slice, slice]:
        """Rows and columns of the scene whose light falls on the sensor entirely.

        Raises:
            UsageError: there are none, the point spread function is larger than half the scene.

        """
        rows, columns = (slice(psf - 1, scene - psf + 1) for scene, psf in zip(self.shape, self.psf.shape, strict=True))
        if any(part.stop <= part.start for part in (rows, columns)):
            raise UsageError(
                f"a PSF of {self.psf.shape[0]} x {self.psf.shape[1]} leaves no pixel of a scene of {self.shape[0]} x "
                f"{self.shape[1]} fully seen: take a larger scene or a smaller PSF"
            )
        return rows, columns

    def deviations(self, measurements: np.ndarray) -> np.ndarray:
        """Return captures (sample, row, column) less what the mean scene gives.

        Raises:
            UsageError: they are not of the shape that the sensor has.

        """
        measurements = np.asarray(measurements, np.float64)
        if measurements.shape[1:] != self.capture_shape:
            raise UsageError(f"captures of shape {measurements.shape[1:]}, expected {self.capture_shape} of this PSF and scene")
        return measurements - (self.mean * self.psf.sum() + self.bias)


@dataclass(frozen=True, eq=False)
class Deconvolution(ABC):
    """The base of all: a decoder of captures, to scenes where these are fully seen, never below 0.

    Attributes:
        blurring: how the captures came about.

    """

    blurring: Blurring

    def decode(self, measurements: np.ndarray) -> np.ndarray:
        """Return scenes (sample, row, column) in photoelectrons of an unfiltered pixel, `Blurring.fully_seen` of them.

        Args:
            measurements: captures (sample, row, column), photoelectrons.

        Raises:
            UsageError: they are not of the shape that the sensor has.

        """
        found = [self._decoded(part, self.blurring.fully_seen) for part in _blocks(self.blurring.deviations(measurements))]
        return np.maximum(self.blurring.mean + np.concatenate(found), 0)

    @abstractmethod
    def _decoded(self, deviations: np.ndarray, region: tuple[slice, slice]) -> np.ndarray:
        """Return a part of the scenes less their mean."""

    @property
    def _prior(self) -> np.ndarray:
        # scikit-image takes a complex array for a transfer function.
        return (self.blurring.spectrum**-0.5).astype(complex)

    def _padded(self, deviations: np.ndarray) -> np.ndarray:
        """Return captures in their places in the scene; where the sensor saw nothing they fall to the mean, without a jump."""
        ends = [(size - 1 - size // 2, size // 2) for size in self.blurring.psf.shape]
        return np.stack([np.pad(each, ends, mode="linear_ramp") for each in deviations])


@dataclass(frozen=True, eq=False)
class Wiener(Deconvolution):
    """Wiener's filter with the spectrum of the scenes, by `skimage.restoration.wiener`.

    Attributes:
        balance: times the noise that the filter reckons with; 1 is right for stationary scenes that are seen as a whole.

    """

    balance: float = 1.0

    def _decoded(self, deviations, region):
        balance = self.balance * self.blurring.noise
        options = {"balance": balance, "reg": self._prior, "clip": False}
        return np.stack([restoration.wiener(each, self.blurring.psf, **options)[region] for each in self._padded(deviations)])


@dataclass(frozen=True, eq=False)
class UnsupervisedWiener(Deconvolution):
    """Wiener's filter that finds the noise and the contrast of each scene itself, by `skimage.restoration.unsupervised_wiener`.

    Attributes:
        seed: of its Gibbs sampler, the same for every capture.

    """

    seed: int = 0

    def _decoded(self, deviations, region):
        unit, prior = self.blurring.deviation, self._prior * self.blurring.deviation  # its sampler begins at precisions of 1
        return np.stack(
            [
                unit
                * restoration.unsupervised_wiener(each / unit, self.blurring.psf, prior, clip=False, rng=self.seed)[0][region]
                for each in self._padded(deviations)
            ]
        )


@dataclass(frozen=True, eq=False)
class CroppedWiener(Deconvolution):
    """The linear filter of least square error for stationary scenes and a sensor that crops: nothing is filled in.

    x = C A^T (A C A^T + N)^-1 y, A the blur cut to the sensor, C the scenes' covariance, N that of the noise: one Cholesky
    factorisation for all captures.

    Attributes:
        balance: times the noise that the filter reckons with.

    Raises:
        UsageError: the captures are too large for their covariance.

    """

    balance: float = 1.0

    def __post_init__(self):
        pixels = int(np.prod(self.blurring.capture_shape))
        if pixels > _MOST_PIXELS:
            raise UsageError(f"the cropped Wiener filter takes captures of up to {_MOST_PIXELS} pixels; these have {pixels}")

    @cached_property
    def _transfer(self) -> np.ndarray:
        return rfft2(self.blurring.psf, s=self.blurring.shape)

    @cached_property
    def _factor(self):
        own, (rows, columns) = self.blurring, self.blurring.capture_shape
        covariance = irfft2(own.spectrum * np.abs(self._transfer) ** 2, s=own.shape)  # of pixels so far from each other
        down, across = ((np.arange(n)[:, None] - np.arange(n)) % size for n, size in zip((rows, columns), own.shape, strict=True))
        matrix = covariance[down[:, None, :, None], across[None, :, None, :]].reshape(rows * columns, -1)
        matrix[np.diag_indices(len(matrix))] += self.balance * own.noise
        return cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)

    def _decoded(self, deviations, region):
        own = self.blurring
        solved = cho_solve(self._factor, deviations.reshape(len(deviations), -1).T, check_finite=False).T
        first = [size - 1 for size in own.psf.shape]
        spread = np.zeros((len(deviations), *own.shape))
        spread[:, first[0] :, first[1] :] = solved.reshape(deviations.shape)
        found = irfft2(own.spectrum * np.conj(self._transfer) * rfft2(spread), s=own.shape)
        return found[(slice(None), *region)]


@dataclass(frozen=True, eq=False)
class TotalVariation(Deconvolution):
    """A linear filter's scenes, made piecewise smooth by Chambolle's algorithm, `skimage.restoration.denoise_tv_chambolle`.

    Attributes:
        blurring: the first filter's.
        first: the filter.
        weight: of total variation, in standard deviations of the scenes.

    """

    first: Deconvolution
    weight: float

    def _decoded(self, deviations, region):
        widened = [
            slice(max(0, s.start - _MARGIN), min(n, s.stop + _MARGIN)) for s, n in zip(region, self.blurring.shape, strict=True)
        ]
        inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(region, widened, strict=True))
        unit = self.blurring.deviation
        return np.stack(
            [
                unit * restoration.denoise_tv_chambolle(each / unit, self.weight)[inner]
                for each in self.first._decoded(deviations, tuple(widened))
            ]
        )


def deconvolutions(
    blurring: Blurring, balances: Sequence[float] = (0.3, 1.0, 3.0), weights: Sequence[float] = (0.05, 0.1, 0.2), seed: int = 0
) -> dict[str, Mapping[str, Deconvolution]]:
    """Return all decoders to choose from on validation scenes, by kind and then by what is to be chosen in each.

    Args:
        blurring: how the captures came about.
        balances: of both Wiener filters; total variation begins at the first two.
        weights: of total variation.
        seed: of the unsupervised filter.

    """
    cropped = {f"balance {balance:g}": CroppedWiener(blurring, balance) for balance in balances}
    smooth = {
        f"{name}, weight {weight:g}": TotalVariation(blurring, first, weight)
        for name, first in list(cropped.items())[:2]
        for weight in weights
    }
    return {
        "wiener": {f"balance {balance:g}": Wiener(blurring, balance) for balance in balances},
        "unsupervised-wiener": {"as it is": UnsupervisedWiener(blurring, seed)},
        "cropped-wiener": cropped,
        "total-variation": smooth,
    }


def _blocks(samples: np.ndarray):
    return (samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK))

"""Information of a sensor that repeats itself: one block of the covariance for each frequency of the period's grid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal._shapes import rows_and_columns
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, PeriodicForm
from ideal.information.results import LN2
from ideal.noise import NoiseModel
from ideal.optimize.objectives.log_determinant import log_determinant
from ideal.optimize.objectives.pixel_errors import explained_variance, pixel_information
from ideal.optimize.objectives.scenes import SceneSpectrum
from ideal.optimize.targets import ChannelTarget, PixelTarget, Target, parts_of

_LEAST_GRID = 24  # pixels of the periodic grid on which a mosaic's scenes are modelled
# Peak memory of an ascent over that of the covariance of all pixels of a period at all frequencies, measured for 16x16 and 24x24.
_COPIES = 17
_MOST_BYTES = 4e9


class TooLargeError(UsageError):
    """A closed form would take more memory than it may."""


@dataclass(frozen=True)
class _Frequencies:
    """One of each pair of frequencies k and -k of a period's grid: the scenes are real, and the other's block its conjugate.

    Attributes:
        kept: numbers of those, (frequency,).
        share: of the average over all, (frequency,).

    """

    kept: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, grid: tuple[int, int], period: tuple[int, int]) -> "_Frequencies":
        m, n = grid[0] // period[0], grid[1] // period[1]
        number = np.arange(m * n).reshape(m, n)
        opposite = number[-np.arange(m) % m][:, -np.arange(n) % n]
        kept = number[number <= opposite]
        return cls(kept, np.where(opposite.ravel()[kept] == kept, 1.0, 2.0) / (m * n))


def periodic_gain(
    system: ImagingSystem, noise: NoiseModel, spectrum: SceneSpectrum, target: Target | None
) -> tuple[Callable[[Mapping, Any], jax.Array], Any]:
    """Return the information of a system with a periodic form as a function, and the statistics that it takes.

    Args:
        system: whose `periodic_form` is not None.
        noise: of its measurements.
        spectrum: of the scenes, on a grid that is a whole number of periods.
        target: what information is wanted about; None for the whole scene.

    Returns:
        gain(params, statistics) in bits per pixel, traceable, and the statistics, a tree of arrays.

    Raises:
        UsageError: the target has no closed form in the Fourier domain.

    """
    form = jax.eval_shape(lambda: system.periodic_form(system.design()))
    weights, statistics = _prepared(form, spectrum, target)

    def gain(params, statistics):
        return _information(system.periodic_form(params), noise, statistics, weights)

    return gain, statistics


def periodic_grid(system: ImagingSystem) -> tuple[int, int] | None:
    """Return rows and columns of the grid on which the scenes of a system are modelled; None where it has no periodic form."""
    form = jax.eval_shape(lambda: system.periodic_form(system.design()))
    if form is None:
        return None
    reach = (_LEAST_GRID, _LEAST_GRID) if form.psf is None else tuple(2 * size for size in form.psf.shape)
    return tuple(side * max(2, -(-least // side)) for side, least in zip(form.weights.shape[:2], reach, strict=True))


def check_memory(system: ImagingSystem, grid: tuple[int, int]) -> None:
    """Refuse a period whose covariances would take more than 4 GB.

    Args:
        system: with a periodic form.
        grid: as `periodic_grid` gives it.

    Raises:
        TooLargeError: says what it would take and which period fits.

    """
    form = jax.eval_shape(lambda: system.periodic_form(system.design()))
    (p, q), channels = form.weights.shape[:2], form.weights.shape[-1]
    needed = _COPIES * 16 * channels**2 * grid[0] * grid[1] * p * q
    if needed <= _MOST_BYTES or p * q == 1:
        return
    side = int((_MOST_BYTES / (_COPIES * 16 * channels**2 * grid[0] * grid[1] / (p * q))) ** 0.25)
    raise TooLargeError(
        f"a sensor that repeats itself every {p}x{q} pixels takes about {needed / 1e9:.3g} GB in closed form, more than the "
        f"{_MOST_BYTES / 1e9:g} GB that it may: choose a period of at most {side}x{side} pixels, or `objective=samples`"
    )


def periodic_information(
    form: PeriodicForm, spectrum: SceneSpectrum, noise: NoiseModel, target: Target | None = None
) -> jax.Array:
    """Return the information rate of a periodic sensor about Gaussian scenes, or about a target, in bits per pixel.

    Args:
        form: of the sensor.
        spectrum: of the scenes, on a grid that is a whole number of periods.
        noise: of the measurement.
        target: what information is wanted about; None for the whole scene.

    Raises:
        UsageError: the target has no closed form in the Fourier domain.

    """
    weights, statistics = _prepared(form, spectrum, target)
    return _information(form, noise, statistics, weights)


@dataclass(frozen=True)
class _Weights:
    """Factors of the informations that a target asks for.

    Attributes:
        spreads: of the log-determinants, as the densities stand in the statistics: that of the scenes, then given each target.
        pixels: of the informations about single pixels, with their targets.
        share: of each frequency in the average.

    """

    spreads: tuple[float, ...]
    pixels: tuple[tuple[float, PixelTarget], ...]
    share: np.ndarray


def _prepared(form: PeriodicForm, spectrum: SceneSpectrum, target: Target | None) -> tuple[_Weights, Any]:
    """Return the factors and the statistics: the informations of all targets are sums of few log-determinants."""
    period, blurred = rows_and_columns(form.weights.shape), form.psf is not None
    some = _Frequencies.of(rows_and_columns(spectrum.density.shape), period)
    whole, pixels = 0.0, []
    given: dict[tuple, float] = {}
    for weight, part in parts_of(target):
        if isinstance(part, PixelTarget):
            pixels.append((weight, part))
            continue
        if part is not None and not isinstance(part, ChannelTarget):
            raise UsageError(f"the target {part.name} has no closed form in the Fourier domain")
        whole += weight
        if part is not None:
            given[part.rows] = given.get(part.rows, 0.0) - weight
    densities = [spectrum.density, *(_conditioned(spectrum.density, np.array(rows, float)) for rows in given)]
    kept = [(weight, density) for weight, density in zip((whole, *given.values()), densities, strict=True) if weight]
    if blurred:
        scenes, prior = [jnp.asarray(density) for _, density in kept], jnp.asarray(spectrum.density)
    else:
        found = [pixel_covariance(density, period)[:, :, some.kept] for _, density in kept]
        scenes = [jnp.asarray(each) for each in found]
        prior = jnp.asarray(found[0] if whole else pixel_covariance(spectrum.density, period)[:, :, some.kept])
    statistics = {"mean": jnp.asarray(spectrum.mean), "densities": scenes}
    if pixels:
        statistics |= {"prior": prior, "variance": jnp.asarray(spectrum.density.real.mean((0, 1)))}
    return _Weights(tuple(weight for weight, _ in kept), tuple(pixels), some.share), statistics


def _conditioned(density: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the density of the scenes given linear functions of their channels, rows (function, channel)."""
    across = np.einsum("ti,uvij->uvtj", rows, density)
    within = np.einsum("uvtj,sj->uvts", across, rows)
    explained = np.einsum("uvti,uvts,uvsj->uvij", across.conj(), np.linalg.pinv(within, hermitian=True), across)
    return density - explained


def _information(form: PeriodicForm, noise: NoiseModel, statistics: Any, weights: _Weights) -> jax.Array:
    p, q = form.weights.shape[:2]
    mean, share = statistics["mean"], jnp.asarray(weights.share)
    light = form.weights @ mean * (1.0 if form.psf is None else form.psf.sum()) + form.offset
    white = form.weights.reshape(p * q, -1) / jnp.sqrt(noise.variance(light)).reshape(p * q, 1)
    sensor = _Sensor(white, form.psf, (p, q))
    found: jax.Array | float = 0.0
    if weights.spreads:
        blocks = jnp.stack([sensor.blocks(density) for density in statistics["densities"]])
        spreads = log_determinant(blocks) @ share
        found = spreads @ jnp.asarray(weights.spreads) / (2 * p * q * LN2)
    if weights.pixels:
        prior = statistics["prior"]
        explained = explained_variance(sensor.across(prior), sensor.blocks(prior), share)
        for weight, target in weights.pixels:
            found = found + weight * pixel_information(statistics["variance"], explained, target)
    return jnp.asarray(found)


@dataclass(frozen=True)
class _Sensor:
    """A periodic sensor in units of its noise.

    Attributes:
        weights: (P Q, channel).
        psf: (row, column) or None.
        period: P and Q.

    """

    weights: jax.Array
    psf: jax.Array | None
    period: tuple[int, int]

    def blocks(self, density: jax.Array) -> jax.Array:
        """Return the covariance of the measurement, (frequency, P Q, P Q); the noise's is 1.

        The density is the scenes', (row, column, channel, channel), or, without a blur, what `pixel_covariance` makes of it.
        """
        channels, weights = range(self.weights.shape[1]), self.weights
        if self.psf is not None:
            density = density * (jnp.abs(self._transfer(density)) ** 2)
            if self.period == (1, 1):
                found = jnp.einsum("uvij,xi,yj->uvxy", density, weights, weights).reshape(-1, 1, 1)[self._kept(density)]
                return found + 1
            density = self._pixels(density)
        total = sum(weights[:, i, None] * density[i, j] * weights[:, j] for i in channels for j in channels)
        return total + jnp.eye(len(weights))

    def across(self, density: jax.Array) -> jax.Array:
        """Return the covariance of the scene's pixels with the measurement, (frequency, channel, P Q, P Q)."""
        if self.psf is not None:
            density = self._pixels(density * self._transfer(density).conj())
        total = sum(density[:, j] * self.weights[:, j] for j in range(self.weights.shape[1]))
        return jnp.asarray(total).swapaxes(0, 1)

    def _transfer(self, density):
        return jnp.fft.fft2(self.psf, s=density.shape[:2])[..., None, None]

    def _kept(self, density):
        return _Frequencies.of(density.shape[:2], self.period).kept

    def _pixels(self, density):
        return pixel_covariance(density, self.period, jnp)[:, :, self._kept(density)]


def pixel_covariance(density, period: tuple[int, int], xp=np):
    """Return the covariance of a scene's channels at the pixels of a period, for each frequency of the period's grid.

    Pixel (i, j) of the period is seen every P rows and Q columns; at frequency k it gathers the scene's frequencies k + a M for
    all a (its aliases), with M the periods on the grid.

    Args:
        density: of the scenes, (row, column, channel, channel).
        period: rows P and columns Q.
        xp: numpy, or jax.numpy to trace it.

    Returns:
        (channel, channel, frequency, P Q, P Q), complex.

    """
    (rows, columns, channels), (p, q) = density.shape[:3], period
    m, n = rows // p, columns // q
    aliased = density.reshape(p, m, q, n, channels, channels)  # frequency (a m + k, b n + l)
    frequency = [np.arange(size).reshape(side, -1) for size, side in ((rows, p), (columns, q))]
    shifts = [np.arange(side)[:, None] - np.arange(side) for side in (p, q)]
    turns = [
        np.exp(2j * np.pi * each[..., None, None] * shift / size)
        for each, shift, size in zip(frequency, shifts, (rows, columns), strict=True)
    ]  # (alias, frequency, pixel, pixel)
    covariance = xp.einsum("akblij,akxw->kblijxw", aliased, turns[0])
    covariance = xp.einsum("kblijxw,blyz->ijklxywz", covariance, turns[1]) / (p * q)
    return covariance.reshape(channels, channels, m * n, p * q, p * q)

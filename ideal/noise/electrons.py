"""Noise of a whole number of electrons: what a value tells of that number, and so of any distribution of means.

The number N of electrons in a pixel is Poisson with mean X. What a sensor makes of it, p(y | N = n), does not know X. Where means
are spread as a Gamma distribution, N is negative binomial, and a sum over n gives the density of a value exactly, peaks of single
photons included: `ideal.density.known_channel` scores values so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, xlogy

from ideal.noise.deconvolution import MixingDistribution, fit_by_likelihood
from ideal.noise.photons import PhotonNoise

REACH = 8.0  # standard deviations of read noise, beyond which electrons are not looked for
_WIDE = 2.5  # electrons of read noise from which on single electrons leave no trace: 0.003 bit at most, at 12 photons


@dataclass(frozen=True)
class Window:
    """What some values tell of the number of electrons.

    Attributes:
        index: which values, (value,).
        first: the least number of electrons that is looked at, (value,).
        weights: p(value | n) for n from there on, per photoelectron, (value, n).
        above: p(value | n) of every larger n, (value,): of values at a ceiling; None where it is 0.

    """

    index: np.ndarray
    first: np.ndarray
    weights: np.ndarray
    above: np.ndarray | None = None


@dataclass(frozen=True)
class Wide:
    """Values whose read noise is so wide that the number of electrons counts by its mean and variance alone.

    Attributes:
        index: which values, (value,).
        values: photoelectrons, (value,).
        deviation: standard deviation of the read noise, electrons, (value,).
        quantum: electrons per step of the converter, (value,); 0 where there is none.

    """

    index: np.ndarray
    values: np.ndarray
    deviation: np.ndarray
    quantum: np.ndarray


class ElectronNoise(PhotonNoise):
    """Noise that sees a whole number of electrons; a subclass has `windows`.

    Attributes:
        electrons: True.

    """

    electrons = True

    def windows(self, values: np.ndarray, figures: np.ndarray | None = None) -> Sequence[Window | Wide]:
        """Return what values tell of the number of electrons; the parts hold each value once.

        Args:
            values: measurements, photoelectrons, (value,).
            figures: of each value, as `figures_at` gives them, (value, figure); None where all are alike.

        """
        raise NotImplementedError

    def electrons_behind(self, expected: np.ndarray) -> np.ndarray:
        """Return the mean number of electrons at which values are expected to be so, of the same shape."""
        return expected


def gaussian_windows(values, read_noise, quantum, low: float = -np.inf, high: float = np.inf) -> list[Window | Wide]:
    """Return what a camera's values tell of the number of electrons.

    Args:
        values: photoelectrons, (value,).
        read_noise: standard deviation, electrons, of each value or of all.
        quantum: electrons per step, likewise; 0 where values are continuous.
        low, high: lowest and highest level, electrons, of each value or of all.

    """
    values = np.asarray(values, dtype=np.float64)
    noise, step, low_level, high_level = (
        np.broadcast_to(np.asarray(each, np.float64), values.shape) for each in (read_noise, quantum, low, high)
    )
    limited = (values <= low_level + step / 4) | (values >= high_level - step / 4)
    wide = (noise > _WIDE) & ~limited
    found: list[Window | Wide] = []
    if wide.any():
        index = np.flatnonzero(wide)
        found.append(Wide(index, values[index], noise[index], step[index]))
    # Values of like noise go together, so that a few noisy pixels do not widen the window of all.
    left = np.flatnonzero(~wide)
    size = np.ceil(np.log2(np.maximum(noise[left] + step[left] / 4, 1e-3)) * 2) if len(left) else np.empty(0)
    for group in np.unique(size):
        index = left[size == group]
        own = noise[index], step[index], low_level[index], high_level[index]
        found.append(_gaussian_window(index, values[index], *own))
    return found


def _gaussian_window(index, values, noise, quantum, low, high) -> Window:
    reach = np.ceil(REACH * noise + quantum / 2)
    width = int(2 * reach.max()) + 2
    first = np.maximum(np.ceil(values - reach), 0.0)
    at_low, at_high = values <= low + quantum / 4, values >= high - quantum / 4
    first = np.where(at_low, np.maximum(np.ceil(low + quantum / 2 + reach) - width, 0.0), first)
    first = np.where(at_high, np.maximum(np.floor(high - quantum / 2 - reach), 0.0), first)
    distance = values[:, None] - (first[:, None] + np.arange(width))
    if (quantum > 0).all():
        step = quantum[:, None]
        upper = np.where(at_high[:, None], np.inf, distance + step / 2) / noise[:, None]
        lower = np.where(at_low[:, None], -np.inf, distance - step / 2) / noise[:, None]
        flip = lower > 0  # the difference of two values near 1 would lose all digits
        lower, upper = np.where(flip, -upper, lower), np.where(flip, -lower, upper)
        weights = (ndtr(upper) - ndtr(lower)) / step
    else:
        weights = np.exp(-0.5 * (distance / noise[:, None]) ** 2) / (noise[:, None] * np.sqrt(2 * np.pi))
    above = np.where(at_high, 1 / np.where(quantum > 0, quantum, 1.0), 0.0) if at_high.any() else None
    return Window(index, first, weights, above)


def poisson_masses(means: np.ndarray, count: int) -> np.ndarray:
    """Return the probabilities of 0 to count - 1 electrons at these means, (mean, count)."""
    electrons = np.arange(count)
    return np.exp(xlogy(electrons, means[:, None]) - means[:, None] - gammaln(electrons + 1))


def enough_electrons(mean: float) -> int:
    """Return a number of electrons that a mean hardly ever exceeds, by a chance below 1e-15."""
    return int(np.ceil(mean + 9 * np.sqrt(mean) + 30))


def fit_through(
    values: np.ndarray, edges: np.ndarray, grid: np.ndarray, masses: Callable[[int], np.ndarray], tolerance: float = 1e-3
) -> MixingDistribution:
    """Return the distribution of means behind values that see whole electrons.

    Args:
        values: measured, any shape.
        edges: inner boundaries of the bins of values, (bin - 1,).
        grid: mean electrons that may be, (grid,).
        masses: gives the probability of each bin for 0 to so many electrons less one, (electron, bin).
        tolerance: as of `ideal.noise.deconvolution.fit_mixing_distribution`.

    """
    count = enough_electrons(float(grid[-1]))
    likelihood = (poisson_masses(grid, count) @ masses(count)).T
    return fit_by_likelihood(values, edges, grid, np.maximum(likelihood, 1e-300), tolerance=tolerance)

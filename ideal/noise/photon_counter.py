"""Sensors that count photons up to a few: quanta image sensors, arrays of single-photon diodes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.special import pdtr, pdtrc

from ideal._ranges import Range
from ideal.errors import DataError, UsageError
from ideal.noise.contract import Figure
from ideal.noise.deconvolution import MixingDistribution, bin_edges, bin_likelihood, fit_by_likelihood, ladder
from ideal.noise.electrons import ElectronNoise, Window, enough_electrons, fit_through
from ideal.noise.entropy import as_float, namespace, poisson_entropy
from ideal.noise.photons import draw_poisson, log_lower_tail, log_upper_tail, poisson_log_pmf

_DARK = 1e-6  # the least variance of counts
_GRID_STEP = 0.07
_FEW_BITS = 6  # up to which sums over all counts cost little
_BITS_BY_COUNT = 8  # up to which each count has a bin of its own where the means behind counts are told
_INVERSE = 2000  # points of the table that gives the light behind an expected count
_FULL = 12.0  # standard deviations of the light above the ceiling, beyond which nothing but the ceiling is counted


@dataclass(frozen=True)
class PhotonCounter(ElectronNoise):
    """A counter of photons that ends after a few bits: Y = min(max(N - threshold + 1, 0), 2^bits - 1), N Poisson of mean X.

    One bit tells whether there were `threshold` photons or more, as in a quanta image sensor (Fossum, Ma, Masoodian, Anzagira and
    Zizza, Sensors 16, 1260, 2016).

    One bit alone does not tell how the light is spread over pixels of the same chance: without clean means, H(Y|X) of one-bit
    values holds only as far as neighbouring pixels, 2 x 2, see the same light.

    Args:
        bits: of a value, 1 to 16.
        threshold: photons from which on the counter counts, 1 or more.

    Raises:
        UsageError: a figure is not such a whole number.

    Example:
        >>> from ideal.noise import PhotonCounter
        >>> round(float(PhotonCounter(bits=1).entropy(0.6931471805599453)), 6)  # a fair coin
        0.693147

    """

    bits: int
    threshold: int = 1
    name = "photon-counter"
    summary = "one-bit and few-bit photon counters, as quanta image sensors"
    formula = "Y = min(max(N - threshold + 1, 0), 2^bits - 1), N = Poisson(X)"
    counts = True
    ends = True
    lowest = 0.0
    quantum = 1.0
    linear_variance = (0.0, 1.0)
    figures = (
        Figure("bits", "", "bits of a count", within=Range(1, 16)),
        Figure("threshold", "photons", "photons from which on it counts", needed=False, within=Range(1, 1000)),
    )

    def __post_init__(self):
        for name, most in (("bits", 16), ("threshold", 1000)):
            value = getattr(self, name)
            if not (math.isfinite(value) and value == round(value) and 1 <= value <= most):
                raise UsageError(f"the {name} of a photon counter must be a whole number from 1 to {most}; found {value:g}")
            object.__setattr__(self, name, int(value))

    @property
    def highest(self) -> float:
        """The largest count, 2^bits - 1."""
        return float(2**self.bits - 1)

    @property
    def tells_means(self) -> bool:
        """False of one bit: every distribution of means of the same average chance gives the same values."""
        return self.bits > 1

    @property
    def _full(self) -> int:
        """Photons from which on the counter gives its largest count."""
        return int(self.highest) + self.threshold - 1

    def sample(self, key, mean):
        """Draw counts."""
        return (draw_poisson(key, mean) - (self.threshold - 1)).clip(0, self.highest)

    def log_prob(self, measurement, mean):
        """Return the log-probability of counts; that of 0 and of the largest is of all numbers of photons that give it."""
        xp, special = namespace(measurement, mean)
        measurement, mean = as_float(measurement, xp), as_float(mean, xp)
        inner = poisson_log_pmf(measurement + (self.threshold - 1), mean, xp, special)
        low = log_lower_tail(float(self.threshold - 1), mean, xp, special)
        high = log_upper_tail(float(self._full), mean, xp, special)
        found = xp.where(measurement < 0.5, low, xp.where(measurement > self.highest - 0.5, high, inner))
        whole = (xp.abs(measurement - xp.round(measurement)) < 0.25) & (measurement > -0.5) & (measurement < self.highest + 0.5)
        return xp.where(whole, found, -xp.inf)

    def entropy(self, mean):
        """Return the exact entropy, a sum over the counts."""
        xp, _ = namespace(mean)
        mean = as_float(mean, xp)
        if self.bits > _FEW_BITS and xp is np:
            return self._entropy_of_many(mean)
        return self._entropy_by_levels(mean, xp)

    def _entropy_of_many(self, mean: np.ndarray) -> np.ndarray:
        """Return the entropy, that of all photons where the counter neither begins nor ends, a sum over the counts elsewhere."""
        mean = np.asarray(mean, dtype=np.float64)
        width = _FULL * np.sqrt(np.maximum(mean, 0.0)) + 60
        plain = np.asarray((mean + width < self._full) & ((self.threshold == 1) | (mean - width > self.threshold)))
        found = np.asarray(poisson_entropy(np.where(plain, mean, 1.0)), dtype=np.float64).copy()
        if not plain.all():
            found[~plain] = self._entropy_by_levels(mean[~plain], np)
        return found

    def _entropy_by_levels(self, mean, xp):
        found = 0.0
        for level in self._levels(mean):
            log_chance = self.log_prob(xp.asarray(level, dtype=mean.dtype), mean)
            found = found - xp.where(
                log_chance > -xp.inf, xp.exp(log_chance) * xp.where(log_chance > -xp.inf, log_chance, 0.0), 0.0
            )
        return xp.where(mean >= 0, found, xp.nan)

    def variance(self, mean):
        """Return the variance of the counts, or a millionth where it is less."""
        first, second = self._moments(mean)
        xp, _ = namespace(mean)
        return xp.maximum(second - first**2, _DARK)

    def expected(self, mean):
        """Return the expected count at each mean, of its shape; NumPy or JAX."""
        return self._moments(mean)[0]

    def _moments(self, mean):
        xp, _ = namespace(mean)
        mean = xp.maximum(as_float(mean, xp), 0.0)
        if self.bits > _FEW_BITS and xp is np:
            return self._moments_of_many(np.asarray(mean, dtype=np.float64))
        first, second = 0.0 * mean, 0.0 * mean
        for level in self._levels(mean):
            chance = xp.exp(self.log_prob(xp.asarray(level, dtype=mean.dtype), mean))
            first, second = first + level * chance, second + level**2 * chance
        return first, second

    def _moments_of_many(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the same by the chances P(N >= k), for counters of many levels: N and N (N - 1) shift them by one and by two."""
        low, top = self.threshold - 1, self.highest

        def between(shift: int) -> np.ndarray:
            """P(low < N + shift <= full)."""
            return _at_least(low + 1 - shift, mean) - _at_least(self._full + 1 - shift, mean)

        share, once, twice = between(0), mean * between(1), mean**2 * between(2)
        beyond = _at_least(self._full + 1, mean)
        first = once - low * share + top * beyond
        second = twice + (1 - 2 * low) * once + low**2 * share + top**2 * beyond
        return first, second

    def _levels(self, mean) -> range:
        """Return the counts that may occur at these means; all where they are traced."""
        if isinstance(mean, np.ndarray) and mean.size:
            last = enough_electrons(float(np.nanmax(mean))) - self.threshold + 2
            return range(int(min(self.highest, max(last, 1))) + 1)
        return range(int(self.highest) + 1)

    def variance_from(self, values):
        """Return the variance at the light that would be expected to give these values: on average no more than the true one."""
        return np.maximum(np.interp(values, *self._variance_table), _DARK)

    def electrons_behind(self, expected: np.ndarray) -> np.ndarray:
        """Return the light at which counts are expected to be so."""
        counts, light = self._table
        return np.interp(expected, counts, light)

    @cached_property
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        most = self._full + _FULL * np.sqrt(self._full)
        light = np.linspace(0, np.sqrt(most), _INVERSE) ** 2
        counts = self.expected(light)
        rising = np.concatenate([[True], np.diff(np.maximum.accumulate(counts)) > 1e-12])
        return counts[rising], light[rising]

    @cached_property
    def _variance_table(self) -> tuple[np.ndarray, np.ndarray]:
        counts, light = self._table
        variance = self.variance(light)
        return np.append(counts, self.highest), np.append(variance, 0.0)

    def windows(self, values, figures=None) -> Sequence[Window]:
        """Return what counts tell of the number of photons; see `ElectronNoise`."""
        values = np.round(np.asarray(values, dtype=np.float64))
        found = []
        dark, full = values <= 0, values >= self.highest
        for group in (dark, full, ~dark & ~full):
            index = np.flatnonzero(group)
            if not len(index):
                continue
            if group is dark:
                found.append(Window(index, np.zeros(len(index)), np.ones((len(index), self.threshold))))
            else:
                first = values[index] + (self.threshold - 1)
                above = np.ones(len(index)) if group is full else None
                found.append(Window(index, first, np.ones((len(index), 1)), above))
        return found

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of mean photons behind counts; one-bit values by the sums of 2 x 2 pixels."""
        values = np.round(np.asarray(values, dtype=np.float64))
        top = max(float(values.max()) + self.threshold - 1, 1.0)
        if values.max() >= self.highest:
            top += 4 * np.sqrt(top)
        grid = ladder(0.0, top + 1, _GRID_STEP, 25.0, 0.3)
        if self.bits == 1 and values.ndim >= 3 and min(values.shape[1:3]) >= 2:
            return self._fit_cells(values, grid)
        if self.bits > _BITS_BY_COUNT:
            dark = self.threshold - 1
            edges = bin_edges(dark, values.max() + dark, 0.0, 1.0, 0.0, dark, self._full) - dark
            return fit_by_likelihood(values, edges, grid, bin_likelihood(edges + dark, grid, 0.0), tolerance=0.0)
        edges = np.arange(int(self.highest)) + 0.5
        edges = edges[edges < values.max() + 1]

        def masses(count):
            level = np.clip(np.arange(count) - (self.threshold - 1), 0, self.highest)
            return (np.searchsorted(edges, level, side="right")[:, None] == np.arange(len(edges) + 1)).astype(float)

        return fit_through(values, edges, grid, masses, tolerance=0.0)

    def _fit_cells(self, values, grid) -> MixingDistribution:
        """Return the distribution of means that 2 x 2 pixels share, with the influence of single values."""
        rows, columns = (2 * (n // 2) for n in values.shape[1:3])
        v = values[:, :rows, :columns]
        cells = v[:, ::2, ::2] + v[:, 1::2, ::2] + v[:, ::2, 1::2] + v[:, 1::2, 1::2]
        chance = pdtrc(self.threshold - 1, grid)
        miss = pdtr(self.threshold - 1, grid)
        likelihood = np.stack([math.comb(4, k) * chance**k * miss ** (4 - k) for k in range(5)])
        edges = np.arange(4) + 0.5
        found = fit_by_likelihood(cells, edges, grid, np.maximum(likelihood, 1e-300), tolerance=0.0)
        single = np.maximum(np.stack([miss, chance]), 1e-300)
        share = float(values.mean())
        return MixingDistribution(grid, found.weights, np.array([0.5]), single, np.array([1 - share, share]), found.count)

    def check_values(self, values: np.ndarray, where: str) -> np.ndarray:
        """Return whole counts.

        Raises:
            DataError: a value is not one of the counter's.

        """
        whole = np.round(values)
        bad = (np.abs(values - whole) > 1e-3) | (whole < 0) | (whole > self.highest)
        if bad.any():
            raise DataError(
                f"{where}: a photon counter of {self.bits} bits gives whole numbers from 0 to {self.highest:g}; found "
                f"{values[bad].ravel()[0]:g}: give its bits (--noise photon-counter:bits=B), or name other noise"
            )
        return whole

    def with_limits(self, calibration, *, floor: float | None, ceiling: float | None) -> Self:
        """Return the counter: where it ends is its nature."""
        return self

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return the counter with these figures."""
        return cls(**settings)

    def stored_type(self, largest: float) -> np.dtype:
        """Return 8 bits where they hold the counts, else 16."""
        return np.dtype(np.uint8 if self.highest <= 255 else np.uint16)


def _at_least(least: int, mean: np.ndarray) -> np.ndarray:
    """Return the chance that a Poisson number is at least so large."""
    return np.ones_like(mean) if least <= 0 else pdtrc(least - 1, mean)

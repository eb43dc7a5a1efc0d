"""Entropy and variance of counts and camera values that a converter cuts off at a floor or a ceiling.

What would lie beyond a limit reads as the limit, whose probability is the whole tail: a censored channel. Its entropy and its
variance differ from those of the unlimited channel only for means within reach of a limit. There they are summed directly on a
grid of means, and their difference from the unlimited ones is interpolated, so that NumPy arrays (in float64) and JAX arrays go
through the same code, and values far from both limits keep the numbers of the unlimited channel to the last digit.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_matrix
from scipy.special import gammaln, ndtr, xlogy

from ideal.noise.entropy import as_float, electron_kernel, namespace, poisson_entropy, poisson_gaussian_entropy

_NATS = 42.0  # tails of less than e^-42 do not matter
_SIGMAS = 9.2  # of read noise, with tails as small
_STEP = 0.05  # of the grid of means, in standard deviations of the noise and in ln(mean)
_DARK = 1e-4  # photoelectrons below which the grid is even
_BLOCK = 64
_FINE = 40  # steps of the converter in a standard deviation above which quadrature is exact to 1e-8
_SMEARED = 1.0  # electrons of read noise above which single electrons do not show
_NODES = np.polynomial.legendre.leggauss(10)


@dataclass(frozen=True)
class Channel:
    """Poisson electrons, with Gaussian read noise or without, as a converter with limits gives them.

    Attributes:
        read_noise: standard deviation, electrons; 0 for plain counts.
        quantum: electrons between neighbouring levels.
        phase: one of the levels, electrons.
        low, high: lowest and highest level, electrons; -inf and inf where there is none.

    """

    read_noise: float
    quantum: float
    phase: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Variance in the dark, electrons squared."""
        return self.read_noise**2 + self.quantum**2 / 12

    @property
    def floor_reach(self) -> float:
        """The mean above which the floor is out of reach, electrons; 0 where it always is."""
        if not np.isfinite(self.low):
            return 0.0
        edge = self.low + self.quantum / 2
        inside = _NATS**2 + 2 * _NATS * (edge + self.spread)
        return max(0.0, edge + _NATS + np.sqrt(inside)) if inside > 0 else 0.0

    @property
    def ceiling_reach(self) -> tuple[float, float]:
        """The means between which the ceiling matters; above them every value is clipped."""
        if not np.isfinite(self.high):
            return np.inf, np.inf
        edge = self.high - self.quantum / 2
        inside = _NATS**2 + 2 * _NATS * (edge + self.spread)
        last = max(0.0, edge + _NATS + np.sqrt(inside)) if inside > 0 else 0.0
        # Bernstein's inequality: the upper tail of counts is longer than a Gaussian's.
        step = _NATS * 2 / 3
        first = edge + step - np.sqrt(max(step**2 + 2 * _NATS * (edge + self.spread), 0.0))
        return min(max(0.0, first), last), last

    def unlimited(self, mean) -> tuple:
        """Return entropy and variance of a value without the limits, of the shape of the means."""
        if self.read_noise == 0:
            return poisson_entropy(mean), mean
        return poisson_gaussian_entropy(mean, self.read_noise, self.quantum, self.phase), mean + self.spread

    def coordinate(self, mean, xp=np):
        """Return the place of means on the grid, in its steps."""
        along = xp.log1p(mean / _DARK) + 2 * (xp.sqrt(mean + self.spread) - np.sqrt(self.spread))
        return along / _STEP


def limited_entropy(mean, channel: Channel):
    """Return the entropy of a value between limits.

    Args:
        mean: mean photoelectrons, any shape, nonnegative; NumPy or JAX.
        channel: the noise and its limits.

    Returns:
        Nats, same shape: the entropy of the levels, plus ln(quantum); 0 + ln(quantum) where all values are clipped.

    """
    return _limited(mean, channel, 0, float(np.log(channel.quantum)))


def limited_variance(mean, channel: Channel):
    """Return the variance of a value between limits, electrons squared; arguments as of `limited_entropy`."""
    return _limited(mean, channel, 1, 0.0)


def _limited(mean, channel, column, clipped):
    xp, _ = namespace(mean)
    mean = as_float(mean, xp)
    found = channel.unlimited(mean)[column]
    for part in _parts(channel):
        inside = (mean >= part.low) & (mean < part.high)
        position = channel.coordinate(xp.where(inside, mean, part.low), xp) - part.start
        last = part.table.shape[1] - 1
        index = xp.clip(xp.floor(position), 0, last).astype("int32")
        x = position - index
        c3, c2, c1, c0 = (xp.take(xp.asarray(part.table[column, :, j], dtype=mean.dtype), index) for j in range(4))
        found = found + xp.where(inside, ((c3 * x + c2) * x + c1) * x + c0, 0.0)
    found = xp.where(mean >= channel.ceiling_reach[1], clipped, found)
    return xp.maximum(found, clipped)  # of all values that are clipped, up to the error of the interpolation


@dataclass(frozen=True)
class _Part:
    """A range of means near a limit: differences of entropy and variance as a spline, (2, interval, falling power)."""

    low: float
    high: float
    start: float
    table: np.ndarray


@lru_cache(maxsize=32)
def _parts(channel: Channel) -> tuple[_Part, ...]:
    reach, (first, last) = channel.floor_reach, channel.ceiling_reach
    ranges = [(0.0, max(reach, last))] if first <= reach else [(0.0, reach), (first, last)]
    return tuple(_part(channel, low, high) for low, high in ranges if low < high < np.inf)


def _part(channel: Channel, low: float, high: float) -> _Part:
    start, stop = channel.coordinate(low), channel.coordinate(high)
    count = int(np.ceil(stop - start)) + 2
    places = start + np.arange(count)
    means = _means_at(channel, places, low)
    difference = -np.stack(channel.unlimited(means))
    for begin in range(0, count, _BLOCK):
        block = slice(begin, begin + _BLOCK)
        difference[:, block] += _entropy_and_variance(means[block], channel)
    splines = [CubicSpline(np.arange(count), row).c.T for row in difference]
    return _Part(low, high, float(start), np.ascontiguousarray(splines))


def _means_at(channel: Channel, places: np.ndarray, low: float) -> np.ndarray:
    """Return the means at places of the grid, by Newton's method from below: the coordinate is concave in the mean."""
    means = np.full(len(places), low)
    for _ in range(200):
        slope = (1 / (means + _DARK) + 1 / np.sqrt(means + channel.spread)) / _STEP
        step = (places - channel.coordinate(means)) / slope
        means = np.maximum(means + step, 0.0)
        if np.all(np.abs(step) <= 1e-13 * (1 + means)):
            break
    return means


def _entropy_and_variance(means: np.ndarray, channel: Channel) -> tuple[np.ndarray, np.ndarray]:
    """Return both by direct summation for neighbouring means, increasing."""
    first, last = float(means[0]), float(means[-1])
    lowest = max(0.0, np.floor(first - np.sqrt(2 * _NATS * first)))
    electrons = np.arange(lowest, np.ceil(last + _NATS / 3 + np.sqrt(_NATS**2 / 9 + 2 * _NATS * last)) + 2)
    mean = means[:, None]
    pmf = np.exp(xlogy(electrons, mean) - mean - gammaln(electrons + 1))
    if channel.read_noise == 0:
        values = np.clip(electrons, channel.low, channel.high)
        begins = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
        return _summed([(np.add.reduceat(pmf, begins, axis=1), values[begins])], means, channel)
    noise, quantum = channel.read_noise, channel.quantum
    below, above = electrons[0] - _SIGMAS * noise, electrons[-1] + _SIGMAS * noise
    cut = []
    if channel.low > below - quantum:
        cut.append((pmf @ ndtr((channel.low + quantum / 2 - electrons) / noise), channel.low))
    if channel.high < above + quantum:
        cut.append((pmf @ ndtr((electrons - channel.high + quantum / 2) / noise), channel.high))
    atoms = [(chance[:, None], np.array([level])) for chance, level in cut]
    start, stop = max(below, channel.low + quantum / 2), min(above, channel.high - quantum / 2)
    if start >= stop:
        return _summed(atoms, means, channel)
    if noise >= _SMEARED and quantum < np.sqrt(first + noise**2) / _FINE:
        return _integrated(pmf, electrons, means, channel, (start, stop), atoms)
    numbers = np.arange(np.ceil((start - channel.phase) / quantum), np.floor((stop - channel.phase) / quantum) + 1)
    levels = channel.phase + quantum * numbers
    masses = quantum * _smeared(levels, electrons, pmf, channel)
    return _summed([*atoms, (masses, levels)], means, channel)


def _smeared(values, electrons, pmf, channel, *, slope: bool = False) -> np.ndarray:
    """Return the density of values per electron, averaged over a quantum, or its slope; (mean, value)."""
    noise, quantum = channel.read_noise, channel.quantum
    reach = int(np.ceil(_SIGMAS * noise + quantum / 2)) + 1
    near = np.rint(values)[:, None] + np.arange(-reach, reach + 1)
    known = (near >= electrons[0]) & (near <= electrons[-1])
    distance = (values[:, None] - near)[known]
    if slope:
        edges = [np.exp(-0.5 * ((distance + side * quantum) / noise) ** 2) for side in (0.5, -0.5)]
        kernel = (edges[0] - edges[1]) / (noise * np.sqrt(2 * np.pi) * quantum)
    else:
        kernel = electron_kernel(distance, noise, quantum)
    columns = (near[known] - electrons[0]).astype(int)
    rows = np.concatenate([[0], np.cumsum(known.sum(1))])
    return (csr_matrix((kernel, columns, rows), shape=(len(values), len(electrons))) @ pmf.T).T


def _summed(parts, means, channel) -> tuple[np.ndarray, np.ndarray]:
    """Return entropy and variance of levels, given as (chance (mean, level), level (level,))."""
    entropy, moments = np.full(len(means), np.log(channel.quantum)), np.zeros((3, len(means)))
    centre = means[len(means) // 2]
    for chance, levels in parts:
        entropy = entropy - xlogy(chance, chance).sum(1)
        moments += np.stack([chance @ (levels - centre) ** power for power in range(3)])
    return entropy, moments[2] - moments[1] ** 2


def _integrated(pmf, electrons, means, channel, span, atoms) -> tuple[np.ndarray, np.ndarray]:
    """Return entropy and variance where levels are many: integrals between the limits for sums over the levels.

    A sum over the middles of cells is the integral less quantum^2 / 24 of the difference of the slopes at its ends.
    """
    quantum, centre = channel.quantum, means[len(means) // 2]
    panels = int(np.ceil(1.5 * (span[1] - span[0]) / np.sqrt(means[0] + channel.read_noise**2)))
    edges = np.linspace(span[0], span[1], panels + 1)
    half = (edges[1] - edges[0]) / 2
    nodes = (edges[:-1, None] + half * (1 + _NODES[0])).ravel()
    weights = np.tile(half * _NODES[1], panels)
    density = _smeared(nodes, electrons, pmf, channel)
    ends = np.array(span)
    at_ends = _smeared(ends, electrons, pmf, channel)
    slopes = _smeared(ends, electrons, pmf, channel, slope=True)
    slope_of_entropy = -slopes * np.log(np.maximum(at_ends, 1e-300)) - slopes
    entropy = -xlogy(density, density) @ weights - quantum**2 / 24 * np.diff(slope_of_entropy, axis=1)[:, 0]
    moments = np.zeros((3, len(means)))
    for power in range(3):
        moments[power] = density @ (weights * (nodes - centre) ** power)
        slope = slopes * (ends - centre) ** power
        slope = slope + (power * at_ends * (ends - centre) ** (power - 1) if power else 0.0)
        moments[power] -= quantum**2 / 24 * np.diff(slope, axis=1)[:, 0]
    for chance, levels in atoms:
        entropy = entropy - xlogy(chance, chance / quantum).sum(1)
        moments += np.stack([chance @ (levels - centre) ** power for power in range(3)])
    return entropy, moments[2] - moments[1] ** 2

"""A camera with electron multiplication: a register that multiplies single electrons at random before they are read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, ndtr, xlogy

from ideal._ranges import Range
from ideal.errors import UsageError
from ideal.noise.contract import Figure
from ideal.noise.deconvolution import MixingDistribution, ladder
from ideal.noise.electrons import ElectronNoise, Window, enough_electrons, fit_through, poisson_masses
from ideal.noise.entropy import HALF_LOG_2PIE, as_float, namespace
from ideal.noise.photons import draw_poisson

_NODES = np.polynomial.legendre.leggauss(64)
_REACH = 8.0  # standard deviations of read noise
_BRIGHT = 300.0  # photoelectrons above which read noise only widens the register's Gamma distribution
_STEP = 0.05  # of the table of entropies, in standard deviations and in ln(mean)
_DARK = 1e-4  # photoelectrons, below which it is even
_LAST = 400.0  # photoelectrons, above which the entropy is that of a Gaussian and a correction
_GRID_STEP, _BIN_STEP, _BIN_BRIGHT = 0.07, 0.25, 100.0  # as of the deconvolution of other cameras
_UINT16 = 65_535


@dataclass(frozen=True)
class EMCCD(ElectronNoise):
    """A camera with electron multiplication: photons and spurious charge through a multiplying register, then read noise.

    N is Poisson of mean X + spurious. The register makes a Gamma distribution of shape N and scale `multiplication` of
    it (Basden, Haniff and Mackay, Mon. Not. R. Astron. Soc. 345, 985, 2003), to which read noise is added. Measurements are given
    in photoelectrons: what the register puts out, over the multiplication.

    Args:
        multiplication: mean gain of the register.
        read_noise: standard deviation after the register, electrons, as data sheets name it.
        spurious: mean charge that no photon made (clock-induced, and dark current), electrons per pixel before the register.
        gain: photoelectrons per DN: what data sheets name in electrons per DN, over the multiplication.
        offset: DN in the dark.
        quantised: whether measurements are whole DN (a camera's raw numbers) or continuous.
        step: DN between two levels of the converter.

    Raises:
        UsageError: a figure has no meaning.

    Example:
        >>> from ideal.noise import EMCCD
        >>> float(EMCCD(multiplication=300.0, read_noise=45.0).variance(5.0))  # twice that of photons, and 0.15 squared
        10.0225

    """

    multiplication: float
    read_noise: float
    spurious: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    quantised: bool = False
    step: int = 1
    name = "emccd"
    summary = "a camera with electron multiplication (EMCCD)"
    formula = "Y = gain (DN - offset) = (Gamma(N, m) + read_noise N(0, 1)) / m, N = Poisson(X + spurious), m = multiplication"
    units = None
    figures = (
        Figure("multiplication", "", "mean gain of the register", within=Range(1.0, 1e5)),
        Figure(
            "read_noise",
            "electrons",
            "standard deviation of the read noise, of a register before its output is divided",
            within=Range(1e-3, 1e5),
            option="--read-noise",
        ),
        Figure("spurious", "electrons", "mean charge that no photon made", needed=False, positive=False, within=Range(0.0, 1e3)),
        Figure("gain", "photoelectrons per DN", "gain", needed=False, within=Range(1e-5, 1e6), option="--gain"),
        Figure("offset", "DN", "level in the dark", needed=False, positive=False, within=Range(-1e6, 1e6), option="--offset"),
    )

    def __post_init__(self):
        for name in ("multiplication", "read_noise", "gain"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"the {name.replace('_', ' ')} of emccd noise must be a finite number above 0; found {value:g}")
        if not (math.isfinite(self.spurious) and self.spurious >= 0):
            raise UsageError(f"the spurious charge of emccd noise must be a finite number from 0 on; found {self.spurious:g}")

    @property
    def spread(self) -> float:
        """Standard deviation of the read noise in photoelectrons, read_noise / multiplication."""
        return self.read_noise / self.multiplication

    @property
    def quantum(self) -> float:
        """Photoelectrons per step of the converter; 0 where the measurements are continuous."""
        return self.gain * self.step if self.quantised else 0.0

    @property
    def origin(self) -> float:
        """One of the levels of the converter, photoelectrons; 0 where the measurements are continuous."""
        return (-self.offset * self.gain) % self.quantum if self.quantised else 0.0

    def sample(self, key, mean):
        """Draw measurements in photoelectrons, on the converter's levels where `quantised`."""
        if isinstance(key, np.random.Generator):
            xp, electrons = np, draw_poisson(key, np.asarray(mean) + self.spurious)
            out = key.standard_gamma(electrons) + self.spread * key.standard_normal(electrons.shape)
        else:
            import jax
            import jax.numpy as xp

            keys = jax.random.split(key, 3)
            electrons = draw_poisson(keys[0], mean + self.spurious)
            multiplied = jax.random.gamma(keys[1], xp.maximum(electrons, 1.0), electrons.shape, electrons.dtype)
            out = xp.where(electrons > 0, multiplied, 0.0)
            out = out + self.spread * jax.random.normal(keys[2], electrons.shape, electrons.dtype)
        if not self.quantised:
            return out
        levels = xp.round((out / self.gain + self.offset) / self.step)
        return self.gain * (self.step * levels - self.offset)

    def log_prob(self, measurement, mean):
        """Return the log-density per photoelectron, of the converter's levels the log-probability per quantum.

        Of electrons through the register the density is exp(-l - t) sqrt(l / t) I1(2 sqrt(l t)) at t > 0, and exp(-l) that there
        are none, with l = X + spurious. Read noise smears it, by quadrature within 1e-9.
        """
        xp, special = namespace(measurement, mean)
        values, light = as_float(measurement, xp), as_float(mean, xp) + self.spurious
        spread, quantum = self.spread, self.quantum
        reach = _REACH * spread + quantum / 2
        nodes = _nodes(spread, quantum)
        low = xp.maximum(values - reach, 0.0)[..., None]
        half = xp.maximum(xp.maximum(values + reach, 0.0)[..., None] - low, 1e-30) / 2
        # By the square root, in which the density has no edge at 0.
        ends = xp.sqrt(low), xp.sqrt(low + 2 * half)
        middle, width = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
        root = middle + width * xp.asarray(nodes[0], dtype=values.dtype)
        t = root**2
        weight = width * xp.asarray(nodes[1], dtype=values.dtype) * 2 * root
        lit = xp.maximum(light, xp.finfo(values.dtype).tiny)[..., None]
        argument = 2 * xp.sqrt(lit * t)
        # I1(z) exp(-z) / (z / 2) is smooth at 0.
        ratio = xp.where(
            argument > 1e-6, special.i1e(xp.maximum(argument, 1e-6)) / (xp.maximum(argument, 1e-6) / 2), 1.0 - argument
        )
        density = lit * xp.exp(-((xp.sqrt(lit) - root) ** 2)) * ratio
        smear = self._smeared(values[..., None] - t, xp, special)
        total = (density * smear * weight).sum(-1) + xp.exp(-light) * self._smeared(values, xp, special)
        found = xp.log(xp.maximum(total, xp.finfo(values.dtype).tiny))
        return xp.where(total > 0, found, -xp.inf)

    def _smeared(self, distance, xp, special):
        spread, quantum = self.spread, self.quantum
        if not quantum:
            return xp.exp(-0.5 * (distance / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
        low, high = (distance - quantum / 2) / spread, (distance + quantum / 2) / spread
        flip = low > 0
        low, high = xp.where(flip, -high, low), xp.where(flip, -low, high)
        return (special.ndtr(high) - special.ndtr(low)) / quantum

    def entropy(self, mean):
        """Return the entropy of a value at its mean, by quadrature, tabulated and interpolated within 2e-5 nat.

        Above 400 photoelectrons it is a Gaussian's with the correction of Edgeworth, within 1e-5 nat. The converter's steps enter
        by their place only where they are wider than a quarter of the read noise.
        """
        xp, _ = namespace(mean)
        light = as_float(mean, xp) + self.spurious
        table = _entropy_table(self.spread, self.quantum, self.origin)
        inside = xp.where((light >= 0) & (light < _LAST), light, 0.0)
        position = _coordinate(inside, self.spread, xp)
        index = xp.clip(xp.floor(position), 0, len(table) - 1).astype("int32")
        x = position - index
        c3, c2, c1, c0 = (xp.take(xp.asarray(table[:, j], dtype=light.dtype), index) for j in range(4))
        low = ((c3 * x + c2) * x + c1) * x + c0
        bright = xp.maximum(light, _LAST)
        variance = 2 * bright + self.spread**2 + self.quantum**2 / 12
        high = HALF_LOG_2PIE + 0.5 * xp.log(variance) + _edgeworth(bright, variance)
        return xp.where(light >= 0, xp.where(light < _LAST, low, high), xp.nan)

    def expected(self, mean):
        """Return the mean and the spurious charge."""
        return mean + self.spurious

    def variance(self, mean):
        """Return 2 (mean + spurious), and what read noise and the converter's steps add, photoelectrons squared."""
        xp, _ = namespace(mean)
        return 2 * (xp.maximum(mean, 0.0) + self.spurious) + self._constant

    @property
    def _constant(self) -> float:
        return self.spread**2 + self.quantum**2 / 12

    @property
    def linear_variance(self) -> tuple[float, float]:
        """The variance of the read noise, and 2 per photoelectron: multiplication adds as much as photons."""
        return self.spread**2, 2.0

    @property
    def least_deviation(self) -> float:
        """The read noise, photoelectrons."""
        return self.spread

    def variance_from(self, values):
        """Return twice the value, whose mean holds the spurious charge, and what is added after the register."""
        return 2 * values + self._constant

    def fourth_cumulant(self, variance):
        """Return 24 for each electron, 12 times the variance."""
        return 12 * variance

    def windows(self, values, figures=None) -> Sequence[Window]:
        """Return what values tell of the number of electrons; see `ElectronNoise`."""
        values = np.asarray(values, dtype=np.float64)
        found, edges = [], [0.0, 2.0, 6.0, 15.0, 40.0, 100.0, _BRIGHT]
        place = np.searchsorted(edges, values)
        for group in np.unique(place):
            index = np.flatnonzero(place == group)
            own = values[index]
            top = max(float(own.max()), 0.0) + 2 * self.spread
            last = int(np.ceil(top + 8 * np.sqrt(top + self.spread**2) + 12))
            if group < len(edges):
                weights = kernel(own, last + 1, self.spread, self.quantum)
                found.append(Window(index, np.zeros(len(own)), weights))
            else:
                width = int(np.ceil(18 * np.sqrt(top)))
                first = np.maximum(np.floor(own - 9 * np.sqrt(own)), 1.0)
                electrons = first[:, None] + np.arange(width)
                found.append(Window(index, first, _bright_kernel(own[:, None], electrons, self.spread)))
        return found

    def electrons_behind(self, expected: np.ndarray) -> np.ndarray:
        """Return the expected values: they hold the spurious charge."""
        return expected

    def fit_means(self, values) -> MixingDistribution:
        """Return the distribution of mean photoelectrons behind a camera's values."""
        values = np.asarray(values, dtype=np.float64)
        spread, floor = self.spread, self.spread**2
        low, high = float(values.min()), float(values.max())
        # Steps in the noise of variance 2 m + spread^2 are those of variance m + spread^2 / 2, in other units.
        half = spread / np.sqrt(2)
        edges = np.concatenate(
            [
                np.arange(low - spread, min(0.0, high), _BIN_STEP * spread),
                ladder(0.0, high + spread, _BIN_STEP * np.sqrt(2), _BIN_BRIGHT, half),
            ]
        )
        if self.quantised:
            edges = self.origin + self.quantum * (np.round((edges - self.origin) / self.quantum - 0.5) + 0.5)
        edges = np.unique(edges)
        top = max(high, 0.0) + 3 * spread + 1.0 + np.sqrt(2 * max(high, 0.0) + floor)
        grid = ladder(0.0, top, _GRID_STEP * np.sqrt(2), 25.0, max(half, 0.3))

        def masses(count):
            return _bin_masses(edges, count, spread)

        found = fit_through(values, edges, grid + self.spurious, masses, tolerance=0.0 if top < 40 else 1e-3)
        return MixingDistribution(grid, found.weights, found.edges, found.likelihood, found.frequency, found.count)

    def continuous(self) -> Self:
        """Return the output of the register before the converter."""
        return replace(self, quantised=False)

    # Files, configurations and the command line.

    @classmethod
    def of(cls, measured) -> Self | None:
        """Return the camera of a measurement set; None where a figure is missing."""
        calibration = measured.calibration
        if cls.missing(calibration):
            return None
        spurious = calibration.figure("spurious") or 0.0
        own = calibration.figure("multiplication"), calibration.read_noise
        return cls(*own, spurious, calibration.gain, calibration.offset, measured.integer, measured.step)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return a camera that gives whole DN, with these figures."""
        return cls(**settings, quantised=True)

    def attributes(self) -> dict[str, Any]:
        """Return the camera's figures; without a converter, that its values are photoelectrons."""
        found = {"multiplication": self.multiplication, "read_noise": self.read_noise, "spurious": self.spurious}
        return found | ({"gain": self.gain, "offset": self.offset} if self.quantised else {"units": "photoelectrons"})

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return whole DN, as the converter gives them, or photoelectrons as they are where there is none."""
        return np.round(values / self.gain + self.offset).astype(np.int64) if self.quantised else values

    def stored_type(self, largest: float) -> np.dtype:
        """Return 16 bits where they hold the numbers, else 32, or single precision without a converter."""
        if not self.quantised:
            return np.dtype(np.float32)
        light = 4 * largest + self.spurious
        ends = self.offset - 10 * self.spread / self.gain, (light + 10 * np.sqrt(2 * light + 40)) / self.gain + self.offset
        return np.dtype(np.uint16 if ends[0] >= 0 and ends[1] < _UINT16 else np.int32)

    def describe(self) -> dict:
        """Return the name and the camera's figures."""
        figures = ("multiplication", "read_noise", "spurious", "gain", "offset", "quantised", "step")
        return {"name": self.name} | {name: getattr(self, name) for name in figures}


def kernel(values: np.ndarray, count: int, spread: float, quantum: float = 0.0) -> np.ndarray:
    """Return the density of values given 0 to count - 1 electrons, per photoelectron, (value, electron); values up to 300.

    A Gamma distribution of shape n and scale 1, smeared by read noise, is exp(spread^2 / 2 - y) times the truncated moments of a
    Gaussian about y - spread^2, which follow from each other. Over a converter's step it is averaged by Gauss's rule.
    """
    values = np.asarray(values, dtype=np.float64)
    if quantum > 0:
        places, weights = np.polynomial.legendre.leggauss(int(np.clip(np.ceil(2 + 3 * quantum / spread), 3, 64)))
        shifts = zip(places * quantum / 2, weights / 2, strict=True)
        return np.sum([weight * kernel(values + shift, count, spread) for shift, weight in shifts], axis=0)
    centre = values - spread**2
    standard = centre / spread
    normal = np.exp(-0.5 * (values / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    found = np.empty((len(values), count))
    found[:, 0] = normal
    # In units of exp(spread^2 / 2 - values); the Gaussian at 0 times that is `normal`.
    before = np.exp(spread**2 / 2 - values) * ndtr(standard)
    if count > 1:
        found[:, 1] = before
    if count > 2:
        last, before = before, centre * before + spread**2 * normal
        found[:, 2] = before
        for k in range(2, count - 1):
            last, before = before, (centre * before + spread**2 * last) / k
            found[:, k + 1] = before
    return np.maximum(found, 0.0, out=found)


def _bright_kernel(values, electrons, spread):
    """Return the density of bright values: read noise widens the Gamma distribution, of the same mean."""
    scale = 1 + spread**2 / electrons
    shape = electrons / scale
    return np.exp(xlogy(shape - 1, values / scale) - values / scale - gammaln(shape)) / scale


def _nodes(spread: float, quantum: float) -> tuple[np.ndarray, np.ndarray]:
    count = int(min(64 * np.ceil(1 + quantum / spread / 16), 256))
    return _NODES if count == 64 else np.polynomial.legendre.leggauss(count)


def _coordinate(light, spread: float, xp=np):
    return (xp.log1p(light / _DARK) + xp.sqrt(2 * light + spread**2) - spread) / _STEP


@lru_cache(maxsize=16)
def _entropy_table(spread: float, quantum: float, phase: float) -> np.ndarray:
    """Tabulate the entropy as a cubic spline of the coordinate, a row of coefficients for each interval."""
    count = int(np.ceil(_coordinate(_LAST, spread))) + 2
    places = np.arange(count, dtype=np.float64)
    means = np.zeros(count)
    for _ in range(200):  # Newton's method from below: the coordinate is concave
        slope = (1 / (means + _DARK) + 1 / np.sqrt(2 * means + spread**2)) / _STEP
        step = (places - _coordinate(means, spread)) / slope
        means = np.maximum(means + step, 0.0)
        if np.all(np.abs(step) <= 1e-13 * (1 + means)):
            break
    values, weights = _entropy_nodes(float(means[-1]), spread, quantum, phase)
    electrons = enough_electrons(float(means[-1]))
    density = np.empty((len(values), electrons))
    dim = values <= _BRIGHT
    for begin in range(0, len(values), 2048):  # blocks bound the memory
        part = slice(begin, begin + 2048)
        own = values[part]
        density[part] = np.concatenate(
            [
                kernel(own[dim[part]], electrons, spread, quantum),
                _bright_kernel(own[~dim[part], None], np.maximum(np.arange(electrons), 1e-3), spread),
            ]
        )
    found = np.empty(count)
    for begin in range(0, count, 64):
        part = slice(begin, begin + 64)
        mixed = poisson_masses(means[part], electrons) @ density.T
        found[part] = -xlogy(mixed, mixed) @ weights
    return np.ascontiguousarray(CubicSpline(places, found).c.T)


def _entropy_nodes(largest: float, spread: float, quantum: float, phase: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values and their weights in an integral of the entropy; the converter's levels where they are coarse."""
    low, high = -10 * spread - quantum, largest + 10 * np.sqrt(2 * largest + spread**2 + 10) + 20
    if quantum > spread / 4:
        levels = phase + quantum * np.arange(np.floor((low - phase) / quantum), np.ceil((high - phase) / quantum) + 1)
        return levels, np.full(len(levels), quantum)
    # Panels as wide as the read noise near 0, where values without electrons stand, and growing with the noise of light.
    edges = [low]
    while edges[-1] < high:
        edges.append(edges[-1] + 1.5 * spread + 0.25 * max(edges[-1] - 8 * spread, 0.0) ** 0.5)
    middle, half = (np.array(edges[1:]) + np.array(edges[:-1])) / 2, np.diff(edges) / 2
    nodes, weights = np.polynomial.legendre.leggauss(10)
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


def _bin_masses(edges: np.ndarray, count: int, spread: float) -> np.ndarray:
    """Return the probability of each bin given 0 to count - 1 electrons, (electron, bin)."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    places = (middle[:, None] + half[:, None] * nodes).ravel()
    density = np.empty((len(places), count))
    dim = places <= _BRIGHT
    density[dim] = kernel(places[dim], count, spread)
    density[~dim] = _bright_kernel(places[~dim, None], np.maximum(np.arange(count), 1e-3), spread)
    inner = (density.reshape(len(middle), 4, count) * (half[:, None] * weights)[..., None]).sum(1).T
    inner[0] = np.diff(ndtr(edges / spread))
    return np.concatenate([np.zeros((count, 1)), inner, np.zeros((count, 1))], axis=1)


def _edgeworth(mean, variance):
    """Return the entropy of multiplied electrons less that of a Gaussian, to second order in 1 / mean: cumulants are m r!."""
    skew2, kurtosis = 36 * mean**2 / variance**3, 24 * mean / variance**2
    return -skew2 / 12 - kurtosis**2 / 48 - 7 * skew2**2 / 48 + skew2 * kurtosis / 8

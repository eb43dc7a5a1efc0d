"""The distribution of mean photoelectrons over pixels, from noisy values alone.

E[H(lambda)] over the pixels of a measurement depends only on the marginal distribution of lambda, and the histogram of the
values is that distribution seen through the noise. Its nonparametric maximum-likelihood estimate (Kiefer and Wolfowitz,
1956) on a fixed grid is a concave problem, solved by expectation maximisation from equal weights. Its exact solution is a few
spikes; the iterations stop before they form, which lowers the scatter of E[H] for smooth distributions and costs a constant
object about 0.001 nat.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, pdtr, xlogy

# Steps in units of the noise's standard deviation, and the electrons above which they grow with the mean instead: there the
# entropy is smooth, and a few bright pixels must not coarsen the dark ones.
_GRID_STEP, _GRID_BRIGHT = 0.07, 25.0
_BIN_STEP, _BIN_BRIGHT = 0.25, 100.0
_RIDGE = 1.0  # in units of one value's information; chosen so that the influence scatters as the estimate does
_CLIPPED = 4.0  # standard deviations above the highest level to which means may lie
_LEAST_GAIN = 1e-9  # of the log-likelihood per value
_EXACT_LIMIT = 500.0  # mean electrons above which Poisson + Gaussian noise is as good as Gaussian


@dataclass(frozen=True)
class MixingDistribution:
    """Weights on a grid of mean photoelectrons, and what is needed to carry them over to single values.

    Attributes:
        grid: mean photoelectrons, shape (grid,).
        weights: probabilities, shape (grid,).
        edges: inner boundaries of the bins of values, increasing, shape (bins - 1,).
        likelihood: probability of each bin given each grid point, shape (bins, grid).
        frequency: share of the fitted values in each bin, shape (bins,).
        count: number of values fitted.

    """

    grid: np.ndarray
    weights: np.ndarray
    edges: np.ndarray
    likelihood: np.ndarray
    frequency: np.ndarray
    count: int

    def expectation(self, function_on_grid: np.ndarray) -> float:
        """Return the mean of a function of lambda, given on the grid, over all pixels."""
        return float(self.weights @ function_on_grid)

    def influence(self, values: np.ndarray, function_on_grid: np.ndarray, count: int | None = None) -> np.ndarray:
        """Return for each value, any shape, a number whose average over values estimates the mean of a function of lambda.

        The numbers are those of the estimate's influence function, not posterior expectations: over the fitted values they
        average to the estimate, over others to an unbiased estimate for these, and they scatter as the estimate does. So
        paired with another quantity of the same pixels they give it the right interval.

        Args:
            values: measured photoelectrons.
            function_on_grid: shape (grid,).
            count: of the values that will be averaged, which limits what they can resolve; by default those fitted.

        """
        per_bin = self._influence_by_bin(function_on_grid, count or self.count)
        return per_bin[np.searchsorted(self.edges, values, side="right")]

    def _influence_by_bin(self, function_on_grid, count):
        # psi solves E[psi(value) | lambda] = f(lambda) as far as so many values can tell, in the metric of the information
        # matrix of the weights; the ridge stands for the directions that they cannot.
        mixture = self.likelihood @ self.weights
        used = self.frequency > 0
        root = np.sqrt(self.weights)
        scaled = self.likelihood * (root / mixture[:, None])
        information = scaled[used].T @ (self.frequency[used, None] * scaled[used])
        ridge = _RIDGE / count
        solved = np.linalg.solve(information + ridge * np.eye(len(root)), root * function_on_grid)
        per_bin = scaled @ solved
        return per_bin + self.expectation(function_on_grid) - self.frequency @ per_bin


def fit_mixing_distribution(
    values: np.ndarray,
    read_noise: float = 0.0,
    quantum: float = 0.0,
    phase: float = 0.0,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    tolerance: float = 1e-3,
    max_iterations: int = 20_000,
) -> MixingDistribution:
    """Estimate the distribution of mean photoelectrons behind noisy values.

    Args:
        values: measured photoelectrons, any shape. Whole numbers when `read_noise` and `quantum` are 0 (Poisson counts).
        read_noise: standard deviation of Gaussian read noise, electrons.
        quantum: step of the converter in electrons, 0 for none; with `phase`, the position of one of its levels.
        low, high: lowest and highest level of the converter, electrons: every value beyond reads as the limit. Of means that
            lie far above the highest only the share can be told.
        tolerance: stop when the log-likelihood of all values grows by less than this over 16 iterations, or by less than 1e-9 per
            value. At 1e-3, E[H] of camera values was within 2e-4 nat of where 1e-9 per value ends; of counts of an object of one
            brightness, within 3e-3, which is why counts go on to that.
        max_iterations: bound on the iterations.

    Returns:
        The fitted distribution.

    """
    values = np.asarray(values, dtype=np.float64).ravel()
    poisson = read_noise == 0 and quantum == 0
    lattice = (1.0, 0.0) if poisson else (quantum, phase)
    edges = bin_edges(values.min(), values.max(), read_noise, *lattice, low, high)
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    grid = mean_grid(float(values.max()), read_noise, high if values.max() >= high - lattice[0] / 4 else np.inf)
    likelihood = bin_likelihood(edges, grid, read_noise if not poisson else 0.0)
    return _fitted(counts, edges, grid, likelihood, tolerance, max_iterations)


def fit_by_likelihood(
    values: np.ndarray,
    edges: np.ndarray,
    grid: np.ndarray,
    likelihood: np.ndarray,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 20_000,
) -> MixingDistribution:
    """Estimate the distribution of means behind values of any noise whose probabilities are known.

    Args:
        values: measured, any shape.
        edges: inner boundaries of the bins of values, increasing, (bin - 1,).
        grid: means that may be, (grid,).
        likelihood: probability of each bin given each of these means, above 0, (bin, grid).
        tolerance, max_iterations: as of `fit_mixing_distribution`.

    """
    values = np.asarray(values, dtype=np.float64).ravel()
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return _fitted(counts, edges, grid, likelihood, tolerance, max_iterations)


def _fitted(counts, edges, grid, likelihood, tolerance, max_iterations) -> MixingDistribution:
    total = int(counts.sum())
    weights = _maximise(likelihood, counts / total, max(tolerance / total, _LEAST_GAIN), max_iterations)
    return MixingDistribution(grid, weights, edges, likelihood, counts / total, total)


def bin_edges(
    least: float, most: float, read_noise: float, quantum: float, phase: float, low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """Return the inner boundaries of bins of values from `least` to `most`, about a quarter of the local noise wide.

    They lie midway between the levels of a converter, if it has any; what is beyond its limits `low` and `high` reads as these.
    """
    edges = _bin_edges(least, most, read_noise, quantum, phase)
    return _edges_between(edges, low + quantum / 2, high - quantum / 2)


def mean_grid(most: float, read_noise: float, clipped_at: float = np.inf) -> np.ndarray:
    """Return mean electrons that may lie behind values up to `most`; where values are clipped, some above the limit."""
    top = max(most, 0.0) + 3 * read_noise + 1.0
    if np.isfinite(clipped_at):  # from this mean on every value is clipped
        top += _CLIPPED * np.sqrt(top + read_noise**2)
    return ladder(0.0, top, _GRID_STEP, _GRID_BRIGHT, read_noise)


def bin_likelihood(edges: np.ndarray, grid: np.ndarray, read_noise: float) -> np.ndarray:
    """Return the probability of each bin at each mean, (bin, grid), above 0; without read noise that of counts."""
    cumulative = _poisson_cumulative(edges, grid) if read_noise == 0 else _cumulative(edges, grid, read_noise)
    bounds = np.concatenate([np.zeros((1, len(grid))), cumulative, np.ones((1, len(grid)))])
    return np.maximum(np.diff(bounds, axis=0), 1e-300)


def ladder(low: float, high: float, step: float, limit: float, read_noise: float) -> np.ndarray:
    """Return increasing electron numbers from low to high, a step of the local noise apart, in constant ratio above a limit."""
    floor = max(read_noise**2, 1e-2 if low < 0 else 0.0)
    bright = 2 * (np.sqrt(limit + floor) - np.sqrt(floor))
    slope = np.sqrt(limit + floor)

    def toladder(x):
        if x <= 0:
            return x / np.sqrt(floor) if floor > 0 else 0.0
        if x <= limit:
            return 2 * (np.sqrt(x + floor) - np.sqrt(floor))
        return bright + slope * np.log((x + floor) / (limit + floor))

    count = int(np.ceil((toladder(high) - toladder(low)) / step)) + 1
    v = np.linspace(toladder(low), toladder(high), count)
    dim = (np.minimum(np.maximum(v, 0), bright) / 2 + np.sqrt(floor)) ** 2 - floor
    lit = (limit + floor) * np.exp(np.maximum(v - bright, 0) / slope) - floor
    return np.where(v <= 0, v * np.sqrt(floor), np.where(v <= bright, dim, lit))


def _bin_edges(low, high, read_noise, quantum, phase):
    """Boundaries of bins about a quarter of the local noise wide, midway between the converter's levels if it has any."""
    x = ladder(low - read_noise - 1e-9, high + read_noise + 1e-9, _BIN_STEP, _BIN_BRIGHT, read_noise)
    if quantum > 0:
        x = np.unique(phase + quantum * (np.round((x - phase) / quantum - 0.5) + 0.5))
    return x


def _edges_between(edges, low, high):
    """Merge the bins beyond a converter's limits: what would lie there reads as the limit."""
    inside = edges[(edges > low) & (edges < high)]
    if len(inside) == len(edges):
        return edges
    return np.concatenate([[low] if edges[0] <= low else [], inside, [high] if edges[-1] >= high else []])


def _poisson_cumulative(edges, grid):
    """P(count <= edge), shape (edges, grid)."""
    return np.where(edges[:, None] >= 0, pdtr(np.floor(np.maximum(edges, 0))[:, None], grid[None, :]), 0.0)


def _cumulative(edges, grid, read_noise):
    """P(value <= edge) of Poisson electrons plus Gaussian noise, shape (edges, grid)."""
    cumulative = ndtr((edges[:, None] - grid) / np.sqrt(grid + read_noise**2))
    exact = grid <= _EXACT_LIMIT
    means = grid[exact]
    electrons = np.arange(int(means[-1] + 12 * np.sqrt(means[-1]) + 30))
    pmf = np.exp(xlogy(electrons, means[:, None]) - means[:, None] - gammaln(electrons + 1))
    cumulative[:, exact] = ndtr((edges[:, None] - electrons) / read_noise) @ pmf.T
    return cumulative


def _maximise(likelihood, frequency, tolerance, max_iterations):
    """Maximise sum_b f_b ln (L w)_b over the simplex by EM with squared extrapolation (Varadhan and Roland, 2008)."""
    used = frequency > 0
    likelihood, frequency = np.ascontiguousarray(likelihood[used]), frequency[used]

    def step(w):
        mixture = likelihood @ w
        return w * ((frequency / mixture) @ likelihood), frequency @ np.log(mixture)

    weights = np.full(likelihood.shape[1], 1.0 / likelihood.shape[1])
    checkpoint = -np.inf
    for iteration in range(max_iterations // 3):
        first, value = step(weights)
        second, first_value = step(first)
        if iteration % 16 == 0:
            if first_value - checkpoint < tolerance:
                break
            checkpoint = first_value
        change, bend = first - weights, second - 2 * first + weights
        norm = np.sqrt(bend @ bend)
        length = max(np.sqrt(change @ change) / norm, 1.0) if norm > 0 else 1.0
        trial = np.maximum(weights + 2 * length * change + length**2 * bend, 0.0)
        trial, trial_value = step(trial / trial.sum())
        weights = trial if trial_value >= value else second
    return weights / weights.sum()

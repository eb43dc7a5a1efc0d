"""Entropies that have no elementary closed form, accurate and differentiable: Poisson and Poisson-Gaussian.

Both are evaluated from polynomials whose coefficients are computed once from direct summation, so that NumPy arrays (in
float64) and JAX arrays (traced or not) go through the same code.
"""

from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.polynomial import chebyshev
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, ndtr, xlogy

_SMALL, _LARGE = 1.0, 64.0  # boundaries between the three expressions for the Poisson entropy
_ASYMPTOTIC = (-1 / 12, -1 / 24, -19 / 360, -9 / 80, -863 / 2520, -1375 / 1008)  # times mean^-1, mean^-2, ...
HALF_LOG_2PIE = 0.5 * np.log(2 * np.pi * np.e)


def namespace(*arrays) -> tuple[ModuleType, ModuleType]:
    """Return (array functions, special functions) for the arguments: JAX's where any is a JAX array, else NumPy's."""
    for array in arrays:
        find = getattr(array, "__array_namespace__", None)
        if find is not None and find() is not np:
            import jax.numpy as jnp
            import jax.scipy.special as jsp

            return jnp, jsp
    import scipy.special

    return np, scipy.special


def as_float(array, xp: ModuleType):
    """Return the array in float64 under NumPy, and in its own floating type under JAX."""
    array = xp.asarray(array)
    if xp is np:
        return array.astype(np.float64, copy=False)
    return array if xp.issubdtype(array.dtype, xp.floating) else array.astype(xp.result_type(float))


def poisson_entropy(mean):
    """Return the entropy of a Poisson variable.

    Args:
        mean: mean counts, any shape, nonnegative; NumPy or JAX.

    Returns:
        Nats, same shape; within 1e-9 of direct summation in float64 for every mean >= 0, NaN below 0. The derivative
        diverges as -ln(mean) at 0; there the finite value at the smallest normal float is used.

    """
    xp, _ = namespace(mean)
    mean = as_float(mean, xp)
    tiny = xp.finfo(mean.dtype).tiny
    # Each branch sees a mean of its own range; a clip would halve the derivative where the mean is the bound itself.
    small = xp.where((mean >= 0) & (mean < _SMALL), mean, 0.5)
    middle = xp.where((mean >= _SMALL) & (mean < _LARGE), mean, _SMALL)
    inverse = 1.0 / xp.where(mean >= _LARGE, mean, _LARGE)
    low, high = _poisson_coefficients()
    # E[ln K!] is mean^2 times an entire function, and -mean ln mean + mean is exact.
    h_small = small - small * xp.log(xp.maximum(small, tiny)) + small**2 * _clenshaw(2 * small - 1, low, xp)
    h_middle = HALF_LOG_2PIE + 0.5 * xp.log(middle)
    h_middle = h_middle + _clenshaw(2 * xp.log(middle) / np.log(_LARGE) - 1, high, xp)
    series = 0.0
    for coefficient in reversed(_ASYMPTOTIC):
        series = (series + coefficient) * inverse
    h_large = HALF_LOG_2PIE - 0.5 * xp.log(inverse) + series
    entropy = xp.where(mean < _SMALL, h_small, xp.where(mean < _LARGE, h_middle, h_large))
    return xp.where(mean >= 0, entropy, xp.nan)


def _clenshaw(x, coefficients, xp):
    """Sum a Chebyshev series at x in [-1, 1]."""
    b1 = b2 = xp.zeros_like(x)
    for c in coefficients[:0:-1]:
        b1, b2 = 2 * x * b1 - b2 + c, b1
    return x * b1 - b2 + coefficients[0]


@lru_cache(maxsize=1)
def _poisson_coefficients() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Chebyshev coefficients below 1 (of E[ln K!]/mean^2) and from 1 to 64 (of H - 1/2 ln(2 pi e mean), in ln mean)."""

    def factorial_term(mean):
        k = np.arange(2, 60)
        log_series = xlogy(k - 2, mean[:, None]) - mean[:, None] - gammaln(k + 1)
        return (np.exp(log_series) * gammaln(k + 1)).sum(1)

    def remainder(mean):
        k = np.arange(0, 260)
        log_p = xlogy(k, mean[:, None]) - mean[:, None] - gammaln(k + 1)
        return -(np.exp(log_p) * log_p).sum(1) - HALF_LOG_2PIE - 0.5 * np.log(mean)

    low = chebyshev.chebinterpolate(lambda x: factorial_term((x + 1) / 2), 14)
    high = chebyshev.chebinterpolate(lambda x: remainder(np.exp((x + 1) / 2 * np.log(_LARGE))), 40)
    return tuple(low.tolist()), tuple(high.tolist())


def poisson_gaussian_entropy(mean, read_noise: float, quantum: float = 0.0, phase: float = 0.0):
    """Return the entropy of Poisson electrons plus Gaussian read noise, optionally quantised.

    Args:
        mean: mean photoelectrons, any shape, nonnegative; NumPy or JAX.
        read_noise: standard deviation in electrons.
        quantum: width in electrons of one step of the analogue-to-digital converter; 0 for none.
        phase: position in electrons of one of the converter's levels.

    Returns:
        Nats, same shape. Without a quantum it is the differential entropy in electrons. With one it is the discrete
        entropy plus ln(quantum): the differential entropy of the measurement plus uniform noise of one quantum, so that
        it goes with a density fitted to dequantised values, and so that for a small quantum the two agree.

    """
    xp, _ = namespace(mean)
    mean = as_float(mean, xp)
    variance = read_noise**2 + quantum**2 / 12
    if quantum == 0 and read_noise < 0.1:  # the peaks overlap by less than 4e-6
        return poisson_entropy(mean) + HALF_LOG_2PIE + np.log(read_noise)
    scale, step, table, limit = _poisson_gaussian_table(float(read_noise), float(quantum), float(phase % (quantum or 1.0)))
    last = len(table) - 1
    position = xp.log1p(xp.where((mean >= 0) & (mean < limit), mean, limit) / scale) / step
    index = xp.clip(xp.floor(position), 0, last).astype("int32")
    x = position - index
    c3, c2, c1, c0 = (xp.take(xp.asarray(table[:, j], dtype=mean.dtype), index) for j in range(4))
    deviation = ((c3 * x + c2) * x + c1) * x + c0
    deviation = deviation + xp.where(mean >= limit, _edgeworth(mean, variance, xp) - _edgeworth(limit, variance, np), 0.0)
    entropy = HALF_LOG_2PIE + 0.5 * xp.log(xp.where(mean >= 0, mean, 0.0) + variance) + deviation
    return xp.where(mean >= 0, entropy, xp.nan)


def _edgeworth(mean, variance, xp):
    """Entropy of Poisson + Gaussian noise less that of a Gaussian of the same variance, to second order in 1/mean."""
    mean = xp.where(mean > 1.0, mean, 1.0)
    total = mean + variance
    skew2, kurtosis = mean**2 / total**3, mean / total**2
    return -skew2 / 12 - kurtosis**2 / 48 - 7 * skew2**2 / 48 + skew2 * kurtosis / 8


@lru_cache(maxsize=32)
def _poisson_gaussian_table(read_noise: float, quantum: float, phase: float):
    """Tabulate (entropy - Gaussian entropy) as a cubic spline, uniform in ln(1 + mean / scale).

    Returns (scale, step, coefficients of each interval by falling power, largest mean).
    """
    variance = read_noise**2 + quantum**2 / 12
    scale = 1e-4
    limit = max(250.0, 4 * quantum**2)
    step = min(0.05, 1 / (8 * max(quantum, 1e-9)))  # resolve the ripple of period `quantum` where it is strongest
    count = int(np.ceil(np.log1p(limit / scale) / step)) + 1
    step = np.log1p(limit / scale) / (count - 1)
    means = scale * np.expm1(step * np.arange(count))
    electrons = np.arange(int(limit + 12 * np.sqrt(limit) + 30))
    reach = 10 * read_noise + quantum
    if quantum >= read_noise / 8:
        node = quantum
        first = np.floor((-reach - phase) / node)
        nodes = phase + node * (first + np.arange(np.ceil((electrons[-1] + 2 * reach) / node) + 2))
    else:  # finely quantised: the phase of the converter does not matter, and quadrature is exact at this step
        node = read_noise / 4
        nodes = -reach + node * np.arange(np.ceil((electrons[-1] + 2 * reach) / node))
    kernel = electron_kernel(nodes[None, :] - electrons[:, None], read_noise, quantum)
    deviation = np.empty(count)
    for start in range(0, count, 64):  # blocks bound the memory
        mean = means[start : start + 64, None]
        density = np.exp(xlogy(electrons, mean) - mean - gammaln(electrons + 1)) @ kernel
        entropy = -node * xlogy(density, density).sum(1)
        deviation[start : start + 64] = entropy - HALF_LOG_2PIE - 0.5 * np.log(mean[:, 0] + variance)
    spline = CubicSpline(np.arange(count), deviation)
    return scale, step, np.ascontiguousarray(spline.c.T), limit


def electron_kernel(distance: np.ndarray, read_noise: float, quantum: float) -> np.ndarray:
    """Density per electron of a value at this distance from a whole electron number: Gaussian, averaged over a quantum."""
    if quantum == 0:
        return np.exp(-0.5 * (distance / read_noise) ** 2) / (read_noise * np.sqrt(2 * np.pi))
    return (ndtr((distance + quantum / 2) / read_noise) - ndtr((distance - quantum / 2) / read_noise)) / quantum

"""Exact transforms of a function of all 2^n sets of players, O(n 2^n) each, in float64.

Sets are numbered by their bits: player i is present in set number s where bit i of s is 1.

    Fourier   F(S) = 2^-n sum over x of (-1)^|S and x| f(x)            f(x) = sum over S of F(S) (-1)^|S and x|
    Moebius   m(S) = sum over T within S of (-1)^(|S| - |T|) f(T)      f(x) = sum over S within x of m(S)
"""

import numpy as np

from ideal.errors import UsageError


def all_masks(n: int) -> np.ndarray:
    """Return every set of n players in the order of its number, (2^n, n), boolean."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)


def fourier(values: np.ndarray) -> np.ndarray:
    """Return the Fourier coefficients of the values of all sets, both in the order of the sets' numbers, (..., 2^n)."""
    return _butterfly(values, lambda absent, present: (absent + present, absent - present)) / np.shape(values)[-1]


def inverse_fourier(coefficients: np.ndarray) -> np.ndarray:
    """Return the values of all sets of Fourier coefficients, (..., 2^n)."""
    return _butterfly(coefficients, lambda absent, present: (absent + present, absent - present))


def moebius(values: np.ndarray) -> np.ndarray:
    """Return the Moebius coefficients (Harsanyi dividends) of the values of all sets, (..., 2^n)."""
    return _butterfly(values, lambda absent, present: (absent, present - absent))


def inverse_moebius(coefficients: np.ndarray) -> np.ndarray:
    """Return the values of all sets of Moebius coefficients, (..., 2^n)."""
    return _butterfly(coefficients, lambda absent, present: (absent, present + absent))


def moebius_of_fourier(coefficients: np.ndarray) -> np.ndarray:
    """Return m(S) = (-2)^|S| sum over T that hold S of F(T), (..., 2^n)."""
    sums = _butterfly(coefficients, lambda absent, present: (absent + present, present))
    return sums * (-2.0) ** _sizes(sums)


def fourier_of_moebius(coefficients: np.ndarray) -> np.ndarray:
    """Return F(S) = (-1)^|S| sum over T that hold S of 2^-|T| m(T), (..., 2^n)."""
    coefficients = np.asarray(coefficients, np.float64)
    sums = _butterfly(coefficients * 0.5 ** _sizes(coefficients), lambda absent, present: (absent + present, present))
    return sums * (-1.0) ** _sizes(sums)


def _butterfly(values: np.ndarray, step) -> np.ndarray:
    values = np.array(values, np.float64)
    size = values.shape[-1] if values.ndim else 0
    if size < 1 or size & (size - 1):
        raise UsageError(f"a transform needs the values of all 2^n sets; found {size}")
    shape, width = values.shape, 1
    while width < size:
        pairs = values.reshape(*shape[:-1], size // (2 * width), 2, width)
        absent, present = pairs[..., 0, :], pairs[..., 1, :]
        values = np.stack(step(absent, present), axis=-2).reshape(shape)
        width *= 2
    return values


def _sizes(values: np.ndarray) -> np.ndarray:
    return np.bitwise_count(np.arange(values.shape[-1], dtype=np.uint64)).astype(np.int64)

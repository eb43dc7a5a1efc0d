"""Streaming first and second moments in float64."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk

from ideal.errors import DataError

_BATCH_BYTES = 2**26


@dataclass(frozen=True)
class Moments:
    """Count, mean (value,) and covariance about that mean (value, value), normalised by the count."""

    count: int
    mean: np.ndarray
    covariance: np.ndarray


def flatten(measurements) -> np.ndarray:
    """Return measurements as rows of float64 values; a complex value becomes its real and its imaginary part."""
    array = np.asarray(measurements)
    array = array.reshape(len(array), -1)
    if np.iscomplexobj(array):
        return np.ascontiguousarray(array, dtype=np.complex128).view(np.float64)
    return array.astype(np.float64, copy=False)


def batches(data) -> Iterator[np.ndarray]:
    """Iterate over an array in blocks of bounded size, or over an object's own batches."""
    if not isinstance(data, np.ndarray):
        yield from data
        return
    size = max(1, _BATCH_BYTES // max(1, 8 * int(np.prod(data.shape[1:]))))
    for start in range(0, len(data), size):
        yield data[start : start + size]


def moments(data) -> Moments:
    """Accumulate the moments of measurements (an array, or an object that gives arrays of samples), in one pass.

    Raises:
        DataError: a value is NaN or infinite, or there are fewer than two measurements.

    """
    count, shift = 0, None
    for batch in batches(data):
        rows = flatten(batch)
        with np.errstate(invalid="ignore"):
            finite = np.isfinite(rows.sum())
        if not finite:
            raise DataError("the training measurements hold NaN or infinity: mend or leave out these values")
        if shift is None:  # sums about a mean keep their digits where the mean is large
            shift = rows.mean(0)
            total = np.zeros_like(shift)
            square = np.zeros((len(shift), len(shift)), order="F")
        centred = rows - shift
        total += centred.sum(0)
        square = dsyrk(1.0, centred.T, beta=1.0, c=square, overwrite_c=1)
        count += len(rows)
    if count < 2:
        raise DataError(f"a model needs at least 2 training measurements; found {count}")
    drift = total / count
    covariance = square + np.triu(square, 1).T
    covariance /= count
    covariance -= np.outer(drift, drift)
    return Moments(count, shift + drift, covariance)

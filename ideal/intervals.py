"""Confidence intervals of averages over grouped samples, by the bootstrap-t over groups.

Patches of one picture are not independent, so groups are resampled, not samples. Each resampled average is divided by a standard
error of its own, which keeps the coverage at its nominal value down to a few tens of groups where the plain percentile bootstrap
falls short (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12).
"""

from dataclasses import dataclass

import numpy as np

_RESAMPLES = 2000
_BLOCK_BYTES = 2**26


@dataclass(frozen=True)
class GroupedValues:
    """Sums of a quantity over the samples of each group, and the samples' numbers.

    Attributes:
        groups: increasing group numbers, (group,).
        sums: (group,).
        counts: (group,).

    """

    groups: np.ndarray
    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, groups: np.ndarray) -> "GroupedValues":
        """Collect values (sample,) by their groups (sample,)."""
        names, index = np.unique(groups, return_inverse=True)
        sums = np.bincount(index, weights=values, minlength=len(names))
        return cls(names, sums, np.bincount(index, minlength=len(names)).astype(float))

    @property
    def mean(self) -> float:
        """The average over all samples."""
        return float(self.sums.sum() / self.counts.sum())


def interval(values: GroupedValues, confidence: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the confidence interval of the average over samples.

    With a single group nothing is known of the spread, and the interval is infinite.
    """
    mean, error, means, errors = _resample([values], rng)
    return _studentised(mean, error, means, errors, confidence)


def paired_difference(a: GroupedValues, b: GroupedValues, confidence: float, rng: np.random.Generator):
    """Return (difference, (low, high)) of two averages over the same groups, resampled together.

    Raises:
        ValueError: the groups differ.

    """
    if not np.array_equal(a.groups, b.groups):
        raise ValueError("a paired difference needs the same groups on both sides")
    difference, error, differences, errors = _resample([a, b], rng)
    return difference, _studentised(difference, error, differences, errors, confidence)


def unpaired_difference(a: GroupedValues, b: GroupedValues, confidence: float, rng: np.random.Generator):
    """Return (difference, (low, high)) of two averages over unrelated groups, resampled apart."""
    mean_a, error_a, means_a, errors_a = _resample([a], rng)
    mean_b, error_b, means_b, errors_b = _resample([b], rng)
    low_high = _studentised(
        mean_a - mean_b, np.hypot(error_a, error_b), means_a - means_b, np.hypot(errors_a, errors_b), confidence
    )
    return mean_a - mean_b, low_high


def _resample(columns: list[GroupedValues], rng: np.random.Generator):
    """Bootstrap the average of the first column less that of the second, if there is one.

    Returns:
        The average, its standard error, and both for each resampling.

    """
    size = len(columns[0].groups)
    if size < 2:
        mean = columns[0].mean - sum(column.mean for column in columns[1:])
        return mean, np.inf, np.full(_RESAMPLES, mean), np.full(_RESAMPLES, np.inf)
    block = max(1, _BLOCK_BYTES // (8 * size))
    found = [_ratio(np.ones((1, size)), columns)]
    for start in range(0, _RESAMPLES, block):
        draws = rng.integers(0, size, (min(block, _RESAMPLES - start), size))
        draws += size * np.arange(len(draws))[:, None]
        weights = np.bincount(draws.ravel(), minlength=draws.size).reshape(draws.shape).astype(float)
        found.append(_ratio(weights, columns))
    means, errors = (np.concatenate(part) for part in zip(*found, strict=True))
    return float(means[0]), float(errors[0]), means[1:], errors[1:]


def _ratio(weights: np.ndarray, columns: list[GroupedValues]) -> tuple[np.ndarray, np.ndarray]:
    """Average and standard error for each row of weights of the groups (linearised ratio estimator)."""
    averages, parts = [], []
    for column in columns:
        total = weights @ column.counts
        averages.append((weights @ column.sums) / total)
        parts.append((column.sums, column.counts, total / weights.sum(1)))
    mean = averages[0] - averages[1] if len(columns) == 2 else averages[0]
    size = weights.shape[1]
    square = 0.0
    # Residual of group g: sum over columns of sign (s_g - mean n_g) / average n; its weighted second moment, expanded.
    for (s1, n1, t1), m1, sign1 in zip(parts, averages, (1, -1), strict=False):
        for (s2, n2, t2), m2, sign2 in zip(parts, averages, (1, -1), strict=False):
            cross = weights @ np.stack([s1 * s2, s1 * n2, n1 * s2, n1 * n2], axis=1)
            moment = cross[:, 0] - m2 * cross[:, 1] - m1 * cross[:, 2] + m1 * m2 * cross[:, 3]
            square = square + sign1 * sign2 * moment / (t1 * t2)
    return mean, np.sqrt(np.maximum(square, 0) / (size * (size - 1)))


def _studentised(mean, error, means, errors, confidence) -> tuple[float, float]:
    if not np.isfinite(error):
        return -np.inf, np.inf
    if error == 0:
        return mean, mean
    usable = errors > 1e-9 * error
    if not usable.any():
        return -np.inf, np.inf
    tail = (1 - confidence) / 2
    low, high = np.quantile((means[usable] - mean) / errors[usable], [1 - tail, tail])
    return float(mean - low * error), float(mean - high * error)

"""Confidence intervals of averages over grouped samples, and of differences of two such averages.

Patches of one picture are not independent, so the interval resamples groups, not samples: a bootstrap-t, whose resampled averages
are each divided by a standard error of their own (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12).
The standard error of the average itself is the jackknife's, which leaves out one group at a time and so sees a group that holds
most of the samples (MacKinnon, Nielsen and Webb, J. Econometrics 232, 272, 2023).

A standard error from few, unequal or heavy-tailed groups is itself uncertain. Its degrees of freedom follow from the kurtosis of
the groups' influences (after Satterthwaite, Biometrics Bulletin 2, 110, 1946), and both arms are stretched by the quantile of
Student's t for them over that for as many normal groups. No arm is shorter than that of Student's t, because a bootstrap
of two to five groups has hardly any values to choose from.

For 60 and more normal groups of equal size this is the plain bootstrap-t within 3 %. What no interval can know is an outlying
group that the sample happens to lack: over 15 groups of which one in ten is far off, one sample in five has none, and 95 %
intervals hold the truth in 82 % (`benchmarks/hard_intervals.py`). `weakness` shows such groups where the sample has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

_RESAMPLES = 2000
_BLOCK_BYTES = 2**26
_MOST_UNITS = 10_000  # more groups are merged at random into so many: a sum of independent groups is one, and skewness survives
# A sample's kurtosis is too small where tails are heavy: its excess over 1 is raised. Over 15 log-normal groups of 1 to 200
# samples that makes a coverage of 90.5 % one of 91.2 % for 7 % more width; a factor of 1.5 gets 92.0 % for 14 %.
_KURTOSIS_FACTOR = 1.25


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

    def to_record(self) -> dict[str, list]:
        """Return the columns as JSON types."""
        return {name: getattr(self, name).tolist() for name in ("groups", "sums", "counts")}

    @classmethod
    def from_record(cls, record: Mapping[str, list]) -> "GroupedValues":
        """Rebuild the values from `to_record`; None stands for a sum that is not finite."""
        return cls(np.array(record["groups"]), *(np.array(record[name], dtype=float) for name in ("sums", "counts")))

    @property
    def mean(self) -> float:
        """The average over all samples; not finite where a sum is not, or where they are beyond double precision."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.sums.sum() / self.counts.sum())


def interval(values: GroupedValues, confidence: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the confidence interval of the average over samples.

    With a single group nothing is known of the spread, and the interval is infinite. So it is where a sum or the average is not
    finite.
    """
    return _bounds([_Part.of(values, rng)], confidence)


def paired_difference(a: GroupedValues, b: GroupedValues, confidence: float, rng: np.random.Generator):
    """Return (difference, (low, high)) of two averages over the same groups, resampled together.

    Raises:
        ValueError: the groups differ.

    """
    if not np.array_equal(a.groups, b.groups):
        raise ValueError("a paired difference needs the same groups on both sides")
    part = _Part.of(a, rng, b)
    return part.mean, _bounds([part], confidence)


def unpaired_difference(a: GroupedValues, b: GroupedValues, confidence: float, rng: np.random.Generator):
    """Return (difference, (low, high)) of two averages over unrelated groups, resampled apart."""
    left, right = _Part.of(a, rng), _Part.of(b, rng).negative()
    return left.mean + right.mean, _bounds([left, right], confidence)


@dataclass(frozen=True)
class Weakness:
    """What makes an interval over groups rough.

    Attributes:
        groups: how many there are.
        effective: how many groups of equal size would leave as much scatter, (sum of counts)^2 / sum of squared counts.
        largest: share of the samples that is in the largest group.
        kurtosis: of the groups' influences on the average; 3 for many normal groups of equal size.
        degrees: degrees of freedom of the standard error, at most groups - 1.

    """

    groups: int
    effective: float
    largest: float
    kurtosis: float
    degrees: float


def weakness(values: GroupedValues) -> Weakness:
    """Return what makes the interval of an average rough: few groups, unequal groups, heavy tails."""
    share = values.counts / values.counts.sum()
    size = len(values.groups)
    finite = np.isfinite(values.sums).all() and np.isfinite(values.mean)
    kurtosis = _kurtosis(_influence([values])) if finite else float(size)
    return Weakness(size, float(1 / (share**2).sum()), float(share.max()), kurtosis, _degrees(size, kurtosis))


@dataclass(frozen=True)
class _Part:
    """An average, or a paired difference of two, over groups that are resampled together.

    Attributes:
        mean: of all groups.
        error: its standard error by the jackknife; infinite where it cannot be known.
        shifts: what each resampling has more than `mean`, (resampling,).
        errors: standard error of each resampling, (resampling,).
        groups: how many there are.
        degrees: degrees of freedom of the standard error.

    """

    mean: float
    error: float
    shifts: np.ndarray
    errors: np.ndarray
    groups: int
    degrees: float

    @property
    def normal_degrees(self) -> float:
        """Degrees of freedom that as many normal groups of equal size would have."""
        return max(self.groups - 1, 1)

    @classmethod
    def of(cls, a: GroupedValues, rng: np.random.Generator, b: GroupedValues | None = None) -> "_Part":
        """Resample the average of a, or that of a less that of b."""
        columns = [a] if b is None else [a, b]
        with np.errstate(over="ignore", invalid="ignore"):
            mean = a.mean - (0.0 if b is None else b.mean)
            centred = [replace(column, sums=column.sums - column.mean * column.counts) for column in columns]
        size = len(a.groups)
        if size < 2 or not np.isfinite(mean) or not all(np.isfinite(column.sums).all() for column in (*columns, *centred)):
            return cls(mean, np.inf, np.zeros(_RESAMPLES), np.full(_RESAMPLES, np.inf), size, 1.0)
        degrees = _degrees(size, _kurtosis(_influence(columns)))
        # Sums beyond 1e150 would have infinite squares; a power of two changes no digit.
        unit = _unit(np.concatenate([column.sums for column in centred]))
        centred = [replace(column, sums=column.sums / unit) for column in centred]
        error, shifts, errors = _resample(_merged(centred, rng), rng)
        return cls(mean, error * unit, shifts * unit, errors * unit, size, degrees)

    def negative(self) -> "_Part":
        """Return the same of the values with their sign turned."""
        return _Part(-self.mean, self.error, -self.shifts, self.errors, self.groups, self.degrees)


def _unit(values: np.ndarray) -> float:
    """Return the power of two that makes the largest of finite values one of about 1; 1 where all are 0."""
    largest = float(np.abs(values).max())
    return float(2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000)) if largest else 1.0


def _influence(columns: list[GroupedValues]) -> np.ndarray:
    """Return the groups' influences on the average, (group,); of two columns, on their difference.

    They are residuals over the root of 1 - the group's share of the samples (HC2): of equal variance if samples are independent.
    """
    parts = []
    for column in columns:
        share = column.counts / column.counts.sum()
        residual = column.sums / column.counts.sum() - column.mean * share
        parts.append(residual / np.sqrt(_rest(column)))
    return parts[0] if len(parts) == 1 else parts[0] - parts[1]


def _rest(column: GroupedValues) -> np.ndarray:
    """Return the share of the samples that is in all other groups, (group,); positive."""
    total = column.counts.sum()
    return np.maximum(total - column.counts, 1e-12 * total) / total


def _kurtosis(influence: np.ndarray) -> float:
    """Return the fourth moment about 0 over the square of the second; 1, its least, where there is no scatter."""
    square = (influence / max(np.abs(influence).max(), 1e-300)) ** 2
    return float(len(square) * (square**2).sum() / square.sum() ** 2) if square.any() else 1.0


def _degrees(groups: int, kurtosis: float) -> float:
    """Return the degrees of freedom of a standard error over groups whose influences have this kurtosis, 1 to groups - 1.

    A sample variance of n values has a relative variance of (kurtosis - 1) / n, and one on k degrees of freedom 2 / k.
    """
    return float(np.clip(2 * groups / max(_KURTOSIS_FACTOR * (kurtosis - 1), 1e-9), 1.0, max(groups - 1, 1)))


def _merged(columns: list[GroupedValues], rng: np.random.Generator) -> list[GroupedValues]:
    """Return the columns with groups merged at random where they are very many, those of all columns alike."""
    size = len(columns[0].groups)
    if size <= _MOST_UNITS:
        return columns
    unit = rng.permutation(size) % _MOST_UNITS
    units = np.arange(_MOST_UNITS)
    return [
        GroupedValues(units, *(np.bincount(unit, weights=each, minlength=_MOST_UNITS) for each in (column.sums, column.counts)))
        for column in columns
    ]


def _resample(columns: list[GroupedValues], rng: np.random.Generator) -> tuple[float, np.ndarray, np.ndarray]:
    """Bootstrap the average of the first column less that of the second, if there is one.

    Returns:
        The standard error of the average, and average and standard error of each resampling.

    """
    size = len(columns[0].groups)
    block = max(1, _BLOCK_BYTES // (8 * size))
    found = [_ratio(np.ones((1, size)), columns)]
    for start in range(0, _RESAMPLES, block):
        draws = rng.integers(0, size, (min(block, _RESAMPLES - start), size))
        draws += size * np.arange(len(draws))[:, None]
        weights = np.bincount(draws.ravel(), minlength=draws.size).reshape(draws.shape).astype(float)
        found.append(_ratio(weights, columns))
    means, errors = (np.concatenate(part) for part in zip(*found, strict=True))
    return float(errors[0]), means[1:], errors[1:]


def _ratio(weights: np.ndarray, columns: list[GroupedValues]) -> tuple[np.ndarray, np.ndarray]:
    """Average and standard error for each row of weights of the groups: the jackknife's, linearised.

    The change of the average as group g is left out is its residual over what the other groups hold, here as in the groups
    themselves and not as in each resampling: without that the expansion below would not be a few products of matrices.
    """
    averages, parts = [], []
    for column in columns:
        total = weights @ column.counts
        averages.append((weights @ column.sums) / total)
        rest = _rest(column)
        parts.append((column.sums / rest, column.counts / rest, total))
    mean = averages[0] - averages[1] if len(columns) == 2 else averages[0]
    size = weights.shape[1]
    square = 0.0
    # Residual of group g: sum over columns of sign (s_g - mean n_g) / total n; its weighted second moment, expanded.
    for (s1, n1, t1), m1, sign1 in zip(parts, averages, (1, -1), strict=False):
        for (s2, n2, t2), m2, sign2 in zip(parts, averages, (1, -1), strict=False):
            cross = weights @ np.stack([s1 * s2, s1 * n2, n1 * s2, n1 * n2], axis=1)
            moment = cross[:, 0] - m2 * cross[:, 1] - m1 * cross[:, 2] + m1 * m2 * cross[:, 3]
            square = square + sign1 * sign2 * moment / (t1 * t2)
    return mean, np.sqrt(np.maximum(square, 0) * (size - 1) / size)


def _bounds(parts: list[_Part], confidence: float) -> tuple[float, float]:
    """Return the interval of the sum of independent averages."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(part.mean for part in parts)
    if not np.isfinite([mean, *(part.error for part in parts)]).all():
        return -np.inf, np.inf
    unit = _unit(np.array([part.error for part in parts]))
    variances = np.array([(part.error / unit) ** 2 for part in parts])
    error = float(np.sqrt(variances.sum()))
    if error == 0:
        return mean, mean
    shares = variances / variances.sum()
    # Welch's degrees of freedom, of groups as normal ones would have them and as these have them.
    plain, actual = (1 / (shares**2 / [getattr(part, key) for part in parts]).sum() for key in ("normal_degrees", "degrees"))
    tail = (1 - confidence) / 2
    by_t, stretched = stdtrit([plain, actual], 1 - tail)
    low = high = by_t
    errors = np.sqrt(sum((part.errors / unit) ** 2 for part in parts))
    usable = errors > 1e-6 * error  # less is what rounding leaves of none
    if usable.any():
        shifts = sum((part.shifts / unit for part in parts), start=np.zeros(()))
        upper, lower = np.quantile(shifts[usable] / errors[usable], [1 - tail, tail])
        low, high = max(low, upper), max(high, -lower)
    scale = error * stretched / by_t
    with np.errstate(over="ignore"):
        return float(mean - low * scale * unit), float(mean + high * scale * unit)

"""The photon transfer: temporal variance against mean over levels of light, whose slope is the system gain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_HUBER = 3.0  # standard errors beyond which a level counts less
_ROUNDS = 20
_RARE = 0.01  # chance below which levels scatter by more than their errors


@dataclass(frozen=True)
class Transfer:
    """A straight line through variance against mean.

    Attributes:
        slope: system gain, DN/e-.
        slope_error: its standard error.
        intercept: variance without light, DN^2.
        intercept_error: its standard error.
        scatter: chi-squared of the levels over its degrees of freedom; None where there are no more levels than two.
        outliers: numbers of the levels that the line does not pass by.
        pull: change of the slope with the variance of each level, 1/DN.

    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    scatter: float | None
    outliers: tuple[int, ...]
    pull: tuple[float, ...] = ()


def fit_transfer(means: Sequence[float], variances: Sequence[float], errors: Sequence[float]) -> Transfer:
    """Fit a line to levels, weighted by their errors; a level that is far off counts less (Huber's weights).

    Args:
        means: mean above the dark of each level, DN.
        variances: temporal variance, DN^2.
        errors: standard errors of the variances.

    """
    x, y, error = (np.asarray(each, dtype=np.float64) for each in (means, variances, errors))
    error = np.maximum(error, 1e-12 * max(1.0, float(np.abs(y).max())))
    measured = error
    weight = np.ones_like(x)
    line = np.zeros(2)
    for turn in range(_ROUNDS):
        if turn:  # an error goes with its variance: by the measured ones, levels that are low by chance would count for more
            fitted = line[0] + line[1] * x
            error = measured * np.clip(np.where(y > 0, fitted / np.where(y > 0, y, 1.0), 1.0), 0.5, 2.0)
        design = np.stack([np.ones_like(x), x], axis=1) / error[:, None]
        root = np.sqrt(weight)
        line = np.linalg.lstsq(design * root[:, None], y / error * root, rcond=None)[0]
        off = np.abs(y / error - design @ line)
        new = np.where(off > _HUBER, _HUBER / np.maximum(off, _HUBER), 1.0) if len(x) > 3 else weight
        if turn > 2 and np.allclose(new, weight, atol=1e-6):
            break
        weight = new
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]))
    pull = (covariance @ (design * (weight / error)[:, None]).T)[1]
    freedom = len(x) - 2
    scatter = None
    if freedom > 0:
        chi = float((weight * (y / error - design @ line) ** 2).sum())
        scatter = chi / freedom
        if stats.chi2.sf(chi, freedom) < _RARE:  # the errors of levels are more than what noise alone makes
            covariance = covariance * scatter
    outliers = tuple(int(k) for k in np.flatnonzero(weight < 1))
    return Transfer(
        float(line[1]),
        float(np.sqrt(covariance[1, 1])),
        float(line[0]),
        float(np.sqrt(covariance[0, 0])),
        scatter,
        outliers,
        tuple(pull.tolist()),
    )

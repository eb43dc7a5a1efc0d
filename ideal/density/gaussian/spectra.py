"""Variances to give the directions of a sample covariance, so that what few measurements say is not overstated.

In the basis where a simpler covariance, the target, is white and the sample covariance is diagonal, a fit is one number for each
direction: 1 where the target is believed, the sample's variance where the sample is. Each row of `spectra` is one such belief;
validation measurements choose among them.
"""

import numpy as np

_WEIGHTS = 1 - np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 60)])[::-1]
_RANKS = 40  # numbers of directions that are tried at most
_MOST = 2048  # directions, above which the kernel estimate, a square of them, is left out


def spectra(values: np.ndarray, count: float, *, above: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return spectra that may be better than the sample's own.

    Args:
        values: sample variances along the basis, (value,), where the target has variance 1.
        count: of the measurements behind them.
        above: whether the target is a floor that no direction can be below, as known noise.

    Returns:
        Spectra (candidate, value), and for each the weight of the target where it is a plain average of both, else nan.

    """
    plain = np.maximum(values, 1.0) if above else values
    found = [_WEIGHTS[:, None] + (1 - _WEIGHTS[:, None]) * plain]
    ratio = len(values) / count
    for raised in (values, _spiked(values, ratio)):
        found.append(_leading(values, raised, count))
    if len(values) <= _MOST:
        smooth = _smoothed(values, count)
        found.append(_WEIGHTS[:, None] + (1 - _WEIGHTS[:, None]) * (np.maximum(smooth, 1.0) if above else smooth))
    rows = np.concatenate(found)
    weights = np.full(len(rows), np.nan)
    if not above:
        weights[: len(_WEIGHTS)] = _WEIGHTS
    return rows, weights


def _leading(values: np.ndarray, raised: np.ndarray, count: float) -> np.ndarray:
    """Return spectra that depart from the target in the few directions of largest variance, if that is above the target's."""
    order = np.argsort(values)[::-1]
    most = int(min((raised > 1).sum(), count))
    ranks = np.unique(np.concatenate([np.arange(min(most, 16) + 1), np.geomspace(1, max(most, 1), _RANKS).astype(int)]))
    found = np.ones((len(ranks), len(values)))
    for row, rank in zip(found, ranks[ranks <= max(most, 1)], strict=False):
        row[order[:rank]] = np.maximum(raised[order[:rank]], 1.0)
    return found


def _spiked(values: np.ndarray, ratio: float) -> np.ndarray:
    """Return the variance that the truth has along each sample direction, if it is the target but for a few directions.

    Args:
        values: sample variances in units of the target's.
        ratio: values over measurements.

    A true variance l shows as l + ratio l / (l - 1), along a direction whose squared cosine with the true one is c2; on average
    the truth has variance 1 + (l - 1) c2 there, which is what the likelihood wants (Donoho, Gavish and Johnstone, Annals of
    Statistics 46, 1742, 2018, entropy loss).
    """
    visible = values > (1 + np.sqrt(ratio)) ** 2
    seen = np.where(visible, values, (1 + np.sqrt(ratio)) ** 2 + 1)
    shifted = seen + 1 - ratio
    true = 0.5 * (shifted + np.sqrt(np.maximum(shifted**2 - 4 * seen, 0)))
    cosine = (1 - ratio / (true - 1) ** 2) / (1 + ratio / (true - 1))
    return np.where(visible, 1 + (true - 1) * np.clip(cosine, 0, 1), 1.0)


def _smoothed(values: np.ndarray, count: float) -> np.ndarray:
    """Return the variances of analytical nonlinear shrinkage, for a truth of any spectrum.

    After Ledoit and Wolf (Annals of Statistics 48, 3043, 2020): the sample spectrum's density and its Hilbert transform by
    Epanechnikov kernels of a width in proportion to each variance tell what the truth has along the sample's directions.
    """
    size, count = len(values), max(float(count), 2.0)
    order = np.argsort(values)
    used = min(size, int(count))
    seen = values[order][size - used :]
    if not seen[0] > 0:
        seen = np.maximum(seen, 1e-9 * max(seen[-1], 1e-300))
    width = count ** (-1 / 3)
    steps = (seen[:, None] - seen) / (width * seen)
    root = np.sqrt(5.0)
    density = 0.75 / root * (np.maximum(1 - steps**2 / 5, 0) / (width * seen)).mean(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = 0.75 / (root * np.pi) * (1 - steps**2 / 5) * np.log(np.abs((root - steps) / (root + steps)))
    hilbert = -0.3 / np.pi * steps + np.where(np.abs(np.abs(steps) - root) < 1e-12, 0.0, logs)
    transform = (hilbert / (width * seen)).mean(1)
    ratio = size / count
    if used == size:
        found = seen / ((np.pi * ratio * seen * density) ** 2 + (1 - ratio - np.pi * ratio * seen * transform) ** 2)
    else:
        near = root * width
        if near >= 1:  # too few measurements for the formula: as the others
            return values
        at_zero = 0.3 / width**2 + 0.75 / (root * width) * (1 - 0.2 / width**2) * np.log((1 + near) / (1 - near))
        at_zero = at_zero / np.pi * (1 / seen).mean()
        null = 1 / (np.pi * (size - count) / count * at_zero)
        within = seen / (np.pi**2 * seen**2 * (density**2 + transform**2))
        found = np.concatenate([np.full(size - used, null), within])
    rows = np.empty(size)
    rows[order] = np.maximum.accumulate(found)
    return rows

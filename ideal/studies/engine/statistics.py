"""Rank correlations of information with what decoders achieve, with intervals."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from ideal.information.intervals import GroupedValues
from ideal.studies.engine.contract import Statistic

_RESAMPLES = 2000

Quantity = Sequence[GroupedValues] | np.ndarray


def rank_correlation(information: Quantity, quality: Quantity) -> float:
    """Return Spearman's rank correlation of the means of systems; NaN where one of them is the same for all.

    Args:
        information: of each system: values by source, or numbers that have no sources (a closed form), (system,).
        quality: of each system's decoder, likewise; larger is better.

    """
    return float(_spearman(*(_means(each, None) for each in (information, quality)))[0])


def correlation_interval(
    information: Quantity, quality: Quantity, *, systems: bool = True, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of `rank_correlation`.

    Sources are resampled; where all systems were measured on the same sources, they are resampled together, so that what a source
    does to all systems alike takes no part.

    Args:
        information: as in `rank_correlation`.
        quality: likewise.
        systems: whether systems are resampled too: where they are a sample of those that one might build, and not a fixed ladder
            of light levels.
        confidence: of the interval.
        seed: of the bootstrap.

    """
    rng = np.random.default_rng([seed, 7])
    parts = _drawn(information, quality, rng)
    if systems:
        count = parts[0].shape[1]
        chosen = rng.integers(0, count, (_RESAMPLES, count))
        parts = [np.take_along_axis(each, chosen, axis=1) for each in parts]
    found = _spearman(*parts)
    found = found[np.isfinite(found)]
    if not len(found):
        return -1.0, 1.0
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def correlation(
    name: str,
    information: Quantity,
    quality: Quantity,
    *,
    systems: bool = True,
    confidence: float = 0.95,
    seed: int = 0,
    target: float | None = None,
    over: str = "systems",
) -> Statistic:
    """Return the rank correlation and its interval as a statistic of a study.

    Args:
        name: of the statistic.
        information: as in `rank_correlation`.
        quality: likewise.
        systems: as in `correlation_interval`.
        confidence: of the interval.
        seed: of the bootstrap.
        target: the least that it should be.
        over: what a point is, in the plural.

    """
    value = rank_correlation(information, quality)
    bounds = correlation_interval(information, quality, systems=systems, confidence=confidence, seed=seed)
    resampled = f"sources and {over}" if systems else "sources"
    detail = f"Spearman over {len(information)} {over}; {100 * confidence:g} % interval by resampling {resampled}"
    return Statistic(name, value, bounds, target, detail)


def _drawn(information: Quantity, quality: Quantity, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the means of resampled sources, (resampling, system), of both; drawn together where both have the same sources."""
    draws: dict[tuple, np.ndarray] = {}
    return [_means(each, (rng, draws)) for each in (information, quality)]


def _means(values: Quantity, drawing) -> np.ndarray:
    """Return means by system, (1, system), or those of resampled sources, (resampling, system)."""
    columns = []
    for each in values:
        if not isinstance(each, GroupedValues):
            columns.append(np.full(1 if drawing is None else _RESAMPLES, float(each)))
            continue
        weights = np.ones((1, len(each.groups))) if drawing is None else _weights(each.groups, *drawing)
        columns.append((weights @ each.sums) / (weights @ each.counts))
    return np.stack(columns, axis=1)


def _weights(groups: np.ndarray, rng: np.random.Generator, draws: dict[tuple, np.ndarray]) -> np.ndarray:
    """Return how often each source was drawn, (resampling, source): the same for the same sources."""
    key = tuple(groups.tolist())
    if key not in draws:
        size = len(groups)
        draws[key] = rng.multinomial(size, np.full(size, 1 / size), _RESAMPLES).astype(float)
    return draws[key]


def _spearman(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each row."""
    ranks = [rankdata(each, axis=1) for each in (left, right)]
    centred = [each - each.mean(1, keepdims=True) for each in ranks]
    with np.errstate(invalid="ignore", divide="ignore"):
        product = (centred[0] * centred[1]).sum(1)
        return product / np.sqrt((centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1))

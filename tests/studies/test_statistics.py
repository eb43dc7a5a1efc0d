"""Rank correlations: known answers, and intervals that hold the truth."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from ideal.information.intervals import GroupedValues
from ideal.studies.engine.statistics import correlation, correlation_interval, rank_correlation


def by_source(values):
    """Return values (source,) of one sample each."""
    return GroupedValues(np.arange(len(values)), np.asarray(values, float), np.ones(len(values)))


def test_known_answers():
    rng = np.random.default_rng(0)
    bits, quality = rng.normal(size=(2, 15))
    quality[3] = quality[7]
    assert rank_correlation(bits, quality) == pytest.approx(spearmanr(bits, quality)[0], abs=1e-12)
    assert rank_correlation(np.arange(5.0), np.exp(np.arange(5.0))) == pytest.approx(1)
    assert rank_correlation(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)
    assert np.isnan(rank_correlation(np.arange(5.0), np.ones(5)))


def test_means_weight_samples():
    bits = [GroupedValues(np.array([0, 1]), np.array([10.0, 1.0]), np.array([10.0, 1.0])), by_source([0.9, 1.2])]
    assert rank_correlation(bits, np.array([0.0, 1.0])) == pytest.approx(1)  # 1.0 < 1.05, by samples


def test_sources_are_resampled_together():
    """What a source adds to all systems alike does not blur their order."""
    rng = np.random.default_rng(1)
    own = 10 * rng.normal(size=40)
    together = [by_source(own + level) for level in range(6)]
    low, high = correlation_interval(together, together, systems=False)
    assert low == pytest.approx(1)
    assert high == pytest.approx(1)
    apart = [GroupedValues(np.arange(40) + 100 * level, own + level, np.ones(40)) for level in range(6)]
    assert correlation_interval(apart, np.arange(6.0), systems=False)[0] < 0.9


@pytest.mark.parametrize("strength", [0.0, 0.8])
def test_intervals_hold_the_truth(strength):
    rng = np.random.default_rng(2)
    truth = 6 / np.pi * np.arcsin(strength / 2)  # Spearman's of a bivariate normal
    held = 0
    for _ in range(60):
        bits = rng.normal(size=30)
        quality = strength * bits + np.sqrt(1 - strength**2) * rng.normal(size=30)
        low, high = correlation_interval(bits, quality)
        held += low <= truth <= high
    assert held >= 51  # of 57 expected; three standard errors below


def test_statistic_says_what_was_resampled():
    found = correlation("rank", np.arange(9.0), np.arange(9.0), target=0.9, over="arrays")
    assert (found.value, found.met) == (pytest.approx(1), True)
    assert "9 arrays" in found.detail
    assert "sources and arrays" in found.detail
    assert found.to_dict()["interval"] == [pytest.approx(1), pytest.approx(1)]
    constant = correlation("rank", np.ones(4), np.arange(4.0), target=0.9)
    assert np.isnan(constant.value)
    assert constant.interval == (-1.0, 1.0)
    assert not constant.met

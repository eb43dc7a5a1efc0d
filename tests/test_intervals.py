import numpy as np
import pytest
from scipy.stats import norm

from ideal.intervals import GroupedValues, interval, paired_difference, unpaired_difference


def ragged(rng, size):
    """Groups of 1 to 12 samples that share a skewed group effect; the expected value of a sample is 1."""
    counts = rng.integers(1, 13, size)
    effect = rng.exponential(1.0, size)
    groups = np.repeat(np.arange(size), counts)
    return effect[groups] + 0.3 * rng.standard_normal(len(groups)), groups


def test_grouping_is_a_sum_by_group_in_any_order():
    found = GroupedValues.of(np.array([1.0, 2.0, 4.0, 8.0]), np.array([7, -3, 7, 7]))
    assert found.groups.tolist() == [-3, 7]
    assert found.sums.tolist() == [2.0, 13.0]
    assert found.counts.tolist() == [1.0, 3.0]
    assert found.mean == pytest.approx(15 / 4)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_coverage_over_ragged_skewed_groups(confidence):
    """Where the percentile bootstrap of patches, blind to their groups, covers about half as often as it says."""
    rng = np.random.default_rng(0)
    trials, hits, blind = 300, 0, 0
    for _ in range(trials):
        values, groups = ragged(rng, 30)
        low, high = interval(GroupedValues.of(values, groups), confidence, rng)
        hits += low < 1.0 < high
        half = norm.ppf(0.5 + confidence / 2) * values.std() / np.sqrt(len(values))
        blind += abs(values.mean() - 1.0) < half
    error = np.sqrt(confidence * (1 - confidence) / trials)
    assert abs(hits / trials - confidence) < 3 * error + 0.02
    assert blind / trials < confidence - 0.15


def test_the_interval_is_that_of_a_normal_for_many_equal_groups():
    rng = np.random.default_rng(1)
    values = 5 + 2 * rng.standard_normal(2000)
    low, high = interval(GroupedValues.of(values, np.arange(2000)), 0.9, rng)
    half = norm.ppf(0.95) * values.std(ddof=1) / np.sqrt(2000)
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.1 * half)


def test_more_confidence_is_wider():
    rng = np.random.default_rng(2)
    values = GroupedValues.of(*ragged(rng, 40))
    bounds = [interval(values, confidence, np.random.default_rng(3)) for confidence in (0.5, 0.9, 0.99)]
    assert bounds[2][0] < bounds[1][0] < bounds[0][0] < values.mean < bounds[0][1] < bounds[1][1] < bounds[2][1]


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_does_not_matter(scale):
    values, groups = ragged(np.random.default_rng(4), 25)
    plain = interval(GroupedValues.of(values, groups), 0.95, np.random.default_rng(5))
    scaled = interval(GroupedValues.of(scale * values, groups), 0.95, np.random.default_rng(5))
    assert np.array(scaled) == pytest.approx(scale * np.array(plain), rel=1e-6)


def test_a_single_group_tells_nothing_of_the_spread():
    alone = GroupedValues.of(np.array([1.0, 2.0, 3.0]), np.zeros(3, int))
    rng = np.random.default_rng(6)
    assert interval(alone, 0.95, rng) == (-np.inf, np.inf)
    assert paired_difference(alone, alone, 0.95, rng) == (0.0, (-np.inf, np.inf))
    value, bounds = unpaired_difference(alone, GroupedValues.of(np.arange(9.0), np.arange(9)), 0.95, rng)
    assert value == pytest.approx(-2.0)
    assert bounds == (-np.inf, np.inf)


def test_equal_values_have_no_spread():
    equal = GroupedValues.of(np.full(12, 3.0), np.repeat(np.arange(4), 3))
    assert interval(equal, 0.95, np.random.default_rng(7)) == pytest.approx((3.0, 3.0))


def test_two_groups_do_not_break():
    low, high = interval(GroupedValues.of(np.array([1.0, 2.0]), np.arange(2)), 0.95, np.random.default_rng(8))
    assert low <= 1.5 <= high


def test_a_paired_difference_takes_out_what_both_share():
    rng = np.random.default_rng(9)
    trials, hits, ratios = 200, 0, []
    for _ in range(trials):
        shared = 10 * rng.standard_normal(40)
        a, b = (GroupedValues.of(shared + shift + 0.5 * rng.standard_normal(40), np.arange(40)) for shift in (0.3, 0.0))
        value, (low, high) = paired_difference(a, b, 0.9, rng)
        apart, bounds = unpaired_difference(a, b, 0.9, rng)
        assert value == pytest.approx(a.mean - b.mean)
        assert value == pytest.approx(apart)
        hits += low < 0.3 < high
        ratios.append((bounds[1] - bounds[0]) / (high - low))
    assert abs(hits / trials - 0.9) < 3 * np.sqrt(0.9 * 0.1 / trials) + 0.02
    assert np.median(ratios) == pytest.approx(np.sqrt(100.25 / 0.25), rel=0.25)


def test_an_unpaired_difference_covers():
    rng = np.random.default_rng(10)
    trials, hits = 200, 0
    for _ in range(trials):
        a, b = GroupedValues.of(*ragged(rng, 40)), GroupedValues.of(*ragged(rng, 25))
        low, high = unpaired_difference(a, b, 0.9, rng)[1]
        hits += low < 0.0 < high
    assert abs(hits / trials - 0.9) < 3 * np.sqrt(0.9 * 0.1 / trials) + 0.02


def test_a_difference_to_itself_is_nothing():
    values = GroupedValues.of(*ragged(np.random.default_rng(11), 20))
    assert paired_difference(values, values, 0.95, np.random.default_rng(12)) == (0.0, (0.0, 0.0))


def test_pairing_needs_the_same_groups():
    a, b = (GroupedValues.of(np.arange(3.0), groups) for groups in (np.array([0, 1, 2]), np.array([0, 1, 3])))
    with pytest.raises(ValueError, match="the same groups on both sides"):
        paired_difference(a, b, 0.95, np.random.default_rng(13))


def test_the_generator_decides():
    values = GroupedValues.of(*ragged(np.random.default_rng(14), 20))
    first, again, other = (interval(values, 0.95, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other

"""The remark on intervals that cannot cover as they say: due for few and for unequal sources, not for ordinary ones."""

import numpy as np
import pytest

from ideal.health.coverage import interval_findings
from ideal.information.estimation import estimate
from ideal.information.intervals import GroupedValues
from ideal.measurements.measurement_set import from_arrays


def of(values, counts=None):
    counts = np.ones(len(values)) if counts is None else np.asarray(counts, float)
    return GroupedValues(np.arange(len(values)), counts * values, counts)


@pytest.mark.parametrize("groups", [10, 12, 20, 70, 1000])
def test_ordinary_sources_are_silent(groups):
    rng = np.random.default_rng(0)
    found = [interval_findings(of(rng.standard_normal(groups), rng.integers(20, 41, groups))) for _ in range(200)]
    assert sum(map(bool, found)) <= 4


def test_few_sources_are_named_with_what_to_expect():
    (found,) = interval_findings(of(np.arange(5.0)))
    assert found.name == "few-sources"
    assert found.severity == "note"
    assert "only 5 sources were scored: the interval is rough" in found.line
    assert found.figures["groups"] == 5
    assert 0.8 < found.figures["coverage_skewed"][0] < found.figures["coverage_normal"][0] < 0.99


def test_a_source_of_most_samples_is_named():
    counts = [2000, *[10] * 30]
    (found,) = interval_findings(of(np.random.default_rng(1).standard_normal(31), counts))
    assert found.name == "interval-rough"
    assert "the largest holds 87 % of the patches" in found.text
    assert "as many patches of each" in found.remedy
    assert found.figures["effective"] == pytest.approx(sum(counts) ** 2 / np.square(counts).sum())


def test_an_outlying_source_is_named():
    values = np.random.default_rng(2).standard_normal(40)
    assert not interval_findings(of(values))
    values[7] = 40
    (found,) = interval_findings(of(values), many=True)
    assert found.name == "interval-rough"
    assert found.text.startswith("the intervals are rough: a few of the 40 scored sources decide")
    assert "largest" not in found.text


def test_values_that_are_not_finite_are_named():
    assert interval_findings(of(np.array([*np.arange(20.0), np.inf])))[0].name == "interval-rough"


def test_an_estimate_says_so():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), [400, *[4] * 19])
    rows = rng.standard_normal((20, 1, 4))[groups] + rng.standard_normal((len(groups), 1, 4))
    measured = from_arrays(rows.reshape(-1, 4), groups=groups, noise="gaussian", sigma=0.5)
    found = estimate(measured, models=["full"])
    assert [each.name for each in found.findings if each.name == "interval-rough"]
    equal = from_arrays(rng.standard_normal((400, 4)), groups=np.arange(400) // 20, noise="gaussian", sigma=0.5)
    assert not [each for each in estimate(equal, models=["full"]).findings if each.name in ("few-sources", "interval-rough")]

import json

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals

from ideal.density import FullGaussian, GaussianMixture
from ideal.measurements.measurement_set import from_arrays
from ideal.studies.engine.contract import Context, Plan
from ideal.studies.engine.run import record_of
from ideal.studies.engine.style import write_figure
from ideal.studies.two_points import work
from ideal.studies.two_points.study import LINE, PUBLISHED, TOLERANCE, TwoPoint, _name, _points


@pytest.fixture(scope="module")
def exact():
    job = TwoPoint().jobs(Plan())[0]
    return work.exact(job.settings, {}, Context())


@pytest.mark.slow
def test_exact_values_are_within_0_02_bit_of_the_published_ones(exact):
    found = dict(zip([each[:2] for each in PUBLISHED], exact["at_published"], strict=True))
    for snr, na, value in PUBLISHED:
        assert found[snr, na] == pytest.approx(value, abs=TOLERANCE)
    # One constant more or less: what nothing fitted gives is said beside it.
    by_kind = {each["line"]["snr"]: each["worst"] for each in exact["definitions"]}
    assert TOLERANCE < by_kind["mean"] < 0.05 < by_kind["power"]


def test_lines_against_the_closed_form_of_the_pattern():
    """A line without ends: the integral of (h(x) - h(x - s/2)/2 - h(x + s/2)/2)^2 through the transfer function of a slit."""
    per, na = 16, 0.3
    (found,) = work.separations({"pixels": 1601, "per_wavelength": per, "fill": 0.0}, [na])
    rho = (np.arange(20_000) + 0.5) / 20_000
    seen = (1 - rho) * (1 - np.cos(2 * np.pi * na * rho))  # frequency 2 NA rho, points half a wavelength from the middle
    expected = np.sqrt(4 * na * np.mean(seen**2) / per)
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_unit_is_found_again():
    distances = {0.1: 0.01, 0.2: 0.06, 0.4: 0.3}
    table = [(0.1, na, work.bits(0.1 * 250 * d)) for na, d in distances.items()]
    unit, worst = work.fit_unit(distances, table)
    assert unit == pytest.approx(250, rel=1e-4)
    assert worst < 1e-5
    table = [(0.1, na, work.bits(0.1**0.5 * 250 * d)) for na, d in distances.items()]
    unit, worst = work.fit_unit(distances, table, power=True)
    assert unit == pytest.approx(250, rel=1e-4)


def test_taking_out_the_noise_leaves_the_mean_and_takes_the_scatter():
    rng = np.random.default_rng(0)
    means = np.array([np.zeros(20), np.full(20, 0.6)])  # 2.7 standard deviations apart
    clean = means[rng.integers(2, size=4000)]
    values = clean + rng.standard_normal(clean.shape)
    lines = from_arrays(values, clean=clean, noise="gaussian", sigma=1.0)
    truth = work.bits(0.6 * 20**0.5)
    settings = {"seed": 0, "confidence": 0.99}
    law = GaussianMixture([0.5, 0.5], means, np.eye(20))
    value, low, high = work.paired_information(law, lines, settings)
    assert low < truth < high
    assert high - low < 0.08  # the scatter of the noise would make it 0.4
    loose = FullGaussian(means.mean(0), np.cov(values, rowvar=False))
    assert work.paired_information(loose, lines, settings)[0] > value


def result(truth, chosen="gaussian-mixture", estimate=(0.9, 0.7, 1.1)):
    near = [truth + 0.01, truth, truth + 0.02]
    return {
        "bits": list(estimate),
        "by_model": {"full": [2.0, 1.8, 2.2], "gaussian-mixture": list(estimate)},
        "paired": {"full": [2.0, 1.9, 2.1], "gaussian-mixture": near},
        "chosen": chosen,
        "task": [truth - 0.01, truth - 0.02, truth],
        "fano": truth - 0.05,
        "components": 2,
        "n_fitted": 4800,
    }


def results(plan, exact, **given):
    found = {"exact": exact} | {_name(snr, na): result(0.5, **given) for snr, na in _points(plan)}
    for model in ("causal-mixture", "pixel-cnn"):
        found[f"{_name(1.0, 0.2)}: {model}"] = {"by_model": {model: [2.2, 1.9, 2.5]}}
    return found


@pytest.mark.parametrize("quick", [True, False])
def test_the_study_concludes_and_draws(exact, quick, tmp_path):
    study, plan = TwoPoint(), Plan(quick=quick)
    names = [job.name for job in study.jobs(plan)]
    found = results(plan, exact)
    assert set(names) == set(found)
    assert len(set(names)) == len(names)
    record = json.loads(json.dumps(record_of(study, plan, found), allow_nan=False))
    assert len(record["claims"]) == 1 + len(PUBLISHED)
    assert record["statistics"][0]["met"]
    assert record["statistics"][1]["met"]
    if quick:
        assert write_figure(study, record, tmp_path) == ["figure.png", "figure.svg"]
        figure = drawn(study, record, "ab")
        bars = [each for container in figure.axes[0].containers for each in container.lines[2]]
        ends = [tuple(segment[:, 1]) for each in bars for segment in each.get_segments()]
        assert ends.count((0.7, 1.1)) == len(record["rows"])  # what ideal estimate gives, with its interval
        drawn(study, without_intervals(record), "ab")


def test_an_estimate_above_one_bit_is_told(exact):
    plan = Plan(quick=True)
    record = record_of(TwoPoint(), plan, results(plan, exact, estimate=(1.283, 1.2, 1.36)))
    assert not record["statistics"][1]["met"]
    assert record["statistics"][1]["value"] == pytest.approx(-0.2)


def test_published_values_that_are_not_met_are_told(exact):
    off = exact | {"at_published": [value + 0.03 for _, _, value in PUBLISHED]}
    plan = Plan(quick=True)
    record = record_of(TwoPoint(), plan, results(plan, off))
    assert not record["statistics"][0]["met"]
    assert not any(claim["agrees"] for claim in record["claims"][: len(PUBLISHED)])


def test_lines_are_of_the_light_that_the_ratio_says(exact):
    settings = {"line": LINE, "snr": 1.0, "na": 0.2, "seed": 0, "count": 40}
    lines = work._measure(work._system(LINE), settings, {"exact": exact}, 0, 40)
    assert lines.shape == (40, 65)
    assert lines.sigma == 1
    clean = lines.read_clean(0, 40)
    apart = np.linalg.norm(clean - clean[0], axis=1).max()
    assert work.bits(apart) == pytest.approx(exact["at_published"][-1], abs=1e-4)

import json

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals
from scipy.special import digamma

from ideal.studies.engine.contract import Context, Plan
from ideal.studies.engine.run import record_of
from ideal.studies.engine.style import write_figure
from ideal.studies.estimator import work
from ideal.studies.estimator.patch_size import PatchSize
from ideal.studies.estimator.sample_size import COVERED, SIDE, SampleSize

SIGMA = 0.05
FIELD = {"objects": "field", "sigma": SIGMA, "seed": 0, "confidence": 0.95}


@pytest.fixture
def photographs(monkeypatch):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    settings = {"side": 12, "count": 120, "seed": 0, "photons": 100.0, "wanted": ["kodak"], "otherwise": "photographs"}
    found = work.pictures(settings, {}, Context())
    return settings | {"objects": "photographs", "confidence": 0.95}, {"photographs": found}


def test_information_of_a_single_pixel_and_of_many():
    assert work.exact_information(1, SIGMA) == pytest.approx(0.5 * np.log2(1 + work.SPREAD**2 / SIGMA**2), rel=1e-5)
    values = [work.exact_information(side, SIGMA) for side in (1, 2, 4, 8, 16)]
    assert np.all(np.diff(values) < 0)
    assert 0 < work.exact_rate(SIGMA) < values[-1]


def test_the_rate_is_what_a_patch_grows_by():
    """I(s) s^2 grows by 2s + 1 pixels from side s to s + 1, those at the new edges with less of a past than the rest."""
    grown = 30 * 30 * work.exact_information(30, SIGMA) - 29 * 29 * work.exact_information(29, SIGMA)
    assert work.exact_rate(SIGMA) == pytest.approx(grown / 59, rel=0.05)


def test_draws_have_the_law_that_is_said():
    measured = work._field({"side": 4, "sigma": SIGMA, "seed": 3, "count": 20_000})
    values, clean = measured.read(0, 20_000).reshape(-1, 16), measured.read_clean(0, 20_000).reshape(-1, 16)
    law = work._Law(4, SIGMA)
    covariance = law.factor @ law.factor.T
    np.testing.assert_allclose(np.cov(values, rowvar=False), covariance, atol=6 * covariance.max() / np.sqrt(20_000))
    assert (values - clean).std() == pytest.approx(SIGMA, rel=0.01)
    assert -law.log_prob(values).mean() == pytest.approx(law.entropy, abs=5 * np.sqrt(8 / 20_000))


def test_excess_of_a_sample_covariance_against_the_wishart_law():
    """E ln det of a sample covariance is a sum of digammas; the trace term of its own sample is D exactly."""
    count, side = 200, 4
    settings = {"side": side, "sigma": SIGMA, "seed": 0, "counts": [count], "repeats": 150}
    (point,) = work.sample_covariance(settings, {}, Context())["points"]
    size = side * side
    shortfall = 0.5 * (digamma((count - np.arange(1, size + 1)) / 2).sum() + size * np.log(2 / count)) / (size * np.log(2))
    mean, error = point["on_fitted"]
    assert mean == pytest.approx(shortfall, abs=4 * error)
    # On fresh measurements: E tr(S^-1 Sigma) of the inverse Wishart, and the scatter of the mean.
    spread = 0.5 * (size * count * (1 + 1 / count) / (count - size - 2) - size) / (size * np.log(2))
    mean, error = point["on_fresh"]
    assert mean == pytest.approx(shortfall + spread, abs=4 * error)
    assert point["expansion"] == pytest.approx(size * (size + 3) / (4 * count) / (size * np.log(2)))


def test_an_interval_that_knows_nothing_of_the_fit_misses_below():
    settings = {"side": 6, "sigma": SIGMA, "seed": 0, "confidence": 0.95, "plain": True, "count": 100, "repeats": 5}
    found = work.coverage(settings, {}, Context())
    assert (found["held"], found["below"], found["above"]) == (0, 5, 0)
    honest = settings | {"plain": False, "models": ["stationary"], "count": 400, "repeats": 6}
    found = work.coverage(honest, {}, Context())
    assert found["held"] >= 4
    assert found["held"] + found["below"] + found["above"] == 6


def test_more_measurements_bring_the_bound_down_to_the_truth():
    settings = FIELD | {
        "side": 6,
        "count": 3000,
        "counts": [40, 300, 1800],
        "most_tested": 500,
        "model": "stationary",
        "effort": 1.0,
    }
    found = work.sizes(settings, {}, Context())
    apart = [point["excess"]["bits"] for point in found["points"]]
    assert [point["n_train"] for point in found["points"]] == [40, 300, 1800]
    assert apart[0] > apart[1] > apart[2] > -1e-3
    assert apart[2] < 0.005
    for point in found["points"]:  # both the bound and the true density are scored on the same noise
        low, high = point["interval"]
        assert low - 0.01 < found["truth"] + point["excess"]["bits"] < high + 0.01
    assert work.sizes(settings, {}, Context()) == found


def test_patches_of_all_sides_are_of_the_same_crops(photographs):
    settings, needs = photographs
    whole, part = (work._counts(settings | extra, needs) for extra in ({}, {"patch": 6}))
    np.testing.assert_array_equal(part.read(0, 120), whole.read(0, 120)[:, 3:9, 3:9])
    np.testing.assert_array_equal(part.groups, whole.groups)
    assert whole.noise.name == part.noise.name == "poisson"


def test_each_picture_is_exposed_alike(photographs):
    settings, needs = photographs
    measured = work._counts(settings, needs)
    clean = measured.read_clean(0, 120)
    assert clean.mean() == pytest.approx(100, rel=0.02)
    for group in np.unique(measured.groups):
        assert clean[measured.groups == group].mean() == pytest.approx(100, rel=0.1)  # the rim of the scene takes a part
    assert "kodak" in needs["photographs"]["notes"][0]


def test_counts_are_bounded_on_pictures_apart(photographs):
    settings, needs = photographs
    settings |= {"counts": [20, 60], "model": "stationary", "effort": 1.0, "most_tested": 500}
    found = work.sizes(settings, needs, Context())
    assert found["truth"] is None
    assert len(found["points"][0]["by_source"]["groups"]) == 4
    assert found["points"][0]["interval"] is None  # four pictures tell nothing of the scatter of all
    assert found["points"][1]["bits"] > 0
    field = FIELD | {"side": 8, "count": 900, "patches": 900, "patch": 8, "models": ["stationary"], "effort": 1.0}
    found = work.patches(field, {}, Context())
    assert found["interval"][0] - 0.02 < found["truth"] < found["interval"][1] + 0.02


def kept(value, rng, truth=None, models=("stationary", "full")):
    sums = value * 30 + rng.normal(size=8)
    return {
        "information": value,
        "interval": [value - 0.1, value + 0.1],
        "model": models[-1],
        "models": dict.fromkeys(models, value),
        "intervals": {name: [value - 0.1, value + 0.1] for name in models},
        "by_source": {"groups": list(range(8)), "sums": sums.tolist(), "counts": [30.0] * 8},
        "rate": {"model": models[-1], "bits": [value - 0.05, value - 0.1, value]},
        "truth": truth,
        "n_train": 500,
        "n_test": 100,
    }


PICTURES = {"names": ["photographs"], "notes": ["made with photographs"], "count": 2500, "sources": 12}


@pytest.mark.parametrize("quick", [True, False])
def test_the_study_of_patch_size_concludes_and_draws(quick, tmp_path):
    study, plan, rng = PatchSize(), Plan(quick=quick), np.random.default_rng(0)
    results = {}
    for job in study.jobs(plan):
        if job.name == "photographs":
            results[job.name] = PICTURES
        elif job.name == "field: truth":
            sides = job.settings["sides"]
            results[job.name] = {"sides": sides, "truth": [0.4 + 0.2 / side for side in sides], "rate": 0.4}
        else:
            side, truth = job.settings["patch"], job.settings["objects"] == "field"
            value = 0.8 + 2 / side
            results[job.name] = kept(value, rng, value if truth else None, tuple(job.settings["models"]))
    record = json.loads(json.dumps(record_of(study, plan, results), allow_nan=False))
    assert record["claims"][0]["agrees"] is True
    assert record["curves"]["line"]["field"]["end"] == pytest.approx(0.4)
    assert record["curves"]["line"]["photographs"]["slope"] == pytest.approx(2)
    if not quick:
        assert write_figure(study, record, tmp_path) == ["figure.png", "figure.svg"]
        drawn(study, without_intervals(record), "ab")


@pytest.mark.parametrize("quick", [True, False])
def test_the_study_of_sample_size_concludes_and_draws(quick, tmp_path):
    study, plan, rng = SampleSize(), Plan(quick=quick), np.random.default_rng(0)
    results = {}
    for job in study.jobs(plan):
        settings = job.settings
        if job.name == "photographs":
            results[job.name] = PICTURES
        elif job.name == "sample covariance":
            points = [(n, SIDE * SIDE * 259 / (4 * n) / 177) for n in settings["counts"]]
            results[job.name] = {
                "points": [
                    {"n": n, "on_fitted": [-each, 0.001], "on_fresh": [each, 0.001], "expansion": each} for n, each in points
                ]
            }
        elif job.name.startswith("coverage"):
            many = settings["repeats"]
            held = 0 if settings["plain"] else many
            results[job.name] = {"repeats": many, "held": held, "below": many - held, "above": 0}
            results[job.name] |= {"truth": 0.4, "mean": 0.4, "width": 0.02}
        else:
            points = []
            for n in settings["counts"]:
                point = {"bits": 1 + 10 / n, "interval": [0.9, 1.2], "n_train": n}
                if settings["objects"] == "field":
                    point["excess"] = {"bits": 10 / n, "interval": [5 / n, 20 / n]}
                else:
                    point["by_source"] = kept(1 + 10 / n, rng)["by_source"]
                points.append(point)
            results[job.name] = {"points": points, "truth": 1.0 if settings["objects"] == "field" else None, "n_test": 800}
    record = json.loads(json.dumps(record_of(study, plan, results), allow_nan=False))
    plain, *_, last = record["claims"][1:]
    assert plain["agrees"] is True
    assert last["published"].startswith(f"{COVERED['full' if quick else 'stationary'][0]} of")
    assert {row["model"] for row in record["rows"]} == {"stationary", "full", "causal-mixture"}
    if not quick:
        assert write_figure(study, record, tmp_path) == ["figure.png", "figure.svg"]
        drawn(study, without_intervals(record), "abc")

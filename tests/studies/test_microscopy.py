"""The study of microscopes: what it measures is what it says, nothing scored was seen before, and it concludes from figures."""

import json

import numpy as np
import pytest
from fixtures.figure import drawn, without_intervals

from ideal.jobs.code import reached
from ideal.studies import Plan, find_study
from ideal.studies.engine.contract import Context
from ideal.studies.engine.run import record_of
from ideal.studies.engine.style import write_figure
from ideal.studies.microscopy import work

pytestmark = pytest.mark.usefixtures("hasty_compiler")

SETTINGS = {"seed": 3, "cells_seed": 5, "defocus": 1.5, "count": 60, "confidence": 0.95, "photons": 100.0}


@pytest.fixture(scope="module")
def study():
    return find_study("microscopy")()


def images(design, **more):
    settings = SETTINGS | {"design": design} | more
    measured = work._images(settings, {})
    return measured.read(0, len(measured))


def test_illuminations_share_one_power():
    mean = {name: images(name).mean() for name in ("brightfield", "single-led", "dpc-left", "darkfield")}
    for name in ("brightfield", "single-led", "dpc-left"):
        assert mean[name] == pytest.approx(100, rel=0.06)  # cells scatter a little of it out of the objective
    assert 0.2 < mean["darkfield"] < 6  # and some into it
    assert images("darkfield", photons=400.0).mean() == pytest.approx(4 * mean["darkfield"], rel=0.05)


def test_all_jobs_about_a_light_see_the_same_images():
    np.testing.assert_array_equal(images("dpc-left"), images("dpc-left"))
    dark = {"intensities": np.asarray(work._microscope(SETTINGS).design("darkfield")["intensities"]).tolist()}
    given = work._images(SETTINGS | {"design": work.IDEAL, "designer": "job"}, {"job": dark})
    assert given.read(0, 60).mean() == pytest.approx(images("darkfield").mean(), rel=0.1)


def test_the_volume_of_a_ball_is_its_index_times_its_volume():
    system, part = work._microscope(SETTINGS), work._cells(2, 5, 1.5)
    y, x = (system.pitch * (np.arange(side) - (side - 1) / 2) for side in system.shape)
    thickness = 2 * np.sqrt(np.clip(5.0**2 - y[:, None] ** 2 - x[None, :] ** 2, 0, None))
    scenes = np.zeros((1, *system.scene.shape), np.float32)
    scenes[0, ..., 1] = 2 * np.pi / system.wavelength * 0.04 * thickness
    ball = type(part)(scenes, None, np.zeros(1))
    assert work._volumes(ball, system) == pytest.approx([0.04 * 4 / 3 * np.pi * 5.0**3], rel=0.01)
    assert (work._volumes(part, system) > 3).all()


class Told:
    """A decoder that remembers what it was fitted to, and is right of cells of the first class."""

    seen: dict

    @classmethod
    def fit(cls, key, train, truth, validation, validation_truth, **options):
        cls.seen = {"train": train, "validation": validation, "effort": options["effort"]}
        cls.location = np.mean(truth)
        return cls()

    def _check(self, tested):
        known = {image.tobytes() for part in ("train", "validation") for image in self.seen[part]}
        assert len(known) == 48
        assert not known & {image.tobytes() for image in tested}

    def log_probabilities(self, tested):
        self._check(tested)
        return np.log(np.tile([0.5, 0.3, 0.2], (len(tested), 1)))

    def predict(self, tested):
        self._check(tested)
        return np.full(len(tested), self.location), np.full(len(tested), 1.0)


def test_decoders_are_scored_on_cells_that_they_have_not_seen(monkeypatch):
    monkeypatch.setattr(work, "ImageClassifier", type("Classifier", (Told,), {}))
    monkeypatch.setattr(work, "ImageRegressor", type("Regressor", (Told,), {}))
    settings = SETTINGS | {"design": "brightfield", "effort": 0.8, "regressor_effort": 0.3}
    found = work.decoded(settings, {}, Context())
    confusion = np.array(found["confusion"])
    assert found["n_test"] == confusion.sum() == 12
    assert found["accuracy"]["mean"] == pytest.approx(confusion[0, 0] / 12)
    by_class = confusion.sum(1) / 12
    assert found["label_log_likelihood"]["mean"] == pytest.approx(by_class @ np.log([0.5, 0.3, 0.2]))
    assert found["volume_square_error"]["mean"] == pytest.approx(found["volume_spread"] ** 2, rel=0.9)
    assert json.loads(json.dumps(found)) == found


def test_information_is_measured_and_kept_by_source():
    settings = SETTINGS | {"design": "single-led", "models": ["stationary"], "effort": 0.1, "patch": 8}
    found = work.informed(settings, {}, Context())
    assert found["counts"] == pytest.approx(images("single-led").mean())
    by_source = found["estimate"]["by_source"]
    assert sum(by_source["sums"]) / sum(by_source["counts"]) == pytest.approx(found["estimate"]["information"])


def kept(mean, sources=40, seed=0):
    """Values by source with this average."""
    values = np.random.default_rng(seed).standard_normal(sources)
    sums = mean + 0.05 * (values - values.mean())
    by_source = {"groups": list(range(sources)), "sums": sums.tolist(), "counts": [1] * sources}
    return {"mean": mean, "information": mean, "interval": [mean - 0.02, mean + 0.02], "by_source": by_source}


TOTAL = {"single-led": 0.9, "brightfield": 0.2, "darkfield": 0.4, "dpc-left": 0.6, work.IDEAL: 0.7}
TASK = {"single-led": 0.3, "brightfield": 0.2, "darkfield": 0.5, "dpc-left": 0.7, work.IDEAL: 0.9}


def result_of(job, seed, accuracy):
    """A result of a job, in which information of both kinds rises with light and falls in focus."""
    if job.work is work.cells:
        classes = {"a": 380, "b": 20}
        return {"digest_of_first": {}, "real": {"count": 400, "sources": 90, "classes": classes, "largest_phase": 0.0}}
    if job.work is work.lights:
        return work.lights(job.settings, {}, Context())
    if job.work is work.designed:
        return {"intensities": [1 / 49] * 49, "gain": 1.2, "gain_of_start": 0.8, "unit": "bits"}
    total, task = (each[job.settings["design"]] + job.settings["photons"] / 1000 for each in (TOTAL, TASK))
    if job.work is work.informed:
        total -= 0.0 if job.settings["defocus"] else 0.5
        return {"estimate": kept(total) | {"model": "full"}, "counts": 3.0}
    if job.work is work.informed_of_class:
        posteriors = {"density": 0.5 * task, "network": task}
        return kept(task, seed=seed) | {"label_entropy": 1.585, "chosen": "network", "posteriors": posteriors}
    scores = {"accuracy": accuracy(task), "label_log_likelihood": -0.5, "volume_square_error": 4.0}
    found = {name: kept(value) for name, value in (scores | {"volume_log_likelihood_gain": total}).items()}
    return found | {"volume_spread": 4.0, "n_train": 36, "n_test": 12}


def results_of(study, plan, accuracy):
    """Results of all jobs; `accuracy` gives that of an illumination in one light from its task information."""
    return {job.name: result_of(job, seed, accuracy) for seed, job in enumerate(study.jobs(plan))}


@pytest.mark.parametrize("quick", [False, True])
def test_it_concludes_and_draws_from_results_alone(study, quick, tmp_path):
    plan = Plan(quick=quick)
    results = results_of(study, plan, lambda task: 0.4 + 0.3 * task)
    record = json.loads(json.dumps(record_of(study, plan, results)))
    assert len(record["rows"]) == 5 * (2 if quick else 3)
    assert record["rows"][0]["volume_relative_error"] == pytest.approx(0.5)
    wanted = record["statistics"][0]
    assert (wanted["value"], wanted["target"], wanted["met"]) == (pytest.approx(1), 0.85, True)
    assert record["statistics"][1]["value"] < 0.85
    assert [claim["agrees"] for claim in record["claims"]] == [True, True, True, *([] if quick else [True])]
    assert any("not measured: 400 crops of 90 pictures, b 20 times, which leaves about 4" in note for note in record["notes"])
    if quick:
        assert write_figure(study, record, tmp_path) == ["figure.png", "figure.svg"]
        figure = drawn(study, without_intervals(record), "abc")
        marks = [line.get_ydata()[0] for line in figure.axes[-1].lines if len(line.get_ydata()) == 1]
        assert sorted(marks) == pytest.approx(sorted(100 * row["accuracy"] for row in record["rows"]))


def test_a_missed_target_and_a_reversed_order_are_told(study):
    plan = Plan()
    record = record_of(study, plan, results_of(study, plan, lambda task: 0.9 - 0.3 * task))
    wanted = record["statistics"][0]
    assert wanted["value"] == pytest.approx(-1)
    assert wanted["met"] is False
    assert record["claims"][1]["agrees"] is False
    assert record["claims"][2]["agrees"] is False
    assert "was missed at -1.00" in record["notes"][-1]
    assert "opposite orders beyond their intervals: " in record["notes"][-1]


def test_jobs_need_only_what_is_before_them_and_no_conclusion_reaches_the_kept_results(study):
    for plan in (Plan(), Plan(quick=True), Plan(seed=1)):
        names = []
        for job in study.jobs(plan):
            assert set(job.needs) <= set(names)
            assert json.loads(json.dumps(job.settings)) == job.settings
            names.append(job.name)
        assert len(set(names)) == len(names)
    assert not {"ideal.studies.microscopy.study", "ideal.studies.microscopy.claims"} & reached(work.__name__)
    designed, measured = (
        {
            job.settings["cells_seed"] + more
            for seed in range(9)
            for job in study.jobs(Plan(seed=seed))
            if "photons" in job.settings
        }
        for more in (work._DESIGN, 0)
    )
    assert not designed & measured  # no cell that a design is made for is ever measured

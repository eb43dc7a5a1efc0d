"""Jobs of studies: what is kept, what is done again, side by side and alone, interrupted and failed."""

import csv
import json
import os
import sys
from pathlib import Path

import pytest
from fixtures.reproduce import Toy, fails, is_killed, make, span, traces, warns

from ideal.errors import DataError, StorageWarning
from ideal.imaging import make_system
from ideal.jobs import JobError, code
from ideal.studies import STUDIES, Findings, Job, Plan, Statistic, Study, find_study
from ideal.studies.engine import world
from ideal.studies.engine.columns import COLUMNS, described

PLAN = Plan(quick=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("four")
    return path


class Only(Study):
    """Some jobs without a conclusion."""

    name = title = summary = "only"

    def __init__(self, *jobs):
        self._jobs = list(jobs)

    def jobs(self, plan):
        return self._jobs

    def conclude(self, plan, results):
        return Findings([], curves=results)

    def draw(self, record):
        raise NotImplementedError


def test_what_is_kept_is_not_done_again(file, tmp_path):
    first = make(Toy(file), PLAN, tmp_path / "jobs")
    assert traces(tmp_path) == ["objects", "square 1", "square 2", "square 3", "total"]
    again = make(Toy(file), PLAN, tmp_path / "jobs")
    assert traces(tmp_path) == ["objects"]
    assert first["jobs"] == {"all": 5, "done_now": 5}
    assert again["jobs"] == {"all": 5, "done_now": 1}
    for key in ("rows", "statistics", "claims", "notes", "curves", "data"):
        assert first[key] == again[key]
    assert first["rows"] == [{"value": 1, "square": 1}, {"value": 2, "square": 4}, {"value": 3, "square": 9}]
    assert first["statistics"][0]["value"] == 0.14
    assert first["statistics"][0]["met"] is False


def test_what_is_wrong_with_the_objects_is_said_before_the_work(file, tmp_path):
    said = []
    toy = Toy(file)
    make(toy, PLAN, tmp_path / "jobs", warn=lambda note: said.append((note, traces(tmp_path))))
    assert said == [("read from a file", ["objects"])]
    make(toy, PLAN, tmp_path / "jobs", warn=lambda note: said.append((note, traces(tmp_path))))
    assert len(said) == 2


def test_other_objects_are_taken_for_those_that_are_missing_but_not_for_damaged_ones(tmp_path, monkeypatch):
    scene = make_system("color-filter-array").scene
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    assert world.first_available(["photographs"], "textures", scene) == (["photographs"], [])
    note = "made with photographs instead of kodak, mcmaster: not on this machine: kodak, mcmaster (ideal data list)"
    assert world.first_available(["kodak", "mcmaster"], "photographs", scene) == (["photographs"], [note])
    (tmp_path / "natural_rgb.h5").write_bytes(b"cut short")
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"natural_rgb\.h5 is no readable HDF5 file"):
        world.first_available(["kodak"], "photographs", scene)
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match=r"IDEAL_DATA names .*typo, which is no folder"):
        world.first_available(["kodak"], "photographs", scene)


def test_columns_are_told_with_the_ends_of_their_intervals():
    told = described("lensless", ["psnr_db", "psnr_low", "ssim_high", "accuracy_low", "unheard_of"])
    assert told["psnr_db"].endswith("dB, mean over scenes")
    assert told["psnr_low"] == "lower end of the interval of `psnr_db`"
    assert told["ssim_high"] == "upper end of the interval of `ssim`"
    assert told["accuracy_low"] == "lower end of the interval of `accuracy`"
    assert "unheard_of" not in told


@pytest.mark.parametrize("name", STUDIES)
def test_every_column_of_the_published_tables_is_told(name):
    with open(Path(__file__).parents[2] / "docs" / "reproduction" / name / "table.csv", newline="") as file:
        columns = set(next(csv.reader(file)))
    assert set(described(name, columns)) == columns
    ends = {key.removesuffix("_low") for key in columns}
    assert set(COLUMNS[name]) <= columns | ends, "a column is told that the table does not have"


def test_only_what_changed_is_done_again(file, tmp_path):
    make(Toy(file), PLAN, tmp_path / "jobs")
    traces(tmp_path)
    make(Toy(file, values=(1, 2, 4)), PLAN, tmp_path / "jobs")
    assert traces(tmp_path) == ["objects", "square 4", "total"]


def test_changed_data_change_all_that_read_them(file, tmp_path):
    make(Toy(file), PLAN, tmp_path / "jobs")
    traces(tmp_path)
    file.write_text("seven")
    record = make(Toy(file), PLAN, tmp_path / "jobs")
    assert traces(tmp_path) == ["objects", "square 1", "square 2", "square 3", "total"]
    assert record["data"]["objects"]["content"] == "seven"


def test_a_damaged_result_is_done_again(file, tmp_path):
    make(Toy(file), PLAN, tmp_path / "jobs")
    traces(tmp_path)
    (kept,) = (each for each in (tmp_path / "jobs").glob("*.json") if json.loads(each.read_text())["job"] == "square of 2")
    kept.write_text(kept.read_text()[:20])
    with pytest.warns(StorageWarning, match="this part is done again"):
        make(Toy(file), PLAN, tmp_path / "jobs")
    assert traces(tmp_path) == ["objects", "square 2"]


def test_workers_give_the_same_and_an_interrupted_run_goes_on(file, tmp_path):
    def interrupt(text, fraction=None):
        if fraction is not None and fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(Toy(file), PLAN, tmp_path / "jobs", workers=2, report=interrupt)
    begun = len(traces(tmp_path))
    assert 3 <= begun < 5
    said = []
    record = make(Toy(file), PLAN, tmp_path / "jobs", workers=2, report=lambda text, fraction=None: said.append(text))
    assert record["jobs"]["done_now"] <= 3
    assert record["rows"] == make(Toy(file), PLAN, tmp_path / "other")["rows"]
    assert "total" in said


def test_a_job_alone_has_no_company_and_a_process_of_its_own(tmp_path):
    jobs = [Job("first", span, {"n": 1}), Job("alone", span, {"n": 2}, alone=True), Job("last", span, {"n": 3})]
    found = make(Only(*jobs), PLAN, tmp_path, workers=2)["curves"]
    (begun, ended), others = found["alone"]["span"], (found["first"]["span"], found["last"]["span"])
    assert all(end <= begun or start >= ended for start, end in others)
    assert found["alone"]["process"] not in (found["first"]["process"], found["last"]["process"])


@pytest.mark.parametrize(
    ("job", "error", "message"),
    [
        (Job("bad", fails, {"how": "data"}), DataError, "seven is missing"),
        (Job("bad", fails, {"how": "defect"}), JobError, "bad: ZeroDivisionError: seven is missing"),
        (Job("bad", is_killed), JobError, "bad: its process was killed, perhaps for want of memory .*3 times"),
    ],
)
def test_a_job_that_fails(job, error, message, tmp_path):
    with pytest.raises(error, match=message) as raised:
        make(Only(job), PLAN, tmp_path, workers=1)
    if "Zero" in message:
        assert "in fails" in raised.value.trace


@pytest.mark.parametrize("workers", [0, 1])
def test_warnings_of_a_job_are_given_by_the_process_that_asked(tmp_path, workers, capfd):
    with pytest.warns(StorageWarning, match="the disk is full") as told:
        assert make(Only(Job("full", warns)), PLAN, tmp_path, workers=workers)["curves"]["full"] == {"value": 1}
    assert [Path(each.filename).name for each in told] == ["reproduce.py"]
    assert "StorageWarning" not in capfd.readouterr().err  # a worker prints nothing of its own


def test_jobs_that_cannot_be_done(tmp_path):
    with pytest.raises(ValueError, match="what no job makes: lost"):
        make(Only(Job("lost", span, needs=("nothing",))), PLAN, tmp_path)
    with pytest.raises(ValueError, match="same name"):
        make(Only(Job("twin", span), Job("twin", span)), PLAN, tmp_path)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module; return its digest as a new process would find it."""
    monkeypatch.syspath_prepend(tmp_path)

    def digest(text):
        (tmp_path / "some_work.py").write_text(text)
        sys.modules.pop("some_work", None)
        code.forget()
        return code.code_digest("some_work")

    yield digest
    code.forget()


def test_code_counts_and_comments_do_not(module):
    first = module('"""Doc."""\ndef work(a):\n    """Doc."""\n    return a + 1\n')
    assert module("def work(a):  # why\n\n    return a + 1\n") == first
    assert module("def work(a):\n    return a + 2\n") != first
    assert module("from ideal import noise\ndef work(a):\n    return a + 1\n") != first


def test_a_change_of_code_during_a_run_is_seen(module, tmp_path):
    module("def work(a):\n    return a + 1\n")
    assert not code.has_changed("some_work")
    path = tmp_path / "some_work.py"
    for text, changed in (("def work(a):  # why\n    return a + 1\n", False), ("def work(a):\n    return a + 2\n", True)):
        path.write_text(text)
        later = path.stat().st_mtime_ns + 10**9 * (1 + changed)
        os.utime(path, ns=(later, later))
        assert code.has_changed("some_work") is changed


def test_all_that_can_be_imported_counts():
    found = code.reached("ideal.studies.engine.world")
    by_name = {
        "ideal.density.networks.causal_mixture",
        "ideal.datasets.two_points",
        "ideal.imaging.lensless.cameras",
        "ideal.optimize.objectives.density",
    }
    assert by_name | {"ideal.noise", "ideal.information.intervals"} <= found
    assert not [name for name in found if name.startswith("ideal.cli")]
    assert "ideal.studies.engine.run" not in found
    assert "ideal.jobs.run" not in found


def test_statistic_without_target():
    assert Statistic("a", 1.0).met is None
    assert Statistic("a", 1.0, (0.5, 1.5)).bounds == (0.5, 1.5)
    with pytest.raises(ValueError, match="a is exact"):
        _ = Statistic("a", 1.0).bounds
    assert Statistic("a", float("nan"), target=0.5).met is False


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("quick", [True, False])
def test_jobs_of_every_study(name, quick):
    study = find_study(name)()
    jobs = study.jobs(Plan(quick=quick))
    assert study.name == name
    assert study.title
    assert study.summary[0].islower()
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    for place, job in enumerate(jobs):
        assert set(job.needs) <= set(names[:place])
        json.dumps(job.settings, allow_nan=False)
        assert "<" not in job.work.__qualname__
        assert job.work.__module__ != type(study).__module__  # whose figures and words are no part of what work depends on
    assert jobs != study.jobs(Plan(quick=quick, seed=1))

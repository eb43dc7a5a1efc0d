"""Dask: a scheduler and workers on the loopback, killed and alive, against the local engine; and where Dask is missing."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from fixtures.jobs import dask, dies_at_first, drawn, fails, reads, squares, traces, worker

from ideal.errors import DataError, MissingPackageError, NoticeWarning, UsageError
from ideal.jobs import EngineError, Job, Kept, cluster, open_engine, run_jobs
from ideal.jobs.task import Input, Task, perform
from ideal.progress import silent

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The file of a scheduler with two workers."""
    with dask(tmp_path_factory.mktemp("dask")) as (_, _, file):
        yield file


@pytest.fixture(autouse=True)
def quiet():
    """Have Dask say what it says to nobody."""
    yield
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def done(jobs, folder, file, **more):
    with open_engine(scheduler=file) as engine:
        return run_jobs(jobs, Kept(Path(folder)), engine, **more)


def contents(folder):
    return {file.name: json.loads(file.read_text())["result"] for file in Path(folder).glob("*.json")}


@pytest.mark.slow
def test_workers_give_the_bytes_of_local_processes(scheduler, tmp_path):
    jobs = [Job(f"drawn {value}", drawn, {"value": value}) for value in range(6)]
    said = []
    found = done(jobs, tmp_path / "dask", scheduler, report=lambda text, fraction=None: said.append(text))
    assert not found.failures
    with open_engine(1) as engine:
        run_jobs(jobs, Kept(tmp_path / "local"), engine)
    assert contents(tmp_path / "dask") == contents(tmp_path / "local")
    assert len(contents(tmp_path / "dask")) == 6
    assert "drawn 5" in said


@pytest.mark.slow
def test_jobs_that_need_others_progress_and_errors_come_back(scheduler, tmp_path):
    said = []
    jobs = [*squares(tmp_path, 4, 0.6), Job("bad", fails, {"how": "data"})]
    found = done(jobs, tmp_path / "jobs", scheduler, report=lambda text, fraction=None: said.append(text))
    assert found.results["all"]["needs"] == [0, 1, 4, 9]
    assert traces(tmp_path) == dict.fromkeys(range(-1, 4), 1)
    assert isinstance(found.failures["bad"].error, DataError)
    assert "said before it failed" in found.failures["bad"].log.read_text()
    assert any(text.endswith(": at work") for text in said)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_what_it_did_alone(tmp_path):
    with dask(tmp_path) as (_, workers, file):
        victim = threading.Timer(0.0, workers[0].kill)

        def report(text, fraction=None):
            if traces(tmp_path) and not victim.is_alive() and not victim.finished.is_set():
                victim.start()

        found = done(squares(tmp_path, 8, 0.4), tmp_path / "jobs", file, report=report)
        assert not found.failures
        assert found.results["all"]["needs"] == [n**2 for n in range(8)]
        again = traces(tmp_path)
        assert sum(again.values()) - 9 <= 2, "more was done twice than the two that the worker had"
        assert workers[0].wait() != 0


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_given_up(tmp_path):
    bad = Job("dies", dies_at_first, {"folder": str(tmp_path), "value": 1, "times": 99})
    with dask(tmp_path, 0) as (_, _, file):
        options = {"env": os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}, "stdout": subprocess.DEVNULL}
        more = []
        stop = threading.Event()

        def nurse():
            while not stop.is_set():
                if sum(each.poll() is None for each in more) < 1:
                    more.append(worker(file, options | {"stderr": subprocess.DEVNULL}))
                time.sleep(0.1)

        helper = threading.Thread(target=nurse)
        helper.start()
        try:
            found = done([bad, *squares(tmp_path, 2)], tmp_path / "jobs", file)
        finally:
            stop.set()
            helper.join()
            for each in more:
                each.terminate()
                each.wait()
        assert "its process was killed on several workers" in str(found.failures["dies"].error)
        assert found.results["all"]["needs"] == [0, 1]


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_the_run_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 2.0)
    jobs = squares(tmp_path, 8, 0.3)
    first = tmp_path / "first"
    first.mkdir()
    with dask(first) as (process, _, file):

        def report(text, fraction=None):
            if fraction and fraction > 0.2:
                process.kill()

        with pytest.raises(EngineError, match="is gone: what has been done is kept; start it again and repeat"):
            done(jobs, tmp_path / "jobs", file, report=report)
    kept = len(contents(tmp_path / "jobs"))
    assert kept >= 2
    second = tmp_path / "second"
    second.mkdir()
    with dask(second) as (_, _, file):
        found = done(jobs, tmp_path / "jobs", file)
    assert found.reused == kept
    assert found.results["all"]["needs"] == [n**2 for n in range(8)]


def test_files_travel_where_workers_see_another_disk(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("four")
    away = tmp_path / "elsewhere" / "a.txt"
    known = Input(str(file), str(away), "sha256:04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00")
    task = Task("read", reads, {"file": str(file)}, {}, str(tmp_path / "c"), (known,), (str(tmp_path / "no"), "x"))
    assert perform(task, silent).lacking == (str(file),)
    sent = Input(known.name, known.path, known.digest, b"four")
    answer = perform(Task(task.job, reads, task.settings, {}, task.checkpoints, (sent,), task.token), silent)
    assert json.loads(answer.result) == {"text": "four", "sees": False}
    assert json.loads(perform(task, silent).result)["text"] == "four"  # it has been kept
    other = Task(task.job, reads, task.settings, {}, task.checkpoints, code="another")
    assert "other code or other packages" in perform(other, silent).error[1]


@pytest.mark.slow
def test_a_file_that_no_worker_sees_is_sent_and_a_large_one_is_refused(scheduler, tmp_path, monkeypatch):
    from ideal.jobs import run

    file = tmp_path / "a.txt"
    file.write_text("seen by nobody else")
    monkeypatch.setattr(Kept, "token", lambda self: (str(tmp_path / "no such file"), "x"))
    hidden = Job("read", reads, {"file": str(file)}, inputs=(str(file),))
    real = run._Run._inputs

    def inputs(self, job, sent):
        found, size = real(self, job, sent)
        return tuple(Input(each.name, "/nowhere/a.txt", each.digest, each.content) for each in found), size

    monkeypatch.setattr(run._Run, "_inputs", inputs)
    found = done([hidden], tmp_path / "jobs", scheduler)
    assert found.results["read"] == {"text": "seen by nobody else", "sees": False}
    file.write_text("changed, and too large")
    monkeypatch.setattr(run, "_LARGEST", 5)
    found = done([hidden], tmp_path / "jobs", scheduler)
    assert "put it on a disk that both see" in str(found.failures["read"].error)


@pytest.mark.parametrize("name", ["host:8786", "ftp://host:1", "tcp://", "somewhere"])
def test_what_is_no_scheduler(name):
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(UsageError, match="is no address"), open_engine(scheduler=name):
        pass


def test_a_file_that_is_not_there():
    pytest.importorskip("distributed", reason="Dask is not installed")
    with pytest.raises(UsageError, match=r"there is no such file: dask scheduler --scheduler-file none\.json"):
        cluster._file("none.json")


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.0.0.7:8786", False),
        ("tcp://10.0.0.7:8786", True),
        ("tcp://head.example.org:8786", True),
        ("ws://0.0.0.0:80", True),
    ],
)
def test_who_can_be_reached_without_tls_is_told(address, is_open):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cluster._warn_if_open(address)
    assert [issubclass(each.category, NoticeWarning) for each in caught] == [True] * is_open


def test_without_dask_there_is_one_line_with_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = r"`scheduler` needs the package distributed, which is not installed: pip install 'ideal\[cluster\]'"
    with pytest.raises(MissingPackageError, match=line), open_engine(scheduler="tcp://127.0.0.1:8786"):
        pass


def test_importing_ideal_loads_nothing_of_it():
    code = "import sys, ideal, ideal.jobs as jobs, ideal.sweeps; jobs.run_jobs, jobs.open_engine; "
    code += "print(sorted({'dask', 'distributed', 'loky', 'jax'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

"""Inputs that are wrong in ways nobody thought of: 30 of each group, the same ones at every run. `make fuzz` tries thousands."""

import os
from dataclasses import replace

import pytest
from fuzz.contract import Command, violations
from fuzz.groups import GROUPS
from fuzz.seeds import write_seeds
from fuzz.trial import attempt
from fuzz.worker import Outcome, Worker
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits of memory and CPU time are those of POSIX")


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, worker):
    return write_seeds(tmp_path_factory.mktemp("seeds"), worker)


@pytest.mark.parametrize("group", GROUPS)
def test_no_input_breaks_a_command(group, worker, seeds, tmp_path):
    @settings(
        max_examples=30,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def hold(data):
        trial = attempt(GROUPS[group], data.draw, worker, seeds, tmp_path)
        assert not trial.violations, f"{trial.violations} by {trial.command.arguments}"

    hold()


GOOD = Outcome(1, stderr="ideal: error: a.h5: it is empty\n", cpu_seconds=0.1, megabytes=1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"code": None, "end": "SIGSEGV"}, "the process ended"),
        ({"traceback": 'Traceback\n  File "/x/y.py", line 3, in f\nValueError: x'}, "y.py:3 in f"),
        ({"code": 130}, "exit code 130"),
        ({"stderr": "ideal: error: this is a defect of ideal: ValueError: a.h5\n"}, "called a defect"),
        ({"stderr": "ideal: error: a.h5: x\nideal: error: a.h5: y\n"}, "2 lines of error"),
        ({"stderr": ""}, "0 lines of error"),
        ({"stderr": "ideal: error: a.h5: x\nHDF5-DIAG: error\n"}, "more on stderr"),
        ({"stderr": "ideal: error: a.h5: \x1b[31m\n"}, "control characters"),
        ({"stderr": "ideal: error: x\n"}, "not named"),
        ({"code": 0, "stderr": "", "stdout": "{}"}, "accepted though"),
        ({"code": 0, "stderr": "", "stdout": '{"a": NaN}'}, "NaN in the JSON"),
        ({"megabytes": 3000.0}, "took 3000 MB"),
    ],
)
def test_what_no_command_may_do_is_seen(change, words, tmp_path):
    (tmp_path / "a.h5").touch()
    command = Command(("inspect", "a.h5", "--json"), ("a.h5",), wrong="it is empty")
    found = violations(command, replace(GOOD, **change), {"a.h5"}, tmp_path)
    assert bool(found) == (words is not None)
    assert words is None or words in " ".join(found)
    (tmp_path / "b.tmp").touch()
    assert any("left behind" in each for each in violations(command, GOOD, {"a.h5"}, tmp_path))


@pytest.mark.slow
def test_a_command_that_does_not_end_is_stopped(worker, seeds, tmp_path):
    outcome = worker.run(["optimize", "lensless", "beads", "--steps", "100000", "--patience", "1"], tmp_path, cpu_seconds=1)
    assert (outcome.code, outcome.end) == (None, "SIGPROF")

"""The folder of a run: what is kept, and how an interrupted run goes on."""

import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST, POISSON, document, without_timings
from typer.testing import CliRunner

from ideal.cli.__main__ import app
from ideal.density import load


def test_run_folder(ideal, tmp_path):
    folder = tmp_path / "run"
    command = ("estimate", "./a.h5", "foreign.h5", *POISSON, "--out", folder)
    first = ideal(*command, "--json")
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["results"] == document(first)["results"]
    assert record["configuration"]["files"] == ["./a.h5", "foreign.h5"]
    assert record["configuration"]["patch"] == [8, 8]
    assert all(value.startswith("sha256:") for value in record["inputs"].values())
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2
    assert load(folder / "models" / "1" / "stationary.h5").shape == (8, 8)
    assert (folder / "information.png").exists()
    assert not [item for item in folder.rglob("*partial*")]
    again = ideal(*command)
    assert again.exit_code == 2
    assert "holds a finished run: choose another --out, or overwrite it with --force" in again.stderr
    assert ideal(*command, "--force").exit_code == 0
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_run_resumes_and_gives_the_same(ideal, tmp_path, monkeypatch):
    from ideal.information import estimation as information

    folder, whole = tmp_path / "run", tmp_path / "whole"
    command = ("estimate", "a.h5", "b.h5", "c.h5", *FAST, "--json")
    expected = document(ideal(*command, "--out", whole))
    estimate, calls = information.estimate, []

    def interrupted(source, **options):
        calls.append(source.path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return estimate(source, **options)

    monkeypatch.setattr(information, "estimate", interrupted)
    stopped = ideal(*command, "--out", folder)
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert "interrupted: repeat the command to go on" in stopped.stderr
    assert json.loads((folder / "run.json").read_text())["status"] == "running"
    other = ideal("estimate", "a.h5", "b.h5", "c.h5", *FAST, "--seed", "1", "--out", folder)
    assert other.exit_code == 2
    assert "interrupted run with other files, options or versions" in other.stderr
    resumed = document(ideal(*command, "--out", folder))
    assert calls == ["a.h5", "b.h5", "c.h5", "c.h5"]
    for key in ("results", "comparison", "errors"):
        assert json.dumps(without_timings(resumed[key])) == json.dumps(without_timings(expected[key]))


def test_a_wrong_command_does_not_block_its_folder(ideal, tmp_path):
    folder = tmp_path / "run"
    assert ideal("estimate", "missing.h5", "--out", folder).exit_code == 1
    assert not folder.exists()
    assert ideal("estimate", "a.h5", "--confidence", "2", "--out", folder).exit_code == 2
    assert ideal("estimate", "a.h5", *FAST, "--out", folder).exit_code == 0


def test_interrupt_exits_with_130(data, tmp_path):
    """Ctrl-C while a model is fitted, by a real signal; then the command goes on with what was finished."""
    code = (
        "import sys, time\nimport ideal.information.estimation as i\nestimate = i.estimate\n"
        "def slow(source, **options):\n    if source.path == 'b.h5':\n        print('ready', file=sys.stderr, flush=True)\n"
        "        time.sleep(60)\n    return estimate(source, **options)\n"
        "i.estimate = slow\nfrom ideal.cli.__main__ import main\nmain()"
    )
    folder = tmp_path / "run"
    command = [sys.executable, "-c", code, "estimate", "a.h5", "b.h5", *FAST, "--out", str(folder)]
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "ready\n"
        time.sleep(0.5)  # so that it does not fall into the writing of that line, which would then be written twice
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert (out, err) == ("", f"ideal: error: interrupted: repeat the command to go on with {folder}\n")
    assert (folder / "result-0.json").exists()
    assert not (folder / "result-1.json").exists()


# A run that is stopped right after it has written a checkpoint in the middle of a training.
STOPS = (
    "import sys, time\nimport ideal.density.networks.training as t\nt._CHECKPOINT_SECONDS = 0\nsave, saved = t._save, []\n"
    "def stop(path, *state):\n    save(path, *state)\n    saved.append(path)\n    if len(saved) == 1:\n        time.sleep(60)\n"
    "t._save = stop\nfrom ideal.cli.__main__ import main\nmain()"
)
TRAINED = ("--model", "stationary", "--model", "causal-mixture", "--effort", "0.05", "--patch", "8", "--json")


def stopped_by(number, data, folder, *options):
    """Stop a run by a signal in the middle of its training and return it when it has ended."""
    command = [sys.executable, "-c", STOPS, "estimate", "a.h5", *TRAINED, *options, "--out", str(folder)]
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 600
        while not checkpoints(folder) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def checkpoints(folder):
    return sorted(str(item.relative_to(folder)) for item in folder.glob("checkpoints/**/*.npz"))


def arrays_of(path):
    with h5py.File(path) as file:
        return {name: item[()] for name, item in file.items()}


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    """Return the folder of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        assert CliRunner().invoke(app, ["estimate", "a.h5", *TRAINED, "--out", str(folder)]).exit_code == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)], ids=["killed", "interrupted"])
def test_training_goes_on_where_it_was_stopped(ideal, data, tmp_path, unbroken, monkeypatch, number, code):
    from ideal.density.networks import training

    folder = tmp_path / "run"
    returned, out, err = stopped_by(number, data, folder)
    assert (returned, out) == (code, "")
    assert err == (f"ideal: error: interrupted: repeat the command to go on with {folder}\n" if code == 130 else "")
    assert checkpoints(folder) == ["checkpoints/0/causal-mixture-0.npz"]
    assert json.loads((folder / "run.json").read_text())["status"] == "running"
    indices, steps = training._indices, []
    monkeypatch.setattr(training, "_indices", lambda step, *rest: steps.append(step) or indices(step, *rest))
    resumed = document(ideal("estimate", "a.h5", *TRAINED, "--out", folder, "--resume"))
    assert steps[0] == training.CHUNK_STEPS
    expected = json.loads((unbroken / "run.json").read_text())
    assert without_timings(resumed["results"]) == without_timings(expected["results"])
    kept, whole = (arrays_of(each / "models" / "0" / "causal-mixture.h5") for each in (folder, unbroken))
    assert kept.keys() == whole.keys()
    assert all(np.array_equal(kept[name], whole[name]) for name in kept)
    assert not (folder / "checkpoints").exists()
    assert not list(folder.rglob("*partial*"))


def test_a_checkpoint_is_not_lost_to_other_options(ideal, tmp_path, monkeypatch):
    def interrupted(source, *, checkpoints, **options):
        checkpoints.mkdir(parents=True)
        (checkpoints / "causal-mixture-0.npz").write_bytes(b"state")
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("ideal.information.estimation.estimate", interrupted)
        assert ideal("estimate", "a.h5", *TRAINED, "--out", folder).exit_code == 130
    for options in (("--seed", "1"), ("--effort", "0.1"), ("--time-limit", "1h")):
        result = ideal("estimate", "a.h5", *TRAINED, *options, "--out", folder)
        assert result.exit_code == 2
        assert "interrupted run with other files, options or versions" in result.stderr
    assert checkpoints(folder)
    assert ideal("estimate", "a.h5", *FAST, "--out", folder, "--force").exit_code == 0
    assert not (folder / "checkpoints").exists()


def test_resume_needs_an_interrupted_run(ideal, tmp_path):
    finished, other = tmp_path / "finished", tmp_path / "other"
    other.mkdir()
    assert ideal("estimate", "a.h5", *FAST, "--out", finished).exit_code == 0
    expected = {
        (): "--resume goes on with a run: name its folder (--out)",
        ("--out", tmp_path / "none"): "holds no run to go on with",
        ("--out", other): "holds no run to go on with",
        ("--out", finished): "holds a finished run",
        ("--out", finished, "--force"): "leave out --force",
    }
    for options, words in expected.items():
        result = ideal("estimate", "a.h5", *FAST, "--resume", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert words in result.stderr
    assert not (tmp_path / "none").exists()

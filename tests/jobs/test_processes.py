"""Several processes that train one network together."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ideal.errors import UsageError
from ideal.jobs import join_processes, processes

SCRIPT = Path(__file__).parents[1] / "fixtures" / "together.py"


def started(*arguments):
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process):
    out, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_processes_find_what_one_finds(port):
    alone = said(started())
    pair = [started(f"127.0.0.1:{port},2,{number}") for number in (0, 1)]
    first, second = map(said, pair)
    assert first == second
    assert first["loss"] == pytest.approx(alone["loss"], rel=1e-6)
    assert first["information"] == pytest.approx(alone["information"], rel=1e-6)


@pytest.mark.parametrize("spelled", ["node1", "node1:8476", "node1:8476,2,2", "node1,2,0", "a b:1,2,0"])
def test_what_is_no_address_is_refused(spelled):
    with pytest.raises(UsageError, match="give auto, or HOST:PORT,COUNT,NUMBER"):
        join_processes(spelled)


def test_a_process_alone_agrees_with_itself():
    assert not processes.several()
    assert processes.is_first()
    assert processes.agreed_truth(True)
    assert np.array_equal(processes.agreed(np.arange(3)), np.arange(3))


def test_one_task_of_slurm_is_alone(monkeypatch):
    monkeypatch.setattr(processes, "_joined", [])
    assert join_processes("auto", {"SLURM_NTASKS": "1"}) == (0, 1)

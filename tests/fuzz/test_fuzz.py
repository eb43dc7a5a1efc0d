"""Inputs that are wrong in ways nobody thought of: 30 of each group, the same ones at every run. `make fuzz` tries thousands."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fuzz.groups import GROUPS
from fuzz.seeds import write_seeds
from fuzz.trial import attempt
from fuzz.worker import Worker

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

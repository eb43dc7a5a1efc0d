"""`ideal estimate --labels`: what measurements tell of their labels, beside their information."""

import json

import numpy as np
import pytest
from fixtures.cli import FAST, document, without_timings

from ideal.health import plain_note
from ideal.information.labels import PosteriorResult, TaskInformation
from ideal.information.labels import estimation as task_information
from ideal.measurements.measurement_set import write_measurements


def task_of(path):
    """Return task information with little in it."""
    posterior = PosteriorResult(0.5, (0.4, 0.6), 0.1, (0.05, 0.2), 0.4, 0.3, 1.0, 0.01)
    return TaskInformation(
        **{"path": path, "unit": "image", "classes": ("0", "1"), "counts": (40, 40), "label_entropy": 1.0, "chosen": "density"},
        **{"bits": 0.5, "interval": (0.4, 0.6), "classifier": "density", "error_rate": 0.1, "error_interval": (0.05, 0.2)},
        **{"fano": 0.4, "fano_conservative": 0.3, "posteriors": {"density": posterior}, "uncalibrated": (0.3, (0.2, 0.4))},
        **{"model": "full", "entropy_bound": 10.0, "conditional_entropy_bound": 9.5, "difference": (0.5, (0.4, 0.6))},
        **{"patch": (8, 8), "n_train": 60, "n_validation": 10, "n_test": 10, "n_groups": 10, "n_folds": 1, "confidence": 0.95},
        **{"findings": (plain_note("hard to tell"),), "seconds": 0.1},
    )


@pytest.fixture
def labelled(data):
    """Write two files of spots that are bright on the left or on the right."""
    rng = np.random.default_rng(3)
    side = np.arange(80) % 2
    light = np.where((np.arange(8) < 4) == (side[:, None] == 0), 9.0, 3.0)[:, None] * np.ones((80, 8, 8))
    for name in ("left-right.h5", "dim.h5"):
        if not (data / name).exists():
            write_measurements(data / name, rng.poisson(light).astype(np.uint16), noise="poisson", labels=side)
        light = light / 3
    return "left-right.h5", "dim.h5"


@pytest.fixture
def asked(monkeypatch):
    """Replace the estimate by a stand-in, and return what it is asked."""
    calls = []

    def stand_in(source, **options):
        calls.append((source.path, options))
        return task_of(source.path)

    monkeypatch.setattr(task_information, "task_information", stand_in)
    return calls


def test_task_information_joins_each_result(ideal, labelled, asked):
    found = document(ideal("estimate", *labelled, *FAST, "--labels", "--effort", "0.1", "--time-limit", "2m", "--json"))
    assert [each["task_information"]["path"] for each in found["results"]] == list(labelled)
    assert [path for path, _ in asked] == list(labelled)
    expected = {"patch": (8, 8), "period": None, "confidence": 0.95, "seed": 0, "max_patches": 20_000, "effort": 0.1}
    assert asked[0][1].items() >= (expected | {"time_limit": 120.0, "checkpoints": None}).items()
    plain = document(ideal("estimate", labelled[0], *FAST, "--json"))["results"][0]
    assert "task_information" not in plain
    assert plain.keys() | {"task_information"} == found["results"][0].keys()


def test_its_lines_follow_the_table_and_its_warnings_the_others(ideal, labelled, asked):
    result = ideal("estimate", labelled[0], *FAST, "--labels")
    assert result.exit_code == 0
    lines = task_of(labelled[0]).lines()
    assert lines[0].startswith("left-right.h5: I(T;Y) is at least 0.500 bits per image")
    assert result.stdout.endswith("\n".join(lines) + "\n")
    assert "ideal: warning: left-right.h5: hard to tell\n" in result.stderr


def test_a_resumed_run_does_not_estimate_it_again(ideal, labelled, asked, tmp_path, monkeypatch):
    command = ("estimate", *labelled, *FAST, "--labels", "--out", tmp_path / "run", "--json")
    stand_in = task_information.task_information

    def interrupted(source, **options):
        if source.path == labelled[1]:
            raise KeyboardInterrupt
        return stand_in(source, **options)

    monkeypatch.setattr(task_information, "task_information", interrupted)
    assert ideal(*command).exit_code == 130
    monkeypatch.setattr(task_information, "task_information", stand_in)
    found = document(ideal(*command))
    assert [path for path, _ in asked] == list(labelled)
    assert [each["task_information"]["task_information_bits"] for each in found["results"]] == [0.5, 0.5]
    assert str(asked[1][1]["checkpoints"]).endswith("checkpoints/1/task")


def test_labels_that_cannot_be_told_apart_do_not_cost_the_estimate(ideal, data, tmp_path):
    counts = np.random.default_rng(4).poisson(5.0, (80, 8, 8)).astype(np.uint16)
    write_measurements(tmp_path / "one-class.h5", counts, noise="poisson", labels=np.zeros(80, int))
    result = ideal("estimate", tmp_path / "one-class.h5", *FAST, "--labels", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("ideal: error: ")
    found = json.loads(result.stdout)
    assert "task_information" not in found["results"][0]
    assert "every label is 0" in found["errors"][0]


def test_the_same_seed_tells_the_same_of_the_labels(ideal, tmp_path):
    """The real estimate, with little work, of vectors: only the classifier is trained."""
    side = np.arange(200) % 2
    counts = np.random.default_rng(5).poisson(np.where((np.arange(8) < 4) == (side[:, None] == 0), 9.0, 3.0))
    write_measurements(tmp_path / "vectors.h5", counts, noise="poisson", labels=side)
    command = ("estimate", tmp_path / "vectors.h5", "--model", "full", "--labels", "--effort", "0.02", "--json")
    first, again = (document(ideal(*command))["results"][0]["task_information"] for _ in range(2))
    assert without_timings(first) == without_timings(again)
    low, high = first["interval"]
    assert low <= first["task_information_bits"] <= high <= first["label_entropy_bits"] + 1e-9
    assert first["task_information_bits"] > 0.5

"""Tables, JSON, figures and progress."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.cli import FAST, POISSON, document


def test_json_has_the_keys_that_are_documented(ideal):
    found = document(ideal("estimate", "a.h5", *FAST, "--json"))
    assert set(found) == {"version", "command", "seed", "results", "comparison", "errors"}
    assert set(found["results"][0]) >= {
        *("path", "noise", "model", "information_bits_per_pixel", "interval", "confidence", "information_bits_per_measurement"),
        *("entropy_bits_per_pixel", "noise_entropy_bits_per_pixel", "models", "patch", "n_train", "n_validation", "n_test"),
        *("n_groups", "seconds", "peak_memory_mb", "warnings"),
    }


def test_the_table_names_interval_and_unit(ideal):
    assert "99.9 % interval" in ideal("estimate", "a.h5", *FAST, "--confidence", "0.999").stdout
    shown = ideal("estimate", "visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3").stdout
    assert "bits/visibility" in shown
    assert "bits in 12 visibilities" in shown


def test_narrow_terminals_keep_names_and_numbers(ideal, monkeypatch):
    monkeypatch.setattr("ideal.cli._output._FILE_WIDTH", 80)
    lines = ideal("estimate", "a.h5", "b.h5", *FAST).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["file", "a.h5", "b.h5"]
    assert all(len(line) <= 80 and "…" not in line for line in lines)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_figure(ideal, tmp_path, suffix):
    target = tmp_path / "new" / f"rank.{suffix}"
    assert ideal("estimate", "a.h5", "b.h5", *FAST, "--plot", target).exit_code == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert target.read_bytes().startswith(start)
    assert [item.name for item in target.parent.iterdir()] == [target.name]
    again = ideal("estimate", "a.h5", "b.h5", *FAST, "--plot", target)
    assert again.exit_code == 2
    assert "exists: choose another name, or overwrite it with --force" in again.stderr
    assert ideal("estimate", "a.h5", "b.h5", *FAST, "--plot", target, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "unit"),
    [
        (("color8.npy", *POISSON), "bits per pixel"),
        (("visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3"), "bits per visibility"),
        (("vectors.npy", "--noise", "poisson"), "bits per value"),
    ],
)
def test_figure_units(ideal, tmp_path, monkeypatch, arguments, unit):
    drawn = []
    monkeypatch.setattr("ideal.plots.theme.save_figure", lambda figure, target: drawn.append(figure))
    assert ideal("estimate", *arguments, "--plot", tmp_path / "x.png").exit_code == 0
    (figure,) = drawn
    assert unit in figure.axes[0].get_xlabel()


def test_figure_of_long_names_stays_inside(ideal, tmp_path, monkeypatch):
    names = [f"{'long-' * 20}{number}.h5" for number in range(3)]
    for name in names:
        (tmp_path / name).write_bytes(Path("a.h5").read_bytes())
    drawn = []
    monkeypatch.setattr("ideal.plots.theme.save_figure", lambda figure, target: drawn.append(figure))
    paths = [tmp_path / name for name in names]
    assert ideal("estimate", *paths, *FAST, "--plot", tmp_path / "x.png").exit_code == 0
    (figure,) = drawn
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert len({text.get_text() for text in axis.texts}) == 3
    for text in axis.texts:
        box = text.get_window_extent()
        assert box.x0 >= axis.bbox.x0
        assert box.x1 <= figure.bbox.x1


def test_a_full_disk_costs_the_figure_alone(ideal, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ideal.plots.theme.save_figure", full)
    result = ideal("estimate", "a.h5", *FAST, "--plot", tmp_path / "x.png")
    assert result.exit_code == 1
    assert "information" in result.stdout
    assert "x.png: the figure cannot be written (No space left on device)" in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_leaves_gets_no_traceback(data, options):
    code = "from ideal.cli.__main__ import main; main()"
    command = [sys.executable, "-c", code, "estimate", "a.h5", *FAST, *options]
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `head` does, before anything is written
        err = process.stderr.read()
        process.wait(timeout=600)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "Broken" not in err


@pytest.mark.slow
def test_progress_shows_on_a_terminal_only(data):
    code = "from ideal.cli.__main__ import main; main()"
    command = [sys.executable, "-c", code, "estimate", "a.h5", *FAST, "--json"]
    ours, theirs = pty.openpty()
    seen = b""
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and select.select([ours], [], [], 1)[0] + [process.poll()] != [0]:
            try:
                seen += os.read(ours, 4096) if select.select([ours], [], [], 0)[0] else b""
            except OSError:  # the other side is closed
                break
        out = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert json.loads(out)["results"]
    assert b"patches" in seen
    quiet = subprocess.run(command, cwd=data, capture_output=True, timeout=600)
    assert b"patches" not in quiet.stderr
    environment = os.environ | {"IDEAL_PROGRESS_SECONDS": "1e-9"}
    lines = subprocess.run(command, cwd=data, capture_output=True, timeout=60, env=environment, text=True).stderr.splitlines()
    assert any(line.startswith("ideal: progress: a.h5: stationary on ") for line in lines)


DROPPED = """
import os, signal, sys, time
from ideal.cli import __main__ as program


class Loud:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            pass


def long(*arguments, **options):
    each = Loud()
    del each
    for _ in range(600):
        time.sleep(0.1)


from ideal.measurements import measurement_set
measurement_set.open_measurements = long
sys.argv = ["ideal", "inspect", "a.h5"]
program.main()
"""


def test_an_interruption_that_falls_into_a_destructor_is_not_lost(data):
    ended = subprocess.run([sys.executable, "-c", DROPPED], cwd=data, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 130, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "interrupted" in ended.stderr


def test_a_pipe_has_no_line_that_ends_in_blanks(ideal):
    for files in (["a.h5"], ["a.h5", "b.h5"]):
        lines = ideal("estimate", *files, *FAST).stdout.splitlines()
        assert all(line == line.rstrip() for line in lines)
        assert any("measurement of" in line for line in lines) == (len(files) > 1)

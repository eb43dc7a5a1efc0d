import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from typer.main import get_command
from typer.testing import CliRunner

from ideal.cli.__main__ import app
from ideal.density import MODELS, load
from ideal.measurements import write_measurements
from ideal.noise import NAMES

ROOT = Path(__file__).parent.parent
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)
TIMINGS = ("seconds", "peak_memory_mb")
FAST = ("--model", "stationary", "--patch", "8")
POISSON = ("--noise", "poisson", *FAST)
GAUSSIAN = ("--noise", "gaussian", *FAST)


def smooth(rng, count, size=16):
    field = rng.standard_normal((count, size + 4, size + 4))
    field = sum(np.roll(field, (dy, dx), (1, 2)) for dy in range(5) for dx in range(5))[:, 4:, 4:] / 5
    return 50 * np.exp(0.4 * field)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    mean = smooth(rng, 70)
    counts = rng.poisson(mean)
    for name, light in (("a", 1.0), ("b", 0.5), ("c", 0.2)):
        write_measurements(folder / f"{name}.h5", rng.poisson(mean * light).astype(np.uint16), noise="poisson")
    pixel_sigma = np.where(np.arange(16)[:, None] < 8, 5.0, 8.0) * np.ones((16, 16))
    noisy = mean + pixel_sigma * rng.standard_normal(mean.shape)
    write_measurements(folder / "pixel-sigma.h5", noisy, noise="gaussian", sigma=pixel_sigma)
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["run/images"] = counts
    broken = {"nan": (3, np.nan), "inf": (60, np.inf), "negative": (60, -3.0)}
    for name, (sample, value) in broken.items():
        array = counts.astype(float)
        array[sample, 4, 5] = value
        np.save(folder / f"{name}.npy", array)
    visibilities = 3 * (rng.standard_normal((100, 12)) + 1j * rng.standard_normal((100, 12))) + rng.standard_normal((100, 1))
    camera = np.round((counts + 1.6 * rng.standard_normal(mean.shape)) / 0.45 + 100)
    arrays = {
        "counts": counts,
        "float": mean + 5 * rng.standard_normal(mean.shape),
        "fraction": counts + 0.3,
        "camera": camera.astype(np.uint16),
        "half-gain": (2 * counts + 100).astype(np.uint16),
        "saturated": np.minimum(counts, 60).astype(np.uint8),
        "constant": np.full((70, 16, 16), 7),
        "zero": np.zeros((70, 16, 16), int),
        "rank1": counts.ravel(),
        "one": counts[:1],
        "tiny": counts[:1, :8, :8],
        "vectors": counts[:, 0],
        "small": counts[:, :6, :5],
        "colour8": np.minimum(rng.poisson(mean[..., None] * [1, 0.8, 0.5]), 255).astype(np.uint8),
        "colour": mean[..., None] * [1, 0.8, 0.5] + 5 * rng.standard_normal((*mean.shape, 3)),
        "visibilities": visibilities,
        "huge": np.zeros((3, 128, 128)) + np.arange(3)[:, None, None],
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    tifffile.imwrite(folder / "big.tif", rng.poisson(smooth(rng, 1, 64)[0]).astype(np.uint16))
    (folder / "truncated.h5").write_bytes((folder / "a.h5").read_bytes()[:5000])
    (folder / "text.h5").write_text("hello" * 1000)
    (folder / "folder.h5").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    return folder


@pytest.fixture
def ideal(data, monkeypatch):
    monkeypatch.chdir(data)

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments], prog_name="ideal")

    return run


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def information(result):
    return [found["information_bits_per_pixel"] for found in document(result)["results"]]


def without_timings(value):
    if isinstance(value, dict):
        return {key: without_timings(item) for key, item in value.items() if key not in TIMINGS}
    return [without_timings(item) for item in value] if isinstance(value, list) else value


# What goes wrong: arguments, exit code, words of the one line on stderr.
WRONG = [
    ("missing.h5", 1, "missing.h5: no such file"),
    ("a.h5 missing.h5", 1, "missing.h5: no such file"),
    ("full", 1, "full: is a folder: name the files in it"),
    ("folder.h5", 1, "folder.h5: is a folder"),
    ("truncated.h5", 1, "truncated.h5: truncated HDF5 file: copy or write the file again"),
    ("text.h5", 1, "text.h5: not an HDF5 file"),
    ("a.h5::nothing", 1, "a.h5: no dataset 'nothing', it holds measurements"),
    ("nan.npy --noise poisson", 1, "nan.npy: measurements of sample 3, pixel (4, 5) is nan, expected finite"),
    ("inf.npy --noise poisson", 1, "sample 60, pixel (4, 5) is inf"),
    ("negative.npy --noise poisson", 1, "cannot be negative; found -3: the offset is too large"),
    ("fraction.npy --noise poisson", 1, "must be whole photoelectrons; found"),
    ("camera.npy --noise poisson --gain .45 --offset 100", 1, "name poisson-gaussian noise with its --read-noise"),
    ("rank1.npy --noise poisson", 1, "has shape (17920,), expected (sample, row, column"),
    ("tiny.npy --noise poisson --patch 8", 1, "room for 1 block(s)"),
    ("constant.npy --noise poisson", 1, "every value is 7: a constant image carries no information"),
    ("zero.npy --noise poisson", 1, "every value is 0"),
    ("huge.npy --noise gaussian --sigma 1 --patch 128", 2, "choose a smaller patch (--patch 16)"),
    ("a.h5 --gain 2", 2, "whole DN of 2 electrons each are not Poisson counts"),
    ("a.h5 --gain 0", 2, "gain is 0.0, expected a finite number > 0"),
    ("a.h5 --sigma 3", 2, "--sigma is for gaussian or complex-gaussian noise, the noise here is poisson"),
    ("a.h5 --read-noise 3", 2, "--read-noise is for poisson-gaussian noise"),
    ("float.npy", 2, "the noise is not known: name it (--noise poisson|gaussian"),
    ("float.npy --noise gaussian", 2, "needs its standard deviation (--sigma S)"),
    ("float.npy --noise gaussian --sigma 0", 2, "sigma is 0.0, expected a finite standard deviation > 0"),
    ("float.npy --noise gaussian --sigma -1", 2, "sigma is -1.0"),
    ("float.npy --noise gaussian --sigma nan", 2, "sigma is nan"),
    ("float.npy --noise gaussian --sigma much", 2, "--sigma"),
    ("float.npy --noise gausian --sigma 1", 2, "unknown noise 'gausian', did you mean gaussian?"),
    ("float.npy --noise poisson-gaussian", 2, "needs the read noise in electrons (--read-noise R)"),
    ("visibilities.npy --noise poisson", 2, "the measurements are complex, expected complex-gaussian"),
    ("visibilities.npy --noise complex-gaussian --sigma 3 --model stationary", 2, "stationary is not for complex vectors"),
    ("a.h5 --model statinary", 2, "'statinary'; did you mean stationary?"),
    ("a.h5 --modle full", 2, "No such option: --modle"),
    ("a.h5 --patch 0", 2, "--patch takes a side in pixels (16) or rows x columns (16x24); found '0'"),
    ("a.h5 --patch 16x", 2, "found '16x'"),
    ("a.h5 --patch -3", 2, "found '-3'"),
    ("a.h5 --confidence 0", 2, "confidence must lie between 0 and 1; found 0"),
    ("a.h5 --confidence 1", 2, "found 1"),
    ("a.h5 --confidence nan", 2, "found nan"),
    ("a.h5 --max-patches 3", 2, "--max-patches"),
    ("a.h5 --seed -1", 2, "--seed"),
    ("a.h5 a.h5", 2, "a.h5 is named twice"),
    ("a.h5 ./a.h5", 2, "a.h5 is named twice"),
    ("foreign.h5 foreign.h5::run/images --noise poisson", 2, "is named twice"),
    ("a.h5 --plot x.jpg", 2, "must end in .png, .svg or .pdf"),
    ("a.h5 --plot a.h5/x.png", 2, "--plot a.h5/x.png cannot be written"),
    ("a.h5 --plot /proc/x.png", 2, "--plot /proc/x.png cannot be written"),
    ("a.h5 --out a.h5", 2, "--out a.h5 is a file: name a folder"),
    ("a.h5 --out /proc/x", 2, "--out /proc/x cannot be written"),
    ("a.h5 --out full", 2, "--out full holds other files and no run"),
    ("", 2, "Missing argument"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=[line or "nothing" for line, _, _ in WRONG])
def test_what_goes_wrong_takes_one_line_on_stderr(ideal, line, code, words):
    result = ideal("estimate", *line.split())
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("ideal: error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [("estimat a.h5", "Did you mean 'estimate'?"), ("inspect a.h5 b.h5", "b.h5"), ("inspect a.h5 --sigma 2", "--sigma is for")],
)
def test_wrong_usage_of_commands(ideal, line, words):
    result = ideal(*line.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"ideal: error: [^\n]+\n", result.stderr)
    assert words in result.stderr


def test_debug_shows_the_traceback(ideal):
    assert ideal("estimate", "missing.h5").exception.code == 1
    shown = ideal("estimate", "missing.h5", "--debug")
    assert type(shown.exception).__name__ == "DataError"


def test_a_defect_is_one_line_too(ideal, monkeypatch):
    monkeypatch.setattr("ideal.information.estimate", lambda *args, **kwargs: 1 / 0)
    result = ideal("estimate", "a.h5")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError" in result.stderr
    assert "--debug" in result.stderr


# What has to work: arguments, bits counted per what, sizes.
RIGHT = [
    (("a.h5", *FAST), [8, 8]),
    (("a.h5", "--model", "stationary", "--patch", "8x4"), [8, 4]),
    (("a.h5", "--model", "stationary", "--patch", "1"), [1, 1]),
    (("a.h5", "--model", "stationary", "--patch", "1000"), [16, 16]),
    (("a.h5", "--max-patches", "10", *FAST), [8, 8]),
    (("a.h5", "--confidence", "0.999", *FAST), [8, 8]),
    (("a.h5", "--model", "all", "--patch", "4"), [4, 4]),
    (("./a.h5", *FAST), [8, 8]),
    (("foreign.h5", *POISSON), [8, 8]),
    (("foreign.h5::run/images", *POISSON), [8, 8]),
    (("one.npy", "--noise", "poisson", "--patch", "4", "--model", "stationary"), [4, 4]),
    (("big.tif", *POISSON), [8, 8]),
    (("small.npy", *POISSON), [6, 5]),
    (("saturated.npy", *POISSON), [8, 8]),
    (("float.npy", "--sigma", "5", *GAUSSIAN), [8, 8]),
    (("pixel-sigma.h5", *FAST), [8, 8]),
    (("colour8.npy", *POISSON), [8, 8]),
    (("colour.npy", "--sigma", "5", *GAUSSIAN), [8, 8]),
    (("camera.npy", "--noise", "poisson-gaussian", "--gain", ".45", "--offset", "100", "--read-noise", "1.6", *FAST), [8, 8]),
    (("half-gain.npy", "--gain", ".5", "--offset", "100", *POISSON), [8, 8]),
    (("vectors.npy", "--noise", "poisson"), [16]),
    (("visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3"), [12]),
]


@pytest.mark.parametrize(("arguments", "patch"), RIGHT, ids=[" ".join(arguments[:5]) for arguments, _ in RIGHT])
def test_estimates(ideal, arguments, patch):
    found = document(ideal("estimate", *arguments, "--json"))
    (result,) = found["results"]
    assert result["patch"] == patch
    low, high = result["interval"]
    assert low < result["information_bits_per_pixel"] < high
    per_measurement = result["information_bits_per_pixel"] * np.prod(patch)
    assert result["information_bits_per_measurement"] == pytest.approx(per_measurement)
    difference = result["entropy_bits_per_pixel"] - result["noise_entropy_bits_per_pixel"]
    assert result["information_bits_per_pixel"] == pytest.approx(difference)
    assert found["errors"] == []
    assert found["comparison"] == []


def test_camera_numbers_and_their_photons_agree(ideal):
    """The camera's read noise and converter take little from 50 photons, and DN with a gain are not other photons."""
    camera = ("--noise", "poisson-gaussian", "--gain", ".45", "--offset", "100", "--read-noise", "1.6")
    (counts,) = information(ideal("estimate", "counts.npy", *POISSON, "--json"))
    (halves,) = information(ideal("estimate", "half-gain.npy", "--gain", ".5", "--offset", "100", *POISSON, "--json"))
    (noisy,) = information(ideal("estimate", "camera.npy", *camera, *FAST, "--json"))
    assert halves == pytest.approx(counts, abs=1e-9)
    assert counts - 0.1 < noisy < counts


def test_saturation_and_few_sources_are_warned_of_on_stderr(ideal):
    result = ideal("estimate", "saturated.npy", *POISSON, "--json")
    warnings = document(result)["results"][0]["warnings"]
    assert any("saturated: " in text and "lower the exposure" in text for text in warnings)
    lines = result.stderr.splitlines()
    assert all(line.startswith("ideal: warning: saturated.npy: ") for line in lines)
    assert len(lines) == len(warnings)
    assert "blocks of the image" in ideal("estimate", "big.tif", *POISSON).stderr


def test_a_warning_of_several_files_takes_one_line(ideal):
    result = ideal("estimate", "a.h5", "b.h5", "c.h5", *FAST)
    assert result.stderr.count("no groups") == 1
    assert "a.h5, b.h5, c.h5: no groups" in result.stderr


def test_ranking(ideal):
    result = ideal("estimate", "c.h5", "a.h5", "b.h5", *FAST)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["a.h5", "b.h5", "c.h5"]
    found = document(ideal("estimate", "c.h5", "a.h5", "b.h5", *FAST, "--json"))
    value = {each["path"]: each["information_bits_per_pixel"] for each in found["results"]}
    assert [(each["a"], each["b"]) for each in found["comparison"]] == [("c.h5", "a.h5"), ("c.h5", "b.h5"), ("a.h5", "b.h5")]
    for each in found["comparison"]:
        assert each["difference_bits_per_pixel"] == pytest.approx(value[each["a"]] - value[each["b"]])
        assert each["paired"]
    assert found["comparison"][2]["interval"][0] > 0


def test_a_ranking_of_different_kinds_is_not_paired(ideal):
    found = document(ideal("estimate", "a.h5", "small.npy", *POISSON, "--json"))
    assert not found["comparison"][0]["paired"]
    shown = ideal("estimate", "a.h5", "small.npy", *POISSON)
    assert "unpaired" in shown.stdout


def test_one_bad_file_does_not_cost_the_others(ideal):
    result = ideal("estimate", "a.h5", "constant.npy", "b.h5", *POISSON, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [each["path"] for each in found["results"]] == ["a.h5", "b.h5"]
    assert len(found["errors"]) == 1
    assert "ideal: error: constant.npy: every value is 7" in result.stderr


def test_the_same_seed_gives_the_same_bytes(ideal):
    first, second, other = (
        json.dumps(without_timings(document(ideal("estimate", "a.h5", "b.h5", *FAST, "--json", "--seed", seed))))
        for seed in (3, 3, 4)
    )
    assert first == second
    assert json.loads(first)["results"] != json.loads(other)["results"]


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
        (("colour8.npy", *POISSON), "bits per pixel"),
        (("visibilities.npy", "--noise", "complex-gaussian", "--sigma", "3"), "bits per visibility"),
        (("vectors.npy", "--noise", "poisson"), "bits per value"),
    ],
)
def test_figure_units(ideal, tmp_path, monkeypatch, arguments, unit):
    drawn = []
    monkeypatch.setattr("ideal.cli._figures.save_figure", lambda figure, target: drawn.append(figure))
    assert ideal("estimate", *arguments, "--plot", tmp_path / "x.png").exit_code == 0
    (figure,) = drawn
    assert unit in figure.axes[0].get_xlabel()


def test_figure_of_long_names_stays_inside(ideal, tmp_path, monkeypatch):
    names = [f"{'long-' * 20}{number}.h5" for number in range(3)]
    for name in names:
        (tmp_path / name).write_bytes(Path("a.h5").read_bytes())
    drawn = []
    monkeypatch.setattr("ideal.cli._figures.save_figure", lambda figure, target: drawn.append(figure))
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
    from ideal import information

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


def test_a_full_disk_costs_the_figure_alone(ideal, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ideal.cli._figures.save_figure", full)
    result = ideal("estimate", "a.h5", *FAST, "--plot", tmp_path / "x.png")
    assert result.exit_code == 1
    assert "information" in result.stdout
    assert "x.png: the figure cannot be written (No space left on device)" in result.stderr


@pytest.mark.parametrize("name", ["a.h5", "nan.npy", "constant.npy", "visibilities.npy", "saturated.npy", "pixel-sigma.h5"])
def test_inspect(ideal, name):
    shown = ideal("inspect", name)
    assert shown.exit_code == 0
    assert name in shown.stdout
    facts = ideal("inspect", name, "--json")
    warnings = document(facts)["warnings"]
    assert facts.stderr == shown.stderr == "".join(f"ideal: warning: {text}\n" for text in warnings)


def test_inspect_names_what_looks_wrong(ideal):
    assert "1 values are NaN or infinite" in ideal("inspect", "nan.npy").stderr
    assert "constant: every value is 7" in ideal("inspect", "constant.npy").stderr
    assert document(ideal("inspect", "pixel-sigma.h5", "--json"))["sigma"] == "array of shape (16, 16)"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_every_option(ideal, command):
    text = ideal(command, "--help").stdout
    assert f"  ideal {command} " in text
    params = get_command(app).commands[command].params
    options = [max(param.opts, key=len) for param in params if param.opts[0].startswith("-")]
    assert {"--noise", "--json", "--debug"} <= set(options)
    assert all(re.search(rf"^ +{option}\b +(\S.*)? {{2}}[A-Za-z]", text, re.MULTILINE) for option in options)


def test_help_names_every_model_and_noise(ideal):
    text = re.sub(r"-\s+(?=[a-z])", "-", ideal("estimate", "--help").stdout)  # names are broken at their hyphens
    assert all(name in text for name in (*MODELS, *NAMES))


def test_help_without_arguments(ideal):
    text = ideal("--help").stdout
    assert all(command in text for command in COMMANDS)
    nothing = ideal()
    assert nothing.exit_code == 2
    assert "Examples:" in nothing.stderr + nothing.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_names_every_command(command):
    assert f"ideal {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def run_python(code, *arguments, **options):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["estimate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom ideal.cli.__main__ import main\ntry:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'scipy', 'jax', 'flax', 'h5py', 'matplotlib', 'skimage', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    result = run_python(code, *arguments)
    assert result.stderr == "[]\n"
    assert "ideal" in result.stdout


def test_completion():
    environment = os.environ | {"_IDEAL_COMPLETE": "complete_bash", "COMP_WORDS": "ideal e", "COMP_CWORD": "1"}
    result = run_python("from ideal.cli.__main__ import app; app(prog_name='ideal')", env=environment)
    assert result.stdout.split() == ["estimate"]


def test_interrupt_exits_with_130(data, tmp_path):
    """Ctrl-C while a model is fitted, by a real signal; then the command goes on with what was finished."""
    code = (
        "import sys, time\nimport ideal.information as i\nestimate = i.estimate\n"
        "def slow(source, **options):\n    if source.path == 'b.h5':\n        print('ready', file=sys.stderr, flush=True)\n"
        "        time.sleep(60)\n    return estimate(source, **options)\n"
        "i.estimate = slow\nfrom ideal.cli.__main__ import main\nmain()"
    )
    folder = tmp_path / "run"
    command = [sys.executable, "-c", code, "estimate", "a.h5", "b.h5", *FAST, "--out", str(folder)]
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == ("", f"ideal: error: interrupted: repeat the command to go on with {folder}\n")
    assert (folder / "result-0.json").exists()
    assert not (folder / "result-1.json").exists()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_leaves_gets_no_traceback(data, options):
    code = "from ideal.cli.__main__ import main; main()"
    command = [sys.executable, "-c", code, "estimate", "a.h5", *FAST, *options]
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `head` does, before anything is written
        err = process.stderr.read()
        process.wait(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "Broken" not in err


def test_progress_shows_on_a_terminal_only(data):
    code = "from ideal.cli.__main__ import main; main()"
    command = [sys.executable, "-c", code, "estimate", "a.h5", *FAST, "--json"]
    ours, theirs = pty.openpty()
    seen = b""
    with subprocess.Popen(command, cwd=data, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        deadline = time.monotonic() + 60
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
    quiet = subprocess.run(command, cwd=data, capture_output=True, timeout=60)
    assert b"patches" not in quiet.stderr


def test_groups_by_number_and_by_file(ideal, data):
    def sources(*options):
        return json.loads(ideal("estimate", "a.h5", *FAST, *options, "--json").stdout)["results"][0]["n_groups"]

    np.savetxt(data / "groups.txt", np.arange(70) // 5, fmt="picture-%d")
    np.save(data / "groups.npy", np.arange(70) // 7)
    assert sources() == 14
    assert sources("--groups", "5") == 14  # five folds now score every one of 14 sources
    assert sources("--groups", "groups.txt") == 14
    assert sources("--groups", "groups.npy") == 10


@pytest.mark.parametrize("groups", ["0", "nothing.txt", "camera.npy"])
def test_groups_that_cannot_be(ideal, groups):
    result = ideal("estimate", "a.h5", "--groups", groups)
    assert result.exit_code == 2
    assert result.stderr.startswith("ideal: error: --groups")
    assert result.stderr.count("\n") == 1


def test_values_without_units_are_questioned(ideal):
    assert "taken as photoelectrons" in ideal("estimate", "camera.npy", "--noise", "poisson").stderr
    assert "none are named" in ideal("inspect", "camera.npy").stdout
    named = ("--noise", "poisson-gaussian", "--gain", "0.45", "--offset", "100", "--read-noise", "1.6")
    assert "taken as photoelectrons" not in ideal("estimate", "camera.npy", *named).stderr

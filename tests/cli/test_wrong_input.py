"""Configurations, options, models and names that are wrong: one line that names them, and no defect of ours."""

import h5py
import numpy as np
import pytest
from fixtures.cli import FAST
from typer.testing import CliRunner

from ideal._documents import parse_json, parse_toml
from ideal.cli.__main__ import app
from ideal.density import StationaryGaussian, load
from ideal.errors import DataError
from ideal.imaging.configuration import files_elsewhere
from ideal.measurements.measurement_set import write_measurements
from ideal.text import plain_text

BRIGHTNESS = np.exp(0.5 * np.random.default_rng(1).standard_normal((80, 1, 1)))
COUNTS = np.random.default_rng(0).poisson(10 * BRIGHTNESS * np.ones((12, 12)))


def run(*arguments):
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_measurements("a.h5", COUNTS.astype(np.uint16), noise="poisson", description="lens [f/2], see [/note] \x1b[31mred")
    return tmp_path


def refused(result, words):
    assert result.exit_code in (1, 2), result.stdout
    assert result.stderr.count("ideal: error: ") == 1
    assert "defect" not in result.stderr
    assert words in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "text",
    [
        "[system]\nbias = " + "9" * 5000,
        "a = " + "[" * 20000,
        "a = " + "[" * 3000 + "]" * 3000,
        ".".join("a" * 20000) + " = 1",
        "x = {" + ".".join(['"a"'] * 100) + " = 1}",
        '[system]\nname = "lenless"\n',
        "[system]\nname = 1979-99-99\n",
        "[noise]\nnoise = 3\n[system]\nname = 'lensless'",
    ],
    ids=range(8),
)
def test_configurations_that_break_the_parser_are_named(here, text):
    (here / "a.toml").write_text(text)
    refused(run("systems", "a.toml"), "a.toml")


def test_a_configuration_that_reads_files_elsewhere_says_so(here):
    (here / "deep/down").mkdir(parents=True)
    np.save(here / "deep/psf.npy", np.eye(32) + 1)
    np.save(here / "deep/down/psf.npy", np.eye(32) + 1)
    for k, name in enumerate(("../psf.npy", str(here / "deep/psf.npy"), "deep/psf.npy")):
        (here / f"deep/down/{k}.toml").write_text(f'[system]\nname = "lensless"\npsf_file = "{name}"\n')
        result = run("systems", f"deep/down/{k}.toml")
        assert result.exit_code == 0, result.stderr
        assert f"{k}.toml reads {(here / 'deep/psf.npy').resolve()}, outside its folder" in result.stderr
    (here / "deep/down/beside.toml").write_text('[system]\nname = "lensless"\npsf_file = "psf.npy"\n')
    assert "outside its folder" not in run("systems", "deep/down/beside.toml").stderr


def test_files_elsewhere_are_found_in_every_table(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("a.npy", "b.h5", "c.txt", "inside/d.npy"):
        (tmp_path / name).touch()
    tables = {
        "system": {"design": "../b.h5", "array": "EHT2017+../c.txt", "name": "lensless", "odd": "\0.x/", "long": "x/" * 5000},
        "objects": {"name": [{"value": f"{tmp_path}/a.npy::set"}, "d.npy", 5, "../gone.npy"]},
    }
    assert [each.name for each in files_elsewhere(tables, inside)] == ["a.npy", "b.h5", "c.txt"]


def test_brackets_and_dots_in_texts_are_no_depth():
    text = "a = '''" + "[" * 100 + "'''\nb = \"" + "a." * 100 + '"\n# ' + "{" * 100
    assert parse_toml(text) == {"a": "[" * 100, "b": "a." * 100}
    with pytest.raises(DataError, match="x: JSON that is nested too deep"):
        parse_json("[" * 100_000, "x")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--patch", "²"),
        ("--patch", "9" * 5000),
        ("--period", "²"),
        ("--period", "9" * 400),
        ("--period", ""),
        ("--time-limit", ""),
        ("--time-limit", "٣"),
        ("--groups", "²"),
        ("--groups", "9" * 300),
        ("--groups", ""),
        ("--gain", "1e300"),
    ],
)
def test_options_that_are_no_numbers_are_named(here, option, value):
    refused(run("estimate", "a.h5", "--model", "stationary", option, value), option.removeprefix("--"))


def test_texts_of_files_are_neither_markup_nor_orders_to_the_terminal(here):
    result = run("inspect", "a.h5")
    assert result.exit_code == 0
    assert "lens [f/2], see [/note]" in result.stdout
    assert "\x1b" not in result.stdout
    assert plain_text("a\x1b[2J\nb\u202ec\x07\udcff") == "a[2J bc\\udcff"


@pytest.mark.parametrize("name", ["a$\\frac$b.h5", "日本.h5", "cost $5 and $6.h5", "[left].h5"])
def test_names_in_figures_are_plain_texts(here, name, recwarn):
    (here / name).write_bytes((here / "a.h5").read_bytes())
    result = run("estimate", name, *FAST, "--plot", "a.png")
    assert result.exit_code == 0, result.stderr
    assert (here / "a.png").stat().st_size > 1000
    assert all(line.startswith("ideal: ") for line in result.stderr.splitlines())


def test_a_configuration_says_that_it_runs_code(here):
    (here / "sent_optics.py").write_text("def encode(params, scene):\n    return scene\n")
    (here / "a.toml").write_text('[system]\nencoder = "sent_optics:encode"\nshape = [8, 8]\n')
    result = run("systems", "a.toml")
    assert result.exit_code == 0, result.stderr
    assert "ideal: note: a.toml runs the code of the module sent_optics" in result.stderr
    for command in ("systems", "simulate", "optimize"):
        assert "trust" in run(command, "--help").stdout


def test_damaged_models_are_refused(tmp_path):
    path = tmp_path / "m.h5"
    StationaryGaussian.fit(0, COUNTS[:60].astype(float), COUNTS[60:].astype(float)).save(path)
    assert load(path).shape == (12, 12)
    for change, words in (
        (lambda value: np.full(np.shape(value), np.nan), "are not those that were written"),
        (lambda value: np.ravel(value)[:1] + 5, "are not those that were written"),
    ):
        for checked in (True, False):
            broken = tmp_path / "b.h5"
            broken.write_bytes(path.read_bytes())
            with h5py.File(broken, "r+") as file:
                value = change(file["autocovariance"][()])
                del file["autocovariance"]
                file["autocovariance"] = value
                if not checked:  # as of files that older releases wrote
                    del file.attrs["checksum"]
            with pytest.raises(DataError, match=words if checked else "cannot be read as a model file"):
                load(broken)


def test_what_does_not_fit_on_the_disk_is_refused_before_the_first_byte(here, monkeypatch):
    monkeypatch.setattr("ideal._disk.os.statvfs", lambda path: type("Full", (), {"f_bavail": 1, "f_frsize": 4096, "f_blocks": 9}))
    refused(run("simulate", "lensless", "beads", "-n", "50", "-o", "out.h5"), "out.h5")
    assert not (here / "out.h5").exists()

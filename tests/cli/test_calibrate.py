"""`ideal calibrate`, and `--camera` of the commands that take it."""

import json

import numpy as np
import pytest

from ideal.cameras import Sensor, read_camera, simulate_frames


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with frames of a bench, captures, and a camera's file."""
    folder = tmp_path_factory.mktemp("bench")
    sensor = Sensor((48, 48), gain=0.5, read_noise=2.0, row_noise=1.0)
    frames = simulate_frames(sensor, dark=16, levels=8, brightest=1.1)
    np.save(folder / "dark.npy", frames.dark)
    for number, flat in enumerate(frames.flat):
        np.save(folder / f"flat-{number}.npy", flat)
    light = np.random.default_rng(0).uniform(100, 900, (60, 1, 1)) * np.ones((48, 48))
    np.save(folder / "captures.npy", sensor.frames(light))
    return folder


@pytest.fixture
def calibrated(ideal, bench):
    path = bench / "camera.h5"
    if not path.exists():
        done = ideal("calibrate", "--dark", bench / "dark.npy", "--flat", f"{bench}/flat-*.npy", "-o", path)
        assert done.exit_code == 0, done.stderr
    return path


def test_a_camera_is_measured_shown_drawn_and_written(ideal, bench, tmp_path):
    out, figure = tmp_path / "camera.h5", tmp_path / "camera.png"
    done = ideal("calibrate", "--dark", bench / "dark.npy", "--flat", f"{bench}/flat-*.npy", "-o", out, "--plot", figure)
    assert done.exit_code == 0, done.stderr
    assert "from 16 dark frames, 16 flat fields" in done.stdout
    assert "PRNU_1288" in done.stdout
    assert "note: rows flicker as one" in done.stderr
    assert float(read_camera(out).gain) == pytest.approx(0.5, rel=0.05)
    assert figure.read_bytes().startswith(b"\x89PNG")
    again = ideal("calibrate", "--dark", bench / "dark.npy", "--flat", f"{bench}/flat-*.npy", "-o", out)
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_json_is_the_record(ideal, bench):
    done = ideal("calibrate", "--dark", bench / "dark.npy", "--flat", f"{bench}/flat-*.npy", "--exposures", "0.1", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["format"] == "ideal-camera"
    assert document["quantities"]["gain"]["symbol"] == "1/K"
    assert document["levels"][0]["exposure"] == 0.1
    assert document["frames"] == {"dark": 16, "flat": 16}


def test_repeats_or_a_stated_gain_stand_for_flat_fields(ideal, bench, tmp_path):
    rows = np.arange(48)
    scene = 800 + 700 * np.sin(rows[:, None] / 5) * np.cos(rows / 6)
    np.save(tmp_path / "still.npy", Sensor((48, 48), gain=0.5, read_noise=2.0).frames(np.repeat(scene[None], 6, 0)))
    done = ideal("calibrate", "--dark", bench / "dark.npy", "--repeats", tmp_path / "still.npy", "--json")
    assert json.loads(done.stdout)["quantities"]["gain"]["value"] == pytest.approx(0.5, rel=0.1)
    stated = ideal("calibrate", "--dark", bench / "dark.npy", "--gain", 0.5, "--json")
    assert json.loads(stated.stdout)["quantities"]["gain"] == {
        "value": 0.5,
        "low": None,
        "high": None,
        "unit": "e-/DN",
        "symbol": "1/K",
    }


def test_a_camera_serves_estimate_and_inspect(ideal, bench, calibrated):
    told = ideal("inspect", bench / "captures.npy", "--camera", calibrated, "--json")
    facts = json.loads(told.stdout)
    assert facts["gain"] == float(read_camera(calibrated).gain)
    names = [each["name"] for each in facts["findings"]]
    assert "gain-inverted" not in names
    inverse = ideal("inspect", bench / "captures.npy", "--camera", calibrated, "--gain", 2.0, "--json")
    assert "gain-inverted" in [each["name"] for each in json.loads(inverse.stdout)["findings"]]
    done = ideal("estimate", bench / "captures.npy", "--camera", calibrated, "--model", "stationary", "--patch", 8, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["results"]


def test_the_record_of_a_kept_estimate_names_the_camera(ideal, bench, calibrated, tmp_path):
    words = ("estimate", bench / "captures.npy", "--camera", calibrated, "--model", "stationary", "--patch", 8)
    first = ideal(*words, "--out", tmp_path / "run", "--json")
    assert first.exit_code == 0, first.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["configuration"]["camera"] == str(calibrated)
    assert str(calibrated) in record["inputs"]


def test_a_camera_serves_simulate_and_optimize(ideal, calibrated, tmp_path):
    out = tmp_path / "shots.h5"
    done = ideal("simulate", "lensless-lenslets", "beads", "-n", 20, "--camera", calibrated, "-o", out, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["noise"]["gain"] == float(read_camera(calibrated).gain)
    both = ideal("simulate", "lensless-lenslets", "beads", "-n", 20, "--camera", calibrated, "--gain", 2, "-o", tmp_path / "b.h5")
    assert both.exit_code == 2
    assert "leave out --gain, or --camera" in both.stderr
    words = ("optimize", "diffraction-limited", "natural-fields", "--camera", calibrated, "-n", 60, "--steps", 2)
    design = ideal(*words, "--against", "none", "--model", "stationary", "--json")
    assert design.exit_code == 0, design.stderr
    assert json.loads(design.stdout)["noise"]["gain"] == float(read_camera(calibrated).gain)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "needs frames"),
        (("--dark", "dark.npy"), "do not tell the gain"),
        (("--dark", "dark.npy", "--gain", "1", "--exposures", "a"), "--exposures takes numbers"),
        (("--dark", "dark.npy", "--gain", "1", "-o", "camera.txt"), "--out camera.txt"),
        (("--dark", "dark.npy", "--gain", "1", "--plot", "a.gif"), "--plot a.gif"),
    ],
)
def test_wrong_usage_takes_one_line(ideal, bench, monkeypatch, words, message):
    monkeypatch.chdir(bench)
    done = ideal("calibrate", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_no_camera_is_refused(ideal, bench):
    done = ideal("estimate", bench / "captures.npy", "--camera", bench / "dark.npy")
    assert done.exit_code == 1
    assert "no camera that ideal calibrate wrote" in done.stderr

"""Reports of cameras and decodings: from results in memory, and from the files that commands write."""

import json

import numpy as np
import pytest

import ideal
from ideal.cameras import calibrate, simulate_frames
from ideal.errors import DataError


@pytest.fixture(scope="module")
def camera():
    bench = simulate_frames(shape=(48, 48), dark=16, levels=8, gain=2.0, dsnu=5.0)
    return calibrate(bench.dark, bench.flat, progress=False)


@pytest.fixture(scope="module")
def decoding():
    return ideal.decode("lensless-lenslets", "beads", "wiener", count=40, progress=False)


def test_a_camera_in_memory_and_its_file(tmp_path, camera):
    page = ideal.reports.report(camera, tmp_path / "a.html")
    (told,) = page.runs
    assert told["kind"] == "calibration"
    assert told["figures"] == ["transfer.png", "maps.png"]
    assert f"gain {float(camera.gain):.3f}"[:9] in told["result"]
    camera.save(tmp_path / "bench.h5")
    page = ideal.reports.report(tmp_path / "bench.h5", tmp_path / "b.html")
    assert page.runs[0]["result"] == told["result"]
    assert not page.warnings
    assert all(note.split(":")[0] in page.html for note in camera.notes)


def test_a_decoding_in_memory_and_what_the_command_printed(tmp_path, decoding):
    page = ideal.reports.report(decoding, tmp_path / "a.html")
    (told,) = page.runs
    assert told["kind"] == "decoding"
    assert "dB" in told["result"]
    (tmp_path / "d.json").write_text(json.dumps({"command": ["ideal", "decode"]} | decoding.to_record()))
    page = ideal.reports.report([tmp_path / "d.json"], tmp_path / "b.html")
    assert page.runs[0]["result"] == told["result"]
    assert "ideal decode" in page.html


def test_several_kinds_are_on_one_page(tmp_path, camera, decoding):
    rng = np.random.default_rng(0)
    light = 50 * np.exp(0.5 * rng.standard_normal((60, 8, 8)))
    found = ideal.estimate(rng.poisson(light), noise="poisson", models="full", patch=8, progress=False)
    page = ideal.reports.report([found, camera, decoding], tmp_path / "a.html")
    assert [each["kind"] for each in page.runs] == ["estimate", "calibration", "decoding"]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"format": "another"}')
    (tmp_path / "a.txt").write_text("hello")
    for name in ("a.json", "a.txt"):
        with pytest.raises(DataError, match=r"is a file: name the folder of a run .* the camera of ideal calibrate"):
            ideal.reports.report(tmp_path / name, tmp_path / "b.html")

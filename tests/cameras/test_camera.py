"""The result of a calibration: what it shows, how it is kept, and the noise that it serves."""

import json

import h5py
import numpy as np
import pytest

import ideal
from ideal import noise as noises
from ideal.cameras import Camera, Sensor, as_camera, calibrate, read_camera, simulate_frames
from ideal.cameras.quantity import TERMS
from ideal.errors import DataError, UsageError
from ideal.noise import PoissonGaussian


@pytest.fixture(scope="module")
def plain():
    """A camera whose pixels are alike."""
    bench = simulate_frames(Sensor((64, 64), gain=2.2, read_noise=3.0), dark=16, levels=8, brightest=1.1)
    return calibrate(bench.dark, bench.flat, progress=False)


@pytest.fixture(scope="module")
def uneven():
    """A camera with maps, row noise and bad pixels."""
    sensor = Sensor((80, 64), gain=2.2, read_noise=3.0, dsnu=8.0, prnu=0.02, row_noise=2.0, hot=2e-3, dead=2e-3, noisy=2e-3)
    bench = simulate_frames(sensor, dark=32, levels=8, brightest=1.1)
    return calibrate(bench.dark, bench.flat, progress=False)


class OwnMaps(PoissonGaussian):
    """Stands for the model of maps and keeps what it is given."""

    def __init__(self, gain, offset, read_noise, **more):
        super().__init__(float(np.mean(read_noise)), float(np.mean(gain)), float(np.mean(offset)))
        object.__setattr__(self, "given", {"gain": gain, "offset": offset, "read_noise": read_noise, **more})


def test_quantities_are_attributes_with_intervals(plain):
    assert 2.1 < float(plain.gain) < 2.3
    assert plain.gain.low < plain.gain.value < plain.gain.high
    assert plain.gain.unit == "e-/DN"
    assert plain.system_gain.symbol == "K"
    assert float(plain.gain) * float(plain.system_gain) == pytest.approx(1.0)
    assert "gain" in dir(plain)
    with pytest.raises(AttributeError, match="does not tell dark_current: dark current"):
        plain.dark_current  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'gian'"):
        plain.gian  # noqa: B018


def test_it_shows_itself(uneven):
    text = repr(uneven)
    assert text.startswith("camera of 80 x 64 pixels, from 32 dark frames, 16 flat fields")
    assert "e-/DN" in text
    assert "maps: gain, offset" in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("note:"))
    html = uneven._repr_html_()
    assert "PRNU_1288" in html
    assert "rows flicker" in html
    titles = [column.title for column in uneven.table().columns]
    assert titles[0] == "quantity"
    assert "95 % interval" in titles
    pytest.importorskip("pandas")
    frame = uneven.to_frame()
    assert frame.loc["gain", "unit"] == "e-/DN"
    assert set(frame.index) <= set(TERMS)


@pytest.mark.parametrize("what", ["transfer", "maps", "all"])
def test_it_is_drawn(uneven, what):
    figure = uneven.plot(what)
    assert figure._repr_png_().startswith(b"\x89PNG")
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert ("mean above the dark (DN)", "temporal noise of a pixel (DN)") in labels or what == "maps"
    assert ("column (pixels)", "row (pixels)") in labels or what == "transfer"


def test_a_figure_that_is_not_there_is_refused(plain):
    with pytest.raises(UsageError, match="there are: transfer, maps, all"):
        plain.plot("noise")
    assert len(plain.plot("all").axes) == 1  # without maps the transfer alone


def test_a_record_is_the_same_read_again(uneven):
    record = json.loads(json.dumps(uneven.to_record(), allow_nan=False))
    again = Camera.from_record(record, uneven.maps)
    assert again.to_record() == uneven.to_record()
    assert record["format"] == "ideal-camera"
    with pytest.raises(DataError, match="format version 99"):
        Camera.from_record(record | {"format_version": 99})
    with pytest.raises(DataError, match="not whole"):
        Camera.from_record({"format": "ideal-camera"})
    with pytest.raises(DataError, match="no gain"):
        Camera.from_record(record | {"quantities": {}})
    with pytest.raises(DataError, match="has shape"):
        Camera.from_record(record, {"offset": np.zeros((3, 3))})


def test_a_file_keeps_numbers_and_maps(uneven, tmp_path):
    path = tmp_path / "camera.h5"
    uneven.save(path)
    again = as_camera(str(path))
    assert again.to_record() == uneven.to_record()
    for name, values in uneven.maps.items():
        np.testing.assert_array_equal(again.maps[name], values)
    with pytest.raises(UsageError, match="exists"):
        uneven.save(path)
    with pytest.raises(UsageError, match=r"ends in \.h5"):
        uneven.save(tmp_path / "camera.json")


def test_files_that_hold_no_camera_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.attrs["format"] = "ideal-camera"
        file["record"] = "{"
    for name in ("a.npy", "b.h5", "c.h5"):
        with pytest.raises(DataError, match="no camera"):
            read_camera(tmp_path / name)
    with pytest.raises(UsageError, match="found a int"):
        as_camera(3)


def test_numbers_serve_where_pixels_are_alike(plain):
    noise = plain.noise()
    assert isinstance(noise, PoissonGaussian)
    assert noise.gain == float(plain.gain)
    assert noise.read_noise == pytest.approx(float(plain.read_noise), rel=0.05)
    assert noise.quantised
    assert noise.ceiling == 4095
    assert plain.settings() == {"noise": "poisson-gaussian", **noise.attributes()}


def test_maps_serve_where_pixels_differ(uneven, monkeypatch):
    monkeypatch.setattr(noises, "CameraMaps", OwnMaps, raising=False)
    given = uneven.noise().given
    np.testing.assert_array_equal(given["gain"], uneven.maps["gain"])
    np.testing.assert_array_equal(given["offset"], uneven.maps["offset"])
    assert given["row_noise"] == float(uneven.row_noise)
    assert given["column_noise"] == 0.0  # its interval reaches 0
    np.testing.assert_array_equal(given["bad_pixels"], uneven.maps["bad_pixels"] > 0)
    assert given["saturation"] == 4095
    assert isinstance(uneven.noise(maps=False), PoissonGaussian)
    assert not isinstance(uneven.noise_for((16, 16)), OwnMaps)
    assert isinstance(uneven.noise_for((80, 64)), OwnMaps)
    with pytest.raises(DataError, match="frames of 16 x 16 pixels, the camera was calibrated with 80 x 64"):
        uneven.check_shape((5, 16, 16), "x")


def test_without_the_model_of_maps_numbers_hold_all_noise(uneven, monkeypatch):
    monkeypatch.delattr(noises, "CameraMaps", raising=False)
    noise = uneven.noise(maps=False)
    assert noise.read_noise == pytest.approx(np.hypot(float(uneven.read_noise), float(uneven.row_noise)), rel=0.01)


def test_electrons_by_the_maps(uneven):
    stored = np.full((3, 80, 64), 500)
    found = uneven.to_electrons(stored)
    np.testing.assert_allclose(found[0], (500 - uneven.maps["offset"]) * uneven.maps["gain"], rtol=1e-6)


def test_a_camera_serves_sets_estimates_and_simulations(plain, tmp_path):
    sensor = Sensor((64, 64), gain=2.2, read_noise=3.0)
    frames = sensor.frames(np.random.default_rng(0).uniform(100, 900, (60, 1, 1)) * np.ones((64, 64)))
    np.save(tmp_path / "frames.npy", frames)
    plain.save(tmp_path / "camera.h5")
    measured = ideal.from_arrays(frames, camera=plain)
    assert (measured.gain, measured.offset) == (float(plain.gain), float(plain.offset))
    assert measured.noise.ceiling == 4095
    assert measured.camera is plain
    with ideal.open(tmp_path / "frames.npy", camera=tmp_path / "camera.h5") as opened:
        assert opened.noise == measured.noise
    told = ideal.estimate(frames, camera=plain, models="stationary", progress=False)
    same = ideal.estimate(frames, noise=measured.noise, saturation=4095, models="stationary", progress=False)
    assert float(told.information) == float(same.information)
    lens = ideal.imaging.LensletCamera(scene_shape=(20, 20), psf_shape=(5, 5))
    shots = ideal.simulate(lens, "beads", count=20, camera=plain, progress=False)
    assert shots.gain == float(plain.gain)
    with pytest.raises(UsageError, match="two kinds of noise"):
        ideal.simulate(lens, "beads", count=20, camera=plain, noise=noises.Poisson(), progress=False)
    with pytest.raises(UsageError, match="two kinds of noise"):
        ideal.design(lens, "beads", camera=plain, noise=noises.Poisson(), progress=False)


def test_figures_beside_a_camera_go_before_its_own(plain):
    frames = np.full((8, 64, 64), 400, np.uint16)
    measured = ideal.from_arrays(frames, camera=plain, offset=90.0)
    assert measured.offset == 90.0
    assert measured.gain == float(plain.gain)
    named = ideal.from_arrays(frames, camera=plain, noise="poisson")
    assert named.noise_name == "poisson"


def test_the_sensor_refuses_what_has_no_meaning():
    with pytest.raises(UsageError, match="gain must be above 0"):
        Sensor(gain=0.0)
    with pytest.raises(UsageError, match="bits"):
        Sensor(bits=20)
    with pytest.raises(UsageError, match="give them to the Sensor"):
        simulate_frames(Sensor((8, 8)), gain=2.0)
    sensor = Sensor((8, 8), seed=3)
    np.testing.assert_array_equal(sensor.dark(3, seed=5), sensor.dark(3, seed=5))

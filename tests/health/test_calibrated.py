"""What a calibration explains is no finding; what contradicts it is one, with its figures."""

import numpy as np
import pytest

import ideal
from ideal.cameras import Sensor, calibrate, simulate_frames
from ideal.health.calibrated import DarkLevel, KnownPattern
from ideal.health.check import Block

FIGURES = {"gain": 2.2, "read_noise": 3.0}
SHAPE = (64, 64)


def scenes(count=120, low=20.0, high=800.0, seed=0):
    """Return smooth scenes, photoelectrons."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE) / SHAPE[0]
    waves = [rng.uniform(0.5, 2) * rows + rng.uniform(0.5, 2) * columns + rng.uniform() for _ in range(count)]
    return np.stack([low + high * (1 + np.sin(2 * np.pi * wave)) / 2 for wave in waves])


def bench_of(**figures):
    sensor = Sensor(SHAPE, **FIGURES | figures)
    bench = simulate_frames(sensor, dark=64, levels=10, brightest=1.1)
    return sensor, calibrate(bench.dark, bench.flat, progress=False)


@pytest.fixture(scope="module")
def plain():
    return bench_of()


def found(values, **known):
    return {each.name: each for each in ideal.from_arrays(values, **known).examination.findings if each.name != "no-groups"}


@pytest.mark.parametrize("gain", [0.3, 0.45, 2.2, 5.0])
@pytest.mark.parametrize("high", [60.0, 800.0])
def test_right_sets_of_a_calibrated_camera_are_silent(gain, high):
    sensor, camera = bench_of(gain=gain, bits=16, full_well=20_000)
    for seed in range(2):
        assert not found(sensor.frames(scenes(high=high, seed=seed), seed=seed), camera=camera)


def test_textured_scenes_are_no_other_mode(plain):
    sensor, camera = plain
    rng = np.random.default_rng(1)
    for strength in (0.02, 0.1, 0.3):
        light = scenes() * rng.lognormal(0, strength, (120, *SHAPE))
        # Texture that is white from pixel to pixel cannot be told from noise, which a note says.
        assert not set(found(sensor.frames(light), camera=camera)) - {"noise-too-large"}


def test_a_dark_level_that_rose_is_found_with_its_size(plain):
    sensor, camera = plain
    told = found(sensor.frames(scenes()) + np.uint16(30), camera=camera)
    assert set(told) == {"calibration-differs"}
    assert told["calibration-differs"].figures["moved"] == pytest.approx(30, rel=0.25)
    assert told["calibration-differs"].severity == "biased"


def test_a_dark_level_that_fell_is_found_with_its_size(plain):
    sensor, camera = plain
    told = found(sensor.frames(scenes(low=0.0)) - np.uint16(30), camera=camera)
    assert "calibration-differs" in told
    assert told["calibration-differs"].figures["moved"] == pytest.approx(-30, rel=0.25)


def test_a_gain_of_another_mode_is_found_with_its_size(plain):
    _, camera = plain
    low = found(Sensor(SHAPE, gain=4.4, read_noise=3.0).frames(scenes()), camera=camera)["calibration-differs"]
    assert low.figures["fitting_gain"] == pytest.approx(4.4, rel=0.1)
    assert low.severity == "biased"
    high = found(Sensor(SHAPE, gain=1.1, read_noise=3.0).frames(scenes()), camera=camera)["calibration-differs"]
    assert high.figures["fitting_gain"] == pytest.approx(1.1, rel=0.1)
    assert high.severity == "note"  # scenes with much detail look so too


def test_a_stated_gain_that_contradicts_the_calibration_is_said(plain):
    sensor, camera = plain
    frames = sensor.frames(scenes())
    assert "e-/DN and DN/e- are mixed up" in found(frames, camera=camera, gain=1 / 2.2)["gain-inverted"].line
    assert found(frames, camera=camera, gain=3.0)["calibration-differs"].figures["calibrated_gain"] == float(camera.gain)
    assert not found(frames, camera=camera, gain=2.2)


@pytest.mark.parametrize(("right", "stated"), [(2.2, 1 / 2.2), (0.45, 1 / 0.45), (0.25, 4.0), (4.0, 0.25)])
def test_a_gain_that_is_the_inverse_is_named_without_a_calibration(right, stated):
    sensor = Sensor(SHAPE, gain=right, read_noise=2.0, bits=16)
    told = found(sensor.frames(scenes()), noise="poisson-gaussian", gain=stated, offset=100, read_noise=2.0)
    assert told["gain-inverted"].figures["fitting_gain"] == pytest.approx(right, rel=0.12)
    assert f"--gain {right:.3g}" in told["gain-inverted"].remedy
    assert "noise-too-small" not in told
    assert "gain-inverted" not in found(sensor.frames(scenes()), noise="poisson-gaussian", gain=right, offset=100, read_noise=2.0)


def test_findings_of_uncalibrated_sets_name_the_calibration_and_its_frames(tmp_path):
    sensor = Sensor(SHAPE, dsnu=25.0, hot=2e-3, **FIGURES)
    frames = sensor.frames(scenes(high=60.0))
    told = found(frames, noise="poisson-gaussian", gain=2.2, offset=100, read_noise=3.0)
    for name in ("fixed-pattern", "hot-pixels"):
        assert "ideal calibrate --dark D --flat F: 64 dark frames" in told[name].remedy
        assert "--camera" in told[name].remedy
    np.save(tmp_path / "frames.npy", Sensor(SHAPE, **FIGURES).frames(scenes(high=60.0)))
    with ideal.open(tmp_path / "frames.npy", noise="poisson") as measured:
        units = {each.name: each for each in measured.examination.findings}["units-offset"]
    assert "16 dark frames" in units.remedy


def blocks_of(check, measured, values):
    check.add(Block(measured, 0, values))
    return check.findings()


@pytest.fixture
def served(monkeypatch):
    """A camera with maps, as a set sees it whose noise has them."""
    sensor, camera = bench_of(dsnu=15.0, prnu=0.03, hot=2e-3)
    monkeypatch.setattr("ideal.health.calibrated.serving_camera", lambda measured: measured.camera)
    monkeypatch.setattr(type(camera), "serves_maps", property(lambda camera: True))
    return sensor, camera


class Corrected:
    """A block whose values are those that maps make of it."""

    def __init__(self, camera, raw):
        self.values, self.raw, self.rows, self.sampled = camera.to_electrons(raw), raw, None, True


def test_the_pattern_of_the_maps_is_looked_for_in_what_they_leave(served):
    sensor, camera = served
    measured = ideal.from_arrays(sensor.frames(scenes(40)), camera=camera)
    right = KnownPattern(measured)
    right.add(Corrected(camera, sensor.frames(scenes(40))))
    assert not right.findings()
    other = KnownPattern(measured)  # of the same kind, with a pattern of its own
    other.add(Corrected(camera, Sensor(SHAPE, dsnu=15.0, prnu=0.03, seed=9, **FIGURES).frames(scenes(40))))
    (told,) = other.findings()
    assert told.name == "calibration-differs"
    assert told.figures["map"] == "offset"
    assert told.figures["missing"] == pytest.approx(1.0, abs=0.15)


def test_the_dark_level_is_that_of_each_pixel_where_maps_serve(served):
    sensor, camera = served
    frames = sensor.frames(scenes(40, low=0.0))
    measured = ideal.from_arrays(frames, camera=camera)
    assert not blocks_of(DarkLevel(measured), measured, frames)
    assert blocks_of(DarkLevel(measured), measured, frames - np.uint16(25))


def test_hot_pixels_that_the_calibration_knows_are_no_finding_and_new_ones_are(served):
    from ideal.health.frames import DeadPixels

    sensor, camera = served
    frames = sensor.frames(scenes(40))
    measured = ideal.from_arrays(frames, camera=camera)
    assert not blocks_of(DeadPixels(measured), measured, frames)
    frames[:, 30, 31] += 900
    (told,) = blocks_of(DeadPixels(measured), measured, frames)
    assert told.name == "hot-pixels"
    assert told.figures["pixels"] == 1
    assert "calibrate it anew" in told.remedy

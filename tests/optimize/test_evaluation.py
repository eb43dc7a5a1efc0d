"""Designs measured anew: by the noise that they were designed for, the converter of a camera included."""

import numpy as np
import pytest

from ideal.imaging import make_system
from ideal.information.estimation import estimate
from ideal.measurements.measurement_set import open_measurements, write_measurements
from ideal.noise import Gaussian, Poisson, PoissonGaussian
from ideal.optimize.evaluation import Scale, information_of, measured_by
from ideal.optimize.objects import Part

pytestmark = pytest.mark.usefixtures("hasty_compiler")

SYSTEM = make_system("diffraction-limited", shape=(8, 8))
CAMERAS = [(1.0, 0.0), (5.0, 0.0), (5.0, 100.0), (0.45, 100.0), (16.0, 3.0)]


def objects(count=80):
    """Even scenes of unlike brightness."""
    rng = np.random.default_rng(0)
    scenes = rng.uniform(20, 200, (count, *(1,) * len(SYSTEM.scene.shape))) * np.ones(SYSTEM.scene.shape)
    return Part(scenes.astype(np.float32), None, np.arange(count))


def measured(noise):
    return measured_by(SYSTEM, SYSTEM.design(), noise, objects(), 1.0, 0, "it")


@pytest.mark.parametrize(("gain", "offset"), CAMERAS)
def test_a_camera_keeps_its_converter(gain, offset):
    noise = PoissonGaussian(2.0, gain, offset, quantised=True)
    found = measured(noise)
    assert (found.gain, found.offset, found.read_noise, found.noise_name) == (gain, offset, 2.0, "poisson-gaussian")
    assert found.integer
    steps = found.read(0, 80) / gain
    np.testing.assert_allclose(steps, np.round(steps + offset) - offset, atol=1e-9)
    known = estimate(found, models=("full",), patch=(4, 4)).noise
    assert {key: known[key] for key in ("gain", "offset", "quantised", "step")} == {
        "gain": gain,
        "offset": offset,
        "quantised": True,
        "step": 1,
    }


def test_the_figure_is_that_of_a_file_of_the_same_numbers(tmp_path):
    noise = PoissonGaussian(2.0, 5.0, 100.0, quantised=True)
    found = measured(noise)
    path = tmp_path / "camera.h5"
    clean = found.read_clean(0, 80).astype(np.float32)
    stored = found.read_raw(0, 80).astype(np.uint16)
    write_measurements(path, stored, clean=clean, noise="poisson-gaussian", gain=5.0, offset=100.0, read_noise=2.0)
    here = information_of(found, Scale(("full",), 4), lambda text, fraction=None: None)
    with open_measurements(path) as file:
        there = information_of(file, Scale(("full",), 4), lambda text, fraction=None: None)
    assert here.information_bits_per_pixel == pytest.approx(there.information_bits_per_pixel, abs=1e-6)


def test_a_camera_without_a_converter_and_other_noise_stay_as_they_are():
    smooth = measured(PoissonGaussian(2.0))
    assert (smooth.units, smooth.read_noise, smooth.integer) == ("photoelectrons", 2.0, False)
    assert measured(Poisson()).integer
    assert measured(Gaussian(3.0)).sigma == 3.0

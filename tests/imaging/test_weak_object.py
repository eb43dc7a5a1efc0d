"""The weak-object form of the LED microscope: against the full model, its transfer functions, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.microscope import MODERATE, SMALL, image, moderate, smooth

from ideal.errors import DataError, UsageError
from ideal.imaging import make_system

WEAK_CASES = [
    ("brightfield", 0.0, (1, 1)),
    ("brightfield", 2.0, (0, 0.3)),  # where many angles wash out the first order, the second shows sooner
    ("single-led", 2.0, (0, 1)),
    ("dpc-left", 0.0, (0, 1)),
    ("dpc-top", 1.5, (1, 1)),
    ("annular", 2.0, (1, 1)),
    ("random", 0.0, (1, 1)),
]


@pytest.mark.parametrize(("design", "defocus", "channels"), WEAK_CASES)
def test_the_weak_form_agrees_for_a_weak_object(design, defocus, channels):
    oversampling = 2 if design == "dpc-top" else 1
    settings = {"defocus": defocus, "oversampling": oversampling, "camera_pixel": 3.45 * oversampling}
    full, weak = (moderate(name, **settings) for name in ("led-microscope", "led-microscope-weak"))
    scene = smooth(7, full.shape, 0.01, scale=3.0) * np.array(channels)
    with jax.enable_x64(True):
        params = full.design(design)
        signal = image(full, params, scene) - image(full, params, 0 * scene)
        linear = image(weak, params, scene) - image(weak, params, 0 * scene)
    assert np.linalg.norm(linear - signal) < 0.02 * np.linalg.norm(signal)


def test_the_weak_form_is_blind_to_darkfield(tmp_path):
    weak = moderate("led-microscope-weak")
    dark = moderate().design("darkfield")
    assert not image(weak, dark, smooth(8, weak.shape, 0.1)).any()
    assert "darkfield" not in weak.designs
    with pytest.raises(UsageError, match="darkfield gives no signal in the weak-object form: use led-microscope"):
        weak.design("darkfield")
    (tmp_path / "outer.csv").write_text("10,0,10\n-10,0,14\n")
    outer = {"leds": str(tmp_path / "outer.csv"), "led_na": 0.8}
    assert next(iter(moderate().replace(**outer).designs)) == "single-led"
    with pytest.raises(UsageError, match="no LED lies within the objective's NA"):
        weak.replace(**outer)


@pytest.mark.parametrize(
    ("design", "amounts", "message"),
    [
        (
            "brightfield",
            (1.0, 0.0),
            r"scene 1 has absorption of 0\.\d+ about its mean, expected at most 0\.5: use led-microscope",
        ),
        (
            "brightfield",
            (0.0, 2.0),
            r"scene 1 has phase of 1\.\d+ rad about its mean, expected at most 1 rad: .*objects\.contrast",
        ),
        ("dpc-left", (0.0, 0.98), r"scene 1 gives a mean of -\d+ photoelectrons, expected none below 0: use led-microscope"),
    ],
)
def test_an_object_that_is_not_weak_is_told_so(design, amounts, message):
    weak = moderate("led-microscope-weak")
    # steps between cells of 2 um, half of them dark or ahead
    cells = np.indices(weak.shape).sum(0) // 12 % 2 if design == "dpc-left" else np.indices(weak.shape)[1] > 40
    scene = np.stack([amount * (cells - (cells.mean() if amounts[0] == 0 else 0)) for amount in amounts], -1).astype(np.float32)
    scene *= 2 if design == "dpc-left" else 1
    scenes = np.stack([0 * scene, scene])
    moderate().images(moderate().design(design), scenes)
    with pytest.raises(DataError, match=message):
        weak.images(weak.design(design), scenes)


def test_transfer_functions_give_the_weak_image():
    weak = make_system("led-microscope-weak", **MODERATE, defocus=1.0)
    params, scene = weak.design("dpc-bottom"), smooth(9, weak.shape, 0.1)
    absorption, phase = weak.transfer_functions(params)
    spectra = np.fft.fft2(scene, axes=(0, 1))
    contrast = np.fft.ifft2(absorption * spectra[..., 0] + phase * spectra[..., 1])
    assert np.abs(contrast.imag).max() < 1e-6
    np.testing.assert_allclose(image(weak, params, scene) / weak.photons - 1, contrast.real, atol=1e-5)


def test_absorption_dims_by_twice_its_amplitude():
    weak = moderate("led-microscope-weak")
    absorption, phase = weak.transfer_functions(weak.design())
    assert absorption[0, 0] == pytest.approx(-2, abs=1e-5)
    assert abs(phase[0, 0]) < 1e-5


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_adjoint_of_the_weak_form(precision):
    with jax.enable_x64(precision == "float64"):
        weak = make_system("led-microscope-weak", **SMALL, defocus=2.0)
        operator = weak.operator(weak.design("random", 1))
        rng = np.random.default_rng(0)
        scene = jnp.asarray(rng.standard_normal((*weak.shape, 2)), precision)
        measurement = jnp.asarray(rng.standard_normal(weak.measurement_shape), precision)
        forward, adjoint = jax.jit(operator.forward)(scene), jax.jit(operator.adjoint)(measurement)
        scale = float(jnp.linalg.norm(forward) * jnp.linalg.norm(measurement))
        difference = float(jnp.vdot(forward, measurement) - jnp.vdot(scene, adjoint))
    assert abs(difference) < scale * (1e-5 if precision == "float32" else 1e-12)

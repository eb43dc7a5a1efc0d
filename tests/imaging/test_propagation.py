"""Fresnel diffraction and the phase mask camera against patterns known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import fresnel, j1, sici

from ideal.errors import UsageError
from ideal.imaging import make_system
from ideal.imaging.lensless.propagation import FresnelPropagator, disc_coverage, fresnel_matrix

WAVELENGTH = 0.55


def slit_pattern(x, width, distance):
    """Intensity behind a slit in unit light, by Fresnel's integrals (Goodman, Introduction to Fourier Optics, section 4.5)."""
    scale = np.sqrt(2 / (WAVELENGTH * distance))
    s1, c1 = fresnel(scale * (x - width / 2))
    s2, c2 = fresnel(scale * (x + width / 2))
    return ((c2 - c1) ** 2 + (s2 - s1) ** 2) / 2


def sinc_squared_integral(x):
    """Integral of sinc(t)^2 from 0 to x."""
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, 0, sici(2 * np.pi * safe)[0] / np.pi - np.sin(np.pi * safe) ** 2 / (np.pi**2 * safe))


def focus_of_a_square(width, distance, window, pixel):
    """Share of the light in each pixel at the focus of a perfect lens of this width."""
    edges = (np.arange(window + 1) - window // 2 - 0.5) * pixel * width / (WAVELENGTH * distance)
    share = np.diff(sinc_squared_integral(edges))
    return np.outer(share, share)


@pytest.mark.parametrize("distance", [300.0, 5000.0, 80_000.0])  # Fresnel numbers from 100 to 0.4
def test_slit_follows_the_fresnel_integrals(distance):
    x = np.linspace(-300, 300, 601)
    found = np.abs(fresnel_matrix(x, 64, 4.0, WAVELENGTH, distance).sum(1)) ** 2
    expected = slit_pattern(x, 256.0, distance)
    assert np.abs(found - expected).max() < 1e-12 * expected.max()


def test_slit_in_light_from_a_near_source_is_magnified():
    """A point source at the distance s is a plane wave at z s / (z + s), with the pattern magnified by (z + s) / s."""
    x, z, s = np.linspace(-200, 200, 101), 5000.0, 20_000.0
    found = np.abs(fresnel_matrix(x, 64, 2.0, WAVELENGTH, z, s).sum(1)) ** 2
    grown = (z + s) / s
    expected = slit_pattern(x / grown, 128.0, z / grown) / grown
    assert np.abs(found - expected).max() < 1e-12 * expected.max()


def test_converging_light_focuses_to_a_sinc():
    x, width, z = np.linspace(-100, 100, 401), 200.0, 4000.0
    found = np.abs(fresnel_matrix(x, 50, 4.0, WAVELENGTH, z, -z).sum(1)) ** 2
    expected = width**2 / (WAVELENGTH * z) * np.sinc(width * x / (WAVELENGTH * z)) ** 2
    assert np.abs(found - expected).max() < 1e-12 * expected.max()


def test_pixels_gather_the_integral_of_the_pattern():
    with jax.enable_x64(True):
        sensor = FresnelPropagator(50, 4.0, WAVELENGTH, 4000.0, (9, 12), 30.0, -4000.0)
        light = np.asarray(sensor.light(jnp.full((50, 50), 1 / 200, complex)))
    expected = focus_of_a_square(200.0, 4000.0, 12, 30.0)[2:11]
    assert np.abs(light - expected).max() < 1e-8


def test_energy_is_conserved_in_propagation():
    cells, pitch, distance = 3000, 0.5, 20_000.0
    centres = (np.arange(cells) - (cells - 1) / 2) * pitch
    field = np.exp(-((centres / 250) ** 2) + 1j * np.sin(centres / 400))
    x = np.linspace(-2000, 2000, 1001)
    behind = np.abs(fresnel_matrix(x, cells, pitch, WAVELENGTH, distance) @ field) ** 2
    assert behind.sum() * (x[1] - x[0]) == pytest.approx(pitch * (np.abs(field) ** 2).sum(), rel=1e-6)


def test_shadow_is_not_turned_over():
    mask = np.zeros((32, 32), complex)
    mask[:8, :16] = 1
    light = np.asarray(FresnelPropagator(32, 4.0, WAVELENGTH, 20.0, (8, 8), 16.0).light(jnp.asarray(mask)))
    # The axis passes through the centre of pixel 4, so the mask's 128 um begin in the middle of pixel 0.
    assert light[:3, :5].sum() > 0.95 * light.sum()
    assert light[5:].sum() < 0.02 * light.sum()


@pytest.fixture(scope="module")
def fine_lens():
    """Cells so fine that the stairs of the surface, whose error falls as their square, cannot be seen."""
    return make_system("lensless-phase", mask_cells=512, pitch=0.125, distance=4000.0, psf_shape=(24, 24))


def test_square_lens_has_a_sinc_squared_focus(fine_lens):
    with jax.enable_x64(True):
        params = fine_lens.design("lens")
        found = np.asarray(fine_lens.psf(params)) * float(fine_lens.window_share(params))
    expected = focus_of_a_square(64.0, fine_lens.distance, 24, fine_lens.pixel)
    assert np.abs(found - expected).max() < 1e-5 * expected.max()
    assert found.sum() == pytest.approx(expected.sum(), abs=1e-5)


def test_the_error_of_a_stepped_lens_falls_with_the_square_of_the_cell():
    errors = []
    with jax.enable_x64(True):
        for cells in (64, 128):
            camera = make_system("lensless-phase", mask_cells=cells, pitch=64 / cells)
            params = camera.design("lens")
            found = np.asarray(camera.psf(params)) * float(camera.window_share(params))
            errors.append(np.abs(found - focus_of_a_square(64.0, camera.distance, 32, camera.pixel)).max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


def test_round_lens_has_an_airy_focus(fine_lens):
    camera = fine_lens.replace(aperture="circle", pixel=4.0)
    with jax.enable_x64(True):
        params = camera.design("lens")
        found = np.asarray(camera.psf(params)) * float(camera.window_share(params))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    x = ((np.arange(24) - 12)[:, None] + nodes / 2).ravel() * 4.0
    rho = np.pi * 64.0 * np.hypot(x[:, None], x) / (WAVELENGTH * camera.distance)
    peak = np.pi * 64.0**2 / 4 / (WAVELENGTH * camera.distance) ** 2
    airy = peak * (2 * j1(rho) / rho) ** 2
    w = np.tile(weights * 2.0, 24)
    expected = (airy * np.outer(w, w)).reshape(24, 8, 24, 8).sum((1, 3))
    assert np.abs(found - expected).max() < 1e-5 * expected.max()


def test_disc_coverage_adds_up_to_the_circle():
    assert disc_coverage(40).sum() == pytest.approx(np.pi * 20**2, rel=1e-5)
    assert disc_coverage(40).max() == pytest.approx(1)


@pytest.mark.parametrize("aperture", ["square", "circle"])
@pytest.mark.parametrize("name", ["lens", "four-lenslets", "diffuser", "flat"])
def test_the_psf_of_every_design_sums_to_one(name, aperture):
    camera = make_system("lensless-phase", aperture=aperture)
    params = camera.check_params(camera.design(name))
    psf = np.asarray(camera.psf(params), dtype=np.float64)
    assert psf.shape == (32, 32)
    assert psf.min() >= 0
    assert psf.sum() == pytest.approx(1, abs=1e-6)
    assert 0.8 < float(camera.window_share(params)) < 1


def test_single_precision_is_near_double_precision():
    camera = make_system("lensless-phase")
    single = np.asarray(camera.psf(camera.design("diffuser")))
    assert single.dtype == np.float32
    with jax.enable_x64(True):
        double = np.asarray(camera.psf(camera.design("diffuser")))
    assert double.dtype == np.float64
    assert np.abs(single - double).max() < 1e-5 * double.max()


def test_foci_of_lenslets_stay_in_place_for_a_near_source():
    far = make_system("lensless-phase")
    near = far.replace(source_distance=4000.0)
    peaks = []
    for camera in (far, near):
        psf = np.asarray(camera.psf(camera.design("four-lenslets")))
        brightest = np.argsort(psf.ravel())[-4:]
        peaks.append(sorted(brightest))
    assert peaks[0][-1] == peaks[1][-1]
    assert len(set(peaks[0]) & set(peaks[1])) >= 3


def test_light_that_misses_the_window_is_lost_unless_normalised():
    camera = make_system("lensless-phase", normalise=False)
    params = camera.design("flat")
    assert np.asarray(camera.psf(params)).sum() == pytest.approx(float(camera.window_share(params)), rel=1e-5)
    assert float(camera.window_share(params)) < 0.99


def test_a_wave_more_of_height_changes_nothing():
    camera = make_system("lensless-phase", max_height=3.0)
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        height = rng.uniform(0, 1.5, (128, 128))
        wave = camera.wavelength / (camera.index - 1)
        more = height + wave * rng.integers(0, 2, height.shape)
        np.testing.assert_allclose(
            camera.psf({"height": jnp.asarray(height)}), camera.psf({"height": jnp.asarray(more)}), atol=1e-12
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pitch": 10.0}, "undersampled.*lower pitch to"),
        ({"distance": 50.0}, "undersampled"),
        ({"source_distance": 30.0}, "undersampled"),
        ({"pixel": 900.0}, "too many fringes.*lower pixel"),
        ({"index": 1.0}, "index is 1"),
        ({"max_height": 0.5}, r"expected at least wavelength / \(index - 1\)"),
        ({"aperture": "star"}, "expected square or circle"),
        ({"wavelength": 0.0}, "wavelength is 0"),
        ({"mask_cells": 1}, "mask_cells is 1 cells, expected a whole number, 2 to"),
        ({"source_distance": -5.0}, r"expected 0 \(infinity\) or 10 to"),
    ],
)
def test_settings_without_meaning_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_system("lensless-phase", **settings)

"""Lensless cameras: convolution against SciPy, energy, designs, measured point spread functions."""

import os
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tifffile
from matplotlib.figure import Figure
from scipy.signal import fftconvolve
from scipy.stats import norm

from ideal.errors import DataError, UsageError
from ideal.imaging import make_system
from ideal.imaging._convolution import valid_convolution
from ideal.imaging.lensless.lenslets import caustic_psf, lenslet_psf, smooth_surface, spread_positions

CAMERAS = ("lensless", "lensless-lenslets", "lensless-phase")
SMALL = {"scene_shape": (12, 14), "psf_shape": (5, 6)}


@pytest.fixture
def shared_data():
    folder = os.environ.get("IDEAL_DATA")
    if not folder:
        pytest.skip("IDEAL_DATA names no data folder")
    return Path(folder)


def random_scenes(count, shape, seed=0):
    return np.random.default_rng(seed).gamma(0.5, 100, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", CAMERAS)
def test_measurements_are_scipys_valid_convolution(name):
    camera = make_system(name)
    params = camera.design("diffuser" if name != "lensless-lenslets" else "multi-focal", seed=3)
    scenes = random_scenes(6, (96, 96))
    found = camera.images(params, scenes)
    assert found.shape == (6, 65, 65)
    assert found.dtype == np.float32
    psf = np.asarray(camera.psf(params), dtype=np.float64)
    expected = np.stack([fftconvolve(scene, psf, mode="valid") for scene in scenes.astype(np.float64)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("scene", "kernel"), [((13, 17), (4, 6)), ((9, 31), (9, 2)), ((97, 96), (32, 31)), ((5, 5), (5, 5))])
def test_convolution_of_awkward_sizes_in_double_precision(scene, kernel):
    rng = np.random.default_rng(1)
    image, psf = rng.random(scene), rng.random(kernel)
    with jax.enable_x64(True):
        found = np.asarray(valid_convolution(jnp.asarray(image), jnp.asarray(psf)))
    np.testing.assert_allclose(found, fftconvolve(image, psf, mode="valid"), rtol=1e-12)


def test_a_point_shows_the_psf_upright_where_it_is():
    camera = make_system("lensless", scene_shape=(20, 20), psf_shape=(6, 6))
    psf = np.arange(36, dtype=np.float32).reshape(6, 6) / 630
    scene = np.zeros((20, 20), np.float32)
    scene[9, 10] = 1000
    found = np.asarray(camera.encode({"psf": jnp.asarray(psf)}, jnp.asarray(scene)))
    expected = np.zeros((15, 15))
    expected[4:10, 5:11] = 1000 * psf
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_mean_is_never_negative_and_derivatives_are_those_of_the_convolution():
    camera = make_system("lensless", bias=0.0)
    params = camera.design("one-lens")
    scene = np.zeros((96, 96), np.float32)
    scene[40, 50] = 1e6  # rounding of the transforms is far above the light in the dark part
    found = np.asarray(camera.encode(params, jnp.asarray(scene)))
    assert found.min() == 0
    operator = camera.operator(params)
    step = np.random.default_rng(0).standard_normal((96, 96)).astype(np.float32)
    expected = fftconvolve(step, np.asarray(params["psf"]), mode="valid")
    np.testing.assert_allclose(jax.jit(operator.forward)(jnp.asarray(step)), expected, atol=1e-5)
    negative = np.asarray(camera.encode(params, jnp.asarray(-scene)))
    assert negative.min() == pytest.approx(-1e6 * float(params["psf"].max()), rel=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
def test_energy_is_conserved(name):
    """A scene whose light all falls on the sensor: the counts are the scene's photons plus the bias."""
    camera = make_system(name, bias=2.5)
    scene = np.zeros((96, 96), np.float32)
    scene[31:65, 31:65] = random_scenes(1, (34, 34))[0]
    for design in camera.designs:
        params = camera.check_params(camera.design(design, seed=1))
        total = camera.images(params, scene[None]).sum(dtype=np.float64)
        assert total - 2.5 * 65**2 == pytest.approx(scene.sum(dtype=np.float64), rel=1e-6)


@pytest.mark.parametrize("name", CAMERAS)
def test_adjoint(name):
    camera = (
        make_system(name, **SMALL, bias=1.0) if name != "lensless-phase" else make_system(name, **SMALL, mask_cells=8, bias=1.0)
    )
    rng = np.random.default_rng(2)
    for enable, tolerance in ((False, 1e-5), (True, 1e-10)):
        with jax.enable_x64(enable):
            operator = camera.operator(camera.design(seed=1))
            scene, image = jnp.asarray(rng.random((12, 14))), jnp.asarray(rng.random((8, 9)))
            products = jax.jit(lambda x, y, a=operator: (jnp.vdot(a.forward(x), y), jnp.vdot(x, a.adjoint(y)), a.offset))
            left, right, offset = products(scene, image)
            assert float(left) == pytest.approx(float(right), rel=tolerance)
            np.testing.assert_allclose(offset, 1.0)


@pytest.mark.parametrize("name", CAMERAS)
def test_gradients_in_double_precision(name):
    extra = {"mask_cells": 6, "pitch": 8.0, "distance": 800.0} if name == "lensless-phase" else {}
    camera = make_system(name, **SMALL, **extra)
    rng = np.random.default_rng(5)
    with jax.enable_x64(True):
        scene, weights = jnp.asarray(rng.random((12, 14))), jnp.asarray(rng.random((8, 9)))
        free = camera.release(camera.design(list(camera.designs)[2], seed=1))
        free = {key: value + 0.3 * jnp.asarray(rng.standard_normal(value.shape)) for key, value in free.items()}

        def value(free):
            return jnp.sum(weights * camera.encode(camera.constrain(free), scene) ** 2)

        gradient = jax.jit(jax.grad(value))(free)
        fast = jax.jit(value)
        for key, array in free.items():
            direction = jnp.asarray(rng.standard_normal(array.shape))
            ends = [fast(free | {key: array + step * direction}) for step in (-2e-5, 2e-5)]
            assert float((ends[1] - ends[0]) / 4e-5) == pytest.approx(float(jnp.vdot(gradient[key], direction)), rel=1e-5)


def test_lenslets_are_integrated_over_pixels():
    with jax.enable_x64(True):
        psf = np.asarray(lenslet_psf(jnp.array([[10.3, 8.6]]), jnp.array([1.2]), jnp.ones(1), (24, 20)))
        sharp = np.asarray(lenslet_psf(jnp.array([[10.49, 8.0]]), jnp.array([0.01]), jnp.ones(1), (24, 20)))
    rows = norm.cdf(np.arange(25) - 0.5, 10.3, 1.2)
    columns = norm.cdf(np.arange(21) - 0.5, 8.6, 1.2)
    np.testing.assert_allclose(psf, np.outer(np.diff(rows), np.diff(columns)), atol=1e-9)
    assert sharp.sum() == pytest.approx(1, abs=1e-12)
    assert sharp[10, 8] == pytest.approx(norm.cdf(1), abs=1e-6)


def test_weights_are_shares_of_the_light():
    camera = make_system("lensless-lenslets", lenslets=3)
    params = {
        "positions": jnp.array([[6.0, 6.0], [25.0, 6.0], [16.0, 25.0]]),
        "widths": jnp.array([0.9, 1.5, 1.0]),
        "weights": jnp.array([0.5, 0.3, 0.2]),
    }
    psf = np.asarray(camera.psf(camera.check_params(params)))
    assert psf[:16, :16].sum() == pytest.approx(0.5, abs=1e-4)
    assert psf[16:, :16].sum() == pytest.approx(0.3, abs=1e-4)
    assert psf[:, 17:].sum() == pytest.approx(0.2, abs=1e-4)


def test_lenslets_cannot_leave_the_window():
    camera = make_system("lensless-lenslets", psf_shape=(16, 24))
    free = camera.release(camera.design())
    pushed = camera.constrain({**free, "positions": free["positions"] * 0 + jnp.array([1e3, -1e3])})
    np.testing.assert_allclose(pushed["positions"], np.broadcast_to([16 - 1 - 2.4, 2.4], (10, 2)), atol=1e-4)
    with pytest.raises(UsageError, match=r"positions \(columns\) reaches"):
        camera.check_params({**camera.design(), "positions": jnp.full((10, 2), 8.0).at[0, 1].set(24.0)})


def test_designs_have_as_many_spots_as_they_say():
    from scipy.ndimage import label, maximum_filter

    camera = make_system("lensless")
    for count, name in enumerate(list(camera.designs)[:10], start=1):
        psf = np.asarray(camera.design(name, seed=4)["psf"])
        spots = (psf == maximum_filter(psf, 5)) & (psf > 0.3 * psf.max())
        assert label(spots, np.ones((3, 3)))[1] == count, name
    lenslets = make_system("lensless-lenslets")
    np.testing.assert_allclose(lenslets.design("four-lenslets")["weights"], [0.25] * 4 + [0] * 6)
    assert np.unravel_index(np.asarray(camera.design("one-lens")["psf"]).argmax(), (32, 32)) == (16, 16)


@pytest.mark.parametrize("name", CAMERAS)
def test_designs_repeat_with_their_seed(name):
    camera = make_system(name)
    for design in camera.designs:
        first, again, other = (camera.design(design, seed=seed) for seed in (7, 7, 8))
        assert all(np.array_equal(first[key], again[key]) for key in first)
        if design in ("diffuser", "multi-focal", "random", "spread", "four-lenslets"):
            assert any(not np.array_equal(first[key], other[key]) for key in first)
    with pytest.raises(UsageError, match="has no design 'one-lense'; did you mean"):
        camera.design("one-lense")


def test_spread_positions_are_far_apart():
    rng = np.random.default_rng(0)
    for count in (2, 5, 10):
        places = spread_positions(count, (32, 32), 2.0, rng)
        assert places.min() >= 2
        assert places.max() <= 29
        gaps = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(count, 1)]
        assert gaps.min() > 0.5 * 27 / np.sqrt(count)


def test_diffuser_is_spread_out_and_has_caustics():
    psf = caustic_psf((32, 32), 0.8, np.random.default_rng(0))
    assert psf.sum() == pytest.approx(1)
    assert 1 / (psf**2).sum() > 150  # pixels that share the light
    assert psf.max() > 4 * psf.mean()
    surface, slope = smooth_surface((512, 512), 8.0, np.random.default_rng(0))
    assert surface.std() == pytest.approx(1)
    assert slope == pytest.approx(1 / (np.sqrt(2) * 8), rel=0.05)


@pytest.mark.parametrize("name", CAMERAS)
def test_drawing_leaves_no_figure_open(name):
    camera = make_system(name, pixel=3.45)
    figure = Figure(figsize=(9, 3.5))
    camera.draw(camera.design(), figure)
    figure.canvas.draw()
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert "spatial frequency (cycles per pixel)" in labels
    assert "column (pixels of 3.45 μm)" in labels
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("lensless", {"psf_shape": (97, 32)}, "does not fit in a scene of 96x96"),
        ("lensless", {"psf_shape": (32, 32, 3)}, "expected 1 or 2 numbers"),
        ("lensless", {"scene_shape": (64.5, 64)}, "expected a whole number, 2 to 65536 pixels"),
        ("lensless", {"bias": -1.0}, "bias is -1"),
        ("lensless", {"pixel": 0.0}, "pixel is 0"),
        ("lensless", {"width": -0.5}, "width is -0.5"),
        ("lensless", {"scene_size": 3}, "did you mean scene_shape"),
        ("lensless-lenslets", {"lenslets": 0}, "lenslets is 0"),
        ("lensless-lenslets", {"width": 6.0}, "expected more than width"),
    ],
)
def test_settings_without_meaning_are_refused(name, settings, message):
    with pytest.raises(UsageError, match=message):
        make_system(name, **settings)


def test_one_number_is_a_square():
    assert make_system("lensless", scene_shape=[48], psf_shape=16).measurement_shape == (33, 33)


# Measured point spread functions.


def picture_of_spots(shape=(64, 80)):
    row, column = np.indices(shape)
    spots = 900 * np.exp(-((row - 20) ** 2 + (column - 30) ** 2) / 18) + 500 * np.exp(
        -((row - 44) ** 2 + (column - 52) ** 2) / 30
    )
    return np.round(spots + 120).astype(np.uint16)


@pytest.mark.parametrize("suffix", ["tif", "png", "npy", "h5"])
def test_measured_psf_of_every_format(tmp_path, suffix):
    picture, file = picture_of_spots(), tmp_path / f"psf.{suffix}"
    if suffix == "npy":
        np.save(file, picture)
    elif suffix == "tif":
        tifffile.imwrite(file, picture)
    elif suffix == "png":
        from skimage.io import imsave

        imsave(file, picture, check_contrast=False)
    else:
        with h5py.File(file, "w") as handle:
            handle["calibration/psf"] = picture
        file = f"{file}::calibration/psf"
    camera = make_system("lensless", psf_file=str(file), psf_shape=(16, 20), psf_background=120)
    assert next(iter(camera.designs)) == "measured"
    psf = np.asarray(camera.check_params(camera.design())["psf"])
    light = (picture - 120.0).reshape(16, 4, 20, 4).sum((1, 3))
    np.testing.assert_allclose(psf, light / light.sum(), atol=1e-7)


def test_measured_psf_keeps_shape_and_light_at_other_ratios(tmp_path):
    color = np.repeat(picture_of_spots()[..., None], 3, axis=2) * np.array([0.5, 1.0, 1.5])
    np.save(tmp_path / "psf.npy", color)
    camera = make_system("lensless", psf_file=str(tmp_path / "psf.npy"), psf_shape=(30, 30), psf_background="border-median")
    psf = np.asarray(camera.design()["psf"], dtype=np.float64)
    assert psf.sum() == pytest.approx(1, abs=1e-6)
    light = picture_of_spots() - 120.0
    for axis, before in ((0, 8), (1, 0)):  # 64 x 80 is padded to 80 x 80
        other = 1 - axis
        expected = (light.sum(other) / light.sum()) @ (np.arange(light.shape[axis]) + before + 0.5) * 30 / 80
        assert psf.sum(other) @ (np.arange(30) + 0.5) == pytest.approx(expected, abs=2e-3)


def test_files_that_hold_no_psf_are_refused(tmp_path):
    np.save(tmp_path / "flat.npy", np.full((40, 40), 7.0))
    np.save(tmp_path / "dark.npy", np.zeros((40, 40)))
    np.save(tmp_path / "stack.npy", np.ones((5, 40, 40)))
    np.save(tmp_path / "small.npy", picture_of_spots((40, 20)))
    np.save(tmp_path / "nan.npy", np.full((40, 40), np.nan))
    np.save(tmp_path / "complex.npy", np.ones((40, 40), complex))
    (tmp_path / "broken.tif").write_bytes(b"II*\x00 no picture")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "broken.h5").write_bytes(b"no picture")
    (tmp_path / "psf.jpeg").write_bytes(b"\xff\xd8\xff\xe0 no measured PSF")
    with h5py.File(tmp_path / "psf.h5", "w") as handle:
        handle["psf"] = picture_of_spots()
    cases = {
        "missing.tif": "no such file",
        "psf.jpeg": "is a JPEG picture",
        "dark.npy": "nothing is above 0",
        "stack.npy": "expected one picture",
        "small.npy": "lower psf_shape",
        "nan.npy": "not finite",
        "complex.npy": "expected real numbers",
        "broken.tif": "damaged or truncated TIFF",
        "broken.png": "is no PNG",
        "broken.h5": "not an HDF5 file",
        "psf.h5": "psf.h5::DATASET",
        "psf.h5::other": "no dataset 'other'",
        "flat.npy::psf": "holds one picture",
    }
    for file, message in cases.items():
        with pytest.raises(DataError, match=message):
            make_system("lensless", psf_file=str(tmp_path / file)).design()
    with pytest.raises(DataError, match="nothing is brighter than the background, border-median"):
        make_system("lensless", psf_file=str(tmp_path / "flat.npy"), psf_background="border-median").design()


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["diffusercam_psf_sample.tif", "lensless_captures.h5::random_microlens_psf"])
def test_real_psfs(shared_data, name):
    settings = {"psf_file": str(shared_data / "lensless" / name), "psf_shape": (64, 64), "scene_shape": (128, 128)}
    as_given = make_system("lensless", **settings)
    named = "psf-background" in {finding.name for finding in as_given.findings(as_given.design())}
    assert named == name.startswith("diffusercam")  # the microlenses' ground is dark as it is
    camera = as_given.replace(psf_background="border-median")
    psf = np.asarray(camera.check_params(camera.design())["psf"])
    assert psf.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    # The edge is dark, the light is in many pixels, and there are bright ones among them.
    assert np.concatenate([psf[0], psf[-1], psf[:, 0], psf[:, -1]]).mean() < 0.06 * psf.mean()
    assert 1 / (psf.astype(np.float64) ** 2).sum() > 150
    assert psf.max() > 5 * psf.mean()


@pytest.mark.parametrize("name", ["lensless", "lensless-lenslets", "lensless-phase"])
def test_nothing_lies_on_the_picture_of_the_light(name):
    system, figure = make_system(name, pixel=4.5), Figure()
    system.draw(system.design(), figure)
    (axes,) = (each for each in figure.axes if each.get_xlabel() == "column (pixels of 4.5 μm)")
    assert len(axes.images) == 1
    assert not [*axes.lines, *axes.texts]

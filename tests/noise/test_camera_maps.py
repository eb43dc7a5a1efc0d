"""A calibrated camera: maps, noise of rows and columns, bad pixels, files, and what density models make of them."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.intensities import LAWS, check_known_answer

from ideal.errors import DataError, UsageError
from ideal.information.estimation import estimate
from ideal.information.labels.estimation import task_information
from ideal.measurements.measurement_set import from_arrays, open_measurements, write_measurements
from ideal.measurements.patches import Patches
from ideal.noise import CameraMaps, PoissonGaussian

SIDE = 32


def maps(rng, *, noisy=0.01, bad=0.0, **more):
    """Return a camera of 2 DN offset map, 1 % gain map and some noisy pixels."""
    shape = (SIDE, SIDE)
    read_noise = np.where(rng.random(shape) < noisy, 16.0, 1.6)
    hot = rng.random(shape) < bad
    gain, offset = 0.5 * (1 + 0.01 * rng.standard_normal(shape)), 100 + 2 * rng.standard_normal(shape)
    return CameraMaps(gain, offset, read_noise, bad_pixels=hot if bad else None, **more)


def constant(noise, rng, count=300, light=20.0):
    return noise.stored(noise.sample(rng, np.full((count, SIDE, SIDE), light)))


@pytest.mark.parametrize("limits", [{}, {"floor": 99.0, "saturation": 130.0}])
def test_a_camera_without_maps_is_a_plain_camera(limits):
    rng = np.random.default_rng(0)
    other = {"floor": limits["floor"], "ceiling": limits["saturation"]} if limits else {}
    plain = PoissonGaussian(1.3, gain=0.5, offset=100.0, quantised=True, **other)
    noise, mean = CameraMaps(0.5, 100.0, 1.3, **limits), rng.uniform(0, 30, (40, 4, 4))
    values = plain.sample(rng, mean)
    np.testing.assert_allclose(noise.entropy(mean), plain.entropy(mean), atol=1e-9)
    np.testing.assert_allclose(noise.variance(mean), plain.variance(mean), atol=1e-9)
    np.testing.assert_allclose(noise.log_prob(values, mean), plain.log_prob(values, mean), atol=1e-9)
    np.testing.assert_allclose(noise.conditional_entropy(values, mean), plain.conditional_entropy(values, mean))
    many = plain.sample(rng, np.broadcast_to(mean, (50, 40, 4, 4)).reshape(-1, 4, 4))
    np.testing.assert_allclose(noise.conditional_entropy(many).mean(), plain.conditional_entropy(many).mean(), rtol=1e-3)


def test_entropies_of_pixels_are_those_of_their_own_camera():
    rng = np.random.default_rng(0)
    noise, light = maps(rng, noisy=0.3), rng.uniform(0, 30, (SIDE, SIDE))
    found = noise.entropy(light)
    for place in ((0, 0), (3, 7), (20, 11), (31, 31)):
        own = PoissonGaussian(noise.read_noise[place], gain=noise.gain[place], offset=noise.offset[place], quantised=True)
        assert found[place] == pytest.approx(float(own.entropy(light[place])), abs=5e-4)
        value = own.sample(rng, light[place][None])[0]
        told = noise.part((slice(place[0], place[0] + 1), slice(place[1], place[1] + 1))).log_prob(
            value[None, None], light[place]
        )
        assert float(told[0, 0]) == pytest.approx(float(own.log_prob(value, light[place])))
    traced = jax.jit(noise.entropy)(jnp.asarray(light))
    np.testing.assert_allclose(traced, found, atol=1e-4)


def test_noise_of_rows_and_columns_is_a_gaussian_covariance():
    rng = np.random.default_rng(0)
    mean = rng.uniform(200, 400, (3, 5, 4))  # Gaussian in good approximation
    for rows, columns in ((2.0, 0.0), (0.0, 3.0), (2.0, 3.0)):
        noise = CameraMaps(1.0, 0.0, 4.0, row_noise=rows, column_noise=columns, quantised=False)
        alone = CameraMaps(1.0, 0.0, 4.0, quantised=False)
        row, column = (axis.ravel() for axis in np.indices((5, 4)))
        shared = rows**2 * (row[:, None] == row) + columns**2 * (column[:, None] == column)
        for number in range(3):
            own = np.diag(mean[number].ravel() + 16.0)
            exact = 0.5 * (np.linalg.slogdet(own + shared)[1] - np.linalg.slogdet(own)[1])
            found = noise.conditional_entropy(mean, mean)[number] - alone.conditional_entropy(mean, mean)[number]
            assert found == pytest.approx(exact, rel=1e-9)
        drawn = noise.sample(rng, np.full((20_000, 5, 4), 300.0)).reshape(20_000, -1)
        np.testing.assert_allclose(np.cov(drawn.T), 316 * np.eye(20) + shared, atol=20)


def test_what_rows_share_is_bounded_from_both_sides():
    """A Gaussian of the same variance hides most; Fisher's information and Stam's inequality bound it from the other side."""
    light, pixels, noise = 5.0, 16, CameraMaps(1.0, 0.0, 1.6, row_noise=1.6, quantised=False)
    places = np.linspace(-10, 40, 20_001)
    density = np.exp(CameraMaps(1.0, 0.0, 1.6, quantised=False).log_prob(places, np.full(places.shape, light)))
    fisher = np.trapezoid(np.gradient(density, places) ** 2 / density, places)
    at_most = 0.5 * np.log1p(1.6**2 * pixels * fisher)
    mean = np.full((1, 1, pixels), light)
    alone = CameraMaps(1.0, 0.0, 1.6, quantised=False)
    at_least = float((noise.conditional_entropy(mean, mean) - alone.conditional_entropy(mean, mean))[0])
    assert 0 < at_most - at_least < 0.01 * pixels * np.log(2)


def test_values_are_flat_fielded_and_patches_have_their_part_of_the_maps():
    rng = np.random.default_rng(0)
    noise = maps(rng, bad=0.02)
    frames = constant(noise, rng)
    frames[:, noise.bad_pixels] += rng.integers(100, 2000, (300, int(noise.bad_pixels.sum())))
    measured = from_arrays(frames, noise=noise)
    values, good = measured.read(0, 300), ~noise.bad_pixels
    np.testing.assert_allclose(values[:, good], ((frames - noise.offset) * noise.gain)[:, good])
    assert np.abs(values[:, noise.bad_pixels].mean(0) - 20).max() < 3  # shown by the pixels around
    np.testing.assert_array_equal(measured.read(2, 5, slice(4, 9))[:, good[4:9]], values[2:5, 4:9][:, good[4:9]])
    patches = Patches(measured, np.array([[3, 0, 0], [7, 20, 9]]), (8, 8))
    np.testing.assert_array_equal(patches.read()[1], values[7, 20:28, 9:17])
    own = measured.noise.at(patches.positions, patches.patch)
    np.testing.assert_array_equal(own.gain[1], noise.gain[20:28, 9:17])
    assert [each.name for each in measured.examination.findings if each.severity != "note"] == []
    with pytest.raises(DataError, match="the maps of the camera are of 32 x 32 pixels, the frames of 16 x 16"):
        _ = from_arrays(frames[:, :16, :16], noise=noise).noise


def test_a_constant_scene_holds_nothing():
    rng = np.random.default_rng(1)
    noise = maps(rng, bad=0.01)
    frames = constant(noise, rng, 150)
    frames[:, noise.bad_pixels] += rng.integers(100, 2000, int(noise.bad_pixels.sum()))
    found = estimate(from_arrays(frames, noise=noise, groups=np.arange(150)), models=["stationary", "known-channel"])
    assert found.model == "known-channel"
    assert abs(found.information_bits_per_pixel) < 0.02  # of 30 frames, whose chance is 0.006
    assert found.pixels == pytest.approx(256 * (1 - noise.bad_pixels.mean()), rel=0.01)
    plain = PoissonGaussian(1.6, gain=0.5, offset=100.0, quantised=True)
    told = [each.name for each in from_arrays(frames, noise=plain).examination.findings]
    assert {"noisy-pixels", "hot-pixels"} & set(told)


def test_row_noise_holds_nothing_once_it_is_known():
    rng = np.random.default_rng(2)
    noise = CameraMaps(0.5, 100.0, 1.6, row_noise=1.6)
    frames = constant(noise, rng, 500)
    measured = from_arrays(frames, noise=noise, groups=np.arange(500))
    assert "banding" not in [each.name for each in measured.examination.findings]
    found = estimate(measured, models=["stationary"])
    assert abs(found.information_bits_per_pixel) < 0.015
    other = from_arrays(frames, noise=PoissonGaussian(1.6, gain=0.5, offset=100.0, quantised=True), groups=np.arange(500))
    assert "banding" in [each.name for each in other.examination.findings]
    assert estimate(other, models=["stationary"]).information_bits_per_pixel > found.information_bits_per_pixel + 0.02


@pytest.mark.parametrize("law", LAWS)
def test_known_answers(law):
    places = np.arange(-12, 130, 0.05)
    check_known_answer(CameraMaps(1.0, 0.0, 1.2, quantised=False), law, 3.0, places, np.full(len(places), 0.05))


def test_a_file_keeps_the_maps(tmp_path):
    rng = np.random.default_rng(0)
    noise = maps(rng, bad=0.02, row_noise=0.5, saturation=4000.0)
    frames = constant(noise, rng, 20)
    write_measurements(tmp_path / "a.h5", frames, noise=noise)
    with open_measurements(tmp_path / "a.h5") as measured:
        kept = measured.noise
        for name in ("gain", "offset", "read_noise", "bad_pixels"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(noise, name))
        assert (kept.row_noise, kept.saturation, kept.quantised) == (0.5, 4000.0, True)
        np.testing.assert_allclose(measured.read(0, 20), from_arrays(frames, noise=noise).read(0, 20))
    np.save(tmp_path / "b.npy", frames)
    with open_measurements(tmp_path / "b.npy", noise=noise) as measured:
        np.testing.assert_array_equal(measured.noise.gain, noise.gain)
    with (
        pytest.raises(UsageError, match="gain: the camera-maps noise has arrays for it"),
        open_measurements(tmp_path / "a.h5", gain=0.4),
    ):
        pass
    with open_measurements(tmp_path / "a.h5", noise="poisson-gaussian", gain=0.5, offset=100.0, read_noise=1.6) as measured:
        assert type(measured.noise) is PoissonGaussian


def test_maps_without_meaning():
    gain = np.full((4, 4), 0.5)
    gain[1, 2] = np.nan
    with pytest.raises(UsageError, match=r"the gain of camera-maps must be above 0; found nan at pixel \(1, 2\)"):
        CameraMaps(gain, 0.0, 1.0)
    CameraMaps(gain, 0.0, 1.0, bad_pixels=np.isnan(gain))
    with pytest.raises(UsageError, match="have shapes"):
        CameraMaps(np.ones((4, 4)), np.ones((4, 5)), 1.0)
    with pytest.raises(UsageError, match="names every pixel"):
        CameraMaps(1.0, 0.0, 1.0, bad_pixels=np.ones((2, 2), bool))
    with pytest.raises(UsageError, match="row_noise must be a number"):
        CameraMaps(1.0, 0.0, 1.0, row_noise=-1.0)


def test_simulate_inspect_and_estimate(ideal, tmp_path):
    out = tmp_path / "a.h5"
    noise = "camera-maps:read_noise=1.5,gain=0.5,offset=100,row_noise=1"
    command = ("simulate", "diffraction-limited", "natural-fields", "--set", "shape=[12,12]", "-n", "60", "-o", out)
    done = ideal(*command, "--photons", "30", "--noise", noise)
    assert done.exit_code == 0, done.stderr
    with open_measurements(out) as measured:
        assert (measured.noise.row_noise, measured.noise.read_noise) == (1.0, 1.5)
    assert json.loads(ideal("inspect", out, "--json").stdout)["noise_figures"]["row_noise"] == 1.0
    done = ideal("estimate", out, "--model", "stationary", "--patch", "6", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["noise"]["row_noise"] == 1.0


def test_a_model_that_takes_all_pixels_for_equally_noisy_says_so():
    rng = np.random.default_rng(0)
    noise = CameraMaps(0.5, 100.0, np.exp(0.5 * rng.standard_normal((8, 8))))
    values = noise.stored(noise.sample(rng, 50 + 10 * rng.standard_normal((120, 1, 1)) * np.ones((120, 8, 8))))
    for model, told in (("stationary", True), ("known-channel", False)):
        found = estimate(from_arrays(values, noise=noise), models=[model], patch=8, progress=False)
        assert any("takes all for equally noisy" in each.text for each in found.findings) is told


def test_information_about_labels_says_what_of_the_maps_it_uses():
    rng = np.random.default_rng(0)
    bad = np.zeros((8, 8), bool)
    bad[3, 4] = True
    noise = CameraMaps(0.5, 100 + 20 * rng.standard_normal((8, 8)), 2.0, bad_pixels=bad)
    labels = np.arange(120) % 2
    values = noise.stored(noise.sample(rng, np.full((120, 8, 8), 40.0)))
    values[:, 3, 4] = np.where(labels, 4000, 0)  # the bad pixel alone differs, and must not tell the label
    found = task_information(from_arrays(values, noise=noise, labels=labels), patch=8, model="full", effort=0.05, progress=False)
    assert any("uses offset and gain; bad pixels show the mean" in each.text for each in found.findings)
    assert found.information < 0.1

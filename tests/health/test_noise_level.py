import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes
from scipy.ndimage import shift


@pytest.mark.parametrize("frames", [2, 3, 4, 8])
def test_averages_of_exposures_scatter_less_than_counts_and_the_gain_that_fits_is_their_number(frames):
    flat = np.full((200, 16, 16), 50.0)
    averages = np.mean([photons(flat, seed) for seed in range(frames)], axis=0)
    one = found(np.rint(averages).astype(int))["noise-too-small"]
    rounding = 1 / 12
    assert one.figures["ratio"] == pytest.approx((50 / frames + rounding) / 50, rel=0.1)
    assert one.figures["gain"] == pytest.approx(frames, rel=0.15)
    assert one.figures["bits_too_low"] == pytest.approx(0.5 * np.log2(frames), abs=0.1)
    assert "noise-too-small" in found(np.rint(np.mean([photons(scenes(), seed) for seed in range(frames)], axis=0)).astype(int))


@pytest.mark.parametrize("mean", [0.02, 0.3, 3, 30, 3000])
def test_single_exposures_in_any_light_are_right(mean):
    for values in (photons(scenes(mean=mean)), photons(np.full((200, 8, 8), mean)), photons(np.full((9, 400), mean))):
        assert "noise-too-small" not in found(values)


@pytest.mark.parametrize("mean", [0.0, 0.1, 5, 100])
@pytest.mark.parametrize(("read_noise", "gain"), [(0.7, 1.0), (1.6, 0.45), (3.0, 1.0), (8.0, 2.2)])
def test_right_cameras_are_silent_dark_frames_too(mean, read_noise, gain):
    for count in (12, 120):
        values, options = camera(scenes(count, mean=1.0) * mean, read_noise, gain)
        assert not found(values, **options)


def test_read_noise_and_sigma_that_are_stated_too_large():
    values, options = camera(scenes(mean=5.0), read_noise=3.0)
    assert found(values, **options | {"read_noise": 6.0})["noise-too-small"].figures["ratio"] < 0.5
    noisy = scenes() + 5 * np.random.default_rng(0).standard_normal((120, 32, 32))
    one = found(np.concatenate([0.2 * noisy, noisy]), noise="gaussian", sigma=5.0)["noise-too-small"]
    assert one.figures["sigma_factor"] < 0.3
    assert not found(noisy, noise="gaussian", sigma=5.0)


def test_vectors_are_compared_with_the_next():
    values = np.random.default_rng(0).standard_normal((500, 40))
    assert not found(values, noise="gaussian", sigma=1.0)
    one = found(values, noise="gaussian", sigma=2.0)["noise-too-small"]
    assert one.figures["sigma_factor"] == pytest.approx(0.5, rel=0.1)
    both = values[:, :20] + 1j * values[:, 20:]
    assert not found(both, noise="complex-gaussian", sigma=1.0)
    assert found(both, noise="complex-gaussian", sigma=3.0)["noise-too-small"].figures["sigma_factor"] == pytest.approx(
        1 / 3, rel=0.1
    )


def test_a_map_of_sigma_is_compared_pixel_by_pixel():
    sigma = np.where(np.arange(16) < 8, 1.0, 10.0) * np.ones((16, 1))
    noisy = 50 + sigma * np.random.default_rng(0).standard_normal((200, 16, 16))
    assert not found(noisy, noise="gaussian", sigma=sigma)
    assert "noise-too-small" in found(noisy, noise="gaussian", sigma=sigma[:, ::-1])


def test_interpolated_frames_share_noise():
    moved = shift(photons(scenes(blur=3.0)).astype(float), (0, 0.5, 0.5), order=1, mode="nearest")
    assert "noise-too-small" in found(np.rint(moved).astype(int))


def test_pixels_of_a_mosaic_are_compared_within_their_color():
    mosaic = np.tile([[1.0, 0.4], [0.4, 0.1]], (16, 16))
    assert not found(photons(scenes() * mosaic), period=2)
    averages = np.rint(np.mean([photons(scenes() * mosaic, seed) for seed in range(4)], axis=0)).astype(int)
    assert "noise-too-small" in found(averages, period=2)


def test_a_map_of_sigma_that_is_turned_is_seen_in_pictures_that_are_full_of_detail():
    sigma = np.geomspace(0.5, 5.0, 256).reshape(16, 16)
    rng = np.random.default_rng(0)
    noisy = scenes(300, side=16, mean=60.0, contrast=0.5) + sigma * rng.standard_normal((300, 16, 16))
    assert not found(noisy, noise="gaussian", sigma=sigma)
    assert "noise-too-small" in found(noisy, noise="gaussian", sigma=sigma.T.copy())
    assert "noise-too-small" in found(noisy.astype(np.float32), noise="gaussian", sigma=sigma[::-1].copy())


def test_sigma_in_the_wrong_order_of_vectors_and_visibilities():
    rng = np.random.default_rng(0)
    sigma = np.geomspace(0.5, 5.0, 24)
    vectors = sigma * rng.standard_normal((1000, 24))
    for values, noise in ((vectors, "gaussian"), (vectors + 1j * sigma * rng.standard_normal((1000, 24)), "complex-gaussian")):
        light = 3 * sigma[::-1] * rng.standard_normal((1000, 1))
        assert not found(values + light, noise=noise, sigma=sigma)
        assert "noise-too-small" in found(values, noise=noise, sigma=sigma[::-1].copy())

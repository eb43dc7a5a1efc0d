import numpy as np
import pytest
from scipy.signal import fftconvolve

from ideal.decoders.images.deconvolution import (
    Blurring,
    CroppedWiener,
    TotalVariation,
    UnsupervisedWiener,
    Wiener,
    deconvolutions,
)
from ideal.decoders.quality import mean_square_error
from ideal.errors import UsageError

SHAPE = (24, 21)


def smooth_scenes(count, seed, shape=SHAPE, mean=100.0):
    """Return stationary, periodic fields with little power in high frequencies."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    noise = np.fft.rfft2(rng.standard_normal((count, *shape)))
    fields = np.fft.irfft2(noise / (0.05 + np.hypot(fy, fx)), s=shape)
    return mean + 15 * fields / fields.std()


def captures(scenes, psf, sigma, seed=3):
    clean = np.stack([fftconvolve(scene, psf, mode="valid") for scene in scenes])
    return clean + sigma * np.random.default_rng(seed).standard_normal(clean.shape)


def random_psf(shape, seed=4):
    psf = np.random.default_rng(seed).gamma(0.3, size=shape)
    return psf / psf.sum()


def seen(scenes, blurring):
    return scenes[(slice(None), *blurring.fully_seen)]


def test_the_cropped_filter_is_the_linear_estimate_of_least_error_written_out():
    shape, psf = (9, 8), random_psf((4, 3))
    scenes = smooth_scenes(50, 0, shape)
    blurring = Blurring.of(psf, scenes, noise=7.0, bias=2.0)
    size = int(np.prod(shape))
    matrix = np.stack([fftconvolve(unit.reshape(shape), psf, mode="valid").ravel() for unit in np.eye(size)], 1)
    # A circulant covariance is diagonal in the Fourier domain: its columns are the shifted inverse transforms of the spectrum.
    first = np.fft.irfft2(blurring.spectrum, s=shape)
    covariance = np.stack([np.roll(first, np.unravel_index(k, shape), (0, 1)).ravel() for k in range(size)], 1)
    measured = captures(scenes[:5], psf, 2.0) + 2.0
    gain = covariance @ matrix.T @ np.linalg.inv(matrix @ covariance @ matrix.T + 3 * 7.0 * np.eye(len(matrix)))
    expected = blurring.mean + (measured - 2.0 - blurring.mean).reshape(5, -1) @ gain.T
    decoded = CroppedWiener(blurring, balance=3.0).decode(measured)
    assert decoded.shape == seen(scenes[:5], blurring).shape
    np.testing.assert_allclose(decoded, seen(expected.reshape(5, *shape), blurring), rtol=1e-9)


def test_without_blur_wieners_filter_shrinks_each_frequency():
    scenes = smooth_scenes(60, 1)
    blurring = Blurring.of(np.ones((1, 1)), scenes, noise=40.0)
    measured = captures(scenes[:4], np.ones((1, 1)), 40**0.5)
    shrunk = np.fft.rfft2(measured - blurring.mean) * blurring.spectrum / (blurring.spectrum + 2 * 40.0)
    expected = blurring.mean + np.fft.irfft2(shrunk, s=SHAPE)
    for kind in (Wiener, CroppedWiener):
        np.testing.assert_allclose(kind(blurring, balance=2.0).decode(measured), expected, rtol=1e-9)


@pytest.mark.parametrize("place", [(0, 0), (2, 6), (5, 1)])
@pytest.mark.parametrize("kind", [Wiener, UnsupervisedWiener, CroppedWiener])
def test_a_point_anywhere_in_the_window_shows_the_scene_in_its_place(kind, place):
    psf = np.zeros((6, 7))
    psf[place] = 1
    scenes = smooth_scenes(40, 2)
    blurring = Blurring.of(psf, scenes, noise=0.01)
    decoded, truth = kind(blurring).decode(captures(scenes[:6], psf, 0.1)), seen(scenes[:6], blurring)
    misplaced = min(mean_square_error(truth, seen(np.roll(scenes[:6], 1, axis), blurring)).min() for axis in (1, 2))
    assert mean_square_error(decoded, truth).max() < 0.2 * misplaced


def test_what_is_known_of_the_scenes_is_their_mean_deviation_and_what_the_sensor_sees():
    for shape in ((24, 21), (12, 16)):
        scenes = smooth_scenes(30, 5, shape)
        blurring = Blurring.of(np.full((5, 6), 1 / 30), scenes, noise=1.0)
        assert blurring.mean == pytest.approx(scenes.mean())
        assert blurring.deviation == pytest.approx(scenes.std(), rel=1e-9)
        assert blurring.capture_shape == (shape[0] - 4, shape[1] - 5)
        assert blurring.fully_seen == (slice(4, shape[0] - 4), slice(5, shape[1] - 5))


def test_a_cropped_capture_of_copies_needs_the_filter_that_knows_of_the_edge():
    psf = np.zeros((8, 8))
    psf[1, 1] = psf[6, 5] = psf[2, 7] = 1 / 3
    scenes = smooth_scenes(160, 6)
    blurring = Blurring.of(psf, scenes[40:], noise=4.0)
    measured, truth = captures(scenes[:40], psf, 2.0), seen(scenes[:40], blurring)
    errors = {kind.__name__: mean_square_error(kind(blurring).decode(measured), truth).mean() for kind in (Wiener, CroppedWiener)}
    assert errors["CroppedWiener"] < 0.8 * errors["Wiener"]
    assert errors["CroppedWiener"] < 0.5 * blurring.deviation**2
    for balance in (0.2, 5.0):  # the right noise is the best
        wrong = mean_square_error(CroppedWiener(blurring, balance).decode(measured), truth).mean()
        assert wrong > errors["CroppedWiener"]


def test_total_variation_without_weight_is_the_first_filter_and_helps_flat_scenes():
    rng = np.random.default_rng(7)
    flat = 50.0 + 100 * np.kron(rng.random((60, 4, 4)) < 0.5, np.ones((6, 6)))
    psf = random_psf((3, 3))
    blurring = Blurring.of(psf, flat[20:], noise=900.0)
    measured, truth = captures(flat[:20], psf, 30.0), seen(flat[:20], blurring)
    first = CroppedWiener(blurring)
    np.testing.assert_allclose(TotalVariation(blurring, first, 1e-9).decode(measured), first.decode(measured), rtol=1e-4)
    linear, smooth = (
        mean_square_error(decoder.decode(measured), truth).mean() for decoder in (first, TotalVariation(blurring, first, 0.2))
    )
    assert smooth < 0.9 * linear


def test_decoders_follow_the_light_and_give_no_negative_photons():
    psf, scenes = random_psf((4, 4)), smooth_scenes(40, 8, mean=25.0)
    measured = captures(scenes[:3], psf, 1.0)
    dim, bright = (Blurring.of(psf, light * scenes, noise=light**2) for light in (1.0, 50.0))
    pairs = zip(deconvolutions(dim).values(), deconvolutions(bright).values(), strict=True)
    for ours, theirs in pairs:
        for name, decoder in ours.items():
            found = decoder.decode(measured)
            assert found.min() >= 0
            np.testing.assert_allclose(50 * found, theirs[name].decode(50 * measured), rtol=2e-3, atol=0.05)
    assert CroppedWiener(dim).decode(measured - 1000).min() == 0


def test_wrong_input_is_refused():
    scenes = smooth_scenes(4, 9)
    with pytest.raises(UsageError, match="no smaller"):
        Blurring.of(np.ones((30, 3)), scenes, 1.0)
    with pytest.raises(UsageError, match="noise is 0"):
        Blurring.of(np.ones((3, 3)), scenes, 0.0)
    with pytest.raises(UsageError, match="same in every pixel"):
        Blurring.of(np.ones((3, 3)), np.ones((4, 9, 9)), 1.0)
    blurring = Blurring.of(np.ones((3, 3)) / 9, scenes, 1.0)
    with pytest.raises(UsageError, match=r"captures of shape \(24, 21\), expected \(22, 19\)"):
        Wiener(blurring).decode(scenes)
    with pytest.raises(UsageError, match="no pixel"):
        _ = Blurring.of(np.ones((13, 3)) / 39, scenes, 1.0).fully_seen
    with pytest.raises(UsageError, match="up to 8000 pixels"):
        CroppedWiener(Blurring.of(np.ones((1, 1)), smooth_scenes(2, 0, (90, 90)), 1.0))

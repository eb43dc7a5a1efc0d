"""Natural fields: mean, covariance and spectrum are the stated ones."""

import numpy as np
import pytest
from scipy.special import kv

from ideal.datasets import make_objects
from ideal.datasets._random_fields import RandomField, matern
from ideal.errors import UsageError
from ideal.imaging import Scene

GREY = Scene("radiance", (32, 32))
GAUSSIAN = {"marginal": "gaussian", "contrast": 0.15}


def read(scene, count, seed=0, **settings):
    objects = make_objects("natural-fields", **settings)
    return objects, objects.open(scene, seed).read(0, count).scenes.astype(np.float64)


def near(values, expected, errors=4.5):
    assert abs(values.mean() - expected) < errors * values.std() / np.sqrt(len(values))


def test_light_has_the_mean_and_contrast_that_are_set_and_is_never_negative():
    _, scenes = read(GREY, 1500, mean=0.3, contrast=0.4)
    assert scenes.min() > 0
    near(scenes.mean((1, 2)), 0.3)
    near(((scenes - 0.3) ** 2).mean((1, 2)), (0.3 * 0.4) ** 2)
    near(scenes[:, 0, 0], 0.3)  # no pixel is special
    near((scenes[:, 0, 0] - 0.3) ** 2, (0.3 * 0.4) ** 2)
    near(np.log(scenes).mean((1, 2)), np.log(0.3) - np.log1p(0.4**2) / 2)


@pytest.mark.parametrize(
    ("scene", "settings"),
    [
        (Scene("radiance", (4, 5)), {}),
        (Scene("radiance", (4, 5)), GAUSSIAN),
        (Scene("radiance", (4, 4)), {**GAUSSIAN, "periodic": True, "exponent": 1.4}),
        (Scene("radiance", (3, 2, 3)), {"channel_correlation": 0.7}),
        (Scene("radiance", (3, 2, 3)), {**GAUSSIAN, "channel_correlation": 0.0}),
        (Scene("radiance", (7,)), {"exponent": 0.5}),
        (Scene("transmission", (3, 4, 2)), {"phase_rms": 0.8}),
        (Scene("sky", (4, 4)), {"flux": 2.0}),
    ],
)
def test_scenes_have_the_stated_mean_and_covariance(scene, settings):
    objects, scenes = read(scene, 8000, 3, **settings)
    values = (scenes - objects.mean_scene(scene)).reshape(len(scenes), -1)
    assert np.abs(values.mean(0)).max() <= 5 * (values.std(0) / np.sqrt(len(values))).max()
    products = values[:, :, None] * values[:, None, :]
    expected = objects.covariance(scene)
    error = products.std(0) / np.sqrt(len(values))
    assert expected.shape == error.shape
    used = error > 0
    z = (products.mean(0) - expected)[used] / error[used]
    assert np.abs(expected[~used]).max(initial=0) == 0
    assert np.abs(z).max() < 5.5
    assert np.linalg.eigvalsh(expected).min() > -1e-12


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_the_spectrum_falls_as_set(exponent):
    _, scenes = read(Scene("radiance", (64, 64)), 200, 1, periodic=True, exponent=exponent, **GAUSSIAN)
    power = (np.abs(np.fft.fft2(scenes - 0.25)) ** 2).mean(0)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    used = frequency > 0
    slope, level = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)
    # the logarithm of a mean of 200 exponential variables scatters by 1/sqrt(200), and mirror images are no new ones
    error = np.sqrt(2 / 200 / used.sum()) / np.log(frequency[used]).std()
    assert slope == pytest.approx(-2 * exponent, abs=4.5 * error)
    residual = np.log(power[used]) - level - slope * np.log(frequency[used])
    assert residual.std() == pytest.approx(1 / np.sqrt(200), rel=0.1)  # a pure power law, in every direction


def test_a_periodic_gaussian_field_has_its_information_in_closed_form():
    scene = Scene("radiance", (8, 8))
    objects = make_objects("natural-fields", periodic=True, **GAUSSIAN)
    sigma = 0.02
    exact = 0.5 * np.log1p(np.linalg.eigvalsh(objects.covariance(scene)) / sigma**2).sum()
    half = objects.power_spectrum(scene) * (0.25 * 0.15) ** 2
    times = np.array([1, 2, 2, 2, 1])
    assert 0.5 * (np.log1p(half / sigma**2) * times).sum() == pytest.approx(exact, rel=1e-9)
    assert exact > 10


def test_opposite_edges_are_neighbours_only_where_periodic():
    scene = Scene("radiance", (1, 16))
    open_field = make_objects("natural-fields").covariance(scene)
    periodic = make_objects("natural-fields", periodic=True).covariance(scene)
    assert periodic[0, 15] == pytest.approx(periodic[0, 1])
    assert open_field[0, 15] < 0.5 * open_field[0, 1]
    assert (np.diff(open_field[0]) < 0).all()


def test_color_channels_agree_as_set():
    scene = Scene("radiance", (12, 12, 3))
    _, same = read(scene, 2, channel_correlation=1.0)
    np.testing.assert_allclose(same[..., 0], same[..., 2], rtol=1e-5)
    _, apart = read(scene, 2000, channel_correlation=0.25, **GAUSSIAN)
    near(((apart[..., 0] - 0.25) * (apart[..., 2] - 0.25)).mean((1, 2)), 0.25 * (0.25 * 0.15) ** 2)


def test_a_transmission_is_pure_phase_and_a_scene_may_be_one_pixel():
    _, scenes = read(Scene("transmission", (8, 8, 2)), 2)
    assert not scenes[..., 0].any()
    assert scenes[..., 1].any()
    _, scenes = read(Scene("radiance", (1, 1)), 2000)
    near(scenes[:, 0, 0], 0.25)


@pytest.mark.parametrize("length", [4.0, 7.0])
def test_a_matern_field_has_the_matern_covariance(length):
    field = RandomField((64, 64), matern(length, 1.0), margin=64)
    distance = np.arange(1, 30)
    x = np.sqrt(2) * distance / length
    # the plane's covariance; the grid's lacks what lies above its highest frequency, 1 % of the variance
    np.testing.assert_allclose(field.autocovariance()[0, 1:30], x * kv(1, x), atol=0.015)
    assert field.autocovariance()[0, 0] == pytest.approx(1)
    np.testing.assert_allclose(field.autocovariance(), field.autocovariance().T, atol=1e-12)


def test_a_drawn_field_has_variance_one():
    field, rng = RandomField((6, 10), matern(2.0, 1.0), margin=5), np.random.default_rng(0)
    drawn = np.stack([field.draw(rng) for _ in range(3000)]).astype(np.float64)
    assert drawn.shape == (3000, 6, 10)
    near((drawn**2).mean((1, 2)), 1.0)
    near(drawn[:, 0, 0] * drawn[:, 2, 3], field.autocovariance()[2, 3])


@pytest.mark.parametrize(
    ("settings", "scene", "message"),
    [
        ({"marginal": "gaussian"}, GREY, "contrast 0.5 would be negative; set contrast to at most 0.167"),
        ({"marginal": "gausian"}, GREY, "did you mean gaussian"),
        ({"contrast": -0.1}, GREY, "contrast is -0.1"),
        ({"channel_correlation": 1.5}, GREY, "expected 0 to 1"),
        ({"mean": 0.0}, GREY, "mean is 0, expected 1e-06 to 1e.06"),
        ({}, Scene("transmission", (8, 8)), r"expected \(row, column, 2\)"),
        ({}, Scene("sound", (8, 8)), "this system looks at a sound"),
    ],
)
def test_what_has_no_meaning_is_refused(settings, scene, message):
    with pytest.raises(UsageError, match=message):
        make_objects("natural-fields", **settings).open(scene)

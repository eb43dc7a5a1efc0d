"""Beads: their number, light, places and width are those that are asked for."""

import numpy as np
import pytest
from scipy.special import ndtr

from ideal.datasets import make_objects
from ideal.datasets.beads import _Axis
from ideal.errors import UsageError
from ideal.imaging import Scene


def read(count, shape=(24, 24), kind="radiance", seed=0, **settings):
    return make_objects("beads", **settings).open(Scene(kind, shape), seed).read(0, count).scenes


def near(values, expected, errors=4.5):
    values = np.asarray(values, dtype=np.float64)
    assert abs(values.mean() - expected) < errors * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("name", ["beads", "natural-fields", "black-hole-rings"])
def test_an_object_depends_on_seed_and_number_alone(name):
    objects = make_objects(name)
    assert objects.open(objects.preview).count is None
    whole = objects.open(objects.preview, 5).read(0, 12)
    source = objects.open(objects.preview, 5)
    for start, stop in [(7, 12), (0, 3), (7, 8)]:
        part = source.read(start, stop)
        np.testing.assert_array_equal(part.scenes, whole.scenes[start:stop])
        np.testing.assert_array_equal(part.groups, np.arange(start, stop))
    assert whole.scenes.dtype == np.float32
    assert whole.scenes.shape == (12, *objects.preview.shape)
    assert whole.labels is None
    assert len(np.unique(whole.scenes, axis=0)) == 12
    assert not np.array_equal(objects.open(objects.preview, 6).read(0, 1).scenes, whole.scenes[:1])
    assert len(source.read(4, 4).scenes) == 0


def test_a_pixel_at_the_edge_is_as_bright_on_average_as_one_in_the_middle():
    objects = make_objects("beads", density=20.0, width=2.5, light=3.0, spread=0.5, background=0.01)
    scenes = objects.open(Scene("radiance", (24, 24)), 1).read(0, 4000).scenes
    assert objects.mean_light == pytest.approx(0.07)
    near(scenes.mean((1, 2)), objects.mean_light)
    near(scenes[:, [0, -1]].mean((1, 2)), objects.mean_light)
    near(scenes[:, 11:13, 11:13].mean((1, 2)), objects.mean_light)


def test_the_number_of_beads_is_poisson_distributed():
    counts = read(4000, density=5.0, width=1e-9, light=1.0, spread=0.0).sum((1, 2))
    whole = np.abs(counts - np.round(counts)) < 1e-5
    assert whole.mean() > 0.99  # the others have a bead on the edge
    near(counts, 0.005 * 24 * 24)
    near((counts - 0.005 * 24 * 24) ** 2, 0.005 * 24 * 24)


def test_an_exact_number_lies_within_the_scene():
    counts = read(200, number=7, width=1e-9, light=2.0, spread=0.0).sum((1, 2))
    np.testing.assert_allclose(counts, 14.0, rtol=1e-5)


def test_a_bead_has_its_width_and_light_and_any_place():
    scenes = read(3000, (41, 41), number=1, width=2.0, light=6.0, spread=0.0).astype(np.float64)
    places = np.arange(41) + 0.5
    light = scenes.sum((1, 2))
    rows, columns = (scenes.sum(axis) @ places / light for axis in (2, 1))
    inner = (abs(rows - 20.5) < 8) & (abs(columns - 20.5) < 8)
    assert inner.sum() > 300
    np.testing.assert_allclose(light[inner], 6.0, rtol=1e-5)
    spread = ((places - rows[inner, None]) ** 2 * scenes[inner].sum(2)).sum(1) / light[inner]
    np.testing.assert_allclose(spread, 2.0**2 + 1 / 12, rtol=1e-4)  # a pixel's own width adds 1/12
    near(rows[inner] % 1, 0.5)
    near((rows[inner] % 1 - 0.5) ** 2, 1 / 12)
    assert abs(np.corrcoef(rows[inner], columns[inner])[0, 1]) < 4.5 / np.sqrt(inner.sum())


@pytest.mark.parametrize("width", [12.0, 30.0, 60.0, 1000.0])
def test_wide_beads_are_those_that_every_pixel_would_give(width, monkeypatch):
    """Profiles by a polynomial are the integrals over the pixels, and a scene of fifty thousand beads costs little."""
    shape = (24, 40)
    fast = read(3, shape, width=width, density=1.0)
    monkeypatch.setattr("ideal.datasets.beads._places_for", lambda reach: 10**6)
    np.testing.assert_allclose(fast, read(3, shape, width=width, density=1.0), rtol=1e-6)


def test_profiles_of_wide_beads_take_few_values():
    axis = _Axis(96, 500.0)
    assert axis.values < 12
    shares = axis.spread(axis.profiles(np.array([48.0, -700.0])))
    assert shares.shape == (2, 96)
    np.testing.assert_allclose(shares[0].sum(), 2 * ndtr(48 / 500) - 1, rtol=1e-12)


def test_brightness_is_lognormal_of_the_mean_light():
    light = read(5000, (8, 8), number=1, width=1e-9, light=3.0, spread=0.4).sum((1, 2))
    near(light, 3.0)
    near(np.log(light), np.log(3.0) - 0.08)
    near((np.log(light) - np.log(3.0) + 0.08) ** 2, 0.16)


def test_channels_share_the_light_and_a_line_is_a_scene():
    grey, color = read(3, (16, 20)), read(3, (16, 20, 4))
    assert color.shape == (3, 16, 20, 4)
    np.testing.assert_allclose(color.sum(-1), grey, rtol=1e-5, atol=1e-28)
    np.testing.assert_array_equal(color[..., 0], color[..., 3])
    line = read(3000, (40,), density=30.0)
    assert line.shape == (3000, 40)
    near(line.mean(1), 0.03 * 4.0)
    near(line[:, 0], 0.03 * 4.0)


def test_a_sky_is_in_jansky():
    sky = read(500, (12, 12), "sky", number=3, width=1e-9, light=0.5, spread=0.0)
    np.testing.assert_allclose(sky.sum((1, 2)), 1.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"density": -1.0}, "density is -1 per 1000 pixels, expected 0 to 10000"),
        ({"width": 0.0}, "width is 0 pixels, expected above 0"),
        ({"light": float("nan")}, "light is nan"),
        ({"number": -3}, "number is -3"),
        ({"widht": 1.0}, "did you mean width"),
    ],
)
def test_settings_without_meaning_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_objects("beads", **settings)


def test_scenes_that_do_not_fit_are_refused():
    beads = make_objects("beads")
    with pytest.raises(UsageError, match=r"kind radiance or sky.*looks at a transmission.*natural-fields"):
        beads.open(Scene("transmission", (8, 8, 2)))
    with pytest.raises(UsageError, match=r"expected \(row, column\)$"):
        beads.open(Scene("sky", (8, 8, 3)))
    with pytest.raises(UsageError, match="expected"):
        beads.open(Scene("radiance", (8, 8, 3, 2)))

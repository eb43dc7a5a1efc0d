"""Pictures as scenes: light, channels, sizes, kinds, order and groups."""

import numpy as np
import pytest

from ideal.datasets._to_scene import COLORS, Pictures, PictureScenes
from ideal.datasets.photographs import linear_light
from ideal.errors import UsageError
from ideal.imaging import Scene

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def pictures(values, labels=None, **options):
    values = list(values)
    sizes = np.array([each.shape[:2] for each in values])
    read = (lambda numbers: np.stack([values[n] for n in numbers])) if len(set(map(tuple, sizes))) == 1 else None
    return Pictures(
        "mine",
        sizes,
        read or (lambda numbers: [values[n] for n in numbers]),
        None if labels is None else lambda: np.asarray(labels),
        **options,
    )


def numbered(count, side):
    """Pictures whose linear light says which picture and, in steps of 1e-4, which place it is."""
    place = np.arange(side * side).reshape(side, side) * 1e-4 / side**2
    return pictures([(0.001 * number + place).astype(np.float32) for number in range(1, count + 1)])


def scenes(source, count):
    return source.read(0, count).scenes


def picture_of(values):
    return np.round(values / 0.001 - 0.04).astype(int) - 1


@pytest.fixture(scope="module")
def colored():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)


def test_code_values_become_linear_light():
    source = PictureScenes(pictures([np.array([[0, 10], [128, 255]], np.uint8)]), Scene("radiance", (2, 2)), 0)
    # IEC 61966-2-1: 10/255 is on the straight part, 128/255 on the curve
    expected = [[0.0, 10 / 255 / 12.92], [((128 / 255 + 0.055) / 1.055) ** 2.4, 1.0]]
    np.testing.assert_allclose(scenes(source, 1)[0], expected, rtol=1e-6)


def test_grey_scenes_see_the_luminance_of_colors(colored):
    source = PictureScenes(pictures(colored), Scene("radiance", (8, 8)), 0)
    found = source.read(0, 6)
    np.testing.assert_allclose(found.scenes, linear_light(colored[found.groups]) @ LUMINANCE, rtol=1e-5, atol=1e-7)


def test_colors_add_up_to_the_light_of_an_unfiltered_pixel(colored):
    color = Scene("radiance", (8, 8, 3), COLORS)
    found = PictureScenes(pictures(colored), color, 0).read(0, 6)
    np.testing.assert_allclose(found.scenes, linear_light(colored[found.groups]) / 3, rtol=1e-5, atol=1e-7)
    grey = PictureScenes(pictures(colored), color, 0, grey=True).read(0, 6)
    luminance = linear_light(colored[grey.groups]) @ LUMINANCE
    np.testing.assert_allclose(grey.scenes.sum(-1), luminance, rtol=1e-5, atol=1e-7)
    assert (grey.scenes[..., 0] == grey.scenes[..., 2]).all()
    without = PictureScenes(pictures(colored[..., 0]), color, 0).read(0, 6)
    np.testing.assert_allclose(without.scenes.sum(-1), linear_light(colored[without.groups, ..., 0]), rtol=1e-5, atol=1e-7)


def test_bands_are_interpolated_and_share_the_light():
    bands = (400.0, 500.0, 600.0, 700.0)
    spectrum = np.array([0.1, 0.3, 0.5, 0.9], np.float32)
    source = pictures([np.broadcast_to(spectrum, (4, 4, 4))], bands=bands)
    two = PictureScenes(source, Scene("radiance", (4, 4, 2), ("450 nm", "675nm")), 0)
    np.testing.assert_allclose(scenes(two, 1)[0, 0, 0], [0.2 / 2, 0.8 / 2], rtol=1e-6)
    grey = PictureScenes(source, Scene("radiance", (4, 4)), 0)
    np.testing.assert_allclose(scenes(grey, 1)[0, 0, 0], spectrum.mean(), rtol=1e-6)
    three = PictureScenes(source, Scene("radiance", (4, 4, 3), COLORS), 0)
    np.testing.assert_allclose(scenes(three, 1)[0, 0, 0], np.array([0.7, 0.3, 0.1]) / 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "channels"), [({}, ("450 nm", "550 nm")), ({"bands": (400.0, 500.0)}, ("450 nm", "550 nm")), ({}, ("x", "y"))]
)
def test_channels_that_pictures_have_not_are_refused(options, channels):
    values = np.zeros((3, 4, 4, 2) if options else (3, 4, 4), np.float32)
    with pytest.raises(UsageError, match=r"none for the channels .*multispectral"):
        PictureScenes(pictures(values, **options), Scene("radiance", (4, 4, 2), channels), 0)


def test_skies_have_one_jansky(colored):
    found = PictureScenes(pictures(colored), Scene("sky", (5, 5)), 1).read(0, 6)
    np.testing.assert_allclose(found.scenes.sum((1, 2)), 1, rtol=1e-5)
    light = PictureScenes(pictures(colored), Scene("radiance", (5, 5)), 1).read(0, 6).scenes
    np.testing.assert_allclose(found.scenes * light.sum((1, 2), keepdims=True), light, rtol=1e-5, atol=1e-7)
    dark = PictureScenes(pictures([np.zeros((4, 4), np.uint8)]), Scene("sky", (4, 4)), 0)
    np.testing.assert_allclose(scenes(dark, 1), 1 / 16)


def test_transmissions_absorb_or_delay():
    light = np.array([[1.0, 0.25], [0.0, 1e-6]], np.float32)
    scene = Scene("transmission", (2, 2, 2), ("absorption", "phase"))
    absorbing = scenes(PictureScenes(pictures([light]), scene, 0), 1)[0]
    np.testing.assert_allclose(np.exp(-2 * absorbing[..., 0]), [[1.0, 0.25], [0.01, 0.01]], rtol=1e-5)  # no blacker than 1 %
    assert not absorbing[..., 1].any()
    delaying = scenes(PictureScenes(pictures([light]), scene, 0, phase=2.0), 1)[0]
    assert not delaying[..., 0].any()
    np.testing.assert_allclose(delaying[..., 1], 2 * light)


def test_crops_are_parts_of_their_picture_at_many_places():
    source = PictureScenes(numbered(5, 12), Scene("radiance", (4, 6)), 0)
    assert (source.fit, source.count) == ("crop", None)
    found = source.read(0, 400)
    whole = numbered(5, 12).read(np.arange(5))
    corners = set()
    for scene, group in zip(found.scenes, found.groups, strict=True):
        row, column = np.argwhere(np.isclose(whole[group], scene[0, 0], rtol=0, atol=2e-8))[0]
        np.testing.assert_array_equal(scene, whole[group, row : row + 4, column : column + 6])
        corners.add((row, column))
    assert {row for row, _ in corners} == set(range(9))
    assert {column for _, column in corners} == set(range(7))


def test_crops_come_from_pictures_that_are_large_enough():
    values = [np.zeros((4, 9), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((6, 6), np.uint8)]
    found = PictureScenes(pictures(values), Scene("radiance", (6, 6)), 0).read(0, 20)
    assert set(found.groups) == {1, 2}


@pytest.mark.parametrize("size", [(13, 9), (4, 4), (12, 12), (5, 3), (3, 9)])
def test_tiled_scenes_have_the_labelled_picture_in_the_middle(size):
    labels = np.arange(100) % 7
    source = PictureScenes(
        Pictures("mine", numbered(100, 4).sizes, numbered(100, 4).read, lambda: labels), Scene("radiance", size), 0, fit="tile"
    )
    found = source.read(0, 100)
    shown = picture_of(found.scenes)
    middle = shown[:, (size[0] - 1) // 2, (size[1] - 1) // 2]
    np.testing.assert_array_equal(np.sort(middle), np.arange(100))
    np.testing.assert_array_equal(found.labels, labels[middle])
    for picture, scene in zip(middle, found.scenes, strict=True):
        rows, columns = np.nonzero(picture_of(scene) == picture)
        assert len(rows) == min(4, size[0]) * min(4, size[1])
        assert abs(rows.min() - (size[0] - 1 - rows.max())) <= 1
        assert abs(columns.min() - (size[1] - 1 - columns.max())) <= 1


def test_tiles_lie_side_by_side_whole():
    source = PictureScenes(numbered(60, 4), Scene("radiance", (12, 12)), 3)
    assert (source.fit, source.count) == ("tile", None)
    values = numbered(60, 4).read(np.arange(60))
    for scene in scenes(source, 20):
        tiles = scene.reshape(3, 4, 3, 4).swapaxes(1, 2).reshape(9, 4, 4)
        shown = picture_of(tiles[:, 0, 0])
        np.testing.assert_array_equal(tiles, values[shown])
        assert len(set(shown)) == 9


def test_scenes_of_different_groups_share_no_picture():
    found = PictureScenes(numbered(300, 4), Scene("radiance", (12, 12)), 0).read(0, 600)
    assert len(np.unique(found.groups)) == 20
    owner = {}
    for scene, group in zip(found.scenes, found.groups, strict=True):
        for picture in np.unique(picture_of(scene)):
            assert owner.setdefault(picture, group) == group
    again = PictureScenes(numbered(300, 4), Scene("radiance", (12, 12)), 9).read(0, 600)
    assert all(owner[picture] == group for picture, group in zip(picture_of(again.scenes[:, 5, 5]), again.groups, strict=True))


def test_few_pictures_tile_too():
    found = PictureScenes(numbered(2, 4), Scene("radiance", (20, 20)), 0, fit="tile").read(0, 4)
    assert set(picture_of(found.scenes).ravel()) == {0, 1}
    assert set(found.groups) == {0}
    assert np.ptp(scenes(PictureScenes(numbered(1, 4), Scene("radiance", (12, 12)), 0, fit="tile"), 1)) < 1e-4


def test_padded_pictures_are_centred_in_the_dark():
    source = PictureScenes(pictures(np.full((3, 4, 4), 255, np.uint8)), Scene("radiance", (10, 7)), 0, small_fit="pad")
    assert (source.fit, source.count) == ("pad", 3)
    found = source.read(0, 3)
    expected = np.zeros((10, 7))
    expected[3:7, 1:5] = 1
    np.testing.assert_array_equal(found.scenes, np.broadcast_to(expected, (3, 10, 7)))
    with pytest.raises(UsageError, match="has 3 objects with fit=pad; asked for 4"):
        source.read(2, 4)


def test_resizing_keeps_light_and_proportions():
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), (32, 64))
    wide = PictureScenes(pictures([ramp]), Scene("radiance", (8, 8)), 0, fit="resize")
    small = scenes(wide, 1)[0]  # of the centre, 32 x 32, from 16/63 to 47/63
    np.testing.assert_allclose(small.mean(), 0.5, atol=1e-3)
    np.testing.assert_allclose(np.diff(small[:, 1:-1], axis=1), 4 / 63, rtol=0.05)
    rng = np.random.default_rng(0)
    noise = PictureScenes(pictures([rng.random((64, 64), np.float32)]), Scene("radiance", (8, 8)), 0, fit="resize")
    # picking every eighth value would keep the deviation, 0.29; blurred, a value is the mean of tens
    assert scenes(noise, 1).std() < 0.06


@pytest.mark.parametrize(
    ("fit", "size", "hint"), [("crop", (9, 4), r"`objects\.fit=tile`"), ("pad", (4, 9), r"`objects\.fit=crop`")]
)
def test_sizes_that_do_not_fit_are_refused(fit, size, hint):
    with pytest.raises(UsageError, match=rf"scene of {size[0]} x {size[1]} \(found 8 x 8\).*{hint}"):
        PictureScenes(numbered(3, 8), Scene("radiance", size), 0, fit=fit)


def test_scenes_without_rows_are_refused():
    with pytest.raises(UsageError, match="no rows and columns"):
        PictureScenes(numbered(3, 8), Scene("radiance", (8,)), 0)
    with pytest.raises(UsageError, match="names 0 of them"):
        PictureScenes(numbered(3, 8), Scene("any", (8, 8, 4)), 0)


@pytest.mark.parametrize("fit", ["crop", "tile"])
def test_an_object_depends_on_its_number_and_the_seed_alone(fit):
    def source(seed):
        return PictureScenes(numbered(30, 8), Scene("radiance", (6, 6) if fit == "crop" else (20, 20)), seed, fit=fit)

    whole = source(5).read(0, 70)
    for start, stop in ((0, 1), (29, 31), (60, 70), (12, 12)):
        part = source(5).read(start, stop)
        np.testing.assert_array_equal(part.scenes, whole.scenes[start:stop])
        np.testing.assert_array_equal(part.groups, whole.groups[start:stop])
    assert not np.array_equal(source(6).read(0, 70).scenes, whole.scenes)
    assert not np.array_equal(whole.scenes[:30], whole.scenes[30:60])


def test_every_picture_is_seen_before_any_again():
    found = PictureScenes(numbered(30, 8), Scene("radiance", (6, 6)), 0).read(0, 90).groups.reshape(3, 30)
    np.testing.assert_array_equal(np.sort(found), np.broadcast_to(np.arange(30), (3, 30)))
    assert not np.array_equal(found[0], np.arange(30))


@pytest.mark.parametrize("size", [(6, 6), (20, 20)])
def test_the_better_pictures_come_first(size):
    base = numbered(30, 8)
    source = PictureScenes(Pictures("mine", base.sizes, base.read, first=10), Scene("radiance", size), 0)
    found = source.read(0, 30)
    shown = picture_of(found.scenes)
    assert set(shown[:10].ravel()) <= set(range(10))  # neighbours too
    assert set(shown[10:].ravel()) <= set(range(10, 30))

import numpy as np
import pytest
from fixtures.health import camera, found, photons, scenes


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_a_pattern_of_gain_is_measured_with_the_information_that_it_feigns(share):
    gains = 1 + share * np.random.default_rng(0).standard_normal((32, 32))
    one = found(photons(scenes(400, mean=1000.0) * gains))["fixed-pattern"]
    assert one.figures["share_of_mean"] == pytest.approx(share, rel=0.25)
    assert one.figures["bits_per_pixel"] == pytest.approx(0.5 * np.log2(1 + share**2 * 1000), rel=0.25)


def test_flat_fields_and_dark_frames_show_it_and_a_scene_does_not():
    pattern = np.random.default_rng(0).standard_normal((32, 32))
    values, options = camera(np.zeros((100, 32, 32)), read_noise=3.0)
    assert not found(values, **options)
    assert "fixed-pattern" in found(np.rint(values + 2 * pattern).astype(int), **options)
    still = np.repeat(scenes(1, mean=200.0, blur=2.0), 200, axis=0)
    assert "fixed-pattern" not in found(photons(still))


def test_rows_that_flicker_as_one():
    rng = np.random.default_rng(0)
    values, options = camera(scenes(blur=6.0, mean=30.0), read_noise=3.0)
    assert "banding" not in found(values, **options)
    rows = found(np.rint(values + 6 * rng.standard_normal((120, 32, 1))).astype(int), **options)["banding"]
    assert rows.figures["axis"] == "rows"
    assert rows.figures["deviation"] == pytest.approx(6.0, rel=0.25)
    columns = found(np.rint(values + 6 * rng.standard_normal((120, 1, 32))).astype(int), **options)["banding"]
    assert columns.figures["axis"] == "columns"


@pytest.mark.parametrize("axis", [0, 1])
def test_amplifiers_of_rows_and_of_columns(axis):
    gains = 1 + 0.03 * np.random.default_rng(0).standard_normal((32, 1))
    one = found(photons(scenes(400, mean=1000.0, blur=3.0) * (gains if axis == 0 else gains.T)))["fixed-pattern"]
    assert one.figures["axis"] == ("rows", "columns")[axis]
    assert one.figures["pattern"] == pytest.approx(30.0, rel=0.35)


@pytest.mark.parametrize("side", [16, 20])
def test_a_pattern_of_gain_in_small_frames(side):
    gains = 1 + 0.1 * np.random.default_rng(0).standard_normal((side, side))
    light = scenes(300, side=side, mean=60.0)
    assert "fixed-pattern" not in found(photons(light))
    assert found(photons(light * gains))["fixed-pattern"].figures["share_of_mean"] == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize("axis", [1, 2])
def test_stripes_of_scenes_are_a_remark_at_most(axis):
    rng = np.random.default_rng(0)
    lines, place = (200, 32, 1) if axis == 1 else (200, 1, 32), np.expand_dims(np.arange(32), (0, 3 - axis))
    random = rng.gamma(2, 40, lines) * np.ones((1, 32, 32))
    light = scenes(200, mean=60.0)
    moving = light * (1 + 0.8 * np.cos(2 * np.pi * place / 4 + rng.uniform(0, 6.3, (200, 1, 1))))
    fading = random * np.exp(-(((np.arange(32) - 8) / 6.0) ** 2) / 2).reshape((1, 1, 32) if axis == 1 else (1, 32, 1))
    for values in (random, moving):
        assert all(each.severity == "note" for each in found(photons(values)).values())
    for values in (light * (1 + 0.8 * np.cos(2 * np.pi * place / 4)), fading):
        assert "banding" not in found(photons(values))


def test_rows_of_dark_frames_that_no_light_can_make():
    values, options = camera(np.zeros((200, 32, 32)), read_noise=3.0)
    rng = np.random.default_rng(0)
    moving = found(np.rint(values + 4 * rng.standard_normal((200, 32, 1))).astype(int), **options)
    still = found(np.rint(values + 4 * rng.standard_normal((1, 32, 1))).astype(int), **options)
    assert (moving["banding"].severity, moving["banding"].figures["axis"]) == ("biased", "rows")
    assert (still["fixed-pattern"].severity, still["fixed-pattern"].figures["axis"]) == ("biased", "rows")
    assert "banding" not in still


@pytest.mark.parametrize("side", [16, 32])
def test_the_colors_of_a_mosaic_are_no_fixed_pattern(side):
    mosaic = np.tile([[0.5, 1.0], [1.0, 0.3]], (side // 2, side // 2))
    assert "fixed-pattern" not in found(photons(scenes(200, side=side) * mosaic))


@pytest.mark.parametrize(("mean", "frames"), [(0.01, 25), (0.003, 100), (0.0005, 400)])
def test_single_photons_make_no_pattern_and_no_scale(mean, frames):
    seen = found(np.random.default_rng(1).poisson(mean, (frames, 32, 32)))
    assert not seen.keys() & {"fixed-pattern", "scaled-frames"}

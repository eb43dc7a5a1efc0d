import numpy as np
import pytest
from fixtures.health import camera, examined, found, photons, scenes

import ideal

COUNTS = photons(scenes())


@pytest.mark.parametrize("fill", [0, 65535])
def test_frames_that_hold_nothing_are_counted_named_and_left_out(fill):
    values = COUNTS.copy()
    values[90:] = fill
    values[7] = fill
    seen = examined(values)
    one = next(each for each in seen.findings if each.name == "blank-frames")
    assert one.figures["frames"] == 31
    assert "7, 90 to 119" in one.text
    assert seen.blank.tolist() == [7, *range(90, 120)]
    left = ideal.estimate(ideal.from_arrays(values, noise="poisson"), models=["full"], patch=8)
    whole = ideal.estimate(
        ideal.from_arrays(np.delete(COUNTS, [7, *range(90, 120)], axis=0), noise="poisson"), models=["full"], patch=8
    )
    assert left.information_bits_per_pixel == pytest.approx(whole.information_bits_per_pixel, abs=0.15)


def test_dark_frames_are_information_only_where_they_are_asked_for():
    values = COUNTS.copy()
    values[90:] = 0
    left = ideal.estimate(ideal.from_arrays(values, noise="poisson"), models=["full"], patch=8)
    kept = ideal.estimate(ideal.from_arrays(values, noise="poisson"), models=["full"], patch=8, allow=["unwritten"])
    assert kept.information_bits_per_pixel > left.information_bits_per_pixel + 0.3


def test_frames_that_are_dark_by_chance_stay_and_those_that_were_lost_among_them_do_not():
    counts = np.random.default_rng(1).poisson(0.1, (4000, 4, 4))
    assert (counts == 0).all((1, 2)).mean() > 0.15
    assert "blank-frames" not in found(counts)
    assert "blank-frames" not in found(np.random.default_rng(1).poisson(0.02, (4000, 4, 4)))
    counts[3980:] = 0
    assert set(range(3980, 4000)) <= set(examined(counts).blank.tolist())
    assert len(examined(counts).blank) < 25


def test_what_is_said_of_blank_frames_that_are_kept():
    values = COUNTS.copy()
    values[90:] = 0
    kept = ideal.estimate(ideal.from_arrays(values, noise="poisson"), models=["full"], patch=8, allow=["unwritten"])
    one = next(each for each in kept.findings if each.name == "blank-frames")
    assert "kept" in one.effect
    assert "--keep-unwritten" not in one.line


def test_blank_frames_of_other_noise():
    values, options = camera(scenes(60))
    values[40:] = 0
    assert found(values, **options)["blank-frames"].figures["frames"] == 20
    noisy = np.random.default_rng(0).standard_normal((60, 30))
    noisy[50:] = 0
    assert found(noisy, noise="gaussian", sigma=1.0)["blank-frames"].figures["frames"] == 10
    both = noisy + 1j * noisy
    assert found(both, noise="complex-gaussian", sigma=1.0)["blank-frames"].figures["frames"] == 10


def test_dark_frames_by_chance_are_measurements():
    values = photons(np.full((400, 8, 8), 0.02))  # a frame in four is dark
    assert (values.reshape(400, -1).max(1) == 0).sum() > 50
    assert examined(values).blank.size == 0
    assert not found(values)


def test_dead_pixels_rows_and_borders():
    values = COUNTS.copy()
    values[:, 3, 5] = 0
    one = found(values)["dead-pixels"]
    assert one.figures["pixels"] == 1
    assert "(3, 5)" in one.text
    values[:, 10] = 0
    values[:, :, :2] = 0
    assert "rows 10, columns 0 to 1" in found(values)["dead-pixels"].text


def test_a_dark_surround_is_no_dead_border():
    disc = np.exp(-((np.indices((28, 28)) - 13.5) ** 2).sum(0) / 20)
    assert not found(photons(300 * disc * np.random.default_rng(0).gamma(4, 0.25, (200, 1, 1))))


def test_hot_pixels():
    values = COUNTS.copy()
    values[:, 5, 6] += 3000
    assert found(values)["hot-pixels"].figures["pixels"] == 1


def test_drift_and_outliers():
    light = scenes()
    fading = found(photons(light * np.linspace(1, 0.5, len(light))[:, None, None]))
    assert fading["brightness-drift"].figures["drift"] == pytest.approx(-0.67, abs=0.1)
    flash = COUNTS.copy()
    flash[17] *= 20
    assert found(flash)["outlying-frames"].figures["worst"] == 17


def test_frames_that_broke_off():
    values = COUNTS.copy()
    values[40:60, 20:] = 0
    values[7, :5] = 0
    one = found(values)["partial-frames"]
    assert (one.figures["frames"], one.figures["rows"]) == (21, 12)
    assert "7, 40 to 59" in one.text


def test_objects_that_end_inside_their_frames_are_whole():
    disc = np.exp(-((np.indices((28, 28)) - 13.5) ** 2).sum(0) / 20)
    assert "partial-frames" not in found(photons(3000 * disc * np.random.default_rng(0).gamma(4, 0.25, (200, 1, 1))))


@pytest.mark.parametrize("radius", [8, 12, 15])
def test_what_lies_behind_a_round_stop_is_not_dead(radius):
    inside = ((np.indices((32, 32)) - 15.5) ** 2).sum(0) < radius**2
    values = photons(scenes() * inside)
    assert "dead-pixels" not in found(values)
    values[:, 14, 15] = 0
    one = found(values)["dead-pixels"]
    assert one.figures["pixels"] == 1
    assert "too high" in one.effect
    assert "dark-areas" in found(values)


def test_a_channel_of_transparency_is_named():
    colors = np.minimum(photons(scenes()[..., None] * [1.0, 0.8, 0.6]), 4000)
    one = found(np.concatenate([colors, np.full((*colors.shape[:3], 1), 255)], axis=-1))["dead-pixels"]
    assert one.figures["channels"] == [3]
    assert "channel 3" in one.remedy


def test_a_cosmic_ray_makes_no_hot_pixel():
    values = COUNTS.copy()
    values[9, 4, 4] = 60_000
    assert "hot-pixels" not in found(values)


def test_brightness_that_fades_to_nothing_is_told_as_a_ratio():
    fading = found(photons(scenes(600, side=16, mean=60.0) * np.exp(-np.arange(600) / 100)[:, None, None]))["brightness-drift"]
    assert fading.figures["first_over_last"] > 10
    assert "%" not in fading.text

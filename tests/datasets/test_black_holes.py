"""Black holes: sizes and angles on the sky, flux, and which pictures show the same source."""

import h5py
import numpy as np
import pytest

from ideal.datasets import make_objects
from ideal.datasets._data_folder import data_folder
from ideal.datasets.black_holes import Model, source_of
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene

SKY = Scene("sky", (64, 64), pixel=2.0, pixel_unit="uas")
PLAIN = {"texture": (0.0,), "asymmetry": (0.0,), "floor": (0.0,), "shift": 0.0}
STILL = {"rotation": (0.0,), "scale": (1.0,), "shift": 0.0}


def coordinates(scene):
    north, east = (scene.pixel * ((size - 1) / 2 - np.arange(size)) for size in scene.shape)
    return np.meshgrid(north, east, indexing="ij")


def middle(picture, scene):
    return np.array([(axis * picture).sum() / picture.sum() for axis in coordinates(scene)])


def rings(count=1, scene=SKY, seed=0, **settings):
    return make_objects("black-hole-rings", **settings).open(scene, seed).read(0, count).scenes.astype(np.float64)


def test_rings_have_their_flux_and_lie_dark_in_the_middle():
    scenes = rings(50)
    np.testing.assert_allclose(scenes.sum((1, 2)), 1.0, rtol=1e-6)
    np.testing.assert_allclose(rings(5, flux=0.6).sum((1, 2)), 0.6, rtol=1e-6)
    assert scenes.min() >= 0
    north, east = coordinates(SKY)
    distance = np.hypot(north, east)
    ring = scenes[:, (distance > 14) & (distance < 26)].mean(1)
    assert (scenes[:, distance < 4].mean(1) < 0.6 * ring).mean() > 0.9  # a bright spot of a thick ring may reach in
    assert (scenes[:, distance > 45].mean(1) < 0.05 * ring).all()


@pytest.mark.parametrize(("diameter", "width"), [(40.0, 10.0), (34.0, 14.0)])
def test_a_ring_has_the_diameter_and_width_that_are_set(diameter, width):
    scene = Scene("sky", (128, 128), pixel=1.0, pixel_unit="uas")
    picture = rings(1, scene, diameter=(diameter,), width=(width,), **PLAIN)[0]
    distance = np.hypot(*coordinates(scene)).ravel()
    order = np.argsort(distance)
    profile = np.interp(np.arange(0.5, 60, 0.05), distance[order], picture.ravel()[order])
    radii = np.arange(0.5, 60, 0.05)
    assert 2 * radii[profile.argmax()] == pytest.approx(diameter, abs=0.3)
    above = radii[profile > profile.max() / 2]
    assert above[-1] - above[0] == pytest.approx(width, abs=0.3)
    np.testing.assert_allclose(middle(picture, scene), 0, atol=1e-5)


@pytest.mark.parametrize(("angle", "corner"), [(0.0, (-1, 0)), (90.0, (0, -1)), (180.0, (1, 0)), (225.0, (1, 1))])
def test_the_brighter_side_is_at_its_position_angle_east_of_north(angle, corner):
    settings = {**PLAIN, "asymmetry": (0.8,), "diameter": (40.0,), "width": (6.0,)}
    picture = rings(1, position_angle=(angle,), **settings)[0]
    north, east = middle(picture, SKY)
    assert np.rad2deg(np.arctan2(east, north)) % 360 == pytest.approx(angle, abs=0.01)
    assert np.hypot(north, east) == pytest.approx(0.8 / 2 * 20, rel=0.02)  # of a thin ring: asymmetry / 2 of its radius
    for axis, side in enumerate(corner):  # row 0 is north, column 0 east
        low, high = (each.sum() for each in np.split(picture, 2, axis=axis))
        assert np.sign(np.round(high - low, 6)) == side


def test_the_centre_has_its_floor():
    picture = rings(1, **{**PLAIN, "floor": (0.25,), "diameter": (44.0,), "width": (8.0,)})[0]
    assert picture[31:33, 31:33].mean() == pytest.approx(0.25 * picture.max(), rel=0.02)


def test_texture_is_a_field_of_its_strength_and_length():
    settings = {"diameter": (40.0,), "width": (16.0,)}
    textured = rings(600, **{**PLAIN, **settings, "texture": (0.4,), "correlation_length": (10.0,)})
    smooth = rings(1, **{**PLAIN, **settings})[0]
    logarithm = np.log(textured[:, 31:33, 10:54]) - np.log(smooth[31:33, 10:54])
    difference = logarithm[:, :, :-5] - logarithm[:, :, 5:]  # the factor to 1 Jy, one for a scene, cancels
    squares = (difference**2).mean((1, 2))
    # Matern covariance of smoothness 1 at one correlation length, 10 uas or 5 pixels: sqrt(2) K_1(sqrt(2))
    expected = 2 * 0.4**2 * (1 - 0.4445)
    assert abs(squares.mean() - expected) < 4.5 * squares.std() / np.sqrt(600) + 0.03 * expected


def test_settings_are_drawn_over_their_ranges():
    settings = {**PLAIN, "width": (5.0,), "diameter": (30.0, 50.0)}
    north, east = coordinates(SKY)
    radii = (np.hypot(north, east) * rings(400, **settings)).sum((1, 2))
    assert 15 < radii.min() < 15.7
    assert 24.5 < radii.max() < 25.5
    assert abs(radii.mean() - 20) < 4.5 * radii.std() / 20 + 0.25  # the outer half of the ring weighs more
    places = np.array([middle(each, SKY) for each in rings(400, **{**PLAIN, "shift": 6.0})])
    distance = np.hypot(*places.T)
    assert 5.5 < distance.max() < 6.01
    assert abs((distance < 3).mean() - 0.25) < 4.5 * np.sqrt(0.25 * 0.75 / 400)  # evenly over the disc


def test_a_radiance_has_its_brightest_value_at_one():
    scenes = rings(3, Scene("radiance", (48, 48), pixel=5.0))
    np.testing.assert_allclose(scenes.max((1, 2)), 1.0, rtol=1e-6)
    color = rings(3, Scene("radiance", (48, 48, 3)))
    np.testing.assert_allclose(color.sum(-1), scenes, rtol=1e-5, atol=1e-20)


def test_a_sky_without_pixels_is_the_field_of_view_and_any_scene_a_sky():
    np.testing.assert_array_equal(rings(2), rings(2, Scene("sky", (64, 64))))
    np.testing.assert_array_equal(rings(2), rings(2, Scene("any", (64, 64))))


@pytest.mark.parametrize(
    ("settings", "scene", "message"),
    [
        ({}, Scene("sky", (64, 64), pixel=0.5, pixel_unit="uas"), "rings reach over 68 uas, the scene only over 32 uas"),
        ({}, Scene("sky", (64, 64), pixel=2.0), "this sky are given in um, expected uas"),
        ({}, Scene("transmission", (64, 64, 2)), "looks at a transmission"),
        ({"diameter": (40.0, 30.0)}, SKY, "expected the smaller number first"),
        ({"diameter": (1.0, 2.0, 3.0)}, SKY, "expected 1 or 2 numbers"),
        ({"width": ("wide",)}, SKY, "width is wide, expected numbers"),
        ({"asymmetry": (0.5, 1.5)}, SKY, "expected 0 to 1"),
        ({"shift": -1.0}, SKY, "shift is -1"),
    ],
)
def test_rings_that_cannot_be_are_refused(settings, scene, message):
    with pytest.raises(UsageError, match=message):
        make_objects("black-hole-rings", **settings).open(scene)


def blob(shape, side, north, east, width):
    scene = Scene("sky", shape, pixel=side, pixel_unit="uas")
    y, x = coordinates(scene)
    return np.exp(-((y - north) ** 2 + (x - east) ** 2) / (2 * width**2))


@pytest.mark.parametrize("side", [0.3, 0.45, 2.0, 3.3])
@pytest.mark.parametrize("turn", [0.0, 0.5, 2.0])
def test_resampling_keeps_light_place_and_size(side, turn):
    size = int(120 / side)
    picture = blob((size, size + 3), side, 10.0, -6.0, 6.0)
    model = Model.of(picture, side, 0.7)
    assert model.light.sum() == pytest.approx(picture.sum(), rel=1e-12)
    seen = model.resample((64, 64), 2.0, turn, 1.1, (3.0, 5.0))
    assert seen.sum() == pytest.approx(picture.sum(), rel=2e-3)
    north, east = 1.1 * np.array([10 * np.cos(turn) + 6 * np.sin(turn), 10 * np.sin(turn) - 6 * np.cos(turn)])
    np.testing.assert_allclose(middle(seen, SKY), [north + 3, east + 5], atol=0.02)
    y, x = coordinates(SKY)
    spread = (((y - north - 3) ** 2 + (x - east - 5) ** 2) * seen).sum() / seen.sum() / 2
    # a new pixel adds a twelfth of its area, linear interpolation of the old ones a sixth of theirs
    assert spread == pytest.approx((1.1 * 6.0) ** 2 + 4 / 12 + 1.1**2 * model.side**2 / 6, rel=0.02)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "black_holes.h5", "w") as file:
        for number, name in enumerate(["one_freq230", "one_freq345", "two_230"]):
            data = file.create_dataset(f"images/{name}", data=blob((40, 40), 4.0, 20.0 * number, 0.0, 8.0).astype(np.float32))
            data.attrs["pixel_uas"] = 4.0
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    return tmp_path


def test_models_of_one_source_are_one_group(folder):
    source = make_objects("black-holes", **STILL).open(SKY)
    read = source.read(0, 400)
    assert source.classes == ("one", "two")
    np.testing.assert_array_equal(read.labels, read.groups)
    places = np.array([middle(each, SKY)[0] for each in read.scenes.astype(np.float64)])
    np.testing.assert_allclose(np.unique(np.round(places[read.labels == 0])), [0, 20])
    np.testing.assert_allclose(places[read.labels == 1], 40, atol=0.1)
    assert abs((read.labels == 1).mean() - 0.5) < 4.5 * 0.5 / 20
    only = make_objects("black-holes", sources=("two",)).open(SKY)
    assert only.classes == ("two",)
    assert (only.read(0, 9).groups == 1).all()


def test_an_object_depends_on_seed_and_number_alone(folder):
    objects = make_objects("black-holes", flux=(0.5, 2.0))
    whole, part = objects.open(SKY, 3).read(0, 20), objects.open(SKY, 3).read(13, 17)
    np.testing.assert_array_equal(part.scenes, whole.scenes[13:17])
    np.testing.assert_array_equal(part.groups, whole.groups[13:17])
    assert whole.scenes.dtype == np.float32
    assert not np.array_equal(objects.open(SKY, 4).read(0, 20).scenes, whole.scenes)
    flux = whole.scenes.sum((1, 2))
    assert (flux >= 0.5).all()
    assert (flux <= 2.0).all()
    assert flux.std() > 0.2
    fixed = make_objects("black-holes").open(SKY, 3).read(0, 20).scenes.astype(np.float64)
    np.testing.assert_allclose(fixed.sum((1, 2)), 1.0, rtol=1e-6)


def test_a_turn_goes_from_north_to_east(folder):
    settings = {**STILL, "sources": ("two",), "rotation": (90.0,)}
    north, east = middle(make_objects("black-holes", **settings).open(SKY).read(0, 1).scenes[0].astype(np.float64), SKY)
    assert abs(north) < 0.1
    assert east > 30


def test_without_its_data_it_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.delenv("IDEAL_DATA", raising=False)
    with pytest.raises(DataError, match="IDEAL_DATA"):
        make_objects("black-holes").open(SKY)
    monkeypatch.setenv("IDEAL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"black_holes\.h5"):
        make_objects("black-holes").open(SKY)


def test_damaged_data_are_refused(folder):
    with h5py.File(folder / "black_holes.h5", "a") as file:
        file["images/two_230"][3, 4] = np.nan
    with pytest.raises(DataError, match="two_230 is damaged"):
        make_objects("black-holes", sources=("two",)).open(SKY).read(0, 1)
    with h5py.File(folder / "black_holes.h5", "a") as file:
        del file["images/two_230"].attrs["pixel_uas"]
    with pytest.raises(DataError, match="model two_230 without pixel_uas"):
        make_objects("black-holes").open(SKY)
    with h5py.File(folder / "black_holes.h5", "w"):
        pass
    with pytest.raises(DataError, match="holds no images; expected images"):
        make_objects("black-holes").open(SKY)
    with h5py.File(folder / "black_holes.h5", "w") as file:
        file.create_group("images")
    with pytest.raises(DataError, match="no models"):
        make_objects("black-holes").open(SKY)
    (folder / "black_holes.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"black_holes\.h5"):
        make_objects("black-holes").open(SKY)


def test_what_has_no_meaning_is_refused(folder):
    with pytest.raises(UsageError, match="no source 'tow'; did you mean two"):
        make_objects("black-holes", sources=("tow",)).open(SKY)
    with pytest.raises(UsageError, match="looks at a radiance"):
        make_objects("black-holes").open(Scene("radiance", (64, 64)))
    with pytest.raises(UsageError, match="flux is 0 Jy, expected 1e-09 to"):
        make_objects("black-holes", flux=(0.0,))
    with h5py.File(folder / "black_holes.h5", "a") as file:
        file["images/two_230"][10:30, 10:30] = 0
    with pytest.raises(DataError, match="nothing of model two_230 lies within the scene"):
        make_objects("black-holes", sources=("two",)).open(Scene("sky", (8, 8), pixel=2.0, pixel_unit="uas")).read(0, 1)


@pytest.mark.shared_data
def test_the_shared_models_are_thirteen_sources_that_agree_with_the_ready_made_stack():
    folder = data_folder()
    if folder is None:
        pytest.skip("IDEAL_DATA names no data folder")
    with h5py.File(folder / "black_holes.h5") as file:
        names = [name.decode() for name in file["stack64/names"]]
        stack = dict(zip(names, file["stack64/images"][()], strict=True))
        pictures = {name: (file[f"images/{name}"][()], file[f"images/{name}"].attrs["pixel_uas"]) for name in names}
    sources = [source_of(name) for name in names]
    assert len(names) == 20
    assert len(set(sources)) == 13
    assert {source for source in sources if sources.count(source) == 2} == {
        "GRRT_IMAGE_data1400",
        "fromm_scat",
        "grmhd_mad_a0.94_i17_rhigh20",
        "ngeht_Avery_hamr_SgrA_2048_3087",
        "riaf",
        "jet",
        "binary_jet",
    }
    for name, (picture, side) in pictures.items():
        seen = Model.of(picture, side, 0.8).resample((64, 64), 2.5)
        # half the absolute difference; coarser models stand as squares in the stack and are interpolated here
        assert np.abs(seen / seen.sum() - stack[name]).sum() / 2 < (0.012 if side < 2.4 else 0.08), name
    source = make_objects("black-holes").open(SKY)
    read = source.read(0, 60)
    assert len(source.classes) == 13
    np.testing.assert_allclose(read.scenes.astype(np.float64).sum((1, 2)), 1.0, rtol=1e-6)

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from ideal.errors import DataError, UsageError
from ideal.imaging import make_system
from ideal.imaging.mosaic.published import MOSAICS

RGB, RGBW = ("red", "green", "blue"), ("red", "green", "blue", "white")


def array(**settings):
    return make_system("color-filter-array", **settings)


def letters(system, name, seed=0):
    """The filters of a design as rows of first letters."""
    indices = np.argmax(system.design(name, seed)["filters"], -1)
    return ["".join(system.filters[i][0].upper() for i in row) for row in indices]


def test_each_pixel_measures_the_light_of_its_own_filter():
    system = array(shape=(6, 8), period=(2, 4))
    shares = np.random.default_rng(0).dirichlet(np.ones(4), (2, 4))
    scene = np.random.default_rng(1).random((6, 8, 3))
    expected = np.zeros((6, 8))
    for r in range(6):
        for c in range(8):
            red, green, blue = scene[r, c]
            gathered = [red, green, blue, red + green + blue]
            expected[r, c] = np.dot(shares[r % 2, c % 4], gathered)
    mean = system.encode({"filters": jnp.asarray(shares)}, jnp.asarray(scene, jnp.float32))
    assert mean.dtype == jnp.float32
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    with jax.enable_x64(True):
        mean = system.encode({"filters": jnp.asarray(shares)}, jnp.asarray(scene))
        assert mean.dtype == jnp.float64
        np.testing.assert_allclose(mean, expected, rtol=1e-14)


def test_weights_are_all_that_a_pixel_takes_of_a_scene():
    system = array(shape=(16, 16))
    params = system.design("random", seed=3)
    scene = np.random.default_rng(1).random((16, 16, 3)).astype(np.float32)
    weights = np.tile(system.weights(params), (2, 2, 1))
    np.testing.assert_allclose(system.encode(params, scene), (weights * scene).sum(-1), rtol=1e-6)


def test_the_sensor_repeats_with_its_period():
    assert array(period=(6, 8)).period == (6, 8)


def test_the_photon_level_is_that_of_a_white_pixel_whatever_the_mosaic():
    system = array()
    scenes = np.random.default_rng(0).random((3, 24, 24, 3)).astype(np.float32)
    white = system.images(system.design("white"), scenes).mean((1, 2))
    np.testing.assert_allclose(system.brightness(scenes), white, rtol=1e-6)
    for name in ("bayer", "rgbw-kodak"):
        assert np.all(system.images(system.design(name), scenes) <= system.images(system.design("white"), scenes) + 1e-6)


def test_a_grey_scene_gives_each_filter_its_share():
    system = array()
    grey = jnp.full((24, 24, 3), 100.0)
    filters = system.design("rgbw-sony")["filters"]
    mean = np.asarray(system.encode({"filters": filters}, grey))[:8, :8]
    np.testing.assert_allclose(mean[np.asarray(filters[..., 3]) == 1], 300)
    np.testing.assert_allclose(mean[np.asarray(filters[..., 3]) == 0], 100)


def test_published_mosaics():
    system = array(period=(4, 4))
    assert letters(system, "bayer") == ["RGRG", "GBGB"] * 2
    assert letters(system, "quad-bayer") == ["RRGG", "RRGG", "GGBB", "GGBB"]
    assert letters(system, "rgbw-kodak") == ["WBWG", "BWGW", "WGWR", "GWRW"]
    assert letters(system, "rgbw-sony") == ["WBWG", "RWGW", "WGWB", "GWRW"]


def test_x_trans_has_20_green_and_every_color_in_each_row_and_column():
    tile = letters(array(period=(6, 6)), "x-trans")
    assert "".join(tile).count("G") == 20
    assert "".join(tile).count("R") == "".join(tile).count("B") == 8
    for line in [*tile, *map("".join, zip(*tile, strict=True))]:
        assert set(line) == set("RGB")


@pytest.mark.parametrize("name", [name for name, each in MOSAICS.items() if "W" in each.tile])
def test_white_and_color_counts_of_panchromatic_mosaics(name):
    tile = MOSAICS[name].tile.replace(" ", "")
    share = {letter: tile.count(letter) / len(tile) for letter in "RGBW"}
    assert share["W"] == {"rgbw-bayer": 0.25, "rgbw-sparse": 32 / 36}.get(name, 0.5)
    assert share["R"] == share["B"]
    assert share["G"] == (share["R"] if name == "rgbw-bayer" else 2 * share["R"])


def test_only_mosaics_that_fit_are_offered_and_all_of_them_can_be_used():
    eight, six = array(), array(period=(6, 6))
    assert next(iter(eight.designs)) == "bayer"
    assert "x-trans" not in eight.designs
    assert "rgbw-kodak" not in six.designs
    assert {"x-trans", "rgbw-sparse"} <= set(six.designs)
    assert set(array(filters=RGB).designs) == {"bayer", "quad-bayer", "random"}
    assert list(array(filters=("red", "green"), period=(3, 3)).designs) == ["random"]
    for system in (eight, six, array(filters=("red", "yellow", "blue", "cyan", "magenta", "green"))):
        for name in system.designs:
            system.check_params(system.design(name))


@pytest.mark.parametrize("settings", [{}, {"shape": (16, 16)}, {"filters": RGB}, {"shape": (6, 6), "period": (3, 3)}])
def test_mosaics_that_do_not_fit_can_be_used_with_what_they_need(settings):
    system = array(**settings)
    assert set(system.further_designs) | set(system.designs) == {*MOSAICS, *system.designs}
    assert settings != {} or system.further_designs["x-trans"].startswith("needs --set period=6,6: Fujifilm")
    for name, text in system.further_designs.items():
        needs = text.removeprefix("needs ").split(":")[0].split("--set ")[1:]
        changed = make_system("color-filter-array", **settings | dict(each.strip().split("=") for each in needs))
        changed.check_params(changed.design(name))


def test_a_mosaic_that_does_not_fit_says_what_to_set():
    with pytest.raises(UsageError, match=r"x-trans repeats every 6 x 6 pixels.*: --set period=6,6 or a multiple"):
        array().design("x-trans")
    with pytest.raises(UsageError, match=r"white not among the setting filters .*: --set filters=red,green,blue,white"):
        array(filters=RGB).design("rgbw-sony")
    with pytest.raises(UsageError, match="did you mean bayer"):
        array().design("bayr")
    with pytest.raises(UsageError, match="no design 'white'"):
        array(filters=RGB).design("white")


def test_random_mosaics_are_uniform_and_repeat_with_their_seed():
    system = array(shape=(64, 64), period=(64, 64))
    filters = np.asarray(system.design("random", seed=1)["filters"])
    share = filters.mean((0, 1))
    np.testing.assert_allclose(share, 0.25, atol=5 * np.sqrt(0.25 * 0.75 / 64**2))
    np.testing.assert_array_equal(filters, system.design("random", seed=1)["filters"])
    assert np.any(filters != np.asarray(system.design("random", seed=2)["filters"]))


def test_complementary_filters_pass_what_their_opposites_stop():
    system = array(filters=("red", "cyan", "white", "magenta", "yellow"))
    red, cyan, white, magenta, yellow = system._response
    np.testing.assert_array_equal(red + cyan, white)
    np.testing.assert_array_equal(magenta, [1, 0, 1])
    np.testing.assert_array_equal(yellow, [1, 1, 0])


def test_bands_of_a_multispectral_scene():
    system = array(bands=31, filters=(*RGBW, "550"))
    assert system.scene.channels[::10] == ("400 nm", "500 nm", "600 nm", "700 nm")
    assert system.scene.shape == (24, 24, 31)
    at = {f"{each:g}": i for i, each in enumerate(system.wavelengths)}
    red, green, _, white, narrow = system._response
    assert red[at["600"]] == green[at["540"]] == narrow[at["550"]] == 1
    np.testing.assert_allclose(red[[at["550"], at["650"]]], 0.5)  # half of the maximum, 100 nm apart
    np.testing.assert_array_equal(white, 1)
    flat = np.full((1, 24, 24, 31), 1 / 31, np.float32)
    np.testing.assert_allclose(system.images(system.design("white"), flat), 1, rtol=1e-5)


def test_a_given_response(tmp_path):
    table = np.random.default_rng(0).random((2, 4))
    np.save(tmp_path / "table.npy", table)
    np.savetxt(tmp_path / "table.csv", table, delimiter=",")
    scene = np.random.default_rng(1).random((1, 8, 8, 4)).astype(np.float32)
    found = []
    for response in (table.tolist(), str(tmp_path / "table.npy"), str(tmp_path / "table.csv")):
        system = array(shape=(8, 8), filters=("white", "infrared"), bands=4, response=response)
        found.append(system.images(system.design("white"), scene))
    np.testing.assert_allclose(found[0][0], scene[0] @ table[0], rtol=1e-5)
    np.testing.assert_allclose(found[1:], np.stack(found[:1] * 2), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (20, 24)}, "expected multiples of the period 8 x 8"),
        ({"shape": (24,)}, "expected 2 numbers"),
        ({"period": (0, 8)}, "expected a whole number, 1 to 65536"),
        ({"filters": ("red", "red")}, "takes different names"),
        ({"filters": ("red", "infrared")}, "infrared passes is not known: set response"),
        ({"filters": ("550",)}, "550 passes is not known"),
        ({"bands": 1}, r"expected a whole number, 0 \(red, green and blue\) or 2 to 4096"),
        ({"bands": 5, "band_range": (700.0, 400.0)}, "smaller number first"),
        ({"peaks": (600.0,)}, "expected 3 numbers"),
        ({"width": 0.0}, "width is 0 nm, expected 0.5 to 20000 nm"),
        ({"response": [[1, 0, 0]]}, r"shape \(1, 3\), expected \(4, 3\)"),
        ({"response": [[1, 0, 0], [1]]}, "rows of numbers"),
        ({"response": [[2, 0, 0]] * 4}, "shares from 0 to 1"),
    ],
)
def test_settings_without_a_meaning(settings, message):
    with pytest.raises(UsageError, match=message):
        array(**settings)


def test_a_response_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv"):
        array(response=str(tmp_path / "none.csv"))
    (tmp_path / "words.csv").write_text("red,green\n")
    with pytest.raises(DataError, match="cannot be read as a response"):
        array(response=str(tmp_path / "words.csv"))


@pytest.mark.parametrize("settings", [{}, {"bands": 31, "filters": (*RGBW, "550")}])
def test_drawing_names_every_filter_with_its_count(settings):
    system = array(**settings)
    figure = Figure()
    system.draw(system.design("rgbw-bayer"), figure)
    counts = figure.axes[1]
    assert [each.get_text() for each in counts.get_yticklabels()] == list(system.filters)
    assert [each.get_text() for each in counts.texts][:4] == ["16"] * 4

import json

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from fixtures.microscope import SMALL, image, moderate, smooth

from ideal.errors import DataError, UsageError
from ideal.imaging import make_system

matplotlib.use("agg")


def abbe_sum(system, intensities, scene):
    """The sum over LEDs of intensities, with explicit sums over plane waves in float64, written without FFTs."""
    rows, columns = system.shape
    pitch = system.camera_pixel / system.magnification / system.oversampling
    y, x = pitch * np.arange(rows), pitch * np.arange(columns)
    fy, fx = ((np.arange(n) - n // 2) / (n * pitch) for n in (rows, columns))
    waves_y, waves_x = np.exp(2j * np.pi * np.outer(y, fy)), np.exp(2j * np.pi * np.outer(x, fx))
    field = np.exp(-scene[..., 0] + 1j * scene[..., 1])
    spectrum = waves_y.conj().T @ field @ waves_x.conj() / field.size
    image = np.zeros(field.shape)
    for share, position in zip(intensities, system.positions, strict=True):
        toward = -position / np.linalg.norm(position)  # light travels from the LED to the object
        sx, sy = toward[0] / system.wavelength, -toward[1] / system.wavelength  # rows are numbered downwards
        squared = (fy[:, None] + sy) ** 2 + (fx + sx) ** 2
        inside = squared <= (system.na / system.wavelength) ** 2
        axial = np.sqrt(np.where(inside, 1 / system.wavelength**2 - squared, 0))
        pupil = inside * np.exp(2j * np.pi * axial * system.defocus)
        tilt = np.exp(2j * np.pi * (sy * y[:, None] + sx * x))
        image += share * np.abs(tilt * (waves_y @ (pupil * spectrum) @ waves_x.T)) ** 2
    over = system.oversampling
    return system.photons * image.reshape(rows // over, over, columns // over, over).mean((1, 3))


def bump(system, radius):
    """A smooth positive phase bump in the middle, of 0.1 rad."""
    rows, columns = ((np.arange(n) - n // 2) * system.pitch for n in system.shape)
    phase = 0.1 * np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * radius**2))
    return np.stack([np.zeros_like(phase), phase], axis=-1)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"defocus": 7.3},
        {"oversampling": 2, "camera_pixel": 8.0, "defocus": -4.0, "leds": "rings"},
        {"shape": (21, 33), "leds": "dome", "led_pitch": 3.0},
        {"shape": (16, 16), "na": 0.45, "led_na": 0.15, "camera_pixel": 4.0},  # the intensity fills the object's grid
    ],
)
def test_the_image_is_the_abbe_sum(changes):
    system = make_system("led-microscope", **(SMALL | changes))
    scene = smooth(1, system.shape, 0.5, scale=0.5)
    params = system.design("random", seed=3)
    expected = abbe_sum(system, np.asarray(params["intensities"], np.float64), scene)
    found = image(system, params, scene.astype(np.float32))
    assert found.shape == system.measurement_shape
    assert np.abs(found - expected).max() < 1e-5 * expected.max()
    with jax.enable_x64(True):
        found = image(system, {"intensities": jnp.asarray(params["intensities"], jnp.float64)}, scene)
    assert found.dtype == np.float64
    assert np.abs(found - expected).max() < 1e-12 * expected.max()


def test_darkfield_keeps_its_digits_beside_the_bright_light():
    system = make_system("led-microscope", **SMALL)
    scene = smooth(2, system.shape, 1e-3, scale=0.5)
    params = system.design("darkfield")
    expected = abbe_sum(system, np.asarray(params["intensities"], np.float64), scene)
    assert np.abs(image(system, params, scene.astype(np.float32)) - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("name", ["led-microscope", "led-microscope-weak"])
def test_an_empty_field_has_the_photons_of_the_lit_brightfield_leds(name):
    system = moderate(name, defocus=2.0, oversampling=1, camera_pixel=3.45)
    empty = np.zeros((*system.shape, 2), np.float32)
    bright = np.hypot(*system.directions.T) <= system.na
    for design in system.designs:
        share = np.asarray(system.design(design)["intensities"])[bright].sum()
        np.testing.assert_allclose(image(system, design, empty), system.photons * share, rtol=2e-6, atol=1e-9)


def test_default_array_and_its_illuminations():
    system = make_system("led-microscope")
    lit = {name: int((np.asarray(system.design(name)["intensities"]) > 0).sum()) for name in system.designs}
    assert len(system.directions) == lit["all"] == 69
    assert next(iter(lit)) == "brightfield"
    assert lit["single-led"] == 1
    assert lit["brightfield"] + lit["darkfield"] == 69
    # those on the axis between two halves belong to neither
    assert lit["dpc-left"] == lit["dpc-right"] == lit["dpc-top"] == lit["dpc-bottom"] == (lit["brightfield"] - 5) // 2
    top = np.asarray(system.design("dpc-top")["intensities"]) > 0
    assert (system.positions[top, 1] > 0).all()


def test_halves_and_the_axis_between_them_make_the_brightfield():
    system = moderate()
    scene = smooth(3, system.shape, 0.3)
    bright, left, right = (np.asarray(system.design(name)["intensities"]) for name in ("brightfield", "dpc-left", "dpc-right"))
    axis = (bright > 0) & (left == 0) & (right == 0)
    parts = [left, right, axis / axis.sum()]
    counts = np.array([(part > 0).sum() for part in parts])
    images = [image(system, {"intensities": part}, scene) for part in parts]
    together = np.tensordot(counts / counts.sum(), images, 1)
    np.testing.assert_allclose(image(system, "brightfield", scene), together, rtol=1e-5)


def test_symmetric_light_shows_no_weak_phase_in_focus_and_half_of_it_does():
    system = moderate()
    scene = smooth(4, system.shape, 0.01)
    scene[..., 0] = 0
    contrast = {name: image(system, name, scene).std() / system.photons for name in ("brightfield", "dpc-left", "dpc-top")}
    assert contrast["brightfield"] < 0.03 * contrast["dpc-left"]
    assert contrast["dpc-left"] > 1e-3
    assert contrast["dpc-top"] > 1e-3


def test_light_from_the_left_is_bent_out_where_the_phase_rises_to_the_right():
    system = moderate()
    scene = bump(system, 1.5)
    middle, away = 32, 9  # 1.5 um from the middle
    left, top = image(system, "dpc-left", scene), image(system, "dpc-top", scene)
    assert left[middle, middle - away] < 0.99 * system.photons < 1.01 * system.photons < left[middle, middle + away]
    assert top[middle - away, middle] < 0.99 * system.photons < 1.01 * system.photons < top[middle + away, middle]


def test_a_focus_beyond_a_positive_bump_is_brighter_by_the_transport_of_intensity():
    system = moderate()
    scene = bump(system, 1.0)
    wave = 2 * np.pi / system.wavelength
    curvature = 2 * 0.1 / 1.0**2  # of the phase in the middle, 1/um^2
    for z in (-0.5, 0.5):
        found = image(system.replace(defocus=z), "single-led", scene)[32, 32] / system.photons - 1
        assert found == pytest.approx(z * curvature / wave, rel=0.1)


def test_no_light_is_made_and_a_wide_pupil_passes_all():
    system = moderate()
    scene = smooth(5, system.shape, 1.0, scale=1.0)
    scene[..., 0] = 0
    for design in system.designs:
        assert image(system, design, scene).mean() < system.photons * (1 + 1e-6)
    wide = system.replace(na=0.95, led_na=0.1, led_pitch=1.0)
    scene = smooth(6, system.shape, 0.2, scale=5.0)
    np.testing.assert_allclose(image(wide, "single-led", scene), wide.photons * np.exp(-2 * scene[..., 0]), rtol=1e-4)


def test_images_are_never_below_zero():
    system = moderate()
    scenes = np.stack([smooth(seed, system.shape, 0.02).astype(np.float32) for seed in range(3)])
    found = system.images(system.design("darkfield"), scenes)
    assert found.shape == (3, 64, 64)
    assert found.dtype == np.float32
    assert found.min() >= 0


@pytest.mark.parametrize("name", ["led-microscope", "led-microscope-weak"])
def test_gradients_against_finite_differences(name):
    with jax.enable_x64(True):
        system = make_system(name, **(SMALL | {"shape": (12, 10), "defocus": 3.0}))
        params, scene = system.design("random", 2), jnp.asarray(smooth(10, system.shape, 0.3, scale=0.5))
        weights = jnp.asarray(np.random.default_rng(1).standard_normal(system.measurement_shape))
        loss = jax.jit(lambda p, s: (weights * jnp.log1p(jnp.square(system.encode(p, s)))).sum())
        gradients = jax.grad(loss, argnums=(0, 1))(params, scene)
        rng = np.random.default_rng(2)
        for number, (value, gradient) in enumerate(((params["intensities"], gradients[0]["intensities"]), (scene, gradients[1]))):
            along = jnp.asarray(rng.standard_normal(value.shape))
            step = 1e-5 / float(jnp.abs(along).max()) * (0.1 if number == 0 else 1.0)
            moved = [value + sign * step * along for sign in (1, -1)]
            ends = [loss({"intensities": m}, scene) if number == 0 else loss(params, m) for m in moved]
            assert float(jnp.vdot(gradient, along)) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_positions_can_come_from_a_file(tmp_path):
    grid = make_system("led-microscope", **SMALL)
    names = ("x", "y", "z")
    entries = [dict(zip(names, map(float, row), strict=True), led_num=number) for number, row in enumerate(grid.positions)]
    (tmp_path / "array.json").write_text(json.dumps({"led_list": entries}))
    (tmp_path / "plain.json").write_text(json.dumps(grid.positions.tolist()))
    np.savetxt(tmp_path / "plain.csv", grid.positions, delimiter=",")
    np.savetxt(tmp_path / "named.csv", grid.positions[:, ::-1], delimiter=",", header="z,y,x", comments="")
    np.save(tmp_path / "array.npy", grid.positions)
    for name in ("array.json", "plain.json", "plain.csv", "named.csv", "array.npy"):
        system = make_system("led-microscope", **(SMALL | {"leds": str(tmp_path / name)}))
        np.testing.assert_allclose(system.directions, grid.directions, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.json", "{", "no positions"),
        ("other.json", '{"lamps": []}', r"nothing named 'led_list'\); expected a list of \[x, y, z\], or .*\"led_list\".* in mm"),
        ("words.csv", "a,b,c\n1,2,3\n", "expected columns x, y, z of numbers"),
        ("two.csv", "1,2\n3,4\n", "expected"),
        ("below.csv", "x,y,z\n0,0,-5\n", "z > 0"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        make_system("led-microscope", **(SMALL | {"leds": str(tmp_path / name)}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera_pixel": 8.0}, "set oversampling to 2"),
        ({"camera_pixel": 6.0}, "led_na below"),
        ({"oversampling": 3}, "does not divide"),
        ({"shape": (24,)}, "expected 2 numbers"),
        ({"na": 1.2}, "above 0 and below 1, in air"),
        ({"wavelength": -0.5}, "expected 0.05 to 20 um"),
        ({"leds": "gird"}, "did you mean grid"),
        ({"leds": "nowhere.json"}, "no file"),
        ({"defocus": float("nan")}, "defocus is nan um, expected -1000 to 1000"),
    ],
)
def test_settings_without_meaning_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        make_system("led-microscope", **(SMALL | changes))


def test_the_remedy_of_the_sampling_message_helps():
    make_system("led-microscope", **(SMALL | {"camera_pixel": 8.0, "oversampling": 2}))


def test_an_illumination_that_the_array_cannot_give():
    system = make_system("led-microscope", **(SMALL | {"led_na": 0.2}))
    assert "darkfield" not in system.designs
    with pytest.raises(UsageError, match="no LED makes up darkfield"):
        system.design("darkfield")
    with pytest.raises(UsageError, match="did you mean dpc-left"):
        system.design("dpc-lefft")


@pytest.mark.parametrize("name", ["led-microscope", "led-microscope-weak"])
def test_drawing(name):
    from matplotlib.figure import Figure

    system = make_system(name, **SMALL)
    weak = system.linear
    for design, defocus, titles in (
        ("dpc-left", 0.0, ["phase transfer, imaginary part", f"image of a {0.1 if weak else 1:g} rad disc"]),
        ("brightfield", 2.0, ["phase transfer, real part", f"image of a {0.1 if weak else 1:g} rad disc"]),
        (
            "brightfield",
            0.0,
            ["absorption transfer, real part", f"image of a {'disc of absorption 0.1' if weak else '1 rad disc'}"],
        ),
        ("darkfield", 0.0, ["image of a 1 rad disc"]),
    ):
        if design not in system.designs:
            continue
        figure = Figure(figsize=(10, 4))
        focused = system.replace(defocus=defocus)
        params = focused.design(design)
        focused.draw(params, figure)
        figure.canvas.draw()
        assert all(axes.get_xlabel() for axes in figure.axes)
        assert [axes.get_title() for axes in figure.axes if axes.get_title()][1:] == titles
        shown = figure.axes[len(titles)].images[0].get_array()
        assert np.ptp(shown) > 1e-3 * shown.max()  # something can be seen
        if weak:  # what the linear form gives, which the full model does not
            empty = np.asarray(focused.encode(params, jnp.zeros((*system.shape, 2))))
            assert np.ptp(shown) < 0.5 * empty.max()


def test_a_defocus_that_reaches_round_the_object_is_named_and_the_shape_named_is_enough():
    system = make_system("led-microscope", defocus=8.0)
    (found,) = system.findings(system.design())
    assert found.name == "scene-wraps"
    assert "spreads a point over 9.24 um, the object is 22.1 um wide" in found.text
    side = int(found.remedy.split("shape to ")[1].split()[0])
    assert system.replace(shape=(side, side)).findings(system.design()) == []
    assert make_system("led-microscope", defocus=2.0).findings(system.design()) == []

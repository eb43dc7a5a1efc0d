"""What holds for every imaging system in the registry: a new one is covered by its line there and one in fixtures/imaging.py."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.imaging import TINY, scenes_for, tiny
from matplotlib.figure import Figure

from ideal.errors import DataError, UsageError
from ideal.imaging import SYSTEMS, LensletCamera, check_settings, find_system, make_system, settings_of

LINEAR = [name for name in SYSTEMS if find_system(name).linear]
each_system = pytest.mark.parametrize("name", SYSTEMS)


def doubles(system, design=None):
    return {name: jnp.asarray(np.asarray(value), jnp.float64) for name, value in system.design(design).items()}


def test_every_system_is_tested():
    assert set(TINY) == set(SYSTEMS)


@each_system
def test_what_a_system_says_of_itself(name):
    system = tiny(name)
    assert system.name == name
    assert system.summary
    assert system.designs
    for about in dataclasses.fields(system):
        assert about.metadata["help"]
    params = system.design()
    assert set(params) == set(system.constraints)
    clean = system.images(params, scenes_for(system, 3).astype(np.float32))
    assert clean.shape == (3, *system.measurement_shape)
    assert clean.dtype == (np.complex64 if system.noise(params).name == "complex-gaussian" else np.float32)
    assert np.isfinite(clean).all()
    system.noise(params).sample(np.random.default_rng(0), clean)


@each_system
def test_every_design_can_be_used(name):
    system = tiny(name)
    for design in system.designs:
        params = system.check_params(system.design(design))
        again = system.check_params(system.constrain(system.release(params)))
        for key, value in params.items():
            np.testing.assert_allclose(again[key], value, atol=2e-3 * max(1.0, np.abs(value).max()))
        system.check_params(system.harden(params))
    with pytest.raises(UsageError, match="no design 'nothing'"):
        system.design("nothing")


@each_system
def test_random_designs_follow_their_seed(name):
    system = tiny(name)
    for design in system.designs:
        first, again = system.design(design, seed=3), system.design(design, seed=3)
        for key, value in first.items():
            np.testing.assert_array_equal(again[key], value)


@pytest.mark.slow
@each_system
def test_gradients_agree_with_finite_differences(name):
    with jax.enable_x64(True):
        system = tiny(name)
        rng = np.random.default_rng(1)
        # off the edge of the constraints, where a design has exact zeros or ones
        params = system.constrain(
            {key: value + 0.1 * rng.standard_normal(value.shape) for key, value in system.release(doubles(system)).items()}
        )
        scene = jnp.asarray(scenes_for(system, 1)[0])
        weights = rng.standard_normal((2, *system.measurement_shape))

        @jax.jit
        def loss(params, scene):
            mean = system.encode(params, scene)
            return (weights[0] * jnp.real(mean) + weights[1] * jnp.imag(mean)).sum()

        slopes = jax.grad(loss, argnums=(0, 1))(params, scene)
        directions = jax.tree.map(lambda value: jnp.asarray(rng.standard_normal(value.shape)), (params, scene))
        for number, part in enumerate([*params, "scene"]):
            spread = jax.tree.map(jnp.zeros_like, directions)
            place = (0, part) if part != "scene" else (1,)
            direction = directions[0][part] if part != "scene" else directions[1]
            if part != "scene":
                spread[0][part] = direction
            else:
                spread = (spread[0], direction)
            size = jnp.abs(params[part] if part != "scene" else scene).max()
            step = 1e-4 * float(size)

            def moved(by, spread=spread):
                return loss(*jax.tree.map(lambda value, along: value + by * along, (params, scene), spread))

            # fourth order: the error of the differences stays below that which is looked for
            numeric = (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step)
            slope = slopes[place[0]] if part == "scene" else slopes[0][part]
            exact = float((slope * direction).sum())
            scale = float(jnp.sqrt((slope**2).sum() * (direction**2).sum()))
            assert abs(exact - float(numeric)) <= 1e-5 * max(abs(exact), 1e-3 * scale), (number, part)


@pytest.mark.parametrize("name", LINEAR)
def test_the_adjoint_is_that_of_the_forward_operator(name):
    rng = np.random.default_rng(2)
    for precision, tolerance in ((np.float32, 1e-5), (np.float64, 1e-10)):
        with jax.enable_x64(precision is np.float64):
            system = tiny(name)
            params = {key: jnp.asarray(np.asarray(value), precision) for key, value in system.design().items()}
            operator = system.operator(params)
            scene = jnp.asarray(rng.standard_normal(system.scene.shape), precision)
            other = rng.standard_normal(system.measurement_shape)
            if system.noise(params).name == "complex-gaussian":
                other = other + 1j * rng.standard_normal(system.measurement_shape)
            other = jnp.asarray(other.astype(np.result_type(precision, np.complex64) if np.iscomplexobj(other) else precision))
            forward, adjoint = np.asarray(operator.forward(scene)), np.asarray(operator.adjoint(other))
            assert adjoint.dtype == precision
            left, right = np.real(np.vdot(forward, np.asarray(other))), np.vdot(np.asarray(scene), adjoint)
            size = np.linalg.norm(forward) * np.linalg.norm(other)
            assert abs(left - right) <= tolerance * size
            assert size > 0


@pytest.mark.parametrize("name", LINEAR)
def test_the_matrix_is_the_operator(name):
    system = tiny(name)
    operator = system.operator(system.design())
    scene = scenes_for(system, 1)[0].astype(np.float32)
    found = (operator.matrix() @ scene.ravel()).reshape(system.measurement_shape) + np.asarray(operator.offset)
    expected = system.images(system.design(), scene[None])[0]
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name not in LINEAR])
def test_what_is_not_linear_has_no_operator(name):
    system = tiny(name)
    with pytest.raises(UsageError, match="not linear"):
        system.operator(system.design())


@pytest.mark.slow
@each_system
def test_blocks_do_not_change_what_is_measured(name):
    system = tiny(name)
    params, scenes = system.design(), scenes_for(system, 5).astype(np.float32)
    together = system.images(params, scenes)
    one_by_one = np.stack([np.asarray(system.encode(params, jnp.asarray(scene))) for scene in scenes])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5 * np.abs(together).max())


@each_system
def test_float64_is_kept(name):
    system = tiny(name)
    scene = scenes_for(system, 1)
    single = system.images(system.design(), scene.astype(np.float32))
    with jax.enable_x64(True):
        system = tiny(name)
        double = system.images(doubles(system), scene)
    assert double.dtype in (np.float64, np.complex128)
    np.testing.assert_allclose(single, double, atol=2e-5 * np.abs(double).max())
    assert np.abs(single - double).max() > 0


@pytest.mark.parametrize("name", [name for name in SYSTEMS if tiny(name).periodic_form(tiny(name).design()) is not None])
def test_the_periodic_form_is_what_the_sensor_does(name):
    """The form alone, by a direct sum over one pixel's neighbourhood, gives what `encode` gives."""
    system = tiny(name)
    params = system.design()
    form = system.periodic_form(params)
    weights = np.asarray(form.weights, np.float64)
    scene = scenes_for(system, 1)[0]
    seen = scene.reshape(*scene.shape[:2], -1)
    assert weights.shape[:2] == system.period
    for row, column in ((0, 0), (3, 2), (5, 4)):
        if form.psf is None:
            blurred = seen[row, column]
        else:
            psf = np.asarray(form.psf, np.float64)
            around = seen[row : row + psf.shape[0], column : column + psf.shape[1]]
            blurred = (psf[::-1, ::-1, None] * around).sum((0, 1))
        expected = form.offset + weights[row % weights.shape[0], column % weights.shape[1]] @ blurred
        found = system.images(params, scene[None].astype(np.float32))[0, row, column]
        assert found == pytest.approx(expected, rel=2e-5)


@each_system
def test_more_light_gives_more(name):
    system = tiny(name)
    if system.scene.kind == "transmission":
        pytest.skip("a transmission has no brightness")
    scenes = scenes_for(system, 2).astype(np.float32)
    np.testing.assert_allclose(system.brightness(2 * scenes), 2 * system.brightness(scenes), rtol=1e-5)


@each_system
def test_the_picture(name):
    system, figure = tiny(name), Figure(layout="constrained")
    system.draw(system.design(), figure)
    assert figure.axes
    figure.canvas.draw()
    assert any(axis.get_xlabel() for axis in figure.axes)


@each_system
def test_wrong_scenes_and_parameters_are_refused(name):
    system = tiny(name)
    params, scene = system.design(), scenes_for(system, 1)
    with pytest.raises(DataError, match="expected \\(sample"):
        system.images(params, scene[..., None])
    broken = scene.copy()
    broken.flat[3] = np.nan
    with pytest.raises(DataError, match="scene 0 is nan"):
        system.images(params, broken)
    if system.scene.kind in ("radiance", "sky"):
        with pytest.raises(DataError, match="cannot be negative"):
            system.images(params, -scene)
    first = next(iter(params))
    with pytest.raises(UsageError, match="has the parameters"):
        system.check_params({**params, "typo": 1.0})
    with pytest.raises(UsageError, match=f"parameter {first} has shape"):
        system.check_params({**params, first: jnp.ones((3, 1, 2, 1))})
    with pytest.raises(UsageError, match="not finite"):
        system.check_params({**params, first: jnp.full(params[first].shape, jnp.nan)})


def test_names_and_settings_that_do_not_exist():
    with pytest.raises(UsageError, match="did you mean lensless"):
        make_system("lensles")
    with pytest.raises(UsageError, match="did you mean shape"):
        make_system("color-filter-array", shap=(8, 8))
    with pytest.raises(UsageError, match="takes a number"):
        make_system("lensless", bias="bright")


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("color-filter-array", {"period": "6,6"}, (6, 6)),
        ("color-filter-array", {"period": "6, 6"}, (6, 6)),
        ("color-filter-array", {"period": "(6, 6)"}, (6, 6)),
        ("color-filter-array", {"filters": "red, green,550"}, ("red", "green", "550")),
        ("interferometer", {"sites": "ALMA,APEX,PV"}, ("ALMA", "APEX", "PV")),
        ("interferometer", {"sites": "ALMA"}, ("ALMA",)),
        ("interferometer", {"latitudes": "-40.5,1e1"}, (-40.5, 10.0)),
    ],
)
def test_settings_of_several_values_are_taken_as_they_are_shown(name, settings, expected):
    (setting,) = settings
    found = check_settings(find_system(name), settings)[setting]
    if setting == "filters":
        found = tuple(map(str, found))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@each_system
def test_a_setting_of_objects_is_told_where_it_belongs(name):
    with pytest.raises(UsageError, match=r"no setting 'contrats'.*; settings of the objects are objects\.NAME"):
        make_system(name, contrats=0.1)


@each_system
def test_further_designs_say_what_they_need(name):
    system = tiny(name)
    assert not set(system.further_designs) & set(system.designs)
    assert all(text.startswith("needs --set ") for text in system.further_designs.values())


def test_every_system_is_a_class_whose_settings_complete():
    from ideal import imaging

    for name in SYSTEMS:
        kind = find_system(name)
        if kind.__module__.startswith("ideal."):
            assert getattr(imaging, kind.__name__) is kind
            assert kind.__name__ in dir(imaging)
            given = inspect.signature(kind).parameters
            assert list(given) == [each.name for each in settings_of(kind)]
            assert all(each.default is not inspect.Parameter.empty for each in given.values())


def test_settings_given_to_a_class_take_the_types_of_their_defaults():
    camera = LensletCamera(psf_shape=[16, 16], lenslets=4, bias=1)
    assert (camera.psf_shape, camera.bias, type(camera.bias)) == ((16, 16), 1.0, float)
    with pytest.raises(UsageError, match="lenslets takes a whole number"):
        LensletCamera(lenslets="four")

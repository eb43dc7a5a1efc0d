"""The density objective: against closed forms, finite differences and itself when interrupted."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.density import fields
from scipy.ndimage import gaussian_filter

from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Scene, make_system
from ideal.noise import ComplexGaussian, Gaussian, Poisson
from ideal.optimize._contract import Task
from ideal.optimize.ascent.gradient import Ascent, climb
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.objectives.density import Density, _last
from ideal.optimize.targets import LabelTarget, RegionTarget, WeightedTarget

pytestmark = pytest.mark.usefixtures("hasty_compiler")


@pytest.fixture(autouse=True)
def _few_patches(monkeypatch):
    monkeypatch.setattr("ideal.optimize.objectives.density._PATCHES", 1000)


def lensless(scenes=400, photons=20.0, **more):
    system = make_system("lensless", scene_shape=(12, 12), psf_shape=(5, 5))
    return Task(system, Poisson(), fields(scenes, 12, photons), fields(200, 12, photons, seed=1), **more)


def test_gain_is_that_of_the_closed_form_for_gaussian_scenes():
    system = make_system("lensless", scene_shape=(12, 12), psf_shape=(5, 5))
    smooth = gaussian_filter(np.random.default_rng(7).standard_normal((6000, 12, 12)), (0, 1, 1), mode="wrap")
    scenes = (100 + 10 * smooth / smooth.std()).astype(np.float32)
    task = Task(system, Gaussian(4.0), scenes[:4000], scenes[4000:])
    params = system.design("two-lenslets")
    with jax.enable_x64(True):
        objective = Density(task, "full", batch=1000, patch=8)
        state = objective.start(params, jax.random.key(0))
        gain = float(jax.jit(objective.gain)(params, state, jax.random.key(1)))
        covariance = np.cov(system.images(params, scenes).reshape(6000, -1), rowvar=False)
    exact = 0.5 * np.linalg.slogdet(covariance / 16 + np.eye(64))[1] / (64 * np.log(2))
    assert gain == pytest.approx(exact, abs=0.01)


def test_a_gain_is_refused_before_a_density_was_fitted():
    task = lensless(60)
    objective = Density(task, "full", batch=20, patch=4)
    with pytest.raises(ValueError, match="call start before the gain"):
        objective.gain(task.system.design("two-lenslets"), {}, jax.random.key(1))


def test_gradient_in_parameters_is_that_of_the_gain_for_gaussian_noise():
    task = replace(lensless(60), noise=Gaussian(3.0))
    with jax.enable_x64(True):
        objective = Density(task, "full", batch=20, patch=4)
        params = task.system.design("two-lenslets")
        state = objective.start(params, jax.random.key(0))
        free = {"psf": jnp.asarray(np.random.default_rng(8).standard_normal((5, 5)))}
        along = {"psf": jnp.asarray(np.random.default_rng(9).standard_normal((5, 5)))}
        gain = jax.jit(
            jax.value_and_grad(lambda t: objective.gain({"psf": free["psf"] + t * along["psf"]}, state, jax.random.key(1)))
        )
        difference = (gain(1e-5)[0] - gain(-1e-5)[0]) / 2e-5
        assert float(gain(0.0)[1]) == pytest.approx(float(difference), rel=1e-4)


def gaussian_scenes(count, side=8, photons=400.0):
    """Smooth Gaussian fields of light with periodic edges."""
    smooth = gaussian_filter(np.random.default_rng(7).standard_normal((count, side, side)), (0, 1, 1), mode="wrap")
    return (photons * (1 + 0.15 * smooth / smooth.std())).astype(np.float32)


def test_gradient_in_parameters_under_photon_noise_is_that_of_the_closed_form():
    system = make_system("lensless", scene_shape=(8, 8), psf_shape=(5, 5))  # seen by 4x4 pixels
    scenes = gaussian_scenes(8000)
    with jax.enable_x64(True):
        objective = Density(Task(system, Poisson(), scenes, scenes), "full", batch=1000, patch=4, coordinates=4)
        weights = np.random.default_rng(10).uniform(0.5, 1.5, (5, 5)) * np.asarray(system.design("three-lenslets")["psf"] + 0.02)
        params, along = {"psf": jnp.asarray(weights / weights.sum())}, np.random.default_rng(11).standard_normal((5, 5))
        state = objective.start(params, jax.random.key(0))
        slopes = jax.jit(jax.grad(objective.gain))
        found = [float((slopes(params, state, jax.random.key(each))["psf"] * along).sum()) for each in range(12)]
        covariance = jnp.asarray(np.cov(scenes.reshape(len(scenes), -1), rowvar=False))

        @jax.jit
        def exact(t):
            psf = {"psf": params["psf"] + t * along}
            matrix = jax.vmap(lambda unit: system.encode(psf, unit.reshape(8, 8)).ravel())(jnp.eye(64)).T
            deviation = jnp.sqrt(matrix @ jnp.asarray(scenes.reshape(len(scenes), -1).mean(0)))
            white = matrix @ covariance @ matrix.T / jnp.outer(deviation, deviation)
            return 0.5 * jnp.linalg.slogdet(white + jnp.eye(16))[1] / (16 * jnp.log(2))

        truth = float((exact(1e-4) - exact(-1e-4)) / 2e-4)
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth) < 3 * error + 0.02 * abs(truth)
    assert error < 0.1 * abs(truth)  # so that a fault would be seen


def test_the_gain_of_a_frozen_density_stays_near_that_of_a_new_one():
    system = make_system("color-filter-array", shape=(8, 8), period=(2, 2))
    scenes = np.random.default_rng(12).uniform(50, 150, (400, 8, 8, 3)).astype(np.float32)
    objective = Density(Task(system, Gaussian(5.0), scenes[:300], scenes[300:]), "stationary", batch=200, patch=8)
    red, white = ({"filters": jnp.asarray(np.broadcast_to(np.eye(4)[each], (2, 2, 4)).astype(np.float32))} for each in (0, 3))
    gain = jax.jit(objective.gain)
    state = objective.start(red, jax.random.key(0))
    again = objective.refresh(white, state, jax.random.key(1))
    frozen, fitted = (float(gain(white, each, jax.random.key(2))) for each in (state, again))
    assert frozen == pytest.approx(fitted, abs=0.05)


def small_camera():
    """A lensless camera of 4x4 pixels and textures for it."""
    system = make_system("lensless", scene_shape=(8, 8), psf_shape=(5, 5))
    return Task(system, Gaussian(3.0), fields(300, 8, 20), fields(100, 8, 20, seed=1))


def test_ascent_raises_the_information_and_goes_on_to_the_same_design_when_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr("ideal.optimize.ascent.gradient._KEEP_SECONDS", 0.0)
    monkeypatch.setattr("ideal.optimize.ascent.gradient._Run.__eq__", lambda one, other: one.ascent is other.ascent)
    monkeypatch.setattr("ideal.optimize.ascent.gradient._Run.__hash__", lambda one: 0)  # one compilation serves all three
    task, steps = small_camera(), Ascent(steps=30, learning_rate=0.3)
    objective, start = Density(task, "full", batch=32, patch=4, every=10), {"psf": jnp.full((5, 5), 1 / 25, jnp.float32)}
    whole = climb(objective, [start], steps)

    gain = jax.jit(objective.validation_gain)

    def measured(params):
        return float(gain(params, objective.start(params, jax.random.key(11)), jax.random.key(12)))

    assert measured(whole.params) > measured(start) + 0.03

    def stop(record):
        if record["step"] == 20:
            raise KeyboardInterrupt

    kept = tmp_path / "ascent.npz"
    with pytest.raises(KeyboardInterrupt):
        climb(objective, [start], steps, checkpoint=kept, log=stop)
    assert kept.exists()
    resumed = climb(objective, [start], steps, checkpoint=kept)
    assert resumed.steps == 30
    np.testing.assert_array_equal(whole.params["psf"], resumed.params["psf"])


def test_state_keeps_its_shapes_when_fitted_anew():
    task = small_camera()
    objective = Density(task, "gaussian-mixture", batch=16, patch=4)  # of any number of components
    first = objective.start(task.system.design("diffuser"), jax.random.key(0))
    again = objective.refresh(task.system.design("one-lens"), first, jax.random.key(1))
    assert jax.tree.map(jnp.shape, first) == jax.tree.map(jnp.shape, again)
    assert not np.array_equal(first["model"]["whitener"], again["model"]["whitener"])


@pytest.mark.slow
def test_label_information_is_found_by_a_density_by_class():
    rng = np.random.default_rng(13)
    labels = rng.integers(0, 2, 400)
    scenes = (10 + 12 * labels[:, None, None] + rng.random((400, 8, 8))).astype(np.float32)
    system = make_system("lensless", scene_shape=(8, 8), psf_shape=(5, 5))
    task = Task(system, Gaussian(4.0), scenes[:300], scenes[300:], labels[:300], labels[300:], LabelTarget())
    objective = Density(task, "causal-mixture", batch=100, patch=4, effort=0.01)
    params = system.design("one-lens")
    state = objective.start(params, jax.random.key(0))
    value, slope = jax.jit(jax.value_and_grad(objective.gain))(params, state, jax.random.key(1))
    assert 0.7 < float(value) * 16 < 1.05  # one bit, were the density perfect: hardly anyone could mistake these classes
    assert np.isfinite(slope["psf"]).all()
    assert np.any(slope["psf"] != 0)
    again = objective.refresh(params, state, jax.random.key(3))  # goes on from the weights that it has
    assert jax.tree.map(jnp.shape, again) == jax.tree.map(jnp.shape, state)
    old, new = state["model"], again["model"]
    change = np.abs(new["params"]["layers"] - old["params"]["layers"]).mean()
    assert 0 <= change < 0.2 * np.abs(old["params"]["layers"]).mean()
    assert not np.array_equal(new["gaussian"]["mean"], old["gaussian"]["mean"])


def test_visibilities_and_noise_of_each_value_its_own():
    rng = np.random.default_rng(14)
    real, imaginary = rng.standard_normal((2, 8, 6))

    class Transform(ImagingSystem):
        name, summary = "transform", "any linear map to complex values"
        scene = Scene("any", (6,))
        measurement_shape = (8,)
        designs = property(lambda self: {"only": ""})
        constraints = property(lambda self: {})

        def design(self, name=None, seed=0):
            return {"gain": jnp.ones(())}

        def encode(self, params, scene):
            return params["gain"] * jax.lax.complex(real @ scene, imaginary @ scene)

        def draw(self, params, figure):
            pass

    scenes = rng.standard_normal((4000, 6))
    sigma = rng.uniform(0.5, 2.0, 8)
    task = Task(Transform(), ComplexGaussian(sigma), scenes[:3000], scenes[3000:])
    with jax.enable_x64(True):
        objective = Density(task, "full", batch=1000, patch=8)
        params = Transform().design()
        state = objective.start(params, jax.random.key(0))
        gain = float(jax.jit(objective.gain)(params, state, jax.random.key(1)))
        exact = float(jax.jit(ClosedForm(task).gain)(params))
    assert gain == pytest.approx(exact, abs=0.03)


def test_scenes_held_back_are_the_last_of_each_class():
    assert np.flatnonzero(_last(np.repeat([0, 1], 16), 8)).tolist() == [14, 15, 30, 31]


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({}, {"model": "blend"}, "gradients cannot be taken through the density model blend"),
        ({}, {"model": "pixelcnn"}, "did you mean pixel-cnn"),
        ({"noise": Gaussian(1.0)}, {"model": "negative-binomial"}, "not for gaussian measurements"),
        ({"target": RegionTarget("region:0-2,0-2", (0, 2), (0, 2))}, {}, "not about region:0-2,0-2"),
        ({"target": LabelTarget()}, {}, "the objects have none"),
        ({"target": WeightedTarget(((1.0, None), (1.0, LabelTarget())), "both")}, {}, "the objects have none"),
        (
            {"target": LabelTarget(), "labels": np.arange(20) % 2, "held_out_labels": np.arange(200) % 2},
            {"model": "full"},
            "by class",
        ),
        ({}, {"effort": 0.0}, "effort above 0"),
    ],
)
def test_what_it_cannot_do_is_refused(change, settings, message):
    with pytest.raises(UsageError, match=message):
        Density(replace(lensless(20), **change), **settings)

"""End to end: the joint training of a design and its decoder."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixtures.imaging import tiny
from fixtures.optimize import LIGHT, SMALL, double, light_fields, relative_errors, soft

from ideal.datasets import make_objects
from ideal.errors import DataError, UsageError
from ideal.imaging import make_system
from ideal.noise import Poisson
from ideal.optimize import Task, parse_target
from ideal.optimize.objectives.end_to_end import EndToEnd, draw

pytestmark = pytest.mark.usefixtures("hasty_compiler", "double_precision")


def test_gradients_are_finite_differences_for_a_draw_held_fixed():
    camera, line, key = tiny("lensless"), tiny("diffraction-limited"), jax.random.key(2)
    fields = {system: light_fields(system, 1.0, 40) for system in (camera, line)}
    aims = [EndToEnd(Task(system, Poisson(), fields[system], fields[system]), batch=4) for system in (line, camera)]
    for aim in aims:
        aim.few_photons = False  # counts held fixed have no finite differences
    weights = [jax.tree.map(lambda leaf: leaf.astype(float), aim.decoder.start(key)) for aim in aims]
    flat, unflatten = jax.flatten_util.ravel_pytree([soft(line), soft(camera)])

    def gains(values, photons):
        found = []
        for aim, own, state in zip(aims, unflatten(values["all"]), weights, strict=True):
            system = aim.task.system
            aim._scenes = photons * fields[system]  # one compilation for all
            found.append(aim.gain(system.constrain(own), state, key))
        return jnp.stack([sum(found)])  # their parameters are apart

    for photons in LIGHT:
        assert relative_errors(gains, {"all": flat}, photons).max() < 1e-4


@partial(jax.jit, static_argnums=3)
def slopes_of_the_error(photons, factor, wanted, exact):
    def loss(mean):
        return jnp.square(factor * draw(Poisson(), jnp.full(400_000, mean), jax.random.key(0), exact=exact) - wanted)

    return jax.jvp(loss, (photons,), (1.0,))[1]


@pytest.mark.parametrize("photons", LIGHT)
def test_noise_of_the_joint_training_has_the_gradient_of_the_expected_error_of_a_linear_decoder(photons):
    factor, wanted = 0.9, 0.4 * photons
    truth = 2 * factor * (factor * photons - wanted) + factor**2
    for exact in (True, False):
        slopes = np.asarray(slopes_of_the_error(photons, factor, wanted, exact))
        error = (slopes.mean() - truth) / (slopes.std() / np.sqrt(slopes.size))
        assert abs(error) < 3
    counts = np.asarray(draw(Poisson(), jnp.full(1000, photons), jax.random.key(1), exact=True))
    assert np.abs(counts - counts.round()).max() < 1e-9 * photons + 1e-12


@pytest.mark.parametrize("name", ["color-filter-array", "interferometer"])
def test_a_decoder_begins_at_or_above_the_mean_scene(name):
    system = SMALL if name == "color-filter-array" else tiny(name)
    scenes = make_objects("natural-fields").open(system.scene, 0).read(0, 60).scenes
    scenes = scenes * np.float32(100 / system.brightness(scenes).mean()) if system.scene.kind == "radiance" else scenes
    noise = system.noise(system.design())
    aim = EndToEnd(Task(system, noise, scenes[:40], scenes[40:]))
    state = aim.start(system.design(), jax.random.key(0))
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(state))
    assert float(jax.jit(aim.validation_gain)(double(system.design()), state, jax.random.key(1))) > -0.5


def test_the_first_decoder_of_a_lensless_camera_is_nearly_the_best_linear_one():
    system = make_system("lensless", scene_shape=(16, 16), psf_shape=(3, 3))
    objects = make_objects("natural-fields", marginal="gaussian", contrast=0.15, periodic=True)
    scenes = light_fields(system, 1000.0, 400, marginal="gaussian", contrast=0.15, periodic=True)
    params = double(system.design("one-lens"))
    aim = EndToEnd(Task(system, Poisson(), scenes, scenes[:200]))
    found = float(jax.jit(aim.validation_gain)(params, aim.start(params, jax.random.key(0)), jax.random.key(1)))
    matrix = system.operator(params).matrix()
    covariance = objects.covariance(system.scene) * (scenes.mean() / objects.mean) ** 2
    measured = matrix @ covariance @ matrix.T + np.diag(matrix @ np.full(256, scenes.mean()))
    left = covariance - covariance @ matrix.T @ np.linalg.solve(measured, matrix @ covariance)
    best = 10 * np.log10(np.trace(covariance) / np.trace(left))
    assert best - 4 < found < best + 0.3


def test_end_to_end_reconstructs_targets_that_are_linear_in_the_scene_and_refuses_the_others():
    scenes = light_fields(SMALL, 100.0, 40)
    task = Task(SMALL, Poisson(), scenes, scenes, np.zeros(40, int), np.zeros(40, int))
    whole, wrong = jnp.asarray(scenes[:3]), jnp.asarray(scenes[:3]).at[:, 3, 3, 0].add(50.0)
    for target, seen in (("green", False), ("red", True), ("region:0-2,0-2", False), ("region:2-4,2-4", True)):
        aim = EndToEnd(replace(task, target=parse_target(target, SMALL.scene)))
        assert np.array_equal(aim._wanted(whole), aim._wanted(wrong)) != seen  # what the error is taken of
    for target in ("label", "chroma"):
        with pytest.raises(UsageError, match="does not take the target"):
            EndToEnd(replace(task, target=parse_target(target, SMALL.scene)))
    with pytest.raises(UsageError, match="batch is 0"):
        EndToEnd(task, batch=0)


def test_scenes_that_never_change_are_refused():
    scenes = np.full((20, *SMALL.scene.shape), 7.0)
    with pytest.raises(DataError, match="never change"):
        EndToEnd(Task(SMALL, Poisson(), scenes, scenes))

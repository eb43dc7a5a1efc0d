"""Designs of lensless cameras and of illuminations, in small cases where theory says which is best."""

import jax
import numpy as np
import pytest
from fixtures.optimize import double, light_fields

from ideal.imaging import make_system
from ideal.noise import Poisson
from ideal.optimize import Ascent, Task, parse_target
from ideal.optimize.ascent.starts import starting_designs
from ideal.optimize.defaults import DEFAULTS, SPARSE, are_sparse, defaults_for
from ideal.optimize.design import find_design
from ideal.optimize.objectives.closed_form import ClosedForm

pytestmark = pytest.mark.usefixtures("hasty_compiler")

CAMERA = make_system("lensless-lenslets", scene_shape=(11, 11), psf_shape=(6, 6), width=0.4, widest=2.0, lenslets=4, bias=1.0)
MASK = make_system("lensless", scene_shape=(12, 12), psf_shape=(6, 6))
LEDS = make_system("led-microscope-weak", shape=(16, 16), led_na=0.5)


def gain_of(task):
    return jax.jit(ClosedForm(task).validation_gain)


def effective(params):
    """Return how many equal shares are as uneven as those of lenslets, of which such on one place are one."""
    places, shares = np.asarray(params["positions"]), np.asarray(params["weights"])
    together = np.linalg.norm(places[:, None] - places, axis=-1) < 1
    return 1 / float(shares @ together @ shares)


def designed(task, starts, *, steps=60, rate=0.2):
    return find_design(task, "gaussian", starts=starts, ascent=Ascent(steps, rate))


def test_no_point_spread_function_tells_more_of_gaussian_scenes_than_a_point():
    with jax.enable_x64(True):
        scenes = light_fields(MASK, 100.0, 40)
        gain = gain_of(Task(MASK, Poisson(), scenes, scenes))
        point = np.zeros((6, 6))
        point[3, 3] = 1
        most = float(gain({"psf": point}))
        rng = np.random.default_rng(0)
        others = [rng.dirichlet(np.full(36, spread)).reshape(6, 6) for spread in (0.02, 0.1, 1.0)]
        others += [np.asarray(MASK.design(name)["psf"], float) for name in MASK.designs]
        assert all(float(gain({"psf": psf})) < most + 1e-9 for psf in others)


def test_a_free_mask_goes_from_a_lens_to_a_point():
    scenes = light_fields(MASK, 100.0, 60).astype(np.float32)
    found = designed(Task(MASK, Poisson(), scenes[:40], scenes[40:]), ["one-lens"], steps=300)
    with jax.enable_x64(True):
        gain = gain_of(Task(MASK, Poisson(), scenes[:40], scenes[40:]))
        lens, best = (float(gain(double(each))) for each in (MASK.design("one-lens"), found.params))
    assert best > lens + 0.05
    assert sorted(np.ravel(found.params["psf"]).tolist()) == [0.0] * 35 + [1.0]
    assert found.climb.stopped == "converged"


def sources(places, count, seed=0):
    """Return scenes of point sources at known places, of unknown light: a few are sparse, all pixels are dense."""
    light = 200 * np.random.default_rng(seed).gamma(2.0, 0.5, (count, len(places)))
    scenes = np.zeros((count, 11, 11))
    scenes[:, *places.T] = light
    return scenes.astype(np.float32)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_more_lenslets_survive_for_sparse_objects_than_for_dense_ones(kind):
    # A lens in the centre sees 6x6 of the 11x11 pixels. Of sources that are known to be in the corners it sees none, and one
    # lenslet can see one corner only; where every pixel is unknown, a second lenslet only covers what the first tells.
    corners = np.array([[1, 1], [1, 9], [9, 1], [9, 9]])
    places = corners if kind == "sparse" else np.argwhere(np.ones((11, 11), bool))
    scenes = sources(places, 120)
    whole = parse_target("region:0-11,0-11", CAMERA.scene)
    task = Task(CAMERA, Poisson(), scenes[:80], scenes[80:], target=whole)
    found = designed(task, ["random", "random"], steps=60, rate=0.3)  # from one, two lenslets may see the same corner
    with jax.enable_x64(True):
        gain = gain_of(task)
        lens = float(gain(double(CAMERA.design("one-lens"))))
    assert found.gain_of_ascent > found.gain_of_start
    if kind == "sparse":
        assert effective(found.params) > 3.9
        assert found.gain_of_ascent > lens + 0.05
    else:
        assert effective(found.params) < 2
        assert found.gain_of_ascent > lens - 0.01


def gratings(count, seed=0):
    """Return flat objects and weak phase gratings of random phase, half of each, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    turns = 2 * np.pi * (np.arange(16)[None, :] / 16 + rng.random((count, 1)))
    scenes = np.zeros((count, *LEDS.scene.shape), np.float32)
    scenes[..., 1] = 1e-3 * rng.standard_normal((count, 16, 16)) + (0.3 * labels[:, None] * np.cos(turns))[:, None, :]
    return scenes, labels


def test_an_illumination_for_the_label_leaves_symmetric_light_which_shows_no_phase_in_focus():
    system = LEDS.replace(photons=300.0)
    (scenes, labels), (others, other_labels) = gratings(40), gratings(40, 1)
    task = Task(system, Poisson(), scenes, others, labels, other_labels, parse_target("label", system.scene))
    found = designed(task, ["random"], steps=40, rate=0.3)
    with jax.enable_x64(True):
        gain = gain_of(task)
        told = {name: float(gain(double(system.design(name)))) for name in ("brightfield", "single-led", "dpc-left", "dpc-top")}
    assert told["brightfield"] == pytest.approx(0, abs=1e-6)
    assert told["single-led"] == pytest.approx(0, abs=1e-6)
    assert told["dpc-left"] > 100 * abs(told["dpc-top"])  # the gratings have no structure from top to bottom
    assert found.gain_of_ascent > 1.1 * told["dpc-left"]
    x, y = system.directions.T
    share = found.params["intensities"]
    assert abs(float((share * x).sum())) > 3 * abs(float((share * y).sum()))


def test_starts_are_near_their_designs_and_inside_their_constraints():
    for system, name in ((CAMERA, "one-lens"), (LEDS, "dpc-left"), (MASK, "diffuser")):
        with jax.enable_x64(True):
            first, second = starting_designs(system, [name, name])
            system.check_params(first)
            key = next(key for key in ("weights", "intensities", "psf") if key in first)
            even = 1 / first[key].size
            assert float(first[key].min()) > 0.01 * even  # a share of nothing has no slope
            assert np.corrcoef(np.ravel(first[key]), np.ravel(system.design(name)[key]))[0, 1] > 0.9
            assert not np.allclose(first[key], second[key])


def test_options_by_default_go_by_how_sparse_objects_are():
    assert are_sparse(sources(np.array([[7, 7], [2, 3]]), 5))
    assert not are_sparse(light_fields(CAMERA, 10.0, 5))
    assert defaults_for(CAMERA, sources(np.array([[7, 7]]), 5)).objective == "density"
    assert defaults_for(CAMERA, light_fields(CAMERA, 10.0, 5)).objective == "gaussian"
    assert defaults_for(CAMERA) == DEFAULTS["lensless-lenslets"]
    for name, options in (DEFAULTS | SPARSE).items():
        assert set((*options.starts, *options.against)) <= set(make_system(name).designs), name
        assert set(options.rates) <= set(make_system(name).constraints), name

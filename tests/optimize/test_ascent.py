"""Gradient ascent: where it goes, when it stops, and that an interruption changes nothing."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.datasets import make_objects
from ideal.errors import DataError, StorageWarning, UsageError
from ideal.imaging import make_system
from ideal.noise import Poisson
from ideal.optimize import Ascent, Objective, Task, climb, design
from ideal.optimize.ascent import gradient as ascent
from ideal.optimize.ascent import starts
from ideal.optimize.objectives.closed_form import ClosedForm

pytestmark = pytest.mark.usefixtures("hasty_compiler")

SYSTEM = make_system("color-filter-array", shape=(2, 2), period=(2, 2))
WANTED = np.random.default_rng(7).dirichlet(np.ones(4) / 4, (2, 2))


class Towards(Objective):
    """How near the filters are to some wanted ones; learns a number on the way, and moves another at each refresh."""

    name, summary = "towards", "a known answer"

    def __init__(self, task, noise=0.0, every=0, worsening=False):
        self.task, self.noise, self.every, self.worsening = task, noise, every, worsening

    def start(self, params, key):
        return {"number": jnp.zeros(()), "refreshed": jnp.zeros(())}

    def learned(self, state):
        return state["number"]

    def with_learned(self, state, learned):
        return state | {"number": learned}

    def refresh(self, params, state, key):
        return state | {"refreshed": state["refreshed"] + 1 + 0.01 * jax.random.normal(key)}

    def gain(self, params, state, key):
        own = params["filters"][0, 0, 0]  # what the number should be: a decoder suits one design
        wanted = jnp.asarray(WANTED.tolist()) + self.noise * jax.random.normal(key, WANTED.shape)
        return -jnp.sum((params["filters"] - wanted) ** 2) - (state["number"] - own) ** 2

    def validation_gain(self, params, state, key):
        gain = -jnp.sum((params["filters"] - jnp.asarray(WANTED.tolist())) ** 2)  # no array, which JAX keeps in one precision
        return -gain if self.worsening else gain


@pytest.fixture(autouse=True)
def _compiled_once(monkeypatch):
    """Let ascents that compute the same share their compiled steps, which are most of the time."""

    def what_counts(run):
        if not isinstance(run.objective, Towards):
            return id(run)
        steps = run.ascent.steps, run.ascent.learning_rate, run.ascent.sharpness, *sorted(run.ascent.rates.items())
        settings = {name: value for name, value in vars(run.objective).items() if name != "task"}
        return steps, jax.random.key_data(run.key).tolist(), type(run.objective), settings, run.system

    monkeypatch.setattr(ascent._Run, "__eq__", lambda one, other: what_counts(one) == what_counts(other))
    monkeypatch.setattr(ascent._Run, "__hash__", lambda run: hash((run.ascent.steps, type(run.objective))))


def towards(**settings):
    scenes = np.ones((1, *SYSTEM.scene.shape))
    return Towards(Task(SYSTEM, Poisson(), scenes, scenes), **settings)


def mixed(*seeds):
    """Filters in general position."""
    return [{"filters": jnp.asarray(np.random.default_rng(seed).dirichlet(np.full(4, 3.0), (2, 2)))} for seed in seeds]


def leaves(found):
    return [np.asarray(leaf) for leaf in jax.tree.leaves((found.params, found.relaxed, found.state))]


def without_seconds(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def test_ascent_finds_the_wanted_design_from_several_starts_and_trains_what_is_learned_for_each():
    said = []
    found = climb(towards(), mixed(0, 1, 2), Ascent(steps=150), report=lambda text, share=None: said.append(share))
    assert np.asarray(found.params["filters"]).argmax(-1).tolist() == WANTED.argmax(-1).tolist()
    assert set(np.unique(found.params["filters"])) == {0, 1}
    first, last = found.history[0], found.history[-1]
    assert [len(last[name]) for name in ("gain", "held_out_gain", "hard_gain")] == [3, 3, 3]
    assert all(after > before for before, after in zip(first["gain"], last["gain"], strict=True))
    assert max(last["gain"]) > -0.06
    assert float(found.state["number"]) == pytest.approx(float(found.relaxed["filters"][0, 0, 0]), abs=0.05)
    assert (found.steps, found.stopped, said[-1]) == (150, "steps", 1.0)


@pytest.mark.parametrize("settings", [{"noise": 0.3, "every": 10}, {}], ids=["stochastic", "exact"])
def test_an_interrupted_ascent_ends_where_the_unbroken_one_does_to_the_bit(monkeypatch, tmp_path, settings):
    monkeypatch.setattr(ascent, "_KEEP_SECONDS", 0.0)
    plan, path = Ascent(steps=60), tmp_path / "ascent.npz"
    starts = mixed(3) if settings else mixed(3, 4)
    unbroken = climb(towards(**settings), starts, plan, seed=5)

    def interrupt(record):
        if record["step"] == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        climb(towards(**settings), starts, plan, seed=5, checkpoint=path, log=interrupt)
    steps = []
    resumed = climb(towards(**settings), starts, plan, seed=5, checkpoint=path, log=lambda record: steps.append(record["step"]))
    assert steps == [50, 60]
    assert all(np.array_equal(a, b) for a, b in zip(leaves(resumed), leaves(unbroken), strict=True))
    assert without_seconds(resumed.history) == without_seconds(unbroken.history)
    assert resumed.start == unbroken.start
    if settings:
        assert float(resumed.state["refreshed"]) > 4
        other = climb(towards(**settings), starts, plan, seed=6)
        assert not all(np.array_equal(a, b) for a, b in zip(leaves(other), leaves(unbroken), strict=True))


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_named_and_done_again(monkeypatch, tmp_path):
    monkeypatch.setattr(ascent, "_KEEP_SECONDS", 0.0)
    path = tmp_path / "ascent.npz"
    climb(towards(), mixed(0, 1), Ascent(steps=20), checkpoint=path)
    with pytest.warns(StorageWarning, match=r"ascent.npz: damaged, or of another run \(its arrays have other shapes"):
        other = climb(towards(), mixed(0), Ascent(steps=20), checkpoint=path)
    assert all(
        np.array_equal(a, b) for a, b in zip(leaves(other), leaves(climb(towards(), mixed(0), Ascent(steps=20))), strict=True)
    )
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(StorageWarning, match="ascent.npz: damaged"):
        climb(towards(), mixed(0, 1), Ascent(steps=20), checkpoint=path)


def test_ascent_ends_when_the_hard_design_has_not_grown_for_its_patience():
    found = climb(towards(worsening=True), mixed(0), Ascent(steps=200, patience=0.1))
    assert found.stopped == "patience"
    assert found.steps <= 40
    assert climb(towards(), mixed(0), Ascent(steps=30, patience=1.0)).stopped == "steps"


def test_ascent_ends_at_its_time_limit(monkeypatch):
    clock = itertools.count(0.0, 3.0)
    monkeypatch.setattr(ascent.time, "monotonic", lambda: next(clock))
    found = climb(towards(), mixed(0), Ascent(steps=500, time_limit=20.0))
    assert found.stopped == "time"
    assert 20 < found.history[-1]["seconds"] < 30
    assert found.steps < 100


def test_of_an_objective_that_is_fitted_anew_the_last_design_counts_and_patience_looks_at_new_fits():
    """Gains by a density that was fitted to another design cannot be compared: neither kept as the best nor waited for."""
    settings, plan = {"worsening": True, "every": 10}, Ascent(steps=200, patience=0.2)
    far = [{"filters": jnp.asarray(0.6 * np.eye(4)[(WANTED.argmax(-1) + 1) % 4] + 0.1)}]
    found = climb(towards(**settings), far, plan)
    judged = [record["gain_by_new_fit"][0] for record in found.history if "gain_by_new_fit" in record]
    assert len(judged) == len(found.history) - 1
    assert found.stopped == "patience"
    assert 60 <= found.steps <= 120
    last = found.history[-1]["hard_gain"]
    assert float(towards(**settings).validation_gain(found.params, (), None)) == pytest.approx(last[0], rel=1e-6)
    kept = climb(towards(worsening=True), far, plan)
    assert float(towards(worsening=True).validation_gain(kept.params, (), None)) > last[0]


@pytest.mark.parametrize("wanted", [0.0, 1.0], ids=["worse", "better"])
def test_without_choices_the_best_design_that_a_fit_was_made_to_counts(wanted):
    """The gain right after a fit is a design's own: an ascent that leads astray ends where it began."""
    system = make_system("lensless-lenslets", psf_shape=(5, 5), scene_shape=(9, 9), lenslets=2)
    scenes = np.ones((1, *system.scene.shape))

    class Own(Towards):
        def gain(self, params, state, key):
            return params["weights"][0]

        def validation_gain(self, params, state, key):
            return -((params["weights"][0] - wanted) ** 2)

    with jax.enable_x64(True):
        start = starts.starting_designs(system, ["spread"])
    start = [{name: np.asarray(value, np.float32) for name, value in start[0].items()}]
    found = climb(Own(Task(system, Poisson(), scenes, scenes), every=10), start, Ascent(steps=40))
    assert float(found.relaxed["weights"][0]) > float(start[0]["weights"][0]) + 0.1
    expected = start[0] if wanted == 0 else found.relaxed
    assert float(found.params["weights"][0]) == pytest.approx(float(expected["weights"][0]), abs=1e-6)
    assert found.history[-1]["gain_by_last_fit"] == pytest.approx(-((float(found.relaxed["weights"][0]) - wanted) ** 2), abs=1e-6)


def test_an_objective_that_is_fitted_to_one_design_takes_one_start():
    with pytest.raises(UsageError, match="one start at a time"):
        climb(towards(every=10), mixed(0, 1), Ascent(steps=10))


def test_starts_of_an_objective_that_is_fitted_anew_are_climbed_one_by_one_and_compared_by_own_fits(monkeypatch, tmp_path):
    begun = []

    class Fitted(Towards):
        every, compares = 10, False

        def __init__(self, task):
            super().__init__(task, every=10)

        def start(self, params, key):
            begun.append(np.asarray(params["filters"]))
            return super().start(params, key)

    monkeypatch.setattr(design, "find_objective", lambda name: Fitted)
    task, notes = towards().task, []
    starts = [{"filters": np.eye(4)[np.array(cells).reshape(2, 2)]} for cells in ((0, 0, 0, 0), WANTED.argmax(-1).ravel())]
    plan = Ascent(steps=20, rates={"filters": 1e-3})  # designs stay where they began
    found = design.find_design(task, "fitted", starts=starts, ascent=plan, checkpoints=tmp_path, log=notes.append)
    assert [note["start"] for note in notes] == [0, 0, 1, 1]
    assert found.climb.start == 1
    assert np.asarray(found.params["filters"]).argmax(-1).tolist() == WANTED.argmax(-1).tolist()
    assert found.gain_of_search == found.gain_of_ascent
    assert sorted(item.name for item in tmp_path.iterdir()) == ["ascent-0.npz", "ascent-1.npz", "design.npz"]
    begun.clear()
    again = design.find_design(task, "fitted", starts=starts, ascent=plan, checkpoints=tmp_path)
    assert not begun
    assert np.array_equal(again.params["filters"], found.params["filters"])
    assert (again.gain_of_ascent, again.climb.history) == (found.gain_of_ascent, found.climb.history)


def test_a_start_that_is_better_by_its_own_fit_than_where_the_ascent_led_is_the_design(monkeypatch):
    class Astray(Towards):
        every, compares = 10, False

        def __init__(self, task):
            super().__init__(task, every=10, worsening=True)

    monkeypatch.setattr(design, "find_objective", lambda name: Astray)
    begin = {"filters": np.eye(4)[(WANTED.argmax(-1) + 1) % 4]}
    found = design.find_design(towards().task, "astray", starts=[begin], ascent=Ascent(steps=60, learning_rate=0.3))
    assert found.climb.relaxed["filters"].argmax(-1).tolist() == WANTED.argmax(-1).tolist()  # it did go astray
    assert np.array_equal(found.params["filters"], begin["filters"])
    assert found.gain_of_ascent == found.gain_of_start


def test_an_ascent_that_ended_by_its_time_does_not_go_on(monkeypatch, tmp_path):
    clock = itertools.count(0.0, 3.0)
    with monkeypatch.context() as patch:
        patch.setattr(ascent.time, "monotonic", lambda: next(clock))
        first = climb(towards(), mixed(0), Ascent(steps=500, time_limit=20.0), checkpoint=tmp_path / "a.npz")
    again = climb(towards(), mixed(0), Ascent(steps=500, time_limit=20.0), checkpoint=tmp_path / "a.npz")
    assert (first.stopped, again.stopped) == ("time", "time")
    assert again.history == first.history


def test_a_rate_of_0_keeps_a_parameter_and_one_of_no_parameter_is_refused():
    start = mixed(0)
    kept = climb(towards(), start, Ascent(steps=20, rates={"filters": 0.0}, sharpness=1.0))
    np.testing.assert_allclose(kept.relaxed["filters"], start[0]["filters"], atol=1e-6)
    slow = climb(towards(), start, Ascent(steps=20, rates={"filters": 0.1}, sharpness=1.0))
    fast = climb(towards(), start, Ascent(steps=20, sharpness=1.0))
    moved = [np.abs(np.asarray(each.relaxed["filters"] - start[0]["filters"])).max() for each in (slow, fast)]
    assert 0 < 3 * moved[0] < moved[1]
    with pytest.raises(UsageError, match="did you mean filters"):
        climb(towards(), start, Ascent(rates={"filter": 2.0}))


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"sharpness": 0.5}, {"patience": 0.0}]
)
def test_figures_of_an_ascent_without_meaning_are_refused(wrong):
    with pytest.raises(UsageError, match="expected at least 1"):
        Ascent(**wrong)


def test_a_gain_that_is_not_finite_on_the_way_ends_the_ascent_with_a_remedy():
    class Cliff(Towards):
        def gain(self, params, state, key):
            return params["filters"][0, 0, 0] * jnp.where(params["filters"][0, 0, 0] > 0.9, jnp.nan, 1.0)

    with pytest.raises(DataError, match=r"after \d+ steps, nor the parameter filters: take a lower learning rate") as told:
        climb(Cliff(towards().task), mixed(0), Ascent(steps=60, learning_rate=0.5))
    assert "`rates=filters=0.1`" in str(told.value)


def test_a_gain_that_is_not_finite_at_the_start_is_no_matter_of_the_learning_rate():
    with pytest.raises(DataError, match=r"the objective towards is nan at start 1 of 2 \(filters\[0, 0, 0\] = 0.205") as told:
        climb(towards(noise=float("nan")), mixed(0, 1), Ascent(steps=20))
    assert "learning" not in str(told.value)


def fields(system, photons, count):
    scenes = make_objects("natural-fields").open(system.scene, 0).read(0, count).scenes
    return scenes * np.float32(photons / system.brightness(scenes).mean())


def test_the_closed_form_raises_the_information_of_a_mosaic():
    system = make_system("color-filter-array", shape=(8, 8), period=(2, 2))
    scenes = fields(system, 500.0, 60)
    with jax.enable_x64(True):
        aim = ClosedForm(Task(system, Poisson(), scenes, scenes[30:]))
        begun = {"filters": jnp.asarray(np.random.default_rng(1).dirichlet(np.ones(4), (2, 2)))}
        found = climb(aim, [begun], Ascent(steps=60))
        gain = jax.jit(aim.validation_gain)
        assert float(gain(found.params)) > float(gain(system.harden(begun))) + 0.1
        assert float(gain(found.params)) == pytest.approx(max(max(r["hard_gain"]) for r in found.history))

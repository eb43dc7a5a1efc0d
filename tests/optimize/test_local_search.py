import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.errors import StorageWarning, UsageError
from ideal.imaging import make_system
from ideal.noise import Poisson
from ideal.optimize._contract import Objective, Task
from ideal.optimize.ascent import local_search
from ideal.optimize.ascent.local_search import Rules, search_locally
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.targets import chroma

pytestmark = pytest.mark.usefixtures("hasty_compiler")

COUNT = 4  # cells of the small mosaic, and filters to choose from


def mosaic(period=(2, 2)):
    return make_system("color-filter-array", shape=(8, 8), period=period)


def scenes(system, count, seed=0):
    """Scenes of correlated channels and neighbouring pixels, about 300 photons a pixel."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((count, *system.scene.shape))
    smooth = sum(np.roll(white, shift, axis) for shift in (0, 1) for axis in (1, 2))
    return (100 * np.exp(0.2 * (smooth + 2 * smooth.mean(-1, keepdims=True)))).astype(np.float32)


def one_hot(cells, period=(2, 2)):
    return {"filters": jnp.asarray(np.eye(COUNT)[np.reshape(cells, period)])}


def cells_of(params):
    return np.asarray(params["filters"]).reshape(-1, COUNT).argmax(1)


def neighbours(cells, exchanges_only=False):
    for cell, to in itertools.product(range(len(cells)), range(COUNT)):
        if not exchanges_only:
            yield (*cells[:cell], to, *cells[cell + 1 :])
    for one, other in itertools.combinations(range(len(cells)), 2):
        changed = list(cells)
        changed[one], changed[other] = cells[other], cells[one]
        yield tuple(changed)


class Table(Objective):
    """A gain that is known for every mosaic of four cells; the held-out gain is its negative."""

    name, summary = "table", "for tests"

    def __init__(self, task, values):
        self.task, self.values = task, jnp.asarray(values)

    def gain(self, params, state=(), key=None):
        cells = params["filters"].reshape(-1, COUNT).argmax(-1)
        return self.values[tuple(cells)]

    def validation_gain(self, params, state=(), key=None):
        return -self.gain(params)


def table(seed=0):
    system = mosaic()
    empty = np.zeros((1, *system.scene.shape), np.float32)
    values = np.random.default_rng(seed).random((COUNT,) * 4)
    return Table(Task(system, Poisson(), empty, empty), values), values


@pytest.mark.parametrize("target", [None, chroma(3)], ids=["total", "chroma"])
def test_optimum_of_a_small_mosaic_as_by_enumeration(target):
    system = mosaic()
    with jax.enable_x64(True):
        objective = ClosedForm(Task(system, Poisson(), scenes(system, 60), scenes(system, 60, 1), target=target))
        every = list(itertools.product(range(COUNT), repeat=4))
        values = jax.jit(lambda all_of_them: jax.lax.map(lambda each: objective.gain({"filters": each}), all_of_them))
        truth = dict(
            zip(every, np.asarray(values(jnp.asarray(np.eye(COUNT)[np.array(every)].reshape(-1, 2, 2, COUNT)))), strict=True)
        )
        start = min(truth, key=truth.get)
        found = search_locally(objective, one_hot(start))
    reached = tuple(cells_of(found.params))
    assert found.before == pytest.approx(truth[start], abs=1e-9)
    assert found.gain == pytest.approx(truth[reached], rel=1e-9)
    assert found.gain >= max(truth[each] for each in neighbours(reached)) - 1e-9
    assert found.gain == pytest.approx(max(truth.values()), rel=1e-9)
    assert found.stopped == "optimum"
    assert found.evaluations < len(every) / 2
    assert found.held_out_gain != found.gain


def test_a_local_optimum_of_any_gain_and_never_below_its_start():
    objective, values = table()
    for start in [(0, 0, 0, 0), (3, 1, 2, 0), np.unravel_index(values.argmax(), values.shape)]:
        found = search_locally(objective, one_hot(start))
        reached = tuple(cells_of(found.params))
        assert found.before == pytest.approx(values[tuple(start)], rel=1e-6)
        assert found.gain == pytest.approx(values[reached], rel=1e-6)
        assert found.gain >= found.before
        assert values[reached] >= max(values[each] for each in neighbours(reached)) - 1e-5
        assert found.held_out_gain == -found.gain
        assert (found.changes == 0) == (tuple(start) == reached)


def test_exchanges_alone_keep_the_counts():
    objective, values = table(1)
    found = search_locally(objective, one_hot((0, 1, 2, 2)), rules=Rules(counts_fixed=True))
    reached = tuple(cells_of(found.params))
    assert sorted(reached) == [0, 1, 2, 2]
    assert values[reached] >= max(values[each] for each in neighbours(reached, exchanges_only=True)) - 1e-5


def test_floors_are_kept_and_mended():
    objective, values = table(2)
    values = values - 2.0 * np.array([(np.array(each) == 0).sum() for each in np.ndindex(values.shape)]).reshape(values.shape)
    objective.values = jnp.asarray(values)  # every red cell costs more than all else can bring
    free = search_locally(objective, one_hot((0, 0, 1, 2)))
    assert (cells_of(free.params) == 0).sum() == 0
    kept = search_locally(objective, one_hot((0, 0, 1, 2)), rules=Rules({"red": 2}))
    assert (cells_of(kept.params) == 0).sum() == 2
    mended = search_locally(objective, one_hot((3, 3, 3, 3)), rules=Rules({"red": 1, 2: 2}))
    counts = np.bincount(cells_of(mended.params), minlength=COUNT)
    assert counts[0] == 1
    assert counts[2] >= 2
    assert mended.gain < mended.before


def test_the_same_seed_gives_the_same_design_and_time_can_run_out():
    objective, _ = table(3)
    first, second = (search_locally(objective, one_hot((0, 1, 2, 3)), seed=5) for _ in range(2))
    assert cells_of(first.params).tolist() == cells_of(second.params).tolist()
    assert first.evaluations == second.evaluations
    short = search_locally(objective, one_hot((0, 1, 2, 3)), time_limit=0.0)
    assert short.stopped == "time"
    assert short.gain == short.before
    assert cells_of(short.params).tolist() == [0, 1, 2, 3]


def test_an_interrupted_search_goes_on_to_the_same_design(monkeypatch, tmp_path):
    objective, _ = table(4)
    path, many, calls = tmp_path / "search.npz", local_search._Measure.many, []

    def interrupted(measure, designs):
        calls.append(len(designs))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return many(measure, designs)

    monkeypatch.setattr(local_search, "_BATCH", 4)
    unbroken = search_locally(objective, one_hot((0, 0, 0, 0)))
    with monkeypatch.context() as patch:
        patch.setattr(local_search._Measure, "many", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search_locally(objective, one_hot((0, 0, 0, 0)), checkpoint=path)
    resumed = search_locally(objective, one_hot((0, 0, 0, 0)), checkpoint=path)
    assert resumed.changes == unbroken.changes > 0
    assert (resumed.gain, resumed.held_out_gain) == (unbroken.gain, unbroken.held_out_gain)
    assert cells_of(resumed.params).tolist() == cells_of(unbroken.params).tolist()
    with pytest.warns(StorageWarning, match="of a search from another design"):
        search_locally(objective, one_hot((1, 0, 0, 0)), checkpoint=path)


def test_a_search_ends_after_its_evaluations_and_meets_floors_with_none():
    objective, _ = table(5)
    assert search_locally(objective, one_hot((0, 1, 2, 3)), most=1).stopped == "evaluations"
    only = search_locally(objective, one_hot((0, 0, 0, 0)), rules=Rules({"blue": 1}), most=0)
    assert sorted(cells_of(only.params).tolist()) == [0, 0, 0, 2]
    assert only.changes == 1


@pytest.mark.parametrize(
    ("start", "rules", "message"),
    [
        (one_hot((0, 0, 0, 0)), Rules({"rde": 1}), "did you mean red"),
        (one_hot((0, 0, 0, 0)), Rules({7: 1}), "alternative '7'"),
        (one_hot((0, 0, 0, 0)), Rules({"red": 3, "blue": 2}), "cannot be met by 4 cells"),
        (one_hot((0, 0, 0, 0)), Rules({"blue": 1}, counts_fixed=True), "counts are to be kept"),
        ({"filters": jnp.full((2, 2, COUNT), 0.25)}, None, "begins with a hard design"),
    ],
)
def test_wrong_requests(start, rules, message):
    with pytest.raises(UsageError, match=message):
        search_locally(table()[0], start, rules=rules)


def test_a_system_without_alternatives():
    system = make_system("lensless", scene_shape=(14, 13), psf_shape=(6, 5))
    empty = np.zeros((1, *system.scene.shape), np.float32)
    objective = Table(Task(system, Poisson(), empty, empty), np.zeros((COUNT,) * 4))
    with pytest.raises(UsageError, match="no local search"):
        search_locally(objective, system.design())

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.errors import UsageError
from ideal.imaging import make_system
from ideal.noise import Poisson
from ideal.optimize._contract import Task
from ideal.optimize.ascent.gradient import Ascent, climb
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.selection import set_value
from ideal.optimize.selection.search import Choice, Choosing, choose, exhaustive, greedy, relaxation, swaps
from ideal.optimize.selection.set_value import ObjectiveValue, PairInformation, SetValue, pair_information

pytestmark = pytest.mark.usefixtures("hasty_compiler")

SMALL = {"shape": (16, 16), "field_of_view": 120.0, "interval": 3600.0}


def grams(size, rank=5, seed=0, strength=1.0):
    """What each pair tells: random Gram matrices of low rank."""
    rng = np.random.default_rng(seed)
    factors = {pair: strength * rng.standard_normal((rank, 2)) for pair in itertools.combinations(range(size), 2)}
    return {pair: factor @ factor.T for pair, factor in factors.items()}


def information(size, parts, fixed=()):
    value = PairInformation(size, len(next(iter(parts.values()))), fixed)
    for (first, second), gram in parts.items():
        value.add(first, second, gram)
    return value


def direct(parts, weights):
    total = sum(weights[i] * weights[j] * gram for (i, j), gram in parts.items())
    return 0.5 * np.linalg.slogdet(np.eye(len(total)) + total)[1] / np.log(2)


def chosen(size, *members):
    return np.isin(np.arange(size), members)


class Known(SetValue):
    """A value that is written down for some sets, 0 for the others."""

    def __init__(self, size, values):
        self.size, self.values = size, values

    def hard(self, chosen):
        return np.array([self.values.get(tuple(np.flatnonzero(each)), 0.0) for each in chosen])

    def soft(self, weights, arrays):
        return weights @ jnp.arange(self.size, dtype=float)


def skies(system, count, seed=0):
    """Rings with a brighter side and a rough surface, 1 Jy."""
    rng = np.random.default_rng(seed)
    y, x = (system.scene.pixel * (np.arange(size) - (size - 1) / 2) for size in system.scene.shape)
    y, x = np.meshgrid(y, x, indexing="ij")
    radius, angle = rng.uniform(18, 22, (2, count, 1, 1)) * [[[[1.0]]], [[[0.3]]]]
    ring = np.exp(-0.5 * ((np.hypot(x, y) - radius) / 8) ** 2) * (1 + 0.5 * np.cos(np.arctan2(y, x) - angle))
    light = ring * rng.gamma(10.0, size=ring.shape)
    return (light / light.sum((1, 2), keepdims=True)).astype(np.float32)


# What a set is worth


@pytest.mark.parametrize("fixed", [(), (1,), (1, 4)])
def test_pairs_add_up_in_the_determinant(fixed):
    parts = grams(6)
    value = information(6, parts, fixed)
    for members in [(), (0,), (0, 3), (0, 2, 5), (0, 2, 3, 5)]:
        mask = chosen(6, *members, *fixed)
        assert value.hard(mask)[0] == pytest.approx(direct(parts, mask), abs=1e-12)


def test_a_pair_in_either_order_is_one_pair():
    parts = grams(3)
    value = information(3, parts)
    for (first, second), gram in parts.items():
        value.add(second, first, gram)
    assert value.hard(np.ones(3, bool))[0] == pytest.approx(direct({pair: 2 * gram for pair, gram in parts.items()}, np.ones(3)))


def test_shares_agree_with_sets_and_their_gradient_with_finite_differences():
    parts = grams(5)
    for fixed in ((), (2,)):
        value = information(5, parts, fixed)
        with jax.enable_x64(True):
            mask = chosen(5, 0, 2, 3)
            weights = np.array([0.3, 0.9, 1.0, 0.05, 0.6])
            soft = jax.jit(jax.value_and_grad(value.soft))
            assert float(soft(jnp.asarray(mask, float), value.arrays)[0]) == pytest.approx(value.hard(mask)[0], rel=1e-12)
            bits, slope = map(np.asarray, soft(jnp.asarray(weights), value.arrays))
        assert bits == pytest.approx(direct(parts, weights), rel=1e-12)
        steps = 1e-6 * np.eye(5)
        expected = [(direct(parts, weights + step) - direct(parts, weights - step)) / 2e-6 for step in steps]
        free = ~np.isin(np.arange(5), fixed)
        assert np.allclose(slope[free], np.array(expected)[free], rtol=1e-7)


def test_a_set_without_a_fixed_member():
    with pytest.raises(UsageError, match="always takes part"):
        information(4, grams(4), fixed=(1,)).hard(chosen(4, 0, 2))


def test_sites_are_worth_what_the_closed_form_says():
    system = make_system("interferometer", **SMALL)
    scenes = skies(system, 60)
    value = pair_information(system, scenes, fixed=("LMT",), rank=30)
    with jax.enable_x64(True):
        objective = ClosedForm(Task(system, system.noise(system.design()), scenes, scenes), rank=30)
        gain = jax.jit(lambda weights: objective.gain({**system.design(), "weights": weights}))
        for weights in (chosen(8, 0, 3, 5, 6), np.ones(8, bool), chosen(8, 5, 7)):
            assert value.hard(weights)[0] == pytest.approx(
                float(gain(jnp.asarray(weights, float))) * objective.task.pixels, rel=1e-5
            )
        shares = jnp.asarray([0.2, 0.9, 0.4, 0.5, 0.8, 1.0, 0.3, 0.7])
        assert float(value.soft(shares, value.arrays)) == pytest.approx(float(gain(shares)) * objective.task.pixels, rel=1e-5)
    assert value.hard(chosen(8, 5))[0] == 0  # one site alone
    with pytest.raises(UsageError, match="did you mean LMT"):
        pair_information(system, scenes, fixed=("LTM",))
    with pytest.raises(UsageError, match="led-microscope does not measure in pairs"):
        pair_information(make_system("led-microscope"), scenes)


def test_components_need_not_fill_a_block(monkeypatch):
    system = make_system("interferometer", **SMALL, sites=("ALMA", "LMT", "SMT"))
    scenes = skies(system, 20)
    whole = pair_information(system, scenes, rank=7)
    monkeypatch.setattr(set_value, "_COMPONENTS", 3)
    assert pair_information(system, scenes, rank=7).hard(np.ones(3, bool)) == pytest.approx(
        whole.hard(np.ones(3, bool)), rel=1e-6
    )


def test_leds_by_an_objective():
    system = make_system("led-microscope-weak", shape=(8, 8))
    scenes = (0.05 * np.random.default_rng(0).random((12, 8, 8, 2))).astype(np.float32)
    count = len(system.design()["intensities"])
    inside = np.flatnonzero(system._within)[:5]
    with jax.enable_x64(True):
        objective = ClosedForm(Task(system, Poisson(), scenes, scenes), rank=6)
        value = ObjectiveValue(objective, lambda w: {"intensities": w / (1e-3 + w.sum())}, count)
        task = Choosing(value, 2, candidates=tuple(inside.tolist()))
        found = exhaustive(task)
        params = {"intensities": jnp.asarray(chosen(count, *found.members) / 2.001)}
        assert found.bits == pytest.approx(float(jax.jit(objective.gain)(params)) * 64, rel=1e-6)
        assert found.bits == max(task.evaluate(list(itertools.combinations(inside.tolist(), 2))))


# Strategies


def test_greedy_begins_with_a_pair_where_one_alone_is_worth_nothing():
    pairs = {(0, 1): 1.0, (0, 2): 1.5, (1, 3): 4.0, (0, 1, 3): 5.0, (1, 2, 3): 6.0, (0, 1, 2): 9.0}
    found = greedy(Choosing(Known(4, pairs), 3))
    assert found.members == (1, 2, 3)
    assert found.bits == 6.0
    assert exhaustive(Choosing(Known(4, pairs), 3)).members == (0, 1, 2)


def test_swaps_lead_on_where_greedy_is_wrong_and_end_at_an_optimum():
    values = {
        (1,): 3.0,
        (0,): 1.0,
        (2,): 1.0,
        (3,): 1.0,
        (0, 1): 3.5,
        (1, 2): 3.2,
        (1, 3): 3.1,
        (0, 2): 9.0,
        (0, 3): 4.0,
        (2, 3): 2.0,
    }
    task = Choosing(Known(4, values), 2)
    first = greedy(task)
    assert first.members == (0, 1)
    found = swaps(task, first)
    assert found.members == (0, 2)
    assert found.bits == 9.0
    assert found.strategy == "greedy + swaps"
    at_best = swaps(task, found)
    assert at_best.members == found.members
    assert at_best.bits == found.bits


def test_swaps_never_end_below_their_start_and_keep_to_the_candidates():
    value = information(9, grams(9, rank=8, seed=3), fixed=(4,))
    task = Choosing(value, 3, fixed=(4,), candidates=(0, 2, 3, 5, 6, 8))
    best = exhaustive(task)
    for members in itertools.combinations((0, 2, 3, 5, 6, 8), 3):
        start = Choice("start", members, float(task.evaluate([members])[0]), 1, 0.0)
        found = swaps(task, start)
        assert start.bits <= found.bits <= best.bits
        assert set(found.members) <= {0, 2, 3, 5, 6, 8}
        around = [(*(set(found.members) - {out}), come) for out in found.members for come in (0, 2, 3, 5, 6, 8)]
        assert found.bits >= task.evaluate(around).max() - 1e-9


def test_exhaustive_is_the_best_of_all_and_counts_them():
    parts = grams(8, rank=6, seed=1)
    task = Choosing(information(8, parts), 4)
    found = exhaustive(task)
    truth = {each: direct(parts, chosen(8, *each)) for each in itertools.combinations(range(8), 4)}
    assert found.members == max(truth, key=truth.get)
    assert found.bits == pytest.approx(max(truth.values()))
    assert found.evaluations == task.sets == 70
    with pytest.raises(UsageError, match="70 sets are more than the 69"):
        exhaustive(task, limit=69)


def test_relaxation_finds_what_stands_out():
    # members 2, 5 and 6 see strongly, all others hardly
    strength = np.array([0.1, 0.1, 2.0, 0.1, 0.1, 2.0, 2.0, 0.1])
    parts = {(i, j): strength[i] * strength[j] * gram for (i, j), gram in grams(8, rank=6).items()}
    found = relaxation(Choosing(information(8, parts, fixed=(5,)), 2, fixed=(5,)))
    assert found.members == (2, 6)
    assert found.bits == pytest.approx(direct(parts, chosen(8, 2, 5, 6)))


def test_every_strategy_is_reported():
    task, said = Choosing(information(7, grams(7, rank=6, seed=2)), 3), []
    found = choose(task, limit=0, report=lambda text, fraction: said.append(text))
    names = [choice.strategy for choice in found.choices]
    assert names == ["greedy", "greedy + swaps", "relaxation", "relaxation + swaps", "random + swaps"]
    assert len(said) == 5
    assert found.sets is None
    bits = {choice.strategy: choice.bits for choice in found.choices}
    assert bits["greedy + swaps"] >= bits["greedy"]
    assert bits["relaxation + swaps"] >= bits["relaxation"]
    proof = choose(task)
    assert [choice.strategy for choice in proof.choices] == ["greedy", "exhaustive"]
    assert found.best.bits == pytest.approx(max(bits.values())) == proof.best.bits
    for choice in (*found.choices, *proof.choices):
        assert task.evaluate([choice.members])[0] == pytest.approx(choice.bits)


def test_a_proof_keeps_what_every_set_is_worth():
    task = Choosing(information(7, grams(7, rank=6, seed=2)), 3, fixed=(1,))
    sets = choose(task).sets
    assert len(sets) == task.sets == 20
    assert sorted(members for _, members in sets) == list(itertools.combinations((0, 2, 3, 4, 5, 6), 3))
    bits = [each for each, _ in sets]
    assert bits == sorted(bits, reverse=True)
    assert task.evaluate([members for _, members in sets]) == pytest.approx(bits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "between 1 and 4"),
        ({"count": 3, "fixed": (0, 1)}, "between 1 and 2"),
        ({"count": 1, "fixed": (4,)}, "no member 4"),
        ({"count": 1, "candidates": (-1,)}, "no member -1"),
    ],
)
def test_wrong_requests(arguments, message):
    with pytest.raises(UsageError, match=message):
        Choosing(Known(4, {}), **arguments)


# Sites of the Event Horizon Telescope


def test_best_four_of_the_eight_sites():
    system = make_system("interferometer", **SMALL)
    value = pair_information(system, skies(system, 80), rank=40)
    exact = choose(Choosing(value, 4)).best
    assert exact.strategy in ("greedy", "exhaustive")
    found = choose(Choosing(value, 4), limit=0)
    others = [choice for choice in found.choices if choice.strategy.endswith("swaps")]
    assert max(choice.bits for choice in others) == pytest.approx(exact.bits, rel=1e-12)


def test_two_free_sites_gain_by_moving():
    system = make_system(
        "interferometer",
        shape=(8, 8),
        field_of_view=120.0,
        interval=14_400.0,
        sites=("ALMA", "LMT", "SMT", "PV"),
        free_sites=("SMT", "PV"),
    )
    scenes = skies(system, 30)
    with jax.enable_x64(True):
        objective = ClosedForm(Task(system, system.noise(system.design()), scenes, scenes), rank=6)
        start = system.design()
        found = climb(objective, [start], Ascent(steps=10, learning_rate=0.05, rates={"weights": 0.0}))
        before, after = np.asarray(
            jax.jit(jax.vmap(objective.gain))(jax.tree.map(lambda *each: jnp.stack(each), start, found.params))
        )
    assert after > 1.01 * before
    moved = np.abs(np.asarray(found.params["coordinates"] - start["coordinates"])).max(1)
    assert moved[:2].max() < 1e-6
    assert moved[2:].min() > 0.1

"""Attribution in one call: what is reported, what is never exceeded, and what is kept."""

import json
from contextlib import suppress

import numpy as np
import pytest
from fixtures import games

import ideal
from ideal.attribution import METHODS, Attribution
from ideal.attribution.budget import share_out
from ideal.attribution.call import Request, emit_masks, run_attribution
from ideal.attribution.games import FunctionGame, GaussianGame, GramGame, TableGame
from ideal.attribution.indices import index_terms
from ideal.attribution.methods._contract import uniform_masks
from ideal.attribution.sparse import SparseFunction
from ideal.attribution.transforms import all_masks, fourier
from ideal.errors import DataError, UsageError

VALUE = games.gaussian_process(20, 0.1)


class Counted:
    def __init__(self, value=VALUE):
        self.value, self.masks = value, []

    def __call__(self, masks):
        self.masks += [mask.tobytes() for mask in masks]
        return self.value(masks)


@pytest.fixture(scope="module")
def result():
    return ideal.attribute(VALUE, players=20, budget=800, size=5, progress=False)


@pytest.mark.parametrize("method", ["auto", "order1", "order2", "proxyspex", "spex", "lime", "shap"])
def test_a_budget_is_never_exceeded(method):
    counted = Counted()
    found = ideal.attribute(counted, players=20, budget=700, method=method, size=6, bootstrap=5, progress=False)
    assert len(counted.masks) == found.ablations == sum(found.record["ablations_by_purpose"].values()) <= 700
    assert len(set(counted.masks)) == found.ablations - found.record["noise"]["how"].startswith("4 values") * 3
    assert found.faithfulness["held_out"] > 0
    assert found.faithfulness["at_size"]["held_out"] == 70


def test_what_is_always_reported(result):
    assert (result.method, result.record["size"]) == ("proxyspex", 5)
    assert "boosted trees" in result.reason
    faithful = result.faithfulness
    assert faithful["order1"] < faithful["order2"] < faithful["method"]
    assert faithful["method"] > 0.997
    assert faithful["at_size"]["order1"] < 0 < faithful["at_size"]["method"]
    assert result.record["noise"] == {"deviation": 0.0, "share": 0.0, "how": "4 values of all players"}
    mask = np.ones((1, 20), bool)
    for step in result.record["removals"]:
        mask[0, step["removed"][-1]] = False
        assert step["value"] == VALUE(mask)[0]
        assert step["predicted"] == pytest.approx(step["value"], abs=0.3)
    assert result.record["ends"] == {"none": 0.0, "all": VALUE(np.ones((1, 20), bool))[0]}
    assert sum(term.share for term in result.terms if term.share is not None) == pytest.approx(1.0)
    assert 0 < result.record["interaction_share"] < 0.2


def test_terms(result):
    assert result.terms[0].kind == "constant"
    sizes = [abs(term.coefficient) for term in result.terms[1:]]
    assert sizes == sorted(sizes, reverse=True)
    masks = np.random.default_rng(0).random((300, 20)) < 0.5
    rebuilt = SparseFunction.of(20, {term.players: term.coefficient for term in result.terms})
    np.testing.assert_allclose(rebuilt(masks), result.predict(masks), atol=1e-9)
    assert games.r_squared(VALUE(masks), rebuilt(masks)) > 0.997
    pairs = [term for term in result.terms if len(term.players) == 2][:10]
    assert {term.kind for term in pairs} == {"redundancy"}  # neighbours of a smooth process say the same thing


def test_standard_errors_are_those_of_other_masks():
    """Over other masks coefficients scatter as their errors say, of a function with noise."""
    rng = np.random.default_rng(0)

    def value(masks):
        return masks[:, 0] - 2.0 * masks[:, 1] * masks[:, 2] + 0.5 * rng.normal(size=len(masks))

    runs = [
        ideal.attribute(value, players=17, budget=300, method="order1", seed=seed, progress=False, bootstrap=30)
        for seed in range(12)
    ]
    known = [{term.players: term for term in run.terms} for run in runs]
    large = [(0,), (1,), (2,)]  # what is nothing is shrunk
    found = np.array([[terms[players].coefficient for players in large] for terms in known])
    errors = np.array([[terms[players].error for players in large] for terms in known])
    assert 0.6 < found.std(0, ddof=1).mean() / errors.mean() < 1.6
    assert runs[0].record["noise"]["share"] > 0.05
    assert any("noise is" in text for text in runs[0].warnings)


@pytest.mark.parametrize("index", ["moebius", "banzhaf", "shapley", "bii", "sii", "stii", "fbii", "fsii"])
def test_indices_of_all_sets_and_of_few(index):
    game = GaussianGame(np.exp(-np.abs(np.subtract.outer(np.arange(8), np.arange(8)))), 0.2)
    truth = index_terms(SparseFunction.full(fourier(game.values(all_masks(8)))), index)
    exact = ideal.attribute(game, index=index, progress=False)
    assert exact.method == "exact"
    assert {term.error for term in exact.terms} == {0.0}
    for term in exact.terms:
        assert term.coefficient == pytest.approx(truth[term.players], abs=1e-10)
    few = ideal.attribute(game, index=index, budget=200, method="proxyspex", progress=False)
    known = {term.players: term for term in few.terms}
    for i in range(8):
        assert known[(i,)].coefficient == pytest.approx(truth[(i,)], abs=0.1)
        assert known[(i,)].error < 0.2


def test_constant_games_and_single_players():
    for n in (1, 2, 20):
        found = ideal.attribute(lambda masks: np.full(len(masks), 0.3), players=n, select=1, progress=False)
        assert found.faithfulness["method"] is None
        assert found.terms[0].coefficient == pytest.approx(0.3)
        assert all(term.coefficient == 0 for term in found.terms[1:])
        repr(found)
    found = ideal.attribute(lambda masks: 2.0 * masks[:, 0], players=1, index="shapley", progress=False)
    assert [(term.players, term.coefficient) for term in found.terms] == [((), 0.0), ((0,), 2.0)]


def test_the_same_seed_gives_the_same_record():
    first, second, other = (
        json.dumps(ideal.attribute(VALUE, players=20, budget=400, select=4, seed=seed, progress=False).to_record())
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_selection_beside_greedy():
    grams, first, second = games.sites(14, seed=3)
    game = GramGame(grams, pairs=(first, second))
    found = ideal.attribute(game, budget=500, select=6, progress=False).selection
    values = {each["strategy"]: each["value"] for each in found["strategies"]}
    assert set(values) == {"surrogate", "surrogate + swaps", "greedy", "greedy + swaps", "exhaustive"}
    assert found["is_proven"]
    assert found["value"] == values["exhaustive"] >= values["surrogate + swaps"] >= 0.96 * values["exhaustive"]
    mask = np.isin(np.arange(14), found["players"])
    assert game.values(mask[None])[0] == pytest.approx(found["value"])
    black_box = ideal.attribute(FunctionGame(game.values, 14), budget=500, select=6, progress=False)
    assert not black_box.selection["is_proven"]
    assert black_box.selection["value"] >= values["greedy + swaps"]
    assert black_box.record["ablations_by_purpose"]["selection"] == black_box.selection["evaluations"] > 0


def test_selection_among_many():
    game = GramGame(games.leds(40, seed=1))
    found = ideal.attribute(game, budget=1000, select=12, progress=False).selection  # 5.6e9 sets
    values = {each["strategy"]: each["value"] for each in found["strategies"]}
    assert values["surrogate + swaps"] >= values["greedy"]
    assert found["value"] == max(values.values())


def test_a_table_is_enough():
    masks = uniform_masks(20, 900, 0)
    found = ideal.attribute((masks, VALUE(masks)), progress=False)
    assert found.ablations == 900
    assert found.faithfulness["method"] > 0.99
    assert found.record["ends"]["all"] is None
    assert [step["value"] for step in found.record["removals"]] == [None] * 5
    assert "table has every mask once" in found.record["noise"]["how"]
    again = TableGame(np.r_[masks, masks], np.r_[VALUE(masks), VALUE(masks) + 0.1])
    noise = ideal.attribute(again, progress=False).record["noise"]
    assert noise["deviation"] == pytest.approx(0.1 / np.sqrt(2), rel=1e-6)
    with pytest.raises(UsageError, match="select"):
        ideal.attribute((masks, VALUE(masks)), select=3, progress=False)
    whole = ideal.attribute((all_masks(5), np.arange(32.0)), progress=False)
    assert whole.method == "exact"


@pytest.mark.parametrize("method", ["auto", "spex"])
def test_two_steps_through_files(tmp_path, method):
    request = Request(budget=1500, method=method, size=6)
    count = emit_masks(tmp_path / "masks.jsonl", 20, request)
    lines = [json.loads(line) for line in (tmp_path / "masks.jsonl").read_text().splitlines()]
    assert count == len(lines) <= 1500
    masks = np.array([np.isin(np.arange(20), line["present"]) for line in lines])
    answers = [{"id": line["id"], "value": float(value)} for line, value in zip(lines, VALUE(masks), strict=True)]
    (tmp_path / "values.jsonl").write_text("\n".join(map(json.dumps, answers)))
    game = TableGame.read(tmp_path / "values.jsonl", 20)
    found = run_attribution(game, request, emit=tmp_path / "more.jsonl")
    assert 145 <= found.faithfulness["at_size"]["held_out"] <= 150  # a set of a design is not tested on
    assert found.record["ends"]["all"] is not None
    more = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text().splitlines()]
    assert [line["present"] for line in more] == [
        [i for i in range(20) if i not in step["removed"]] for step in found.record["removals"] if step["value"] is None
    ]


def test_a_folder_keeps_values(tmp_path):
    class Killed(Counted):
        def __call__(self, masks):
            if self.masks:
                raise KeyboardInterrupt
            return super().__call__(masks)

    def value(function, title="own"):
        return FunctionGame(function, 20, title=title)

    with pytest.raises(KeyboardInterrupt):
        ideal.attribute(value(Killed()), budget=300, out=tmp_path / "run", progress=False)
    counted = Counted()
    found = ideal.attribute(value(counted), budget=300, out=tmp_path / "run", progress=False)
    assert 0 < len(counted.masks) < 300
    fresh = ideal.attribute(value(VALUE), budget=300, progress=False)
    assert found.to_record()["terms"] == fresh.to_record()["terms"]
    again = Counted()
    ideal.attribute(value(again), budget=300, index="shapley", out=tmp_path / "run", progress=False)
    assert len(again.masks) == 3  # the repeats, which tell how much noise there is
    assert {file.name for file in (tmp_path / "run").iterdir()} >= {"run.json", "values.jsonl", "attribution.png"}
    with pytest.raises(UsageError, match="something else"):
        ideal.attribute(value(VALUE, "another"), budget=300, out=tmp_path / "run", progress=False)
    ideal.attribute(value(VALUE, "another"), budget=300, out=tmp_path / "run", overwrite=True, progress=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="other files"):
        ideal.attribute(value(VALUE), budget=300, out=tmp_path / "other", progress=False)


def test_a_result_shows_itself(result):
    text = repr(result)
    for said in ("20 players", "proxyspex", "R^2 on held-out masks", "removed as well", "redundancy"):
        assert said in text
    assert "<table>" in result._repr_html_()
    frame = result.to_frame()
    assert len(frame) == len(result.terms)
    assert result.plot().axes[0].get_title() == "largest terms"
    assert (result.matrix() == result.matrix().T).all()
    read = Attribution.from_record(json.loads(json.dumps(result.to_record())))
    assert read.terms == result.terms
    masks = np.random.default_rng(0).random((5, 20)) < 0.5
    np.testing.assert_allclose(read.predict(masks), result.predict(masks), atol=1e-12)
    with pytest.raises(DataError, match="lacks"):
        Attribution.from_record({"format": "ideal-attribution"})
    with pytest.raises(DataError, match="expected a record"):
        Attribution.from_record({"format": "ideal-estimate"})
    with pytest.raises(UsageError, match="does not hold"):
        Attribution.from_record(ideal.attribute(VALUE, players=20, budget=100, index="bii", progress=False).to_record()).predict(
            masks
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "how many players"),
        ({"players": 20, "method": "spexx"}, "did you mean"),
        ({"players": 20, "index": "shap"}, "did you mean"),
        ({"players": 20, "index": "shapley", "order": 2}, "order of 1"),
        ({"players": 20, "budget": 1}, "budget"),
        ({"players": 20, "select": 21}, "between 1 and 20"),
        ({"players": 20, "size": 21}, "between 0 and 20"),
        ({"players": 20, "photons": 5.0}, "goes with an imaging system"),
        ({"players": 20, "elements": "filters"}, "goes with an imaging system"),
        ({"players": 20, "method": "exact"}, "up to 16"),
        ({"players": 20, "seed": 1.5}, "whole number"),
        ({"names": ["a"], "players": 20}, "1 `names` for 20 players"),
    ],
)
def test_what_has_no_meaning_is_refused_before_any_value(arguments, said):
    counted = Counted()
    with pytest.raises(UsageError, match=said):
        ideal.attribute(counted, progress=False, **arguments)
    assert not counted.masks


def test_a_value_that_is_none_is_one_clear_error():
    def value(masks):
        return np.where(masks[:, 3], np.nan, 1.0)

    with pytest.raises(DataError, match=r"value: the value of the set of .* is nan: expected a finite number"):
        ideal.attribute(value, players=20, progress=False)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "budget"), [(1, 3), (1, 300), (2, 20), (3, 20), (9, 20), (9, 700), (18, 2), (18, 21), (18, 64)])
def test_small_games_and_small_budgets_get_an_answer_or_one_clear_line(method, n, budget):
    counted = Counted(lambda masks: masks @ np.arange(1.0, n + 1))
    refused = True
    with suppress(UsageError):
        request = Request(budget, method, size=n // 2)
        share_out(METHODS.find(method)(), n, budget, request.tested_size, 0, is_exact=False)
        refused = False
    if refused:
        with pytest.raises(UsageError, match=r"`method=|`budget`"):
            ideal.attribute(counted, players=n, budget=budget, method=method, size=n // 2, progress=False)
        assert not counted.masks
        return
    found = ideal.attribute(
        counted, players=n, budget=budget, method=method, size=n // 2, index="sii", bootstrap=3, progress=False
    )
    assert found.ablations == len(counted.masks) <= budget
    assert np.isfinite([term.coefficient for term in found.terms]).all()
    repr(found)

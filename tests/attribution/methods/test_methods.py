"""Methods against functions that are known: all terms found, right answers at the edges, the same bytes for the same seed."""

import sys

import numpy as np
import pytest
from fixtures import games

from ideal.attribution import METHODS, SparseFunction
from ideal.attribution.games import FunctionGame, GramGame
from ideal.attribution.indices import index_terms
from ideal.attribution.methods.codes import code_for
from ideal.attribution.methods.members import choose_method
from ideal.attribution.methods.ordered import all_terms, fit_ordered
from ideal.attribution.methods.proxyspex import striking_parities
from ideal.attribution.methods.spex import Design, bits_for
from ideal.attribution.methods.trees import boosted, fourier_of_trees
from ideal.attribution.regression import fit_relevance, prior_of
from ideal.attribution.transforms import all_masks, fourier
from ideal.errors import MissingPackageError, UsageError

INFORMATION = {
    "gaussian process": lambda n, seed: FunctionGame(games.gaussian_process(n, 0.1 if n < 30 else 0.05, seed=seed), n),
    "leds": lambda n, seed: GramGame(games.leds(n, seed=seed)),
    "sites": lambda n, seed: GramGame(*(lambda grams, *pairs: (grams, None, pairs))(*games.sites(n, seed=seed))),
}


def fitted(name, value, n, budget, seed=0):
    method = METHODS.find(name)()
    method.check(n, budget)
    masks = method.masks(n, budget, seed)
    assert len(masks) <= budget
    assert len(np.unique(np.packbits(masks, axis=1), axis=0)) == len(masks)
    return method.fit(masks, np.asarray(value(masks), float), seed=seed)


def held_out(value, function, count=1500):
    masks = np.random.default_rng(999).random((count, function.n)) < 0.5
    return games.r_squared(value(masks), function(masks))


@pytest.mark.parametrize("basis", ["and", "fourier"])
@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("name", ["spex", "proxyspex"])
def test_sparse_games_are_found_whole(name, n, basis):
    value, terms = games.sparse_game(n, 12, seed=3, basis=basis)
    function = fitted(name, value, n, 2000).function
    assert held_out(value, function) >= 0.999999
    found = index_terms(function, "moebius" if basis == "and" else "fourier")
    top = sorted((term for term in found if term), key=lambda term: -abs(found[term]))[:12]
    assert sorted(top) == terms


def test_spex_finds_a_parity_and_terms_of_five_among_a_thousand():
    def parity(masks):
        return masks[:, [3, 17, 30, 44]].sum(1) % 2.0

    found = fitted("spex", parity, 50, 2000).function.table
    assert found == pytest.approx({(): 0.5, (3, 17, 30, 44): -0.5}, abs=1e-6)
    value, terms = games.sparse_game(1000, 20, seed=1, basis="fourier", degree=5)
    found = fitted("spex", value, 1000, 4000).function.table
    assert {term for term, coefficient in found.items() if abs(coefficient) > 0.1} == set(terms)


def test_spex_reads_through_noise():
    value, terms = games.sparse_game(60, 8, seed=5, basis="fourier", degree=4)
    rng = np.random.default_rng(0)
    found = fitted("spex", lambda masks: value(masks) + 0.3 * rng.normal(size=len(masks)), 60, 4000).function.table
    assert {term for term, coefficient in found.items() if abs(coefficient) > 0.25} == set(terms)


@pytest.mark.parametrize(("name", "least"), [("gaussian process", 0.997), ("leds", 0.988), ("sites", 0.983)])
def test_information_of_twenty_elements(name, least):
    for seed in range(2):
        game = INFORMATION[name](20, seed)
        assert held_out(game.values, fitted("proxyspex", game.values, 20, 1000).function) >= least


@pytest.mark.parametrize(("name", "least"), [("gaussian process", 0.995), ("leds", 0.985)])
def test_information_of_forty_elements(name, least):
    game = INFORMATION[name](40, 0)
    assert held_out(game.values, fitted("proxyspex", game.values, 40, 2000).function) >= least


@pytest.mark.parametrize("name", INFORMATION)
def test_estimates_against_all_sets(name):
    game = INFORMATION[name](12, 1)
    values = game.values(all_masks(12))
    truth = SparseFunction.full(fourier(values)).table
    found = fitted("proxyspex", game.values, 12, 1000).function.table
    assert max(abs(found.get(term, 0.0) - truth[term]) for term in all_terms(12, 2)) < 0.02 * values.std()


@pytest.mark.parametrize("name", ["order1", "order2", "order3", "proxyspex"])
@pytest.mark.parametrize("n", [1, 2, 8])
def test_additive_and_constant_games(name, n):
    weights = np.arange(1.0, n + 1)  # the small ones count too
    found = fitted(name, lambda masks: masks @ weights, n, min(2**n, 64)).function.table
    assert [found[(i,)] for i in range(n)] == pytest.approx((-weights / 2).tolist(), abs=1e-3)
    found = fitted(name, lambda masks: np.full(len(masks), 0.3), n, min(2**n, 64)).function.table
    assert found == pytest.approx({(): 0.3})


def test_fewer_masks_than_players():
    def value(masks):
        return 3.0 * masks[:, 5] - 2.0 * masks[:, 70] * masks[:, 8]

    for name in ("order1", "order2", "proxyspex", "lime", "shap"):
        fit = fitted(name, value, 100, 60)
        assert np.isfinite(fit.function(all_masks(7)[:, np.arange(100) % 7])).all()
    with pytest.raises(UsageError, match="spex` needs"):
        fitted("spex", value, 100, 60)


def test_the_same_seed_gives_the_same_bytes():
    value, _ = games.sparse_game(30, 12, seed=3)
    for name in METHODS:
        if name != "exact":
            first, second = (fitted(name, value, 30, 1500, seed=4).function for _ in range(2))
            assert first.terms == second.terms
            assert first.coefficients.tobytes() == second.coefficients.tobytes()


def test_shap_is_exact_where_it_sees_all_sets():
    value, _ = games.sparse_game(8, 6, seed=2)
    expected = index_terms(SparseFunction.full(fourier(value(all_masks(8)))), "shapley")
    found = fitted("shap", value, 8, 256).function
    for i in range(8):
        assert -2 * found.table[(i,)] == pytest.approx(expected[(i,)], abs=1e-6)


def test_lime_ranks_an_additive_game():
    weights = np.arange(1.0, 13)
    found = fitted("lime", lambda masks: masks @ weights, 12, 500).function
    assert np.argsort([-found.table[(i,)] for i in range(12)]).tolist() == list(range(12))


def test_the_transform_of_trees_is_exact():
    rng = np.random.default_rng(0)
    masks = rng.random((300, 7)) < 0.5
    roots = boosted(masks, rng.normal(size=300), 40, seed=0)

    def walk(node, mask):
        while "split_feature" in node:
            node = node["left_child" if float(mask[node["split_feature"]]) <= node["threshold"] else "right_child"]
        return node["leaf_value"]

    every = all_masks(7)
    expected = [sum(walk(root, mask) for root in roots) for mask in every]
    np.testing.assert_allclose(SparseFunction.of(7, fourier_of_trees(roots))(every), expected, atol=1e-12)


def test_parities_that_no_split_sees():
    masks = np.random.default_rng(0).random((1500, 40)) < 0.5
    signs = 1 - 2.0 * masks
    found = striking_parities(masks, signs[:, 3] * signs[:, 20] + signs[:, 5] * signs[:, 6] * signs[:, 39])
    assert set(found) >= {(3, 20), (5, 6, 39)}
    assert len(found) < 8


@pytest.mark.parametrize(("n", "parities"), [(10, 20), (20, 27), (50, 35), (200, 40), (460, 45), (900, 50)])
def test_codes_have_the_published_parities_and_decode(n, parities):
    code, rng = code_for(n, 5), np.random.default_rng(n)
    assert code.parities == parities
    sets, bits = np.zeros((200, n), bool), np.zeros((200, parities), bool)
    for row in range(200):
        players = rng.integers(0, 6)
        sets[row, rng.choice(n, min(players, n), replace=False)] = True
        bits[row, rng.choice(parities, rng.integers(0, 6 - players), replace=False)] = True
    decoded, found = code.decode(code.parity_bits(sets) ^ bits)
    assert decoded.all()
    assert (found == sets).all()


def test_the_bins_of_a_design_hold_what_hashes_to_them():
    design = Design.of(20, 3, seed=0)
    value, terms = games.sparse_game(20, 3, seed=0, basis="fourier")
    inside = fourier(value(design.flat).reshape(design.masks.shape[:3]))
    for group in range(3):
        full = {int((design.matrices[group][list(term)].sum(0) % 2) @ (1 << np.arange(3))) for term in terms}
        assert set(np.flatnonzero(np.abs(inside[group]).max(0) > 1e-9)) <= full
    assert bits_for(20, 3 * 28 * 8) == 3
    assert bits_for(20, 3 * 28 * 4 - 1) is None


def test_spex_refuses_masks_of_others():
    masks = np.random.default_rng(0).random((500, 20)) < 0.5
    with pytest.raises(UsageError, match="masks of its own"):
        METHODS.find("spex")().fit(masks, masks.sum(1) * 1.0)


def test_kernels_and_terms_give_the_same_regression():
    masks = np.random.default_rng(0).random((150, 20)) < 0.5
    values = games.gaussian_process(20, 0.1)(masks)
    terms = all_terms(20, 2)
    groups = np.array([len(term) for term in terms])
    by_terms = fit_relevance(20, terms, masks, values, prior_of(terms, values, 20), groups, steps=60).function
    by_kernels = fit_ordered(masks, values, 2).function
    others = np.random.default_rng(1).random((500, 20)) < 0.5
    assert np.abs(by_terms(others) - by_kernels(others)).max() < 0.15 * values.std()
    assert len(by_kernels) == 211


def test_the_choice_of_a_method_says_why(monkeypatch):
    assert choose_method(10, 1024, True)[0] == "exact"
    assert choose_method(100, 150, False)[0] == "order1"
    assert choose_method(100, 1500, False)[0] == "proxyspex"
    monkeypatch.setattr("ideal.attribution.methods.members.find_spec", lambda name: None)
    method, reason = choose_method(20, 1500, False)
    assert (method, "pip install 'ideal[attribution]'" in reason) == ("order2", True)
    assert choose_method(100, 1500, False)[0] == "order1"


def test_without_lightgbm_proxyspex_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    value, _ = games.sparse_game(20, 6, seed=3)
    with pytest.raises(MissingPackageError, match=r"pip install 'ideal\[attribution\]'"):
        fitted("proxyspex", value, 20, 500)


def test_exact_needs_all_sets():
    with pytest.raises(UsageError, match="up to 16 players"):
        METHODS.find("exact")().check(17, 2**17)
    with pytest.raises(UsageError, match="needs the values of all"):
        METHODS.find("exact")().check(5, 31)
    with pytest.raises(UsageError, match="1 are missing"):
        METHODS.find("exact")().fit(all_masks(3)[1:], np.ones(7))

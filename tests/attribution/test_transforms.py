"""Transforms and indices against their definitions and against brute force."""

import itertools
from math import comb, factorial

import numpy as np
import pytest

from ideal.attribution import SparseFunction, index_terms
from ideal.attribution.indices import INDICES, index_matrix, kind_of
from ideal.attribution.sparse import characters
from ideal.attribution.transforms import (
    all_masks,
    fourier,
    fourier_of_moebius,
    inverse_fourier,
    inverse_moebius,
    moebius,
    moebius_of_fourier,
)
from ideal.errors import UsageError

N = 6
VALUES = np.random.default_rng(0).normal(size=2**N)
MASKS = all_masks(N)
FUNCTION = SparseFunction.full(fourier(VALUES))
SETS = [tuple(np.flatnonzero(mask).tolist()) for mask in MASKS]
F = dict(zip(SETS, VALUES, strict=True))


def derivative(players, others):
    """What a set adds beyond its parts, beside others."""
    return sum(
        (-1) ** (len(players) - size) * F[tuple(sorted((*others, *part)))]
        for size in range(len(players) + 1)
        for part in itertools.combinations(players, size)
    )


def others_of(players):
    rest = [i for i in range(N) if i not in players]
    return [part for size in range(len(rest) + 1) for part in itertools.combinations(rest, size)]


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_identities(n):
    values = np.random.default_rng(n).normal(size=2**n)
    np.testing.assert_allclose(inverse_fourier(fourier(values)), values, atol=1e-12)
    np.testing.assert_allclose(inverse_moebius(moebius(values)), values, atol=1e-10)
    np.testing.assert_allclose(moebius_of_fourier(fourier(values)), moebius(values), atol=1e-10 * 2**n)
    np.testing.assert_allclose(fourier_of_moebius(moebius(values)), fourier(values), atol=1e-10)
    assert (fourier(values)[1:] ** 2).sum() == pytest.approx(values.var(), abs=1e-12)  # Parseval


def test_definitions():
    expected = [np.mean([(-1) ** len(set(s) & set(x)) * F[x] for x in SETS]) for s in SETS]
    np.testing.assert_allclose(fourier(VALUES), expected, atol=1e-12)
    np.testing.assert_allclose(moebius(VALUES), [derivative(s, ()) for s in SETS], atol=1e-12)
    with pytest.raises(UsageError, match="found 6"):
        fourier(np.ones(6))


def test_sparse_functions():
    np.testing.assert_allclose(FUNCTION(MASKS), VALUES, atol=1e-12)
    few = SparseFunction.of(40, {(): 1.0, (3,): -2.0, (30, 7, 1): 0.5})
    masks = np.random.default_rng(1).random((9, 40)) < 0.5
    signs = 1 - 2.0 * masks
    np.testing.assert_allclose(few(masks), 1 - 2 * signs[:, 3] + 0.5 * signs[:, 1] * signs[:, 7] * signs[:, 30], atol=1e-14)
    assert few.ordered().terms == ((), (3,), (1, 7, 30))
    assert few.degree == 3
    assert characters(masks, ()).shape == (9, 0)


def test_shapley_values_against_all_orders_of_arrival():
    expected = np.zeros(N)
    for order in itertools.permutations(range(N)):
        present: tuple[int, ...] = ()
        for player in order:
            more = tuple(sorted((*present, player)))
            expected[player] += (F[more] - F[present]) / factorial(N)
            present = more
    found = index_terms(FUNCTION, "shapley")
    np.testing.assert_allclose([found[(i,)] for i in range(N)], expected, atol=1e-10)
    assert sum(expected) == pytest.approx(VALUES[-1] - VALUES[0], abs=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_interaction_indices_against_their_definitions(order):
    bii, sii = index_terms(FUNCTION, "bii", order), index_terms(FUNCTION, "sii", order)
    for players in (s for s in SETS if len(s) <= order):
        rest = others_of(players)
        assert bii[players] == pytest.approx(np.mean([derivative(players, each) for each in rest]), abs=1e-10)
        size = N - len(players)
        if not players:
            assert sii[()] == pytest.approx(F[()], abs=1e-10)
            continue
        weights = [factorial(len(each)) * factorial(size - len(each)) / factorial(size + 1) for each in rest]
        assert sii[players] == pytest.approx(
            sum(w * derivative(players, e) for w, e in zip(weights, rest, strict=True)), abs=1e-10
        )
    fourier_terms = FUNCTION.table
    assert all(bii[s] == pytest.approx((-2) ** len(s) * fourier_terms[s], abs=1e-10) for s in bii)
    stii = index_terms(FUNCTION, "stii", order)
    for players in (s for s in SETS if len(s) == order):
        expected = order / N * sum(derivative(players, each) / comb(N - 1, len(each)) for each in others_of(players))
        assert stii[players] == pytest.approx(expected, abs=1e-10)
    assert sum(stii.values()) == pytest.approx(VALUES[-1], abs=1e-10)  # efficient


@pytest.mark.parametrize("order", [1, 2, 3])
def test_faith_indices_are_the_nearest_polynomials(order):
    parts = [s for s in SETS if len(s) <= order]
    design = np.array([[set(s) <= set(x) for s in parts] for x in SETS], float)
    nearest = np.linalg.lstsq(design, VALUES, rcond=None)[0]
    found = index_terms(FUNCTION, "fbii", order)
    np.testing.assert_allclose([found[s] for s in parts], nearest, atol=1e-10)
    # Faith-Shapley: Shapley weights between the empty set and all players, whose values are kept exactly.
    inner = [number for number, x in enumerate(SETS) if 0 < len(x) < N]
    weight = np.array([(N - 1) / (comb(N, len(SETS[k])) * len(SETS[k]) * (N - len(SETS[k]))) for k in inner])
    root = np.sqrt(weight)[:, None]
    normal = np.block(
        [
            [(design[inner] * root).T @ (design[inner] * root), design[[0, -1]].T],
            [design[[0, -1]], np.zeros((2, 2))],
        ]
    )
    right = np.r_[(design[inner] * weight[:, None]).T @ VALUES[inner], VALUES[[0, -1]]]
    found = index_terms(FUNCTION, "fsii", order)
    np.testing.assert_allclose([found[s] for s in parts], np.linalg.solve(normal, right)[: len(parts)], atol=1e-10)


def test_indices_from_moebius_coefficients_agree_with_the_paper():
    mass = dict(zip(SETS, moebius(VALUES), strict=True))
    for order in (1, 2, 3):
        found = index_terms(FUNCTION, "fbii", order)
        for s in found:
            above = [(t, m) for t, m in mass.items() if len(t) > order and set(s) <= set(t)]
            more = sum(
                (-1) ** (order - len(s)) * 2.0 ** (len(s) - len(t)) * comb(len(t) - len(s) - 1, order - len(s)) * m
                for t, m in above
            )
            assert found[s] == pytest.approx(mass[s] + more, abs=1e-10)


def test_sparse_and_full_routes_agree():
    few = SparseFunction.of(N, {(): 1.0, (0, 2): -2.0, (1, 3, 4): 0.5, (5,): 1.0})
    dense = dict(zip(SETS, moebius_of_fourier(few.all_coefficients()), strict=True))
    found = index_terms(few, "moebius")
    for players, value in dense.items():
        assert found.get(players, 0.0) == pytest.approx(value, abs=1e-12)
    assert index_terms(FUNCTION, "moebius") == pytest.approx(dict(zip(SETS, moebius(VALUES), strict=True)), abs=1e-10)


@pytest.mark.parametrize("name", INDICES)
def test_a_matrix_makes_the_same_index(name):
    few = SparseFunction.of(N, {(): 1.0, (0, 2): -2.0, (1, 3, 4): 0.5, (5,): 1.0})
    terms, matrix = index_matrix(few.terms, N, name, None)
    assert dict(zip(terms, matrix @ few.coefficients, strict=True)) == pytest.approx(index_terms(few, name), abs=1e-12)


def test_large_characters_do_not_cancel():
    # Moebius coefficients of a parity of 30 players reach 2^30; its Shapley values are 0, or 2/29 of one of 29.
    assert index_terms(SparseFunction.of(40, {tuple(range(12)): 1.0}), "shapley")[(0,)] == 0.0
    assert index_terms(SparseFunction.of(40, {tuple(range(13)): 1.0}), "shapley")[(0,)] == -2 / 13


def test_wrong_orders_and_names():
    for name, order in (("shapley", 2), ("banzhaf", 3), ("sii", 0)):
        with pytest.raises(UsageError, match="defined for an order"):
            index_terms(FUNCTION, name, order)
    with pytest.raises(UsageError, match="did you mean shapley"):
        index_terms(FUNCTION, "shaply")


def test_kinds():
    assert [kind_of(players, 1.0, True) for players in ((), (1,), (1, 2), (1, 2, 3))] == [
        "constant",
        "main",
        "synergy",
        "redundancy",
    ]
    assert [kind_of((1, 2, 3), value, False) for value in (1.0, -1.0, 0.0)] == ["synergy", "redundancy", "none"]

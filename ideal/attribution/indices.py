"""Indices of players and of their interactions, from the Fourier coefficients of a function.

Each index is a weighted sum of Moebius coefficients, index(S) = sum over U that hold S of c(|S|, |U|) m(U), and the Moebius
coefficients of one Fourier character T are (-2)^|U| for all U within T. Both together are one sum over Fourier coefficients,

    index(S) = sum over T that hold S of g(|S|, |T|) F(T),    g(s, t) = sum over j of C(t - s, j) (-2)^(s + j) c(s, s + j),

whose weights g are made of whole numbers and rounded once: no sum of large Moebius coefficients of alternating signs is taken.

Weights c: Grabisch and Roubens (1999) for BII and SII; Sundararajan et al. (2020) for STII; Tsai et al. (2023) for FBII and FSII.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb

import numpy as np

from ideal.attribution.sparse import SparseFunction, Term
from ideal.attribution.transforms import moebius_of_fourier
from ideal.errors import UsageError, unknown_name

_MOST_SUBSETS = 5_000_000  # of all terms together
_ALL = 16  # players up to which all Moebius coefficients are made at once


@dataclass(frozen=True)
class Index:
    """An index of players or interactions.

    Attributes:
        name: name on the command line.
        meaning: what it says, one line.
        order: largest number of players of a term where nobody says; None for as many as the function has.
        most: largest number of players that it is defined for; None for any.
        weight: c(s, u, order), the weight of the Moebius coefficient of u players in the index of s of them; None for the Fourier
            coefficients themselves.

    """

    name: str
    meaning: str
    order: int | None
    most: int | None
    weight: Callable[[int, int, int], Fraction] | None


def _moebius(s: int, u: int, order: int) -> Fraction:
    return Fraction(u == s)


def _banzhaf(s: int, u: int, order: int) -> Fraction:
    return Fraction(1, 2 ** (u - s))


def _shapley(s: int, u: int, order: int) -> Fraction:
    return Fraction(1, 1 + u - s) if s else Fraction(u == 0)  # the constant is what nobody is worth: values add up to all


def _shapley_taylor(s: int, u: int, order: int) -> Fraction:
    return Fraction(1, comb(u, order)) if s == order else Fraction(u == s)


def _faith_banzhaf(s: int, u: int, order: int) -> Fraction:
    if u <= order:
        return Fraction(u == s)
    return Fraction((-1) ** (order - s) * comb(u - s - 1, order - s), 2 ** (u - s))


def _faith_shapley(s: int, u: int, order: int) -> Fraction:
    if u <= order:
        return Fraction(u == s)
    if s == 0:
        return Fraction(0)
    return (
        (-1) ** (order - s)
        * Fraction(s, order + s)
        * comb(order, s)
        * Fraction(comb(u - 1, order), comb(u + order - 1, order + s))
    )


INDICES = {
    each.name: each
    for each in (
        Index("fourier", "Fourier coefficients: parts of the variance over uniform masks that add up", None, None, None),
        Index("moebius", "Moebius coefficients (Harsanyi dividends): what a set adds to all its subsets", None, None, _moebius),
        Index("banzhaf", "Banzhaf values: what a player adds, on average over all sets of others", 1, 1, _banzhaf),
        Index("shapley", "Shapley values: what a player adds, on average over all orders of arrival", 1, 1, _shapley),
        Index("bii", "Banzhaf interaction index: what a set adds beyond its parts, over all sets of others", 2, None, _banzhaf),
        Index("sii", "Shapley interaction index: the same over all orders of arrival", 2, None, _shapley),
        Index(
            "stii", "Shapley-Taylor index: like Moebius below its order, and shares out the rest there", 2, None, _shapley_taylor
        ),
        Index(
            "fbii",
            "Faith-Banzhaf: the polynomial of that order nearest to the function on uniform masks",
            2,
            None,
            _faith_banzhaf,
        ),
        Index("fsii", "Faith-Shapley: the polynomial of that order nearest under the Shapley weights", 2, None, _faith_shapley),
    )
}


def find_index(name: str) -> Index:
    """Return the index of this name.

    Raises:
        UsageError: there is none; the message suggests the nearest.

    """
    if name not in INDICES:
        raise UsageError(unknown_name("no index is called", name, INDICES))
    return INDICES[name]


def index_terms(function: SparseFunction, name: str, order: int | None = None) -> dict[Term, float]:
    """Return an index of a function, by its players; terms that no coefficient gives are left out, as zero.

    Args:
        function: whose index.
        name: one of `INDICES`.
        order: largest number of players of a term; None for the index's own. Faith indices and the Shapley-Taylor index depend on
            it in all their terms.

    Raises:
        UsageError: the index is unknown, is not defined for that order, or would have too many terms.

    Example:
        >>> index_terms(SparseFunction.of(2, {(): 1.0, (0, 1): 0.25}), "bii")
        {(): 1.0, (0,): 0.0, (1,): 0.0, (0, 1): 1.0}

    """
    index = find_index(name)
    if order is None:
        order = max(function.degree, 1) if index.order is None else index.order
    if order < 1 or (index.most is not None and order > index.most):
        raise UsageError(f"the index {name} is defined for an order of 1{'' if index.most == 1 else ' or more'}; found {order}")
    if index.weight is None:
        return function.up_to(order).table
    if name == "moebius" and function.n <= _ALL and len(function) > 2**function.n // 4:
        return SparseFunction.full(moebius_of_fourier(function.all_coefficients())).up_to(order).table
    sizes = [len(term) for term in function.terms]
    if sum(sum(comb(size, s) for s in range(min(size, order) + 1)) for size in sizes) > _MOST_SUBSETS:
        raise UsageError(f"the index {name} of order {order} has too many terms here: lower `order`, or take `index=fourier`")
    found: dict[Term, float] = {}
    for term, value in zip(function.terms, function.coefficients.tolist(), strict=True):
        for s in range(min(len(term), order) + 1):
            weight = _weight(name, s, len(term), order) * value
            for part in itertools.combinations(term, s):
                found[part] = found.get(part, 0.0) + weight
    return dict(sorted(found.items(), key=lambda each: (len(each[0]), each[0])))


@cache
def _weight(name: str, s: int, t: int, order: int) -> float:
    """Return g(s, t): the weight of a Fourier coefficient of t players in the index of s of them."""
    weight = INDICES[name].weight
    assert weight is not None  # Fourier coefficients need none
    return float(sum((comb(t - s, j) * (-2) ** (s + j) * weight(s, s + j, order) for j in range(t - s + 1)), Fraction(0)))


def kind_of(players: Term, value: float, is_fourier: bool) -> str:
    """Return what a term says: "constant", "main", "synergy" (together more than apart), "redundancy" or "none".

    Args:
        players: of the term.
        value: of its coefficient.
        is_fourier: whether that is a Fourier coefficient, whose sign stands for synergy only with that of its size.

    """
    if len(players) < 2:
        return "main" if players else "constant"
    joint = value * (-1) ** len(players) if is_fourier else value
    return "synergy" if joint > 0 else "redundancy" if joint < 0 else "none"


def index_matrix(function_terms: tuple[Term, ...], n: int, name: str, order: int | None) -> tuple[tuple[Term, ...], np.ndarray]:
    """Return the terms of an index and the matrix that makes it of coefficients, for many functions with the same terms.

    Returns:
        The terms, and (term of the index, term of the function), float64.

    """
    columns = []
    degree = max(map(len, function_terms), default=1)
    order = max(degree, 1) if order is None and find_index(name).order is None else order
    for term in function_terms:
        columns.append(index_terms(SparseFunction(n, (term,), np.ones(1)), name, order))
    terms = tuple(sorted({part for column in columns for part in column}, key=lambda part: (len(part), part)))
    place = {part: row for row, part in enumerate(terms)}
    matrix = np.zeros((len(terms), len(columns)))
    for number, column in enumerate(columns):
        for part, value in column.items():
            matrix[place[part], number] = value
    return terms, matrix

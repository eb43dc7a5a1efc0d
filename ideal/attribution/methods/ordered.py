"""Regression on all Fourier characters up to an order."""

from itertools import combinations
from math import comb

import numpy as np

from ideal.attribution.methods._contract import Fit, Method
from ideal.attribution.regression import FLOOR, Regression, fit_relevance, inverse_of, is_constant, prior_of
from ideal.attribution.sparse import SparseFunction, Term, characters
from ideal.errors import UsageError
from ideal.progress import Progress, silent

_MOST = 40_000  # characters
_STEPS, _MANY_STEPS, _FEW = 6, 40, 500  # of variances, where there are more characters than masks; of up to so few masks
_SETTLED = 0.05  # relative change that ends them
_BLOCK = 2048  # characters that are made at once


class Ordered(Method):
    """Ridge regression on all characters of up to `order` players; those of one order share a prior variance."""

    order: int

    def check(self, n: int, budget: int) -> None:
        """Refuse more characters than fit into memory."""
        super().check(n, budget)
        if count_terms(n, self.order) > _MOST:
            raise UsageError(
                f"`method={self.name}` has {count_terms(n, self.order)} terms for {n} players, more than {_MOST}: choose a lower "
                "order, proxyspex or spex"
            )

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the coefficients of all characters up to the order."""
        found = fit_ordered(masks, values, self.order)
        terms = count_terms(masks.shape[1], self.order)
        few = f"{len(masks)} masks for {terms} terms: the regression shrinks what it cannot tell" if len(masks) < terms else ""
        return Fit(found.function, found, (few,) if few else ())


class FirstOrder(Ordered):
    """Single players."""

    name, order = "order1", 1
    meaning = "regression on single players"


class SecondOrder(Ordered):
    """Single players and pairs."""

    name, order = "order2", 2
    meaning = "regression on single players and all pairs"


class ThirdOrder(Ordered):
    """Single players, pairs and triples."""

    name, order = "order3", 3
    meaning = "regression on single players, all pairs and all triples"


def fit_ordered(masks: np.ndarray, values: np.ndarray, order: int) -> Regression:
    """Return the regression on all characters of up to `order` players.

    Args:
        masks: who is present, (mask, player).
        values: of the masks, (mask,).
        order: largest number of players of a character.

    """
    n = masks.shape[1]
    terms = all_terms(n, order)
    prior = prior_of(terms, values, n)
    groups = np.array([len(term) for term in terms])
    if len(terms) <= len(masks) or order > 3 or is_constant(values):
        return fit_relevance(n, terms, masks, values, prior, groups)
    return _in_kernels(terms, masks, values, prior, groups)


def _in_kernels(
    terms: tuple[Term, ...], masks: np.ndarray, values: np.ndarray, prior: np.ndarray, groups: np.ndarray
) -> Regression:
    """Return the same regression where there are more terms than masks, by products of masks instead of terms.

    The sum over all S of one order of chi_S(x) chi_S(y) is a polynomial of the inner product of the signs of x and y.
    """
    count, n = masks.shape
    signs = 1.0 - 2.0 * masks
    inner = signs @ signs.T
    kernels = [np.ones_like(inner), inner, (inner**2 - n) / 2, (inner**3 - (3 * n - 2) * inner) / 6][: int(groups.max()) + 1]
    variances, spread = np.array([prior[groups == order][0] for order in range(len(kernels))]), float(values.var())
    noise = 0.05 * spread
    steps = _MANY_STEPS if count <= _FEW else _STEPS
    for step in range(steps + 1):
        matrix = noise * np.eye(count)
        for variance, kernel in zip(variances, kernels, strict=True):
            matrix += variance * kernel
        inverse = inverse_of(matrix)
        weights = inverse @ values
        if step == steps:
            break
        squares = np.array([weights @ kernel @ weights for kernel in kernels])
        shares = np.array([(kernel * inverse).sum() for kernel in kernels])
        left = noise * weights
        noise = max(float(left @ left) / max(count - float(variances @ shares), 1.0), FLOOR * spread)
        known = np.clip(variances * shares, 1e-12, count)
        before, variances = variances, variances**2 * np.maximum(squares, 0) / known
        variances = np.maximum(variances, FLOOR * spread)
        variances[0] = before[0]  # nothing is known of the constant beforehand
        if np.abs(np.log(variances / before)).max() < _SETTLED:
            break
    found = (
        np.concatenate([characters(masks, terms[k : k + _BLOCK]).T @ weights for k in range(0, len(terms), _BLOCK)])
        * variances[groups]
    )
    return Regression(SparseFunction(n, terms, found), variances[groups], noise)


def all_terms(n: int, order: int) -> tuple[Term, ...]:
    """Return all sets of up to `order` of n players, small ones first."""
    return tuple(term for size in range(min(order, n) + 1) for term in combinations(range(n), size))


def count_terms(n: int, order: int) -> int:
    """Return how many sets of up to `order` of n players there are."""
    return sum(comb(n, size) for size in range(min(order, n) + 1))

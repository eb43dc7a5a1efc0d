"""Regression on all Fourier characters up to an order."""

from itertools import combinations
from math import comb

import numpy as np

from ideal.attribution.methods._contract import Fit, Method
from ideal.attribution.regression import Regression, fit_relevance, prior_of
from ideal.attribution.sparse import Term
from ideal.errors import UsageError
from ideal.progress import Progress, silent

_MOST = 40_000  # characters


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
    groups = np.array([len(term) for term in terms])
    return fit_relevance(n, terms, masks, values, prior_of(terms, values, n), groups)


def all_terms(n: int, order: int) -> tuple[Term, ...]:
    """Return all sets of up to `order` of n players, small ones first."""
    return tuple(term for size in range(min(order, n) + 1) for term in combinations(range(n), size))


def count_terms(n: int, order: int) -> int:
    """Return how many sets of up to `order` of n players there are."""
    return sum(comb(n, size) for size in range(min(order, n) + 1))

"""ProxySPEX: boosted trees say which sets of players may interact, and regression on those sets says how much.

Butler et al. (2025), arXiv 2505.17495, with three changes. Trees are grown on what single players leave, since main effects carry
most of the variance of information and an energy cut on all of it drops the interactions. No cut decides what stays: each
coefficient has a prior variance, the square of what the trees say, that the regression makes larger or smaller until what nothing
speaks for is gone. And where that explains little, trees are grown again on what the regression leaves: once the large
coefficients are known, the small ones are seen. No split profits from a pure parity, whose players alone do nothing; those of two
and, where there is time, of three players are therefore looked for among all that there are, by their correlation with what is
left, and count where chance alone would hardly bring forth one as large.
"""

from math import comb

import numpy as np

from ideal.attribution.methods._contract import Fit, Method
from ideal.attribution.methods.ordered import all_terms, count_terms, fit_ordered
from ideal.attribution.methods.trees import boosted, fourier_of_trees
from ideal.attribution.regression import Regression, fit_relevance, prior_of
from ideal.attribution.sparse import Term
from ideal.progress import Progress, silent

_TREES = (300, 150, 150, 150)  # of each round
_NEW = 0.25  # of the masks: as many further coefficients of the trees a round looks at
_MOST_NEW = 1000
_PAIRS = 0.6  # of the masks: as many terms of up to two players may be looked at from the first
_DONE = 1e-9  # of the variance: nothing is left to explain
_BETTER = 0.5  # of the unexplained variance, with what its terms cost: a further round has to bring it below
_STEPS = 8  # of the variances, in a round
_PRODUCTS = 6e9  # of signs: triples are looked through where it takes no more
_LEAST = 1e-6  # of the variance: smallest prior variance of a coefficient that trees name


class ProxySpex(Method):
    """Boosted trees, their Fourier transform, and regression on what they name."""

    name = "proxyspex"
    meaning = "boosted trees name the interactions, regression measures them: interactions of players that matter themselves"

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the function that the last round of regression has fitted.

        Raises:
            MissingPackageError: LightGBM is not installed.

        """
        n, spread = masks.shape[1], float(values.var())
        found = fit_ordered(masks, values, 1)
        singles = all_terms(n, 1)
        first = all_terms(n, 2) if count_terms(n, 2) <= _PAIRS * len(masks) else singles
        for number, rounds in enumerate(_TREES):
            if found.noise <= _DONE * spread:
                break
            report(f"proxyspex, round {number + 1}", number / len(_TREES))
            left = values - found.function(masks)
            named = fourier_of_trees(boosted(masks, left, rounds, seed)) | striking_parities(masks, left)
            more = self._round(masks, values, found, named, singles if number else first)
            if number and _cost(more, len(masks)) > _BETTER * _cost(found, len(masks)):
                break
            found = more
        return Fit(found.function, found)

    @staticmethod
    def _round(
        masks: np.ndarray, values: np.ndarray, before: Regression, named: dict[Term, float], always: tuple[Term, ...]
    ) -> Regression:
        """Return the regression on the terms of the round before, those that trees name, and some that always take part."""
        spread, known = float(values.var()), dict(zip(before.function.terms, before.prior.tolist(), strict=True))
        new = sorted((term for term in named if len(term) > 1 and term not in known), key=lambda term: (-abs(named[term]), term))
        new = new[: min(_MOST_NEW, max(int(_NEW * len(masks)), 8))]
        terms = tuple(dict.fromkeys((*always, *known, *new)))
        prior = prior_of(terms, values, masks.shape[1])
        for place, term in enumerate(terms):
            if len(term) > 1:
                prior[place] = (known[term] if term in known else named.get(term, 0.0) ** 2) + _LEAST * spread
        return fit_relevance(masks.shape[1], terms, masks, values, prior, steps=_STEPS)


def striking_parities(masks: np.ndarray, left: np.ndarray) -> dict[Term, float]:
    """Return pairs and triples whose parity goes with values by more than chance: estimates of their Fourier coefficients.

    Args:
        masks: who is present, (mask, player).
        left: what other terms have left of the values, (mask,).

    """
    count, n = masks.shape
    signs = (1 - 2 * masks.astype(np.float32)).T
    scale = float(np.sqrt((left**2).mean())) or 1.0
    rest = (left / scale).astype(np.float32)
    triples = comb(n, 3) if count * n**3 / 3 <= _PRODUCTS else 0
    # Of so many correlations of pure noise, of standard deviation 1 / sqrt(masks), one in twenty searches has one as large.
    least = np.sqrt(2 * np.log(20 * (comb(n, 2) + triples + 1)) / count)
    found: dict[Term, float] = {}

    def take(of_rest: np.ndarray, begin: int, more: Term) -> None:
        correlations = (signs[begin:] * of_rest) @ signs[begin:].T / count
        for i, j in np.argwhere(np.triu(np.abs(correlations) > least, 1)):
            found[(*more, begin + int(i), begin + int(j))] = float(correlations[i, j]) * scale

    take(rest, 0, ())
    for first in range(n - 2 if triples else 0):
        take(rest * signs[first], first + 1, (first,))
    return found


def _cost(found: Regression, count: int) -> float:
    """Return the variance that a regression leaves, with what the number of its terms adds (generalised cross-validation)."""
    return found.noise / max(1 - len(found.function) / count, 1e-3)

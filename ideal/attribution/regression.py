"""Regression on Fourier characters whose coefficients have prior variances that the values themselves tell: relevance.

The coefficients are Gaussian a priori, each with its own variance, or all of a group with one, and so is what no character
explains. Variances follow from the evidence, by MacKay's fixed-point steps (1992; Tipping 2001): w = mu^2 / gamma for a
coefficient of posterior mean mu that the values determine to the share gamma. A coefficient that nothing speaks for goes to zero,
and what is left are the few of a sparse function, exactly, where there is no noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ideal.attribution.sparse import SparseFunction, Term, characters

FLOOR = 1e-14  # of the values' variance: what is left unexplained counts as no less
_PRUNED = 1e-10  # of the values' variance: a coefficient of less prior variance is left out
_CONSTANT = 1e3  # prior variance of the constant, in variances of the values, beside their mean squared


@dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients of characters that were fitted to values.

    Attributes:
        function: the characters that are left and their coefficients.
        prior: prior variance of each, (term,).
        noise: variance of what they leave unexplained.

    """

    function: SparseFunction
    prior: np.ndarray
    noise: float

    def again(self, masks: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the coefficients of the same characters and variances for other weights of the masks, (draw, term).

        Args:
            masks: who is present, (mask, player).
            values: of the masks, (mask,).
            weights: of each mask in each draw, (draw, mask), such as how often a bootstrap has drawn it.

        """
        design = characters(masks, self.function.terms) * np.sqrt(self.prior)
        found, noise = [], self.noise or FLOOR * float(self.prior.max(initial=1.0))
        for weight in weights:
            root = np.sqrt(weight)
            mean, _ = _posterior(design * root[:, None], values * root, noise)
            found.append(mean * np.sqrt(self.prior))
        return np.array(found)


def fit_relevance(
    n: int,
    terms: Sequence[Term],
    masks: np.ndarray,
    values: np.ndarray,
    prior: np.ndarray,
    groups: np.ndarray | None = None,
    steps: int = 10,
) -> Regression:
    """Return the coefficients of characters, with prior variances that follow from the values.

    Args:
        n: number of players.
        terms: players of each character.
        masks: who is present, (mask, player).
        values: of the masks, (mask,).
        prior: variance of each coefficient to begin with, (term,).
        groups: number of the group of each coefficient, (term,), whose members share one variance; None for one each.
        steps: how often variances are made anew.

    """
    terms, spread = tuple(terms), float(values.var())
    if is_constant(values):
        kept = tuple(term for term in terms if not term)
        return Regression(SparseFunction(n, kept, np.full(len(kept), values.mean())), np.full(len(kept), 1.0), 0.0)
    design = characters(masks, terms)
    prior, noise, kept_rows = np.array(prior, np.float64), 0.05 * spread, np.arange(len(terms))
    gram = design.T @ design if len(terms) <= len(masks) else None
    constant = np.array([not term for term in terms])
    for step in range(steps + 1):
        scale = np.sqrt(prior[kept_rows])
        mean, share = _posterior(design[:, kept_rows] * scale, values, noise, _cut(gram, kept_rows, scale))
        mean = mean * scale
        if step == steps:
            break
        left = values - design[:, kept_rows] @ mean
        fixed = prior[constant]
        noise = max(float(left @ left) / max(len(values) - share.sum(), 1.0), FLOOR * spread)
        if groups is None:
            prior[kept_rows] = mean**2 / share
        else:
            of = groups[kept_rows]
            sums, shares = np.bincount(of, mean**2), np.bincount(of, share)
            prior[kept_rows] = (sums / np.maximum(shares, np.finfo(float).tiny))[of]
        prior[constant] = fixed  # nothing is known of the constant beforehand
        more = kept_rows[prior[kept_rows] > _PRUNED * spread]
        if len(more) < len(kept_rows):
            kept_rows = more
            if gram is None and len(kept_rows) <= len(masks):
                gram = np.zeros((len(terms), len(terms)))
                gram[np.ix_(kept_rows, kept_rows)] = design[:, kept_rows].T @ design[:, kept_rows]
    function = SparseFunction(n, tuple(terms[row] for row in kept_rows), mean)
    return Regression(function, prior[kept_rows], noise)


def is_constant(values: np.ndarray) -> bool:
    """Tell whether values differ by rounding alone."""
    return bool(values.var() <= np.finfo(float).eps ** 2 * float((values**2).mean()))


def prior_of(terms: Sequence[Term], values: np.ndarray, n: int) -> np.ndarray:
    """Return prior variances to begin with: the variance of the values, shared out among terms, less to those of many players."""
    spread = max(float(values.var()), np.finfo(float).tiny)
    shares = {0: _CONSTANT * spread + float(values.mean()) ** 2, 1: spread / n}
    return np.array([shares.get(len(term), spread * 0.1 ** len(term) * 5 / n ** min(len(term), 2)) for term in terms])


def _cut(gram: np.ndarray | None, rows: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
    if gram is None:
        return None
    part = gram if len(rows) == len(gram) else gram[np.ix_(rows, rows)]
    return part * scale[:, None] * scale


def _posterior(
    design: np.ndarray, values: np.ndarray, noise: float, gram: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior mean of coefficients of unit prior variance, and to what share the values determine each."""
    count, terms = design.shape
    if terms <= count:
        matrix = (design.T @ design if gram is None else gram) / noise
        matrix[np.diag_indices(terms)] += 1.0
        inverse = _root_of_inverse(matrix)
        mean = inverse.T @ (inverse @ (design.T @ values / noise))
        return mean, np.clip(1 - (inverse**2).sum(0), 1e-12, 1.0)
    matrix = design @ design.T
    matrix[np.diag_indices(count)] += noise
    inverse = _root_of_inverse(matrix)
    part = inverse @ design
    return part.T @ (inverse @ values), np.clip((part**2).sum(0), 1e-12, 1.0)


def inverse_of(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of a positive definite matrix."""
    from scipy.linalg import lapack

    factor, failed = lapack.dpotrf(matrix, lower=1, clean=1)
    if failed:
        root = _root_of_inverse(matrix)
        return root.T @ root
    lower, _ = lapack.dpotri(factor, lower=1)
    return np.tril(lower) + np.tril(lower, -1).T


def _root_of_inverse(matrix: np.ndarray) -> np.ndarray:
    """Return R with R^T R the inverse of a positive definite matrix, lower triangular."""
    from scipy.linalg import lapack

    extra = 0.0
    while True:
        factor, failed = lapack.dpotrf(matrix + extra * np.eye(len(matrix)) if extra else matrix, lower=1, clean=1)
        if not failed:
            inverse, _ = lapack.dtrtri(factor, lower=1)
            return inverse
        # Rounding: of columns that are the same in all masks, where next to nothing is left unexplained.
        extra = max(extra * 10, 1e-14 * float(np.trace(matrix)) / len(matrix))

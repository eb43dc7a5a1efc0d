"""What others do: LIME and KernelSHAP, additive models of weighted masks, to compare with."""

from math import comb

import numpy as np

from ideal.attribution.methods._contract import DRAWN, Fit, Method
from ideal.attribution.sparse import SparseFunction, Term
from ideal.errors import UsageError
from ideal.progress import Progress, silent

_WIDTH = 0.25  # of LIME's kernel, of the cosine distance from all players present
_RIDGE = 1e-3  # LIME's, relative to the masks' number
_SAME = 40  # draws in a row of masks that are there already: there are no others


class Lime(Method):
    """Ridge regression, masks with most players present weighing most (Ribeiro et al. 2016, as of its texts)."""

    name = "lime"
    meaning = "baseline: weighted ridge regression on single players (LIME)"
    uniform, refits = False, False

    def masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return masks that lack 1 to n players, each number alike; all players present come first."""
        rng = np.random.default_rng([seed, DRAWN])
        return _different(n, budget, lambda: n - int(rng.integers(1, n + 1)), rng, paired=False)

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the additive function."""
        share = np.sqrt(masks.mean(1))  # cosine between a mask and that of all players
        weight = np.sqrt(np.exp(-((1 - share) ** 2) / _WIDTH**2))
        design = masks.astype(np.float64)
        total = weight.sum()
        centre, mean = weight @ design / total, weight @ values / total
        inner = (design - centre) * np.sqrt(weight)[:, None]
        matrix = inner.T @ inner + _RIDGE * total * np.eye(masks.shape[1])
        effects = np.linalg.solve(matrix, inner.T @ ((values - mean) * np.sqrt(weight)))
        return Fit(_additive(float(mean - centre @ effects), effects))


class KernelShap(Method):
    """Shapley values by regression under the Shapley kernel, with the ends kept (Lundberg and Lee 2017)."""

    name = "shap"
    meaning = "baseline: Shapley values by weighted regression on single players (KernelSHAP)"
    uniform, refits = False, False

    def masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return the empty mask and that of all, and others by the Shapley kernel, each with its complement."""
        rng = np.random.default_rng([seed, DRAWN])
        ends = np.stack([np.ones(n, bool), np.zeros(n, bool)])
        if n < 2:
            return ends[:budget]
        sizes = np.arange(1, n)
        share = 1 / (sizes * (n - sizes))
        drawn = _different(n, budget - 1, lambda: int(rng.choice(sizes, p=share / share.sum())), rng, paired=True)
        return np.concatenate([drawn[:1], ends[1:], drawn[1:]])

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the additive function whose effects are estimates of Shapley values."""
        n, sizes = masks.shape[1], masks.sum(1)
        ends = [np.flatnonzero(sizes == size) for size in (0, n)]
        if not all(map(len, ends)):
            raise UsageError("`method=shap` needs the values of the empty set and of all players")
        nothing, everything = (float(values[rows[0]]) for rows in ends)
        inner = (sizes > 0) & (sizes < n)
        design, rest = masks[inner].astype(np.float64), values[inner] - nothing
        # Masks are drawn by the kernel, but each once: those that are few of their size would have come again and again.
        counts = np.bincount(sizes[inner], minlength=n + 1)
        kernel = np.array([0.0] + [1 / (size * (n - size)) for size in range(1, n)] + [0.0])
        weight = (kernel / np.maximum(counts, 1))[sizes[inner]]
        gain, ones = everything - nothing, np.ones(n)
        if not inner.any():  # nothing tells the players apart
            return Fit(_additive(nothing, np.full(n, gain / n)))
        matrix = design.T @ (design * weight[:, None])
        matrix += 1e-10 * (np.trace(matrix) / n + 1e-300) * np.eye(n)
        solved = np.linalg.solve(matrix, np.stack([design.T @ (weight * rest), ones], axis=1)) if n > 1 else np.ones((1, 2))
        effects = solved[:, 0] + solved[:, 1] * (gain - solved[:, 0].sum()) / solved[:, 1].sum()
        return Fit(_additive(nothing, effects))


def _additive(base: float, effects: np.ndarray) -> SparseFunction:
    terms: tuple[Term, ...] = ((), *((i,) for i in range(len(effects))))
    return SparseFunction(len(effects), terms, np.concatenate([[base + effects.sum() / 2], -effects / 2]))


def _different(n: int, budget: int, size, rng: np.random.Generator, *, paired: bool) -> np.ndarray:
    """Return the mask of all players and different others of random sizes, as many as are found."""
    found, same = {np.packbits(np.ones(n, bool)).tobytes(): np.ones(n, bool)}, 0
    most = min(budget, sum(comb(n, k) for k in range(n + 1)) if n < 40 else budget)
    while len(found) < most and same < _SAME * n:
        mask = np.isin(np.arange(n), rng.permutation(n)[: size()])
        before = len(found)
        for each in (mask, ~mask) if paired else (mask,):
            if len(found) < most:
                found.setdefault(np.packbits(each).tobytes(), each)
        same = 0 if len(found) > before else same + 1
    return np.array(list(found.values()))

"""What is always told of a fitted function: how faithful it is, what removals really do, and how much noise there is."""

from typing import Any

import numpy as np

from ideal.attribution.budget import Masks
from ideal.attribution.games import TableGame, UnknownSetsError
from ideal.attribution.games._contract import checked_values
from ideal.attribution.games.keeping import Kept
from ideal.attribution.methods._contract import Fit
from ideal.attribution.methods.ordered import count_terms, fit_ordered
from ideal.attribution.sparse import SparseFunction

_LARGEST_BASELINE = 25_000  # terms of a regression to compare with
_DRAWS = 3  # in the key of the bootstrap


def faithfulness(kept: Kept, masks: Masks, tested: SparseFunction, exact: bool) -> dict[str, Any]:
    """Return R^2 on masks that the fit has not seen, beside regression of order 1 and 2 on the same masks.

    Args:
        kept: the value function, which knows these masks.
        masks: of the run.
        tested: what was fitted to `masks.learned`.
        exact: whether these are all masks; R^2 is then that of all of them.

    Returns:
        "order1", "order2" and "method" on uniform masks; "at_size" with the same on masks of the size that matters, or None;
        how many masks each is of. None for what cannot be told: no masks were held out, or their values are all the same.

    """
    n = masks.learned.shape[1]
    values = kept(masks.learned)
    functions: dict[str, SparseFunction | None] = {}
    for order in (1, 2):
        if exact:
            functions[f"order{order}"] = tested.up_to(order)
        elif count_terms(n, order) > _LARGEST_BASELINE:
            functions[f"order{order}"] = None
        else:
            functions[f"order{order}"] = fit_ordered(masks.learned, values, order).function
    functions["method"] = tested
    held = masks.learned if exact else masks.held_out

    def all_of(where: np.ndarray) -> dict[str, float | None]:
        truth = kept(where) if len(where) else np.zeros(0)
        return {name: None if each is None else r_squared(truth, each(where)) for name, each in functions.items()}

    found: dict[str, Any] = {**all_of(held), "held_out": len(held)}
    found["at_size"] = {**all_of(masks.sized), "held_out": len(masks.sized)} if len(masks.sized) else None
    return found


def r_squared(truth: np.ndarray, estimate: np.ndarray) -> float | None:
    """Return 1 - the share of the variance that is left; None where there is none."""
    if len(truth) < 2:
        return None
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread <= 1e-24 * float((truth**2).sum()):
        return None
    return 1 - float(((truth - estimate) ** 2).sum()) / spread


def noise_floor(kept: Kept, repeats: int, spread: float) -> dict[str, Any]:
    """Return the standard deviation of repeated values of one set, and what share of the variance over masks that is.

    Args:
        kept: the value function.
        repeats: how often all players are valued again.
        spread: variance of the values over masks.

    """
    game = kept.game
    if isinstance(game, TableGame):
        deviation = game.noise
        how = (
            "masks that the table has more than once" if deviation is not None else "not measured: the table has every mask once"
        )
    elif game.is_exact:
        deviation, how = 0.0, "none: a closed form"
    elif repeats < 1:
        deviation, how = None, "not measured: the budget is small"
    else:
        everyone = np.ones((1, kept.n), bool)
        first = kept(everyone)
        again = np.repeat(everyone, repeats, axis=0)
        values = np.concatenate([first, checked_values(game.values(again), again, game.title)])
        deviation, how = float(values.std(ddof=1)), f"{repeats + 1} values of all players"
    share = None if deviation is None or spread <= 0 else deviation**2 / spread
    return {"deviation": deviation, "share": share, "how": how}


def removals(kept: Kept, function: SparseFunction, count: int) -> list[dict[str, Any]]:
    """Return what is left when players are removed, one after the other, whose removal costs most by the fitted function.

    Args:
        kept: the value function, which values each set that is left.
        function: fitted to it.
        count: number of players to remove.

    Returns:
        For each step the `removed` players, the `value` that is left, and what was `predicted`; value is None where a table does
        not know it.

    """
    mask, removed, found = np.ones(kept.n, bool), [], []
    for _ in range(count):
        present = np.flatnonzero(mask)
        without = np.repeat(mask[None], len(present), axis=0)
        without[np.arange(len(present)), present] = False
        predicted = function(without)
        best = int(predicted.argmin())
        mask = without[best]
        removed.append(int(present[best]))
        found.append({"removed": list(removed), "value": _known(kept, mask), "predicted": float(predicted[best])})
    return found


def _known(kept: Kept, mask: np.ndarray) -> float | None:
    try:
        return float(kept(mask[None])[0])
    except UnknownSetsError:
        return None


def ends(kept: Kept) -> dict[str, float | None]:
    """Return the values of the empty set and of all players; None where a table does not know them."""
    return {"none": _known(kept, np.zeros(kept.n, bool)), "all": _known(kept, np.ones(kept.n, bool))}


def bootstrapped(method, fit: Fit, masks: np.ndarray, values: np.ndarray, draws: int, seed: int) -> np.ndarray | None:
    """Return coefficients of the fitted terms from masks drawn with replacement, (draw, term).

    The terms and their prior variances stay: it is the error of coefficients, not of the choice of terms.

    Args:
        method: that fitted.
        fit: its function.
        masks: that it was fitted to, (mask, player).
        values: of the masks.
        draws: how many times; 0 for none.
        seed: of the draws.

    Returns:
        None where there is nothing to draw: all masks are known, or no draws are wanted.

    """
    if method.exact or draws < 2:
        return None
    rng = np.random.default_rng([seed, _DRAWS])
    if fit.regression is not None:
        weights = rng.multinomial(len(masks), np.full(len(masks), 1 / len(masks)), size=draws).astype(np.float64)
        return fit.regression.again(masks, values, weights)
    sizes = masks.sum(1)
    fixed = np.flatnonzero((sizes == 0) | (sizes == masks.shape[1]))  # KernelSHAP keeps the ends
    rest = np.setdiff1d(np.arange(len(masks)), fixed)
    found = []
    for _ in range(draws):
        rows = np.concatenate([fixed, rng.choice(rest, len(rest))]) if len(rest) else fixed
        again = method.fit(masks[rows], values[rows], seed=seed).function.table
        found.append([again.get(term, 0.0) for term in fit.function.terms])
    return np.array(found)

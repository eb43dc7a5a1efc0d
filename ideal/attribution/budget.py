"""How a budget of masks is shared out: what is learned from, what is held out, and what tests need."""

from dataclasses import dataclass
from math import comb

import numpy as np

from ideal.attribution.methods._contract import Method, uniform_masks
from ideal.errors import UsageError

_HELD_OUT, _LEAST_HELD, _MOST_HELD = 0.2, 16, 500  # share of the masks to learn from, and how many at least and at most
_SIZED, _MOST_SIZED = 0.1, 200  # share of the budget for masks of the size that matters
_REPEATS = 3  # further values of all players, where the same set may get different ones
_REMOVED = 5  # players that are removed in turn
_ENDS = 2  # the empty set and all players
_SMALL = 64  # masks of a budget that has room for neither repeats nor removals
_HELD, _OF_SIZE, _SPLIT = 2, 3, 4  # in the keys of what is random


@dataclass(frozen=True, eq=False)
class Masks:
    """The masks of a run.

    Attributes:
        learned: for the fit that is tested, (mask, player).
        held_out: uniform masks that it is tested on; those of the last fit, too, where the method has a use for them.
        sized: masks of the size that matters, that nothing is fitted to; empty where no size is named.
        repeats: how often all players are valued again.
        removals: how many players are removed in turn.

    """

    learned: np.ndarray
    held_out: np.ndarray
    sized: np.ndarray
    repeats: int
    removals: int

    @property
    def all(self) -> np.ndarray:
        """All masks that are known beforehand, and the empty set and all players, each once."""
        n = self.learned.shape[1]
        every = np.concatenate([self.learned, self.held_out, self.sized, np.zeros((1, n), bool), np.ones((1, n), bool)])
        return different(every)


def share_out(method: Method, n: int, budget: int, size: int | None, seed: int, *, is_exact: bool) -> Masks:
    """Return the masks of a run that may value as many sets as the budget says, and no more.

    Args:
        method: that learns.
        n: number of players.
        budget: sets that may be valued.
        size: players of the masks that matter; None for none.
        seed: of what is random.
        is_exact: whether the same set always has the same value.

    Raises:
        UsageError: the budget is too small for the method.

    """
    check_size(size, n)
    if method.exact:
        method.check(n, budget)
        every = method.masks(n, budget, seed)
        repeats = 0 if is_exact else min(_REPEATS, budget - len(every))
        return Masks(every, every[:0], sized_masks(n, size, _MOST_SIZED, seed), repeats, min(_REMOVED, n))
    large = budget >= _SMALL
    repeats, removals = (0 if is_exact else _REPEATS) * large, min(_REMOVED, n) * large
    sized = sized_masks(n, size, min(int(_SIZED * budget), _MOST_SIZED), seed)
    left = budget - repeats - removals - len(sized) - _ENDS
    if n < 60 and left + len(sized) >= 2**n:  # all sets are learned from: none is left to test on
        sized, left = sized[:0], left + len(sized)
    if method.uniform:
        method.check(n, left)
        drawn = method.masks(n, left, seed)
        learned, held = split(drawn[~_among(drawn, sized)], seed)
        return Masks(learned, held, sized, repeats, removals)
    share = min(max(int(_HELD_OUT * left), _LEAST_HELD), left // 3) if not method.refits else _LEAST_HELD
    method.check(n, left - share)
    learned = method.masks(n, left - share, seed)
    sized = sized[~_among(sized, learned)]
    spare = min(left - len(learned), _MOST_HELD)
    others = uniform_masks(n, min(2 * spare + 8, 2**n if n < 60 else 2 * spare + 8), [seed, _HELD])
    held = others[~_among(others, np.concatenate([learned, sized]))][:spare]
    return Masks(learned, held, sized, repeats, removals)


def share_table(method: Method, masks: np.ndarray, size: int | None, seed: int) -> Masks:
    """Return the masks of a run with a table of values: all of it, but for the masks of the size that matters.

    Args:
        method: that learns.
        masks: of the table, (mask, player).
        size: players of the masks that matter; None for none.
        seed: of what is random.

    Raises:
        UsageError: the table is too small for the method.

    """
    n = masks.shape[1]
    check_size(size, n)
    if method.exact:
        method.check(n, len(masks))
        return Masks(masks, masks[:0], masks[masks.sum(1) == size] if size is not None else masks[:0], 0, min(_REMOVED, n))
    needed = method.needed(masks, seed)
    is_sized = _among(masks, sized_masks(n, size, _MOST_SIZED, seed)) & ~needed
    if needed.any():
        return Masks(masks[needed], masks[~needed & ~is_sized], masks[is_sized], 0, min(_REMOVED, n))
    method.check(n, int((~is_sized).sum()))
    learned, held = split(masks[~is_sized], seed) if method.uniform else (masks[~is_sized], masks[:0])
    return Masks(learned, held, masks[is_sized], 0, min(_REMOVED, n))


def split(masks: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return masks to learn from and masks to test on, both in the order they came; too few are all learned from."""
    held = min(int(_HELD_OUT * len(masks)), _MOST_HELD)
    if held < 2:
        return masks, masks[:0]
    chosen = np.isin(np.arange(len(masks)), np.random.default_rng([seed, _SPLIT]).permutation(len(masks))[:held])
    return masks[~chosen], masks[chosen]


def sized_masks(n: int, size: int | None, count: int, seed: int) -> np.ndarray:
    """Return different random masks with so many players present, at most `count`; a smaller count gives the first of them."""
    if size is None or count < 2:
        return np.zeros((0, n), bool)
    rng = np.random.default_rng([seed, _OF_SIZE, size])
    found: dict[bytes, np.ndarray] = {}
    most = min(count, comb(n, size))
    while len(found) < most:
        mask = np.isin(np.arange(n), rng.permutation(n)[:size])
        found.setdefault(np.packbits(mask).tobytes(), mask)
    return np.array(list(found.values()))


def _among(masks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which masks are among others, (mask,), boolean."""
    known = {np.packbits(mask).tobytes() for mask in others}
    return np.array([np.packbits(mask).tobytes() in known for mask in masks], bool)


def check_size(size: int | None, n: int) -> None:
    """Refuse a size that no set of players has.

    Raises:
        UsageError: it is none.

    """
    if size is not None and not 0 <= size <= n:
        raise UsageError(f"`size={size}`: sets have between 0 and {n} players")


def different(masks: np.ndarray) -> np.ndarray:
    """Return each mask once, in the order they came."""
    found: dict[bytes, np.ndarray] = {}
    for mask in masks:
        found.setdefault(np.packbits(mask).tobytes(), mask)
    return np.array(list(found.values()), bool).reshape(-1, masks.shape[1])


def default_budget(n: int) -> int:
    """Return how many sets are valued where nobody says: all of up to 12 players, of more 25 a player, from 1,000 to 10,000.

    All sets come with the repeats that tell how much noise there is.
    """
    return 2**n + _REPEATS if n <= 12 else min(max(1000, 25 * n), 10_000)

"""What every value function can do: say what sets of its players are worth."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ideal._arguments import whole
from ideal.errors import DataError, UsageError

_NAMED = 6  # players that a message has room to name


class Game(ABC):
    """A value function: what each set of players is worth.

    Attributes:
        names: one name for each player.
        unit: unit of the values; "" for none.
        title: what is valued, for tables and figures.
        is_exact: whether the same set is known to get the same value, as of a closed form; others are asked again for some sets.
        noun: what one player is called.

    """

    names: tuple[str, ...]
    unit: str = ""
    title: str = "value"
    is_exact: bool = False
    noun: str = "player"

    @property
    def n(self) -> int:
        """The number of players."""
        return len(self.names)

    @abstractmethod
    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return what several sets of players are worth.

        Args:
            masks: who is present, (mask, player), boolean.

        Returns:
            (mask,), float64.

        Raises:
            DataError: a set has no value.

        """


def player_names(n: int, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return names of players: those that are given, or numbers from 0.

    Raises:
        UsageError: there are no players, or not as many names, or two players share one.

    """
    n = whole("`players`", n, 1)
    if names is None:
        return tuple(map(str, range(n)))
    names = tuple(map(str, names))
    if len(names) != n:
        raise UsageError(f"there are {len(names)} `names` for {n} players: give one for each")
    if len(set(names)) < n:
        twice = next(each for number, each in enumerate(names) if each in names[:number])
        raise UsageError(f"two players are called {twice!r}: give each its own name")
    return names


def as_masks(masks: np.ndarray, n: int) -> np.ndarray:
    """Return masks as a boolean array, (mask, player).

    Raises:
        UsageError: they are of another shape, or have other values than 0 and 1.

    """
    found = np.asarray(masks)
    if found.ndim != 2 or found.shape[1] != n:
        raise UsageError(f"masks of shape {found.shape}: expected (masks, {n}), one column for each player")
    if found.dtype != bool and not np.isin(found, (0, 1)).all():
        raise UsageError("a mask has 0 or 1 (False or True) for each player: other numbers were found")
    return found.astype(bool)


def checked_values(found, masks: np.ndarray, what: str) -> np.ndarray:
    """Return values as float64 after a check that there is one number for each mask.

    Args:
        found: what the value function returned.
        masks: what it was asked for, (mask, player).
        what: name of the value function, for messages.

    Raises:
        DataError: there are fewer or more values, or one is no finite number; the message names the players of that set.

    """
    try:
        values = np.asarray(found)
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: its values are no numbers ({error}); return an array of {len(masks)} numbers") from None
    if values.shape != (len(masks),):
        raise DataError(
            f"{what}: {len(masks)} masks of shape {masks.shape} gave values of shape {values.shape}; expected ({len(masks)},)"
        )
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(f"{what}: the value of {described(masks[wrong[0]])} is {values[wrong[0]]}: expected a finite number")
    return values


def described(mask: np.ndarray) -> str:
    """Return a set of players in words, for messages."""
    present = np.flatnonzero(mask)
    if len(present) == len(mask):
        return f"the set of all {len(mask)} players"
    if not len(present):
        return "the empty set"
    if len(present) <= _NAMED:
        return f"the set of {'player' if len(present) == 1 else 'players'} {', '.join(map(str, present))}"
    return f"the set of {len(present)} players {', '.join(map(str, present[:_NAMED]))} ..."

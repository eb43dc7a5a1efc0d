"""What every method of attribution can do: say which masks it learns from, and fit a function of few terms to their values."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ideal.attribution.regression import Regression
from ideal.attribution.sparse import SparseFunction
from ideal.errors import UsageError
from ideal.progress import Progress, silent

DRAWN = 1  # in the key of the masks that methods learn from


@dataclass(frozen=True, eq=False)
class Fit:
    """A function that a method has fitted.

    Attributes:
        function: what was fitted.
        regression: its last regression, which bootstrap draws repeat; None where there is none to repeat.
        notes: what a user should know of it, a sentence each.

    """

    function: SparseFunction
    regression: Regression | None = None
    notes: tuple[str, ...] = ()


class Method(ABC):
    """A method of attribution.

    Attributes:
        name: name on the command line.
        meaning: one line for people.
        uniform: whether it learns from masks that are drawn uniformly, so that those of a table serve it.
        exact: whether its function is the value function itself.
        refits: whether uniform masks that were held out serve the last fit as well.

    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    uniform: ClassVar[bool] = True
    exact: ClassVar[bool] = False
    refits: ClassVar[bool] = True

    def check(self, n: int, budget: int) -> None:
        """Refuse a number of players or of masks that the method has no use for.

        Raises:
            UsageError: it is so.

        """
        if budget < 2:
            raise UsageError(
                f"`budget`: {self.name} learns from two masks or more, beside those of tests; it leaves {max(budget, 0)}"
            )

    def masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return the masks to learn from, at most `budget` of them, (mask, player), boolean."""
        return uniform_masks(n, budget, [seed, DRAWN])

    def needed(self, masks: np.ndarray, seed: int) -> np.ndarray:
        """Return which masks of a table belong to a design that the method needs whole, (mask,), boolean: mostly none."""
        return np.zeros(len(masks), bool)

    @abstractmethod
    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the function that explains values.

        Args:
            masks: who is present, (mask, player), boolean; those of `masks`, and others.
            values: of the masks, (mask,), finite.
            seed: of whatever is random.
            report: shows progress.

        Raises:
            UsageError: the masks are not those that the method needs.
            MissingPackageError: a package is not installed.

        """


def uniform_masks(n: int, count: int, key) -> np.ndarray:
    """Return different masks that were drawn uniformly, as many as there are at most, (mask, player), boolean."""
    rng = np.random.default_rng(key)
    if n <= 20 and count >= 2**n // 4:  # draw from all of them
        numbers = rng.permutation(2**n)[:count]
        return (numbers[:, None] >> np.arange(n) & 1).astype(bool)
    found: dict[bytes, np.ndarray] = {}
    while len(found) < count:
        for mask in rng.random((count - len(found), n)) < 0.5:
            found.setdefault(np.packbits(mask).tobytes(), mask)
    return np.array(list(found.values()))

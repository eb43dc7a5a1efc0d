"""Which K players are worth most: the surrogate's best sets as starts, finished by swaps on the true value."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from ideal.attribution.games.keeping import Kept
from ideal.attribution.sparse import SparseFunction
from ideal.errors import UsageError
from ideal.optimize.selection.search import Choice, Choosing, exhaustive, greedy, swaps
from ideal.progress import Progress, silent

_LIMIT = 10_000  # sets that are all looked at where the value is a closed form
_LISTED = 200_000  # sets whose predicted values are all looked at
_STARTS = 6  # sets of the surrogate that swaps start from
_APART = 2  # exchanges that part two of them
_BLOCK = 4096
_RANDOM = 8  # sets to search the surrogate from, where they are not all listed


@dataclass(frozen=True)
class Selected:
    """The sets of K players that each strategy has found.

    Attributes:
        choices: of each strategy, with the value and how many sets it looked at.
        evaluations: how many new sets were valued for all of them.
        is_proven: whether all sets were looked at.

    """

    choices: tuple[Choice, ...]
    evaluations: int
    is_proven: bool

    @property
    def best(self) -> Choice:
        """The set of the largest value; the first of equals."""
        return max(self.choices, key=lambda choice: choice.bits)

    def to_record(self) -> dict[str, Any]:
        """Return the selection as JSON types."""
        return {
            "players": list(self.best.members),
            "value": self.best.bits,
            "strategy": self.best.strategy,
            "is_proven": self.is_proven,
            "evaluations": self.evaluations,
            "strategies": [
                {"strategy": each.strategy, "players": list(each.members), "value": each.bits, "evaluations": each.evaluations}
                for each in self.choices
            ],
        }


@dataclass(frozen=True)
class _Value:
    """A value function as a search among sets needs it."""

    kept: Kept

    @property
    def size(self) -> int:
        return self.kept.n

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        return self.kept(chosen)


def select(
    kept: Kept, function: SparseFunction, count: int, *, limit: int | None = None, seed: int = 0, report: Progress = silent
) -> Selected:
    """Return the best set of so many players that several strategies find on the true value.

    The largest sets of the fitted function, apart from each other, are valued and improved by the best swaps; greedy choice,
    alone and with swaps, stands beside; all sets are looked at where there are few.

    Args:
        kept: the value function.
        function: fitted to it.
        count: number of players to select.
        limit: largest number of sets that are all looked at; None for 10,000 of a closed form, and for none of others.
        seed: of the sets from which the fitted function is searched where it has too many.
        report: shows progress.

    Raises:
        UsageError: there are not as many players.

    """
    if not 1 <= count <= kept.n:
        raise UsageError(f"`select={count}`: choose between 1 and {kept.n} players")
    before = kept.asked
    task, found = Choosing(_Value(kept), count), []
    report("selection: the best sets of the fitted function", None)
    starts = best_sets(function, count, seed)
    values = task.evaluate(starts)
    top = [Choice("surrogate", start, float(value), 1, 0.0) for start, value in zip(starts, values, strict=True)]
    found.append(max(top, key=lambda choice: choice.bits))
    improved = [swaps(task, each) for each in top]
    best = max(improved, key=lambda choice: choice.bits)
    looked = len(top) + sum(each.evaluations for each in improved)
    found.append(Choice("surrogate + swaps", best.members, best.bits, looked, 0.0))
    report("selection: greedy choice", None)
    first = greedy(task)
    more = swaps(task, first)
    found += [first, Choice("greedy + swaps", more.members, more.bits, first.evaluations + more.evaluations, 0.0)]
    if limit is None:
        limit = _LIMIT if kept.game.is_exact else 0
    if task.sets <= limit:
        report("selection: all sets", None)
        found.append(exhaustive(task, limit=limit))
    return Selected(tuple(found), kept.asked - before, task.sets <= limit)


def best_sets(function: SparseFunction, count: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Return sets of so many players with the largest values of a function, the best first, which differ by two players or more.

    Args:
        function: to be searched: all sets where they are up to 200,000, elsewhere by swaps from several sets.
        count: players of a set.
        seed: of random sets to begin with.

    """
    n = function.n
    if comb(n, count) <= _LISTED:
        candidates = list(itertools.combinations(range(n), count))
        values = np.concatenate([_predicted(function, candidates[k : k + _BLOCK]) for k in range(0, len(candidates), _BLOCK)])
    else:
        rng, task = np.random.default_rng([seed, 5]), Choosing(_Surrogate(function), count)
        begins = [greedy(task).members, *(tuple(rng.permutation(n)[:count].tolist()) for _ in range(_RANDOM))]
        ends = [swaps(task, Choice("", begin, float(task.evaluate([begin])[0]), 1, 0.0)) for begin in begins]
        candidates, values = [each.members for each in ends], np.array([each.bits for each in ends])
    chosen: list[tuple[int, ...]] = []
    for number in np.argsort(-values, kind="stable"):
        candidate = tuple(sorted(candidates[int(number)]))
        if all(len(set(candidate) - set(other)) >= min(_APART, count, n - count) for other in chosen) and candidate not in chosen:
            chosen.append(candidate)
        if len(chosen) == _STARTS:
            break
    return chosen


@dataclass(frozen=True)
class _Surrogate:
    """A fitted function as a search among sets needs it."""

    function: SparseFunction

    @property
    def size(self) -> int:
        return self.function.n

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        return self.function(chosen)


def _predicted(function: SparseFunction, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
    masks = np.zeros((len(sets), function.n), bool)
    masks[np.arange(len(sets))[:, None], np.array(sets, dtype=int)] = True
    return function(masks)

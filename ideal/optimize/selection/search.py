"""Choosing k of n (sites, LEDs, filters): exhaustively, greedily, by swaps, and by a relaxation that is rounded.

A baseline needs both its sites, so what a set of sites tells is not submodular: greedy choice alone comes with no promise, and
the value of a single site is nothing. `choose` looks at all sets where it can, and elsewhere takes every
way there is and reports all.
"""

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ideal.errors import UsageError
from ideal.imaging import Budget
from ideal.optimize.selection.set_value import HardValue, SetValue
from ideal.progress import Progress, silent

_BLOCK = 1024  # sets of an exhaustive search that are listed at once
_LIMIT = 10_000  # sets for an exhaustive search
_TOLERANCE = 1e-9  # relative: a smaller gain is rounding


@dataclass(frozen=True)
class Choosing:
    """A choice to be made: so many of the candidates, in addition to fixed members.

    Args:
        value: of a set.
        count: members to choose beside the fixed ones.
        fixed: numbers of those that always take part.
        candidates: numbers of those to choose from; None for all that are not fixed.

    Raises:
        UsageError: a number is no member's, or there are not as many candidates.

    """

    value: HardValue
    count: int
    fixed: tuple[int, ...] = ()
    candidates: tuple[int, ...] | None = None

    def __post_init__(self):
        wrong = [each for each in (*self.fixed, *(self.candidates or ())) if not 0 <= each < self.value.size]
        if wrong:
            raise UsageError(f"there is no member {wrong[0]}: they are numbered from 0 to {self.value.size - 1}")
        if not 1 <= self.count <= len(self.free):
            raise UsageError(f"choose between 1 and {len(self.free)} of the candidates; found {self.count}")

    @property
    def free(self) -> np.ndarray:
        """Numbers of the candidates."""
        every = range(self.value.size) if self.candidates is None else dict.fromkeys(self.candidates)
        return np.array([each for each in every if each not in self.fixed], dtype=int)

    @property
    def sets(self) -> int:
        """How many choices there are."""
        return math.comb(len(self.free), self.count)

    def evaluate(self, added: Sequence[Sequence[int]] | np.ndarray) -> np.ndarray:
        """Return the bits of the fixed members with each of several sets of others."""
        chosen = np.zeros((len(added), self.value.size), bool)
        chosen[:, list(self.fixed)] = True
        for row, each in zip(chosen, added, strict=True):
            row[list(each)] = True
        return self.value.hard(chosen)


@dataclass(frozen=True)
class Choice:
    """A set, and how it was found.

    Attributes:
        strategy: name.
        members: numbers of those that were chosen beside the fixed ones, ascending.
        bits: per measurement.
        evaluations: sets that were looked at.
        seconds: that it took.
        ranking: bits and members of every set there is, the best first; None where not all were looked at.

    """

    strategy: str
    members: tuple[int, ...]
    bits: float
    evaluations: int
    seconds: float
    ranking: list[tuple[float, tuple[int, ...]]] | None = field(default=None, repr=False, compare=False)


def exhaustive(task: Choosing, *, limit: int = _LIMIT) -> Choice:
    """Return the best of all sets, and with it what each of them is worth.

    Raises:
        UsageError: there are more than `limit`.

    """
    if task.sets > limit:
        raise UsageError(f"{task.sets} sets are more than the {limit} of an exhaustive search: choose fewer, or raise the limit")
    begun = time.perf_counter()
    sets: list[tuple[float, tuple[int, ...]]] = []
    every = itertools.combinations(task.free.tolist(), task.count)
    while block := list(itertools.islice(every, _BLOCK)):
        sets += zip(task.evaluate(block).tolist(), block, strict=True)
    sets.sort(key=lambda each: -each[0])  # of equals the first comes first
    bits, best = sets[0]
    return replace(_choice("exhaustive", best, bits, task.sets, begun), ranking=sets)


def greedy(task: Choosing) -> Choice:
    """Return the set that grows by its best next member, or by its best next two where no single one adds anything."""
    begun, looked = time.perf_counter(), 1
    chosen: tuple[int, ...] = ()
    bits = float(task.evaluate([()])[0])
    while len(chosen) < task.count:
        rest = [each for each in task.free.tolist() if each not in chosen]
        ways: list[tuple[int, ...]] = [(*chosen, each) for each in rest]
        found = task.evaluate(ways)
        looked += len(ways)
        if found.max() <= bits + _least(bits) and len(chosen) + 2 <= task.count:
            ways = [(*chosen, *pair) for pair in itertools.combinations(rest, 2)]
            found = task.evaluate(ways)
            looked += len(ways)
        chosen, bits = ways[int(found.argmax())], float(found.max())
    return _choice("greedy", chosen, bits, looked, begun)


def swaps(task: Choosing, start: Choice) -> Choice:
    """Return where the best exchanges of one that is chosen for one that is not lead from a set, never below it."""
    begun, chosen, bits, looked = time.perf_counter(), start.members, start.bits, 0
    while True:
        rest = [each for each in task.free.tolist() if each not in chosen]
        ways = [(*(each for each in chosen if each != out), come) for out in chosen for come in rest]
        found = task.evaluate(ways) if ways else np.array([-np.inf])
        looked += len(ways)
        if not found.max() > bits + _least(bits):
            return _choice(f"{start.strategy} + swaps", chosen, bits, looked, begun)
        chosen, bits = ways[int(found.argmax())], float(found.max())


def restarts(task: Choosing, *, starts: int = 4, seed: int = 0) -> Choice:
    """Return the best of where swaps lead from random sets."""
    begun, rng = time.perf_counter(), np.random.default_rng([seed, 1])
    ways = [_draw(task, rng) for _ in range(starts)]
    values = task.evaluate(ways)
    found = [swaps(task, Choice("random", way, float(bits), 1, 0.0)) for way, bits in zip(ways, values, strict=True)]
    best = max(found, key=lambda choice: choice.bits)
    return _choice(best.strategy, best.members, best.bits, starts + sum(each.evaluations for each in found), begun)


def relaxation(
    task: Choosing, *, steps: int = 100, starts: int = 4, learning_rate: float = 0.2, sharpness: float = 8.0, seed: int = 0
) -> Choice:
    """Return the largest of weights that gradient ascent finds under the budget of the count, rounded.

    Several starts at once: one with equal weights, the others at random. Weights are sharpened as the ascent goes on, with the
    square of the step.

    Args:
        task: whom to choose from.
        steps: of Adam.
        starts: how many.
        learning_rate: at the beginning; it falls along a cosine.
        sharpness: of the weights at the end, from 1.
        seed: of the starts.

    Raises:
        UsageError: the value is one of whole sets alone.

    """
    begun, free, budget, value = time.perf_counter(), task.free, Budget(task.count), task.value
    if not isinstance(value, SetValue):
        raise UsageError("a relaxation needs the value of shares of members")
    level = np.log(task.count / max(len(free) - task.count, 0.5))  # logit of an even share
    with jax.enable_x64(True):
        adam = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))
        fixed = jnp.zeros(value.size).at[jnp.asarray(task.fixed, int)].set(1.0)

        def bits(logits, step, arrays):
            weights = budget.physical(logits, 1 + (sharpness - 1) * (step / steps) ** 2)
            return value.soft(fixed.at[free].set(weights), arrays)

        @jax.jit
        def ascend(logits, arrays):
            def advance(carry, step):
                slope = jax.vmap(jax.grad(bits), (0, None, None))(carry[0], step, arrays)
                change, memory = adam.update(-slope, carry[1])
                return (optax.apply_updates(carry[0], change), memory), None

            (logits, _), _ = jax.lax.scan(advance, (logits, adam.init(logits)), jnp.arange(steps))
            return logits

        scatter = np.random.default_rng(seed).normal(size=(starts, len(free))) * (np.arange(starts) > 0)[:, None]
        logits = np.asarray(ascend(jnp.asarray(level + scatter), jax.tree.map(jnp.asarray, value.arrays)))
    ways = np.unique([np.sort(free[np.argsort(-each, kind="stable")[: task.count]]) for each in logits], axis=0)
    found = task.evaluate(ways)
    return _choice("relaxation", ways[int(found.argmax())], float(found.max()), len(ways), begun)


@dataclass(frozen=True)
class Selection:
    """What every strategy chose.

    Attributes:
        choices: one for each strategy, in the order in which they were tried.

    """

    choices: tuple[Choice, ...]

    @property
    def sets(self) -> list[tuple[float, tuple[int, ...]]] | None:
        """Bits and members of every set there is, the best first; None where not all were looked at."""
        return next((choice.ranking for choice in self.choices if choice.ranking is not None), None)

    @property
    def best(self) -> Choice:
        """The set of most bits; the first of equals."""
        return max(self.choices, key=lambda choice: choice.bits)


def choose(
    task: Choosing,
    *,
    limit: int = _LIMIT,
    starts: int = 4,
    steps: int = 100,
    seed: int = 0,
    report: Progress = silent,
) -> Selection:
    """Choose by looking at all sets where these are few enough, which proves the best, or else by every other strategy.

    The others are greedy choice, a relaxation, swaps from either and from random sets; greedy choice is told beside a proof, too.

    Args:
        task: whom to choose from.
        limit: largest number of sets that are all looked at.
        starts: of the relaxation, and random sets to swap from; 0 for no random sets.
        steps: of the relaxation.
        seed: of those.
        report: is told of each choice.

    """
    found = []

    def add(choice):
        found.append(choice)
        report(f"{choice.strategy}: {choice.bits:.3f} bits", None)
        return choice

    if task.sets <= limit:
        add(greedy(task))
        add(exhaustive(task, limit=limit))
        return Selection(tuple(found))
    for start in (greedy, lambda task: relaxation(task, steps=steps, starts=max(starts, 1), seed=seed)):
        first = add(start(task))
        more = swaps(task, first)
        add(replace(more, seconds=first.seconds + more.seconds, evaluations=first.evaluations + more.evaluations))
    if starts:
        add(restarts(task, starts=starts, seed=seed))
    return Selection(tuple(found))


def choose_at_random(task: Choosing, seed: int = 0) -> tuple[int, ...]:
    """Return a set that was drawn from the candidates."""
    return tuple(sorted(_draw(task, np.random.default_rng([seed, 4]))))


def _draw(task: Choosing, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.permutation(task.free)[: task.count].tolist())


def _choice(strategy, members, bits, evaluations, begun) -> Choice:
    seconds = time.perf_counter() - begun
    return Choice(strategy, tuple(sorted(map(int, members))), float(bits), int(evaluations), seconds)


def _least(bits: float) -> float:
    return _TOLERANCE * max(1.0, abs(bits))

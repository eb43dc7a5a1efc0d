"""Local search on a hard design: other filters for single pixels, and exchanges between two, as long as they bring something."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal._checkpoints import distrust
from ideal.errors import DataError, UsageError, unknown_name
from ideal.imaging import ImagingSystem, OneOf, Params
from ideal.optimize._contract import Objective
from ideal.optimize.ascent.checkpoint import read_tree, write_tree
from ideal.progress import Progress, silent

_BATCH = 32  # designs that are evaluated together
_KEEP_SECONDS = 10.0  # between checkpoints
_ROUNDING = 64  # units in the last place of the gain: a smaller improvement is none


@dataclass(frozen=True)
class Rules:
    """Which hard designs will do.

    Args:
        floors: least number of pixels of the tile for each alternative, by its name (a filter's) or its number.
        counts_fixed: whether each alternative keeps its number of pixels, so that only exchanges are tried.

    """

    floors: Mapping[str, int] | Mapping[int, int] | None = None
    counts_fixed: bool = False


@dataclass(frozen=True)
class LocalSearch:
    """Where a local search has led.

    Attributes:
        params: the best design that was found.
        before: the objective's gain of the design that was given, in its units (bits per pixel).
        gain: that of the design found.
        held_out_gain: that of the design found.
        changes: accepted, several together as one, those that the floors needed counted too.
        evaluations: designs that were looked at.
        seconds: that it took.
        stopped: why it ended: "optimum" (no single change and no exchange improves it), "evaluations" or "time".

    """

    params: Params
    before: float
    gain: float
    held_out_gain: float
    changes: int
    evaluations: int
    seconds: float
    stopped: str


def search_locally(
    objective: Objective,
    params: Params,
    *,
    rules: Rules | None = None,
    state: Any = (),
    most: int | None = None,
    time_limit: float | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    report: Progress = silent,
) -> LocalSearch:
    """Improve a hard design by changes of one cell and exchanges of two, in the parameter whose constraint is `OneOf`.

    Changes are tried in the order of what the gradient at the design promises of them, some at once, and the best of each batch
    is accepted where it improves the objective's gain, or several together where they improve it more; to take the best of all
    2200 changes of a mosaic of 64 pixels each time would need many times as many evaluations. The search is on the gain of the
    scenes that the design is for, and the held-out gain is reported beside it: a search on the held-out scenes would leave no
    figure that it has not seen. A random objective keeps to one key, so that designs are compared on the same draws. The result
    is never below the design given, unless that breaks a floor, which is mended first.

    Args:
        objective: what to raise.
        params: a hard design, one alternative for each cell.
        rules: floors and counts; None for none.
        state: of the objective, as of an ascent.
        most: evaluations, at most; with 0 only floors are mended.
        time_limit: seconds; where it is reached, the design depends on the machine's speed.
        seed: of the objective where it is random.
        checkpoint: file that keeps the state of the search; one that is there is gone on with.
        report: shows progress.

    Raises:
        UsageError: the system has no such parameter, the design is not hard, or a floor cannot be met.
        DataError: the gain of the design given is not finite.

    """
    begun, rules = time.monotonic(), rules or Rules()
    name = choice_parameter(objective.task.system)
    shape = np.shape(params[name])
    given = _cells(params[name], name)
    least = _floors(objective.task.system, rules, given, shape[-1])
    measure = _Measure(objective, params, name, state, jax.random.key(seed))
    before = measure.single(given)
    if not np.isfinite(before):
        raise DataError(f"the objective {objective.name} is not finite for the design that is to be improved")
    now = _resumed(checkpoint, given)
    if now is None:
        cells, gain, changes = _mend(given, before, least, measure)
        now = _Place(cells, gain, changes, mended=measure.evaluations)
    else:
        begun, measure.evaluations = begun - now.seconds, now.evaluations
    every = _changes(len(given), shape[-1], rules.counts_fixed)
    kept, stopped = time.monotonic(), ""
    try:
        while not stopped:
            now.seconds, now.evaluations = time.monotonic() - begun, measure.evaluations
            if now.idle >= len(every):
                stopped = "optimum"
            elif most is not None and measure.evaluations - now.mended >= most:
                stopped = "evaluations"
            elif time_limit is not None and now.seconds > time_limit:
                stopped = "time"
            else:
                now = _tried(now, every, least, measure)
                report(f"local search: {now.changes} changes, {now.gain:.4f} {objective.unit}", None)
            if checkpoint is not None and time.monotonic() - kept > _KEEP_SECONDS:
                _keep(checkpoint, given, now)
                kept = time.monotonic()
    finally:
        if checkpoint is not None:
            _keep(checkpoint, given, now)
    held_out = measure.held_out(now.cells)
    return LocalSearch(
        measure.params_of(now.cells),
        before,
        now.gain,
        held_out,
        now.changes,
        now.evaluations,
        now.seconds,
        stopped,
    )


@dataclass
class _Place:
    """Where a search is between two batches: `idle` changes were looked at since the last that was accepted."""

    cells: np.ndarray
    gain: float
    changes: int
    idle: int = 0
    evaluations: int = 0
    mended: int = 0  # evaluations that floors have cost
    seconds: float = 0.0


def _tried(now: _Place, every: list, least: np.ndarray, measure: "_Measure") -> _Place:
    """Return the place after a batch of changes, `now` stays as it is."""
    ways: list[np.ndarray] = []
    idle, order = now.idle, measure.order(now.cells, every)
    while len(ways) < _BATCH and idle < len(every):
        way = _changed(now.cells, every[order[idle]], least)
        idle += 1
        if way is not None:
            ways.append(way)
    found = measure.many(ways)
    better = np.flatnonzero(found > now.gain + measure.rounding * max(1.0, abs(now.gain)))
    if not better.size:
        return replace(now, idle=idle)
    singles = [ways[each] for each in better[np.argsort(-found[better], kind="stable")]]
    together = _together(now.cells, singles, least)
    joint = measure.many(together)
    if len(together) and joint.max() > found.max():
        return replace(now, cells=together[int(joint.argmax())], gain=float(joint.max()), changes=now.changes + 1, idle=0)
    return replace(now, cells=singles[0], gain=float(found.max()), changes=now.changes + 1, idle=0)


def _together(cells: np.ndarray, ways: list[np.ndarray], least: np.ndarray) -> list[np.ndarray]:
    """Return the design with the first two of the ways that touch different cells, the first three, and so on."""
    found, joint, touched = [], cells.copy(), np.zeros(len(cells), bool)
    for way in ways:
        own = way != cells
        if (own & touched).any():
            continue
        touched |= own
        joint = np.where(own, way, joint)
        if (np.bincount(joint, minlength=len(least)) >= least).all():
            found.append(joint)
    return found[1:]


def _keep(path: Path, given: np.ndarray, now: _Place) -> None:
    facts = {each.name: getattr(now, each.name) for each in fields(now) if each.name != "cells"}
    write_tree(path, {"given": given, "cells": now.cells}, facts)


def _resumed(path: Path | None, given: np.ndarray) -> _Place | None:
    if path is None or (kept := read_tree(path, {"given": given, "cells": given})) is None:
        return None
    arrays, facts = kept
    if not np.array_equal(arrays["given"], given):
        distrust(path, "it is of a search from another design")
        return None
    return _Place(cells=np.asarray(arrays["cells"]), **facts)


def check_rules(system: ImagingSystem, params: Params, rules: Rules) -> None:
    """Refuse rules that no design of a system can meet, before any work.

    Args:
        system: what is designed.
        params: of any of its designs.
        rules: to be met.

    Raises:
        UsageError: the system has no choices to make, there is no such alternative, or there are too few cells.

    """
    name = choice_parameter(system)
    shape = np.shape(params[name])
    _floors(system, rules, np.zeros(int(np.prod(shape[:-1])), int), shape[-1])


def choice_parameter(system: ImagingSystem) -> str:
    """Return the name of the parameter whose constraint is `OneOf`.

    Raises:
        UsageError: there is none.

    """
    for name, constraint in system.constraints.items():
        if isinstance(constraint, OneOf):
            return name
    raise UsageError(f"{system.name} has no parameter that is one of several alternatives: there is no local search for it")


class _Measure:
    """The gain of designs, given as the number of each cell's alternative, (cell,)."""

    def __init__(self, objective: Objective, params: Params, name: str, state: Any, key: jax.Array):
        self.evaluations = 0
        self._state, self._name = state, name
        shape, dtype = np.shape(params[name]), jnp.asarray(params[name]).dtype
        others = {other: value for other, value in params.items() if other != name}

        def expanded(cells):
            return others | {name: jax.nn.one_hot(cells, shape[-1], dtype=dtype).reshape(shape)}

        self.params_of = expanded
        self._gains = jax.jit(jax.vmap(lambda cells, state: objective.gain(expanded(cells), state, key), (0, None)))
        self._slopes = jax.jit(jax.grad(lambda soft, state: objective.gain(others | {name: soft}, state, key)))
        self._ordered: tuple[np.ndarray | None, np.ndarray] = None, np.empty(0, int)  # of which cells, and the numbers
        self._held_out = jax.jit(lambda cells, state: objective.validation_gain(expanded(cells), state, key))

    def many(self, designs: list[np.ndarray]) -> np.ndarray:
        """Return the gains of at most a batch of designs; what is not a number is the worst."""
        if not designs:
            return np.empty(0)
        self.evaluations += len(designs)
        padded = np.stack(designs + designs[-1:] * (_BATCH - len(designs)))
        found = self._gains(jnp.asarray(padded), self._state)[: len(designs)]
        self.rounding = _ROUNDING * float(jnp.finfo(found.dtype).eps)
        return np.nan_to_num(np.asarray(found, np.float64), nan=-np.inf)

    def order(self, cells: np.ndarray, every: list[tuple[int, int]]) -> np.ndarray:
        """Return the numbers of the changes, those first that the gradient promises most of."""
        if self._ordered[0] is not cells:
            soft = self.params_of(jnp.asarray(cells))
            slopes = self._slopes(soft[self._name], self._state)
            slopes = np.nan_to_num(np.asarray(slopes, np.float64).reshape(len(cells), -1))
            (cell, to), own = np.array(every).T, slopes[np.arange(len(cells)), cells]
            other = np.where(to < 0, -1 - to, cell)
            promised = slopes[cell, np.where(to < 0, cells[other], to)] - own[cell]
            promised += np.where(to < 0, slopes[other, cells[cell]] - own[other], 0.0)
            self._ordered = cells, np.argsort(-promised, kind="stable")
        return self._ordered[1]

    def single(self, cells: np.ndarray) -> float:
        """Return the gain of one design, from the same compiled function: another would round in another way."""
        return float(self.many([cells])[0])

    def held_out(self, cells: np.ndarray) -> float:
        """Return the gain of one design for the held-out scenes."""
        return float(self._held_out(jnp.asarray(cells), self._state))


def _cells(shares, name: str) -> np.ndarray:
    values = np.asarray(shares, np.float64)
    cells = values.reshape(-1, values.shape[-1])
    if np.abs(cells - np.eye(cells.shape[1])[cells.argmax(1)]).max() > 1e-6:
        raise UsageError(f"{name}: a local search begins with a hard design, one alternative for each cell; found shares")
    return cells.argmax(1)


def _floors(system: ImagingSystem, rules: Rules, cells: np.ndarray, alternatives: int) -> np.ndarray:
    names, least = tuple(system.settings.get("filters", ())), np.zeros(alternatives, int)
    for which, count in (rules.floors or {}).items():
        known = which in names if isinstance(which, str) else 0 <= which < alternatives
        if not known:
            raise UsageError(unknown_name(f"{system.name}: a floor is set for the alternative", str(which), names))
        least[names.index(which) if isinstance(which, str) else which] = count
    if least.min() < 0 or least.sum() > len(cells):
        raise UsageError(f"floors of {', '.join(map(str, least))} cannot be met by {len(cells)} cells")
    if rules.counts_fixed and (np.bincount(cells, minlength=alternatives) < least).any():
        raise UsageError("the design has fewer cells of an alternative than its floor, and the counts are to be kept")
    return least


def _mend(cells: np.ndarray, gain: float, least: np.ndarray, measure: _Measure) -> tuple[np.ndarray, float, int]:
    """Return the design with every floor met, by the best change at a time, its gain and the number of changes."""
    changes = 0
    while (short := np.flatnonzero(np.bincount(cells, minlength=len(least)) < least)).size:
        spare = np.flatnonzero((np.bincount(cells, minlength=len(least)) > least)[cells])
        ways = [_with(cells, [cell], [short[0]]) for cell in spare]
        found = np.concatenate([measure.many(ways[start : start + _BATCH]) for start in range(0, len(ways), _BATCH)])
        cells, gain, changes = ways[int(found.argmax())], float(found.max()), changes + 1
    return cells, gain, changes


def _changes(count: int, alternatives: int, counts_fixed: bool) -> list[tuple[int, int]]:
    """Return all changes: (cell, alternative) sets one, (cell, -1 - other cell) exchanges two."""
    singles = [] if counts_fixed else list(itertools.product(range(count), range(alternatives)))
    return singles + [(cell, -1 - other) for cell, other in itertools.combinations(range(count), 2)]


def _changed(cells: np.ndarray, change: tuple[int, int], least: np.ndarray) -> np.ndarray | None:
    """Return the changed design; None where nothing changes, or a floor would be broken."""
    cell, to = change
    if to < 0:
        other = -1 - to
        return None if cells[cell] == cells[other] else _with(cells, [cell, other], [cells[other], cells[cell]])
    if cells[cell] == to or np.count_nonzero(cells == cells[cell]) <= least[cells[cell]]:
        return None
    return _with(cells, [cell], [to])


def _with(cells: np.ndarray, where, what) -> np.ndarray:
    changed = cells.copy()
    changed[where] = what
    return changed

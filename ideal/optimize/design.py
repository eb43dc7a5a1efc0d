"""A whole design: ascent from several starts, rounding, and a local search on the hard design."""

import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ideal.errors import UsageError, unknown_name
from ideal.health import Finding
from ideal.imaging import ImagingSystem, OneOf, Params
from ideal.optimize import find_objective
from ideal.optimize._contract import Objective, Task
from ideal.optimize.ascent.checkpoint import read_tree, write_tree
from ideal.optimize.ascent.gradient import Ascent, Climb, climb
from ideal.optimize.ascent.local_search import LocalSearch, Rules, check_rules, search_locally
from ideal.optimize.ascent.starts import starting_designs
from ideal.progress import Progress, silent

_ROUNDS = 6  # times that each single change is looked at by a local search, at most: by then few improve


@dataclass(frozen=True)
class Optimum:
    """What a design run found.

    Attributes:
        params: the hard design.
        begun: the start that it comes from, made hard.
        climb: the ascent that led to it, without the objective's state.
        gain_of_start, gain_of_ascent, gain_of_search: gain of held-out scenes for the hard start, after the ascent, and after the
            local search, in the objective's unit.
        unit: of the gains.
        seconds: in all.
        findings: what a user should know of how the ascent and the local search ended.

    """

    params: Params
    begun: Params
    climb: Climb
    gain_of_start: float
    gain_of_ascent: float
    gain_of_search: float
    unit: str
    seconds: float
    findings: tuple[Finding, ...] = ()


def find_design(
    task: Task,
    objective: str | type[Objective],
    *,
    starts: Sequence[str | Params],
    ascent: Ascent,
    settings: Mapping[str, Any] | None = None,
    floors: Mapping[str, int] | None = None,
    search: bool = True,
    seed: int = 0,
    checkpoints: Path | None = None,
    report: Progress = silent,
    log=lambda record: None,
) -> Optimum:
    """Raise an objective from several starts, round the best, and improve it by exchanges.

    An objective that is fitted anew to the design as it moves follows one start at a time, and its designs are compared by a fit
    to each of its own, the start's included. There is no local search by what suits one design, a density or a decoder.

    Args:
        task: what the design is for.
        objective: one of `ideal.optimize.OBJECTIVES`, or its name.
        starts: names of designs to begin with, or their parameters.
        ascent: how the gradient is followed.
        settings: of the objective.
        floors: least number of pixels of each filter, by its name, where the parameters are choices between filters; met with or
            without a search.
        search: whether choices are exchanged after the ascent.
        seed: of starts and of what is random in the objective.
        checkpoints: folder that keeps the state; what is in it is gone on with, to the same design.
        report: shows progress.
        log: takes each record of the history.

    Raises:
        UsageError: the objective does not suit the task, or a setting has no meaning.

    """
    kept = checkpoints and checkpoints / "design.npz"
    if kept and (before := _read(kept, task.system)) is not None:
        return before
    begun_at = time.monotonic()
    with jax.enable_x64(True):
        kind = find_objective(objective) if isinstance(objective, str) else objective
        aim = _objective(kind, task, settings or {})
        rules = Rules(floors=floors)
        begun = starting_designs(task.system, starts, seed, [name for name, rate in ascent.rates.items() if not rate])
        if floors:
            check_rules(task.system, begun[0], rules)
        found, (gain_of_start, gain_of_ascent) = _climbed(aim, begun, ascent, seed, checkpoints, report, log)
        params, last, findings = found.params, gain_of_ascent, found.findings
        if floors or (search and aim.compares and _has_choices(task.system)):
            left = None if ascent.time_limit is None else max(1.0, ascent.time_limit - (time.monotonic() - begun_at))
            better = search_locally(
                aim,
                params,
                rules=rules,
                state=found.state,
                most=most_evaluations(params, task.system) if search and aim.compares else 0,
                time_limit=left,
                seed=seed,
                checkpoint=checkpoints and checkpoints / "search.npz",
                report=report,
            )
            if better.held_out_gain >= last or floors:
                params, last = better.params, better.held_out_gain
            if search and aim.compares:
                findings = _after_search(findings, better)
        climbed = replace(found, relaxed=_single(found.relaxed), params=_single(found.params), state=None)
        seconds = time.monotonic() - begun_at
        first = _single(task.system.harden(begun[found.start]))
        designed = Optimum(_single(params), first, climbed, gain_of_start, gain_of_ascent, last, aim.unit, seconds, findings)
    if kept:
        _keep(kept, designed)
    return designed


def _after_search(findings: tuple[Finding, ...], search: LocalSearch) -> tuple[Finding, ...]:
    """Return what is left to say after exchanges: where no single one improves the design, the ascent has done its part."""
    findings = tuple(each for each in findings if each.name != "ascent-unfinished")
    if search.stopped == "optimum":
        return findings
    what = "their time was used up" if search.stopped == "time" else f"{search.evaluations} designs had been looked at"
    text = f"the exchanges ended, since {what}, before every single one had been tried without gain"
    remedy = (
        "give them more time (--time-limit)" if search.stopped == "time" else "begin at this design again (--start design.h5)"
    )
    figures = {"evaluations": search.evaluations, "stopped": search.stopped}
    return *findings, Finding(
        "search-unfinished", "note", text, "a single exchange may still improve the design", remedy, figures
    )


def check_objective_settings(kind: type[Objective], settings: Mapping[str, Any]) -> None:
    """Refuse settings that an objective does not have.

    Raises:
        UsageError: there is one; the message suggests the nearest.

    """
    known = [each for each in inspect.signature(kind).parameters if each != "task"]
    for each in settings:
        if each not in known:
            raise UsageError(unknown_name(f"the objective {kind.name} has no setting", each, known))


def _objective(kind: type[Objective], task: Task, settings: Mapping[str, Any]) -> Objective:
    check_objective_settings(kind, settings)
    try:
        return kind(task, **settings)
    except TypeError as error:
        raise UsageError(f"the objective {kind.name} does not take these settings: {error}") from error


def _has_choices(system: ImagingSystem) -> bool:
    return any(isinstance(each, OneOf) for each in system.constraints.values())


def most_evaluations(params: Params, system: ImagingSystem) -> int:
    """Return how many evaluations a local search is given: each change of one cell and exchange of two some times."""
    shape = next(np.shape(params[name]) for name, each in system.constraints.items() if isinstance(each, OneOf))
    cells = int(np.prod(shape[:-1]))
    return _ROUNDS * (cells * shape[-1] + cells * (cells - 1) // 2)


def _climbed(aim: Objective, begun: list[Params], ascent: Ascent, seed, checkpoints, report, log):
    """Return the best ascent, and the held-out gains of its hard start and of its hard design."""
    judge, key, harden = jax.jit(aim.validation_gain), jax.random.key(seed), aim.task.system.harden

    def place(number):
        return checkpoints and checkpoints / f"ascent-{number}.npz"

    if not aim.every:
        found = climb(aim, begun, ascent, seed=seed, checkpoint=place(0), report=report, log=log)
        return found, [float(judge(each, found.state, key)) for each in (harden(begun[found.start]), found.params)]
    climbs, gains = [], []
    for number, start in enumerate(begun):
        share = replace(ascent, time_limit=ascent.time_limit and ascent.time_limit / len(begun))

        def say(text, fraction=None, number=number):
            several = f"start {number + 1} of {len(begun)}, " if len(begun) > 1 else ""
            report(several + text, (number + (fraction or 0.0)) / len(begun))

        def note(record, number=number):
            log(record | {"start": number})

        found = climb(aim, [start], share, seed=seed + number, checkpoint=place(number), report=say, log=note)
        report(f"{aim.name}: fits to the hard design and to its start", None)
        state = aim.refresh(found.params, found.state, jax.random.fold_in(key, number))
        own = aim.start(harden(start), jax.random.fold_in(key, number))
        gains.append([float(judge(harden(start), own, key)), float(judge(found.params, state, key))])
        climbs.append(replace(found, start=number, state=state))
        if gains[-1][0] > gains[-1][1]:  # the ascent has led astray
            climbs[-1], gains[-1] = replace(climbs[-1], params=harden(start), state=own), [gains[-1][0]] * 2
    best = int(np.argmax([np.nan_to_num(gain, nan=-np.inf) for _, gain in gains]))
    return climbs[best], gains[best]


def _single(params: Params) -> Params:
    return {name: np.asarray(value, np.float32) for name, value in params.items()}


_GAINS = ("gain_of_start", "gain_of_ascent", "gain_of_search", "unit", "seconds")
_CLIMB = ("start", "history", "steps", "stopped", "method")


def _keep(path: Path, designed: Optimum) -> None:
    trees = [designed.params, designed.begun, designed.climb.params, designed.climb.relaxed]
    facts = {name: getattr(designed, name) for name in _GAINS}
    facts |= {name: getattr(designed.climb, name) for name in _CLIMB}
    findings = {"findings": designed.findings, "climb_findings": designed.climb.findings}
    write_tree(path, trees, facts | {name: [each.to_record() for each in some] for name, some in findings.items()})


def _read(path: Path, system: ImagingSystem) -> Optimum | None:
    kept = read_tree(path, [system.design()] * 4)
    if kept is None:
        return None
    (params, begun, hard, relaxed), facts = kept
    found, of_climb = (tuple(map(Finding.from_record, map(dict, facts[name]))) for name in ("findings", "climb_findings"))
    about = {name: facts[name] for name in _CLIMB}
    climbed = Climb(params=_single(hard), relaxed=_single(relaxed), state=None, findings=of_climb, **about)
    return Optimum(_single(params), _single(begun), climbed, **{name: facts[name] for name in _GAINS}, findings=found)

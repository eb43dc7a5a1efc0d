"""From the results of jobs to the rows of a sweep; results are read one by one, so that many take no more memory than few."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ideal.information.estimation import compare
from ideal.information.results import Estimate
from ideal.jobs.run import Outcome
from ideal.sweeps.axes import Point, key_of
from ideal.sweeps.names import MEASURING, READING, said
from ideal.sweeps.plan import SweepPlan
from ideal.sweeps.results import Sweep

_FIGURES = ("information", "low", "high", "unit", "bits_per_measurement", "entropy", "noise_entropy", "model")


def concluded(plan: SweepPlan, outcome: Outcome, more_errors: Sequence[str] = ()) -> Sweep:
    """Return the sweep that the results of jobs make.

    Args:
        plan: of the sweep.
        outcome: of its jobs.
        more_errors: a line for each of what else failed.

    """
    errors: list[str] = []
    rows = [_row(plan, point, outcome, errors) for point in plan.points]
    differences = [each for point in plan.points if (each := _difference(plan, point, outcome)) is not None]
    confidence = {point.settings.get("confidence", 0.95) for point in plan.points}
    return Sweep(
        plan.axes,
        rows,
        differences,
        _regret(plan, rows, outcome),
        plan.baseline if differences else {},
        max(confidence),
        (*errors, *more_errors),
        sum(row["status"] == "not done" for row in rows),
        {"all": len(plan.jobs), "done_now": len(outcome.seconds) - outcome.reused, "failed": len(outcome.failures)},
        round(sum(outcome.seconds.values()), 3),
    )


def _row(plan: SweepPlan, point: Point, outcome: Outcome, errors: list[str]) -> dict[str, Any]:
    names = plan.names[point.key]
    row: dict[str, Any] = {**point.values, "status": "not done", **dict.fromkeys(_FIGURES)}
    row |= {"sources": None, "samples": None, "decoder_seconds": None} if names.decode else {"sources": None, "samples": None}
    needed = [each for each in (names.design, names.estimate, names.decode) if each]
    failed = [outcome.failures[name] for name in _with_needs(plan, needed) if name in outcome.failures]
    if names.estimate in outcome.results:
        found = outcome.results[names.estimate]
        low, high = found["interval"]
        row |= {name: found[name] for name in _FIGURES if name in found}
        row |= {"status": "done", "low": low, "high": high, "sources": found["sources"], "samples": found["n_test"]}
        row["models"] = {name: each[0] for name, each in found["models"].items()}
        row["findings"] = [each["name"] for each in found["findings"]]
        row["noise_model"] = found["noise"]["name"]
    if names.decode:
        _add_quality(row, names.decode, outcome)
    if plan.elements.get(point.key) is not None:
        row["elements"] = plan.elements[point.key]
    if names.design is not None and names.design in outcome.results:
        row["elements"] = outcome.results[names.design]["elements"]
    for name, table in plan.request.costs.items():
        value = said(point.settings.get(name))
        if value in table:
            row["cost"] = row.get("cost", 0.0) + table[value]
    row["seconds"] = outcome.seconds.get(names.estimate)
    if failed:
        row["status"] = "failed" if row["status"] != "done" else "done"
        row["error"] = " ".join(str(failed[0].error).split())
        row["log"] = None if failed[0].log is None else failed[0].log.name
        errors.append(f"{point.name}: {row['error']}")
    fixed = {name: value for name, value in point.settings.items() if name not in point.values}
    defaults = READING if plan.is_of_files else MEASURING
    fixed = {**{name: value for name, value in defaults.items() if name not in point.values and value is not None}, **fixed}
    return row | {name: value for name, value in fixed.items() if name not in row}


def _with_needs(plan: SweepPlan, names: Sequence[str]) -> list[str]:
    """Return names of jobs and of those that they need."""
    return list(dict.fromkeys(each for name in names for each in (*plan.job(name).needs, name)))


def _add_quality(row: dict[str, Any], name: str, outcome: Outcome) -> None:
    row["decoder_seconds"] = outcome.seconds.get(name)
    if name not in outcome.results:
        return
    found = outcome.results[name]
    for measure, (value, low, high) in found["quality"].items():
        row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}


def _difference(plan: SweepPlan, point: Point, outcome: Outcome) -> dict[str, Any] | None:
    names = plan.names[point.key]
    if names.difference is None or names.difference not in outcome.results:
        return None
    found = outcome.results[names.difference]
    low, high = found["interval"]
    row = {**point.values, "difference": found["difference"], "difference_low": low, "difference_high": high}
    row |= {"paired": found["paired"], "unit": found["unit"]}
    if names.difference_of_quality is not None and names.difference_of_quality in outcome.results:
        for name, bounds in outcome.results[names.difference_of_quality]["quality"].items():
            value, low, high = bounds or (None, None, None)
            row |= {f"{name}_difference": value, f"{name}_difference_low": low, f"{name}_difference_high": high}
    return row


def _regret(plan: SweepPlan, rows: Sequence[Mapping[str, Any]], outcome: Outcome) -> list[dict[str, Any]]:
    """Return what each design loses to the best at the same values of all other axes, where designs were to be found."""
    if not plan.designs:
        return []
    levels: dict[str, list[tuple[Point, Mapping[str, Any]]]] = {}
    for point, row in zip(plan.points, rows, strict=True):
        others = {name: value for name, value in point.values.items() if name != "design"}
        levels.setdefault(key_of(others), []).append((point, row))
    found = []
    for key, members in levels.items():
        level = ", ".join(f"{name} {said(value)}" for name, value in json.loads(key).items()) or "all"
        known = [(point, row) for point, row in members if row["information"] is not None]
        best = max(known, key=lambda each: each[1]["information"], default=None)
        for point, row in members:
            one = {"design": said(point.values["design"]), "level": level, "information": row["information"]}
            one |= {"best": None, "regret": None, "low": None, "high": None, "paired": None}
            if best is not None and row["information"] is not None:
                one["best"] = said(best[0].values["design"])
                one |= _loss(plan, best[0], point, outcome)
            found.append(one)
    return found


def _loss(plan: SweepPlan, best: Point, point: Point, outcome: Outcome) -> dict[str, Any]:
    if point is best:
        return {"regret": 0.0, "low": 0.0, "high": 0.0, "paired": True}
    first, second = (Estimate.from_record(outcome.results[plan.names[each.key].estimate]["record"]) for each in (best, point))
    apart = compare(first, second, seed=point.settings.get("seed", 0))
    low, high = apart.interval
    return {"regret": apart.difference_bits_per_pixel, "low": low, "high": high, "paired": apart.paired}

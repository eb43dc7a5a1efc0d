"""The record of a run that chooses: what every strategy chose, every candidate's information, and the sets that were measured."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal.errors import UsageError
from ideal.optimize.evaluation import Evaluation
from ideal.optimize.runs.designs.record import photons_of
from ideal.optimize.selection.members import Members
from ideal.optimize.selection.search import Choosing, Selection
from ideal.optimize.selection.set_value import HardValue

if TYPE_CHECKING:
    from ideal.optimize.runs.plans import ChoicePlan

FORMAT, FORMAT_VERSION = "ideal-choice-result", 1


def bits(value: HardValue, used: Sequence[int]) -> float:
    """Return what a set is worth in closed form, NaN for one that lacks a member which always takes part."""
    try:
        return float(value.hard(np.isin(np.arange(value.size), used)[None])[0])
    except UsageError:
        return float("nan")


def document(
    plan: "ChoicePlan", task: Choosing, found: Selection, designs: Mapping[str, tuple[int, ...]], evaluation: Evaluation
) -> dict[str, Any]:
    """Return the record of a run, JSON types, members by their names.

    What is measured of a system that reduces measurements is of one observation, of one with images it is per pixel.

    Args:
        plan: what was asked for.
        task: whom there was to choose from.
        found: by every strategy.
        designs: members of each set that was measured, by name.
        evaluation: of their measurements.

    """
    members, request, simulation = plan.members, plan.request.as_table(), plan.simulation
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "system": members.system.name,
        "system_settings": members.system.settings,
        "member": members.noun,
        "choose": task.count,
        "keep": names_of(members, task.fixed),
        "candidates": names_of(members, task.free),
        "candidate_information": _candidates(plan, task, found),
        "sets": task.sets,
        "strategies": [
            {
                "strategy": choice.strategy,
                "members": names_of(members, choice.members),
                "bits_per_measurement": choice.bits,
                "sets": choice.evaluations,
                "seconds": choice.seconds,
            }
            for choice in found.choices
        ],
        "is_proven": found.sets is not None,
        "chosen": names_of(members, found.best.members),
        "cost": _cost(plan.costs, found.best.members) if plan.costs else None,
        "bits_of_kept": bits(task.value, task.fixed) if task.fixed else None,
        "bits_of_all": bits(task.value, tuple(range(members.size))),
        "unit": "bits per observation" if members.system.reduces else "bits per pixel",
        "designs": [_row(members, task, name, used, evaluation) for name, used in designs.items()],
        "errors": [],
        "objects": request["objects"],
        "objective": request["objective"],
        "target": request["target"],
        "request": request,
        "n_design": plan.division.design.count,
        "n_measure": plan.division.measure.count,
        "noise": simulation.noise.describe(),
        "photons": photons_of(simulation.system, plan.request.photons),
        "exposure": simulation.exposure,
        "warnings": [*plan.warnings, *(finding.line for finding in simulation.findings)],
    }


def names_of(members: Members, numbers: Sequence[int] | np.ndarray) -> list[str]:
    """Return the names of members."""
    return [members.names[number] for number in numbers]


def sets_as_csv(members: Members, found: Selection, costs: Mapping[int, float]) -> str:
    """Return every set that was looked at, the best first, as lines of CSV: bits, cost where there are costs, and its members."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["bits_per_measurement", *(["cost"] if costs else []), "members"])
    for value, each in found.sets or ():
        cost = [f"{_cost(costs, each):g}"] if costs else []
        writer.writerow([f"{value:.6f}", *cost, " ".join(names_of(members, each))])
    return text.getvalue()


def _row(members: Members, task: Choosing, name: str, used: tuple[int, ...], evaluation: Evaluation) -> dict[str, Any]:
    estimate, difference, reduces = evaluation.estimates[name], evaluation.differences.get(name), members.system.reduces
    pixels, unit, worth = _pixels(members, used), estimate.pixels if reduces else 1, bits(task.value, used)
    is_choice = name == next(iter(evaluation.estimates))
    return {
        "name": name,
        "role": "design" if is_choice else "named",
        "members": names_of(members, used),
        "information": unit * estimate.information_bits_per_pixel,
        "interval": [unit * bound for bound in estimate.interval],
        "information_bits_per_pixel": estimate.information_bits_per_pixel * unit / (pixels if reduces else 1),
        "pixels": pixels,
        "closed_form": worth / (1 if reduces else pixels),
        "closed_form_per_measurement": worth,
        "model": estimate.model,
        "design_is_above_by": difference and unit * difference.difference_bits_per_pixel,
        "difference_interval": difference and [unit * bound for bound in difference.interval],
    }


def _pixels(members: Members, used: Sequence[int]) -> int:
    system, _ = members.system.restricted(members.params_of_set(used))
    return math.prod(system.measurement_shape[:2])


def _candidates(plan: "ChoicePlan", task: Choosing, found: Selection) -> list[dict[str, Any]]:
    """Return of each candidate its bits beside those that are kept, those of the best set that has it, and its cost."""
    free = task.free.tolist()
    alone = task.evaluate([(each,) for each in free])
    best: dict[int, float] = {}
    for value, each in found.sets or ():
        for number in each:
            best.setdefault(number, value)  # the best sets come first
    return [
        {
            "name": plan.members.names[number],
            "chosen": number in found.best.members,
            "bits": float(value),
            "best_set_bits": best.get(number),
            "cost": plan.costs.get(number),
        }
        for number, value in zip(free, alone, strict=True)
    ]


def _cost(costs: Mapping[int, float], numbers: Sequence[int]) -> float:
    return float(sum(costs.get(number, 0.0) for number in numbers))

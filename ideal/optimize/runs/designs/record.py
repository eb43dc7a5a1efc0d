"""The record of a run that designs: what was measured of each design, and all that a page or a table tells."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal.imaging import ImagingSystem, Params
from ideal.information.results import LN2, Comparison, Estimate
from ideal.optimize.design import Optimum
from ideal.optimize.evaluation import COMPONENTS
from ideal.optimize.objectives.periodic import periodic_grid
from ideal.optimize.runs.tables import value_name
from ideal.simulation import DEFAULT_PHOTONS

if TYPE_CHECKING:
    from ideal.optimize.runs.plans import DesignPlan

FORMAT, FORMAT_VERSION = "ideal-design-result", 1
DESIGN, START = "the design", "its start"
_FEW = 100  # objects to design for
_LARGEST = 4096  # values of a parameter that a document lists


def rows(
    system: ImagingSystem,
    designs: Mapping[str, Params],
    estimates: Mapping[str, Estimate],
    apart: Mapping[str, Comparison],
    targets: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, dict],
) -> list[dict]:
    """Return what was measured of each design as JSON types, the new one first.

    Args:
        system: whose designs they are.
        designs: parameters by name.
        estimates: of fresh measurements.
        apart: how much more the design tells than each other.
        targets: what each tells of each target, bits per pixel in closed form.
        labels: what measurements tell of the label, as of `ideal.information.TaskInformation.to_dict`; may be empty.

    """
    found = []
    for name, params in designs.items():
        estimate, difference, task = estimates[name], apart.get(name), labels.get(name)
        row: dict[str, Any] = {
            "name": name,
            "role": "design" if name == DESIGN else "start" if name == START else "named",
            "information_bits_per_pixel": estimate.information_bits_per_pixel,
            "interval": list(estimate.interval),
            "information_bits_per_measurement": estimate.best.values.mean / LN2,
            "pixels": estimate.pixels,
            "values": math.prod(system.measurement_shape),
            "pixel_name": estimate.pixel_name,
            "complex": system.complex_valued,
            "confidence": estimate.confidence,
            "model": estimate.model,
            "design_is_above_by": None if difference is None else difference.difference_bits_per_pixel,
            "difference_interval": None if difference is None else list(difference.interval),
            "paired": None if difference is None else difference.paired,
            "targets": dict(targets[name]),
            "warnings": list(estimate.warnings),
        }
        if task is not None:
            row["label_information_bits"] = task["task_information_bits"]
            row["label_interval"] = task["interval"]
            row["label_entropy_bits"] = task["label_entropy_bits"]
            row["label_error_rate"] = task["error_rate"]
        if (counts := filter_counts(system, params)) is not None:
            row["filters"] = counts
        found.append(row)
    return found


def filter_counts(system: ImagingSystem, params: Params) -> dict[str, int] | None:
    """Return how many pixels of a period each filter has; None for a system without filters."""
    names = getattr(system, "filters", None)
    if names is None or "filters" not in params:
        return None
    counts = np.asarray(params["filters"]).sum((0, 1))
    return {name: round(float(number)) for name, number in zip(names, counts, strict=True)}


def document(plan: "DesignPlan", found: Optimum, rows: list[dict]) -> dict:
    """Return the record of a run, JSON types.

    Args:
        plan: what was asked for.
        found: by the ascent.
        rows: of `rows`.

    """
    division, climb, request = plan.division, found.climb, plan.request.as_table()
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "system": plan.system.name,
        "system_settings": plan.system.settings,
        "objects": request["objects"],
        "objective": request["objective"],
        "target": request["target"],
        "request": request,
        "noise": plan.simulation.noise.describe(),
        "photons": photons_of(plan.system, plan.request.photons),
        "exposure": plan.simulation.exposure,
        "n_design": division.design.count,
        "n_choose": division.choose.count,
        "n_measure": division.measure.count,
        "steps": climb.steps,
        "stopped": climb.stopped,
        "method": climb.method,
        "findings": [finding.to_record() for finding in found.findings],
        "start": plan.starts[climb.start].name,
        "best_start": climb.start,
        "gain": {"start": found.gain_of_start, "ascent": found.gain_of_ascent, "search": found.gain_of_search},
        "gain_unit": found.unit.replace("pixel", value_name(rows[0])),
        "seconds": found.seconds,
        "design": _listed(found.params),
        "designs": rows,
        "left_out": list(plan.left_out),
        "components": None if periodic_grid(plan.system) else min(COMPONENTS, division.measure.count - 1),
        "warnings": [*_warnings(plan, found), *rows[0]["warnings"]],
        "errors": [],
    }


def _warnings(plan: "DesignPlan", found: Optimum) -> list[str]:
    """Return what has to be said of the objects, the ascent, the light and the design."""
    climb, few = found.climb, plan.division.design.count
    warnings = [*plan.warnings, *(finding.line for finding in found.findings)]
    unfinished = any(finding.name == "ascent-unfinished" for finding in found.findings)
    if climb.stopped == "time" and not unfinished:
        warnings.append(f"the ascent ended at its time limit after {climb.steps} of {plan.ascent.steps} steps")
    elif found.seconds > (limit := plan.request.time_limit or math.inf):
        warnings.append(f"the time limit of {limit:g} s was used up: with more time there may be a better design")
    if few < _FEW:
        warnings.append(f"{few} objects to design for are few, and the design may suit these alone: take more (--count)")
    odd = [*plan.simulation.findings, *plan.system.findings(found.params)]
    return [*warnings, *dict.fromkeys(finding.line for finding in odd)]


def photons_of(system: ImagingSystem, photons: float | None) -> float | None:
    """Return the mean photoelectrons of an unfiltered pixel, None for a system that does not count them.

    Args:
        system: with its settings.
        photons: that were asked for, or None.

    """
    given = photons or system.settings.get("photons")
    return given or (DEFAULT_PHOTONS if system.scene.kind == "radiance" else None)


def _listed(params: Params) -> dict[str, Any]:
    arrays = {name: np.asarray(value) for name, value in params.items()}
    return {
        name: array.tolist() if array.size <= _LARGEST else f"array of shape {array.shape}, see design.h5"
        for name, array in arrays.items()
    }

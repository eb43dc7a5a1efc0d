"""What a design run tells: its document, and the tables it ends with."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ideal.cli import _output
from ideal.cli._design_world import warnings_of
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.interferometer.interferometer import Interferometer
from ideal.information.results import LN2, Comparison, Estimate
from ideal.noise.members import noise_of_record
from ideal.optimize.design import Designed
from ideal.optimize.evaluation import COMPONENTS
from ideal.optimize.objectives.periodic import periodic_grid
from ideal.simulation import DEFAULT_PHOTONS
from ideal.text import exact_percent

DESIGN, START = "the design", "its start"
_ENDINGS = {
    "converged": ", converged",
    "patience": ", ended early: no more gain",
    "time": ", ended by the time limit",
    "unbounded": ", ended: a parameter grew without limit",
    "stuck": ", ended: no step along the slope rises",
}
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
        row = {
            "name": name,
            "role": "design" if name == DESIGN else "start" if name == START else "named",
            "information_bits_per_pixel": estimate.information_bits_per_pixel,
            "interval": list(estimate.interval),
            "information_bits_per_measurement": estimate.best.values.mean / LN2,
            "pixels": estimate.pixels,
            "values": math.prod(system.measurement_shape),
            "pixel_name": estimate.pixel_name,
            "complex": noise_of_record(estimate.noise["name"]).is_complex or isinstance(system, Interferometer),
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


def document(prepared, request: Mapping[str, Any], designed: Designed, rows: list[dict], left_out: list[str]) -> dict:
    """Return the document of a run, JSON types.

    Args:
        prepared: `ideal.cli._optimized.Prepared`.
        request: what was asked for, as a table.
        designed: what was found.
        rows: of `rows`.
        left_out: named designs that were not measured.

    """
    division, climb = prepared.division, designed.climb
    warnings = warnings_of(division, prepared.objects)
    findings = designed.findings
    warnings += [finding.line for finding in findings]
    unfinished = any(finding.name == "ascent-unfinished" for finding in findings)
    if climb is not None and climb.stopped == "time" and not unfinished:
        warnings.append(f"the ascent ended at its time limit after {climb.steps} of {request['steps']} steps")
    elif designed.seconds > (limit := request.get("time-limit") or math.inf):
        warnings.append(f"the time limit of {limit:g} s was used up: with more time there may be a better design")
    if division.design.count < _FEW:
        warnings.append(
            f"{division.design.count} objects to design for are few, and the design may suit these alone: take more (--count)"
        )
    odd = [*prepared.simulation.findings, *prepared.system.findings(designed.params)]
    warnings += dict.fromkeys(finding.line for finding in odd)
    warnings += rows[0]["warnings"]
    return {
        "system": prepared.system.name,
        "system_settings": prepared.system.settings,
        "objects": prepared.objects,
        "objective": request["objective"],
        "target": request["target"],
        "request": dict(request),
        "noise": prepared.simulation.noise.describe(),
        "photons": photons_of(prepared.system, request),
        "exposure": prepared.simulation.exposure,
        "n_design": division.design.count,
        "n_choose": division.choose.count,
        "n_measure": division.measure.count,
        "steps": climb and climb.steps,
        "stopped": climb and climb.stopped,
        "method": climb and climb.method,
        "findings": [finding.to_record() for finding in findings],
        "start": climb and request["starts"][climb.start],
        "gain": {"start": designed.gain_of_start, "ascent": designed.gain_of_ascent, "search": designed.gain_of_search},
        "gain_unit": designed.unit.replace("pixel", value_name(rows[0])),
        "seconds": designed.seconds,
        "design": _listed(designed.params),
        "designs": rows,
        "left_out": left_out,
        "components": None if periodic_grid(prepared.system) else min(COMPONENTS, division.measure.count - 1),
        "warnings": warnings,
        "errors": [],
    }


def photons_of(system: ImagingSystem, request: Mapping[str, Any]) -> float | None:
    """Return the mean photoelectrons of an unfiltered pixel, None for a system that does not count them."""
    given = request.get("photons") or system.settings.get("photons")
    return given or (DEFAULT_PHOTONS if system.scene.kind == "radiance" else None)


def _listed(params: Params) -> dict[str, Any]:
    arrays = {name: np.asarray(value) for name, value in params.items()}
    return {
        name: array.tolist() if array.size <= _LARGEST else f"array of shape {array.shape}, see design.h5"
        for name, array in arrays.items()
    }


def print_result(document: dict) -> None:
    """Print what was designed, and the table of the design against its start and the named ones."""
    facts, unit = [], document["gain_unit"]
    if document["steps"] is not None:
        stopped = _ENDINGS.get(document["stopped"], "")
        facts.append(f"{document['steps']} steps from {document['start']}{stopped}, {document['seconds']:.0f} s")
    about = f"{document['system']} for {document['objects']}, {light(document)}"
    gain = document["gain"]
    made = f"start {gain['start']:.4f}, after the ascent {gain['ascent']:.4f}"
    if all(row["role"] != "start" for row in document["designs"]):
        made = f"start {gain['start']:.4f}; the design is its start, nothing better was found"
    elif gain["search"] != gain["ascent"]:
        made += f", after exchanges {gain['search']:.4f}"
    labelled = "label_information_bits" in document["designs"][0]
    proxy = " (classes taken for Gaussians: for ascent, not a figure)" if labelled else ""
    _output.print_lines(
        [
            f"{about}: target {document['target']}, objective {document['objective']}",
            *facts,
            f"objective for held-out objects, {unit}{proxy}: {made}",
            "",
        ]
    )
    listed = document["designs"]
    if "label_information_bits" in listed[0]:
        _print_labels(listed)
        _output.print_lines([""])
    _print_measured(listed)
    _output.print_lines([""])
    _print_targets(listed)
    _output.print_lines(["", *explanations(document)])


def light(document: dict) -> str:
    """Return what a table says of photons and noise."""
    noise = document["noise"]
    photons = document["photons"]
    return (f"{photons:g} photons, " if photons else "") + f"{noise['name']} noise"


def shown_name(row: dict) -> str:
    """Return what a table calls a design: the start with the name that it had, or of the named one near to it."""
    start = str(row.get("start", "")).rpartition("/")[2]
    return f"{row['name']} ({'near ' if row.get('near') else ''}{start})" if start else row["name"]


def _print_labels(listed: list[dict]) -> None:
    ordered = sorted(listed, key=lambda row: -row["label_information_bits"])
    titles = ("design", "bits about the label", f"{exact_percent(listed[0]['confidence'])} interval", "right")
    table = [
        (
            shown_name(row),
            f"{row['label_information_bits']:.3f}",
            _range(row["label_interval"]),
            f"{1 - row['label_error_rate']:.1%}",
        )
        for row in ordered
    ]
    _output.print_table(titles, table, right=range(1, 4))


def _print_measured(listed: list[dict]) -> None:
    vector = listed[0]["pixel_name"] != "pixel"
    scale, digits = (listed[0]["pixels"], 1) if vector else (1, 3)
    share = f"{exact_percent(listed[0]['confidence'])} interval"
    titles = ["design", "bits/measurement" if vector else "bits/pixel", share, "the design is above by", "model"]
    table = []
    for row in sorted(listed, key=lambda row: -row["information_bits_per_pixel"]):
        above, difference = "", row["design_is_above_by"]
        if difference is not None:
            above = f"{difference * scale:+.{digits}f} ({_range(row['difference_interval'], scale, digits)})"
        bits = row["information_bits_per_pixel"] * scale
        cells = (shown_name(row), f"{bits:.{digits}f}", _range(row["interval"], scale, digits), above, row["model"])
        table.append((*cells, _bits(bits / row["values"])) if vector else cells)
    if vector:
        titles.append(f"bits/{value_name(listed[0])}")
    _output.print_table(tuple(titles), table, right=(1, 2, 3, 5))


def value_name(row: dict) -> str:
    """Return what a measurement consists of: pixels, values, or visibilities, of which only combinations may be looked at."""
    return "visibility" if row["complex"] else row["pixel_name"]


def _print_targets(listed: list[dict]) -> None:
    names = list(listed[0]["targets"])
    filters = list(listed[0].get("filters", ()))
    titles = ["design", *([f"filters {'/'.join(filters)}"] if filters else []), *names]
    table = []
    for row in listed:
        counts = ["/".join(map(str, row["filters"].values()))] if filters else []
        table.append((shown_name(row), *counts, *(_bits(row["targets"][name]) for name in names)))
    _output.print_table(tuple(titles), table, right=range(1, len(titles)))


def _bits(value: float) -> str:
    value = round(value, 9) + 0.0  # no minus before a zero
    return f"{value:.3f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def _range(bounds, scale: float = 1.0, digits: int = 3) -> str:
    """Return an interval; a dash where there are too few sources for one."""
    if not all(bound is not None and math.isfinite(bound) for bound in bounds):
        return "-"
    return " to ".join(f"{bound * scale:.{digits}f}" for bound in bounds)


def _reduced(row: dict) -> bool:
    """Tell whether only combinations of visibilities were looked at."""
    return row["complex"] and row["pixel_name"] != "visibility"


def explanations(document: dict) -> list[str]:
    """Return what the columns of the tables mean, from the document of a run."""
    first = document["designs"][0]
    lines = []
    if "label_information_bits" in first:
        lines.append(
            f"bits about the label: at least so many of {first['label_entropy_bits']:.3f}, by a classifier of fresh measurements "
            "of objects that no design was made for"
        )
    lines.append(
        f"bits/{'pixel' if first['pixel_name'] == 'pixel' else 'measurement'}: at most so many, by the density model that "
        f"held-out measurements prefer; fresh noise, {document['n_measure']} objects that no design was made for"
        + (", visibilities reduced to the combinations that tell of such objects" if _reduced(first) else "")
    )
    lines.append(
        f"{', '.join(first['targets'])}: about this part of Gaussian scenes like the objects, in closed form, "
        f"bits/{value_name(first)}"
        + (f"; of the {document['components']} leading principal components alone" if document["components"] else "")
        if first["targets"]
        else "no targets: in closed form a sensor that repeats itself after so many pixels takes too much memory"
    )
    if "colour" in first["targets"]:
        lines.append("colour: of a single pixel, told by all measurements, which neighbours share: it may be above total")
    if document["left_out"]:
        lines.append(f"not measured: {', '.join(document['left_out'])} (--against all)")
    return lines

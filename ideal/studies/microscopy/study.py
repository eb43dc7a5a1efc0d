"""Microscopes lit by LEDs: information in images of cells, and about their class, beside what networks tell of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ideal.information.labels.results import DENSITY
from ideal.studies.engine.contract import Findings, Job, Plan, Statistic, Study
from ideal.studies.engine.statistics import correlation
from ideal.studies.engine.world import grouped
from ideal.studies.microscopy import work
from ideal.studies.microscopy.claims import claims, notes

TARGET = 0.85
_OVER = "pairs of illumination and light"
SYSTEMS = {
    "single-led": "single LED",
    "brightfield": "bright field",
    "darkfield": "dark field",
    "dpc-left": "phase contrast",
    work.IDEAL: "IDEAL",
}
LIGHTS = (45.0, 150.0, 450.0)
DEFOCUS = 1.5  # um
IN_FOCUS = ("single-led", "dpc-left")  # what defocus does is seen by these, in the most light
_CELLS, _LIGHTS = "cells", "illuminations"


class Microscopy(Study):
    """Illuminations of one power, at several light levels: information against the accuracy of a classifier of raw images."""

    name = "microscopy"
    title = "Microscopy: all information, and information about the class, beside what a network tells of cells"
    summary = "single LED, bright field, dark field, phase contrast and a design x light: information against accuracy"

    def jobs(self, plan: Plan) -> list[Job]:
        """Return the jobs: cells, designs, and for each illumination in each light its estimates and decoders."""
        scale, common = _scale(plan), {"seed": plan.seed, "cells_seed": 1000 + 2 * plan.seed, "defocus": DEFOCUS}
        found = [
            Job(_CELLS, work.cells, common, volatile=True),
            Job(_LIGHTS, work.lights, {"defocus": DEFOCUS, "designs": [name for name in SYSTEMS if name != work.IDEAL]}),
        ]
        for photons in scale["lights"]:
            found.append(Job(_design(photons), work.designed, common | scale["design"] | {"photons": photons}, (_CELLS,)))
        common |= {"count": scale["count"], "confidence": plan.confidence}
        for name in SYSTEMS:
            for photons in scale["lights"]:
                needs = (_CELLS, *([_design(photons)] if name == work.IDEAL else []))
                own = common | {"design": name, "photons": photons, "designer": _design(photons)}
                for what, (do, options) in _KINDS.items():
                    found.append(Job(_job(name, photons, what), do, own | scale[options], needs))
        for name in IN_FOCUS if not plan.quick else ():
            own = common | {"design": name, "photons": LIGHTS[-1], "defocus": 0.0}
            found.append(Job(_in_focus(name), work.informed, own | scale["estimate"], (_CELLS,)))
        return found

    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return the table, the rank correlations and the published statements beside ours."""
        levels = _scale(plan)["lights"]
        cells = {
            (name, photons): {what: results[_job(name, photons, what)] for what in _KINDS}
            for name in SYSTEMS
            for photons in levels
        }
        rows = [_row(name, photons, cell) for (name, photons), cell in cells.items()]
        in_focus = {name: results[_in_focus(name)]["estimate"] for name in IN_FOCUS if _in_focus(name) in results}
        designs = {photons: results[_design(photons)] for photons in levels}
        shares = {name: results[_LIGHTS]["shares"][name] for name in SYSTEMS if name != work.IDEAL}
        curves = {
            "names": SYSTEMS,
            "directions": results[_LIGHTS]["directions"],
            "na": results[_LIGHTS]["na"],
            "shares": shares | {work.IDEAL: designs[levels[-1]]["intensities"]},
            "designs": {f"{photons:g}": design["intensities"] for photons, design in designs.items()},
        }
        statistics = _correlations(plan, cells)
        told = notes(rows, cells, results[_CELLS]["real"], designs, DEFOCUS, statistics[0])
        return Findings(rows, statistics, claims(plan, cells, in_focus, levels, SYSTEMS), told, curves)

    def draw(self, record: Mapping[str, Any]):
        """Return the figure of a record."""
        from ideal.studies.microscopy.figure import draw

        return draw(record)


# What is done of each illumination in each light: the work, and the name of its options in `_scale`.
_KINDS = {
    "information": (work.informed, "estimate"),
    "task information": (work.informed_of_class, "task"),
    "decoders": (work.decoded, "decode"),
}


def _scale(plan: Plan) -> dict[str, Any]:
    """Return how much is done: quick plans leave the middle light out, and most of the cells."""
    # Gaussians alone, which take counts for continuous, would overstate a dark field of less than a count in a pixel.
    models = ["full", "causal-mixture"]
    if plan.quick:
        return {
            "lights": LIGHTS[::2],
            "count": 2400,
            "design": {"count": 800, "steps": 20},
            "estimate": {"models": models, "effort": 0.05, "patch": 16},
            "task": {"model": "full", "effort": 0.2},
            "decode": {"effort": 0.2, "regressor_effort": 0.06},
        }
    return {
        "lights": LIGHTS,
        "count": 6000,
        "design": {"count": 2000, "steps": 60},
        "estimate": {"models": models, "effort": 0.2, "patch": 16},
        "task": {"model": "full", "effort": 0.5},
        "decode": {"effort": 0.8, "regressor_effort": 0.3},
    }


def _design(photons: float) -> str:
    return f"IDEAL for {photons:g} photons"


def _job(name: str, photons: float, what: str) -> str:
    return f"{SYSTEMS[name]}, {photons:g} photons: {what}"


def _in_focus(name: str) -> str:
    return f"{SYSTEMS[name]}, in focus: information"


def _row(name: str, photons: float, cell: Mapping[str, dict]) -> dict:
    """Return what is told of an illumination in one light, flat."""
    total, task, decoder = cell["information"]["estimate"], cell["task information"], cell["decoders"]
    found = {
        "system": name,
        "photons": photons,
        "mean_counts": cell["information"]["counts"],
        **_with_interval("information_bits_per_pixel", total["information"], total["interval"]),
        "model": total["model"],
        **_with_interval("task_information_bits", task["information"], task["interval"]),
        "label_entropy_bits": task["label_entropy"],
        "posterior": task["chosen"],
    }
    for score, unit in _SCORES.items():
        found |= _with_interval(unit, decoder[score]["mean"], decoder[score]["interval"])
    # Of the spread of volumes: 1 for a decoder that says the mean of all.
    return found | {"volume_relative_error": decoder["volume_square_error"]["mean"] ** 0.5 / decoder["volume_spread"]}


_SCORES = {
    "accuracy": "accuracy",
    "label_log_likelihood": "label_log_likelihood_nats",
    "volume_square_error": "volume_square_error_um6",
    "volume_log_likelihood_gain": "volume_log_likelihood_gain_nats",
}


def _with_interval(name: str, value: float, bounds: Sequence[float]) -> dict:
    return {name: value, f"{name}_low": bounds[0], f"{name}_high": bounds[1]}


def _correlations(plan: Plan, cells: Mapping[tuple[str, float], dict]) -> list[Statistic]:
    """Return the rank correlations of both kinds of information with what decoders achieve; the one with a target first."""
    values = {
        "task information": [grouped(each["task information"]) for each in cells.values()],
        "total information": [grouped(each["information"]["estimate"]) for each in cells.values()],
    }
    scores = {
        "accuracy": "accuracy",
        "label_log_likelihood": "log-likelihood of the class",
        "volume_log_likelihood_gain": "log-likelihood of the cell's volume",
    }
    found = []
    for score, called in scores.items():
        quality = [grouped(each["decoders"][score]) for each in cells.values()]
        for kind, information in values.items():
            target = TARGET if (kind, score) == ("task information", "accuracy") else None
            name = f"Spearman, {kind} with {called}, all illuminations and lights"
            found.append(
                correlation(name, information, quality, over=_OVER, confidence=plan.confidence, seed=plan.seed, target=target)
            )
    # The bound that was chosen is mostly a network's, as the decoder is: that of the density is none.
    density = np.array([each["task information"]["posteriors"][DENSITY] for each in cells.values()])
    quality = [grouped(each["decoders"]["accuracy"]) for each in cells.values()]
    name = "Spearman, task information by a density alone with accuracy, all illuminations and lights"
    found.append(correlation(name, density, quality, over=_OVER, confidence=plan.confidence, seed=plan.seed))
    return found

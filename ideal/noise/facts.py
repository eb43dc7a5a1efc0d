"""What there is to say of a noise model: as JSON types, and as text and tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ideal.noise.members import NOISE
from ideal.tables import Table, plain_table

if TYPE_CHECKING:
    from ideal.noise.contract import NoiseModel


def noise_facts(kind: "type[NoiseModel]") -> dict[str, Any]:
    """Return what there is to know of a noise model, as JSON types."""
    return {
        "noise": kind.name,
        "summary": kind.summary,
        "formula": kind.formula,
        "values": "complex" if kind.is_complex else "whole counts" if kind.counts else "positive" if kind.positive else "real",
        "units": kind.units or "DN",
        "entropy_depends_on_mean": not kind.mean_independent,
        "figures": [
            {
                "name": each.name,
                "summary": each.summary,
                "unit": each.unit,
                "needed": each.needed,
                "option": each.option or kind.option(each),
                "range": None if each.within is None else each.within.facts(),
            }
            for each in kind.figures
        ],
    }


def noise_parts(facts: Mapping[str, Any]) -> list[str | Table]:
    """Return the facts of a noise model as text and a table of its figures."""
    depends = "depends on the mean X" if facts["entropy_depends_on_mean"] else "is the same at every mean"
    lines = [
        f"{facts['noise']}: {facts['summary']}",
        f"formula: {facts['formula']}",
        f"values: {facts['values']}",
        f"units: {facts['units']}",
        f"H(Y|X): {depends}",
    ]
    rows = [
        (each["name"], each["summary"], each["unit"], "yes" if each["needed"] else "no", each["option"])
        for each in facts["figures"]
    ]
    titles = ("figure", "what it is", "unit", "needed", "how it is given")
    return ["\n".join(lines), plain_table(titles, rows) if rows else f"no figures: --noise {facts['noise']}"]


def all_noise() -> dict[str, dict[str, Any]]:
    """Return the facts of every noise model, by name."""
    return {name: noise_facts(kind) for name, kind in NOISE.items()}


def noise_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of noise models, of `all_noise`."""
    rows = [(name, each["summary"], ", ".join(figure["name"] for figure in each["figures"])) for name, each in found.items()]
    return plain_table(("noise", "what has it", "figures"), rows)

"""`ideal noise`: the noise models that measurements can have."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def noise(
    name: Annotated[str | None, typer.Argument(metavar="[NOISE]", help="A noise model; without it, all are listed.")] = None,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """List noise models, or show the formula and the figures of one.

    \b
    Examples:
      ideal noise
      ideal noise poisson-gaussian
      ideal noise gaussian --json
    """
    from ideal.cli import _output
    from ideal.noise import NOISE

    if name is None:
        found = {each: _facts(kind) for each, kind in NOISE.items()}
        if as_json:
            _output.print_json({"noise": found})
            return
        rows = [
            (each, facts["summary"], ", ".join(figure["name"] for figure in facts["figures"])) for each, facts in found.items()
        ]
        _output.print_rows(("noise", "what has it", "figures"), rows)
        return
    facts = _facts(NOISE.find(name))
    if as_json:
        _output.print_json(facts)
        return
    _output.print_lines(
        [
            f"{facts['noise']}: {facts['summary']}",
            f"formula: {facts['formula']}",
            f"values: {facts['values']}",
            *_entropy(facts),
            "",
        ]
    )
    columns = ("figure", "what it is", "unit", "needed", "how it is given")
    rows = [
        (each["name"], each["summary"], each["unit"], "yes" if each["needed"] else "no", each["option"])
        for each in facts["figures"]
    ]
    if rows:
        _output.print_rows(columns, rows)
    else:
        _output.print_lines([f"no figures: --noise {facts['noise']}"])


def _facts(kind) -> dict:
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


def _entropy(facts: dict) -> list[str]:
    depends = "depends on the mean X" if facts["entropy_depends_on_mean"] else "is the same at every mean"
    return [f"units: {facts['units']}", f"H(Y|X): {depends}"]

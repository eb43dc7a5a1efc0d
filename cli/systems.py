"""`ideal systems`: the imaging systems that can be simulated and designed."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def systems(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SYSTEM]",
            help="A system, or a .toml file that describes one; without it, all are listed. " + _options.RUNS_CODE,
        ),
    ] = None,
    design: Annotated[
        str | None, typer.Option(metavar="NAME", help="Design to draw: a named one, or a design file (.h5); default: the first.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeat for several.")
    ] = None,
    design_seed: Annotated[int, typer.Option(min=0, help="Of a design that is random.")] = 0,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw the system (.png, .svg, .pdf).")] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """List imaging systems, or show the settings, parameters and named designs of one.

    \b
    Examples:
      ideal systems
      ideal systems lensless --design four-lenslets --plot four.png
      ideal systems interferometer --set array=EHT2017 --plot coverage.png
      ideal systems my_camera.toml --json
    """
    from ideal.cli import _output
    from ideal.cli._settings import parse_settings
    from ideal.errors import UsageError
    from ideal.health.finding import Finding
    from ideal.imaging import SYSTEMS, find_system

    changes = parse_settings(settings or [])
    if name is None:
        if changes or design or plot:
            raise UsageError("--set, --design and --plot are for one system: name it, as in: ideal systems lensless")
        found = {each: find_system(each) for each in SYSTEMS}
        if as_json:
            _output.print_json({"systems": {each: {"summary": kind.summary} for each, kind in found.items()}})
        else:
            _output.print_rows(("system", "what it is"), [(each, kind.summary) for each, kind in found.items()])
        return
    from ideal.cli import _systems
    from ideal.runs.keeping import Keeping

    _output.check_plot(plot, force)
    found = _systems.find(name, changes, design, design_seed)
    facts = _facts(found)
    if as_json:
        _output.print_json(facts)
    else:
        _print(facts)
    _output.flush()
    for record in facts["findings"]:
        _output.warn(Finding.from_record(record).line)
    if plot:
        keeping = Keeping(debug)
        with keeping.attempt(plot, "the figure"):
            from ideal.plots.designs import design_figure
            from ideal.plots.theme import save_figure

            save_figure(design_figure(found.system, found.params), plot)
        if keeping.failed:
            raise typer.Exit(1)


def _facts(found) -> dict:
    from ideal.cli import _noise
    from ideal.imaging.facts import scene_facts, settings_facts

    system, params = found.system, found.params
    noise = _noise.noise_model(system, params, found.tables.get("noise", {})) or system.noise(params)
    return {
        "system": system.name,
        "summary": system.summary,
        "scene": scene_facts(system.scene),
        "measurement_shape": list(system.measurement_shape),
        "linear": system.linear,
        "noise": noise.name,
        "noise_figures": {name: each for name, each in noise.describe().items() if name != "name"},
        "period": list(system.period),
        "settings": settings_facts(system),
        "parameters": {
            name: {"shape": list(value.shape), "constraint": system.constraints[name].describe()}
            for name, value in params.items()
        },
        "designs": dict(system.designs),
        "further_designs": dict(system.further_designs),
        "design": found.design,
        "findings": [finding.to_record() for finding in system.findings(params)],
    }


def _print(facts: dict) -> None:
    from ideal.cli import _output
    from ideal.cli._description import by, print_settings, scene_text

    _output.print_lines(
        [
            f"{facts['system']}: {facts['summary']}",
            f"scene: {facts['scene']['kind']}, {scene_text(facts['scene'])}",
            f"measurement: {by(facts['measurement_shape'])}, {facts['noise']} noise{_figures(facts['noise_figures'])}, "
            + ("linear in the scene" if facts["linear"] else "not linear in the scene"),
            "",
        ]
    )
    print_settings(facts["settings"])
    _output.print_lines([""])
    parameters = facts["parameters"].items()
    _output.print_rows(
        ("parameter", "shape", "constraint"), [(name, by(each["shape"]), each["constraint"]) for name, each in parameters]
    )
    _output.print_lines([""])
    designs = (facts["designs"] | facts["further_designs"]).items()
    _output.print_rows(
        ("design", "what it is"), [(name + " (shown)" * (name == facts["design"]), text) for name, text in designs]
    )


def _figures(figures: dict) -> str:
    """Return the figures of a noise in parentheses; nothing where there are none."""
    told = [
        f"{name.replace('_', ' ')} {value:g}" if isinstance(value, int | float) else f"{name.replace('_', ' ')} {value}"
        for name, value in figures.items()
        if not isinstance(value, bool)
    ]
    return f" ({', '.join(told)})" if told else ""

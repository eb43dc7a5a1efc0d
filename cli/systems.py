"""`ideal systems`: the imaging systems that can be simulated and designed."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def systems(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SYSTEM]",
            autocompletion=_names.names_in(_names.SYSTEMS),
            help="A system, or a .toml file that describes one; without it, all are listed. " + _options.RUNS_CODE,
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.designs_of(),
            help="Design to draw: a named one, or a design file (.h5); default: the first.",
        ),
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
    from ideal.cli._settings import settings_of
    from ideal.errors import UsageError
    from ideal.imaging.configuration import system_in_use
    from ideal.imaging.facts import all_systems, system_facts, system_parts, systems_table

    (changes,) = settings_of(settings)
    if name is None:
        if changes or design or plot:
            raise UsageError("`settings`, `design` and `plot` are for one system: name it, as in: ideal systems lensless")
        found = all_systems()
        _output.show({"systems": found}, [systems_table(found)], as_json)
        return
    _output.check_plot(plot, force)
    used = system_in_use(name, changes, design, design_seed)
    facts = system_facts(used)
    _output.show(facts, system_parts(facts), as_json)
    _output.warn_of(facts["findings"])
    with _output.kept(debug) as keeping:
        if plot:
            with keeping.attempt(plot, "the figure"):
                from ideal.plots.designs import design_figure
                from ideal.plots.theme import save_figure

                save_figure(design_figure(used.system, used.params), plot)

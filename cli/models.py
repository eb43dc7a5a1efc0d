"""`ideal models`: the density models that bound the information."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", autocompletion=_names.names_in(_names.MODELS), help="A density model; without it, all are listed."
        ),
    ] = None,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """List density models, or show what one is, which measurements it takes and how it is fitted.

    \b
    Examples:
      ideal models
      ideal models causal-mixture
      ideal models --json
    """
    from ideal.cli import _output
    from ideal.density import MODELS
    from ideal.density.facts import all_models, model_facts, model_parts, models_table

    if name is None:
        found = all_models()
        _output.show({"models": found}, [models_table(found)], as_json)
    else:
        facts = model_facts(MODELS.find(name))
        _output.show(facts, model_parts(facts), as_json)

"""`ideal noise`: the noise models that measurements can have."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def noise(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NOISE]", autocompletion=_names.names_in(_names.NOISE), help="A noise model; without it, all are listed."
        ),
    ] = None,
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
    from ideal.noise.facts import all_noise, noise_facts, noise_parts, noise_table

    if name is None:
        found = all_noise()
        _output.show({"noise": found}, [noise_table(found)], as_json)
    else:
        facts = noise_facts(NOISE.find(name))
        _output.show(facts, noise_parts(facts), as_json)

"""`ideal decoders`: what makes estimates of scenes from measurements."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def decoders(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[DECODER]", autocompletion=_names.names_in(_names.DECODERS), help="A decoder; without it, all are listed."
        ),
    ] = None,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """List decoders, or show the settings of one.

    \b
    Examples:
      ideal decoders
      ideal decoders total-variation
      ideal decoders image-network --json
    """
    from ideal.cli import _output
    from ideal.decoders.facts import all_decoders, decoder_facts, decoder_parts, decoders_table
    from ideal.decoders.members import find_decoder

    if name is None:
        found = all_decoders()
        _output.show({"decoders": found}, [decoders_table(found)], as_json)
    else:
        facts = decoder_facts(find_decoder(name))
        _output.show(facts, decoder_parts(facts), as_json)

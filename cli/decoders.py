"""`ideal decoders`: what makes estimates of scenes from measurements."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def decoders(
    name: Annotated[str | None, typer.Argument(metavar="[DECODER]", help="A decoder; without it, all are listed.")] = None,
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
    from ideal.cli._description import print_settings
    from ideal.decoders import DECODERS, find_decoder
    from ideal.decoders.facts import decoder_facts

    if name is None:
        found = {each: decoder_facts(kind) for each, kind in DECODERS.items()}
        if as_json:
            _output.print_json({"decoders": found})
            return
        rows = [(each, facts["serves"], facts["summary"]) for each, facts in found.items()]
        _output.print_rows(("decoder", "what it serves", "what it does"), rows)
        return
    facts = decoder_facts(find_decoder(name))
    if as_json:
        _output.print_json(facts)
        return
    _output.print_lines([f"{facts['decoder']}: {facts['summary']}", f"serves: {facts['serves']}", ""])
    if facts["settings"]:
        print_settings(facts["settings"])
    else:
        _output.print_lines([f"no settings: --decoder {facts['decoder']}"])

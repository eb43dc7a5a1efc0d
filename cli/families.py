"""`ideal noise`, `ideal models` and `ideal decoders`: families whose members are listed and described alike."""

from typing import Annotated, Any

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded


def _member(metavar: str, place: str, what: str) -> Any:
    """Return the argument that names a member of a family, completed from its registry."""
    complete = _names.names_in(place)
    return typer.Argument(metavar=metavar, autocompletion=complete, help=f"{what}; without it, all are listed.")


Noise = Annotated[str | None, _member("[NOISE]", _names.NOISE, "A noise model")]
Model = Annotated[str | None, _member("[MODEL]", _names.MODELS, "A density model")]
Decoder = Annotated[str | None, _member("[DECODER]", _names.DECODERS, "A decoder")]


@guarded
def noise(name: Noise = None, as_json: _options.Json = False, debug: _options.Debug = False) -> None:
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


@guarded
def models(name: Model = None, as_json: _options.Json = False, debug: _options.Debug = False) -> None:
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


@guarded
def decoders(name: Decoder = None, as_json: _options.Json = False, debug: _options.Debug = False) -> None:
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

"""`ideal attribute`: which elements carry the information, and which only together."""

from typing import Annotated, Any

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._guard import guarded
from ideal.cli._help import OBJECTS, OUTPUT

_FUNCTION, _FIT = "Value function", "Masks and terms"


def _option(help: str, panel: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


_VALUE = "Imaging system (ideal systems) or .toml file, whose elements are the players; or FILE.py:FUNCTION, or module:function, "
_VALUE += f"from masks (masks, players), boolean, to values. {_options.RUNS_CODE}"
_TABLE = "Masks and values: .npz, .csv (a column a player, the value last) or .jsonl."
_COMMAND = "External program that reads {masks} and writes {values} (.npy), as './score {masks} {values}'."
_BUDGET = "Sets to value, those held out included; default: all of up to 12 players, of more 25 a player, 1,000 to 10,000."
_METHODS, _INDICES = _names.names_in(_names.ATTRIBUTION_METHODS, "auto"), _names.names_in("ideal.attribution.indices:INDICES")
_INDEX = "What terms say: fourier, moebius, banzhaf, shapley, bii, sii, stii, fbii or fsii."


@guarded
def attribute(
    value: Annotated[str | None, typer.Argument(metavar="SYSTEM|FUNCTION", help=_VALUE)] = None,
    objects: Annotated[str | None, typer.Argument(metavar="OBJECTS", help="What a system looks at (ideal data list).")] = None,
    players: Annotated[int | None, _option("Number of players of a function.", _FUNCTION, min=1)] = None,
    names: Annotated[str | None, _option("Names of the players, one a line.", _FUNCTION, metavar="FILE")] = None,
    table: Annotated[str | None, _option(_TABLE, _FUNCTION, metavar="FILE")] = None,
    command: Annotated[str | None, _option(_COMMAND, _FUNCTION, metavar="TEXT")] = None,
    emit: Annotated[str | None, _option("Write masks for others to value, as JSON lines.", _FUNCTION, metavar="FILE")] = None,
    values: Annotated[str | None, _option("Read their values, as JSON lines.", _FUNCTION, metavar="FILE")] = None,
    budget: Annotated[int | None, _option(_BUDGET, _FIT, min=2)] = None,
    method: Annotated[
        str,
        _option("auto, exact, order1 to order3, proxyspex, spex, lime or shap.", _FIT, metavar="NAME", autocompletion=_METHODS),
    ] = "auto",
    index: Annotated[str, _option(_INDEX, _FIT, metavar="NAME", autocompletion=_INDICES)] = "fourier",
    order: Annotated[int | None, _option("Players of a term, at most.", _FIT, metavar="K", min=1)] = None,
    size: Annotated[int | None, _option("Test the fit on sets of K players as well.", _FIT, metavar="K", min=0)] = None,
    select: Annotated[int | None, _option("Select the K players of the largest value.", _FIT, metavar="K", min=1)] = None,
    bootstrap: Annotated[int, _option("Draws of masks for standard errors; 0 for none.", _FIT, min=0)] = 20,
    seed: Annotated[int, _option("The same seed gives the same result.", _FIT, min=0)] = 0,
    elements: Annotated[
        str | None, _option("Of a system: members, channels, filters or sensors.", OBJECTS, metavar="NAME")
    ] = None,
    design: Annotated[
        str | None, _option("Design that says the other parameters.", OBJECTS, autocompletion=_names.designs_of())
    ] = None,
    count: Annotated[int | None, _option("Number of objects.", OBJECTS, "-n", "--count")] = None,
    photons: Annotated[float | None, _option("Mean photoelectrons of an unfiltered pixel.", OBJECTS)] = None,
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    settings: Annotated[
        list[str] | None,
        _option("Setting of the system, or of the objects (objects.KEY).", OBJECTS, "--set", metavar="KEY=VALUE"),
    ] = None,
    out: Annotated[
        str | None, _option("Keep values, record and figure; an interrupted run resumes.", OUTPUT, metavar="DIR")
    ] = None,
    plot: Annotated[str | None, _option("Figure of terms and pairs (.png, .svg, .pdf).", OUTPUT, metavar="FILE")] = None,
    force: Annotated[bool, _option("Overwrite the run in --out, and files.", OUTPUT, "--force")] = False,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """Say which players of a value function matter, which say the same thing twice, and which say something only together.

    \b
    Examples:
      ideal attribute interferometer --select 6                 telescopes: bits with only some of them
      ideal attribute lensless-lenslets beads --photons 200     lenslets of a camera
      ideal attribute score.py:value --players 80 --budget 2500 --json
      ideal attribute --players 40 --budget 1000 --emit masks.jsonl; then --values values.jsonl --players 40
    """
    import sys

    from ideal.attribution import sources
    from ideal.attribution.call import Request, emit_masks, run_attribution
    from ideal.cli import _output
    from ideal.cli._settings import settings_of

    own, theirs = settings_of(settings, "objects")
    request = Request(budget, method, index, order, select, size, bootstrap, seed)
    _output.check_plot(plot, force)
    _output.check_target("--emit", emit, (".jsonl",), force)
    if emit and not any((value, table, command, values)):
        written = emit_masks(emit, sources.count_players(players, names), request)
        return _output.show({"masks": written, "file": emit}, [f"{emit}: {written} masks to value, for --values"], as_json)
    given = {"count": count, "photons": photons, "seed": seed, "design": design}
    figures = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    with _output.narration() as say, _output.kept(debug) as keeping:
        game = sources.read_game(
            value,
            objects,
            table=table,
            command=command,
            values=values,
            players=players,
            names=names,
            elements=elements,
            given=given,
            settings=own,
            object_settings=theirs,
            noise=figures,
            report=say,
        )
        result = run_attribution(game, request, out, overwrite=force, emit=emit, report=say)
        _output.show(records.provenance(sys.argv, seed) | result.to_record(), result.parts, as_json)
        for text in result.warnings:
            _output.warn(text)
        with keeping.attempt(plot or "", "the figure"):
            result.save_plot(plot)

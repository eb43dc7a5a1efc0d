"""`ideal optimize`: a design that carries more information, and the numbers that prove it."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def optimize(
    system: Annotated[
        str | None,
        typer.Argument(
            metavar="SYSTEM",
            help="Imaging system (ideal systems), or a .toml file that describes one; left out where --config describes one. "
            + _options.RUNS_CODE,
        ),
    ] = None,
    objects: Annotated[
        str | None,
        typer.Argument(metavar="OBJECTS", help="What to design for (ideal data list); default: what suits the system."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Configuration (.toml) with tables [system], [objects], [noise] and [optimize], which has these options by "
            "their long names; options on the command line go before. A run leaves one in its folder.",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What is raised: gaussian (information in closed form), samples, density (any density model, slow), or "
            "end-to-end (a decoder's error); default: gaussian, or what suits the system and the objects.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="What information is wanted about: total, colour (of each pixel, for a colour sensor), mse (bits by which a "
            "linear decoder's error shrinks), luminance, chroma (beyond luminance), a channel, region:8-24,8-24, label, or a "
            "weighted sum as 'chroma + 0.6 luminance'; default: total, of a colour filter array colour.",
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            "--start", metavar="NAME", help="Design to begin near, or a design file; repeat for several; default: up to three."
        ),
    ] = None,
    floor: Annotated[
        list[str] | None,
        typer.Option("--floor", metavar="FILTER=N", help="At least N pixels of a filter in a period; repeat for several."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="NAME",
            help="Design to compare with; repeat for several; all, or none; default: up to six of the named ones.",
        ),
    ] = None,
    choose: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="Choose K sites, LEDs or lenslets instead of following a gradient: greedily, by relaxation, by swaps, and "
            "exhaustively up to --set objective.exhaustive=10000 sets.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="With --choose: site or LED that takes part beside the K, or a design for all of its; repeat for several.",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How the gradient is followed: line-search (to the optimum, of the objective gaussian without choices such as "
            "filters), or adam (anything); default: the first where it suits.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps of gradient ascent, at most; default: 600 of line searches, of adam by the system, mostly 150."
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="X", help="Of adam, in free parameters, falling to 0; default: by the system, mostly 0.05."),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="PARAMETER=X",
            help="Factor of the learning rate of one parameter, or of the first step of a line search; 0 keeps it as it is.",
        ),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="End where the hard design has not become better, for held-out objects, in this share of the steps; 1 for "
            "never; default: 0.5.",
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time for the ascent and the exchanges: 90s, 10m or 2h. Where it is reached, the design depends on the "
            "machine's speed.",
        ),
    ] = None,
    search: Annotated[
        bool | None,
        typer.Option(
            "--search/--no-search", help="Exchange single filters after the ascent, where there are some; default: yes."
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            help="Objects, to design for, to choose by, and to measure with, at least 20; default: by their size.",
        ),
    ] = None,
    photons: Annotated[
        float | None, typer.Option(help="Mean photoelectrons of an unfiltered pixel, as of ideal simulate; default: 100.")
    ] = None,
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the system, of the objects (objects.KEY) or of the objective (objective.KEY).",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Density model of the final figures; repeat for several; default: stationary, full and causal-mixture.",
        ),
    ] = None,
    patch: Annotated[int | None, typer.Option(min=1, help="Side of the patches of the final figures; default: 16.")] = None,
    effort: Annotated[
        float | None, typer.Option(help="Work of trained models in the final figures, as of ideal estimate; default: 0.25.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same design; default: 0.")] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Keep design, numbers and figures; an interrupted run resumes."),
    ] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the run in --out.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Design an imaging system by gradient ascent on information, and measure the design against the named ones.

    \b
    Examples:
      ideal optimize color-filter-array --photons 1000 --out runs/mosaic
      ideal optimize color-filter-array kodak --target mse --floor green=8 --photons 1000 --out runs/colour
      ideal optimize lensless-lenslets beads --start random --against one-lens --against ten-lenslets
      ideal optimize examples/cell_microscope.toml --out runs/leds
      ideal optimize interferometer --choose 4 --out runs/array
      ideal optimize interferometer --set array=EHT2017+candidates --choose 3 --keep EHT2017
      ideal optimize my_camera.toml photographs --objective samples --steps 300
      ideal optimize --config runs/colour/run.toml --seed 1 --out runs/colour-1      the same again, but for the seed

    The final figures come from fresh measurements of objects that the design was not made for.
    """
    import sys

    from ideal.cli import _choice_output, _chosen, _design_report, _design_setup, _optimized, _output
    from ideal.cli._settings import parse_settings
    from ideal.runs.keeping import Keeping

    camera = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    given = {
        "objects": objects,
        "objective": objective,
        "target": target,
        "start": start,
        "floor": floor,
        "against": against,
        "choose": choose,
        "keep": keep,
        "method": method,
        "steps": steps,
        "learning_rate": learning_rate,
        "rate": rate,
        "patience": patience,
        "time_limit": time_limit,
        "search": search,
        "count": count,
        "photons": photons,
        "model": model,
        "patch": patch,
        "effort": effort,
        "seed": seed,
    }
    with _output.narration() as say:
        setup = _design_setup.read_setup(system, config, parse_settings(settings or []), camera, given)
        provenance = records.provenance(sys.argv, setup.request.seed)
        run = _optimized.run if setup.request.choose is None else _chosen.run
        keeping = Keeping(debug)
        document, keep = run(setup, out=out, force=force, say=say, provenance=provenance, keeping=keeping)
    if as_json:
        _output.print_json(document)
    elif setup.request.choose is not None:
        _choice_output.print_choice(document)
    else:
        _design_report.print_result(document)
    for text in document["warnings"]:
        _output.warn(text)
    keep()
    if keeping.failed:
        raise typer.Exit(1)

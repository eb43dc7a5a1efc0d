"""`ideal optimize`: a design that carries more information, and the numbers that prove it."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import guarded
from ideal.cli._help import OBJECTS, OUTPUT

_OBJECTIVE, _ASCENT, _CHOICE, _MEASURING = "Objective", "Ascent", "Choice of members", "Measuring"


@guarded
def optimize(
    system: Annotated[
        str | None,
        typer.Argument(
            metavar="SYSTEM",
            autocompletion=_names.names_in(_names.SYSTEMS),
            help="Imaging system (ideal systems), or a .toml file that describes one; left out where --config describes one. "
            + _options.RUNS_CODE,
        ),
    ] = None,
    objects: Annotated[
        str | None,
        typer.Argument(
            metavar="OBJECTS",
            autocompletion=_names.names_in(_names.OBJECTS),
            help="What to design for (ideal data list), or own pictures: a folder, an .npy or .h5 file; default: what suits the "
            "system.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Configuration (.toml) with tables [system], [objects], [noise] and [optimize], which has these options by "
            "their long names; options on the command line go before. A run leaves one in its folder.",
            rich_help_panel=OBJECTS,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.names_in(_names.OBJECTIVES),
            help="What is raised: gaussian (information in closed form), samples, density (any density model, slow), or "
            "end-to-end (a decoder's error); default: gaussian, or what suits the system and the objects.",
            rich_help_panel=_OBJECTIVE,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            autocompletion=_names.names_in(_names.TARGETS),
            help="What information is wanted about: total, color (of each pixel, for a color sensor), mse (bits by which a "
            "linear decoder's error shrinks), luminance, chroma (beyond luminance), a channel, region:8-24,8-24, label, or a "
            "weighted sum as 'chroma + 0.6 luminance'; default: total, of a color filter array color.",
            rich_help_panel=_OBJECTIVE,
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            "--start",
            metavar="NAME",
            autocompletion=_names.designs_of(),
            help="Design to begin near, or a design file; repeat for several; default: up to three.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    floor: Annotated[
        list[str] | None,
        typer.Option(
            "--floor",
            metavar="FILTER=N",
            help="At least N pixels of a filter in a period; repeat for several.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="NAME",
            autocompletion=_names.designs_of("all", "none"),
            help="Design to compare with; repeat for several; all, or none; default: up to six of the named ones.",
            rich_help_panel=_MEASURING,
        ),
    ] = None,
    choose: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="Choose K sites, LEDs or lenslets instead of following a gradient: the best of all sets, of up to --set "
            "objective.exhaustive=10000; of more greedily, by relaxation and by swaps.",
            rich_help_panel=_CHOICE,
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="With --choose: site or LED that takes part beside the K, or a design for all of its; repeat for several.",
            rich_help_panel=_CHOICE,
        ),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=X|FILE",
            help="With --choose: cost of a site or LED in any unit, or a file with NAME=X a line; repeat for all candidates. "
            "Tables and files quote them.",
            rich_help_panel=_CHOICE,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.names_in(_names.METHODS),
            help="How the gradient is followed: line-search (to the optimum, of the objective gaussian without choices such as "
            "filters), or adam (anything); default: the first where it suits.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of gradient ascent, at most; default: 600 of line searches, of adam by the system, mostly 150.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Of adam, in free parameters, falling to 0; default: by the system, mostly 0.05.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            metavar="PARAMETER=X",
            help="Factor of the learning rate of one parameter, or of the first step of a line search; 0 keeps it as it is.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="End where the hard design has not become better, for held-out objects, in this share of the steps; 1 for "
            "never; default: 0.5.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time for the ascent and the exchanges: 90s, 10m or 2h. Where it is reached, the design depends on the "
            "machine's speed.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    search: Annotated[
        bool | None,
        typer.Option(
            "--search/--no-search",
            help="Exchange single filters after the ascent, where there are some; default: yes.",
            rich_help_panel=_ASCENT,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            help="Objects, to design for, to choose by, and to measure with, at least 20; default: by their size.",
            rich_help_panel=OBJECTS,
        ),
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option(
            help="Mean photoelectrons of an unfiltered pixel, as of ideal simulate; default: 100.", rich_help_panel=OBJECTS
        ),
    ] = None,
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    camera: _options.Camera = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting of the system, of the objects (objects.KEY) or of the objective (objective.KEY).",
            rich_help_panel=OBJECTS,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.names_in(_names.MODELS),
            help="Density model of the final figures; repeat for several; default: stationary, full and causal-mixture.",
            rich_help_panel=_MEASURING,
        ),
    ] = None,
    patch: Annotated[
        int | None, typer.Option(min=1, help="Side of the patches of the final figures; default: 16.", rich_help_panel=_MEASURING)
    ] = None,
    effort: Annotated[
        float | None,
        typer.Option(
            help="Work of trained models in the final figures, as of ideal estimate; default: 0.25.", rich_help_panel=_MEASURING
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same design; default: 0.", rich_help_panel=_MEASURING)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Keep design, numbers and figures; an interrupted run resumes.", rich_help_panel=OUTPUT),
    ] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the run in --out.", rich_help_panel=OUTPUT)] = False,
    debug: _options.Debug = False,
) -> None:
    """Design an imaging system by gradient ascent on information, and measure the design against the named ones.

    \b
    Examples:
      ideal optimize color-filter-array --photons 1000 --out runs/mosaic
      ideal optimize color-filter-array kodak --target mse --floor green=8 --photons 1000 --out runs/color
      ideal optimize lensless-lenslets beads --start random --against one-lens --against ten-lenslets
      ideal optimize examples/cell_microscope.toml --out runs/leds
      ideal optimize interferometer --choose 4 --out runs/array
      ideal optimize interferometer --set array=EHT2017+candidates --choose 3 --keep EHT2017
      ideal optimize my_camera.toml photographs --objective samples --steps 300
      ideal optimize --config runs/color/run.toml --seed 1 --out runs/color-1      the same again, but for the seed

    The final figures come from fresh measurements of objects that the design was not made for.
    """
    from ideal.cameras import read_camera
    from ideal.cli import _output
    from ideal.cli._settings import settings_of
    from ideal.optimize.runs import ChoiceResult, DesignResult
    from ideal.optimize.runs.choices.run import run_choice
    from ideal.optimize.runs.designs.run import run_design
    from ideal.optimize.runs.plans import plan_choice, plan_design
    from ideal.optimize.runs.setup import read_setup

    own, theirs, aims = settings_of(settings, "objects", "objective")
    figures = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    _options.check_camera(camera, figures)
    if camera is not None:
        figures = read_camera(camera).settings()
    given = {
        "objects": objects,
        "objective": objective,
        "objective_settings": aims or None,
        "target": target,
        "starts": start,
        "floors": floor,
        "against": against,
        "choose": choose,
        "keep": keep,
        "method": method,
        "steps": steps,
        "learning_rate": learning_rate,
        "rates": rate,
        "patience": patience,
        "time_limit": time_limit,
        "search": search,
        "count": count,
        "photons": photons,
        "models": model,
        "patch": patch,
        "effort": effort,
        "seed": seed,
    }
    with _output.kept(debug) as keeping:
        with _output.narration() as say:
            setup = read_setup(system, config, given, settings=own, object_settings=theirs, noise=figures, costs=cost or ())
            result: DesignResult | ChoiceResult
            if setup.request.choose is None:
                result = run_design(plan_design(setup, say), out, overwrite=force, report=say, keeping=keeping)
            else:
                result = run_choice(plan_choice(setup, say), out, overwrite=force, report=say, keeping=keeping)
        _output.show(result.record, result.parts, as_json)
        for text in result.warnings:
            _output.warn(text)
        result.keep()

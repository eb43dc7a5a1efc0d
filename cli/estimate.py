"""`ideal estimate`: how much information measurement files carry."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._asked import in_options
from ideal.cli._guard import complain, guarded


@guarded
def estimate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help=f"{_options.MEASUREMENTS} Several are ranked.",
        ),
    ],
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    camera: _options.Camera = None,
    axes: _options.Axes = None,
    floor: _options.Floor = None,
    saturation: _options.Saturation = None,
    groups: _options.Groups = None,
    source: _options.SourceName = None,
    freqsel: _options.FreqSel = None,
    subarray: _options.Subarray = None,
    weight_scale: _options.WeightScale = None,
    linear: _options.Linear = False,
    group_by: _options.GroupBy = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.names_in(_names.MODELS, "all"),
            help="Density model: {models}; all: those that suit (slow); repeat for several; default: those that take little "
            "time. ideal models tells what each is.",
        ),
    ] = None,
    patch: Annotated[str, typer.Option(metavar="SIDE", help="Pixels in a patch: 16, or rows x columns as 16x24.")] = "16",
    period: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE",
            help="Period of the sensor's color mosaic, to align patches: 2, or 2x6; 1 for none; default: what the file says.",
        ),
    ] = None,
    max_patches: Annotated[int, typer.Option(min=10, help="Patches used of a file, at most.")] = 20_000,
    effort: Annotated[
        float,
        typer.Option(help="Work of the trained models: at 1, about 20 s on two cores for 10,000 patches; more lowers the bound."),
    ] = 1.0,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time for the trained models of one file (and as long again for --labels): 90, 90s, 10m or 2h. Where it "
            "is reached, the numbers depend on the machine's speed.",
        ),
    ] = None,
    allow_clipped: _options.AllowClipped = False,
    keep_unwritten: _options.KeepUnwritten = False,
    follow_links: _options.FollowLinks = False,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also estimate what measurements tell of their labels, in files that hold labels.")
    ] = False,
    load_model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Score a model that --save-model kept, and fit none but those that --model names; repeat for several.",
        ),
    ] = None,
    save_model: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep the chosen model (.h5), of one measurement file.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = 0,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare every two files in the JSON, not only neighbours in the ranking.")
    ] = False,
    at_least: Annotated[
        float | None,
        typer.Option("--at-least", metavar="BITS", help="End with exit code 3 where a file tells fewer bits per pixel."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="JSON of an earlier --json: end with exit code 3 where a file departs from it."),
    ] = None,
    within: Annotated[float, typer.Option(metavar="BITS", help="Bits per pixel that a file may depart from --baseline.")] = 0.01,
    processes: Annotated[
        str | None,
        typer.Option(metavar="auto|HOST:PORT,N,K", help="Train on several processes that run this command (auto: srun)."),
    ] = None,
    as_json: _options.Json = False,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw measurements and information (.png, .svg, .pdf).")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Keep results, models and figure; an interrupted run resumes.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run in --out, and begin no other.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot, --out or --save-model would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Estimate the information that measurements carry, in bits per pixel with an interval.

    \b
    Examples:
      ideal estimate camera.h5
      ideal estimate sharp.h5 defocused.h5 --plot ranking.png     ranked, with paired differences
      ideal estimate sharp=run7/a.h5 soft=run7/b.h5                   by names of your own
      ideal estimate raw.tif --noise poisson-gaussian --gain 0.45 --offset 100 --read-noise 1.6
      ideal estimate raw.tif --camera bench.h5                    a camera that ideal calibrate measured
      ideal estimate night.uvfits                                 visibilities (pip install 'ideal[astronomy]')
      ideal estimate night.uvfits::M87 night.uvfits::3C279        of two of its sources
      ideal estimate counts.npy --noise poisson --json > result.json
      ideal estimate camera.h5 --model all --effort 4 --out runs/camera      slow and tight; again after Ctrl-C to go on
      ideal estimate camera.h5 --save-model camera-model.h5                  then --load-model scores others by it
      ideal estimate camera.h5 --at-least 0.3 --baseline last-week.json --within 0.02     exit code 3 where it is not so

    The number is an upper bound by the best of several density models, scored on sources that they were not fitted to.
    """
    import sys

    from ideal.cli import _output
    from ideal.errors import IdealError
    from ideal.information.limits import departures, read_baseline, shortfalls
    from ideal.information.tables import estimate_parts
    from ideal.runs.estimation import estimate_files
    from ideal.runs.keeping import Keeping

    before = None if baseline is None else read_baseline(baseline)
    size = _options.parse_size("--patch", patch)
    mosaic = None if period is None else _options.parse_size("--period", period)
    _options.check_effort(effort)
    _output.check_plot(plot, force)
    _output.check_target("--save-model", save_model, (".h5", ".hdf5"), force)

    def show(ranking, document: dict) -> None:
        if as_json:
            _output.print_json(document)
        elif len(ranking) == 1 and len(files) == 1:
            _output.print_lines([ranking[0].path], style="bold")
            _output.print_parts(estimate_parts(document["results"][0]), between="")
        elif len(ranking):
            _output.print_table(ranking.table())
        if not as_json:
            for task in ranking.tasks.values():
                _output.print_lines(task.lines())
        _output.flush()
        _output.warn_all(ranking)

    try:
        ranking = estimate_files(
            files,
            noise=noise,
            sigma=sigma,
            gain=gain,
            offset=offset,
            read_noise=read_noise,
            axes=axes,
            floor=floor,
            saturation=saturation,
            camera=camera,
            follow_links=follow_links,
            radio={"source": source, "freqsel": freqsel, "subarray": subarray, "weight_scale": weight_scale},
            linear=linear,
            group_by=group_by,
            groups=groups,
            labels=labels,
            models=model or None,
            load_models=load_model or (),
            patch=size,
            period=mosaic,
            confidence=confidence,
            seed=seed,
            max_patches=max_patches,
            effort=effort,
            time_limit=None if time_limit is None else _options.parse_duration("--time-limit", time_limit),
            allow=_options.allowed(clipped=allow_clipped, unwritten=keep_unwritten),
            all_pairs=all_pairs,
            out=out,
            resume=resume,
            overwrite=force,
            plot=plot,
            save_model=save_model,
            processes=processes,
            progress=_output.narration(),
            failed=complain,
            show=show,
            keeping=Keeping(debug),
        )
    except IdealError as error:
        if as_json and error.refused is not None:  # the line goes to stderr, and what was found to whoever reads stdout
            nothing = {"results": [], "comparison": [], "errors": [in_options(str(error))], "refused": error.refused}
            _output.print_json(records.provenance(sys.argv, seed) | nothing)
        raise
    missed = [] if at_least is None else shortfalls(ranking, at_least)
    missed += [] if before is None else departures(ranking, before, within)
    for line in missed:
        complain(line)
    if ranking.errors or missed:
        raise typer.Exit(1 if ranking.errors else 3)

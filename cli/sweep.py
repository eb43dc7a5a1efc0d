"""`ideal sweep`: every combination of settings measured, and laid out as one comparison."""

from typing import Annotated

import typer

from ideal.cli import _names, _options
from ideal.cli._guard import complain, guarded


@guarded
def sweep(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|SYSTEM|MEASUREMENTS...",
            autocompletion=_names.names_in(_names.SYSTEMS),
            help="A .toml file with a table [axes] (docs/sweep.md), a system (ideal systems), or measurement files.",
        ),
    ],
    design: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", autocompletion=_names.designs_of("optimize"), help="Designs; optimize: to be found."),
    ] = None,
    objects: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", autocompletion=_names.names_in(_names.OBJECTS), help="Objects (ideal data list)."),
    ] = None,
    photons: Annotated[list[float] | None, typer.Option(metavar="N...", help="Mean photoelectrons of a pixel.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", autocompletion=_names.names_in(_names.MODELS), help="Density models (ideal models)."),
    ] = None,
    decoder: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", autocompletion=_names.names_in(_names.DECODERS), help="Decoders (ideal decoders)."),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option("--axis", metavar="KEY=V1,V2", help="Any other axis, as --axis patch=8,16 or --axis system.defocus=0,2."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that does not vary, as noise.read_noise=1.6 or count=500."),
    ] = None,
    baseline: Annotated[
        list[str] | None, typer.Option("--baseline", metavar="KEY=VALUE", help="What the other points are compared with.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="DIR", help="Folder of tables, figures and results; it resumes.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many jobs, how long and how much disk.")] = False,
    jobs: _options.Jobs = None,
    scheduler: _options.Scheduler = None,
    shard: _options.Shard = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a run of another kind in --out.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Measure every combination of settings and lay out the comparison: a table, differences, curves, a map, a front.

    What an earlier run in the same folder has measured is not measured again; points that are added run alone.

    \b
    Examples:
      ideal sweep color-filter-array --design bayer rgbw-kodak --photons 30 100 300 1000 --objects photographs -o runs/cfa
      ideal sweep cameras.toml -o runs/cameras --dry-run
      ideal sweep led-microscope --design dpc-left annular --axis system.defocus=0,1,2 -o runs/leds
      ideal sweep a.h5 b.h5 --axis patch=8,16,24 -o runs/patches
      ideal sweep cameras.toml -o runs/cameras --scheduler tcp://127.0.0.1:8786
      ideal sweep cameras.toml -o runs/cameras --shard 2/8      an eighth of the points, as a task of an array
    """
    import sys

    from ideal import records
    from ideal.cli import _output
    from ideal.cli._settings import parse_settings
    from ideal.runs.keeping import Keeping
    from ideal.sweeps.call import cost_of, run_sweep
    from ideal.sweeps.request import request_of

    named = {"design": design, "objects": objects, "photons": photons, "models": model, "decoder": decoder}
    request = request_of(what, named, axis or (), parse_settings(settings or ()), parse_settings(baseline or ()))
    if dry_run:
        with _output.narration() as say:
            cost = cost_of(request, out, jobs=jobs, scheduler=scheduler, progress=say)
        _output.show(cost.to_record(), ["\n".join(cost.lines)], as_json)
        return
    keeping, provenance = Keeping(debug), records.provenance(sys.argv, int(request.settings.get("seed", 0)))
    with _output.narration() as say:
        found = run_sweep(
            request,
            out,
            jobs=jobs,
            scheduler=scheduler,
            shard=shard,
            overwrite=force,
            provenance=provenance,
            progress=say,
            keeping=keeping,
        )
    _output.show(provenance | found.to_record(), found.parts, as_json)
    for error in found.errors:
        complain(error)
    if found.errors or keeping.failed:
        raise typer.Exit(1)

"""`ideal reproduce`: published results, made again, each with one figure and one table."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _options
from ideal.cli._guard import complain, guarded


@guarded
def reproduce(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="cfa, radio, lensless, microscopy, ideal, two-point, patch-size, sample-size, or all of them: all.",
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="A smaller version of each, in minutes, with wider intervals.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Folder with one for each study; default: reproduction, or reproduction-quick with --quick."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random: the same seed gives the same figures.")] = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes at work, each on a core of its own; default: as many as there are cores.")
    ] = None,
    redraw: Annotated[bool, typer.Option("--redraw", help="Only draw the figures and tables again from run.json.")] = False,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a study that was made with another seed or size.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Make published results again: does information predict what a decoder achieves?

    Each study simulates its systems, estimates their information, decodes the same measurements, and leaves a folder with
    run.json, table.csv, figure.png and figure.svg. What an earlier run has done is not done again; an interrupted run goes on.

    \b
    Examples:
      ideal reproduce two-point --quick                what one point or two can tell, exact and estimated
      ideal reproduce lensless radio                   two of them in full, in half an hour on two cores
      ideal reproduce all --quick                      everything, smaller, in eleven minutes on two cores
      ideal reproduce cfa --redraw                     the figure again from its numbers
      ideal report reproduction-quick/two-point        a page to read, print or send
    """
    import sys

    from ideal.cli import _output, _reproduced
    from ideal.runs.keeping import Keeping

    chosen = _reproduced.chosen(studies)
    folder, keeping = _reproduced.out_folder(out, quick), Keeping(debug)
    provenance = records.provenance(sys.argv, seed)

    def show(record: dict) -> None:
        if not as_json:
            _reproduced.print_record(record, folder, only_drawn=redraw)
            _output.flush()

    plan = {"quick": quick, "seed": seed}
    if redraw:
        found, errors = [_reproduced.redrawn(name, folder, **plan, show=show) for name in chosen], []
    else:
        more = {"jobs": jobs, "force": force, "provenance": provenance, "show": show}
        found, errors = _reproduced.made(chosen, folder, keeping, **plan, **more)
    if as_json:
        _output.print_json(provenance | {"studies": found, "errors": [*errors, *keeping.failed]})
    for error in errors:
        complain(error)
    if errors or keeping.failed:
        raise typer.Exit(1)

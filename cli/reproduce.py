"""`ideal reproduce`: published results, made again, each with one figure and one table."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._guard import complain, guarded
from ideal.cli._streams import tell


@guarded
def reproduce(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            autocompletion=_names.names_in(_names.STUDIES, "all"),
            help="Studies: {studies}; all: all of them.",
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
    jobs: _options.Jobs = None,
    scheduler: _options.Scheduler = None,
    shard: _options.Shard = None,
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

    from ideal.cli import _output
    from ideal.runs.keeping import Keeping
    from ideal.studies.reproduction import home_of
    from ideal.studies.reproduction import reproduce as make_again
    from ideal.studies.tables import study_parts

    provenance, keeping = records.provenance(sys.argv, seed), Keeping(debug)

    def show(record: dict) -> None:
        if not as_json:
            _output.print_parts([*study_parts(record, home_of(out, quick), redrawn=redraw), ""])
            _output.flush()

    found, errors = make_again(
        studies,
        out,
        quick=quick,
        seed=seed,
        jobs=jobs,
        scheduler=scheduler,
        shard=shard,
        redraw=redraw,
        overwrite=force,
        provenance=provenance,
        progress=_output.narration,
        show=show,
        warn=tell,
        keeping=keeping,
    )
    if as_json:
        _output.print_json(provenance | {"studies": found, "errors": [*errors, *keeping.failed]})
    for error in errors:
        complain(error)
    if errors or keeping.failed:
        raise typer.Exit(1)

"""`ideal report`: a page of runs to read, to print and to send."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Folders that --out of ideal estimate, optimize or reproduce has written, cameras (.h5) of ideal calibrate, or "
            "what ideal decode --json printed.",
        ),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Page to write (.html).")] = "report.html",
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Title of the page; default: what the run is.")] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Write one HTML page of runs: numbers, intervals, figures, settings, warnings, versions, and how to run them again.

    \b
    Examples:
      ideal report runs/color
      ideal report runs/color runs/beads -o designs.html --title "Two designs"
      ideal report runs/* -o all.html --force

    The page holds all that it shows, figures included, and needs no network. Runs that measured the same objects are compared.
    Of several runs one that cannot be read is left out, and the page says so.
    """
    import sys
    from pathlib import Path

    from ideal.cli import _output
    from ideal.reports import report as write_report

    _output.check_target("--out", out, (".html", ".htm"), force, make_folder=True)
    page = write_report(runs, out, title=title, overwrite=force)
    size, shown = Path(out).stat().st_size, len(page.runs)
    figures = sum(len(run["figures"]) for run in page.runs)
    text = f"{out}: {shown} run{'s' * (shown != 1)}, {figures} figure{'s' * (figures != 1)}, {size / 1e6:.1f} MB"
    document = records.provenance(sys.argv, 0) | {"path": out, "bytes": size, "runs": page.runs}
    del document["seed"]
    _output.show(document | {"missing": page.missing, "left_out": page.left_out}, [text], as_json)
    for warning in page.warnings:
        _output.warn(warning)

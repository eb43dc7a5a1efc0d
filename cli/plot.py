"""`ideal plot`: a figure of a finished run, drawn again."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def plot(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder that --out of ideal estimate, optimize or reproduce has written.")
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Figure to write (.png, .svg, .pdf).")],
    figure: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which figure, where a run has several; default: the first.")
    ] = None,
    width: Annotated[float | None, typer.Option(metavar="INCHES", help="Width.")] = None,
    height: Annotated[float | None, typer.Option(metavar="INCHES", help="Height.")] = None,
    dpi: Annotated[float, typer.Option(help="Dots per inch of a .png.")] = 200,
    style: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Style of matplotlib, as dark_background, or a file (.mplstyle).")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT=FILE", help="What to call a measurement file in the figure; repeat for several."),
    ] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the figure.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Draw a figure of a finished run again, in another format, size, resolution or style; nothing is estimated anew.

    \b
    Examples:
      ideal plot runs/camera -o figure.pdf --width 3.4
      ideal plot runs/camera -o slide.png --style dark_background --dpi 300
      ideal plot runs/camera -o figure.svg --name sharp=a.h5 --name defocused=b.h5
      ideal plot build/reproduction/radio -o radio.pdf
    """
    from ideal.cli import _output
    from ideal.plots.finished_runs import draw_run

    pairs = [_options.parse_pair("--name", "TEXT=FILE, as sharp=a.h5", text) for text in name or ()]
    names = {file: called for called, file in pairs}
    _output.check_plot(out, force, option="--out")
    drawn = draw_run(run, out, figure=figure, width=width, height=height, dpi=dpi, style=style, names=names, overwrite=force)
    _output.show({"run": run, "figure": drawn, "path": out}, [f"{out}: {drawn} of {run}"], as_json)

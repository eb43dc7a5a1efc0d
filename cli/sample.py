"""`ideal sample`: measurements drawn from a model that was fitted before."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def sample(
    file: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model file (.h5) of ideal estimate: of --save-model, or in --out DIR/models.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Measurements to draw.")] = 16,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE",
            help="Pixels in a measurement: 64, or rows x columns as 64x96; default: as fitted. For models that know no places: "
            "stationary and most of the trained ones.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same measurements.")] = 0,
    as_json: _options.Json = False,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them (.png, .svg, .pdf).")] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Write them (.npy, or .h5 as a measurement file).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot or --out would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Draw measurements from a model that `ideal estimate` kept: what it knows, and what it misses.

    \b
    Examples:
      ideal sample camera-model.h5 --plot drawn.png
      ideal sample camera-model.h5 -n 1000 --seed 1 --out drawn.h5
      ideal sample runs/camera/models/0/stationary.h5 -n 4 --size 64x96 --plot large.png
    """
    import sys

    from ideal.cli import _output
    from ideal.information.saved_models import load_model
    from ideal.simulation import from_model

    window = None if size is None else _options.parse_size("--size", size)
    _output.check_plot(plot, force)
    _output.check_target("--out", out, (".npy", ".h5"), force)
    with _output.narration() as say:
        model = load_model(file)
        say(f"{file}: {model.name} draws {count}", None)
        drawn = from_model.draw(file, model, count, seed, window)
        facts = from_model.facts_of(file, model, drawn)
    _output.show(records.provenance(sys.argv, seed) | facts, ["\n".join(from_model.lines_of(facts))], as_json)
    with _output.kept(debug) as keeping:
        if out:
            with keeping.attempt(out, "the measurements"):
                from_model.write(out, drawn, facts, force)
        if plot:
            with keeping.attempt(plot, "the figure"):
                from ideal.plots.samples import draw_samples

                draw_samples(drawn, facts["units"], plot)

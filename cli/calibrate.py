"""`ideal calibrate`: a camera measured from its own dark frames and flat fields."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def calibrate(
    dark: Annotated[
        list[str] | None,
        typer.Option(
            "--dark",
            metavar="FILE",
            help="Dark frames: no light, the settings of the measurements; 16 or more, 64 for maps. A file, FILE::dataset, or a "
            "quoted pattern as 'dark/*.tif'; repeat for several.",
        ),
    ] = None,
    flat: Annotated[
        list[str] | None,
        typer.Option(
            "--flat",
            metavar="FILE",
            help="Flat fields: even light, several levels up to saturation, two frames of each or more; repeat for several. "
            "Frames that are equally bright are one level.",
        ),
    ] = None,
    repeats: Annotated[
        list[str] | None,
        typer.Option(
            "--repeats",
            metavar="FILE",
            help="Repeated frames of a still scene, two or more; they tell the gain where there are no flat fields; repeat for "
            "several scenes.",
        ),
    ] = None,
    out: Annotated[str | None, typer.Option("-o", "--out", metavar="FILE", help="Camera to write (.h5), for --camera.")] = None,
    exposures: Annotated[
        str | None,
        typer.Option(
            metavar="T,T,...",
            help="Seconds of each file, or of each frame, those of --dark first, then those of --flat; default: what files say. "
            "Dark frames of several exposures tell the dark current, flat fields the linearity.",
        ),
    ] = None,
    gain: Annotated[
        float | None, typer.Option(help="Photoelectrons per DN, where no frames with light tell it (from a data sheet).")
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(metavar="SIDE", help="Period of the sensor's color mosaic: 2, or 2x6; default: what files say, or none."),
    ] = None,
    axes: _options.Axes = None,
    follow_links: _options.FollowLinks = False,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw the photon transfer and the maps (.png, .svg, .pdf).")
    ] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files of --out and --plot.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Measure a camera from its own frames: gain, offset, read noise, patterns, full well, bad pixels (EMVA 1288).

    \b
    Examples:
      ideal calibrate --dark dark.tif --flat 'flat-*.tif' -o camera.h5 --plot camera.png
      ideal calibrate --dark d1.npy --dark d2.npy --exposures 0.01,2 --flat flats.h5 -o camera.h5
      ideal calibrate --repeats still-scene.npy --dark dark.npy -o camera.h5
      ideal calibrate --dark dark.npy --gain 0.45 -o camera.h5                    the gain of a data sheet
      ideal estimate captures.tif --camera camera.h5                              and then

    Two frames at each of eight or more levels of light tell the gain; 16 dark frames the noise; 64 make maps worth having.
    """
    import sys

    from ideal import records
    from ideal.cameras import calibrate as measure
    from ideal.cli import _output
    from ideal.plots.theme import save_figure
    from ideal.runs.keeping import Keeping

    _output.check_target("--out", out, (".h5", ".hdf5"), force, make_folder=True)
    _output.check_plot(plot, force)
    with _output.narration() as say:
        camera = measure(
            dark or None,
            flat or None,
            repeats or None,
            exposures=None if exposures is None else _options.parse_numbers("--exposures", exposures),
            gain=gain,
            period=None if period is None else _options.parse_size("--period", period),
            axes=axes,
            follow_links=follow_links,
            confidence=confidence,
            progress=say,
        )
    if as_json:
        _output.print_json(records.provenance(sys.argv, 0) | camera.to_record() | {"path": out})
    else:
        _output.print_lines(camera.lines())
        _output.print_table(camera.table())
    _output.flush()
    for text in camera.notes:
        _output.note(text)
    keeping = Keeping(debug)
    if out is not None:
        with keeping.attempt(out, "the camera"):
            camera.save(out, overwrite=force)
    if plot is not None:
        with keeping.attempt(plot, "the figure"):
            save_figure(camera.plot("all"), plot)
    if keeping.failed:
        raise typer.Exit(1)

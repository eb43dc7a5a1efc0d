"""`ideal decode`: how good the estimates are that a decoder makes of simulated measurements."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def decode(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            autocompletion=_names.names_in(_names.SYSTEMS),
            help="Imaging system (ideal systems), or a .toml file that describes one. " + _options.RUNS_CODE,
        ),
    ],
    objects: Annotated[
        str | None,
        typer.Argument(
            metavar="[OBJECTS]",
            autocompletion=_names.names_in(_names.OBJECTS),
            help="What it looks at (ideal data list), or own pictures: a folder, an .npy or .h5 file; default: what suits the "
            "system.",
        ),
    ] = None,
    decoder: Annotated[
        str,
        typer.Option(
            "--decoder",
            metavar="NAME",
            autocompletion=_names.names_in(_names.DECODERS),
            help="What makes the estimates (ideal decoders).",
        ),
    ] = "linear",
    design: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=_names.designs_of(),
            help="Design of the system: a named one, or a design file (.h5); default: the first.",
        ),
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option(
            help="Mean photoelectrons of an unfiltered pixel, over the first 256 objects; default: 100, or the system's setting."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=3, help="Objects to image: to learn from, to choose by and to score.")
    ] = 1000,
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
            help="Change a setting of the system, of the objects (objects.KEY=VALUE) or of the decoder (decoder.KEY=VALUE); "
            "repeat for several.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the objects, their noise, their division and the training: as of ideal simulate.")
    ] = 0,
    noise_seed: Annotated[int | None, typer.Option(min=0, help="Of the noise alone; default: as --seed.")] = None,
    design_seed: Annotated[int, typer.Option(min=0, help="Of a design that is random.")] = 0,
    folds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=5,
            help="Fifths of the sources that are scored in turn; default: 1 where there are 60 sources or more, 5 with fewer.",
        ),
    ] = None,
    effort: Annotated[float, typer.Option(help="Work of training, of decoders that are trained; 1 is the usual.")] = 1.0,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw scenes, measurements and estimates (.png, .svg, .pdf).")
    ] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Simulate measurements, decode them, and say how good the estimates are.

    A decoder learns from objects of some sources and is scored on those of others.

    \b
    Examples:
      ideal decode color-filter-array photographs --decoder mosaic-filter --design bayer --photons 1000
      ideal decode lensless beads --decoder total-variation --design four-lenslets --plot beads.png
      ideal decode interferometer --decoder linear-sky -n 400 --json
      ideal decode my_camera.toml beads --decoder image-network --set decoder.components=64
    """
    import sys

    from ideal.cli import _output
    from ideal.cli._settings import settings_of
    from ideal.datasets import make_objects
    from ideal.datasets.members import DEFAULT_OBJECTS
    from ideal.decoders.call import decode as decode_simulated
    from ideal.imaging.configuration import system_in_use
    from ideal.runs.keeping import Keeping

    _output.check_plot(plot, force)
    _options.check_effort(effort)
    own, theirs, of_decoder = settings_of(settings, "objects", "decoder")
    camera = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    with _output.narration() as say:
        used = system_in_use(system, own, design, design_seed)
        table = dict(used.configuration.table("objects"))
        named = table.pop("name", None)
        looked_at = objects or named or DEFAULT_OBJECTS[used.system.scene.kind]
        result = decode_simulated(
            used.system,
            make_objects(looked_at, **{**(table if named in (None, looked_at) else {}), **theirs}),
            decoder,
            design=used.design,
            photons=photons,
            count=count,
            noise=used.noise(camera),
            settings=of_decoder,
            seed=seed,
            noise_seed=noise_seed,
            design_seed=design_seed,
            folds=folds,
            effort=effort,
            progress=say,
        )
    if as_json:
        _output.print_json(records.provenance(sys.argv, seed) | result.to_record())
    else:
        _output.print_parts([result.title, result.table(), "\n".join(result.facts)], between="")
    _output.flush()
    for text in result.warnings:
        _output.warn(text)
    if plot:
        keeping = Keeping(debug)
        with keeping.attempt(plot, "the figure"):
            from ideal.plots.theme import save_figure

            save_figure(result.plot(), plot)
        if keeping.failed:
            raise typer.Exit(1)

"""`ideal simulate`: measurements of objects through a system, with noise."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._guard import guarded


@guarded
def simulate(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            autocompletion=_names.names_in(_names.SYSTEMS),
            help="Imaging system (ideal systems), or a .toml file that describes one. " + _options.RUNS_CODE,
        ),
    ],
    objects: Annotated[
        str,
        typer.Argument(
            metavar="OBJECTS",
            autocompletion=_names.names_in(_names.OBJECTS),
            help="What it looks at (ideal data list), or own pictures: a folder, an .npy or .h5 file.",
        ),
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Measurement file to write (.h5).")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Objects to image.")] = 1000,
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
            help="Mean photoelectrons of an unfiltered pixel, over the first 256 objects (one exposure for all); of a microscope "
            "those of the empty bright field; default: 100, or the system's setting."
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
            help="Change a setting of the system or, as objects.KEY=VALUE, of the objects; repeat for several. "
            "ideal systems NAME and ideal data show NAME tell the unit and the range of each.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the objects, and of their noise: the same seed gives the same file.")] = 0,
    noise_seed: Annotated[
        int | None, typer.Option(min=0, help="Of the noise alone: other noise on the same objects; default: as --seed.")
    ] = None,
    design_seed: Annotated[int, typer.Option(min=0, help="Of a design that is random.")] = 0,
    keep_objects: Annotated[bool, typer.Option("--keep-objects", help="Also write what was imaged, for decoders.")] = False,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Simulate measurements of objects through an imaging system, and write them to a file.

    \b
    Examples:
      ideal simulate lensless cifar10 --design four-lenslets --photons 80 -o four.h5
      ideal simulate color-filter-array photographs --design bayer --photons 1000 -n 4000 -o bayer.h5
      ideal simulate interferometer black-hole-rings -o rings.h5
      ideal simulate led-microscope phase-cells --design dpc-left --set defocus=2 -o cells.h5
      ideal simulate my_camera.toml beads --noise poisson-gaussian --read-noise 1.6 --gain 0.45 --offset 100 -o mine.h5
    """
    import sys

    from ideal.cameras import read_camera
    from ideal.cli import _output
    from ideal.cli._settings import settings_of
    from ideal.datasets import make_objects
    from ideal.imaging.configuration import system_in_use
    from ideal.simulation import SimulationPlan, to_file

    _output.check_target("--out", out, (".h5", ".hdf5"), force, make_folder=True)
    own, theirs = settings_of(settings, "objects")
    figures = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    _options.check_camera(camera, figures)
    with _output.narration() as say:
        say(f"{system} and {objects}", None)
        used = system_in_use(system, own, design, design_seed)
        plan = SimulationPlan(
            used.system,
            used.params,
            make_objects(objects, **{**used.configuration.table("objects"), **theirs}),
            used.design,
            used.noise(figures) if camera is None else read_camera(camera).noise_for(used.system.measurement_shape),
            photons,
            count,
            seed,
            seed if noise_seed is None else noise_seed,
            keep_objects,
        )
        facts = to_file.write(plan, out, force=force, say=say)
    _output.show(records.provenance(sys.argv, seed) | facts, ["\n".join(to_file.lines_of(facts))], as_json)
    _output.warn_of(facts["findings"])

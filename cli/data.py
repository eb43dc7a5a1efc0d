"""`ideal data`: the objects that systems can be made to look at."""

from typing import Annotated

import typer

from ideal import records
from ideal.cli import _names, _options
from ideal.cli._guard import guarded

_HELP = """
List, download and show the objects that systems can be made to look at.

\b
Examples:
  ideal data list                                  what there is, and whether it is on this machine
  ideal data fetch cifar10 mnist                   download, with checksums
  ideal data show cifar10 --plot pictures.png      labels, groups, range, and a picture of some
"""

data = typer.Typer(
    name="data", help=_HELP, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}, rich_markup_mode=None
)


@data.command("list")
@guarded
def list_objects(as_json: _options.Json = False, debug: _options.Debug = False) -> None:
    """List sets of objects, and where they come from.

    IDEAL_DATA is an environment variable that names a folder of shared data.

    \b
    Examples:
      ideal data list
      ideal data list --json
    """
    from ideal.cli import _output
    from ideal.datasets.facts import all_sets, sets_table

    found = all_sets()
    _output.show({"objects": found}, [sets_table(found)], as_json)


@data.command("fetch")
@guarded
def fetch_objects(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", autocompletion=_names.names_in(_names.OBJECTS), help="Sets of objects, as in ideal data list."
        ),
    ],
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address under which NAME/FILE is found, instead of the original places; default: what IDEAL_MIRROR says.",
        ),
    ] = None,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """Download sets of objects, and check what came.

    Files go to the folder that the environment variable IDEAL_CACHE names, or to the system's own for caches.

    \b
    Examples:
      ideal data fetch cifar10
      ideal data fetch mnist fashion-mnist
      ideal data fetch cifar10 --mirror https://data.example.org/ideal
    """
    from ideal.cli import _output
    from ideal.datasets import find_objects
    from ideal.datasets._download import fetch_set, fetched_text

    kinds = [find_objects(name) for name in dict.fromkeys(names)]
    found = []
    with _output.narration() as say:
        for kind in kinds:
            found.append(fetch_set(kind, say, mirror))
            if not as_json:
                _output.print_lines([fetched_text(found[-1])])
    if as_json:
        _output.print_json({"objects": found})


@data.command("show")
@guarded
def show_objects(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", autocompletion=_names.names_in(_names.OBJECTS), help="A set of objects, as in ideal data list."
        ),
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Objects to look at.")] = 16,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the set; repeat for several.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="radiance, transmission or sky; default: what the set gives naturally.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="SIDE", help="Pixels of a scene: 64, or rows x columns as 64x96; default: what suits the set."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed shows the same objects.")] = 0,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them (.png, .svg, .pdf).")] = None,
    as_json: _options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Show some objects of a set, and its settings.

    \b
    Examples:
      ideal data show photographs
      ideal data show cifar10 --size 96 --plot tiled.png
      ideal data show mnist --set split=test --kind transmission --set phase=3.1 --plot phase.png
      ideal data show black-hole-rings -n 4 --seed 1 --plot rings.png
    """
    import sys

    from ideal.cli import _output
    from ideal.cli._settings import settings_of
    from ideal.datasets.facts import facts_of, objects_parts, preview_of, read_some

    shape = None if size is None else _options.parse_size("--size", size)
    (changes,) = settings_of(settings)
    _output.check_plot(plot, force)
    with _output.narration() as say:
        say(f"{name}: {count} objects", None)
        objects, scene = preview_of(name, changes, kind, shape)
        source = objects.open(scene, seed)
        shown = read_some(source, count)
        facts = facts_of(objects, scene, source, shown)
    _output.show(records.provenance(sys.argv, seed) | facts if as_json else facts, objects_parts(facts), as_json)
    with _output.kept(debug) as keeping:
        if plot:
            with keeping.attempt(plot, "the figure"):
                from ideal.plots.objects import draw_objects

                draw_objects(shown, scene, source.classes, plot)

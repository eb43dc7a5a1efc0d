"""`ideal data`: the objects that systems can be made to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ideal import records
from ideal.cli import _options
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
_WHERE = {
    "bundled": "bundled",
    "generated": "generated",
    "downloaded": "download or IDEAL_DATA",
    "IDEAL_DATA": "IDEAL_DATA",
}


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
    from ideal.datasets import OBJECTS, find_objects

    kinds = {name: find_objects(name) for name in OBJECTS}
    if as_json:
        _output.print_json({"objects": [_about(kind) for kind in kinds.values()]})
        return
    rows = [
        (name, kind.summary, _WHERE[kind.origin], "yes" if _is_here(kind) else "no", kind.licence) for name, kind in kinds.items()
    ]
    _output.print_rows(("objects", "what they are", "from", "here", "licence"), rows)


@data.command("fetch")
@guarded
def fetch_objects(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Sets of objects, as in ideal data list.")],
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

    kinds = [find_objects(name) for name in dict.fromkeys(names)]
    found = []
    with _output.narration() as say:
        for kind in kinds:
            found.append(_fetch(kind, mirror, say))
            if not as_json:
                _output.print_lines([_said(found[-1])])
    if as_json:
        _output.print_json({"objects": found})


@data.command("show")
@guarded
def show_objects(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A set of objects, as in ideal data list.")],
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

    from ideal.cli import _objects, _output
    from ideal.cli._settings import parse_settings
    from ideal.datasets.facts import facts_of, read_some
    from ideal.runs.keeping import Keeping

    shape = None if size is None else _options.parse_size("--size", size)
    _output.check_plot(plot, force)
    with _output.narration() as say, _own_settings():
        say(f"{name}: {count} objects", None)
        objects, scene = _objects.prepare(name, parse_settings(settings or []), kind, shape)
        source = objects.open(scene, seed)
        shown = read_some(source, count)
        facts = _about(type(objects)) | facts_of(objects, scene, source, shown)
    if as_json:
        _output.print_json(records.provenance(sys.argv, seed) | facts)
    else:
        _objects.print_facts(facts)
    _output.flush()
    if plot:
        keeping = Keeping(debug)
        with keeping.attempt(plot, "the figure"):
            from ideal.plots.objects import draw_objects

            draw_objects(shown, scene, source.classes, plot)
        if keeping.failed:
            raise typer.Exit(1)


@contextmanager
def _own_settings() -> Iterator[None]:
    """Name settings in errors as they are typed here: objects.NAME is for commands that have a system too."""
    from ideal.errors import IdealError

    try:
        yield
    except IdealError as error:
        raise type(error)(str(error).replace("--set objects.", "--set ")) from error


def _about(kind) -> dict:
    return {
        "name": kind.name,
        "summary": kind.summary,
        "origin": kind.origin,
        "here": _is_here(kind),
        "licence": kind.licence,
        "kinds": list(kind.kinds),
    }


def _is_here(kind) -> bool:
    from ideal.errors import DataError

    if kind.origin in ("bundled", "generated", "own"):
        return True
    try:
        objects = kind()
        objects.open(objects.preview)
    except DataError:
        return False
    return True


def _fetch(kind, mirror: str | None, say) -> dict:
    """Download a set, if it is one to download, and say what was done."""
    from ideal.datasets import _download
    from ideal.datasets._remote_files import REMOTE

    if kind.name not in REMOTE:
        if kind.origin == "IDEAL_DATA":
            objects = kind()
            objects.open(objects.preview)  # it says what is missing
        return {"name": kind.name, "state": "no download needed", "origin": kind.origin, "files": [], "bytes": 0}
    came = []

    def progress(text: str, fraction: float | None) -> None:
        came.append(fraction)
        say(text, fraction)

    paths = _download.fetch(kind.name, progress=progress, mirror=mirror)
    return {
        "name": kind.name,
        "state": "downloaded" if came else "already here",
        "origin": kind.origin,
        "files": [str(path) for path in paths],
        "bytes": sum(path.stat().st_size for path in paths),
    }


def _said(found: dict) -> str:
    if found["files"]:
        return f"{found['name']}: {found['state']}, {found['bytes'] / 1e6:.1f} MB in {Path(found['files'][0]).parent}"
    how = {
        "bundled": "comes with a dependency",
        "generated": "is generated",
        "IDEAL_DATA": "is in the folder named by IDEAL_DATA",
    }
    return f"{found['name']} {how[found['origin']]}: there is nothing to download"

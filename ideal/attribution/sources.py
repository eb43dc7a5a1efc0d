"""The value function that a command line names: a system, a function, a table, a command, or answers in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ideal._regular_files import read_text
from ideal.attribution.call import as_game
from ideal.attribution.games import CommandGame, Game, TableGame
from ideal.errors import DataError, UsageError
from ideal.progress import Progress, silent


def read_game(
    value: str | None,
    objects: str | None = None,
    *,
    table: str | None = None,
    command: str | None = None,
    values: str | None = None,
    players: int | None = None,
    names: str | None = None,
    elements: str | None = None,
    given: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    object_settings: Mapping[str, Any] | None = None,
    noise: Mapping[str, Any] | None = None,
    report: Progress = silent,
) -> Game:
    """Return a value function from one of its sources.

    Args:
        value: "FILE.py:FUNCTION", "module:function", or a system: its name or a .toml file.
        objects: what a system looks at; None for what suits it.
        table: file of masks and values (.npz, .csv, .jsonl).
        command: external program, with {masks} and {values} for its files.
        values: JSON lines with values of masks that `emit` wrote.
        players: number of players, of functions, commands and JSON lines.
        names: file with the name of a player a line.
        elements: of a system; see `ideal.attribute`.
        given: of a system: count, photons, seed and starts, by name; None for what nobody has said.
        settings: of the system.
        object_settings: of the objects.
        noise: noise and its figures by name; None for what nobody has said.
        report: shows progress.

    Raises:
        UsageError: no source is named, or more than one, or something does not go with it.
        DataError: a file cannot be read.

    """
    sources = {"table": table, "command": command, "values": values}
    named = [f"`{name}`" for name, each in sources.items() if each is not None] + ([value] if value is not None else [])
    if len(named) != 1:
        what = "name one value function" if not named else f"{' and '.join(named)} are several value functions: name one"
        raise UsageError(f"{what} (a system, FILE.py:FUNCTION, `table`, `command`, or `values`)")
    called = None if names is None else read_names(names)
    if players is None and called is not None:
        players = len(called)
    if value is not None and ":" not in value:
        return _system(value, objects, players, elements, given or {}, settings, object_settings, noise, report)
    extra = {"objects": objects, "elements": elements, **{key: each for key, each in (given or {}).items() if key != "seed"}}
    extra |= {"settings": settings or object_settings or None, **(noise or {})}
    wrong = [name for name, each in extra.items() if each is not None]
    if wrong:
        raise UsageError(f"`{wrong[0]}` goes with an imaging system: leave it out for {named[0]}")
    if command is not None:
        if players is None:
            raise UsageError("say how many players the command takes (`players`)")
        return CommandGame(command, players, called)
    if values is not None:
        if Path(values).suffix.lower() != ".jsonl":
            raise UsageError(f"`values={values}`: answers are JSON lines, in a file .jsonl")
        return TableGame.read(values, players, called)
    return TableGame.read(table, players, called) if table is not None else as_game(str(value), players=players, names=called)


def count_players(players: int | None, names: str | None) -> int:
    """Return how many players there are, by their number or by the file of their names.

    Raises:
        UsageError: nobody has said.
        DataError: the file cannot be read.

    """
    if names is not None:
        return len(read_names(names))
    if players is None:
        raise UsageError("say how many players there are (`players`)")
    return players


def read_names(path: str | Path) -> list[str]:
    """Return the names in a text file, one a line.

    Raises:
        DataError: there are none, or the file cannot be read.

    """
    try:
        found = [line.strip() for line in read_text(path, "names of players, one a line").splitlines()]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    while found and not found[-1]:
        found.pop()
    if not found or not all(found):
        raise DataError(f"{path}: a line has no name" if found else f"{path}: there are no names, one a line")
    return found


def _system(name, objects, players, elements, given, settings, object_settings, noise, report) -> Game:
    from ideal.attribution.games.systems import system_game
    from ideal.optimize.runs.setup import read_setup

    if players is not None:
        raise UsageError("the players of an imaging system are its elements: leave out `players` and `names`")
    asked = {"objects": objects, **given}
    design = asked.pop("design", None)
    asked["starts"] = None if design is None else [design]
    setup = read_setup(name, given=asked, settings=settings, object_settings=object_settings, noise=noise)
    return system_game(setup, elements, report)

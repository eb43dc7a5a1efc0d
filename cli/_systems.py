"""What the command line means by a system: a name with settings, or a configuration file."""

import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ideal._documents import read_toml
from ideal.cli._guard import note
from ideal.cli._noise import check_table, with_own_noise
from ideal.errors import DataError, UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import DESIGN_FILES, files_elsewhere, find_design, load_design, system_from_table, system_of_name

_SAID: set[str] = set()  # configurations of which it was said that they run code
_SAID_READ: set[str] = set()  # and those of which it was said that they read files elsewhere
_LISTED = 3  # files that a note has room to name
_SECTIONS = ("system", "objects", "noise", "optimize")


def read_configuration(path: str, *, needs_system: bool = True) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Args:
        path: of the file.
        needs_system: whether there has to be a table [system].

    Raises:
        DataError: it is not there or is no TOML.
        UsageError: a table is unknown or is none, or [noise] has no meaning.

    """
    tables = read_toml(path)
    for name, table in tables.items():
        if name not in _SECTIONS:
            raise UsageError(unknown_name(f"{path}: no table is called", name, _SECTIONS))
        if not isinstance(table, Mapping):
            raise UsageError(f"{path}: {name} must be a table, as [{name}]; found {reprlib.repr(table)}")
    if needs_system and "system" not in tables:
        raise UsageError(f"{path}: there is no table [system]")
    with in_file(path):
        check_table(tables.get("noise", {}))
    _say_what_is_read(tables, path)
    return tables


@dataclass(frozen=True)
class SystemInUse:
    """A system with a design.

    Attributes:
        system: with its settings.
        params: of the design.
        design: its name.
        tables: of the configuration that describes the system; empty where none does.

    """

    system: ImagingSystem
    params: Params
    design: str
    tables: dict[str, Any]


def find(name: str, settings: Mapping[str, Any], design: str | None, seed: int = 0) -> SystemInUse:
    """Return a system with a design.

    Args:
        name: of a system, or of a .toml file.
        settings: of `--set`; they have the last word.
        design: of `--design`: a named one, a design file, or None for the configuration's or the default.
        seed: of designs that are random.

    Raises:
        UsageError: a name is unknown or a setting has no meaning.
        DataError: a file cannot be read.

    """
    tables: dict[str, Any] = {}
    if name.endswith(".toml"):
        tables = read_configuration(name)
        system, said = find_configured(tables, Path(name).resolve().parent, settings, name)
        design = design or said
    else:
        kept = {}
        if design and design.endswith(DESIGN_FILES):
            made_for, kept, _ = load_design(design)
            if made_for != name:
                raise UsageError(f"--design {design} is a design of {made_for}, not of {name}")
        system = system_of_name(name, {**kept, **settings})
    return SystemInUse(system, find_design(system, design, seed), design or next(iter(system.designs)), tables)


def find_configured(
    tables: Mapping[str, Any], folder: Path, settings: Mapping[str, Any], path: str
) -> tuple[ImagingSystem, str | None]:
    """Return the system that a configuration's tables describe, and the design that they name or None.

    Args:
        tables: as of `read_configuration`.
        folder: of the configuration.
        settings: of `--set`; they have the last word.
        path: of the configuration, for messages.

    """
    _say_what_runs(tables["system"], path)
    with in_file(path):
        system, design = system_from_table(tables["system"], folder, settings)
        return with_own_noise(system, tables.get("noise", {})), design


def _say_what_is_read(tables: Mapping[str, Any], path: str) -> None:
    """Say on stderr, once for each file, which files a configuration reads that do not lie in its folder."""
    files = [] if path in _SAID_READ else files_elsewhere(tables, Path(path).resolve().parent)
    if files:
        _SAID_READ.add(path)
        more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
        note(f"{path} reads {', '.join(map(str, files[:_LISTED]))}{more}, outside its folder")


def _say_what_runs(table: Any, path: str) -> None:
    """Say on stderr, once for each file, that a configuration runs the code of a module that it names."""
    if not isinstance(table, Mapping) or path in _SAID:
        return
    values = [each.get("value") for each in (table.get("parameters") or {}).values() if isinstance(each, Mapping)]
    named = [each for each in (table.get("encoder"), *values) if isinstance(each, str) and ":" in each]
    modules = list(dict.fromkeys(each.partition(":")[0] for each in named))
    if modules:
        _SAID.add(path)
        note(f"{path} runs the code of the module{'s' * (len(modules) > 1)} {', '.join(modules)}: use it only if you trust it")


@contextmanager
def in_file(path: str) -> Iterator[None]:
    """Name a configuration in the errors that its tables lead to."""
    try:
        yield
    except (UsageError, DataError) as error:
        if path in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error

"""What the command line means by a system: a name with settings, or a configuration file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ideal.cli._noise import check_table, with_own_noise
from ideal.errors import DataError, UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import DESIGN_FILES, find_design, load_design, system_from_table, system_of_name

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
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML ({error})") from None
    for name, table in tables.items():
        if name not in _SECTIONS:
            raise UsageError(unknown_name(f"{path}: no table is called", name, _SECTIONS))
        if not isinstance(table, Mapping):
            raise UsageError(f"{path}: {name} must be a table, as [{name}]; found {table!r}")
    if needs_system and "system" not in tables:
        raise UsageError(f"{path}: there is no table [system]")
    check_table(tables.get("noise", {}))
    return tables


def find(
    name: str, settings: Mapping[str, Any], design: str | None, seed: int = 0
) -> tuple[ImagingSystem, Params, str, dict[str, Any]]:
    """Return a system, its parameters, the design's name, and the tables of its configuration.

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
        system, said = find_configured(tables, Path(name).resolve().parent, settings)
        design = design or said
    else:
        kept = {}
        if design and design.endswith(DESIGN_FILES):
            made_for, kept, _ = load_design(design)
            if made_for != name:
                raise UsageError(f"--design {design} is a design of {made_for}, not of {name}")
        system = system_of_name(name, {**kept, **settings})
    return system, find_design(system, design, seed), design or next(iter(system.designs)), tables


def find_configured(tables: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> tuple[ImagingSystem, str | None]:
    """Return the system that a configuration's tables describe, and the design that they name or None.

    Args:
        tables: as of `read_configuration`.
        folder: of the configuration.
        settings: of `--set`; they have the last word.

    """
    system, design = system_from_table(tables["system"], folder, settings)
    return with_own_noise(system, tables.get("noise", {})), design

"""Systems and designs as people name them: by name and settings, by a configuration's table, or by a design file."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from ideal._documents import parse_json, read_toml
from ideal._files import whole_hdf5
from ideal._regular_files import check_regular
from ideal.errors import DataError, UsageError
from ideal.formats.hdf5 import opened, read_arrays
from ideal.imaging._contract import ImagingSystem, Params, check_settings
from ideal.imaging.custom.table import system_of_callable
from ideal.imaging.systems import find_system
from ideal.text import plain_text

_FORMAT, _FORMAT_VERSION = "ideal-design", 1
DESIGN_FILES = (".h5", ".hdf5")


def system_from_table(table: Mapping[str, Any], folder: Path, changes: Mapping[str, Any]) -> tuple[ImagingSystem, str | None]:
    """Return the system that the table `[system]` of a configuration describes, and the design that it names.

    Args:
        table: with `name` of a system, its settings and optionally `design`; or with `encoder`, see
            `ideal.imaging.custom.table.system_of_callable`. Settings that name a file beside the configuration mean that file.
        folder: of the configuration.
        changes: settings that have the last word.

    Raises:
        UsageError: something in the table is unknown or has no meaning.

    """
    if not isinstance(table, Mapping):
        raise UsageError(f"system must be a table, as [system]; found {table!r}")
    table = dict(table)
    design = table.pop("design", None)
    if design is not None and not isinstance(design, str):
        raise UsageError(f"[system] design takes a text; found {design!r}")
    if design is not None and design.endswith(DESIGN_FILES):
        design = str(folder / design)
    if "encoder" in table:
        if isinstance(table.get("settings"), Mapping):
            table["settings"] = _beside(table["settings"], folder)
        system = system_of_callable(table, folder)
        return (system.replace(**changes) if changes else system), design
    if "name" not in table:
        raise UsageError('[system] needs a name, as name = "lensless", or an encoder, as encoder = "my_optics:encode"')
    name = table.pop("name")
    if not isinstance(name, str):
        raise UsageError(f"[system] name takes a text; found {name!r}")
    return system_of_name(name, {**_beside(table, folder), **changes}), design


def as_system(system: ImagingSystem | str | Path) -> ImagingSystem:
    """Return a system.

    Args:
        system: one; the name of one, which has its settings at their defaults; or a .toml file whose table `[system]` describes
            one.

    Raises:
        UsageError: there is no system of this name, or a setting has no meaning.
        DataError: the file cannot be read.

    """
    if isinstance(system, ImagingSystem):
        return system
    if not str(system).endswith(".toml"):
        return system_of_name(str(system), {})
    return system_from_table(read_toml(system).get("system", {}), Path(system).resolve().parent, {})[0]


def system_of_name(name: str, settings: Mapping[str, Any]) -> ImagingSystem:
    """Return a system with settings as people wrote them: of any name, "name" itself included, which none has.

    Raises:
        UsageError: the system or a setting is not known, or a value has no meaning.

    """
    kind = find_system(name)
    return kind(**check_settings(kind, settings))


def _beside(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return settings with the names of files that lie beside the configuration as whole paths."""
    return {name: _whole(value, folder) if isinstance(value, str) else value for name, value in settings.items()}


def _whole(text: str, folder: Path) -> str:
    # A dataset may follow a file's name (FILE.h5::DATASET), and several may be joined (EHT2017+mine.txt).
    parts = [text] if os.path.isfile(folder / text) else text.split("+")
    for i, part in enumerate(parts):
        file, mark, dataset = part.partition("::")
        # A bare word such as EHT2017 is a name that the system knows, whatever lies there.
        if ("." in file or "/" in file) and os.path.isfile(folder / file):
            parts[i] = f"{folder / file}{mark}{dataset}"
    return "+".join(parts)


def files_elsewhere(tables: Any, folder: Path) -> list[Path]:
    """Return the files and folders that a configuration names and that lie neither in its own folder nor below, sorted.

    Args:
        tables: of the configuration.
        folder: of the configuration. Names are looked for there, then in the present folder.

    """
    found: set[Path] = set()
    waiting = [tables]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            found.update(_there(each, folder))
    home = folder.resolve()
    return sorted(path for path in found if not path.is_relative_to(home))


def _there(text: str, folder: Path) -> Iterator[Path]:
    """Give the resolved paths of what a text of a configuration names, one or several as in `_whole`."""
    for part in (text, *text.split("+")):
        file = part.partition("::")[0]
        if "." not in file and "/" not in file:
            continue
        for place in (folder / file, Path(file)):
            with suppress(OSError, ValueError, RuntimeError):  # no name of a file
                if place.exists():
                    yield place.resolve()
                    break


def find_design(system: ImagingSystem, name: str | None, seed: int = 0) -> Params:
    """Return the parameters of a named design, or those in a design file.

    Raises:
        UsageError: there is no such design, or the file's is for another system.
        DataError: the file cannot be read.

    """
    if name is None or not str(name).endswith(DESIGN_FILES):
        return system.check_params(system.design(name, seed))
    found, _, params = load_design(name)
    if found != system.name:
        raise UsageError(f"{name}: a design of {found}, the system is {system.name}")
    try:
        return system.check_params(params)
    except UsageError as error:
        raise UsageError(f"{name}: {error} (settings of the system may differ from those of the design)") from error


def save_design(path: str | Path, system: ImagingSystem, params: Params, **attributes: Any) -> None:
    """Write a design: HDF5 with one dataset for each parameter; it appears whole or not at all.

    Args:
        path: of the file; replaced if there is one.
        system: its name and settings are noted.
        params: the design.
        attributes: more to note, JSON types.

    """
    with whole_hdf5(path) as file:
        for name, value in params.items():
            file[name] = np.asarray(value)
        file.attrs.update(format=_FORMAT, format_version=_FORMAT_VERSION, system=system.name)
        file.attrs["settings"] = json.dumps(system.settings)
        for name, value in attributes.items():
            file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)


def load_design(path: str | Path) -> tuple[str, dict[str, Any], Params]:
    """Return the system's name, its settings and the parameters of a design file.

    Raises:
        DataError: the file is not there, cannot be read or is no design.

    """
    if not Path(path).exists():
        raise DataError(f"{path}: no such file")
    check_regular(path, "a design file")
    try:
        with opened(path) as file:
            if file.attrs.get("format") != _FORMAT:
                raise DataError(f"{path}: not a design file (its format is {file.attrs.get('format')!r}, expected {_FORMAT!r})")
            settings = {name: _plain(value) for name, value in parse_json(file.attrs["settings"], path).items()}
            arrays = {name: _numbers(path, name, each) for name, each in read_arrays(file, path).items()}
            return plain_text(str(file.attrs["system"])), settings, {name: jnp.asarray(each) for name, each in arrays.items()}
    except DataError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise error if "not a design file" in reason else DataError(f"{path}: cannot be read as a design ({reason})") from error
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as a design ({' '.join(str(error).split())})") from error


def _numbers(path: str | Path, name: str, array: Any) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise DataError(f"{path}: the parameter {name} of this design holds no finite numbers: is the file damaged?")
    return array


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list) else value

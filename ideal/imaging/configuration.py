"""Systems and designs as people name them: by name and settings, by a configuration's table, or by a design file."""

import json
import os
import reprlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from ideal._documents import parse_json, read_toml
from ideal._files import whole_hdf5
from ideal._regular_files import check_regular
from ideal.errors import DataError, NoticeWarning, UsageError, unknown_name
from ideal.formats.hdf5 import opened, read_arrays
from ideal.imaging._contract import ImagingSystem, Params
from ideal.imaging.custom.encoder import CallableSystem
from ideal.imaging.custom.table import system_of_callable
from ideal.imaging.systems import make_system
from ideal.noise import NoiseModel
from ideal.noise.settings import check_noise_table, join_noise, make_noise
from ideal.text import plain_text

_FORMAT, _FORMAT_VERSION = "ideal-design", 1
DESIGN_FILES = (".h5", ".hdf5")
_SECTIONS = ("system", "objects", "noise", "optimize")
_LISTED = 3  # files that a message has room to name


@dataclass(frozen=True)
class Configuration:
    """A .toml file that describes a system, what it looks at, how it is measured and what is asked of it.

    Attributes:
        path: of the file.
        tables: of the file, by name: system, objects, noise, optimize.

    """

    path: str
    tables: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: str | Path, *, needs_system: bool = True) -> "Configuration":
        """Return what a file says; a `NoticeWarning` names what it reads outside its folder.

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
        found = cls(str(path), tables)
        with found.named():
            check_noise_table(found.table("noise"))
        if files := files_elsewhere(tables, found.folder):
            more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
            _notice(f"{path} reads {', '.join(map(str, files[:_LISTED]))}{more}, outside its folder")
        return found

    @property
    def folder(self) -> Path:
        """The folder of the file, in which names of other files are looked for."""
        return Path(self.path).resolve().parent

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table, empty where there is none of this name."""
        return self.tables.get(name, {})

    def system(self, changes: Mapping[str, Any]) -> tuple[ImagingSystem, str | None]:
        """Return the system and the design that it names, or None; a `NoticeWarning` names modules whose code this runs.

        Args:
            changes: settings that have the last word.

        Raises:
            UsageError: something is unknown or has no meaning.

        """
        table, noise = self.table("system"), self.table("noise")
        if modules := _modules_of(table):
            several = "s" * (len(modules) > 1)
            _notice(f"{self.path} runs the code of the module{several} {', '.join(modules)}: use it only if you trust it")
        with self.named():
            system, design = system_from_table(table, self.folder, changes)
            if isinstance(system, CallableSystem) and system.complex_valued and "sigma" in noise:  # it has none of its own
                system = system.with_noise(as_noise(noise, system))
            return system, design

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the file in the errors that its tables lead to."""
        try:
            yield
        except (UsageError, DataError) as error:
            if self.path in str(error):
                raise
            raise type(error)(f"{self.path}: {error}") from error


def _modules_of(table: Mapping[str, Any]) -> list[str]:
    """Return the modules that a table `[system]` names, each once."""
    parameters = table.get("parameters")
    tables = parameters.values() if isinstance(parameters, Mapping) else ()  # what is no table is refused where it is read
    values = [each.get("value") for each in tables if isinstance(each, Mapping)]
    named = [each for each in (table.get("encoder"), *values) if isinstance(each, str) and ":" in each]
    return list(dict.fromkeys(each.partition(":")[0] for each in named))


def _notice(text: str) -> None:
    warnings.warn(text, NoticeWarning, stacklevel=3)


@dataclass(frozen=True, eq=False)
class SystemInUse:
    """A system with a design.

    Attributes:
        system: with its settings.
        params: of the design.
        design: its name.
        configuration: that describes the system; one without tables where none does.

    """

    system: ImagingSystem
    params: Params
    design: str
    configuration: Configuration

    def noise(self, settings: Mapping[str, Any]) -> NoiseModel | None:
        """Return the noise of measurements; None for the system's own.

        Args:
            settings: noise and its figures by name; they go before those of the configuration.

        Raises:
            UsageError: a setting is unknown, missing, or of no use to the noise.

        """
        return as_noise(join_noise(self.configuration.table("noise"), settings), self.system, self.params)


def system_in_use(name: str, settings: Mapping[str, Any], design: str | None, seed: int = 0) -> SystemInUse:
    """Return a system with a design.

    Args:
        name: of a system, or of a .toml file.
        settings: of the system; they have the last word.
        design: a named one, a design file, or None for the configuration's or the default.
        seed: of designs that are random.

    Raises:
        UsageError: a name is unknown or a setting has no meaning.
        DataError: a file cannot be read.

    """
    configuration = Configuration("", {})
    if name.endswith(".toml"):
        configuration = Configuration.read(name)
        system, said = configuration.system(settings)
        design = design or said
    else:
        kept: Mapping[str, Any] = {}
        if design and design.endswith(DESIGN_FILES):
            made_for, kept, _ = load_design(design)
            if made_for != name:
                raise UsageError(f"{design} is a design of {made_for}, not of {name}")
        system = make_system(name, **{**kept, **settings})
    return SystemInUse(system, find_design(system, design, seed), design or next(iter(system.designs)), configuration)


def as_noise(
    noise: NoiseModel | str | Mapping[str, Any] | None, system: ImagingSystem, params: Params | None = None
) -> NoiseModel | None:
    """Return the noise of a system's measurements, or None for the system's own.

    Args:
        noise: a model; a name, with figures as in "poisson-gaussian:read_noise=1.6"; or figures by name, with "noise" for the
            name, which may be left out where they tell which noise is meant.
        system: that measures.
        params: its design; None for the first.

    Raises:
        UsageError: there is no such noise, or the system's measurements cannot have it.

    Example:
        >>> from ideal.imaging import make_system
        >>> as_noise("gaussian:sigma=2", make_system("lensless")).name
        'gaussian'

    """
    settings = {"noise": noise} if isinstance(noise, str) else noise
    if not isinstance(settings, Mapping):
        return settings
    if not settings:
        return None
    own = system.noise_kind(system.design() if params is None else params)
    values = ("complex visibilities" if system.scene.kind == "sky" else "complex values") if own.is_complex else "real values"
    return make_noise(settings, own, f"{system.name} measures {values}")


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
    return make_system(name, **{**_beside(table, folder), **changes}), design


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
        return make_system(str(system))
    return Configuration.read(system).system({})[0]


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

"""What a run that designs or chooses starts from: a system, objects and noise, by name or by a configuration, and the request."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ideal.cli import _noise, _systems
from ideal.datasets import ObjectSet, make_objects
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem
from ideal.imaging.configuration import system_of_name
from ideal.imaging.custom.modules import own_modules
from ideal.noise import NoiseModel
from ideal.optimize.runs.plans import default_objects
from ideal.optimize.runs.recipe import Recipe, is_beside
from ideal.optimize.runs.request import Request, read_request


@dataclass(frozen=True)
class Setup:
    """A system with what it looks at and how it is measured, by the configuration and the command line together.

    Attributes:
        system: with all its settings.
        objects: what it looks at.
        noise: of its measurements; None for its own.
        request: what is asked for.
        recipe: how a configuration asks for the same.

    """

    system: ImagingSystem
    objects: ObjectSet
    noise: NoiseModel | None
    request: Request
    recipe: Recipe

    @property
    def parts(self) -> dict[str, Any]:
        """What a plan takes beside the system and the request."""
        return {"objects": self.objects, "noise": self.noise, "recipe": self.recipe}


def read_setup(
    name: str | None,
    config: str | None,
    settings: Mapping[str, Any],
    camera: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Setup:
    """Return what is to be designed.

    Args:
        name: of a system, or of a .toml file; None where `config` has a table [system].
        config: .toml file; the same as in place of the name, but that its table [system] may be missing where a name is given.
        settings: of `--set`: of the system, of the objects as objects.NAME, of the objective as objective.NAME.
        camera: options that say what the noise is.
        given: options of `Request` by name, None where the user did not give them.

    Raises:
        UsageError: something is unknown, missing or has no meaning.
        DataError: a file cannot be read.

    """
    parts: dict[str, dict[str, Any]] = {"objects": {}, "objective": {}, "": {}}
    for key, value in settings.items():
        prefix, _, rest = key.partition(".")
        parts[prefix if rest and prefix in parts else ""][rest if rest and prefix in parts else key] = value
    if name is not None and name.endswith(".toml"):
        if config is not None:
            raise UsageError(f"SYSTEM {name} and --config {config} are two configurations: name one")
        name, config = None, name
    if name is None and config is None:
        raise UsageError("name a system (ideal systems), or a configuration (--config FILE.toml)")
    tables: dict[str, Any] = {}
    design, sources, folder = None, (), Path()
    if config is None:
        system = system_of_name(name, parts[""])
    else:
        tables = _systems.read_configuration(config, needs_system=name is None)
        if name is not None and "system" in tables:
            raise UsageError(f"{config} describes a system of its own: leave out SYSTEM {name}, or the table [system]")
        if name is not None:
            system = system_of_name(name, parts[""])
        else:
            folder = Path(config).resolve().parent
            system, design = _systems.find_configured(tables, folder, parts[""], config)
            sources = _own_files(tables["system"], folder)
    options = _noise.joined(tables.get("noise", {}), {key: value for key, value in camera.items() if value is not None})
    with _systems.in_file(config) if tables.get("optimize") else nullcontext():
        request = read_request(tables.get("optimize", {}), {**given, "objective_settings": parts["objective"] or None})
    request = request.with_defaults(starts=(design,) if design else ())
    object_settings = {**tables.get("objects", {}), **parts["objects"]}
    objects = make_objects(request.objects or default_objects(system), **object_settings)
    noise = _noise.noise_model(system, system.design(), options)
    table = _table_of(system, tables.get("system", {}), folder)
    return Setup(system, objects, noise, request, Recipe(table, object_settings, options, sources, folder))


def _table_of(system: ImagingSystem, said: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    settings = {key: value for key, value in system.settings.items() if value is not None}
    if "encoder" in said:
        # What lies elsewhere than beside the configuration is not copied into the folder of the run: it gets its whole name.
        parameters = {
            name: {**each, "value": str((folder / each["value"]).resolve())} if _lies_elsewhere(each, folder) else each
            for name, each in said.get("parameters", {}).items()
        }
        parts = {"parameters": parameters, "settings": settings}
        return {**said, **{name: part for name, part in parts.items() if part}}
    return {"name": system.name, **settings}


def _lies_elsewhere(parameter: Any, folder: Path) -> bool:
    value = parameter.get("value") if isinstance(parameter, Mapping) else None
    return isinstance(value, str) and (folder / value).is_file() and not is_beside(folder / value, folder)


def _own_files(table: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """Return the modules and arrays that a table `[system]` names, by their places from its folder."""
    parameters = table.get("parameters", {})
    texts = [table.get("encoder"), *(each.get("value") for each in parameters.values() if isinstance(each, Mapping))]
    found: list[Path] = []
    for text in texts:
        if isinstance(text, str):
            module, colon, _ = text.partition(":")
            found += own_modules(module, folder) if colon else [folder / text]
    return tuple(each for each in dict.fromkeys(found) if each.is_file())

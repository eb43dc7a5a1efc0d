"""How a run is asked for again: the tables of a configuration, and the user's own files that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ideal._files import write_whole
from ideal._toml import to_toml
from ideal.imaging import ImagingSystem
from ideal.imaging.configuration import Configuration
from ideal.imaging.custom.modules import own_modules
from ideal.imaging.systems import SYSTEMS
from ideal.noise import NoiseModel
from ideal.optimize.runs.request import Request


@dataclass(frozen=True)
class Recipe:
    """What a configuration says of a system, its objects and its noise.

    Attributes:
        system: table `[system]`.
        objects: settings of the objects, table `[objects]`.
        noise: table `[noise]`; empty for the system's own.
        sources: files that an encoder of the user's consists of, arrays and modules, and what its module imports beside the
            configuration.
        beside: folder of the configuration, from which their places in it are told.
        whole: whether a configuration can say all of it; not where Python gave an encoder, objects or parameters of its own.

    """

    system: Mapping[str, Any]
    objects: Mapping[str, Any] = field(default_factory=dict)
    noise: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()
    beside: Path = Path()
    whole: bool = True

    @classmethod
    def of(cls, system: ImagingSystem, noise: NoiseModel | None) -> "Recipe":
        """Return what a configuration says of a system and of noise that were made in Python."""
        known = system.name in SYSTEMS
        table = {"name" if known else "encoder": system.name, **_settings_of(system)}
        if noise is None:
            return cls(table, whole=known)
        said = noise.attributes()
        figures = {each.name: said[each.name] for each in noise.figures if each.name in said}
        plain = {name: value for name, value in figures.items() if isinstance(value, int | float)}
        return cls(table, noise={"noise": noise.name, **plain}, whole=known and plain.keys() == figures.keys())

    @classmethod
    def of_configuration(
        cls, system: ImagingSystem, configuration: Configuration, objects: Mapping[str, Any], noise: Mapping[str, Any]
    ) -> "Recipe":
        """Return what a configuration says of a system, of objects and of noise.

        Args:
            system: with all its settings.
            configuration: that may describe the system.
            objects: settings of the objects.
            noise: noise and its figures by name; empty for the system's own.

        """
        said = configuration.table("system")
        settings = _settings_of(system)
        table: Mapping[str, Any] = {"name": system.name, **settings}
        if not said:
            return cls(table, objects, noise)
        folder = configuration.folder
        if "encoder" in said:
            # What lies elsewhere than beside the configuration is not copied into the folder of the run: it gets its whole name.
            parameters = {
                name: {**each, "value": str((folder / each["value"]).resolve())} if _lies_elsewhere(each, folder) else each
                for name, each in said.get("parameters", {}).items()
            }
            parts = {"parameters": parameters, "settings": settings}
            table = {**said, **{name: part for name, part in parts.items() if part}}
        return cls(table, objects, noise, _own_files(said, folder), folder)

    def tables(self, request: Request) -> dict[str, Any]:
        """Return the configuration that asks for a run."""
        parts = {"objects": self.objects, "noise": self.noise, "optimize": request.as_table()}
        return {"system": self.system, **{name: table for name, table in parts.items() if table}}

    def text(self, request: Request, comment: str) -> str:
        """Return that configuration as TOML, with a comment in its first line."""
        return to_toml(self.tables(request), comment)

    def with_objects(self, objects: Mapping[str, Any], is_whole: bool) -> "Recipe":
        """Return the recipe with settings of the objects; `is_whole` tells whether a configuration can name all else."""
        return replace(self, objects=objects, whole=self.whole and is_whole)

    def write_design(self, path: Path, system: Mapping[str, Any] | None = None) -> None:
        """Write a configuration of a system with the design in design.h5 beside it, as TOML.

        Args:
            path: of the file.
            system: table `[system]`; None for that of the recipe.

        """
        table = {**(self.system if system is None else system), "design": "design.h5"}
        comment = "the design as a system: ideal simulate design.toml OBJECTS -o FILE.h5"
        write_whole(path, to_toml({"system": table, **({"noise": self.noise} if self.noise else {})}, comment))

    def copy_sources(self, folder: Path) -> None:
        """Copy the user's own files into the folder of a run, where its configuration looks for them first.

        Those that lie elsewhere than beside the configuration or below stay where they are.
        """
        for source in self.sources:
            if not _is_beside(source, self.beside):
                continue
            target = folder / source.relative_to(self.beside)
            if not target.exists() or not source.samefile(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, source.read_bytes())


def _settings_of(system: ImagingSystem) -> dict[str, Any]:
    return {name: value for name, value in system.settings.items() if value is not None}


def _lies_elsewhere(parameter: Any, folder: Path) -> bool:
    value = parameter.get("value") if isinstance(parameter, Mapping) else None
    return isinstance(value, str) and (folder / value).is_file() and not _is_beside(folder / value, folder)


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


def _is_beside(file: Path, folder: Path) -> bool:
    """Tell whether a file lies in a folder or below, and is named so."""
    return ".." not in file.parts and file.resolve().is_relative_to(folder)

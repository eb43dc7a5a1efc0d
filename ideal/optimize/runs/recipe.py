"""How a run is asked for again: the tables of a configuration, and the user's own files that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ideal._files import write_whole
from ideal._toml import to_toml
from ideal.imaging import ImagingSystem
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
        settings = {key: value for key, value in system.settings.items() if value is not None}
        known = system.name in SYSTEMS
        table = {"name" if known else "encoder": system.name, **settings}
        if noise is None:
            return cls(table, whole=known)
        said = noise.attributes()
        figures = {each.name: said[each.name] for each in noise.figures if each.name in said}
        plain = {name: value for name, value in figures.items() if isinstance(value, int | float)}
        return cls(table, noise={"noise": noise.name, **plain}, whole=known and plain.keys() == figures.keys())

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
            if not is_beside(source, self.beside):
                continue
            target = folder / source.relative_to(self.beside)
            if not target.exists() or not source.samefile(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, source.read_bytes())


def is_beside(file: Path, folder: Path) -> bool:
    """Tell whether a file lies in a folder or below, and is named so."""
    return ".." not in file.parts and file.resolve().is_relative_to(folder)

"""What a run that designs or chooses starts from: system, objects, noise and request, out of words or of arguments of a call."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ideal.cameras import Camera, as_camera
from ideal.datasets import ObjectSet, as_object_set, make_objects
from ideal.datasets.members import DEFAULT_OBJECTS
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import Configuration, as_noise, as_system
from ideal.imaging.systems import make_system
from ideal.noise import NOISE, NoiseModel
from ideal.noise.settings import join_noise
from ideal.optimize.runs.recipe import Recipe
from ideal.optimize.runs.request import Request, read_request
from ideal.optimize.selection.costs import read_costs


@dataclass(frozen=True, eq=False)
class Setup:
    """A system with what it looks at, how it is measured, and what is asked for.

    Attributes:
        system: with all its settings.
        objects: what it looks at.
        noise: of its measurements; None for its own.
        request: what is asked for, with the name of the objects.
        recipe: how a configuration asks for the same.
        params: parameters of designs that the request names and no system knows.
        costs: of members to choose from, by name; empty where nobody has said.

    """

    system: ImagingSystem
    objects: ObjectSet
    noise: NoiseModel | None
    request: Request
    recipe: Recipe
    params: Mapping[str, Params] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        system: ImagingSystem | str,
        request: Request,
        objects: ObjectSet | str | Path | np.ndarray | None = None,
        noise: NoiseModel | str | None = None,
        params: Mapping[str, Params] | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> "Setup":
        """Return the setup of a call from Python.

        Args:
            system: one, or its name, or a configuration of one.
            request: what is asked for.
            objects: a set, its name, own pictures or an array; None for what the request names, or suits the system.
            noise: of the measurements, or its name with figures; None for the system's own.
            params: parameters of designs that the request names and no system knows.
            costs: of members, by name.

        Raises:
            UsageError: a name is unknown.

        """
        system = as_system(system)
        found = as_object_set(request.objects or DEFAULT_OBJECTS[system.scene.kind] if objects is None else objects)
        model = as_noise(noise, system)
        changed = {
            name: value for name, value in found.settings.items() if name != "path" and value != getattr(type(found), name, None)
        }
        # Parameters that Python gave no configuration can name.
        recipe = Recipe.of(system, model).with_objects(changed, found.is_on_disk and not params)
        return cls(system, found, model, request.with_objects(found.name), recipe, params or {}, costs or {})


def read_setup(
    name: str | None,
    config: str | None = None,
    given: Mapping[str, Any] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    object_settings: Mapping[str, Any] | None = None,
    noise: Mapping[str, Any] | None = None,
    costs: Iterable[str] = (),
) -> Setup:
    """Return the setup that a configuration describes, or that words describe, which have the last word.

    Args:
        name: of a system, or of a .toml file; None where `config` has a table [system].
        config: .toml file; the same as in place of the name, but that its table [system] may be missing where a name is given.
        given: what is asked for, values of `Request` by name; None for what nobody has said.
        settings: of the system.
        object_settings: of the objects.
        noise: noise and its figures by name; None for what nobody has said.
        costs: of members, as "ALMA=12.5", or files of such lines.

    Raises:
        UsageError: something is unknown, missing or has no meaning.
        DataError: a file cannot be read.

    """
    if name is not None and name.endswith(".toml"):
        if config is not None:
            raise UsageError(f"{name} and {config} are two configurations: name one")
        name, config = None, name
    if name is None and config is None:
        raise UsageError("name a system (ideal systems), or a configuration (`config=FILE.toml`)")
    configuration = Configuration("", {}) if config is None else Configuration.read(config, needs_system=name is None)
    if name is not None and configuration.table("system"):
        raise UsageError(f"{config} describes a system of its own: leave out the system {name}, or the table [system]")
    system, design = configuration.system(settings or {}) if name is None else (make_system(name, **(settings or {})), None)
    with configuration.named() if configuration.table("optimize") else nullcontext():
        request = read_request(configuration.table("optimize"), given or {})
    request = request.with_defaults(starts=(design,) if design else ())
    object_settings = {**configuration.table("objects"), **(object_settings or {})}
    objects = make_objects(request.objects or DEFAULT_OBJECTS[system.scene.kind], **object_settings)
    said = join_noise(configuration.table("noise"), noise or {})
    recipe = Recipe.of_configuration(system, configuration, object_settings, said)
    model = as_noise(said, system)
    return Setup(system, objects, model, request.with_objects(objects.name), recipe, costs=read_costs(costs))


def noise_or_camera(noise: NoiseModel | str | None, camera: Camera | str | Path | None) -> NoiseModel | str | None:
    """Return the noise that somebody names, or that a camera's numbers make; None for the system's own.

    Args:
        noise: a model, a name with figures, or None.
        camera: calibrated, the name of its file, or None.

    Raises:
        UsageError: both are given.
        DataError: the camera's file cannot be read.

    """
    if camera is None:
        return noise
    if noise is not None:
        raise UsageError("noise and camera are two kinds of noise: give one")
    figures = as_camera(camera).settings()
    return NOISE.find(figures.pop("noise")).from_settings(figures)


def names_of(designs: Any, noun: str, own: dict[str, Params]) -> tuple[str, ...] | None:
    """Return the names of designs; those that are given by their parameters get one, and go into `own`.

    Args:
        designs: a name, parameters, several of them, or parameters by name; None for none said.
        noun: what one without a name is called, with its number.
        own: takes parameters by name.

    """
    if designs is None:
        return None
    if isinstance(designs, str | Path):
        return (str(designs),)
    if isinstance(designs, Mapping):
        if designs and not any(isinstance(each, Mapping) for each in designs.values()):  # the parameters of one design
            return names_of([designs], noun, own)
        own.update(designs)
        return tuple(designs)
    names = []
    for number, each in enumerate(designs if isinstance(designs, Sequence) else list(designs), start=1):
        if isinstance(each, Mapping):
            names.append(f"{noun} {number}")
            own[names[-1]] = dict(each)
        else:
            names.append(str(each))
    return tuple(names)

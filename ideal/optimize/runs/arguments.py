"""What calls from Python mean by a system, by objects and by designs: objects, names, or arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ideal.cameras import Camera, as_camera
from ideal.datasets import ObjectSet, as_object_set
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import as_system as as_system
from ideal.noise import NOISE, NoiseModel
from ideal.optimize.runs.recipe import Recipe


def as_objects(
    objects: ObjectSet | str | Path | np.ndarray | None, system: ImagingSystem, noise: NoiseModel | None, has_own_designs: bool
) -> tuple[ObjectSet | None, Recipe]:
    """Return a set of objects, and how a configuration asks for it with a system and noise.

    Args:
        objects: a set, its name, own pictures or an array; None for what suits the system.
        system: what looks at them.
        noise: of its measurements; None for its own.
        has_own_designs: whether designs are given by their parameters, which no configuration can name.

    Raises:
        UsageError: there are no objects of that name.

    """
    recipe = Recipe.of(system, noise)
    if objects is None:
        return None, recipe.with_objects({}, not has_own_designs)
    given = as_object_set(objects)
    changed = {
        name: value for name, value in given.settings.items() if name != "path" and value != getattr(type(given), name, None)
    }
    return given, recipe.with_objects(changed, given.is_on_disk and not has_own_designs)


def noise_of(noise: NoiseModel | None, camera: Camera | str | Path | None) -> NoiseModel | None:
    """Return the noise that somebody names, or that a camera's numbers make; None for the system's own.

    Args:
        noise: a model, or None.
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

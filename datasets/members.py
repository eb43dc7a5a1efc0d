"""Sets of objects by name, and as people give them: names, own pictures, arrays."""

from pathlib import Path
from typing import TYPE_CHECKING

from ideal.registry import Registry

if TYPE_CHECKING:
    import numpy as np

    from ideal.datasets._contract import ObjectSet

# A new one is one file and one line here.
OBJECTS: Registry["ObjectSet"] = Registry(
    "no objects are called",
    "ideal.objects",
    "ideal.datasets._contract:ObjectSet",
    {
        "photographs": "ideal.datasets.pictures:Photographs",
        "kodak": "ideal.datasets.pictures:Kodak",
        "mcmaster": "ideal.datasets.pictures:McMaster",
        "bsds500": "ideal.datasets.pictures:Bsds500",
        "cifar10": "ideal.datasets.pictures:Cifar10",
        "mnist": "ideal.datasets.pictures:Mnist",
        "fashion-mnist": "ideal.datasets.pictures:FashionMnist",
        "faces": "ideal.datasets.pictures:Faces",
        "multispectral": "ideal.datasets.pictures:Multispectral",
        "beads": "ideal.datasets.beads:Beads",
        "natural-fields": "ideal.datasets.fields:NaturalFields",
        "two-points": "ideal.datasets.two_points:TwoPoints",
        "black-hole-rings": "ideal.datasets.black_hole_rings:BlackHoleRings",
        "black-holes": "ideal.datasets.black_holes:BlackHoles",
        "phase-cells": "ideal.datasets.phase_cells:PhaseCells",
        "cells": "ideal.datasets.cells:Cells",
        "blood-cells": "ideal.datasets.cells:BloodCells",
    },
)


def find_objects(name: str) -> "type[ObjectSet]":
    """Return the class of a set of objects.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return OBJECTS.find(name)


def make_objects(name: str, /, **settings) -> "ObjectSet":
    """Return a set of objects with these settings, the others at their defaults.

    Args:
        name: of the set; a folder of own pictures, or an .npy or .h5 file of them, stands for one too.
        **settings: of the set.

    Raises:
        UsageError: the set or a setting is not known, or a value has no meaning.

    """
    from ideal.datasets.own_pictures import OwnPictures, names_pictures
    from ideal.imaging import check_settings

    if names_pictures(name):
        return OwnPictures(path=name, **check_settings(OwnPictures, settings))
    kind = find_objects(name)
    return kind(**check_settings(kind, settings))


def as_object_set(objects: "ObjectSet | str | Path | np.ndarray") -> "ObjectSet":
    """Return a set of objects.

    Args:
        objects: a set; the name of one; own pictures, as a folder or a file; or an array of pictures, (picture, row, column[,
            channel]): bytes are sRGB, other numbers linear light.

    Raises:
        UsageError: there is no set of this name.

    """
    from ideal.datasets._contract import ObjectSet
    from ideal.datasets.own_pictures import OwnPictures
    from ideal.formats._source import unmasked

    if isinstance(objects, ObjectSet):
        return objects
    if isinstance(objects, str | Path):
        is_place = isinstance(objects, Path) and not str(objects).lower().endswith((".npy", ".h5", ".hdf5"))
        return OwnPictures(path=str(objects)) if is_place else make_objects(str(objects))
    return OwnPictures(array=unmasked(objects, "objects"))


# What systems look at where nobody has said, by the kind of their scenes.
DEFAULT_OBJECTS = {"radiance": "photographs", "transmission": "phase-cells", "sky": "black-hole-rings", "any": "photographs"}

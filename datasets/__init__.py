"""Objects and measurements to work on: bundled, generated, downloaded, or read from the folder named by IDEAL_DATA."""

from ideal._registry import find_registered
from ideal.datasets._contract import Objects, ObjectSet, ObjectSource
from ideal.imaging import check_settings

# name -> (module, class): a new set is one file and one line here
OBJECTS: dict[str, tuple[str, str]] = {
    "photographs": ("pictures", "Photographs"),
    "kodak": ("pictures", "Kodak"),
    "mcmaster": ("pictures", "McMaster"),
    "bsds500": ("pictures", "Bsds500"),
    "cifar10": ("pictures", "Cifar10"),
    "mnist": ("pictures", "Mnist"),
    "fashion-mnist": ("pictures", "FashionMnist"),
    "faces": ("pictures", "Faces"),
    "multispectral": ("pictures", "Multispectral"),
    "beads": ("beads", "Beads"),
    "natural-fields": ("fields", "NaturalFields"),
    "two-points": ("two_points", "TwoPoints"),
    "black-hole-rings": ("black_hole_rings", "BlackHoleRings"),
    "black-holes": ("black_holes", "BlackHoles"),
    "phase-cells": ("phase_cells", "PhaseCells"),
    "cells": ("cells", "Cells"),
    "blood-cells": ("cells", "BloodCells"),
}


def find_objects(name: str) -> type[ObjectSet]:
    """Return the class of a set of objects.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return find_registered(OBJECTS, "ideal.datasets", "no objects are called", name)


def make_objects(name: str, /, **settings) -> ObjectSet:
    """Return a set of objects with these settings, the others at their defaults.

    Raises:
        UsageError: the set or a setting is not known, or a value has no meaning.

    """
    kind = find_objects(name)
    return kind(**check_settings(kind, settings))


__all__ = ["OBJECTS", "ObjectSet", "ObjectSource", "Objects", "find_objects", "make_objects"]

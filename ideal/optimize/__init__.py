"""Designs of imaging systems by gradient ascent on information."""

from ideal._registry import find_registered
from ideal.optimize._contract import Objective, Task
from ideal.optimize.ascent import Ascent, Climb, climb
from ideal.optimize.targets import Target, parse_target

# name -> (module, class): a new objective is one file and one line here
OBJECTIVES: dict[str, tuple[str, str]] = {
    "gaussian": ("closed_form", "ClosedForm"),
    "samples": ("samples", "Samples"),
    "density": ("density", "Density"),
    "end-to-end": ("end_to_end", "EndToEnd"),
}


def find_objective(name: str) -> type[Objective]:
    """Return the class of an objective.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return find_registered(OBJECTIVES, "ideal.optimize", "no objective is called", name)


__all__ = ["OBJECTIVES", "Ascent", "Climb", "Objective", "Target", "Task", "climb", "find_objective", "parse_target"]

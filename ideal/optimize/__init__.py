"""Designs of imaging systems by gradient ascent on information."""

from ideal.optimize._contract import Objective, Task
from ideal.optimize.ascent.gradient import Ascent, Climb, climb
from ideal.optimize.targets import Target, parse_target
from ideal.registry import Registry

# A new one is one file and one line here.
OBJECTIVES: Registry[Objective] = Registry(
    "no objective is called",
    "ideal.objectives",
    "ideal.optimize._contract:Objective",
    {
        "gaussian": "ideal.optimize.objectives.closed_form:ClosedForm",
        "samples": "ideal.optimize.objectives.samples:Samples",
        "density": "ideal.optimize.objectives.density:Density",
        "end-to-end": "ideal.optimize.objectives.end_to_end:EndToEnd",
    },
)


def find_objective(name: str) -> type[Objective]:
    """Return the class of an objective.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return OBJECTIVES.find(name)


__all__ = ["OBJECTIVES", "Ascent", "Climb", "Objective", "Target", "Task", "climb", "find_objective", "parse_target"]

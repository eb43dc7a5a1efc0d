"""The objectives, the targets and the methods of ascent by name."""

from typing import TYPE_CHECKING

from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.optimize._contract import Objective

# What every scene can be asked about, and what those of several channels can; `ideal.optimize.parse_target` knows more.
TARGETS = ("total", "label", "mse", "color", "luminance", "chroma")
COLOR_TARGETS = ("color", "luminance", "chroma")
METHODS = ("auto", "line-search", "adam")

# A new one is one file and one line here.
OBJECTIVES: Registry["Objective"] = Registry(
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


def find_objective(name: str) -> "type[Objective]":
    """Return the class of an objective.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return OBJECTIVES.find(name)

"""The figure of a system with its parameters."""

from collections.abc import Mapping

from ideal.imaging import ImagingSystem
from ideal.plots.theme import Figure


def draw_system_with(system: ImagingSystem, params: Mapping) -> Figure:
    """Draw a system as these parameters build it.

    Args:
        system: to be drawn.
        params: its parameters, by name.

    """
    figure = Figure(layout="constrained")
    system.draw(params, figure)
    return figure

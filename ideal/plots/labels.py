"""The figure of what measurements tell of their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ideal.plots.palette import BLUE, GREY
from ideal.plots.theme import Figure
from ideal.text import exact_percent

if TYPE_CHECKING:
    from ideal.information.labels.results import TaskInformation


def draw_labels(tasks: "Sequence[TaskInformation]") -> Figure:
    """Draw the lower bounds on the information about labels, with intervals, below all that there is to know.

    Args:
        tasks: one or more; each has a row for each source of probabilities.

    """
    rows = [(task, name, each) for task in tasks for name, each in task.posteriors.items()]
    figure = Figure(figsize=(7.2, 0.42 * len(rows) + 1.2), layout="constrained")
    axis = figure.add_subplot()
    for row, (task, name, each) in enumerate(rows):
        low, high = each.interval
        chosen = name in task.chosen.split("/")
        bars = [[max(each.information - low, 0)], [max(high - each.information, 0)]] if np.isfinite([low, high]).all() else None
        axis.errorbar(each.information, row, xerr=bars, fmt="o", color=BLUE if chosen else GREY, capsize=3, markersize=5)
    ceilings = dict.fromkeys(task.label_entropy for task in tasks)
    for number, ceiling in enumerate(ceilings):
        axis.axvline(
            ceiling, color="0.4", linewidth=1, linestyle="--", label="all there is to know, H(T)" if not number else None
        )
    several = len(tasks) > 1
    names = [f"{task.path}: {name}" if several else name for task, name, _ in rows]
    axis.set_yticks(range(len(rows)), names, fontsize=9)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(min(0.0, *(each.information for _, _, each in rows)), 1.05 * max(ceilings))
    units = " or ".join(dict.fromkeys(task.unit for task in tasks))
    axis.set_xlabel(f"about the label, at least (bits per {units}), {exact_percent(tasks[0].confidence)} interval")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8, frameon=False)
    return figure

"""The figure of the study of microscopes: both kinds of information against accuracy, and the illuminations as LED maps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.reproduce.style import COLOURS, MARKERS, new_figure

_HEIGHT = 4.3
_PANELS = (
    ("information_bits_per_pixel", "information (bits/pixel)", "total information with accuracy"),
    ("task_information_bits", "information about the class, lower bound (bits/image)", "task information with accuracy"),
)


def draw(record: Mapping[str, Any]) -> Figure:
    """Return the figure of a record."""
    rows, curves = record["rows"], record["curves"]
    names = curves["names"]
    figure = new_figure(_HEIGHT)
    maps, panels = figure.subfigures(2, 1, height_ratios=[1, 2.7])
    for number, (name, axes) in enumerate(zip(names, maps.subplots(1, len(names)), strict=True)):
        _draw_leds(axes, np.array(curves["directions"]), np.array(curves["shares"][name]), curves["na"])
        axes.set_title(names[name], color=COLOURS[number], loc="center", pad=2)
    maps.supxlabel("LEDs by their share of the power (black: the brightest); circle: the objective's NA", color="0.4", fontsize=7)
    entropy = float(np.mean([row["label_entropy_bits"] for row in rows]))
    for axes, (quantity, label, called) in zip(panels.subplots(1, 2, sharey=True), _PANELS, strict=True):
        for number, name in enumerate(names):
            _draw_system(axes, [row for row in rows if row["system"] == name], quantity, number)
        title = next(each for each in record["statistics"] if called in each["name"])
        low, high = title["interval"]
        axes.set_title(f"Spearman {title['value']:.2f} ({low:.2f} to {high:.2f})")
        axes.axhline(_chance(rows), color="0.6", linestyle=":", linewidth=0.8)
        axes.set(xlabel=label)
        if quantity == "task_information_bits":
            axes.axvline(entropy, color="0.6", linestyle="--", linewidth=0.8)
            axes.text(entropy, axes.get_ylim()[1], "H(T) ", color="0.4", fontsize=7, ha="right", va="top")
        else:
            axes.set_ylabel("accuracy of a network on raw images")
            axes.text(axes.get_xlim()[1], _chance(rows), "chance", color="0.4", fontsize=7, ha="right", va="bottom")
    _size_legend(figure, panels, sorted({row["photons"] for row in rows}))
    return figure


def _draw_leds(axes, directions: np.ndarray, shares: np.ndarray, na: float) -> None:
    """Draw the LEDs as seen from the object, dark where bright, with the objective's NA as a circle."""
    reach = 1.12 * max(float(np.hypot(*directions.T).max()), na)
    axes.scatter(
        *directions.T, c=shares / shares.max(), s=22, cmap="Greys", vmin=0, vmax=1, edgecolors="0.6", linewidths=0.4, zorder=2
    )
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(na * np.cos(angle), na * np.sin(angle), color="0.3", linewidth=0.8, zorder=3)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.axis("off")


def _draw_system(axes, rows, quantity: str, number: int) -> None:
    """Draw an illumination from the least to the most light, with intervals."""
    rows = sorted(rows, key=lambda row: row["photons"])
    x, y = (np.array([row[name] for row in rows]) for name in (quantity, "accuracy"))
    spans = [
        np.abs([[row[name] - row[f"{name}_{end}"] for row in rows] for end in ("low", "high")]) for name in (quantity, "accuracy")
    ]
    colour = COLOURS[number]
    axes.errorbar(x, y, xerr=spans[0], yerr=spans[1], fmt="-", color=colour, linewidth=0.9, elinewidth=0.7)
    for place, row in enumerate(rows):
        axes.plot(x[place], y[place], MARKERS[number], color=colour, markersize=_size(row["photons"]))


def _size(photons: float) -> float:
    return 3.0 + 1.6 * np.log10(max(photons, 10) / 10)


def _size_legend(figure: Figure, panels, lights) -> None:
    handles = [figure.axes[-1].plot([], [], "o", color="0.4", markersize=_size(each))[0] for each in lights]
    labels = [f"{each:g} photons" for each in lights]
    panels.legend(handles, labels, loc="outside lower center", ncols=len(lights), handletextpad=0.2)


def _chance(rows) -> float:
    return 2.0 ** -float(np.mean([row["label_entropy_bits"] for row in rows]))

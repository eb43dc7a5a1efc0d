"""The figure of the study of microscopes: both kinds of information against accuracy, and the illuminations as LED maps."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.studies.engine.style import in_words, looks, name_panel, new_figure, sizes

_HEIGHT = 4.4
_PANELS = (
    ("information_bits_per_pixel", "information (bits/pixel)", "total information with accuracy"),
    ("task_information_bits", "information about the class, lower bound (bits/image)", "task information with accuracy"),
)


def draw(record: Mapping[str, Any]) -> Figure:
    """Return the figure of a record."""
    rows, curves = record["rows"], record["curves"]
    names = curves["names"]
    look = looks(names)
    size = sizes(row["photons"] for row in rows)
    figure = new_figure(_HEIGHT)
    (maps,), (panels,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 2.7])
    for place, (name, axes) in enumerate(zip(names, maps.subplots(1, len(names)), strict=True)):
        _draw_leds(axes, np.array(curves["directions"]), np.array(curves["shares"][name]), curves["na"])
        if place == 0:
            name_panel(axes, "a")
        axes.set_title(names[name], color=look[name][0], fontweight="bold", fontsize=8, loc="center")
    maps.supxlabel("LEDs by their share of the power (black: the brightest); circle: the objective's NA", fontsize=7)
    entropy = float(np.mean([row["label_entropy_bits"] for row in rows]))
    chance = 100 * 2.0**-entropy
    for letter, axes, (quantity, label, called) in zip("bc", panels.subplots(1, 2, sharey=True), _PANELS, strict=True):
        for name in names:
            _draw_system(axes, [row for row in rows if row["system"] == name], quantity, look[name], size)
        found = next(each for each in record["statistics"] if called in each["name"])
        name_panel(axes, letter, f"Spearman {in_words(found['value'], found['interval'])}")
        axes.axhline(chance, color="0.5", linestyle=":", linewidth=0.8, zorder=1)
        axes.set(xlabel=label)
        axes.grid(alpha=0.25, linewidth=0.5)
        if quantity == "task_information_bits":
            axes.axvline(entropy, color="0.5", linestyle="--", linewidth=0.8, zorder=1)
            # At the foot of the line nothing is drawn: much information with a low accuracy does not go together.
            words = {"rotation": 90, "fontsize": 7, "color": "0.3", "ha": "right", "va": "bottom"}
            axes.annotate("entropy of the class", (entropy, chance), (-1, 3), textcoords="offset points", **words)
        else:
            axes.set_ylabel("accuracy of a network (%)")
            axes.text(axes.get_xlim()[1], chance, "chance", color="0.3", fontsize=7, ha="right", va="bottom")
    _legend(panels, [(*look[name], names[name]) for name in names], size)
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


def _draw_system(axes, rows, quantity: str, look: tuple[str, str], size: Mapping[float, float]) -> None:
    """Draw an illumination from the least to the most light, with intervals where there are any."""
    rows = sorted(rows, key=lambda row: row["photons"])
    color, marker = look
    x, y = (np.array([row[name] for row in rows]) for name in (quantity, "accuracy"))
    spans = []
    for name, middle in ((quantity, x), ("accuracy", y)):
        bounds = np.array([[row[f"{name}_{end}"] for end in ("low", "high")] for row in rows], float).T
        spans.append(np.nan_to_num(np.abs(bounds - middle)))
    axes.errorbar(x, 100 * y, xerr=spans[0], yerr=100 * spans[1], fmt="-", color=color, linewidth=0.9, elinewidth=0.7)
    for place, row in enumerate(rows):
        # A white rim keeps marks apart where two illuminations do equally well.
        axes.plot(
            x[place],
            100 * y[place],
            marker,
            color=color,
            markersize=size[row["photons"]],
            markeredgecolor="white",
            markeredgewidth=0.4,
            zorder=3,
        )


def _legend(figure, systems, size: Mapping[float, float]) -> None:
    """Say which mark is which illumination, and which size of it is which light."""
    axes = figure.axes[0]
    upper = [(axes.plot([], [], marker, color=color)[0], name) for color, marker, name in systems]
    lower = [
        (axes.plot([], [], "o", color="0.4", markersize=each)[0], f"{light:g} photons/pixel") for light, each in size.items()
    ]
    # Legends are filled column by column: taken in turn, the illuminations are a line and the lights are the next.
    both = [entry for column in zip_longest(upper, lower) for entry in column if entry]
    figure.legend(*zip(*both, strict=True), loc="outside lower center", ncols=len(upper), handletextpad=0.2)

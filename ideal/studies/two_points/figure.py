"""The figure of the two-point study."""

from collections.abc import Mapping
from typing import Any

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from ideal.plots.palette import COLORS
from ideal.studies.engine.style import MARKERS, name_panel, new_figure

_SIZE = 3.5
_PALE = {"marker": "_", "markersize": 5, "linestyle": "none", "elinewidth": 3.0, "zorder": 0.5}
_BESIDE = 0.96  # share of its aperture at which the pale bar of an estimate stands, so that it hides no mark


def draw(record: Mapping[str, Any]) -> Figure:
    """Return information against numerical aperture, exact and estimated, and how far estimates are from exact."""
    figure = new_figure(3.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    curves = record["curves"]
    shown = {float(ratio): (COLORS[number], MARKERS[number]) for number, ratio in enumerate(curves["exact"])}
    left.axhline(1, color="0.5", linewidth=0.8, linestyle="--", zorder=0)
    for ratio, values in curves["exact"].items():
        left.plot(curves["na"], values, color=shown[float(ratio)][0], zorder=1)
    for row in record["rows"]:
        color, marker = shown[row["snr"]]
        exact = row["exact_bits"]
        filled = {"color": color, "marker": marker, "markersize": _SIZE, "linestyle": "none", "elinewidth": 0.9}
        _point(left, _BESIDE * row["na"], row, "estimate", 0.0, _pale(color))
        _point(left, row["na"], row, "paired", 0.0, filled)
        _point(right, row["na"], row, "paired", exact, filled)
        _point(right, 1.035 * row["na"], row, "label", exact, filled | {"markerfacecolor": "white", "zorder": 3})
    for each in curves["published"]:
        left.plot(each["na"], each["published"], color="black", marker="x", markersize=5, linestyle="none", zorder=3)
    left.set(ylabel="information (bits)")
    right.axhline(0, color="0.5", linewidth=0.8, zorder=0)
    right.set(ylabel="bound less exact value (bits)")
    for axes in (left, right):
        axes.set(xlabel="numerical aperture", xlim=(0.03, 1.12), xscale="log")
        axes.xaxis.set_major_locator(FixedLocator((0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    name_panel(left, "a", "What a line tells of the number of points")
    name_panel(right, "b", "How near the bounds are")
    _legends(figure, left, shown)
    return figure


def _pale(color: str) -> dict[str, Any]:
    return _PALE | {"color": color, "ecolor": to_rgba(color, 0.3)}


def _point(axes, place: float, row: Mapping[str, Any], name: str, less: float, look: Mapping[str, Any]) -> None:
    """Draw a value of a row and its interval, where it has one."""
    value = row[f"{name}_bits"]
    if value is None:
        return
    ends = row[f"{name}_low"], row[f"{name}_high"]
    error = None if None in ends else [[value - ends[0]], [ends[1] - value]]
    axes.errorbar(place, value - less, error, **look)


def _legends(figure: Figure, axes, shown) -> None:
    """Name the lights in the panel, and what is drawn below the figure."""
    lights = [axes.plot([], [], color=color, marker=marker, markersize=_SIZE)[0] for color, marker in shown.values()]
    # Below the curves where the aperture is large: information is near one bit there, whatever the light.
    axes.legend(lights, [f"SNR {ratio:g}" for ratio in shown], loc="lower right", borderaxespad=0.1)
    mark = {"color": "0.3", "marker": "o", "markersize": _SIZE, "linestyle": "none", "elinewidth": 0.9}
    handles = [
        axes.plot([], [], color="0.3")[0],
        axes.plot([], [], color="black", marker="x", markersize=5, linestyle="none")[0],
        axes.plot([], [], color="0.5", linewidth=0.8, linestyle="--")[0],
        axes.errorbar([], [], [], **_pale("0.3")),
        axes.errorbar([], [], [], **mark),
        axes.errorbar([], [], [], **mark, markerfacecolor="white"),
    ]
    labels = [
        "exact",
        "published",
        "1 bit at stake",
        "a: what ideal estimate gives, with its interval",
        "bound from above: fitted density, noise taken out",
        "b: bound from below, by the label",
    ]
    # Filled column by column: lines and marks that need few words first.
    figure.legend(handles, labels, loc="outside lower center", ncols=2)

"""Figures of the studies of patch size and sample size."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from ideal.plots.palette import COLORS
from ideal.studies.engine.style import MARKERS, name_panel, new_figure

_LOOKS = {
    "full": (COLORS[1], MARKERS[1], "full Gaussian"),
    "stationary": (COLORS[0], MARKERS[0], "stationary Gaussian"),
    "causal-mixture": (COLORS[2], MARKERS[2], "causal mixture"),
    "pixel-cnn": (COLORS[3], MARKERS[3], "PixelCNN"),
}


def draw_patch_size(record: Mapping[str, Any]) -> Figure:
    """Return bits per pixel against 1 / side, for photographs and for a field of known information, with the rates."""
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    curves = record["curves"]
    for axes, what in ((left, "photographs"), (right, "field")):
        _points(axes, record, what, "side", lambda side: 1 / side)
        line = curves["line"][what]
        start = 1 / line["from"]
        ends = [line["end"], line["end"] + start * line["slope"]]
        axes.plot([0, start], ends, color="0.55", linewidth=0.8, linestyle=":", zorder=0)
        rate = curves["rates"][what]
        if rate:
            look = {"color": "black", "marker": "D", "markersize": 4.5, "clip_on": False, "zorder": 4}
            axes.errorbar(0, rate[0], _reach([rate]), **look)
        sides = sorted({row["side"] for row in record["rows"] if row["objects"] == what})
        shown = [side for side in sides if side in (4, 6, 8, 12, 16, 40) or side == sides[-1]]
        axes.xaxis.set_major_locator(FixedLocator([0, *(1 / side for side in shown)]))
        axes.set_xticklabels(["∞", *map(str, shown)])
        axes.set(xlabel="side of the patch (pixels; scale of 1/side)", ylabel="information (bits/pixel)", xlim=(-0.004, 0.26))
    truth = [
        (1 / side, value) for side, value in zip(curves["truth"]["sides"], curves["truth"]["truth"], strict=True) if side >= 4
    ]
    right.plot(*zip(*truth, strict=True), color="black", linewidth=0.9, zorder=1)
    right.plot(0, curves["rates"]["field_truth"], color="black", marker="_", markersize=12, markeredgewidth=1.2, clip_on=False)
    if curves["network"]:
        value, low, high = curves["network"]
        color, marker, _ = _LOOKS["pixel-cnn"]
        place = 1 / curves["compared"] + 0.0025  # beside the mixture of the same side, not upon it
        left.errorbar(place, value, _reach([(value, low, high)]), color=color, marker=marker, linestyle="none", elinewidth=0.9)
    left.set_ylim(bottom=0)
    name_panel(left, "a", "Photographs, 100 photons")
    name_panel(right, "b", "A Gaussian field, its truth known")
    used = [
        name
        for name in _LOOKS
        if any(row["model"] == name for row in record["rows"]) or (name == "pixel-cnn" and curves["network"])
    ]
    handles = [_handle(left, name) for name in used]
    handles += [
        left.plot([], [], color="black", linewidth=0.9)[0],
        left.plot([], [], color="black", marker="D", linestyle="none")[0],
    ]
    handles.append(left.plot([], [], color="0.55", linewidth=0.8, linestyle=":")[0])
    labels = [_LOOKS[name][2] for name in used] + ["truth", "rate of a further pixel", "line in 1/side, from 8 pixels"]
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def draw_sample_size(record: Mapping[str, Any]) -> Figure:
    """Return the bound against training measurements, its excess where the truth is known, and the sample covariance's."""
    figure = new_figure(3.3)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1))
    curves = record["curves"]
    _points(left, record, "photographs", "n_train", float)
    _points(middle, record, "field", "n_train", float, key="excess")
    points = curves["sample_covariance"]
    counts = [point["n"] for point in points]
    right.plot(counts, [point["expansion"] for point in points], color="0.55", linewidth=0.9, linestyle="--")
    right.plot(counts, [-point["expansion"] for point in points], color="0.55", linewidth=0.9, linestyle="--")
    for key, marker, fill in (("on_fresh", "s", COLORS[1]), ("on_fitted", "s", "white")):
        values = [point[key] for point in points]
        errors = [1.96 * error for _, error in values]
        right.errorbar(
            counts, [value for value, _ in values], errors, color=COLORS[1], marker=marker, markerfacecolor=fill, elinewidth=0.9
        )
    right.axhline(0, color="black", linewidth=0.9, zorder=0)
    left.set(ylabel="bound on the information (bits/pixel)")
    middle.set(ylabel="above the truth (bits/pixel)", yscale="log")
    right.set_yscale("symlog", linthresh=0.02, linscale=0.5)
    largest = max(abs(point[key][0]) for point in points for key in ("on_fresh", "on_fitted"))
    right.set(ylabel="from the truth (bits/pixel)", ylim=(None, 2 * largest))
    right.yaxis.set_major_locator(FixedLocator((-0.1, -0.02, 0, 0.02, 0.1, 1)))
    right.yaxis.set_major_formatter("{x:g}")
    for axes in (left, middle, right):
        axes.set(xscale="log", xlabel="training measurements")
        axes.xaxis.set_major_locator(FixedLocator((100, 300, 1000, 3000, 10_000)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    name_panel(left, "a", "Photographs, 100 photons")
    name_panel(middle, "b", "A Gaussian field")
    name_panel(right, "c", "Plain sample covariance")
    used = [name for name in _LOOKS if any(row["model"] == name for row in record["rows"])]
    handles = [_handle(left, name) for name in used]
    handles += [
        left.plot([], [], color=COLORS[1], marker="s")[0],
        left.plot([], [], color=COLORS[1], marker="s", markerfacecolor="white")[0],
        left.plot([], [], color="0.55", linestyle="--")[0],
    ]
    labels = [_LOOKS[name][2] for name in used] + [
        "c: scored on fresh measurements",
        "c: scored on those fitted to",
        "c: ±D(D+3)/4N",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _points(axes, record: Mapping[str, Any], what: str, across: str, place, key: str = "information") -> None:
    """Draw each model's values with intervals."""
    for name, (color, marker, _) in _LOOKS.items():
        rows = [row for row in record["rows"] if (row["objects"], row["model"]) == (what, name)]
        if not rows:
            continue
        values = [row[f"{key}_bits_per_pixel"] for row in rows]
        errors = _reach([(value, row[f"{key}_low"], row[f"{key}_high"]) for row, value in zip(rows, values, strict=True)])
        # The full Gaussian often lies on the stationary one: its marker stands around the other.
        shape = {"markersize": 7, "markerfacecolor": "none"} if name == "full" else {}
        axes.errorbar([place(row[across]) for row in rows], values, errors, color=color, marker=marker, elinewidth=0.9, **shape)


def _reach(values) -> list[list[float]]:
    """Return how far intervals reach down and up from values (value, low, high); nothing where there is none (few sources)."""
    return [
        [0.0 if low is None else value - low for value, low, _ in values],
        [0.0 if high is None else high - value for value, _, high in values],
    ]


def _handle(axes, name: str):
    color, marker, _ = _LOOKS[name]
    shape = {"markersize": 7, "markerfacecolor": "none"} if name == "full" else {}
    return axes.plot([], [], color=color, marker=marker, **shape)[0]

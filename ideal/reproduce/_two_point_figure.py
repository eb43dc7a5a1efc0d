"""The figure of the two-point study."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from ideal.reproduce.style import COLOURS, MARKERS, new_figure


def draw(record: Mapping[str, Any]) -> Figure:
    """Return information against numerical aperture, exact and estimated, and how far estimates are from exact."""
    figure = new_figure(3.1)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    curves = record["curves"]
    ratios = list(curves["exact"])
    shown = {float(ratio): (COLOURS[number], MARKERS[number]) for number, ratio in enumerate(ratios)}
    left.axhline(1, color="0.55", linewidth=0.8, linestyle="--", zorder=0)
    left.text(0.031, 1.015, "1 bit at stake", color="0.4", va="bottom", fontsize=7)
    for ratio, values in curves["exact"].items():
        left.plot(curves["na"], values, color=shown[float(ratio)][0], zorder=1)
    for row in record["rows"]:
        colour, marker = shown[row["snr"]]
        for axes, less in ((left, 0.0), (right, row["exact_bits"])):
            value = row["paired_bits"] - less
            error = [[value + less - row["paired_low"]], [row["paired_high"] - value - less]]
            axes.errorbar(row["na"], value, error, color=colour, marker=marker, markersize=3.5, linestyle="none", elinewidth=0.9)
        below = right.errorbar(
            1.035 * row["na"],
            row["label_bits"] - row["exact_bits"],
            [[row["label_bits"] - row["label_low"]], [row["label_high"] - row["label_bits"]]],
            color=colour,
            marker=marker,
            markersize=3.5,
            markerfacecolor="white",
            linestyle="none",
            elinewidth=0.9,
        )
        below.lines[0].set_zorder(3)
    for each in curves["published"]:
        left.plot(each["na"], each["published"], color="black", marker="x", markersize=5, linestyle="none", zorder=3)
    for ratio, values in curves["exact"].items():
        half = next((na for na, value in zip(curves["na"], values, strict=True) if value >= 0.3), curves["na"][-1])
        left.text(1.05 * half, 0.27, f"SNR {float(ratio):g}", color=shown[float(ratio)][0], fontsize=7, va="center")
    left.set(ylabel="information (bits)", ylim=(-0.03, 1.12))
    left.set_title("a  What a line tells of the number of points")
    right.axhline(0, color="0.55", linewidth=0.8, zorder=0)
    right.set(ylabel="bound less exact value (bits)")
    for axes in (left, right):
        axes.set(xlabel="numerical aperture", xlim=(0.03, 1.1), xscale="log")
        axes.xaxis.set_major_locator(FixedLocator((0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    right.set_title("b  How near the bounds are")
    handles = [
        left.plot([], [], color="0.3")[0],
        left.plot([], [], color="black", marker="x", markersize=5, linestyle="none")[0],
        left.errorbar([], [], [], color="0.3", marker="o", markersize=3.5, linestyle="none"),
        left.errorbar([], [], [], color="0.3", marker="o", markersize=3.5, markerfacecolor="white", linestyle="none"),
    ]
    labels = ["exact", "published", "bound from above: fitted density, noise taken out", "bound from below: the label"]
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure

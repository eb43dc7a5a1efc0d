"""The figure of the study of design trajectories, from its record alone."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ideal.studies.engine.style import FILTERS, in_words, looks, mark_decades, name_panel, new_figure

_LINEAR = 2.0  # seconds: nothing is measured before; the axis is linear to here, so that it has a zero, and logarithmic after
_COSTS = {
    "time to": "time to\nits PSNR",
    "time in": "time\nin all",
    "memory above": "memory above\nthe start",
    "memory,": "memory\nin all",
}
# The record holds what each start took of memory in this form alone: the median and the extremes.
_SPREAD = re.compile(r"median of (\d+) starts, (\S+) to ([^\s;]+)")


def draw(record: Mapping[str, Any]) -> Figure:
    """Return information and PSNR against processor time, costs, and the mosaics of the first start."""
    rows = record["rows"]
    look = looks(dict.fromkeys(row["design"] for row in rows))
    figure = new_figure(4.6)
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[3, 1.4])
    axes = upper.subplots(1, 3, width_ratios=[1, 1, 0.72])
    _along(axes[0], rows, look, "information_color_bits_per_pixel", "information about color (bits/pixel)")
    _along(axes[1], rows, look, "psnr_db", "PSNR of a linear decoder (dB)")
    handles, labels = axes[0].get_legend_handles_labels()
    handles += [
        Line2D([], [], color="black", marker="o", markerfacecolor="white", linestyle="none"),
        Line2D([], [], color="black", linestyle=":"),
    ]
    labels += ["random start", "exchanges"]
    upper.legend(handles, labels, loc="outside upper center", ncols=len(handles), handlelength=1.6)
    _costs(axes[2], record["statistics"])
    for letter, panel in zip("abc", axes, strict=True):
        name_panel(panel, letter)
    _mosaics(lower, rows, look)
    lower.supxlabel(_gain(record["statistics"]), fontsize=7)
    return figure


def _along(axes, rows, look, key: str, label: str) -> None:
    for name, (color, marker) in look.items():
        own = [row for row in rows if row["design"] == name]
        for start in dict.fromkeys(row["start"] for row in own):
            path = [row for row in own if row["start"] == start]
            times = [row["cpu_seconds"] for row in path]
            values = [row[key] for row in path]
            climb = sum(row["phase"] == "ascent" for row in path)
            # Between the start and the first station nothing is known: that line is faint, it is no progress.
            axes.plot(times[:2], values[:2], color=color, linewidth=0.6, alpha=0.5)
            axes.plot(times[1:climb], values[1:climb], color=color, alpha=0.9, marker=marker, markersize=1.8, markeredgewidth=0)
            axes.plot(times[climb - 1 :], values[climb - 1 :], color=color, linestyle=":")
            axes.plot(
                times[-1],
                values[-1],
                marker=marker,
                color=color,
                markersize=5,
                markeredgecolor="white",
                markeredgewidth=0.4,
                zorder=3,
            )
            axes.plot(
                times[0], values[0], marker="o", markersize=4, color="black", markerfacecolor="white", clip_on=False, zorder=4
            )
        axes.plot([], [], color=color, marker=marker, label=name)
    axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.5)
    last = max(row["cpu_seconds"] for row in rows)
    ticks = [tick for tick in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick <= max(1.3 * last, _LINEAR)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(-0.12, 1.3 * max(last, _LINEAR))
    axes.set_xlabel(f"processor time (seconds; linear to {_LINEAR:g})")
    axes.set_ylabel(label)
    axes.grid(alpha=0.25, linewidth=0.5)


def _gain(statistics) -> str:
    """Return what the last designs differ by, paired by photograph: far surer than the PSNR of either."""
    found = [each for each in statistics if each["name"].startswith("PSNR of a linear decoder, IDEAL (color) less end to end")]
    words = "PSNR of a linear decoder, first start"
    for each in found:
        words += "; IDEAL, color less end to end (dB), all starts, paired by photograph: "
        words += in_words(each["value"], each["interval"])
    return words


def _costs(axes, statistics) -> None:
    """Draw ratios of cost as medians over the starts, with all that the starts gave between the extremes."""
    found = [(label, each) for key, label in _COSTS.items() for each in statistics if each["name"].startswith(key)]
    found = [(label, each) for label, each in found if each["value"] is not None and np.isfinite(each["value"])]
    starts = 1
    look = {"color": "0.25", "marker": "o", "markersize": 3, "markerfacecolor": "white", "zorder": 2}
    words = {"textcoords": "offset points", "fontsize": 7, "ha": "center"}
    words["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.3}  # upon the line of equal cost
    for place, (_, each) in enumerate(found):
        spread = _SPREAD.search(each["detail"] or "")
        if spread:
            starts = max(starts, int(spread[1]))
            axes.plot([float(spread[2]), float(spread[3])], [place, place], **look)
        if each["interval"]:
            axes.plot(each["interval"], [place, place], color="0.25", linewidth=1, zorder=2)
        axes.plot(each["value"], place, marker="o", color="black", markersize=5.5, zorder=3)
        axes.annotate(f"{each['value']:.1f}\N{MULTIPLICATION SIGN}", (each["value"], place), (0, 6), **words)
    axes.axvline(1, color="0.5", linewidth=0.8, linestyle="--", zorder=1)
    axes.set_xscale("log")
    low, high = min(axes.get_xlim()[0], 0.7), 1.2 * max(axes.get_xlim()[1], 3.0)
    axes.set_xlim(low, high)
    mark_decades(axes)
    axes.set_yticks(range(len(found)), [label for label, _ in found])
    axes.set_ylim(len(found) - 0.5, -0.6)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    how = f"median of {starts} starts" if starts > 1 else "one start"
    axes.set_xlabel(f"end to end over IDEAL,\ncolor ({how})", fontsize=7)


def _mosaics(part, rows, look) -> None:
    first = rows[0]["start"]
    shown = [("random start", "black", next(row for row in rows if row["start"] == first))]
    shown += [
        (name, color, [row for row in rows if row["design"] == name and row["start"] == first][-1])
        for name, (color, _) in look.items()
    ]
    for place, (axes, (name, color, row)) in enumerate(zip(part.subplots(1, len(shown)), shown, strict=True)):
        tiles = row["mosaic"].split("/")
        image = np.array([[_ink(letter) for letter in line] for line in tiles])
        axes.imshow(image, interpolation="nearest")
        axes.set_xticks(np.arange(-0.5, len(tiles[0])), [])
        axes.set_yticks(np.arange(-0.5, len(tiles)), [])
        axes.grid(color="0.55", linewidth=0.4)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(True)
        if place == 0:
            name_panel(axes, "d")
        axes.set_title(name, fontsize=8, fontweight="bold", color=color, loc="center")
        axes.set_xlabel(f"{row['psnr_db']:.2f} dB", fontsize=7)


def _ink(letter: str) -> tuple[float, ...]:
    ink = FILTERS[letter]
    return tuple(int(ink[place : place + 2], 16) / 255 for place in (1, 3, 5))

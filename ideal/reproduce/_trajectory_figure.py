"""The figure of the study of design trajectories, from its record alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ideal.reproduce.style import COLOURS, new_figure

_INKS = {"R": "#d7302b", "G": "#40a34c", "B": "#3361c7", "W": "#f5f5f0"}
_SOONEST = 1.0  # seconds: where the start is drawn on a logarithmic axis


def draw(record: Mapping[str, Any]) -> Figure:
    """Return information and PSNR against processor time, costs, and the mosaics of the first start."""
    rows = record["rows"]
    names = list(dict.fromkeys(row["design"] for row in rows))
    colours = dict(zip(names, COLOURS, strict=False))
    figure = new_figure(4.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 1.35])
    axes = upper.subplots(1, 3, width_ratios=[1, 1, 0.72])
    _along(axes[0], rows, colours, "information_colour_bits_per_pixel", "information about colour, bits/pixel")
    _along(axes[1], rows, colours, "psnr_db", "PSNR of a linear decoder, dB")
    handles, labels = axes[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", linestyle=":"))
    upper.legend(handles, [*labels, "exchanges"], loc="outside upper left", ncols=len(handles), handlelength=1.4)
    _costs(axes[2], record["statistics"], colours[names[-1]])
    _mosaics(lower, rows, names)
    return figure


def _along(axes, rows, colours, key: str, label: str) -> None:
    for name, colour in colours.items():
        own = [row for row in rows if row["design"] == name]
        for start in dict.fromkeys(row["start"] for row in own):
            path = [row for row in own if row["start"] == start]
            times = [max(row["cpu_seconds"], _SOONEST) for row in path]
            values = [row[key] for row in path]
            climb = sum(row["phase"] == "ascent" for row in path)
            named = name if start == own[0]["start"] else None
            axes.plot(times[:climb], values[:climb], color=colour, alpha=0.9, label=named, marker="o", markersize=2)
            axes.plot(times[climb - 1 :], values[climb - 1 :], color=colour, linestyle=":")
            axes.plot(times[-1], values[-1], marker="o", color=colour, markersize=4.5)
    axes.set_xscale("log")
    axes.set_xlabel("processor time, s (start at 1)")
    axes.set_ylabel(label)


def _costs(axes, statistics, colour) -> None:
    shown = {"time to": "time to\nits PSNR", "time in": "time\nin all", "memory above": "memory above\nthe start"}
    shown["memory,"] = "memory\nin all"
    found = [(label, each) for key, label in shown.items() for each in statistics if each["name"].startswith(key)]
    for place, (_, each) in enumerate(found):
        axes.barh(place, each["value"], color=colour, height=0.55)
        if each["interval"]:
            axes.plot(each["interval"], [place, place], color="black", linewidth=1)
        right = max(each["value"], *(each["interval"] or [0]))
        axes.text(right, place, f"  {each['value']:.1f}×", va="center", fontsize=7)
    axes.axvline(1, color="black", linewidth=0.7, linestyle=":")
    axes.set_yticks(range(len(found)), [label for label, _ in found])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * max(max(each["value"], *(each["interval"] or [0])) for _, each in found))
    axes.set_xlabel("end to end / IDEAL, colour")


def _mosaics(part, rows, names) -> None:
    first = rows[0]["start"]
    shown = [("random start", next(row for row in rows if row["start"] == first))]
    shown += [(name, [row for row in rows if row["design"] == name and row["start"] == first][-1]) for name in names]
    for axes, (name, row) in zip(part.subplots(1, len(shown)), shown, strict=True):
        tiles = row["mosaic"].split("/")
        image = np.array([[_colour(letter) for letter in line] for line in tiles])
        axes.imshow(image, interpolation="nearest")
        axes.set_xticks(np.arange(-0.5, len(tiles[0])), [])
        axes.set_yticks(np.arange(-0.5, len(tiles)), [])
        axes.grid(color="white", linewidth=0.4)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(True)
        axes.set_title(name, fontsize=7.5, loc="center")
        axes.set_xlabel(f"{row['psnr_db']:.2f} dB", fontsize=7)


def _colour(letter: str) -> tuple[float, ...]:
    ink = _INKS[letter]
    return tuple(int(ink[place : place + 2], 16) / 255 for place in (1, 3, 5))

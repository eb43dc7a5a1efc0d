"""The figure of the study of colour filter arrays: information in all and about colour against PSNR, and the mosaics."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from ideal.reproduce.style import COLOURS, MARKERS, new_figure

_INKS = {"R": "#d5433c", "G": "#4aa657", "B": "#3566b8", "W": "#f3f3ef"}
_PANELS = {
    "information_bits_per_pixel": (
        "total information",
        "information in all (bits/pixel)\nbound by a density fitted to the counts",
    ),
    "gaussian_colour_bits_per_pixel": (
        "information about colour",
        "information about the colour of a pixel (bits/pixel)\nGaussian scenes, closed form",
    ),
}
_KINDS = {"published": 0, "designed": 1, "random": 2, "no filters": 7}  # place among colours and markers
_FAR = 2.5  # dB below the median of its light: drawn at the edge, its figures in words
_APART = 9.0  # points between a letter and a mark
_ANGLES = np.deg2rad((0, 180, 90, 270, 45, 135, 315, 225))


def draw(record: Mapping[str, Any]):
    """Return the figure of a record.

    Args:
        record: as `run.json` holds it.

    """
    shown = list(record["curves"]["shown"])
    rows = [row for row in record["rows"] if row["mosaic"] in shown]
    lights = sorted({row["photons"] for row in rows}, reverse=True)
    letters = dict(zip(shown, ascii_lowercase, strict=False))
    figure = new_figure(0.9 + 1.7 * len(lights) + 0.8)
    grid = figure.add_gridspec(2, 1, height_ratios=(0.4 + 1.7 * len(lights), 0.8))
    above, below = grid[0].subgridspec(len(lights), len(_PANELS)), grid[1].subgridspec(1, len(shown))
    panels = []
    for column, (key, (words, label)) in enumerate(_PANELS.items()):
        for line, light in enumerate(lights):
            axes = figure.add_subplot(above[line, column])
            own = [row for row in rows if row["photons"] == light]
            panels.append((axes, _marks(axes, own, key, letters)))
            if column == 0:
                axes.set_ylabel(f"{light:g} photons\nPSNR (dB)")
            if line == 0:
                axes.set_title(f"{ascii_lowercase[column].upper()}  {words}", pad=15)
            if line == len(lights) - 1:
                axes.set_xlabel(label)
            axes.text(1, 1.02, _statistic(record, words, light), transform=axes.transAxes, fontsize=7, ha="right")
    _legend(figure, panels[0][0], {_kind(name) for name in shown})
    for place, name in enumerate(shown):
        _thumbnail(figure.add_subplot(below[place]), record["curves"]["mosaics"][name], letters[name], name)
    figure.draw_without_rendering()  # letters are placed in points, which need the layout
    for axes, marks in panels:
        _write_letters(axes, marks)
    return figure


def _kind(name: str) -> str:
    if name == "white":
        return "no filters"
    return "random" if name.startswith("random") else "designed" if name.startswith(("IDEAL", "end")) else "published"


def _statistic(record, words: str, light: float) -> str:
    for each in record["statistics"]:
        if each["name"] == f"Spearman, {words} with PSNR of the network, {light:g} photons":
            return f"Spearman {each['value']:.2f} ({each['interval'][0]:.2f} to {each['interval'][1]:.2f})"
    return ""


def _legend(figure, axes, kinds) -> None:
    handles = [
        axes.plot([], [], MARKERS[place], color=COLOURS[place], markersize=4, markeredgewidth=0, label=kind)[0]
        for kind, place in _KINDS.items()
        if kind in kinds
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handletextpad=0.2)


def _marks(axes, rows, key: str, letters) -> list[tuple[float, float, str]]:
    """Draw the mosaics of one light; return place and letter of those within the panel."""
    floor = np.median([row["network_psnr_db"] for row in rows]) - _FAR
    near = [row for row in rows if row["network_psnr_db"] >= floor]
    far = [row for row in rows if row["network_psnr_db"] < floor]
    values = np.array([[row[key], row["network_psnr_db"]] for row in near])
    low, high = values.min(0), values.max(0)
    room = np.maximum(high - low, 1e-3)
    axes.set_xlim(low[0] - 0.14 * room[0], high[0] + 0.14 * room[0])
    axes.set_ylim(low[1] - 0.42 * room[1], high[1] + 0.18 * room[1])
    for row in near:
        place = _KINDS[_kind(row["mosaic"])]
        axes.plot(row[key], row["network_psnr_db"], MARKERS[place], color=COLOURS[place], markersize=4, markeredgewidth=0)
    if far:
        words = ", ".join(f"{letters[row['mosaic']]}: {row[key]:.2f} bits, {row['network_psnr_db']:.1f} dB" for row in far)
        axes.text(0.015, 0.03, f"\N{DOWNWARDS ARROW} {words}", transform=axes.transAxes, fontsize=6.5, va="bottom", color="0.35")
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    return [(row[key], row["network_psnr_db"], letters[row["mosaic"]]) for row in near]


def _write_letters(axes, marks) -> None:
    """Write a letter beside each mark where it is freest, farther away and with a line where it is crowded."""
    points = 72 / axes.figure.dpi
    places = axes.transData.transform([mark[:2] for mark in marks]) * points
    box = axes.get_window_extent().extents * points
    taken = list(places)
    for own in np.argsort(-places[:, 1]):
        best, most = None, -np.inf
        for ring, turn in ((ring, turn) for ring in (1, 2, 3) for turn in _ANGLES):
            at = places[own] + 0.75 * _APART * ring * np.array([np.cos(turn), np.sin(turn)])
            inside = box[0] + 4 < at[0] < box[2] - 4 and box[1] + 12 < at[1] < box[3] - 4
            others = [other for index, other in enumerate(taken) if index != own]
            gap = min((float(np.hypot(*(at - other))) for other in others), default=99.0)
            worth = min(gap, 0.9 * _APART) - 1.5 * (ring - 1) - (0 if inside else 99)
            if worth > most + 1e-6:
                best, most, far = at, worth, ring > 1
        taken.append(best)
        inverse = axes.transData.inverted()
        end = inverse.transform(best / points)
        if far:
            axes.plot([marks[own][0], end[0]], [marks[own][1], end[1]], color="0.6", linewidth=0.4, zorder=1)
        axes.text(*end, marks[own][2], fontsize=7, ha="center", va="center", color="0.1")


def _thumbnail(axes, rows: Sequence[str], letter: str, name: str) -> None:
    for y, row in enumerate(rows):
        for x, each in enumerate(row):
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=_INKS[each], edgecolor="0.55", linewidth=0.25))
    axes.set(xlim=(0, len(rows[0])), ylim=(len(rows), 0), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.set_title(letter, fontsize=8, loc="center", pad=2, color=COLOURS[_KINDS[_kind(name)]])
    axes.set_xlabel("\n".join(name.replace("rgbw-", "rgbw ").replace("-", " ").rsplit(" ", 1)), fontsize=6, labelpad=2)

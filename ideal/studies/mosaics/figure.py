"""The figure of the study of color filter arrays: information in all and about color against PSNR, and the mosaics."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from ideal.studies.engine.style import FILTERS, SMALL, in_words, looks, name_panel, new_figure

_PANELS = {
    "information_bits_per_pixel": (
        "total information",
        "total information (bits/pixel)",
        "bound by a density fitted to the counts",
    ),
    "gaussian_color_bits_per_pixel": (
        "information about color",
        "information about the color of a pixel (bits/pixel)",
        "Gaussian scenes, closed form",
    ),
}
_INTERVALS = {"information_bits_per_pixel": "information", "network_psnr_db": "network_psnr"}  # columns with low and high
_KINDS = looks(("published", "IDEAL", "end to end", "random", "no filters"))
_NAMES = {
    "bayer": "Bayer",
    "quad-bayer": "quad Bayer",
    "x-trans": "X-Trans",
    "rgbw-bayer": "RGBW Bayer",
    "rgbw-kodak": "RGBW Kodak",
    "white": "no filters",
}
_GLYPHS = {"o": "\N{BLACK CIRCLE}", "s": "\N{BLACK SQUARE}", "D": "\N{BLACK DIAMOND}", "^": "\N{BLACK UP-POINTING TRIANGLE}"}
_FAR = 2.5  # dB below the median of its light: its figures stand in words at the foot of the panel
_LINE, _HEIGHT = 10.0, 105.0  # points of a line of such words, and about those of a panel
_APART = 9.0  # points between a number and a mark
_EDGES = (4, 12, 16, 13)  # points kept free by numbers: left, below, right and above (where intervals are drawn)
_ANGLES = np.deg2rad((0, 180, 90, 270, 45, 135, 315, 225))
_GREY = "0.35"


def draw(record: Mapping[str, Any]):
    """Return the figure of a record.

    Args:
        record: as `run.json` holds it.

    """
    shown = list(record["curves"]["shown"])
    rows = [row for row in record["rows"] if row["mosaic"] in shown]
    lights = sorted({row["photons"] for row in rows}, reverse=True)
    numbers = {name: str(place + 1) for place, name in enumerate(shown)}  # letters are those of the panels
    figure = new_figure(1.1 + 1.9 * len(lights) + 0.8)
    grid = figure.add_gridspec(2, 1, height_ratios=(0.4 + 1.9 * len(lights), 0.8))
    above, below = grid[0].subgridspec(len(lights), len(_PANELS)), grid[1].subgridspec(1, len(shown))
    panels, letters = [], iter(ascii_lowercase)
    for line, light in enumerate(lights):
        for column, (key, (words, label, how)) in enumerate(_PANELS.items()):
            axes = figure.add_subplot(above[line, column])
            own = [row for row in rows if row["photons"] == light]
            panels.append((axes, _marks(axes, own, key, numbers)))
            if column == 0:
                axes.set_ylabel("PSNR (dB)")
            axes.set_xlabel(f"{label}\n{how}" if line == len(lights) - 1 else label)
            name_panel(axes, next(letters), f"{light:g} photons{_statistic(record, words, light)}")
    _legend(figure, panels[0][0], {_kind(name) for name in shown}, record)
    for place, name in enumerate(shown):
        axes = figure.add_subplot(below[place])
        if place == 0:
            name_panel(axes, next(letters))
        _thumbnail(axes, record["curves"]["mosaics"][name], numbers[name], name)
    figure.draw_without_rendering()  # numbers are placed in points, which need the layout
    for axes, marks in panels:
        _write_numbers(axes, marks)
    return figure


def _kind(name: str) -> str:
    if name == "white":
        return "no filters"
    return next((kind for kind in ("random", "IDEAL", "end to end") if name.startswith(kind)), "published")


def _statistic(record, words: str, light: float) -> str:
    for each in record["statistics"]:
        if each["name"] == f"Spearman, {words} with PSNR of the network, {light:g} photons":
            return f": Spearman {in_words(each['value'], each['interval'])}"
    return ""


def _legend(figure, axes, kinds, record) -> None:
    handles = [
        axes.plot([], [], marker, color=color, markeredgewidth=0, label=kind)[0]
        for kind, (color, marker) in _KINDS.items()
        if kind in kinds
    ]
    confidence = 100 * record["plan"].get("confidence", 0.95)
    label = f"typical {confidence:g} % interval over pictures, mostly shared by all"
    handles.append(axes.errorbar([], [], [], color=_GREY, marker="_", markersize=5, linestyle="none", capsize=2, label=label))
    figure.legend(
        handles=handles, loc="outside upper center", ncols=len(handles), handlelength=1.2, handletextpad=0.3, columnspacing=1.2
    )


def _marks(axes, rows, key: str, numbers) -> list[tuple[float, float, str]]:
    """Draw the mosaics of one light; return place and number of those within the panel."""
    floor = np.median([row["network_psnr_db"] for row in rows]) - _FAR
    near = [row for row in rows if row["network_psnr_db"] >= floor]
    far = [row for row in rows if row["network_psnr_db"] < floor]
    values = np.array([[row[key], row["network_psnr_db"]] for row in near])
    typical = [_typical(near, name) for name in (key, "network_psnr_db")]
    room = np.maximum(np.ptp(values, axis=0), 1e-3)
    foot = 0.08 + _LINE * len(far) / _HEIGHT
    across, up = 1.3 * room[0], room[1] / (1 - foot - 0.16)
    # A panel holds its typical interval whole: differences of mosaics that are seen are often smaller than it.
    spare = [max(0.0, 1.12 * sum(each) - span) if each else 0.0 for each, span in zip(typical, (across, up), strict=True)]
    axes.set_xlim(values[:, 0].min() - 0.12 * room[0] - spare[0] / 2, values[:, 0].max() + 0.18 * room[0] + spare[0] / 2)
    bottom = values[:, 1].min() - foot * up - spare[1] / 2
    axes.set_ylim(bottom, bottom + up + spare[1])
    for row in near:
        color, marker = _KINDS[_kind(row["mosaic"])]
        axes.plot(
            row[key], row["network_psnr_db"], marker, color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.4
        )
    for line, row in enumerate(reversed(far)):
        color, marker = _KINDS[_kind(row["mosaic"])]
        words = f"{numbers[row['mosaic']]}: {row[key]:.2f} bits/pixel, {row['network_psnr_db']:.1f} dB (off the scale)"
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 7, "va": "center"}
        axes.annotate(
            _GLYPHS.get(marker, "\N{BLACK STAR}"), (0, 0), (4, 7 + _LINE * line), color=color, **place | {"fontsize": SMALL}
        )
        axes.annotate(words, (0, 0), (13, 7 + _LINE * line), color="black", **place)
    _draw_typical(axes, *typical)
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    return [(row[key], row["network_psnr_db"], numbers[row["mosaic"]]) for row in near]


def _typical(rows, key: str) -> tuple[float, float] | None:
    """Return how far intervals of a column reach down and up, in the median; None where there are none."""
    name = _INTERVALS.get(key)
    bounds = [
        (row[key] - row[f"{name}_low"], row[f"{name}_high"] - row[key])
        for row in rows
        if row.get(f"{name}_low") is not None and row.get(f"{name}_high") is not None
    ]
    return tuple(np.median(bounds, axis=0).tolist()) if bounds else None


def _draw_typical(axes, along: tuple[float, float] | None, up: tuple[float, float] | None) -> None:
    """Draw typical intervals at the upper and the right edge, where they cross no mark."""
    look = {"color": _GREY, "elinewidth": 0.9, "capsize": 2, "markersize": 5, "linestyle": "none", "zorder": 1}
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    if up:
        middle = (bottom + top) / 2 + (up[0] - up[1]) / 2
        axes.errorbar(right - 0.025 * (right - left), middle, [[up[0]], [up[1]]], marker="_", **look)
    if along:
        middle = left + 0.02 * (right - left) + along[0]
        axes.errorbar(middle, top - 0.04 * (top - bottom), xerr=[[along[0]], [along[1]]], marker="|", **look)


def _write_numbers(axes, marks) -> None:
    """Write a number beside each mark where it is freest, farther away and with a line where it is crowded."""
    points = 72 / axes.figure.dpi
    places = axes.transData.transform([mark[:2] for mark in marks]) * points
    box = axes.get_window_extent().extents * points
    taken = list(places)
    for own in np.argsort(-places[:, 1]):
        best, most = None, -np.inf
        for ring, turn in ((ring, turn) for ring in (1, 2, 3) for turn in _ANGLES):
            wider = 2.2 * (len(marks[own][2]) - 1)  # a second digit needs room to the left and the right
            at = places[own] + (0.75 * _APART * ring + np.array([wider, 0])) * np.array([np.cos(turn), np.sin(turn)])
            left, below, right, above = _EDGES
            inside = box[0] + left < at[0] < box[2] - right and box[1] + below < at[1] < box[3] - above
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


def _thumbnail(axes, rows: Sequence[str], number: str, name: str) -> None:
    for y, row in enumerate(rows):
        for x, each in enumerate(row):
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=FILTERS[each], edgecolor="0.55", linewidth=0.25))
    axes.set(xlim=(0, len(rows[0])), ylim=(len(rows), 0), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.set_title(number, fontsize=8, fontweight="bold", loc="center", pad=2, color=_KINDS[_kind(name)][0])
    axes.set_xlabel("\n".join(_NAMES.get(name, name).rsplit(" ", 1)), fontsize=SMALL, labelpad=2)

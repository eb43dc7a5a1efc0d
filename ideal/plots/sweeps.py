"""Figures of a sweep: curves with intervals, a map of two axes, what is best for what it costs, and regret."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Panel
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ideal.plots.palette import COLORS, GREEN, GREY
from ideal.plots.theme import Figure
from ideal.sweeps.axes import Axis, with_short_names
from ideal.sweeps.front import pareto
from ideal.sweeps.names import is_number, point_name, said

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_MOST_LINES = 16  # curves that are told apart in one panel
_MOST_PANELS = 6
_MOST_NAMED = 24  # points of a front whose names are written
_UNITS = {"photons": "photoelectrons of an unfiltered pixel", "patch": "side of a patch, pixels", "count": "objects"}
_COSTS = ("cost", "elements", "photons")  # what a front may be against, the first that there is


def figures_of_sweep(record: Mapping[str, Any]) -> dict[str, Callable[[], Figure]]:
    """Return what draws each figure that the record of a sweep has numbers for, by its name."""
    record = with_short_names(record)
    done = [row for row in record["points"] if row["information"] is not None]
    axes = [Axis(each["name"], tuple(each["values"])) for each in record["axes"] if len(each["values"]) > 1]
    if not done or not axes:
        return {}
    found: dict[str, Callable[[], Figure]] = {}
    numeric = [axis for axis in axes if axis.is_numeric]
    for axis in numeric:
        name = "curves" if len(numeric) == 1 else f"curves-{axis.name.replace('.', '-')}"
        found[name] = partial(curves_figure, done, axis, [each for each in axes if each is not axis])
    if not numeric:
        found["points"] = partial(points_figure, done, axes)
    if len(axes) >= 2:
        found["map"] = partial(map_figure, done, axes)
    cost = next((name for name in _COSTS if len({row.get(name) for row in done if is_number(row.get(name))}) > 1), None)
    if cost is not None:
        found["front"] = partial(front_figure, done, axes, cost)
    if record["regret"]:
        found["regret"] = partial(regret_figure, record["regret"], done[0]["unit"])
    return found


def curves_figure(rows: Sequence[Mapping[str, Any]], axis: Axis, others: Sequence[Axis]) -> Figure:
    """Return the information against one numeric axis, with intervals: a curve for each combination of the others.

    Args:
        rows: points that were measured.
        axis: along the figure.
        others: whose values tell the curves apart; where these are many, the last ones tell panels apart.

    """
    lines = list(others)
    panels: list[Axis] = []
    while _count(lines) > _MOST_LINES and len(lines) > 1 and _count([*panels, lines[-1]]) <= _MOST_PANELS:
        panels.insert(0, lines.pop())
    names = list(dict.fromkeys(_named(row, panels) for row in rows))
    figure = Figure(figsize=(min(3.6 * len(names) + 2.2, 14.0), 3.8), layout="constrained")
    parts = np.ravel(figure.subplots(1, len(names), sharey=True, squeeze=False))
    curves = list(dict.fromkeys(_named(row, lines) for row in rows))
    shown = curves[:_MOST_LINES]
    for part, name in zip(parts, names, strict=True):
        for place, curve in enumerate(shown):
            own = [row for row in rows if _named(row, panels) == name and _named(row, lines) == curve]
            own.sort(key=lambda row: row[axis.name])
            if own:
                _draw_curve(part, own, axis.name, place, curve)
        part.set_title(name, fontsize=9)
        _scale(part, axis)
        _plain(part)
    parts[0].set_ylabel(f"information, at most ({rows[0]['unit']})")
    if len(curves) > 1 or curves[0]:
        more = f"{len(curves) - len(shown)} more in table.csv" if len(curves) > len(shown) else None
        parts[-1].legend(fontsize=8, frameon=False, title=more, title_fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _draw_curve(panel: Panel, rows: Sequence[Mapping[str, Any]], name: str, place: int, label: str) -> None:
    color, marker = COLORS[place % len(COLORS)], _MARKERS[place % len(_MARKERS)]
    style = "-" if place < len(COLORS) else "--"
    at, values = [row[name] for row in rows], [row["information"] for row in rows]
    low, high = (np.array([np.nan if row[end] is None else row[end] for row in rows], float) for end in ("low", "high"))
    panel.fill_between(at, low, high, color=color, alpha=0.18, linewidth=0)
    panel.plot(at, values, style, color=color, marker=marker, markersize=4.5, linewidth=1.3, label=label or None)


def points_figure(rows: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> Figure:
    """Return the information of all points with intervals, a line each, the most informative first."""
    ordered = sorted(rows, key=lambda row: -row["information"])[:_MOST_NAMED]
    figure = Figure(figsize=(6.0, 0.3 * len(ordered) + 1.0), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(ordered):
        panel.errorbar(row["information"], place, xerr=_bars(row), fmt="o", color=COLORS[0], capsize=3, markersize=5)
    panel.set_yticks(range(len(ordered)), [_named(row, axes) for row in ordered], fontsize=8)
    panel.set_ylim(len(ordered) - 0.5, -0.5)
    more = f"; the first {len(ordered)} of {len(rows)}" if len(rows) > len(ordered) else ""
    panel.set_xlabel(f"information, at most ({rows[0]['unit']}){more}", fontsize=9)
    _plain(panel, grid="x")
    panel.tick_params(left=False)
    return figure


def map_figure(rows: Sequence[Mapping[str, Any]], axes: Sequence[Axis]) -> Figure:
    """Return the information over two axes as a map, a panel for each combination of the others, at most six.

    Args:
        rows: points that were measured.
        axes: of the sweep; numeric ones are laid along the map before others.

    """
    ordered = sorted(axes, key=lambda axis: (not axis.is_numeric, -len(axis.values)))
    across, up = ordered[0], ordered[1]
    rest = [axis for axis in axes if axis not in (across, up)]
    names = list(dict.fromkeys(_named(row, rest) for row in rows))[:_MOST_PANELS]
    values = [row["information"] for row in rows]
    norm = Normalize(min(values), max(values))
    steps = [sorted(axis.values) if axis.is_numeric else list(axis.values) for axis in (across, up)]
    size = (max(0.72 * len(steps[0]) + 1.4, 3.0) * len(names) + 0.8, max(0.42 * len(steps[1]) + 1.5, 2.6))
    figure = Figure(figsize=(min(size[0], 16.0), min(size[1], 12.0)), layout="constrained")
    parts = np.ravel(figure.subplots(1, len(names), sharey=True, squeeze=False))
    is_small = len(steps[0]) <= 12 and len(steps[1]) <= 16
    for part, name in zip(parts, names, strict=True):
        table = np.full((len(steps[1]), len(steps[0])), np.nan)
        for row in rows:
            if _named(row, rest) == name:
                table[steps[1].index(row[up.name]), steps[0].index(row[across.name])] = row["information"]
        part.imshow(table, cmap="viridis", norm=norm, aspect="auto")
        for (i, j), value in np.ndenumerate(table) if is_small else ():
            if np.isfinite(value):
                ink = "black" if value > min(values) + 0.6 * (max(values) - min(values)) else "white"
                part.text(j, i, f"{value:#.3g}", ha="center", va="center", fontsize=7, color=ink)
        part.set_xticks(*_ticks(steps[0]), fontsize=8)
        part.set_yticks(*_ticks(steps[1]), fontsize=8)
        part.set_xlabel(_UNITS.get(across.name, across.name), fontsize=9)
        part.set_title(name, fontsize=9)
        part.tick_params(length=0)
        for side in part.spines.values():
            side.set_visible(False)
    parts[0].set_ylabel(_UNITS.get(up.name, up.name), fontsize=9)
    figure.colorbar(ScalarMappable(norm, "viridis"), ax=list(parts), label=f"information, at most ({rows[0]['unit']})")
    return figure


def front_figure(rows: Sequence[Mapping[str, Any]], axes: Sequence[Axis], cost: str) -> Figure:
    """Return the information against what it costs, with the points that no other beats joined by a line.

    Args:
        rows: points that were measured.
        axes: of the sweep, whose values name the points.
        cost: column of the rows: "cost", "elements" or "photons".

    """
    known = [row for row in rows if is_number(row.get(cost))]
    points = [(float(row[cost]), row["information"]) for row in known]
    front = pareto(points)
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(known):
        is_best = place in front
        panel.errorbar(
            row[cost],
            row["information"],
            yerr=_bars(row),
            fmt="o" if is_best else "x",
            color=GREEN if is_best else GREY,
            markersize=5.5 if is_best else 4.5,
            linewidth=0.9,
            zorder=3 if is_best else 2,
        )
    panel.step(*zip(*(points[place] for place in front), strict=True), where="post", color=GREEN, linewidth=1)
    others = [axis for axis in axes if axis.name != cost]
    for number, place in enumerate(front if len(front) <= _MOST_NAMED else ()):
        # Names stand on the side where there is room: right of the line at first, left of it at its end.
        is_early = 2 * number < len(front)
        panel.annotate(
            _named(known[place], others),
            points[place],
            (5, -4) if is_early else (-5, 4),
            textcoords="offset points",
            fontsize=7,
            ha="left" if is_early else "right",
            va="top" if is_early else "bottom",
        )
    axis = Axis(cost, tuple(dict.fromkeys(float(row[cost]) for row in known)))
    _scale(panel, axis)
    panel.margins(x=0.12, y=0.1)
    panel.set_ylabel(f"information, at most ({rows[0]['unit']})")
    panel.plot([], [], "o", color=GREEN, label="no other point has more for as little")
    panel.plot([], [], "x", color=GREY, label="others")
    panel.legend(fontsize=8, frameon=False, loc="lower right")
    _plain(panel)
    return figure


def regret_figure(regret: Sequence[Mapping[str, Any]], unit: str) -> Figure:
    """Return the matrix of regret: what each design loses to the best one at each level.

    Args:
        regret: a design and level each.
        unit: of the information.

    """
    designs = list(dict.fromkeys(each["design"] for each in regret))
    levels = list(dict.fromkeys(each["level"] for each in regret))
    table = np.full((len(designs), len(levels)), np.nan)
    sure = np.zeros(table.shape, bool)
    for each in regret:
        place = designs.index(each["design"]), levels.index(each["level"])
        if each["regret"] is not None:
            table[place] = each["regret"]
            sure[place] = each["low"] is not None and each["low"] > 0
    figure = Figure(figsize=(0.95 * len(levels) + 4.2, 0.4 * len(designs) + 1.6), layout="constrained")
    panel = figure.subplots()
    most = float(np.nanmax(table)) or 1.0
    image = panel.imshow(table, cmap="Oranges", vmin=0, vmax=most, aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        text = "–" if not np.isfinite(value) else "best" if value == 0 else f"{value:.3f}" + ("" if sure[i, j] else " ?")
        ink = "white" if np.isfinite(value) and value > 0.65 * most else "black"
        panel.text(j, i, text, ha="center", va="center", fontsize=8, color=ink)
    panel.set_xticks(range(len(levels)), levels, fontsize=8, rotation=0 if len(levels) <= 6 else 45, ha="center")
    panel.set_yticks(range(len(designs)), designs, fontsize=8)
    panel.tick_params(length=0)
    panel.set_xlabel("measured at; ? where the interval of the loss holds zero", fontsize=9)
    for side in panel.spines.values():
        side.set_visible(False)
    figure.colorbar(image, ax=panel, label=f"lost to the best ({unit})")
    return figure


def _named(row: Mapping[str, Any], axes: Sequence[Axis]) -> str:
    """Return the values of axes in a row as a text."""
    return point_name({axis.name: row[axis.name] for axis in axes})


def _count(axes: Sequence[Axis]) -> int:
    return int(np.prod([len(axis.values) for axis in axes])) if axes else 1


def _bars(row: Mapping[str, Any]) -> list[list[float]] | None:
    if row["low"] is None or row["high"] is None:
        return None
    return [[max(row["information"] - row["low"], 0.0)], [max(row["high"] - row["information"], 0.0)]]


def _ticks(values: Sequence[Any]) -> tuple[list[int], list[str]]:
    """Return places and texts of the ticks of a map, not more than a dozen or two."""
    step = max(1, -(-len(values) // 24))
    places = list(range(0, len(values), step))
    return places, [said(values[place]) for place in places]


def _scale(panel: Panel, axis: Axis) -> None:
    panel.set_xlabel(_UNITS.get(axis.name, axis.name), fontsize=9)
    if axis.is_logarithmic:
        panel.set_xscale("log")
        if len(axis.values) <= 8:
            panel.set_xticks(sorted(axis.values), [f"{value:g}" for value in sorted(axis.values)])
            panel.minorticks_off()


def _plain(panel: Panel, grid: str = "both") -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis=grid, color="0.9", linewidth=0.6)  # type: ignore[arg-type]
    panel.set_axisbelow(True)

"""Figures of a design run: before and after, the ascent, the comparison with named designs, and a measurement by each."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.colors import Normalize

from ideal.optimize.runs.tables import shown_name, value_name
from ideal.plots.palette import BLUE, GREEN, GREY
from ideal.plots.theme import Figure, save_figure
from ideal.runs.keeping import Keeping

_FEW = 20  # records of an ascent that are marked each
_COLORS = {"design": GREEN, "start": GREY, "named": BLUE}
_FILES = {"before": "design-before.png", "after": "design-after.png"}


def figures_of_record(record: dict, history: list[dict]) -> dict[str, Callable[[], Figure]]:
    """Return what draws the figures that need numbers alone.

    Args:
        record: of a run.
        history: of its ascent; empty where it is not known.

    """
    figures: dict[str, Callable[[], Figure]] = {"comparison": partial(comparison_figure, record["designs"])}
    if record["designs"][0]["targets"]:
        figures["targets"] = partial(target_figure, record["designs"])
    if history:
        figures["ascent"] = partial(ascent_figure, record, history)
    return figures


def file_of(name: str) -> str:
    """Return what the file of a figure is called in the folder of a run."""
    return _FILES.get(name, f"{name}.png")


def draw_all(figures: Mapping[str, Callable[[], Figure]], folder: Path, keeping: Keeping) -> None:
    """Draw figures into a folder; `keeping` takes what cannot be drawn.

    Args:
        figures: what draws each, by its name.
        folder: of the run.
        keeping: takes what cannot be drawn.

    """
    for name, draw in figures.items():
        target = folder / file_of(name)
        with keeping.attempt(target, "the figure"):
            save_figure(draw(), target)


def design_figure(system, params) -> Figure:
    """Return a drawing of a design, a figure of its own: systems fill their figures."""
    figure = Figure(layout="constrained")
    system.draw(params, figure)
    return figure


def ascent_figure(record: dict, history: list[dict]) -> Figure:
    """Return the objective of every start against steps: relaxed, and made hard for held-out objects; start and exchanges.

    Args:
        record: of the run.
        history: of its ascent.

    """
    gain, unit, best = record["gain"], record["gain_unit"], record.get("best_start", 0)
    steps = np.array([record["step"] for record in history])
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    several = len(history[0]["gain"]) > 1
    for key, color, label in (
        ("gain", GREY, "as it is ascended, objects of the ascent"),
        ("hard_gain", GREEN, "as it would be made, held-out objects"),
    ):
        values = np.array([record[key] for record in history], dtype=float)
        for number, line in enumerate(values.T):
            mine = number == best or not several
            axes.plot(
                steps,
                line,
                linewidth=1.6 if mine else 0.9,
                linestyle="-" if mine else ":",
                color=color,
                alpha=1 if mine else 0.5,
                marker="." if len(steps) <= _FEW else None,
                label=label if mine else None,
            )
    begun = [0, *steps[:-1]]  # a fit is to the design before the steps of its record
    fits = [(step, max(each["gain_by_new_fit"])) for step, each in zip(begun, history, strict=True) if "gain_by_new_fit" in each]
    fits += [(record["step"], record["gain_by_last_fit"]) for record in history if "gain_by_last_fit" in record]
    if fits:
        axes.plot(
            *zip(*fits, strict=True), "o", color=BLUE, markersize=4, label="as it would be made, by the density just fitted"
        )
    what = "objective: decoder's gain" if unit == "dB" else "objective: information"
    axes.set(xlabel="step", ylabel=f"{what} ({unit})", xlim=(0, 1.03 * steps[-1]))
    axes.locator_params(axis="x", integer=True)
    ends = [(0, gain["start"], "s", "start, as it would be made, held-out objects")]
    if gain["search"] != gain["ascent"]:
        ends.append((steps[-1], gain["search"], "D", "after exchanges, held-out objects"))
    for step, value, marker, label in ends:
        axes.plot([step], [value], marker, color=GREEN, markersize=5, clip_on=False, label=label)
    if several:
        axes.plot([], [], ":", color=GREY, alpha=0.5, linewidth=0.9, label="other starts, both ways")
    _plain(axes)
    axes.legend(fontsize=8, frameon=False)
    return figure


def comparison_figure(rows: list[dict]) -> Figure:
    """Return the re-measured information of the designs, with intervals, and that about the label where it was measured."""
    first = rows[0]
    vector = first["pixel_name"] != "pixel"
    scale = first["pixels"] if vector else 1
    per = "measurement" if vector else "pixel"
    panels = [("information_bits_per_pixel", "interval", scale, f"information, at most (bits per {per})")]
    if any(row["design_is_above_by"] is not None for row in rows):
        panels.append(("design_is_above_by", "difference_interval", scale, f"the design is above by (bits per {per})"))
    if "label_information_bits" in first:
        panels.insert(0, ("label_information_bits", "label_interval", 1, "about the label, at least (bits)"))
    ordered = sorted(rows, key=lambda row: -row[panels[0][0]])
    figure = Figure(figsize=(1.6 + 2.9 * len(panels), 0.34 * len(rows) + 1.1), layout="constrained")
    for axes, panel in zip(np.ravel(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        _draw_intervals(axes, ordered, *panel)
    axes = figure.axes[0]
    axes.set_yticks(range(len(ordered)), [shown_name(row) for row in ordered])
    axes.get_yticklabels()[[row["role"] for row in ordered].index("design")].set_fontweight("bold")
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    return figure


def _draw_intervals(axes, rows: list[dict], key: str, bounds: str, factor: float, title: str) -> None:
    for place, row in enumerate(rows):
        if row[key] is None:
            continue
        value = factor * row[key]
        low, high = (np.nan if bound is None else factor * bound for bound in row[bounds])
        bars = [[max(value - low, 0)], [max(high - value, 0)]] if np.isfinite([low, high]).all() else None
        axes.errorbar(value, place, xerr=bars, fmt="o", color=_COLORS[row["role"]], capsize=3, markersize=5)
    if key == "design_is_above_by":
        axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlabel(title, fontsize=9)
    _plain(axes, grid="x")
    axes.tick_params(left=False)


def target_figure(rows: list[dict]) -> Figure:
    """Return what each design tells of the targets: bars of one, a table of several, each column shaded from least to largest."""
    names = list(rows[0]["targets"])
    table = np.array([[row["targets"][name] for name in names] for row in rows])
    if len(names) == 1:
        return _target_bars(rows, names[0], table[:, 0])
    figure = Figure(figsize=(2.2 + max(2.4, 0.95 * len(names)), 0.34 * len(rows) + 1.3), layout="constrained")
    axes = figure.subplots()
    low, high = table.min(0), table.max(0)
    axes.imshow((table - low) / np.where(high > low, high - low, 1.0), cmap="Blues", norm=Normalize(-0.1, 1.6), aspect="auto")
    tiny = table.max() < 0.1
    for (i, j), value in np.ndenumerate(table):
        axes.text(j, i, f"{value:.2g}" if tiny else f"{round(value, 3) + 0.0:.3f}", ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(names)), names, fontsize=9)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), [shown_name(row) for row in rows], fontsize=9)
    axes.tick_params(length=0)
    axes.set_xlabel(
        f"information about this part of Gaussian scenes\nlike the objects (bits per {value_name(rows[0])});\n"
        "shade: from the column's least to its largest",
        fontsize=8,
    )
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _target_bars(rows: list[dict], name: str, values: np.ndarray) -> Figure:
    order = np.argsort(-values, kind="stable")
    figure = Figure(figsize=(6.0, 0.34 * len(rows) + 1.3), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(rows)), values[order], color=[_COLORS[rows[each]["role"]] for each in order], height=0.6)
    for place, value in enumerate(values[order]):
        axes.annotate(f"{value:.3g}", (max(value, 0.0), place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [shown_name(rows[each]) for each in order])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(min(0.0, values.min()), 1.12 * max(values.max(), 1e-12)))
    axes.set_xlabel(f"{name}: information about Gaussian scenes like the objects (bits per {value_name(rows[0])})", fontsize=9)
    _plain(axes, grid="x")
    return figure


def _plain(axes, grid: str = "both") -> None:
    axes.grid(axis=grid, color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

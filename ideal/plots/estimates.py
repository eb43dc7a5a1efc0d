"""Figures of estimates: what measurements look like beside their information, and differences."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ideal.plots.palette import BLUE, GREY
from ideal.plots.theme import Figure
from ideal.text import exact_percent

if TYPE_CHECKING:
    from ideal.information.results import Comparison, Estimate, Example

_LONGEST_NAME = 58
_MOST_ROWS = 40  # estimates of one figure: more would be longer than pictures can be
_MARKS = ("|", "x", "1", "+", "2", "*", "3")  # of the models that were not chosen


def draw_estimates(estimates: "Sequence[Estimate]", comparisons: "Sequence[Comparison]" = ()) -> Figure:
    """Draw a measurement of each set beside its information, the most informative first, and how much more that is.

    Args:
        estimates: one or more, each with a path of its own; those without an example have no picture. Of more than 40 the
            most informative are drawn.
        comparisons: of neighbours in the ranking, drawn between their rows. They alone tell whether two differ: what the same
            objects do to both is taken out of them, and not out of the single intervals.

    """
    ordered = sorted(estimates, key=lambda found: -found.information_bits_per_pixel)[:_MOST_ROWS]
    count = len(ordered)
    between = {frozenset((each.a, each.b)): each for each in comparisons}
    steps = [between.get(frozenset((one.path, following.path))) for one, following in pairwise(ordered)]
    widths = {"picture": 1.0 if any(each.example is not None for each in ordered) else 0, "information": 3.6}
    widths = {name: width for name, width in (widths | {"difference": 2.0 if any(steps) else 0}).items() if width}
    figure = Figure(figsize=(1.57 * sum(widths.values()), 1.25 * count + 0.9 + 0.2 * (count > 1)), layout="constrained")
    grid = figure.add_gridspec(count, len(widths), width_ratios=list(widths.values()))
    column = {name: place for place, name in enumerate(widths)}
    axis = figure.add_subplot(grid[:, column["information"]])
    names, plotted = _names([estimate.path for estimate in ordered]), []
    models = dict.fromkeys(name for each in ordered for name in each.models if name not in each.model.split("/"))
    marks = {name: _MARKS[place % len(_MARKS)] for place, name in enumerate(models)}
    for row, estimate in enumerate(ordered):
        if estimate.example is not None:
            _draw_measurement(figure.add_subplot(grid[row, column["picture"]]), estimate.example, last=row == count - 1)
        for name in (each for each in estimate.models if each not in estimate.model.split("/")):
            value = estimate.bits_per_pixel(estimate.models[name].values.mean)
            plotted.append(value)
            label = name if models[name] is None else None
            models[name] = name
            axis.plot(value, row, marks[name], color=GREY, markersize=7, label=label)
        value, (low, high) = estimate.information_bits_per_pixel, estimate.interval
        plotted += [value, *(bound for bound in (low, high) if np.isfinite(bound))]
        label = f"chosen model, {exact_percent(estimate.confidence)} interval" if row == 0 else None
        axis.errorbar(value, row, xerr=_bars(value, low, high), fmt="o", color=BLUE, capsize=4, markersize=6, label=label)
        beside, text = axis.get_yaxis_transform(), f"{names[estimate.path]}   {value:.3f}"
        axis.annotate(text, (0, row), (4, 12), xycoords=beside, textcoords="offset points", fontsize=9)
    _finish(axis, count, plotted)
    unit = " or ".join(dict.fromkeys(each.pixel_name for each in ordered))
    left_out = f"; the first {count} of {len(estimates)}" if count < len(estimates) else ""
    axis.set_xlabel(f"information (bits per {unit}){left_out}")
    # The model that was chosen first, then the others in the order of the registry.
    handles, labels = axis.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: not labels[place].startswith("chosen"))
    figure.legend(
        [handles[place] for place in order],
        [labels[place] for place in order],
        loc="outside upper center",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    if any(steps):
        _draw_steps(figure.add_subplot(grid[:, column["difference"]]), steps, unit)
    return figure


def _draw_steps(axis, steps: "Sequence[Comparison | None]", unit: str) -> None:
    """Draw how much more each set tells than the next, between their rows."""
    plotted = []
    for row, step in enumerate(steps):
        if step is None:
            continue
        sign = 1 if step.difference_bits_per_pixel >= 0 else -1  # the one above tells more
        value, (low, high) = abs(step.difference_bits_per_pixel), sorted(sign * bound for bound in step.interval)
        plotted += [value, *(bound for bound in (low, high) if np.isfinite(bound))]
        axis.errorbar(value, row + 0.5, xerr=_bars(value, low, high), fmt="o", color=BLUE, capsize=4, markersize=5)
        place = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points", "fontsize": 8}
        axis.annotate(f"{value:+.3f}" + ("" if step.paired else ", unpaired"), (0, row + 0.5), (4, 9), **place)
    axis.axvline(0, color="0.4", linewidth=0.8)
    _finish(axis, len(steps) + 1, plotted)
    axis.set_xlabel(f"more than the next\n(bits per {unit})")


def draw_differences(comparisons: "Sequence[Comparison]") -> Figure:
    """Draw differences of estimates with their intervals, beside zero.

    Args:
        comparisons: one or more.

    """
    count = len(comparisons)
    figure = Figure(figsize=(7.2, 0.7 * count + 0.9), layout="constrained")
    axis, plotted = figure.add_subplot(), []
    for row, each in enumerate(comparisons):
        value, (low, high) = each.difference_bits_per_pixel, each.interval
        plotted += [value, *(bound for bound in (low, high) if np.isfinite(bound))]
        axis.errorbar(value, row, xerr=_bars(value, low, high), fmt="o", color=BLUE, capsize=4, markersize=6)
        names = _names([each.a, each.b])
        paired = "" if each.paired else ", unpaired"
        beside, text = axis.get_yaxis_transform(), f"{names[each.a]} over {names[each.b]}{paired}   {value:+.3f}"
        axis.annotate(text, (0, row), (4, 10), xycoords=beside, textcoords="offset points", fontsize=9)
    axis.axvline(0, color="0.4", linewidth=0.8)
    _finish(axis, count, plotted)
    axis.set_xlabel(f"difference ({comparisons[0].unit}), {exact_percent(comparisons[0].confidence)} interval")
    return figure


def _bars(value: float, low: float, high: float) -> list[list[float]] | None:
    """Return an interval as matplotlib takes it; None where it has no ends."""
    return [[max(value - low, 0)], [max(high - value, 0)]] if np.isfinite([low, high]).all() else None


def _finish(axis, count: int, plotted: Sequence[float]) -> None:
    axis.set_ylim(count - 0.5, -0.5)
    axis.set_yticks([])
    low, high = min(0.0, *plotted), max(0.0, *plotted)
    margin = 0.04 * ((high - low) or 1.0)
    axis.set_xlim(low - margin if low < 0 else 0.0, high + margin)
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)


def _draw_measurement(axis, example: "Example", *, last: bool) -> None:
    """Draw an image in grey or color with its scale, or the amplitudes of visibilities."""
    values, units = example.values, example.units
    if values.ndim == 1:
        axis.plot(np.abs(values), ".", color=BLUE, markersize=3)
        axis.set_ylabel(f"|V| ({units})" if np.iscomplexobj(values) else units, fontsize=7)
        if last:
            axis.set_xlabel("visibility" if np.iscomplexobj(values) else "value", fontsize=7)
        axis.tick_params(labelsize=6)
        return
    channels = values.shape[2] if values.ndim == 3 else 1
    values = values.mean(-1) if channels not in (1, 3) else values.squeeze()
    low, high = np.percentile(values, [0.5, 99.5])
    scale = Normalize(low, high if high > low else low + 1.0)
    if channels == 3:
        axis.imshow(np.clip(scale(values), 0, 1), interpolation="nearest")
        image = ScalarMappable(scale, "gray")
    else:
        image = axis.imshow(values, cmap="gray", norm=scale, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.05, pad=0.04)
    bar.ax.tick_params(labelsize=6, length=2)
    average = f", mean of {channels} channels" if channels not in (1, 3) else ""
    bar.set_label(units + average, fontsize=6)


def _names(paths: list[str]) -> dict[str, str]:
    """Return what to call each file: its name alone where that tells them apart, without the middle of a long one."""
    bare = [Path(path).name for path in paths]
    shown = bare if len(set(bare)) == len(bare) else paths
    half = _LONGEST_NAME // 2
    return {
        path: name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
        for path, name in zip(paths, shown, strict=True)
    }

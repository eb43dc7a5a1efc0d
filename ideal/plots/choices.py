"""Figures of a choice: the system before and after, and what strategies and designs tell."""

from collections.abc import Sequence

import numpy as np

from ideal.plots.palette import BLUE, GREEN, GREY
from ideal.plots.theme import Figure

_NAMED = 6  # members that a chart has room to name
_APART = 0.2  # of the range of values: names of lines that are nearer stand one below the other
_MARGIN = 0.08  # of the range of values


def system_figure(system, params, title: str, new: Sequence[str] = ()) -> Figure:
    """Return a drawing of a system with these parameters, new members set off from the others where it can."""
    figure = Figure(layout="constrained")
    system.draw_choice(params, figure, new)
    figure.suptitle(title, fontsize=11)
    return figure


def comparison_figure(document: dict) -> Figure:
    """Return what every strategy's set tells in closed form, and the re-measured information of designs with intervals."""
    strategies, designs = document["strategies"], sorted(document["designs"], key=lambda row: -row["information"])
    count, noun = max(len(strategies), len(designs)), document["member"]
    figure = Figure(figsize=(11, 0.5 * count + 1.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    best = max(each["bits_per_measurement"] for each in strategies)
    values = [each["bits_per_measurement"] for each in strategies]
    for place, each in enumerate(strategies):
        first = each["bits_per_measurement"] >= best * (1 - 1e-9)
        left.plot(each["bits_per_measurement"], place, "o", color=GREEN if first else BLUE, markersize=7)
        names = each["members"]
        text = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} {noun}s"
        sets = f"{each['sets']} set" + ("s" if each["sets"] != 1 else "")
        _annotate(left, place, f"{text}: {each['bits_per_measurement']:.2f} bits ({sets})")
    kept, every = document["bits_of_kept"], document["bits_of_all"]
    drawn = next((row["closed_form_per_measurement"] for row in designs if row["name"] == "random"), None)
    references = ((kept, f"{len(document['keep'])} kept alone"), (every, f"all {noun}s"), (drawn, "random"))
    known = sorted((value, text) for value, text in references if value is not None and np.isfinite(value))
    values += [value for value, _ in known]
    line, before = 0, -np.inf
    for value, text in known:
        line = line + 1 if value - before < _APART * (max(values) - min(values)) else 0  # one below the other where they are near
        before = value
        left.axvline(value, color=GREY, linewidth=1, linestyle="--")
        side = "left" if value <= best else "right"  # of the text, away from the edge of the chart
        left.annotate(
            text,
            (value, 1),
            (3 if side == "left" else -3, -10 - 10 * line),
            xycoords=left.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=7.5,
            color="0.35",
        )
    _finish(left, [each["strategy"] for each in strategies], values, top=-1.3)
    left.set(xlabel=f"information, closed form ({document['unit']})", title=f"{document['choose']} {noun}s by each strategy")

    values = []
    for place, row in enumerate(designs):
        low, high = row["interval"]
        bounded = np.isfinite([low, high]).all()
        bars = [[row["information"] - low], [high - row["information"]]] if bounded else None
        color = GREEN if row["role"] == "design" else BLUE
        right.errorbar(row["information"], place, xerr=bars, fmt="o", color=color, capsize=3, markersize=6)
        values += [row["information"], *([low, high] if bounded else [])]
        if np.isfinite(row["closed_form"]):
            label = "closed form, Gaussian objects" if row is designs[0] else None
            right.plot(row["closed_form"], place, "|", color=GREY, markersize=12, label=label)
            values.append(row["closed_form"])
    _finish(right, [f"{row['name']} ({len(row['members'])} {noun}s)" for row in designs], values)
    right.set(
        xlabel=f"information, re-measured ({document['unit']})",
        title=f"fresh measurements of {document['n_measure']} other objects",
    )
    if right.get_legend_handles_labels()[0]:
        right.legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def _annotate(axes, place_of: float, text: str) -> None:
    place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "fontsize": 7.5}
    axes.annotate(text, (0, place_of), (6, 8), **place, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2})


def _finish(axes, names: list[str], values: list[float], top: float = -0.8) -> None:
    low, high = min(values), max(values)
    margin = _MARGIN * ((high - low) or abs(high) or 1.0)
    axes.set(ylim=(len(names) - 0.5, top), xlim=(low - margin, high + margin))
    axes.set_yticks(range(len(names)), names)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

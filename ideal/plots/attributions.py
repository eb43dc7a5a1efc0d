"""Figures of attributions: the largest terms, and the interactions of all pairs."""

from typing import TYPE_CHECKING

import numpy as np

from ideal.plots.theme import Figure

if TYPE_CHECKING:
    from ideal.attribution.result import Attribution

_BARS = 20  # terms
_LABELLED = 40  # players whose names a heat map has room for
_COLORS = {"main": "#4c72b0", "synergy": "#2a9d5c", "redundancy": "#c8553d", "none": "#999999"}


def attribution_figure(result: "Attribution") -> Figure:
    """Return bars of the largest terms with their errors, and a heat map of single players and pairs.

    Args:
        result: of an attribution.

    """
    names, record = result.names, result.record
    terms = [term for term in result.terms if term.players][:_BARS]
    figure = Figure(figsize=(11, max(3.2, 0.26 * len(terms) + 1.4)), layout="constrained")
    bars, heat = figure.subplots(1, 2, width_ratios=(1.15, 1))
    place = np.arange(len(terms))[::-1]
    bars.barh(
        place,
        [term.coefficient for term in terms],
        xerr=[term.error or 0.0 for term in terms],
        color=[_COLORS[term.kind] for term in terms],
        ecolor="#333333",
    )
    bars.set_yticks(place, [_short(" + ".join(names[player] for player in term.players)) for term in terms])
    bars.axvline(0, color="#333333", linewidth=0.8)
    unit = f", {record['unit']}" if record["unit"] else ""
    bars.set_xlabel(f"{record['index']}{unit}")
    bars.set_title("largest terms", fontsize=10)
    for kind in dict.fromkeys(term.kind for term in terms):
        bars.bar(0, 0, color=_COLORS[kind], label=kind)
    if terms:
        bars.legend(frameon=False, fontsize=8)
    matrix = result.matrix()
    largest = np.abs(matrix).max(initial=0.0) or 1.0
    drawn = heat.imshow(matrix, cmap="RdBu_r", vmin=-largest, vmax=largest)
    figure.colorbar(drawn, ax=heat, shrink=0.8, label=f"{record['index']}{unit}")
    if len(names) <= _LABELLED:
        size = 8 if len(names) <= 20 else 6
        heat.set_xticks(np.arange(len(names)), [_short(name, 10) for name in names], rotation=90, fontsize=size)
        heat.set_yticks(np.arange(len(names)), [_short(name, 10) for name in names], fontsize=size)
    heat.set_title("pairs (single ones on the diagonal)", fontsize=10)
    figure.suptitle(_short(result.title, 110), fontsize=11)
    return figure


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

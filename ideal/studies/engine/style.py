"""How the figures of studies look, and how they are written: the same record gives the same bytes."""

import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from ideal._files import write_whole
from ideal.plots import palette
from ideal.plots.palette import COLORS
from ideal.studies.engine.contract import Study

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDTH = 7.0  # inches: two columns of a journal
SMALL = 6.5  # points: the smallest type in a figure
FILTERS = {name[0].upper(): palette.FILTERS[name] for name in ("red", "green", "blue", "white")}
_DOTS = 300
_LETTER = (-16, 6)  # points from the upper left corner of a panel: on the line of its title, left of it

# Place among colors and markers of what stands in several figures, and looks the same in each.
_KNOWN = {"ideal": 1, "ideal, color": 1, "ideal, total": 4, "end to end": 3, "no filters": 7}

STYLE: "dict[RcKeyType, Any]" = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": cycler(color=COLORS),
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "errorbar.capsize": 0,
    "figure.dpi": 150,
    "svg.fonttype": "path",
}


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of this size in inches, whose parts make room for each other."""
    return Figure(figsize=(width, height), layout="constrained")


def name_panel(axes: Axes, letter: str, title: str = "") -> None:
    """Write the letter of a panel in bold at the same place in all figures, and its title beside it."""
    axes.set_title(title)
    axes.annotate(
        letter, (0, 1), _LETTER, xycoords="axes fraction", textcoords="offset points", fontsize=9, fontweight="bold", ha="left"
    )


def looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return color and marker for each name: those known to several figures keep theirs, others take what is left in order."""
    names = list(names)
    places = {name: _KNOWN[name.lower()] for name in names if name.lower() in _KNOWN}
    left = [place for place in (0, 2, 3, 5, 4, 6, 7, 1) if place not in places.values()]
    places |= dict(zip((name for name in names if name not in places), left, strict=False))
    return {name: (COLORS[places[name]], MARKERS[places[name]]) for name in names}


def sizes(levels: Iterable[float]) -> dict[float, float]:
    """Return the size of a marker for each level of light, from the least to the most."""
    levels = sorted(set(levels))
    return {level: 3.8 + 3.4 * place / max(len(levels) - 1, 1) for place, level in enumerate(levels)}


def mark_decades(axes: Axes) -> None:
    """Write as many plain numbers along a logarithmic axis as stand clear of each other."""
    low, high = axes.get_xlim()
    span = high / low
    shares = (1, 2, 3, 5) if span < 8 else (1, 2, 5) if span < 80 else (1, 3) if span < 1000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    ticks = [each for power in powers for share in shares if low <= (each := share * 10.0**power) <= high]
    axes.set_xticks(ticks, [f"{each:g}" for each in ticks])
    axes.minorticks_off()


def in_words(value: float | None, interval: Iterable[float] | None, digits: int = 2) -> str:
    """Return a value with its interval, where it has them, with true minus signs."""
    if value is None or math.isnan(value):
        return "not known"
    bounds = " to ".join(f"{each:.{digits}f}" for each in interval or ())
    return (f"{value:.{digits}f}" + (f" ({bounds})" if bounds else "")).replace("-", "\N{MINUS SIGN}")


def write_figure(study: Study, record: Mapping[str, Any], folder: Path) -> list[str]:
    """Draw a record and write figure.png and figure.svg; return their names.

    Args:
        study: whose record it is.
        record: as `run.json` holds it.
        folder: to write to.

    """
    names = []
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": study.name}):
        figure = study.draw(record)
        for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            content = io.BytesIO()
            figure.savefig(content, format=suffix, dpi=_DOTS, metadata=metadata)
            names.append(f"figure.{suffix}")
            write_whole(folder / names[-1], content.getvalue())
    return names

"""How the figures of studies look, and how they are written: the same record gives the same bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ideal.reproduce._contract import Study

# Okabe and Ito (2008): told apart by colour-blind readers, and in grey by their order of brightness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8a8a8a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDTH = 7.0  # inches: two columns of a journal
_DOTS = 300

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
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
            partial, name = folder / f"figure.partial.{suffix}", f"figure.{suffix}"
            figure.savefig(partial, dpi=_DOTS, metadata=metadata)
            partial.replace(folder / name)
            names.append(name)
    return names

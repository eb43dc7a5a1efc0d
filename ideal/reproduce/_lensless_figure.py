"""Figure of the study of lensless cameras: point spread functions, and information against what decoders achieve."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ideal.reproduce.style import COLOURS, MARKERS, new_figure


def draw(record: Mapping[str, Any]) -> Figure:
    """Return the figure of a record."""
    curves, rows = record["curves"], record["rows"]
    labels = list(curves["names"].values())
    looks = {label: (COLOURS[number], MARKERS[number]) for number, label in enumerate(labels)}
    panels = [
        ("information", "bits_per_pixel", "psnr", "db", "information (bits/pixel)", "PSNR of the scene (dB)"),
        (
            "classified_information",
            "bits_per_pixel",
            "accuracy",
            "",
            "information (bits/pixel), captures of digits",
            "accuracy of the classifier (%)",
        ),
    ]
    panels = [panel for panel in panels if all(row[_key(panel[2], panel[3])] is not None for row in rows)]
    figure = new_figure(5.0)
    above, below = figure.subfigures(2, 1, height_ratios=(1.25, 2.6))
    _draw_functions(above, curves, looks)
    for letter, axes, panel in zip("bc", np.atleast_1d(below.subplots(1, len(panels))), panels, strict=False):
        _draw_panel(axes, rows, looks, panel)
        axes.set_title(f"{letter}  {_title(record, panel[2])}")
    return figure


def _key(name: str, unit: str) -> str:
    return f"{name}_{unit}" if unit else name


def _title(record: Mapping[str, Any], quality: str) -> str:
    words = "PSNR" if quality == "psnr" else quality
    name = f"Spearman, information with {words}, all cameras and lights"
    found = next(each for each in record["statistics"] if each["name"] == name)
    low, high = found["interval"]
    return f"rank correlation {found['value']:.2f} ({low:.2f} to {high:.2f})"


def _draw_functions(figure, curves: Mapping[str, Any], looks) -> None:
    axes = figure.subplots(1, len(curves["names"]))
    for one, (name, label) in zip(axes, curves["names"].items(), strict=True):
        psf = np.array(curves["functions"][name])
        one.imshow(psf, cmap="gray_r", norm=PowerNorm(0.5, 0, psf.max()), interpolation="nearest")
        one.set_title(label, color=looks[label][0], fontweight="bold", loc="center", fontsize=8)
        one.set_xlabel(f"peak {psf.max():.2g} %", fontsize=7)
        one.set_xticks([])
        one.set_yticks([])
        for side in one.spines.values():
            side.set(visible=True, color=looks[label][0], linewidth=1.2)
    rows, columns = np.shape(next(iter(curves["functions"].values())))
    axes[0].set_ylabel(f"a  {rows} x {columns} pixels")


def _draw_panel(axes, rows, looks, panel) -> None:
    information, unit, quality, quality_unit, along, up = panel
    scale = 100 if quality == "accuracy" else 1
    for label, (colour, marker) in looks.items():
        own = sorted((row for row in rows if row["system"] == label), key=lambda row: row["photons"])
        x, y = (np.array([row[key] for row in own]) for key in (_key(information, unit), _key(quality, quality_unit)))
        bars = [
            np.abs(np.array([[row[f"{name}_low"], row[f"{name}_high"]] for row in own]).T - middle)
            for name, middle in ((information, x), (quality, y))
        ]
        axes.errorbar(x, scale * y, scale * bars[1], bars[0], color=colour, marker=marker, elinewidth=0.7, label=label)
        if label == list(looks)[-1]:
            for row, each, height in zip(own, x, scale * y, strict=True):
                light = row["photons" if quality == "psnr" else "classified_photons"]
                side = {"xytext": (-5, 3), "ha": "right"} if quality == "psnr" else {"xytext": (3, -9), "ha": "left"}
                axes.annotate(f"{light:g}", (each, height), textcoords="offset points", fontsize=6, color=colour, **side)
    axes.set(xlabel=along, ylabel=up, xscale="log")
    ticks = [
        tick for tick in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.25, linewidth=0.5)
    if quality == "psnr":
        axes.legend(loc="upper left", title="photons a pixel along each\nline as written at IDEAL", title_fontsize=6)

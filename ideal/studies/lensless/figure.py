"""Figure of the study of lensless cameras: point spread functions, and information against what decoders achieve."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ideal.studies.engine.style import in_words, looks, mark_decades, name_panel, new_figure, sizes

# columns of information and quality, the column of the light, unit of the quality, and labels
_PANELS = (
    ("information", "psnr", "photons", "db", "information in captures of scenes (bits/pixel)", "PSNR of the scene (dB)"),
    (
        "classified_information",
        "accuracy",
        "classified_photons",
        "",
        "information in captures of digits (bits/pixel)",
        "accuracy of the classifier (%)",
    ),
)


def draw(record: Mapping[str, Any]) -> Figure:
    """Return the figure of a record."""
    curves, rows = record["curves"], record["rows"]
    look = looks(curves["names"].values())
    panels = [panel for panel in _PANELS if all(row[_key(panel[1], panel[3])] is not None for row in rows)]
    figure = new_figure(5.2)
    (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.35, 2.6))
    _draw_functions(above, curves, look)
    for letter, axes, panel in zip("bc", np.atleast_1d(below.subplots(1, len(panels))), panels, strict=False):
        _draw_panel(axes, rows, look, panel)
        name_panel(axes, letter, _title(record, panel[1]))
    _light_legend(below, rows, panels)
    return figure


def _key(name: str, unit: str) -> str:
    return f"{name}_{unit}" if unit else name


def _title(record: Mapping[str, Any], quality: str) -> str:
    words = "PSNR" if quality == "psnr" else quality
    name = f"Spearman, information with {words}, all cameras and lights"
    found = next(each for each in record["statistics"] if each["name"] == name)
    return f"Spearman {in_words(found['value'], found['interval'])}"


def _draw_functions(figure, curves: Mapping[str, Any], look) -> None:
    axes = figure.subplots(1, len(curves["names"]))
    for one, (name, label) in zip(axes, curves["names"].items(), strict=True):
        psf = np.array(curves["functions"][name])
        one.imshow(psf, cmap="gray_r", norm=PowerNorm(0.5, 0, psf.max()), interpolation="nearest")
        one.set_xlabel(f"peak {psf.max():.2g} %", fontsize=7)
        one.set_xticks([])
        one.set_yticks([])
        for side in one.spines.values():
            side.set(visible=True, color=look[label][0], linewidth=1.2)
    name_panel(axes[0], "a")
    for one, label in zip(axes, curves["names"].values(), strict=True):
        one.set_title(label, color=look[label][0], fontweight="bold", loc="center", fontsize=8)
    rows, columns = np.shape(next(iter(curves["functions"].values())))
    figure.supxlabel(
        f"point spread functions, {rows} \N{MULTIPLICATION SIGN} {columns} pixels, grey by the square root; "
        "peak: share of the light in the brightest pixel",
        fontsize=7,
    )


def _draw_panel(axes, rows, look, panel) -> None:
    information, quality, light, quality_unit, along, up = panel
    scale = 100 if quality == "accuracy" else 1
    size = sizes(row[light] for row in rows)
    for number, (label, (color, marker)) in enumerate(look.items()):
        own = sorted((row for row in rows if row["system"] == label), key=lambda row: row["photons"])
        x, y = (np.array([row[key] for row in own]) for key in (f"{information}_bits_per_pixel", _key(quality, quality_unit)))
        bars = [_bars(own, name, middle) for name, middle in ((information, x), (quality, y))]
        axes.errorbar(x, scale * y, scale * bars[1], bars[0], color=color, elinewidth=0.7, zorder=2 + 0.1 * number)
        for each, height, row in zip(x, scale * y, own, strict=True):
            # A white rim keeps marks apart where two cameras do equally well.
            axes.plot(
                each,
                height,
                marker,
                color=color,
                markersize=size[row[light]],
                markeredgecolor="white",
                markeredgewidth=0.4,
                zorder=3 + 0.1 * number,
            )
        axes.plot([], [], color=color, marker=marker, label=label)
    axes.set(xlabel=along, ylabel=up, xscale="log")
    mark_decades(axes)
    axes.grid(alpha=0.25, linewidth=0.5)
    if quality == "psnr":
        axes.legend(loc="upper left")  # where a camera would decode well what its captures do not tell


def _bars(rows, name: str, middle: np.ndarray) -> np.ndarray:
    """Return how far intervals reach down and up; nothing where there is none (few sources)."""
    bounds = np.array([[row[f"{name}_{end}"] for end in ("low", "high")] for row in rows], float).T
    return np.nan_to_num(np.abs(bounds - middle))


def _light_legend(figure, rows, panels) -> None:
    """Say once which size of a mark is which light, for the panels together: their levels stand in the same order."""
    levels = [sorted({row[panel[2]] for row in rows}) for panel in panels]
    size = sizes(levels[0])
    handles = [figure.axes[0].plot([], [], "o", color="0.4", markersize=size[each])[0] for each in levels[0]]
    labels = [" | ".join(f"{each:g}" for each in level) for level in zip(*levels, strict=True)]
    title = "photons per pixel" + (" (b | c)" if len(panels) > 1 else "")
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), handletextpad=0.2, title=title, title_fontsize=7
    )

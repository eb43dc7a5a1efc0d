"""The figure of the radio study: information of arrays against the images made from their visibilities."""

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ideal.plots.palette import COLORS
from ideal.studies.engine.style import MARKERS, SMALL, WIDTH, in_words, name_panel, new_figure

_TITLES = {"black-hole-rings": "Rings with random texture", "black-holes": "Simulated black holes"}


def draw(record: Mapping[str, Any]) -> Figure:
    """Return a panel for each set of objects, with skies and images by the best and the worst array below it."""
    shown = record["curves"]["shown"]
    wide = len(shown) > 1
    figure = new_figure(5.0, WIDTH) if wide else new_figure(5.3, 3.6)
    parts = figure.subfigures(1, len(shown), squeeze=False)[0]
    for number, (objects, part) in enumerate(zip(shown, parts, strict=True)):
        rows = [row for row in record["rows"] if row["objects"] == objects]
        above, below = part.subfigures(2, 1, height_ratios=(2.4, 1.45))
        statistic = next(each for each in record["statistics"] if each["name"] == shown[objects]["statistic"])
        axes = above.subplots()
        _scatter(axes, rows, shown[objects], statistic)
        name_panel(axes, ascii_lowercase[number], _TITLES.get(objects, objects))
        _examples(below, shown[objects], rows, ascii_lowercase[len(shown) + number])
        if number == 0:
            handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2 if wide else 1, handletextpad=0.2)
    return figure


def _scatter(axes, rows, shown, statistic) -> None:
    ssim = f"{shown['decoder']}_ssim"
    for with_alma, color in ((True, COLORS[0]), (False, COLORS[1])):
        for whole, marker in ((True, MARKERS[0]), (False, MARKERS[2])):
            some = [row for row in rows if row["with_alma"] == with_alma and (row["baselines_that_see_the_source"] > 3) == whole]
            if not some:
                continue
            places = np.array([[row["information_bits"], row[ssim]] for row in some])
            bounds = np.array([[row[f"{ssim}_low"], row[f"{ssim}_high"]] for row in some], float)
            lengths = np.nan_to_num(np.abs(bounds - places[:, 1:]).T)  # no line where there is no interval
            axes.errorbar(*places.T, yerr=lengths, fmt="none", ecolor=color, alpha=0.25, linewidth=0.6)
            label = f"{'with' if with_alma else 'without'} ALMA, {'six' if whole else 'three or fewer'} baselines"
            axes.scatter(*places.T, s=16, color=color, marker=marker, linewidth=0.3, edgecolor="white", label=label, zorder=3)
    words = f"Spearman {in_words(statistic['value'], statistic['interval'])}\n{len(rows)} arrays"
    axes.text(0.97, 0.04, words, transform=axes.transAxes, fontsize=7, ha="right", va="bottom")
    axes.set_xlabel("information (bits per observation)")
    axes.set_ylabel(f"SSIM of the image\n({shown['name']})")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25, linewidth=0.5)
    middle = np.array([row[ssim] for row in rows])
    ends = [row[f"{ssim}_{end}"] for row in rows for end in ("low", "high") if row[f"{ssim}_{end}"] is not None]
    values = np.array([*ends, *middle])
    bottom, top = max(values.min(), middle.min() - 0.15), min(values.max(), middle.max() + 0.1)
    axes.set_ylim(bottom - 0.02, top + 0.02)
    best, worst = (each["array"] for each in shown["examples"])
    for row, what, shift in ((_by_name(rows, best), "best", (-4, 7)), (_by_name(rows, worst), "worst", (6, -8))):
        place = row["information_bits"], row[ssim]
        axes.annotate(what, place, shift, textcoords="offset points", fontsize=SMALL, ha="right" if what == "best" else "left")


def _by_name(rows, array: str) -> Mapping[str, Any]:
    return next(row for row in rows if row["array"] == array)


def _examples(part, shown, rows, letter: str) -> None:
    """Draw a sky, and the images of it that the best and the worst array give."""
    best, worst = shown["examples"]
    brightest = max(np.max(each) for each in (best["truth"], best["image"], worst["image"]))
    frames = part.subplots(1, 3)
    for axes, picture in zip(frames, (best["truth"], best["image"], worst["image"]), strict=True):
        axes.imshow(np.array(picture), cmap="inferno", vmin=0, vmax=brightest, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
    name_panel(frames[0], letter)
    frames[0].set_title("a sky", fontsize=SMALL)
    frames[0].set_xlabel("128 µas across", fontsize=SMALL)
    for axes, what, each in ((frames[1], "best", best), (frames[2], "worst", worst)):
        sites = each["array"].split()
        half = (len(sites) + 1) // 2
        axes.set_title(f"{what}: {', '.join(sites[:half])},\n{', '.join(sites[half:])}", fontsize=SMALL)
        row = _by_name(rows, each["array"])
        axes.set_xlabel(f"{row['information_bits']:.0f} bits, SSIM {row[shown['decoder'] + '_ssim']:.2f}", fontsize=SMALL)

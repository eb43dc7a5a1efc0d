"""The figure of a ranking, and what all figures share."""

import io
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np

os.environ.setdefault("MPLBACKEND", "Agg")

import matplotlib

matplotlib.use("Agg")
from matplotlib import font_manager
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from ideal._files import write_whole
from ideal.errors import FigureWarning
from ideal.text import plain_text

_BLUE, _GREY = "#1f5fa8", "#9a9a9a"
_LONGEST_NAME = 58
_MORE_FONTS = (  # for names in scripts that the usual font lacks
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "IPAGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
)


def draw_estimates(found: list, target: str | Path) -> None:
    """Draw a measurement of each set beside its information, the most informative first.

    Args:
        found: pairs of a measurement set and its estimate.
        target: .png, .svg or .pdf file; it appears whole or not at all.

    """
    found = sorted(found, key=lambda pair: -pair[1].information_bits_per_pixel)
    count = len(found)
    height = 1.25 * count + 0.9
    figure = Figure(figsize=(7.2, height), layout="constrained")
    grid = figure.add_gridspec(count, 2, width_ratios=[1, 3.6])
    axis = figure.add_subplot(grid[:, 1])
    names, plotted = _names([estimate.path for _, estimate in found]), []
    for row, (source, estimate) in enumerate(found):
        _draw_measurement(figure.add_subplot(grid[row, 0]), source, last=row == count - 1)
        others = [name for name in estimate.models if name not in estimate.model.split("/")]
        for name in others:
            value = estimate.bits_per_pixel(estimate.models[name].values.mean)
            plotted.append(value)
            axis.plot(
                value, row, "|", color=_GREY, markersize=9, label="other models" if row == 0 and name == others[0] else None
            )
        value, (low, high) = estimate.information_bits_per_pixel, estimate.interval
        bars = [[value - low], [high - value]] if np.isfinite([low, high]).all() else None
        plotted += [value, *(bound for bound in (low, high) if np.isfinite(bound))]
        label = f"chosen model, {100 * estimate.confidence:.6g} % interval" if row == 0 else None
        axis.errorbar(value, row, xerr=bars, fmt="o", color=_BLUE, capsize=4, markersize=6, label=label)
        place = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points", "fontsize": 9}
        axis.annotate(f"{names[estimate.path]}   {value:.3f}", (0, row), (4, 12), **place)
    axis.set_ylim(count - 0.5, -0.5)
    axis.set_yticks([])
    low, high = min(0.0, *plotted), max(0.0, *plotted)
    margin = 0.04 * ((high - low) or 1.0)
    axis.set_xlim(low - margin if low < 0 else 0.0, high + margin)
    axis.set_xlabel("information (bits per " + " or ".join(dict.fromkeys(each.pixel_name for _, each in found)) + ")")
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8, frameon=False)
    save_figure(figure, target)


def _draw_measurement(axis, source, *, last: bool) -> None:
    """Draw the middle sample: an image in grey or colour with its scale, or the amplitudes of visibilities."""
    middle = len(source) // 2
    values = source.read(middle, middle + 1)[0]
    if values.ndim == 1:
        axis.plot(np.abs(values), ".", color=_BLUE, markersize=3)
        axis.set_ylabel(f"|V| ({source.units})" if np.iscomplexobj(values) else source.units, fontsize=7)
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
    photons = source.calibration.converts or source.units == "photoelectrons"
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.05, pad=0.04)
    bar.ax.tick_params(labelsize=6, length=2)
    average = f", mean of {channels} channels" if channels not in (1, 3) else ""
    bar.set_label(("photoelectrons" if photons else source.units) + average, fontsize=6)


def _names(paths: list[str]) -> dict[str, str]:
    """Return what to call each file: its name alone where that tells them apart, without the middle of a long one."""
    bare = [Path(path).name for path in paths]
    shown = bare if len(set(bare)) == len(bare) else paths
    half = _LONGEST_NAME // 2
    return {
        path: name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
        for path, name in zip(paths, shown, strict=True)
    }


def write_plainly(figure: Figure) -> None:
    """Take all texts of a figure for plain ones: names of files are no mathematics, and hold letters that no font here draws."""
    lost: dict[str, None] = {}
    families = [*matplotlib.rcParams["font.sans-serif"][:1], *_other_fonts()]
    for text in figure.findobj(Text):
        said = "\n".join(map(plain_text, text.get_text().split("\n")))
        text.set_parse_math(False)
        if said.isascii():
            text.set_text(said)
            continue
        text.set_family(families)
        drawn = {code for family in families for code in _letters(family)}
        missing = [letter for letter in said if ord(letter) not in drawn and letter != "\n"]
        lost |= dict.fromkeys(missing)
        text.set_text("".join("?" if letter in missing else letter for letter in said))
    if lost:
        text = f"in the figure a ? stands for each of {''.join(lost)}: no font here has them, install one that does (Noto Sans)"
        warnings.warn(text, FigureWarning, stacklevel=2)


@cache
def _other_fonts() -> tuple[str, ...]:
    installed = {each.name for each in font_manager.fontManager.ttflist}
    return tuple(name for name in _MORE_FONTS if name in installed)


@cache
def _letters(family: str) -> frozenset[int]:
    """Return the codes of the letters that a font draws."""
    return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())


def save_figure(figure: Figure, target: str | Path) -> None:
    """Write a figure so that the file appears whole or not at all."""
    write_plainly(figure)
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    figure.savefig(content, format=target.suffix.lower().removeprefix("."), dpi=200)
    write_whole(target, content.getvalue())

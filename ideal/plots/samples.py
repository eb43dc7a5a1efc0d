"""The figure of `ideal sample`: drawn measurements side by side, in one scale."""

from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ideal.plots.palette import BLUE, GREY
from ideal.plots.theme import Figure, save_figure

_MOST = 64  # pictures in a figure
_WIDTH = 4.6  # inches of the grid
_GAP = 0.06  # between pictures, in pictures
_LABEL = 8
_BEYOND = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}  # the color bar's scale


def draw_samples(drawn: np.ndarray, units: str, target: str | Path) -> None:
    """Draw measurements: images in a grid in one grey scale, vectors as lines, visibilities in the complex plane.

    Args:
        drawn: (sample, row, column[, channel]), (sample, value), or complex (sample, visibility).
        units: of the values.
        target: .png, .svg or .pdf file; it appears whole or not at all.

    """
    if drawn.ndim > 2:
        figure = _images(drawn[:_MOST], units)
    else:
        figure = _visibilities(drawn, units) if np.iscomplexobj(drawn) else _vectors(drawn, units)
    save_figure(figure, target)


def _images(drawn: np.ndarray, units: str):
    channels = drawn.shape[3] if drawn.ndim == 4 else 1
    low, high = np.percentile(drawn, [0.5, 99.5])
    scale = Normalize(float(low), float(high if high > low else low + 1.0))
    if channels not in (1, 3):  # side by side, the first on the left
        drawn = np.concatenate(np.moveaxis(drawn, -1, 0), axis=2)
    rows, columns = _grid(len(drawn), drawn.shape[1] / drawn.shape[2])
    aspect = drawn.shape[1] / drawn.shape[2]
    across, down = columns + (columns - 1) * _GAP, rows * aspect + (rows - 1) * _GAP
    unit = _WIDTH / max(across, down)
    pad, side = 0.08, 0.85
    width, height = unit * across + pad + side, unit * down + 2 * pad
    figure = Figure(figsize=(width, max(height, 1.2)))
    height = max(height, 1.2)
    top = (height + unit * down) / 2
    for place, image in enumerate(drawn):
        row, column = divmod(place, columns)
        left, bottom = pad + column * unit * (1 + _GAP), top - row * unit * (aspect + _GAP) - unit * aspect
        axis = figure.add_axes((left / width, bottom / height, unit / width, unit * aspect / height))
        shown = np.clip(scale(image), 0, 1) if channels == 3 else np.squeeze(image)
        axis.imshow(shown, cmap="gray", norm=None if channels == 3 else scale, interpolation="nearest", aspect="auto")
        axis.set_axis_off()
    tall = min(unit * down, 2.6)
    left = pad + unit * across + 0.12
    bar_axis = figure.add_axes((left / width, (height - tall) / 2 / height, 0.11 / width, tall / height))
    beyond = _BEYOND[bool(low > drawn.min()), bool(high < drawn.max())]
    bar = figure.colorbar(ScalarMappable(scale, "gray"), cax=bar_axis, extend=beyond, extendfrac=0.03)
    bar.ax.tick_params(labelsize=_LABEL - 1, length=2)
    bar.outline.set_linewidth(0.5)
    note = {1: "", 3: ", each of three channels"}.get(channels, f", {channels} channels from left to right")
    bar.set_label(units + note, fontsize=_LABEL)
    return figure


def _grid(count: int, aspect: float) -> tuple[int, int]:
    """Return rows and columns of a grid that holds so many pictures and is as square as can be."""

    def badness(columns: int) -> tuple[float, int]:
        rows = -(-count // columns)
        shape = rows * aspect / columns
        return max(shape, 1 / shape) * (1 + 0.5 * (rows * columns - count) / count), columns

    columns = min(range(1, count + 1), key=badness)
    return -(-count // columns), columns


def _plain(figure, xlabel: str, ylabel: str):
    axis = figure.add_subplot()
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(labelsize=_LABEL - 1)
    axis.set_xlabel(xlabel, fontsize=_LABEL)
    axis.set_ylabel(ylabel, fontsize=_LABEL)
    return axis


def _vectors(drawn: np.ndarray, units: str):
    figure = Figure(figsize=(4.8, 2.8), layout="constrained")
    axis = _plain(figure, "value", units)
    axis.plot(drawn[:_MOST].T, color=GREY, linewidth=0.6, alpha=0.6)
    axis.plot(drawn[0], color=BLUE, linewidth=1.2, label="the first")
    axis.plot(drawn.mean(0), color="black", linewidth=1.2, linestyle="--", label=f"mean of {len(drawn)}")
    axis.margins(x=0)
    axis.legend(fontsize=_LABEL - 1, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def _visibilities(drawn: np.ndarray, units: str):
    """Real against imaginary part of every visibility, by a color for each."""
    figure = Figure(figsize=(4.0, 3.4), layout="constrained")
    axis = _plain(figure, f"real part ({units})", f"imaginary part ({units})")
    number = np.broadcast_to(np.arange(drawn.shape[1]), drawn.shape)
    points = axis.scatter(drawn.real, drawn.imag, c=number, cmap="viridis", s=6, linewidths=0, alpha=0.8)
    axis.set_aspect("equal", adjustable="datalim")
    axis.axhline(0, color="#dddddd", linewidth=0.6, zorder=0)
    axis.axvline(0, color="#dddddd", linewidth=0.6, zorder=0)
    bar = figure.colorbar(points, ax=axis, fraction=0.045, pad=0.03)
    assert bar.solids is not None  # which only a bar of mere contours lacks
    bar.solids.set_alpha(1)
    bar.ax.tick_params(labelsize=_LABEL - 1, length=2)
    bar.set_label("visibility", fontsize=_LABEL)
    return figure

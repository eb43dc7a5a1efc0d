"""The figure of `ideal data show`: objects side by side, in one scale."""

import re
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable

from ideal.datasets import Objects
from ideal.imaging import Scene
from ideal.plots.palette import BLUE, GREY
from ideal.plots.samples import _grid, _plain
from ideal.plots.theme import Figure, save_figure

_MOST = 64  # objects in a figure
_WIDTH = 4.6  # inches of a grid
_SMALL = 7
_NEGLIGIBLE = 4e-3  # of the other part of a transmission: noise of what is as good as none
_LETTER = 0.6 / 72  # inches of width of a letter and point of its size
_MOST_LINES = 3  # of a title
_GAMMA = 1 / 2.2  # light is drawn as a screen shows it, or the dark half of a picture could not be seen


def draw_objects(objects: Objects, scene: Scene, classes: tuple[str, ...], target: str | Path) -> None:
    """Draw objects: light in grey or color, transmissions as absorption and phase, skies with east left, vectors as lines.

    Args:
        objects: some.
        scene: that they were made for.
        classes: names of their labels, where labels are classes.
        target: .png, .svg or .pdf file; it appears whole or not at all.

    """
    scenes = objects.scenes[:_MOST]
    titles = _titles(objects.labels, classes, len(scenes))
    if scenes.ndim == 2:
        figure = _vectors(scenes)
    elif scene.kind == "transmission":
        figure = _transmissions(scenes, titles)
    elif scene.kind == "sky":
        figure = _skies(scenes, titles, scene)
    else:
        figure = _light(scenes, titles)
    save_figure(figure, target)


def _titles(labels: np.ndarray | None, classes: tuple[str, ...], count: int) -> list[str]:
    if labels is None:
        return [""] * count
    return [classes[int(label)] if classes else f"{label:.3g}" for label in labels[:count]]


def _light(scenes: np.ndarray, titles: list[str]):
    from matplotlib.colors import PowerNorm

    channels = scenes.shape[3] if scenes.ndim == 4 else 1
    if channels not in (1, 3):
        scenes = scenes.sum(-1)
    top = float(np.percentile(scenes, 99.9)) or 1.0
    scale = PowerNorm(_GAMMA, 0.0, top)
    figure, [(axes, bar)], _ = _panels(1, scenes.shape[1:3], titles)
    for axis, picture in zip(axes, scenes, strict=True):
        shown = np.clip(scale(picture), 0, 1) if channels == 3 else np.squeeze(picture)
        axis.imshow(shown, cmap="gray", norm=None if channels == 3 else scale, interpolation="nearest")
    note = {1: "", 3: ", each channel"}.get(channels, f", sum of {channels} channels")
    _bar(bar, ScalarMappable(scale, "gray"), f"light (relative{note})", _round_ticks(scale))
    return figure


def _round_ticks(scale) -> list[float]:
    """Return round numbers that lie well apart on a scale that is not even."""
    decade = int(np.floor(np.log10(scale.vmax)))
    ticks: list[float] = []
    for value in sorted((digit * 10.0**power for power in range(decade - 3, decade + 1) for digit in (1, 2, 5)), reverse=True):
        last = float(scale(ticks[-1])) if ticks else 1.15
        if value <= scale.vmax and 0.12 < float(scale(value)) < last - 0.12:
            ticks.append(value)
    return [*ticks, 0.0]


def _transmissions(scenes: np.ndarray, titles: list[str]):
    from matplotlib.colors import Normalize

    parts = [("absorption (−ln of the amplitude)", scenes[..., 0], "gray_r"), ("phase (rad)", scenes[..., 1], "viridis")]
    most = max(np.ptp(part[1]) for part in parts)
    parts = [part for part in parts if np.ptp(part[1]) > _NEGLIGIBLE * most] or parts[1:]
    figure, panels, _ = _panels(len(parts), scenes.shape[1:3], titles)
    for (label, pictures, colors), (axes, bar) in zip(parts, panels, strict=True):
        low, high = float(pictures.min()), float(pictures.max())
        scale = Normalize(low, high if high > low else low + 1.0)
        for axis, picture in zip(axes, pictures, strict=True):
            axis.imshow(picture, cmap=colors, norm=scale, interpolation="nearest")
        _bar(bar, ScalarMappable(scale, colors), label)
    return figure


def _skies(scenes: np.ndarray, titles: list[str], scene: Scene):
    from matplotlib.colors import Normalize

    pixel, unit = (scene.pixel, "µas") if scene.pixel is not None and scene.pixel_unit == "uas" else (1.0, "pixels")
    half = [0.5 * pixel * side for side in scene.shape[:2]]
    top = float(np.percentile(scenes, 99.95)) or 1.0
    scale = Normalize(0.0, top * 1e3)
    figure, [(axes, bar)], columns = _panels(1, scenes.shape[1:3], titles, framed=True)
    for number, (axis, picture) in enumerate(zip(axes, scenes, strict=True)):
        extent = (half[1], -half[1], -half[0], half[0])
        axis.imshow(1e3 * picture, cmap="afmhot", norm=scale, extent=extent, interpolation="nearest")
        axis.tick_params(labelsize=_SMALL - 1, length=2, labelleft=number % columns == 0)
        axis.tick_params(labelbottom=number // columns == (len(scenes) - 1) // columns)
        axis.locator_params(nbins=4)
    boxes = [axis.get_position() for axis in axes]
    (left, right), (low, high) = (
        (min(getattr(box, name + "0") for box in boxes), max(getattr(box, name + "1") for box in boxes)) for name in "xy"
    )
    width, height = figure.get_size_inches()
    name = {"fontsize": _SMALL + 1, "ha": "center", "va": "center"}
    figure.text((left + right) / 2, 0.12 / height, f"relative right ascension ({unit}), east to the left", **name)
    figure.text(0.14 / width, (low + high) / 2, f"relative declination ({unit})", rotation=90, **name)
    _bar(bar, ScalarMappable(scale, "afmhot"), "brightness (mJy/pixel)")
    return figure


def _panels(blocks: int, shape: tuple[int, ...], titles: list[str], *, framed: bool = False):
    """Place pictures in a grid that is nearly square, once or, side by side, for several blocks of them.

    Args:
        blocks: how many.
        shape: rows and columns of a picture.
        titles: of the pictures.
        framed: whether axes have numbers, and so need room on the left and below.

    Returns:
        The figure, and for every block its axes and an axis for its color bar; and the columns of the grid.

    """
    count, aspect = len(titles), shape[0] / shape[1]
    rows, columns = _grid(count, 1.05 * aspect)  # rather wide than high
    unit, gap = _WIDTH / max(columns, rows * aspect, 2), 0.12 if framed else 0.05
    points = min(_SMALL, max(4.5, 9.5 * unit))
    titles = [_wrapped(text, int(unit / (_LETTER * points))) for text in titles]
    lines = max(text.count("\n") + 1 for text in titles)
    title = 0.07 + 0.12 * lines * points / _SMALL if any(titles) else 0.0
    left, below, above, beside = (0.72, 0.5, 0.08, 0.9) if framed else (0.06, 0.06, 0.06, 0.9)
    across = columns * unit + (columns - 1) * gap
    down = rows * (unit * aspect + title) + (rows - 1) * gap
    width, height = left + blocks * (across + beside), max(down + below + above, 1.7)
    figure, panels = Figure(figsize=(width, height)), []
    for block in range(blocks):
        start, axes = left + block * (across + beside), []
        for number, text in enumerate(titles):
            row, column = divmod(number, columns)
            x = start + column * (unit + gap)
            y = height - above - row * (unit * aspect + title + gap) - title - unit * aspect
            axis = figure.add_axes((x / width, y / height, unit / width, unit * aspect / height))
            axis.set_title(text, fontsize=points, pad=2, linespacing=1.1)
            if not framed:
                axis.set_xticks([])
                axis.set_yticks([])
            for side in axis.spines.values():
                side.set_linewidth(0.4)
            axes.append(axis)
        tall = max(min(down, 2.8), 1.2)
        middle = (below + height - above) / 2
        bar = figure.add_axes(((start + across + 0.1) / width, (middle - tall / 2) / height, 0.11 / width, tall / height))
        panels.append((axes, bar))
    return figure, panels, columns


def _wrapped(text: str, width: int) -> str:
    """Return a name on as many lines as it needs, broken after spaces, hyphens and underscores where it has them.

    Args:
        text: the name.
        width: letters of a line.

    """
    lines = [""]
    for part in re.findall(r"[^ _-]*[ _-]?", text):
        if len(lines[-1]) + len(part.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [lines[_MOST_LINES - 1][: width - 1] + "…"]
    return "\n".join(line.rstrip() for line in lines)


def _bar(axis, image: ScalarMappable, label: str, ticks: list[float] | None = None) -> None:
    bar = axis.figure.colorbar(image, cax=axis, ticks=ticks, format="%.2g" if ticks else None)
    axis.minorticks_off()
    axis.tick_params(labelsize=_SMALL, length=2)
    bar.outline.set_linewidth(0.5)
    bar.set_label(label, fontsize=_SMALL + 1)


def _vectors(scenes: np.ndarray):
    figure = Figure(figsize=(4.8, 2.8), layout="constrained")
    axis = _plain(figure, "position (value)", "light (relative)")
    axis.plot(scenes.T, color=GREY, linewidth=0.6, alpha=0.6)
    axis.plot(scenes[0], color=BLUE, linewidth=1.2, label="the first")
    axis.margins(x=0)
    axis.legend(fontsize=_SMALL, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure

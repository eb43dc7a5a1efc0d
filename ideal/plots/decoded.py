"""The figure of `ideal decode`: test scenes beside what was measured of them and what a decoder makes of it."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from ideal.plots.palette import BLUE, COLORS, GREY
from ideal.plots.theme import Figure

if TYPE_CHECKING:
    from ideal.decoders.results import Decoding, Pictures

_WIDTH, _HEIGHT = 2.5, 1.9  # inches of a panel
_SMALL = 7


def draw_decoding(found: "Decoding") -> Figure:
    """Draw each of some test scenes, what was measured of it, and its estimate; scene and estimate have one scale.

    A frame in the scene shows the part that is estimated, where that is not all of it.

    Args:
        found: a result with pictures.

    """
    rows = len(found.pictures)
    figure = Figure(figsize=(_WIDTH * 3, _HEIGHT * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    for row, each in zip(axes, found.pictures, strict=True):
        _draw_row(row, each, found)
    titles = ("scene", "measurement", "estimate, of the frame" if found.region else "estimate")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=_SMALL + 2)
    value = found.psnr
    figure.suptitle(f"{found.objects} through {found.system}: decoder {found.decoder}, {value.value:.2f} dB", fontsize=_SMALL + 2)
    return figure


def _draw_row(axes, each: "Pictures", found: "Decoding") -> None:
    first, second, third = axes
    if each.scene.ndim == 1:
        start, stop = found.region[0] if found.region else (0, len(each.scene))
        for axis, values, place in ((first, each.scene, 0), (third, each.estimate, start)):
            axis.plot(np.arange(len(values)) + place, values, color=BLUE, linewidth=1)
            _plain(axis, "value", found.unit)
        third.plot(np.arange(start, stop), each.scene[start:stop], color=GREY, linewidth=0.8, zorder=0)
        both = np.concatenate([each.scene, each.estimate])
        for axis in (first, third):
            axis.set_ylim(*_limits(both, 0.05))
    else:
        scene, estimate, note = _shown(each, found)
        scale = Normalize(*_limits(scene[(*(slice(*part) for part in found.region),)]))
        colors = {"sky": "afmhot", "transmission": "viridis"}.get(found.scene_kind, "gray")
        for axis, picture in ((first, scene), (third, estimate)):
            _draw_image(axis, picture, scale, colors, found.unit + note)
        if found.region:
            (top, bottom), (left, right) = found.region
            corner = (left - 0.5, top - 0.5)
            first.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=COLORS[1], linewidth=1))
    _draw_measurement(second, each.measurement, found.measurement_unit)


def _shown(each: "Pictures", found: "Decoding") -> tuple[np.ndarray, np.ndarray, str]:
    """Return a scene and its estimate as images of one channel or of three, and what to say of that."""
    scene, estimate = each.scene, each.estimate
    if scene.ndim == 2 or scene.shape[2] == 3:
        return scene, estimate, ", each channel" if scene.ndim == 3 else ""
    if found.scene_kind == "transmission":
        channel = int(np.argmax(scene.std((0, 1))))
        return scene[..., channel], estimate[..., channel], f", {('absorption', 'phase')[channel]}"
    return scene.sum(-1), estimate.sum(-1), f", sum of {scene.shape[2]} channels"


def _draw_measurement(axis, values: np.ndarray, unit: str) -> None:
    if values.ndim == 1:
        is_complex = np.iscomplexobj(values)
        axis.plot(np.abs(values) if is_complex else values, "." if is_complex else "-", color=BLUE, markersize=1.5, linewidth=1)
        _plain(axis, "visibility" if is_complex else "value", f"amplitude ({unit})" if is_complex else unit)
        return
    values = np.abs(values) if np.iscomplexobj(values) else values
    note = f", mean of {values.shape[2]} channels" if values.ndim == 3 else ""
    values = values.mean(-1) if values.ndim == 3 else values
    _draw_image(axis, values, Normalize(*_limits(values)), "gray", unit + note)


def _draw_image(axis, values: np.ndarray, scale: Normalize, colors: str, label: str) -> None:
    shown = np.clip(scale(values), 0, 1) if values.ndim == 3 else values
    axis.imshow(shown, cmap=colors, norm=None if values.ndim == 3 else scale, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    bar = axis.figure.colorbar(ScalarMappable(scale, colors), ax=axis, fraction=0.05, pad=0.04)
    bar.ax.tick_params(labelsize=_SMALL - 1, length=2)
    bar.outline.set_linewidth(0.5)
    bar.set_label(label, fontsize=_SMALL)


def _plain(axis, across: str, up: str) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(labelsize=_SMALL - 1)
    axis.set_xlabel(across, fontsize=_SMALL)
    axis.set_ylabel(up, fontsize=_SMALL)
    axis.margins(x=0)


def _limits(values: np.ndarray, margin: float = 0.0) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    more = margin * (high - low)
    return low - more, (high if high > low else low + 1.0) + more

"""Figures of a camera: the photon transfer, and its maps as pictures."""

from typing import TYPE_CHECKING, Any

import matplotlib.figure
import numpy as np

from ideal.errors import UsageError
from ideal.plots.palette import BLUE, COLORS, GREY
from ideal.plots.theme import Figure

if TYPE_CHECKING:
    from ideal.cameras.camera import Camera

_UNITS = {"offset": "DN", "gain": "e-/DN", "read_noise": "e-", "dark_current": "e-/s"}
_TITLES = {"offset": "offset", "gain": "gain", "read_noise": "read noise", "dark_current": "dark current"}
_MARKS = {"flat": "o", "repeats": "s"}
_WORDS = {"flat": "flat fields", "repeats": "still scenes, by pixels' means"}
_MOST_MARKS = 20_000  # bad pixels that are drawn as points


def camera_figure(camera: "Camera", what: str = "transfer") -> Figure:
    """Return a figure of a camera.

    Args:
        camera: that was calibrated.
        what: "transfer" (variance against mean), "maps" (a picture of each), or "all".

    Raises:
        UsageError: there is no such figure, or the camera has no maps.

    """
    if what not in ("transfer", "maps", "all"):
        raise UsageError(f"there is no figure {what!r} of a camera; there are: transfer, maps, all")
    names = [name for name in (*_TITLES, "bad_pixels") if name in camera.maps]
    if what == "maps" and not names:
        raise UsageError("this camera has no maps: " + ("; ".join(camera.notes) or "its pixels are alike"))
    if what == "transfer" or not names:
        figure = Figure(figsize=(6.0, 4.4), layout="constrained")
        _draw_transfer(figure.subplots(), camera)
        return figure
    columns = 2 if len(names) == 4 else min(3, len(names))
    rows = -(-len(names) // columns)
    if what == "maps":
        figure = Figure(figsize=(3.3 * columns, 2.9 * rows), layout="constrained")
        _draw_maps(figure, camera, names, rows, columns)
        return figure
    figure = Figure(figsize=(max(6.4, 3.1 * columns), 4.2 + 2.8 * rows), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[4.2, 2.8 * rows])
    upper, lower = halves
    _draw_transfer(upper.subplots(), camera)
    _draw_maps(lower, camera, names, rows, columns)
    return figure


def _draw_transfer(axes, camera: "Camera") -> None:
    """Draw the temporal standard deviation against the mean, both logarithmic, with the fit and where it holds."""
    lit = [each for each in camera.levels if each["kind"] in _MARKS and each["mean"] > 0 and each["variance"] > 0]
    dark = [each["variance"] for each in camera.levels if each["kind"] == "dark" and each["variance"] > 0]
    for kind, mark in _MARKS.items():
        for used, color in ((True, BLUE), (False, GREY)):
            some = [each for each in lit if each["kind"] == kind and bool(each["used"]) is used]
            if some:
                label = _WORDS[kind] + ("" if used else ", not in the fit")
                _draw_points(axes, some, mark, color, label)
    if camera.transfer is not None and lit:
        end = float(max([each["mean"] for each in lit if each["used"]] or [each["mean"] for each in lit]))
        first = float(min(each["mean"] for each in lit))
        slope, intercept = camera.transfer["slope"], camera.transfer["intercept"]
        least = min(first, _corner(slope, intercept) / 10)
        x = np.geomspace(least, max(each["mean"] for each in lit), 200)
        inside = x <= end
        line = np.sqrt(np.maximum(intercept + slope * x, 1e-12))
        label = f"fit: {float(camera.gain):.4g} e-/DN"
        axes.plot(x[inside], line[inside], color=COLORS[1], linewidth=1.4, label=label)
        if not inside.all():
            axes.plot(x[~inside], line[~inside], color=COLORS[1], linewidth=1, linestyle=":")
            axes.axvline(end, color=GREY, linewidth=0.8, linestyle=":", label="end of the fit")
    if dark:
        text = f"noise in the dark: {np.sqrt(np.mean(dark)):.3g} DN"
        axes.axhline(np.sqrt(np.mean(dark)), color=COLORS[2], linewidth=1, linestyle="--", label=text)
    if "saturation" in camera.quantities and "offset" in camera.quantities:
        end = camera.value("saturation") - camera.value("offset")
        axes.axvline(end, color=COLORS[3], linewidth=1, linestyle="--", label=f"saturation: {camera.value('saturation'):.4g} DN")
    axes.set(xscale="log", yscale="log", xlabel="mean above the dark (DN)", ylabel="temporal noise of a pixel (DN)")
    axes.set_title("Photon transfer", fontsize=10)
    axes.grid(True, which="major", linewidth=0.4, alpha=0.5)
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _draw_points(axes, some: list[Any], mark: str, color: str, label: str) -> None:
    mean = np.array([each["mean"] for each in some])
    noise = np.sqrt([each["variance"] for each in some])
    error = np.nan_to_num(np.array([each["error"] for each in some]), nan=0.0) / (2 * noise)
    axes.errorbar(mean, noise, yerr=error, fmt=mark, color=color, markersize=4, linewidth=0.8, label=label)


def _corner(slope: float, intercept: float) -> float:
    """Return the mean at which photon noise is as large as the noise in the dark."""
    return max(intercept / slope, 1e-3)


def _draw_maps(figure: matplotlib.figure.FigureBase, camera: "Camera", names: list[str], rows: int, columns: int) -> None:
    every = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes, name in zip(every, names, strict=False):
        axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
        axes.tick_params(labelsize=7)
        if name == "bad_pixels":
            _draw_bad(axes, camera)
            continue
        values = camera.maps[name]
        good = values[~camera.bad] if not camera.bad.all() else values
        low, high = np.percentile(good, [0.5, 99.5])
        picture = axes.imshow(values, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(_TITLES[name], fontsize=9)
        colorbar = figure.colorbar(picture, ax=axes, fraction=0.046, label=_UNITS[name])
        colorbar.ax.tick_params(labelsize=7)
    for axes in every[len(names) :]:
        axes.set_axis_off()


def _draw_bad(axes, camera: "Camera") -> None:
    from ideal.cameras.quantity import KINDS

    height, width = camera.shape
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    kinds = camera.maps["bad_pixels"]
    size = max(1.5, 400 / max(height, width))
    for (bit, word), mark, color in zip(KINDS.items(), ("^", "v", "o"), COLORS[1:4], strict=True):
        row, column = np.nonzero(kinds & bit)
        if len(row):
            text = f"{word}: {len(row)}"
            kept = slice(None, None, max(1, len(row) // _MOST_MARKS))
            axes.plot(column[kept], row[kept], mark, color=color, markersize=min(size, 4), label=text, markerfacecolor="none")
    axes.set_title("bad pixels", fontsize=9)
    axes.legend(fontsize=7, loc="upper right", framealpha=0.9)

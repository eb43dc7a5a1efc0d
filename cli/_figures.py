"""Figures of the command line."""

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("MPLBACKEND", "Agg")

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure

_BLUE, _GREY = "#1f5fa8", "#9a9a9a"


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
    for row, (source, estimate) in enumerate(found):
        _draw_measurement(figure.add_subplot(grid[row, 0]), source, last=row == count - 1)
        others = [name for name in estimate.models if name != estimate.model]
        for name in others:
            value = estimate.bits_per_pixel(estimate.models[name].values.mean)
            axis.plot(
                value, row, "|", color=_GREY, markersize=9, label="other models" if row == 0 and name == others[0] else None
            )
        value, (low, high) = estimate.information_bits_per_pixel, estimate.interval
        bars = [[value - low], [high - value]] if np.isfinite([low, high]).all() else None
        label = f"best bound, {100 * estimate.confidence:g} % interval" if row == 0 else None
        axis.errorbar(value, row, xerr=bars, fmt="o", color=_BLUE, capsize=4, markersize=6, label=label)
        name = Path(estimate.path).name
        axis.annotate(f"{name}   {value:.3f}", (value, row), (0, 9), textcoords="offset points", ha="center", fontsize=9)
    axis.set_ylim(count - 0.5, -0.5)
    axis.set_yticks([])
    values = [bound for _, estimate in found for bound in estimate.interval if np.isfinite(bound)]
    axis.set_xlim(min(0.0, *values) if values else None, None)
    axis.margins(x=0.12)
    axis.set_xlabel("information (bits per " + " or ".join(dict.fromkeys(each.pixel_name for _, each in found)) + ")")
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8, frameon=False)
    save_figure(figure, target)


def _draw_measurement(axis, source, *, last: bool) -> None:
    """Draw the middle sample: an image in grey with its scale, or the amplitudes of visibilities."""
    middle = len(source) // 2
    values = source.read(middle, middle + 1)[0]
    if values.ndim == 1:
        axis.plot(np.abs(values), ".", color=_BLUE, markersize=3)
        axis.set_ylabel(f"|V| ({source.units})" if np.iscomplexobj(values) else source.units, fontsize=7)
        if last:
            axis.set_xlabel("visibility" if np.iscomplexobj(values) else "value", fontsize=7)
        axis.tick_params(labelsize=6)
        return
    values = values.mean(-1) if values.ndim == 3 else values
    low, high = np.percentile(values, [0.5, 99.5])
    image = axis.imshow(values, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    photons = source.calibration.converts or source.units == "photoelectrons"
    bar = axis.figure.colorbar(image, ax=axis, fraction=0.05, pad=0.04)
    bar.ax.tick_params(labelsize=6, length=2)
    bar.set_label("photoelectrons" if photons else source.units, fontsize=6)


def save_figure(figure: Figure, target: str | Path) -> None:
    """Write a figure so that the file appears whole or not at all."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".partial-{os.getpid()}{target.suffix}")
    try:
        figure.savefig(partial, dpi=200)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)

"""A figure of one object as several designs measure it."""

from collections.abc import Mapping

import numpy as np

from ideal.measurements.measurement_set import MeasurementSet
from ideal.plots.palette import BLUE
from ideal.plots.theme import Figure


def measurement_figure(measured: Mapping[str, MeasurementSet], scene: np.ndarray) -> Figure:
    """Return an object and its measurement by each design, each image on a scale of its own.

    Args:
        measured: one measurement by each design's name.
        scene: the object, exposed: (row, column), with channels, or a vector.

    """
    figure = Figure(figsize=(2.9 * (1 + len(measured)), 2.9), layout="constrained")
    first, *others = np.ravel(figure.subplots(1, 1 + len(measured)))
    _draw_object(first, scene)
    for axes, (name, one) in zip(others, measured.items(), strict=True):
        axes.set_title(name, fontsize=9)
        _draw_values(axes, one.read(0, 1)[0], "photoelectrons" if one.calibration.converts else one.units)
    return figure


def _draw_object(axes, scene: np.ndarray) -> None:
    axes.set_title("the object", fontsize=9)
    if scene.ndim == 1:
        axes.plot(scene, color=BLUE, linewidth=1)
        axes.set(xlabel="value")
        return
    if scene.ndim == 3 and scene.shape[-1] == 3:
        top = float(np.percentile(scene, 99.5) or scene.max()) or 1.0  # nearly all of a scene may be black
        axes.imshow((np.clip(scene / top, 0, 1)) ** (1 / 2.2), interpolation="nearest")
    else:
        # Of a transmission the last channel is the phase, by which transparent objects are seen.
        axes.imshow(scene if scene.ndim == 2 else scene[..., -1], cmap="gray", interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_values(axes, values: np.ndarray, units: str) -> None:
    if values.ndim == 1:
        is_complex = np.iscomplexobj(values)
        axes.plot(np.abs(values), ".", markersize=1.5, color=BLUE)
        axes.set_xlabel("number of the visibility" if is_complex else "number of the value")
        axes.set_ylabel(f"amplitude ({units})" if is_complex else units)
        return
    image = axes.imshow(values if values.ndim == 2 else values.mean(-1), cmap="gray", interpolation="nearest")
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
    axes.figure.colorbar(image, ax=axes, fraction=0.046, label=units)

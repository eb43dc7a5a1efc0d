"""Measurements drawn from a model: their summary, and the files they go to."""

import io
import math
from typing import Protocol, cast

import numpy as np

from ideal._files import write_whole
from ideal._memory import check_memory
from ideal.density import Density
from ideal.errors import UsageError
from ideal.noise.members import noise_of_record


def draw(path: str, model: Density, count: int, seed: int, size: tuple[int, int] | None) -> np.ndarray:
    """Return measurements from a model, of a size in pixels or of that of the measurements it was fitted to.

    Args:
        path: what messages call the model.
        model: to draw from.
        count: of measurements.
        seed: the same one draws the same measurements.
        size: rows and columns; None for those of the measurements that the model was fitted to.

    Raises:
        UsageError: the model knows measurements of its own size alone.
        OutOfMemoryError: they do not fit into memory.

    """
    shape = tuple(model.shape) if size is None else (*size, *model.shape[2:])
    what = f"{count} measurements of {'x'.join(map(str, shape))} in double precision"
    check_memory(path, 8 * count * math.prod(map(int, shape)), what, "draw fewer (-n) or smaller ones (--size)")
    unscaled = noise_of_record((model.origin or {}).get("noise")).scale.inverse
    if size is None or (len(model.shape) > 1 and size == tuple(model.shape[:2])):
        return unscaled(model.sample(seed, count))
    anchors = [getattr(member, "anchor", None) for member in getattr(model, "members", (model,))]
    anywhere = model.name == "stationary" and model.noise is None
    if len(model.shape) == 1 or not (anywhere or all(anchor and anchor.stationary for anchor in anchors)):
        own = "x".join(map(str, model.shape[:2]))
        raise UsageError(f"{path}: the model {model.name} draws measurements of {own} only: leave out --size")
    return unscaled(cast(_OfAnySize, model).sample(seed, count, size))


class _OfAnySize(Protocol):
    """A density of pixels given those before them, which draws measurements of any size."""

    def sample(self, key: int, count: int, size: tuple[int, int], /) -> np.ndarray: ...


def facts_of(path: str, model: Density, drawn: np.ndarray) -> dict:
    """Return what was drawn from which model, as JSON types."""
    origin = model.origin or {}
    return {
        "path": path,
        "model": model.name,
        "fitted_to": origin.get("path"),
        "noise": origin.get("noise"),
        "shape": list(drawn.shape),
        "dtype": str(drawn.dtype),
        "units": origin.get("units", "units as fitted"),
        "mean": _number(drawn.mean()),
        "standard_deviation": float(drawn.std()),
        "min": None if np.iscomplexobj(drawn) else float(drawn.min()),
        "max": None if np.iscomplexobj(drawn) else float(drawn.max()),
    }


def lines_of(facts: dict) -> list[str]:
    """Return the summary as text."""
    known = f", fitted to {facts['fitted_to']}" if facts["fitted_to"] else ""
    mean = facts["mean"]
    mean = f"{mean[0]:.4g} {mean[1]:+.4g}i" if isinstance(mean, list) else f"{mean:.4g}"
    spread = f"mean {mean}, s.d. {facts['standard_deviation']:.4g} {facts['units']}"
    span = "" if facts["min"] is None else f", {facts['min']:.4g} to {facts['max']:.4g}"
    return [f"{facts['path']}: {facts['model']}{known}", f"{' x '.join(map(str, facts['shape']))} drawn: {spread}{span}"]


def write(target: str, drawn: np.ndarray, facts: dict, force: bool) -> None:
    """Write measurements to .npy, or to .h5 as a measurement file; it appears whole or not at all.

    Args:
        target: the file.
        drawn: the measurements.
        facts: of `facts_of`.
        force: whether a file of this name may be replaced.

    """
    if target.lower().endswith(".npy"):
        content = io.BytesIO()
        np.save(content, drawn)
        write_whole(target, content.getvalue())
        return
    from ideal.measurements.measurement_set import write_measurements

    kind = noise_of_record(facts["noise"])
    whole = kind.counts and not np.any(drawn % 1)  # the figures of other noise are not kept with a model
    description = f"drawn from the model {facts['model']} in {facts['path']}"
    write_measurements(
        target,
        drawn.astype(np.uint32) if whole else drawn,
        noise=facts["noise"] if whole else None,
        units=facts["units"] if "as fitted" not in facts["units"] else None,
        description=description,
        overwrite=force,
    )


def _number(value) -> float | list[float]:
    return [float(value.real), float(value.imag)] if np.iscomplexobj(value) else float(value)

"""What is in a measurement set, as JSON types and as text: shape, units, noise, values, and what looks wrong."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ideal.measurements.measurement_set import MeasurementSet
from ideal.text import aligned

# Attributes of files of which other lines tell.
_TOLD = ("NX_class", "axes", "signal", "format", "format_version", "noise", "sigma", "gain", "offset", "read_noise", "units")


def facts_of(measured: MeasurementSet) -> dict[str, Any]:
    """Return what is in a measurement set, as in the JSON of `ideal inspect`."""
    found = measured.inspect()
    warnings, findings = found.pop("warnings"), found.pop("findings")
    return {
        "path": measured.path,
        "shape": list(measured.shape),
        "axes": measured.axes,
        "dtype": str(measured.dtype),
        "units": measured.units,
        "units_assumed": measured.units_assumed and not measured.calibration.converts,
        "noise": measured.noise_name,
        "sigma": _sigma(measured),
        "gain": measured.gain,
        "offset": measured.offset,
        "read_noise": measured.read_noise,
        **({"noise_figures": dict(measured.calibration.figures)} if measured.calibration.figures else {}),
        **_covariance(measured.noise_covariance),
        "clean": measured.has_clean,
        "groups": measured.group_count if measured.has_groups else None,
        "labels": _classes(measured.labels),
        **found,
        **({"files": [str(each) for each in measured.files]} if measured.files else {}),
        "attributes": {name: _short(value) for name, value in measured.attributes.items()},
        "findings": [finding.to_record() for finding in findings],
        "warnings": warnings,
    }


def _covariance(matrix: np.ndarray | None) -> dict[str, Any]:
    """Return the covariance of coils' noise as JSON types, real and imaginary parts row by row; nothing where there is none."""
    return {} if matrix is None else {"noise_covariance": {"real": matrix.real.tolist(), "imag": matrix.imag.tolist()}}


def _classes(labels) -> int | None:
    """Return how many classes there are; NaN is none."""
    if labels is None:
        return None
    return int(np.unique(labels[np.isfinite(labels)] if labels.dtype.kind in "fc" else labels).size)


def _sigma(measured):
    if measured.sigma is None or np.ndim(measured.sigma) == 0:
        return measured.sigma
    return f"array of shape {tuple(np.shape(measured.sigma))}"


def _short(value):
    value = value.tolist() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray | list | tuple):
        array = np.asarray(value)
        return array.tolist() if array.size <= 12 else f"array of shape {array.shape}"
    return value if isinstance(value, bool | int | float | str | type(None)) else str(value)


def text_of(facts: Mapping[str, Any]) -> str:
    """Return the facts of a measurement set as lines of text."""
    units = "photoelectrons" if facts["mean_photon_count"] is not None else facts["units"]
    rows = {
        "file": facts["path"],
        "measurements": f"{' x '.join(map(str, facts['shape']))} {facts['dtype']}, units {facts['units']}"
        + " (taken as, none are named)" * facts["units_assumed"],
        "noise": _noise_text(facts),
        "values": _values_text(facts, units),
        "zeros, saturated": f"{facts['fraction_zero'] or 0:.2%}, {facts['fraction_saturated']:.2%}",
        "sources": f"{facts['groups']} groups" if facts["groups"] is not None else "no groups: each sample its own source",
        "clean means": "yes" if facts["clean"] else "no",
        "labels": f"{facts['labels']} classes" if facts["labels"] is not None else "no",
    }
    attributes = facts["attributes"].items()
    rows |= {name: str(value) for name, value in attributes if name not in (*_TOLD, *rows) and value != ""}
    return aligned(rows.items())


def _noise_text(facts: Mapping[str, Any]) -> str:
    text = facts["noise"] or "unknown (--noise)"
    if facts["sigma"] is not None:
        text += f", sigma {facts['sigma']}"
    if facts["gain"] != 1 or facts["offset"] != 0:
        text += f", gain {facts['gain']:g} e-/DN, offset {facts['offset']:g} DN"
    if facts["read_noise"]:
        text += f", read noise {facts['read_noise']:g} e-"
    for name, value in facts.get("noise_figures", {}).items():
        text += f", {name.replace('_', ' ')} {value:g}"
    return text


def _values_text(facts: Mapping[str, Any], units: str) -> str:
    if facts["mean"] is None:
        return "none is finite"
    spread = math.sqrt(facts["variance"])
    return f"{facts['min']:.4g} to {facts['max']:.4g}, mean {facts['mean']:.4g}, s.d. {spread:.4g} {units}"

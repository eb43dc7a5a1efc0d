"""What is in a measurement set, as JSON types: shape, units, noise, values, and what looks wrong."""

from typing import Any

import numpy as np

from ideal.measurements.measurement_set import MeasurementSet


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

"""Measure how much information an imaging system's raw measurements carry, and design it to carry more."""

from importlib import import_module

from ideal import _runtime

_runtime.configure()

_PUBLIC = {
    "choose": "optimize.runs:choose",
    "compare": "information:compare",
    "design": "optimize.runs:design",
    "estimate": "information:estimate",
    "estimate_files": "runs.estimation:estimate_files",
    "from_arrays": "measurements:from_arrays",
    "open": "measurements:open_measurements",
    "open_measurements": "measurements:open_measurements",
    "rank": "information:rank",
    "report": "reports:report",
    "simulate": "simulation:simulate",
    "write_measurements": "measurements:write_measurements",
    "MeasurementWriter": "measurements:MeasurementWriter",
}
_PACKAGES = ("datasets", "decoders", "density", "imaging", "information", "measurements", "noise", "optimize", "simulation")


def __getattr__(name: str):
    """Import what is public when it is first used, so that the command line's help need not wait for it."""
    if name in _PUBLIC:
        module, own_name = _PUBLIC[name].split(":")
        return getattr(import_module(f"ideal.{module}"), own_name)
    if name in _PACKAGES:
        return import_module(f"ideal.{name}")
    raise AttributeError(f"module 'ideal' has no attribute {name!r}")


__all__ = list(_PUBLIC)

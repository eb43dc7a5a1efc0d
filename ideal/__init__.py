"""Measure how much information an imaging system's raw measurements carry, and design it to carry more."""

from importlib import import_module

from ideal import _runtime

_runtime.configure()

_PUBLIC = {
    "compare": "information",
    "estimate": "information",
    "from_arrays": "measurements",
    "open_measurements": "measurements",
    "write_measurements": "measurements",
    "MeasurementWriter": "measurements",
}


def __getattr__(name: str):
    """Import what is public when it is first used, so that the command line's help need not wait for it."""
    if name in _PUBLIC:
        return getattr(import_module(f"ideal.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'ideal' has no attribute {name!r}")


__all__ = list(_PUBLIC)

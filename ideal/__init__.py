"""Measure how much information an imaging system's raw measurements carry, and design it to carry more."""

import lazy_loader

from ideal import _runtime

_runtime.configure()
# What is public stands in __init__.pyi; each name is imported when it is first used.
_attached, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str):
    """Import what is public when it is first used, so that nobody waits for what is not."""
    if name == "__version__":
        from importlib.metadata import version

        return version("ideal")
    if name == "open":  # a shorter name for what the stub calls open_measurements
        return _attached("open_measurements")
    return _attached(name)

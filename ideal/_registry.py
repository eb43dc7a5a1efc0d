"""Registries of named classes that are imported when they are asked for: a new one is one file and one line in a table."""

from collections.abc import Mapping
from importlib import import_module

from ideal.errors import UsageError, unknown_name

Registry = Mapping[str, tuple[str, str]]  # name -> (module, class)


def find_registered(registry: Registry, package: str, what: str, name: str) -> type:
    """Return the class of this name.

    Args:
        registry: names and where their classes stand.
        package: that holds the modules.
        what: how the message begins where there is none, as "no imaging system is called".
        name: looked for.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    if name not in registry:
        raise UsageError(unknown_name(what, name, registry))
    module, kind = registry[name]
    return getattr(import_module(f"{package}.{module}"), kind)

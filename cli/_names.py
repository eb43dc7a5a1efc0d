"""Names that the registries hold, for help texts and for shells that complete values; nothing heavy is imported for them."""

import warnings
from collections.abc import Callable
from importlib import import_module

import typer

NOISE = "ideal.noise.members:NOISE"
MODELS = "ideal.density.members:MODELS"
SYSTEMS = "ideal.imaging.systems:SYSTEMS"
OBJECTS = "ideal.datasets.members:OBJECTS"
DECODERS = "ideal.decoders.members:DECODERS"
STUDIES = "ideal.studies.members:STUDIES"
OBJECTIVES = "ideal.optimize.members:OBJECTIVES"
TARGETS = "ideal.optimize.members:TARGETS"
METHODS = "ideal.optimize.members:METHODS"
ATTRIBUTION_METHODS = "ideal.attribution.methods.members:METHODS"


def names_in(place: str, *more: str) -> Callable[[], list[str]]:
    """Return what gives the names in a registry, or another collection of them.

    Args:
        place: of the collection, as "module:NAME".
        more: names that stand beside those.

    """

    def names() -> list[str]:
        module, name = place.split(":")
        with warnings.catch_warnings(action="ignore"):  # a package that cannot be used is no matter of a shell
            return [*getattr(import_module(module), name), *more]

    return names


def designs_of(*more: str) -> Callable[[typer.Context], list[str]]:
    """Return what gives the named designs of the system in a command line, of all systems where none is named yet."""

    def names(ctx: typer.Context) -> list[str]:
        from ideal.imaging.systems import DESIGNS

        # Where an option still lacks its value, what stands before it has not been told apart yet.
        system = ctx.params.get("system") or ctx.params.get("name") or next(iter(ctx.args), None)
        found = DESIGNS.get(system, ()) if system else dict.fromkeys(name for each in DESIGNS.values() for name in each)
        return [*found, *more]

    return names

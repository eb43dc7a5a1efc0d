"""Imaging systems: what the light does between an object and the noiseless measurement."""

from ideal._registry import find_registered
from ideal.imaging._contract import (
    ImagingSystem,
    Params,
    PeriodicForm,
    Scene,
    check_settings,
    setting,
    settings_of,
)
from ideal.imaging.constraints import Bounded, Budget, Constraint, OneOf, Positive, UnitSum
from ideal.imaging.linear import LinearOperator

# name -> (module, class): a system is imported when it is asked for. A new one is one file and one line here.
SYSTEMS: dict[str, tuple[str, str]] = {
    "color-filter-array": ("color_filter_array", "ColorFilterArray"),
    "lensless": ("lensless", "MaskCamera"),
    "lensless-lenslets": ("lensless", "LensletCamera"),
    "lensless-phase": ("phase_mask", "PhaseMaskCamera"),
    "interferometer": ("interferometer", "Interferometer"),
    "led-microscope": ("led_microscope", "LedMicroscope"),
    "led-microscope-weak": ("weak_object", "WeakObjectMicroscope"),
    "diffraction-limited": ("diffraction_limited", "DiffractionLimited"),
}


def find_system(name: str) -> type[ImagingSystem]:
    """Return the class of a system.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return find_registered(SYSTEMS, "ideal.imaging", "no imaging system is called", name)


def make_system(name: str, **settings) -> ImagingSystem:
    """Return a system with these settings, the others at their defaults.

    Raises:
        UsageError: the system or a setting is not known, or a value has no meaning.

    """
    kind = find_system(name)
    return kind(**check_settings(kind, settings))


__all__ = [
    "SYSTEMS",
    "Bounded",
    "Budget",
    "Constraint",
    "ImagingSystem",
    "LinearOperator",
    "OneOf",
    "Params",
    "PeriodicForm",
    "Positive",
    "Scene",
    "UnitSum",
    "check_settings",
    "find_system",
    "make_system",
    "setting",
    "settings_of",
]

"""The imaging systems by name."""

from typing import TYPE_CHECKING

from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.imaging._contract import ImagingSystem

# A system is imported when it is asked for. A new one is one file and one line here.
SYSTEMS: Registry["ImagingSystem"] = Registry(
    "no imaging system is called",
    "ideal.systems",
    "ideal.imaging._contract:ImagingSystem",
    {
        "color-filter-array": "ideal.imaging.mosaic.color_filter_array:ColorFilterArray",
        "lensless": "ideal.imaging.lensless.cameras:MaskCamera",
        "lensless-lenslets": "ideal.imaging.lensless.cameras:LensletCamera",
        "lensless-phase": "ideal.imaging.lensless.phase_mask:PhaseMaskCamera",
        "interferometer": "ideal.imaging.interferometer.interferometer:Interferometer",
        "led-microscope": "ideal.imaging.microscope.led_microscope:LedMicroscope",
        "led-microscope-weak": "ideal.imaging.microscope.weak_object:WeakObjectMicroscope",
        "diffraction-limited": "ideal.imaging.diffraction_limited:DiffractionLimited",
    },
)


def find_system(name: str) -> "type[ImagingSystem]":
    """Return the class of a system.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return SYSTEMS.find(name)


def make_system(name: str, **settings) -> "ImagingSystem":
    """Return a system with these settings, the others at their defaults.

    Raises:
        UsageError: the system or a setting is not known, or a value has no meaning.

    """
    from ideal.imaging._contract import check_settings

    kind = find_system(name)
    return kind(**check_settings(kind, settings))

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

# Their named designs with settings as they are by default, so that a shell can complete them without a system being imported.
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LENSLETS = ("one-lens", *(f"{number}-lenslets" for number in _NUMBERS))
_LIGHTS = ("dpc-left", "dpc-right", "dpc-top", "dpc-bottom", "annular", "all", "random")
DESIGNS: dict[str, tuple[str, ...]] = {
    "color-filter-array": (
        *("bayer", "quad-bayer", "rgbw-bayer", "rgbw-kodak", "rgbw-sony", "rgbw-yamagami", "random", "white"),
        *("x-trans", "rgbw-sparse", "ryyb", "cygm"),  # with other settings
    ),
    "lensless": (*_LENSLETS, "multi-focal", "diffuser"),
    "lensless-lenslets": ("spread", "random", "multi-focal", *_LENSLETS),
    "lensless-phase": ("lens", "four-lenslets", "diffuser", "flat"),
    "interferometer": ("sites", "half", "random"),
    "led-microscope": ("brightfield", "single-led", "darkfield", *_LIGHTS),
    "led-microscope-weak": ("brightfield", "single-led", *_LIGHTS),
    "diffraction-limited": ("lens", "objective-4x", "objective-10x", "objective-20x", "objective-40x", "objective-60x"),
}


def find_system(name: str) -> "type[ImagingSystem]":
    """Return the class of a system.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return SYSTEMS.find(name)


def make_system(name: str, /, **settings) -> "ImagingSystem":
    """Return a system with these settings, as people wrote them, the others at their defaults.

    Raises:
        UsageError: the system or a setting is not known, or a value has no meaning.

    """
    from ideal.imaging._contract import check_settings

    kind = find_system(name)
    return kind(**check_settings(kind, settings))

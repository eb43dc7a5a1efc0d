"""What `[noise]` in a configuration and the options of the command line mean by noise."""

import math
from collections.abc import Mapping
from typing import Any

from ideal.errors import UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.custom.encoder import CallableSystem
from ideal.noise import NOISE, NoiseModel
from ideal.noise.members import figure_names, noises_of, noises_with, parse_noise


def check_table(table: Mapping[str, Any]) -> None:
    """Refuse a table `[noise]` with an unknown key or noise, or a value of no meaning.

    Raises:
        UsageError: there is one.

    """
    keys = ("noise", *figure_names()) if table else ()
    for key, value in table.items():
        if key not in keys:
            raise UsageError(unknown_name("[noise] has no key", key, keys))
        if key == "noise":
            NOISE.find(str(value))
            continue
        positive = all(_figure(name, key).positive for name in noises_with(key))
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (value <= 0 and positive):
            raise UsageError(f"[noise] {key} takes a {'positive ' if positive else ''}number; found {value!r}")
    name = table.get("noise")
    for key in table if name else ():
        if key != "noise" and _figure(name, key) is None:
            raise UsageError(f"[noise] {key} is no figure of {name} noise: leave it out, or name other noise")


def joined(table: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the command line over those of the table `[noise]`, whose figures go where other noise is named."""
    given = _apart(given)
    said, named = table.get("noise") or _implied(table), given.get("noise")
    related = named is None or said is None or _figures(said) == _figures(named)
    return {**(table if related else {}), **given}


def _apart(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with the figures that stand behind the name of the noise, as in speckle:looks=4, apart."""
    if given.get("noise") is None:
        return dict(given)
    name, figures = parse_noise(given["noise"])
    return {**figures, **given, "noise": name}


def _figure(noise: str, name: str):
    return next((each for each in NOISE.find(noise).figures if each.name == name), None)


def _figures(noise: str) -> list[str]:
    """Return the names of the figures of a noise; of one that is not known none of its own, for a later message."""
    return [each.name for each in NOISE[noise].figures] if noise in NOISE else [noise]


def _implied(figures: Mapping[str, Any]) -> str | None:
    """Return the name of the first noise that has all these figures; None without any."""
    given = [key for key in figures if key != "noise"]
    return next((name for name in NOISE if given and set(given) <= set(_figures(name))), None)


def with_own_noise(system: ImagingSystem, table: Mapping[str, Any]) -> ImagingSystem:
    """Return a complex encoder of the user's with the noise of the table `[noise]`, since it has none of its own."""
    if not (isinstance(system, CallableSystem) and system.complex_valued and "sigma" in table):
        return system
    return system.with_noise(noise_model(system, system.design(), table))


def noise_model(system: ImagingSystem, params: Params, options: Mapping[str, Any]) -> NoiseModel | None:
    """Return the noise that options name, or None for the system's own.

    Args:
        system: what measures.
        params: its design.
        options: any of noise and its figures, as sigma, gain, offset and read_noise.

    Raises:
        UsageError: an option is unknown, missing, or of no use to the noise.

    """
    options = _apart(options)
    for name in options:
        if name not in (keys := ("noise", *figure_names())):
            raise UsageError(unknown_name("[noise] has no key", name, keys))
    name = options.pop("noise", None)
    if name is None and not options:
        return None
    # A complex encoder of the user's has no noise of its own to be asked for.
    is_complex = isinstance(system, CallableSystem) and system.complex_valued
    own = NOISE[noises_of(is_complex=True)[0]] if is_complex else type(system.noise(params))
    kind = NOISE.find(name) if name else _told_by(options) or own
    if kind.is_complex != own.is_complex:
        raise UsageError(
            f"{system.name} measures {_values_of(system) if own.is_complex else 'real values'}: "
            f"noise {kind.name} does not suit, its own is {own.name}"
        )
    figures = {each.name: each for each in kind.figures}
    for option in options:
        if option not in figures:
            raise UsageError(
                f"--{option.replace('_', '-')} is no figure of {kind.name} noise: leave it out, or name the noise (--noise)"
            )
    for figure in kind.figures:
        if figure.needed and figure.name not in options:
            raise UsageError(f"{kind.name} noise needs {figure.option or kind.option(figure)}")
    return kind.from_settings(options)


def _told_by(options: Mapping[str, Any]) -> type[NoiseModel] | None:
    """Return the noise that alone needs one of these figures, as a camera its read noise; None where none tells."""
    for option in options:
        needing = [name for name in noises_with(option) if _figure(name, option).needed]
        if len(needing) == 1:
            return NOISE[needing[0]]
    return None


def _values_of(system: ImagingSystem) -> str:
    return "complex values" if isinstance(system, CallableSystem) else "complex visibilities"

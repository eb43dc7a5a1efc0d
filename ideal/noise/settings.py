"""Noise in words: what a table `[noise]`, the options of a command or the keywords of a call mean by it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ideal.errors import UsageError, unknown_name
from ideal.noise.members import NOISE, figure_names, noises_with, parse_noise

if TYPE_CHECKING:
    from ideal.noise.contract import Figure, NoiseModel


def check_noise_table(table: Mapping[str, Any]) -> None:
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
        positive = all(figure.positive for name in noises_with(key) if (figure := _figure(name, key)))
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (value <= 0 and positive):
            raise UsageError(f"[noise] {key} takes a {'positive ' if positive else ''}number; found {value!r}")
    name = table.get("noise")
    for key in table if name else ():
        if key != "noise" and _figure(str(name), key) is None:
            raise UsageError(f"[noise] {key} is no figure of {name} noise: leave it out, or name other noise")


def join_noise(table: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings over those of a table `[noise]`, whose figures go where other noise is named.

    Args:
        table: of a configuration; may be empty.
        given: noise and its figures by name; None for what nobody has said.

    """
    given = _apart({name: value for name, value in given.items() if value is not None})
    said, named = table.get("noise") or _implied(table), given.get("noise")
    related = named is None or said is None or _figures(said) == _figures(named)
    return {**(table if related else {}), **given}


def make_noise(settings: Mapping[str, Any], own: "type[NoiseModel]", measured: str) -> "NoiseModel | None":
    """Return the noise that settings name; None where they name none.

    Args:
        settings: any of noise and its figures, as sigma, gain, offset and read_noise.
        own: noise that the measurements have where no name is given and no figure tells which.
        measured: begins the message where they cannot have it, as "lensless measures real values".

    Raises:
        UsageError: a setting is unknown, missing, or of no use to the noise.

    Example:
        >>> from ideal.noise import Poisson
        >>> make_noise({"read_noise": 1.6, "gain": 0.5}, Poisson, "the camera measures real values").name
        'poisson-gaussian'

    """
    settings = _apart(settings)
    for name in settings:
        if name not in (keys := ("noise", *figure_names())):
            raise UsageError(unknown_name("[noise] has no key", name, keys))
    name = settings.pop("noise", None)
    if name is None and not settings:
        return None
    kind = NOISE.find(name) if name else _told_by(settings) or own
    if kind.is_complex != own.is_complex:
        raise UsageError(f"{measured}: noise {kind.name} does not suit, its own is {own.name}")
    known = [each.name for each in kind.figures]
    for each in settings:
        if each not in known:
            raise UsageError(f"`{each}` is no figure of {kind.name} noise: leave it out, or name the noise (`noise`)")
    for figure in kind.figures:
        if figure.needed and figure.name not in settings:
            way = figure.name if figure.option else f"noise={kind.name}:{figure.name}=..."
            raise UsageError(f"{kind.name} noise needs `{way}`")
    return kind.from_settings(settings)


def _apart(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the figures that stand behind the name of the noise, as in speckle:looks=4, apart."""
    if given.get("noise") is None:
        return dict(given)
    name, figures = parse_noise(given["noise"])
    return {**figures, **given, "noise": name}


def _figure(noise: str, name: str) -> "Figure | None":
    return next((each for each in NOISE.find(noise).figures if each.name == name), None)


def _figures(noise: str) -> list[str]:
    """Return the names of the figures of a noise; of one that is not known none of its own, for a later message."""
    return [each.name for each in NOISE[noise].figures] if noise in NOISE else [noise]


def _implied(figures: Mapping[str, Any]) -> str | None:
    """Return the name of the first noise that has all these figures; None without any."""
    given = [key for key in figures if key != "noise"]
    return next((name for name in NOISE if given and set(given) <= set(_figures(name))), None)


def _told_by(settings: Mapping[str, Any]) -> "type[NoiseModel] | None":
    """Return the noise that alone needs one of these figures, as a camera its read noise; None where none tells.

    Noise that needs more than is given does not count, nor does noise that has to be named.
    """
    for each in settings:
        needing = [NOISE[name] for name in noises_with(each) if (figure := _figure(name, each)) and figure.needed]
        needing = [kind for kind in needing if kind.told_by_figures and _has_all(kind, settings)]
        if len(needing) == 1:
            return needing[0]
    return None


def _has_all(kind: "type[NoiseModel]", settings: Mapping[str, Any]) -> bool:
    return all(figure.name in settings for figure in kind.figures if figure.needed)

"""What a sweep can set and vary: one flat name for each setting, as "photons", "system.defocus" or "noise.read_noise"."""

from collections.abc import Mapping
from typing import Any

from ideal.errors import UsageError, unknown_name

MEASURING = {  # how measurements come about; the names of the arguments of `ideal.simulate`
    "system": None,
    "design": None,
    "design_seed": 0,
    "objects": None,
    "photons": None,
    "count": 1000,
    "noise": None,
    "camera": None,
    "seed": 0,
    "noise_seed": None,
}
READING = {"file": None, "noise": None, "camera": None, "groups": None, "axes": None, "units": None, "seed": 0}
ESTIMATING = {  # the names of the arguments of `ideal.estimate`
    "models": None,
    "patch": 16,
    "period": None,
    "confidence": 0.95,
    "max_patches": 20_000,
    "effort": 1.0,
    "allow": (),
}
DECODING = {"decoder": None, "decode.effort": 1.0, "decode.folds": None}
_OPEN = ("system", "objects", "noise", "decoder")  # families whose members have settings of their own
_ALIASES = {
    "model": "models",
    "system.name": "system",
    "system.design": "design",
    "objects.name": "objects",
    "noise.noise": "noise",
    "decode.decoder": "decoder",
    "files": "file",
    "measurements": "file",
    "n": "count",
}
_TABLES = ("simulate", "estimate", "files")  # of a file, whose keys are plain names
PLAIN = tuple(dict.fromkeys((*MEASURING, *READING, *ESTIMATING, *DECODING)))


def canonical(name: str) -> str:
    """Return the one name of a setting: - as _, and without the table that it stands in.

    Raises:
        UsageError: there is no such setting.

    Example:
        >>> canonical("simulate.noise-seed")
        'noise_seed'

    """
    found = name.strip().replace("-", "_")
    table, dot, rest = found.partition(".")
    if dot and table in _TABLES:
        found = rest
    found = _ALIASES.get(found, found)
    table, dot, rest = found.partition(".")
    if found in PLAIN or (dot and table in _OPEN and rest):
        return found
    known = (*PLAIN, *(f"{table}.SETTING" for table in _OPEN))
    raise UsageError(unknown_name("a sweep has no setting", name, known))


def family(settings: Mapping[str, Any], table: str) -> dict[str, Any]:
    """Return the settings of a family by their own names, as those of "noise.": read_noise, gain."""
    return {name.partition(".")[2]: value for name, value in settings.items() if name.startswith(f"{table}.")}


def said(value: Any) -> str:
    """Return a value as people write it: numbers without a trailing zero, lists joined by +."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "+".join(map(said, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {said(each)}" for name, each in value.items())
    return "own" if value is None else str(value)


def point_name(values: Mapping[str, Any]) -> str:
    """Return what to call a point with these values of axes: "bayer, photons 30"."""
    return ", ".join(said(value) if isinstance(value, str) else f"{name} {said(value)}" for name, value in values.items())


def plain_numbers(value: Any) -> Any:
    """Return a value with whole numbers for those that are: 30 and 30.0 are the same setting."""
    if isinstance(value, list | tuple):
        return [plain_numbers(each) for each in value]
    if isinstance(value, Mapping):
        return {name: plain_numbers(each) for name, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_number(value: Any) -> bool:
    """Tell whether a value is a number, and no truth."""
    return isinstance(value, int | float) and not isinstance(value, bool)

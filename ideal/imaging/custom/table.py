"""The table `[system]` of a configuration that names an encoder of the user's own, checked value by value."""

import inspect
import math
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ideal._ranges import MOST_PIXELS, SIDE, Range, Ranges, check_range
from ideal.errors import DataError, UsageError, unknown_name
from ideal.formats.npy import load_array
from ideal.imaging._contract import Scene
from ideal.imaging.constraints import Bounded, Budget, Constraint, OneOf, Positive, UnitSum
from ideal.imaging.custom.encoder import CallableSystem, guest, load_function

CONSTRAINTS: dict[str, Callable[..., Constraint]] = {
    "free": Constraint,
    "bounded": Bounded,
    "positive": Positive,
    "unit-sum": UnitSum,
    "one-of": OneOf,
    "budget": Budget,
}
# What to write for each; pages and messages show it.
CONSTRAINT_EXAMPLES: dict[str, str] = {
    "free": 'constraint = "free"',
    "bounded": 'constraint = { kind = "bounded", low = 0, high = 6.28 }',
    "positive": 'constraint = { kind = "positive", scale = 2 }',
    "unit-sum": 'constraint = "unit-sum"',
    "one-of": 'constraint = "one-of"',
    "budget": 'constraint = { kind = "budget", count = 4 }',
}
_KINDS = ("radiance", "transmission", "sky", "any")
_UNITS = ("um", "uas")
_KEYS = ("encoder", "shape", "kind", "channels", "pixel", "pixel_unit", "linear", "period", "settings", "ranges", "parameters")
_PARAMETER_KEYS = ("value", "seed", "shape", "constraint")


def system_of_callable(table: Mapping[str, Any], folder: Path) -> CallableSystem:
    """Return the system that a configuration's table describes.

    Args:
        table: `encoder` ("module:function"), `shape` of a scene, and optionally `kind`, `channels`, `pixel`, `pixel_unit`,
            `linear`, `period`, `settings` (handed to the function), `ranges` and `parameters`. A range, by name of a setting, is
            a table with `low`, `high` and `unit`, such as "um": other values are refused, with the unit that was probably meant.
            A parameter is a table with `value` (a number, nested lists, the name of an .npy file, or "module:function" of a
            `seed` and of those settings that it takes), `shape` over which a number is spread, and `constraint`: its kind, or a
            table with `kind` and bounds.
        folder: of the configuration: where modules and files are looked for first.

    Raises:
        UsageError: a key is unknown or a value has no meaning.

    """
    _check_keys("[system] with an encoder of your own", table, _KEYS)
    label = table["encoder"]
    _expect(isinstance(label, str), "[system] encoder", "a text, as my_optics:encode", label)
    if "shape" not in table:
        raise UsageError(f"{label}: [system] needs the shape of a scene, as shape = [64, 64]")
    linear, period = table.get("linear", False), table.get("period", (1, 1))
    _expect(isinstance(linear, bool), f"{label}: linear", "true or false", linear)
    _expect(_wholes(period) and len(period) == 2, f"{label}: period", "two whole numbers from 1 on, as [2, 2]", period)
    settings, parameters = table.get("settings", {}), table.get("parameters", {})
    _expect(isinstance(settings, Mapping), f"{label}: settings", "a table, as [system.settings]", settings)
    ranges = table.get("ranges", {})
    _expect(isinstance(ranges, Mapping), f"{label}: ranges", "a table for each, as [system.ranges.NAME]", ranges)
    _expect(isinstance(parameters, Mapping), f"{label}: parameters", "a table for each, as [system.parameters.NAME]", parameters)
    return CallableSystem(
        load_function(label, folder),
        _scene(label, table),
        {name: _value(f"{label}: parameter {name}", each, folder, settings) for name, each in parameters.items()},
        {
            name: _constraint(f"{label}: parameter {name}", each["constraint"])
            for name, each in parameters.items()
            if "constraint" in each
        },
        settings,
        tuple(period),
        linear,
        label,
        ranges={name: _range(f"{label}: range {name}", each) for name, each in ranges.items()},
    )


def _range(what: str, table: Mapping[str, Any]) -> Range:
    _expect(isinstance(table, Mapping), what, 'a table, as { low = 0.05, high = 20, unit = "um" }', table)
    _check_keys(what, table, ("low", "high", "unit"))
    for name in ("low", "high"):
        _expect(name not in table or _is_number(table[name]), f"{what}: {name}", "a number", table.get(name))
    _expect(isinstance(table.get("unit", ""), str), f"{what}: unit", "a text, as um", table.get("unit"))
    made = Range(float(table.get("low", -math.inf)), float(table.get("high", math.inf)), unit=table.get("unit") or None)
    if made.low > made.high:
        raise UsageError(f"{what}: from low = {made.low:g} to high = {made.high:g}, expected low <= high")
    return made


def _scene(label: str, table: Mapping[str, Any]) -> Scene:
    shape, kind, pixel = table["shape"], table.get("kind", "radiance"), table.get("pixel")
    _expect(_wholes(shape) and 1 <= len(shape) <= 3, f"{label}: shape", "1 to 3 whole numbers from 1 on, as [64, 64]", shape)
    if kind not in _KINDS:
        raise UsageError(unknown_name(f"{label}: no scenes are of kind", str(kind), _KINDS))
    channels, unit = table.get("channels", ()), table.get("pixel_unit", "um")
    texts = isinstance(channels, list | tuple) and all(isinstance(each, str) for each in channels)
    _expect(texts, f"{label}: channels", 'a list of names, as ["red", "green"]', channels)
    _expect(pixel is None or (_is_number(pixel) and pixel > 0), f"{label}: pixel", "a positive number, in pixel_unit", pixel)
    if unit not in _UNITS:
        raise UsageError(unknown_name(f"{label}: no pixel_unit is called", str(unit), _UNITS))
    return Scene(kind, tuple(shape), tuple(channels), pixel, unit)


def _value(what: str, table: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> np.ndarray:
    if isinstance(table, Mapping):
        _check_keys(what, table, _PARAMETER_KEYS)
    if not isinstance(table, Mapping) or "value" not in table:
        raise UsageError(f"{what} needs a value: a number, nested lists, an .npy file or module:function")
    said, seed, shape = table["value"], table.get("seed", 0), table.get("shape")
    _expect(_is_whole(seed) and seed >= 0, f"{what}: seed", "a whole number from 0 on", seed)
    _expect(shape is None or _wholes(shape, empty=True), f"{what}: shape", "whole numbers from 1 on, as [64, 64]", shape)
    try:
        value = said
        if isinstance(said, str) and said.endswith(".npy"):
            value = load_array(folder / said, "the value of a parameter")
        elif isinstance(said, str):
            value = _called(what, load_function(said, folder), seed, settings)
        value = np.asarray(value)
    except DataError as error:
        raise UsageError(f"{what}: {error}") from error
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise UsageError(f"{what}: its value {reprlib.repr(said)} cannot be used ({error})") from error
    if value.dtype.kind not in "iuf" or not value.size:
        found = f"values of type {value.dtype}" if value.size else f"an array of shape {value.shape}"
        raise UsageError(f"{what}: its value {reprlib.repr(said)} is {found}, expected real numbers, at least one")
    value = value.astype(np.float32)
    if shape is not None:
        check_range(f"{what}: shape", tuple(shape), Ranges(SIDE, most=MOST_PIXELS))
        try:
            value = np.broadcast_to(value, tuple(shape)).copy()
        except ValueError:
            raise UsageError(f"{what}: a value of shape {value.shape} does not spread over shape {tuple(shape)}") from None
    if _kind_of(table.get("constraint")) == "one-of" and not value.ndim:
        raise UsageError(f"{what}: one-of shares out 1 along the last axis, and the value is one number: expected an array")
    return value


def _called(what: str, function: Callable, seed: int, settings: Mapping[str, Any]):
    with guest(what, "the function of its value fails"):
        wanted = inspect.signature(function).parameters
        return np.asarray(function(seed, **{name: each for name, each in settings.items() if name in wanted}))


def _kind_of(table: Any) -> Any:
    return table.get("kind") if isinstance(table, Mapping) else table


def _constraint(what: str, table: Mapping[str, Any] | str) -> Constraint:
    kind = _kind_of(table)
    if not isinstance(kind, str):
        examples = "; ".join(CONSTRAINT_EXAMPLES.values())
        raise UsageError(f"{what}: its constraint is {reprlib.repr(table)}, expected a kind, with its bounds: {examples}")
    if kind not in CONSTRAINTS:
        raise UsageError(unknown_name(f"{what}: no constraint is of kind", kind, CONSTRAINTS))
    options = {name: value for name, value in table.items() if name != "kind"} if isinstance(table, Mapping) else {}
    for name, value in options.items():
        if name in ("low", "high"):
            _expect(_is_number(value), f"{what}: {name}", "a number", value)
        elif name == "scale":
            _expect(_is_number(value) and value > 0, f"{what}: {name}", "a positive number", value)
        elif name == "count":
            _expect(_is_whole(value) and value > 0, f"{what}: {name}", "a whole number from 1 on", value)
    try:
        made = CONSTRAINTS[kind](**options)
    except TypeError as error:
        given = f"does not take {', '.join(options)} alone" if options else "needs its bounds"
        raise UsageError(f"{what}: a constraint {kind} {given}: write {CONSTRAINT_EXAMPLES[kind]}") from error
    if isinstance(made, Bounded) and not made.low < made.high:
        raise UsageError(f"{what}: bounded from low = {made.low:g} to high = {made.high:g}, expected low < high")
    return made


def _check_keys(what: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise UsageError(unknown_name(f"{what} has no key", key, known))


def _expect(good: bool, what: str, expected: str, found: Any) -> None:
    if not good:
        raise UsageError(f"{what} takes {expected}; found {reprlib.repr(found)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wholes(value: Any, *, empty: bool = False) -> bool:
    return isinstance(value, list | tuple) and bool(value or empty) and all(_is_whole(n) and n > 0 for n in value)

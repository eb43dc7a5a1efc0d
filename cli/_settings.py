"""Settings on the command line: `--set key=value`."""

import re
import reprlib
import tomllib
from collections.abc import Iterable
from datetime import date, time
from typing import Any

from ideal._documents import parse_toml
from ideal.errors import UsageError

_KEY = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Return the settings in texts such as "defocus=2", "shape=[64, 64]" or "array=EHT2017".

    A value is read as TOML (a number, true, "text", a list, a table) where that is possible, and taken as text elsewhere,
    dates and times too.

    Args:
        texts: as given to `--set`; keys may have dots in them.

    Raises:
        UsageError: there is no key or no value, a key is given twice, or a list, table or quoted text has no proper end.

    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals and value):
            raise UsageError(f"--set takes KEY=VALUE, as --set shape=[64,64]; found {text!r}")
        if not _KEY.fullmatch(key):
            raise UsageError(f"--set {text}: {key!r} is no name of a setting (letters, digits and _)")
        if key in found:
            raise UsageError(f"--set {key} is given twice ({found[key]!r} and {value}): give it once")
        found[key] = _value(text, value)
    return found


def settings_of(texts: Iterable[str] | None, *parts: str) -> tuple[dict[str, Any], ...]:
    """Return the settings in texts as of `parse_settings`, those of each part apart and without its name, and first the others.

    Args:
        texts: as given to `--set`; None for none.
        parts: that settings may be of, as "objects" for objects.size=3.

    """
    found: dict[str, dict[str, Any]] = {"": {}, **{part: {} for part in parts}}
    for key, value in parse_settings(texts or ()).items():
        part, dot, name = key.partition(".")
        own = dot and part in parts
        found[part if own else ""][name if own else key] = value
    return tuple(found.values())


def _value(text: str, value: str) -> Any:
    try:
        read = parse_toml(f"value = {value}")
    except tomllib.TOMLDecodeError:
        read = {}
    except ValueError as error:
        raise UsageError(f"--set {reprlib.repr(text)}: {error}") from None
    if set(read) == {"value"}:
        return value if isinstance(read["value"], date | time) else read["value"]  # no setting is anything but text here
    if value[0] in "[{\"'":
        raise UsageError(
            f"--set {text[:200]}: {value[:200]} has no proper end, or text in it has no quotes: write as 'key=[1, \"two\"]'"
        )
    return value

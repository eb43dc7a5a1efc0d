"""Records as strict JSON, and what made them."""

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ideal._documents import loads
from ideal.errors import DataError


def to_json(document: dict) -> str:
    """Return the document as JSON text."""
    return json.dumps(finite(document), indent=2, allow_nan=False)


def from_json(text: str):
    """Return a document as `to_json` writes it; NaN and infinity are no JSON.

    Raises:
        ValueError: it is none.

    """
    return loads(text, parse_constant=_refused)


def _refused(number: str):
    raise ValueError(f"{number} is no number of JSON")


def finite(value):
    """Return a value of JSON types with None for every number that is not finite: JSON has no other."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def bounds_of(interval) -> tuple[float, float]:
    """Return an interval of a record, whose ends are None where they are infinite."""
    low, high = interval
    return (-math.inf if low is None else low, math.inf if high is None else high)


def check_format(record: Mapping[str, Any], name: str, version: int) -> None:
    """Refuse a record of something else, or of a later version of this program.

    Args:
        record: as JSON gives it; one that was written before records had formats is taken as it is.
        name: of the format, as "ideal-estimate".
        version: the latest that can be read.

    Raises:
        DataError: it cannot be read.

    """
    if not isinstance(record, Mapping):
        raise DataError(f"a record of {name} is a table; found a {type(record).__name__}")
    found, number = record.get("format", name), record.get("format_version", version)
    if found != name:
        raise DataError(f"expected a record of {name}, found one of {found}")
    if not isinstance(number, int) or number > version:
        raise DataError(
            f"the record of {name} has format version {number}; this ideal reads versions up to {version}: update ideal"
        )


def provenance(command: list[str], seed: int) -> dict:
    """Return what made a result: version, command and seed."""
    return {"version": version("ideal"), "command": command_of(command), "seed": seed}


def command_of(arguments: list[str]) -> list[str]:
    """Return a command as it was given, with the name of the program in place of its path."""
    return [Path(arguments[0]).stem.replace("__main__", "ideal"), *arguments[1:]]

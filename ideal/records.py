"""Records as strict JSON, and what made them."""

import json
import math
from importlib.metadata import version
from pathlib import Path


def to_json(document: dict) -> str:
    """Return the document as JSON text."""
    return json.dumps(_finite(document), indent=2, allow_nan=False)


def from_json(text: str):
    """Return a document as `to_json` writes it; NaN and infinity are no JSON.

    Raises:
        ValueError: it is none.

    """
    return json.loads(text, parse_constant=_refused)


def _refused(number: str):
    raise ValueError(f"{number} is no number of JSON")


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def provenance(command: list[str], seed: int) -> dict:
    """Return what made a result: version, command and seed."""
    return {"version": version("ideal"), "command": command_of(command), "seed": seed}


def command_of(arguments: list[str]) -> list[str]:
    """Return a command as it was given, with the name of the program in place of its path."""
    return [Path(arguments[0]).stem.replace("__main__", "ideal"), *arguments[1:]]

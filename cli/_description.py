"""Scenes and settings of systems and of objects, for people."""

from collections.abc import Mapping
from typing import Any


def scene_text(facts: Mapping[str, Any]) -> str:
    """Return shape, channels and size of a pixel, of `scene_facts`."""
    pixel = f", pixel {facts['pixel']:g} {facts['pixel_unit']}" if facts["pixel"] is not None else ""
    channels = f" ({', '.join(facts['channels'])})" if facts["channels"] else ""
    return f"{by(facts['shape'])}{channels}{pixel}"


def print_settings(facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table of settings, of `settings_facts`."""
    from ideal.cli import _output

    rows = [
        (name, _short(each["value"]), each["unit"], (each["range"] or {}).get("text", ""), each["help"])
        for name, each in facts.items()
    ]
    _output.print_rows(("setting", "value", "unit", "range", "what it is"), rows)


def by(shape) -> str:
    """Return a shape as 64 x 64."""
    return " x ".join(map(str, shape)) or "one number"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else "-" if value in (None, "") else str(value)

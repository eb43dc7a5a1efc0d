"""Scenes and settings of systems and of objects, as JSON types and for people."""

from collections.abc import Mapping
from typing import Any

from ideal.imaging import Scene, settings_of


def scene_facts(scene: Scene) -> dict[str, Any]:
    """Return what a scene is, as JSON types."""
    return {
        "kind": scene.kind,
        "shape": list(scene.shape),
        "channels": list(scene.channels),
        "pixel": scene.pixel,
        "pixel_unit": scene.pixel_unit if scene.pixel is not None else None,
    }


def scene_text(facts: Mapping[str, Any]) -> str:
    """Return shape, channels and size of a pixel, of `scene_facts`."""
    pixel = f", pixel {facts['pixel']:g} {facts['pixel_unit']}" if facts["pixel"] is not None else ""
    channels = f" ({', '.join(facts['channels'])})" if facts["channels"] else ""
    return f"{by(facts['shape'])}{channels}{pixel}"


def settings_facts(owner) -> dict[str, dict[str, Any]]:
    """Return the settings of a system or of objects with their units and meanings, as JSON types."""
    about = {each.name: each.metadata for each in settings_of(type(owner))}
    own = getattr(owner, "ranges", {})
    return {
        name: {
            "value": list(value) if isinstance(value, tuple) else value,
            "unit": about.get(name, {}).get("unit", "") or (own[name].unit or "" if name in own else ""),
            "range": _range(about.get(name, {}).get("within") or own.get(name)),
            "help": about.get(name, {}).get("help", ""),
        }
        for name, value in owner.settings.items()
    }


def print_settings(facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table of settings, of `settings_facts`."""
    from ideal.cli import _output

    rows = [
        (name, _short(each["value"]), each["unit"], (each["range"] or {}).get("text", ""), each["help"])
        for name, each in facts.items()
    ]
    _output.print_rows(("setting", "value", "unit", "range", "what it is"), rows)


def _range(within) -> dict[str, Any] | None:
    return None if within is None else {"text": within.text, **within.facts()}


def by(shape) -> str:
    """Return a shape as 64 x 64."""
    return " x ".join(map(str, shape)) or "one number"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else "-" if value in (None, "") else str(value)

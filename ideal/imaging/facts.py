"""Scenes and settings of systems and of objects, as JSON types."""

from collections.abc import Mapping
from typing import Any

from ideal.imaging._contract import Scene, settings_of


def scene_facts(scene: Scene) -> dict[str, Any]:
    """Return what a scene is, as JSON types."""
    return {
        "kind": scene.kind,
        "shape": list(scene.shape),
        "channels": list(scene.channels),
        "pixel": scene.pixel,
        "pixel_unit": scene.pixel_unit if scene.pixel is not None else None,
    }


def settings_facts(owner) -> dict[str, dict[str, Any]]:
    """Return the settings of a system or of objects with their units and meanings, as JSON types."""
    about: dict[str, Mapping[str, Any]] = {each.name: each.metadata for each in settings_of(type(owner))}
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


def _range(within) -> dict[str, Any] | None:
    return None if within is None else {"text": within.text, **within.facts()}

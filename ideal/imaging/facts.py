"""What there is to say of a system with a design: as JSON types, and as text and tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ideal.imaging._contract import ImagingSystem, Scene, settings_of
from ideal.imaging.systems import SYSTEMS
from ideal.tables import Table, plain_table

if TYPE_CHECKING:
    from ideal.datasets import ObjectSet
    from ideal.decoders._contract import Decoder
    from ideal.imaging.configuration import SystemInUse


def all_systems() -> dict[str, dict[str, Any]]:
    """Return what every system is, by name."""
    return {name: {"summary": kind.summary} for name, kind in SYSTEMS.items()}


def systems_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of systems, of `all_systems`."""
    return plain_table(("system", "what it is"), [(name, each["summary"]) for name, each in found.items()])


def system_facts(used: "SystemInUse") -> dict[str, Any]:
    """Return what there is to know of a system with a design, as JSON types."""
    system, params = used.system, used.params
    noise = used.noise({}) or system.noise(params)
    return {
        "system": system.name,
        "summary": system.summary,
        "scene": scene_facts(system.scene),
        "measurement_shape": list(system.measurement_shape),
        "linear": system.linear,
        "noise": noise.name,
        "noise_figures": {name: each for name, each in noise.describe().items() if name != "name"},
        "period": list(system.period),
        "settings": settings_facts(system),
        "parameters": {
            name: {"shape": list(value.shape), "constraint": system.constraints[name].describe()}
            for name, value in params.items()
        },
        "designs": dict(system.designs),
        "further_designs": dict(system.further_designs),
        "design": used.design,
        "findings": [finding.to_record() for finding in system.findings(params)],
    }


def system_parts(facts: Mapping[str, Any]) -> list[str | Table]:
    """Return the facts of a system as text and tables."""
    lines = [
        f"{facts['system']}: {facts['summary']}",
        f"scene: {facts['scene']['kind']}, {scene_text(facts['scene'])}",
        f"measurement: {_by(facts['measurement_shape'])}, {facts['noise']} noise{_figures(facts['noise_figures'])}, "
        + ("linear in the scene" if facts["linear"] else "not linear in the scene"),
    ]
    parameters = [(name, _by(each["shape"]), each["constraint"]) for name, each in facts["parameters"].items()]
    designs = (facts["designs"] | facts["further_designs"]).items()
    return [
        "\n".join(lines),
        settings_table(facts["settings"]),
        plain_table(("parameter", "shape", "constraint"), parameters),
        plain_table(("design", "what it is"), [(name + " (shown)" * (name == facts["design"]), text) for name, text in designs]),
    ]


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
    return f"{_by(facts['shape'])}{channels}{pixel}"


def settings_facts(owner: "ImagingSystem | ObjectSet | Decoder") -> dict[str, dict[str, Any]]:
    """Return the settings of a system, of objects or of a decoder with their units and meanings, as JSON types."""
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


def settings_table(facts: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of settings, of `settings_facts`."""
    rows = [
        (name, _short(each["value"]), each["unit"], (each["range"] or {}).get("text", ""), each["help"])
        for name, each in facts.items()
    ]
    return plain_table(("setting", "value", "unit", "range", "what it is"), rows)


def _range(within: Any) -> dict[str, Any] | None:
    return None if within is None else {"text": within.text, **within.facts()}


def _by(shape: Sequence[int]) -> str:
    """Return a shape as 64 x 64."""
    return " x ".join(map(str, shape)) or "one number"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return f"{value:g}" if isinstance(value, float) else "-" if value in (None, "") else str(value)


def _figures(figures: Mapping[str, Any]) -> str:
    """Return the figures of a noise in parentheses; nothing where there are none."""
    told = [
        f"{name.replace('_', ' ')} {value:g}" if isinstance(value, int | float) else f"{name.replace('_', ' ')} {value}"
        for name, value in figures.items()
        if not isinstance(value, bool)
    ]
    return f" ({', '.join(told)})" if told else ""

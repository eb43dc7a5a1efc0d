"""Objects to show: the scene they are made for, and what there is to say of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ideal.cli._description import print_settings, scene_text
from ideal.datasets import ObjectSet, make_objects
from ideal.errors import UsageError
from ideal.imaging import Scene


def prepare(name: str, settings: Mapping[str, Any], kind: str | None, size: tuple[int, int] | None) -> tuple[ObjectSet, Scene]:
    """Return a set of objects and the scene to show them in.

    Args:
        name: of the set.
        settings: of the set.
        kind: of the scene; None for the set's natural one.
        size: rows and columns of the scene; None for what suits the set.

    Raises:
        UsageError: a name is unknown, or a setting or a size has no meaning.

    """
    objects = make_objects(name, **settings)
    scene = objects.preview
    if kind is not None and kind not in objects.kinds:
        raise UsageError(f"{name} gives objects of the kind {' or '.join(objects.kinds)}; found --kind {kind}")
    if size is not None and len(scene.shape) < 2:
        raise UsageError(f"{name} has objects of {scene.shape[0]} values: --size is for pictures")
    if kind is not None and kind != scene.kind:
        shape = (*scene.shape[:2], 2) if kind == "transmission" else scene.shape[:2]
        scene = Scene(kind, shape, ("absorption", "phase") if kind == "transmission" else ())
    if size is not None:
        scene = dataclasses.replace(scene, shape=(*size, *scene.shape[2:]))
    return objects, scene


def print_facts(facts: dict) -> None:
    """Print what there is to say of some objects, for people."""
    from ideal.cli import _output

    scene = facts["scene"]
    number = "as many as are asked for" if facts["count"] is None else f"{facts['count']}"
    unit = {"sky": " Jy/pixel", "radiance": " (relative light)"}.get(scene["kind"], "")
    rows = [
        ("from", facts["origin"]),
        ("licence", facts["licence"]),
        ("kinds of scene", ", ".join(facts["kinds"])),
        ("shown", f"{facts['shown']} of {number}, as {scene['kind']}, {scene_text(scene)}"),
        ("labels", _labels_text(facts["labels"])),
        ("groups", f"{facts['groups']} among those shown"),
        ("values", f"{facts['min']:.4g} to {facts['max']:.4g}, mean {facts['mean']:.4g}{unit}"),
    ]
    _output.print_lines([f"{facts['name']}: {facts['summary']}"])
    _output.print_rows(("", ""), rows)
    _output.print_lines([""])
    print_settings(facts["settings"])


def _labels_text(labels: dict | None) -> str:
    if labels is None:
        return "none"
    if set(labels) == {"min", "max"}:
        return f"{labels['min']:.4g} to {labels['max']:.4g}"
    return ", ".join(f"{name} {count}" for name, count in labels.items())

"""What there is to say of sets of objects and of some of their objects: as JSON types, and as text and tables."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ideal.datasets._contract import Objects, ObjectSet, ObjectSource
from ideal.datasets.members import OBJECTS, find_objects, make_objects
from ideal.errors import DataError, UsageError
from ideal.imaging import Scene
from ideal.imaging.facts import scene_facts, scene_text, settings_facts, settings_table
from ideal.tables import Table, plain_table
from ideal.text import aligned

_ORIGINS = {
    "bundled": "bundled",
    "generated": "generated",
    "downloaded": "download or IDEAL_DATA",
    "IDEAL_DATA": "IDEAL_DATA",
}
_UNITS = {"sky": " Jy/pixel", "radiance": " (relative light)"}  # of values, by kind of scene


def set_facts(kind: type[ObjectSet]) -> dict[str, Any]:
    """Return what there is to know of a set of objects before any is read, as JSON types."""
    return {
        "name": kind.name,
        "summary": kind.summary,
        "origin": kind.origin,
        "here": _is_here(kind),
        "licence": kind.licence,
        "kinds": list(kind.kinds),
    }


def all_sets() -> list[dict[str, Any]]:
    """Return the facts of every set of objects."""
    return [set_facts(find_objects(name)) for name in OBJECTS]


def sets_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of sets of objects, of `all_sets`."""
    rows = [
        (
            each["name"],
            each["summary"],
            _ORIGINS.get(each["origin"], each["origin"]),
            "yes" if each["here"] else "no",
            each["licence"],
        )
        for each in found
    ]
    return plain_table(("objects", "what they are", "from", "here", "licence"), rows)


def _is_here(kind: type[ObjectSet]) -> bool:
    if kind.origin in ("bundled", "generated", "own"):
        return True
    try:
        objects = kind()
        objects.open(objects.preview)
    except DataError:
        return False
    return True


def preview_of(
    name: str, settings: Mapping[str, Any], kind: str | None = None, size: tuple[int, int] | None = None
) -> tuple[ObjectSet, Scene]:
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
        raise UsageError(f"{name} gives objects of the kind {' or '.join(objects.kinds)}; found `kind={kind}`")
    if size is not None and len(scene.shape) < 2:
        raise UsageError(f"{name} has objects of {scene.shape[0]} values: `size` is for pictures")
    if kind is not None and kind != scene.kind:
        shape = (*scene.shape[:2], 2) if kind == "transmission" else scene.shape[:2]
        scene = Scene(kind, shape, ("absorption", "phase") if kind == "transmission" else ())
    if size is not None:
        scene = dataclasses.replace(scene, shape=(*size, *scene.shape[2:]))
    return objects, scene


def read_some(source: ObjectSource, count: int) -> Objects:
    """Return the first objects, as many as there are."""
    return source.read(0, count if source.count is None else min(count, source.count))


def facts_of(objects: ObjectSet, scene: Scene, source: ObjectSource, shown: Objects) -> dict:
    """Return what is known of a set and of some of its objects, as JSON types."""
    return set_facts(type(objects)) | {
        "settings": settings_facts(objects),
        "scene": scene_facts(scene),
        "count": source.count,
        "shown": len(shown.scenes),
        "labels": _label_counts(shown.labels, source.classes),
        "groups": int(np.unique(shown.groups).size),
        "min": float(shown.scenes.min()),
        "max": float(shown.scenes.max()),
        "mean": float(shown.scenes.mean(dtype=np.float64)),
    }


def objects_parts(facts: Mapping[str, Any]) -> list[str | Table]:
    """Return the facts of some objects as text and a table of settings."""
    scene = facts["scene"]
    number = "as many as are asked for" if facts["count"] is None else f"{facts['count']}"
    rows = [
        ("from", facts["origin"]),
        ("licence", facts["licence"]),
        ("kinds of scene", ", ".join(facts["kinds"])),
        ("shown", f"{facts['shown']} of {number}, as {scene['kind']}, {scene_text(scene)}"),
        ("labels", _labels_text(facts["labels"])),
        ("groups", f"{facts['groups']} among those shown"),
        ("values", f"{facts['min']:.4g} to {facts['max']:.4g}, mean {facts['mean']:.4g}{_UNITS.get(scene['kind'], '')}"),
    ]
    return [f"{facts['name']}: {facts['summary']}\n{aligned(rows)}", settings_table(facts["settings"])]


def _labels_text(labels: Mapping[str, Any] | None) -> str:
    if labels is None:
        return "none"
    if set(labels) == {"min", "max"}:
        return f"{labels['min']:.4g} to {labels['max']:.4g}"
    return ", ".join(f"{name} {count}" for name, count in labels.items())


def _label_counts(labels: np.ndarray | None, classes: tuple[str, ...]) -> dict[str, Any] | None:
    """Return how many objects have each label, or the range of labels that are numbers."""
    if labels is None:
        return None
    if classes:
        numbers, counts = np.unique(labels, return_counts=True)
        return {classes[int(number)]: int(count) for number, count in zip(numbers, counts, strict=True)}
    return {"min": float(np.min(labels)), "max": float(np.max(labels))}

"""What there is to say of some objects, as JSON types."""

from typing import Any

import numpy as np

from ideal.datasets._contract import Objects, ObjectSet, ObjectSource
from ideal.imaging import Scene
from ideal.imaging.facts import scene_facts, settings_facts


def read_some(source: ObjectSource, count: int) -> Objects:
    """Return the first objects, as many as there are."""
    return source.read(0, count if source.count is None else min(count, source.count))


def facts_of(objects: ObjectSet, scene: Scene, source: ObjectSource, shown: Objects) -> dict:
    """Return what is known of some objects, as JSON types."""
    return {
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


def _label_counts(labels: np.ndarray | None, classes: tuple[str, ...]) -> dict[str, Any] | None:
    """Return how many objects have each label, or the range of labels that are numbers."""
    if labels is None:
        return None
    if classes:
        numbers, counts = np.unique(labels, return_counts=True)
        return {classes[int(number)]: int(count) for number, count in zip(numbers, counts, strict=True)}
    return {"min": float(np.min(labels)), "max": float(np.max(labels))}

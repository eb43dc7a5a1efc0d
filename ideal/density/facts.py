"""What there is to say of a density model: as JSON types, and as text and tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ideal.density.members import DEFAULT, MODELS
from ideal.tables import Table, plain_table

if TYPE_CHECKING:
    from ideal.density._contract import Density

_KINDS: dict[str, dict[str, Any]] = {
    "images": {"shape": (16, 16), "counts": False, "is_complex": False},
    "images of counts": {"shape": (16, 16), "counts": True, "is_complex": False},
    "several channels": {"shape": (16, 16, 3), "counts": True, "is_complex": False},
    "vectors": {"shape": (16,), "counts": False, "is_complex": False},
    "complex vectors": {"shape": (16,), "counts": False, "is_complex": True},
}


def model_facts(kind: "type[Density]") -> dict[str, Any]:
    """Return what there is to know of a density model, as JSON types."""
    return {
        "model": kind.name,
        "summary": kind.summary,
        "measurements": [name for name, what in _KINDS.items() if kind.accepts(**what)],
        "trained": kind.trained,
        "discrete": kind.discrete,
        "labels": kind.conditional,
        "by_default": kind.name in DEFAULT,
    }


def model_parts(facts: Mapping[str, Any]) -> list[str | Table]:
    """Return the facts of a density model as text."""
    values = "given as they are, with the probability of each step" if facts["discrete"] else "dequantised where they have steps"
    lines = [
        f"{facts['model']}: {facts['summary']}",
        f"measurements: {', '.join(facts['measurements'])}",
        f"values: {values}",
        f"fit: {'trained step by step, with more or less effort' if facts['trained'] else 'at once, without steps of training'}",
        f"labels: {'fitted to each class too' if facts['labels'] else 'not fitted by class'}",
        "by default: " + ("yes" if facts["by_default"] else f"no: --model {facts['model']}"),
    ]
    return ["\n".join(lines)]


def all_models() -> dict[str, dict[str, Any]]:
    """Return the facts of every density model, by name."""
    return {name: model_facts(kind) for name, kind in MODELS.items()}


def models_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of density models, of `all_models`."""
    rows = [
        (name, each["summary"], "yes" if each["trained"] else "no", "yes" if each["by_default"] else "no")
        for name, each in found.items()
    ]
    return plain_table(("model", "what it is", "trained", "by default"), rows)

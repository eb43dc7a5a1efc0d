"""Everything that an ascent consists of between two chunks of steps, in memory and on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ideal._checkpoints import distrust
from ideal.imaging import Params
from ideal.optimize.ascent.checkpoint import read_tree, write_tree


@dataclass
class Moment:
    """The state of an ascent.

    Attributes:
        step: that were made.
        free: of each start, (start, ...): free values of Adam, physical ones of the line search.
        optimiser: memory of the method, arrays of shapes that stay.
        state: of the objective.
        learned: of each start: a decoder suits one design.
        best: the best hard design.
        best_gain, best_start, best_step: its held-out gain, which start led to it, and when.
        history: records, one for each chunk.
        seconds: that it took.
        stopped: why it ended; empty while it goes on.

    """

    step: int
    free: Params
    optimiser: Any
    state: Any
    learned: Any
    best: Params
    best_gain: float
    best_start: int
    best_step: int
    history: list[dict[str, Any]]
    seconds: float = 0.0
    stopped: str = ""


_TREES = ("free", "optimiser", "state", "learned", "best")
_FACTS = ("step", "best_gain", "best_start", "best_step", "history", "seconds", "stopped")


def write_moment(path: Path, now: Moment) -> None:
    """Keep an ascent in a file."""
    write_tree(path, [getattr(now, name) for name in _TREES], {name: getattr(now, name) for name in _FACTS})


def read_moment(path: Path, like: Moment) -> Moment | None:
    """Return the ascent that a file keeps; None where there is none that can be used.

    Args:
        path: of the file.
        like: the same ascent at its beginning.

    Warns:
        StorageWarning: the file is damaged, or holds another ascent.

    """
    kept = read_tree(path, [getattr(like, name) for name in _TREES])
    if kept is None:
        return None
    trees, facts = kept
    if set(facts) != set(_FACTS):
        distrust(path, "it is of another version")
        return None
    return Moment(**dict(zip(_TREES, trees, strict=True)), **facts)

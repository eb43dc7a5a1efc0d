"""Objects to design for, to choose by and to measure with, kept apart by their sources."""

from dataclasses import dataclass

import numpy as np

from ideal.errors import DataError
from ideal.simulation import ObjectSource, check_count

_FEWEST_GROUPS = 10  # with fewer sources all parts show the same ones, in other objects
_CHOOSE, _MEASURE = 0.2, 0.45  # shares of the sources


@dataclass(frozen=True)
class Part:
    """Objects held in memory, as a source for `ideal.simulation`.

    Attributes:
        scenes: (sample, *shape), as the objects come, not exposed.
        labels: (sample,) or None.
        groups: (sample,).
        classes: names of the labels.

    """

    scenes: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many."""
        return len(self.scenes)

    def read(self, start: int, stop: int) -> "Part":
        """Return objects start to stop."""
        part = slice(start, stop)
        labels = None if self.labels is None else self.labels[part]
        return Part(self.scenes[part], labels, self.groups[part], self.classes)


@dataclass(frozen=True)
class Division:
    """Objects in three parts.

    Attributes:
        design: that gradients are taken for.
        choose: by which starts and steps are chosen.
        measure: that the final figures are measured with.
        apart: whether no source is in two parts.

    """

    design: Part
    choose: Part
    measure: Part
    apart: bool


def divide(source: ObjectSource, count: int, seed: int = 0) -> Division:
    """Read objects and divide them by source: a third to design for, the others to choose by and to measure with.

    Args:
        source: of the objects.
        count: how many to read.
        seed: of the division.

    Raises:
        UsageError: there are fewer objects.
        DataError: there are too few to divide.

    """
    check_count(source, count)
    block = max(1, min(512, 2**24 // max(1, int(np.prod(source.read(0, 1).scenes.shape)))))
    blocks = [source.read(start, min(start + block, count)) for start in range(0, count, block)]
    scenes, groups = (np.concatenate([getattr(each, name) for each in blocks]) for name in ("scenes", "groups"))
    labels = None if blocks[0].labels is None else np.concatenate([each.labels for each in blocks])
    names, owner = np.unique(groups, return_inverse=True)
    apart = len(names) >= _FEWEST_GROUPS
    units, unit = (len(names), owner) if apart else (count, np.arange(count))
    if units < _FEWEST_GROUPS:
        raise DataError(f"{count} objects are too few to design for some and measure with others: take more (`count`)")
    order = np.random.default_rng([seed, 2, 1]).permutation(units)
    edges = np.cumsum([max(1, round(share * units)) for share in (_CHOOSE, _MEASURE)])
    parts = [np.isin(unit, chosen) for chosen in np.split(order, edges)]
    choose, measure, design = (
        Part(scenes[part], None if labels is None else labels[part], groups[part], tuple(source.classes)) for part in parts
    )
    return Division(design, choose, measure, apart)

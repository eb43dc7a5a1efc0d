"""What a model loses for want of training sources: measured, so that the interval of a bound reaches down to its limit.

A model of c parameters that is fitted to N independent measurements loses about c / 2N nats more on others than the best model of
its kind, and as much less on those that it was fitted to (Akaike, IEEE Trans. Autom. Control 19, 716, 1974). Where measurements
of one source are alike, both are larger in the same ratio. So the excess is what a fit to half of the sources loses more again,
and also half the distance of the losses on other sources and on the model's own.
"""

from dataclasses import dataclass, field

import numpy as np

from ideal._scoring import Prepared
from ideal.density import MODELS, Density
from ideal.errors import DataError
from ideal.patches import halves_by_group

_FEWEST_GROUPS = 4  # to halve: a model of a single source says nothing of others


@dataclass(frozen=True)
class Losses:
    """Losses of one fold by model, nats per measurement.

    Attributes:
        tested: of the patches that the fold tests, (sample,).
        halves: of the same by models of one half of the training sources each, the average of both, (sample,).
        own: of those of the model's own training patches that the fold after the next tests, (sample,).

    """

    tested: dict[str, np.ndarray] = field(default_factory=dict)
    halves: dict[str, np.ndarray] = field(default_factory=dict)
    own: dict[str, np.ndarray] = field(default_factory=dict)


def excess(folds: list[Losses], by_fold: list[str]) -> np.ndarray | None:
    """Return what each loss has too much for want of training sources, (sample,), fold after fold.

    Args:
        folds: losses of each fold.
        by_fold: name of the model that counts in each.

    Returns:
        Nats per measurement, 0 in folds that do not tell; None where none does.

    """
    parts, known = [], False
    for number, (name, losses) in enumerate(zip(by_fold, folds, strict=True)):
        tested = losses.tested[name]
        own = folds[(number - 2) % len(folds)].own.get(name)
        if name in losses.halves:
            part = losses.halves[name] - tested
        elif own is not None:
            part = (tested - own) / 2
        else:
            part = None
        known |= part is not None
        parts.append(np.zeros(len(tested)) if part is None else part)
    return np.concatenate(parts) if known else None


class Halves:
    """The models of a fold, fitted once more to each half of the training sources: those whose fit takes little time.

    Args:
        groups: source of each training patch.
        seed: of the halves.

    """

    def __init__(self, groups: np.ndarray, seed: list[int]):
        few = len(np.unique(groups)) < _FEWEST_GROUPS
        self._parts = [] if few else halves_by_group(groups, seed=seed)
        self._fitted: dict[bool, list[dict[str, Density]]] = {discrete: [{}, {}] for discrete in (True, False)}

    def fit(self, name: str, train: "np.ndarray | Prepared", validation: np.ndarray, sensor, key) -> list[Density]:
        """Return a model of each half; none where the model takes long to fit, or a half is too little for it."""
        kind = MODELS[name]
        if not kind.refitted:
            return []
        fitted = self._fitted[kind.discrete]
        try:
            for part, siblings in zip(self._parts, fitted, strict=False):
                some = train[part] if isinstance(train, np.ndarray) else train.take(part)
                siblings[name] = kind.fit(key, some, validation, fitted=siblings, sensor=sensor)
        except DataError:
            return []
        return [siblings[name] for siblings in fitted] if self._parts else []

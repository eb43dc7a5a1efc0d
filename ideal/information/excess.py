"""What a model loses for want of training sources: measured, so that the interval of a bound reaches down to its limit.

A model of c parameters that is fitted to N independent measurements loses about c / 2N nats more on others than the best model of
its kind, and as much less on those that it was fitted to (Akaike, IEEE Trans. Autom. Control 19, 716, 1974). Where measurements
of one source are alike, both are larger in the same ratio. So the excess is what a fit to half of the sources loses more again,
and also half the distance of the losses on other sources and on the model's own.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ideal.density import MODELS, Density
from ideal.errors import DataError
from ideal.health import Finding
from ideal.information.results import Estimate
from ideal.information.scoring import Prepared
from ideal.measurements.patches import halves_by_group

_SHARE, _BITS = 0.01, 0.005  # of the information, and bits per pixel: a smaller fall is not worth a line
_CERTAIN = 2.0  # standard errors that a fall must be above 0
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

    def fit(self, name: str, train: "np.ndarray | Prepared", validation: np.ndarray, sensor, key, **noise) -> list[Density]:
        """Return a model of each half; none where the model takes long to fit, or a half is too little for it.

        `noise` is that of each training and of each validation measurement, where these differ: `sigmas` or `figures`, as of
        `Density.fit`.
        """
        kind = MODELS[name]
        if not kind.refitted:
            return []
        fitted = self._fitted[kind.discrete]
        try:
            for part, siblings in zip(self._parts, fitted, strict=False):
                some = train[part] if isinstance(train, np.ndarray) else train.take(part)
                more: dict[str, Any] = {known: (each[0][part], each[1]) for known, each in noise.items()}
                siblings[name] = kind.fit(key, some, validation, fitted=siblings, sensor=sensor, **more)
        except DataError:
            return []
        return [siblings[name] for siblings in fitted] if self._parts else []


def is_affordable(name: str, shape: tuple[int, ...], folds: int, models: Collection[str]) -> bool:
    """Tell whether further fits take little beside those of the estimate, which says so by its kind: as a clock would not.

    A stationary fit takes the same of half of the measurements as of all: it is affordable beside other folds, or training.
    """
    if folds > 1 or any(MODELS[each].trained for each in models):
        return True
    return name == "full" and (len(shape) == 1 or "stationary" in models)


def few_measurements(found: Estimate, values: int) -> Finding | None:
    """Return the line on how far the bound may fall with more measurements; None where that is not known or does not matter.

    Args:
        found: the estimate.
        values: real values of a measurement.

    """
    best = found.best
    if best.limit is None:
        return None
    fall = best.values.mean - best.limit.mean
    apart = best.values.sums - best.limit.sums - fall * best.values.counts
    error = np.sqrt((apart**2).sum()) / best.values.counts.sum() if len(apart) > 1 else np.inf
    bits, now = found.bits_per_pixel(fall), found.information_bits_per_pixel
    if fall < _CERTAIN * error or bits < _BITS or bits < _SHARE * abs(now):
        return None
    unit = found.pixel_name
    share = "" if now <= 0 else f" ({min(100 * bits / now, 100):.2g} %)"
    return Finding(
        "few-measurements",
        "biased",
        f"{found.n_train} measurements of {values} values train the models: {best.name} lacks {bits:.2g} bits/{unit} for want of "
        "more, as fits to parts of them say",
        f"with many more the bound would fall by about as much{share}, to {max(now - bits, 0.0):.3g} bits/{unit}",
        "measure more objects" + (", or take a smaller patch (--patch)" if len(found.patch) > 1 else ""),
        {
            "values": values,
            "training": found.n_train,
            "model": best.name,
            f"fall_bits_per_{unit}": bits,
            "standard_error": float(found.bits_per_pixel(error)),
        },
    )

"""The floor under the models of a fold: from training values and the stored type alone, never from what is scored."""

from collections.abc import Mapping

import numpy as np

from ideal.density import Density, Floor
from ideal.health import Finding
from ideal.information.scoring import Prepared, in_blocks
from ideal.noise import NoiseModel

_VALUES = 1_000_000  # of the training measurements, for the histogram
_DRAWN = 4096  # values drawn from a model that came without a floor
_TYPES = {"u1", "i1", "u2", "i2"}  # whose range is a bound worth having
_MOSTLY = 0.25  # share of a measurement that the floor gave, from which on the measurement is unlike all those trained on
_SOME = 0.01  # of the scored measurements: fewer of them hardly move the number


def stored_span(source, noise: NoiseModel) -> tuple[float, float] | None:
    """Return the lower and upper end of what the stored type can hold, in the units of `read`, or None where that is wide.

    The ends are half a step beyond the last levels.
    """
    if source.dtype.str[1:] not in _TYPES or not noise.scale.is_linear or noise.by_place:
        return None
    limits, step = np.iinfo(source.dtype), noise.step
    low, high = (-(-limits.min // step) * step, limits.max // step * step)
    below, above = (float((end - source.offset) * source.gain) for end in (low - step / 2, high + step / 2))
    return below, above


def floor_of(source, noise: NoiseModel, train: Prepared) -> Floor | None:
    """Return the floor of the models that are fitted to these measurements; None where there are none."""
    if not len(train):
        return None
    values = train.some(_VALUES).array()
    return Floor.fit(values, step=noise.quantum, origin=noise.origin, span=stored_span(source, noise))


def on_floor(model: Density, floor: Floor | None, noise: NoiseModel, key) -> Density:
    """Return the model upon its own floor, or else upon the one given, or else upon one of values drawn from the model."""
    if model.floor is not None:
        return model
    if floor is None:
        try:
            drawn = model.sample(np.random.SeedSequence(key), max(8, _DRAWN // int(np.prod(model.shape))))
        except NotImplementedError:  # a density of the user's own that cannot be drawn from
            return model
        floor = Floor.fit(drawn, step=noise.quantum, origin=noise.origin)
    return model.with_floor(floor)


def scored_in_blocks(
    model: Density, measurements: np.ndarray, told: Mapping[str, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the model's loss upon its floor, nats per measurement, and the share of each that the floor gave.

    Args:
        model: the model.
        measurements: (sample, ...).
        told: what the model is told of each value beside it, (sample, ...) by name, as `sigma` of the noise, or `keep`.

    """
    told = told or {}

    def score(block, *own):
        return np.stack(model.floored(block, **dict(zip(told, own, strict=True))), axis=1)

    found = in_blocks(score, measurements, *told.values())
    return -found[:, 0], found[:, 1]


def advice_on_floors(shares: np.ndarray, groups: np.ndarray) -> list[Finding]:
    """Return what to know where scored measurements are unlike all that the chosen models were fitted to.

    Args:
        shares: of each scored measurement, that which the floor gave.
        groups: their sources.

    """
    odd = shares > _MOSTLY
    if odd.mean() <= _SOME:
        return []
    sources = len(np.unique(groups[odd]))
    text = (
        f"{int(odd.sum())} of {len(odd)} scored measurements, of {sources} source{'s' * (sources > 1)}, are unlike all that the "
        "models were fitted to"
    )
    return [
        Finding(
            "bound-near-floor",
            "biased",
            text,
            effect="there the number is what the range of the values allows, far above the information",
            remedy="measure more objects of each kind, leave out measurements that are faulty, or estimate the kinds apart",
            figures={"measurements": int(odd.sum()), "of": len(odd), "share": float(odd.mean()), "sources": sources},
        )
    ]


__all__ = ["advice_on_floors", "floor_of", "on_floor", "scored_in_blocks", "stored_span"]

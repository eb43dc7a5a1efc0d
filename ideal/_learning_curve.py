"""How far the bound may fall with more measurements: a model fitted to half of the sources, scored beside the one of all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ideal._scoring import Prepared, in_blocks
from ideal.density import MODELS, Density, Sensor
from ideal.errors import DataError
from ideal.health import Finding
from ideal.noise import NoiseModel
from ideal.patches import Fold, Patches
from ideal.result import LN2

_SHARE, _BITS = 0.01, 0.005  # of the information, and bits per pixel: a smaller fall is not worth a line
_CERTAIN = 2.0  # standard errors that a fall must be above 0
_FEWEST = 4  # training sources that can be halved
_STATIONARY = ("stationary", "negative-binomial")


@dataclass(frozen=True)
class Fall:
    """What half of the training sources cost, which is about what twice as many, and twice as many again and so on, would gain.

    The excess of a fitted model over the best of its kind is in proportion to one over the number of measurements, so that the
    difference between half of them and all is the excess that is left.

    Attributes:
        model: name of the model that was fitted again.
        nats: per measurement.
        error: standard error of that.
        training: measurements in the whole training part.

    """

    model: str
    nats: float
    error: float
    training: int


def may_matter(name: str, shape: tuple[int, ...], values: int, training: int) -> bool:
    """Tell whether the excess of a model's free numbers over twice the measurements may be worth a line.

    Args:
        name: of the model.
        shape: of a measurement.
        values: its real values.
        training: measurements that train the model.

    """
    free = values * (values + 3) / 2
    if name in _STATIONARY:  # a covariance for each step between two pixels, and pair of channels
        channels = shape[2] if len(shape) > 2 else 1
        free = (2 * shape[0] - 1) * (2 * shape[1] - 1) * channels**2 / 2
    return free / (2 * training) > _BITS * LN2 * (shape[0] * shape[1] if len(shape) > 1 else shape[0])


def is_affordable(name: str, shape: tuple[int, ...], folds: int, models: Collection[str]) -> bool:
    """Tell whether another fit takes little beside those of the estimate, which says so by its kind: as a clock would not.

    A stationary fit takes the same of half of the measurements as of all: it is affordable beside other folds, or training.
    """
    if folds > 1 or any(MODELS[each].trained for each in models):
        return True
    return name == "full" and (len(shape) == 1 or "stationary" in models)


def fall_with_more(
    patches: Patches,
    noise: NoiseModel,
    sensor: Sensor,
    fold: Fold,
    name: str,
    losses: np.ndarray,
    key: list[int],
    fitted: Mapping[str, Density],
) -> Fall | None:
    """Fit a model to half of the training sources and score it on the same test patches.

    Args:
        patches: all patches.
        noise, sensor: of the measurements.
        fold: the split.
        name: of a model that is not trained step by step.
        losses: of the test patches by the model of that name that was fitted to the whole training part, nats.
        key: of the fold.
        fitted: models of the fold; the full one starts from the stationary one of all measurements, whose own excess is small.

    Returns:
        The fall, or None where half of the sources are too few for a fit.

    """
    groups = patches.groups[fold.train]
    names = np.unique(groups)
    if len(names) < _FEWEST:
        return None
    half = np.random.default_rng([*key, 7]).permutation(names)[: len(names) // 2]
    discrete = MODELS[name].discrete
    train, validation, test = (
        Prepared(patches.take(part), noise, not discrete and noise.quantum > 0, (*key, number))
        for number, part in enumerate((fold.train[np.isin(groups, half)], fold.validation, fold.test))
    )
    more = {"fitted": {each: fitted[each] for each in ("stationary",) if name == "full" and each in fitted}}
    if sensor.noise_by_sample:
        train = train.holdable()
        more["sigmas"] = train.sigma, validation.sigma
    try:
        model = MODELS[name].fit(np.random.SeedSequence(key), train.array(), validation.array(), sensor=sensor, **more)
    except DataError:
        return None
    told = [test.sigma] if sensor.noise_by_sample and model.noise is not None else []
    halved = -in_blocks(
        lambda block, *sigma: model.log_prob(block, **({"sigma": sigma[0]} if sigma else {})), test.array(), *told
    )
    index = np.unique(test.patches.groups, return_inverse=True)[1]
    difference = halved - losses
    mean = float(difference.mean())
    by_group = np.bincount(index, weights=difference - mean)
    error = np.sqrt((by_group**2).sum()) / len(difference) if len(by_group) > 1 else np.inf
    return Fall(name, mean, float(error), len(fold.train))


def finding_of(fall: Fall | None, information: float, pixels: int, unit: str, *, patched: bool, values: int) -> Finding | None:
    """Return the line on how far the bound may fall, or None where it would not fall by enough to matter.

    Args:
        fall: what was measured.
        information: the bound, nats per measurement.
        pixels: of a measurement.
        unit: name of one, as "pixel".
        patched: whether measurements are images, of which a smaller patch can be taken.
        values: real values of a measurement.

    """
    if fall is None or fall.nats < _CERTAIN * fall.error:
        return None
    bits = fall.nats / LN2 / pixels
    if bits < _BITS or fall.nats < _SHARE * abs(information):
        return None
    share = "" if information <= 0 else f" ({100 * min(fall.nats / information, 1):.2g} %)"
    return Finding(
        "few-measurements",
        "biased",
        f"{fall.training} measurements train the models, few for {values} values: fitted to half of the sources, {fall.model} is "
        f"{bits:.2g} bits/{unit} worse",
        f"with many more measurements the bound would fall by about as much, to {max(information / LN2 / pixels - bits, 0):.3g} "
        f"bits/{unit}{share}",
        "measure more objects" + (", or take a smaller patch (--patch)" if patched else ""),
        {
            "values": values,
            "training": fall.training,
            "model": fall.model,
            f"fall_bits_per_{unit}": bits,
            "standard_error": fall.error / LN2 / pixels,
        },
    )

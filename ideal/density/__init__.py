"""Density models: each bounds the entropy of measurements from above."""

from pathlib import Path

import numpy as np

from ideal.density._contract import Density, read_model_file, read_origin, take_floor
from ideal.density._fitting import Fitting, Progress, Sensor
from ideal.density.floor import Floor
from ideal.density.gaussian.full import FullGaussian
from ideal.density.gaussian.mixture import GaussianMixture
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.density.negative_binomial import NegativeBinomial
from ideal.density.networks.blend import Blend
from ideal.density.networks.causal_mixture import CausalMixture
from ideal.density.networks.pixel_cnn import PixelCNN
from ideal.errors import DataError, IdealError, UsageError, unknown_name
from ideal.text import plain_text

MODELS: dict[str, type[Density]] = {
    model.name: model
    for model in (StationaryGaussian, FullGaussian, GaussianMixture, NegativeBinomial, CausalMixture, PixelCNN, Blend)
}
DEFAULT = ("stationary", "full", "negative-binomial", "causal-mixture")  # what a user waits a minute for


def find_model(name: str) -> type[Density]:
    """Return the model class of this name.

    Raises:
        UsageError: there is none; the message suggests the nearest.

    """
    if name not in MODELS:
        raise UsageError(unknown_name("no density model is called", name, (*MODELS, "all")))
    return MODELS[name]


def load(path: str | Path) -> Density:
    """Read a fitted model that `Density.save` wrote.

    Raises:
        DataError: the file is missing, no model, damaged, or changed since it was written.

    """
    name, state = read_model_file(path)
    if name not in MODELS:
        raise DataError(f"{path} cannot be read as a model file: " + unknown_name("no density model is called", name, MODELS))
    origin = read_origin(path)
    try:
        floor = take_floor(state)
        model = MODELS[name]._from_state(state).with_origin(origin).with_floor(floor)
        drawn = np.zeros((1, *model.shape)) if model.trained else model.sample(0, 1)  # trained ones take seconds
        if drawn.shape[1:] != tuple(model.shape) or not np.isfinite(drawn).all():
            raise ValueError("it draws no measurements of its shape")
    except (IdealError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        reason = plain_text(" ".join(str(error).split()))[:200]
        raise DataError(f"{path} cannot be read as a model file: {reason or type(error).__name__}: is it damaged?") from error
    return model


__all__ = [
    "DEFAULT",
    "MODELS",
    "Blend",
    "CausalMixture",
    "Density",
    "Fitting",
    "Floor",
    "FullGaussian",
    "GaussianMixture",
    "NegativeBinomial",
    "PixelCNN",
    "Progress",
    "Sensor",
    "StationaryGaussian",
    "find_model",
    "load",
]

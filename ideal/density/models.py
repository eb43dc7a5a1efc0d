"""The density models by name, and reading one that was kept in a file."""

from pathlib import Path

import numpy as np

from ideal.density._contract import Density, read_model_file, read_origin, take_floor
from ideal.errors import DataError, IdealError, unknown_name
from ideal.registry import Registry
from ideal.text import plain_text

# A model is imported when it is asked for: those with networks take JAX. A new one is one file and one line here.
MODELS: Registry[Density] = Registry(
    "no density model is called",
    "ideal.models",
    "ideal.density._contract:Density",
    {
        "stationary": "ideal.density.gaussian.stationary:StationaryGaussian",
        "full": "ideal.density.gaussian.full:FullGaussian",
        "gaussian-mixture": "ideal.density.gaussian.mixture:GaussianMixture",
        "negative-binomial": "ideal.density.negative_binomial:NegativeBinomial",
        "known-channel": "ideal.density.known_channel:KnownChannel",
        "causal-mixture": "ideal.density.networks.causal_mixture:CausalMixture",
        "pixel-cnn": "ideal.density.networks.pixel_cnn:PixelCNN",
        "blend": "ideal.density.networks.blend:Blend",
    },
)
DEFAULT = ("stationary", "full", "negative-binomial", "known-channel", "causal-mixture")  # what a user waits a minute for


def find_model(name: str) -> type[Density]:
    """Return the model class of this name.

    Raises:
        UsageError: there is none; the message suggests the nearest.

    """
    return MODELS.find(name, "all")


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

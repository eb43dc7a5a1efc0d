"""A density model by its name, and reading one that was kept in a file."""

from pathlib import Path

import numpy as np

from ideal.density._contract import Density, read_model_file, read_origin, take_floor
from ideal.density.members import MODELS
from ideal.errors import DataError, IdealError, unknown_name
from ideal.text import plain_text


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

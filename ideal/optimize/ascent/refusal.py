"""What an ascent says that cannot begin, or that has lost its way: which parameter is to blame, and what mends it."""

import numpy as np

from ideal.errors import DataError
from ideal.imaging import Params


def check_begin(objective: str, params: Params, gain: float, slopes: Params, number: int, count: int) -> None:
    """Refuse a start where the gain or its slope is not finite.

    Args:
        objective: its name.
        params: of the start.
        gain: there.
        slopes: of the gain in the parameters that move.
        number: of the start, from 0.
        count: how many starts there are.

    Raises:
        DataError: the gain or a slope is not finite; the message names the parameters and their values.

    """
    blamed = [name for name, each in slopes.items() if not np.isfinite(np.asarray(each)).all()]
    if np.isfinite(gain) and not blamed:
        return
    which = f"start {number + 1} of {count}" if count > 1 else "the start"
    told = "; ".join(_place(name, params[name], slopes.get(name)) for name in blamed or slopes)
    if np.isfinite(gain):
        what = f"the slope of the objective {objective} in {_names(blamed)} is not finite at {which} ({told})"
        why = "as that of a square root or a norm is at 0"
    else:
        what = f"the objective {objective} is {gain} at {which} ({told})"
        why = "as a logarithm or a quotient is at 0"
    other = f"keep it as it is (`rates={blamed[0]}=0`)" if np.isfinite(gain) else "take less light (`photons`)"
    raise DataError(
        f"{what}, {why}: begin at another value (`starts`, or its value in the configuration), mend the encoder, or {other}"
    )


def lost(objective: str, step: int, params: Params) -> DataError:
    """Return the error of an ascent that left the finite numbers on its way.

    Args:
        objective: its name.
        step: after which.
        params: of all starts, as they are then.

    """
    blamed = [name for name, each in params.items() if not np.isfinite(np.asarray(each)).all()]
    where = f", nor {_names(blamed)}" if blamed else ""
    return DataError(
        f"the objective {objective} is not finite after {step} steps{where}: take a lower learning rate (`learning_rate`)"
        + (f", or a lower one of this parameter (`rates={blamed[0]}=0.1`)" if blamed else "")
    )


def _names(names: list[str]) -> str:
    return f"the parameter {names[0]}" if len(names) == 1 else f"the parameters {', '.join(names)}"


def _place(name: str, value, slope) -> str:
    """Return the first value whose slope is not finite, with its index, and how many there are."""
    value = np.asarray(value)
    wrong = np.zeros(value.shape, bool) if slope is None else ~np.isfinite(np.asarray(slope))
    if not value.ndim or not wrong.any():
        reach = f"{value.min():g}" if value.min() == value.max() else f"{value.min():g} to {value.max():g}"
        return f"{name} = {reach}"
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    more = f", {int(wrong.sum())} of {value.size} values" if wrong.sum() > 1 else ""
    return f"{name}[{', '.join(map(str, index))}] = {value[index]:g}{more}"

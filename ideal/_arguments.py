"""What callers give, before it is used: whole numbers, numbers and sides of patches, refused with the name of the argument."""

import math
import numbers
from typing import Any

from ideal.errors import UsageError


def whole(what: str, value: Any, least: int | None = None) -> int:
    """Return a whole number, from `least` on.

    Args:
        what: how the message calls it, as "`seed`".
        value: what was given; NumPy's whole numbers too, no flags.
        least: smallest value with a meaning, or None.

    Raises:
        UsageError: it is none, or less.

    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or (least is not None and value < least):
        raise UsageError(f"{what} takes a whole number{'' if least is None else f' from {least} on'}; found {value!r}")
    return int(value)


def number(what: str, value: Any) -> float:
    """Return a finite number.

    Raises:
        UsageError: it is none, as a text that looks like one.

    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise UsageError(f"{what} takes a number; found {value!r}")
    return float(value)


def two_sides(what: str, value: Any) -> tuple[int, int]:
    """Return rows and columns of what is given as one whole number or as two.

    Raises:
        UsageError: it is neither.

    """
    pair = (value, value) if isinstance(value, numbers.Integral) else value
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(side, numbers.Integral) for side in pair):
        raise UsageError(f"{what} takes a whole number of pixels, or (rows, columns); found {value!r}")
    return int(pair[0]), int(pair[1])

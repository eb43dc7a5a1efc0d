"""Levels that values keep to, as those of a converter, counts that were scaled, or rounded numbers."""

import numpy as np

_REPEATED = 0.5  # of the values: with fewer different ones they keep to levels
_SAME = 1e-12  # of the range of the values
_SAME_SINGLE = 1e-6  # the same in single precision
_UNEVEN = 1e-2  # of the least distance of levels, by which others may miss its multiples


def level_distance(values: np.ndarray) -> float:
    """Return the distance of the levels that values keep to, 0 where they are continuous.

    Of levels that are not evenly spaced it is eight times the distance that nearly all neighbours keep within.

    Args:
        values: real, any shape; some thousands tell.

    """
    levels = np.unique(values)
    gaps = np.diff(levels)
    # Levels that rounding alone parts are one.
    gaps = gaps[gaps > (_SAME_SINGLE if values.dtype == np.float32 else _SAME) * gaps.sum(dtype=np.float64)]
    if not len(gaps) or len(gaps) + 1 > _REPEATED * values.size:
        return 0.0
    steps = gaps / gaps.min()
    even = np.abs(steps - np.round(steps)).max() < _UNEVEN
    return float(gaps.min() if even else 8 * np.quantile(gaps, 0.95))

"""What is best for what it costs."""

import math
from collections.abc import Sequence


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the numbers of the points that no other beats, by rising cost: none costs as little and has as much.

    Args:
        points: (cost, value) each.

    Example:
        >>> pareto([(1.0, 2.0), (2.0, 1.0), (3.0, 4.0)])
        [0, 2]

    """
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    front: list[int] = []
    best = -math.inf
    for place in order:
        if points[place][1] > best:
            best = points[place][1]
            front.append(place)
    return front

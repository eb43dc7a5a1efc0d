"""Parts of the shapes of arrays."""

from collections.abc import Sequence


def rows_and_columns(shape: Sequence[int]) -> tuple[int, int]:
    """Return the first two sizes of the shape of an image (row, column[, channel])."""
    return shape[0], shape[1]

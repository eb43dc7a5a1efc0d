"""Arrays of HDF5 files that are not as they look: axes in the order of another language, complex numbers as pairs."""

from typing import Any

import numpy as np

_PAIRS = (("real", "imag"), ("r", "i"), ("re", "im"), ("Re", "Im"))


class MeantArray:
    """An array in a file as its program means it.

    Args:
        stored: array with `shape` and `dtype` that is read by a slice for each axis.
        reverse: whether its axes stand in the opposite order, as those of MATLAB do in HDF5.
        pair: names of the fields of real and imaginary part; None for plain numbers.

    Attributes:
        stored: as given.
        reverse: as given.
        attrs: attributes of the array in the file; empty where it has none.

    """

    def __init__(self, stored: Any, *, reverse: bool = False, pair: tuple[str, str] | None = None):
        self.stored, self.reverse, self._pair = stored, reverse, pair
        self.shape = tuple(stored.shape[::-1] if reverse else stored.shape)
        kind = np.dtype(stored.dtype)
        self.dtype = kind if pair is None else np.result_type(kind[pair[0]], np.complex64)
        self.attrs = getattr(stored, "attrs", {})

    def __getitem__(self, index) -> np.ndarray:
        """Return the part of one index: slices without a step of the first axes, or of all."""
        index = () if index is Ellipsis else index if isinstance(index, tuple) else (index,)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        values = np.asarray(self.stored[index[::-1] if self.reverse else index])
        if self._pair is not None:
            parts = np.empty(values.shape, self.dtype)
            parts.real, parts.imag = values[self._pair[0]], values[self._pair[1]]
            values = parts
        return values.transpose() if self.reverse else values


def pair_of(dtype: np.dtype) -> tuple[str, str] | None:
    """Return the fields of real and imaginary part of a type of records, as MATLAB and others store complex numbers."""
    names = dtype.names
    if names is None or tuple(names) not in _PAIRS:
        return None
    kinds = {dtype[name].kind for name in names}
    return (names[0], names[1]) if kinds <= set("fiu") and all(dtype[name].shape == () for name in names) else None

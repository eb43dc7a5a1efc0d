"""What a reader returns: named arrays that are read sample by sample, and what the file says about them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ideal.errors import DataError
from ideal.health import Finding

NAMES = ("measurements", "clean", "objects", "labels", "groups", "sigma")
NOISE_ARRAYS = "noise_arrays"  # group of them in a file, and the attribute that lists their names
FORMAT = "ideal-measurements"
FORMAT_VERSION = 1


@dataclass
class Source:
    """An open file.

    Attributes:
        path: as the user wrote it, with the dataset where one was named.
        arrays: any of `NAMES`; always `measurements`.
        attributes: what the file says about them.
        findings: what a user should know about the file and how it was read; `ideal.health`.
        trusted: whether `gain`, `sigma` and the like among the attributes mean what they mean here.
        close: releases the file.
        axes: of the measurements, one letter each as of `ideal.formats.axes`; empty where nobody names them.
        axes_named: whether the user has named them.
        whole_shape: of the measurements with the axes of length 1 that the reader left out, where it left out any.
        files: what else is read, resolved: files that the file names.
        folder: in which files may lie that a user has named himself, as the frames of a set; None for that of `path`.
        asks_axes: whether axes that nobody names are taken from shape and values where these leave no doubt, and asked for
            elsewhere: in files of programs that have no order of axes, as MATLAB.
        with_gain: figures of the camera in DN that hold once the gain is known, as the black level: `offset`.
        noise_covariance: (coil, coil) complex, E[n conj(n)^T] of the noise n of one complex value in each coil, in the units of
            the measurements, from a scan without a signal; its diagonal is the variance of the real and the imaginary part
            together. None where the file has no such scan.
        noise_arrays: arrays that make the noise, as maps of a sensor, by name.
        fills: stored values that the file says stand for nothing (`_FillValue` and `missing_value` of netCDF).

    """

    path: str
    arrays: dict[str, Any]
    attributes: dict = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    trusted: bool = False
    close: Callable[[], None] = lambda: None
    axes: str = ""
    axes_named: bool = False
    whole_shape: tuple[int, ...] | None = None
    files: list[Path] = field(default_factory=list)
    folder: Path | None = None
    asks_axes: bool = False
    with_gain: dict[str, float] = field(default_factory=dict)
    noise_covariance: np.ndarray | None = None
    noise_arrays: dict[str, np.ndarray] = field(default_factory=dict)
    fills: tuple[float, ...] = ()


def unmasked(array, where: str) -> np.ndarray:
    """Return an array that somebody gives in memory; the mask of a masked array, if it hides anything, cannot be kept.

    Args:
        array: or what becomes one.
        where: how a message names it.

    Raises:
        DataError: values are masked.

    """
    if np.ma.isMaskedArray(array) and (hidden := int(np.ma.getmaskarray(array).sum())):
        raise DataError(
            f"{where}: {hidden} values are masked, and no estimate knows a mask: leave out the samples or the rows and columns "
            "that hold them, or give pixels that are bad in all samples as bad_pixels of CameraMaps (.filled(...) drops a mask)"
        )
    return np.asarray(array)


class SampleArray:
    """An array in a file that is read by whole samples only, `array[start:stop]`; others take `array[start:stop, rows]` too."""

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Return samples; a subclass reads them."""
        raise NotImplementedError


class MappedArray:
    """An uncompressed array inside a file, mapped anew for each read so that what was read leaves memory again."""

    def __init__(self, path: Path, dtype: np.dtype, shape: tuple[int, ...], offset: int):
        self.path, self.dtype, self.shape, self.offset = path, np.dtype(dtype), tuple(shape), offset
        self._stride = math.prod(self.shape[1:]) * self.dtype.itemsize
        expected, found = offset + self.shape[0] * self._stride, path.stat().st_size
        if found < expected:
            raise DataError(f"{path}: truncated, {found} bytes where its header promises {expected}: copy the file again")

    def __getitem__(self, index: slice | tuple[slice, ...]) -> np.ndarray:
        """Return the part of slices without a step, of the first axis or of several."""
        samples, *rest = index if isinstance(index, tuple) else (index,)
        start, stop, _ = samples.indices(self.shape[0])
        shape = (max(stop - start, 0), *self.shape[1:])
        if 0 in shape:
            return np.empty(shape, self.dtype)[(slice(None), *rest)]
        mapped = np.memmap(self.path, self.dtype, "r", self.offset + start * self._stride, shape)
        return np.array(mapped[(slice(None), *rest)])

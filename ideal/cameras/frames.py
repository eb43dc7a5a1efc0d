"""Stacks of frames from arrays and files, read one frame at a time."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.measurements.measurement_set import MeasurementSet, open_measurements
from ideal.text import plain_text

_EXPOSURES = ("exposure_time", "exposure_seconds", "ExposureTime", "exptime", "EXPTIME")  # seconds, as files name them
_BLOCK_BYTES = 2**25


@dataclass(frozen=True)
class Stack:
    """Frames that follow each other, of one file or array, or of several files of one frame each.

    Attributes:
        name: what messages call it.
        count: number of frames.
        shape: of each, (row, column).
        dtype: of the values.
        read: returns frames start to stop, (frame, row, column).
        exposures: seconds of each frame, (frame,), or None where nobody has said.
        groups: source of each frame, (frame,), or None.
        period: rows and columns after which the sensor's mosaic repeats.

    """

    name: str
    count: int
    shape: tuple[int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    exposures: np.ndarray | None = None
    groups: np.ndarray | None = None
    period: tuple[int, int] = (1, 1)

    def frames(self, numbers: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yield frames (row, column), all or those of these numbers in increasing order.

        Raises:
            DataError: a value is NaN or infinite.

        """
        numbers = range(self.count) if numbers is None else numbers
        size = max(1, _BLOCK_BYTES // (math.prod(self.shape) * self.dtype.itemsize))
        for first, last in _runs(numbers, size):
            for frame in self.read(first, last):
                if frame.dtype.kind == "f" and not np.isfinite(frame).all():
                    raise DataError(f"{self.name}: a value is NaN or infinite: a calibration takes raw frames")
                yield frame


def open_stacks(given: Any, what: str, stack: ExitStack, *, axes: str | None = None, follow_links: bool = False) -> list[Stack]:
    """Return the stacks that somebody gives: arrays, measurement sets, files, or a list of these.

    Args:
        given: array (frame, row, column), (row, column) or (level, frame, row, column), `MeasurementSet`, name of a file, pattern
            of names, or a list of any of these. Files of one frame each are one stack.
        what: what messages call the frames, as "dark".
        stack: closes files.
        axes: of the arrays as they are stored; see `ideal.open_measurements`.
        follow_links: as of `ideal.open_measurements`.

    Raises:
        DataError: something holds no frames.
        UsageError: nothing is given, or a pattern fits no file.

    """
    several = isinstance(given, list | tuple) and not (given and np.isscalar(given[0]) and not isinstance(given[0], str))
    found: list[Stack] = []
    singles: list[Stack] = []
    for number, each in enumerate(given if several else [given]):
        for one in _open(each, f"{what}[{number}]" if several else what, stack, axes, follow_links):
            (singles if one.count == 1 else found).append(one)
    if singles:
        found.append(_joined(singles, what))
    if not found:
        raise UsageError(f"{what}: no frames are given")
    return found


def same_shape(stacks: Sequence[Stack]) -> tuple[int, int]:
    """Return the shape that all frames have.

    Raises:
        DataError: some differ.

    """
    first = stacks[0]
    for each in stacks:
        if each.shape != first.shape:
            raise DataError(
                f"{each.name}: frames of {_size(each.shape)} pixels, those of {first.name} have {_size(first.shape)}: a "
                "calibration takes frames of one camera in one mode"
            )
    return first.shape


def with_exposures(stacks: list[Stack], seconds: Sequence[float]) -> list[Stack]:
    """Return stacks with the exposures that somebody names, one for each stack, or one for each frame of all.

    Raises:
        UsageError: there are not as many.

    """
    counts = [each.count for each in stacks]
    if len(seconds) == len(stacks):
        return [replace(one, exposures=np.full(one.count, float(t))) for one, t in zip(stacks, seconds, strict=True)]
    if len(seconds) == sum(counts):
        parts = np.split(np.asarray(seconds, dtype=np.float64), np.cumsum(counts)[:-1])
        return [replace(one, exposures=part) for one, part in zip(stacks, parts, strict=True)]
    raise UsageError(
        f"{len(seconds)} exposures for {len(stacks)} stacks of {sum(counts)} frames: name one for each file or array, those of "
        "dark frames first"
    )


def _open(each: Any, what: str, stack: ExitStack, axes, follow_links) -> Iterator[Stack]:
    if isinstance(each, str | Path):
        text = str(each)
        if has_magic(text) and not Path(text).exists():
            names = sorted(glob(text), key=_natural)
            if not names:
                raise UsageError(f"{text}: no file is called so: check the pattern and the folder")
        else:
            names = [text]
        for name in names:
            yield from _of_set(stack.enter_context(open_measurements(name, axes=axes, follow_links=follow_links)))
    elif isinstance(each, MeasurementSet):
        yield from _of_set(each)
    else:
        yield from _of_array(np.asarray(each), what)


def _of_array(array: np.ndarray, name: str) -> Iterator[Stack]:
    if array.dtype.kind not in "uif":
        raise DataError(f"{name}: values of type {array.dtype}, expected real numbers")
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 4:
        for number, level in enumerate(array):
            yield from _of_array(level, f"{name}[{number}]")
        return
    if array.ndim != 3 or 0 in array.shape:
        raise DataError(f"{name}: an array of shape {array.shape}, expected (frame, row, column)")
    yield Stack(name, len(array), array.shape[1:], array.dtype, lambda start, stop: array[start:stop])


def _of_set(measured: MeasurementSet) -> Iterator[Stack]:
    name, shape = plain_text(measured.path), measured.shape
    if measured.dtype.kind == "c" or len(shape) not in (2, 3):
        raise DataError(
            f"{name}: measurements of shape {shape}, expected raw frames (frame, row, column): a calibration takes what the "
            "sensor read, before colors are made of it"
        )
    if len(shape) == 2:  # an array of two axes is one frame here
        rows, columns = shape
        yield Stack(name, 1, (rows, columns), measured.dtype, lambda start, stop: measured.read_raw(0, rows)[None][start:stop])
        return
    said = next((measured.attributes[key] for key in _EXPOSURES if key in measured.attributes), None)
    exposures = None
    if said is not None:
        values = np.ravel(np.asarray(said))
        if values.dtype.kind in "uif" and values.size in (1, shape[0]):
            exposures = np.broadcast_to(values.astype(np.float64), (shape[0],))
    groups = measured.groups if measured.has_groups else None
    yield Stack(name, shape[0], shape[1:], measured.dtype, measured.read_raw, exposures, groups, measured.period or (1, 1))


def _joined(singles: list[Stack], what: str) -> Stack:
    """Return files of one frame each as one stack."""
    if len(singles) == 1:
        return singles[0]
    same_shape(singles)
    exposures = None
    if all(each.exposures is not None for each in singles):
        exposures = np.concatenate([each.exposures for each in singles if each.exposures is not None])
    dtype = np.result_type(*[each.dtype for each in singles])
    return replace(
        singles[0],
        name=f"{what} ({len(singles)} files)",
        count=len(singles),
        dtype=dtype,
        read=lambda start, stop: np.concatenate([each.read(0, 1) for each in singles[start:stop]]),
        exposures=exposures,
        groups=None,
    )


def _runs(numbers: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of neighbouring numbers, at most so many at a time."""
    start = last = None
    for number in numbers:
        if start is not None and last is not None and number == last + 1 and number - start < most:
            last = number
            continue
        if start is not None and last is not None:
            yield start, last + 1
        start = last = number
    if start is not None and last is not None:
        yield start, last + 1


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"


def _natural(name: str) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

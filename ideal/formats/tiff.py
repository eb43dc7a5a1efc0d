"""TIFF stacks: one page is one sample, read page by page."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ideal.errors import DataError
from ideal.formats._source import MappedArray, SampleArray, Source


class TiffStack(SampleArray):
    """The pages of a TIFF file as (sample, row, column[, channel]).

    Colour pages (RGB, interleaved or planar) and the C axis of an ImageJ hyperstack become the last axis; a C axis alone is
    what ImageJ calls any plain stack, so there it counts samples. An array of rank 4 that was written without naming its axes
    is taken as (sample, row, column, channel), as in every other format.
    """

    def __init__(self, file: Path, handle):
        series, page = handle.series[0], handle.series[0].keyframe
        if page.axes not in ("YX", "YXS", "SYX"):
            raise DataError(f"{file}: pages have axes {page.axes} and shape {page.shape}, expected rows, columns and channels")
        self._file, self._page_shape, self.dtype = file, page.shape, np.dtype(page.dtype)
        self._mapped, self._per_sample = None, 1  # pages per sample
        self._channel_axis = 1 if page.axes == "SYX" else None
        if len(handle.series) == 1:
            self._pages, n_pages = series.pages, math.prod(series.shape) // math.prod(page.shape)
            self._split_axes(series.axes, series.shape)
            if series.dataoffset is not None:  # in one piece, also where ImageJ writes a single page header for all
                dtype = self.dtype.newbyteorder(handle.byteorder)
                self._mapped = MappedArray(file, dtype, (n_pages, *page.shape), series.dataoffset)
        else:  # pages that were appended one by one
            shapes = {(tuple(one.keyframe.shape), str(one.dtype)) for one in handle.series}
            if len(shapes) > 1:
                raise DataError(f"{file}: pages differ in shape or type: {sorted(shapes)[:4]}, expected pages of one shape")
            self._pages, n_pages = handle.pages, len(handle.pages)
        self.shape = (n_pages // self._per_sample, *self._arrange(np.empty((self._per_sample, *page.shape), "u1")).shape[1:])

    def _split_axes(self, axes: str, shape: tuple[int, ...]) -> None:
        if axes == "QQYX":
            self._per_sample = shape[1]
        elif axes.endswith("CYX") and len(axes) > 3:
            self._per_sample, self._channel_axis = shape[-3], 1

    def _arrange(self, pages: np.ndarray) -> np.ndarray:
        """Turn consecutive pages into samples with channels last."""
        if self._per_sample > 1:
            pages = pages.reshape(-1, self._per_sample, *self._page_shape)
        return pages if self._channel_axis is None else np.moveaxis(pages, self._channel_axis, -1)

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Return the samples of one slice without a step."""
        start, stop, _ = samples.indices(self.shape[0])
        start, stop = start * self._per_sample, max(start, stop) * self._per_sample
        if self._mapped is not None:
            return self._arrange(self._mapped[start:stop])
        pages = np.empty((stop - start, *self._page_shape), self.dtype)
        for i in range(start, stop):
            try:
                pages[i - start] = self._pages[i].asarray()
            except Exception as error:  # decoders raise what they like
                raise DataError(f"{self._file}: page {i} cannot be decoded ({error}): is the file complete?") from error
        return self._arrange(pages)


@contextmanager
def _complaints(name: str) -> Iterator[list[str]]:
    """Collect the errors that a library logs, instead of having them printed."""
    logger, found = logging.getLogger(name), []

    def collect(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            found.append(record.getMessage())
        return False

    logger.addFilter(collect)
    try:
        yield found
    finally:
        logger.removeFilter(collect)


def open_tiff(file: Path) -> Source:
    """Open a TIFF file.

    Raises:
        DataError: not a TIFF file, truncated, or pages of several shapes.

    """
    import tifffile

    handle = None
    try:
        with _complaints("tifffile") as complaints:
            handle = tifffile.TiffFile(file)
            stack = TiffStack(file, handle)
        if complaints:  # it goes on with the pages before the fault
            raise DataError(f"{file}: damaged or truncated TIFF ({complaints[0]}): copy the file again")
        return Source(str(file), {"measurements": stack}, close=handle.close)
    except Exception as error:
        if handle is not None:
            handle.close()
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: cannot be read as TIFF ({error})") from error

"""A part of a large TIFF page: only the strips or tiles in which it lies are read and decoded."""

from collections import OrderedDict
from pathlib import Path

import numpy as np

from ideal._memory import check_memory
from ideal.errors import DataError
from ideal.formats.damage import check_packed

UNCOMPRESSED = 1
_CACHE_BYTES = 2**26  # of decoded strips and tiles: neighbouring bands share those at their edge


class PageBands:
    """Reads parts of pages that are alike in all but their values.

    Args:
        file: what messages call it.
        page: `tifffile.TiffPage` that stands for all.

    """

    def __init__(self, file: Path, page):
        self._file, self._key = file, page.keyframe
        key = self._key
        self._height, self._width = int(key.imagelength), int(key.imagewidth)
        self._planar = int(key.planarconfig) == 2 and int(key.samplesperpixel) > 1
        self._samples = int(key.samplesperpixel)
        tiled = bool(key.is_tiled)
        self._rows = int(key.tilelength) if tiled else min(int(key.rowsperstrip), self._height)
        self._columns = int(key.tilewidth) if tiled else self._width
        self._down, self._across = -(-self._height // self._rows), -(-self._width // self._columns)
        self._extra = {}
        if int(key.compression) in (6, 7, 34892, 33007):  # JPEG
            self._extra = {"jpegtables": key.jpegtables, "jpegheader": key.jpegheader}
        self._cache: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()
        self._held = 0

    def read(self, page, number: int, inside: tuple[slice, ...]) -> np.ndarray:
        """Return the part `inside` of a page: slices of its axes, YX, YXS or SYX.

        Raises:
            DataError: a strip or a tile is missing, damaged, or so large that it does not fit into memory.

        """
        if int(getattr(self._key, "imagedepth", 1)) != 1:
            return page.asarray().reshape(self._key.shape)[inside]
        axes = self._key.axes
        at = {axis: range(*one.indices(size)) for axis, one, size in zip(axes, inside, self._key.shape, strict=True)}
        rows, columns, samples = at["Y"], at["X"], at.get("S", range(self._samples))
        out = np.full((len(samples), len(rows), len(columns)), self._key.nodata, self._key.dtype)
        if out.size:
            planes = samples if self._planar else (0,)
            for down in range(rows[0] // self._rows, rows[-1] // self._rows + 1):
                for across in range(columns[0] // self._columns, columns[-1] // self._columns + 1):
                    for plane in planes:
                        self._place(out, page, number, plane, down, across, rows, columns, samples)
        if "S" not in axes:
            return out[0]
        return out if axes == "SYX" else np.moveaxis(out, 0, -1)

    def _place(self, out, page, number: int, plane: int, down: int, across: int, rows, columns, samples) -> None:
        top, left = down * self._rows, across * self._columns
        y0, y1 = max(rows[0], top), min(rows[-1] + 1, top + self._rows, self._height)
        x0, x1 = max(columns[0], left), min(columns[-1] + 1, left + self._columns, self._width)
        values = self._segment(page, number, (plane * self._down + down) * self._across + across)
        if values is None:
            return
        part = values[y0 - top : y1 - top, x0 - left : x1 - left]
        if part.shape[:2] != (y1 - y0, x1 - x0):
            raise DataError(f"{self._file}: page {number} is cut short at row {top}: copy the file again")
        target = (slice(y0 - rows[0], y1 - rows[0]), slice(x0 - columns[0], x1 - columns[0]))
        if self._planar:
            out[(plane - samples[0], *target)] = part[..., 0]
        else:
            out[(slice(None), *target)] = np.moveaxis(part[..., samples[0] : samples[-1] + 1], -1, 0)

    def _segment(self, page, number: int, index: int) -> np.ndarray | None:
        """Return a strip or tile, (row, column, sample); None where none was written."""
        if (number, index) in self._cache:
            self._cache.move_to_end((number, index))
            return self._cache[number, index]
        if index >= len(page.dataoffsets):
            raise DataError(f"{self._file}: page {number} lacks its strip or tile {index}: copy the file again")
        offset, length = int(page.dataoffsets[index]), int(page.databytecounts[index])
        if not offset or not length:
            return None
        decoded = self._rows * self._columns * (1 if self._planar else self._samples) * self._key.dtype.itemsize
        check_memory(
            self._file,
            3 * decoded + length,
            f"one strip or tile of {self._rows} x {self._columns} pixels",
            "save the picture with fewer rows in a strip, in tiles, or without compression",
        )
        handle = page.parent.filehandle
        was_closed = handle.closed
        if was_closed:  # a file of a set
            handle.open()
        try:
            if offset + length > handle.size:
                raise DataError(
                    f"{self._file}: page {number} ends after {handle.size} bytes of the file, its strip or tile {index} should "
                    f"end at {offset + length}: copy the file again"
                )
            if int(self._key.compression) != UNCOMPRESSED:
                check_packed(f"{self._file}: strip or tile {index} of page {number}", length, decoded)
            handle.seek(offset)
            data = handle.read(length)
        finally:
            if was_closed:
                handle.close()
        values, _, shape = self._key.decode(data, index, _fullsize=self._key.is_tiled, **self._extra)
        if values is None:
            return None
        values = np.asarray(values).reshape(shape)[0]
        self._keep((number, index), values)
        return values

    def _keep(self, key: tuple[int, int], values: np.ndarray) -> None:
        self._cache[key] = values
        self._held += values.nbytes
        while self._held > _CACHE_BYTES and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._held -= old.nbytes

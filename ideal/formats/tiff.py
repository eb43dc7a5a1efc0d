"""TIFF stacks: the planes of one series, or of several of one shape, read page by page."""

import importlib.util
import itertools
import logging
import math
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats import axis_names
from ideal.formats._contract import Format
from ideal.formats._source import MappedArray, Source
from ideal.formats.axes import sources_of_microscope
from ideal.formats.damage import check_packed
from ideal.formats.micro_manager import files_of_stack, left_of_stack
from ideal.formats.photometric import meaning_of
from ideal.formats.tiff_bands import UNCOMPRESSED, PageBands
from ideal.formats.unwritten import Gap, finding_of
from ideal.health import Finding, plain_note
from ideal.text import plain_text

_LARGE_PAGE = 2**25  # bytes: of larger pages only the strips and tiles that are asked for are decoded
_MOST_PLANES = 10**7


class TiffPages:
    """Pages of TIFF files as one array, axes that count pages first; read by a slice for each axis.

    Args:
        file: what messages call it.
        pages: one `tifffile` page for each plane in raster order, None for one that is not there and reads as 0.
        shape: of the axes that count pages, then of a page.
        page: that stands for all.
        mapped: the same array where it lies in one piece in a file.
        white: value from which values count down, or None.

    """

    def __init__(self, file: Path, pages: Sequence, shape: tuple[int, ...], page, mapped: MappedArray | None, white: int | None):
        self._file, self._pages, self.shape, self._mapped, self._white = file, pages, shape, mapped, white
        self._stored = np.dtype(page.dtype)
        self.dtype = np.dtype(np.uint8) if self._stored.kind == "b" else self._stored
        self._inner = len(page.shape)
        self._steps = [math.prod(shape[i + 1 : -self._inner]) for i in range(len(shape) - self._inner)]
        large = mapped is None and math.prod(page.shape) * self._stored.itemsize > _LARGE_PAGE
        self._bands = PageBands(file, page) if large else None

    def __getitem__(self, index: slice | tuple[slice, ...]) -> np.ndarray:
        """Return the part of slices without a step, of the first axis or of several."""
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        if self._mapped is not None:
            return self._meant(self._mapped[index])
        counting, inside = index[: -self._inner], index[-self._inner :]
        places = [range(*one.indices(size)) for one, size in zip(counting, self.shape, strict=False)]
        shape = [len(place) for place in places]
        size = [len(range(*one.indices(size))) for one, size in zip(inside, self.shape[-self._inner :], strict=True)]
        values = np.zeros((math.prod(shape), *size), self._stored)
        for i, place in enumerate(itertools.product(*places)):
            number = sum(k * step for k, step in zip(place, self._steps, strict=True))
            page = self._pages[number] if number < len(self._pages) else None
            if page is not None:
                values[i] = self._decoded(page, number, inside)
        return self._meant(values.reshape(*shape, *size))

    def _decoded(self, page, number: int, inside: tuple[slice, ...]) -> np.ndarray:
        """Return the part `inside` of a page."""
        try:
            with warnings.catch_warnings(), _complaints("tifffile") as complaints:
                warnings.simplefilter("ignore")  # a file of a set is opened again for each page
                if self._bands is not None:
                    values = self._bands.read(page, number, inside)
                else:
                    self._check_parts(page, number)
                    values = page.asarray().reshape(self.shape[-self._inner :])[inside]
            if complaints:
                raise ValueError(complaints[0])
            return values
        except (DataError, MemoryError):
            raise
        except Exception as error:  # decoders raise what they like
            raise decoding_fault(self._file, page.keyframe, f"page {number}", error) from error

    def _check_parts(self, page, number: int) -> None:
        """Refuse a page of which a strip or a tile has more bytes than it could unpack to."""
        if int(page.keyframe.compression) == UNCOMPRESSED:
            return
        whole = math.prod(self.shape[-self._inner :]) * self._stored.itemsize
        if page.keyframe.is_tiled:  # one at the edge is as large as the others
            whole = max(whole, math.prod(page.keyframe.tile) * int(page.keyframe.samplesperpixel) * self._stored.itemsize)
        for index, length in enumerate(page.databytecounts):
            check_packed(f"{self._file}: strip or tile {index} of page {number}", int(length), whole)

    def _meant(self, values: np.ndarray) -> np.ndarray:
        values = values.astype(self.dtype, copy=False)
        return values if self._white is None else self.dtype.type(self._white) - values


def decoding_fault(file: str | Path, page, place: str, error: Exception) -> DataError:
    """Return what to say of a page that cannot be decoded: what is not installed, what nobody knows, or that it is damaged.

    Args:
        file: what messages call it.
        page: `tifffile.TiffPage` that says how it is compressed.
        place: what messages call the page.
        error: that a decoder raised.

    """
    save = "save the file without compression or with deflate"
    reason = plain_text(" ".join(str(error).split()))[:200]
    if unknown := re.search(r"(\S+) is not a known ([A-Z]+)", reason):  # COMPRESSION or PREDICTOR
        return DataError(f"{file}: {unknown[2].lower()} {unknown[1]} is not known: {save}")
    if isinstance(error, ImportError) or "imagecodecs" in reason:
        compression = plain_text(str(getattr(page.compression, "name", page.compression)))
        if importlib.util.find_spec("imagecodecs") is None:
            needs = "needs the package imagecodecs: install it with pip install 'ideal[codecs]', or"
        else:
            needs = f"cannot be decoded by the imagecodecs that is installed ({reason}): update it, or"
        return DataError(f"{file}: compression {compression} {needs} {save}")
    return DataError(f"{file}: {place} cannot be decoded ({reason}): is the file complete?")


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


def open_tiff(file: Path, number: int | None = None, *, follow_links: bool = False) -> Source:
    """Open a TIFF file: its planes with the axes that its series name.

    Axes are those of an OME or ImageJ header, or of the pages (RGB, interleaved or planar). A C axis alone is what programs call
    any plain stack, so there it counts samples. Of a pyramid the full picture is read. Planes of an OME-TIFF that lie in other
    files are read from these.

    Args:
        file: its path.
        number: of the series to read; None for the only one, or for all where they are of one shape.
        follow_links: whether an OME header may name files outside the folder of this one.

    Raises:
        DataError: not a TIFF file, truncated, values that do not measure light, or series of several shapes.

    """
    import tifffile

    handle = None
    try:
        with _complaints("tifffile") as complaints:
            handle = tifffile.TiffFile(file)
            header = handle.ome_metadata
            others = named_files(file, header, follow_links=follow_links) if header else []
            others += [each for each in files_of_stack(file, handle, follow_links=follow_links) if each not in others]
            source = _source_of(file, handle, number)
            source.files += others
        if complaints:  # it goes on with the pages before the fault
            raise DataError(f"{file}: damaged or truncated TIFF ({complaints[0]}): copy the file again")
        return source
    except Exception as error:
        if handle is not None:
            handle.close()
        if isinstance(error, DataError | MemoryError):
            raise
        reason = plain_text(" ".join(str(error).split()))[:200] or type(error).__name__
        raise DataError(f"{file}: cannot be read as TIFF ({reason})") from error


def _source_of(file: Path, handle, number: int | None) -> Source:
    series, findings = _chosen(file, handle, number)
    first = series[0]
    page = first.keyframe
    if handle.is_ome and first.kind not in ("ome", "mmstack"):
        findings += _elsewhere(file, handle.ome_metadata)
    if page.axes not in ("YX", "YXS", "SYX"):
        raise DataError(f"{file}: pages have axes {page.axes} and shape {page.shape}, expected rows, columns and channels")
    where = str(file) if number is None else f"{file}::{number}"
    white, notes = meaning_of(page, where, from_imagej=bool(handle.is_imagej))
    counted = _counting_axes(first, page)
    lead = [(axis, size) for axis, size in counted if size > 1 or axis not in "TZC"]
    several = [("I", len(series))] if len(series) > 1 else []
    whole = (*(size for _, size in several + counted), *page.shape)
    shape = (*(size for _, size in several + lead), *page.shape)
    axes = "".join(axis for axis, _ in several + lead) + page.axes
    pages: Sequence[Any] = first.pages
    if len(series) > 1:
        pages = [one.pages[i] for one in series for i in range(math.prod(size for _, size in lead))]
    elif len(first.pages) < math.prod(shape[: -len(page.shape)]):
        pages = [*(first.pages[i] for i in range(len(first.pages)))]
        pages += [None] * (math.prod(shape[: -len(page.shape)]) - len(pages))
    mapped = _mapped(file, handle, first, page, shape) if len(series) == 1 else None
    letters = axis_names.of_tiff(axes)
    findings += notes
    if first.kind == "mmstack":
        findings += left_of_stack(handle, first, letters)
    elif handle.is_ome and mapped is None:
        findings += _ome_findings(file, handle, letters, shape, pages, len(page.shape))
    if handle.is_ome and first.kind == "ome":
        findings += sources_of_microscope(letters, shape) if letters else []
    array = TiffPages(file, pages, shape, page, mapped, white)
    return Source(where, {"measurements": array}, {}, findings, close=handle.close, axes=letters, whole_shape=whole)


def _chosen(file: Path, handle, number: int | None) -> tuple[list, list[Finding]]:
    """Return the series to read, and a remark where some are left out."""
    series = list(handle.series)
    if number is not None:
        if number >= len(series):
            raise DataError(f"{file}: no series {number}, it holds {len(series)}, numbered from 0")
        return [series[number]], []
    full = [one for one in series if not one.keyframe.is_reduced] or series
    shapes = {(tuple(one.get_shape(squeeze=False)), str(one.dtype)) for one in full}
    if len(shapes) > 1:
        known = [f"{file}::{i} {tuple(one.shape)} {one.dtype}" for i, one in enumerate(series)]
        listed = ", ".join(known[:4]) + (f" and {len(known) - 4} more" if len(known) > 4 else "")
        raise DataError(f"{file}: pages differ in shape or type: {listed}, expected pages of one shape: name one of these")
    left = len(series) - len(full)
    note = f"{left} picture{'s' * (left > 1)} of reduced size {'are' if left > 1 else 'is'} left out"
    return full, [plain_note(note)] * bool(left)


def _counting_axes(series, page) -> list[tuple[str, int]]:
    """Return the axes of a series that count pages, with their lengths."""
    axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    found = [(axis, int(size)) for axis, size in zip(axes, shape, strict=True) if axis not in "YXS"]
    pages = math.prod(shape) // math.prod(page.shape)
    return found if math.prod(size for _, size in found) == pages else [("I", pages)]


def _mapped(file: Path, opened, series, page, shape: tuple[int, ...]) -> MappedArray | None:
    """Return the planes of a series that lie in one piece in a file, also where ImageJ writes a single page header for all."""
    if series.dataoffset is None or series.is_multifile:  # planes in several files may follow each other by chance
        return None
    parent = page.parent  # of an OME-TIFF set it may be another file than the one that was opened
    handle = parent.filehandle
    path = file if parent is opened else Path(handle.dirname) / handle.name
    dtype = np.dtype(page.dtype).newbyteorder(parent.byteorder)
    return MappedArray(path, dtype, shape, series.dataoffset)


def _ome_findings(file: Path, handle, letters: str, shape: tuple[int, ...], pages, inner: int) -> list[Finding]:
    findings, counting = [], shape[:-inner]
    lost = [i for i in range(math.prod(counting)) if pages[i] is None] if len(pages) < 10**7 else []
    if lost:
        places = [np.unravel_index(i, counting) for i in lost]
        inside = tuple(slice(0, size) for size in shape[-inner:])
        boxes = [(*(slice(int(i), int(i) + 1) for i in place), *inside) for place in places]
        files = tuple(name for name in _names(handle.ome_metadata) if not (Path(file).parent / name).is_file())
        axis = next((i for i, letter in enumerate(letters) if letter in "ntz"), 0)
        findings.append(finding_of(Gap(boxes, len(lost), math.prod(counting), "plane", files), "pages", shape, 0, axis))
    elif "BinaryOnly" in (handle.ome_metadata or "")[:2000]:
        findings.append(plain_note("the file is one of a set that another file describes; its own pages alone are read"))
    return findings


def _elsewhere(file: Path, header: str) -> list[Finding]:
    """Return a remark where the planes of an OME header seem to be this file's under an older name.

    Raises:
        DataError: the planes lie in other files, which are not there.

    """
    root = _parsed(header)
    if root is None:
        return [plain_note("its OME header cannot be read: axes are taken from the pages")]
    missing = [name for name in _names(header) if not (file.parent / name).is_file()]
    if not missing:
        return []
    planes = {element.text for element in root.iter() if element.tag.endswith("UUID")}
    own = root.attrib.get("UUID")
    if len(missing) == 1 and (own is None or planes == {own}):
        return [plain_note(f"its OME header calls the file {missing[0]}; its own pages are read")]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    raise DataError(
        f"{file}: its OME header says that the planes lie in {', '.join(missing[:3])}{more}, which cannot be found: put the "
        "files beside it"
    )


def named_files(file: Path, header: str, *, follow_links: bool) -> list[Path]:
    """Return the other files that an OME header names and that are there; where they lie and what it promises is checked.

    Raises:
        DataError: one lies outside the folder of the file, or is no regular file; or the header tells of too many planes.

    """
    if "<!DOCTYPE" in header or "<!ENTITY" in header:
        raise DataError(f"{file}: its OME header defines entities of XML, which no microscope writes: save it without")
    folder, found = file.resolve().parent, []
    for name in _names(header):
        shown = plain_text(name)
        place = folder / name
        if not os.path.lexists(place):
            continue
        path = place.resolve()
        if not follow_links and not path.is_relative_to(folder):
            raise DataError(
                f"{file}: its OME header names {shown}, outside its folder: where that may be read, say so (--follow-links), or "
                "put the file beside it"
            )
        check_regular(path, "a TIFF file", where=f"{file}: its OME header names {shown}")
        if path != file.resolve():
            found.append(path)
    for planes in _planes(header):
        if planes > _MOST_PLANES:
            raise DataError(f"{file}: its OME header tells of {planes} planes, expected at most {_MOST_PLANES}: is it damaged?")
    return found


def _planes(header: str) -> Iterator[int]:
    """Yield how many planes an OME header tells of, a number for each picture and each block of planes."""
    root = _parsed(header)
    for element in () if root is None else root.iter():
        if element.tag.endswith("Pixels"):
            yield math.prod(_whole(element.attrib.get(f"Size{axis}")) for axis in "TCZ")
        elif element.tag.endswith("TiffData"):
            yield max(_whole(element.attrib.get(key)) for key in ("NumPlanes", "PlaneCount", "IFD"))


def _whole(text: str | None) -> int:
    if text is None:
        return 1
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 10**18


def _parsed(header: str):
    from xml.etree import ElementTree

    try:
        return ElementTree.fromstring(header)
    except ElementTree.ParseError:
        return None


def _names(header: str) -> list[str]:
    """Return the files that an OME header names, each once."""
    root = _parsed(header)
    named = () if root is None else (element.attrib.get("FileName") for element in root.iter() if element.tag.endswith("UUID"))
    return list(dict.fromkeys(name for name in named if name))


class Tiff(Format):
    """TIFF: stacks, ImageJ and OME-TIFF; `FILE.tif::N` names a series."""

    starts = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    suffixes = (".tif", ".tiff")
    has_names = True

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        if name is not None and not re.fullmatch("[0-9]{1,9}", name):
            raise DataError(f"{path}::{name}: a TIFF file holds series by number, as {path}::0")
        return open_tiff(path, None if name is None else int(name), follow_links=follow_links)

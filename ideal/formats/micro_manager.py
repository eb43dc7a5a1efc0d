"""Sets of TIFF files of Micro-Manager: which files belong to one, and what is missing of it.

`tifffile` looks for them by itself, by the prefix of their names (MMStack) or in the index of the folder (NDTiff). Where they lie
and how many planes they promise is checked before.
"""

import glob
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ideal._regular_files import check_regular
from ideal.errors import DataError
from ideal.formats.unwritten import Gap, finding_of
from ideal.health import Finding, plain_note
from ideal.text import plain_text

_MOST_PLANES = 10**7
_SIZES = ("Channels", "Slices", "Positions", "Frames")


def files_of_stack(file: Path, handle: Any, *, follow_links: bool) -> list[Path]:
    """Return the other files of a set of Micro-Manager, resolved; none for other TIFF files.

    Args:
        file: that was named.
        handle: `tifffile.TiffFile` of it.
        follow_links: whether links may lead out of the folder.

    Raises:
        DataError: one lies outside the folder or is no regular file, or the header tells of too many planes.

    """
    if handle.is_mmstack:
        found = handle.micromanager_metadata
        _check_planes(file, found["Summary"], found["IndexMap"])
        if "_MMStack" not in file.name:
            return []
        prefix = glob.escape(str(file.parent / file.name.split("_MMStack")[0]))
        return _checked(file, map(Path, glob.glob(f"{prefix}_MMStack*.tif")), "belongs to its set", follow_links)
    if handle.is_ndtiff:
        import tifffile

        index = file.parent / "NDTiff.index"
        check_regular(index, "the index of the set", where=f"{file}: its folder holds NDTiff.index")
        names = dict.fromkeys(entry[1] for entry in tifffile.tifffile.read_ndtiff_index(str(index)))
        return _checked(file, (file.parent / name for name in names), "is named by its index", follow_links)
    return []


def _check_planes(file: Path, summary: Any, index: np.ndarray) -> None:
    sizes = [summary.get(key, 1) for key in _SIZES] if isinstance(summary, dict) else []
    if not all(isinstance(size, int | float) and 0 <= size <= _MOST_PLANES for size in sizes) or not sizes or not len(index):
        raise DataError(f"{file}: its header of Micro-Manager is damaged (numbers of planes): copy the file again")
    largest = [max(1, int(size)) for size in sizes]
    told = math.prod(max(a, int(b) + 1) for a, b in zip(largest, index[:, :4].max(axis=0)[[0, 1, 3, 2]], strict=True))
    if told > _MOST_PLANES:
        raise DataError(f"{file}: its header tells of {told} planes, expected at most {_MOST_PLANES}: is it damaged?")


def _checked(file: Path, paths: Iterable[Path], said: str, follow_links: bool) -> list[Path]:
    folder, found = file.resolve().parent, []
    for path in paths:
        shown, target = plain_text(path.name), path.resolve()
        if not follow_links and not target.is_relative_to(folder):
            raise DataError(
                f"{file}: {shown} {said}, and lies outside its folder: where that may be read, say so (--follow-links), or put "
                "the file beside it"
            )
        check_regular(path, "a TIFF file", where=f"{file}: {shown} {said}")
        if target != file.resolve():
            found.append(target)
    return sorted(found)


def left_of_stack(handle: Any, series: Any, letters: str) -> list[Finding]:
    """Return what is missing of a set of Micro-Manager: planes that were never written, or files that are not there.

    Args:
        handle: `tifffile.TiffFile` of the file that was named.
        series: the series of the set.
        letters: axes, as of `ideal.formats.axes`.

    """
    sizes = dict(zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True))
    counting = [size for axis, size in sizes.items() if axis not in "YXS"]
    findings = []
    summary = handle.micromanager_metadata["Summary"]
    told = {"C": "Channels", "Z": "Slices", "R": "Positions", "T": "Frames"}
    short = [
        f"{sizes[axis]} of {int(summary.get(key, 1))} {key.lower()}"
        for axis, key in told.items()
        if _less(sizes, axis, summary, key)
    ]
    if short:
        findings.append(plain_note(f"the file alone is read, {', '.join(short)}: put the other files of its set beside it"))
    pages = [series.pages[i] for i in range(math.prod(counting))]
    lost = [i for i, page in enumerate(pages) if page is None or not page.dataoffsets or not page.dataoffsets[0]]
    if lost:
        shape = tuple(size for size in counting if size > 1) or (1,)
        boxes = [tuple(slice(int(i), int(i) + 1) for i in np.unravel_index(each, shape)) for each in lost]
        axis = next((i for i, letter in enumerate(letters[: len(shape)]) if letter in "ntz"), 0)
        findings.append(finding_of(Gap(boxes, len(lost), len(pages), "plane"), "pages", shape, 0, axis))
    return findings


def _less(sizes: dict[str, int], axis: str, summary: Any, key: str) -> bool:
    return axis in sizes and sizes[axis] < int(summary.get(key, 1))

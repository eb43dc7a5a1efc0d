"""Several files as one set, a folder or a pattern: cameras that write a file for each frame.

Files are read in natural order (frame2 before frame10), one at a time. All have one format, size and type. Frames in subfolders
belong to one source a subfolder; a regular expression may name another part of the name.
"""

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ideal._regular_files import check_regular
from ideal.errors import DataError, UsageError
from ideal.formats._contract import Format
from ideal.formats._source import SampleArray, Source
from ideal.formats.axes import arrange
from ideal.health import Finding, plain_note
from ideal.text import plain_text

_MOST_FILES = 1_000_000
_DEEPEST = 16
_FEW_COLORS = 4
_CAMERA = ("noise", "sigma", "gain", "offset", "read_noise", "units", "floor", "saturation", "period")
_ONE_KIND = "name frames of one kind by a pattern, as 'captures/*.tif'"


@dataclass(frozen=True)
class _Frame:
    """One file of a set: its path, what it is called in messages, and how many samples it holds."""

    path: Path
    name: str
    count: int


class FrameArray(SampleArray):
    """The samples of all files of a set, one file open at a time.

    Args:
        where: what messages call the set.
        frames: its files in order.
        shape: of a sample.
        dtype: of all.
        opens: returns the open file of a frame, arranged.

    """

    def __init__(self, where: str, frames: list[_Frame], shape: tuple[int, ...], dtype: np.dtype, opens):
        self._where, self._frames, self._opens = where, frames, opens
        self._starts = np.concatenate([[0], np.cumsum([frame.count for frame in frames])])
        self.shape, self.dtype = (int(self._starts[-1]), *shape), np.dtype(dtype)
        self._open: tuple[int, Source] | None = None

    def __getitem__(self, index) -> np.ndarray:
        """Return samples, or parts of samples: a slice without a step of the first axis, or of several."""
        samples, *rest = index if isinstance(index, tuple) else (index,)
        start, stop, _ = samples.indices(self.shape[0])
        parts = []
        place = int(np.searchsorted(self._starts, start, side="right")) - 1
        while start < stop:
            first = int(self._starts[place])
            end = min(stop, int(self._starts[place + 1]))
            parts.append(self._part(place, slice(start - first, end - first), tuple(rest)))
            start, place = end, place + 1
        if parts:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _part(self, place: int, samples: slice, rest: tuple[slice, ...]) -> np.ndarray:
        if self._open is None or self._open[0] != place:
            self.close()
            self._open = place, self._opens(self._frames[place].path)
        array = self._open[1].arrays["measurements"]
        if tuple(array.shape) != (self._frames[place].count, *self.shape[1:]) or np.dtype(array.dtype) != self.dtype:
            raise DataError(f"{self._where}: {self._frames[place].name} has changed since the set was opened: open it again")
        rows, inner = (rest[0] if rest else slice(None)), rest[1:]
        values = np.asarray(array[samples])[:, rows] if isinstance(array, SampleArray) else np.asarray(array[samples, rows])
        return values[:, :, *inner] if inner else values


def open_frames(
    path: Path, name: str | None = None, *, follow_links: bool = False, linear: bool | None = None, group_by: str | None = None
) -> Source:
    """Open all files in a folder, or those of a pattern, as one set.

    Args:
        path: of a folder, or a pattern with `*`, `?`, `[...]` or `**`.
        name: of the part of each file that is read, as `name` of other formats.
        follow_links: whether links may lead out of the folder.
        linear: as of pictures; None for formats that do not take it.
        group_by: regular expression; what it finds in the path of a frame below the folder names its source (its groups, where it
            has some). None for a source each subfolder, where there are several, else each frame.

    Raises:
        DataError: there are no frames, or one differs from the first in format, size, type or camera.
        UsageError: `group_by` is no regular expression, or finds nothing in the name of a frame.

    """
    base, files = _files_of(path, follow_links)
    kind, files, left = _of_one_kind(path, base, files)
    options = {"linear": linear} if linear is not None and "linear" in kind.options else {}
    if linear is not None and not options:
        raise UsageError(f"{path}: linear (--linear) is for PNG and JPEG files: leave it out")
    if name is not None and not kind.has_names:
        raise DataError(f"{path}::{name}: its files hold one array each, remove '::{name}'")

    def opens(file: Path) -> Source:
        return _as_pictures(kind.open(file, name, follow_links=follow_links, **options), file)

    set_files = {file.resolve() for file in files}
    frames: list[_Frame] = []
    first: Source | None = None
    findings: dict[tuple[str, str], Finding] = {}
    for file in files:
        shown = plain_text(file.relative_to(base).as_posix())
        source = opens(file)
        try:
            array = source.arrays["measurements"]
            about = tuple(array.shape[1:]), np.dtype(array.dtype), _camera(source)
            if set_files & set(source.files) - {file.resolve()}:
                raise DataError(
                    f"{path}: {shown} says that other files of the folder belong to it: name this file, which reads them too"
                )
        finally:
            source.close()
        if first is None:
            first, known, known_as = source, about, shown
        if about[:2] != known[:2]:
            raise DataError(
                f"{path}: {shown} has shape {about[0]} and type {about[1]}, {known_as} has {known[0]} and {known[1]}, expected "
                f"frames of one size and type: leave it out, or {_ONE_KIND}"
            )
        if about[2] != known[2]:
            strange = ", ".join(sorted({key for key, _ in set(about[2]) ^ set(known[2])}))
            raise DataError(f"{path}: {shown} and {known_as} differ in {strange}, expected frames of one camera and setting")
        frames.append(_Frame(file, shown, array.shape[0]))
        for finding in source.findings:
            findings.setdefault((finding.name, finding.text), finding)
    assert first is not None  # _of_one_kind refuses none
    array = FrameArray(str(path), frames, known[0], known[1], opens)
    groups, by = _groups(path, frames, group_by)
    arrays: dict[str, Any] = {"measurements": array} | ({} if groups is None else {"groups": groups})
    notes = [_about(frames, groups, by), *_left_out(left)]
    return Source(
        str(path) if name is None else f"{path}::{name}",
        arrays,
        first.attributes,
        [*findings.values(), *notes],
        trusted=first.trusted,
        close=array.close,
        axes="nyxc" if len(array.shape) == 4 else "nyx",
        files=sorted(set_files),
        folder=base.resolve(),
        with_gain=first.with_gain,
    )


def _files_of(path: Path, follow_links: bool) -> tuple[Path, list[Path]]:
    """Return the folder that holds all frames, and the files in it, or of a pattern, in natural order."""
    if path.is_dir():
        base, found = path, _walk(path, path)
    else:
        parts, base = list(path.parts), Path(path.anchor)
        while parts and os.path.lexists(base / parts[0]):
            base = base / parts.pop(0)
        rest = os.path.join(*parts) if parts else ""
        found = (base / each for each in glob.iglob(rest, root_dir=base, recursive=True))
    files = []
    for file in found:
        if file.is_dir():
            continue
        shown = f"{path}: {plain_text(file.relative_to(base).as_posix())}"
        check_regular(file, "a frame", where=shown)
        target = file.resolve()
        if not follow_links and not target.is_relative_to(base.resolve()):
            raise DataError(
                f"{shown} is a link to {plain_text(str(target))}, outside the folder: where that may be read, say so "
                "(--follow-links), or copy it"
            )
        files.append(file)
        if len(files) > _MOST_FILES:
            raise DataError(f"{path}: more than {_MOST_FILES} files: take a part of them")
    if not files:
        raise DataError(f"{path}: no such file, and no file has a name of this pattern: check the name and the folder")
    return base, sorted(files, key=lambda file: _natural(file.relative_to(base)))


def _walk(folder: Path, top: Path, depth: int = 0) -> Iterator[Path]:
    """Give the files of a folder and its subfolders, without hidden ones and stores of other formats."""
    if depth > _DEEPEST:
        raise DataError(f"{top}: folders in it are nested deeper than {_DEEPEST}: name the folder of the frames")
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_store(Path(entry.path)):
                yield from _walk(Path(entry.path), top, depth + 1)
        elif entry.is_symlink() and entry.is_dir():
            raise DataError(f"{top}: {plain_text(entry.name)} is a link to a folder: name that folder, or copy it")
        else:
            yield Path(entry.path)


def _is_store(folder: Path) -> bool:
    from ideal.formats.recognition import FORMATS

    return any(kind is not Frames and kind.recognises_folder(folder) for kind in FORMATS.values())


def _natural(path: Path) -> tuple:
    """Return what sorts names as people do: numbers by their size."""
    return (*(tuple(_pieces(part)) for part in path.parts), str(path))


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    for piece in re.findall("[0-9]+|[^0-9]+", text):
        yield (0, int(piece), "") if "0" <= piece[0] <= "9" and len(piece) < 1000 else (1, 0, piece)


def _of_one_kind(path: Path, base: Path, files: list[Path]) -> tuple[type[Format], list[Path], list[str]]:
    """Return the format of all files, those of it, and the names of those of no format that is read."""
    from ideal.formats.recognition import FORMATS, format_of

    of_kind: dict[str, list[Path]] = {}
    left = []
    for file in files:
        try:
            of_kind.setdefault(format_of(file), []).append(file)
        except DataError:
            if not path.is_dir():
                raise
            left.append(plain_text(file.relative_to(base).as_posix()))
    if not of_kind:
        raise DataError(f"{path}: is a folder without a file of a format that is read: name a file, or the folder of the frames")
    if len(of_kind) > 1:
        counts = ", ".join(f"{len(found)} {kind} ({plain_text(found[0].name)})" for kind, found in of_kind.items())
        raise DataError(f"{path}: its files are of several formats, {counts}: {_ONE_KIND}")
    ((called, found),) = of_kind.items()
    return FORMATS[called], found, left


def _as_pictures(source: Source, file: Path) -> Source:
    """Bring what one file of a set holds into the order (sample, row, column[, channel])."""
    array = source.arrays["measurements"]
    source.arrays = {"measurements": array}
    shape = tuple(array.shape)
    if not source.axes:
        colors = len(shape) == 3 and shape[2] <= _FEW_COLORS < min(shape[:2])
        if len(shape) == 2 or colors:
            source.axes = "yxc" if colors else "yx"
        elif source.asks_axes or len(shape) not in (3, 4):
            source.close()
            raise DataError(f"{file}: has shape {shape}, expected one picture a file, (row, column) or (row, column, color)")
        else:
            source.axes = "nyxc" if len(shape) == 4 else "nyx"
    try:
        if np.dtype(array.dtype).kind not in "iuf" or "v" in source.axes:
            raise DataError(f"{file}: holds values of type {array.dtype}, expected pictures of real numbers in a set of frames")
        arrange(source, None)
    except BaseException:
        source.close()
        raise
    return source


def _camera(source: Source) -> tuple[tuple[str, str], ...]:
    known = source.attributes if source.trusted else {}
    figures = {key: known[key] for key in _CAMERA if key in known} | {f"with_{key}": v for key, v in source.with_gain.items()}
    return tuple((key.removeprefix("with_"), str(np.asarray(value).tolist())) for key, value in figures.items())


def _groups(path: Path, frames: list[_Frame], group_by: str | None) -> tuple[np.ndarray | None, str]:
    """Return the source of each sample, and by what they are told; None where each sample is one."""
    if group_by is not None:
        try:
            expression = re.compile(group_by)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"--group-by {group_by!r} is no regular expression ({error}): as '_s([0-9]+)_'") from None
        keys = []
        for frame in frames:
            found = expression.search(frame.name)
            if found is None:
                raise UsageError(f"{path}: --group-by {group_by!r} finds nothing in {frame.name}: every frame needs a source")
            keys.append("\0".join(each or "" for each in found.groups()) if found.groups() else found[0])
        by = f"by what {group_by!r} finds in their names"
    else:
        folders = [frame.name.rpartition("/")[0] for frame in frames]
        if len(set(folders)) > 1:
            if "" in folders:
                raise DataError(
                    f"{path}: frames lie in the folder itself ({frames[folders.index('')].name}) and in subfolders: which belong "
                    "to one source is not plain, name a subfolder or a pattern, or say so (--group-by)"
                )
            keys, by = folders, "one a subfolder"
        elif any(frame.count > 1 for frame in frames):
            keys, by = [frame.name for frame in frames], "one a file"
        else:
            return None, ""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    groups = np.repeat([numbers[key] for key in keys], [frame.count for frame in frames])
    return groups.astype(np.int64), by


def _about(frames: list[_Frame], groups: np.ndarray | None, by: str) -> Finding:
    samples, sources = sum(frame.count for frame in frames), None if groups is None else int(groups.max()) + 1
    pictures = "" if samples == len(frames) else f" of {samples} pictures"
    told = "each is a source of its own" if sources is None else f"{sources} source{'s' * (sources != 1)}, {by}"
    return Finding(
        "frames-as-set",
        "note",
        f"{len(frames)} file{'s' * (len(frames) > 1)}{pictures}, {frames[0].name} to {frames[-1].name}, as one set; {told}",
        remedy="" if sources is not None else "where several show one scene, say which (--group-by, --groups)",
        figures={"files": len(frames), "samples": samples, "first": frames[0].name, "last": frames[-1].name, "sources": sources},
    )


def _left_out(names: list[str]) -> list[Finding]:
    if not names:
        return []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [plain_note(f"{', '.join(names[:3])}{more} in the folder: of no format that is read, left out", files=names[:100])]


class Frames(Format):
    """Several files of one format as one set: a folder, or a quoted pattern."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    has_names = True
    options: ClassVar[frozenset[str]] = frozenset({"linear", "group_by"})

    @classmethod
    def recognises_folder(cls, path: Path) -> bool:
        """Tell whether anything lies in a folder that is not hidden."""
        try:
            return any(not name.startswith(".") for name in os.listdir(path))
        except OSError as error:
            raise DataError(f"{path}: the folder cannot be read ({error.strerror or error})") from error

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a set; see `Format.open`."""
        return open_frames(path, name, follow_links=follow_links, **options)

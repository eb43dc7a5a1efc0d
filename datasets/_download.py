"""Public data sets, downloaded from their original places: only files of the known content are kept."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ideal._files import whole_file
from ideal.datasets._contract import ObjectSet
from ideal.datasets._remote_files import REMOTE, RemoteFile
from ideal.errors import DataError, UsageError, unknown_name

CACHE, MIRROR = "IDEAL_CACHE", "IDEAL_MIRROR"
_PATIENCE = 30  # seconds without an answer, or in which less comes than `_SLOWEST` lets
_SLOWEST = 1000  # bytes per second: what is slower is no download
_BLOCK = 2**16  # bytes

Progress = Callable[[str, float | None], None]


_ELSEWHERE = {
    "bundled": "comes with a dependency",
    "generated": "is generated",
    "IDEAL_DATA": "is in the folder named by IDEAL_DATA",
}


def fetch_set(kind: type[ObjectSet], progress: Progress, mirror: str | None = None) -> dict[str, Any]:
    """Download a set of objects, if it is one to download, and return what was done as JSON types.

    Args:
        kind: the set.
        progress: called with a line of text and the fraction of the set that is here.
        mirror: address under which NAME/FILE is found, instead of the original places.

    Raises:
        DataError: it cannot be downloaded, or is not in the folder where it should be.

    """
    if kind.name not in REMOTE:
        if kind.origin == "IDEAL_DATA":
            objects = kind()
            objects.open(objects.preview)  # it says what is missing
        return {"name": kind.name, "state": "no download needed", "origin": kind.origin, "files": [], "bytes": 0}
    came: list[float | None] = []

    def note(text: str, fraction: float | None) -> None:
        came.append(fraction)
        progress(text, fraction)

    paths = fetch(kind.name, progress=note, mirror=mirror)
    return {
        "name": kind.name,
        "state": "downloaded" if came else "already here",
        "origin": kind.origin,
        "files": [str(path) for path in paths],
        "bytes": sum(path.stat().st_size for path in paths),
    }


def fetched_text(facts: Mapping[str, Any]) -> str:
    """Return in a line what `fetch_set` has done."""
    if facts["files"]:
        return f"{facts['name']}: {facts['state']}, {facts['bytes'] / 1e6:.1f} MB in {Path(facts['files'][0]).parent}"
    return f"{facts['name']} {_ELSEWHERE.get(facts['origin'], 'is here')}: there is nothing to download"


def cache_folder() -> Path:
    """Return where downloads are kept: the folder named by IDEAL_CACHE, or the system's own for caches."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("ideal"))


def cached(name: str, folder: str | Path | None = None) -> list[Path] | None:
    """Return the files of a set that was downloaded before; None where one is missing or not whole.

    Args:
        name: one of `REMOTE`.
        folder: of the cache; `cache_folder` by default.

    """
    place = Path(folder or cache_folder()) / name
    paths = [place / each.name for each in REMOTE[name]]
    whole = (path.is_file() and path.stat().st_size == each.size for path, each in zip(paths, REMOTE[name], strict=True))
    return paths if all(whole) else None


def fetch(
    name: str, folder: str | Path | None = None, progress: Progress | None = None, *, mirror: str | None = None
) -> list[Path]:
    """Download a set, but for what is here already, and return its files.

    A file takes its name only when its SHA-256 is the known one; what is here is checked too, and replaced if it is damaged.

    Args:
        name: one of `REMOTE`.
        folder: of the cache; `cache_folder` by default. The files lie in a folder of the set's name in it.
        progress: called with a line of text and the fraction of the set that is here.
        mirror: address under which NAME/FILE is found, instead of the original places; by default what IDEAL_MIRROR says.

    Raises:
        UsageError: there is nothing of this name to download.
        DataError: no server answers, none has the file, what it sends is not the known file, or the disk refuses it.

    """
    if name not in REMOTE:
        raise UsageError(unknown_name("nothing to download is called", name, REMOTE))
    place = Path(folder or cache_folder()) / name
    said_by = "`mirror`" if mirror else MIRROR
    mirror = mirror or os.environ.get(MIRROR)
    remedy = f"name another mirror by {said_by}" if mirror else f"name a mirror by `mirror` or {MIRROR}"
    files, before = REMOTE[name], 0
    total, paths = sum(each.size for each in files), []
    with _no_empty_folders(place):
        for each in files:
            sources = [f"{mirror.rstrip('/')}/{name}/{each.name}"] if mirror else [base + each.name for base in each.bases]
            bar = _Bar(progress, f"{name}: {each.name}", before, total)
            paths.append(_fetch_file(name, each, sources, place, bar, said_by, remedy))
            before += each.size
    return paths


@contextmanager
def _no_empty_folders(place: Path) -> Iterator[None]:
    """Take away folders that a failure leaves empty and that were not there before."""
    new = [each for each in (place, *place.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the first that is not empty, or was never made
            for each in new:
                each.rmdir()
        raise


def _fetch_file(name: str, file: RemoteFile, sources: Sequence[str], place: Path, bar: "_Bar", said_by: str, remedy: str) -> Path:
    from requests.exceptions import HTTPError, InvalidSchema, InvalidURL, MissingSchema, RequestException
    from urllib3.exceptions import HTTPError as BrokenTransfer

    path = place / file.name
    try:
        if _is_whole(path, file):
            return path
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(name, place, error) from None
    reasons = []
    for url in sources:
        try:
            with whole_file(path) as temporary:
                _download(url, file, temporary, bar)
            return path
        except (InvalidURL, InvalidSchema, MissingSchema):
            raise UsageError(
                f"{name}: {url} is no address of a web server: {said_by} takes one, as https://host/folder"
            ) from None
        except HTTPError as error:
            answer = error.response
            said = "no answer" if answer is None else f"{answer.status_code} {_plain(answer.reason)}"
            reasons.append(f"{url} is refused by its server ({said})")
        except _NotTheFile as error:
            reasons.append(str(error))
        except (RequestException, BrokenTransfer, HTTPException):
            reasons.append(f"{url} cannot be reached, or broke off")
        except OSError as error:
            raise _unwritable(name, place, error) from None
    raise DataError(f"{name}: {'; '.join(reasons)}: try again later, or {remedy}")


class _NotTheFile(Exception):
    """What a server sends is not the file, as the message says."""


def _download(url: str, file: RemoteFile, target: Path, bar: "_Bar") -> None:
    """Write what a server sends to a new file, until more than the file's size, or next to nothing, has come."""
    import requests

    digest, size, seen = hashlib.sha256(), 0, 0
    bar.reset()
    # As it is stored: a server that packs it once more would send what has another size.
    asked = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=_PATIENCE, headers=asked) as response, open(target, "xb") as stream:
        response.raise_for_status()
        until = time.monotonic() + _PATIENCE
        while block := response.raw.read1(_BLOCK):
            size += len(block)
            if size > file.size:
                raise _NotTheFile(f"{url} sends more than the {file.size} bytes of {file.name}; it was not kept")
            digest.update(block)
            stream.write(block)
            bar.update(len(block))
            if time.monotonic() > until:
                if size - seen < _SLOWEST * _PATIENCE:
                    raise _NotTheFile(f"{url} sends next to nothing ({size - seen} bytes in {_PATIENCE} s); it was not kept")
                seen, until = size, time.monotonic() + _PATIENCE
        if size < file.size and response.headers.get("Content-Length") not in (None, str(size)):
            raise requests.ConnectionError("broke off")
    if size != file.size or digest.hexdigest() != file.sha256:
        raise _NotTheFile(f"what {url} sends is not {file.name} (its SHA-256 is not {file.sha256[:12]}...); it was not kept")


def _is_whole(path: Path, file: RemoteFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def _unwritable(name: str, place: Path, error: OSError) -> DataError:
    return DataError(f"{name}: {place} cannot be written ({error.strerror or error}): name another by {CACHE}")


def _plain(text: str | None) -> str:
    """Return a server's words without what a terminal would obey, and not too many."""
    return "".join(each if each.isprintable() else " " for each in text or "")[:100]


class _Bar:
    """Tells the fraction of the whole set that is here."""

    def __init__(self, progress: Progress | None, text: str, before: int, whole: int):
        self._progress, self._text, self._before, self._whole = progress, text, before, whole
        self._here = 0

    def update(self, amount: int) -> None:
        self._here += amount
        if self._progress is not None:
            self._progress(self._text, min(1.0, (self._before + self._here) / self._whole))

    def reset(self) -> None:
        self._here = 0

"""Files that appear whole or not at all, and what is left of those that did not.

A file is written under a random name beside its own, which it takes at the end. The name tells which process writes it, so that
what a killed process left is known and removed by the next one that writes the same file. A process that is asked to end
(SIGTERM, SIGHUP) removes its own with `remove_temporaries`.
"""

import contextlib
import hashlib
import io
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_LONGEST = 180  # characters of a name that a temporary one repeats: file systems take 255 bytes, and the rest has 40
_FORGOTTEN = 86_400  # seconds after which a temporary file of another machine counts as left behind
_OWN = re.compile(r"\.(?P<place>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.(?P<of>.+)\.partial", re.DOTALL)
_begun: set[Path] = set()


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside a file; what is written there takes the file's place when the block ends well.

    Raises:
        OSError: the disk is full or refuses, as of what is done in the block.

    """
    path = Path(path)
    remove_left(path.parent, path.name)
    temporary = _temporary_name(path)
    _begun.add(temporary)
    try:
        yield temporary
        with named(path):
            _synchronise(temporary)
            os.replace(temporary, path)
        with contextlib.suppress(OSError):  # not every file system can
            _synchronise(path.parent)
    finally:
        with contextlib.suppress(OSError):  # it must not hide what went wrong
            temporary.unlink(missing_ok=True)
        _begun.discard(temporary)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file of text (UTF-8) or bytes so that it appears whole or not at all.

    Raises:
        OSError: it cannot be written; its `filename` is that of the file.

    """
    content = content.encode("utf-8") if isinstance(content, str) else content
    with named(path), whole_file(path) as temporary, open(temporary, "xb") as file:
        file.write(content)


def try_file(path: str | Path) -> None:
    """Find out whether a file could be written: an empty one comes and goes beside it.

    Raises:
        OSError: it could not.

    """
    path = Path(path)
    remove_left(path.parent, path.name)
    temporary = _temporary_name(path)
    _begun.add(temporary)
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _begun.discard(temporary)


@contextlib.contextmanager
def whole_hdf5(path: str | Path) -> Iterator:
    """Give an open HDF5 file (`h5py.File`) that appears whole or not at all; see `Patient`.

    Raises:
        OSError: it cannot be written; its `filename` is that of the file.

    """
    import h5py

    with named(path), whole_file(path) as temporary:
        with Patient(temporary) as stream, h5py.File(stream, "w") as file:
            yield file
        stream.check()


class Patient(io.RawIOBase):
    """A new file for reading and writing that never fails: it notes the first failure and keeps nothing more.

    On a full disk the HDF5 library can neither write nor close a file, and crashes the process when that ends. Through this
    stream it does both, and whoever opened the stream asks for the failure when the library has closed the file.

    Attributes:
        failure: the first `OSError`, or None.

    """

    def __init__(self, path: Path):
        super().__init__()
        self.failure: OSError | None = None
        self._size = 0
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        self._place = 0

    def check(self) -> None:
        """Raise the failure, if there was one."""
        if self.failure is not None:
            raise self.failure

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; beyond the end is none."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def readinto(self, buffer) -> int:
        """Read from the place on; what could not be kept reads as zeros."""
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._size - self._place))
        content = b""
        with self._patience():
            content = os.pread(self._handle, length, self._place)
        view[: len(content)] = content
        view[len(content) : length] = bytes(length - len(content))
        self._place += length
        return length

    def write(self, content) -> int:
        """Write at the place, all of it, or note why that cannot be."""
        view = memoryview(content).cast("B")
        written = 0
        with self._patience():
            while self.failure is None and written < len(view):
                written += os.pwrite(self._handle, view[written:], self._place + written)
        self._place += len(view)
        self._size = max(self._size, self._place)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Cut or lengthen the file."""
        self._size = self._place if size is None else size
        with self._patience():
            os.truncate(self._handle, self._size)
        return self._size

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            with self._patience():
                os.close(self._handle)
        super().close()

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or error


@contextlib.contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Give errors of the system the name of a file, in place of a temporary one or of none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


def remove_temporaries() -> None:
    """Remove the temporary files of this process, which is about to end."""
    for temporary in list(_begun):
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_left(folder: Path, name: str | None = None) -> None:
    """Remove temporary files in a folder that processes which are gone have left.

    Args:
        folder: of which; nothing happens where there is none.
        name: of the only file whose temporary ones count; None for all.

    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            found = _OWN.fullmatch(entry.name)
            if found and (name is None or found["of"] == name[:_LONGEST]) and _is_left(Path(entry.path), found):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def is_temporary(path: Path) -> bool:
    """Tell whether a file has the name of a temporary one."""
    return _OWN.fullmatch(path.name) is not None


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{_place()}-{os.getpid()}-{secrets.token_hex(4)}.{path.name[:_LONGEST]}.partial")


def _is_left(path: Path, found: re.Match) -> bool:
    """Tell whether nobody writes a temporary file any more."""
    if found["place"] != _place():
        return time.time() - path.stat().st_mtime > _FORGOTTEN
    process = int(found["process"])
    if process == os.getpid():
        return path not in _begun
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


@cache
def _place() -> str:
    """Return what tells the processes that this one can see from others: of another machine, boot or container."""
    facts = [platform.node()]
    with contextlib.suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:8]


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files that others wrote: which may be opened, and their text."""

import os
import stat
from pathlib import Path

from ideal.errors import DataError

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_TEXT_BYTES = 64 * 2**20


def check_regular(path: str | Path, what: str = "a file", where: str | Path | None = None) -> None:
    """Refuse what is not a regular file before it is opened: opening a pipe waits for a writer, perhaps for ever.

    Args:
        path: of the file; links are followed.
        what: is expected, in words.
        where: what messages call it; None for `path`.

    Raises:
        DataError: there is nothing of this name, it cannot be looked at, or it is a folder, a pipe, a socket or a device.

    """
    shown = path if where is None else where
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{shown}: no such file: check the name and the folder") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise DataError(f"{shown}: cannot be opened ({getattr(error, 'strerror', None) or error})") from None
    if kind == stat.S_IFREG:
        return
    remedy = "name a file in it" if kind == stat.S_IFDIR else "write what it gives to a file, and name that"
    shown = shown if where is None else f"{where}, which"
    raise DataError(f"{shown}{':' * (where is None)} is {_KINDS.get(kind, 'no regular file')}, expected {what}: {remedy}")


def read_text(path: str | Path, what: str = "a text file", most: int = _TEXT_BYTES) -> str:
    """Return the text of a regular file in UTF-8.

    Args:
        path: of the file.
        what: is expected, in words.
        most: bytes that it may have.

    Raises:
        DataError: it is no such file, has more bytes, or is not UTF-8.

    """
    check_regular(path, what)
    try:
        with open(path, "rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > most:
        raise DataError(f"{path}: has more than {most // 2**20 or 1} MiB, expected {what}: is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is no UTF-8, expected {what}: save it as UTF-8") from None

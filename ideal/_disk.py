"""The room on a disk."""

import os
from pathlib import Path

from ideal._memory import in_bytes
from ideal.errors import DataError

_RESERVE = 2**20  # bytes of headers and of the file system itself


def check_disk(path: str | Path, needed: int) -> None:
    """Refuse, before the first byte, a file that does not fit on its disk.

    Args:
        path: of the file to write; its folder, or one above it, is there.
        needed: bytes of the file.

    Raises:
        DataError: the disk has less room.

    """
    folder = Path(path).absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        about = os.statvfs(folder)
    except OSError:
        return
    free = about.f_bavail * about.f_frsize
    if about.f_blocks and needed + _RESERVE > free:
        raise DataError(
            f"{path}: would have {in_bytes(needed)}, and its disk has room for {in_bytes(free)}: write fewer or smaller samples, "
            "or name a file on another disk"
        )

"""One process at a time in the folder of a run: a lock of the system, which drops it however the process ends."""

import contextlib
import json
import os
import platform
import time
from pathlib import Path

from ideal._documents import loads
from ideal.errors import UsageError

NAME = ".lock"
_held: dict[Path, int] = {}


def take(folder: Path) -> None:
    """Lock a folder for this process until `release_all`.

    Raises:
        UsageError: another process has it, which is named.
        OSError: the folder cannot be written.

    """
    try:
        import fcntl
    except ImportError:  # there are none on this system
        return
    path = folder.resolve() / NAME
    if path in _held:
        return
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise UsageError(f"`out={folder}` is in use by {holder}: wait until it ends, or choose another `out`") from None
        except OSError:  # as some network file systems: better without a lock than not at all
            os.close(handle)
            return
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                break
        os.close(handle)  # its holder has removed it meanwhile
    _held[path] = handle
    facts = {"process": os.getpid(), "machine": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with contextlib.suppress(OSError):  # a full disk: the lock holds without a name
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(facts).encode(), 0)


def release(folder: Path) -> None:
    """Give a folder free that this process has locked; nothing happens where it has not."""
    _release(folder.resolve() / NAME)


def release_all() -> None:
    """Give all folders free that this process has locked."""
    for path in list(_held):
        _release(path)


def _release(path: Path) -> None:
    if (handle := _held.pop(path, None)) is None:
        return
    with contextlib.suppress(OSError):
        os.unlink(path)
    with contextlib.suppress(OSError):
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        facts = loads(os.pread(handle, 1000, 0))
        return f"process {int(facts['process'])} on {facts['machine']}, begun {facts['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

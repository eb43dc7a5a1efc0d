"""The memory that a process has taken, what is left of it, and errors that name the file for which it was not enough."""

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from ideal.errors import DataError, OutOfMemoryError

_CGROUP = Path("/sys/fs/cgroup")
_RESERVE = 64 * 2**20  # bytes that are left to everything else


def peak_memory() -> float:
    """Return the peak resident memory of this process, MB of 2**20 bytes."""
    # ru_maxrss of a child also counts what its parent held when it forked, VmHWM does not.
    kilobytes = _status("VmHWM:")
    if kilobytes is not None:
        return kilobytes / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def free_memory() -> int | None:
    """Return the bytes that this process may still take: of the machine, of its limit and of its container; None if unknown."""
    found = [_machine(), _limit(), _container()]
    known = [each for each in found if each is not None]
    return max(0, min(known)) if known else None


def check_memory(where: str | Path, needed: int, what: str, remedy: str) -> None:
    """Refuse, before memory is spent, what does not fit into it.

    Args:
        where: what messages call the file.
        needed: bytes.
        what: takes them, in words.
        remedy: what the user can do.

    Raises:
        OutOfMemoryError: there is less memory.

    """
    free = free_memory()
    if free is not None and needed > max(0, free - _RESERVE) and needed > _RESERVE:
        raise OutOfMemoryError(f"{where}: {what} would take {in_bytes(needed)} of memory, {in_bytes(free)} are free: {remedy}")


@contextlib.contextmanager
def memory_for(where: str | Path, doing: str, remedy: str) -> Iterator[None]:
    """Turn an exhausted memory inside the block into an error that names the file, what was done, and a remedy.

    Raises:
        OutOfMemoryError: NumPy, JAX or Python found no memory; an inner block's error goes first.

    """
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"{where}: not enough memory while {doing}: {remedy}") from error
    except DataError:
        raise
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):  # what JAX says instead of MemoryError
            raise
        raise OutOfMemoryError(f"{where}: not enough memory while {doing}: {remedy}") from error


def in_bytes(count: float) -> str:
    """Return a number of bytes for people, as "3.6 GB"."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} bytes"


def _status(key: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    return None


def _machine() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 2**10
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _limit() -> int | None:
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _status("VmSize:")
    return None if most == resource.RLIM_INFINITY or taken is None else most - taken * 2**10


def _container() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        most = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if most != "max":
            return int(most) - int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    return None

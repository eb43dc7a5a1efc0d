"""Shards: a part of the jobs for each of several processes that share nothing but a disk, as the tasks of a Slurm array."""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ideal.errors import UsageError

_SHARD = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of the jobs of a run.

    Attributes:
        number: of the part, from 1.
        count: of the parts.

    """

    number: int
    count: int

    def has(self, place: int) -> bool:
        """Tell whether the job at a place of the run, from 0, is of this part."""
        return place % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str | None, environment: Mapping[str, str] = os.environ) -> Shard | None:
    """Return the part of the jobs that a text such as "2/8" means, or that the variables of a Slurm array do.

    Args:
        text: K/N; "none" for all jobs even in an array; None for what the variables say.
        environment: variables by name.

    Returns:
        The part; None for all jobs.

    Raises:
        UsageError: the text is none of these.

    """
    if text == "none":
        return None
    if text is not None:
        found = _SHARD.fullmatch(text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"`shard={text}` is no part: give K/N, as 2/8, with K from 1 to N")
        return Shard(int(found[1]), int(found[2]))
    try:
        task, first, count = (int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "MIN", "COUNT"))
        step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
    except (KeyError, ValueError):
        return None
    number = (task - first) // max(step, 1) + 1
    if not 1 <= number <= count:  # an array such as 1,5,7 has no step
        raise UsageError(f"task {task} of the Slurm array has no place among {count}: give --shard K/N, or number tasks 1 to N")
    return Shard(number, count) if count > 1 else None


@dataclass
class Claims:
    """Says to other processes on the same disk which jobs this one is at work on; the system drops it however a process ends.

    Attributes:
        folder: for the files of the claims.

    """

    folder: Path
    _held: dict[str, int] = field(default_factory=dict)

    def take(self, key: str) -> bool:
        """Claim a job; False where another process has it."""
        try:
            import fcntl
        except ImportError:  # there are no such locks on this system: work may be done twice
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{key}.lock"
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            except OSError:  # as on some network disks
                os.close(handle)
                return True
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(handle), os.stat(path)):
                    self._held[key] = handle
                    return True
            os.close(handle)  # its holder has removed it meanwhile

    def release(self, key: str) -> None:
        """Give a job free; nothing happens where it was not claimed."""
        if (handle := self._held.pop(key, None)) is not None:
            with contextlib.suppress(OSError):
                (self.folder / f"{key}.lock").unlink()
            os.close(handle)

    def release_all(self) -> None:
        """Give all jobs free."""
        for key in list(self._held):
            self.release(key)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

"""What is written once a number is there: what fails of it takes a warning line and the exit code, never the number."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ideal.errors import IdealError, StorageWarning

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Keeping:
    """Collects what could not be kept.

    Attributes:
        debug: whether an error that is none of the disk or the user is raised all the same.
        failed: a line for each failure.

    """

    debug: bool = False
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def attempt(self, path: str | Path, what: str = "it") -> Iterator[None]:
        """Go on after the block where it fails, with a warning line that names the file and what was to be in it."""
        try:
            yield
        except IdealError as error:
            self.note(str(error))
        except OSError as error:
            self.note(f"{error.filename or path}: {what} cannot be written ({error.strerror or error})")
        except Exception as error:
            if self.debug:
                raise
            reason = "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
            self.note(f"{path}: {what} cannot be made ({reason})")

    def note(self, text: str) -> None:
        """Take a failure, and print it as a warning line."""
        if text not in self.failed:
            self.failed.append(text)
            warnings.warn(text, StorageWarning, stacklevel=2)


def is_full(error: OSError) -> bool:
    """Tell whether a disk, or what of it one may use, is full."""
    return error.errno in _FULL

"""What libraries raise on damaged files, as errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ideal.errors import DataError, IdealError
from ideal.text import plain_text


@contextmanager
def damaged(path: str | Path, what: str = "damaged HDF5 file") -> Iterator[None]:
    """Turn what libraries raise on a damaged file into an error that names it."""
    try:
        yield
    except IdealError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, OverflowError, UnicodeError) as error:
        raise DataError(f"{path}: {what} ({reason_of(error)}): copy or write the file again") from error


def reason_of(error: Exception) -> str:
    """Return the message of an error in one line, its beginning where it is long."""
    return plain_text(" ".join(str(error).split()))[:200]

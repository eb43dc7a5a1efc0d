"""What libraries raise on damaged files, as errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ideal._memory import in_bytes
from ideal.errors import DataError, IdealError
from ideal.text import plain_text

_PACKED_HEADERS = 2**16  # bytes of headers and tables that a compressed part may have beside its values


@contextmanager
def damaged(path: str | Path, what: str = "damaged HDF5 file") -> Iterator[None]:
    """Turn what libraries raise on a damaged file into an error that names it."""
    try:
        yield
    except IdealError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, OverflowError, UnicodeError) as error:
        raise DataError(f"{path}: {what} ({reason_of(error)}): copy or write the file again") from error


def check_packed(where: str | Path, stored: int, unpacked: int) -> None:
    """Refuse a compressed part of a file that is larger than what it should unpack to: it may unpack to anything.

    Deflate makes at most 1032 bytes of one, so what this lets pass takes about 2000 times the memory that its shape promises
    at the very worst, however large the file; no compression of honest noise makes it twice as large.

    Args:
        where: what messages call the part.
        stored: its bytes in the file.
        unpacked: bytes of the values that it should hold.

    Raises:
        DataError: it is larger.

    """
    if stored > 2 * unpacked + _PACKED_HEADERS:
        raise DataError(
            f"{where}: {in_bytes(stored)} are stored for {in_bytes(unpacked)} of values: it would unpack to more than its shape "
            "says: copy or write the file again"
        )


def reason_of(error: Exception) -> str:
    """Return the message of an error in one line, its beginning where it is long."""
    return plain_text(" ".join(str(error).split()))[:200]

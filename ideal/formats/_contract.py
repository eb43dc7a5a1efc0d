"""The contract of a file format: how its files are told, and how one is opened."""

from pathlib import Path
from typing import Any, ClassVar

from ideal.formats._source import Source


class Format:
    """A format of measurement files. A new one is a class in a file of its own, and one line in `ideal.formats.FORMATS`.

    Attributes:
        starts: first bytes of its files, any of these.
        suffixes: what the names of its files end in, lower case; they decide only where the first bytes are of no format.
        shares: formats whose first bytes its files have too, as a camera's raw file begins as a TIFF; `recognises` then decides.
        has_names: whether `FILE::NAME` names an array, or another part, of a file.
        options: that opening takes beside `follow_links`, and others do not, as `source` of UVFITS.

    Example:
        >>> from ideal.formats import FORMATS
        >>> FORMATS.find("npy").suffixes
        ('.npy',)

    """

    starts: ClassVar[tuple[bytes, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]]
    shares: ClassVar[tuple[str, ...]] = ()
    has_names: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether a file is of this format by what lies deeper in it.

        It is asked where the first bytes of a file are the `starts` of no format, or of one that this one `shares`.

        Args:
            path: of a regular file.
            start: its first 32 bytes, or fewer where it has no more.

        """
        return False

    @classmethod
    def recognises_folder(cls, path: Path) -> bool:
        """Tell whether a folder is a file of this format, as a zarr store is."""
        return False

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; the arrays of the source are read sample by sample.

        Args:
            path: of a file that exists.
            name: of the part that the user asks for (`FILE::NAME`); None where none is named.
            follow_links: whether files outside its folder may be read that the file names.
            **options: those of `options` that the user has given.

        Raises:
            DataError: it cannot be read, or has no such part; the message says what mends it.

        """
        raise NotImplementedError

"""The first header of a FITS file, read without a package: enough to tell what kind of FITS it is."""

from pathlib import Path

FITS = b"SIMPLE  ="
_BLOCK, _CARD = 2880, 80
_MOST_BLOCKS = 400  # longer headers belong to no file that is told by them


def first_header(path: Path) -> dict[str, str]:
    """Return the values of the first header as they are written, texts without quotes; up to where it ends or is cut off.

    Args:
        path: of a file that begins as FITS.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".fits") as file:
        ...     size = file.write(b"SIMPLE  =                    T".ljust(80) + b"END".ljust(80))
        ...     file.flush()
        ...     first_header(Path(file.name))
        {'SIMPLE': 'T'}

    """
    found: dict[str, str] = {}
    with open(path, "rb") as stream:
        for _ in range(_MOST_BLOCKS):
            block = stream.read(_BLOCK)
            for place in range(0, len(block) - 2, _CARD):
                card = block[place : place + _CARD].decode("latin-1")
                if card[:8].rstrip() == "END":
                    return found
                if card[8:9] == "=":
                    text = card[9:].split("/")[0] if "'" not in card else card[9:].partition("'")[2].partition("'")[0]
                    found.setdefault(card[:8].strip(), text.strip())
            if len(block) < _BLOCK:
                break
    return found

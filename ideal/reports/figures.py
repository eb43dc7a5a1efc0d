"""Figures of run folders, embedded in a page with the size that they were drawn at."""

import base64
import re
import struct
from pathlib import Path

from ideal.errors import DataError
from ideal.reports.content import Gallery, Picture
from ideal.runs.read import Run

_INCH = 96  # CSS pixels
_UNITS = {"": 1.0, "px": 1.0, "pt": _INCH / 72, "in": _INCH, "cm": _INCH / 2.54, "mm": _INCH / 25.4}
_WIDEST_OF_PAIR = 820  # CSS pixels, of which a screen leaves three fifths
_LARGEST_SVG = 1_500_000  # bytes; of a larger one the PNG beside it is taken
_SVG_HEAD = 4096


def gallery(run: Run, figures: list[tuple[str, str, str]], *, pair: bool = False) -> Gallery:
    """Return figures of a run.

    Args:
        run: whose they are.
        figures: name of the file, caption and what it shows of each; a missing one is shown as such.
        pair: whether two stand side by side, where they are not too wide for that.

    """
    pictures = [picture(run, name, caption, alt) for name, caption, alt in figures]
    return Gallery(pictures, pair and all(each.width <= _WIDEST_OF_PAIR for each in pictures))


def picture(run: Run, name: str, caption: str, alt: str) -> Picture:
    """Return a figure of a run with its bytes in it; without them where it is missing, lies elsewhere or is no picture."""
    shown = Path(name).name
    try:
        content = run.content(name)
    except DataError as error:
        return Picture(None, shown, caption, alt, fault=str(error))
    kind, width, height = _measured(content)
    if kind is None:
        return Picture(None, shown, caption, alt, fault="is no picture that can be shown, PNG or SVG")
    source = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return Picture(source, shown, caption, alt, width, height)


def preferred(run: Run, names: list[str]) -> str:
    """Return which file of a figure to embed: lines where they are not too many, else pixels.

    Args:
        run: whose it is.
        names: of files that show the same; the first one if none of them exists.

    """
    there = {Path(name).suffix.lower(): name for name in names if run.file(name) or name in run.figures}
    vector, pixels = there.get(".svg"), there.get(".png")
    if vector and (pixels is None or len(run.content(vector)) <= _LARGEST_SVG):
        return vector
    return pixels or next(iter(names), "figure.png")


def _measured(content: bytes) -> tuple[str | None, int, int]:
    """Return media type, width and height in CSS pixels."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        width, height = struct.unpack(">II", content[16:24])
        scale = _INCH / _dots_per_inch(content)
        return "image/png", round(width * scale), round(height * scale)
    head = content[:_SVG_HEAD].decode("utf-8", "replace")
    if (tag := re.search(r"<svg\b[^>]*>", head)) is not None:
        sides = (re.search(rf'\b{name}="([\d.]+)(\w*)"', tag[0]) for name in ("width", "height"))
        width, height = (round(float(side[1]) * _UNITS.get(side[2], 0.0)) if side else 0 for side in sides)
        return "image/svg+xml", width, height
    return None, 0, 0


def _dots_per_inch(content: bytes) -> float:
    place = content.find(b"pHYs", 0, _SVG_HEAD)
    if place < 0:
        return 2.0 * _INCH
    across, _, unit = struct.unpack(">IIB", content[place + 4 : place + 13])
    return across * 0.0254 if unit == 1 and across else 2.0 * _INCH

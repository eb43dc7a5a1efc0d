"""What all figures share: colors, fonts for any script, and how they become files and pictures in a notebook."""

import io
import warnings
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.figure
from matplotlib import font_manager
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, LogFormatterSciNotation

from ideal._files import write_whole
from ideal.errors import FigureWarning
from ideal.text import plain_text

DPI = 200
_MORE_FONTS = (  # for names in scripts that the usual font lacks
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "IPAGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
)


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows, whether or not anybody has imported pyplot."""

    def _repr_png_(self) -> bytes:
        return picture_of(self, dpi=100)


class _PlainPowers(LogFormatterSciNotation):
    """Labels of a logarithmic axis as plain numbers, at the ticks that matplotlib would label."""

    def __call__(self, x, pos=None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def write_plainly(figure: matplotlib.figure.Figure) -> None:
    """Take all texts of a figure for plain ones: names of files are no mathematics, and hold letters that no font here draws."""
    for side in (side for axes in figure.axes for side in (axes.xaxis, axes.yaxis)):
        if isinstance(side.get_major_formatter(), LogFormatter):
            side.set_major_formatter(_PlainPowers())
        if isinstance(side.get_minor_formatter(), LogFormatter):
            side.set_minor_formatter(_PlainPowers(minor_thresholds=(1, 0.4)))
    lost: dict[str, None] = {}
    families = [*matplotlib.rcParams["font.sans-serif"][:1], *_other_fonts()]
    for text in figure.findobj(Text):
        said = "\n".join(map(plain_text, text.get_text().split("\n")))
        text.set_parse_math(False)
        if said.isascii():
            text.set_text(said)
            continue
        text.set_fontfamily(families)
        drawn = {code for family in families for code in _letters(family)}
        missing = [letter for letter in said if ord(letter) not in drawn and letter != "\n"]
        lost |= dict.fromkeys(missing)
        text.set_text("".join("?" if letter in missing else letter for letter in said))
    if lost:
        message = (
            f"in the figure a ? stands for each of {''.join(lost)}: no font here has them, install one that does (Noto Sans)"
        )
        warnings.warn(message, FigureWarning, stacklevel=2)


@cache
def _other_fonts() -> tuple[str, ...]:
    installed = {each.name for each in font_manager.fontManager.ttflist}
    return tuple(name for name in _MORE_FONTS if name in installed)


@cache
def _letters(family: str) -> frozenset[int]:
    """Return the codes of the letters that a font draws."""
    return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())


def save_figure(figure: matplotlib.figure.Figure, target: str | Path, dpi: float = DPI) -> None:
    """Write a figure so that the file appears whole or not at all.

    Args:
        figure: to be drawn.
        target: .png, .svg or .pdf file; its folder is made where there is none.
        dpi: dots per inch.

    """
    write_plainly(figure)
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, _content(figure, target.suffix.lower().removeprefix("."), dpi))


def picture_of(figure: matplotlib.figure.Figure, kind: str = "png", dpi: float = DPI) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: to be drawn.
        kind: "png", "svg" or "pdf".
        dpi: dots per inch.

    """
    write_plainly(figure)
    return _content(figure, kind, dpi)


def _content(figure: matplotlib.figure.Figure, kind: str, dpi: float) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=dpi)
    return content.getvalue()

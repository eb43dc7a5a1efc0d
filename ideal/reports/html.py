"""Blocks of results as HTML: the templates, and what they call; of a page, or of a part that a notebook shows."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ideal.reports.content import Block
from ideal.tables import Cell, Column, Table

_BAR_WIDTH, _BAR_MARGIN = 132, 6  # of the drawing of an interval
_TEMPLATES = Path(__file__).with_name("templates")


def rendered(template: str, **values) -> str:
    """Return a template, filled in; what values hold is escaped.

    Args:
        template: name of the file.
        **values: what it asks for.

    Raises:
        jinja2.TemplateError: it asks for what is not given.

    """
    return _environment().get_template(template).render(**values)


def style_of(name: str) -> Markup:
    """Return a style sheet of ours, which is not escaped."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def fragment(blocks: Sequence[Block]) -> str:
    """Return blocks as HTML that stands by itself among others, as below a cell of a notebook."""
    name = f"ideal-{crc32(repr(blocks).encode('utf-8', 'replace')):08x}"  # other than those of the cells around it
    return rendered("fragment.html", blocks=blocks, name=name, style=style_of("fragment.css"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["bar_width"] = _BAR_WIDTH
    environment.filters["laid_out"] = laid_out
    environment.filters["breakable"] = _breakable
    environment.filters["prose"] = _prose
    return environment


def laid_out(table: Table) -> list[list[tuple[Column, Cell, dict | None]]]:
    """Return the rows of a table as a page shows them, each cell with its column and with where its bar is drawn."""
    rows = table.cells
    bars = [_drawn_bars(column) for column in zip(*rows, strict=True)]
    return [
        [
            (column, cell, bars[place][number])
            for place, (column, cell) in enumerate(zip(table.columns, row, strict=True))
            if column.on_page
        ]
        for number, row in enumerate(rows)
    ]


def _drawn_bars(cells: Sequence[Cell]) -> list[dict | None]:
    """Return where to draw the bars of a column, pixels from its left edge: value, low, high, reference, zero of the scale."""
    bars = [cell.bar for cell in cells if cell.bar is not None]
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high, bar.reference) if end is not None]
    lowest, highest = min(0.0, *ends, 0.0), max(0.0, *ends, 0.0)
    length = (highest - lowest) or 1.0

    def place(value: float | None) -> str | None:
        if value is None:
            return None
        return f"{_BAR_MARGIN + (_BAR_WIDTH - 2 * _BAR_MARGIN) * (value - lowest) / length:.1f}"

    keys = ("value", "low", "high", "reference")
    return [
        None if cell.bar is None else {key: place(getattr(cell.bar, key)) for key in keys} | {"zero": place(0.0)}
        for cell in cells
    ]


def _prose(text: str) -> Markup:
    """Return a text, escaped, whose options stay whole at the ends of lines."""
    parts = re.split(r"(?<!\w)(--\w[\w-]*)", text)
    return Markup("").join(
        Markup('<span class="option">{}</span>').format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _breakable(text: str) -> Markup:
    """Return a name, escaped, that may go on in another line after its slashes and underscores, and its points before words."""
    return Markup("").join(Markup("{}<wbr>").format(part) for part in re.split(r"(?<=[/_])|(?<=\w\.)(?=[a-z])", text))

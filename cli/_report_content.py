"""What a page of a report consists of: tables, figures, facts, notes and text to copy; and how numbers are written."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

BAR_WIDTH, BAR_MARGIN = 132, 6  # of the drawing of an interval
_KEPT_TOGETHER = 8  # rows of a table that is not broken between sheets
_UNFOLDED, _ON_PAPER = 20, 15  # rows of a table of a file: the most that are shown without asking, and how many of more


@dataclass(frozen=True)
class Bar:
    """An interval to draw on the scale of its column, in its units of length.

    Attributes:
        value, low, high: of the number and its interval; low and high are None where there is none.
        reference: where a line is drawn through the column, such as zero or a target; None for none.

    """

    value: float
    low: float | None = None
    high: float | None = None
    reference: float | None = None


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: as it is shown.
        tone: "good", "bad" or "unsure" for a verdict, "light" for what stands back, or "".
        bar: drawn instead of the text.
        detail: a line below the text, in a lighter tone.
        meaning: of a text that is no word, such as a dash.

    """

    text: str = ""
    tone: str = ""
    bar: Bar | None = None
    detail: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: with its unit.
        style: "text", "number" (flush right), "interval" (the same in a lighter tone), "bar" or "code".
        on_paper: whether it is printed; the file of the table has what is not.

    """

    title: str
    style: str = "text"
    on_paper: bool = True


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it.

    Attributes:
        caption: what the table shows.
        columns: of it.
        rows: a text or a `Cell` for each column.
        strong: numbers of the rows that matter most.
        note: below the table.
        stacked: whether its cells stand below each other where there is little room, for they hold sentences.
        file: beside run.json, that holds it all; "" where there is none. The table is then folded where it is long.

    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    strong: frozenset[int] = frozenset()
    note: str = ""
    stacked: bool = False
    file: str = ""

    @property
    def broad(self) -> bool:
        """Whether its columns take more room than paper has at the usual size."""
        return bool(self.file) or len(self.columns) > 9

    @property
    def long(self) -> bool:
        """Whether it has more rows than are kept together on paper."""
        return len(self.rows) > _KEPT_TOGETHER

    @property
    def folded(self) -> bool:
        """Whether its rows are shown only to those who ask for them; paper has the first of them."""
        return bool(self.file) and len(self.rows) > _UNFOLDED

    @property
    def rows_on_paper(self) -> int:
        """How many of its rows, from the first, are printed."""
        return _ON_PAPER if self.folded else len(self.rows)

    @property
    def left_off_paper(self) -> str:
        """What of it is not printed, and where that is; "" where all is."""
        rows, columns = len(self.rows), [column.on_paper for column in self.columns]
        parts = [f"the first {self.rows_on_paper} of {rows} rows"] if self.rows_on_paper < rows else []
        if not all(columns):
            parts.append(f"{sum(columns)} of {len(columns)} columns")
        return f"Printed: {' and '.join(parts)}; {self.file} beside run.json has all." if parts else ""


@dataclass(frozen=True)
class Picture:
    """A figure, embedded.

    Attributes:
        source: data URI; None where it cannot be shown.
        name: of the file.
        caption: below it.
        alt: what it shows, for those who do not see it.
        width, height: natural size in CSS pixels; 0 where unknown.
        fault: why it cannot be shown, in words that follow its name.

    """

    source: str | None
    name: str
    caption: str
    alt: str
    width: int = 0
    height: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Gallery:
    """Figures, one after the other, or two to be compared side by side where there is room."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]
    pair: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with their values: settings, versions, checksums."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    code: bool = False


@dataclass(frozen=True)
class Headline:
    """The numbers that a run was made for: (number, unit, what it is, its interval or "") each."""

    kind: ClassVar[str] = "headline"
    numbers: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Note:
    """Sentences to read before the numbers, or beside them.

    Attributes:
        lines: one or more.
        tone: "warning", "failure" or "" for an explanation.
        title: above them.

    """

    kind: ClassVar[str] = "note"
    lines: Sequence[str]
    tone: str = ""
    title: str = ""


@dataclass(frozen=True)
class Code:
    """Text to copy: a command or a configuration."""

    kind: ClassVar[str] = "code"
    text: str
    label: str = ""


Block = Table | Gallery | Facts | Headline | Note | Code


@dataclass(frozen=True)
class Part:
    """Blocks below a heading of a section; none where there is nothing to show."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """What a page tells of one run, or of several together.

    Attributes:
        title: of the section.
        kind: of the run, for people: "estimate"; "" of what is about several.
        place: folder of the run.
        status: "finished", "failed" or "unfinished".
        result: its main number in a few words, for the list of runs.
        lead: what it was, in a line.
        parts: of the section, in order.
        statistics: rows of numbers with targets, for the table of several studies.

    """

    title: str
    kind: str = ""
    place: str = ""
    status: str = "finished"
    result: str = ""
    lead: str = ""
    parts: Sequence[Part] = ()
    statistics: Sequence[dict] = field(default=(), repr=False)

    @property
    def pictures(self) -> list[Picture]:
        """All its figures."""
        return [each for part in self.parts for block in part.blocks if isinstance(block, Gallery) for each in block.pictures]


def number(value: float | None, digits: int = 3, sign: str = "") -> str:
    """Return a number with so many digits after the point; a dash for none. With `sign` "+" positive ones have theirs."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:{sign}.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-+")


def digits_for(values: Iterable[float | None]) -> int:
    """Return after how many digits numbers that stand together are cut: three, more of small ones, fewer of large ones."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    if largest >= 100:
        return 1
    return 3 if largest >= 0.1 or not largest else min(8, 2 - math.floor(math.log10(largest)))


def span(bounds: Sequence[float | None] | None, digits: int = 3, scale: float = 1.0) -> str:
    """Return an interval as "0.312 to 0.678"; a dash where there is none."""
    if not _known(bounds):
        return "–"
    return " to ".join(number(bound * scale, digits) for bound in bounds)


def with_span(value: float | None, bounds: Sequence[float | None] | None, digits: int = 3, sign: str = "") -> str:
    """Return a number with its interval in parentheses, where it has one."""
    return number(value, digits, sign) + (f" ({span(bounds, digits)})" if _known(bounds) else "")


def interval_text(bounds: Sequence[float | None] | None, confidence: float, digits: int = 3, scale: float = 1.0) -> str:
    """Return an interval with its confidence, for a headline."""
    return f"{100 * confidence:.6g} % interval {span(bounds, digits, scale)}" if _known(bounds) else ""


def interval_cell(bounds: Sequence[float | None] | None, digits: int = 3, scale: float = 1.0) -> Cell:
    """Return a cell of a column of intervals."""
    return Cell(span(bounds, digits, scale)) if _known(bounds) else Cell("–", "light", meaning="no interval")


def bar_cell(
    value: float | None, bounds: Sequence[float | None] | None, reference: float | None = None, scale: float = 1.0
) -> Cell:
    """Return a cell that draws a number with its interval; an empty one for no number."""
    if value is None or not math.isfinite(value):
        return Cell()
    low, high = (bound * scale for bound in bounds) if _known(bounds) else (None, None)
    return Cell(bar=Bar(value * scale, low, high, reference))


def _known(bounds: Sequence[float | None] | None) -> bool:
    return bounds is not None and all(bound is not None and math.isfinite(bound) for bound in bounds)


def laid_out(table: Table) -> list[list[tuple[Column, Cell, dict | None]]]:
    """Return the rows of a table, each cell with its column and with where its bar is drawn."""
    rows = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in table.rows]
    bars = [_drawn_bars(column) for column in zip(*rows, strict=True)]
    return [
        [(column, cell, bars[place][number]) for place, (column, cell) in enumerate(zip(table.columns, row, strict=True))]
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
        return f"{BAR_MARGIN + (BAR_WIDTH - 2 * BAR_MARGIN) * (value - lowest) / length:.1f}"

    keys = ("value", "low", "high", "reference")
    return [
        None if cell.bar is None else {key: place(getattr(cell.bar, key)) for key in keys} | {"zero": place(0.0)}
        for cell in cells
    ]

"""Tables: each is built once by what it tells of, and drawn by terminals, by pages and by notebooks."""

import io
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ideal.errors import UsageError
from ideal.text import is_known, plain_text, span

if TYPE_CHECKING:
    import pandas
    import rich.table

_KEPT_TOGETHER = 8  # rows of a table that is not broken between sheets
_UNFOLDED, _ON_PAPER = 20, 15  # rows of a table of a file: the most that are shown without asking, and how many of more
_FOLDED = 20  # columns of a terminal that a text may be folded to
_GAP = 2  # between columns, as rich sets them
_ASCII = str.maketrans({"−": "-", "–": "-"})  # what programs read in a terminal's numbers


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
        style: "text", "number" (flush right), "interval" (the same in a lighter tone), "bar", "wide" or "code".
        on_paper: whether it is printed; the file of the table has what is not.
        on_page: whether a page or a notebook shows it; terminals do.
        spare: of columns that a terminal has no room for, those with the largest go first; 0 stays.

    """

    title: str
    style: str = "text"
    on_paper: bool = True
    on_page: bool = True
    spare: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it holds words, which may go on in another line."""
        return self.style in ("text", "wide", "code")


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it.

    Attributes:
        caption: what the table shows.
        columns: of it.
        rows: a text or a `Cell` for each column.
        strong: numbers of the rows that matter most.
        note: below the table, on a page.
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
    def cells(self) -> list[list[Cell]]:
        """Its rows, texts as cells."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]

    def to_rich(self, width: int | None = None) -> "rich.table.Table":
        """Return the table for a terminal: without bars, and without spare columns that there is no room for.

        Args:
            width: columns of the terminal; None where all of the table is wanted.

        """
        import rich.table
        from rich.text import Text

        drawn = rich.table.Table(box=None, pad_edge=False)
        shown = self._shown(width)
        for column in (self.columns[place] for place in shown):
            fold = {"overflow": "fold"} if column.is_text else {"no_wrap": True, "justify": "right"}
            drawn.add_column(Text(column.title), **fold)
        for number, row in enumerate(self._texts):
            drawn.add_row(*(Text(row[place]) for place in shown), style="bold" if number in self.strong else None)
        return drawn

    def to_text(self, width: int | None = None) -> str:
        """Return the table as lines of text, none of which ends in blanks; see `to_rich`."""
        from rich.console import Console

        file = io.StringIO()
        console = Console(file=file, highlight=False, markup=False, emoji=False, color_system=None, width=self.room(width))
        console.print(self.to_rich(width))
        return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())

    def room(self, width: int | None = None) -> int:
        """Return how many columns of a terminal of this width the table takes: more than there are where it cannot shrink."""
        shown = self._shown(width)
        return max(width or sum(self._widths[place] for place in shown) + _GAP * len(shown), self._least(shown))

    @cached_property
    def _texts(self) -> list[list[str]]:
        """What a terminal shows of its cells: numbers in ASCII, for programs read them."""
        return [
            [
                plain_text(cell.text if column.is_text else cell.text.translate(_ASCII))
                for column, cell in zip(self.columns, row, strict=True)
            ]
            for row in self.cells
        ]

    @cached_property
    def _widths(self) -> list[int]:
        from rich.cells import cell_len

        every = [[column.title for column in self.columns], *self._texts]
        return [max(map(cell_len, column)) for column in zip(*every, strict=True)]

    def _least(self, shown: Sequence[int]) -> int:
        """Return how many columns of a terminal these columns take where texts are folded."""
        folded = (min(self._widths[place], _FOLDED) if self.columns[place].is_text else self._widths[place] for place in shown)
        return sum(folded) + _GAP * (len(shown) - 1)

    def _shown(self, width: int | None) -> list[int]:
        """Return the numbers of the columns that a terminal of this width shows."""
        shown = [place for place, column in enumerate(self.columns) if column.style != "bar"]
        while width is not None and self._least(shown) > width:
            spare = max(shown, key=lambda place: (self.columns[place].spare, place))
            if not self.columns[spare].spare:
                break
            shown.remove(spare)
        return shown

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


def interval_cell(bounds: Sequence[float | None] | None, digits: int = 3, scale: float = 1.0) -> Cell:
    """Return a cell of a column of intervals."""
    return Cell(span(bounds, digits, scale)) if is_known(bounds) else Cell("–", "light", meaning="no interval")


def bar_cell(
    value: float | None, bounds: Sequence[float | None] | None, reference: float | None = None, scale: float = 1.0
) -> Cell:
    """Return a cell that draws a number with its interval; an empty one for no number."""
    if value is None or not math.isfinite(value):
        return Cell()
    low, high = (bound * scale for bound in bounds) if is_known(bounds) else (None, None)
    return Cell(bar=Bar(value * scale, low, high, reference))


def to_frame(rows: Sequence[Mapping[str, Any]], index: str | None = None) -> "pandas.DataFrame":
    """Return rows of numbers and names as a data frame of pandas.

    Args:
        rows: the same keys in each.
        index: the key whose values name the rows; None for numbers.

    Raises:
        UsageError: pandas is not installed.

    """
    try:
        import pandas
    except ImportError:
        raise UsageError("a data frame needs the package pandas, which is not installed: pip install pandas") from None
    frame = pandas.DataFrame(list(rows))
    return frame if index is None else frame.set_index(index)


def plain_table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> Table:
    """Return a table of texts below their titles; the columns of these numbers are flush right."""
    return Table("", [Column(title, "number" if number in right else "text") for number, title in enumerate(titles)], rows)

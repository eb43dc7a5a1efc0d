"""What an attribution has found: terms with their errors, and how far they can be trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ideal.attribution.indices import INDICES
from ideal.attribution.sparse import SparseFunction
from ideal.errors import DataError, UsageError
from ideal.records import check_format, finite
from ideal.tables import Cell, Column, Table, to_frame
from ideal.text import aligned, digits_for, number, percent

if TYPE_CHECKING:
    from pathlib import Path

    import pandas

    from ideal.plots.theme import Figure

FORMAT, FORMAT_VERSION = "ideal-attribution", 1
_SHOWN, _FEWER = 16, 12  # terms of a table; those of a table of interactions alone
_NEEDED = ("players", "names", "terms", "index", "method", "reason", "faithfulness", "ablations", "warnings")


@dataclass(frozen=True)
class Term:
    """One term of the fitted function, in the index that was asked for.

    Attributes:
        players: numbers of its players, ascending, from 0; () for the constant.
        coefficient: of the term.
        error: standard error of the coefficient over masks; 0 where all sets are known, None where it was not asked for.
        kind: "constant", "main", "synergy", "redundancy" or "none".
        share: part of the energy of all interactions that the term's Fourier coefficient has; None for single players.

    """

    players: tuple[int, ...]
    coefficient: float
    error: float | None
    kind: str
    share: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """Which players matter, and which only together.

    It shows itself: in a terminal and in a notebook as a table; `plot` draws the largest terms and the interactions of pairs.

    Attributes:
        record: all figures as JSON types; the other members read it.
        function: what was fitted, Fourier coefficient by coefficient; None for a result that was read from a record.
        masks: the masks that it was made from, (mask, player); None for a result that was read from a record.
        values: their values, (mask,).

    """

    record: dict[str, Any]
    function: SparseFunction | None = None
    masks: np.ndarray | None = None
    values: np.ndarray | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the players."""
        return tuple(self.record["names"])

    @property
    def terms(self) -> tuple[Term, ...]:
        """The constant, and then the largest coefficients first."""
        return tuple(
            Term(tuple(each["players"]), each["coefficient"], each["error"], each["kind"], each["share"])
            for each in self.record["terms"]
        )

    @property
    def method(self) -> str:
        """The method that was used."""
        return self.record["method"]

    @property
    def reason(self) -> str:
        """Why it was used."""
        return self.record["reason"]

    @property
    def faithfulness(self) -> dict[str, Any]:
        """R^2 on held-out masks of "order1", "order2" and the "method"; "at_size" has those on masks of the size that matters."""
        return self.record["faithfulness"]

    @property
    def ablations(self) -> int:
        """How many sets of players were valued."""
        return self.record["ablations"]

    @property
    def selection(self) -> dict[str, Any] | None:
        """The best set of the size that was asked for, and what each strategy has found; None where none was asked for."""
        return self.record.get("selection")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, a sentence each."""
        return tuple(self.record["warnings"])

    def matrix(self) -> np.ndarray:
        """Return the coefficients of pairs, (player, player), symmetric, with those of single players on the diagonal."""
        found = np.zeros((len(self.names), len(self.names)))
        for term in self.terms:
            if 1 <= len(term.players) <= 2:
                i, j = term.players[0], term.players[-1]
                found[i, j] = found[j, i] = term.coefficient
        return found

    def table(self, count: int = _SHOWN) -> Table:
        """Return the largest terms.

        Args:
            count: how many.

        """
        return self._table([term for term in self.terms if term.players], count, "largest terms")

    def interaction_table(self, count: int = _FEWER) -> Table:
        """Return the largest interactions, of two players or more.

        Args:
            count: how many.

        """
        return self._table([term for term in self.terms if len(term.players) > 1], count, "largest interactions")

    def _table(self, terms: list[Term], count: int, caption: str) -> Table:
        shown = terms[:count]
        digits = digits_for([term.coefficient for term in shown])
        columns = [
            Column(f"{self.record['noun']}s", "wide"),
            Column(self.record["index"] + (f", {self.record['unit']}" if self.record["unit"] else ""), "number"),
            Column("error", "number", spare=1),
            Column("kind"),
            Column("of interactions", "number", spare=2),
        ]
        tones = {"synergy": "good", "redundancy": "unsure"}
        rows: list[list[str | Cell]] = [
            [
                " + ".join(self.names[player] for player in term.players),
                number(term.coefficient, digits, "+"),
                number(term.error, digits),
                Cell(term.kind, tones.get(term.kind, "")),
                percent(term.share) if term.share is not None else "",
            ]
            for term in shown
        ]
        more = len(terms) - len(shown)
        return Table(f"{caption}{f'; {more} more are smaller' if more > 0 else ''}", columns, rows)

    def faithfulness_table(self) -> Table:
        """Return R^2 of the method beside regression of order 1 and 2."""
        at_size, columns = self.faithfulness["at_size"], [Column("R^2 on held-out masks"), Column("uniform", "number")]
        if at_size is not None:
            columns.append(Column(f"of size {self.record['size']}", "number"))
        rows: list[list[str | Cell]] = []
        for name, title in (("order1", "order 1"), ("order2", "order 2"), ("method", self.method)):
            row: list[str | Cell] = [title, number(self.faithfulness[name], 4)]
            rows.append(row + ([number(at_size[name], 4)] if at_size is not None else []))
        return Table("faithfulness", columns, rows)

    def removal_table(self) -> Table:
        """Return what is left when the top players are removed, valued again."""
        steps = self.record["removals"]
        digits = digits_for([each["value"] for each in steps])
        rows: list[list[str | Cell]] = [
            [self.names[each["removed"][-1]], number(each["value"], digits), number(each["predicted"], digits)] for each in steps
        ]
        unit = f", {self.record['unit']}" if self.record["unit"] else ""
        return Table(
            "removals", [Column("removed as well"), Column(f"left{unit}", "number"), Column("predicted", "number")], rows
        )

    def selection_table(self) -> Table | None:
        """Return what each strategy selected; None where nothing was to be selected."""
        if self.selection is None:
            return None
        strategies = self.selection["strategies"]
        digits = digits_for([each["value"] for each in strategies])
        best = next(k for k, each in enumerate(strategies) if each["strategy"] == self.selection["strategy"])
        rows: list[list[str | Cell]] = [
            [
                each["strategy"],
                number(each["value"], digits),
                str(each["evaluations"]),
                ", ".join(self.names[player] for player in each["players"]),
            ]
            for each in strategies
        ]
        columns = [Column("strategy"), Column("value", "number"), Column("sets", "number", spare=1), Column("selected", "wide")]
        return Table("selection", columns, rows, strong=frozenset([best]))

    @property
    def title(self) -> str:
        """One line on what was found."""
        unit = f" {self.record['unit']}" if self.record["unit"] else ""
        ends = self.record["ends"]
        known = ends["all"] is not None and ends["none"] is not None
        whole = f": {number(ends['all'])}{unit} by all, {number(ends['none'])}{unit} by none" if known else ""
        return f"{self.record['title']}, {len(self.names)} {self.record['noun']}s{whole}"

    @property
    def facts(self) -> str:
        """Lines on how it was made."""
        record, by = self.record, self.record["ablations_by_purpose"]
        parts = ", ".join(f"{count} {purpose.replace('_', ' ')}" for purpose, count in by.items() if count)
        noise = record["noise"]
        floor = noise["how"] if noise["deviation"] is None else f"{noise['deviation']:.3g} ({noise['how']})"
        rows = [
            ("method", f"{record['method']} ({record['reason']})"),
            ("index", f"{record['index']}: {INDICES[record['index']].meaning}"),
            ("ablations", f"{record['ablations']} ({parts})"),
            ("noise", floor),
        ]
        if record["interaction_share"] is not None:
            rows.append(("interactions", f"{percent(record['interaction_share'])} of the variance over uniform masks"))
        return aligned(rows)

    @property
    def parts(self) -> list[str | Table]:
        """What a terminal says of the result: texts and tables."""
        found: list[str | Table] = [self.title + "\n" + self.facts, self.table()]
        joint = [place for place, term in enumerate(term for term in self.terms if term.players) if len(term.players) > 1]
        if any(place >= _SHOWN for place in joint[:_FEWER]):  # the largest terms are those of single players, mostly
            found.append(self.interaction_table())
        found.append(self.faithfulness_table())
        if self.record["removals"]:
            found.append(self.removal_table())
        selected = self.selection_table()
        return found if selected is None else [*found, selected]

    def to_frame(self) -> "pandas.DataFrame":
        """Return all terms, a row each, as a data frame of pandas.

        Raises:
            UsageError: pandas is not installed.

        """
        return to_frame(
            [
                {
                    "players": " + ".join(self.names[player] for player in term.players),
                    "order": len(term.players),
                    "coefficient": term.coefficient,
                    "error": term.error,
                    "kind": term.kind,
                    "share": term.share,
                }
                for term in self.terms
            ]
        )

    def plot(self) -> "Figure":
        """Return a figure of the largest terms and of the interactions of pairs."""
        from ideal.plots.attributions import attribution_figure

        return attribution_figure(self)

    def save_plot(self, target: "str | Path | None") -> None:
        """Write the figure of `plot` as a .png, .svg or .pdf file; with no name, do nothing."""
        if target is None:
            return
        from ideal.plots.theme import save_figure

        save_figure(self.plot(), target)

    def predict(self, masks: np.ndarray) -> np.ndarray:
        """Return what the fitted function says of sets of players, (mask,).

        Args:
            masks: who is present, (mask, player), boolean.

        Raises:
            UsageError: the result was read from a record of another index than fourier, or of a lower order.

        """
        if self.function is not None:
            return self.function(masks)
        if self.record["index"] != "fourier" or self.record["order"] is not None:
            raise UsageError("this result was read from a record that does not hold all Fourier coefficients")
        return SparseFunction.of(len(self.names), {term.players: term.coefficient for term in self.terms})(masks)

    def to_record(self) -> dict[str, Any]:
        """Return all figures as JSON types; `from_record` reads them."""
        return finite(self.record)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the result that a record tells of.

        Raises:
            DataError: it is no such record, or one of another version.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        missing = [name for name in _NEEDED if name not in record]
        if missing:
            raise DataError(f"this is no record of an attribution: it lacks {', '.join(missing)}")
        return cls(dict(record))

    def __repr__(self) -> str:
        return "\n".join(part if isinstance(part, str) else part.to_text(100).rstrip() for part in self._spaced())

    def _spaced(self) -> Iterator[str | Table]:
        for place, part in enumerate(self.parts):
            if place:
                yield ""
            yield part

    def _repr_html_(self) -> str:
        from html import escape

        blocks = []
        for part in self.parts:
            if isinstance(part, str):
                blocks.append(f"<pre>{escape(part)}</pre>")
            else:
                head = "".join(f"<th>{escape(column.title)}</th>" for column in part.columns)
                body = "".join(f"<tr>{''.join(f'<td>{escape(cell.text)}</td>' for cell in row)}</tr>" for row in part.cells)
                blocks.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(blocks)

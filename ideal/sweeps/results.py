"""What a sweep says: a row a point, differences from a baseline, regret, and what is best for what it costs."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ideal.errors import UsageError
from ideal.records import check_format, finite
from ideal.sweeps.axes import Axis, with_short_names
from ideal.sweeps.names import said
from ideal.tables import Cell, Column, Table, interval_cell, to_frame
from ideal.text import digits_for, exact_percent, number

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure
    from ideal.runs.read import Run

FORMAT, FORMAT_VERSION = "ideal-sweep", 1
_QUALITIES = ("psnr", "ssim", "mse")


@dataclass(frozen=True, repr=False)
class Sweep:
    """The points of a sweep, measured and compared.

    It shows itself: in a terminal and a notebook as a table; `plot` draws it.

    Attributes:
        axes: that were varied.
        rows: a point each, flat: values of the axes, other settings, status, information with its interval, quality of the
            decoder, seconds.
        differences: from the baseline, a point each.
        regret: what each design loses to the best one for the same light and objects, a design and level each.
        baseline: values of the axes by name, of the points that others are compared with.
        confidence: of all intervals.
        errors: a line for each point that failed, and for each file that could not be written.
        left: how many points have not been measured, as those of other shards.
        jobs: how many jobs there are, and how many were done now.
        seconds: that all jobs took, added up.

    """

    axes: tuple[Axis, ...]
    rows: Sequence[Mapping[str, Any]]
    differences: Sequence[Mapping[str, Any]] = ()
    regret: Sequence[Mapping[str, Any]] = ()
    baseline: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.95
    errors: tuple[str, ...] = ()
    left: int = 0
    jobs: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Iterate over the rows."""
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"Sweep of {len(self)} points\n{self.table().to_text(100)}".rstrip()

    def _repr_html_(self) -> str:
        from ideal.reports.content import Note
        from ideal.reports.html import fragment

        notes = [Note(list(self.errors), "warning", "Failed")] if self.errors else []
        regret = [self.regret_table()] if self.regret else []
        return fragment([self.table(), *regret, *notes])

    @property
    def unit(self) -> str:
        """Of the information."""
        units = dict.fromkeys(row["unit"] for row in self.rows if row.get("unit"))
        return " or ".join(units) or "bits/pixel"

    @property
    def qualities(self) -> tuple[str, ...]:
        """The measures of decoders' quality that there are."""
        return tuple(name for name in _QUALITIES if any(row.get(name) is not None for row in self.rows))

    def row(self, **values: Any) -> Mapping[str, Any]:
        """Return the row of a point.

        Args:
            **values: of axes; a "." in a name is written as "_".

        Raises:
            UsageError: there is no such point, or there are several.

        """
        names = {axis.name.replace(".", "_"): axis.name for axis in self.axes}
        found = [row for row in self.rows if all(row.get(names.get(name, name)) == value for name, value in values.items())]
        if len(found) != 1:
            raise UsageError(f"{len(found)} points have {said(values)}: name one by the values of {', '.join(names)}")
        return found[0]

    @property
    def parts(self) -> list[str | Table]:
        """What a terminal shows: the points, regret, and how much was done."""
        found: list[str | Table] = [self.table()]
        if self.regret:
            found.append(self.regret_table())
        line = f"{len(self)} points; {self.jobs.get('done_now', 0)} of {self.jobs.get('all', 0)} jobs done now"
        return [*found, line + (f", {self.left} points not measured" if self.left else "")]

    def table(self) -> Table:
        """Return the points with their information, its interval and the difference from the baseline."""
        return sweep_table(with_short_names(self.to_record()))

    def regret_table(self) -> Table:
        """Return what each design loses to the best one at each level."""
        return regret_table(self.to_record())

    def to_frame(self) -> "pandas.DataFrame":
        """Return the rows as a data frame, with the difference from the baseline where there is one.

        Raises:
            UsageError: pandas is not installed.

        """
        return to_frame(joined_rows(self.rows, self.differences, [axis.name for axis in self.axes]))

    def plot(self, kind: str | None = None) -> "Figure":
        """Draw the sweep.

        Args:
            kind: "curves", "map", "front" or "regret"; None for the first that there is.

        Raises:
            UsageError: there is no such figure of this sweep.

        """
        from ideal.plots.sweeps import figures_of_sweep

        known = figures_of_sweep(self.to_record())
        if not known or (kind is not None and kind not in known):
            raise UsageError(f"this sweep has no figure {kind or ''}; there are: {', '.join(known) or 'none'}")
        return known[kind or next(iter(known))]()

    def to_run(self) -> "Run":
        """Return the sweep as a report tells of it."""
        from datetime import datetime

        from ideal.plots.sweeps import figures_of_sweep
        from ideal.plots.theme import picture_of
        from ideal.runs.key import versions
        from ideal.runs.read import SWEEP, Run

        record = self.to_record()
        figures = {f"{name}.png": picture_of(draw()) for name, draw in figures_of_sweep(record).items()}
        record |= {"versions": versions(), "figures": list(figures)}
        status = "failed" if self.errors else "finished"
        return Run(None, SWEEP, record, status, datetime.now().date().isoformat(), figures)

    def to_record(self) -> dict[str, Any]:
        """Return the sweep as strict JSON types, for `from_record`."""
        return finite(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "axes": [{"name": axis.name, "values": list(axis.values)} for axis in self.axes],
                "baseline": dict(self.baseline),
                "confidence": self.confidence,
                "points": [dict(row) for row in self.rows],
                "differences": [dict(row) for row in self.differences],
                "regret": [dict(row) for row in self.regret],
                "errors": list(self.errors),
                "left": self.left,
                "jobs": dict(self.jobs),
                "seconds": self.seconds,
            }
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Sweep":
        """Rebuild a sweep from `to_record`, or from the run.json of its folder.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        return cls(
            tuple(Axis(each["name"], tuple(each["values"])) for each in record["axes"]),
            record["points"],
            record["differences"],
            record["regret"],
            record["baseline"],
            record["confidence"],
            tuple(record["errors"]),
            record["left"],
            record["jobs"],
            record["seconds"],
        )


def joined_rows(rows: Sequence[Mapping], differences: Sequence[Mapping], axes: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows with the difference of each from the baseline, None where there is none."""
    by_point = {tuple(str(each[name]) for name in axes): each for each in differences}
    more = ("difference", "difference_low", "difference_high", "paired")
    found = []
    for row in rows:
        other = by_point.get(tuple(str(row[name]) for name in axes), {})
        found.append({**row, **({name: other.get(name) for name in more} if differences else {})})
    return found


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as comma-separated values; the columns are those of all of them, lists are joined by +."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue()


def _cell(value: Any) -> Any:
    return "" if value is None else said(value) if isinstance(value, list | bool | dict) else value


def sweep_table(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] | None = None, file: str = "") -> Table:
    """Return the points of the record of a sweep as a table.

    Args:
        record: of the sweep.
        rows: those to show; None for all.
        file: beside run.json, that holds all columns; "" for none.

    """
    axes = [each["name"] for each in record["axes"]]
    joined = joined_rows(record["points"], record["differences"], axes) if rows is None else rows
    known = [row["information"] for row in joined if row["information"] is not None]
    digits = digits_for(known)
    unit = " or ".join(dict.fromkeys(row["unit"] for row in joined if row.get("unit"))) or "bits/pixel"
    qualities = [name for name in _QUALITIES if any(row.get(name) is not None for row in joined)][:2]
    has_difference = any(row.get("difference") is not None for row in joined)
    cells: list[list[str | Cell]] = []
    for row in joined:
        line: list[str | Cell] = [said(row[name]) for name in axes]
        if row["status"] != "done":
            line.append(Cell(str(row["status"]), "bad" if row["status"] == "failed" else "light"))
            line += [""] * (1 + 2 * has_difference + len(qualities) + 2)
        else:
            line += [number(row["information"], digits), interval_cell([row["low"], row["high"]], digits)]
            if has_difference:
                value = row.get("difference")
                line.append("" if value is None else number(value, digits, "+"))
                line.append("" if value is None else interval_cell([row["difference_low"], row["difference_high"]], digits))
            line += ["" if row.get(name) is None else number(row[name], 2 if name == "psnr" else 4) for name in qualities]
            line += [str(row["model"]), number(row["seconds"], 1)]
        cells.append(line)
    share = exact_percent(record["confidence"])
    columns = [
        *(Column(name) for name in axes),
        Column(unit, "number"),
        Column(f"{share} interval", "interval"),
        *([Column("over the baseline", "number"), Column(f"{share} interval", "interval", spare=3)] if has_difference else []),
        *(Column({"psnr": "PSNR, dB", "ssim": "SSIM"}.get(name, name), "number") for name in qualities),
        Column("model", spare=2),
        Column("s", "number", spare=1),
    ]
    baseline = ", ".join(f"{name} {said(value)}" for name, value in record["baseline"].items())
    note = "Upper bounds on the information." + (f" The baseline is {baseline}." if baseline and has_difference else "")
    return Table("The points of the sweep", columns, cells, note=note, file=file)


def regret_table(record: Mapping[str, Any]) -> Table:
    """Return the matrix of regret of the record of a sweep: designs by levels, and the worst of each."""
    levels = list(dict.fromkeys(each["level"] for each in record["regret"]))
    designs = list(dict.fromkeys(each["design"] for each in record["regret"]))
    by_place = {(each["design"], each["level"]): each for each in record["regret"]}
    digits = digits_for([each["information"] for each in record["regret"] if each["information"] is not None])
    rows: list[list[str | Cell]] = []
    worst = {}
    for design in designs:
        cells: list[str | Cell] = [design]
        found = [by_place.get((design, level), {}) for level in levels]
        for each in found:
            regret = each.get("regret")
            if regret is None:
                cells.append(Cell("–", "light", meaning="not measured"))
            else:
                low, high = each.get("low"), each.get("high")
                detail = "" if low is None or high is None or not regret else f"{low:.{digits}f} to {high:.{digits}f}"
                cells.append(Cell(number(regret, digits), "good" if regret == 0 else "", detail=detail))
        known = [each["regret"] for each in found if each.get("regret") is not None]
        worst[design] = max(known) if len(known) == len(levels) else math.inf
        cells.append(
            number(worst[design], digits) if math.isfinite(worst[design]) else Cell("–", "light", meaning="not all measured")
        )
        rows.append(cells)
    best = min(range(len(designs)), key=lambda place: worst[designs[place]], default=0)
    columns = [Column("design"), *(Column(level, "number") for level in levels), Column("worst", "number")]
    note = "Bits that a design loses to the best one at the same level. The design whose worst loss is least stands out."
    return Table("Regret: does one design serve all?", columns, rows, strong=frozenset({best}), note=note)

"""What the record of a study says in a terminal: texts and tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ideal.tables import Table, plain_table
from ideal.text import exact_percent

_AGREES = {True: "yes", False: "no", None: "not decided"}


def study_parts(record: Mapping[str, Any], folder: Path, *, redrawn: bool = False) -> list[str | Table]:
    """Return what a study found: its statistics, the published claims beside ours, and its files.

    Args:
        record: of the study.
        folder: of all studies.
        redrawn: whether no job was done for it, only its figure and table.

    """
    plan, done = record["plan"], record["jobs"]
    how = f"{done['done_now']} of {done['all']} jobs done now, {record['wall_seconds']:.0f} s"
    files = "figure.png, figure.svg, table.csv" + ("" if redrawn else ", run.json")
    ends = [f"note: {note}" for note in record["notes"]]
    ends.append(f"{'drawn again from run.json' if redrawn else how}; {folder / record['study']}: {files}")
    tables = (_statistics(record["statistics"], plan["confidence"]), *_claims(record["claims"]))
    title = f"{record['title']}{' (quick)' if plan['quick'] else ''}"
    return [title, *(table for table in tables if table.rows), "\n".join(ends)]


def _statistics(statistics: Sequence[Mapping[str, Any]], confidence: float) -> Table:
    rows = [(each["name"], _number(each["value"]), _range(each["interval"]), _target(each)) for each in statistics]
    return plain_table(("", "value", f"{exact_percent(confidence)} interval", "target"), rows, right=(1, 2))


def _claims(claims: Sequence[Mapping[str, Any]]) -> tuple[Table, Table]:
    """Return the published claims, and statements of our own."""
    published = [
        (each["statement"], each["published"], each["measured"], _AGREES[each["agrees"]]) for each in claims if each["published"]
    ]
    own = [(each["statement"], each["measured"], _AGREES[each["agrees"]]) for each in claims if not each["published"]]
    return (
        plain_table(("published", "figures", "here", "agrees"), published),
        plain_table(("also asked", "found here", "holds"), own),
    )


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def _range(bounds: Sequence[float | None] | None) -> str:
    return "" if bounds is None else " to ".join(map(_number, bounds))


def _target(statistic: Mapping[str, Any]) -> str:
    if statistic["target"] is None:
        return ""
    return f"{statistic['target']:g}: {'reached' if statistic['met'] else 'not reached'}"

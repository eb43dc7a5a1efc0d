"""The rows of a study's table.csv, as a table to read: intervals in one column each, and what paper has room for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ideal.tables import Column, Table
from ideal.text import digits_for, number, span

_UNITS = {
    "bits_per_pixel": "bits/pixel",
    "bits_per_visibility": "bits/visibility",
    "bits_per_measurement": "bits/measurement",
    "bits": "bits",
    "db": "dB",
    "seconds": "s",
    "mb": "MB",
}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_NAME = 40  # longer texts, such as whole mosaics, stand at the end of their row
_SMALL = 1e-3  # smaller numbers are told in powers of ten
_SHEET = 122  # digits that a line of a printed table has room for
_GAP = 1.2  # digits that go into the space between two columns
_NAME = 14  # digits that a name should have room for before it goes on in another line


def rows_table(rows: Sequence[Mapping[str, Any]], share: str) -> Table:
    """Return the flat rows of a study; what is the same in all of them is told below the table.

    Args:
        rows: as in the record of a reproduction, one or more.
        share: what the columns of intervals are called.

    """
    keys = list(rows[0])
    same = [key for key in keys if len(rows) > 1 and all(row[key] == rows[0][key] for row in rows)]
    intervals = _intervals(keys)
    ends = {end for low_high in intervals.values() for end in low_high}
    same = [key for key in same if key not in intervals and key not in ends]
    shown = [key for key in keys if key not in same and key not in ends]
    shown.sort(key=lambda key: 2 * _is_long(rows, key) or _is_number(rows, key))  # names first: a row is known by them
    groups = [_columns(rows, key, intervals.get(key), share) for key in shown]
    columns, texts = _fitted(groups)
    note = "In all rows: " + "; ".join(f"{_title(key)} {_text(rows[0][key])}" for key in same) + "." if same else ""
    return Table(f"The {len(rows)} rows of table.csv", columns, list(zip(*texts, strict=True)), note=note, file="table.csv")


def _columns(
    rows: Sequence[Mapping[str, Any]], key: str, interval: tuple[str, str] | None, share: str
) -> list[tuple[Column, list[str]]]:
    """Return the column of a quantity with its texts, and that of its interval."""
    if not _is_number(rows, key):
        return [(Column(_title(key)), [_text(row[key]) for row in rows])]
    exponent = _exponent(row[key] for row in rows)
    scale, title = 10.0**-exponent, _title(key)
    scaled = [None if row[key] is None else scale * row[key] if exponent else row[key] for row in rows]
    digits = _digits(scaled)
    title = f"{title}, 10{str(exponent).translate(_RAISED)}" if exponent else title
    found = [(Column(title, "number"), [number(value, digits) for value in scaled])]
    if interval is not None:
        low, high = interval
        found.append((Column(share, "interval"), [span((row[low], row[high]), digits, scale) for row in rows]))
    return found


def _fitted(groups: Sequence[Sequence[tuple[Column, list[str]]]]) -> tuple[list[Column], list[list[str]]]:
    """Return columns and their texts; those that paper has no room for, from the first one, are not for paper.

    A column for paper is as wide as its longest word, so that no word is broken there; a number goes with its interval.
    """
    columns: list[Column] = []
    texts: list[list[str]] = []
    room = float(_SHEET)
    for group in groups:
        room -= sum(_width(column, cells) + _GAP for column, cells in group)
        columns += [replace(column, on_paper=room >= 0 or not columns) for column, _ in group]
        texts += [cells for _, cells in group]
    return columns, texts


def _width(column: Column, cells: Sequence[str]) -> int:
    head = max(map(len, column.title.split()))
    if column.style != "text":  # numbers and intervals stay in one line
        return max(head, *map(len, cells))
    return max(head, min(_NAME, max(map(len, cells))), *(len(word) for cell in cells for word in cell.split()))


def _intervals(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the ends of the interval of each quantity that has one: psnr_low and psnr_high belong to psnr_db."""
    found: dict[str, tuple[str, str]] = {}
    for low in keys:
        stem = low.removesuffix("_low")
        if stem == low or f"{stem}_high" not in keys:
            continue
        ends = (low, f"{stem}_high")
        named = [key for key in keys if key not in ends and (key == stem or key.startswith(f"{stem}_"))]
        named = [key for key in named if not key.endswith(("_low", "_high"))]
        if named:
            found[min(named, key=len)] = ends
    return found


def _is_number(rows: Sequence[Mapping[str, Any]], key: str) -> bool:
    values = [row[key] for row in rows if row[key] is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _is_long(rows: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(isinstance(row[key], str) and len(row[key]) > _LONGEST_NAME for row in rows)


def _exponent(values: Iterable[float | None]) -> int:
    """Return the power of ten that very small numbers of a column are told in, 0 of others."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    return 3 * math.floor(math.log10(largest) / 3) if 0 < largest < _SMALL else 0


def _digits(values: Iterable[float | None]) -> int:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return 0 if all(float(value).is_integer() for value in known) else digits_for(known)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else "–" if value is None else str(value)


def _title(key: str) -> str:
    """Return a key for people, its unit behind a comma: "psnr_db" as "psnr, dB"."""
    for suffix, unit in _UNITS.items():
        if key.endswith(f"_{suffix}"):
            return f"{key.removesuffix(f'_{suffix}').replace('_', ' ')}, {unit}"
    return key.replace("_", " ")

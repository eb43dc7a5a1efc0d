"""The section of a report on a study that `ideal reproduce` made again."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ideal.cli._report_common import command_blocks, flattened, seconds_text
from ideal.cli._report_content import (
    Block,
    Cell,
    Column,
    Facts,
    Note,
    Part,
    Section,
    Table,
    bar_cell,
    digits_for,
    interval_cell,
    number,
    span,
    with_span,
)
from ideal.cli._report_figures import gallery, preferred
from ideal.cli._report_runs import Run

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
_SPOKEN = 6  # numbers that the description of the figure reads out
_VERDICTS = {True: ("agrees", "good"), False: ("does not agree", "bad"), None: ("undecided", "unsure")}


def reproduction_section(run: Run) -> Section:
    """Return what a study found beside what was published, its figure and its table."""
    record = run.record
    statistics, claims = record["statistics"], record["claims"]
    plan = record["plan"]
    size = "the quick version" if plan["quick"] else "in full"
    blocks: list[Block] = []
    if plan["quick"]:
        blocks.append(
            Note(["Fewer objects and systems than in full, so that intervals are wider."], "warning", "The quick version")
        )
    if record["notes"]:
        blocks.append(Note([_sentence(text) for text in record["notes"]]))
    share = f"{100 * plan['confidence']:.6g} % interval"
    if statistics:
        blocks.append(_statistics(statistics, share))
    if claims:
        blocks += _claims(claims)
    names = record.get("figures") or ["figure.png"]
    told = "; ".join(f"{each['name']}: {_valued(each)}" for each in statistics[:_SPOKEN])
    alt = f"{record['title']}. {_sentence(record['summary'])}" + (f" {told}." if told else "")
    return Section(
        title=record["title"],
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=_result(statistics, claims),
        lead=f"{_sentence(record['summary'])} After {record['source'].rstrip('.')}; {size}, seed {plan['seed']}.",
        parts=[
            Part("Figure", [gallery(run.path, [(preferred(run.path, names), f"{record['title']}.", alt)])]),
            Part("Findings", blocks),
            Part("The figure in numbers", [_rows(record["rows"], share)] if record["rows"] else []),
            *_provenance(run, plan),
        ],
        statistics=[each | {"study": record["study"]} for each in statistics],
    )


def _provenance(run: Run, plan: Mapping[str, Any]) -> list[Part]:
    record = run.record
    settings = [(name, value) for name, value in flattened(plan)]
    if jobs := record.get("jobs"):
        settings.append(("jobs", f"{jobs['all']}, of which {jobs['done_now']} were done anew"))
    if record.get("seconds") is not None:
        settings.append(("core time", seconds_text(record["seconds"])))
    data = flattened(record["data"])
    if record.get("results"):
        data.append(("digest of all results", str(record["results"])))
    versions = [(name, str(each)) for name, each in record["versions"].items()]
    return [
        Part("Settings", [Facts(settings)]),
        Part("Data", [Facts(data, code=True)] if data else []),
        Part("Versions", [Facts(versions)]),
        Part("Run it again", command_blocks(run)),
    ]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _valued(statistic: dict) -> str:
    digits = digits_for([statistic["value"]])
    return with_span(statistic["value"], statistic["interval"], digits)


def _result(statistics: Sequence[dict], claims: Sequence[dict]) -> str:
    aimed = [each for each in statistics if each["target"] is not None]
    texts = []
    if aimed:
        texts.append(f"{sum(bool(each['met']) for each in aimed)} of {len(aimed)} targets reached")
    published = [each for each in claims if each["published"]]
    if published:
        texts.append(f"{sum(each['agrees'] is True for each in published)} of {len(published)} published statements agree")
    return ", ".join(texts)


def statistics_table(statistics: Sequence[dict], caption: str, share: str, *, study: bool = False) -> Table:
    """Return numbers with their targets; with `study` each row names the study that it is of.

    Args:
        statistics: as in the record of a reproduction, with "study" where it is shown.
        caption: of the table.
        share: what the column of intervals is called.
        study: whether there are several.

    """
    rows, aimed = [], any(each["target"] is not None for each in statistics)
    for each in statistics:
        digits = digits_for([each["value"], *(each["interval"] or ())])
        met = {True: Cell("reached", "good"), False: Cell("missed", "bad"), None: Cell()}[each["met"]]
        cells = (
            Cell(each["name"], detail="" if study else each["detail"]),
            number(each["value"], digits),
            Cell("exact", "light") if each["interval"] is None else interval_cell(each["interval"], digits),
            bar_cell(each["value"], each["interval"], each["target"]) if abs(each["value"] or 0) <= 1 else Cell(),
            "" if each["target"] is None else f"{each['target']:g}",
            met,
        )
        rows.append((each["study"], *cells) if study else cells)
    columns = (
        Column("what"),
        Column("value", "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("target", "number"),
        Column("target is"),
    )
    note = "Targets are the least that was aimed at; of numbers from −1 to 1 they are drawn as a line." if aimed else ""
    return Table(caption, (Column("study"), *columns) if study else columns, rows, note=note, stacked=True)


def _statistics(statistics: Sequence[dict], share: str) -> Table:
    return statistics_table(statistics, "What the study finds", share)


def _claims(claims: Sequence[dict]) -> list[Table]:
    """Return published statements beside what was measured, and statements that nobody has published."""

    def row(each: dict, *published: str) -> tuple:
        verdict, tone = _VERDICTS[each["agrees"]]
        return Cell(each["statement"], detail=each["why"]), *published, each["measured"], Cell(verdict, tone)

    known = [row(each, each["published"]) for each in claims if each["published"]]
    own = [row(each) for each in claims if not each["published"]]
    ends = Column("measured here", "wide"), Column("verdict")
    tables = {
        "Published statements beside what was measured here": ((Column("statement"), Column("published", "wide"), *ends), known),
        "What else was asked": ((Column("statement"), *ends), own),
    }
    return [Table(caption, columns, rows, stacked=True) for caption, (columns, rows) in tables.items() if rows]


def _rows(rows: Sequence[Mapping[str, Any]], share: str) -> Table:
    """Return the flat rows of a study: intervals in one column each, and what is the same everywhere below the table."""
    keys = list(rows[0])
    same = [key for key in keys if len(rows) > 1 and all(row[key] == rows[0][key] for row in rows)]
    intervals = _intervals(keys)
    ends = {end for low_high in intervals.values() for end in low_high}
    same = [key for key in same if key not in intervals and key not in ends]
    shown = [key for key in keys if key not in same and key not in ends]
    shown.sort(key=lambda key: 2 * _is_long(rows, key) or _is_number(rows, key))  # names first: a row is known by them
    columns, texts = [], []
    for key in shown:
        if not _is_number(rows, key):
            columns.append(Column(_title(key)))
            texts.append([_text(row[key]) for row in rows])
            continue
        exponent = _exponent(row[key] for row in rows)
        scale, title = 10.0**-exponent, _title(key)
        scaled = [None if row[key] is None else scale * row[key] if exponent else row[key] for row in rows]
        digits = _digits(scaled)
        columns.append(Column(f"{title}, 10{str(exponent).translate(_RAISED)}" if exponent else title, "number"))
        texts.append([number(value, digits) for value in scaled])
        if key in intervals:
            low, high = intervals[key]
            columns.append(Column(share, "interval"))
            texts.append([span((row[low], row[high]), digits, scale) for row in rows])
    note = "In all rows: " + "; ".join(f"{_title(key)} {_text(rows[0][key])}" for key in same) + "." if same else ""
    return Table(f"The {len(rows)} rows of table.csv", columns, list(zip(*texts, strict=True)), note=note)


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

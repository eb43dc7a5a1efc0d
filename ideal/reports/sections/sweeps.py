"""The section of a report on a sweep."""

from collections.abc import Mapping
from typing import Any

from ideal.reports.content import Block, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import flattened, notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.sweeps.axes import with_short_names
from ideal.sweeps.names import point_name
from ideal.sweeps.results import joined_rows, regret_table, sweep_table
from ideal.text import digits_for, interval_text, number

_ALL = 60  # points that a page lists; of more it lists the best and names the file of all
_CAPTIONS = {
    "curves": "Information against {axis}, with intervals.",
    "points": "Information of the points, with intervals.",
    "map": "Information over two axes.",
    "front": "Information against what it costs: joined are the points that no other beats.",
    "regret": "What each design loses to the best one at each level.",
}


def sweep_section(run: Run) -> Section:
    """Return what a sweep has found: the best point, figures, the points, differences and regret."""
    record = with_short_names(run.record)
    axes = [each["name"] for each in record["axes"]]
    rows = joined_rows(record["points"], record["differences"], axes)
    done = sorted((row for row in rows if row["information"] is not None), key=lambda row: -row["information"])
    told = ", ".join(f"{each['name']} ({len(each['values'])})" for each in record["axes"])
    blocks: list[Block] = [] if run.status == "finished" else notes_of(run)
    result = f"{len(done)} of {len(rows)} points measured"
    if done:
        blocks.insert(0, _headline(done, axes, record["confidence"]))
        most = done[0]["information"]
        result = f"{_named(done[0], axes)} carries most, {number(most, digits_for([most]))} {done[0]['unit']}"
    shown = rows if len(rows) <= _ALL else done[:_ALL]
    if len(shown) < len(rows):
        blocks.append(Note([f"The {len(shown)} most informative of {len(rows)} points; table.csv beside run.json has all."]))
    parts = [
        Part("Result", blocks),
        Part("Figures", _figures(run, record)),
        Part("Does one design serve all?", [regret_table(record)] if record["regret"] else []),
        Part("Points", [sweep_table(record, shown, "table.csv")] if shown else []),
        *provenance_parts(run, Facts(flattened(record.get("asked") or {}))),
    ]
    return Section(
        title="Sweep over " + ", ".join(axes) if axes else "Sweep",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=result if rows else "no points yet",
        lead=f"{len(rows)} points: {told}." if axes else "",
        parts=parts,
    )


def _headline(done: list[dict[str, Any]], axes: list[str], confidence: float) -> Headline:
    digits = digits_for([done[0]["information"]])
    numbers = [
        (number(row["information"], digits), row["unit"], f"{what}: {_named(row, axes)}", _interval(row, confidence, digits))
        for row, what in ((done[0], "the most informative"), *([(done[-1], "the least")] if len(done) > 1 else []))
    ]
    return Headline(numbers)


def _interval(row: Mapping[str, Any], confidence: float, digits: int) -> str:
    return interval_text([row["low"], row["high"]], confidence, digits)


def _named(row: Mapping[str, Any], axes: list[str]) -> str:
    return point_name({name: row[name] for name in axes})


def _figures(run: Run, record: Mapping[str, Any]) -> list[Block]:
    found = []
    for name in record.get("figures") or ():
        kind, _, axis = name.removesuffix(".png").partition("-")
        numeric = next((each["name"] for each in record["axes"] if isinstance(each["values"][0], int | float)), "")
        caption = _CAPTIONS.get(kind, name).format(axis=axis or numeric)
        found.append((name, caption, caption))
    return [gallery(run, found)] if found else []

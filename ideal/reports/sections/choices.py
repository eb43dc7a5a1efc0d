"""The section of a report on a run of `ideal optimize --choose`."""

from collections.abc import Sequence

from ideal.reports.content import Block, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import notes_of
from ideal.reports.sections.designs import design_provenance, unfinished_section
from ideal.runs.read import Run
from ideal.tables import Column, Table, bar_cell, interval_cell
from ideal.text import digits_for, duration, interval_text, number, with_span

_NAMED = 16  # members that a table has room to name


def choice_section(run: Run) -> Section:
    """Return what every strategy chose, and what the choice measures beside others."""
    if run.status == "unfinished":
        return unfinished_section(run)
    from ideal.optimize.runs.tables import choice_explanation, light_text

    record = run.record
    sites = record["unit"] == "bits per observation"
    unit, noun, rows = ("bits" if sites else "bits/pixel"), record["member"], record["designs"]
    digits = digits_for(row["information"] for row in rows)
    first, names, confidence = rows[0], _listed(record["chosen"]), rows[0].get("confidence", 0.95)
    share = f"{100 * confidence:.6g} % interval"
    value = with_span(first["information"], first["interval"], digits)
    bounds = interval_text(first["interval"], confidence, digits)
    numbers = [(number(first["information"], digits), unit, "Information, re-measured", bounds)]
    kept = next((row for row in rows[1:] if row["name"] == "kept alone"), None)
    if kept is not None:
        what = f"Above the {len(kept['members'])} that are kept"
        bounds = interval_text(kept["difference_interval"], confidence, digits)
        numbers.append((number(kept["design_is_above_by"], digits, "+"), unit, what, bounds))
    blocks: list[Block] = [*notes_of(run, record["warnings"]), Headline(numbers)]
    blocks += [_chosen(record, noun), _strategies(record, noun), _measured(rows, noun, unit, share, digits, sites)]
    text = choice_explanation(record)
    blocks.append(Note([text[:1].upper() + text[1:] + "."]))
    light = "" if sites else f"{light_text(record)}; "
    beside = f" beside {len(record['keep'])}" if record["keep"] else ""
    lead = f"{light}{record['choose']} of {len(record['candidates'])} {noun}s{beside}; {record['sets']} sets"
    lead += f"; target {record['target']}"
    figures = _figures(record, noun, unit, digits)
    return Section(
        title=f"Choice of {noun}s of {record['system']} for {record['objects']}",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=f"{names}: {value} {unit}",
        lead=lead,
        parts=[
            Part("Result", blocks),
            Part("Figures", [gallery(run, figures[:2], pair=True), gallery(run, figures[2:])]),
            *design_provenance(run),
        ],
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"


def _chosen(record: dict, noun: str) -> Facts:
    pairs = [("chosen", ", ".join(record["chosen"]))]
    if record["keep"]:
        pairs.append(("kept", f"{', '.join(record['keep'])} ({number(record['bits_of_kept'], 2)} bits in closed form)"))
    return Facts([*pairs, (f"all {noun}s", f"{number(record['bits_of_all'], 2)} bits in closed form")])


def _strategies(record: dict, noun: str) -> Table:
    best = max(each["bits_per_measurement"] for each in record["strategies"])
    rows, strong = [], set()
    for place, each in enumerate(record["strategies"]):
        if each["bits_per_measurement"] >= best * (1 - 1e-9):
            strong.add(place)
        bits = each["bits_per_measurement"]
        rows.append((each["strategy"], _listed(each["members"]), number(bits, 2), str(each["sets"]), duration(each["seconds"])))
    columns = (
        Column("strategy"),
        Column(f"{noun}s"),
        Column("bits, closed form", "number"),
        Column("sets looked at", "number"),
        Column("time", "number"),
    )
    return Table("What each strategy chose", columns, rows, frozenset(strong))


def _measured(rows: Sequence[dict], noun: str, unit: str, share: str, digits: int, sites: bool) -> Table:
    table, strong = [], set()
    for row in sorted(rows, key=lambda row: -row["information"]):
        if row["role"] == "design":
            strong.add(len(table))
        above = row["design_is_above_by"]
        cells = [
            row["name"],
            str(len(row["members"])),
            number(row["information"], digits),
            interval_cell(row["interval"], digits),
            bar_cell(row["information"], row["interval"]),
            number(above, digits, "+") if above is not None else "",
            interval_cell(row["difference_interval"], digits) if above is not None else "",
            number(row["closed_form"], digits),
        ]
        table.append((*cells, str(row["pixels"])) if sites else tuple(cells))
    columns = [
        Column("design"),
        Column(f"{noun}s", "number"),
        Column(unit, "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("the choice is above by", "number"),
        Column(share, "interval"),
        Column("closed form", "number"),
        *([Column("visibilities", "number")] if sites else []),
    ]
    return Table("Re-measured information", columns, table, frozenset(strong))


def _figures(record: dict, noun: str, unit: str, digits: int) -> list[tuple[str, str, str]]:
    before = f"the {len(record['keep'])} {noun}s that are kept" if record["keep"] else f"all {noun}s"
    told = "; ".join(f"{row['name']} {with_span(row['information'], row['interval'], digits)}" for row in record["designs"])
    best = max(each["bits_per_measurement"] for each in record["strategies"])
    alt = f"Left, sets by strategy, the best of {best:.2f} bits in closed form; right, re-measured, {unit}: {told}."
    return [
        ("design-before.png", "Before.", f"Drawing of {record['system']} before the choice: {before}."),
        ("design-after.png", "The choice.", f"Drawing of {record['system']} with {_listed(record['chosen'])}."),
        ("comparison.png", "What each strategy chose, and re-measured information with intervals.", alt),
    ]

"""The section of a report on a run of `ideal optimize --choose`."""

from ideal.optimize.runs import tables
from ideal.reports.content import Block, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.html import fragment
from ideal.reports.provenance import notes_of
from ideal.reports.sections.designs import design_provenance, unfinished_section
from ideal.runs.read import Run
from ideal.text import digits_for, interval_text, number, with_span


def choice_section(run: Run) -> Section:
    """Return what every strategy chose, and what the choice measures beside others."""
    if run.status == "unfinished":
        return unfinished_section(run)
    record = run.record
    sites = record["unit"] == "bits per observation"
    unit, noun, rows = ("bits" if sites else "bits/pixel"), record["member"], record["designs"]
    digits = digits_for(row["information"] for row in rows)
    names = tables.listed(record["chosen"])
    headline, value = _headline(rows, unit, digits)
    blocks: list[Block] = [*notes_of(run, record["warnings"]), headline]
    blocks += [_chosen(record, noun), *tables.choice_tables(record)]
    text = tables.choice_explanation(record)
    blocks.append(Note([text[:1].upper() + text[1:] + "."]))
    light = "" if sites else f"{tables.light_text(record)}; "
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


def choice_fragment(record: dict) -> str:
    """Return a choice as a notebook shows it: its numbers, and its tables."""
    rows, noun = record["designs"], record["member"]
    unit = "bits" if record["unit"] == "bits per observation" else "bits/pixel"
    headline, _ = _headline(rows, unit, digits_for(row["information"] for row in rows))
    lines = list(dict.fromkeys(record["warnings"]))
    notes = [Note(lines, "warning", "Warnings" if len(lines) > 1 else "Warning")] if lines else []
    return fragment([headline, _chosen(record, noun), *tables.choice_tables(record), *notes])


def _headline(rows: list[dict], unit: str, digits: int) -> tuple[Headline, str]:
    """Return the numbers of a choice, and the first of them in words."""
    first, confidence = rows[0], rows[0].get("confidence", 0.95)
    bounds = interval_text(first["interval"], confidence, digits)
    numbers = [(number(first["information"], digits), unit, "Information, re-measured", bounds)]
    kept = next((row for row in rows[1:] if row["name"] == "kept alone"), None)
    if kept is not None:
        what = f"Above the {len(kept['members'])} that are kept"
        bounds = interval_text(kept["difference_interval"], confidence, digits)
        numbers.append((number(kept["design_is_above_by"], digits, "+"), unit, what, bounds))
    return Headline(numbers), with_span(first["information"], first["interval"], digits)


def _chosen(record: dict, noun: str) -> Facts:
    pairs = [("chosen", ", ".join(record["chosen"]))]
    if record["keep"]:
        pairs.append(("kept", f"{', '.join(record['keep'])} ({number(record['bits_of_kept'], 2)} bits in closed form)"))
    return Facts([*pairs, (f"all {noun}s", f"{number(record['bits_of_all'], 2)} bits in closed form")])


def _figures(record: dict, noun: str, unit: str, digits: int) -> list[tuple[str, str, str]]:
    before = f"the {len(record['keep'])} {noun}s that are kept" if record["keep"] else f"all {noun}s"
    told = "; ".join(f"{row['name']} {with_span(row['information'], row['interval'], digits)}" for row in record["designs"])
    best = max(each["bits_per_measurement"] for each in record["strategies"])
    alt = f"Left, sets by strategy, the best of {best:.2f} bits in closed form; right, re-measured, {unit}: {told}."
    return [
        ("design-before.png", "Before.", f"Drawing of {record['system']} before the choice: {before}."),
        ("design-after.png", "The choice.", f"Drawing of {record['system']} with {tables.listed(record['chosen'])}."),
        ("comparison.png", "What each strategy chose, and re-measured information with intervals.", alt),
    ]

"""The section of a report on a run of `ideal optimize` that designed a system."""

from ideal.optimize.runs import tables
from ideal.reports.content import Block, Code, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.html import fragment
from ideal.reports.provenance import configuration_of, flattened, notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.tables import Column, Table
from ideal.text import digits_for, duration, interval_text, number, with_span

_STOPPED = {
    "converged": "converged",
    "patience": "ended early, for there was no more gain",
    "time": "ended by the time limit",
    "unbounded": "ended, for a parameter grew without limit",
    "stuck": "ended, for no step along the slope raised the gain",
}
_SPOKEN = 12  # rows that the description of a figure reads out


def design_section(run: Run) -> Section:
    """Return a design beside its start and the named designs; of an unfinished run how far it is."""
    if run.status == "unfinished":
        return unfinished_section(run)
    record, rows = run.record, run.record["designs"]
    scale, unit, digits = _unit(rows)
    headline, result = _headline(rows, scale, unit, digits)
    blocks: list[Block] = [*notes_of(run, record["warnings"]), headline]
    blocks += tables.design_tables(record)
    blocks.append(Note([_sentence(text) for text in tables.explanations(record)]))
    lead = f"{tables.light_text(record)}; target {record['target']}, objective {record['objective']}"
    drawn = _drawings(record)
    figures = [gallery(run, drawn, pair=True), gallery(run, _figures(record, scale, unit, digits))]
    parts = [
        Part("Result", blocks),
        Part("Figures", figures),
        Part("The ascent", [_ascent(record)]),
    ]
    return Section(
        title=f"Design of {record['system']} for {record['objects']}",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=result,
        lead=lead,
        parts=[*parts, *design_provenance(run)],
    )


def design_fragment(record: dict) -> str:
    """Return a design as a notebook shows it: its numbers, and its tables."""
    headline, _ = _headline(record["designs"], *_unit(record["designs"]))
    lines = list(dict.fromkeys(record["warnings"]))
    notes = [Note(lines, "warning", "Warnings" if len(lines) > 1 else "Warning")] if lines else []
    return fragment([headline, *tables.design_tables(record), *notes])


def _unit(rows: list[dict]) -> tuple[float, str, int]:
    """Return what bits per pixel are multiplied by, the unit that they then have, and their digits."""
    vector = rows[0]["pixel_name"] != "pixel"
    scale, unit = (rows[0]["pixels"], "bits/measurement") if vector else (1, "bits/pixel")
    return scale, unit, digits_for(scale * row["information_bits_per_pixel"] for row in rows)


def _headline(rows: list[dict], scale: float, unit: str, digits: int) -> tuple[Headline, str]:
    """Return the numbers of a design, and the first of them in a line."""
    first, start = rows[0], next((row for row in rows if row["role"] == "start"), None)
    confidence = first["confidence"]
    value = scale * first["information_bits_per_pixel"]
    bounds = [tables.scaled(each, scale) for each in first["interval"]]
    numbers = [(number(value, digits), unit, "Information, at most", interval_text(bounds, confidence, digits))]
    result = f"{with_span(value, bounds, digits)} {unit}"
    if start is not None:
        more = scale * start["design_is_above_by"]
        bounds = [tables.scaled(each, scale) for each in start["difference_interval"]]
        numbers.append((number(more, digits, "+"), unit, "Above its start", interval_text(bounds, confidence, digits)))
        result += f", {with_span(more, bounds, digits, '+')} above its start"
    if "label_information_bits" in first:
        told, bounds = first["label_information_bits"], first["label_interval"]
        what = f"About the label, at least, of {number(first['label_entropy_bits'])}"
        numbers.insert(0, (number(told), "bits", what, interval_text(bounds, confidence)))
        result = f"{with_span(told, bounds)} bits about the label"
    return Headline(numbers), result


def unfinished_section(run: Run) -> Section:
    """Return what an unfinished design or choice was asked for, and how far it is."""
    table = run.record["configuration"]
    wanted, system = table["optimize"], table["system"]
    name = system.get("name") or system.get("encoder", "a system")
    what = "Choice of members" if wanted.get("choose") is not None else "Design"
    blocks: list[Block] = [Note(["The run was interrupted, or goes on."], "warning", "Not finished")]
    lines = run.metrics()
    steps = [line for line in lines if "step" in line]
    if steps:
        gains = [gain for gain in steps[-1].get("hard_gain", ()) if gain is not None]
        best = f", the objective of the best start is {max(gains):.4f}" if gains else ""
        blocks.append(Note([f"The ascent is at step {steps[-1]['step']} of {wanted.get('steps', 'its steps')}{best}."]))
    measured = [line for line in lines if "information_bits_per_pixel" in line]
    if measured:
        columns = (Column("design"), Column("bits per pixel or value", "number"), Column("model"))
        rows = [(line["path"], number(line["information_bits_per_pixel"]), line["model"]) for line in measured]
        blocks.append(Table("Measured so far", columns, rows))
    return Section(
        title=f"{what} of {name} for {wanted['objects']}",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=f"step {steps[-1]['step']}" if steps else "nothing yet",
        lead=f"target {wanted['target']}, objective {wanted['objective']}",
        parts=[Part("Result", blocks), *design_provenance(run)],
    )


def design_provenance(run: Run) -> list[Part]:
    """Return settings with the objects of each part, and both ways to run it again."""
    table = run.record.get("configuration") or {}
    names: tuple[str, ...] = ("to design for", "to choose with", "to measure")
    counts = table.get("n_objects") or []
    names = names if len(counts) == len(names) else ("to choose for", "to measure")
    pairs = [(f"objects {name}", str(count)) for name, count in zip(names, counts, strict=False)]
    pairs += [(f"objects.{key}", str(value)) for key, value in (table.get("objects") or {}).items()]
    if "exposure" in table:
        pairs.append(("exposure", f"{table['exposure']:g}"))
    configuration = configuration_of(run)
    again = []
    if run.path is not None and configuration is not None and run.status != "unfinished":
        again.append(Code(f"ideal optimize --config {run.path / 'run.toml'} --out ANOTHER", "the same, from the run's folder"))
    if configuration is None:
        others = ("files", "objects", "n_objects", "exposure")
        configuration = Facts(flattened({name: each for name, each in table.items() if name not in others}))
    parts = provenance_parts(run, configuration, again)
    parts[0] = Part("Settings", [configuration, Facts(pairs)])
    return parts


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _ascent(record: dict) -> Facts:
    gain, unit = record["gain"], record["gain_unit"]
    pairs = [("objective at the start", f"{gain['start']:.4f} {unit}"), ("after the ascent", f"{gain['ascent']:.4f} {unit}")]
    if gain["search"] != gain["ascent"]:
        pairs.append(("after exchanges", f"{gain['search']:.4f} {unit}"))
    if record["steps"] is not None:
        stopped = _STOPPED.get(record["stopped"])
        pairs.insert(0, ("steps", f"{record['steps']} from {record['start']}" + (f", {stopped}" if stopped else "")))
    pairs.append(("time", duration(record["seconds"])))
    return Facts([*pairs, ("objective of", "held-out objects, the design made hard")])


def _drawings(record: dict) -> list[tuple[str, str, str]]:
    rows, system = record["designs"], record["system"]
    start = next((tables.shown_name(row) for row in rows if row["role"] == "start"), "the start")
    counts = {row["role"]: ", ".join(f"{n} {name}" for name, n in row["filters"].items()) for row in rows if "filters" in row}
    return [
        ("design-before.png", f"Before: {start}.", f"Drawing of {system} as it began" + _pixels(counts.get("start"))),
        ("design-after.png", "After: the design.", f"Drawing of {system} as designed" + _pixels(counts.get("design"))),
    ]


def _figures(record: dict, scale: float, unit: str, digits: int) -> list[tuple[str, str, str]]:
    rows = record["designs"]
    told = "; ".join(
        f"{tables.shown_name(row)} "
        + with_span(scale * row["information_bits_per_pixel"], [tables.scaled(each, scale) for each in row["interval"]], digits)
        for row in rows[:_SPOKEN]
    )
    caption = "Re-measured information of the designs, with intervals."
    found = [("comparison.png", caption, f"Dots with intervals, {unit}: {told}.")]
    if record["steps"] is not None:
        gain = record["gain"]
        alt = (
            f"Line of the objective against steps: {gain['start']:.4f} {record['gain_unit']} at the start, {gain['ascent']:.4f} "
        )
        alt += f"after {record['steps']} steps"
        alt += f", {gain['search']:.4f} after exchanges." if gain["search"] != gain["ascent"] else "."
        found.append(("ascent.png", "The ascent.", alt))
    if rows[0]["targets"]:
        names, caption = ", ".join(rows[0]["targets"]), "What each design tells of each target, in closed form."
        alt = f"Table of {len(rows)} designs against {names}, shaded by share of the largest; its numbers are in the table above."
        found.append(("targets.png", caption, alt))
    shown = ", ".join(tables.shown_name(row) for row in rows[:3])
    caption = "A measurement of the same object by the first designs."
    return [*found, ("measurements.png", caption, f"The object, and a measurement of it by {shown}.")]


def _pixels(counts: str | None) -> str:
    return f": {counts} pixels in a period." if counts else "."

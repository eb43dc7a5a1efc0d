"""The section of a report on a run of `ideal optimize` that designed a system."""

from collections.abc import Sequence

from ideal.reports.content import Block, Code, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import configuration_of, flattened, notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.tables import Column, Table, bar_cell, interval_cell
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
    from ideal.optimize.runs.tables import explanations, light_text

    record, rows = run.record, run.record["designs"]
    first, start = rows[0], next((row for row in rows if row["role"] == "start"), None)
    vector = first["pixel_name"] != "pixel"
    scale, unit = (first["pixels"], "bits/measurement") if vector else (1, "bits/pixel")
    digits = digits_for(scale * row["information_bits_per_pixel"] for row in rows)
    share = f"{100 * first['confidence']:.6g} % interval"
    headline, result = _headline(first, start, scale, unit, digits)
    blocks: list[Block] = [*notes_of(run, record["warnings"]), headline]
    if "label_information_bits" in first:
        blocks.append(_about_label(rows, share))
    blocks += [_measured(rows, scale, digits, unit, share), _targets(rows, record)]
    blocks.append(Note([_sentence(text) for text in explanations(record)]))
    lead = f"{light_text(record)}; target {record['target']}, objective {record['objective']}"
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


def _headline(first: dict, start: dict | None, scale: float, unit: str, digits: int) -> tuple[Headline, str]:
    """Return the numbers of a design, and the first of them in a line."""
    confidence = first["confidence"]
    value = scale * first["information_bits_per_pixel"]
    bounds = [_scaled(each, scale) for each in first["interval"]]
    numbers = [(number(value, digits), unit, "Information, at most", interval_text(bounds, confidence, digits))]
    result = f"{with_span(value, bounds, digits)} {unit}"
    if start is not None:
        more = scale * start["design_is_above_by"]
        bounds = [_scaled(each, scale) for each in start["difference_interval"]]
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
    names = ("to design for", "to choose with", "to measure")
    counts = table.get("n_objects") or []
    names = names if len(counts) == len(names) else ("to choose for", "to measure")
    pairs = [(f"objects {name}", str(count)) for name, count in zip(names, counts, strict=False)]
    pairs += [(f"objects.{key}", str(value)) for key, value in (table.get("objects") or {}).items()]
    if "exposure" in table:
        pairs.append(("exposure", f"{table['exposure']:g}"))
    configuration = configuration_of(run)
    again = []
    if configuration is not None and run.status != "unfinished":
        again.append(Code(f"ideal optimize --config {run.path / 'run.toml'} --out ANOTHER", "the same, from the run's folder"))
    if configuration is None:
        others = ("files", "objects", "n_objects", "exposure")
        configuration = Facts(flattened({name: each for name, each in table.items() if name not in others}))
    parts = provenance_parts(run, configuration, again)
    parts[0] = Part("Settings", [configuration, Facts(pairs)])
    return parts


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _measured(rows: Sequence[dict], scale: float, digits: int, unit: str, share: str) -> Table:
    from ideal.optimize.runs.tables import shown_name, value_name

    vector = scale != 1 or unit != "bits/pixel"
    table, strong = [], set()
    for row in sorted(rows, key=lambda row: -row["information_bits_per_pixel"]):
        if row["role"] == "design":
            strong.add(len(table))
        above = row["design_is_above_by"]
        bounds = [_scaled(each, scale) for each in row["interval"]]
        value = scale * row["information_bits_per_pixel"]
        cells = [
            shown_name(row),
            number(value, digits),
            interval_cell(bounds, digits),
            bar_cell(value, bounds),
            number(_scaled(above, scale), digits, "+") if above is not None else "",
            interval_cell(row["difference_interval"], digits, scale) if above is not None else "",
            row["model"],
        ]
        if vector:
            each = value / row["values"]
            cells.append(number(each, digits_for([each])))
        table.append(tuple(cells))
    columns = [
        Column("design"),
        Column(unit, "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("the design is above by", "number"),
        Column(share, "interval"),
        Column("model"),
    ]
    if vector:
        columns.append(Column(f"bits/{value_name(rows[0])}", "number"))
    return Table("Re-measured information of the designs", columns, table, frozenset(strong))


def _about_label(rows: Sequence[dict], share: str) -> Table:
    from ideal.optimize.runs.tables import shown_name

    ordered = sorted(rows, key=lambda row: -row["label_information_bits"])
    ceiling = rows[0]["label_entropy_bits"]
    table = [
        (
            shown_name(row),
            number(row["label_information_bits"]),
            interval_cell(row["label_interval"]),
            bar_cell(row["label_information_bits"], row["label_interval"], ceiling),
            f"{100 * (1 - row['label_error_rate']):.1f} %",
        )
        for row in ordered
    ]
    columns = (
        Column("design"),
        Column("bits about the label, at least", "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("named rightly", "number"),
    )
    strong = frozenset(place for place, row in enumerate(ordered) if row["role"] == "design")
    note = f"The line is all there is to know of the label, {ceiling:.3f} bits."
    return Table("Information about the label", columns, table, strong, note)


def _targets(rows: Sequence[dict], record: dict) -> Table:
    from ideal.optimize.runs.tables import shown_name, value_name

    names, filters = list(rows[0]["targets"]), list(rows[0].get("filters", ()))
    digits = {name: digits_for(row["targets"][name] for row in rows) for name in names}
    table = []
    for row in rows:
        counts = [str(row["filters"][name]) for name in filters]
        table.append((shown_name(row), *(number(row["targets"][name], max(digits[name], 3)) for name in names), *counts))
    columns = [
        Column("design"),
        *(Column(name, "number") for name in names),
        *(Column(f"{each} pixels", "number") for each in filters),
    ]
    caption = f"What is told of each target, closed form, bits/{value_name(rows[0])}"
    strong = frozenset(place for place, row in enumerate(rows) if row["role"] == "design")
    return Table(caption + (", and filters of a period" if filters else ""), columns, table, strong)


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
    from ideal.optimize.runs.tables import shown_name

    rows, system = record["designs"], record["system"]
    start = next((shown_name(row) for row in rows if row["role"] == "start"), "the start")
    counts = {row["role"]: ", ".join(f"{n} {name}" for name, n in row["filters"].items()) for row in rows if "filters" in row}
    return [
        ("design-before.png", f"Before: {start}.", f"Drawing of {system} as it began" + _pixels(counts.get("start"))),
        ("design-after.png", "After: the design.", f"Drawing of {system} as designed" + _pixels(counts.get("design"))),
    ]


def _figures(record: dict, scale: float, unit: str, digits: int) -> list[tuple[str, str, str]]:
    from ideal.optimize.runs.tables import shown_name

    rows = record["designs"]
    told = "; ".join(
        f"{shown_name(row)} "
        + with_span(scale * row["information_bits_per_pixel"], [_scaled(each, scale) for each in row["interval"]], digits)
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
    shown = ", ".join(shown_name(row) for row in rows[:3])
    caption = "A measurement of the same object by the first designs."
    return [*found, ("measurements.png", caption, f"The object, and a measurement of it by {shown}.")]


def _pixels(counts: str | None) -> str:
    return f": {counts} pixels in a period." if counts else "."

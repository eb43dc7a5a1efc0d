"""What the record of a run that designs or chooses says in tables: drawn by terminals, pages and notebooks alike."""

from collections.abc import Sequence

from ideal.tables import Cell, Column, Table, bar_cell, interval_cell
from ideal.text import digits_for, duration, exact_percent, number

_DIFFERENCE = slice(4, 6)  # columns of the measured table that compare
_NAMED = 16  # members that a table has room to name
_ENDINGS = {
    "converged": ", converged",
    "patience": ", ended early: no more gain",
    "time": ", ended by the time limit",
    "unbounded": ", ended: a parameter grew without limit",
    "stuck": ", ended: no step along the slope rises",
}


def design_parts(record: dict) -> list[str | Table]:
    """Return all that a terminal says of a design: what it is, its tables, and what their columns mean."""
    return ["\n".join(_design_lines(record)), *design_tables(record), "\n".join(explanations(record))]


def choice_parts(record: dict) -> list[str | Table]:
    """Return all that a terminal says of a choice: what it is, its tables, and what their columns mean."""
    return ["\n".join(_choice_lines(record)), *choice_tables(record), choice_explanation(record)]


def text_of(parts: Sequence[str | Table], warnings: Sequence[str] = ()) -> str:
    """Return parts and warnings as one text."""
    told = [part if isinstance(part, str) else part.to_text().rstrip() for part in parts]
    return "\n\n".join([*told, *(["\n".join(f"warning: {text}" for text in warnings)] if warnings else [])])


def _design_lines(record: dict) -> list[str]:
    lines, gain = [], record["gain"]
    if record["steps"] is not None:
        stopped = _ENDINGS.get(record["stopped"], "")
        lines.append(f"{record['steps']} steps from {record['start']}{stopped}, {record['seconds']:.0f} s")
    made = f"start {gain['start']:.4f}, after the ascent {gain['ascent']:.4f}"
    if all(row["role"] != "start" for row in record["designs"]):
        made = f"start {gain['start']:.4f}; the design is its start, nothing better was found"
    elif gain["search"] != gain["ascent"]:
        made += f", after exchanges {gain['search']:.4f}"
    labelled = "label_information_bits" in record["designs"][0]
    proxy = " (classes taken for Gaussians: for ascent, not a figure)" if labelled else ""
    about = f"{record['system']} for {record['objects']}, {light_text(record)}"
    return [
        f"{about}: target {record['target']}, objective {record['objective']}",
        *lines,
        f"objective for held-out objects, {record['gain_unit']}{proxy}: {made}",
    ]


def design_tables(record: dict) -> list[Table]:
    """Return what was measured of each design: about the label where it is the target, in all, and of each target."""
    rows, share = record["designs"], f"{exact_percent(record['designs'][0]['confidence'])} interval"
    labels = [_label_table(rows, share)] if "label_information_bits" in rows[0] else []
    return [*labels, measured_table(record), _target_table(rows)]


def measured_table(record: dict) -> Table:
    """Return the re-measured information of each design."""
    rows = record["designs"]
    first = rows[0]
    vector = first["pixel_name"] != "pixel"
    scale, unit = (first["pixels"], "bits/measurement") if vector else (1, "bits/pixel")
    digits = digits_for(scale * row["information_bits_per_pixel"] for row in rows)
    share = f"{exact_percent(first['confidence'])} interval"
    table: list[list[str | Cell]] = []
    strong = set()
    for row in sorted(rows, key=lambda row: -row["information_bits_per_pixel"]):
        if row["role"] == "design":
            strong.add(len(table))
        above = row["design_is_above_by"]
        bounds = [scaled(each, scale) for each in row["interval"]]
        value = scale * row["information_bits_per_pixel"]
        cells = [
            shown_name(row),
            number(value, digits),
            interval_cell(bounds, digits),
            bar_cell(value, bounds),
            number(scaled(above, scale), digits, "+") if above is not None else "",
            interval_cell(row["difference_interval"], digits, scale) if above is not None else "",
            row["model"],
        ]
        if vector:
            each = value / row["values"]
            cells.append(number(each, digits_for([each])))
        table.append(cells)
    columns = [
        Column("design"),
        Column(unit, "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("the design is above by", "number"),
        Column(share, "interval", spare=1),
        Column("model", spare=2),
    ]
    if vector:
        columns.append(Column(f"bits/{value_name(rows[0])}", "number", spare=3))
    if all(row["design_is_above_by"] is None for row in rows):  # nothing was compared with
        del columns[_DIFFERENCE]
        for cells in table:
            del cells[_DIFFERENCE]
    return Table("Re-measured information of the designs", columns, [tuple(cells) for cells in table], frozenset(strong))


def _label_table(rows: Sequence[dict], share: str) -> Table:
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


def _target_table(rows: Sequence[dict]) -> Table:
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


def _choice_lines(record: dict) -> list[str]:
    noun, sites = record["member"], record["unit"] == "bits per observation"
    light = "" if sites else f", {light_text(record)}"
    kept = f" beside {listed(record['keep'])} ({record['bits_of_kept']:.2f} bits)" if record["keep"] else ""
    return [
        f"{record['system']} for {record['objects']}{light}: "
        f"{record['choose']} of {len(record['candidates'])} {noun}s{kept}, {record['sets']} sets",
        f"all {noun}s: {record['bits_of_all']:.2f} bits; closed form for Gaussian scenes, {record['n_design']} objects",
    ]


def choice_tables(record: dict) -> list[Table]:
    """Return what each strategy chose, what was measured of the choice and of others, and what each candidate brings."""
    candidates = [candidate_table(record)] if record.get("candidate_information") else []
    return [strategy_table(record), choice_table(record), *candidates]


def candidate_table(record: dict) -> Table:
    """Return what each candidate brings: with those that are kept alone, in the best set that has it, and its cost."""
    rows = record["candidate_information"]
    has_costs = any(row["cost"] is not None for row in rows)
    has_sets = any(row["best_set_bits"] is not None for row in rows)
    table, strong = [], set()
    for place, row in enumerate(sorted(rows, key=lambda row: -(row["best_set_bits"] or row["bits"] or 0.0))):
        if row["chosen"]:
            strong.add(place)
        cells = [row["name"], number(row["bits"], 2)]
        cells += [number(row["best_set_bits"], 2)] if has_sets else []
        cells += [number(row["cost"], 2)] if has_costs else []
        table.append(tuple(cells))
    columns = [Column(record["member"]), Column("bits beside the kept" if record["keep"] else "bits alone", "number")]
    columns += [Column("bits of the best set with it", "number")] if has_sets else []
    columns += [Column("cost", "number")] if has_costs else []
    note = "Bits per measurement in closed form."
    return Table(f"What each {record['member']} brings", columns, table, frozenset(strong), note)


def strategy_table(record: dict) -> Table:
    """Return what each strategy chose."""
    noun = record["member"]
    best = max(each["bits_per_measurement"] for each in record["strategies"])
    rows, strong = [], set()
    for place, each in enumerate(record["strategies"]):
        if each["bits_per_measurement"] >= best * (1 - 1e-9):
            strong.add(place)
        bits = each["bits_per_measurement"]
        rows.append((each["strategy"], listed(each["members"]), number(bits, 2), str(each["sets"]), duration(each["seconds"])))
    columns = (
        Column("strategy"),
        Column(f"{noun}s"),
        Column("bits, closed form", "number"),
        Column("sets looked at", "number"),
        Column("time", "number"),
    )
    return Table("What each strategy chose", columns, rows, frozenset(strong))


def choice_table(record: dict) -> Table:
    """Return the re-measured information of the choice and of other sets."""
    rows, noun, sites = record["designs"], record["member"], record["unit"] == "bits per observation"
    unit, digits = ("bits" if sites else "bits/pixel"), digits_for(row["information"] for row in rows)
    share = f"{exact_percent(rows[0].get('confidence', 0.95))} interval"
    table: list[Sequence[str | Cell]] = []
    strong = set()
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
        more = (str(row["pixels"]), f"{row['information_bits_per_pixel']:.4f}") if sites else ()
        table.append((*cells, *more))
    columns = [
        Column("design"),
        Column(f"{noun}s", "number"),
        Column(unit, "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("the choice is above by", "number"),
        Column(share, "interval", spare=1),
        Column("closed form", "number", spare=1),
        *([Column("visibilities", "number", spare=2), Column("bits/visibility", "number", spare=3)] if sites else []),
    ]
    return Table("Re-measured information", columns, table, frozenset(strong))


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Return names in a row, of more than `most` the first."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def scaled(value: float | None, scale: float) -> float | None:
    """Return a number in another unit; None where there is none."""
    return None if value is None else scale * value


def light_text(document: dict) -> str:
    """Return what a table says of photons and noise."""
    noise = document["noise"]
    photons = document["photons"]
    return (f"{photons:g} photons, " if photons else "") + f"{noise['name']} noise"


def shown_name(row: dict) -> str:
    """Return what a table calls a design: the start with the name that it had, or of the named one near to it."""
    start = str(row.get("start", "")).rpartition("/")[2]
    return f"{row['name']} ({'near ' if row.get('near') else ''}{start})" if start else row["name"]


def value_name(row: dict) -> str:
    """Return what a measurement consists of: pixels, values, or visibilities, of which only combinations may be looked at."""
    return "visibility" if row["complex"] else row["pixel_name"]


def explanations(document: dict) -> list[str]:
    """Return what the columns of the tables mean, from the document of a run."""
    first = document["designs"][0]
    lines = []
    if "label_information_bits" in first:
        lines.append(
            f"bits about the label: at least so many of {first['label_entropy_bits']:.3f}, by a classifier of fresh measurements "
            "of objects that no design was made for"
        )
    lines.append(
        f"bits/{'pixel' if first['pixel_name'] == 'pixel' else 'measurement'}: at most so many, by the density model that "
        f"held-out measurements prefer; fresh noise, {document['n_measure']} objects that no design was made for"
        + (", visibilities reduced to the combinations that tell of such objects" if _reduced(first) else "")
    )
    lines.append(
        f"{', '.join(first['targets'])}: about this part of Gaussian scenes like the objects, in closed form, "
        f"bits/{value_name(first)}"
        + (f"; of the {document['components']} leading principal components alone" if document["components"] else "")
        if first["targets"]
        else "no targets: in closed form a sensor that repeats itself after so many pixels takes too much memory"
    )
    if "color" in first["targets"]:
        lines.append("color: of a single pixel, told by all measurements, which neighbours share: it may be above total")
    if document["left_out"]:
        lines.append(f"not measured: {', '.join(document['left_out'])} (--against all)")
    return lines


def _reduced(row: dict) -> bool:
    """Tell whether only combinations of visibilities were looked at."""
    return row["complex"] and row["pixel_name"] != "visibility"


def choice_explanation(document: dict) -> str:
    """Return what the designs of a choice were measured with, from the document of its run."""
    text = f"re-measured: fresh noise, {document['n_measure']} objects that the choice was not made for"
    if document["unit"] == "bits per observation":
        return text + "; visibilities reduced to the combinations that tell of such objects, Gaussian model"
    return text + "; the closed form is of the objects' leading principal components alone"

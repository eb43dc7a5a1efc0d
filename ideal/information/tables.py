"""Tables of estimates, built from their JSON documents: what a terminal, a page and a notebook show alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ideal.noise.members import noise_of_record
from ideal.tables import Cell, Column, Table, bar_cell, interval_cell
from ideal.text import digits_for, duration, exact_percent, is_known, number, percent, with_span

_MOST_PAIRS = 66  # differences that are listed: all between twelve files


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return what to call files that stand together: their bare names where these tell them apart."""
    bare = [_short(path) for path in paths]
    return dict(zip(paths, bare if len(set(bare)) == len(bare) else paths, strict=True))


def _short(path: str) -> str:
    """Return the name of a file without its folders, and with its data set."""
    file, colons, dataset = str(path).partition("::")
    return (Path(file).name or file) + colons + dataset


def pixel_name(document: Mapping[str, Any]) -> str:
    """Return what a bit of an estimate is counted by: "pixel" of an image, "visibility" or "value" of a vector."""
    if len(document["patch"]) > 1:
        return "pixel"
    return "visibility" if noise_of_record(document["noise"]["name"]).is_complex else "value"


def unit_of(*documents: Mapping[str, Any]) -> str:
    """Return the unit of estimates that stand together."""
    return "bits/" + " or ".join(dict.fromkeys(map(pixel_name, documents)))


def size_of(document: Mapping[str, Any]) -> str:
    """Return what one measurement of an estimate is: "16x16 pixels", "12 visibilities"."""
    patch = document["patch"]
    if len(patch) > 1:
        return f"{patch[0]}x{patch[1]} pixels"
    return f"{patch[0]} " + {"visibility": "visibilities", "value": "values"}[pixel_name(document)]


def share_of(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return what a column of intervals is called."""
    return " or ".join(dict.fromkeys(f"{exact_percent(each['confidence'])} interval" for each in documents))


def estimate_parts(document: Mapping[str, Any]) -> list[str | Table]:
    """Return all that a terminal says of one estimate: its figures, what each model says, and what it was made from.

    Args:
        document: of the estimate.

    """
    low, high = document["interval"]
    unit = unit_of(document)
    lines = [
        f"information {document['information_bits_per_pixel']:.4f} {unit} ({exact_percent(document['confidence'])} interval "
        f"{low:.4f} to {high:.4f}), {document['information_bits_per_measurement']:.1f} bits in {size_of(document)}",
        f"entropy H(Y) <= {document['entropy_bits_per_pixel']:.4f}, "
        f"noise H(Y|X) = {document['noise_entropy_bits_per_pixel']:.4f} {unit}",
    ]
    if (rate := document["information_rate"]) is not None:
        low, high = rate["interval"]
        lines.append(f"rate {rate['bits_per_pixel']:.4f} bits per further pixel ({low:.4f} to {high:.4f}), by {rate['model']}")
    folds = f" in {document['n_folds']} folds" if document["n_folds"] > 1 else ""
    what = "patches" if len(document["patch"]) > 1 else "measurements"
    counts = {"train": document["n_train"], "choose": document["n_validation"], f"scored{folds}": document["n_test"]}
    (name, count), *others = ((name, count) for name, count in counts.items() if count)
    made = [f"{count} {what} {name}", *(f"{n} {does}" for does, n in others), f"{document['n_groups']} sources"]
    return ["\n".join(lines), models_table(document, 4), ", ".join(made)]


def models_table(document: Mapping[str, Any], digits: int | None = None) -> Table:
    """Return what each density model says of one file.

    Args:
        document: of the estimate.
        digits: after the point; None for as many as the numbers need.

    """
    chosen = document["model"].split("/")
    rows, strong = [], set()
    if digits is None:
        digits = digits_for(each["information_bits_per_pixel"] for each in document["models"].values())
    for place, (name, each) in enumerate(document["models"].items()):
        value, bounds = each["information_bits_per_pixel"], each["interval"]
        cells = (number(value, digits), interval_cell(bounds, digits), bar_cell(value, bounds), f"{each['seconds']:.2f}")
        rows.append((name + (" (chosen)" if name in chosen else ""), *cells))
        if name in chosen:
            strong.add(place)
    columns = (
        Column("model"),
        Column(unit_of(document), "number"),
        Column(share_of([document]), "interval"),
        Column("", "bar"),
        Column("seconds", "number"),
    )
    note = "Each model bounds the information from above; the one used is chosen on sources that it was not fitted to."
    return Table("Information by density model", columns, rows, frozenset(strong), note)


def ranking_table(
    documents: Sequence[Mapping[str, Any]],
    comparisons: Sequence[dict],
    names: Mapping[str, str],
    *,
    caption: str = "",
    first: str = "file",
) -> Table:
    """Return estimates from the most informative down, each with its difference from the next where that is known.

    Args:
        documents: of the estimates.
        comparisons: their differences.
        names: what to call each, by its path.
        caption: of the table.
        first: what the column of names is called.

    """
    ordered, between = _ordered(documents), _between(comparisons)
    digits = digits_for(each["information_bits_per_pixel"] for each in ordered)
    rows = []
    for place, found in enumerate(ordered):
        value, bounds = found["information_bits_per_pixel"], found["interval"]
        following = ordered[place + 1] if place + 1 < len(ordered) else None
        more = between.get(frozenset((found["path"], following["path"]))) if following else None
        rows.append(
            (
                names[found["path"]],
                number(value, digits),
                interval_cell(bounds, digits),
                bar_cell(value, bounds),
                _difference(more, found["path"], digits) if more else "",
                number(found["information_bits_per_measurement"], 1),
                found["model"],
                size_of(found),
            )
        )
    columns = (
        Column(first),
        Column(unit_of(*ordered), "number"),
        Column(share_of(ordered), "interval"),
        Column("", "bar"),
        Column("more than the next", "number"),
        Column("bits/measurement", "number", spare=2),
        Column("model", spare=1),
        Column("measurement of", spare=3, on_page=False),
    )
    return Table(caption or "Files, the most informative first", columns, rows)


def _ordered(documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(documents, key=lambda each: -each["information_bits_per_pixel"])


def _between(comparisons: Sequence[dict]) -> dict[frozenset, dict]:
    return {frozenset((each["a"], each["b"])): each for each in comparisons}


def _difference(item: dict, first: str, digits: int) -> str:
    """Return a difference with its sign and interval, seen from one of the two."""
    sign = 1 if item["a"] == first else -1
    bounds = item["interval"]
    if is_known(bounds):
        bounds = sorted(sign * bound for bound in bounds)
    text = with_span(sign * item["difference_bits_per_pixel"], bounds, digits, "+")
    return text if item["paired"] else f"{text}, unpaired"


def by_model_table(documents: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Table:
    """Return what every density model says of every file, the most informative first."""
    ordered = _ordered(documents)
    models = list(dict.fromkeys(name for found in ordered for name in found["models"]))
    digits = digits_for(each["information_bits_per_pixel"] for each in ordered)
    rows: list[Sequence[str | Cell]] = []
    for found in ordered:
        chosen = found["model"].split("/")
        cells = []
        for name in models:
            each = found["models"].get(name)
            text = number(each["information_bits_per_pixel"], digits) if each else ""
            cells.append(Cell(text, "" if name in chosen else "light"))
        rows.append((names[found["path"]], *cells))
    columns = (Column("file"), *(Column(name, "number") for name in models))
    note = "The model that was chosen stands in full tone."
    return Table(f"What each density model says, {unit_of(*ordered)}", columns, rows, note=note)


def differences_table(documents: Sequence[Mapping[str, Any]], comparisons: Sequence[dict], names: Mapping[str, str]) -> Table:
    """Return differences between files, none where there are too many to be read."""
    ordered = _ordered(documents)
    digits = digits_for(each["information_bits_per_pixel"] for each in ordered)
    place = {found["path"]: number for number, found in enumerate(ordered)}
    pairs = [[*sorted((each["a"], each["b"]), key=place.__getitem__), each] for each in comparisons]
    rows = [
        (f"{names[a]} over {names[b]}", _difference(each, a, digits), "by source" if each["paired"] else "unpaired")
        for a, b, each in sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]]))
    ]
    columns = (Column("files"), Column(f"difference, {unit_of(*ordered)}", "number"), Column("paired"))
    return Table("Differences between files", columns, rows if len(rows) <= _MOST_PAIRS else [])


def sources_table(documents: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Table:
    """Return entropies, rates and what they were estimated from."""
    ordered = _ordered(documents)
    rows = [
        (
            names[found["path"]],
            number(found["entropy_bits_per_pixel"], 4),
            number(found["noise_entropy_bits_per_pixel"], 4),
            _rate(found["information_rate"]),
            *(str(found[key]) for key in ("n_train", "n_validation", "n_test", "n_groups", "n_folds")),
            duration(found["seconds"]),
        )
        for found in ordered
    ]
    columns = (
        Column("file"),
        Column("H(Y) at most", "number"),
        Column("noise H(Y|X)", "number"),
        Column("rate, bits per further pixel", "number"),
        *(Column(name, "number") for name in ("train", "choose", "scored", "sources", "folds", "time")),
    )
    note = f"Entropies in {unit_of(*ordered)}. Train, choose and scored count measurements; sources never stand on both sides."
    return Table("Entropies, and what they were estimated from", columns, rows, note=note)


def _rate(rate: dict | None) -> str:
    return "–" if rate is None else with_span(rate["bits_per_pixel"], rate["interval"])


def labels_table(tasks: Mapping[str, dict], confidence: float) -> Table:
    """Return what measurements tell of their labels.

    Args:
        tasks: documents of task information, by what to call the measurements.
        confidence: of the intervals.

    """
    rows = []
    for name, task in tasks.items():
        value, bounds = task["task_information_bits"], task["interval"]
        rows.append(
            (
                name,
                number(value),
                interval_cell(bounds),
                bar_cell(value, bounds, task["label_entropy_bits"]),
                number(task["fano_bits"]),
                number(task["label_entropy_bits"]),
                f"{100 * (1 - task['error_rate']):.1f} %",
            )
        )
    columns = (
        Column("file"),
        Column("bits about the label, at least", "number"),
        Column(f"{exact_percent(confidence)} interval", "interval"),
        Column("", "bar"),
        Column("by Fano's bound", "number"),
        Column("ceiling H(T)", "number"),
        Column("named rightly", "number"),
    )
    note = "Bits per measurement; the line is the ceiling H(T) of the information about the label."
    return Table("What measurements tell of their label", columns, rows, note=note)


def posteriors_table(task: dict) -> Table:
    """Return the lower bounds on the information about a label by the probabilities that they come from.

    Args:
        task: document of the task information.

    """
    rows = [
        (
            name + (" (chosen)" if name in task["posterior"].split("/") else ""),
            number(each["task_information_bits"]),
            interval_cell(each["interval"]),
            bar_cell(each["task_information_bits"], each["interval"], task["label_entropy_bits"]),
            number(each["fano_bits"]),
            percent(each["error_rate"]),
        )
        for name, each in task["posteriors"].items()
    ]
    columns = (
        Column("probabilities from"),
        Column("bits, at least", "number"),
        Column(share_of([task]), "interval"),
        Column("", "bar"),
        Column("by Fano's bound", "number"),
        Column("named wrongly", "number"),
    )
    note = f"Lower bounds on the information about the label, {task['unit']}; the line is the ceiling H(T)."
    return Table("Information about the label by source of probabilities", columns, rows, note=note)

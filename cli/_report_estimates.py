"""The section of a report on a run of `ideal estimate`."""

import math
from collections.abc import Sequence

from ideal.cli._report_common import notes_of, provenance_parts, seconds_text, short_names
from ideal.cli._report_content import (
    Cell,
    Column,
    Headline,
    Note,
    Part,
    Section,
    Table,
    bar_cell,
    digits_for,
    interval_cell,
    interval_text,
    number,
    with_span,
)
from ideal.cli._report_figures import gallery
from ideal.cli._report_runs import Run
from ideal.noise.members import noise_of_record

_MOST_PAIRS = 66  # differences that are listed: all between twelve files
_SPOKEN = 12  # files whose numbers stand in the description of a figure


def estimate_section(run: Run) -> Section:
    """Return what was measured, by model and by file; of an unfinished run what there is so far."""
    record, files = run.record, run.record["configuration"]["files"]
    found = record["results"] if "results" in record else [each.to_dict() for each in run.estimates().values()]
    names = short_names(files)
    what = names[files[0]] if len(files) == 1 else f"{len(files)} measurement files"
    section = {"title": f"Information in {what}", "kind": run.kind, "place": run.name, "status": run.status}
    warnings = [_named(text, each["path"], len(found)) for each in found for text in _warnings(each)]
    results: list = []
    if run.status == "unfinished":
        results.append(Note([f"{len(found)} of {len(files)} files are estimated so far."], "warning", "Not finished"))
    results += notes_of(run, warnings)
    if not found:
        return Section(
            **section,
            result="nothing yet" if run.status == "unfinished" else "no estimate",
            parts=[Part("Result", results), *provenance_parts(run)],
        )
    ordered = sorted(found, key=lambda each: -each["information_bits_per_pixel"])
    first = ordered[0]
    digits = digits_for(each["information_bits_per_pixel"] for each in found)
    value = with_span(first["information_bits_per_pixel"], first["interval"], digits)
    if len(found) == 1:
        results += [_headline(first, digits), _models(first)]
        result = f"{value} {_unit(first)}"
    else:
        comparison = record.get("comparison") or ()
        results += [_ranking(ordered, names, comparison, digits), _by_model(ordered, names, digits)]
        results += _differences(ordered, names, comparison, digits)
        result = f"most in {names[first['path']]}: {value} {_unit(first)}"
    results.append(_split(ordered, names))
    parts = [Part("Result", results)]
    if run.status != "unfinished":
        alt = f"One measurement of each file beside its information, {_unit(first)}: " + "; ".join(
            f"{names[each['path']]} {with_span(each['information_bits_per_pixel'], each['interval'], digits)}"
            for each in ordered[:_SPOKEN]
        )
        caption = "A measurement of each file and its information: the chosen model with its interval, and the other models."
        parts.append(Part("Figures", [gallery(run.path, [("information.png", caption, alt + ".")])]))
    parts.append(Part("About the labels", _labels(ordered, names)))
    return Section(**section, result=result, lead=_lead(found), parts=[*parts, *provenance_parts(run)])


def _unit(found: dict) -> str:
    return f"bits/{_pixel_name(found)}"


def _pixel_name(found: dict) -> str:
    if len(found["patch"]) > 1:
        return "pixel"
    return "visibility" if noise_of_record(found["noise"]["name"]).is_complex else "value"


def _warnings(found: dict) -> list[str]:
    return [*found["warnings"], *((found.get("task_information") or {}).get("warnings") or ())]


def _named(text: str, path: str, count: int) -> str:
    bare = text.removeprefix(f"{path}: ")
    return f"{path}: {bare}" if count > 1 else bare


def _lead(found: Sequence[dict]) -> str:
    """Return noise, patch and confidence where they are the same everywhere."""
    noises = dict.fromkeys(_noise(each) for each in found)
    patches = dict.fromkeys(_patch(each) for each in found)
    texts = [" or ".join(noises), " or ".join(patches), f"{100 * found[0]['confidence']:.6g} % intervals over sources"]
    return "; ".join(texts)


def _noise(found: dict) -> str:
    noise = dict(found["noise"])
    name, source = noise.pop("name"), noise.pop("entropy_from", None)
    figures = [f"{key.replace('_', ' ')} {value:g}" for key, value in noise.items() if isinstance(value, int | float)]
    known = {"measurements": "its entropy from the measurements alone", "clean means": "its entropy from clean means"}.get(source)
    return ", ".join([f"{name} noise", *figures, *([known] if known else [])])


def _patch(found: dict) -> str:
    if len(found["patch"]) > 1:
        return "patches of {}x{} pixels".format(*found["patch"])
    plural = {"visibility": "visibilities", "value": "values"}[_pixel_name(found)]
    return f"vectors of {math.prod(found['patch'])} {plural}"


def _headline(found: dict, digits: int) -> Headline:
    confidence, rate = found["confidence"], found["information_rate"]
    value, whole = found["information_bits_per_pixel"], found["information_bits_per_measurement"]
    numbers = [
        (number(value, digits), _unit(found), "Information", interval_text(found["interval"], confidence, digits)),
        (
            number(whole, 1),
            "bits",
            "Information in " + _patch(found).replace("patches", "a patch").replace("vectors", "a vector"),
            "",
        ),
    ]
    if rate is not None:
        bounds = interval_text(rate["interval"], confidence, digits)
        numbers.append((number(rate["bits_per_pixel"], digits), "bits", f"Rate: each further pixel, by {rate['model']}", bounds))
    return Headline(numbers)


def _models(found: dict) -> Table:
    chosen = found["model"].split("/")
    rows, strong = [], set()
    digits = digits_for(each["information_bits_per_pixel"] for each in found["models"].values())
    for place, (name, each) in enumerate(found["models"].items()):
        value, bounds = each["information_bits_per_pixel"], each["interval"]
        cells = (number(value, digits), interval_cell(bounds, digits), bar_cell(value, bounds), f"{each['seconds']:.2f}")
        rows.append((name + (" (chosen)" if name in chosen else ""), *cells))
        if name in chosen:
            strong.add(place)
    share = f"{100 * found['confidence']:.6g} % interval"
    columns = (
        Column("model"),
        Column(_unit(found), "number"),
        Column(share, "interval"),
        Column("", "bar"),
        Column("seconds", "number"),
    )
    note = "Each model bounds the information from above; the one used is chosen on sources that it was not fitted to."
    return Table("Information by density model", columns, rows, frozenset(strong), note)


def _ranking(ordered: Sequence[dict], names: dict, comparison: Sequence[dict], digits: int) -> Table:
    between = {frozenset((each["a"], each["b"])): each for each in comparison}
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
                _signed(more, found["path"], digits) if more else "",
                number(found["information_bits_per_measurement"], 1),
                found["model"],
            )
        )
    units = " or ".join(dict.fromkeys(_unit(each) for each in ordered))
    columns = (
        Column("file"),
        Column(units, "number"),
        Column(f"{100 * ordered[0]['confidence']:.6g} % interval", "interval"),
        Column("", "bar"),
        Column("more than the next", "number"),
        Column("bits/measurement", "number"),
        Column("model"),
    )
    return Table("Files, the most informative first", columns, rows)


def _signed(item: dict, first: str, digits: int) -> str:
    sign = 1 if item["a"] == first else -1
    bounds = item["interval"]
    if bounds is not None and None not in bounds:
        bounds = sorted(sign * bound for bound in bounds)
    text = with_span(sign * item["difference_bits_per_pixel"], bounds, digits, "+")
    return text if item["paired"] else f"{text}, unpaired"


def _by_model(ordered: Sequence[dict], names: dict, digits: int) -> Table:
    models = list(dict.fromkeys(name for found in ordered for name in found["models"]))
    rows = []
    for found in ordered:
        chosen = found["model"].split("/")
        cells = []
        for name in models:
            each = found["models"].get(name)
            text = number(each["information_bits_per_pixel"], digits) if each else ""
            cells.append(Cell(text, "" if name in chosen else "light"))
        rows.append((names[found["path"]], *cells))
    columns = (Column("file"), *(Column(name, "number") for name in models))
    unit = " or ".join(dict.fromkeys(_unit(each) for each in ordered))
    return Table(f"What each density model says, {unit}", columns, rows, note="The model that was chosen stands in full tone.")


def _differences(ordered: Sequence[dict], names: dict, comparison: Sequence[dict], digits: int) -> list[Table]:
    if len(ordered) < 3 or not 0 < len(comparison) <= _MOST_PAIRS:
        return []
    place = {found["path"]: number for number, found in enumerate(ordered)}
    pairs = [[*sorted((each["a"], each["b"]), key=place.get), each] for each in comparison]
    rows = [
        (f"{names[a]} over {names[b]}", _signed(each, a, digits), "by source" if each["paired"] else "unpaired")
        for a, b, each in sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]]))
    ]
    unit = " or ".join(dict.fromkeys(_unit(each) for each in ordered))
    columns = (Column("files"), Column(f"difference, {unit}", "number"), Column("paired"))
    return [Table("Differences between files", columns, rows)]


def _split(ordered: Sequence[dict], names: dict) -> Table:
    rows = [
        (
            names[found["path"]],
            number(found["entropy_bits_per_pixel"], 4),
            number(found["noise_entropy_bits_per_pixel"], 4),
            _rate(found["information_rate"]),
            *(str(found[key]) for key in ("n_train", "n_validation", "n_test", "n_groups", "n_folds")),
            seconds_text(found["seconds"]),
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
    unit = " or ".join(dict.fromkeys(_unit(each) for each in ordered))
    note = f"Entropies in {unit}. Train, choose and scored count measurements; sources never stand on both sides."
    return Table("Entropies, and what they were estimated from", columns, rows, note=note)


def _rate(rate: dict | None) -> str:
    return "–" if rate is None else with_span(rate["bits_per_pixel"], rate["interval"])


def _labels(ordered: Sequence[dict], names: dict) -> list[Table]:
    told = [each for each in ordered if each.get("task_information")]
    if not told:
        return []
    rows = []
    for found in told:
        task = found["task_information"]
        value, bounds = task["task_information_bits"], task["interval"]
        rows.append(
            (
                names[found["path"]],
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
        Column(f"{100 * told[0]['confidence']:.6g} % interval", "interval"),
        Column("", "bar"),
        Column("by Fano's bound", "number"),
        Column("ceiling H(T)", "number"),
        Column("named rightly", "number"),
    )
    note = "Bits per measurement; the line is the ceiling H(T) of the information about the label."
    return [Table("What measurements tell of their label", columns, rows, note=note)]

"""What is told of estimates: the section of a report on a run of `ideal estimate`, and what a notebook shows of results."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ideal.information import tables
from ideal.information.tables import pixel_name, short_names, unit_of
from ideal.reports.content import Block, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.html import fragment
from ideal.reports.provenance import notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.text import digits_for, interval_text, is_known, number, with_span

_SPOKEN = 12  # files whose numbers stand in the description of a figure
_UNITS = {"read_noise": "e-", "gain": "e-/DN", "offset": "DN"}  # of the figures of a camera


def estimate_section(run: Run) -> Section:
    """Return what was measured, by model and by file; of an unfinished run what there is so far."""
    record, files = run.record, run.record["configuration"]["files"]
    found = record["results"] if "results" in record else [each.to_dict() for each in run.estimates().values()]
    names = short_names(files)
    what = names[files[0]] if len(files) == 1 else f"{len(files)} measurement files"
    comparison = record.get("comparison") or ()
    section = Section(f"Information in {what}", run.kind, run.name, run.status)
    results: list = []
    if run.status == "unfinished":
        results.append(Note([f"{len(found)} of {len(files)} files are estimated so far."], "warning", "Not finished"))
    results += notes_of(run, warnings_of(found))
    if not found:
        return replace(
            section,
            result="nothing yet" if run.status == "unfinished" else "no estimate",
            parts=[Part("Result", results), *provenance_parts(run)],
        )
    ordered = sorted(found, key=lambda each: -each["information_bits_per_pixel"])
    first, digits = ordered[0], digits_for(each["information_bits_per_pixel"] for each in found)
    value = with_span(first["information_bits_per_pixel"], first["interval"], digits)
    result = f"{value} {unit_of(first)}" if len(found) == 1 else f"most in {names[first['path']]}: {value} {unit_of(first)}"
    results += number_blocks(ordered, comparison, names)
    results.append(tables.sources_table(ordered, names))
    parts = [Part("Result", results)]
    if run.status != "unfinished":
        alt = f"One measurement of each file beside its information, {unit_of(first)}: " + "; ".join(
            f"{names[each['path']]} {with_span(each['information_bits_per_pixel'], each['interval'], digits)}"
            for each in ordered[:_SPOKEN]
        )
        caption = "A measurement of each file and its information: the chosen model with its interval, and the other models."
        if len(ordered) > 1:
            caption += " On the right how much more each file tells than the next."
        parts.append(Part("Figures", [gallery(run, [("information.png", caption, alt + ".")])]))
    parts.append(Part("About the labels", label_blocks(ordered, names)))
    conclusion = conclusion_of(ordered, comparison, names)
    return replace(section, result=result, lead=_lead(found), conclusion=conclusion, parts=[*parts, *provenance_parts(run)])


def number_blocks(documents: Sequence[dict], comparisons: Sequence[dict], names: Mapping[str, str]) -> list[Block]:
    """Return the numbers of estimates: of one by density model, of several as a ranking.

    Args:
        documents: of the estimates, the most informative first.
        comparisons: their differences.
        names: what to call each, by its path.

    """
    if len(documents) == 1:
        (only,) = documents
        digits = digits_for([only["information_bits_per_pixel"]])
        return [_headline(only, digits), tables.models_table(only)]
    blocks: list[Block] = [tables.ranking_table(documents, comparisons, names), tables.by_model_table(documents, names)]
    if len(documents) > 2:
        differences = tables.differences_table(documents, comparisons, names)
        blocks += [differences] if differences.rows else []
    return blocks


def label_blocks(documents: Sequence[dict], names: Mapping[str, str]) -> list[Block]:
    """Return what measurements tell of their labels; nothing where nobody asked."""
    tasks = {names[each["path"]]: each["task_information"] for each in documents if each.get("task_information")}
    return [tables.labels_table(tasks, documents[0]["confidence"])] if tasks else []


def warnings_of(documents: Sequence[dict]) -> list[str]:
    """Return the warnings of estimates; of one without the path that they begin with."""
    return [
        f"{each['path']}: {bare}" if len(documents) > 1 else bare
        for each in documents
        for text in (*each["warnings"], *((each.get("task_information") or {}).get("warnings") or ()))
        for bare in [text.removeprefix(f"{each['path']}: ")]
    ]


def shown_estimates(documents: Sequence[dict], comparisons: Sequence[dict] = ()) -> str:
    """Return estimates as HTML for a notebook: numbers, intervals, models and warnings."""
    ordered = sorted(documents, key=lambda each: -each["information_bits_per_pixel"])
    names = short_names([each["path"] for each in ordered])
    notes = list(dict.fromkeys(warnings_of(ordered)))
    blocks = [*number_blocks(ordered, comparisons, names), *label_blocks(ordered, names)]
    return fragment([*blocks, *_warning_notes(notes)])


def shown_task(task: dict) -> str:
    """Return what measurements tell of their labels as HTML for a notebook."""
    bounds = interval_text(task["interval"], task["confidence"])
    ceiling = (number(task["label_entropy_bits"]), "bits", "All there is to know: H(T)", "")
    first = (number(task["task_information_bits"]), task["unit"], "About the label, at least", bounds)
    notes = [text.removeprefix(f"{task['path']}: ") for text in task["warnings"]]
    return fragment([Headline([first, ceiling]), tables.posteriors_table(task), *_warning_notes(notes)])


def _warning_notes(lines: Sequence[str]) -> list[Note]:
    return [Note(lines, "warning", "Warnings" if len(lines) > 1 else "Warning")] if lines else []


def conclusion_of(ordered: Sequence[dict], comparisons: Sequence[dict], names: Mapping[str, str]) -> str:
    """Return in a sentence what estimates say, the most informative first."""
    first, digits = ordered[0], digits_for(each["information_bits_per_pixel"] for each in ordered)
    bounds = interval_text(first["interval"], first["confidence"], digits)
    value = f"at most {number(first['information_bits_per_pixel'], digits)} {unit_of(first)}" + (f" ({bounds})" if bounds else "")
    if len(ordered) == 1:
        return f"{names[first['path']]} carries {value}, by the model {first['model']}."
    second = ordered[1]
    pair = {first["path"], second["path"]}
    more = next((each for each in comparisons if {each["a"], each["b"]} == pair), None)
    said = f"Of {len(ordered)} files {names[first['path']]} carries the most: {value}"
    if more is None:
        return f"{said}."
    sign = 1 if more["a"] == first["path"] else -1
    ends = sorted(sign * bound for bound in more["interval"]) if is_known(more["interval"]) else None
    said += f", {with_span(sign * more['difference_bits_per_pixel'], ends, digits)} more than {names[second['path']]}"
    return f"{said}; the interval of this difference holds 0, so that the order may be another." if _holds(ends) else f"{said}."


def _holds(ends: Sequence[float] | None) -> bool:
    """Tell whether an interval holds 0."""
    return ends is not None and ends[0] <= 0 <= ends[1]


def _lead(found: Sequence[dict]) -> str:
    """Return noise, patch and confidence where they are the same everywhere."""
    noises = dict.fromkeys(_noise(each) for each in found)
    patches = dict.fromkeys(_patch(each) for each in found)
    texts = [" or ".join(noises), " or ".join(patches), f"{100 * found[0]['confidence']:.6g} % intervals over sources"]
    return "; ".join(texts)


def _noise(found: dict) -> str:
    noise = dict(found["noise"])
    name, source = noise.pop("name"), noise.pop("entropy_from", None)
    figures = [
        " ".join(filter(None, (key.replace("_", " "), f"{value:g}", _UNITS.get(key))))
        for key, value in noise.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    known = {"measurements": "its entropy from the measurements alone", "clean means": "its entropy from clean means"}.get(source)
    return ", ".join([f"{name} noise", *figures, *([known] if known else [])])


def _patch(found: dict) -> str:
    if len(found["patch"]) > 1:
        return "patches of {}x{} pixels".format(*found["patch"])
    plural = {"visibility": "visibilities", "value": "values"}[pixel_name(found)]
    return f"vectors of {math.prod(found['patch'])} {plural}"


def _headline(found: dict, digits: int) -> Headline:
    confidence, rate = found["confidence"], found["information_rate"]
    value, whole = found["information_bits_per_pixel"], found["information_bits_per_measurement"]
    numbers = [
        (number(value, digits), unit_of(found), "Information", interval_text(found["interval"], confidence, digits)),
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

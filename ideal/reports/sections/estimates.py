"""The section of a report on a run of `ideal estimate`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ideal.information import tables
from ideal.information.tables import short_names, unit_of
from ideal.reports.content import Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import notes_of, provenance_parts
from ideal.reports.shown import label_blocks, number_blocks, patch_text, warnings_of
from ideal.runs.kept_estimates import estimates_of
from ideal.runs.read import Run
from ideal.text import digits_for, interval_text, is_known, number, with_span

_SPOKEN = 12  # files whose numbers stand in the description of a figure
_UNITS = {"read_noise": "e-", "gain": "e-/DN", "offset": "DN"}  # of the figures of a camera


def estimate_section(run: Run) -> Section:
    """Return what was measured, by model and by file; of an unfinished run what there is so far."""
    record, files = run.record, run.record["configuration"]["files"]
    found = record["results"] if "results" in record else [each.to_dict() for each in estimates_of(run).values()]
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
    patches = dict.fromkeys(patch_text(each) for each in found)
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

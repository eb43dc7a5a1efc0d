"""What is shown of estimates wherever HTML is: the numbers of a report's section, and what a notebook shows of results."""

import math
from collections.abc import Mapping, Sequence

from ideal.information import tables
from ideal.information.tables import pixel_name, short_names, unit_of
from ideal.reports.content import Block, Headline, Note
from ideal.reports.html import fragment
from ideal.text import digits_for, interval_text, number


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


def patch_text(found: dict) -> str:
    """Return the size of the patches, or the length of the vectors, of an estimate in words."""
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
            "Information in " + patch_text(found).replace("patches", "a patch").replace("vectors", "a vector"),
            "",
        ),
    ]
    if rate is not None:
        bounds = interval_text(rate["interval"], confidence, digits)
        numbers.append((number(rate["bits_per_pixel"], digits), "bits", f"Rate: each further pixel, by {rate['model']}", bounds))
    return Headline(numbers)

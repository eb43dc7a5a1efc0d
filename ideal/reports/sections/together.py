"""What a report says of several runs together: estimates of the same objects across runs, and the targets of studies."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ideal.errors import DataError
from ideal.information.tables import ranking_table, short_names
from ideal.reports.content import Note, Part, Section
from ideal.reports.sections.studies import statistics_table
from ideal.runs.kept_estimates import estimates_of
from ideal.runs.read import DESIGN, ESTIMATE, REPRODUCTION, Run
from ideal.tables import Table

if TYPE_CHECKING:
    from ideal.information.results import Estimate


def compared(runs: Sequence[Run], sections: Sequence[Section]) -> Section | None:
    """Return what can be said of several runs together; None where there is nothing.

    Args:
        runs: of the report.
        sections: of the runs, in the same order.

    """
    groups, left_out = _comparable(runs)
    blocks: list = [_ranking(group) for group in groups]
    if left_out:
        lines = [f"No comparison with other runs: {error}" for error in left_out]
        blocks.append(Note(lines, "warning", "Not compared"))
    studies = [section for section in sections if section.statistics]
    statistics = [each for section in studies for each in section.statistics if each["target"] is not None]
    if len(studies) > 1 and statistics:
        shares = {
            100 * run.record["plan"]["confidence"]
            for run, section in zip(runs, sections, strict=True)
            if run.kind == REPRODUCTION and section.statistics
        }
        share = " or ".join(f"{each:.6g}" for each in sorted(shares)) + " % interval"
        blocks.append(statistics_table(statistics, "Targets of all studies", share, study=True))
    return Section("Together", parts=[Part("", blocks)]) if blocks else None


def _comparable(runs: Sequence[Run]) -> tuple[list[list[tuple[str, "Estimate"]]], list[str]]:
    """Return groups of (name, estimate) from two or more runs that saw the same objects, and why a run takes no part.

    Of a design run the design takes part: its start and the named ones stand beside it in its own section.
    """
    runs = [run for run in runs if run.kind == ESTIMATE or (run.kind == DESIGN and run.status != "unfinished")]
    groups: dict[tuple, list[tuple[Run, Estimate]]] = {}
    left_out = []
    for run in runs if len(runs) > 1 else ():
        try:
            estimates = estimates_of(run)
        except DataError as error:  # the numbers of its own section are in run.json
            left_out.append(str(error))
            continue
        for place, found in estimates.items():
            if run.kind == DESIGN and place:
                continue
            same = (found.objects_key, found.best.values.groups.tobytes(), found.pixels, found.confidence, _objects(run))
            group = groups.setdefault(same, [])
            if not any(_alike(found, other) for _, other in group):
                group.append((run, found))
    several = [group for group in groups.values() if len({run.name for run, _ in group}) > 1]
    return [_named(group) for group in several], left_out


def _alike(one: "Estimate", other: "Estimate") -> bool:
    """Tell whether two estimates are of the same measurements by the same model, as where a file takes part in two runs."""
    return one.model == other.model and one.best.values.sums.tobytes() == other.best.values.sums.tobytes()


def _objects(run: Run) -> str:
    """Return what has to be the same for two designs to be measured with the same objects; nothing of files."""
    table = run.record["configuration"]
    if run.kind != DESIGN:
        return ""
    objects = sorted((table.get("objects") or {}).items())
    return repr((objects, table.get("n_objects"), run.record.get("photons"), table["optimize"].get("seed")))


def _named(group: Sequence[tuple[Run, "Estimate"]]) -> list[tuple[str, "Estimate"]]:
    files = short_names(list(dict.fromkeys(found.path for run, found in group if run.kind == ESTIMATE)))
    found_names = [files.get(found.path) for _, found in group]
    return [
        (
            f"{run.record['system']}, {run.name}"
            if name is None
            else name
            if found_names.count(name) == 1
            else f"{name}, {run.name}",
            found,
        )
        for (run, found), name in zip(group, found_names, strict=True)
    ]


def _ranking(group: Sequence[tuple[str, "Estimate"]]) -> Table:
    from ideal.information.estimation import compare

    ordered = sorted(group, key=lambda pair: -pair[1].information_bits_per_pixel)
    named = [replace(found, path=str(place)) for place, (_, found) in enumerate(ordered)]
    comparisons = [compare(one, following).to_dict() for one, following in pairwise(named)]
    names = {each.path: name for each, (name, _) in zip(named, ordered, strict=True)}
    caption = "Estimates of the same objects, across runs"
    table = ranking_table([each.to_dict() for each in named], comparisons, names, caption=caption, first="measured")
    first = ordered[0][1]
    note = (
        f"As many measurements of the same {first.n_groups} sources, estimated alike: they are taken to show the same "
        "objects, and differences are paired by source, so that they are known better than either number."
    )
    return replace(table, note=note)

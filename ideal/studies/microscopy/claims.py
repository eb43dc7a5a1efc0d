"""What the study of microscopes says beside what was published, and what its reader has to know."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ideal.information.intervals import paired_difference, unpaired_difference
from ideal.studies.engine.contract import Claim, Plan, Statistic
from ideal.studies.engine.world import grouped

# Bits per pixel at 450 photons of Pinkard et al., white blood cells.
PUBLISHED = {"brightfield": 0.042, "dpc-left": 0.250, "single-led": 0.394}
_PARTS = 5  # of the cells, one of which is scored
_NOT_COMPARABLE = (
    "the figures are of other cells, optics and power (here generated cells, an objective of NA 0.3, 24x24 pixels): orders can "
    "be compared"
)
Cells = Mapping[tuple[str, float], dict]


def claims(
    plan: Plan, cells: Cells, in_focus: Mapping[str, dict], lights: Sequence[float], names: Mapping[str, str]
) -> list[Claim]:
    """Return the published statements beside ours.

    Args:
        plan: of the study.
        cells: results of the jobs by what they are of, by illumination and photons.
        in_focus: estimates of some illuminations without defocus, in the most light; empty where there are none.
        lights: photons of an empty bright field.
        names: of the illuminations, for people.

    """
    most, rng = max(lights), np.random.default_rng([plan.seed, 43])
    found = [_order(plan, cells, most, names, rng), _task(plan, cells, most, names, rng), _within(cells, lights, names)]
    return found + ([_defocus(plan, cells, in_focus, most, names, rng)] if in_focus else [])


def _order(plan, cells, photons, names, rng) -> Claim:
    """Return the order of total information, each step with its paired difference."""
    texts, decided = [], []
    for more, less in itertools.pairwise(reversed(PUBLISHED)):
        difference, bounds = _paired(plan, cells, photons, more, less, ("information", "estimate"), rng)
        decided.append(_sign(bounds))
        texts.append(f"{names[more]} less {names[less]} {_span(difference, bounds)}")
    values = (f"{names[name]} {cells[name, photons]['information']['estimate']['information']:.3f}" for name in PUBLISHED)
    return Claim(
        f"all information at {photons:g} photons: a single LED above phase contrast above bright field",
        f"{', '.join(f'{names[name]} {value:.3f}' for name, value in PUBLISHED.items())} bits/pixel at 450 photons",
        f"{', '.join(values)} bits/pixel; {'; '.join(texts)}",
        _all(decided),
        _NOT_COMPARABLE,
    )


def _task(plan, cells, photons, names, rng) -> Claim:
    """Return whether phase contrast has the best task score of the three although a single LED carries more information."""
    texts, decided, explained = [], [], []
    for other in ("single-led", "brightfield"):
        difference, bounds = _paired(plan, cells, photons, "dpc-left", other, ("decoders", "accuracy"), rng)
        decided.append(_sign(bounds))
        texts.append(f"accuracy of phase contrast less that of {names[other]} {_span(difference, bounds)}")
    total, total_bounds = _paired(plan, cells, photons, "dpc-left", "single-led", ("information", "estimate"), rng)
    decided.append(_sign(tuple(-bound for bound in reversed(total_bounds))))
    task, task_bounds = _paired(plan, cells, photons, "dpc-left", "single-led", ("task information",), rng)
    volume, volume_bounds = _paired(
        plan, cells, photons, "dpc-left", "single-led", ("decoders", "volume_log_likelihood_gain"), rng
    )
    found = {True: "carries more information than", False: "carries less information than", None: "cannot be told apart from"}
    explained.append(f"by all information a single LED here {found[decided[-1]]} phase contrast")
    explained.append(
        f"phase contrast less {names['single-led']}: all information {_span(total, total_bounds)} bits/pixel, information about "
        f"the class {_span(task, task_bounds)} bits, log-likelihood of the volume {_span(volume, volume_bounds)} nats"
    )
    if _sign(task_bounds) is not None and _sign(task_bounds) == decided[0]:
        explained.append("information about the class tells which of these two classifies better")
    return Claim(
        f"phase contrast has the best task score at {photons:g} photons though a single LED carries more information",
        "best task score: phase contrast; most information: single LED (450 photons)",
        "; ".join(texts),
        _all(decided),
        ". ".join(explained),
    )


def _within(cells, lights, names) -> Claim:
    """Return in how many illuminations all that was measured rises with light."""
    rising: dict[str, list[bool]] = {kind: [] for kind in ("all information", "information about the class", "accuracy")}
    for name in names:
        each = [cells[name, photons] for photons in lights]
        for kind, values in zip(
            rising,
            (
                [cell["information"]["estimate"]["information"] for cell in each],
                [cell["task information"]["information"] for cell in each],
                [cell["decoders"]["accuracy"]["mean"] for cell in each],
            ),
            strict=True,
        ):
            rising[kind].append(bool((np.diff(values) > 0).all()))
    text = "; ".join(f"{kind} rises with light in {sum(risen)} of {len(risen)} illuminations" for kind, risen in rising.items())
    falls = [
        f"{kind} of {called} does not"
        for kind, risen in rising.items()
        for called, rises in zip(names.values(), risen, strict=True)
        if not rises
    ]
    agrees = [total and right for total, right in zip(rising["all information"], rising["accuracy"], strict=True)]
    return Claim(
        "information ranks measurements of one modality (here: one illumination in more or less light)",
        "task scores rise with information within a modality",
        text,
        all(agrees),
        "; ".join(falls),
    )


def _defocus(plan, cells, in_focus, photons, names, rng) -> Claim:
    """Return what a single LED and phase contrast tell in focus, where a phase object under coherent light hardly shows."""
    texts = []
    for name, estimate in in_focus.items():
        away = cells[name, photons]["information"]["estimate"]
        texts.append(f"{names[name]} {estimate['information']:.3f} in focus, {away['information']:.3f} out of it")
    single, contrast = (grouped(in_focus[name]) for name in ("single-led", "dpc-left"))
    difference, bounds = paired_difference(single, contrast, plan.confidence, rng)
    _, away_bounds = _paired(plan, cells, photons, "single-led", "dpc-left", ("information", "estimate"), rng)
    gain, gain_bounds = unpaired_difference(
        grouped(cells["single-led", photons]["information"]["estimate"]), single, plan.confidence, rng
    )
    return Claim(
        "a phase object on the axis of coherent light shows by defocus: in focus a single LED tells less",
        "",
        f"{'; '.join(texts)} bits/pixel at {photons:g} photons; in focus, single LED less phase contrast "
        f"{_span(difference, bounds)}; single LED, out of focus less in focus {_span(gain, gain_bounds)}",
        _sign(gain_bounds),
        _order_of_focus(_sign(bounds), _sign(away_bounds)),
    )


def _order_of_focus(inside: bool | None, outside: bool | None) -> str:
    """Tell whether defocus decides which of the two carries more, from the signs of single LED less phase contrast."""
    if None in (inside, outside):
        return "whether defocus decides which of the two carries more is left open by the intervals"
    if inside == outside:
        return "which of the two carries more does not depend on the focus here"
    return "which of the two carries more depends on the focus, not on the illumination alone"


def notes(
    rows: Sequence[Mapping],
    cells: Cells,
    real: Mapping | None,
    designs: Mapping[float, Mapping],
    defocus: float,
    statistic: Statistic,
) -> list[str]:
    """Return what the reader has to know before believing the figures.

    Args:
        rows: of the table.
        cells: results of the jobs by what they are of, by illumination and photons.
        real: what there is of labelled real cells on this machine, or None.
        designs: results of the jobs that designed an illumination, by photons.
        defocus: um.
        statistic: that with the target.

    """
    first = next(iter(cells.values()))
    dark = [row for row in rows if row["system"] == "darkfield"]
    light = ", ".join(f"{row['mean_counts']:.2f} at {row['photons']:g}" for row in dark)
    found = [
        "every illumination sends the same power through the object; photons are those of a camera pixel in an empty field with "
        f"all of it inside the objective's NA, so that dark field gets only what cells scatter: {light} counts in a pixel",
        f"cells are generated: three classes that differ in nucleus and grains, {defocus:g} um out of focus; phase contrast is "
        "one image with half of the objective's NA lit, not a difference of two",
        f"classifier and regressor were trained on {first['decoders']['n_train']} cells and scored once on "
        f"{first['decoders']['n_test']} others; the network inside the bound on task information is another one, trained on "
        "another division of the same images",
        _bounds_of_both(cells),
    ]
    gains = ", ".join(f"from {each['gain_of_start']:.2g} to {each['gain']:.2g} at {at:g} photons" for at, each in designs.items())
    unit = next(iter(designs.values()))["unit"]
    found.append(
        f"IDEAL's illuminations were made for the class of cells that nothing else sees; their objective rose {gains} ({unit})"
    )
    found.append(_of_real_cells(real))
    if statistic.met is False:
        found.append(_misplaced(rows, statistic))
    return found


def _bounds_of_both(cells: Cells) -> str:
    """Tell how the two bounds on task information compare: the reported one, and that of the decoder's own probabilities."""
    gaps = []
    for cell in cells.values():
        task = cell["task information"]
        decoder = task["label_entropy"] + cell["decoders"]["label_log_likelihood"]["mean"] / np.log(2)
        gaps.append(decoder - task["information"])
    above = sum(gap > 0 for gap in gaps)
    return (
        "task information is a lower bound; the classifier's own log-likelihood gives another, which is higher in "
        f"{above} of {len(gaps)} cases, by {np.median(gaps):+.3f} bits in the median ({min(gaps):+.3f} to {max(gaps):+.3f})"
    )


def _of_real_cells(real: Mapping | None) -> str:
    if real is None:
        return "real labelled cells (blood-cells) are not on this machine; none were measured"
    rarest = min(real["classes"], key=real["classes"].get)
    text = (
        f"real labelled cells (blood-cells) were not measured: {real['count']} crops of {real['sources']} pictures, {rarest} "
        f"{real['classes'][rarest]} times, which leaves about {real['classes'][rarest] / _PARTS:.0f} of them to score"
    )
    stained = "; they are stained and known without phase, which is what all but bright field are made to show"
    return text + (stained if real["largest_phase"] == 0 else "")


def _misplaced(rows: Sequence[Mapping], statistic: Statistic) -> str:
    """Tell which pairs of points the task information puts in the wrong order beyond their intervals."""
    wrong = []
    for a, b in itertools.combinations(rows, 2):
        low, high = sorted((a, b), key=lambda row: row["accuracy"])
        apart = low["accuracy_high"] < high["accuracy_low"]
        if apart and low["task_information_bits_low"] > high["task_information_bits_high"]:
            wrong.append(f"{high['system']} at {high['photons']:g} above {low['system']} at {low['photons']:g} photons")
    pairs = len(rows) * (len(rows) - 1) // 2
    text = f": {'; '.join(wrong)}" if wrong else ", so that the misses lie within what so few test cells leave open"
    return (
        f"the target of {statistic.target:g} was missed at {statistic.value:.2f}: of {pairs} pairs {len(wrong)} have accuracy "
        f"and task information in opposite orders beyond their intervals{text}"
    )


def _paired(plan, cells: Cells, photons, first, second, path, rng):
    """Return the difference of two illuminations in one light, paired by source, and its interval."""
    values = []
    for name in (first, second):
        kept = cells[name, photons]
        for step in path:
            kept = kept[step]
        values.append(grouped(kept))
    one, other = values
    return paired_difference(one, other, plan.confidence, rng)


def _sign(bounds) -> bool | None:
    return True if bounds[0] > 0 else False if bounds[1] < 0 else None


def _all(decided: Sequence[bool | None]) -> bool | None:
    return False if False in decided else None if None in decided else True


def _span(value: float, bounds) -> str:
    return f"{value:+.3f} ({bounds[0]:.3f} to {bounds[1]:.3f})"

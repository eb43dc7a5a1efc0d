"""What an interval over sources is worth: a finding where it cannot cover as often as it says."""

from ideal.health.finding import Finding
from ideal.intervals import GroupedValues, weakness

FEW_SOURCES = 10  # with fewer scored, a remark is due whatever they are like
_FEW_EFFECTIVE = 5.0
_FEW_DEGREES = 4.0
# How often 95 % intervals cover by their degrees of freedom, (at least, share), over all cases of benchmarks/hard_intervals.py.
_COVERED = ((0.0, 0.0),)


def interval_findings(values: GroupedValues, many: bool = False) -> list[Finding]:
    """Return what makes the interval of an average over sources rough; nothing for ordinary sources.

    Args:
        values: what is averaged, by source.
        many: whether several intervals rest on the same sources.

    """
    found = weakness(values)
    subject = "the intervals are" if many else "the interval is"
    covered = next(share for least, share in reversed(_COVERED) if found.degrees >= least)
    figures = vars(found) | {"coverage_of_95_percent": covered}
    effect = f"where the scatter of sources was as uncertain, 95 % intervals held the truth in {100 * covered:.0f} %"
    if found.groups < FEW_SOURCES:
        text = f"only {found.groups} sources were scored: {subject} rough"
        return [Finding("few-sources", "note", text, effect, "measure more objects", figures)]
    if found.degrees >= _FEW_DEGREES and found.effective >= _FEW_EFFECTIVE:
        return []
    unequal = found.effective < found.groups / 2
    sizes = f"the largest holds {100 * found.largest:.0f} % of the patches, " if unequal else ""
    text = (
        f"{subject} rough: a few of the {found.groups} scored sources decide, which are worth {1 + found.degrees:.0f} equal and "
        f"normal ones ({sizes}kurtosis {found.kurtosis:.1f}, 3 for normal ones)"
    )
    remedy = "measure more objects" + ", as many patches of each" * unequal
    return [Finding("interval-rough", "note", text, effect, remedy, figures)]

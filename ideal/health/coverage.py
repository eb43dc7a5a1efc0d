"""What an interval over sources is worth: a finding where it cannot cover as often as it says."""

from ideal.health.finding import Finding
from ideal.information.intervals import GroupedValues, weakness

FEW_SOURCES = 10  # with fewer scored, a remark is due whatever they are like
_FEW_EFFECTIVE = 5.0
_FEW_DEGREES = 3.0
# Shares of 95 % intervals that held the truth, least and largest over the numbers of sources (benchmarks/hard_intervals.py):
# normal and log-normal values (standard deviation 1 of the logarithm) of 3 to 9 sources, log-normal ones (1 to 2) of 15.
_FEW_NORMAL, _FEW_SKEWED, _ROUGH = (0.94, 0.98), (0.86, 0.93), (0.86, 0.94)


def interval_findings(values: GroupedValues, many: bool = False) -> list[Finding]:
    """Return what makes the interval of an average over sources rough; nothing for ordinary sources.

    Args:
        values: what is averaged, by source.
        many: whether several intervals rest on the same sources.

    """
    found = weakness(values)
    subject = "the intervals are" if many else "the interval is"
    if found.groups < FEW_SOURCES:
        text = f"only {found.groups} sources were scored: {subject} rough"
        covered = f"{_percent(_FEW_NORMAL)}, or {_percent(_FEW_SKEWED)} if their values are very skewed"
        effect = f"95 % intervals over 3 to 9 held the truth in {covered}"
        figures = vars(found) | {"coverage_normal": list(_FEW_NORMAL), "coverage_skewed": list(_FEW_SKEWED)}
        return [Finding("few-sources", "note", text, effect, "measure more objects", figures)]
    if found.degrees >= _FEW_DEGREES and found.effective >= _FEW_EFFECTIVE:
        return []
    unequal = found.effective < found.groups / 2
    sizes = f"the largest holds {100 * found.largest:.0f} % of the patches, " if unequal else ""
    text = (
        f"{subject} rough: a few of the {found.groups} scored sources decide, which are worth {1 + found.degrees:.0f} equal and "
        f"normal ones ({sizes}kurtosis {found.kurtosis:.1f}, 3 for normal ones)"
    )
    effect = (
        f"it is wide for that, and yet 95 % intervals over 15 sources of heavy tails held the truth in {_percent(_ROUGH)} only"
    )
    figures = vars(found) | {"coverage_skewed": list(_ROUGH)}
    remedy = "measure more objects" + ", as many patches of each" * unequal
    return [Finding("interval-rough", "note", text, effect, remedy, figures)]


def _percent(shares: tuple[float, float]) -> str:
    return f"{100 * shares[0]:.0f} to {100 * shares[1]:.0f} %"

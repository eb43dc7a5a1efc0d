"""Findings that another one explains: the cause is told, not what follows from it."""

from ideal.health.finding import Finding

# Names that say nothing more where the cause, the key, stands there.
_FOLLOWS: dict[str, tuple[str, ...]] = {
    "wrapped": ("clipped", "missing-codes", "noise-too-small", "negative-counts", "units-offset", "gamma-encoded"),
    "partial-frames": ("banding",),
}


def unexplained(findings: list[Finding]) -> list[Finding]:
    """Return the findings that no other one explains, in their order."""
    names = {each.name for each in findings}
    gone = {name for cause in names & _FOLLOWS.keys() for name in _FOLLOWS[cause]}
    findings = [each for each in findings if not _is_by_chance(each, findings)]
    scaled = {value for each in findings if each.name == "scaled-frames" for value in each.figures.values()}
    return [each for each in findings if each.name not in gone and not (each.name == "clipped" and _is_of(scaled, each))]


def _is_of(scaled: set[float], clipped: Finding) -> bool:
    """Tell whether values are cut off nowhere but at the extremes that frames were scaled to."""
    walls = {clipped.figures.get(name) for name in ("floor", "ceiling")} - {None}
    return bool(walls) and walls <= scaled


def _is_by_chance(lines: Finding, findings: list[Finding]) -> bool:
    """Tell whether rows or columns differ no more than a pattern from pixel to pixel makes them."""
    if lines.name != "fixed-pattern" or "axis" not in lines.figures:
        return False
    patterns = [each.figures for each in findings if each.name == "fixed-pattern" and "axis" not in each.figures]
    return any(each["bits_per_pixel"] > lines.figures["bits_per_pixel"] for each in patterns)

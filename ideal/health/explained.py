"""Findings that another one explains: the cause is told, not what follows from it."""

from ideal.health.finding import Finding

# Names that say nothing more where the cause, the key, stands there.
_FOLLOWS: dict[str, tuple[str, ...]] = {
    "wrapped": ("clipped", "missing-codes", "noise-too-small", "negative-counts", "units-offset", "gamma-encoded"),
    "partial-frames": ("banding",),
    "gain-inverted": ("noise-too-small", "noise-too-large", "calibration-differs"),
    "calibration-differs": ("noise-too-small", "noise-too-large"),
    "overlapping-crops": ("missing-codes",),
    "dead-pixels": ("noise-too-large",),
    "dark-areas": ("noise-too-large",),
    "lost-values": ("noise-too-large", "noisy-pixels"),
    "hot-pixels": ("noise-too-large",),
    "isolated-values": ("noise-too-large", "noisy-pixels"),
    "noisy-pixels": ("noise-too-large",),
    "fixed-pattern": ("noise-too-large",),
    "clipped": ("noise-too-large", "noisy-pixels"),
}

_MANY_DEAD, _MUCH_CLIPPED = 0.01, 0.01  # share of the pixels, of the values


def unexplained(findings: list[Finding]) -> list[Finding]:
    """Return the findings that no other one explains, in their order."""
    names = {each.name for each in findings}
    gone = {name for cause in names & _FOLLOWS.keys() for name in _FOLLOWS[cause]}
    findings = [each for each in findings if not _is_by_chance(each, findings)]
    findings = [each for each in findings if not _is_of_dead_pixels(each, findings) and not _is_of_clipping(each, findings)]
    findings = [each for each in findings if not _is_of_lost_values(each, findings)]
    scaled = {value for each in findings if each.name == "scaled-frames" for value in each.figures.values()}
    return [each for each in findings if each.name not in gone and not (each.name == "clipped" and _is_of(scaled, each))]


def _is_of(scaled: set[float], clipped: Finding) -> bool:
    """Tell whether values are cut off nowhere but at extremes that frames were scaled to."""
    walls = {clipped.figures.get(name) for name in ("floor", "ceiling")} - {None}
    return bool(walls) and walls <= scaled


def _is_by_chance(lines: Finding, findings: list[Finding]) -> bool:
    """Tell whether rows or columns differ no more than a pattern from pixel to pixel makes them."""
    if lines.name != "fixed-pattern" or "axis" not in lines.figures:
        return False
    patterns = [each.figures for each in findings if each.name == "fixed-pattern" and "axis" not in each.figures]
    return any(each["bits_per_pixel"] > lines.figures["bits_per_pixel"] for each in patterns)


def _is_of_dead_pixels(found: Finding, findings: list[Finding]) -> bool:
    """Tell whether rows or columns differ, or the units look wrong, by pixels that never change."""
    dead = next((each.figures for each in findings if each.name == "dead-pixels"), None)
    if dead is None:
        return False
    if found.name == "units-offset":
        return dead["pixels"] > _MANY_DEAD * dead["of"]
    return found.name in ("fixed-pattern", "banding") and bool(dead.get(found.figures.get("axis", "")))


def _is_of_lost_values(found: Finding, findings: list[Finding]) -> bool:
    """Tell whether single values that stand out, or lie below the dark, are zeros that are told as lost."""
    lost = next((each.figures for each in findings if each.name == "lost-values"), None)
    if lost is None:
        return False
    if found.name == "isolated-values":
        return found.figures.get("value_below") == 0 and "value_above" not in found.figures
    return found.name == "impossible-values" and 0 < found.figures.get("values", 0) < 2 * (lost["single"] + lost["in_blocks"])


def _is_of_clipping(found: Finding, findings: list[Finding]) -> bool:
    """Tell whether the variance is too small by values that are cut off."""
    clipped = next((each.figures for each in findings if each.name == "clipped"), None)
    if clipped is None or found.name != "variance-too-small":
        return False
    return clipped.get("share_at_floor", 0.0) + clipped.get("share_at_ceiling", 0.0) > _MUCH_CLIPPED

"""What an estimate has to reach, and an earlier one that it has to agree with: for checks that run by themselves."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from ideal._documents import loads
from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError
from ideal.information.results import Estimate


def shortfalls(estimates: Iterable[Estimate], at_least: float) -> list[str]:
    """Return a line for each estimate whose information is below a limit.

    Args:
        estimates: of measurements.
        at_least: bits per pixel (or visibility, or value), as the estimates are.

    Raises:
        UsageError: the limit is not finite.

    """
    if not math.isfinite(at_least):
        raise UsageError(f"`at_least` takes bits per pixel, a finite number; found {at_least}")
    found = ((each, each.information) for each in estimates)
    return [
        f"{each.path}: {value.value:.4f} {value.unit}, below {at_least:g}" for each, value in found if not value.value >= at_least
    ]


def departures(estimates: Iterable[Estimate], baseline: Mapping[str, float], within: float) -> list[str]:
    """Return a line for each estimate that is farther from an earlier one of the same name than allowed, or has none.

    Args:
        estimates: of measurements.
        baseline: bits per pixel by the name of the file, as of `read_baseline`.
        within: largest difference allowed, in bits per pixel.

    Raises:
        UsageError: the difference allowed is not finite, or negative.

    """
    if not (math.isfinite(within) and within >= 0):
        raise UsageError(f"`within` takes bits per pixel, a finite number from 0 on; found {within}")
    lines = []
    for each in estimates:
        value, before = each.information, baseline.get(each.path, baseline.get(Path(each.path).name))
        if before is None:
            lines.append(f"{each.path}: the baseline has no file of this name (there are: {', '.join(baseline)})")
        elif not abs(value.value - before) <= within:
            lines.append(f"{each.path}: {value.value:.4f} {value.unit}, the baseline has {before:.4f}, more than {within:g} away")
    return lines


def read_baseline(path: str | Path) -> dict[str, float]:
    """Return bits per pixel by the name of the file, out of the JSON that `ideal estimate --json` has printed.

    Args:
        path: of the JSON; the names of files that are told apart by their last part are known by that too.

    Raises:
        DataError: the file is not there, or is no such JSON.

    """
    try:
        results = loads(read_text(path, "the JSON of ideal estimate --json"))["results"]
        found = {str(each["path"]): float(each["information_bits_per_pixel"]) for each in results}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not what ideal estimate --json prints ({type(error).__name__}: {error})") from error
    if not found or not all(map(math.isfinite, found.values())):
        raise DataError(f"{path} holds no estimate: make it by ideal estimate FILE --json > {path}")
    bare = [Path(name).name for name in found]
    return {**{name: value for name, value in zip(bare, found.values(), strict=True) if bare.count(name) == 1}, **found}

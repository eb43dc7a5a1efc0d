"""Costs of members in words: NAME=X, or a file of such lines."""

import math
import os
from collections.abc import Iterable, Iterator

from ideal._regular_files import read_text
from ideal.errors import UsageError


def read_costs(texts: Iterable[str]) -> dict[str, float]:
    """Return the costs in texts such as "ALMA=12.5", or of files that hold one such text, or NAME,X, a line.

    Raises:
        UsageError: a text or a line is none, or a name has two costs.

    """
    found: dict[str, float] = {}
    for where, line in _lines(texts):
        name, mark, number = line.rpartition("=" if "=" in line else ",")
        try:
            cost = float(number)
        except ValueError:
            cost = math.nan
        name = name.strip()
        if not mark or not name or not math.isfinite(cost):
            raise UsageError(f"{where} takes NAME=X, as ALMA=12.5, or a file of such lines; found {line!r}")
        if name in found:
            raise UsageError(f"{where}: {name} is given a cost twice: give it once")
        found[name] = cost
    return found


def _lines(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        if "=" in text or not os.path.exists(text):
            yield "`cost`", text
            continue
        for line in read_text(text, "a list of costs").splitlines():
            if line.strip() and not line.startswith("#"):
                yield f"`cost={text}`", line.strip()

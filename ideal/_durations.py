"""Times as people write them."""

import re
import reprlib

from ideal.errors import UsageError

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration(option: str, text: str) -> float:
    """Return the seconds in "90", "90s", "10m" or "2h"."""
    found = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smh]?)\s*", text.lower())
    if not found or not float(found[1]) > 0:
        raise UsageError(f"{option} takes a time in seconds, minutes or hours (90, 90s, 10m, 2h); found {reprlib.repr(text)}")
    return float(found[1]) * _SECONDS[found[2]]

"""Texts fit to be shown: numbers in words, and texts of files and servers without what a terminal obeys."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeGuard

_MOST = 10_000  # characters of one text
_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}  # control characters, marks of direction, separators of lines
_JOINERS = "\u200c\u200d"  # which scripts and emoji need


def plain_text(text: str) -> str:
    """Return a text without control characters: blanks for those that part words, nothing for others.

    Bytes of file names that are no text are shown as \\udcXX. A text of more than 10,000 characters is cut.
    """
    if len(text) > _MOST:
        text = text[:_MOST] + "…"
    if text.isascii() and text.isprintable():
        return text
    kept = []
    for letter in text:
        kind = unicodedata.category(letter)
        if letter in "\t\n\r\v\f" or kind in ("Zl", "Zp"):
            kept.append(" ")
        elif kind == "Cs":  # half of a pair: what Python makes of a byte that is no UTF-8
            kept.append(f"\\u{ord(letter):04x}")
        elif kind not in _UNSEEN or letter in _JOINERS:
            kept.append(letter)
    return "".join(kept)


def percent(share: float) -> str:
    """Return a share in percent, of two digits: "0.53 %", "12 %", "100 %".

    Args:
        share: 1 is all.

    """
    value = 100 * share
    return f"{value:.2g} %" if abs(value) < 99.5 else f"{value:.0f} %"


def exact_percent(share: float) -> str:
    """Return a share that somebody chose in percent, with all its digits: "95 %", "99.73 %"."""
    return f"{100 * share:.6g} %"


def number(value: float | None, digits: int = 3, sign: str = "") -> str:
    """Return a number with so many digits after the point; a dash for none. With `sign` "+" positive ones have theirs."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:{sign}.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-+")


def digits_for(values: Iterable[float | None]) -> int:
    """Return after how many digits numbers that stand together are cut: three, more of small ones, fewer of large ones."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    if largest >= 100:
        return 1
    return 3 if largest >= 0.1 or not largest else min(8, 2 - math.floor(math.log10(largest)))


def span(bounds: Sequence[float | None] | None, digits: int = 3, scale: float = 1.0) -> str:
    """Return an interval as "0.312 to 0.678"; a dash where there is none."""
    if not is_known(bounds):
        return "–"
    return " to ".join(number(bound * scale, digits) for bound in bounds)


def with_span(value: float | None, bounds: Sequence[float | None] | None, digits: int = 3, sign: str = "") -> str:
    """Return a number with its interval in parentheses, where it has one."""
    return number(value, digits, sign) + (f" ({span(bounds, digits)})" if is_known(bounds) else "")


def interval_text(bounds: Sequence[float | None] | None, confidence: float, digits: int = 3, scale: float = 1.0) -> str:
    """Return an interval with its confidence, for a headline."""
    return f"{100 * confidence:.6g} % interval {span(bounds, digits, scale)}" if is_known(bounds) else ""


def is_known(bounds: Sequence[float | None] | None) -> TypeGuard[Sequence[float]]:
    """Tell whether an interval has both its ends."""
    return bounds is not None and all(bound is not None and math.isfinite(bound) for bound in bounds)


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Return names and what there is to say of each as lines in two columns.

    Example:
        >>> print(aligned([("file", "a.h5"), ("labels", "no")]))
        file    a.h5
        labels  no

    """
    rows = [(plain_text(name), plain_text(text)) for name, text in rows]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {text}".rstrip() for name, text in rows)


def duration(seconds: float) -> str:
    """Return a time for people: "3.2 s", "12 min", "1.5 h"."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"

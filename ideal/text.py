"""Texts fit to be shown: numbers in words, and texts of files and servers without what a terminal obeys."""

import unicodedata

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

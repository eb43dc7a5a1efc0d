"""What values a setting may have: the range that physics and its unit give, and the unit that was meant where it is left.

A dataclass declares it in the metadata of its fields, under "within", and `check_ranges` reads it there for all of them alike.
"""

import dataclasses
import itertools
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ideal.errors import UsageError

# Units of one kind, each in terms of the first of all: what a number in a wrong unit is turned into the right one by.
_LENGTHS = {"nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}
_FREQUENCIES = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9, "THz": 1e12}
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0}
_FLUXES = {"uJy": 1e-6, "mJy": 1e-3, "Jy": 1.0, "kJy": 1e3}
_DEGREE = 3600.0
_ANGLES = {
    "uas": 1e-6,
    "mas": 1e-3,
    "arcsec": 1.0,
    "arcmin": 60.0,
    "deg": _DEGREE,
    "degrees": _DEGREE,
    "rad": math.degrees(_DEGREE),
    "hours": 15 * _DEGREE,
}
_SHARES = {"share": 1.0, "%": 1e-2}
_KINDS = (_LENGTHS, _FREQUENCIES, _TIMES, _FLUXES, _ANGLES, _SHARES)


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have.

    Attributes:
        low: the least.
        high: the greatest.
        above: whether `low` itself is left out.
        below: whether `high` itself is left out.
        whole: whether they are whole.
        zero: what 0 means where it lies outside, such as "infinity"; empty where it has no meaning there.
        unit: where it differs from the setting's, or is to be known for a hint: "share" (1 is all), "hours" (of right ascension).
        why: what sets the bounds, for the message.

    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False
    zero: str = ""
    unit: str | None = None
    why: str = ""

    def holds(self, value: float) -> bool:
        """Return whether a number is one of them."""
        if not math.isfinite(value) or (self.whole and value != int(value)):
            return False
        if value == 0 and self.zero:
            return True
        return (value > self.low if self.above else value >= self.low) and (
            value < self.high if self.below else value <= self.high
        )

    @property
    def text(self) -> str:
        """The range in words, as "0.05 to 20"."""
        low, high = f"{self.low:.6g}", f"{self.high:.6g}"
        if math.isinf(self.low) and math.isinf(self.high):
            words = "any number"
        elif math.isinf(self.high):
            words = f"above {low}" if self.above else f"at least {low}"
        elif math.isinf(self.low):
            words = f"below {high}" if self.below else f"at most {high}"
        elif self.low == self.high:
            words = low
        else:
            words = f"above {low} and " if self.above else f"{low} to "
            words += f"below {high}" if self.below else f"at most {high}" if self.above else high
        zero = f"0 ({self.zero}) or " if self.zero else ""
        return zero + words

    @property
    def expected(self) -> str:
        """The range for a message: that numbers are whole is said, too."""
        return f"a whole number, {self.text}" if self.whole else self.text

    def facts(self) -> dict[str, Any]:
        """Return the range as JSON types; None where it has no end."""
        low, high = (None if math.isinf(end) else end for end in (self.low, self.high))
        return {"low": low, "high": high, "low_included": not self.above, "high_included": not self.below, "zero": self.zero}

    def meant(self, value: float, unit: str, default: Any) -> tuple[float, str] | None:
        """Return the number in the right unit, and the unit that a number outside the range seems to be in.

        Of several units that would fit, the one that brings the number nearest to the default.

        Args:
            value: the number.
            unit: of the setting.
            default: of the setting, or None.

        """
        unit = self.unit or unit
        kind = next((each for each in _KINDS if unit in each), None)
        if kind is None or not math.isfinite(value) or value == 0:
            return None
        fits = [(value * scale / kind[unit], other) for other, scale in kind.items() if scale != kind[unit]]
        fits = [each for each in fits if self.holds(each[0])]
        usual = float(default) if isinstance(default, numbers.Real) and float(default) > 0 else None
        if usual is None:
            usual = math.sqrt(self.low * self.high) if self.low > 0 and math.isfinite(self.high) else 1.0
        return min(fits, key=lambda each: abs(math.log(abs(each[0]) / usual)), default=None)


@dataclass(frozen=True)
class Ranges:
    """The tuples of numbers that a setting may have.

    Attributes:
        each: range of all of them alike, or of each by its place.
        lengths: how many numbers there may be; empty for any number.
        growing: whether each is greater than the one before; "or equal": at least as great.
        most: the greatest product of all, such as the pixels of a picture.

    """

    each: Range | tuple[Range, ...]
    lengths: tuple[int, ...] = ()
    growing: bool | str = False
    most: float = math.inf

    def of(self, place: int) -> Range:
        """Return the range of the number at a place."""
        return self.each if isinstance(self.each, Range) else self.each[min(place, len(self.each) - 1)]

    @property
    def text(self) -> str:
        """The ranges in words."""
        parts = [self.each.text] if isinstance(self.each, Range) else [each.text for each in self.each]
        count = f"{' or '.join(map(str, self.lengths))} of " if self.lengths and len(parts) == 1 else ""
        return count + "; ".join(parts)

    def facts(self) -> dict[str, Any]:
        """Return the ranges as JSON types."""
        each = [self.each.facts()] if isinstance(self.each, Range) else [each.facts() for each in self.each]
        most = None if math.isinf(self.most) else self.most
        return {"each": each, "lengths": list(self.lengths), "growing": bool(self.growing), "most": most}


def check_ranges(owner: Any) -> None:
    """Refuse a dataclass one of whose fields has a value outside the range that the field declares.

    Args:
        owner: with a `name`; its fields have metadata "within" (a `Range` or `Ranges`) and "unit".

    Raises:
        UsageError: there is one; the message says which unit was probably meant.

    """
    for each in dataclasses.fields(owner):
        within = each.metadata.get("within")
        if within is not None:
            check_range(
                f"{owner.name}: setting {each.name}", getattr(owner, each.name), within, each.metadata["unit"], each.default
            )


def check_range(what: str, value: Any, within: Range | Ranges, unit: str = "", default: Any = None) -> None:
    """Refuse a value outside a range.

    Args:
        what: the value is called in the message.
        value: a number, or for `Ranges` a tuple of numbers.
        within: the range.
        unit: of the value.
        default: of the value, which tells units apart that would all fit.

    Raises:
        UsageError: it is outside, or no number.

    """
    if isinstance(within, Range):
        if not _is_number(value):
            raise UsageError(f"{what} is {value!r}, expected a {'whole ' * within.whole}number, {_spaced(within.text, unit)}")
        if not within.holds(value):
            meant = within.meant(float(value), unit, default)
            hint = f": did you mean {meant[0]:.6g} ({_plain(value)} {meant[1]})?" if meant else ""
            raise UsageError(
                f"{what} is {_spaced(_plain(value), unit)}, expected {_spaced(within.expected, unit)}{_why(within)}{hint}"
            )
        return
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    shown = ", ".join(map(_plain, values)) or "nothing"
    if within.lengths and len(values) not in within.lengths:
        counts = " or ".join(map(str, within.lengths))
        raise UsageError(f"{what} is {shown}, expected {counts} number{'s' * (counts != '1')}, {_spaced(within.text, unit)}")
    for place, number in enumerate(values):
        allowed, own = within.of(place), default[place] if isinstance(default, tuple) and place < len(default) else None
        if not _is_number(number):
            kind = "whole numbers" if allowed.whole else "numbers"
            raise UsageError(f"{what} is {shown}, expected {kind}, {_spaced(allowed.text, unit)}")
        if not allowed.holds(number):
            meant = allowed.meant(float(number), unit, own)
            unit = allowed.unit if allowed.unit not in (None, "share") else unit
            found = f"{shown} (found {_spaced(_plain(number), unit)})" if len(values) > 1 else _spaced(shown, unit)
            hint = _hints(meant, number, values, within)
            raise UsageError(f"{what} is {found}, expected {_spaced(allowed.expected, unit)}{_why(allowed)}{hint}")
    if within.growing and len(values) > 1:
        good = all(a <= b if within.growing == "or equal" else a < b for a, b in itertools.pairwise(values))
        if not good:
            raise UsageError(f"{what} is {shown}, expected the smaller number first")
    if math.prod(values) > within.most:
        raise UsageError(
            f"{what} is {' x '.join(map(_plain, values))}, {math.prod(values):.3g} in all, expected at most {within.most:.3g}: "
            "more would not fit into memory"
        )


def _hints(meant, number, values, within: Ranges) -> str:
    if meant is None:
        return ""
    factor = meant[0] / number
    turned = [each * factor for each in values]
    if isinstance(within.each, Range) and all(map(within.each.holds, turned)):
        return f": did you mean {', '.join(f'{each:.6g}' for each in turned)} ({', '.join(map(_plain, values))} {meant[1]})?"
    return f": did you mean {meant[0]:.6g} ({_plain(number)} {meant[1]})?"


def _why(within: Range) -> str:
    return f", {within.why}" if within.why else ""


def _spaced(text: str, unit: str) -> str:
    return f"{text} {unit}".rstrip() if unit not in ("1", "share") else text


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


POSITIVE = Range(0, above=True)
PIXELS = {"um": Range(1e-4, 1e5), "uas": Range(1e-3, 1e11)}  # side of a scene's pixel, by its unit
SHARE = Range(0, 1, unit="share")
WAVELENGTH = Range(0.05, 20)  # um, from extreme ultraviolet to thermal infrared: what is imaged with lenses and masks
PHOTONS = Range(1e-6)  # more than fit into a file are refused with the noise that counts them
SIDE = Range(1, 65536, whole=True)
MOST_PIXELS = 2.0**26  # of one scene: 256 MB in float32

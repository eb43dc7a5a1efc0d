"""What a calibration measures: each number with its interval, its unit and its symbol in EMVA 1288."""

from dataclasses import dataclass
from typing import Any

from ideal.text import number, span


@dataclass(frozen=True)
class Term:
    """What a quantity of a camera is called, and what it is counted by.

    Attributes:
        symbol: symbol in EMVA 1288 (release 4); "" where the standard has none.
        unit: unit of the number.
        summary: what it is, in a few words.

    """

    symbol: str
    unit: str
    summary: str


# Names are part of files and of the JSON: they are never changed.
FORMAT, FORMAT_VERSION = "ideal-camera", 1  # of the file and the record of a camera
KINDS = {1: "hot", 2: "dead", 4: "noisy"}  # of bad pixels, by their bit in the map
TERMS: dict[str, Term] = {
    "gain": Term("1/K", "e-/DN", "photoelectrons per digital number: the inverse of the overall system gain"),
    "system_gain": Term("K", "DN/e-", "overall system gain"),
    "offset": Term("µ_y.dark", "DN", "mean dark value"),
    "temporal_dark_noise": Term("σ_d", "e-", "noise of a pixel in the dark from frame to frame, all of it"),
    "read_noise": Term("", "e-", "the part of it that is independent from pixel to pixel"),
    "row_noise": Term("", "e-", "noise that a row shares, new in each frame"),
    "column_noise": Term("", "e-", "noise that a column shares, new in each frame"),
    "dark_current": Term("µ_I.mean", "e-/s", "dark current"),
    "dsnu": Term("DSNU_1288", "e-", "non-uniformity of the dark value"),
    "dsnu_row": Term("DSNU_1288.row", "e-", "the part of it that rows share"),
    "dsnu_column": Term("DSNU_1288.col", "e-", "the part of it that columns share"),
    "dsnu_pixel": Term("DSNU_1288.pixel", "e-", "the part of it of single pixels"),
    "prnu": Term("PRNU_1288", "%", "non-uniformity of the response to light"),
    "prnu_row": Term("PRNU_1288.row", "%", "the part of it that rows share"),
    "prnu_column": Term("PRNU_1288.col", "%", "the part of it that columns share"),
    "prnu_pixel": Term("PRNU_1288.pixel", "%", "the part of it of single pixels"),
    "saturation": Term("µ_y.sat", "DN", "value at which light adds nothing"),
    "full_well": Term("µ_e.sat", "e-", "saturation capacity: photoelectrons at that value"),
    "threshold": Term("µ_e.min", "e-", "absolute sensitivity threshold: light as strong as its noise"),
    "snr_max": Term("SNR_max", "", "largest signal to noise ratio of a pixel"),
    "dynamic_range": Term("DR", "", "saturation capacity over threshold"),
    "linearity_error": Term("LE", "%", "mean deviation from a straight line, 5 % to 95 % of saturation"),
    "step": Term("", "DN", "step of the converter"),
}


@dataclass(frozen=True)
class Quantity:
    """A number of a camera with its interval; it can be computed with by `float`.

    Attributes:
        name: one of `TERMS`.
        value: number in the unit.
        low: lower end of its interval; None where there is none.
        high: upper end of its interval.

    Example:
        >>> Quantity("gain", 2.0, 1.99, 2.01)
        gain 2.000 e-/DN (1.990 to 2.010)

    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def unit(self) -> str:
        """The unit of the number."""
        return TERMS[self.name].unit

    @property
    def symbol(self) -> str:
        """The symbol in EMVA 1288."""
        return TERMS[self.name].symbol

    @property
    def summary(self) -> str:
        """What it is, in a few words."""
        return TERMS[self.name].summary

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval; None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def digits(self) -> int:
        """After how many digits the number is cut: those that its interval leaves certain, and one more."""
        import math

        width = (self.high - self.low) / 2 if self.low is not None and self.high is not None else 0.0
        if not width > 0 or not math.isfinite(width):
            return 0 if float(self.value).is_integer() else 3
        return min(8, max(0, 1 - math.floor(math.log10(width))))

    def to_record(self) -> dict[str, Any]:
        """Return value, interval, unit and symbol as JSON types."""
        return {"value": self.value, "low": self.low, "high": self.high, "unit": self.unit, "symbol": self.symbol}

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        interval = "" if self.interval is None else f" ({span(self.interval, self.digits)})"
        return f"{self.name} {number(self.value, self.digits)}{unit}{interval}".replace("−", "-")

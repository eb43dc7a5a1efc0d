"""A number of bits that knows its interval and what it is counted by."""

from ideal.text import exact_percent, is_known, number, span


class Information(float):
    """Information, or a difference of two: a number that can be computed with, its interval and its unit.

    Args:
        value: bits, counted by what the unit says.
        interval: confidence interval of it, (low, high); infinite where there are too few sources for one.
        unit: as "bits/pixel".
        confidence: of the interval, between 0 and 1.

    Example:
        >>> told = Information(0.9, (0.85, 0.95), "bits/pixel", 0.95)
        >>> told
        0.9000 bits/pixel (95 % interval 0.8500 to 0.9500)
        >>> told.unit, 2 * told
        ('bits/pixel', 1.8)

    """

    def __new__(cls, value: float, interval: tuple[float, float], unit: str, confidence: float) -> "Information":
        """Return the number with its interval, unit and confidence."""
        made = super().__new__(cls, value)
        made.interval, made.unit, made.confidence = (float(interval[0]), float(interval[1])), unit, confidence
        return made

    interval: tuple[float, float]
    unit: str
    confidence: float

    @property
    def value(self) -> float:
        """The number alone."""
        return float(self)

    def text(self, digits: int = 4) -> str:
        """Return number, unit and interval in words."""
        said = f"{number(self, digits)} {self.unit}".replace("−", "-")
        if not is_known(self.interval):
            return f"{said} (too few sources for an interval)"
        return f"{said} ({exact_percent(self.confidence)} interval {span(self.interval, digits).replace('−', '-')})"

    def __repr__(self) -> str:
        return self.text()

    __str__ = __repr__

    def __getnewargs__(self):
        return float(self), self.interval, self.unit, self.confidence

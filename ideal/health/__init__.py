"""What is wrong, or may be wrong, with measurements and with the number that comes of them."""

from ideal.health.finding import NAMES, Finding, Severity, lines, plain_note, refuse_void

__all__ = ["NAMES", "Finding", "Severity", "lines", "plain_note", "refuse_void"]

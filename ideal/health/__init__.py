"""What is wrong, or may be wrong, with measurements and with the number that comes of them."""

from ideal.health.copies import identical, merged
from ideal.health.examination import CHECKS, Examination, examine
from ideal.health.finding import NAMES, Finding, Severity, lines, plain_note, refuse_void

__all__ = [
    "CHECKS",
    "NAMES",
    "Examination",
    "Finding",
    "Severity",
    "examine",
    "identical",
    "lines",
    "merged",
    "plain_note",
    "refuse_void",
]

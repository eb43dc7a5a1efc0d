"""What is wrong, or may be wrong, with measurements and with the number that comes of them."""

from ideal.health.check import Block, Check
from ideal.health.clean import CleanMeans
from ideal.health.finding import NAMES, Finding, Severity, lines, plain_note, refuse_void
from ideal.health.finite import FiniteValues

CHECKS: tuple[type[Check], ...] = (FiniteValues, CleanMeans)

__all__ = ["CHECKS", "NAMES", "Block", "Check", "Finding", "Severity", "lines", "plain_note", "refuse_void"]

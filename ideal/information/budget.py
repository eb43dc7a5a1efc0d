"""Effort and time of an estimate, shared between the models that it trains."""

import time
from pathlib import Path

from ideal._arguments import number
from ideal.density import Fitting
from ideal.errors import UsageError


def check_request(confidence: float, effort: float, time_limit: float | None) -> None:
    """Refuse figures that have no meaning, before any work."""
    effort, confidence = number("`effort`", effort), number("`confidence`", confidence)
    if time_limit is not None:
        number("`time_limit`", time_limit)
    if effort <= 0 or (time_limit is not None and time_limit <= 0):
        raise UsageError(f"effort and time limit must be positive; found {effort:g} and {time_limit}")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1; found {confidence:g}")


class Budget:
    """Shares effort and time between the fits of trained models.

    Args:
        effort: of one fit.
        time_limit: seconds for all, or None.
        fits: number of fits to come.
        checkpoints: folder for their state, or None.

    """

    def __init__(self, effort: float, time_limit: float | None, fits: int, checkpoints: Path | None):
        self._effort, self._fits, self._checkpoints = effort, fits, checkpoints
        self._end = None if time_limit is None else time.monotonic() + time_limit

    def skip(self, fits: int) -> None:
        """Leave the time of so many fits, which were made before, to the others."""
        self._fits -= fits

    def fitting(self, name: str, fold: int, report) -> Fitting:
        """Return what the next fit may take: an equal share of the time left."""
        share = None if self._end is None else max(self._end - time.monotonic(), 0.1) / max(self._fits, 1)
        self._fits -= 1
        checkpoint = self._checkpoints and self._checkpoints / f"{name}-{fold}.npz"
        return Fitting(self._effort, share, checkpoint, report)

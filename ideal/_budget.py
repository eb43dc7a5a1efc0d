"""Effort and time of an estimate, shared between the models that it trains."""

import time
from pathlib import Path

from ideal.density import Fitting


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

    def fitting(self, name: str, fold: int, report) -> Fitting:
        """Return what the next fit may take: an equal share of the time left."""
        share = None if self._end is None else max(self._end - time.monotonic(), 0.1) / max(self._fits, 1)
        self._fits -= 1
        checkpoint = self._checkpoints and self._checkpoints / f"{name}-{fold}.npz"
        return Fitting(self._effort, share, checkpoint, report)

"""Frames of which a part holds nothing: transfers that broke off, strips that were never written."""

import numpy as np

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding
from ideal.health.frames import ranges

_WIDE = 0.9  # share of lit pixels in the row beside the empty ones: an object's own edge is seldom so wide
_LIT = 5.0  # photoelectrons a pixel in that row
_FEWEST_ROWS = 2
_MOST_OF_THEM = 0.8  # of the frames that are empty at one end
_SHARE = 0.005  # of the frames


class PartialFrames(Check):
    """Frames whose first or last rows hold one value, beside rows that are lit all along."""

    def __init__(self, measured):
        super().__init__(measured)
        self._numbers: list[int] = []
        self._rows: list[int] = []
        self._seen = self._flat = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of some rows and columns."""
        return (
            len(measured.shape) > 2
            and min(measured.shape[1:3]) >= 8
            and measured.dtype.kind != "c"
            and not measured.has_clean
            and noise_is_stated(measured)
        )

    def add(self, block: Block) -> None:
        """Look for empty rows at either end of each frame."""
        if not block.sampled or block.rows is not None:
            return
        raw = block.raw.reshape(*block.raw.shape[:2], -1)
        flat = (raw == raw[:, :, :1]).all(2)
        self._seen += len(raw)
        ends = np.flatnonzero(flat[:, 0] | flat[:, -1])
        self._flat += len(ends)
        for place in ends.tolist():
            for rows in (range(raw.shape[1]), range(raw.shape[1] - 1, -1, -1)):
                count = self._empty(raw[place], flat[place], rows)
                if count >= _FEWEST_ROWS:
                    self._numbers.append(block.start + place)
                    self._rows.append(count)
                    break

    def _empty(self, frame: np.ndarray, flat: np.ndarray, rows: range) -> int:
        """Return how many rows from one end on are the same one value, 0 where the object itself may end there."""
        count, value = 0, frame[rows[0], 0]
        while count < len(rows) and flat[rows[count]] and frame[rows[count], 0] == value:
            count += 1
        if count in (0, len(rows)):
            return 0
        if not self.measured.noise.startswith("poisson"):
            return count
        beside = (frame[rows[count]].astype(float) - self.measured.offset) * self.measured.gain
        lit = np.mean(frame[rows[count]] != value) > _WIDE and beside.mean() > _LIT
        return count if lit else 0

    def findings(self) -> list[Finding]:
        """Return a finding where some, but not all, frames are empty in part."""
        count = len(self._numbers)
        if not self._seen or count < max(1, _SHARE * self._seen) or count == self._seen:
            return []
        if count < _MOST_OF_THEM * self._flat:  # objects on a dark ground: some happen to be wide
            return []
        return [
            Finding(
                "partial-frames",
                "biased",
                f"{count} of {self._seen} frames are empty in part, in up to {max(self._rows)} rows ({ranges(self._numbers)})",
                "where they end counts as information about the object",
                "leave these frames out, or cut all to the rows that are always written",
                {"frames": count, "of": self._seen, "rows": int(max(self._rows))},
            )
        ]

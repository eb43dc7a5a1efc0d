"""Values that the file itself says stand for nothing."""

import numpy as np

from ideal.health.check import Block, Check
from ideal.health.finding import Finding


class FillValues(Check):
    """Stored values equal to the fill value that the file declares (`_FillValue`, `missing_value`)."""

    takes = "all"

    def __init__(self, measured):
        super().__init__(measured)
        self._count, self._filled, self._frames = 0, 0, 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Files that declare one."""
        return bool(measured.fills)

    def add(self, block: Block) -> None:
        """Count them."""
        filled = np.isin(block.raw, np.array(self.measured.fills))
        self._count += filled.size
        self._filled += int(filled.sum())
        self._frames += int(filled.reshape(len(filled), -1).any(1).sum())

    def findings(self) -> list[Finding]:
        """Return a finding where there are such values."""
        if not self._filled:
            return []
        share = self._filled / self._count
        value = ", ".join(f"{each:g}" for each in self.measured.fills)
        return [
            Finding(
                "fill-values",
                "biased",
                f"{100 * share:.2g} % of the values, in {self._frames} samples, are the fill value {value} of the file",
                "what was never measured counts as measured, and the number is wrong, mostly too high",
                "leave out the samples, or the rows and columns, that hold them",
                {"values": self._filled, "share": share, "samples": self._frames},
            )
        ]

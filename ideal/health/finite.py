"""Values that are no numbers: NaN and infinity."""

import numpy as np

from ideal.health.check import Block, Check
from ideal.health.finding import Finding


class FiniteValues(Check):
    """Measurements that are NaN or infinite: how many, and where the first is."""

    takes = "all"

    def __init__(self, measured):
        super().__init__(measured)
        self._count, self._first = 0, ""

    @classmethod
    def applies(cls, measured) -> bool:
        """Tell whether values can be anything but numbers."""
        return measured.dtype.kind in "fc"

    def add(self, block: Block) -> None:
        """Take the next block into account."""
        bad = ~np.isfinite(block.raw)
        count = int(bad.sum())
        if count and not self._count:
            index = tuple(int(each) for each in np.argwhere(bad)[0])
            pixel = index[1:] if block.rows is None else (index[1] + block.rows.start, *index[2:])
            place = f"sample {index[0] + block.start}, pixel {pixel}"
            self._first = f"measurements of {place} is {block.raw[index]}, expected finite numbers"
        self._count += count

    def findings(self) -> list[Finding]:
        """Return what was found in all blocks."""
        if not self._count:
            return []
        text = f"{self._first} ({self._count} values are NaN or infinite)"
        effect, remedy = "no model can take them", "mend or leave out these values"
        return [Finding("not-finite", "void", text, effect, remedy, {"values": self._count})]

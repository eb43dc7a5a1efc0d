"""Values that are no numbers: NaN and infinity in measurements and in the noise of each."""

import numpy as np

from ideal.errors import DataError
from ideal.health.check import Block, Check
from ideal.health.finding import Finding


class FiniteValues(Check):
    """Measurements, and their sigmas where each has its own, that are NaN or infinite: how many, and where the first is."""

    def __init__(self, measured):
        super().__init__(measured)
        self._count, self._first = 0, ""

    def add(self, block: Block) -> None:
        """Take the next block into account."""
        if block.raw.dtype.kind in "fc":
            self._note("measurements", ~np.isfinite(block.raw), block)
        if self.measured.has_sample_sigma and block.sampled:
            try:
                self.measured.read_sigma(block.start, block.start + len(block.raw), block.rows)
            except DataError as error:
                self._count, self._first = self._count + 1, self._first or str(error).removeprefix(f"{self.measured.path}: ")

    def _note(self, name: str, bad: np.ndarray, block: Block) -> None:
        count = int(bad.sum())
        if count and not self._first:
            index = tuple(int(each) for each in np.argwhere(bad)[0])
            self._first = f"{name} of {place_of(block, index)} is {block.raw[index]}, expected finite numbers"
        self._count += count

    def findings(self) -> list[Finding]:
        """Return what was found in all blocks."""
        if not self._count:
            return []
        count = f"{self._count} values are NaN or infinite" if self._first.startswith("measurements") else "sigma is wrong"
        return [
            Finding(
                "not-finite",
                "void",
                f"{self._first} ({count})",
                remedy="mend or leave out these values",
                figures={"values": self._count},
            )
        ]


def place_of(block: Block, index: tuple[int, ...]) -> str:
    """Return sample and pixel of an index into a block, in words."""
    pixel = index[1:] if block.rows is None else (index[1] + block.rows.start, *index[2:])
    return f"sample {index[0] + block.start}, pixel {pixel}"

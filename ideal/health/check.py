"""The contract of a check: it sees the measurements block by block, once, and then says what it found."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ideal.health.finding import Finding


@dataclass(frozen=True)
class Block:
    """Neighbouring samples of a measurement set.

    Attributes:
        measured: `ideal.measurements.MeasurementSet` that they belong to.
        start: number of the first sample.
        raw: values as stored, (sample, ...); of a very large image the rows in its middle alone.
        sampled: whether costly statistics should take this block. Every block is shown, so that cheap statistics cover all
            samples; those that are `sampled` are spread over the set and few enough for statistics that cost ten times as much.
        rows: the rows that `raw` holds of each image, where it does not hold all.

    """

    measured: object
    start: int
    raw: np.ndarray
    sampled: bool = True
    rows: slice | None = None

    @cached_property
    def values(self) -> np.ndarray:
        """The values in photoelectrons (or in the set's own units where these are none), float64 or complex128.

        NaN and infinity are not mended.
        """
        return self.measured.calibration.to_photoelectrons(self.raw)


class Check(ABC):
    """One kind of fault of measurements, looked for in a single pass with bounded memory.

    `ideal.health.CHECKS` lists the checks. A check is made for one measurement set, shown its blocks in order by `add`, and asked
    for its `findings` at the end.

    Args:
        measured: `ideal.measurements.MeasurementSet`; its values are not to be read, only shape, dtype, noise and calibration.

    """

    def __init__(self, measured):
        self.measured = measured

    @classmethod
    def applies(cls, measured) -> bool:
        """Tell whether the check has a meaning for these measurements; True unless a subclass says otherwise."""
        return True

    @abstractmethod
    def add(self, block: Block) -> None:
        """Take the next block into account."""

    @abstractmethod
    def findings(self) -> list[Finding]:
        """Return what was found in all blocks."""

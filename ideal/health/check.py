"""The contract of a check: it sees the measurements block by block, once, and then says what it found."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from ideal.health.finding import Finding

if TYPE_CHECKING:
    from ideal.measurements import MeasurementSet
    from ideal.noise import NoiseModel


class Quads(NamedTuple):
    """Every square of 2x2 pixels (of one phase of a mosaic), channels kept apart.

    Attributes:
        fine: diagonal second difference (a - b - c + d) / 2, whose variance is that of the noise of one pixel plus what the scene
            adds, (sample, row, column[, channel]).
        level: mean of the four pixels, of the same shape.

    """

    fine: np.ndarray
    level: np.ndarray


@dataclass(frozen=True)
class Block:
    """Neighbouring samples of a measurement set, all of them finite.

    Attributes:
        measured: `ideal.measurements.MeasurementSet` that they belong to.
        start: number of the first sample.
        raw: values as stored, (sample, ...); of a very large image the rows in its middle alone.
        sampled: whether costly statistics should take this block. Every block is shown, so that cheap statistics cover all
            samples; those that are `sampled` are spread over the set and few enough for statistics that cost ten times as much.
        rows: the rows that `raw` holds of each image, where it does not hold all.

    """

    measured: "MeasurementSet"
    start: int
    raw: np.ndarray
    sampled: bool = True
    rows: slice | None = None

    @property
    def stop(self) -> int:
        """Number of the sample after the last."""
        return self.start + len(self.raw)

    @cached_property
    def values(self) -> np.ndarray:
        """The values in photoelectrons (or in the set's own units where these are none), float64 or complex128."""
        return self.measured.calibration.to_photoelectrons(self.raw, self.rows)

    @cached_property
    def quads(self) -> Quads:
        """Squares of 2x2 pixels; of a mosaic, pixels of one color that are a period apart."""
        rows, columns = self.measured.period or (1, 1)
        v = self.values
        a, b = v[:, :-rows, :-columns], v[:, :-rows, columns:]
        c, d = v[:, rows:, :-columns], v[:, rows:, columns:]
        return Quads((a - b - c + d) / 2, (a + b + c + d) / 4)

    @cached_property
    def quad_variance(self) -> np.ndarray:
        """The stated noise variance of `quads.fine`, of its shape; of counts an unbiased estimate that may be below 0."""
        if self.measured.noise_kind.photons and not self._noise.by_place:
            return self._noise.variance_from(self.quads.level)
        rows, columns = self.measured.period or (1, 1)
        v = self.value_variance
        return (v[:, :-rows, :-columns] + v[:, :-rows, columns:] + v[:, rows:, :-columns] + v[:, rows:, columns:]) / 4

    @cached_property
    def value_variance(self) -> np.ndarray:
        """The stated noise variance of each value (of |V| of a visibility); of counts an unbiased estimate."""
        return self._noise.variance_from(self.values)

    @cached_property
    def _noise(self) -> "NoiseModel":
        noise = self.measured.noise_of(self.start, self.stop, self.rows)
        assert noise is not None  # checks that ask for a variance do not apply where no noise is stated
        return noise


def constant_variance(measured) -> float:
    """Return the part of the variance of counts that is the same in all light, photoelectrons squared."""
    if measured.noise_kind.counts:
        return 0.0
    if measured.noise is not None:
        return measured.noise.dark_variance
    step = measured.gain * measured.step if measured.integer else 0.0
    return measured.read_noise**2 + step**2 / 12


def has_quads(measured) -> bool:
    """Tell whether there are squares of 2x2 pixels whose noise is stated."""
    rows, columns = measured.period or (1, 1)
    large = len(measured.shape) > 2 and measured.shape[1] > rows and measured.shape[2] > columns
    return large and measured.dtype.kind != "c" and noise_is_stated(measured)


def noise_is_stated(measured) -> bool:
    """Tell whether the noise is named and has all its figures."""
    return measured.noise_kind is not None and not measured.noise_kind.missing(measured.calibration)


class Check(ABC):
    """One kind of fault of measurements, looked for in a single pass with bounded memory.

    `ideal.health.CHECKS` lists the checks. A check is made for one measurement set, shown its blocks in order by `add`, and asked
    for its `findings` at the end.

    Args:
        measured: `ideal.measurements.MeasurementSet`; its values are not to be read, only shape, dtype, noise and calibration.

    """

    # Which samples are shown: "all", those that are "finite", or those that are finite and "varied", not of one value.
    takes: ClassVar[Literal["all", "finite", "varied"]] = "varied"

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

"""Values of a camera that no light leaves behind: far below what it reads in the dark."""

import numpy as np

from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding

_DEEP = 7.0  # standard deviations of the noise in the dark
_FIT = 5.0  # that the least value lies below the dark where the offset fits
_FEWEST = 3
_MANY = 0.05  # of the pixels and of the frames: with values in more of both it is the offset, else some pixels or frames are bad


class BelowDark(Check):
    """Photoelectrons below 0 by many times the read noise: the offset is too large, pixels are dead, or data were lost."""

    takes = "finite"

    def __init__(self, measured):
        super().__init__(measured)
        self._sigma = float(np.sqrt(constant_variance(measured)))
        self._below, self._count, self._least = 0, 0, 0.0
        self._frames, self._seen = 0, 0
        self._pixels: np.ndarray | None = None

    @classmethod
    def applies(cls, measured) -> bool:
        """Photoelectrons with read noise of known size, the same in all pixels."""
        kind = measured.noise_kind
        if kind is None or not noise_is_stated(measured) or not kind.photons or kind.counts:
            return False
        # With maps the figure is that of the quietest pixel, and noisy pixels reach further down.
        return kind.told_by_figures and constant_variance(measured) > 0

    def add(self, block: Block) -> None:
        """Count what is too low."""
        low = block.values < -_DEEP * self._sigma
        self._count += block.values.size
        self._seen += len(low)
        self._frames += int(low.reshape(len(low), -1).any(1).sum())
        self._pixels = low.any(0) if self._pixels is None else self._pixels | low.any(0)
        if low.any():
            self._below += int(low.sum())
            self._least = min(self._least, float(block.values.min()))

    def findings(self) -> list[Finding]:
        """Return a finding where there are such values."""
        if self._below < _FEWEST:
            return []
        share, measured = self._below / self._count, self.measured
        fits = float(measured.offset + (self._least + _FIT * self._sigma) / measured.gain)
        figures = {"values": self._below, "of": self._count, "share": share, "least": self._least, "offset_that_fits": fits}
        remedy = "leave out these pixels or frames"
        everywhere = self._pixels is not None and min(float(self._pixels.mean()), self._frames / self._seen) >= _MANY
        if everywhere:
            remedy = (
                f"give the offset of the camera's dark frames (one of at most {fits:.4g} would fit, {measured.offset:g} was "
                "stated), or measure the camera (ideal calibrate)"
            )
        return [
            Finding(
                "impossible-values",
                "biased",
                f"{100 * share:.2g} % of the values lie more than {_DEEP:g} standard deviations of the read noise below no "
                f"light, down to {self._least:.4g} photoelectrons",
                "the noise of what is taken for less light than there is counts as information, and the number is too high"
                if everywhere
                else "what no light leaves behind is taken for signal, and the number is too high",
                remedy,
                figures,
            )
        ]

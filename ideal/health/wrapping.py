"""Numbers that wrapped around: those beyond one end of 8, 12 or 16 bits that came out at the other end."""

import numpy as np

from ideal.health.check import Block, Check
from ideal.health.finding import Finding

_BITS = (8, 10, 12, 14, 16)
_MOST_PAIRS = 2**20
_FEWEST = 12  # values near each end, and neighbours from end to end
_LEVELS, _SHARE = 4, 1 / 512  # at each end that are compared: so many, or that share of the range, for narrow or wide noise
_EVEN = 6.0  # between the counts at the two ends, which meet where numbers wrap
_PILED = 2.5  # count at an end over that of a level beside it, above which values are cut off there instead
_BINS = 16  # of the range, to see where the neighbours of the outermost values lie
_ACROSS, _ERRORS = 2.0, 5.0  # neighbours at the other end over those where they are rarest; standard errors


class Wrapping(Check):
    """Pixels at the top of a power of two whose neighbours lie at the bottom, with nothing piled up at either end.

    Noise is smooth, so a histogram that reaches its end undiminished has gone on beyond it: cut off, it would pile up there;
    where it does not, the numbers have wrapped around, and their neighbours are at the other end of the range, hardly in its
    middle.
    """

    takes = "finite"

    def __init__(self, measured):
        super().__init__(measured)
        step = measured.step
        ranges = [(0.0, float(2**bits * step)) for bits in _BITS]
        if measured.dtype.kind == "i" and measured.dtype.itemsize < 4:
            ranges.append((float(np.iinfo(measured.dtype).min), -2 * float(np.iinfo(measured.dtype).min)))
        # By (bottom, width): values at the very end, in a few levels and in a share of the range, at the bottom and at the top.
        self._ends = {each: np.zeros((2, 3), np.int64) for each in ranges}
        self._pairs: list[np.ndarray] = []
        self._kept = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of whole numbers."""
        return len(measured.shape) > 2 and measured.dtype.kind != "c" and measured.integer and max(measured.shape[1:3]) >= 4

    def add(self, block: Block) -> None:
        """Count the values at the ends of each range, and keep some pairs of neighbours."""
        raw, step = block.raw, self.measured.step
        low, high = float(raw.min()), float(raw.max())
        for (bottom, width), counts in list(self._ends.items()):
            last, depths = bottom + width - step, self._depths(width)
            if high > last or low < bottom:
                del self._ends[bottom, width]
                continue
            if low < bottom + depths[-1]:
                counts[0] += [np.sum(raw < bottom + depth) for depth in depths]
            if high > last - depths[-1]:
                counts[1] += [np.sum(raw > last - depth) for depth in depths]
        if not block.sampled or self._kept >= _MOST_PAIRS:
            return
        for axis, distance in zip((1, 2), self.measured.period or (1, 1), strict=True):
            along = np.moveaxis(raw, axis, 0)
            if len(along) <= distance:
                continue
            pairs = np.stack([along[:-distance].ravel(), along[distance:].ravel()])
            stride = max(1, -(-pairs.shape[1] * 16 // _MOST_PAIRS))
            pairs = pairs[:, :: stride + (stride > 1 and stride % 2 == 0)]
            self._pairs.append(pairs.copy())
            self._kept += pairs.shape[1]

    def _depths(self, width: float) -> tuple[float, float, float]:
        step = self.measured.step
        return step, _LEVELS * step, max(_LEVELS * step, width * _SHARE)

    def findings(self) -> list[Finding]:
        """Return a finding for the range of which numbers wrapped around."""
        return [found for (bottom, width), counts in self._ends.items() if (found := self._wrapped(bottom, width, counts))][:1]

    def _wrapped(self, bottom: float, width: float, counts: np.ndarray) -> Finding | None:
        if not self._pairs or not any(
            _meet(counts[:, 0], counts[:, place], self._depths(width)[place] / self.measured.step) for place in (1, 2)
        ):
            return None
        first, second = np.concatenate(self._pairs, axis=1).astype(np.float64) - bottom
        edge = width / _BINS
        of_top, _ = np.histogram(
            np.concatenate([second[first >= width - edge], first[second >= width - edge]]), _BINS, (0, width)
        )
        of_bottom, _ = np.histogram(np.concatenate([second[first < edge], first[second < edge]]), _BINS, (0, width))
        across = of_top[0]
        for partners in (of_top, of_bottom[::-1]):
            middle = np.convolve(partners[3:-3], np.ones(3) / 3, mode="valid").min()
            if across < _FEWEST or across < _ACROSS * middle + _ERRORS * np.sqrt(middle):
                return None
        share = across / len(first)
        figures = {"share_of_neighbours": float(share), "range": [bottom, bottom + width]}
        return Finding(
            "wrapped",
            "void",
            f"{100 * share:.2g} % of neighbouring pixels lie at opposite ends of the range from {bottom:g} to "
            f"{bottom + width - 1:g}, with nothing piled up at either: numbers beyond it wrapped around",
            "the brightest count as the darkest, or the darkest as the brightest",
            "give the numbers before they were cast or packed to fewer bits; subtract in a signed type (values.astype('int32'))",
            figures,
        )


def _meet(at_end: np.ndarray, near: np.ndarray, levels: float) -> bool:
    """Tell whether a histogram goes on from one end of its range to the other, as (bottom, top) counts at and near each say."""
    beside = (near - at_end) / (levels - 1)
    piled = at_end > _PILED * beside + _ERRORS * np.sqrt(beside) + 1
    return bool(near.min() >= _FEWEST and near.max() <= _EVEN * near.min() and not piled.any())

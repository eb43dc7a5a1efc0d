"""Single pixels at one extreme value among neighbours that are far from it: bad transfers, hits, salt and pepper."""

import numpy as np

from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding

_FEWEST = 12
_FAR = 6.0  # standard deviations of the noise beyond the scatter of the neighbours
_AT_ONE_VALUE = 0.8  # share of all that stand out on that side
_ALONE = 0.7  # share of the pixels of that value: scenes that saturate do so in patches
_ONE_PLACE = 0.25  # share of them at one pixel: more are hot or dead pixels
_MOST_PLACES = 2**16


class IsolatedValues(Check):
    """Whether pixels that stand out from all four beside them have one and the same value, as light never has."""

    def __init__(self, measured):
        super().__init__(measured)
        self._counts: dict[int, dict[float, int]] = {1: {}, -1: {}}
        self._all: dict[
            float, list[int]
        ] = {}  # of a value, how many of all pixels that have it stand out, and how many there are
        self._places: dict[int, list[np.ndarray]] = {1: [], -1: []}
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise."""
        rows, columns = measured.period or (1, 1)
        large = len(measured.shape) > 2 and measured.shape[1] > 2 * rows and measured.shape[2] > 2 * columns
        return large and measured.dtype.kind != "c" and noise_is_stated(measured)

    def add(self, block: Block) -> None:
        """Count the values of pixels that stand out, upwards and downwards."""
        if not block.sampled:
            return
        rows, columns = self.measured.period or (1, 1)
        v = block.values.astype(np.float32, copy=False)
        here = v[:, rows:-rows, columns:-columns]
        beside = (
            v[:, : -2 * rows, columns:-columns],
            v[:, 2 * rows :, columns:-columns],
            v[:, rows:-rows, : -2 * columns],
            v[:, rows:-rows, 2 * columns :],
        )
        high, low = np.maximum.reduce(beside), np.minimum.reduce(beside)
        if self.measured.noise_kind.photons:
            variance = np.maximum(high, 1.0) + constant_variance(self.measured)
        else:
            variance = np.broadcast_to(block.value_variance, v.shape)[:, rows:-rows, columns:-columns]
        far = high - low + _FAR * np.sqrt(variance)
        raw = block.raw[:, rows:-rows, columns:-columns]
        self._count += raw.size
        for side, out in ((1, here - high > far), (-1, low - here > far)):
            values, counts = np.unique(raw[out], return_counts=True)
            at = self._counts[side]
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                at[value] = at.get(value, 0) + count
            if len(values):
                commonest = float(values[counts.argmax()])
                every = self._all.setdefault(commonest, [0, 0])
                every[0], every[1] = every[0] + int(counts.max()), every[1] + int(np.count_nonzero(raw == commonest))
            if len(at) > _MOST_PLACES:
                self._counts[side] = dict(sorted(at.items(), key=lambda item: -item[1])[: _MOST_PLACES // 2])
            if sum(map(len, self._places[side])) < _MOST_PLACES:
                self._places[side].append(np.flatnonzero(out) % int(np.prod(raw.shape[1:])))

    def findings(self) -> list[Finding]:
        """Return a finding for values that single pixels take."""
        told = []
        figures: dict[str, float] = {}
        for side, name in ((1, "above"), (-1, "below")):
            at = self._counts[side]
            if not at:
                continue
            value, count = max(at.items(), key=lambda item: item[1])
            _, repeats = np.unique(np.concatenate(self._places[side]), return_counts=True)
            alone, every = self._all.get(float(value), (0, 1))
            if alone < _ALONE * every:
                continue
            if count < _FEWEST or count < _AT_ONE_VALUE * sum(at.values()) or repeats.max() > _ONE_PLACE * repeats.sum():
                continue
            told.append(f"{count} pixels are {value:g}, far {name} all pixels beside them")
            figures |= {f"value_{name}": value, f"pixels_{name}": count}
        if not told:
            return []
        return [
            Finding(
                "isolated-values",
                "biased",
                f"{' and '.join(told)}, of {self._count}: hits, errors of the transfer, or lamps of one pixel",
                "where they are no light, they count as information all the same, and the number is too high",
                "replace them by the median of the pixels beside them, if they are no light",
                figures,
            )
        ]

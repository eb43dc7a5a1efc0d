"""Values of 0 amid light that leaves none: dropped pixels, lost packets and blocks."""

import numpy as np
from scipy import ndimage

from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding

_LIT = 5.0  # photoelectrons, or standard deviations of the noise in the dark, above 0
_NEAR = 2.0  # standard deviations of the noise in the dark: a dim place has such values as often as 0
_FEWEST, _FEWEST_BLOCKS = 12, 4
_LEAST_SHARE = 3e-4  # of all pixels: fewer change the number by less than 0.005 bits/pixel
_OFTENER = 4.0  # times as often 0 as next to it: what is dim, and not lost, shows both
_SUDDEN = 0.93  # of the light two pixels away, beside what was lost; dark spots of objects are dimmer all around
_BLOCK = 4  # pixels of a lost block at least
_RECTANGLES = 0.5  # share of the dark places amid light that are rectangles; those of objects seldom are
_WITHIN_SAMPLES = np.pad(ndimage.generate_binary_structure(2, 1)[None], ((1, 1), (0, 0), (0, 0)))
_ONE_PLACE = 0.3  # of the frames: what is 0 there in more of them is a dead pixel


class LostValues(Check):
    """Whether values are exactly 0 where all pixels beside them are lit, and nearly 0 nowhere.

    The mean light behind a 0 among counts is at most that behind a 1, so a dim place shows about as many of both, and noise in
    the dark has values on both sides of 0. A pixel that is 0 amid light, where none is nearly 0, has lost its value, unless
    objects are black in single pixels. Blocks are told by their shape: rectangles that are 0 throughout, with light all around.
    """

    takes = "finite"

    def __init__(self, measured):
        super().__init__(measured)
        self._zeros: np.ndarray | None = None  # by pixel, how often it is 0 amid light
        self._frames = self._values = self._near = 0
        self._beside = np.zeros(2)  # sums of the light one and two pixels away from those
        self._others = 0  # places amid light of another shape
        self._blocks: dict[tuple[int, ...], int] = {}  # how often there is a block, by row, column, height and width

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of more than a few pixels whose noise is stated and may be 0."""
        rows, columns = measured.period or (1, 1)
        large = len(measured.shape) > 2 and measured.shape[1] > 4 * rows and measured.shape[2] > 4 * columns
        if not large or measured.dtype.kind == "c" or not noise_is_stated(measured):
            return False
        return not measured.noise_kind.positive and not measured.noise_kind.ends

    def add(self, block: Block) -> None:
        """Count pixels and blocks that are 0 amid light, and pixels that are nearly 0 there."""
        if not block.sampled:
            return
        raw = block.raw
        if self._zeros is None:
            self._zeros = np.zeros(raw.shape[1:], dtype=np.int64)
        self._frames, self._values = self._frames + len(raw), self._values + raw.size
        zero = raw == 0
        if not zero.any():
            return
        width = self._width(block)
        above = raw.astype(np.float64) * self.measured.gain
        lit = above >= _LIT * width
        amid = _all_beside(lit, self.measured.period or (1, 1))
        self._zeros += (zero & amid).sum(0)
        self._beside += _light_around(above, zero & amid, self.measured.period or (1, 1))
        near = above < 1.5 * width if self.measured.noise_kind.counts else np.abs(above) <= _NEAR * width
        self._near += int((near & ~zero & amid).sum())
        for number in range(raw.shape[3] if raw.ndim > 3 else 1):
            self._look_for_blocks(*((each[..., number] if raw.ndim > 3 else each) for each in (zero, lit)))

    def _width(self, block: Block) -> float:
        """Return the standard deviation of the noise in the dark, 1 for counts, not below a step of the values."""
        step = self.measured.gain * self.measured.step if self.measured.integer else 0.0
        if self.measured.noise_kind.counts:
            return max(1.0, step)
        if self.measured.noise_kind.photons:
            return max(1.0, float(np.sqrt(constant_variance(self.measured))), step)  # light comes in single photons
        return max(float(np.sqrt(np.median(block.value_variance))), step)

    def _look_for_blocks(self, zero: np.ndarray, lit: np.ndarray) -> None:
        """Count places of 0 that are lit all around, and those of them that are rectangles."""
        labels, count = ndimage.label(zero, structure=_WITHIN_SAMPLES)
        if not count:
            return
        dim = ~zero & ~lit
        open_to = np.zeros(count + 1, bool)
        for one, other in (
            (np.s_[:, :-1], np.s_[:, 1:]),
            (np.s_[:, 1:], np.s_[:, :-1]),
            (np.s_[:, :, :-1], np.s_[:, :, 1:]),
            (np.s_[:, :, 1:], np.s_[:, :, :-1]),
        ):
            open_to[labels[one][dim[other] & zero[one]]] = True
        area = np.bincount(labels.ravel(), minlength=count + 1)
        shut = ~open_to & (area >= _BLOCK) & (area < zero[0].size)
        shut[0] = False
        if not shut.any():
            return
        places = ndimage.find_objects(np.where(shut[labels], labels, 0), max_label=count)
        for number in np.flatnonzero(shut).tolist():
            place = places[number - 1]
            if place is None:
                continue
            (row, height), (column, width) = ((each.start, each.stop - each.start) for each in place[1:])
            if height * width == area[number] and min(height, width) > 1 and height < zero.shape[1] and width < zero.shape[2]:
                key = row, column, height, width
                self._blocks[key] = self._blocks.get(key, 0) + 1
            else:
                self._others += 1

    def findings(self) -> list[Finding]:
        """Return a finding where more is 0 than light leaves."""
        if self._zeros is None:
            return []
        most = max(1.0, _ONE_PLACE * self._frames)
        single = int(self._zeros[self._zeros <= most].sum())
        told, figures = [], {"single": 0, "blocks": 0, "in_blocks": 0, "of": self._values}
        sudden = self._beside[0] > _SUDDEN * self._beside[1]
        if sudden and single >= max(_FEWEST, _LEAST_SHARE * self._values) and single > _OFTENER * self._near:
            told.append(f"{single} single pixels")
            figures["single"] = single
        sizes: dict[tuple[int, ...], int] = {}
        for (_, _, *size), often in self._blocks.items():
            if often <= most:
                sizes[tuple(size)] = sizes.get(tuple(size), 0) + often
        blocks = sum(sizes.values())
        if blocks >= _FEWEST_BLOCKS and blocks > _RECTANGLES * (blocks + self._others):
            height, width = max(sizes, key=lambda each: sizes[each])
            told.append(f"{blocks} blocks (as {height}x{width} pixels)")
            figures["blocks"] = blocks
            figures["in_blocks"] = sum(height * width * often for (height, width), often in sizes.items())
        if not told:
            return []
        return [
            Finding(
                "lost-values",
                "biased",
                f"{' and '.join(told)} are 0 amid light that leaves hardly a 0, in {self._frames} frames",
                "unless objects are black there they were lost (dropped pixels, packets, blocks of a compression): where they "
                "lie counts as information, and the number is too high",
                "leave out these frames, or record them again",
                figures,
            )
        ]


def _light_around(light: np.ndarray, places: np.ndarray, period: tuple[int, int]) -> np.ndarray:
    """Return the sums of the light of the pixels one and two pixels of their color away from these places, (2,)."""
    rows, columns = period
    sample, row, column, *channel = np.nonzero(places)
    inside = (row >= 2 * rows) & (row < places.shape[1] - 2 * rows) & (column >= 2 * columns)
    inside &= column < places.shape[2] - 2 * columns
    sample, row, column, *channel = (each[inside] for each in (sample, row, column, *channel))
    sums = np.zeros(2)
    for number in (1, 2):
        for down, right in ((-rows, 0), (rows, 0), (0, -columns), (0, columns)):
            sums[number - 1] += light[sample, row + number * down, column + number * right, *channel].sum()
    return sums


def _all_beside(lit: np.ndarray, period: tuple[int, int]) -> np.ndarray:
    """Return which pixels (sample, row, column, ...) have light in all four pixels of their color beside them."""
    rows, columns = period
    amid = np.zeros_like(lit)
    amid[:, rows:-rows, columns:-columns] = (
        lit[:, : -2 * rows, columns:-columns]
        & lit[:, 2 * rows :, columns:-columns]
        & lit[:, rows:-rows, : -2 * columns]
        & lit[:, rows:-rows, 2 * columns :]
    )
    return amid

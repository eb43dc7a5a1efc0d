"""Frames that were scaled or shifted one by one: to their own largest or least value, or to their own mean."""

import numpy as np

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_FEWEST_FRAMES = 20
_ALMOST_ALL = 0.98  # of the frames
_ALONE = 0.5  # of them, at least, reach the value at one place only
_FEWEST_STEPS = 8  # from the least to the largest value: frames of single photons all end at 1
_FEWEST_COUNTS = 20.0  # of a frame: frames without any are passed over, and few of the rest have more than one
_SURE = 5.0  # standard errors
_PLACES, _ONE_PLACE = 6, 0.5  # where the value must stand; share of the frames of the commonest
_MEANS_FRAMES, _SAME_MEAN = 40, 0.3  # variance of the frames' means over the least that their noise allows


class FrameScale(Check):
    """Whether the extreme value, or the mean, of every frame is the same, as no light and no noise can make it.

    Where values are cut off at a ceiling, some frames have many there and some none; were its pixels independent, a mean of n a
    frame would leave exp(-n) of the frames without. Where each frame was divided by its own maximum, all reach it, mostly at one
    place, wherever that is. The means of frames scatter at least as their noise does.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._extremes: list[np.ndarray] = []  # (frame, side, [value, count, place])
        self._means: list[np.ndarray] = []
        self._noise = 0.0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of enough pixels."""
        return len(measured.shape) > 2 and int(np.prod(measured.shape[1:])) >= 64 and measured.dtype.kind != "c"

    def add(self, block: Block) -> None:
        """Keep the extremes of each frame with their counts and places, and the frames' means."""
        if not block.sampled or block.rows is not None:
            return
        flat = block.raw.reshape(len(block.raw), -1)
        sides = []
        for place in (flat.argmin(1), flat.argmax(1)):
            value = flat[np.arange(len(flat)), place]
            sides.append(np.stack([value.astype(np.float64), (flat == value[:, None]).sum(1), place], axis=1))
        self._extremes.append(np.stack(sides, axis=1))
        if not noise_is_stated(self.measured) or min(self.measured.shape[1:3]) < 2:
            return
        values = block.values.reshape(len(flat), -1)
        self._means.append(values.mean(1))
        # Neighbours scatter at least as much as their noise, whatever was stated.
        stated = float(np.mean(np.broadcast_to(block.value_variance, block.values.shape)))
        self._noise += min(stated, float(np.mean(block.quads.fine**2))) / values.shape[1] * len(flat)

    def findings(self) -> list[Finding]:
        """Return a finding where frames were scaled one by one."""
        frames = np.concatenate(self._extremes) if self._extremes else np.empty((0, 2, 3))
        if len(frames) < _FEWEST_FRAMES:
            return []
        told, figures = [], {}
        for side, name in ((1, "largest"), (0, "least")):
            common = self._shared_extreme(frames[:, side])
            few = self.measured.integer and np.ptp(np.median(frames[..., 0], axis=0)) < _FEWEST_STEPS * self.measured.step
            if common is not None and not few:
                told.append(f"the {name} value of each is {common:g}, whatever its place")
                figures[name] = common
        ratio = self._ratio_of_means()
        if not told and ratio is not None:
            told.append(f"their means differ by {ratio:.2g} of the variance that the noise of their pixels alone gives them")
            figures["ratio_of_means"] = ratio
        if not told:
            return []
        return [
            Finding(
                "scaled-frames",
                "biased",
                f"frames were scaled or shifted one by one: {' and '.join(told)}",
                "the noise then differs from frame to frame and is not what was stated, so the number is wrong",
                "give the numbers as they were before",
                figures,
            )
        ]

    def _shared_extreme(self, extremes: np.ndarray) -> float | None:
        values, counts = np.unique(extremes[:, 0], return_counts=True)
        common = values[counts.argmax()]
        here = extremes[extremes[:, 0] == common]
        if len(here) < _ALMOST_ALL * len(extremes) or np.mean(here[:, 1] == 1) < _ALONE:
            return None
        # Without scaling so many frames would lie clear of it.
        without = len(extremes) * np.exp(-here[:, 1].sum() / len(extremes))
        if without - (len(extremes) - len(here)) < _SURE * np.sqrt(without):
            return None
        places, counts = np.unique(here[:, 2], return_counts=True)  # a hot pixel always stands in the same
        return float(common) if len(places) >= _PLACES and counts.max() < _ONE_PLACE * len(here) else None

    def _ratio_of_means(self) -> float | None:
        means = np.concatenate(self._means) if self._means else np.empty(0)
        if len(means) < _MEANS_FRAMES or self._noise <= 0:
            return None
        light = float(means.mean()) * int(np.prod(self.measured.shape[1:]))
        if self.measured.noise_kind.counts and light < _FEWEST_COUNTS:
            return None
        ratio = float(means.var() / (self._noise / len(means)))
        return ratio if ratio + _SURE * ratio * np.sqrt(2 / len(means)) < _SAME_MEAN else None

"""Single pixels that scatter far more than those around them, in the same places of all frames."""

import numpy as np

from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding
from ideal.text import percent

_FEWEST_FRAMES = 20
_TIMES = 3.0  # as much as the most of the pixels around it
_ERRORS = 8.0
_NOISE_ALONE = 1.5  # scatter over the stated noise around a pixel, above which scenes may make single pixels differ
_FEWEST, _MOST = 3, 0.2  # pixels, and share of all: more of them are no exception
_LEAST_BITS = 0.002  # a pixel, by the average of all


class NoisyPixels(Check):
    """Variance over frames of each pixel less the mean of the four beside it, over the stated one, against those around it."""

    def __init__(self, measured):
        super().__init__(measured)
        self._sum: np.ndarray | float = 0.0
        self._square: np.ndarray | float = 0.0
        self._stated: np.ndarray | float = 0.0
        self._frames = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and enough pixels."""
        rows, columns = measured.period or (1, 1)
        return has_quads(measured) and measured.shape[1] >= 8 * rows and measured.shape[2] >= 8 * columns

    def add(self, block: Block) -> None:
        """Add squared differences to the pixels beside, over what the stated noise makes them."""
        if not block.sampled:
            return
        step = self.measured.period or (1, 1)
        variance = np.broadcast_to(block.value_variance, block.values.shape)
        inner = (slice(None), slice(step[0], -step[0]), slice(step[1], -step[1]))
        apart = block.values[inner] - _beside(block.values, step)
        self._sum = self._sum + apart.sum(0)
        self._square = self._square + (apart**2).sum(0)
        self._stated = self._stated + (variance[inner] + _beside(variance, step) / 4).sum(0)
        self._frames += len(block.values)

    def findings(self) -> list[Finding]:
        """Return a finding where some pixels scatter far more than all around them."""
        if self._frames < _FEWEST_FRAMES:
            return []
        varied = np.asarray(self._square) - np.asarray(self._sum) ** 2 / self._frames  # what stands in all frames is no noise
        noise = self.measured.noise
        dark = 0.0 if noise is None else 1.25 * self._frames * noise.linear_variance[0]
        stated = np.maximum(self._stated, dark)  # of counts it is estimated, and by chance below what the dark has
        stated = np.maximum(stated, 1e-3 * max(float(np.median(stated)), 1e-300))
        stated = stated.reshape(*stated.shape[:2], -1)
        ratio = varied.reshape(stated.shape) / stated
        rows, columns = self.measured.period or (1, 1)
        shape = (ratio.shape[0] - 2 * rows, ratio.shape[1] - 2 * columns)
        around = _around(ratio, (rows, columns), shape)
        # Of a noisy pixel, those beside it scatter a sixteenth as much about their own neighbours; those at its corners do not.
        usual = np.median([around[k] for k in (0, 2, 5, 7)], axis=0)
        inner = slice(rows, rows + shape[0]), slice(columns, columns + shape[1])
        light = np.median(_around(stated, (rows, columns), shape), axis=0)
        here = ratio[inner] * np.minimum(1.0, stated[inner] / light)
        # Where photons are rare, one of them alone makes the variance of its pixel: noise with such tails scatters by them.
        light = np.maximum(light / self._frames, 1e-100)  # whose square is no 0
        tails = 0.0 if noise is None else noise.fourth_cumulant(light) / light**2
        far = np.maximum(_TIMES, 1 + _ERRORS * np.sqrt((2 + tails) / self._frames))
        noisy = (usual < _NOISE_ALONE) & (here > far * usual) & (here > 2 * np.max(around, axis=0))
        if noise is not None and noise.keep is not None:
            keep = np.broadcast_to(noise.keep, self.measured.shape[1:]).reshape(*self.measured.shape[1:3], -1)
            noisy &= keep[2 * rows : 2 * rows + shape[0], 2 * columns : 2 * columns + shape[1]]
        count, share = int(noisy.sum()), float(noisy.mean())
        if count < _FEWEST or share > _MOST:
            return []
        times = here[noisy] / usual[noisy]
        bits = share * float(0.5 * np.log2(times).mean())
        if bits < _LEAST_BITS:
            return []
        places = [tuple(int(i) for i in place[:2] + np.array([2 * rows, 2 * columns])) for place in np.argwhere(noisy)[:3]]
        return [
            Finding(
                "noisy-pixels",
                "biased",
                f"{count} pixels ({percent(share)}) scatter {np.median(times):.3g} times as much in variance as those around "
                f"them, in all frames (as row, column {', '.join(map(str, places))})",
                f"their noise is more than was stated, and counts as information, up to {bits:.2g} bits/pixel on average",
                "calibrate the camera (ideal calibrate) and give its maps (noise camera-maps), or leave these pixels out",
                {"pixels": count, "share": share, "variance_ratio": float(np.median(times)), "bits_per_pixel": bits},
            )
        ]


def _around(values: np.ndarray, step: tuple[int, int], shape: tuple[int, int]) -> list[np.ndarray]:
    """Return what the eight pixels a step around each inner one hold, each (row, column[, channel]) of this shape."""
    rows, columns = step
    return [
        values[rows + dy : rows + dy + shape[0], columns + dx : columns + dx + shape[1]]
        for dy in (-rows, 0, rows)
        for dx in (-columns, 0, columns)
        if (dy, dx) != (0, 0)
    ]


def _beside(values: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Return the mean of the four pixels a step beside each inner one, (sample, row, column[, channel])."""
    rows, columns = step
    tall, wide = slice(rows, -rows), slice(columns, -columns)
    around = values[:, : -2 * rows, wide] + values[:, 2 * rows :, wide]
    return (around + values[:, tall, : -2 * columns] + values[:, tall, 2 * columns :]) / 4

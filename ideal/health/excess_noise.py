"""Scatter from pixel to pixel that is more than the stated noise, and white as noise is."""

import numpy as np

from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding

_FEWEST = 20_000  # squares
_LEAST = 1.25  # variance over the stated one
_WHITE = 0.05  # by how much power at one pixel's distance and at two may differ, relative to the excess
_ERRORS = 5.0
_SMOOTH = 3.0  # times as much more detail from two pixels to four as from one to two: of scenes that are smooth at one pixel


class ExcessNoise(Check):
    """The variance of second differences at a distance of one pixel and of two, over the stated one.

    Scenes have less detail at one pixel than at two: a lens blurs, and light is smooth. White scatter beyond the stated noise is
    noise that was not stated, as of electron multiplication or another gain, unless the pixels of the scene are independent.
    Where the detail of the scene grows by the same large factor from one distance to the next, as that of a smooth one, the sum
    of detail and white scatter is taken apart by the three distances; else only what is alike at all of them is white.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._count = self._frames = 0
        self._sums = np.zeros(6)  # near, far, farther, stated, squares of near and of far

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and enough pixels, without a mosaic."""
        return has_quads(measured) and not measured.noise_kind.ends and measured.period is None and min(measured.shape[1:3]) >= 8

    def add(self, block: Block) -> None:
        """Add up squared differences at distances of 1, 2 and 4 pixels."""
        if not block.sampled:
            return
        near, far = block.quads.fine[:, 1:-1, 1:-1] ** 2, _squares(block.values, 2)
        stated = np.broadcast_to(block.quad_variance, block.quads.fine.shape)
        farther = _squares(block.values, 4)
        each = [near.mean(), far.mean(), farther.mean(), stated.mean(), (near**2).mean(), (far**2).mean()]
        self._sums += np.array(each) * len(near)
        self._count += near.size
        self._frames += len(near)

    def findings(self) -> list[Finding]:
        """Return a finding where the scatter is white and too large."""
        if self._count < _FEWEST:
            return []
        near, far, farther, stated, near_square, far_square = self._sums / self._frames
        error = np.sqrt((near_square + far_square - near**2 - far**2) * 4 / self._count)  # squares share pixels
        white, smooth = _white_part(near, far, farther)
        if stated <= 0 or white < _LEAST * stated or white < stated + _ERRORS * error:
            return []
        if not smooth and abs(far - near) > _WHITE * (near - stated) + 2 * error:
            return []
        ratio, bits = float(white / stated), float(0.5 * np.log2(white / stated))
        photons = self.measured.noise_kind.photons
        cause = (
            "another gain or read noise, light that was subtracted as a background, or electron multiplication (noise emccd)"
            if photons
            else "a larger sigma"
        )
        return [
            Finding(
                "noise-too-large",
                "biased" if smooth else "note",
                f"neighbouring pixels scatter {ratio:.3g} times as much in variance as {self.measured.noise_name} noise, "
                + ("beyond all that the scenes' smooth detail adds" if smooth else "and alike at all distances, as noise does"),
                f"unless the pixels of the scene are independent, it is noise that was not stated: up to {bits:.2g} bits/pixel "
                "of the number are none",
                f"check the noise: {cause}; calibrate the camera with dark frames and flat fields (ideal calibrate)",
                {"ratio": ratio, "bits_per_pixel": bits},
            )
        ]


def _squares(values: np.ndarray, distance: int) -> np.ndarray:
    """Return squared second differences of the corners of squares so large, (sample, row, column, ...)."""
    a, b = values[:, :-distance, :-distance], values[:, :-distance, distance:]
    c, d = values[:, distance:, :-distance], values[:, distance:, distance:]
    return ((a - b - c + d) / 2) ** 2


def _white_part(near: float, far: float, farther: float) -> tuple[float, bool]:
    """Return the part of the power that does not grow with distance, and whether the rest grows as that of smooth scenes.

    Detail s grows to r s and r^2 s, so that (farther - far) / (far - near) is r, and near - (far - near) / (r - 1) is white.
    """
    first, second = far - near, farther - far
    if first > 0 and second > _SMOOTH * first:
        return near - first**2 / (second - first), True
    return near, False

"""Scatter from pixel to pixel that is more than the stated noise, and white as noise is."""

import numpy as np

from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding

_FEWEST = 20_000  # squares
_LEAST = 1.25  # variance over the stated one
_WHITE = 0.05  # by how much power at one pixel's distance and at two may differ, relative to the excess
_ERRORS = 5.0


class ExcessNoise(Check):
    """The variance of second differences at a distance of one pixel and of two, over the stated one.

    Scenes have less detail at one pixel than at two: a lens blurs, and light is smooth. White scatter beyond the stated noise is
    noise that was not stated, as of electron multiplication or another gain, unless the pixels of the scene are independent.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._count = 0
        self._frames = 0
        self._sums = np.zeros(5)  # near, far, stated, squares of near and of far

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and enough pixels, without a mosaic."""
        return has_quads(measured) and not measured.noise_kind.ends and measured.period is None and min(measured.shape[1:3]) >= 8

    def add(self, block: Block) -> None:
        """Add up squared differences at both distances."""
        if not block.sampled:
            return
        v = block.values
        near = block.quads.fine[:, 1:-1, 1:-1] ** 2
        far = ((v[:, :-2, :-2] - v[:, :-2, 2:] - v[:, 2:, :-2] + v[:, 2:, 2:]) / 2) ** 2
        stated = np.broadcast_to(block.quad_variance, block.quads.fine.shape)
        self._sums += [near.mean(), far.mean(), stated.mean(), (near**2).mean(), (far**2).mean()] * np.array(len(v))
        self._count += near.size
        self._frames += len(v)

    def findings(self) -> list[Finding]:
        """Return a finding where the scatter is white and too large."""
        if self._count < _FEWEST:
            return []
        near, far, stated, near_square, far_square = self._sums / self._frames
        if stated <= 0 or near < _LEAST * stated:
            return []
        error = np.sqrt((near_square + far_square - near**2 - far**2) * 4 / self._count)  # squares share pixels
        if near < stated + _ERRORS * error or abs(far - near) > _WHITE * (near - stated) + 2 * error:
            return []
        ratio, bits = float(near / stated), float(0.5 * np.log2(near / stated))
        photons = self.measured.noise_kind.photons
        cause = "another gain or read noise, or electron multiplication (noise emccd)" if photons else "a larger sigma"
        return [
            Finding(
                "noise-too-large",
                "note",
                f"neighbouring pixels scatter {ratio:.3g} times as much in variance as {self.measured.noise_name} noise, and "
                "alike at all distances, as noise does",
                f"unless the pixels of the scene are independent, it is noise that was not stated: up to {bits:.2g} bits/pixel "
                "of the number are none",
                f"check the noise: {cause}; calibrate the camera with dark frames and flat fields (ideal calibrate)",
                {"ratio": ratio, "bits_per_pixel": bits},
            )
        ]

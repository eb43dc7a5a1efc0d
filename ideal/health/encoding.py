"""Traces of what pictures go through on their way to a file: lossy compression, demosaicking, gamma encoding."""

import numpy as np

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_SIDE = 8
_MOST_BLOCKS = 1_500  # of each of the 64 places of the grid
_MOST_SIDE = 256
_FEWEST_BLOCKS = 200
_SMALL = 0.75  # a cosine coefficient of noise or detail is rarely so small; one that was set to 0 is, after rounding
_MORE_SMALL = 0.12  # share of small coefficients on the grid of 8x8 over that off the grid
_ERRORS = 8.0  # standard errors of that share, of the most of 64
_UNEVEN = 1.6  # variance of the finest detail in one phase of 2x2 over that in another, in demosaicked pictures


class Compression(Check):
    """JPEG's grid: more cosine coefficients near 0 in blocks of 8x8 on it than in blocks off it, wherever it begins."""

    def __init__(self, measured):
        super().__init__(measured)
        self._small = np.zeros((_SIDE, _SIDE), dtype=np.int64)  # by the row and the column at which the grid begins
        self._told = np.zeros((_SIDE, _SIDE), dtype=np.int64)
        self._blocks = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of whole numbers, or of values that may have been."""
        return len(measured.shape) > 2 and min(measured.shape[1:3]) >= 3 * _SIDE and measured.dtype.kind != "c"

    def add(self, block: Block) -> None:
        """Count small coefficients and all for each place at which the grid may begin."""
        if not block.sampled or self._blocks >= _MOST_BLOCKS or block.rows is not None:
            return
        pictures = block.raw if block.raw.ndim == 3 else block.raw[..., 0]
        # As many frames as a few blocks take, and of a large frame the middle.
        top, left = (max(0, (size - _MOST_SIDE) // 2) // _SIDE * _SIDE for size in pictures.shape[1:])
        pictures = pictures[:, top : top + _MOST_SIDE, left : left + _MOST_SIDE]
        most = max(1, _MOST_BLOCKS // 8 * _SIDE**2 // int(np.prod(pictures.shape[1:])))
        pictures = pictures[:: max(1, len(pictures) // most)].astype(np.float32)
        small, told = _small_coefficients(pictures)
        self._small, self._told = self._small + small, self._told + told
        self._blocks += len(pictures) * (pictures.shape[1] // _SIDE) * (pictures.shape[2] // _SIDE)

    def findings(self) -> list[Finding]:
        """Return a finding where one place of the grid stands out."""
        if self._blocks < _FEWEST_BLOCKS:
            return []
        share = self._small / np.maximum(self._told, 1)
        row, column = np.unravel_index(share.argmax(), share.shape)
        on = float(share[row, column])
        # Grids that begin in the same row or column share half of the structure.
        off = float(np.delete(np.delete(share, row, axis=0), column, axis=1).max())
        error = np.sqrt(on * (1 - on) / max(float(self._told[row, column]), 1.0))
        if on - off < max(_MORE_SMALL, _ERRORS * error):
            return []
        begin = f", which begins at row {row}, column {column}" if row or column else ""
        return [
            Finding(
                "lossy-compression",
                "biased",
                f"the values look lossily compressed: {on:.0%} of the cosine coefficients of 8x8 pixels are 0 on JPEG's "
                f"grid{begin}, {off:.0%} off it",
                "compression takes noise and detail away, which the noise model does not know: the number is not the camera's",
                "give the raw numbers, or a lossless file",
                {"share_on_grid": on, "share_off_grid": off, "row": int(row), "column": int(column)},
            )
        ]


class Demosaicking(Check):
    """Interpolated colors: the finest detail of a color channel is weaker in the pixels that were filled in."""

    def __init__(self, measured):
        super().__init__(measured)
        self._square: np.ndarray | None = None
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Color images of a plain sensor."""
        color = len(measured.shape) == 4 and measured.shape[3] in (3, 4) and min(measured.shape[1:3]) >= 8
        return color and measured.dtype.kind != "c" and measured.period is None

    def add(self, block: Block) -> None:
        """Add the squared differences of each pixel from the mean of its four neighbours, by phase of 2x2 and channel."""
        if not block.sampled:
            return
        v = np.asarray(block.raw, dtype=np.float64)
        detail = v[:, 1:-1, 1:-1] - (v[:, :-2, 1:-1] + v[:, 2:, 1:-1] + v[:, 1:-1, :-2] + v[:, 1:-1, 2:]) / 4
        rows, columns = (size // 2 * 2 for size in detail.shape[1:3])
        square = detail[:, :rows, :columns] ** 2
        by_phase = np.stack([square[:, dy::2, dx::2].sum((0, 1, 2)) for dy in (0, 1) for dx in (0, 1)])
        self._square = by_phase if self._square is None else self._square + by_phase
        self._count += len(v) * rows * columns // 4

    def findings(self) -> list[Finding]:
        """Return a finding where one phase has far less detail than another in some channel."""
        if self._square is None or self._count < 4000:
            return []
        least = np.maximum(self._square.min(0), 1e-12 * max(float(self._square.max()), 1e-300))
        uneven = self._square.max(0) / least
        if self._square.max() == 0 or uneven.max() < _UNEVEN:
            return []
        return [
            Finding(
                "demosaicked",
                "biased",
                f"colors look interpolated: in one channel the finest detail is {uneven.max():.3g} times as strong in one "
                "pixel of 2x2 as in another",
                "filled-in pixels have no noise of their own, so the number is not the sensor's",
                "give the raw mosaic",
                {"variance_ratio": [float(each) for each in uneven]},
            )
        ]


class GammaEncoding(Check):
    """Pictures of 8 bits whose scatter falls with brightness: encoded for a screen, not counted."""

    def __init__(self, measured):
        super().__init__(measured)
        self._sums = np.zeros((16, 2))
        self._high = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Unsigned 8-bit images under photon noise."""
        images = len(measured.shape) > 2 and min(measured.shape[1:3]) >= 4
        return images and measured.dtype == np.uint8 and noise_is_stated(measured) and measured.noise_kind.photons

    def add(self, block: Block) -> None:
        """Add squared fine differences by level of brightness, in the smoother half of the places."""
        if not block.sampled:
            return
        v = block.raw.astype(np.float32)
        a, b, c, d = v[:, :-1, :-1], v[:, :-1, 1:], v[:, 1:, :-1], v[:, 1:, 1:]
        fine, level = ((a - b - c + d) / 2).ravel(), ((a + b + c + d) / 4).ravel()
        place = np.minimum(level / 16, 15).astype(int)
        self._sums[:, 0] += np.bincount(place, weights=np.minimum(fine**2, 1e4), minlength=16)
        self._sums[:, 1] += np.bincount(place, minlength=16)
        self._high = max(self._high, int(block.raw.max()))

    def findings(self) -> list[Finding]:
        """Return a finding where bright places scatter no more than dark ones, below photon noise."""
        square, count = self._sums.T
        usable = count >= 1000
        if self._high < 230 or usable[:12].sum() < 6:
            return []
        scatter = square[usable] / count[usable]
        level = (np.flatnonzero(usable) + 0.5) * 16
        ratio = scatter / level
        bright = level > 160
        if not bright.any() or not (~bright).any() or np.median(ratio[bright]) > 0.6:
            return []
        return [
            Finding(
                "gamma-encoded",
                "biased",
                f"8-bit pictures that use the range up to {self._high}, with {np.median(ratio[bright]):.2g} of the photon noise "
                "in bright places: they look encoded for a screen (sRGB), not counted",
                "such numbers are not proportional to light, and the number means nothing",
                "give raw counts, or undo the encoding and name the noise that is left",
                {"ratio_in_bright_places": float(np.median(ratio[bright]))},
            )
        ]


def _small_coefficients(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many upper cosine coefficients of 8x8 blocks are nearly 0, and of how many, by row and column of the grid."""
    order, place = np.arange(_SIDE)[:, None], np.arange(_SIDE)
    cosines = np.cos(np.pi * order * (2 * place + 1) / (2 * _SIDE)) * np.sqrt(np.where(order == 0, 1, 2) / _SIDE)
    cosines = cosines.astype(pictures.dtype)
    upper = np.add.outer(np.arange(_SIDE), np.arange(_SIDE)) >= 5
    small, told = np.zeros((_SIDE, _SIDE), dtype=np.int64), np.zeros((_SIDE, _SIDE), dtype=np.int64)
    for left in range(_SIDE):
        columns = (pictures.shape[2] - left) // _SIDE
        strips = pictures[:, :, left : left + columns * _SIDE].reshape(*pictures.shape[:2], columns, _SIDE)
        along = strips @ cosines.T
        for top in range(_SIDE):
            rows = (pictures.shape[1] - top) // _SIDE
            part = np.s_[:, top : top + rows * _SIDE]
            blocks = along[part].reshape(len(pictures), rows, _SIDE, columns, _SIDE)
            # Blocks of one value, as in a dark background, say nothing.
            whole = strips[part].reshape(blocks.shape)
            lively = whole.max((2, 4)) - whole.min((2, 4)) > 4
            coefficients = np.tensordot(blocks.swapaxes(2, 3)[lively], cosines, axes=(1, 1)).swapaxes(1, 2)
            small[top, left] = (np.abs(coefficients[:, upper]) < _SMALL).sum()
            told[top, left] = len(coefficients) * upper.sum()
    return small, told

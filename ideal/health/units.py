"""Whether values that are taken for photoelectrons can be photoelectrons."""

import numpy as np

from ideal.health.calibrated import remedy_of
from ideal.health.check import Block, Check
from ideal.health.finding import Finding, plain_note

_DARK_SHARE = 0.05  # of the pixels may be dead, masked or in the frame's border
_CELL = 3  # pixels
_WEIGHTS = (1, -2, 1)  # second difference along rows, then along columns
_CELLS = 400_000  # cells of 3x3 pixels that are kept
_CELLS_A_BLOCK = 20_000
_FEWEST_CELLS = 500
_TENTHS = 10
_PHOTONS = (0.9, 1.2)  # variance over mean in the darker half of smooth scenes, in photoelectrons
_OFFSET = 0.8  # variance over mean below which there must be an offset or another gain
_ERRORS = 5.0  # standard errors


class Units(Check):
    """Counts in units that nobody has named, or that are no photoelectrons, without a gain and an offset.

    Photoelectrons fluctuate by the root of their number. So the variance of the noise in the darkest places is at least the mean
    there, and more where the scene has fine detail; with an offset it is less. The noise is that of second differences along rows
    and columns of 3x3 pixels, of weights (1, -2, 1) x (1, -2, 1) / 6, which smooth light hardly changes. The floor of the values
    is a quantile over pixels, so that a few dead pixels do not hide an offset.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._least: np.ndarray | None = None  # of every pixel, over all samples
        self._cells: list[np.ndarray] = []  # mean, squared second difference and least value of every cell
        self._kept = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Tell whether the noise is that of counts and nobody has given a gain or an offset."""
        calibration = measured.calibration
        counts = calibration.noise is not None and calibration.noise.photons and not calibration.converts
        return counts and (measured.units_assumed or measured.units != "photoelectrons")

    def add(self, block: Block) -> None:
        """Take the next block into account."""
        least = block.raw.min(axis=0).astype(np.float64)
        if self._least is None or self._least.shape != least.shape:
            self._least = least if self._least is None else self._least
        else:
            np.minimum(self._least, least, out=self._least)
        if not block.sampled or self._kept >= _CELLS or block.raw.ndim < 3:
            return
        rows, columns = self.measured.period or (1, 1)
        values = np.asarray(block.raw[:, ::rows, ::columns], dtype=np.float64)  # pixels of one color of a mosaic
        if min(values.shape[1:3]) >= _CELL:
            self._add_cells(values)

    def _add_cells(self, values: np.ndarray) -> None:
        height, width = (size - _CELL + 1 for size in values.shape[1:3])
        pixels = [[values[:, i : i + height : _CELL, j : j + width : _CELL] for j in range(_CELL)] for i in range(_CELL)]
        bend = np.asarray(sum(_WEIGHTS[i] * _WEIGHTS[j] * pixels[i][j] for i in range(_CELL) for j in range(_CELL))) / 6
        every = np.stack([pixels[i][j] for i in range(_CELL) for j in range(_CELL)])
        found = np.stack([every.mean(0).ravel(), bend.ravel() ** 2, every.min(0).ravel()])
        if found.shape[1] > _CELLS_A_BLOCK:
            found = found[:, np.linspace(0, found.shape[1] - 1, _CELLS_A_BLOCK).astype(int)]
        found = found[:, np.isfinite(found).all(0)]
        self._cells.append(found)
        self._kept += found.shape[1]

    def findings(self) -> list[Finding]:
        """Return what was found in all blocks."""
        if self._least is None:
            return []
        pixels = self._least[np.isfinite(self._least)]
        if not len(pixels):
            return []
        floor = float(np.quantile(pixels, _DARK_SHARE, method="lower"))
        means, ratios, errors = self._noise(floor / 2)
        lowest = int(np.argmin(ratios)) if len(ratios) else 0
        ratio, dark, error = (float(x[lowest]) if len(x) else None for x in (ratios, means, errors))
        counts = len(ratios) > 0 and bool(
            np.all(ratios + 3 * errors >= _PHOTONS[0]) and np.all(ratios[: _TENTHS // 2] <= _PHOTONS[1])
        )
        units = self.measured.units
        figures = {"floor": floor, "noise_over_mean": ratio, "dark_mean": dark}
        if ratio is not None and dark is not None and error is not None and floor > 0 and ratio + _ERRORS * error < _OFFSET:
            return [
                Finding(
                    "units-offset",
                    "biased",
                    f"values taken as photoelectrons never fall below {floor:g} (in 95 % of the pixels), and where their mean is "
                    f"{dark:.4g} the variance of their noise is at most {ratio * dark:.4g}",
                    effect="there is an offset or another gain: the noise is taken as too large, and the number is too low",
                    remedy=remedy_of(self.measured, "give --gain and --offset of the camera", "gain"),
                    figures=figures,
                )
            ]
        if not self.measured.units_assumed:
            text = f"units are {units} but gain is 1 and offset 0"
            return [self._unnamed(text, figures)] if not counts else [plain_note(f"{text}; the noise is that of photoelectrons")]
        if floor > 0 and not counts:
            return [self._unnamed(f"nobody names the units; values from {floor:g} up are taken as photoelectrons", figures)]
        return []

    def _unnamed(self, text: str, figures: dict) -> Finding:
        return Finding(
            "units-assumed",
            "note",
            text,
            effect="were they DN, the noise would be another and the number wrong",
            remedy=remedy_of(self.measured, "give --gain and --offset, or --gain 1 where they are photoelectrons", "gain"),
            figures=figures,
        )

    def _noise(self, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the mean of each tenth of brightness, the variance of its photon noise over its mean, and the error of that.

        Cells with a value below `least` are left out: dead pixels are no noise.
        """
        found = np.concatenate(self._cells, axis=1) if self._cells else np.zeros((3, 0))
        found = found[:, found[2] >= least]
        if found.shape[1] < _FEWEST_CELLS:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        rows, read_out = [], self.measured.read_noise**2
        for part in np.array_split(np.argsort(found[0], kind="stable"), _TENTHS):
            mean, squares = float(found[0, part].mean()), found[1, part]
            if mean > 0:
                rows.append((mean, (squares.mean() - read_out) / mean, squares.std() / np.sqrt(len(part)) / mean))
        if not rows:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        means, ratios, errors = (np.array(column) for column in zip(*rows, strict=True))
        return means, ratios, errors

"""What the noise of neighbouring pixels says of the gain: that it is the inverse of the stated one, or that of another mode."""

import numpy as np

from ideal.health.calibrated import inverted
from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding
from ideal.health.noise_level import BEND, clipped_in, is_low, second_difference

_ALIKE = 0.05  # difference of logarithms of two gains that are the same
_INVERSE = 0.12  # up to which two gains are each other's inverse
_UNIT = 0.2  # logarithm of a gain below which it is too near 1 to be told from its inverse
_SPAN = 1.5  # brightest over darkest part from which on variance tells gain and offset apart
_SMOOTH = 3.0  # chi-squared over degrees of freedom up to which the parts of brightness lie on a line
_SPREAD = 20.0  # variance of the light over that of a cell's mean, from which on its noise does not matter
_ERRORS = 5.0
_LEAST_MOVE = 0.1  # standard deviations of the noise in the dark
_LEAST_CHANGE = 0.1  # of the gain
_PARTS = 10  # of brightness
_CELLS = 400_000
_FEWEST = 400  # cells of a part


class GainMode(Check):
    """The noise of cells of 3x3 pixels against their light, where a gain is stated or a camera was calibrated.

    In electrons as stated the variance goes as b times the mean, and b is the stated gain over the right one. The second
    difference along rows and columns, of weights (1, -2, 1) x (1, -2, 1) / 6, is independent of the mean of its cell, and smooth
    light hardly changes it. Scenes only add to the variance: a slope below 1 is sure, one above 1 only where all light lies on a
    line.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of a camera whose gain is a number other than 1."""
        if not has_quads(measured) or len(measured.shape) != 3:
            return False
        kind, gain = measured.noise_kind, measured.gain
        if not kind.photons or kind.counts or np.ndim(gain) or not measured.calibration.converts:
            return False
        rows, columns = measured.period or (1, 1)
        large = measured.shape[1] > 2 * rows and measured.shape[2] > 2 * columns
        return large and (measured.camera is not None or abs(np.log(gain)) > _UNIT)

    def add(self, block: Block) -> None:
        """Keep (mean, squared second difference, stated variance) of some cells."""
        if not block.sampled or self._count >= _CELLS:
            return
        period, values = self.measured.period or (1, 1), block.values
        even = np.ones(3) / 3
        square = second_difference(values, BEND, period) ** 2 / 36
        mean = second_difference(values, even, period)
        stated = second_difference(np.broadcast_to(block.value_variance, values.shape), BEND**2, period) / 36
        cut = second_difference(clipped_in(block).astype(float), BEND**2, period) > 0
        rows = np.stack([each[~cut] for each in (mean, square, stated)], axis=1)
        self._kept.append(rows[:: max(1, -(-len(rows) * 8 // _CELLS))].astype(np.float32))
        self._count += len(self._kept[-1])

    def findings(self) -> list[Finding]:
        """Return what the noise says of the gain, where it says that."""
        found = np.concatenate(self._kept).astype(np.float64) if self._count else np.empty((0, 3))
        if len(found) < 5 * _FEWEST:
            return []
        means, squares, errors, low = [], [], [], False
        self._stated = float(found[:, 2].mean())
        for part in np.array_split(np.argsort(found[:, 0], kind="stable"), min(_PARTS, len(found) // _FEWEST)):
            mean, square, stated = found[part].T
            if not stated.mean() > 0:
                continue
            means.append(float(mean.mean()))
            squares.append(float(square.mean()))
            ratio = squares[-1] / float(stated.mean())
            # Nine cells share each pixel: their number counts for about a quarter.
            errors.append(float(2 * (square - ratio * stated).std() / np.sqrt(len(part))))
            low |= bool(is_low(ratio, errors[-1] / float(stated.mean())))
        if len(means) < 5:
            return []
        return self._of_line(np.array(means), np.array(squares), np.array(errors), low)

    def _of_line(self, mean: np.ndarray, square: np.ndarray, error: np.ndarray, low: bool) -> list[Finding]:
        if not mean.max() > _SPAN * max(float(mean.min()), 1e-12) or not (error > 0).all():
            return []
        # Cells are sorted by means that hold their own noise: where that is not small beside the light, the slope is too small.
        if mean.var() < _SPREAD * max(float(square.mean()), self._stated) / 9:
            return []
        gain = float(self.measured.gain)
        design = np.stack([np.ones_like(mean), mean], axis=1) / error[:, None]
        line = np.linalg.lstsq(design, square / error, rcond=None)[0]
        scatter = float(((square / error - design @ line) ** 2).sum()) / max(1, len(mean) - 2)
        covariance = np.linalg.inv(design.T @ design) * max(1.0, scatter)
        slope, slope_error = float(line[1]), float(np.sqrt(covariance[1, 1]))
        if not slope > 0:
            return []
        figures = {"gain": gain, "slope": slope, "fitting_gain": gain / slope}
        other = abs(slope - 1) > max(_LEAST_CHANGE, _ERRORS * slope_error)
        inverse = abs(np.log(gain)) > _UNIT and abs(np.log(slope / gain**2)) < _INVERSE
        if other and inverse and (low or scatter < _SMOOTH):
            text = f"the noise of neighbouring pixels fits a gain of about {gain / slope:.3g} e-/DN, stated is {gain:.4g}"
            return [inverted(text, 1 / gain, figures)]
        camera = self.measured.camera
        if camera is None or abs(np.log(gain / camera.value("gain"))) > _ALIKE:
            return []  # another gain that somebody states beside the camera is said already
        if other and (slope < 1) == low and (low or scatter < _SMOOTH):
            return [self._another_gain(slope, figures)]
        dark = float(np.mean(np.square(self.measured.read_noise)))
        less = dark - float(line[0])
        if low and less > max(_ERRORS * float(np.sqrt(covariance[0, 0])), _LEAST_MOVE * np.sqrt(dark)):
            return [self._moved(less, figures)]
        return []

    def _another_gain(self, slope: float, figures: dict) -> Finding:
        gain = self.measured.camera.value("gain")
        text = f"the noise fits a gain of about {gain / slope:.3g} e-/DN, the calibration says {gain:.4g}"
        remedy = "calibrate the camera in the mode (gain, bits, readout) of the measurements"
        if slope < 1:
            more = "; processed frames look so, too"
            return Finding("calibration-differs", "biased", text, "the noise is taken as too large", remedy + more, figures)
        text += ", unless the scenes have such detail"
        return Finding("calibration-differs", "note", text, "the noise would be taken as too small", remedy, figures)

    def _moved(self, less: float, figures: dict) -> Finding:
        camera, gain = self.measured.camera, float(self.measured.gain)
        return Finding(
            "calibration-differs",
            "biased",
            f"the noise is that of {less:.3g} photoelectrons less than the values say: the dark level is about {less / gain:.3g} "
            f"DN above that of the calibration, {camera.value('offset'):.4g} DN",
            "the noise is taken as too large, and the number is too low",
            "record dark frames with the measurements and calibrate anew",
            figures | {"moved": less / gain},
        )

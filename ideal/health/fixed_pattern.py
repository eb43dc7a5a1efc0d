"""What a sensor adds to every frame: a pattern of gain or offset by pixel, and rows or columns that flicker as one."""

import numpy as np

from ideal.health.calibrated import remedy_of
from ideal.health.check import Block, Check, has_quads
from ideal.health.finding import Finding, Severity

_FEWEST_FRAMES = 20
_FEWEST_COUNTS = 3.0  # of a pixel in all frames: the median of squares tells the scatter of fewer wrongly
_CORRECT = "subtract a dark frame and divide by a flat field, then give the noise that is left"
_LEAST_BITS = 0.02  # false information in one pixel that is worth a word
_WHITE = 0.5  # power at a distance of one pixel over that at two; a smooth scene has a sixteenth or so
_ERRORS = 6.0
_UNSMOOTH = 0.45  # power at a distance of one row over that at two
_LAGS = 8  # lines
_REPEATING = 0.3  # correlation of second differences three lines apart or more, which independent lines do not have
_FAINT = 0.25  # deviation over the mean light, above which stripes are rather of the scene
_BELOW = 0.02  # share of lines below the dark, where no light can be
_UNEQUAL = 0.3  # power of the difference of a line's halves over that of what they share
_BANDING = 3.0  # power between rows over that between columns, and over that of the noise


class FixedPattern(Check):
    """Whether the mean of all frames has detail from pixel to pixel that is more than their noise and no scene."""

    def __init__(self, measured):
        super().__init__(measured)
        self._sum: np.ndarray | None = None
        self._frames, self._square = 0, 0.0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and enough pixels."""
        return has_quads(measured) and int(np.prod(measured.shape[1:3])) >= 256

    def add(self, block: Block) -> None:
        """Add up frames and their stated variance."""
        if not block.sampled:
            return
        total, variance = block.values.sum(0), np.broadcast_to(block.value_variance, block.values.shape).sum(0)
        self._square += float((block.quads.fine**2).mean() * len(block.raw))
        if self._sum is None:
            self._sum, self._variance = total, variance
        else:
            self._sum, self._variance = self._sum + total, self._variance + variance
        self._frames += len(block.raw)

    def findings(self) -> list[Finding]:
        """Return a finding where there is a white pattern worth a word."""
        if self._frames < _FEWEST_FRAMES:
            return []
        mean, noise = self._sum / self._frames, self._variance / self._frames
        rows, columns = self.measured.period or (1, 1)
        near, far = _fine(mean, rows, columns), _fine(mean, 2 * rows, 2 * columns)
        if not near.size or not far.size:
            return []
        noise = float(np.mean(noise))
        if noise <= 0 or (self.measured.noise_kind.counts and float(np.mean(mean)) * self._frames < _FEWEST_COUNTS):
            return []
        # Single hot pixels are told elsewhere: they must not make a pattern of all.
        near_power, far_power = (_bulk(each) for each in (near, far))
        if self.measured.period is None:  # the colors of a mosaic that nobody has named are no fault
            near_power = min(near_power, _bulk(_fine(_without_mosaic(mean), rows, columns)))
        # The detail of different scenes averages out as noise does; frames of one source count once.
        sources = len(np.unique(self.measured.groups)) if self.measured.has_groups else len(self.measured)
        independent = max(1.0, self._frames * sources / len(self.measured))
        left = max(self._square / self._frames / independent, noise / self._frames)
        pattern = near_power - left
        error = left * np.sqrt(8 / near.size)  # of what is left without a pattern
        bits = 0.5 * np.log2(1 + max(pattern, 0.0) / noise)
        if pattern < _ERRORS * error or near_power < _WHITE * far_power or bits < _LEAST_BITS:
            return []
        level = abs(float(mean.mean()))
        share = np.sqrt(pattern) / level if level > 0 else np.inf
        return [
            Finding(
                "fixed-pattern",
                "biased",
                f"all frames share a pattern from pixel to pixel of {np.sqrt(pattern):.3g} {_unit(self.measured)} "
                f"({share:.2g} of the mean), more than {self._frames} frames' noise leaves",
                f"it counts as information about the object, up to {bits:.2g} bits/pixel",
                remedy_of(self.measured, _CORRECT, "maps"),
                {"pattern": float(np.sqrt(pattern)), "share_of_mean": float(share), "bits_per_pixel": float(bits)},
            )
        ]


class LinePattern(Check):
    """Whether rows, or columns, differ as a whole in the mean of all frames: a pattern of amplifiers by row or column."""

    def __init__(self, measured):
        super().__init__(measured)
        self._sum: np.ndarray | None = None
        self._frames = 0
        self._square = np.zeros(2)
        self._noise = 0.0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and enough lines."""
        period = measured.period or (1, 1)
        return has_quads(measured) and all(n >= 16 * step for n, step in zip(measured.shape[1:3], period, strict=True))

    def add(self, block: Block) -> None:
        """Add up frames, and the power of lines' means in each frame."""
        if not block.sampled:
            return
        values = block.values.reshape(*block.values.shape[:3], -1).mean(3)
        self._sum = values.sum(0) if self._sum is None else self._sum + values.sum(0)
        for axis in (0, 1):
            self._square[axis] += (self._bend(values.mean(2 - axis), axis, 1) ** 2).mean() * len(values)
        self._noise += float(np.mean(np.broadcast_to(block.value_variance, block.values.shape))) * len(values)
        self._frames += len(values)

    def _bend(self, line: np.ndarray, axis: int, step: int) -> np.ndarray:
        step *= (self.measured.period or (1, 1))[axis]
        return line[..., : -2 * step] - 2 * line[..., step:-step] + line[..., 2 * step :]

    def findings(self) -> list[Finding]:
        """Return a finding for rows or columns whose pattern stands in all frames."""
        if self._frames < _FEWEST_FRAMES or self._noise <= 0:
            return []
        mean, noise = self._sum / self._frames, self._noise / self._frames
        sources = len(np.unique(self.measured.groups)) if self.measured.has_groups else len(self.measured)
        independent = max(1.0, self._frames * sources / len(self.measured))
        power, far, other, found = np.zeros(2), np.zeros(2), np.zeros(2), []
        for axis in (0, 1):
            line = mean.mean(1 - axis)
            bend = self._bend(line, axis, 1)
            # Neither the scenes' own lines nor a pattern from pixel to pixel count, of which a line averages many.
            pixels = 6 * _bulk(_fine(mean, *(self.measured.period or (1, 1)))) / mean.shape[1 - axis]
            other[axis] = self._square[axis] / self._frames / independent + pixels
            power[axis] = _bulk(bend) - other[axis]
            far[axis] = _bulk(self._bend(line, axis, 2))
        for axis, name in enumerate(("rows", "columns")):
            pattern = power[axis] / 6
            bits = 0.5 * np.log2(1 + max(pattern, 0.0) / noise)
            error = other[axis] / 6 * np.sqrt(4 / mean.shape[axis])
            alone = power[axis] > _BANDING * max(power[1 - axis], 0.0) and power[axis] > _UNSMOOTH * far[axis]
            if alone and bits > _LEAST_BITS and pattern > _ERRORS * error:
                line = mean.mean(1 - axis)
                below = line < -4 * np.sqrt(noise / mean.shape[1 - axis])
                dark = self.measured.noise_kind.photons and below.mean() > _BELOW
                bend = self._bend(line, axis, 1)
                lags = np.array([(bend[: len(bend) - lag] * bend[lag:]).mean() for lag in range(_LAGS)])
                # Of a few lines chance makes some alike.
                repeats = len(bend) > 5 * _LAGS and _repeats(lags)
                sure = dark or (np.sqrt(pattern) < _FAINT * abs(float(mean.mean())) and not repeats)
                found.append(_line_pattern(self.measured, name, np.sqrt(pattern), bits, "biased" if sure else "note"))
        return found


class Banding(Check):
    """Rows, or columns, that are brighter or darker as a whole from frame to frame.

    What an amplifier adds to a row is the same in both halves of it, differs from the next row at random and changes with the
    frame. Stripes of a scene may do so too: where they are as strong as the light allows, or repeat, they are only a remark.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._cross = np.zeros((2, 2))  # by axis and distance: product of the bends of both halves, free of their noise
        self._apart = np.zeros((2, 2))  # squared half difference of the halves' bends
        self._lags = np.zeros((2, _LAGS))
        self._total: list[np.ndarray | float] = [0.0, 0.0]
        self._noise, self._dark = np.zeros(2), np.zeros(2)
        self._count, self._light = 0, 0.0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise and rows long enough to average over."""
        period = measured.period or (1, 1)
        return has_quads(measured) and all(n >= 12 * step for n, step in zip(measured.shape[1:3], period, strict=True))

    def add(self, block: Block) -> None:
        """Add the products of the second differences of lines' means, of both halves of the lines and at two distances."""
        if not block.sampled:
            return
        v, variance = block.values, np.broadcast_to(block.value_variance, block.values.shape)
        v, variance = v.reshape(*v.shape[:3], -1).mean(3), variance.reshape(*v.shape[:3], -1).mean(3)
        channels = self.measured.shape[3] if len(self.measured.shape) > 3 else 1
        for axis in (0, 1):
            half = v.shape[2 - axis] // 2
            first, second = np.split(np.moveaxis(v, 2 - axis, 2)[:, :, : 2 * half], 2, axis=2)
            halves = first.mean(2), second.mean(2)
            for number, step in enumerate((1, 2)):
                one, other = (self._bend(line, axis, step) for line in halves)
                self._cross[axis, number] += (one * other).mean() * len(v)
                self._apart[axis, number] += ((one - other) ** 2 / 4).mean() * len(v)
                if number == 0:
                    bend = (one + other) / 2
                    self._lags[axis] += [(bend[:, : bend.shape[1] - k] * bend[:, k:]).mean() * len(v) for k in range(_LAGS)]
                    self._total[axis] = self._total[axis] + bend.sum(0)
            noise = variance.mean() / v.shape[2 - axis] / channels
            self._dark[axis] += np.mean((halves[0] + halves[1]) / 2 < -4 * np.sqrt(max(noise, 0.0))) * len(v)
            self._noise[axis] += 6 * noise * len(v)
        self._light += float(v.mean()) * len(v)
        self._count += len(v)

    def _bend(self, line: np.ndarray, axis: int, step: int) -> np.ndarray:
        step *= (self.measured.period or (1, 1))[axis]
        return line[:, : -2 * step] - 2 * line[:, step:-step] + line[:, 2 * step :]

    def findings(self) -> list[Finding]:
        """Return a finding for rows or for columns."""
        if self._count < 4 or (self._noise <= 0).any():
            return []
        found = []
        noise = self.measured.noise
        lines = (0.0, 0.0) if noise is None else noise.line_variances
        for axis, name in enumerate(("rows", "columns")):
            power, beside = (_white(each) for each in (self._cross[axis], self._cross[1 - axis]))
            known = [6 * each * self._count for each in (lines[axis], lines[1 - axis])]  # what the noise model says they share
            power, stated = power - known[0], self._noise[axis] + known[0]
            excess = 1 + power / stated
            other = max(1 + (beside - known[1]) / (self._noise[1 - axis] + known[1]), 1.0)
            if excess < _BANDING * other or power < 0.5 * (self._cross[axis, 0] - known[0]):
                continue
            if _white(self._apart[axis]) - self._noise[axis] > _UNEQUAL * power:
                continue  # what fades along the line is of the scene
            fixed = np.mean(np.square(self._total[axis])) / self._count - self._lags[axis, 0] / self._count
            deviation = np.sqrt(power / 6 / self._count)
            if fixed < 0.5 * self._lags[axis, 0]:
                found.append(self._named(axis, name, excess, deviation))
            elif self._is_sure(axis, deviation):  # what stands in all frames is told where no scene is likely to do so
                pixel = self._noise[axis] / 6 / self._count * self.measured.shape[2 - axis]
                bits = 0.5 * np.log2(1 + deviation**2 / pixel)
                found.append(_line_pattern(self.measured, name, deviation, bits, "biased"))
        return found

    def _is_sure(self, axis: int, deviation: float) -> bool:
        """Tell whether lines are too faint beside the light, or below the dark, and too irregular, for stripes of a scene."""
        below = self.measured.noise_kind.photons and self._dark[axis] > _BELOW * self._count
        return below or (deviation < _FAINT * abs(self._light / self._count) and not _repeats(self._lags[axis]))

    def _named(self, axis: int, name: str, excess: float, deviation: float) -> Finding:
        sure = self._is_sure(axis, deviation)
        text = (
            f"{name} differ as a whole by {deviation:.3g} {_unit(self.measured)} from one to the next, {excess:.3g} times in "
            "variance what independent noise would leave"
        )
        if sure:
            effect = "this noise is shared along them and not in the noise model: it counts as information"
        else:
            effect = "if it is noise of the sensor, and the scenes have no such stripes, it counts as information"
        remedy = f"subtract what dark pixels of the same {name} show" + ("" if sure else ", where it is noise")
        remedy = remedy_of(self.measured, remedy, "dark")
        figures = {"axis": name, "deviation": float(deviation), "variance_ratio": float(excess)}
        return Finding("banding", "biased" if sure else "note", text, effect, remedy, figures)


def _fine(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    if picture.shape[0] <= rows or picture.shape[1] <= columns:
        return np.empty(0)
    a, b = picture[:-rows, :-columns], picture[:-rows, columns:]
    c, d = picture[rows:, :-columns], picture[rows:, columns:]
    return (a - b - c + d) / 2


def _line_pattern(measured, name: str, deviation: float, bits: float, severity: Severity) -> Finding:
    scene = "" if severity == "biased" else ", unless the scenes have such stripes there"
    return Finding(
        "fixed-pattern",
        severity,
        f"{name} differ as a whole in all frames alike, by {deviation:.3g} {_unit(measured)}",
        f"it counts as information about the object, up to {bits:.2g} bits/pixel{scene}",
        remedy_of(measured, _CORRECT, "maps"),
        {"axis": name, "pattern": float(deviation), "bits_per_pixel": float(bits)},
    )


def _repeats(lags: np.ndarray) -> bool:
    """Tell whether second differences of lines are alike further apart than independent lines make them: stripes, or hum."""
    return bool(np.abs(lags[3:]).max() > _REPEATING * lags[0])


def _without_mosaic(mean: np.ndarray) -> np.ndarray:
    """Return a picture whose four phases of 2x2 pixels are equally bright; itself where they hold no light to compare."""
    phases = [np.s_[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]
    levels = [float(mean[phase].mean()) for phase in phases]
    if min(levels) < 0.02 * max(levels) or max(levels) <= 0:
        return mean
    even = mean.copy()
    for phase, level in zip(phases, levels, strict=True):
        even[phase] *= max(levels) / level
    return even


def _white(power: np.ndarray) -> float:
    """Return the part of the power of second differences, at a distance of one and of two lines, that no smooth scene makes."""
    return float((16 * power[0] - power[1]) / 15)  # a smooth one has 16 times as much at twice the distance


def _bulk(values: np.ndarray) -> float:
    """Return the variance of values about 0 that a few far ones do not change: by the median of squares of a Gaussian."""
    return float(np.median(np.abs(values)) / 0.6745) ** 2


def _unit(measured) -> str:
    return "photoelectrons" if measured.calibration.converts or measured.units == "photoelectrons" else measured.units

"""Noise stated against noise there: no scene can make neighbouring pixels scatter less than their noise."""

from dataclasses import replace

import numpy as np

from ideal.health.check import Block, Check, has_quads, noise_is_stated
from ideal.health.finding import Finding

_TENTHS = 10
_UNEVEN = 1.2  # largest over least stated variance from which on noise is sorted by it too
BEND = np.array([1.0, -2.0, 1.0])  # second difference along rows, then along columns
_MOST_QUADS = 1_500_000
_FEWEST = 400  # squares in a tenth, or pairs of frames times values, below which chance decides
_LEAST_RATIO = 0.8  # right data, real flat fields and dark frames included, measured 0.92 and more
_ERRORS = 4.0
_MANY_PAIRS, _TAILS = 300, 10.0  # pairs, and pairs over the excess kurtosis of the noise, from which on a mean sorts values
_PILED = 2e-3  # share of one extreme value that is clipped: its squares do not scatter as they should
_MOST_CLIPPED = 0.1  # share of squares, or values, above which the rest of a tenth is cut off too much to be judged


class NoiseLevel(Check):
    """The variance of the diagonal second difference of 2x2 pixels over the stated noise variance, by tenths of brightness.

    For independent noise the ratio is 1 plus what the scene adds, whatever the scene. Squares are sorted by the brightness of
    others beside them, whose noise is independent, so that the sorting itself favors no ratio. Where it is below 1 the noise is
    smaller than stated, or neighbours share it: averaged, registered, interpolated, compressed, gamma-encoded or wrongly scaled
    values.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with stated noise."""
        return has_quads(measured)

    def add(self, block: Block) -> None:
        """Keep (brightness beside it, squared difference, stated variance, whether it is clipped) of some squares."""
        if not block.sampled or self._count >= _MOST_QUADS:
            return
        fine, level = block.quads
        variance = np.broadcast_to(block.quad_variance, fine.shape)
        beside, inner = _beside(level, self.measured.period or (1, 1))
        clipped = _of_squares(clipped_in(block), self.measured.period or (1, 1))[inner]
        rows = np.stack([each.ravel() for each in (beside, fine[inner] ** 2, variance[inner], clipped)], axis=1)
        stride = max(1, -(-len(rows) * 8 // _MOST_QUADS))
        self._kept.append(_single(rows[::stride]))
        self._count += len(self._kept[-1])

    def ratios(self) -> list[tuple[float, float, float]]:
        """Return (mean stated variance, ratio, its standard error) of each tenth of brightness, the darkest first."""
        if not self._count:
            return []
        rows = np.concatenate(self._kept).astype(np.float64)
        edges = np.unique(np.quantile(rows[:, 0], np.linspace(0, 1, _TENTHS + 1)[1:-1]))
        tenth = np.searchsorted(edges, rows[:, 0], side="right")
        found = []
        for k in np.unique(tenth):
            clipped = rows[tenth == k, 3] > 0
            if clipped.mean() > _MOST_CLIPPED:
                continue
            square, stated = rows[tenth == k, 1][~clipped], rows[tenth == k, 2][~clipped]
            if len(square) >= _FEWEST and stated.sum() > 0:
                ratio = square.sum() / stated.sum()
                # Squares that overlap share pixels: their number counts for about half.
                error = np.sqrt(2 * ((square - ratio * stated) ** 2).sum()) / stated.sum()
                found.append((float(stated.mean()), float(ratio), float(error)))
        return found

    def findings(self) -> list[Finding]:
        """Return a finding where a tenth scatters less than its noise allows."""
        ratios = self.ratios()
        low = [(ratio, variance, number) for number, (variance, ratio, error) in enumerate(ratios) if is_low(ratio, error)]
        if not low:
            return []
        ratio, variance, number = min(low)
        where = {0: "in the darkest places", len(ratios) - 1: "in the brightest places"}.get(
            number, "in places of middling light"
        )
        where = where if len(ratios) > 1 else "on the whole"
        return [
            _finding(
                self.measured,
                f"neighbouring pixels scatter less than {self.measured.noise_name} noise allows, {where} by a factor of "
                f"{ratio:.2g} in variance, which no scene can do",
                ratio,
                {"ratio": ratio, "stated_variance": variance, "ratios": [each[1] for each in ratios]},
                [each[1] for each in ratios],
            )
        ]


class UnevenNoise(Check):
    """The variance of second differences of 3x3 pixels over the stated one, by tenths of the stated one, where that varies.

    A map of sigma that is turned, moved or of another sensor states too much in some places and too little in others, which
    sorting by brightness would mix. Smooth scenes add less to cells of 3x3 pixels than to squares of 2x2.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images with continuous noise whose sigma differs from place to place or from sample to sample."""
        rows, columns = measured.period or (1, 1)
        if not has_quads(measured) or not measured.noise_kind.additive:
            return False
        varies = measured.has_sample_sigma or np.ptp(measured.sigma) > 0
        return varies and measured.shape[1] > 2 * rows and measured.shape[2] > 2 * columns

    def add(self, block: Block) -> None:
        """Keep (squared second difference, stated variance) of some cells."""
        if not block.sampled or self._count >= _MOST_QUADS:
            return
        period = self.measured.period or (1, 1)
        square = second_difference(block.values, BEND, period) ** 2 / 36
        stated = second_difference(np.broadcast_to(block.value_variance, block.values.shape), BEND**2, period) / 36
        good = ~(second_difference(clipped_in(block).astype(float), BEND**2, period) > 0)
        rows = np.stack([square[good], stated[good]], axis=1)
        self._kept.append(_single(rows[:: max(1, -(-len(rows) * 8 // _MOST_QUADS))]))
        self._count += len(self._kept[-1])

    def findings(self) -> list[Finding]:
        """Return a finding where the places of some stated noise scatter less than it allows."""
        square, stated = np.concatenate(self._kept).astype(np.float64).T if self._count else (np.empty(0),) * 2
        if not len(stated) or stated.max() < _UNEVEN * stated.min():
            return []
        ratios = []
        for part in np.array_split(np.argsort(stated, kind="stable"), _TENTHS):
            if len(part) < _FEWEST:
                continue
            ratio = square[part].sum() / stated[part].sum()
            # Nine cells share each pixel: their number counts for about a quarter.
            error = np.sqrt(4 * ((square[part] - ratio * stated[part]) ** 2).sum()) / stated[part].sum()
            ratios.append((float(ratio), float(error), float(stated[part].mean())))
        low = [(ratio, variance) for ratio, error, variance in ratios if is_low(ratio, error)]
        if not low:
            return []
        (ratio, variance), every = min(low), [each[0] for each in ratios]
        text = (
            f"neighbouring pixels scatter less than their stated sigma allows, by a factor of {ratio:.2g} in variance where it "
            f"is about {np.sqrt(variance):.3g}, which no scene can do"
        )
        finding = _finding(self.measured, text, ratio, {"ratio": ratio, "stated_variance": variance, "ratios": every}, every)
        if max(every) < 2 * min(every):
            return [finding]
        effect = "the noise is stated too large in some places, and may be too small in others: the number is wrong"
        return [
            replace(finding, effect=effect, remedy="check that the map of sigma is turned and placed as the measurements are")
        ]


class SampleScatter(Check):
    """The variance of the difference of two samples over twice the stated noise variance, by tenths of the values' means.

    It cannot be below 1 either, whatever the two show. It is the only such check for vectors and visibilities.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._square = self._stated = self._sum = self.clipped_in = 0.0
        self._pairs = self._samples = 0
        self._last: np.ndarray | None = None

    @classmethod
    def applies(cls, measured) -> bool:
        """All with stated noise and at least a few samples."""
        return noise_is_stated(measured) and len(measured) >= 8

    def add(self, block: Block) -> None:
        """Add the differences of neighbouring samples."""
        if not block.sampled or len(block.raw) < 2:
            return
        v = block.values
        gap = np.abs(v[1:] - v[:-1]) ** 2 / 2
        gap = gap[gap.reshape(len(gap), -1).any(1)]  # copies are told elsewhere
        if not len(gap):
            return
        self._square = self._square + gap.sum(0)
        self._stated = self._stated + block.value_variance.sum(0)
        self._sum = self._sum + np.abs(v).sum(0)
        self.clipped_in = self.clipped_in + clipped_in(block).sum(0)
        self._pairs, self._samples = self._pairs + len(gap), self._samples + len(v)

    def findings(self) -> list[Finding]:
        """Return a finding where a tenth of the values scatters less than its noise allows."""
        if not self._pairs:
            return []
        square = np.ravel(self._square)
        stated = np.broadcast_to(np.ravel(self._stated), square.shape) * self._pairs / self._samples
        clipped = np.ravel(self.clipped_in)
        orders = [np.argsort(np.ravel(self._sum), kind="stable")]
        kind = self.measured.noise_kind
        if kind.additive and stated.max() > _UNEVEN * stated.min():
            orders.append(np.argsort(stated, kind="stable"))
        # With read noise, the mean of few samples would sort values by their noise; of rare photons, so would that of many.
        middle = max(float(stated.mean()) / self._pairs, 1e-100)
        tails = float(self.measured.noise.fourth_cumulant(middle)) / middle**2 if kind.photons and not kind.counts else 0.0
        sorts = kind.counts or kind.additive or self._pairs >= max(_MANY_PAIRS, _TAILS * tails)
        number = _TENTHS if sorts and len(square) * self._pairs >= _TENTHS * _FEWEST else 1
        ratios = []
        for part in (part for order in orders for part in np.array_split(order, number)):
            count = len(part) * self._pairs
            total = stated[part].sum()
            if clipped[part].sum() > _MOST_CLIPPED * len(part) * self._samples:
                continue
            if count >= _FEWEST and total > 0:
                ratio = square[part].sum() / total
                # Three halves: neighbouring differences share a sample. Counts scatter by 1/mean more, rare large values by more.
                error = np.sqrt(3 * max(ratio, 0.1) ** 2 * (1 + max(1 / max(total / count, 1e-3), tails)) / count)
                ratios.append((float(ratio), float(error)))
        low = [ratio for ratio, error in ratios if is_low(ratio, error)]
        if not low:
            return []
        ratio = min(low)
        text = (
            f"samples differ by less than {self.measured.noise_name} noise allows, by a factor of {ratio:.2g} in variance: the "
            "same values, or noise stated too large"
        )
        every = [each for each, _ in ratios]
        return [_finding(self.measured, text, ratio, {"ratio": ratio, "ratios": every}, every)]


def is_low(ratio: float, error: float) -> bool:
    """Tell whether a variance over the stated one is below what chance makes of noise that is stated right."""
    return ratio < _LEAST_RATIO and ratio + _ERRORS * error < 1.0


def _finding(measured, text: str, ratio: float, figures: dict, ratios: list[float]) -> Finding:
    lost = -0.5 * np.log2(max(ratio, 1e-12))
    figures = figures | {"bits_too_low": float(lost)}
    if measured.noise_kind.additive:
        fits = float(np.sqrt(max(ratio, 1e-12)))
        remedy = f"check sigma, which is {1 / fits:.3g} times as large as the values allow; give values that nobody has processed"
        figures["sigma_factor"] = fits
    elif not measured.noise_kind.photons:
        named = ", ".join(each.name for each in measured.noise_kind.figures) or measured.noise_name
        remedy = f"check {named}, which allows {1 / max(ratio, 1e-12):.3g} times the variance that is there; give raw values"
    else:
        gain = measured.gain / max(ratio, 1e-12)
        figures["gain"] = float(gain)
        camera = "--noise poisson-gaussian --read-noise R " if measured.noise_kind.counts else ""
        even = 0 < max(ratios) < 2 * min(ratios)
        remedy = (
            "averaged, registered, scaled, compressed, gamma-encoded or denoised values have such noise: give the raw counts"
            + (f", or the gain (about {camera}--gain {gain:.3g})" if even else "")
        )
    effect = f"the number is too low, by up to {lost:.2g} bits a value"
    return Finding("noise-too-small", "biased", text, effect, remedy, figures)


def _beside(level: np.ndarray, period: tuple[int, int]) -> tuple[np.ndarray, tuple[slice, ...]]:
    """Return the mean level of squares beside each square that share no pixel with it, and which squares have some."""
    rows, columns = (2 * step for step in period)
    tall, wide = level.shape[1] > 2 * rows, level.shape[2] > 2 * columns
    inner = (
        slice(None),
        slice(rows, -rows) if tall else slice(None),
        slice(columns, -columns) if wide else slice(None),
    )
    found: np.ndarray | float = 0.0
    count = 0
    if tall:
        middle: tuple[slice, ...] = (slice(None), slice(None), inner[2])
        found, count = found + level[middle][:, : -2 * rows] + level[middle][:, 2 * rows :], count + 2
    if wide:
        middle = (slice(None), inner[1])
        found, count = found + level[middle][:, :, : -2 * columns] + level[middle][:, :, 2 * columns :], count + 2
    if not count:
        return np.zeros_like(level), inner
    return np.asarray(found / count), inner


def second_difference(values: np.ndarray, weights: np.ndarray, period: tuple[int, int]) -> np.ndarray:
    """Return sums with these three weights along rows and along columns, a period apart, of (sample, row, column, ...)."""
    for axis, step in zip((1, 2), period, strict=True):
        lines = np.moveaxis(values, axis, 0)
        total = weights[0] * lines[: -2 * step] + weights[1] * lines[step:-step] + weights[2] * lines[2 * step :]
        values = np.moveaxis(total, 0, axis)
    return values


def _single(rows: np.ndarray) -> np.ndarray:
    """Return values in single precision, those beyond its range at its ends."""
    most = np.finfo(np.float32).max
    return np.clip(rows, -most, most).astype(np.float32)


def clipped_in(block: Block) -> np.ndarray:
    """Return which values (sample, ...) stand at an extreme where values pile up."""
    raw, bad = block.raw, np.zeros(block.raw.shape, bool)
    if raw.dtype.kind == "c":
        return bad
    calibration = block.measured.calibration
    if calibration.floor is not None:
        bad |= raw <= calibration.floor
    if calibration.saturation is not None:
        bad |= raw >= calibration.saturation
    low, high = raw.min(), raw.max()
    for extreme in (low, high) if low != high else ():
        if extreme == low and _is_dark_by_nature(block.measured) and not block.measured.calibration.converts:
            continue  # dark pixels hold no photons
        at = raw == extreme
        if at.mean() > _PILED:
            bad |= at
    return bad


def _is_dark_by_nature(measured) -> bool:
    return measured.noise_kind is not None and measured.noise_kind.counts


def _of_squares(bad: np.ndarray, period: tuple[int, int]) -> np.ndarray:
    """Return which squares hold a value that is bad."""
    rows, columns = period
    bad = bad[:, :-rows] | bad[:, rows:]
    return bad[:, :, :-columns] | bad[:, :, columns:]

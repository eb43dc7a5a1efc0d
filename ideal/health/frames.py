"""Frames and pixels that hold nothing, frames unlike all others, and brightness that drifts over the set."""

from collections.abc import Sequence

import numpy as np
from scipy.special import erf

from ideal.errors import DataError
from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding

_FEW_COUNTS = 30.0  # photoelectrons in a frame below which one may well be dark by chance
_RARE_RUN = 1e-3  # expected number of runs of dark frames as long as one that chance does not explain
_FEWEST_FRAMES = 10
_LIT = 5.0  # photoelectrons beside a pixel that is always 0, which then should have some
_BY_CHANCE, _NEARLY_ALL = 1e-3, 0.8
_LIT_SHARE = 0.25  # of the mean of all pixels
_LEAST_DRIFT, _DRIFT_ERRORS = 0.1, 5.0
_FAR = 30.0  # median deviations from the median
_FEW_OUTLIERS = 0.02  # share of the frames; more are a second kind of scene


class FrameStatistics:
    """Least, greatest and mean value of every frame shown, and which frames hold nothing.

    Attributes:
        blank: numbers of the frames that hold nothing: one and the same constant value in each.

    """

    def __init__(self, measured):
        self.measured = measured
        self._columns: list[np.ndarray] = []

    def add(self, start: int, raw: np.ndarray, finite: np.ndarray) -> None:
        """Add the frames of one block, those of which are `finite` alone."""
        values = (np.abs(raw) if self.measured.dtype.kind == "c" else raw).reshape(len(raw), -1)
        number = np.arange(start, start + len(raw), dtype=np.float64)
        with np.errstate(invalid="ignore"):
            columns = np.stack([number, values.min(1), values.max(1), values.mean(1, dtype=np.float64)], axis=1)
        self._columns.append(columns[finite])

    @property
    def size(self) -> int:
        """Number of values of a frame."""
        return int(np.prod(self.measured.shape[1:]))

    @property
    def table(self) -> np.ndarray:
        """(frame, 4) of number, least, greatest and mean stored value."""
        return np.concatenate(self._columns) if self._columns else np.empty((0, 4))

    def blank(self) -> tuple[np.ndarray, float | None]:
        """Return the numbers of the frames that hold nothing, and the value that fills them."""
        number, low, high, mean = self.table.T
        flat = low == high
        if not flat.any() or flat.all():
            return np.empty(0, dtype=np.int64), None
        values, counts = np.unique(low[flat], return_counts=True)
        fill = float(values[np.argmax(counts)])
        is_lost = self._not_by_chance(fill, flat & (low == fill), mean[~flat])
        blank = number[is_lost].astype(np.int64)
        if self.measured.has_clean:  # the object was dark there, and so the frame is right
            blank = blank[[self._is_lit(k) for k in blank.tolist()]]
        return blank, fill if len(blank) else None

    def _is_lit(self, number: int) -> bool:
        """Tell whether the noiseless means of a frame hold light."""
        try:
            return bool(np.any(self.measured.read_clean(number, number + 1) > _FEW_COUNTS / self.size))
        except DataError:  # of means that are not finite, which others name
            return True

    def _not_by_chance(self, fill: float, is_fill: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Return which of the frames of one value so little light does not explain."""
        size, noise = self.size, self.measured.noise
        if noise in ("gaussian", "complex-gaussian"):
            return is_fill
        if fill != self.measured.offset and size < 64:
            return is_fill & (is_fill.sum() >= 0.5 * len(is_fill))  # not a few equal counts in a small frame
        counts = (means - self.measured.offset) * self.measured.gain * size
        is_dim = fill == self.measured.offset and np.quantile(counts, 0.1) < _FEW_COUNTS
        return _in_rare_runs(is_fill) if is_dim else is_fill

    def findings(self) -> list[Finding]:
        """Return findings on frames that hold nothing, on drift and on outliers."""
        blank, fill = self.blank()
        notes = []
        table = self.table
        if len(blank):
            seen = len(table)
            notes.append(
                Finding(
                    "blank-frames",
                    "biased",
                    f"{len(blank)} of {seen} frames hold nothing: they are {fill:g} everywhere ({ranges(blank)})",
                    "they are left out of the estimate",
                    "record them again, or keep them as measurements with --keep-unwritten",
                    {"frames": len(blank), "of": seen, "fill_value": fill, "first": int(blank[0]), "last": int(blank[-1])},
                )
            )
        rest = table[~np.isin(table[:, 0], blank)]
        if len(rest) >= _FEWEST_FRAMES:
            notes += self._outliers(rest)
            notes += self._drift(rest)
        return notes

    def _outliers(self, table: np.ndarray) -> list[Finding]:
        mean = table[:, 3]
        middle = np.median(mean)
        spread = np.median(np.abs(mean - middle))
        if spread == 0:
            return []
        far = np.abs(mean - middle) > _FAR * spread
        if not 0 < far.sum() <= max(1, _FEW_OUTLIERS * len(mean)):
            return []
        worst = table[np.argmax(np.abs(mean - middle))]
        return [
            Finding(
                "outlying-frames",
                "note",
                f"{far.sum()} of {len(mean)} frames are far brighter or darker than all others ({ranges(table[far, 0])}); the "
                f"mean of frame {int(worst[0])} is {worst[3]:.4g}, the median frame's {middle:.4g}",
                "a few such frames can carry the number",
                "look at them, and leave them out if the camera or a lamp failed",
                {"frames": int(far.sum()), "of": len(mean), "worst": int(worst[0])},
            )
        ]

    def _drift(self, table: np.ndarray) -> list[Finding]:
        mean = (table[:, 3] - self.measured.offset) * self.measured.gain
        number = table[:, 0]
        level = mean.mean()
        if self.measured.dtype.kind == "c":
            return []  # a source that sets, or is resolved as the Earth turns, is what the array is there to see
        if level <= 0 or np.ptp(number) == 0:
            return []
        time = (number - number.mean()) / np.ptp(number)
        slope = (time * mean).sum() / (time**2).sum()
        residual = mean - level - slope * time
        error = np.sqrt(residual.var() / (time**2).sum())
        # Neighbouring frames that are alike say less than their number: count them by their correlation.
        lag = float(np.corrcoef(residual[:-1], residual[1:])[0, 1]) if residual.std() > 0 else 0.0
        error *= np.sqrt((1 + max(lag, 0.0)) / max(1 - max(lag, 0.0), 1e-3))
        if abs(slope) < max(_LEAST_DRIFT * level, _DRIFT_ERRORS * error):
            return []
        return [
            Finding(
                "brightness-drift",
                "note",
                f"brightness drifts by {slope / level:+.0%} from the first frame to the last",
                "what a lamp or a bleaching sample does counts as information about the object",
                "divide it out before the estimate, or mix the order",
                {"drift": float(slope / level)},
            )
        ]


class DeadPixels(Check):
    """Pixels that never change, whole rows, columns and borders of them, and pixels that are always far too bright."""

    def __init__(self, measured):
        super().__init__(measured)
        self._low: np.ndarray | None = None
        self._frames = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Images of more than a few pixels."""
        return (
            len(measured.shape) > 2 and min(measured.shape[1:3]) >= 4 and measured.dtype.kind != "c" and noise_is_stated(measured)
        )

    def add(self, block: Block) -> None:
        """Keep the least and the greatest value and the sum of each pixel."""
        if not block.sampled:
            return
        low, high, total = block.raw.min(0), block.raw.max(0), block.raw.sum(0, dtype=np.float64)
        if self._low is None:
            self._low, self._high, self._sum = low, high, total
        else:
            self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
            self._sum += total
        self._frames += len(block.raw)

    def findings(self) -> list[Finding]:
        """Return findings on pixels that never change and on hot ones."""
        if self._low is None or self._frames < _FEWEST_FRAMES:
            return []
        still = self._low == self._high
        mean = (self._sum / self._frames - self.measured.offset) * self.measured.gain
        if self.measured.noise == "poisson":  # a dark place holds no counts, unless there is light beside it
            still &= (mean > 0) | (_beside(mean) > max(_LIT, _LIT_SHARE * mean.mean()))
        still &= self._chance(mean) ** self._frames * still.size < _BY_CHANCE
        if still.all():
            return []
        found = [self._still(still)] if still.any() else []
        hot = self._hot(mean) & ~still
        return found + ([self._bright(hot)] if hot.any() else [])

    def _chance(self, mean: np.ndarray) -> np.ndarray:
        """Return about the probability that a pixel shows its commonest value."""
        if not self.measured.noise.startswith("poisson"):
            return np.zeros(mean.shape)
        step = self.measured.gain * self.measured.step
        light = np.where(mean > 0, mean, _LIT) if self.measured.noise == "poisson" else np.maximum(mean, 0.0)
        deviation = np.sqrt(light + constant_variance(self.measured))
        return erf(step / (2 * np.sqrt(2) * np.maximum(deviation, 1e-9)))

    def _still(self, still: np.ndarray) -> Finding:
        flat = still if still.ndim == 2 else still.all(-1)
        # Where a dead row crosses a dead border, no light beside a pixel tells that it is dead.
        rows, columns = (np.flatnonzero(flat.mean(axis) > _NEARLY_ALL) for axis in (1, 0))
        parts = [f"rows {ranges(rows)}"] * (len(rows) > 0) + [f"columns {ranges(columns)}"] * (len(columns) > 0)
        where = ", ".join(parts) or "as row, column " + ", ".join(str(tuple(map(int, place))) for place in np.argwhere(flat)[:4])
        return Finding(
            "dead-pixels",
            "biased",
            f"{int(still.sum())} of {still.size} pixels never change in {self._frames} frames ({where})",
            "they have no noise, but the noise model gives them some, so the number is too low",
            "cut the border off, or replace dead pixels before the estimate",
            {"pixels": int(still.sum()), "of": int(still.size), "rows": rows[:50].tolist(), "columns": columns[:50].tolist()},
        )

    def _hot(self, mean: np.ndarray) -> np.ndarray:
        """Return which pixels are always far brighter than all eight beside them."""
        rows, columns = self.measured.period or (1, 1)
        if min(mean.shape[:2]) < 3 * max(rows, columns):
            return np.zeros(mean.shape, bool)
        around = _stack_of_neighbours(mean, rows, columns)
        greatest, middle = around.max(0), np.median(around, axis=0)
        excess = mean - greatest
        noise = np.sqrt(np.maximum(np.abs(mean), 1.0) / self._frames)
        return (excess > np.maximum(10 * noise, 1.0 * np.maximum(np.abs(middle), 1.0))) & (
            excess > 8 * np.maximum(greatest - around.min(0), 0.0)
        )

    def _bright(self, hot: np.ndarray) -> Finding:
        places = np.argwhere(hot)
        return Finding(
            "hot-pixels",
            "biased",
            f"{len(places)} of {hot.size} pixels are always far brighter than those beside them (as row, column "
            + ", ".join(str(tuple(map(int, place))) for place in places[:4])
            + ")",
            "models of patches take them for structure of the object, so the number is too high",
            "replace hot pixels by a median of their neighbours, or subtract a dark frame",
            {"pixels": len(places), "of": int(hot.size)},
        )


def _stack_of_neighbours(mean: np.ndarray, rows: int, columns: int) -> np.ndarray:
    padded = np.pad(mean, [(rows, rows), (columns, columns), *[(0, 0)] * (mean.ndim - 2)], mode="reflect")
    height, width = mean.shape[:2]
    places = [(dy, dx) for dy in (0, rows, 2 * rows) for dx in (0, columns, 2 * columns) if (dy, dx) != (rows, columns)]
    return np.stack([padded[dy : dy + height, dx : dx + width] for dy, dx in places])


def _beside(mean: np.ndarray) -> np.ndarray:
    """Return the greatest mean of the four pixels beside each; beyond a dark row or column, of the next one that is lit."""
    lit = np.zeros_like(mean)
    for axis in (0, 1):
        for step in (1, -1):
            lit = np.maximum(lit, _next_lit(mean, axis, step))
    return lit


def _next_lit(mean: np.ndarray, axis: int, step: int) -> np.ndarray:
    """Return the mean of the next pixel that is not 0 in one direction, 0 where it is dim or there is none."""
    moved = np.moveaxis(mean, axis, 0)[::step]
    found, last = np.zeros_like(moved), np.zeros_like(moved[0])
    for k in range(len(moved)):
        found[k] = last
        last = np.where(moved[k] > 0, moved[k], last)
    return np.moveaxis(found[::step], 0, axis)


def _in_rare_runs(flags: np.ndarray) -> np.ndarray:
    """Return which flags (frame,) stand in runs longer than chance makes them among so many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    rare = np.zeros(len(lengths), bool)
    while True:
        rest = len(flags) - lengths[rare].sum()
        share = lengths[~rare].sum() / rest
        found = len(flags) * share**lengths < _RARE_RUN
        if np.array_equal(found, rare):
            break
        rare = found | rare
    lost = np.zeros(len(flags), bool)
    for start, length in zip(starts[rare], lengths[rare], strict=True):
        lost[start : start + length] = True
    return lost


def ranges(numbers: Sequence[int] | np.ndarray, most: int = 4) -> str:
    """Return whole numbers as "3, 7 to 9 and 12 more"."""
    numbers = np.unique(np.asarray(numbers, dtype=np.int64))
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    shown = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:most] if len(run))
    rest = sum(len(run) for run in runs[most:])
    return shown + (f" and {rest} more" if rest else "")

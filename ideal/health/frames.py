"""Frames and pixels that hold nothing, frames unlike all others, and brightness that drifts over the set."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.special import erf

from ideal.errors import DataError
from ideal.health.calibrated import electrons_of, known_bad, remedy_of
from ideal.health.check import Block, Check, constant_variance, noise_is_stated
from ideal.health.finding import Finding

_FEW_COUNTS = 30.0  # photoelectrons in a frame below which one may well be dark by chance
_RARE_RUN = 1e-3  # expected number of runs of dark frames as long as one that chance does not explain
_FEWEST_FRAMES = 10
_LIT = 5.0  # photoelectrons beside a pixel that is always 0, which then should have some
_BY_CHANCE, _NEARLY_ALL = 1e-3, 0.8
_EDGE_STOP, _INNER_STOP = 3, 5  # pixels both ways, from which on a dark place is behind a stop: at the edge, or within
_LIT_SHARE = 0.25  # of the mean of all pixels
_DARK_ERRORS = 4.0  # standard deviations of a pixel's mean in the dark
_SHARP = 0.5  # share of the pixels beside a dark area that are bright, where its edge is no object's
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
        size, kind = self.size, self.measured.noise_kind
        if kind is not None and not kind.photons:
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
        quarter = max(1, len(mean) // 4)
        first, last = float(mean[:quarter].mean()), max(float(mean[-quarter:].mean()), 1e-12)
        return [
            Finding(
                "brightness-drift",
                "note",
                f"brightness drifts: the first quarter of the frames is {first / last:.3g} times as bright as the last",
                "what a lamp or a bleaching sample does counts as information about the object",
                "divide it out before the estimate, or mix the order",
                {"drift": float(slope / level), "first_over_last": first / last},
            )
        ]


class DeadPixels(Check):
    """Pixels that never change, whole rows, columns and borders of them, and pixels that are always far too bright."""

    def __init__(self, measured):
        super().__init__(measured)
        self._low: np.ndarray | None = None
        self._frames = 0
        self._rows: slice | None = None

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
            self._low, self._high, self._sum, self._rows = low, high, total, block.rows
        else:
            self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
            self._sum += total
        self._frames += len(block.raw)

    def findings(self) -> list[Finding]:
        """Return findings on pixels that never change and on hot ones."""
        if self._low is None or self._frames < _FEWEST_FRAMES:
            return []
        still = self._low == self._high
        mean = electrons_of(self.measured, self._sum / self._frames, self._rows)
        known = known_bad(self.measured, mean.shape, self._rows)
        if self.measured.noise_kind.counts:  # a dark place holds no counts, unless there is light beside it
            still &= (mean > 0) | ((_beside(mean) > max(_LIT, _LIT_SHARE * mean.mean())) & ~_unlit(mean == 0))
        still &= self._chance(mean) ** self._frames * still.size < _BY_CHANCE
        noise = self.measured.noise
        keep = None if noise is None else noise.keep
        if keep is not None:
            known = known | ~(keep if self._rows is None else keep[self._rows])
        still &= ~known
        if still.all():
            return []
        found = [self._still(still, mean)] if still.any() else []
        dark = self._dark(mean, still | known)
        found += [self._unlit_areas(dark)] if dark.any() else []
        # Without the brightest frame, so that one hit by a cosmic ray makes no pixel hot.
        others = (self._sum - self._high) / (self._frames - 1)
        hot = self._hot(mean) & self._hot(electrons_of(self.measured, others, self._rows)) & ~still & ~known
        return found + ([self._bright(hot)] if hot.any() else [])

    def _dark(self, mean: np.ndarray, told: np.ndarray) -> np.ndarray:
        """Return which pixels lie in wide areas without light in any frame that have sharp edges, (row, column)."""
        if not self.measured.noise_kind.photons:
            return np.zeros(mean.shape[:2], bool)
        spread = np.sqrt(constant_variance(self.measured) / self._frames)
        if mean.ndim > 2:
            mean, told = mean.mean(2), np.all(told, 2)
        mean = np.where(told, np.median(mean[~told]) if (~told).any() else 0.0, mean)
        # The filters of a mosaic differ: a place is as bright as the brightest of them.
        least = max(_LIT, _LIT_SHARE * float(mean.mean()), 3 * _DARK_ERRORS * spread)
        bright = ndimage.maximum_filter(mean, self.measured.period or 1) > least
        labels, _ = ndimage.label(mean <= _DARK_ERRORS * spread)
        dark = np.zeros(mean.shape, bool)
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            at_edge = any(each.start == 0 or each.stop == size for each, size in zip(place, labels.shape, strict=True))
            if min(each.stop - each.start for each in place) < (_EDGE_STOP if at_edge else _INNER_STOP):
                continue
            area = labels == number
            beside = ndimage.binary_dilation(area) & ~area
            if beside.any() and not told[beside].any() and bright[beside].mean() > _SHARP:
                dark |= area
        return dark

    def _unlit_areas(self, dark: np.ndarray) -> Finding:
        rows, columns = (np.flatnonzero(dark.any(axis)) for axis in (1, 0))
        return Finding(
            "dark-areas",
            "biased",
            f"{int(dark.sum())} of {dark.size} pixels hold no light in any of {self._frames} frames, in wide areas with sharp "
            f"edges (in rows {ranges(rows)}, columns {ranges(columns)}): a stop, a mask, or blocks that failed",
            "patches from random places see where such an area begins, which counts as information about the object: the number "
            "is too high",
            "cut the frames to what is lit, or mark the pixels as bad in a camera (ideal calibrate)",
            {"pixels": int(dark.sum()), "of": int(dark.size), "rows": rows[:50].tolist(), "columns": columns[:50].tolist()},
        )

    def _chance(self, mean: np.ndarray) -> np.ndarray:
        """Return about the probability that a pixel shows its commonest value."""
        if not self.measured.noise_kind.photons:
            return np.zeros(mean.shape)
        step = self.measured.gain * self.measured.step
        light = np.where(mean > 0, mean, _LIT) if self.measured.noise_kind.counts else np.maximum(mean, 0.0)
        deviation = np.sqrt(light + constant_variance(self.measured))
        return erf(step / (2 * np.sqrt(2) * np.maximum(deviation, 1e-9)))

    def _still(self, still: np.ndarray, mean: np.ndarray) -> Finding:
        of_channels = still.reshape(-1, still.shape[-1]).all(0) if still.ndim > 2 else np.zeros(1, bool)
        rest = still[..., ~of_channels] if of_channels.any() else still
        flat = rest if rest.ndim == 2 else np.all(rest, -1) if rest.all(-1).any() else np.any(rest, -1)
        # Where a dead row crosses a dead border, no light beside a pixel tells that it is dead.
        rows, columns = (np.flatnonzero(flat.mean(axis) > _NEARLY_ALL) for axis in (1, 0))
        parts = [f"channel {ranges(np.flatnonzero(of_channels))}, as of transparency"] * bool(of_channels.any())
        parts += [f"rows {ranges(rows)}"] * (len(rows) > 0) + [f"columns {ranges(columns)}"] * (len(columns) > 0)
        lone = flat.copy()
        lone[rows], lone[:, columns] = False, False
        if lone.any():
            more = f" and {lone.sum() - 4} more" if lone.sum() > 4 else ""
            places = ", ".join(str(tuple(map(int, place))) for place in np.argwhere(lone)[:4])
            parts.append(f"as row, column {places}{more}")
        effect = (
            "the number is off: where they stand counts as structure of the object in patches from random places (too high), and "
            "they lack the noise that the noise model gives them (too low)"
        )
        remedy = "cut the border off, or replace dead pixels before the estimate"
        return Finding(
            "dead-pixels",
            "biased",
            f"{int(still.sum())} of {still.size} pixels never change in {self._frames} frames ({', '.join(parts)})",
            effect,
            f"leave channel {ranges(np.flatnonzero(of_channels))} out" if of_channels.any() else remedy,
            {
                "pixels": int(still.sum()),
                "of": int(still.size),
                "rows": rows[:50].tolist(),
                "columns": columns[:50].tolist(),
                "channels": np.flatnonzero(of_channels).tolist(),
            },
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
            "unless an object stands there in all frames, models take them for its structure, and the number is too high",
            remedy_of(self.measured, "replace hot pixels by a median of their neighbours, or subtract a dark frame", "dark"),
            {"pixels": len(places), "of": int(hot.size)},
        )


def _stack_of_neighbours(mean: np.ndarray, rows: int, columns: int) -> np.ndarray:
    padded = np.pad(mean, [(rows, rows), (columns, columns), *[(0, 0)] * (mean.ndim - 2)], mode="reflect")
    height, width = mean.shape[:2]
    places = [(dy, dx) for dy in (0, rows, 2 * rows) for dx in (0, columns, 2 * columns) if (dy, dx) != (rows, columns)]
    return np.stack([padded[dy : dy + height, dx : dx + width] for dy, dx in places])


def _unlit(dark: np.ndarray) -> np.ndarray:
    """Return which of the pixels without any counts lie behind a stop of the light, as a round aperture: they are not dead.

    A stop leaves wide parts of the picture's edge dark beside rows and columns that are dark in part, or a wide place within;
    what is dead are pixels, small clusters, and whole rows and columns.
    """
    flat = dark if dark.ndim == 2 else np.all(dark, -1)
    rows, columns = np.all(flat, 1), np.all(flat, 0)
    rest = flat & ~rows[:, None] & ~columns
    kept_rows, kept_columns = np.flatnonzero(~rows), np.flatnonzero(~columns)
    unlit = np.zeros_like(flat)
    if not len(kept_rows) or not len(kept_columns):
        return unlit if dark.ndim == 2 else np.zeros_like(dark)
    labels, _ = ndimage.label(rest[np.ix_(kept_rows, kept_columns)])
    stopped = False
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        extent = min(each.stop - each.start for each in place)
        at_edge = any(each.start == 0 or each.stop == size for each, size in zip(place, labels.shape, strict=True))
        if extent >= (_EDGE_STOP if at_edge else _INNER_STOP):
            unlit[np.ix_(kept_rows, kept_columns)] |= labels == number
            stopped |= at_edge
    if stopped:  # the rows and columns outside all that is lit are dark for the same reason
        unlit[: kept_rows[0]], unlit[kept_rows[-1] + 1 :] = True, True
        unlit[:, : kept_columns[0]], unlit[:, kept_columns[-1] + 1 :] = True, True
    return unlit if dark.ndim == 2 else np.broadcast_to(unlit[..., None], dark.shape)


def _beside(mean: np.ndarray) -> np.ndarray:
    """Return the mean of the dimmer of the two pixels beside each, along the axis where that is brighter.

    Beyond dark pixels the next one that is lit counts, and where there is none up to the border, the other side alone. So the dim
    surroundings of a bright spot, which lies on one side of them, do not count as lit.
    """
    lit = np.zeros_like(mean)
    for axis in (0, 1):
        both = np.minimum(_next_lit(mean, axis, 1), _next_lit(mean, axis, -1))
        lit = np.maximum(lit, np.where(np.isinf(both), 0.0, both))
    return lit


def _next_lit(mean: np.ndarray, axis: int, step: int) -> np.ndarray:
    """Return the mean of the next pixel that is not 0 in one direction, infinity where there is none."""
    moved = np.moveaxis(mean, axis, 0)[::step]
    found, last = np.zeros_like(moved), np.full_like(moved[0], np.inf)
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
        if not (found & ~rare).any():
            break
        rare |= found
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

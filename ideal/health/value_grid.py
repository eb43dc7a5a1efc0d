"""The grid of values: counts that were multiplied, stretched or shifted, and continuous values that were rounded."""

import numpy as np

from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding

_MOST_LEVELS = 2**17
_KEPT = 400_000
_ON_GRID = 0.98  # share of the values; one odd pixel must not hide the rest
_EXPECTED = 5.0  # values at each code of a smooth histogram, with which hardly a code is empty
_EMPTY = 0.2  # share of empty codes among those
_FEWEST_APART, _LARGEST_FACTOR = 200, 1024
_COARSE_STEPS = 2.0  # times the read noise: few cameras have coarser ones
_COARSE, _HOPELESS = 0.5, 10.0  # steps in standard deviations of the noise


class ValueGrid(Check):
    """Whether whole numbers have gaps between them, and how coarse the steps of continuous values are."""

    def __init__(self, measured):
        super().__init__(measured)
        self._kept: list[np.ndarray] = []
        self._count = 0

    @classmethod
    def applies(cls, measured) -> bool:
        """Real values with stated noise."""
        return measured.dtype.kind != "c" and noise_is_stated(measured)

    def add(self, block: Block) -> None:
        """Keep some of the stored values."""
        if not block.sampled or self._count >= 4 * _KEPT:
            return
        values = block.raw.ravel()
        stride = max(1, values.size * 8 // _KEPT)
        # A stride that shares a factor with the row would see some columns only.
        self._kept.append(np.asarray(values[:: stride + (stride > 1 and stride % 2 == 0)], dtype=np.float64))
        self._count += len(self._kept[-1])

    def findings(self) -> list[Finding]:
        """Return a finding on gaps, or on steps that are coarse beside the noise."""
        if not self._count:
            return []
        values = np.concatenate(self._kept)
        if np.all(values == np.round(values)) and self.measured.noise_kind.photons:
            return self._gaps(values)
        return self._steps(values) if self.measured.noise_kind.additive else []

    def _gaps(self, values: np.ndarray) -> list[Finding]:
        low, high = np.quantile(values, [0.002, 0.998])
        if high - low < 8 or high - low > _MOST_LEVELS:
            return self._gaps_of_wide(values) if high - low > _MOST_LEVELS else []
        inside = values[(values >= low) & (values <= high)].astype(np.int64) - int(low)
        counts = np.bincount(inside)
        factor, shift = _factor(counts)
        if factor > 1:
            return self._multiples(factor, int(low) + shift)
        window = max(8, len(counts) // 64)
        smooth = np.convolve(counts, np.ones(window) / window, mode="same")
        dense = smooth >= _EXPECTED
        if dense.sum() < 16:
            # So many codes that each is rare: count how many differ, against how many chance would let differ.
            return self._missing(counts, smooth)
        empty = float((counts[dense] == 0).mean())
        if empty < _EMPTY:
            return []
        return [self._stretched(1 / max(1 - empty, 1e-6))]

    def _missing(self, counts: np.ndarray, smooth: np.ndarray) -> list[Finding]:
        expected = (1 - np.exp(-smooth)).sum()
        occupied = int((counts > 0).sum())
        if occupied > (1 - 2 * _EMPTY) * expected or expected < 100:
            return []
        return [self._stretched(float(expected / occupied))]

    def _gaps_of_wide(self, values: np.ndarray) -> list[Finding]:
        levels = np.unique(values)
        if len(levels) > 0.5 * len(values):
            return []
        steps = np.diff(levels)
        step = float(np.quantile(steps, 0.05))
        return [self._stretched(step)] if step > 1 else []

    def _multiples(self, factor: int, shift: int) -> list[Finding]:
        measured = self.measured
        counts = measured.noise_kind.counts
        if not counts and measured.gain * factor < measured.read_noise:
            return []  # steps that are fine beside the noise
        if not counts and factor == measured.step:
            return [self._shifted(factor)] if measured.gain * factor > _COARSE_STEPS * measured.read_noise else []
        if counts and measured.calibration.converts and abs(measured.gain * factor - 1) < 0.02:
            return []
        shift = int(shift % factor)
        plus = f" plus {shift}" if shift else ""
        gain = f"--gain {measured.gain / factor:.10g}"
        fits = f"{gain} would fit counts"
        if shift:
            fits = f"{gain} --offset B would fit counts, B being what was added, {shift} beyond a multiple of {factor}"
        return [
            Finding(
                "scaled-counts",
                "biased",
                f"nearly every value is a multiple of {factor}{plus}: no single photoelectrons, but scaled ones",
                "the noise is not what was stated, and the number is wrong",
                f"give the gain ({fits}), or the numbers as they were before",
                {"factor": factor, "shift": shift, "gain": measured.gain / factor},
            )
        ]

    def _shifted(self, step: int) -> Finding:
        measured = self.measured
        return Finding(
            "scaled-counts",
            "note",
            f"every value is a multiple of {step}, so that the converter's steps are {measured.gain * step:.3g} electrons, more "
            "than the read noise",
            "where the gain was measured before the numbers were multiplied, the number is wrong",
            f"then give --gain {measured.gain / step:.10g} and the offset of the multiplied numbers",
            {"factor": step, "gain": measured.gain / step},
        )

    def _stretched(self, factor: float) -> Finding:
        return Finding(
            "missing-codes",
            "biased",
            f"the numbers have gaps: on average one in {factor:.3g} occurs, as after stretching or scaling",
            "these are no single photoelectrons: the noise is not what was stated, and the number is wrong",
            "give the raw numbers: no gain makes whole photoelectrons of these"
            if self.measured.noise_kind.counts
            else f"give the raw numbers, or the gain (--gain {self.measured.gain / factor:.4g} may fit)",
            {"factor": float(factor), "gain": float(self.measured.gain / factor)},
        )

    def _steps(self, values: np.ndarray) -> list[Finding]:
        levels = np.unique(values)
        if len(levels) < 2 or len(levels) > 0.2 * len(values):
            return []
        step = float(np.quantile(np.diff(levels), 0.1)) * self.measured.gain
        sigma = float(np.min(self.measured.sigma)) if not self.measured.has_sample_sigma else None
        if sigma is None or step < _COARSE * sigma:
            return []
        return [
            Finding(
                "coarse-steps",
                "biased" if step < _HOPELESS * sigma else "void",
                f"the values stand in steps of {step:.3g}, {step / sigma:.2g} times sigma, yet the noise is stated as continuous",
                "a density can put all its mass on the steps, so the number may fall far below the truth",
                "give values before they were rounded, or a noise model with steps (--noise poisson-gaussian --gain G "
                "--read-noise R)",
                {"step": step, "sigma": sigma},
            )
        ]


def _factor(counts: np.ndarray) -> tuple[int, int]:
    """Return the largest k > 1 of whose multiples (plus a shift) nearly all values are, with that shift; (1, 0) for none.

    Args:
        counts: how often each code occurs, (code,), from code 0 on.

    """
    levels = np.flatnonzero(counts)
    common = int(counts.argmax())
    levels = levels[levels != common]  # most values may be one background, which stands on any grid
    weights = counts[levels]
    total, best = weights.sum(), (1, 0)
    if total < _FEWEST_APART:
        return best
    for k in range(2, min(len(counts) // 4, _LARGEST_FACTOR) + 1):
        share = weights[levels % k == common % k].sum() / total
        if share >= _ON_GRID and (levels % k == common % k).sum() >= 3:
            best = (k, common % k)
    return best

"""Noiseless means in a file that cannot be those of its measurements."""

from typing import TYPE_CHECKING

import numpy as np

from ideal.errors import DataError
from ideal.health.check import Block, Check, noise_is_stated
from ideal.health.finding import Finding, Severity

if TYPE_CHECKING:
    from ideal.noise import NoiseModel

_SURE = 6.0  # standard errors of the scatter, or of the mean
_FAR_SCATTER, _FAR_MEAN = 1.25, 0.05  # factor of the variance, share of the mean: more is told
_VOID_SCATTER, _VOID_MEAN = 2.0, 0.2  # more makes H(Y|X) too wrong for a bound
_PILE, _CLEAR = 1e-3, 4.0  # share of values at an end that are cut off there; standard deviations from it to count


class CleanMeans(Check):
    """Compare measurements with their clean means: the scatter about them must be that of the noise, its average 0.

    The sum of (y - m)^2 over that of the noise variance at m is 1, with a standard error by the noise's fourth cumulant, whatever
    the means are. Means in other units, of other samples or of nothing at all move it by far more.
    """

    def __init__(self, measured):
        super().__init__(measured)
        self._sums = np.zeros(5)  # values, square of the residuals, their sum, variances, variances of the squares
        self._means = 0.0
        self._ends = np.inf, -np.inf
        self._at_ends = np.zeros(2)
        self._broken = ""

    @classmethod
    def applies(cls, measured) -> bool:
        """Tell whether there are clean means, and noise that says how measurements scatter about them."""
        return bool(measured.has_clean)

    def add(self, block: Block) -> None:
        """Take the next block into account."""
        if not block.sampled or self._broken:
            return
        try:
            clean = self.measured.read_clean(block.start, block.start + len(block.raw), block.rows)
        except DataError as error:
            self._broken = str(error).removeprefix(f"{self.measured.path}: ")
            return
        noise = self._noise(block)
        if noise is None:
            return
        variance, clean = noise.variance(clean), noise.expected(clean)
        values = block.values
        if values.dtype.kind == "c":
            values, clean = (each.view(np.float64) for each in (np.ascontiguousarray(values), np.ascontiguousarray(clean)))
            variance = np.repeat(variance, 2, axis=-1)
        good = np.isfinite(values)
        self._tally(values[good], clean[good], variance[good])

    def _noise(self, block) -> "NoiseModel | None":
        """Return the noise of the values, before a converter cuts them off; None where it is not known."""
        if not noise_is_stated(self.measured):
            return None
        try:
            noise = self.measured.noise_of(block.start, block.start + len(block.raw), block.rows)
        except DataError:
            return None
        return None if noise is None else noise.without_limits()

    def _tally(self, values, clean, variance) -> None:
        low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
        for side, (end, better) in enumerate(((low, low < self._ends[0]), (high, high > self._ends[1]))):
            self._at_ends[side] = 0 if better else self._at_ends[side]
            self._ends = tuple(end if better and place == side else old for place, old in enumerate(self._ends))
            self._at_ends[side] += (values == self._ends[side]).sum()
        # Values cut off at an end scatter less: only means clear of it count, chosen by the mean so that nothing leans.
        keep = np.ones(len(values), bool)
        share = self._at_ends / max(self._sums[0] + len(values), 1)
        self._sums[0] += len(values)
        deviation = _CLEAR * np.sqrt(variance)
        if share[0] > _PILE and not self.measured.noise_kind.counts:
            keep &= clean - deviation > self._ends[0]
        if share[1] > _PILE and not self.measured.noise_kind.ends:
            keep &= clean + deviation < self._ends[1]
        residual, variance = values[keep] - clean[keep], variance[keep]
        fourth = self.measured.noise.fourth_cumulant(variance)
        self._sums[1:] += (residual**2).sum(), residual.sum(), variance.sum(), (2 * variance**2 + fourth).sum()
        self._means += float(np.abs(clean[keep]).sum())

    def findings(self) -> list[Finding]:
        """Return what was found in all blocks."""
        if self._broken:
            text, _, remedy = self._broken.partition(": ")
            return [Finding("clean-not-possible", "void", text, "the noise at such means has no entropy", remedy)]
        _, squares, total, variance, fourth = self._sums
        if not variance > 0:
            return []
        scatter, error = squares / variance, np.sqrt(fourth) / variance
        mean, mean_error = total / max(self._means, 1e-300), np.sqrt(variance) / max(self._means, 1e-300)
        kind = self.measured.noise_kind
        off = kind.photons and abs(mean) > max(_FAR_MEAN, _SURE * mean_error)
        wide = max(scatter, 1 / max(scatter, 1e-300)) > _FAR_SCATTER and abs(scatter - 1) > _SURE * error
        if not off and not wide:
            return []
        void = (off and abs(mean) > _VOID_MEAN) or (wide and not 1 / _VOID_SCATTER < scatter < _VOID_SCATTER)
        told = [f"scatter about their clean means with {scatter:.3g} times the variance of the noise"] if wide else []
        if off:
            told.append(f"are {1 + mean:.3g} times as bright as their clean means" if self._means else "have clean means of 0")
        if kind.photons:
            effect = "the noise entropy is that of other means"
            remedy = "leave the dataset clean out, then the noise is told from the measurements alone"
        else:
            effect = "the noise, or the means, are not those stated"
            remedy = f"{_other_figures(kind, scatter)}, or leave the dataset clean out"
        figures = {"scatter": float(scatter), "standard_error": float(error), "mean_of_residuals": float(total / self._sums[0])}
        severity: Severity = "void" if void else "biased"
        return [Finding("clean-contradicts", severity, f"the measurements {' and '.join(told)}", effect, remedy, figures)]


def _other_figures(kind, scatter: float) -> str:
    """Return what figures of the noise would fit values that scatter by another factor in variance."""
    if kind.additive:
        return f"state a sigma {np.sqrt(scatter):.3g} times as large"
    return f"state noise of {scatter:.3g} times the variance ({', '.join(each.name for each in kind.figures) or kind.name})"

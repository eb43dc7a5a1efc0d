"""Range, mean and variance of the values, and what contradicts the noise and the units that were stated."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ideal.health.finding import Finding, Severity, plain_note

_WHOLE = 1e-3  # photoelectrons that the rounding of stored numbers may leave
_CONSTANT_SIZE = 64  # a smaller sample may well have all values alike by chance


@dataclass
class Tally:
    """Sums over blocks of stored values; bad values are counted, never raised.

    Attributes:
        is_complex: whether |V| is summed.
        gain, offset: what makes photoelectrons of stored values.
        fractions: finite values that are no whole number of photoelectrons.

    """

    is_complex: bool
    gain: float = 1.0
    offset: float = 0.0
    fractions: int = 0
    samples: int = 0
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared deviations from the mean
    low: float = math.inf
    zeros: int = 0
    not_finite: int = 0
    flat_samples: int = 0
    high: float = -math.inf

    def add(self, block: np.ndarray) -> None:
        """Add stored values (sample, ...)."""
        self.samples += len(block)
        values = np.abs(block) if self.is_complex else block
        values = np.asarray(values, dtype=np.float64).reshape(len(block), -1)
        lit = values[:, 0] != 0
        if values.shape[1] >= _CONSTANT_SIZE:
            self.flat_samples += int(np.sum(lit & np.all(values == values[:, :1], axis=1)))
        finite = np.isfinite(values)
        self.not_finite += int(values.size - finite.sum())
        values = values[finite]
        if not values.size:
            return
        with np.errstate(over="ignore"):
            self._add(values)
            if block.dtype.kind == "f":
                electrons = (values - self.offset) * self.gain
                self.fractions += int(np.sum(np.abs(electrons - np.round(electrons)) > _WHOLE))

    def _add(self, values: np.ndarray) -> None:
        mean, total = float(values.mean()), self.count + values.size
        self.squares += (
            float(np.sum((values - mean) ** 2)) + float(np.square(mean - self.mean)) * self.count * values.size / total
        )
        self.mean += (mean - self.mean) * values.size / total
        self.count, self.low = total, min(self.low, float(values.min()))
        self.zeros += int(np.sum(values == 0))
        self.high = max(self.high, float(values.max()))

    def summary(self, gain: float, offset: float) -> dict:
        """Return the figures in photoelectrons, those of no finite value as None."""
        result: dict[str, Any] = {
            "samples_read": self.samples,
            **dict.fromkeys(("min", "max", "mean", "variance", "fraction_zero")),
            "fraction_saturated": 0.0,
            "n_nan": self.not_finite,
            "n_not_whole": self.fractions,
            "any_negative": False,
            "constant": False,
            "constant_samples": self.flat_samples,
        }
        if not self.count:
            return result
        high = self.high
        result["min"], result["max"], result["mean"] = ((x - offset) * gain for x in (self.low, high, self.mean))
        result["variance"] = self.squares / self.count * gain**2
        result["fraction_zero"] = self.zeros / self.count
        result["any_negative"] = result["min"] < 0
        result["constant"] = self.count > 1 and self.low == high
        return result


def contradictions(measured, found: dict) -> list[Finding]:
    """Return what does not fit together: values, units and noise of a measurement set, by its summary.

    Args:
        measured: `ideal.measurements.MeasurementSet`.
        found: as of `Tally.summary`, with `n_groups`.

    """
    kind, notes = measured.noise_kind, []

    def note(condition: bool, name: str, text: str, severity: Severity = "note", effect: str = "", remedy: str = "") -> None:
        if condition:
            notes.append(Finding(name, severity, text, effect, remedy))

    if measured.labels is not None and measured.labels.dtype.kind == "f" and not np.isfinite(measured.labels).all():
        bad = np.flatnonzero(~np.isfinite(measured.labels))
        some = "labels are" if len(bad) > 1 else "label is"
        notes.append(plain_note(f"{len(bad)} {some} NaN or infinite, the first of sample {bad[0]}: --labels refuses them"))
    note(kind is None, "noise-unknown", "the noise is not known: name it (--noise)")
    if found["mean"] is None:
        return notes
    counts, photons = kind is not None and kind.counts, kind is not None and kind.photons
    saturated = found["fraction_saturated"]
    note(
        found["constant"],
        "constant",
        f"constant: every value is {found['mean']:g}",
        effect="there is no information in it",
        remedy="record the measurements again",
    )
    note(
        found["constant_samples"] > 0 and not found["constant"],
        "constant-samples",
        f"{found['constant_samples']} of {found['samples_read']} samples are one constant value",
        "note",
        "such samples carry no noise and little information, unless they hold nothing at all",
        "look at them, and leave them out where a shutter was closed or the camera saturated",
    )
    note(
        counts and found["any_negative"],
        "negative-counts",
        f"negative counts (least {found['min']:g}) under poisson noise",
        "biased",
        "no photon counts are negative: offset or noise are not what was stated, and the number is wrong",
        "give the offset (--offset), or name poisson-gaussian noise with its read noise",
    )
    note(
        counts and found["n_not_whole"] > 0,
        "not-whole",
        f"{found['n_not_whole']} values are not whole photoelectrons, as those of poisson noise are",
        "biased",
        "what is no count has other noise than counts, and the number is wrong",
        "give the raw counts, the gain and offset that make them whole, or the noise that these have",
    )
    note(
        kind is not None and kind.positive and found["min"] <= 0,
        "impossible-values",
        f"values from {found['min']:g} on, those with {measured.noise_name} noise are above 0",
        "biased",
        "the noise is not what was stated, and there is no number",
        "give the offset (--offset), leave out pixels without signal, or name other noise (--noise)",
    )
    expected = found["mean"] + (measured.read_noise**2 if photons and not counts else 0.0)
    note(
        photons and not kind.ends and not found["constant"] and saturated == 0 and 0 <= found["variance"] < 0.8 * expected,
        "variance-too-small",
        f"variance {found['variance']:.3g} is below {expected:.3g}, the least that {measured.noise_name} noise allows",
        "biased",
        "the noise is taken as too large, and the number is too low",
        "check gain, offset and read noise, and whether the values are averages",
    )
    for figure in kind.missing(measured.calibration) if kind is not None else ():
        option = figure.option or kind.option(figure)
        note(True, "noise-unknown", f"{kind.name} noise without {figure.name.replace('_', ' ')} ({option})")
    n_groups = found["n_groups"]
    note(
        n_groups < 3 and len(measured.shape) == 2,
        "few-sources",
        f"{n_groups} source{'s' * (n_groups > 1)}, three are needed: record more, or give groups",
    )
    note(
        n_groups >= 5 and not measured.has_groups,
        "no-groups",
        "no groups: every sample counts as a source of its own",
        "note",
        "where several show the same picture, the interval is too narrow and the number may be too low",
        "if they do, write their source as groups (--groups)",
    )
    return notes

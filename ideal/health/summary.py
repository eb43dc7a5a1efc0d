"""Range, mean and variance of the values, and what contradicts the noise and the units that were stated."""

import math
from dataclasses import dataclass

import numpy as np

from ideal.health.finding import Finding, Severity

_CONSTANT_SIZE = 64  # a smaller sample may well have all values alike by chance


@dataclass
class Tally:
    """Sums over blocks of stored values; bad values are counted, never raised.

    Attributes:
        is_complex: whether |V| is summed.

    """

    is_complex: bool
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
        result = {
            "samples_read": self.samples,
            **dict.fromkeys(("min", "max", "mean", "variance", "fraction_zero")),
            "fraction_saturated": 0.0,
            "n_nan": self.not_finite,
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
    noise, notes = measured.noise, []

    def note(condition: bool, name: str, text: str, severity: Severity = "note") -> None:
        if condition:
            notes.append(Finding(name, severity, text))

    note(noise is None, "noise-unknown", "the noise is not known: name it (--noise)")
    if found["mean"] is None:
        return notes
    counting = noise in ("poisson", "poisson-gaussian")
    saturated = found["fraction_saturated"]
    note(found["constant"], "constant", f"constant: every value is {found['mean']:g}, there is no information in it")
    note(
        found["constant_samples"] > 0 and not found["constant"],
        "constant-samples",
        f"{found['constant_samples']} of {found['samples_read']} samples are one constant value",
    )
    note(
        noise == "poisson" and found["any_negative"],
        "negative-counts",
        f"negative counts (least {found['min']:g}) under poisson noise: wrong offset, or poisson-gaussian noise",
        "biased",
    )
    note(
        noise == "poisson" and not measured.integer,
        "not-whole",
        "not whole numbers under poisson noise: give the raw counts, or the noise that these have",
        "biased",
    )
    expected = found["mean"] + (measured.read_noise**2 if noise == "poisson-gaussian" else 0.0)
    note(
        counting and not found["constant"] and saturated == 0 and 0 <= found["variance"] < 0.8 * expected,
        "variance-too-small",
        f"variance {found['variance']:.3g} is below {expected:.3g}, the least that {noise} noise allows: wrong gain or offset?",
        "biased",
    )
    note(
        noise == "poisson-gaussian" and measured.read_noise == 0,
        "noise-unknown",
        "poisson-gaussian noise without read noise (--read-noise)",
    )
    note(
        noise in ("gaussian", "complex-gaussian") and measured.sigma is None,
        "noise-unknown",
        f"{noise} noise without sigma (--sigma)",
    )
    n_groups = found["n_groups"]
    note(
        n_groups < 3 and len(measured.shape) == 2,
        "few-sources",
        f"{n_groups} source{'s' * (n_groups > 1)}, three are needed: record more, or give groups",
    )
    note(
        n_groups >= 5 and not measured.has_groups,
        "no-groups",
        "no groups: every sample counts as a source of its own; if several show the same picture, write their source as groups",
    )
    return notes

"""What is in a measurement set, and what looks wrong with it."""

import math
from dataclasses import dataclass, field

import numpy as np

from ideal.health import CHECKS, Block, Finding, lines, plain_note

_BLOCK_BYTES = 32 * 2**20
_TOTAL_BYTES = 512 * 2**20
_BLOCKS = 40
_FULL_SCALES = {2.0**bits - 1 for bits in (8, 10, 12, 14, 16)}
_SATURATED_SHARE = 1e-3
_CONSTANT_SIZE = 64  # a smaller sample may well have all values alike by chance


def inspect_measurements(measured, limit: int = 2000) -> dict:
    """Summarise samples spread over a measurement set; bad values are reported, never raised.

    Args:
        measured: `ideal.measurements.MeasurementSet`.
        limit: most samples read; fewer where samples are large.

    Returns:
        `samples_read`; `min`, `max`, `mean`, `variance` in photoelectrons (of |V| for complex values, in `units`) over the
        finite values, None where there are none; `mean_photon_count` (None where units are not photons);
        `fraction_zero`; `fraction_saturated`; `n_nan` (NaN or infinite values); `any_negative`; `constant` (all
        values alike); `constant_samples` (lit samples without any structure); `n_groups`; `integer`; `findings`
        (`ideal.health.Finding`), those of the reader first; and `warnings`, one line for each.

    """
    tally = _Tally(is_complex=measured.dtype.kind == "c")
    rows = measured.middle_rows(_BLOCK_BYTES // 16)  # of a very large image its middle must do
    checks = [check(measured) for check in CHECKS if check.applies(measured)]
    for start, stop in _blocks(measured, limit):
        raw = measured.read_raw(start, stop, rows)
        tally.add(raw)
        for check in checks:
            check.add(Block(measured, start, raw, rows=rows))
    calibration = measured.calibration
    result = tally.summary(calibration.gain, calibration.offset)
    photons = calibration.converts or calibration.units == "photoelectrons"
    result["mean_photon_count"] = result["mean"] if photons else None
    result["n_groups"] = int(np.unique(measured.groups).size)
    result["integer"] = measured.integer
    result["findings"] = [
        *measured.findings,
        *(finding for check in checks for finding in check.findings()),
        *_findings(measured, result),
    ]
    result["warnings"] = lines(result["findings"], measured.path)
    return result


def _blocks(measured, limit: int) -> list[tuple[int, int]]:
    """Return sample ranges spread evenly over the set, at most `limit` samples and a bounded number of bytes."""
    n_samples = len(measured)
    sample_bytes = min(math.prod(measured.shape[1:]) * 16, _BLOCK_BYTES)
    count = max(1, min(limit, n_samples, _TOTAL_BYTES // sample_bytes))
    length = max(1, min(math.ceil(count / _BLOCKS), _BLOCK_BYTES // sample_bytes))
    if count == n_samples:
        return [(start, min(start + length, n_samples)) for start in range(0, n_samples, length)]
    n_blocks = min(max(1, count // length), n_samples // length)
    starts = np.linspace(0, n_samples - length, n_blocks).astype(int)
    return [(int(start), int(start) + length) for start in starts]


@dataclass
class _Tally:
    """Sums over blocks of stored values."""

    is_complex: bool
    samples: int = 0
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared deviations from the mean
    low: float = math.inf
    zeros: int = 0
    not_finite: int = 0
    flat_samples: int = 0
    top: dict[float, int] = field(default_factory=dict)  # the two largest values and how often they occur

    def add(self, block: np.ndarray) -> None:
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
        mean, total = float(values.mean()), self.count + values.size
        self.squares += float(np.sum((values - mean) ** 2)) + (mean - self.mean) ** 2 * self.count * values.size / total
        self.mean += (mean - self.mean) * values.size / total
        self.count, self.low = total, min(self.low, float(values.min()))
        self.zeros += int(np.sum(values == 0))
        self._add_top(values)

    def _add_top(self, values: np.ndarray) -> None:
        # the two largest values of all are among the two largest of every block in which they occur
        largest = values.max()
        below = values[values < largest]
        for value in [largest, below.max()] if below.size else [largest]:
            self.top[float(value)] = self.top.get(float(value), 0) + int(np.sum(values == value))
        self.top = dict(sorted(self.top.items(), reverse=True)[:2])

    def summary(self, gain: float, offset: float) -> dict:
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
        high = max(self.top)
        result["min"], result["max"], result["mean"] = ((x - offset) * gain for x in (self.low, high, self.mean))
        result["variance"] = self.squares / self.count * gain**2
        result["fraction_zero"] = self.zeros / self.count
        result["any_negative"] = result["min"] < 0
        result["constant"] = self.count > 1 and self.low == high
        if not result["constant"] and not self.is_complex and self._piled_up():
            result["fraction_saturated"] = self.top[high] / self.count
        return result

    def _piled_up(self) -> bool:
        """Tell a clipped maximum from a rare one: a full scale, or far more frequent than the value below it."""
        (high, at_high), *rest = sorted(self.top.items(), reverse=True)
        if at_high < _SATURATED_SHARE * self.count or at_high < 2 or high <= 0:
            return False
        return high in _FULL_SCALES or (bool(rest) and rest[0][0] != 0 and at_high > 3 * rest[0][1])


def _findings(measured, found: dict) -> list[Finding]:
    noise, notes = measured.noise, []

    def note(condition: bool, text: str) -> None:
        if condition:
            notes.append(plain_note(text))

    note(noise is None, "the noise is not known: name it (--noise)")
    if found["mean"] is None:
        return notes
    counting = noise in ("poisson", "poisson-gaussian")
    saturated = found["fraction_saturated"]
    note(saturated > 0, f"saturated: {saturated:.2%} of the values are the maximum, {found['max']:g}: lower the exposure")
    note(found["constant"], f"constant: every value is {found['mean']:g}, there is no information in it")
    note(
        found["constant_samples"] > 0 and not found["constant"],
        f"{found['constant_samples']} of {found['samples_read']} samples are one constant value",
    )
    note(
        noise == "poisson" and found["any_negative"],
        f"negative counts (least {found['min']:g}) under poisson noise: wrong offset, or poisson-gaussian noise",
    )
    note(
        noise == "poisson" and not measured.integer,
        "not whole numbers under poisson noise: give the raw counts, or the noise that these have",
    )
    note(
        counting and measured.units_assumed and not measured.calibration.converts and found["min"] > 0,
        "the file names no units: its values are taken as photoelectrons; if they are DN, give --gain and --offset",
    )
    note(
        counting and measured.units not in ("photoelectrons",) and not measured.calibration.converts,
        f"units are {measured.units} but gain is 1 and offset 0: are these photoelectrons? (--gain, --offset)",
    )
    note(
        noise == "poisson" and measured.step > 1 and not measured.calibration.converts,
        f"every value is a multiple of {measured.step}: not single photoelectrons; give the gain, or shift the numbers down",
    )
    expected = found["mean"] + (measured.read_noise**2 if noise == "poisson-gaussian" else 0.0)
    note(
        counting and not found["constant"] and saturated == 0 and 0 <= found["variance"] < 0.8 * expected,
        f"variance {found['variance']:.3g} is below {expected:.3g}, the least that {noise} noise allows: wrong gain or offset?",
    )
    note(noise == "poisson-gaussian" and measured.read_noise == 0, "poisson-gaussian noise without read noise (--read-noise)")
    note(noise in ("gaussian", "complex-gaussian") and measured.sigma is None, f"{noise} noise without sigma (--sigma)")
    n_groups = found["n_groups"]
    vectors = len(measured.shape) == 2
    note(n_groups < 3 and vectors, f"{n_groups} source{'s' * (n_groups > 1)}, three are needed: record more, or give groups")
    note(
        n_groups >= 5 and not measured.has_groups,
        "no groups: every sample counts as a source of its own; if several show the same picture, write their source as groups",
    )
    return notes

"""One pass over a measurement set that all checks share."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ideal.calibration import LARGEST
from ideal.errors import DataError
from ideal.health.below_dark import BelowDark
from ideal.health.calibrated import DarkLevel, KnownPattern
from ideal.health.channel_noise import ChannelNoise
from ideal.health.check import Block, Check
from ideal.health.clean import CleanMeans
from ideal.health.clipping import Clipping
from ideal.health.copies import Copies, SharedNoise, merged
from ideal.health.encoding import Compression, Demosaicking, GammaEncoding
from ideal.health.excess_noise import ExcessNoise
from ideal.health.explained import unexplained
from ideal.health.fill_values import FillValues
from ideal.health.finding import SEVERITIES, Finding, lines
from ideal.health.finite import FiniteValues
from ideal.health.fixed_pattern import Banding, FixedPattern, LinePattern
from ideal.health.frame_scale import FrameScale
from ideal.health.frames import DeadPixels, FrameStatistics
from ideal.health.gain_mode import GainMode
from ideal.health.isolated import IsolatedValues
from ideal.health.lost_values import LostValues
from ideal.health.noise_level import NoiseLevel, SampleScatter, UnevenNoise
from ideal.health.noisy_pixels import NoisyPixels
from ideal.health.partial_frames import PartialFrames
from ideal.health.shared_windows import SharedWindows
from ideal.health.summary import Tally, contradictions
from ideal.health.units import Units
from ideal.health.value_grid import ValueGrid
from ideal.health.wrapping import Wrapping

CHECKS: tuple[type[Check], ...] = (
    FiniteValues,
    CleanMeans,
    FillValues,
    Units,
    BelowDark,
    Clipping,
    Wrapping,
    FrameScale,
    NoiseLevel,
    UnevenNoise,
    SampleScatter,
    ExcessNoise,
    ChannelNoise,
    ValueGrid,
    GammaEncoding,
    Compression,
    Demosaicking,
    DeadPixels,
    LostValues,
    IsolatedValues,
    NoisyPixels,
    PartialFrames,
    FixedPattern,
    LinePattern,
    Banding,
    Copies,
    SharedNoise,
    SharedWindows,
    DarkLevel,
    KnownPattern,
    GainMode,
)

_SHOWN_BYTES = 2**30  # of stored values; of a larger set, blocks spread over it are shown
_BLOCK_VALUES = 2**19
_SAMPLED_VALUES = 2**22  # for costly statistics
_SAMPLE_VALUES = 2**21  # of a larger sample the rows in its middle are shown


@dataclass(frozen=True)
class Examination:
    """What one pass over a measurement set says of it.

    Attributes:
        path: of the measurements.
        summary: range, mean and variance in photoelectrons, shares and counts; JSON types.
        findings: what is wrong or may be wrong, the most severe first.
        blank: numbers of the samples that hold nothing, increasing.
        copies: (pair, 2) of samples that are copies or near-copies of each other.

    """

    path: str
    summary: dict[str, Any]
    findings: tuple[Finding, ...]
    blank: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    copies: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))

    def to_dict(self) -> dict[str, Any]:
        """Return the summary with `findings` and `warnings`, one line for each."""
        return self.summary | {"findings": list(self.findings), "warnings": lines(self.findings, self.path)}

    def groups(self, groups: np.ndarray) -> np.ndarray:
        """Return the source of each sample (sample,), those of copies being one."""
        return merged(groups, self.copies)


def examine(measured) -> Examination:
    """Look at a measurement set once, with bounded memory; bad values are reported, not raised.

    Up to 1 GiB of stored values are looked at, all of smaller sets; of very large images the rows in their middle.

    Args:
        measured: `ideal.measurements.MeasurementSet`.

    Returns:
        The examination. Its summary holds `samples_read`; `min`, `max`, `mean`, `variance` in photoelectrons (of |V| for complex
        values, in `units`) over the finite values, None where there are none; `mean_photon_count` (None where units are not
        photons); `fraction_zero`; `fraction_saturated`; `n_nan` (NaN or infinite values); `any_negative`; `constant` (all values
        alike); `constant_samples` (lit samples without any structure); `n_groups`; `integer`.

    Raises:
        DataError: a value is so large that its powers are no numbers.

    """
    with np.errstate(over="ignore", invalid="ignore"):  # huge values become infinite; _check_range names those without meaning
        return _examined(measured)


def _examined(measured) -> Examination:
    tally = Tally(measured.dtype.kind == "c", measured.calibration.gain, measured.calibration.offset)
    frames = FrameStatistics(measured)
    checks = [check(measured) for check in CHECKS if check.applies(measured)]
    rows = measured.middle_rows(_SAMPLE_VALUES)
    for start, stop, sampled in _blocks(measured):
        raw = measured.read_raw(start, stop, rows)
        finite = np.isfinite(raw).reshape(len(raw), -1).all(1) if raw.dtype.kind in "fc" else np.ones(len(raw), bool)
        tally.add(raw)
        _check_range(measured, tally)
        frames.add(start, raw, finite)
        flat = _flat(raw)
        for kind, shown in (("all", np.ones(len(raw), bool)), ("finite", finite), ("varied", finite & ~flat)):
            takers = [check for check in checks if check.takes == kind]
            for first, last in _runs(shown) if takers else ():
                block = Block(measured, start + first, raw[first:last], sampled, rows)
                for check in takers:
                    check.add(block)
    blank, _ = frames.blank()
    calibration = measured.calibration
    summary = tally.summary(calibration.gain, calibration.offset)
    ceiling = next((check.wall(1) for check in checks if isinstance(check, Clipping)), None)
    summary["fraction_saturated"] = 0.0 if ceiling is None or summary["constant"] else ceiling.share
    photons = calibration.converts or calibration.units == "photoelectrons"
    summary["mean_photon_count"] = summary["mean"] if photons else None
    summary["n_groups"] = measured.group_count
    summary["integer"] = measured.integer
    found = [*measured.findings, *contradictions(measured, summary), *frames.findings()]
    for check in checks:
        found += [each for each in check.findings() if _is_new(each, found)]
    found = unexplained(found)
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    copies = np.concatenate(
        [check.pairs for check in checks if isinstance(check, Copies | SharedNoise | SharedWindows)] or [np.empty((0, 2), int)]
    )
    return Examination(measured.path, summary, tuple(found), blank, copies.astype(np.int64))


def _check_range(measured, tally: Tally) -> None:
    largest = max(abs(tally.low), abs(tally.high)) * measured.gain if tally.count else 0.0
    if largest > LARGEST:
        raise DataError(
            f"{measured.path}: values up to {largest:.3g}, expected none beyond {LARGEST:g}: write them in another unit, or mend "
            "what is no measurement"
        )


def _is_new(finding: Finding, found: list[Finding]) -> bool:
    """Tell whether nothing of this name, for the same axis, stands there: several checks may see one fault."""
    axis = finding.figures.get("axis")
    return all(finding.name != each.name or axis != each.figures.get("axis") for each in found)


def _blocks(measured) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, stop, sampled) of the blocks to look at, in order."""
    size = len(measured)
    values = min(math.prod(measured.shape[1:]), _SAMPLE_VALUES)
    shown = int(np.clip(_SHOWN_BYTES // (values * measured.dtype.itemsize), 1, size))
    sampled = int(np.clip(_SAMPLED_VALUES // values, 1, size))
    length = int(np.clip(_BLOCK_VALUES // values, 1, max(1, -(-sampled // 8))))
    if shown >= size:
        starts = np.arange(0, size, length)
    else:
        starts = np.unique(np.linspace(0, size - length, max(1, shown // length)).astype(int))
    costly = min(len(starts), -(-sampled // length))
    chosen = set(np.linspace(0, len(starts) - 1, costly).astype(int).tolist())
    for place, start in enumerate(starts.tolist()):
        yield start, min(start + length, size), place in chosen


def _flat(raw: np.ndarray) -> np.ndarray:
    """Tell which samples are one value everywhere: no check can learn from them."""
    values = raw.reshape(len(raw), -1)
    return (values == values[:, :1]).all(1) if values.shape[1] > 1 else np.zeros(len(raw), bool)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

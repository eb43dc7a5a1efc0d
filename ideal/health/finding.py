"""A finding: one thing about measurements that a user should know, with what it does to the number and what mends it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ideal.errors import UsageError

Severity = Literal["void", "biased", "note"]
SEVERITIES: tuple[Severity, ...] = ("void", "biased", "note")

# Every name that a finding may have, with what it stands for. Names are part of the JSON: they are never changed.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "note": "a remark on how the file was read or the estimate was made",
        "other-files": "parts of the measurements are read from other files, which the file names",
        "noise-unknown": "the noise, or a figure of it, is not stated",
        "not-finite": "values are NaN or infinite",
        "constant": "all values are alike",
        "constant-samples": "samples of one constant value each",
        "blank-frames": "frames that hold nothing: dark, never written, or filled with one value",
        "partial-frames": "frames of which some rows or columns hold nothing",
        "outlying-frames": "a few frames are far brighter or darker than all others",
        "brightness-drift": "the brightness drifts over the set",
        "dead-pixels": "pixels, rows, columns or borders that never change",
        "hot-pixels": "pixels that are always far brighter than those beside them",
        "isolated-values": "single pixels have one value that is far from all beside them",
        "fixed-pattern": "all frames share a pattern from pixel to pixel that is no scene",
        "banding": "rows or columns differ as a whole by more than independent noise would leave",
        "noise-too-small": "the values scatter less than the stated noise allows",
        "noise-too-large": "the values scatter more than the stated noise, as white as noise is",
        "noisy-pixels": "single pixels scatter far more than those around them, in all frames",
        "correlated-noise": "channels share noise that is stated as independent",
        "variance-too-small": "the variance of all values is below that of the stated noise",
        "identical-samples": "samples are identical value for value",
        "near-copies": "samples share their noise with others",
        "identical-patches": "patches are identical value for value",
        "scaled-frames": "frames were scaled or shifted one by one, to their own extremes or means",
        "scaled-counts": "counts were multiplied or shifted",
        "missing-codes": "the numbers have gaps, as after stretching",
        "coarse-steps": "continuous noise is stated, but the values stand in coarse steps (void from ten times sigma on)",
        "lossy-compression": "the values look lossily compressed",
        "demosaicked": "colors look interpolated",
        "gamma-encoded": "8-bit pictures look encoded for a screen",
        "negative-counts": "counts are negative",
        "not-whole": "counts are not whole numbers",
        "impossible-values": "values are such as the stated noise never gives, far below the dark or 0 under speckle",
        "no-groups": "the file does not say which samples show the same source",
        "few-sources": "too few independent sources were scored for a good interval",
        "interval-rough": "a few of the scored sources decide, by their size or their values: the interval is rough",
        "few-measurements": "more measurements would lower the bound, by as much as fits to half of them say",
        "means-unidentified": "one bit a pixel does not tell how the light is spread from pixel to pixel",
        "clipped": "values are cut off at a floor or a ceiling",
        "limit-contradicted": "values lie beyond the floor or the saturation that was stated",
        "lost-values": "single values or blocks are 0 amid light that leaves no 0: dropped pixels, lost packets, a mask",
        "dark-areas": "whole areas of the picture hold no light in any frame: a stop, a mask, or dead blocks",
        "overlapping-crops": "samples show parts of others: crops that overlap, shifted or mirrored copies",
        "wrapped": "numbers beyond one end of their range wrapped around to the other",
        "blocks-as-sources": "blocks of one picture stand in for independent sources",
        "tied-baselines": "some baselines scatter far less than their noise: calibration has tied them to a model",
        "weights-too-small": "visibilities scatter less than their weights say",
        "weights-too-large": "visibilities scatter more than their weights say",
        "weights-unchecked": "all weights are 1, and there are too few integrations to check them",
        "baselines-too-noisy": "visibilities of some baselines scatter more than their weights say",
        "phases-unsteady": "visibilities change fast, by air or gains that are no noise",
        "repeated-visibilities": "rows repeat a baseline and time",
        "scene-wraps": "a system spreads light over more than the margin of its scene, which repeats at its edge",
        "scene-unresolved": "a scene is so small that every baseline of an interferometer sees its total flux alone",
        "scene-coarse": "pixels of a scene are so large that an interferometer sees their shape",
        "objects-fine": "objects are so small against the pixels of a scene that their shape is lost",
        "setting-idle": "a setting is so small that it changes nothing that can be measured",
        "mask-thick": "a mask is computed as thin, and is not",
        "psf-cut": "a system's point spread function does not end at the edge of its window",
        "psf-background": "a measured point spread function is not dark at its edge",
        "psf-encoded": "a measured point spread function comes from a picture that is probably not linear in the light",
        "light-missing": "measurements get far less light than the exposure asks for",
        "all-dark": "every simulated measurement is 0, or one and the same number, everywhere",
        "noise-only": "the stated noise is far above everything that is measured",
        "ascent-unfinished": "the ascent of a design ended while its gain was still rising",
        "ascent-unbounded": "a parameter of a design grew without limit: there is no best one",
        "ascent-stuck": "no step along the slope of the gain raised it, though it should",
        "ascent-overfit": "for other objects an earlier place of the ascent was better than its end",
        "search-unfinished": "exchanges ended before every single one had been tried without gain",
        "unwritten": "parts of a dataset were never written, or lie in a file that is not there, and read as the fill value",
        "planes-grouped": "planes in time or depth of one field are samples that count as one source",
        "fields-unnamed": "a microscope's file names times or planes and no fields, and each counts as a source",
        "axes-doubtful": "the axes may be others than those as which the array is read",
        "min-is-white": "a TIFF whose values count down from white, which were turned round",
        "tiff-rgb": "colors of 8 bits, as a camera or a program makes them for the eye",
        "packed-values": "the file says that its numbers are packed (scale_factor, add_offset of netCDF)",
        "fill-values": "values are the fill value that the file declares (_FillValue, missing_value)",
        "taken-as-linear": "pictures that are encoded for a screen or compressed with loss, and that the user calls linear",
        "camera-figures": "figures of the camera that the file states, and how they are used",
        "noise-scan": "the noise of coils, from a scan without a signal",
        "frames-as-set": "several files are read as one set, a sample each",
        "tiff-lossy": "pages that are compressed with loss",
        "units-assumed": "nobody has said that the values are photoelectrons",
        "units-offset": "the values of the darkest pixels scatter too little for photoelectrons without an offset",
        "bound-near-floor": "scored measurements are unlike all that the models were fitted to: the bound is loose there",
        "impossible-information": "the number is above what values of this range can tell",
        "calibration-differs": "the measurements are not such as the calibrated camera gives: dark level, gain or pattern",
        "gain-inverted": "the gain looks like the inverse of the right one: DN/e- where e-/DN is asked for",
        "clean-not-possible": "the noiseless means in the file are negative, NaN or infinite",
        "clean-contradicts": "the noiseless means in the file are not those of its measurements",
        "information-negative": "the number is below 0 beyond its interval: the stated noise is larger than what is there",
    }
)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Finding:
    """One thing about measurements that touches, or may touch, the number.

    Attributes:
        name: stable name, one of `NAMES`.
        severity: "void" where the bound may be false, "biased" where the number is off (with sign and size where they are
            known), "note" for what a user should know.
        text: what was found, with its figures, in words. No path, no full stop.
        effect: what it does to the number; empty where that is not known.
        remedy: what to do, with the option to type; empty where there is nothing to do.
        figures: the numbers behind the text, JSON types.

    Raises:
        ValueError: the name or the severity is not known.

    """

    name: str
    severity: Severity
    text: str
    effect: str = ""
    remedy: str = ""
    figures: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self):
        if self.name not in NAMES:
            raise ValueError(f"no finding is called {self.name!r}: add it to ideal.health.finding.NAMES")
        if self.severity not in SEVERITIES:
            raise ValueError(f"the severity of a finding is void, biased or note; found {self.severity!r}")

    @property
    def line(self) -> str:
        """The finding as one line: what was found; what it does: what to do."""
        return "; ".join(filter(None, (self.text, self.effect))) + (f": {self.remedy}" if self.remedy else "")

    def to_record(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return {
            "name": self.name,
            "severity": self.severity,
            "text": self.text,
            "effect": self.effect,
            "remedy": self.remedy,
            "figures": dict(self.figures),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Finding":
        """Rebuild a finding from `to_record`."""
        return cls(**record)


def plain_note(text: str, **figures: Any) -> Finding:
    """Return a remark that has no name of its own."""
    return Finding("note", "note", text, figures=figures)


def lines(findings: Iterable[Finding], where: str) -> list[str]:
    """Return findings as lines that begin with the path of the measurements."""
    return [f"{where}: {finding.line}" for finding in findings]


def refuse_void(findings: Iterable[Finding], where: str, allowed: Collection[str] = ()) -> None:
    """Refuse measurements with a finding that makes the bound void, unless its name is allowed.

    Raises:
        UsageError: there is one.

    """
    for finding in findings:
        if finding.severity == "void" and finding.name not in allowed:
            raise UsageError(f"{where}: {finding.line}")

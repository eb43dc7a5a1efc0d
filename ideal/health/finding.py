"""A finding: one thing about measurements that a user should know, with what it does to the number and what mends it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ideal.errors import UsageError

Severity = Literal["void", "biased", "note"]

# Every name that a finding may have, with what it stands for. Names are part of the JSON: they are never changed.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "note": "a remark on how the file was read or the estimate was made",
        "few-sources": "too few independent sources were scored for a good interval",
        "few-measurements": "a measurement has more values than there are measurements to train the models",
        "blocks-as-sources": "blocks of one picture stand in for independent sources",
        "bound-near-floor": "scored measurements are unlike all that the models were fitted to: the bound is loose there",
        "impossible-information": "the number is above what values of this range can tell",
        "not-finite": "values are NaN or infinite",
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
        if self.severity not in ("void", "biased", "note"):
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

"""What a study is: jobs whose results are kept, a conclusion from their results, and a figure from the conclusion alone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from matplotlib.figure import Figure

from ideal.jobs.contract import Context as Context
from ideal.jobs.contract import Job as Job

FORMAT = "ideal-reproduction"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Plan:
    """How large a study is made.

    Attributes:
        quick: a smaller version that shows the same in minutes.
        seed: of everything random.
        confidence: of all intervals.

    """

    quick: bool = False
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True)
class Statistic:
    """A number that a study finds, such as a rank correlation.

    Attributes:
        name: what it is, for a table: "Spearman, information with PSNR, all systems".
        value: of it.
        interval: (low, high), or None where it is exact.
        target: the least it should be, or None.
        detail: one line: over what it was taken, how many, how its interval was made.

    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    target: float | None = None
    detail: str = ""

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval, of a statistic that has one.

        Raises:
            ValueError: it has none.

        """
        if self.interval is None:
            raise ValueError(f"{self.name} is exact: it has no interval")
        return self.interval

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        return None if self.target is None else self.value >= self.target

    def to_dict(self) -> dict:
        """Return it as JSON types."""
        return vars(self) | {"interval": None if self.interval is None else list(self.interval), "met": self.met}


@dataclass(frozen=True)
class Claim:
    """A published statement beside what was found, or a statement of our own.

    Attributes:
        statement: in one line: "at equal light one lens carries more than four".
        published: the published figure or order, as text; empty for a statement that nobody has published.
        measured: ours, with its interval, as text.
        agrees: whether the figures here say so too: True, False, or None where they cannot decide.
        why: in plain words, where it does not agree or the figures are not comparable.

    """

    statement: str
    published: str
    measured: str
    agrees: bool | None
    why: str = ""


@dataclass(frozen=True)
class Findings:
    """What a study concludes, in JSON types but for the classes above.

    Attributes:
        rows: flat rows, the same keys in each: the table, one file of comma-separated values. Keys name units: "psnr_db",
            "information_bits_per_pixel", "information_low", "information_high".
        statistics: rank correlations and the like.
        claims: published statements beside what was found, and statements of our own.
        notes: one sentence each: what the reader has to know before believing the figures.
        curves: what the figure needs besides the rows.

    """

    rows: Sequence[Mapping[str, Any]]
    statistics: Sequence[Statistic] = ()
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    curves: Mapping[str, Any] = field(default_factory=dict)


class Study(ABC):
    """A published result, made again on our own ground.

    Attributes:
        name: on the command line.
        title: of its figure and its page.
        summary: one line for people.
        source: publication whose result it is.

    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str] = "Pinkard et al., Information-driven design of imaging systems, NeurIPS 2025"

    @abstractmethod
    def jobs(self, plan: Plan) -> list[Job]:
        """Return all jobs, each after those that it needs. Nothing heavy is done here."""

    @abstractmethod
    def conclude(self, plan: Plan, results: Mapping[str, dict]) -> Findings:
        """Return what the results of all jobs, by name, say. Seconds at most."""

    @abstractmethod
    def draw(self, record: Mapping[str, Any]) -> Figure:
        """Return the figure of a record, as `run.json` holds it: rows, statistics, claims, curves, plan."""

"""What a page of a report consists of beside its tables: figures, facts, notes and text to copy."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ideal.tables import Table


@dataclass(frozen=True)
class Picture:
    """A figure, embedded.

    Attributes:
        source: data URI; None where it cannot be shown.
        name: of the file.
        caption: below it.
        alt: what it shows, for those who do not see it.
        width, height: natural size in CSS pixels; 0 where unknown.
        fault: why it cannot be shown, in words that follow its name.

    """

    source: str | None
    name: str
    caption: str
    alt: str
    width: int = 0
    height: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Gallery:
    """Figures, one after the other, or two to be compared side by side where there is room."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]
    pair: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with their values: settings, versions, checksums."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    code: bool = False


@dataclass(frozen=True)
class Headline:
    """The numbers that a run was made for: (number, unit, what it is, its interval or "") each."""

    kind: ClassVar[str] = "headline"
    numbers: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Note:
    """Sentences to read before the numbers, or beside them.

    Attributes:
        lines: one or more.
        tone: "warning", "failure" or "" for an explanation.
        title: above them.

    """

    kind: ClassVar[str] = "note"
    lines: Sequence[str]
    tone: str = ""
    title: str = ""


@dataclass(frozen=True)
class Code:
    """Text to copy: a command or a configuration."""

    kind: ClassVar[str] = "code"
    text: str
    label: str = ""


Block = Table | Gallery | Facts | Headline | Note | Code


@dataclass(frozen=True)
class Part:
    """Blocks below a heading of a section; none where there is nothing to show."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """What a page tells of one run, or of several together.

    Attributes:
        title: of the section.
        kind: of the run, for people: "estimate"; "" of what is about several.
        place: folder of the run.
        status: "finished", "failed" or "unfinished".
        result: its main number in a few words, for the list of runs.
        lead: what it was, in a line.
        conclusion: what came out, in a sentence; "" where there is none yet.
        date: of the record; versions: of what computed it, in a line.
        parts: of the section, in order.
        statistics: rows of numbers with targets, for the table of several studies.

    """

    title: str
    kind: str = ""
    place: str = ""
    status: str = "finished"
    result: str = ""
    lead: str = ""
    conclusion: str = ""
    date: str = ""
    versions: str = ""
    parts: Sequence[Part] = ()
    statistics: Sequence[dict] = field(default=(), repr=False)

    @property
    def pictures(self) -> list[Picture]:
        """All its figures."""
        return [each for part in self.parts for block in part.blocks if isinstance(block, Gallery) for each in block.pictures]

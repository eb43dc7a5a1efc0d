"""The page of a report: sections of all runs, in a template that needs nothing from elsewhere."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from jinja2 import TemplateError

from ideal._files import write_whole
from ideal.errors import DataError, IdealError, UsageError
from ideal.information.ranking import Ranking
from ideal.information.results import Estimate
from ideal.reports.content import Note, Section
from ideal.reports.files import read_file
from ideal.reports.html import rendered, style_of
from ideal.reports.sections.calibrations import calibration_section
from ideal.reports.sections.choices import choice_section
from ideal.reports.sections.decodings import decoding_section
from ideal.reports.sections.designs import design_section
from ideal.reports.sections.estimates import estimate_section
from ideal.reports.sections.studies import reproduction_section
from ideal.reports.sections.sweeps import sweep_section
from ideal.reports.sections.together import compared
from ideal.runs.read import (
    CALIBRATION,
    CHOICE,
    DECODING,
    DESIGN,
    ESTIMATE,
    REPRODUCTION,
    SWEEP,
    Run,
    none_of,
    read_runs,
)

_SECTIONS = {ESTIMATE: estimate_section, DESIGN: design_section, CHOICE: choice_section, REPRODUCTION: reproduction_section}
_SECTIONS |= {DECODING: decoding_section, CALIBRATION: calibration_section, SWEEP: sweep_section}
_SUFFIXES = (".html", ".htm")


class Reportable(Protocol):
    """A result that tells of itself as a run does."""

    def to_run(self) -> Run:
        """Return the result with its record and its figures."""


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        html: the whole page.
        sections: of the runs, in their order.
        missing: files of figures that are not there.
        left_out: why runs that were asked for are not on the page.

    """

    html: str
    sections: list[Section]
    missing: list[str]
    left_out: list[str]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What the page tells of, a run each, as JSON types: its folder, kind, status, title, result and figures."""
        return [
            {key: getattr(section, key) for key in ("place", "kind", "status", "title", "result")}
            | {"figures": [each.name for each in section.pictures if each.source is not None]}
            for section in self.sections
        ]

    @property
    def warnings(self) -> list[str]:
        """What a user should know of the runs: which are left out, not finished, or lack a figure."""
        said = [f"left out: {reason}" for reason in self.left_out]
        for section in self.sections:
            if section.status != "finished":
                said.append(f"{section.place}: the run is {section.status}")
            for each in section.pictures:
                if each.source is None:
                    said.append(f"{section.place}/{each.name} {each.fault}: the page says so in its place")
        return said

    def __repr__(self) -> str:
        return f"Page({len(self.sections)} runs, {len(self.html) / 1e6:.1f} MB)"


def report(
    results: "Sequence[Estimate | Reportable | str | Path] | Estimate | Reportable | str | Path",
    path: str | Path,
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> Page:
    """Write one HTML page of results: numbers, intervals, figures, settings, warnings and versions.

    The page holds all that it shows, figures included, and needs no network. Results of the same objects are compared.

    Args:
        results: what to tell of, one or several: estimates, rankings, decodings, cameras, folders of runs that a command wrote
            (`--out`), files of cameras (`ideal calibrate -o`), and what `ideal decode --json` printed into a file.
        path: the page to write, .html.
        title: of the page; None for what the results are.
        overwrite: whether a page of this name may be replaced.

    Returns:
        The page; `left_out` and `missing` say what could not be shown.

    Raises:
        UsageError: a run is named twice, or the page exists or has another ending.
        DataError: none of the runs can be read.

    """
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{path}: the name of a report must end in .html or .htm")
    if target.exists() and not overwrite:
        raise UsageError(f"{path} exists: choose another name, or replace it with overwrite=True")
    if isinstance(results, str | Path | Estimate) or hasattr(results, "to_run"):
        results = [results]
    if not isinstance(results, Iterable) or not (results := list(results)):
        raise UsageError("`results` names nothing to report: give estimates, rankings, or folders of runs")
    told = [Ranking((each,)) if isinstance(each, Estimate) else each for each in results]
    named = [str(each) for each in told if isinstance(each, str | Path)]
    read, left_out = read_runs(named, read_file) if named else ([], [])
    folders = {place: run for run in read for place in (run.name, run.place)}
    runs = [folders.get(str(Path(each))) if isinstance(each, str | Path) else each.to_run() for each in told]
    page = make_page([run for run in runs if run is not None], title, left_out)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, page.html)
    return page


def make_page(runs: Sequence[Run], title: str | None = None, left_out: Sequence[str] = ()) -> Page:
    """Return the report of runs.

    Args:
        runs: one or more.
        title: of the page; by default what the run is, or how many there are.
        left_out: why other runs that were asked for cannot be shown.

    Raises:
        DataError: the record of the run, or of each of them, lacks what it should hold.

    """
    shown, left_out = [], list(left_out)
    for run in runs:
        try:
            shown.append((run, _section(run)))
        except DataError as error:
            left_out.append(str(error))
    if not shown:
        raise DataError(none_of(left_out))
    runs, sections = [run for run, _ in shown], _told_apart([section for _, section in shown])
    with _named(", ".join(run.place for run in runs)):
        together = compared(runs, sections) if len(runs) > 1 else None
    html = _rendered(
        sections,
        title=title or (sections[0].title if len(sections) == 1 else f"Report of {len(sections)} runs"),
        together=together,
        left_out=Note(left_out, "warning", "Left out of this page") if left_out else None,
        version=", ".join(dict.fromkeys(run.versions["ideal"] for run in runs if "ideal" in run.versions)),
    )
    missing = [f"{section.place}/{each.name}" for section in sections for each in section.pictures if each.source is None]
    # Names of files that are no UTF-8 come as lone surrogates, which cannot be written.
    return Page(html.encode("utf-8", "replace").decode("utf-8"), sections, missing, left_out)


def _section(run: Run) -> Section:
    with _named(run.place):
        made = [f"{name} {each}" for name, each in run.versions.items() if name in ("jax", "numpy", "scipy")]
        told = _SECTIONS[run.kind](run)
        said = f"{told.title}: {told.result.rstrip('.')}." if told.result and run.status != "unfinished" else ""
        section = replace(told, conclusion=told.conclusion or said, date=run.date, versions=", ".join(made))
        # Rendered once for itself: that is what shows a text or a list that is none.
        _rendered([section], title=section.title, together=None, left_out=None, version="")
    return section


def _told_apart(sections: Sequence[Section]) -> list[Section]:
    """Return the sections with their places in titles that several have."""
    titles = Counter(section.title for section in sections)
    return [
        replace(section, title=f"{section.title}, {section.place}") if titles[section.title] > 1 else section
        for section in sections
    ]


@contextmanager
def _named(record: str) -> Iterator[None]:
    """Have errors that come of what a record says told as such.

    Raises:
        DataError: something in the record is missing, or of another type.

    """
    try:
        yield
    except IdealError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError, StopIteration, TemplateError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be understood ({type(error).__name__}: {error})"
        raise DataError(
            f"{record} {what}: it was changed, or written by another version; repeat the command of the run"
        ) from error


def _rendered(sections: Sequence[Section], **more) -> str:
    """Return the page of sections as HTML."""
    return rendered("report.html", sections=sections, style=style_of("report.css"), **more)

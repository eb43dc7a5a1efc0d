"""The page of a report: sections of all runs, in a template that needs nothing from elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError

from ideal.errors import DataError, IdealError
from ideal.reports.content import Note, Section
from ideal.reports.html import rendered, style_of
from ideal.reports.sections.choices import choice_section
from ideal.reports.sections.designs import design_section
from ideal.reports.sections.estimates import estimate_section
from ideal.reports.sections.studies import reproduction_section
from ideal.reports.sections.together import compared
from ideal.runs.read import CHOICE, DESIGN, ESTIMATE, REPRODUCTION, Run, none_of

_SECTIONS = {ESTIMATE: estimate_section, DESIGN: design_section, CHOICE: choice_section, REPRODUCTION: reproduction_section}


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
    runs, sections = (list(each) for each in zip(*shown, strict=True))
    with _named(", ".join(str(run.path / "run.json") for run in runs)):
        together = compared(runs, sections) if len(runs) > 1 else None
    html = _rendered(
        sections,
        title=title or (sections[0].title if len(sections) == 1 else f"Report of {len(sections)} runs"),
        together=together,
        left_out=Note(left_out, "warning", "Left out of this page") if left_out else None,
        version=_versions(runs),
    )
    missing = [f"{section.place}/{each.name}" for section in sections for each in section.pictures if each.source is None]
    # Names of files that are no UTF-8 come as lone surrogates, which cannot be written.
    return Page(html.encode("utf-8", "replace").decode("utf-8"), sections, missing, left_out)


def _section(run: Run) -> Section:
    with _named(run.path / "run.json"):
        section = _SECTIONS[run.kind](run)
        _rendered(
            [section], title=section.title, together=None, left_out=None, version=_versions([run])
        )  # shows what is no text or list
    return section


@contextmanager
def _named(record: Path | str) -> Iterator[None]:
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


def _versions(runs: Sequence[Run]) -> str:
    found = (run.record.get("version") or (run.record.get("versions") or {}).get("ideal") for run in runs)
    return ", ".join(dict.fromkeys(str(each) for each in found if each))

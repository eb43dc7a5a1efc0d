"""The page of a report: sections of all runs, in a template that needs nothing from elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ideal.cli._report_choices import choice_section
from ideal.cli._report_compared import compared
from ideal.cli._report_content import BAR_WIDTH, Section, laid_out
from ideal.cli._report_designs import design_section
from ideal.cli._report_estimates import estimate_section
from ideal.cli._report_reproductions import reproduction_section
from ideal.cli._report_runs import CHOICE, DESIGN, ESTIMATE, REPRODUCTION, Run
from ideal.errors import DataError, IdealError

_SECTIONS = {ESTIMATE: estimate_section, DESIGN: design_section, CHOICE: choice_section, REPRODUCTION: reproduction_section}
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        html: the whole page.
        sections: of the runs, in their order.
        missing: files of figures that are not there.

    """

    html: str
    sections: list[Section]
    missing: list[str]


def make_page(runs: Sequence[Run], title: str | None = None) -> Page:
    """Return the report of runs.

    Args:
        runs: one or more.
        title: of the page; by default what the run is, or how many there are.

    Raises:
        DataError: the record of a run lacks what it should hold.

    """
    sections = [_section(run) for run in runs]
    together = compared(runs, sections) if len(runs) > 1 else None
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["laid_out"] = laid_out
    environment.filters["breakable"] = _breakable
    environment.filters["prose"] = _prose
    html = environment.get_template("report.html").render(
        title=title or (sections[0].title if len(sections) == 1 else f"Report of {len(sections)} runs"),
        sections=sections,
        together=together,
        version=_versions(runs),
        bar_width=BAR_WIDTH,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # our own, not the user's
    )
    missing = [f"{section.place}/{each.name}" for section in sections for each in section.pictures if each.source is None]
    # Names of files that are no UTF-8 come as lone surrogates, which cannot be written.
    return Page(html.encode("utf-8", "replace").decode("utf-8"), sections, missing)


def _section(run: Run) -> Section:
    try:
        return _SECTIONS[run.kind](run)
    except IdealError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be understood ({type(error).__name__}: {error})"
        raise DataError(
            f"{run.path / 'run.json'} {what}: it was changed, or written by another version; repeat the command of the run"
        ) from error


def _versions(runs: Sequence[Run]) -> str:
    found = (run.record.get("version") or (run.record.get("versions") or {}).get("ideal") for run in runs)
    return ", ".join(dict.fromkeys(str(each) for each in found if each))


def _prose(text: str) -> Markup:
    """Return a text, escaped, whose options stay whole at the ends of lines."""
    parts = re.split(r"(?<!\w)(--\w[\w-]*)", text)
    return Markup("").join(
        Markup('<span class="option">{}</span>').format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _breakable(text: str) -> Markup:
    """Return a name, escaped, that may go on in another line after its slashes and underscores."""
    return Markup("").join(Markup("{}<wbr>").format(part) for part in re.split(r"(?<=[/_])", text))

"""What the commands print: tables for people, JSON for programs; narration on stderr."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from ideal.cli._asked import in_options, read_as
from ideal.cli._streams import tell
from ideal.progress import Progress, in_lines, silent, with_time_left
from ideal.records import to_json
from ideal.runs.keeping import Keeping
from ideal.tables import Table
from ideal.text import plain_text

_FILE_WIDTH = 160
_SECONDS = 10.0  # between lines of progress where there is no terminal
_LEAST_WIDTH = 80


def print_json(document: dict) -> None:
    """Print one JSON document on stdout; what is not finite becomes null."""
    print(to_json(document))


def flush() -> None:
    """Hand on to the system what has been printed: files are written once the numbers are out."""
    sys.stdout.flush()


def check_plot(target: str | None, force: bool, option: str = "--plot") -> None:
    """Refuse, before any work, a figure that could not be written; its folder is made."""
    check_target(option, target, (".png", ".svg", ".pdf"), force, make_folder=True)


def check_target(option: str, target: str | None, suffixes: tuple[str, ...], force: bool, *, make_folder: bool = False) -> None:
    """Refuse, before any work, a file that could not be written."""
    from pathlib import Path

    from ideal._files import try_file
    from ideal.errors import UsageError

    if target is None:
        return
    path = Path(target)
    if path.suffix.lower() not in suffixes:
        *others, last = suffixes
        raise UsageError(f"{option} {target}: the name must end in " + (f"{', '.join(others)} or " if others else "") + last)
    if path.is_dir():
        raise UsageError(f"{option} {target} is a folder: name a file")
    if (read := read_as(target)) is not None:
        raise UsageError(f"{option} {target} would overwrite {read}, which is read: choose another name")
    if path.exists() and not force:
        raise UsageError(f"{option} {target} exists: choose another name, or overwrite it with --force")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        try_file(path)
    except OSError as error:
        raise UsageError(f"{option} {target} cannot be written ({error.strerror}): choose a folder that can be") from None


@contextmanager
def narration(label: str = "") -> Iterator[Progress]:
    """Give what shows progress on stderr: a bar with the time that is left, or lines in logs.

    Args:
        label: what the progress is of, where a command does several things.

    """
    if sys.stderr.isatty():
        from ideal.cli._progress import shown_progress

        with shown_progress() as bar:
            timed = with_time_left(bar)
            yield (lambda text, fraction=None: timed(f"{label}: {text}", fraction)) if label else timed
        return
    try:
        every = float(os.environ.get("IDEAL_PROGRESS_SECONDS", _SECONDS))
    except ValueError:
        every = _SECONDS
    yield with_time_left(in_lines(lambda text: tell(label or "progress", text), every)) if every > 0 else silent


def warn(text: str) -> None:
    """Print one warning line on stderr."""
    tell("warning", in_options(text))


def warn_of(findings: Sequence[dict]) -> None:
    """Print a warning line for each finding, of the records of them."""
    from ideal.health.finding import Finding

    for record in findings:
        warn(Finding.from_record(record).line)


def note(text: str) -> None:
    """Print one line on stderr of what a user should know."""
    tell("note", text)


def warn_all(ranking) -> None:
    """Print the warnings of estimates and of task information, one line where several files earn the same."""
    files: dict[str, list[str]] = {}
    for found in ranking.estimates:
        more = ranking.tasks[found.path].warnings if found.path in ranking.tasks else ()
        for text in dict.fromkeys((*found.warnings, *more)):
            files.setdefault(text.removeprefix(f"{found.path}: "), []).append(found.path)
    for text, paths in files.items():
        warn(f"{', '.join(paths) if len(paths) < 4 else f'{len(paths)} files'}: {text}")


def _console():
    """Return a console on stdout, wide where nobody has said how wide it is."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _FILE_WIDTH
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)
    console.width = max(console.width, _LEAST_WIDTH)
    return console


def print_lines(lines: Sequence[str], style: str | None = None) -> None:
    """Print lines of text as they are; a terminal may show them in a style, as "bold"."""
    console = _console()
    for line in lines:
        console.print(plain_text(line), markup=False, style=style)


def print_table(table: Table) -> None:
    """Print a table: what the terminal has room for, or all of it where nobody has said how wide it is."""
    if sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False, markup=False, emoji=False)
        drawn = table.to_rich(console.width)
        console.width = table.room(console.width)
        console.print(drawn)
    else:
        print(table.to_text(_FILE_WIDTH), end="")


def print_parts(parts: Sequence[str | Table], between: str = "\n") -> None:
    """Print texts and tables, with an empty line between them unless something else is named."""
    for number, part in enumerate(parts):
        if number:
            print(end=between)
        if isinstance(part, str):
            print_lines(part.splitlines())
        else:
            print_table(part)


def show(document: dict, parts: Sequence[str | Table], as_json: bool) -> None:
    """Print what was found, a JSON document or texts and tables, and hand it on: files are written once the numbers are out."""
    if as_json:
        print_json(document)
    else:
        print_parts(parts)
    flush()


@contextmanager
def kept(debug: bool) -> Iterator[Keeping]:
    """Give what takes files that cannot be written; the command then ends with exit code 1.

    Args:
        debug: whether a defect is raised all the same.

    """
    keeping = Keeping(debug)
    yield keeping
    if keeping.failed:
        raise typer.Exit(1)

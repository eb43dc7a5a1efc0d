"""What the commands print: tables for people, JSON for programs; narration on stderr."""

import math
import os
import sys
from collections.abc import Container, Sequence
from contextlib import nullcontext

from ideal.cli._asked import read_as
from ideal.cli._streams import tell
from ideal.records import to_json
from ideal.tables import Column, Table
from ideal.text import exact_percent, plain_text

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


def narration():
    """Return a context that gives a function (text, fraction or None) which shows progress on stderr: a bar, or lines in logs."""
    if not sys.stderr.isatty():
        from ideal.progress import in_lines, silent

        try:
            every = float(os.environ.get("IDEAL_PROGRESS_SECONDS", _SECONDS))
        except ValueError:
            every = _SECONDS
        return nullcontext(in_lines(lambda text: tell("progress", text), every) if every > 0 else silent)
    from ideal.cli._progress import shown_progress

    return shown_progress()


def warn(text: str) -> None:
    """Print one warning line on stderr."""
    tell("warning", text)


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


def print_facts(facts: dict) -> None:
    """Print what `ideal inspect` found."""
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    photons = "photoelectrons" if facts["mean_photon_count"] is not None else facts["units"]
    rows = {
        "file": facts["path"],
        "measurements": f"{' x '.join(map(str, facts['shape']))} {facts['dtype']}, units {facts['units']}"
        + " (taken as, none are named)" * facts["units_assumed"],
        "noise": _noise_text(facts),
        "values": _values_text(facts, photons),
        "zeros, saturated": f"{facts['fraction_zero'] or 0:.2%}, {facts['fraction_saturated']:.2%}",
        "sources": f"{facts['groups']} groups" if facts["groups"] is not None else "no groups: each sample its own source",
        "clean means": "yes" if facts["clean"] else "no",
        "labels": f"{facts['labels']} classes" if facts["labels"] is not None else "no",
    }
    own = ("NX_class", "axes", "signal", "format", "format_version", "noise", "sigma", "gain", "offset", "read_noise", "units")
    rows |= {name: str(value) for name, value in facts["attributes"].items() if name not in (*own, *rows) and value != ""}
    for name, value in rows.items():
        table.add_row(plain_text(name), plain_text(value))
    console = _console()
    console.print(table)


def _noise_text(facts: dict) -> str:
    text = facts["noise"] or "unknown (--noise)"
    if facts["sigma"] is not None:
        text += f", sigma {facts['sigma']}"
    if facts["gain"] != 1 or facts["offset"] != 0:
        text += f", gain {facts['gain']:g} e-/DN, offset {facts['offset']:g} DN"
    if facts["read_noise"]:
        text += f", read noise {facts['read_noise']:g} e-"
    for name, value in facts.get("noise_figures", {}).items():
        text += f", {name.replace('_', ' ')} {value:g}"
    return text


def _values_text(facts: dict, units: str) -> str:
    if facts["mean"] is None:
        return "none is finite"
    spread = math.sqrt(facts["variance"])
    return f"{facts['min']:.4g} to {facts['max']:.4g}, mean {facts['mean']:.4g}, s.d. {spread:.4g} {units}"


def print_estimate(found) -> None:
    """Print one estimate in full."""
    from ideal.information.tables import size_of

    document, told = found.to_dict(), found.information
    low, high = told.interval
    console = _console()
    console.print(plain_text(found.path), markup=False, style="bold")
    console.print(
        f"information {told.value:.4f} {told.unit} ({exact_percent(found.confidence)} interval {low:.4f} to {high:.4f}), "
        f"{document['information_bits_per_measurement']:.1f} bits in {size_of(document)}"
    )
    noise = document["noise_entropy_bits_per_pixel"]
    console.print(f"entropy H(Y) <= {document['entropy_bits_per_pixel']:.4f}, noise H(Y|X) = {noise:.4f} {told.unit}")
    if (rate := document["information_rate"]) is not None:
        low, high = rate["interval"]
        console.print(f"rate {rate['bits_per_pixel']:.4f} bits per further pixel ({low:.4f} to {high:.4f}), by {rate['model']}")
    print_table(found.table(digits=4))
    folds = f" in {found.n_folds} folds" if found.n_folds > 1 else ""
    what = "patches" if len(found.patch) > 1 else "measurements"
    counts = {"train": found.n_train, "choose": found.n_validation, f"scored{folds}": found.n_test}
    (name, count), *others = ((name, count) for name, count in counts.items() if count)
    console.print(", ".join([f"{count} {what} {name}", *(f"{n} {does}" for does, n in others), f"{found.n_groups} sources"]))


def print_lines(lines: list[str]) -> None:
    """Print lines of text as they are."""
    console = _console()
    for line in lines:
        console.print(plain_text(line), markup=False)


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


def print_parts(parts: Sequence[str | Table]) -> None:
    """Print texts and tables with an empty line between them."""
    for number, part in enumerate(parts):
        if number:
            print()
        if isinstance(part, str):
            print_lines(part.splitlines())
        else:
            print_table(part)


def print_rows(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> None:
    """Print rows of text below their titles; the columns of these numbers are flush right."""
    columns = [Column(title, "number" if number in right else "text") for number, title in enumerate(titles)]
    print_table(Table("", columns, rows))

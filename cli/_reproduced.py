"""Studies made by the command line: their folders, files and tables."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ideal._files import write_whole
from ideal.cli import _output
from ideal.cli._streams import tell
from ideal.datasets._data_folder import data_folder
from ideal.errors import IdealError
from ideal.runs.keeping import Keeping
from ideal.studies import STUDIES, Plan, find_study
from ideal.studies.engine.folder import StudyFolder
from ideal.studies.engine.run import make
from ideal.studies.engine.workers import cores
from ideal.text import exact_percent

_ALL = "all"
_CACHE = ".jobs"  # folder beside those of the studies
_LINE = 10.0  # seconds between two lines of progress where there is no terminal


def chosen(names: list[str]) -> list[str]:
    """Return the names of studies, each once.

    Raises:
        UsageError: there is none of this name.

    """
    found = [each for name in names for each in (STUDIES if name == _ALL else [name])]
    for name in found:
        find_study(name)
    return list(dict.fromkeys(found))


def out_folder(out: str | None, quick: bool) -> Path:
    """Return the folder of all studies."""
    return Path(out or ("reproduction-quick" if quick else "reproduction"))


def made(
    names: list[str],
    folder: Path,
    keeping: Keeping,
    *,
    quick: bool,
    seed: int,
    jobs: int | None,
    force: bool,
    provenance: dict,
    show: Callable[[dict], None] = lambda record: None,
) -> tuple[list[dict], list[str]]:
    """Make studies and write their folders; where one fails the others are made all the same.

    Args:
        names: of the studies.
        folder: of all of them.
        keeping: takes what cannot be written.
        quick: whether they are made smaller.
        seed: of their plan.
        jobs: processes; None for one on each core.
        force: whether what is in the folders is overwritten.
        provenance: version, command and seed.
        show: called with each record before its files are written.

    Returns:
        their records, and what went wrong, one line each.

    Raises:
        UsageError: a folder holds the study made with another seed or size, or something else.
        DataError: IDEAL_DATA names no folder.

    """
    data_folder()  # what is wrong with it is wrong with all studies
    plan = Plan(quick=quick, seed=seed)
    studies = {name: find_study(name)() for name in names}
    places = {name: StudyFolder(folder / name) for name in names}
    for place in places.values():
        if not force:
            place.check(plan)
    for place in places.values():
        place.lock(keeping)
    for name, study in studies.items():
        places[name].begin(study, plan, provenance, keeping)
    records, errors = [], []
    for number, (name, study) in enumerate(studies.items()):
        label = f"{name} ({number + 1} of {len(names)})" if len(names) > 1 else name
        begun = time.perf_counter()
        try:
            with _shown(label) as say:
                record = make(study, plan, folder / _CACHE, workers=jobs or len(cores()), report=say, warn=partial(_warn, label))
        except IdealError as error:
            errors.append(_told(error, folder / f"{name}-traceback.txt", keeping))
            with keeping.attempt(places[name].path, "the record"):
                places[name].stopped("failed", [errors[-1]])
            if number + 1 < len(names):
                _warn(label, f"failed: {errors[-1]}")
        except KeyboardInterrupt:
            for each in list(places.values())[number:]:
                with keeping.attempt(each.path, "the record"):
                    each.stopped("interrupted", [])
            raise KeyboardInterrupt(f"repeat the command to go on with {folder}") from None
        else:
            record |= {**provenance, "wall_seconds": time.perf_counter() - begun, "errors": []}
            records.append(places[name].finish(study, record, keeping, show))
    return records, errors


def _told(error: IdealError, traceback: Path, keeping: Keeping) -> str:
    """Return what failed in one line; the traceback of a defect goes to a file."""
    if not (trace := getattr(error, "trace", "")):
        return str(error)
    with keeping.attempt(traceback, "the traceback"):
        write_whole(traceback, trace)
    return f"{error} (traceback in {traceback})"


def redrawn(name: str, folder: Path, *, quick: bool, seed: int, show: Callable[[dict], None] = lambda record: None) -> dict:
    """Draw a study's figure and write its table again from its record; return the record.

    Raises:
        UsageError: there is no finished record of this seed and size to draw from.
        DataError: it cannot be read.

    """
    place = StudyFolder(folder / name)
    record = place.finished(Plan(quick=quick, seed=seed))
    show(record)
    place.draw(find_study(name)(), record)
    return record


def _warn(label: str, text: str) -> None:
    tell(label, text)


@contextmanager
def _shown(label: str) -> Iterator[Callable[[str, float | None], None]]:
    """Give a function that shows progress: a bar on a terminal, now and then a line elsewhere."""
    if sys.stderr.isatty():
        from ideal.cli._progress import shown_progress, with_time_left

        with shown_progress() as say:
            timed = with_time_left(say)
            yield lambda text, fraction=None: timed(f"{label}: {text}", fraction)
        return
    last = -math.inf

    def say(text: str, fraction: float | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE:
            last = time.monotonic()
            tell(label, f"{100 * (fraction or 0):.0f} %, {text}")

    yield say


def print_record(record: dict, folder: Path, *, only_drawn: bool = False) -> None:
    """Print what a study found: its statistics, the published claims beside ours, and its files.

    Args:
        record: of the study.
        folder: of all studies.
        only_drawn: whether no job was done for it, only its figure and table.

    """
    plan = record["plan"]
    _output.print_lines([f"{record['title']}{' (quick)' if plan['quick'] else ''}", ""])
    if record["statistics"]:
        share = exact_percent(plan["confidence"])
        rows = [(each["name"], _number(each["value"]), _range(each["interval"]), _target(each)) for each in record["statistics"]]
        _output.print_rows(("", "value", f"{share} interval", "target"), rows, right=(1, 2))
        _output.print_lines([""])
    if record["claims"]:
        said = {True: "yes", False: "no", None: "not decided"}
        published = [each for each in record["claims"] if each["published"]]
        own = [each for each in record["claims"] if not each["published"]]
        if published:
            rows = [(each["statement"], each["published"], each["measured"], said[each["agrees"]]) for each in published]
            _output.print_rows(("published", "figures", "here", "agrees"), rows)
            _output.print_lines([""])
        if own:
            rows = [(each["statement"], each["measured"], said[each["agrees"]]) for each in own]
            _output.print_rows(("also asked", "found here", "holds"), rows)
            _output.print_lines([""])
    for note in record["notes"]:
        _output.print_lines([f"note: {note}"])
    done = record["jobs"]
    how = f"{done['done_now']} of {done['all']} jobs done now, {record['wall_seconds']:.0f} s"
    files = "figure.png, figure.svg, table.csv" + ("" if only_drawn else ", run.json")
    _output.print_lines([f"{'drawn again from run.json' if only_drawn else how}; {folder / record['study']}: {files}", ""])


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def _range(bounds: list | None) -> str:
    return "" if bounds is None else " to ".join(map(_number, bounds))


def _target(statistic: dict) -> str:
    if statistic["target"] is None:
        return ""
    return f"{statistic['target']:g}: {'reached' if statistic['met'] else 'not reached'}"

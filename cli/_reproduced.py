"""Studies made by the command line: their folders, files and tables."""

import csv
import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ideal.cli import _output
from ideal.cli._run_folder import write_whole
from ideal.errors import DataError, UsageError
from ideal.reproduce import STUDIES, Plan, find_study
from ideal.reproduce._contract import FORMAT
from ideal.reproduce._workers import JobError, cores
from ideal.reproduce.run import make
from ideal.reproduce.style import write_figure

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
    names: list[str], folder: Path, *, quick: bool, seed: int, jobs: int | None, force: bool, provenance: dict
) -> list[dict]:
    """Make studies, write their folders, and return their records.

    Raises:
        UsageError: a folder holds the study made with another seed or size, or something else.
        DataError: objects do not do.

    """
    plan = Plan(quick=quick, seed=seed)
    for name in names:
        _check_folder(folder / name, plan, force)
    records = []
    for number, name in enumerate(names):
        study = find_study(name)()
        label = f"{name} ({number + 1} of {len(names)})" if len(names) > 1 else name

        def warn(note: str, label: str = label) -> None:
            print(f"ideal: {label}: {note}", file=sys.stderr, flush=True)

        with _shown(label) as say:
            begun = time.perf_counter()
            try:
                record = make(study, plan, folder / _CACHE, workers=jobs or len(cores()), report=say, warn=warn)
            except JobError as error:
                if error.trace:
                    write_whole(folder / f"{name}-traceback.txt", error.trace)
                    raise DataError(f"{error} (traceback in {folder / name}-traceback.txt)") from None
                raise DataError(str(error)) from None
        record |= {"status": "finished", **provenance, "wall_seconds": time.perf_counter() - begun, "errors": []}
        _write(folder / name, record)
        records.append(record)
    return records


def redrawn(name: str, folder: Path) -> dict:
    """Draw a study's figure and write its table again from its record; return the record.

    Raises:
        UsageError: there is no record to draw from.

    """
    record = _read(folder / name / "run.json")
    if record is None:
        raise UsageError(f"{folder / name} holds no study to draw again: make it first (ideal reproduce {name})")
    _write_table(folder / name, record)
    write_figure(find_study(name)(), record, folder / name)
    return record


def _check_folder(place: Path, plan: Plan, force: bool) -> None:
    record = place / "run.json"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {place.parent} cannot be written ({error.strerror}): choose a folder that can be") from None
    if not record.exists() or force:
        return
    before = _read(record)
    if before is None:
        raise UsageError(f"{record} is no record of a study: choose another --out, or overwrite it with --force")
    if before.get("plan") != vars(plan):
        size, seed = ("quick" if before["plan"].get("quick") else "in full"), before["plan"].get("seed")
        raise UsageError(
            f"{place} holds this study made {size} with seed {seed}: choose another --out, or overwrite it with --force"
        )


def _read(path: Path) -> dict | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def _write(place: Path, record: dict) -> None:
    """Write a study's folder; the record comes last, so that where it stands the folder is whole."""
    record["figures"] = ["figure.png", "figure.svg"]
    # Drawn from what will be read again, so that --redraw gives the same bytes.
    document = json.loads(_output.to_json(record))
    _write_table(place, document)
    write_figure(find_study(record["study"])(), document, place)
    write_whole(place / "run.json", _output.to_json(document))


def _write_table(place: Path, record: dict) -> None:
    text = io.StringIO()
    if record["rows"]:
        writer = csv.DictWriter(text, list(record["rows"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(record["rows"])
    write_whole(place / "table.csv", text.getvalue())


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
            print(f"ideal: {label}: {100 * (fraction or 0):.0f} %, {text}", file=sys.stderr, flush=True)

    yield say


def print_record(record: dict, folder: Path) -> None:
    """Print what a study found: its statistics, the published claims beside ours, and its files."""
    plan = record["plan"]
    _output.print_lines([f"{record['title']}{' (quick)' if plan['quick'] else ''}", ""])
    if record["statistics"]:
        share = _output.percent(plan["confidence"])
        rows = [(each["name"], _number(each["value"]), _range(each["interval"]), _target(each)) for each in record["statistics"]]
        _output.print_table(("", "value", f"{share} interval", "target"), rows, right=(1, 2))
        _output.print_lines([""])
    if record["claims"]:
        said = {True: "yes", False: "no", None: "not decided"}
        published = [each for each in record["claims"] if each["published"]]
        own = [each for each in record["claims"] if not each["published"]]
        if published:
            rows = [(each["statement"], each["published"], each["measured"], said[each["agrees"]]) for each in published]
            _output.print_table(("published", "figures", "here", "agrees"), rows)
            _output.print_lines([""])
        if own:
            rows = [(each["statement"], each["measured"], said[each["agrees"]]) for each in own]
            _output.print_table(("also asked", "found here", "holds"), rows)
            _output.print_lines([""])
    for note in record["notes"]:
        _output.print_lines([f"note: {note}"])
    done = record["jobs"]
    place = folder / record["study"]
    _output.print_lines(
        [f"{done['done_now']} of {done['all']} jobs done now, {record['wall_seconds']:.0f} s; {place}: figure.png, figure.svg, "
         "table.csv, run.json", ""]
    )  # fmt: skip


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

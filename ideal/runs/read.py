"""Runs that are over, read back from their folders: what kind each is, and whether it came to its end."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ideal._documents import loads
from ideal.errors import DataError, UsageError
from ideal.records import from_json

if TYPE_CHECKING:
    from ideal.information.results import Estimate

ESTIMATE, DESIGN, CHOICE, REPRODUCTION, SWEEP = "estimate", "design", "choice", "reproduction", "sweep"
DECODING, CALIBRATION = "decoding", "calibration"
_REPRODUCTION_FORMAT, _SWEEP_FORMAT = "ideal-reproduction", "ideal-sweep"
_NAMED = 3  # folders that a message has room to name
_HEAD = 200  # characters of a record that say what it is of


@dataclass(frozen=True)
class Run:
    """A run and its folder, or results in memory that are told of as of a run.

    Attributes:
        path: of the folder, as the user named it, or of the file of a decoding or a camera; None of results in memory.
        kind: `ESTIMATE`, `DESIGN`, `CHOICE`, `REPRODUCTION`, `SWEEP`, `DECODING` or `CALIBRATION`.
        record: what run.json says.
        status: "finished", "failed" (of some files or as a whole) or "unfinished".
        date: when the record was written, as 2026-01-31; "" where nobody knows.
        figures: files by their names, of results in memory.
        results: estimates by their place, of results in memory.

    """

    path: Path | None
    kind: str
    record: dict
    status: str
    date: str = ""
    figures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    results: Mapping[int, "Estimate"] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What to call it."""
        return "Python" if self.path is None else str(self.path)

    @property
    def place(self) -> str:
        """What to call its record in messages."""
        if self.path is None:
            return "the record of these results"
        return str(self.path if self.kind in (DECODING, CALIBRATION) else self.path / "run.json")

    @property
    def versions(self) -> dict[str, str]:
        """The versions of what computed it, as far as they are known."""
        found = {name: str(each) for name, each in (self.record.get("versions") or {}).items()}
        own = self.record.get("version")
        return ({"ideal": str(own)} if own and "ideal" not in found else {}) | found

    def content(self, name: str) -> bytes:
        """Return the bytes of a file of the run.

        Raises:
            DataError: there is none that may be read; the message follows the name of the file.

        """
        if self.path is None:
            if name not in self.figures:
                raise DataError("was not drawn")
            return self.figures[name]
        file = inside(self.path, name)
        if file is None:
            raise DataError(absence(self.path, name))
        try:
            return file.read_bytes()
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})") from None

    def file(self, name: str | Path) -> Path | None:
        """Return a file of the folder by its name; None where there is none, or where it lies elsewhere: see `inside`."""
        return None if self.path is None else inside(self.path, name)

    def metrics(self) -> list[dict]:
        """Return what a run has written of its way: steps of an ascent, estimates; the last line may be cut."""
        file = self.file("metrics.jsonl")
        try:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file else []
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(loads(line))
            except ValueError:
                continue
        return found


def inside(folder: Path, name: str | Path) -> Path | None:
    """Return a regular file of a folder by its name, or None.

    A page is made to be passed on, and the folder may be somebody else's: a name such as ../private.png, or a link that points
    out of the folder, names nothing.
    """
    try:
        file = (folder / name).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except (OSError, ValueError, RuntimeError):  # no name of a file, or a link in circles
        return None


def absence(folder: Path, name: str | Path) -> str:
    """Return why `inside` gives no file, in words that follow its name."""
    try:
        place = folder / name
        if not os.path.lexists(place):
            return "is missing from the folder of the run"
        if not place.resolve().is_relative_to(folder.resolve()):
            return "lies outside the folder of the run, and was not read"
        return "is no regular file, and was not read" if place.exists() else "is a link to nothing"
    except (OSError, ValueError, RuntimeError) as error:
        return f"cannot be looked at ({getattr(error, 'strerror', None) or error})"


def read_runs(names: Sequence[str], read_file: Callable[[Path], Run] | None = None) -> tuple[list[Run], list[str]]:
    """Return the runs of these folders, or of the run.json in them, and why others of several are left out.

    Args:
        names: of the folders.
        read_file: reads what is no folder; None where there is nothing else.

    Raises:
        UsageError: a run is named twice.
        DataError: a folder does not exist, or none of them holds a run that can be read.

    """
    runs, left_out, seen = [], [], set()
    for name in names:
        folder = Path(name).parent if Path(name).name == "run.json" and not Path(name).is_dir() else Path(name)
        if (place := os.path.realpath(folder)) in seen:
            raise UsageError(f"{name} is named twice: name each run once")
        seen.add(place)
        try:
            runs.append(read_run(folder) if read_file is None or not folder.is_file() else read_file(folder))
        except DataError as error:  # one folder of many does not take the page from the others; a wrong name is told at once
            if len(names) == 1 or not folder.exists():
                raise
            left_out.append(str(error))
    if not runs:
        raise DataError(none_of(left_out))
    return runs, left_out


def none_of(reasons: Sequence[str]) -> str:
    """Return what to say where no run can be shown."""
    return reasons[0] if len(reasons) == 1 else f"none of the {len(reasons)} runs can be shown; the first: {reasons[0]}"


def read_run(folder: Path) -> Run:
    """Return the run that a folder holds.

    Raises:
        DataError: it holds none, or one that cannot be read.

    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}: name the folder of a run (--out of ideal estimate, optimize, sweep or reproduce)")
    if not (folder / "run.json").is_file():
        below = sorted(each.parent for each in folder.glob("*/run.json"))
        hint = f"; there are runs in it: {', '.join(map(str, below[:_NAMED]))}" + ", ..." * (len(below) > _NAMED)
        raise DataError(
            f"{folder} holds no run.json: name the folder of a run (--out of ideal estimate, optimize or reproduce)"
            + (hint if below else "")
        )
    if inside(folder, "run.json") is None:
        raise DataError(f"{folder / 'run.json'} is a link to a file elsewhere: copy that file into the folder")
    record = read_object(folder / "run.json", strict=True)
    kind = _kind(record)
    if kind is None:
        raise DataError(
            f"{folder / 'run.json'} is not of a run: expected what ideal estimate, optimize or reproduce keep, "
            f"found the keys {', '.join(map(str, record)) or 'of nothing'}"
        )
    status = record.get("status", "finished" if kind == REPRODUCTION else None)
    written = (folder / "run.json").stat().st_mtime
    date = datetime.fromtimestamp(written).date().isoformat()
    return Run(folder, kind, record, status if status in ("finished", "failed") else "unfinished", date)


def read_object(file: Path, *, strict: bool = False) -> dict:
    """Return what a file of JSON holds; with `strict` NaN and infinity, which no record is written with, are damage."""
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        record = from_json(text) if strict else loads(text)
    except (ValueError, OSError) as error:  # a UnicodeDecodeError is a ValueError
        reason = getattr(error, "strerror", None) or error
        kept = ": what its jobs have done is kept" if _is_of_study(file, text) else ""
        raise DataError(
            f"{file} cannot be read ({reason}): was it cut short or changed? repeat the command of the run{kept}"
        ) from None
    if not isinstance(record, dict):
        raise DataError(f"{file} holds a {type(record).__name__}, expected the record of a run: repeat the command of the run")
    return record


def _is_of_study(file: Path, text: str) -> bool:
    """Tell whether a record that cannot be read is of `ideal reproduce`: by how it begins, or by the jobs beside its folder."""
    return f'"{_REPRODUCTION_FORMAT}"' in text[:_HEAD] or (file.parent.parent / ".jobs").is_dir()


def _kind(record: dict) -> str | None:
    if record.get("format") == _REPRODUCTION_FORMAT:
        return REPRODUCTION
    if record.get("format") == _SWEEP_FORMAT:
        return SWEEP
    if "strategies" in record:
        return CHOICE
    if "designs" in record:
        return DESIGN
    if "results" in record:
        return ESTIMATE
    configuration = record.get("configuration")
    if "status" not in record or not isinstance(configuration, dict):
        return None
    if "optimize" not in configuration:
        return ESTIMATE
    return CHOICE if (configuration["optimize"] or {}).get("choose") is not None else DESIGN

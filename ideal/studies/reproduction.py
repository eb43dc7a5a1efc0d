"""Studies made one after another: their folders, files and records."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from ideal._files import write_whole
from ideal.datasets._data_folder import data_folder
from ideal.errors import IdealError, LeftOutWarning
from ideal.progress import Progress, shown
from ideal.runs.keeping import Keeping
from ideal.studies import STUDIES, Plan, find_study
from ideal.studies.engine.folder import StudyFolder
from ideal.studies.engine.run import make
from ideal.studies.engine.workers import cores

ALL = "all"
_CACHE = ".jobs"  # folder beside those of the studies


def reproduce(
    names: str | Sequence[str],
    out: str | Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    jobs: int | None = None,
    redraw: bool = False,
    overwrite: bool = False,
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[str], AbstractContextManager[Progress]] | None = None,
    show: Callable[[dict], None] = lambda record: None,
    warn: Callable[[str, str], None] | None = None,
    keeping: Keeping | None = None,
) -> tuple[list[dict], list[str]]:
    """Make published results again and write their folders; where one fails the others are made all the same.

    What an earlier call has done is not done again, and one that was interrupted goes on.

    Args:
        names: of the studies, each of `STUDIES`, or "all".
        out: folder with one for each study; None for that of `home_of`.
        quick: whether they are made smaller.
        seed: seed of everything random.
        jobs: number of processes; None for one on each core.
        redraw: whether figures and tables are only drawn again from the records that are there.
        overwrite: whether what is in the folders is replaced.
        provenance: version and command, which records quote.
        progress: gives for the name of a study what shows its progress; None for a bar where somebody looks on.
        show: called with each record before its files are written.
        warn: called with the name of a study and a line on it; None for a warning.
        keeping: takes what cannot be written.

    Returns:
        The records, and what went wrong, one line each.

    Raises:
        UsageError: there is no such study, or a folder holds one made with another seed or size, or something else.
        DataError: IDEAL_DATA names no folder, or a record to draw from cannot be read.

    """
    folder, plan, warn = home_of(out, quick), Plan(quick=quick, seed=seed), warn or _warn
    keeping = keeping or Keeping()
    studies = {name: find_study(name)() for name in _each(names)}
    places = {name: StudyFolder(folder / name) for name in studies}
    if redraw:
        drawn = []
        for name, study in studies.items():
            drawn.append(places[name].finished(plan))
            show(drawn[-1])
            places[name].draw(study, drawn[-1])
        return drawn, []
    data_folder()  # what is wrong with it is wrong with all studies
    for place in places.values():
        if not overwrite:
            place.check(plan)
    for place in places.values():
        place.lock(keeping)
    for name, study in studies.items():
        places[name].begin(study, plan, provenance or {}, keeping)
    records: list[dict] = []
    errors: list[str] = []
    for number, (name, study) in enumerate(studies.items()):
        label = f"{name} ({number + 1} of {len(studies)})" if len(studies) > 1 else name
        begun = time.perf_counter()
        try:
            with progress(label) if progress else shown() as say:
                workers = jobs or len(cores())
                record = make(study, plan, folder / _CACHE, workers=workers, report=say, warn=partial(warn, label))
        except IdealError as error:
            errors.append(_told(error, folder / f"{name}-traceback.txt", keeping))
            with keeping.attempt(places[name].path, "the record"):
                places[name].stopped("failed", [errors[-1]])
            if number + 1 < len(studies):
                warn(label, f"failed: {errors[-1]}")
        except KeyboardInterrupt:
            for each in list(places.values())[number:]:
                with keeping.attempt(each.path, "the record"):
                    each.stopped("interrupted", [])
            raise KeyboardInterrupt(f"repeat the command to go on with {folder}") from None
        else:
            record |= {**(provenance or {}), "wall_seconds": time.perf_counter() - begun, "errors": []}
            records.append(places[name].finish(study, record, keeping, show))
    return records, errors


def home_of(out: str | Path | None, quick: bool) -> Path:
    """Return the folder of all studies: the one that is named, or reproduction, or reproduction-quick for smaller ones."""
    return Path(out or ("reproduction-quick" if quick else "reproduction"))


def _each(names: str | Sequence[str]) -> list[str]:
    """Return names of studies, each once."""
    named = [names] if isinstance(names, str) else names
    return list(dict.fromkeys(each for name in named for each in (STUDIES if name == ALL else [name])))


def _told(error: IdealError, traceback: Path, keeping: Keeping) -> str:
    """Return what failed in one line; the traceback of a defect goes to a file."""
    if not (trace := getattr(error, "trace", "")):
        return str(error)
    with keeping.attempt(traceback, "the traceback"):
        write_whole(traceback, trace)
    return f"{error} (traceback in {traceback})"


def _warn(label: str, text: str) -> None:
    warnings.warn(f"{label}: {text}", LeftOutWarning, stacklevel=3)

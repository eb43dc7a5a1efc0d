"""Studies made one after another: their folders, files and records."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ideal._files import write_whole
from ideal.datasets._data_folder import data_folder
from ideal.errors import IdealError, LeftOutWarning
from ideal.jobs.contract import EngineError
from ideal.jobs.engine import Engine, open_engine
from ideal.jobs.shards import Shard, parse_shard
from ideal.progress import Progress, shown
from ideal.runs.keeping import Keeping
from ideal.studies import STUDIES, Plan, Study, find_study
from ideal.studies.engine.folder import StudyFolder
from ideal.studies.engine.run import make

ALL = "all"
_CACHE = ".jobs"  # folder beside those of the studies


def reproduce(
    names: str | Sequence[str],
    out: str | Path | None = None,
    *,
    quick: bool = False,
    seed: int = 0,
    jobs: int | None = None,
    scheduler: str | None = None,
    shard: str | None = None,
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
        scheduler: of Dask, whose workers do the jobs: tcp://HOST:8786, tls://HOST:8786, a scheduler file, or "local"; None for
            processes of this machine.
        shard: "K/N" for the K-th of N equal parts of the jobs, which others on the same disk complete; "none" for all; None for
            what the variables of a Slurm array say.
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
        EngineError: the scheduler does not answer, or is gone.

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
    part = parse_shard(shard)
    for place in places.values():
        if not overwrite:
            place.check(plan)
    if part is None:  # the parts of a study share its folder, and write nothing but results of jobs
        for place in places.values():
            place.lock(keeping)
        for name, study in studies.items():
            places[name].begin(study, plan, provenance or {}, keeping)
    made = _Made(folder, plan, part, provenance or {}, keeping, progress, show, warn)
    with open_engine(jobs, scheduler) as engine:
        for number, (name, study) in enumerate(studies.items()):
            label = f"{name} ({number + 1} of {len(studies)})" if len(studies) > 1 else name
            try:
                made.make(study, places[name], label, engine, is_last=number + 1 == len(studies))
            except (KeyboardInterrupt, EngineError) as error:
                for each in list(places.values())[number:] if part is None else ():
                    with keeping.attempt(each.path, "the record"):
                        each.stopped("interrupted", [])
                if isinstance(error, EngineError):
                    raise
                raise KeyboardInterrupt(f"repeat the command to go on with {folder}") from None
    return made.records, made.errors


@dataclass
class _Made:
    """Studies that are made one after another.

    Attributes:
        folder: with one for each study.
        plan: how large they are.
        part: of the jobs; None for all.
        provenance, keeping, progress, show, warn: as of `reproduce`.
        records: of those that are finished.
        errors: a line for each that failed.

    """

    folder: Path
    plan: Plan
    part: Shard | None
    provenance: Mapping[str, Any]
    keeping: Keeping
    progress: Callable[[str], AbstractContextManager[Progress]] | None
    show: Callable[[dict], None]
    warn: Callable[[str, str], None]
    records: list[dict] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def make(self, study: Study, place: StudyFolder, label: str, engine: Engine, *, is_last: bool) -> None:
        """Make one; one that fails is noted."""
        begun, name = time.perf_counter(), place.path.name
        try:
            with self.progress(label) if self.progress else shown() as say:
                warn = partial(self.warn, label)
                record = make(study, self.plan, self.folder / _CACHE, engine, shard=self.part, report=say, warn=warn)
        except EngineError:
            raise
        except IdealError as error:
            self.errors.append(_told(error, self.folder / f"{name}-traceback.txt", self.keeping))
            if self.part is None:
                with self.keeping.attempt(place.path, "the record"):
                    place.stopped("failed", [self.errors[-1]])
            if not is_last:
                self.warn(label, f"failed: {self.errors[-1]}")
            return
        if record is None or self.part is not None:
            left = "all jobs are done" if record is not None else "other parts have jobs to do"
            self.warn(label, f"part {self.part} is done, {left}: the same command with --shard none writes the study")
            return
        record |= {**self.provenance, "wall_seconds": time.perf_counter() - begun, "errors": []}
        self.records.append(place.finish(study, record, self.keeping, self.show))


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

"""A job on its way to a process that does it, and what comes back: nothing but texts, numbers and the content of small files."""

import atexit
import contextlib
import hashlib
import io
import json
import os
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ideal.errors import DataError, IdealError, MissingDataError, MissingPackageError, UsageError
from ideal.jobs.code import code_digest
from ideal.jobs.contract import Context, Report, Work

_LOG_END = 20_000  # characters that are kept of what a job printed, the last ones
_KNOWN = {each.__name__: each for each in (DataError, MissingDataError, MissingPackageError, UsageError)}
Hear = Callable[[str, str, float | None], None]  # takes the name of a job, what it says and the fraction done

_PASSING = (OSError, MemoryError)  # may be otherwise the next time; a defect is not


@dataclass(frozen=True)
class Input:
    """A file that a job reads.

    Attributes:
        name: that settings have for it.
        path: where the command finds it, from the root.
        digest: of its content, as `ideal.runs.key.checksum` gives it.
        content: None where the process is to look for itself.

    """

    name: str
    path: str
    digest: str
    content: bytes | None = None


@dataclass(frozen=True)
class Task:
    """All that a process needs for a job.

    Attributes:
        job: name of the job.
        work: its function.
        settings: of the job.
        needs: results of the jobs that it needs, by their names.
        checkpoints: folder of the job's own, on the disk of the run.
        inputs: files that it reads.
        token: a file on the disk of the run and its content; None where the process is known to see that disk.
        code: digest of the code that is to do it; "" where the process is known to have the same.

    """

    job: str
    work: Work
    settings: dict[str, Any]
    needs: dict[str, dict]
    checkpoints: str
    inputs: tuple[Input, ...] = ()
    token: tuple[str, str] | None = None
    code: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of a task.

    Attributes:
        result: of the job, as JSON; None where it failed or lacks files.
        seconds: that it took.
        error: name of the class of the error and its message.
        trace: traceback of the error.
        log: what the job printed and warned of.
        passing: whether the error may be gone the next time.
        lacking: names of inputs that the process does not see.
        warned: warnings of a job that was done, (message, category, file, line), for the command to give as its own.

    """

    result: str | None = None
    seconds: float = 0.0
    error: tuple[str, str] | None = None
    trace: str = ""
    log: str = ""
    passing: bool = False
    lacking: tuple[str, ...] = field(default=())
    warned: tuple[tuple[str, type[Warning], str, int], ...] = ()

    def warn(self) -> None:
        """Give the job's warnings in this process, which knows how its user wants to read them."""
        for message, category, file, line in self.warned:
            warnings.warn_explicit(message, category, file, line)

    def exception(self) -> IdealError | None:
        """Return the error of ideal that the job raised; None where it was another one."""
        assert self.error is not None
        known = _KNOWN.get(self.error[0])
        return known(self.error[1]) if known else None


def perform(task: Task, say: Report, *, heard: bool = True) -> Answer:
    """Do a task in this process.

    Args:
        task: what is to be done.
        say: shows progress.
        heard: whether what the job prints is kept for its log, and not shown.

    """
    begun = time.perf_counter()
    if task.code and task.code != (own := code_digest(task.work.__module__)):
        text = (
            f"a worker on {os.uname().nodename} has other code or other packages than the command ({own[:8]}, not "
            f"{task.code[:8]}): install the same versions on both"
        )
        return Answer(error=("DataError", text))
    own_disk = task.token is None or _sees(*task.token)
    files: dict[str, str] = {}
    if lacking := _find(task.inputs, files, own_disk):
        return Answer(lacking=tuple(lacking))
    context = Context(say, Path(task.checkpoints) if own_disk else None, lambda name: files.get(name, name))
    said = io.StringIO()
    warned: list[tuple[str, type[Warning], str, int]] = []
    try:
        with _kept(said, warned) if heard else contextlib.nullcontext():
            result = json.dumps(task.work(task.settings, task.needs, context))
    except Exception as error:
        kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in _KNOWN), type(error).__name__)
        passing = isinstance(error, _PASSING) and kind not in _KNOWN
        return Answer(None, 0.0, (kind, str(error)), traceback.format_exc(), said.getvalue()[-_LOG_END:], passing)
    return Answer(result, time.perf_counter() - begun, warned=tuple(dict.fromkeys(warned)))


@contextlib.contextmanager
def _kept(said: io.StringIO, warned: list[tuple[str, type[Warning], str, int]]) -> Iterator[None]:
    """Have a text take what is printed, and it and a list what is warned of."""

    def show(message, category, filename, lineno, file=None, line=None) -> None:
        said.write(warnings.formatwarning(message, category, filename, lineno, line))
        warned.append((str(message), category, str(filename), lineno))

    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.showwarning = show
        yield


def _sees(path: str, content: str) -> bool:
    try:
        return Path(path).read_text(encoding="ascii") == content
    except (OSError, ValueError):
        return False


def _find(inputs: tuple[Input, ...], files: dict[str, str], own_disk: bool) -> list[str]:
    """Note where each input is; return the names of those that this process does not see."""
    lacking = []
    for each in inputs:
        if own_disk:
            files[each.name] = each.path
        elif each.content is not None:
            files[each.name] = _copy(each)
        elif (kept := _copies().get(each.digest)) is not None:
            files[each.name] = kept
        elif _is_there(each.path, each.digest):
            files[each.name] = each.path
        else:
            lacking.append(each.name)
    return lacking


def _is_there(path: str, digest: str) -> bool:
    from ideal.runs.key import checksum

    try:
        return os.path.exists(path) and checksum(path) == digest
    except OSError:
        return False


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """Return a folder for copies of inputs, which goes with the process."""
    found = tempfile.TemporaryDirectory(prefix="ideal-inputs-")
    atexit.register(found.cleanup)
    return found


@cache
def _copies() -> dict[str, str]:
    """Return the copies of inputs in this process, by their digests."""
    return {}


def _copy(given: Input) -> str:
    assert given.content is not None
    # Files of one folder stay together: a module finds those that it imports.
    folder = Path(_folder().name) / hashlib.sha256(str(Path(given.path).parent).encode()).hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    file = str(folder / Path(given.path).name)
    for digest in [each for each, kept in _copies().items() if kept == file]:
        del _copies()[digest]  # the file was another one before
    Path(file).write_bytes(given.content)
    _copies()[given.digest] = file
    return file

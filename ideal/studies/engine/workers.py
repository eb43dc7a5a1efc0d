"""Processes that do jobs side by side, each on a core of its own.

The linear algebra and the networks here gain little from a second thread, and two jobs at once gain twice: so every worker
is held to one core, which also makes results independent of how many workers there are.
"""

import functools
import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from ideal._files import remove_temporaries
from ideal.errors import DataError, IdealError, UsageError
from ideal.studies.engine.contract import Context, Job

_PATIENCE = 0.2  # seconds between looks at interruptions
_QUIET = 0.5  # seconds between two lines of progress of one worker


@dataclass(frozen=True)
class Said:
    """Progress of a job: a text, and the fraction done or None."""

    job: Job
    text: str
    fraction: float | None


@dataclass(frozen=True)
class Done:
    """A job's result, and the seconds that it took."""

    job: Job
    result: dict
    seconds: float


class JobError(IdealError):
    """A job failed by a defect; the message says which, with the traceback of its process in `trace`."""

    def __init__(self, message: str, trace: str):
        super().__init__(message)
        self.trace = trace


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def perform(job: Job, needs: dict[str, dict], context: Context) -> Done:
    """Do a job in this process."""
    begun = time.perf_counter()
    # As it will be read again: a first run and a later one must not differ by a tuple or a NumPy number.
    result = json.loads(json.dumps(job.work(job.settings, needs, context)))
    return Done(job, result, time.perf_counter() - begun)


class Workers:
    """A number of processes that take jobs; use as a context manager.

    Args:
        count: of processes.

    """

    def __init__(self, count: int):
        self._count = count
        # Begun at a core of its own, so that two runs of few workers do not share one while others idle.
        known = cores()
        self._cores = known[os.getpid() % len(known) :] + known[: os.getpid() % len(known)]
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error) -> None:
        for worker in (*self._idle, *self._busy.values()):
            worker.stop()
        self._idle, self._busy = [], {}

    @property
    def free(self) -> int:
        """How many more jobs can be begun."""
        return self._count - len(self._busy)

    def begin(self, job: Job, needs: dict[str, dict], checkpoints: Path) -> None:
        """Give a job to a process; one that runs alone gets a fresh process with all cores."""
        if job.alone:
            worker = _Worker(None)
        else:
            taken = [each.core for each in self._busy.values()]
            worker = self._idle.pop() if self._idle else _Worker(min(self._cores, key=taken.count))
        worker.begin(job, needs, checkpoints)
        self._busy[worker.connection] = worker

    def events(self) -> Iterator[Said | Done]:
        """Give what the processes say until at least one job is done.

        Raises:
            DataError: a job raised it, and so on for other errors of `ideal`.
            JobError: a job failed otherwise, or its process was killed.

        """
        done = False
        while self._busy and not done:
            for connection in cast(list[Connection], wait(list(self._busy), _PATIENCE)):  # some of those that it is given
                worker = self._busy[connection]
                event = worker.event()
                if event is None:
                    continue
                yield event
                if isinstance(event, Done):
                    done = True
                    del self._busy[connection]
                    if worker.core is None:
                        worker.stop()
                    else:
                        self._idle.append(worker)


class _Worker:
    """One process, held to a core, or not where that is None."""

    def __init__(self, core: int | None):
        self.core = core
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, core), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, job: Job, needs: dict[str, dict], checkpoints: Path) -> None:
        self._job = job
        self.connection.send((job.work.__module__, job.work.__qualname__, job.settings, needs, str(checkpoints)))

    def event(self) -> Said | Done | None:
        """Return what the process says; a warning is given here as if this process had it, and None returned."""
        try:
            kind, content = self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join(5)
            code = self._process.exitcode
            killed = code == -signal.SIGKILL
            why = "was killed, perhaps for want of memory (--jobs 1 takes less)" if killed else f"ended with exit code {code}"
            raise JobError(f"{self._job.name}: its process {why}", "") from None
        if kind == "said":
            return Said(self._job, *content)
        if kind == "done":
            return Done(self._job, *content)
        if kind == "warned":
            warnings.warn_explicit(*content)
            return None
        name, message, trace = content
        known = {"DataError": DataError, "UsageError": UsageError}.get(name)
        raise known(message) if known else JobError(f"{self._job.name}: {name}: {message}", trace)

    def stop(self) -> None:
        self._process.terminate()  # it removes what it has half written
        self._process.join(1)
        self._process.kill()
        self._process.join(5)
        self.connection.close()


def _serve(connection: Connection, core: int | None) -> None:
    """Do jobs until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and stops us
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    threading.Thread(target=_follow_parent, daemon=True).start()
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    warnings.showwarning = functools.partial(_warn, connection)
    while True:
        try:
            module, function, settings, needs, checkpoints = connection.recv()
        except EOFError:
            return
        _answer(connection, *_outcome(connection, module, function, settings, needs, Path(checkpoints)))


def _follow_parent() -> None:
    """End when the parent has ended, however it did: the next run must not find us at work on its checkpoints."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _leave()


def _leave() -> None:
    remove_temporaries()
    os._exit(1)


def _outcome(connection: Connection, module: str, function: str, settings, needs, checkpoints: Path) -> tuple[str, Any]:
    last = -_QUIET

    def say(text: str, fraction: float | None = None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _QUIET:
            last = now
            _answer(connection, "said", (text, fraction))

    try:
        work = getattr(import_module(module), function)
        done = perform(Job("", work, settings), needs, Context(say, checkpoints))
    except Exception as error:
        return "failed", (type(error).__name__, str(error), traceback.format_exc())
    return "done", (done.result, done.seconds)


def _warn(connection: Connection, message, category, filename, lineno, file=None, line=None) -> None:
    """Have the parent give a warning, which knows how its user wants to read it."""
    _answer(connection, "warned", (str(message), category, filename, lineno))


_sending = threading.Lock()


def _answer(connection: Connection, kind: str, content) -> None:
    """Send to the parent; without one there is nothing left to do."""
    try:
        with _sending:
            connection.send((kind, content))
    except (BrokenPipeError, ConnectionError):
        _leave()

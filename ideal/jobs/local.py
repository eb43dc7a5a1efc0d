"""Processes of this machine that do jobs side by side, each on a core of its own.

The linear algebra and the networks here gain little from a second thread, and two jobs at once gain twice: so every worker
is held to one core, which also makes results independent of how many workers there are.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection

from ideal._files import remove_temporaries
from ideal.jobs.contract import Report
from ideal.jobs.task import Answer, Hear, Task, perform

_QUIET = 0.5  # seconds between two lines of progress of one job
_LONGEST = 500  # characters of a line of progress: lines of several processes share a pipe, which keeps short ones whole
_REAPED = 10.0  # seconds in which the exit code of a process that has ended is known
_GRACE = 1.0  # seconds in which a worker that is asked to end may remove what it has half written


class WorkerDied(Exception):
    """The process that did a task is gone; the message says how it ended."""


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


class Here(Executor):
    """Does each task in this process, at once, as it is submitted."""

    def __init__(self, hear: Hear):
        self._hear = hear

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Do a task and return its outcome."""
        done: Future = Future()
        done.set_result(fn(*args, **kwargs))
        return done

    def do(self, task: Task) -> Future:
        """Do a job; what it prints is shown."""
        return self.submit(perform, task, lambda text, fraction=None: self._hear(task.job, text, fraction), heard=False)


class Processes(Executor):
    """A number of processes of this machine, each begun afresh and held to a core; one that dies takes only its own task along.

    Args:
        count: of processes; they start when they are needed.
        hear: takes the progress of jobs, in a thread of its own.
        pinned: whether each is held to a core.

    """

    def __init__(self, count: int, hear: Hear, *, pinned: bool = True):
        known = cores()
        # Begun at a core of its own, so that two runs of few workers do not share one while others idle.
        first = os.getpid() % len(known)
        self._cores = [known[(first + place) % len(known)] if pinned else None for place in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="ideal-worker")
        self._slots: list[_Process] = []
        self._own = threading.local()
        self._lock = threading.Lock()
        self._ended = False
        self._reader, self._writer = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._processes: dict[int, multiprocessing.process.BaseProcess] = {}
        self._hear = hear
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Have a function of a module called in one of the processes; raises `WorkerDied` where its process ends.

        Raises:
            RuntimeError: the processes have been asked to end.

        """
        return self._threads.submit(self._call, fn, args, kwargs)

    def do(self, task: Task) -> Future:
        """Have a job done."""
        return self.submit(_do, task)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False, now: bool = False) -> None:
        """End the processes.

        Args:
            wait: whether to wait for what is running.
            cancel_futures: whether what has not begun is given up.
            now: whether what is running is given up as well.

        """
        if now:
            with self._lock:
                self._ended = True
                slots = list(self._slots)
            for slot in slots:
                slot.stop()
        self._threads.shutdown(wait=wait or now, cancel_futures=cancel_futures or now)
        with self._lock:
            self._ended, slots = True, list(self._slots)
        for slot in slots:
            slot.close()
        with contextlib.suppress(OSError):
            self._writer.close()  # the listener ends with the last process

    def _call(self, fn: Callable, args: tuple, kwargs: dict):
        slot = self._slot()
        try:
            return slot.pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool:
            self._own.slot = None
            with self._lock:
                self._slots.remove(slot)
            raise WorkerDied(slot.ending()) from None

    def _slot(self) -> "_Process":
        """Return the process of this thread, a new one where it has none."""
        if (slot := getattr(self._own, "slot", None)) is None:
            with self._lock:
                if self._ended:
                    raise RuntimeError("the processes have been asked to end")
                taken = [each.core for each in self._slots]
                core = min(self._cores, key=taken.count)
                slot = self._own.slot = _Process(core, self._writer)
                self._slots.append(slot)
        return slot

    def _listen(self) -> None:
        while True:
            try:
                job, text, fraction = self._reader.recv()
            except (EOFError, OSError):
                return
            self._hear(job, text, fraction)


class _Process:
    """One process, held to a core, or not where that is None."""

    def __init__(self, core: int | None, writer: Connection):
        self.core = core
        spawn = multiprocessing.get_context("spawn")
        with _starting:
            before = set(multiprocessing.active_children())
            self.pool = ProcessPoolExecutor(1, spawn, _begin, (writer, core))
            self.pool.submit(os.getpid)  # which starts the process
            self._process = next(iter(set(multiprocessing.active_children()) - before), None)

    def stop(self) -> None:
        """End the process whatever it does: it is asked first, so that it removes what it has half written."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(_GRACE)
            self._process.kill()

    def close(self) -> None:
        """End the process when it has done what it was given."""
        self.pool.shutdown(wait=True)

    def ending(self) -> str:
        """Return how the process ended, in words."""
        code, end = None, time.monotonic() + _REAPED
        # The executor waits for the process too: while its thread has the exit code and has not noted it, there is none here.
        while self._process is not None and (code := self._process.exitcode) is None and time.monotonic() < end:
            self._process.join(0.05)
            time.sleep(0.01)
        if code == -signal.SIGKILL:
            return "was killed, perhaps for want of memory (--jobs 1 takes less)"
        return f"ended with exit code {code}"


_starting = threading.Lock()  # one process is told from another as it starts
_connection: Connection | None = None


def _begin(connection: Connection, core: int | None) -> None:
    """Prepare this process for its tasks."""
    global _connection
    _connection = connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and stops us
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    threading.Thread(target=_follow_parent, daemon=True).start()
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def _follow_parent() -> None:
    """End when the parent has ended, however it did: the next run must not find us at work on its checkpoints."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _leave()


def _leave() -> None:
    remove_temporaries()
    os._exit(1)


def _do(task: Task) -> Answer:
    return perform(task, quietly(task.job, _say))


def _say(job: str, text: str, fraction: float | None) -> None:
    assert _connection is not None
    try:
        _connection.send((job[:_LONGEST], text[:_LONGEST], fraction))
    except (BrokenPipeError, ConnectionError):  # nobody is there: nothing is left to do
        _leave()


def quietly(job: str, hear: Hear) -> Report:
    """Return what takes a job's progress and passes on a line at a time, none too soon after another."""
    last = -_QUIET

    def say(text: str, fraction: float | None = None) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _QUIET:
            last = now
            hear(job, text, fraction)

    return say

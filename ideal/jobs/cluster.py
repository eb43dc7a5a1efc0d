"""Workers of a Dask scheduler: on this machine or on many, however they were started.

A worker does one job at a time, on one core, with one BLAS thread, as a local process does: so results are the same to the bit.
"""

import contextlib
import ipaddress
import logging
import os
import secrets
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ideal.errors import NoticeWarning, UsageError, missing_extra
from ideal.jobs.contract import EngineError
from ideal.jobs.local import WorkerDied, cores, quietly
from ideal.jobs.task import Answer, Hear, Task, perform

LOCAL = "local"
_AHEAD = 2  # jobs of each worker that are on their way, so that none waits for the next
_BUNDLE_SECONDS, _LARGEST_BUNDLE = 0.5, 50  # short jobs go together: Dask takes some milliseconds for each thing that it is given
_LOOK = 2.0  # seconds between two looks at how many workers there are
_PATIENCE = 30.0  # seconds in which a scheduler that is gone may come back


class Cluster(Executor):
    """Gives tasks to the workers of a Dask scheduler.

    Args:
        scheduler: address such as "tcp://host:8786" or "tls://host:8786", a scheduler file (.json), or "local" for a scheduler
            and workers of its own on this machine.
        hear: takes the progress of jobs, in a thread of its own.
        count: of workers, of "local".
        security: `distributed.Security`; None for what the configuration of Dask says.

    Raises:
        MissingPackageError: Dask is not installed.
        EngineError: the scheduler does not answer.
        UsageError: the scheduler's file cannot be read.

    Warns:
        NoticeWarning: the scheduler can be reached from other machines without TLS.

    """

    def __init__(self, scheduler: str, hear: Hear, *, count: int | None = None, security: Any = None):
        distributed = _package()
        for name in ("distributed.client", "distributed.core", "distributed.nanny", "distributed.worker", "distributed.batched"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what is wrong is said by us
        self._cluster = None
        try:
            if scheduler == LOCAL:
                self._cluster = distributed.LocalCluster(
                    n_workers=count or len(cores()),
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
                self._client = distributed.Client(self._cluster)
            elif scheduler.endswith(".json"):
                self._client = distributed.Client(scheduler_file=_file(scheduler), security=security, timeout=_PATIENCE)
            else:
                _check_address(scheduler)
                self._client = distributed.Client(scheduler, security=security, timeout=_PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            reason = " ".join(str(error).split())
            raise EngineError(
                f"the scheduler {scheduler} does not answer ({reason}): is it running, and is that its address?"
            ) from None
        self.address = self._client.scheduler.address
        _warn_if_open(self.address)
        self._topic = f"ideal-{secrets.token_hex(8)}"
        self._client.subscribe_topic(self._topic, lambda event: hear(*event[1]))
        self._pool = self._client.get_executor(pure=False)
        self._seen, self._workers = 0.0, 0
        self._waiting: list[tuple[Task, Future]] = []
        self._bundle, self._may_bundle = 1, True

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Have a function called on a worker; raises `WorkerDied` where the workers that try end."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            given = self._pool.submit(fn, *args, **kwargs)
        found: Future = Future()
        given.add_done_callback(partial(_pass_on, found))
        return found

    def do(self, task: Task) -> Future:
        """Have a job done, once `flush` is called."""
        found: Future = Future()
        self._waiting.append((task, found))
        return found

    def flush(self) -> None:
        """Send jobs on their way; those that take no time go together, so that Dask has less to do."""
        while self._waiting:
            own, self._waiting = self._waiting[: self._bundle], self._waiting[self._bundle :]
            given = self.submit(_do_all, [task for task, _ in own], self._topic)
            given.add_done_callback(partial(self._hand_out, [future for _, future in own]))

    def _hand_out(self, futures: list[Future], given: Future) -> None:
        """Give each future of a bundle its answer."""
        if (error := given.exception()) is not None:
            if isinstance(error, WorkerDied):  # the next time each job stands for itself alone
                self._bundle, self._may_bundle = 1, False
            for future in futures:
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)
            return
        answers: list[Answer] = given.result()
        seconds = sum(each.seconds for each in answers) / len(answers)
        if self._may_bundle:
            size = int(_BUNDLE_SECONDS / max(seconds, _BUNDLE_SECONDS / _LARGEST_BUNDLE))
            self._bundle = max(1, min(size, 2 * self._bundle))
        for future, answer in zip(futures, answers, strict=True):
            if future.set_running_or_notify_cancel():
                future.set_result(answer)

    @property
    def slots(self) -> int:
        """How many jobs are worth having on their way."""
        if (now := time.monotonic()) - self._seen > _LOOK:
            try:
                threads = self._client.nthreads()
            except (OSError, ValueError, TimeoutError):
                threads = {}
            if len(threads) != self._workers and (many := [each for each in threads.values() if each > 1]):
                text = f"{len(many)} workers have {max(many)} threads, and do one job at a time: start more with --nthreads 1"
                warnings.warn(text, NoticeWarning, stacklevel=2)
            self._seen, self._workers = now, len(threads)
        return self._workers * _AHEAD * self._bundle

    @property
    def workers(self) -> int:
        """How many workers there were at the last look."""
        return self._workers

    def check(self) -> None:
        """Wait for a scheduler that is gone to come back.

        Raises:
            EngineError: it does not.

        """
        end = time.monotonic() + 2 * _PATIENCE
        while self._client.status != "running":
            if self._client.status in ("closed", "closing") or time.monotonic() > end:
                raise EngineError(
                    f"the scheduler {self.address} is gone: what has been done is kept; start it again and repeat the command"
                )
            time.sleep(0.1)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False, now: bool = False) -> None:
        """Leave the scheduler, which forgets what it has not done; "local" ends."""
        with contextlib.suppress(Exception):  # there may be nobody to say goodbye to
            self._pool.shutdown(wait=wait and not now and not cancel_futures)
        for each in (self._client, self._cluster):
            with contextlib.suppress(Exception):
                if each is not None:
                    each.close(timeout=5)


def _package():
    try:
        import distributed
    except ImportError:
        raise missing_extra("distributed", "cluster", "`scheduler`") from None
    return distributed


def _file(name: str) -> str:
    if not os.path.isfile(name):
        raise UsageError(f"`scheduler={name}`: there is no such file: dask scheduler --scheduler-file {name} writes it")
    return name


def _check_address(scheduler: str) -> None:
    parts = urlsplit(scheduler)
    if parts.scheme not in ("tcp", "tls", "ucx", "ws", "wss", "inproc") or not parts.netloc:
        raise UsageError(
            f"`scheduler={scheduler}` is no address: give tcp://HOST:8786, tls://HOST:8786, a scheduler file (.json), or local"
        )


def _warn_if_open(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme in ("tls", "wss", "inproc"):
        return
    host = parts.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        text = (
            f"{address} takes tasks without TLS: whoever reaches it runs code as you do, here and on its workers; use tls:// "
            "(docs/sweep.md), or a network that only you reach"
        )
        warnings.warn(text, NoticeWarning, stacklevel=3)


def _pass_on(found: Future, given: Future) -> None:
    """Give a future the outcome of another, with what Dask raises said in words."""
    if not found.set_running_or_notify_cancel():
        return
    if given.cancelled():
        found.set_exception(Gone())
    elif (error := given.exception()) is None:
        found.set_result(given.result())
    elif type(error).__name__ == "KilledWorker":
        found.set_exception(WorkerDied("was killed on several workers, perhaps for want of memory"))
    elif isinstance(error, ModuleNotFoundError):
        found.set_exception(
            EngineError(f"a worker has no module {error.name}: install ideal, of this version, where workers run")
        )
    elif "deserializ" in str(error):
        reason = " ".join(str(error).split())[:200]
        found.set_exception(
            EngineError(f"a worker or the scheduler cannot read a job ({reason}): install the same ideal and Dask in all places")
        )
    else:
        found.set_exception(error)


class Gone(Exception):
    """The scheduler has forgotten a task."""


_at_work = threading.Lock()
_prepared: set[int] = set()  # threads that have their core
_held: list[int] = []  # the core of this process: a lock on a file


def _do_all(tasks: list[Task], topic: str) -> list[Answer]:
    """Do tasks in a worker, one after the other."""
    from distributed import get_worker

    worker = get_worker()
    with _at_work:
        if (own := threading.get_ident()) not in _prepared:
            _prepare()
            _prepared.add(own)
        return [perform(task, quietly(task.job, lambda *said: worker.log_event(topic, said))) for task in tasks]


def _prepare() -> None:
    """Hold this thread, and all that it starts, to one core and its linear algebra to one thread."""
    import scipy.linalg  # noqa: F401  that its BLAS is there to be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {_core()})


def _core() -> int:
    """Return a core that no other worker on this machine has, where there is one."""
    known = cores()
    with contextlib.suppress(ImportError):
        import fcntl

        for core in known:
            name = os.path.join(tempfile.gettempdir(), f"ideal-core-{os.getuid()}-{core}.lock")
            try:
                handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError:
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            _held.append(handle)  # until the process ends
            return core
    return known[os.getpid() % len(known)]

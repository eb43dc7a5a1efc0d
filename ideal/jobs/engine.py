"""Where jobs are done: in this process, in processes of this machine, or by the workers of a Dask scheduler."""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from ideal.errors import UsageError
from ideal.jobs.cluster import LOCAL, Cluster
from ideal.jobs.local import Here, Processes, cores
from ideal.jobs.task import Task

Said = tuple[str, str, float | None]  # the name of a job, what it says, the fraction of it that is done


class Engine:
    """Does jobs, one or several at once; see `open_engine`.

    Attributes:
        executor: what does them, a `concurrent.futures.Executor`.
        listener: takes what jobs say while this process does them, at once; None for `said` alone.

    Args:
        jobs: processes of this machine; 0 for this process; None for one on each core.
        scheduler: of Dask, see `ideal.jobs.cluster.Cluster`; None for none.
        security: `distributed.Security` of the scheduler; None for what the configuration of Dask says.

    """

    def __init__(self, jobs: int | None = None, scheduler: str | None = None, security: Any = None):
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._count = len(cores()) if jobs is None else jobs
        self.executor: Here | Processes | Cluster
        if self._count < 0:
            raise UsageError(f"`jobs={jobs}`: expected 0 or more processes")
        if scheduler is not None:
            self.executor = Cluster(scheduler, self._hear, count=jobs or None, security=security)
        elif self._count:
            self.executor = Processes(self._count, self._hear)
        else:
            self.executor = Here(self._hear)
        self._fresh: Processes | None = None
        self.listener: Callable[[str, str, float | None], None] | None = None
        self._is_elsewhere = scheduler is not None and scheduler != LOCAL

    @property
    def slots(self) -> int:
        """How many jobs are worth having on their way."""
        return self.executor.slots if isinstance(self.executor, Cluster) else max(1, self._count)

    @property
    def workers(self) -> int:
        """How many jobs are done at once."""
        return max(1, self.executor.workers if isinstance(self.executor, Cluster) else self._count)

    @property
    def is_elsewhere(self) -> bool:
        """Whether those who do the jobs may see another disk and have other code."""
        return self._is_elsewhere

    def do(self, task: Task) -> Future:
        """Have a job done; the outcome is an `Answer`, or `WorkerDied`, `Gone` or another error."""
        return self.executor.do(task)

    def do_alone(self, task: Task) -> Future:
        """Have a job done in a fresh process of this machine that has all cores."""
        if isinstance(self.executor, Here):
            return self.executor.do(task)
        fresh = self._fresh = Processes(1, self._hear, pinned=False)
        found = fresh.do(task)
        found.add_done_callback(lambda _: fresh.shutdown(wait=False))
        return found

    def flush(self) -> None:
        """Have begun what was given since the last call."""
        if isinstance(self.executor, Cluster):
            self.executor.flush()

    def said(self) -> Iterator[Said]:
        """Give what jobs have said since the last look."""
        while True:
            try:
                yield self._said.get_nowait()
            except queue.Empty:
                return

    def check(self) -> None:
        """Wait until those who do the jobs can be reached.

        Raises:
            EngineError: they are gone.

        """
        if isinstance(self.executor, Cluster):
            self.executor.check()

    def close(self, *, now: bool = False) -> None:
        """End what has been started; with `now` what is running is given up."""
        if isinstance(self.executor, Here):
            self.executor.shutdown()
            return
        if self._fresh is not None and now:
            self._fresh.shutdown(now=True)
        self.executor.shutdown(now=now)

    def _hear(self, job: str, text: str, fraction: float | None) -> None:
        if isinstance(self.executor, Here) and self.listener is not None:
            self.listener(job, text, fraction)
        else:
            self._said.put((job, text, fraction))


@contextmanager
def open_engine(jobs: int | None = None, scheduler: str | None = None, security: Any = None) -> Iterator[Engine]:
    """Give what does jobs; it ends with the block, and what is running is given up where an error ends that.

    Args:
        jobs: processes of this machine, each on a core of its own; 0 for this process; None for one on each core.
        scheduler: of Dask: tcp://HOST:8786, tls://HOST:8786, a scheduler file, or "local".
        security: `distributed.Security`; None for what the configuration of Dask says.

    Raises:
        MissingPackageError: a scheduler is named and Dask is not installed.
        EngineError: the scheduler does not answer.

    """
    engine = Engine(jobs, scheduler, security)
    try:
        yield engine
    except BaseException:
        engine.close(now=True)
        raise
    engine.close()

"""Doing jobs: each once, side by side, after those that it needs; what is kept is not done again."""

import concurrent.futures
import json
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ideal.errors import IdealError, StorageWarning, UsageError
from ideal.jobs.cluster import Gone
from ideal.jobs.code import code_digest, has_changed
from ideal.jobs.contract import Failure, Job, JobError, Report
from ideal.jobs.engine import Engine
from ideal.jobs.kept import Kept, digest_of, key_of
from ideal.jobs.local import WorkerDied
from ideal.jobs.shards import Claims, Shard
from ideal.jobs.task import Answer, Input, Task
from ideal.runs.key import checksum

_TRIES = 3  # times that a job is begun whose process dies, or whose error may be gone the next time
_LOOK = 0.2  # seconds between two looks at progress and interruptions
_LARGEST = 2**28  # bytes of the inputs that one job may have sent to its worker
_ON_THEIR_WAY = 2**29  # bytes of the inputs of all jobs that are sent at a time
_SAID = 20  # lines of progress that the log of a job quotes


class Results(Mapping[str, dict]):
    """Results by the name of the job: those that a disk keeps are read when they are asked for, so that they take no memory."""

    def __init__(self, kept: Kept):
        self._kept = kept
        self._keys: dict[str, str] = {}
        self._here: dict[str, dict] = {}

    def __getitem__(self, name: str) -> dict:
        """Return a result; KeyError where the job failed or was not done."""
        if name in self._here:
            return self._here[name]
        found = self._kept.read(self._keys[name])
        if found is None:
            raise JobError(f"{name}: its result was removed from {self._kept.folder} while the run went on: run the same again")
        return found["result"]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._here, *(name for name in self._keys if name not in self._here)])

    def __len__(self) -> int:
        return len(self._keys.keys() | self._here.keys())

    def hold(self, name: str, result: dict) -> None:
        """Have a result in memory."""
        self._here[name] = result

    def keep(self, name: str, key: str) -> None:
        """Note where the disk has a result."""
        self._keys[name] = key


@dataclass(frozen=True)
class Outcome:
    """What came of jobs.

    Attributes:
        results: by the name of the job.
        seconds: that each took, when it was done.
        keys: of the results that are kept, by the name of the job.
        reused: how many had been done before.
        failures: of those that failed, by name.
        left: names of those that were not done: they need others that failed or that are not of this shard.

    """

    results: Results
    seconds: Mapping[str, float]
    keys: Mapping[str, str]
    reused: int
    failures: Mapping[str, Failure]
    left: Sequence[str]

    def raise_first(self) -> None:
        """Raise the error of the first job that failed, where one did."""
        for failure in self.failures.values():
            more = len(self.failures) - 1
            if isinstance(failure.error, JobError) and more:
                raise JobError(f"{failure.error}; {more} more failed", failure.error.trace)
            raise failure.error


def run_jobs(
    jobs: Sequence[Job],
    kept: Kept,
    engine: Engine,
    *,
    report: Report = lambda text, fraction=None: None,
    finished: Callable[[Job, dict | None], None] = lambda job, result: None,
    shard: Shard | None = None,
) -> Outcome:
    """Do all jobs that have not been done; where one fails the others are done all the same.

    Args:
        jobs: each with a name of its own; those that it needs are among them.
        kept: results of earlier runs; new ones are kept as soon as they are there.
        engine: does the jobs.
        report: shows progress.
        finished: called for each job that is done now, with the result of a volatile one and None for others.
        shard: the part of the jobs to do; None for all. Those that they need are done too, once among all shards.

    Raises:
        EngineError: those who do the jobs are gone.
        JobError: the code changed meanwhile.

    """
    return _Run(jobs, kept, engine, report, finished, shard).run()


def kept_keys(jobs: Sequence[Job], kept: Kept, known: Mapping[str, dict]) -> dict[str, str]:
    """Return the keys of the jobs whose results are kept, by name; nothing is done.

    Args:
        jobs: each after those that it needs.
        kept: results of earlier runs.
        known: results of volatile jobs, by name.

    """
    contents: dict[str, str] = {}
    digests = {name: digest_of(known[name]) for name in known}
    needed = {need for job in jobs for need in job.needs}
    keys: dict[str, str] = {}
    for job in jobs:
        if job.volatile or not all(name in digests for name in job.needs):
            continue
        contents |= {name: checksum(name) for name in job.inputs if name not in contents}
        key = key_of(job, digests, contents)
        if not kept.has(key):
            continue
        if job.name in needed:
            if (before := kept.read(key)) is None:
                continue
            digests[job.name] = digest_of(before["result"])
        keys[job.name] = key
    return keys


@dataclass
class _Begun:
    """A job at work.

    Attributes:
        job: of which.
        key: of its result.
        size: bytes of inputs that were sent along.

    """

    job: Job
    key: str
    size: int = 0


@dataclass
class _Tried:
    """What is known of the attempts at a job.

    Attributes:
        count: of them.
        log: what they said, as text.
        said: the last lines of progress of the present one.
        sent: names of inputs to send along.

    """

    count: int = 0
    log: list[str] = field(default_factory=list)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_SAID))
    sent: tuple[str, ...] = ()


class _Run:
    def __init__(self, jobs: Sequence[Job], kept: Kept, engine: Engine, report: Report, finished, shard: Shard | None):
        self.jobs = {job.name: job for job in jobs}
        if len(self.jobs) != len(jobs):
            raise ValueError("two jobs of a run have the same name")
        self.kept, self.engine, self.report, self.finished, self.shard = kept, engine, report, finished, shard
        wanted = self._wanted(jobs)
        self.all = len(wanted)
        self.claims = Claims(kept.folder / "claims") if shard is not None else None
        self.missing = {name: len(set(self.jobs[name].needs)) for name in wanted}
        self.users: dict[str, list[str]] = {}
        for name in wanted:
            for need in set(self.jobs[name].needs):
                self.users.setdefault(need, []).append(name)
        self.ready = deque(name for name in wanted if not self.missing[name])
        self.unseen = set(self.ready)  # ready ones that were not looked for among what is kept
        self.apart: deque[str] = deque()  # ready ones that another process, or another job with the same key, is at work on
        self.results = Results(kept)
        self.keys: dict[str, str] = {}
        self.lost: set[str] = set()  # results that could not be kept
        self.digests: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.failures: dict[str, Failure] = {}
        self.tried: dict[str, _Tried] = {}
        self.running: dict[Future, _Begun] = {}
        self.contents: dict[str, str] = {}
        self.reused = self.sending = 0
        self.done = 0

    def _wanted(self, jobs: Sequence[Job]) -> list[str]:
        """Return the names of the jobs to do, in order: those of the shard and those that they need."""
        unknown = {need for job in jobs for need in job.needs if need not in self.jobs}
        if unknown:
            stuck = [job.name for job in jobs if unknown.intersection(job.needs)]
            raise ValueError(f"jobs need what no job makes: {', '.join(stuck)}")
        if self.shard is None:
            return list(self.jobs)
        needed = {need for job in jobs for need in job.needs}
        ends = [job.name for job in jobs if job.name not in needed]
        wanted, waiting = set(), [name for place, name in enumerate(ends) if self.shard.has(place)]
        while waiting:
            if (name := waiting.pop()) not in wanted:
                wanted.add(name)
                waiting += self.jobs[name].needs
        return [name for name in self.jobs if name in wanted]

    def run(self) -> Outcome:
        self.engine.listener = self._hear
        try:
            while self.ready or self.apart or self.running:
                self._begin_all()
                self.engine.flush()
                if self.running:
                    self._collect()
                elif self.apart:
                    time.sleep(_LOOK)  # another process has them
        finally:
            self.engine.listener = None
            for future in self.running:  # where an error ends the run
                future.cancel()
            if self.claims is not None:
                self.claims.release_all()
        left = [name for name in self.jobs if name not in self.results and name not in self.failures]
        keys = {name: key for name, key in self.keys.items() if name not in self.lost and not self.jobs[name].volatile}
        return Outcome(self.results, self.seconds, keys, self.reused, self.failures, left)

    def _begin_all(self) -> None:
        """Begin what can be begun, as far as there are workers; take what is kept."""
        again = set(self.apart)
        self.ready.extendleft(reversed(self.apart))
        self.apart.clear()
        free = self.engine.slots - len(self.running) if self.ready else 0
        at_work = {begun.key for begun in self.running.values()}
        is_alone = any(begun.job.alone for begun in self.running.values())
        passed: list[str] = []
        while self.ready and (self.unseen or again or (free > 0 and not is_alone)):
            name = self.ready.popleft()
            job = self.jobs[name]
            if name in self.unseen or name in again:
                self.unseen.discard(name)
                if name not in self.keys:
                    self.keys[name] = self._key(job)
                if self._take(job, self.keys[name]):
                    continue
            key = self.keys[name]
            if free <= 0 or is_alone or (job.alone and self.running):
                passed.append(name)
            elif key in at_work or (self.claims is not None and not job.volatile and not self._claim(key)):
                self.apart.append(name)
            elif self._begin(job, key):
                free -= 1
                at_work.add(key)
                is_alone = job.alone
            else:
                passed.append(name)  # too much is on its way
                free = 0
            again.discard(name)
        self.ready.extendleft(reversed(passed))

    def _claim(self, key: str) -> bool:
        """Claim a job among shards; False where another is at work on it, or has just done it."""
        assert self.claims is not None
        if not self.claims.take(key):
            return False
        if self.kept.read(key) is not None:  # done between our look and our claim
            self.claims.release(key)
            return False
        return True

    def _key(self, job: Job) -> str:
        for name in job.inputs:
            if name not in self.contents:
                self.contents[name] = checksum(name)
        return key_of(job, self.digests, self.contents)

    def _take(self, job: Job, key: str) -> bool:
        """Take the result of a job that is kept; False where there is none."""
        if job.volatile or (before := self.kept.read(key)) is None:
            return False
        self.reused += 1
        self._settle(job, key, before["result"], before["seconds"])
        return True

    def _begin(self, job: Job, key: str) -> bool:
        tried = self.tried.setdefault(job.name, _Tried())
        inputs, size = self._inputs(job, tried.sent)
        if size and self.sending and self.sending + size > _ON_THEIR_WAY:
            return False
        elsewhere = self.engine.is_elsewhere
        tried.count += 1
        tried.said.clear()
        task = Task(
            job.name,
            job.work,
            job.settings,
            {name: self.results[name] for name in job.needs},
            str(self.kept.checkpoints(key).resolve()),
            inputs,
            self.kept.token() if elsewhere else None,
            code_digest(job.work.__module__) if elsewhere else "",
        )
        self._report(job.name)
        future = self.engine.do_alone(task) if job.alone else self.engine.do(task)
        self.running[future] = _Begun(job, key, size)
        self.sending += size
        return True

    def _inputs(self, job: Job, sent: Sequence[str]) -> tuple[tuple[Input, ...], int]:
        """Return the inputs of a job, with the content of those that its worker does not see, and the bytes of these."""
        found, size = [], 0
        for name in job.inputs:
            path, content = Path(name).resolve(), None
            if name in sent:
                content = path.read_bytes()
                size += len(content)
            found.append(Input(name, str(path), self.contents[name], content))
        return tuple(found), size

    def _collect(self) -> None:
        """Wait until a job is done, for a moment at most, and take what is done."""
        done, _ = concurrent.futures.wait(self.running, _LOOK, concurrent.futures.FIRST_COMPLETED)
        for said in self.engine.said():
            self._hear(*said)
        for future in done:
            begun = self.running.pop(future)
            self.sending -= begun.size
            self._take_answer(begun, future)

    def _take_answer(self, begun: _Begun, future: Future) -> None:
        job, tried = begun.job, self.tried[begun.job.name]
        try:
            answer: Answer = future.result()
        except Gone:
            self.engine.check()
            tried.count -= 1
            self.ready.appendleft(job.name)
            return
        except WorkerDied as error:
            self._again_or_failed(begun, JobError(f"{job.name}: its process {error}"), f"its process {error}", True)
            return
        if answer.lacking:
            self._send_along(begun, answer.lacking)
        elif answer.result is None:
            assert answer.error is not None
            known, (kind, message) = answer.exception(), answer.error
            failed = known or JobError(f"{job.name}: {kind}: {message}", answer.trace)
            self._again_or_failed(begun, failed, f"{answer.log}{answer.trace}", answer.passing)
        else:
            answer.warn()
            self._finish(begun, answer.result, answer.seconds)

    def _send_along(self, begun: _Begun, lacking: Sequence[str]) -> None:
        """Try a job again with the content of what its worker does not see."""
        job, tried = begun.job, self.tried[begun.job.name]
        tried.count -= 1
        sizes = {name: Path(name).stat().st_size for name in lacking if Path(name).is_file()}
        if len(sizes) < len(lacking) or (total := sum(sizes.values())) > _LARGEST or set(lacking) <= set(tried.sent):
            reason = (
                "is a folder" if len(sizes) < len(lacking) else f"has more than the {_LARGEST // 2**20} MB that are sent along"
            )
            text = f"{job.name}: {lacking[0]} {reason}, and the worker does not see it: put it on a disk that both see"
            self._again_or_failed(begun, UsageError(text), text, False)
            return
        del total
        tried.sent = tuple(dict.fromkeys((*tried.sent, *lacking)))
        self.ready.appendleft(job.name)

    def _again_or_failed(self, begun: _Begun, error: IdealError, said: str, passing: bool) -> None:
        """Try a job again where that may help, and give it up elsewhere, with its log."""
        job, tried = begun.job, self.tried[begun.job.name]
        lines = "".join(f"  {each}\n" for each in tried.said)
        tried.log.append(
            f"attempt {tried.count} of {_TRIES}, ended {time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}{said.rstrip()}\n"
        )
        if passing and tried.count < _TRIES:
            self.ready.appendleft(job.name)
            return
        if tried.count > 1 and isinstance(error, JobError):
            error = JobError(f"{error} ({tried.count} times)", error.trace)
        head = f"{job.name}\n{job.work.__module__}:{job.work.__qualname__}\n{json.dumps(job.settings, indent=1)}\n\n"
        log = self.kept.write_log(begun.key, head + "\n".join(tried.log))
        self.failures[job.name] = Failure(job.name, error, log)
        if self.claims is not None:
            self.claims.release(begun.key)
        self._report(f"{job.name} failed")

    def _finish(self, begun: _Begun, result: str, seconds: float) -> None:
        job, key = begun.job, begun.key
        # The key stands for the code as this process found it; a worker that began later may have found another.
        if has_changed(job.work.__module__):
            raise JobError(f"{job.name}: the code of ideal changed while it ran: run the same again")
        if not job.volatile:
            try:
                self.kept.write(key, job, result, seconds)
            except OSError as error:  # a full disk must not cost what the other jobs need
                text = f"{error.filename}: cannot be written ({error.strerror}): {job.name} is done again the next time"
                warnings.warn(text, StorageWarning, stacklevel=2)
                self.lost.add(job.name)
        is_kept = not job.volatile and job.name not in self.lost
        needed = not is_kept or job.name in self.users
        self._settle(job, key if is_kept else None, json.loads(result) if needed else None, seconds)
        self.finished(job, self.results[job.name] if job.volatile else None)
        if self.claims is not None:
            self.claims.release(key)
        self._report(job.name)

    def _settle(self, job: Job, key: str | None, result: dict | None, seconds: float) -> None:
        """Take a result, and make ready what waits for it alone."""
        name = job.name
        self.seconds[name] = seconds
        self.done += 1
        if key is not None:
            self.results.keep(name, key)
        if key is None:
            assert result is not None
            self.results.hold(name, result)
        if name in self.users:
            assert result is not None
            self.digests[name] = digest_of(result)
        for user in self.users.get(name, ()):
            self.missing[user] -= 1
            if not self.missing[user]:
                self.ready.appendleft(user)
                self.unseen.add(user)

    def _hear(self, name: str, text: str, fraction: float | None) -> None:
        if name in self.tried:
            self.tried[name].said.append(text)
        within = fraction or 0.0 if self.engine.workers == 1 else 0.0
        self.report(f"{name}: {text}", min(1.0, (self.done + within) / max(1, self.all)))

    def _report(self, text: str) -> None:
        self.report(text, self.done / max(1, self.all))

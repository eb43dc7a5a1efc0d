"""What a job is: one piece of work, whose result is kept under a key made of all that it depends on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ideal.errors import IdealError


class Report(Protocol):
    """Shows progress: a text, and the fraction done or None."""

    def __call__(self, text: str, fraction: float | None = None) -> None:
        """Show it."""


@dataclass(frozen=True)
class Context:
    """What a job is given besides its settings.

    Attributes:
        say: shows progress.
        checkpoints: folder of this job alone, for the state of long training; it is removed when the job is done. None where
            the process that does the job does not see the disk of the run.
        file: gives for the name of an input where this process finds it: on another machine that may be a copy.

    """

    say: Report = lambda text, fraction=None: None
    checkpoints: Path | None = None
    file: Callable[[str], str] = str


Work = Callable[[dict, dict[str, dict], Context], dict]


@dataclass(frozen=True)
class Job:
    """One piece of work, whose result is kept under a key made of all that it depends on.

    Attributes:
        name: in its run, as people would say it: "four lenses, 40 photons: estimate".
        work: a function of a module: (settings, results of the jobs it needs by their names, context) -> result in JSON types.
            Arrays that are worth keeping go in as lists; what only this job needs is made anew.
        settings: all that the result depends on besides code, inputs and needs, in JSON types; seeds are in it.
        needs: names of the jobs whose results it takes.
        inputs: names of files whose content the result depends on; the work reads them by `Context.file`.
        volatile: whether it always runs: for what is read from outside, whose content the other jobs depend on.
        alone: whether it runs in a fresh process while nothing else runs, because time or memory is what it measures.

    """

    name: str
    work: Work
    settings: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    volatile: bool = False
    alone: bool = False


class JobError(IdealError):
    """A job failed by a defect, or its process died; the message says which, with the traceback in `trace`."""

    def __init__(self, message: str, trace: str = ""):
        super().__init__(message)
        self.trace = trace


class EngineError(IdealError):
    """What does the jobs is gone or cannot be reached; what has been done is kept."""


@dataclass(frozen=True)
class Failure:
    """A job that failed as often as it was tried.

    Attributes:
        job: its name.
        error: the last error.
        log: the file that holds what each attempt said; None where it cannot be written.

    """

    job: str
    error: IdealError
    log: Path | None = None

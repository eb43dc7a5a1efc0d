"""A sweep in one call: every point measured once, compared, and kept."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ideal import records
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem
from ideal.imaging.systems import SYSTEMS
from ideal.jobs.contract import Job
from ideal.jobs.engine import open_engine
from ideal.jobs.kept import Kept
from ideal.jobs.run import kept_keys, run_jobs
from ideal.jobs.shards import parse_shard
from ideal.progress import Progress, shown
from ideal.runs.keeping import Keeping
from ideal.sweeps import work
from ideal.sweeps.conclusion import concluded
from ideal.sweeps.folder import SweepFolder
from ideal.sweeps.plan import SweepPlan
from ideal.sweeps.request import SweepRequest, read_request
from ideal.sweeps.results import Sweep
from ideal.text import duration


@dataclass(frozen=True)
class SweepCost:
    """What a sweep would take.

    Attributes:
        points: how many there are.
        jobs: how many jobs.
        done: how many of them have been done.
        designs: how many designs have to be found, whose time is not known before.
        seconds_of_one: that one job took, which was done to know; None where nothing is left to do.
        workers: how many are done at once.
        bytes_of_one: that its result takes.

    """

    points: int
    jobs: int
    done: int
    designs: int
    seconds_of_one: float | None
    workers: int
    bytes_of_one: int

    @property
    def left(self) -> int:
        """How many jobs are left to do."""
        return self.jobs - self.done

    @property
    def seconds(self) -> float:
        """What is left would take so long, were each job like the one."""
        return self.left * (self.seconds_of_one or 0.0) / self.workers

    @property
    def size(self) -> int:
        """Bytes that all results take, were each like the one."""
        return self.jobs * self.bytes_of_one

    @property
    def lines(self) -> list[str]:
        """The same as text."""
        found = [f"{self.points} points, {self.jobs} jobs, {self.done} of them done"]
        if self.seconds_of_one is not None and self.left:
            several = "process" if self.workers == 1 else "processes"
            about = f"the other {self.left} about {duration(self.seconds)} on {self.workers} {several}"
            found.append(f"one took {duration(self.seconds_of_one)}: {about}")
        if self.designs:
            found.append(f"{self.designs} designs to be found, whose time is not in that")
        found.append(f"{self.size / 1e6:.1f} MB of results")
        return found

    def to_record(self) -> dict[str, Any]:
        """Return the cost as JSON types."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return own | {"left": self.left, "seconds": self.seconds, "size": self.size}


def sweep(
    source: "ImagingSystem | str | Path | Sequence[str | Path]",
    axes: Mapping[str, Sequence[Any]] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    zips: Sequence[Sequence[str]] = (),
    exclude: Sequence[Mapping[str, Any]] = (),
    baseline: Mapping[str, Any] | None = None,
    costs: Mapping[str, Mapping[str, float]] | None = None,
    optimize: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    jobs: int | None = 0,
    scheduler: str | None = None,
    security: Any = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
    **more: Any,
) -> Sweep:
    """Measure every combination of settings, each as `ideal.simulate` and `ideal.estimate` do, and compare them.

    Objects are the same for all points whose settings do not concern them, so that differences are paired by source. What an
    earlier call has measured in the same folder is not measured again.

    Args:
        source: a system, its name, or a .toml file of one; names of measurement files; or a .toml file of a sweep, with a table
            [axes] (docs/sweep.md).
        axes: values by the name of the setting: "design", "photons", "objects", "system.defocus", "noise.read_noise", "patch",
            "models", "decoder" and so on; "optimize" among designs stands for one that is found.
        settings: what does not vary, by the same names.
        zips: names of axes that go along together, first value with first value.
        exclude: values by name of the axis, of points to leave out.
        baseline: values by name of the axis, of the points to compare with; None for the first value of the first axis that is
            not numeric.
        costs: cost by value, by name of the axis; for the Pareto front.
        optimize: how designs are found, by the names of the arguments of `ideal.design`; "for" names the axes for whose values
            there is one each.
        out: folder that keeps tables, figures and results; None for none.
        jobs: processes; 0 for this one alone, None for one on each core. A script that asks for some guards its main part with
            `if __name__ == "__main__":`.
        scheduler: of Dask, whose workers measure: tcp://HOST:8786, tls://HOST:8786, a scheduler file, or "local".
        security: `distributed.Security` for the scheduler; None for what the configuration of Dask says.
        overwrite: whether a run of another kind in the folder may be replaced.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.
        **more: further settings: design, photons, count, objects, noise, seed, models, patch, effort, decoder and so on.

    Raises:
        UsageError: a name is unknown, a setting has no meaning, or the folder holds something else.
        DataError: a file cannot be read.
        EngineError: the scheduler does not answer, or is gone.

    Example:
        >>> import ideal
        >>> sensor = ideal.imaging.ColorFilterArray(shape=(12, 12), period=(2, 2))
        >>> found = ideal.sweep(sensor, {"design": ["bayer", "white"]}, objects="natural-fields", count=60, models="full",
        ...                     progress=False)
        >>> len(found), found.differences[0]["paired"]
        (2, True)

    """
    options = {"zips": zips, "excluded": exclude, "baseline": baseline, "costs": costs, "optimize": optimize}
    given = {**(settings or {}), **more}
    if isinstance(source, str | Path) and str(source).endswith(".toml") and not axes:
        request = read_request(source)
        request = request.with_more(SweepRequest.of({}, given, **options))  # type: ignore[arg-type]
    else:
        varied, fixed = _source(source)
        request = SweepRequest.of({**varied, **(axes or {})}, {**fixed, **given}, **options)  # type: ignore[arg-type]
    return run_sweep(
        request, out, jobs=jobs, scheduler=scheduler, security=security, shard="none", overwrite=overwrite, progress=progress
    )


def _source(source: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return axes and settings of a system or of measurement files."""
    if isinstance(source, ImagingSystem):
        if SYSTEMS.get(source.name) is not type(source):
            raise UsageError(f"{source.name} is no system that can be named: describe it in a .toml file, and name that")
        return {}, {"system": source.name} | {f"system.{name}": _plain(value) for name, value in source.settings.items()}
    if isinstance(source, str | Path):
        return {}, {"system": str(source)}
    if not isinstance(source, Iterable) or not (files := [str(each) for each in source]):
        raise UsageError("what is swept is a system, a .toml file, or measurement files; found nothing of these")
    return ({"file": files}, {}) if len(files) != 1 else ({}, {"file": files[0]})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def run_sweep(
    request: SweepRequest,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    security: Any = None,
    shard: str | None = None,
    overwrite: bool = False,
    provenance: Mapping[str, Any] | None = None,
    progress: Progress | AbstractContextManager[Progress] | bool | None = None,
    show: Callable[[Sweep, dict], None] = lambda sweep, record: None,
    keeping: Keeping | None = None,
) -> Sweep:
    """Measure the points of a sweep that have not been measured, and write its folder.

    Args:
        request: what is asked for.
        out: folder; None for none.
        jobs, scheduler, security: what measures; see `sweep`.
        shard: "K/N" for the K-th of N equal parts of the points, which others on the same disk complete; "none" for all; None
            for what the variables of a Slurm array say.
        overwrite: whether a run of another kind in the folder may be replaced.
        provenance: version and command, which the record quotes; None for those of this process.
        progress: as of `sweep`.
        show: called with the sweep and its record before figures are drawn.
        keeping: takes what cannot be written.

    Returns:
        The sweep. Of a shard whose siblings are not done, `left` says how many points are not measured.

    """
    keeping, part = keeping or Keeping(), parse_shard(shard)
    with shown(progress) as say, contextlib.ExitStack() as stack:
        say("checking the points", None)
        plan = SweepPlan.of(request)
        if out is None and part is not None:
            raise UsageError("a shard needs a folder that all share (`out`)")
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        folder = SweepFolder(place, keeping)
        folder.open(is_shared=part is not None, overwrite=overwrite)
        known = provenance or records.provenance(sys.argv, int(request.settings.get("seed", 0)))
        asked = described(request)
        if out is not None and part is None:
            folder.begin(known, asked)
        engine = stack.enter_context(open_engine(jobs, scheduler, security))
        try:
            outcome = run_jobs(plan.jobs, Kept(folder.jobs), engine, report=say, shard=part)
        except KeyboardInterrupt:
            hint = "repeat the command to go on" if out is not None else "name a folder (`out`) that keeps what is done"
            raise KeyboardInterrupt(hint) from None
        say("tables and figures", 1.0)
        found = concluded(plan, outcome)
        if out is None:
            show(found, found.to_record())
        elif part is None:
            folder.finish(found, known, asked, show)
        else:
            show(found, found.to_record())
    return found


def cost_of(
    request: SweepRequest,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: Progress | AbstractContextManager[Progress] | bool | None = None,
) -> SweepCost:
    """Return how many jobs a sweep has, how long they would take, and how much disk: one that is not done is done to know.

    Args:
        request: what is asked for.
        out: folder of the sweep, which keeps the one; None for none.
        jobs, scheduler: what would measure; see `sweep`.
        progress: as of `sweep`.

    """
    with shown(progress) as say, contextlib.ExitStack() as stack:
        say("checking the points", None)
        plan = SweepPlan.of(request)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) if out is None else Path(out)
        folder = SweepFolder(place, Keeping())
        folder.open(is_shared=False, overwrite=False)
        kept = Kept(folder.jobs)
        engine = stack.enter_context(open_engine(jobs, scheduler))
        outside = run_jobs([job for job in plan.jobs if job.volatile], kept, engine, report=say)
        before = kept_keys(plan.jobs, kept, outside.results)
        estimates = [plan.names[point.key].estimate for point in plan.points]
        waiting = [name for name in estimates if name not in before]
        waiting.sort(key=lambda name: len(plan.job(name).needs))  # one without a design to be found, where there is one
        seconds = None
        if waiting:
            one = run_jobs([*_needed(plan, waiting[0]), plan.job(waiting[0])], kept, engine, report=say)
            one.raise_first()
            seconds = one.seconds[waiting[0]]
        after = kept_keys(plan.jobs, kept, outside.results)
        sizes = [kept.size(after[name]) for name in estimates if name in after][:1]
        count = sum(not job.volatile for job in plan.jobs)
        designs = sum(job.work is work.designed and job.name not in after for job in plan.jobs)
        return SweepCost(len(plan.points), count, len(after), designs, seconds, engine.workers, sizes[0] if sizes else 0)


def _needed(plan: SweepPlan, name: str) -> list[Job]:
    """Return the jobs that a job needs, those that they need first."""
    found: dict[str, Job] = {}
    for need in plan.job(name).needs:
        found |= {job.name: job for job in (*_needed(plan, need), plan.job(need))}
    return list(found.values())


def described(request: SweepRequest) -> dict[str, Any]:
    """Return what was asked for as JSON types."""
    return {
        "settings": dict(request.settings),
        "axes": {axis.name: list(axis.values) for axis in request.axes},
        "zip": [list(group) for group in request.zips],
        "exclude": [dict(one) for one in request.excluded],
        "baseline": dict(request.baseline),
        "cost": {name: dict(table) for name, table in request.costs.items()},
        "optimize": dict(request.optimize),
    }

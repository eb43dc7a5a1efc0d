"""Making a study: its jobs side by side, each once; then its conclusion as one record."""

import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from ideal.errors import StorageWarning
from ideal.studies.engine.code import has_changed
from ideal.studies.engine.columns import described
from ideal.studies.engine.contract import FORMAT, FORMAT_VERSION, Context, Job, Plan, Report, Study
from ideal.studies.engine.kept import Kept, key_of
from ideal.studies.engine.workers import Done, JobError, Said, Workers, perform

_PACKAGES = ("ideal", "numpy", "scipy", "jax", "flax", "optax", "scikit-image", "matplotlib")


def make(
    study: Study,
    plan: Plan,
    cache: Path,
    *,
    workers: int = 1,
    report: Report = lambda text, fraction=None: None,
    warn: Callable[[str], None] = lambda note: None,
) -> dict:
    """Do what has not been done of a study, and return its record.

    Args:
        study: see `ideal.studies.find_study`.
        plan: how large.
        cache: folder of the results of jobs, which several studies may share. A job whose code, settings and needs are those of
            an earlier one is not done again; a run that was interrupted goes on.
        workers: processes; 0 does all jobs in this one.
        report: shows progress.
        warn: called with what a reader of objects has to say of them (`notes` in the result of a volatile job), once it is known.

    Returns:
        JSON types: see `record_of`.

    Raises:
        DataError: objects do not do.
        JobError: a job failed.

    """
    jobs = study.jobs(plan)
    results, seconds, reused = _results(jobs, Kept(cache), workers, report, warn)
    report("conclusion", 1.0)
    return record_of(study, plan, results) | {
        "seconds": sum(seconds.values()),
        "job_seconds": seconds,
        "jobs": {"all": len(jobs), "done_now": len(jobs) - reused},
    }


def record_of(study: Study, plan: Plan, results: Mapping[str, dict]) -> dict:
    """Return what a study concludes from the results of its jobs, as JSON types: all that its figure and page need."""
    findings = study.conclude(plan, results)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "study": study.name,
        "title": study.title,
        "summary": study.summary,
        "source": study.source,
        "plan": vars(plan),
        "rows": [dict(row) for row in findings.rows],
        "columns": described(study.name, findings.rows[0] if findings.rows else ()),
        "statistics": [each.to_dict() for each in findings.statistics],
        "claims": [vars(each) for each in findings.claims],
        "notes": list(findings.notes),
        "curves": dict(findings.curves),
        "data": {job.name: results[job.name] for job in study.jobs(plan) if job.volatile},
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _results(jobs: list[Job], kept: Kept, workers: int, report: Report, warn) -> tuple[dict[str, dict], dict[str, float], int]:
    """Return results and seconds by name of the job, and how many were there already."""
    results: dict[str, dict] = {}
    seconds: dict[str, float] = {}
    waiting, reused = {job.name: job for job in jobs}, 0
    running: dict[str, tuple[Job, str]] = {}  # and the key of each
    if len(waiting) != len(jobs):
        raise ValueError("two jobs of a study have the same name")

    def finish(done: Done, key: str) -> None:
        # The key stands for the code as this process found it; a worker that began later may have found another.
        if has_changed(done.job.work.__module__):
            raise JobError(f"{done.job.name}: the code of ideal changed while it ran: run the same again", "")
        if not done.job.volatile:
            try:
                kept.write(key, done.job, done.result, done.seconds)
            except OSError as error:  # a full disk must not cost what the other jobs need
                text = f"{error.filename}: cannot be written ({error.strerror}): {done.job.name} is done again the next time"
                warnings.warn(text, StorageWarning, stacklevel=2)
        else:
            for note in done.result.get("notes", ()):
                warn(note)
        results[done.job.name], seconds[done.job.name] = done.result, done.seconds

    keys: dict[str, str] = {}  # of jobs that can be begun and were looked for: a job waits for a worker many times

    with Workers(workers) as processes:
        while waiting or running:
            for job in [each for each in waiting.values() if all(name in results for name in each.needs)]:
                if job.name not in keys:
                    keys[job.name] = key_of(job, results)
                    before = None if job.volatile else kept.read(keys[job.name])
                    if before is not None:
                        results[job.name], seconds[job.name] = before["result"], before["seconds"]
                        del waiting[job.name]
                        reused += 1
                        continue
                key = keys[job.name]
                needs = {name: results[name] for name in job.needs}
                if not workers:
                    report(job.name, len(results) / len(jobs))
                    del waiting[job.name]
                    say = _within(report, job.name, len(results), len(jobs))
                    finish(perform(job, needs, Context(say, kept.checkpoints(key))), key)
                elif not any(each.alone for each, _ in running.values()) and (not running if job.alone else processes.free > 0):
                    del waiting[job.name]
                    running[job.name] = job, key
                    processes.begin(job, needs, kept.checkpoints(key))
                    report(job.name, len(results) / len(jobs))
            if not running:
                if waiting and not any(all(name in results for name in each.needs) for each in waiting.values()):
                    raise ValueError(f"jobs need what no job makes: {', '.join(waiting)}")
                continue
            for event in processes.events():
                if isinstance(event, Said):
                    report(f"{event.job.name}: {event.text}", len(results) / len(jobs))
                else:
                    _, key = running.pop(event.job.name)
                    finish(event, key)
                    report(event.job.name, len(results) / len(jobs))
    return {job.name: results[job.name] for job in jobs}, seconds, reused


def _within(report: Report, name: str, done: int, count: int) -> Report:
    def say(text: str, fraction: float | None = None) -> None:
        report(f"{name}: {text}", (done + (fraction or 0.0)) / count)

    return say

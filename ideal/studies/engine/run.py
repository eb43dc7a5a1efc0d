"""Making a study: its jobs side by side, each once; then its conclusion as one record."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from ideal.jobs.contract import Job, Report
from ideal.jobs.engine import Engine
from ideal.jobs.kept import Kept
from ideal.jobs.run import run_jobs
from ideal.jobs.shards import Shard
from ideal.studies.engine.columns import described
from ideal.studies.engine.contract import FORMAT, FORMAT_VERSION, Plan, Study

_PACKAGES = ("ideal", "numpy", "scipy", "jax", "flax", "optax", "scikit-image", "matplotlib")


def make(
    study: Study,
    plan: Plan,
    cache: Path,
    engine: Engine,
    *,
    shard: Shard | None = None,
    report: Report = lambda text, fraction=None: None,
    warn: Callable[[str], None] = lambda note: None,
) -> dict | None:
    """Do what has not been done of a study, and return its record.

    Args:
        study: see `ideal.studies.find_study`.
        plan: how large.
        cache: folder of the results of jobs, which several studies may share. A job whose code, settings and needs are those of
            an earlier one is not done again; a run that was interrupted goes on.
        engine: does the jobs.
        shard: the part of the jobs that is done; None for all.
        report: shows progress.
        warn: called with what a reader of objects has to say of them (`notes` in the result of a volatile job), once it is known.

    Returns:
        JSON types: see `record_of`. None where a shard has done its part and others have not.

    Raises:
        DataError: objects cannot be used.
        JobError: a job failed; the others have been done.
        EngineError: those who do the jobs are gone.

    """
    jobs, kept = study.jobs(plan), Kept(cache)

    def finished(job: Job, result: dict | None) -> None:
        for note in (result or {}).get("notes", ()):
            warn(note)

    found = run_jobs(jobs, kept, engine, report=report, finished=finished, shard=shard)
    found.raise_first()
    if found.left:
        return None
    report("conclusion", 1.0)
    seconds = {job.name: found.seconds[job.name] for job in jobs}
    return record_of(study, plan, {job.name: found.results[job.name] for job in jobs}) | {
        "seconds": sum(seconds.values()),
        "job_seconds": seconds,
        "jobs": {"all": len(jobs), "done_now": len(jobs) - found.reused},
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

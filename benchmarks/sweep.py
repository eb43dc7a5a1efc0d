"""The engine of jobs and `ideal sweep`: its own time, two workers against one, memory, and kills at random moments.

    python benchmarks/sweep.py                     all of it, about half an hour on two idle cores
    python benchmarks/sweep.py nothing pairs       parts: nothing, pairs, points, files, kills

nothing: 2,000 jobs that do nothing, by local processes and by Dask. pairs: 40 jobs of about 3 s of a processor, two workers
against one. points: 1,000 points of `ideal sweep`, whose estimates are there, so that the command alone is measured. files: 500
files ranked by one `ideal estimate`. kills: a worker, the scheduler or the command is killed at random moments, and the run
repeated; what was kept must not be done again, and the results must be those of a run in peace.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import emit, parser, rss_mb, say

from ideal.jobs import Job, Kept, open_engine, run_jobs

PARTS = ("nothing", "pairs", "points", "files", "kills")
COMMAND = Path(sys.executable).with_name("ideal")


def nothing(settings, needs, context):
    """Do nothing."""
    return {"value": settings["value"]}


def busy(settings, needs, context):
    """Take so many seconds of a processor, whatever else runs."""
    end = time.process_time() + settings["seconds"]
    total = 0.0
    while time.process_time() < end:
        total += float(np.sum(np.sqrt(np.arange(20_000))))
    return {"value": settings["value"]}


def noted(settings, needs, context):
    """Leave a trace, wait, and return a square with what was needed."""
    with open(Path(settings["folder"]) / "traces.txt", "a") as file:
        file.write(f"{settings['value']}\n")
    time.sleep(settings["seconds"])
    return {"square": settings["value"] ** 2, "needs": sorted(each["square"] for each in needs.values())}


def engine_time(todo, folder, **engine):
    """Return the wall time of jobs, the start of the workers apart, and the processor time of this process."""
    warm = [Job(f"warm {value}", nothing, {"value": f"warm {value}"}) for value in range(8)]
    with open_engine(**engine) as opened:
        run_jobs(warm, Kept(folder), opened)
        begun, cpu = time.perf_counter(), time.process_time()
        found = run_jobs(todo, Kept(folder), opened)
        seconds = time.perf_counter() - begun, time.process_time() - cpu
    assert not found.failures
    assert len(found.results) == len(todo)
    return seconds


def measure_nothing(options, folder):
    """Measure the engine's own time."""
    count = 200 if options.quick else 2000
    jobs = [Job(f"nothing {value}", nothing, {"value": value}) for value in range(count)]
    found = {"jobs": count}
    for name, engine in (("local", {"jobs": 2}), ("dask", {"jobs": 2, "scheduler": "local"})):
        say(f"{count} jobs of nothing, {name}")
        found[f"{name}_seconds"], found[f"{name}_cpu_seconds"] = engine_time(jobs, folder / name, **engine)
    return found


def measure_pairs(options, folder):
    """Measure how much faster two workers are than one."""
    count, seconds = (8, 0.5) if options.quick else (40, 3.0)
    jobs = [Job(f"busy {value}", busy, {"value": value, "seconds": seconds}) for value in range(count)]
    found = {"jobs": count, "load": os.getloadavg()[0]}
    for workers in (1, 2):
        say(f"{count} jobs of {seconds} s, {workers} worker(s)")
        found[f"seconds_{workers}"], _ = engine_time(jobs, folder / str(workers), jobs=workers)
    found["times"] = found["seconds_1"] / found["seconds_2"]
    return found


def run(command, cwd):
    """Return what a command prints, its wall time and its peak memory without its workers, MB."""
    begun = time.perf_counter()
    process = subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, text=True, cwd=cwd)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return output, time.perf_counter() - begun, rss_mb(usage)


def measure_points(options, folder):
    """Measure the command of a sweep of many points whose estimates are there."""
    from ideal.sweeps import SweepPlan, read_request

    count = 40 if options.quick else 1000
    light = np.round(np.geomspace(10, 10_000, count // 2), 4).tolist()
    text = '[system]\nname = "color-filter-array"\nshape = [8, 8]\nperiod = [2, 2]\n[objects]\nname = "natural-fields"\n'
    text += '[simulate]\ncount = 1000\n[estimate]\nmodels = "stationary"\npatch = 8\n[axes]\ndesign = ["bayer", "white"]\n'
    (folder / "one.toml").write_text(text + "photons = [10, 10000]\n")
    (folder / "many.toml").write_text(text + f"photons = {light}\n")
    say("four points")
    run([COMMAND, "sweep", "one.toml", "-o", "run", "--jobs", "1"], folder)
    kept = Kept(folder / "run" / ".jobs")
    files = [json.loads(file.read_text()) for file in (folder / "run" / ".jobs").glob("*.json")]
    made = next(each for each in files if "photons" in each["job"] and "difference" not in each["job"])
    rng = np.random.default_rng(options.seed)
    from ideal.jobs.kept import key_of

    for job in SweepPlan.of(read_request(folder / "many.toml")).jobs:
        if "difference" in job.name:
            continue
        result = json.loads(json.dumps(made["result"]))
        values = result["record"]["best"]["values"]
        values["sums"] = (np.array(values["sums"]) * rng.uniform(0.9, 1.1)).tolist()
        kept.write(key_of(job, {}, {}), job, json.dumps(result), 1.0)
    size = sum(file.stat().st_size for file in kept.folder.glob("*.json"))
    say(f"{count} points, {size / 1e6:.0f} MB of results")
    output, seconds, memory = run([COMMAND, "sweep", "many.toml", "-o", "run", "--jobs", "2", "--json"], folder)
    document = json.loads(output)
    assert [row["status"] for row in document["points"]] == ["done"] * count
    _, again, memory_again = run([COMMAND, "sweep", "many.toml", "-o", "run", "--jobs", "2", "--json"], folder)
    return {
        "points": count,
        "differences": document["jobs"]["done_now"],
        "seconds_with_differences": seconds,
        "memory_mb": max(memory, memory_again),
        "seconds_of_table_and_figures": again,
        "sources": made["result"]["sources"],
    }


def measure_files(options, folder):
    """Measure the command that ranks many files."""
    import ideal

    count = 20 if options.quick else 500
    rng = np.random.default_rng(options.seed)
    light = 50 * np.exp(0.3 * rng.standard_normal((60, 8, 8)))
    names = []
    for number in range(count):
        names.append(f"file-{number:03d}.h5")
        ideal.write_measurements(folder / names[-1], rng.poisson(light * (1 + number / count)).astype(np.uint16), noise="poisson")
    output, seconds, memory = run([COMMAND, "estimate", *names, "--model", "stationary", "--out", "run", "--json"], folder)
    assert len(json.loads(output)["results"]) == count
    return {"files": count, "seconds": seconds, "memory_mb": memory}


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from sweep import kill_jobs
from ideal.jobs import Kept, open_engine, run_jobs
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with open_engine(**({{"jobs": 2}} if sys.argv[2] == "local" else {{"scheduler": sys.argv[2]}})) as engine:
        found = run_jobs(kill_jobs(folder), Kept(folder / "jobs"), engine)
    assert not found.failures, found.failures
"""
_KILL_COUNT, _KILL_SECONDS = 24, 0.2


def kill_jobs(folder):
    """Return jobs that leave traces, some of which need others."""
    own = {"folder": str(folder), "seconds": _KILL_SECONDS}
    jobs = [Job(f"square {value}", noted, own | {"value": value}) for value in range(_KILL_COUNT)]
    sums = [
        Job(f"sum {value}", noted, own | {"value": 100 + value}, needs=tuple(f"square {value * 8 + each}" for each in range(8)))
        for value in range(_KILL_COUNT // 8)
    ]
    return [*jobs, *sums]


def _kept(folder):
    return {file.name: json.loads(file.read_text())["result"] for file in (folder / "jobs").glob("*.json")}


def _traces(folder):
    path = folder / "traces.txt"
    return path.read_text().split() if path.exists() else []


def _dask(folder, environment):
    """Start a scheduler and two workers; return the processes and the file of the scheduler."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "env": environment}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    started = [subprocess.Popen([*command, "--scheduler-file", str(file)], **quiet)]
    while not file.exists():
        time.sleep(0.05)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--no-dashboard"]
    for _ in range(2):
        started.append(subprocess.Popen([*worker, "--nthreads", "1", "--no-nanny"], **quiet))
    return started, str(file)


def _children(process):
    """Return the ids of the processes that a process has started."""
    try:
        return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except OSError:
        return []


def one_kill(what, where, folder, moment, environment):
    """Kill something at a moment after the first job has begun, repeat the command, and return what was seen."""
    script = folder / "script.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).resolve().parent)))
    started, address = _dask(folder, environment) if where == "dask" else ([], "local")
    command = [sys.executable, str(script), str(folder), address]
    try:
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        while not _traces(folder) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moment)
        if what == "command":
            process.kill()
        elif what == "scheduler":
            started[0].kill()
        elif where == "dask":
            started[1].kill()
        else:
            workers = [each for each in _children(process) if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text()]
            if workers:
                os.kill(random.choice(workers), signal.SIGKILL)
        process.wait(300)
        time.sleep(1.5 if what == "command" else 0.2)  # workers of a command follow it
        kept, traces = _kept(folder), _traces(folder)
        ended = process.returncode
        if what == "scheduler":
            for each in started:
                each.kill()
                each.wait()
            (folder / "scheduler.json").unlink()
            started, address = _dask(folder, environment)
            command[-1] = address
        if ended != 0:
            subprocess.run(command, env=environment, check=True, timeout=300)
    finally:
        for each in started:
            each.kill()
            each.wait()
    after = _kept(folder)
    squares = {str(int(each["square"] ** 0.5)) for each in kept.values()}
    again = _traces(folder)[len(traces) :]
    return {
        "kept_before": len(kept),
        "exit": ended,
        "done_twice_though_kept": sum(value in squares for value in again),
        "lost": sum(after.get(name) != result for name, result in kept.items()),
        "results": after,
    }


def measure_kills(options, folder):
    """Kill at random moments and compare with a run in peace."""
    random.seed(options.seed)
    here = str(Path(__file__).resolve().parent)
    environment = os.environ | {"PYTHONPATH": here}
    kinds = [("command", "local"), ("worker", "local"), ("command", "dask"), ("worker", "dask"), ("scheduler", "dask")]
    trials = len(kinds) if options.quick else 20
    peace = folder / "peace"
    peace.mkdir()
    with open_engine(1) as engine:
        run_jobs(kill_jobs(peace), Kept(peace / "jobs"), engine)
    wanted = sorted(json.dumps(each) for each in _kept(peace).values())
    found = {"trials": trials, "done_twice_though_kept": 0, "lost": 0, "other_results": 0, "kept_at_the_kill": []}
    for trial in range(trials):
        what, where = kinds[trial % len(kinds)]
        place, moment = folder / str(trial), random.uniform(0.0, 2.5)
        place.mkdir()
        one = one_kill(what, where, place, moment, environment)
        seen = {name: value for name, value in one.items() if name != "results"}
        say(f"{trial + 1} of {trials}: {what}, {where}, after {moment:.2f} s: {seen}")
        found["done_twice_though_kept"] += one["done_twice_though_kept"]
        found["lost"] += one["lost"]
        found["other_results"] += sorted(json.dumps(each) for each in one["results"].values()) != wanted
        found["kept_at_the_kill"].append(one["kept_before"])
        shutil.rmtree(place)
    return found


def main():
    options = parser(__doc__)
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help="parts to measure (default: all)")
    asked = options.parse_args()
    found = {}
    for name in asked.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = globals()[f"measure_{name}"](asked, Path(folder))
            say(f"{name}: {found[name]}")
    emit("sweep", found)


if __name__ == "__main__":
    import sweep  # jobs are functions of a module, which workers import

    sweep.main()

"""Commands that are killed at every change of a file, or at random moments, and given again.

As a program: `python tests/kill_world.py COMMAND... [--changes N] [--random N]`, with the names of `COMMANDS` or `all`. Each kill
is a process of its own, forked from one that has imported all; the unbroken run says what the folder has to hold in the end.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

TIMINGS = ("seconds", "peak_memory_mb", "wall_seconds", "job_seconds", "jobs")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_ENCODER = "from factor import F\n\n\ndef encode(params, scene):\n    return scene * params['p'] * F\n"
_CONFIGURATION = """
[system]
encoder = "own:encode"
shape = [8, 8]
linear = true
[system.parameters.p]
value = 0.5
shape = [8, 8]
constraint = { kind = "bounded", low = 0.1, high = 1 }
"""
_MODELS = ("--model", "stationary", "--patch", "4")
COMMANDS = {
    "estimate": ("estimate", "a.h5", "b.h5", *_MODELS, "--out", "made"),
    "labels": ("estimate", "a.h5", *_MODELS, "--labels", "--effort", "0.01", "--out", "made"),
    "optimize": ("optimize", "own.toml", "beads", "-n", "40", "--steps", "12", "--against", "none", *_MODELS, "--out", "made"),
    "choose": (
        "optimize",
        "interferometer",
        *("--set", "array=EHT2017", "--set", "shape=[8,8]", "--choose", "2", "-n", "40", "--against", "none", "--out", "made"),
    ),
    "simulate": (
        "simulate",
        *("color-filter-array", "beads", "--set", "shape=[8,8]", "--set", "period=[2,2]", "-n", "600"),
        *("-o", "made/o.h5", "--force"),
    ),
    "reproduce": ("reproduce", "toy", "--jobs", "1", "--out", "made"),
}


def write_inputs(folder):
    import numpy as np

    from ideal.measurements.measurement_set import write_measurements

    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    means = 10 * np.exp(0.5 * rng.standard_normal((40, 1, 1))) * np.ones((40, 6, 6)) * (1 + labels[:, None, None])
    for name, light in (("a.h5", 1.0), ("b.h5", 2.0)):
        write_measurements(folder / name, rng.poisson(light * means).astype("u2"), noise="poisson", labels=labels)
    (folder / "own.py").write_text(_ENCODER)
    (folder / "factor.py").write_text("F = 1.0\n")
    (folder / "own.toml").write_text(_CONFIGURATION)
    (folder / "data.txt").write_text("four")


def start(command, folder, kill_at=None, count=None):
    """Start a command in a folder, and return its process number.

    Args:
        command: arguments of `ideal`.
        folder: to work in; stdout and stderr go to files beside it.
        kill_at: number of the change of a file, from 1, before which the process kills itself; None for never.
        count: a file beside the folder that gets the number of changes.

    """
    process = os.fork()
    if process:
        return process
    try:
        for number in (1, 2):
            os.dup2(os.open(f"{folder}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.chdir(folder)
        _install(folder, kill_at, count)
        sys.argv = ["ideal", *command]
        from reproduce_world import Toy

        import ideal.studies.reproduction as reproduced
        from ideal.cli.__main__ import main

        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        reproduced.find_study = lambda name: lambda: Toy("data.txt")
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(70)


def _install(folder, kill_at, count):
    place, seen, process = str(folder) + os.sep, 0, os.getpid()

    def hook(event, arguments):
        nonlocal seen
        if event == "open":
            name, mode, flags = arguments
            changes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITES)
        else:
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
            name = arguments[0] if changes else None
        if not changes or isinstance(name, int) or os.getpid() != process:
            return
        if not os.path.abspath(os.fsdecode(name)).startswith(place):
            return
        seen += 1
        if count is not None:
            handle = os.open(str(count), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # outside the folder: not counted
            os.write(handle, str(seen).encode())
            os.close(handle)
        if seen == kill_at:
            os.kill(process, signal.SIGKILL)

    sys.addaudithook(hook)


def ended(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def contents(folder):
    """Return every file below a folder with its bytes, those of JSON without what differs by time."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.name != "traces.txt":
            content = file.read_bytes()
            if file.suffix in (".json", ".jsonl"):
                content = json.dumps([_timeless(json.loads(line)) for line in _documents(file, content)]).encode()
            found[str(file.relative_to(folder))] = content
    return found


def _documents(file, content):
    return content.splitlines() if file.suffix == ".jsonl" else [content]


def _timeless(value):
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIMINGS}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def campaign(name, root, *, most=None, moments=0, seed=0):
    """Kill a command at so many of its changes of a file, spread over all (None for each), and at so many random moments.

    Returns:
        How many kills there were, how many of them came after the end, and what went wrong, a line each.

    """
    command, source = COMMANDS[name], root / "inputs"
    if not source.exists():
        source.mkdir()
        write_inputs(source)
    folder = root / name  # the same for all, whose records name their inputs
    shutil.copytree(source, folder)
    counter, begun = root / f"{name}.count", time.monotonic()
    code = ended(start(command, folder, count=counter))
    lasted = time.monotonic() - begun
    assert code == 0, Path(f"{folder}.2").read_text()
    expected, changes = contents(folder), int(counter.read_text())
    chance = random.Random(seed)
    places = range(1, changes + 1) if most is None else {round(1 + k * (changes - 1) / max(most - 1, 1)) for k in range(most)}
    plan = [("change", at) for at in sorted(places)]
    plan += [("moment", chance.uniform(0.05, 1.05) * lasted) for _ in range(moments)]
    wrong, late = [], 0
    for kind, at in plan:
        shutil.rmtree(folder)
        shutil.copytree(source, folder)
        process = start(command, folder, kill_at=at if kind == "change" else None)
        if kind == "moment":
            time.sleep(at)
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        code = ended(process)
        late += code != -signal.SIGKILL
        again = ended(start(command, folder))
        said = Path(f"{folder}.2").read_text()
        found = contents(folder)
        # A run that was killed after its last change is finished, and the same command says so.
        finished = again == 2 and "holds a finished run" in said
        if not (again == 0 or finished) or found != expected:
            differ = sorted(file for file in {*found, *expected} if found.get(file) != expected.get(file))
            wrong.append(f"{name}, {kind} {at:.3f}: killed {code}, again {again}, other {differ}: {said[-300:]}")
            shutil.copytree(folder, root / f"{name}-{kind}-{at:.3f}")
    return {"command": name, "changes": changes, "kills": len(plan), "after the end": late, "wrong": wrong, "seconds": lasted}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="+", help=f"of {', '.join(COMMANDS)}, or all")
    parser.add_argument("--changes", type=int, help="kills at changes of a file, at most; default: at every one")
    parser.add_argument("--random", type=int, default=0, help="kills at random moments")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    root = Path(tempfile.mkdtemp(prefix="kills-")).resolve()
    # Programs are compiled once, not again for each kill.
    os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(root / "compiled"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    import jax

    jax.config.update("jax_compilation_cache_dir", str(root / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    names = list(COMMANDS) if "all" in asked.commands else asked.commands
    found = []
    for name in names:
        found.append(campaign(name, root, most=asked.changes, moments=asked.random, seed=asked.seed))
        print(json.dumps(found[-1], indent=1), flush=True)
    if not any(each["wrong"] for each in found):
        shutil.rmtree(root)
    sys.exit(any(each["wrong"] for each in found))


if __name__ == "__main__":
    main()

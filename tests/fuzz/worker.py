"""One place that runs commands on inputs that may end the process: a process of its own, limited in memory, CPU and wall time.

`Worker.run` gives the arguments to this process, which runs them as the `ideal` command does; a process that has crashed or was
stopped is followed by a new one. What native code writes past Python (stacks of faults, errors of C libraries) is returned too.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
WALL_PER_CPU = 6  # two threads and other processes at work: a command that waits longer than this waits for something


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        code: its exit code; None where the process ended with it.
        stdout: text.
        stderr: text, with what native code wrote.
        traceback: of an exception that left the command, or of the place where the process was when it ended.
        end: how the process ended ("SIGSEGV", "SIGPROF" for too much CPU time, "wall" for waiting), "" where it did not.
        cpu_seconds: of the command.
        megabytes: by which memory rose above what the process held, at most; 0 where the system does not tell.

    """

    code: int | None
    stdout: str = ""
    stderr: str = ""
    traceback: str = ""
    end: str = ""
    cpu_seconds: float = 0.0
    megabytes: float = 0.0


class Worker:
    """A process that runs one command after the other."""

    def __init__(self, folder, *, memory: int = 2 * 10**9, cpu_seconds: int = 60):
        """Start nothing yet; `memory` in bytes is what a command may map beyond the idle process."""
        self.cpu_seconds = cpu_seconds
        self._memory = memory
        self._folder = Path(folder)
        self._process = None
        self._log = None
        self.restarts = 0

    def run(self, arguments, folder, *, cpu_seconds: int | None = None) -> Outcome:
        """Run `ideal` with the arguments in a folder."""
        cpu_seconds = cpu_seconds or self.cpu_seconds
        if self._process is None:
            self._start()
        job = {"arguments": list(arguments), "folder": str(folder), "cpu_seconds": cpu_seconds}
        before = os.path.getsize(self._log)
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        reply = self._reply(WALL_PER_CPU * cpu_seconds)
        native = Path(self._log).read_bytes()[before:].decode("utf-8", "replace")
        if isinstance(reply, dict):
            return Outcome(**reply | {"stderr": reply["stderr"] + native})
        self.close()
        return Outcome(None, end=reply, traceback=native)

    def _reply(self, seconds: float):
        """Return what the process answers, or the name of its end."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            self._process.kill()
            self._process.wait()
            return "wall"
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit {code}"

    def _start(self) -> None:
        self.restarts += 1
        self._log = self._folder / f"worker-{self.restarts}.log"
        command = [sys.executable, __file__, str(self._memory)]
        path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"PYTHONPATH": path, "IDEAL_PROGRESS_SECONDS": "0"},
            )
        if self._reply(300) != {"ready": True}:
            raise RuntimeError(f"the worker did not start: {Path(self._log).read_text()}")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None


def _memory(name: str) -> int:
    """Return a figure of /proc/self/status in bytes, 0 where there is none."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _limit_cpu(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory(beyond: int) -> None:
    """Let the process map so many bytes beyond what it has mapped, where the system can tell."""
    import resource

    held = _memory("VmSize")
    if held:
        resource.setrlimit(resource.RLIMIT_AS, (held + beyond, held + beyond))


def _warm_up(run, folder) -> None:
    """Have the libraries imported and their threads started: what they map is not what a command asks for."""
    import numpy as np

    rng = np.random.default_rng(0)
    np.save(f"{folder}/a.npy", rng.poisson(10 * np.exp(rng.standard_normal((60, 1, 1))) * np.ones((12, 12))))
    for arguments in (["estimate", "a.npy", "--noise", "poisson", "--model", "stationary", "--patch", "8"], ["inspect", "a.npy"]):
        if run(arguments, folder)["code"] != 0:
            raise RuntimeError("a plain estimate failed")


def _serve(memory: int) -> None:
    import faulthandler
    import gc
    import traceback

    from typer.testing import CliRunner

    from ideal.cli.__main__ import app

    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    faulthandler.enable()

    def run(arguments, folder):
        os.chdir(folder)
        before = os.times()
        held = _memory("VmRSS")
        _forget_peak()
        result = CliRunner().invoke(app, arguments, prog_name="ideal")
        after = os.times()
        sys.stdout.flush()
        sys.stderr.flush()
        failure = result.exception
        text = "" if failure is None or isinstance(failure, SystemExit) else "".join(traceback.format_exception(failure))
        os.chdir("/")
        return {
            **{"code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr, "traceback": text},
            "cpu_seconds": after.user + after.system - before.user - before.system,
            "megabytes": max(_memory("VmHWM") - held, 0) / 1e6,
        }

    with tempfile.TemporaryDirectory() as folder:
        _warm_up(run, folder)
    gc.collect()
    gc.freeze()  # what the libraries hold need not be looked through after each command
    _limit_memory(memory)
    faulthandler.register(signal.SIGPROF, all_threads=False, chain=True)
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        gc.collect()
        _limit_cpu(job["cpu_seconds"])
        reply = run(job["arguments"], job["folder"])
        _limit_cpu(0)
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    sys.path[0] = str(TESTS)  # not this folder, whose names are those of a package
    _serve(int(sys.argv[1]))

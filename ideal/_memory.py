"""The memory that a process has taken."""

import contextlib
import resource
import sys
from pathlib import Path


def peak_memory() -> float:
    """Return the peak resident memory of this process, MB of 2**20 bytes."""
    # ru_maxrss of a child also counts what its parent held when it forked, VmHWM does not.
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

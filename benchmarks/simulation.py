"""Speed and peak memory of `ideal simulate`, in a process of its own, the file included.

python benchmarks/simulation.py --captures 100000
"""

import json
import sys
import tempfile
from pathlib import Path

from _common import emit, parser, say
from memory import LIMIT_MB, run


def simulate(folder, system, objects, count, *more):
    """Return seconds, peak memory and the size of the file."""
    path = Path(folder) / "simulated.h5"
    command = [sys.executable, "-m", "ideal.cli", "simulate", system, objects, "-n", str(count), "-o", str(path), "--json", *more]
    output, seconds, peak = run(command)
    said = json.loads(output)
    case = {"system": system, "objects": objects, "shape": said["shape"], "seconds": seconds, "peak_rss_mb": peak}
    case["file_gb"] = path.stat().st_size / 1e9
    path.unlink()
    say(f"{system}, {count} {objects}: {seconds:.1f} s, {peak:.0f} MB")
    return case


def main():
    options = parser(__doc__)
    options.add_argument("--captures", type=int, default=100_000, help="lensless captures for the memory (default: 100000)")
    args = options.parse_args()
    many = 2000 if args.quick else args.captures
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            simulate(folder, "lensless", "photographs", 10_000 if not args.quick else 500),
            simulate(folder, "color-filter-array", "photographs", 4_000 if not args.quick else 500),
            simulate(folder, "interferometer", "black-hole-rings", 1_000 if not args.quick else 50),
            simulate(folder, "led-microscope", "phase-cells", 200 if not args.quick else 10),
            simulate(folder, "lensless", "photographs", many),
        ]
    met = all(case["peak_rss_mb"] < LIMIT_MB for case in cases)
    emit("simulation", {"cases": cases, "limit_mb": LIMIT_MB, "met": met})


if __name__ == "__main__":
    main()

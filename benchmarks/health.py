"""Time and memory of the health check beside the estimate that it stands before.

Makes scenes in photon noise, examines them, and estimates the information of the same patches with the default models; then,
unless --gigabytes is 0, examines a file much larger than the memory it may use. Prints one JSON line each.

    python benchmarks/health.py --gigabytes 6
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import emit, parser
from memory import write

import ideal
from ideal.health import examine


def cpu_of(work):
    """Return what a function gives and the CPU seconds that it takes."""
    begun = time.process_time()
    result = work()
    return result, time.process_time() - begun


def main():
    options = parser(__doc__)
    options.add_argument("--patches", type=int, default=5000)
    options.add_argument("--side", type=int, default=32)
    options.add_argument("--gigabytes", type=float, default=0.0, help="of a file to examine besides (default: none)")
    arguments = options.parse_args()
    rng = np.random.default_rng(arguments.seed)
    side = arguments.side
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    noise = np.fft.rfft2(rng.standard_normal((arguments.patches, side, side)))
    texture = np.fft.irfft2(noise / (frequency + 0.02) ** 1.5, s=(side, side))
    counts = rng.poisson(100 * np.exp(0.5 * texture / texture.std())).astype(np.uint16)
    measured = ideal.from_arrays(counts, noise="poisson", groups=np.arange(len(counts)))
    _, check = cpu_of(lambda: examine(measured))
    found, whole = cpu_of(lambda: ideal.estimate(measured, patch=side))
    result = {"patches": arguments.patches, "side": side, "check_cpu_seconds": check, "estimate_cpu_seconds": whole}
    emit("health", result | {"share": check / whole, "findings": [each.name for each in found.findings]})
    if arguments.gigabytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large.h5"
            write(path, arguments.gigabytes * 1e9, 64, arguments.seed)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with ideal.open_measurements(path) as large:
                _, check = cpu_of(lambda: examine(large))
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            result = {"gigabytes": arguments.gigabytes, "check_cpu_seconds": check}
            emit("health-large", result | {"peak_before_mb": before / 1024, "peak_mb": after / 1024})


if __name__ == "__main__":
    main()

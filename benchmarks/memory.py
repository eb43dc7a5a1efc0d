"""Peak memory of `ideal estimate` on a measurement file much larger than the memory it may use.

Writes photon counts (uint16) to a temporary folder block by block: each block is one set of random images, shifted anew, which is
fast and leaves the estimator as much to do. Then runs `ideal estimate FILE --json` and reports the peak resident memory
of that process and its seconds. The folder needs as much room as the file; TMPDIR says where it lies.

    python benchmarks/memory.py --gigabytes 6
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import emit, fresh_process, parser, rss_mb, say

from ideal.measurements.measurement_set import MeasurementWriter

MEAN = 50.0
BLOCK_PIXELS = 2**23
LIMIT_MB = 1.5e9 / 2**20


def write(path, total_bytes, side, seed):
    """Write at least so many bytes of counts; return the number of images."""
    rng = np.random.default_rng(seed)
    images = max(1, BLOCK_PIXELS // side**2)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    shape = 1 / (frequency + 0.02) ** 1.5
    texture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((images, side, side))) * shape, s=(side, side))
    texture = np.exp(0.5 * texture / texture.std())
    counts = rng.poisson(MEAN * texture / texture.mean()).astype(np.uint16)
    blocks = -(-int(total_bytes) // counts.nbytes)
    with MeasurementWriter(path, noise="poisson") as writer:
        for _ in range(blocks):
            writer.append(np.roll(counts, rng.integers(0, counts.shape), axis=(0, 1, 2)))
    return blocks * images


def run(command):
    """Return the output, the wall time and the peak memory of a command."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    # Of this child alone, which getrusage(RUSAGE_CHILDREN) would not say.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with status {process.returncode}")
    return output, time.perf_counter() - begun, rss_mb(usage)


def main():
    options = parser(__doc__)
    options.add_argument("--gigabytes", type=float, default=6.0, help="size of the file, 1e9 bytes (default: 6)")
    options.add_argument("--side", type=int, default=64, help="of an image, pixels (default: 64)")
    options.add_argument("--patch", type=int, default=16, help="side of the patches (default: 16)")
    options.add_argument("--worker", metavar="FILE", help="for the script's own use")
    args = options.parse_args()
    gigabytes = 0.3 if args.quick else args.gigabytes
    if args.worker:
        print(write(args.worker, gigabytes * 1e9, args.side, args.seed))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.h5"
        # A child starts as a copy of its parent, whose peak memory counts as its own: so this process does not write the file.
        flags = ["--gigabytes", gigabytes, "--side", args.side, "--seed", args.seed]
        images, writing = fresh_process(str(Path(__file__).resolve()), "--worker", path, *flags)
        size = path.stat().st_size
        say(f"wrote {size / 1e9:.2f} GB, {images} images, in {writing:.0f} s")
        _, _, bare_mb = run([sys.executable, "-c", "print(0)"])
        output, seconds, peak = run(
            [sys.executable, "-m", "ideal.cli", "estimate", str(path), "--patch", str(args.patch), "--json"]
        )
    said = json.loads(output)["results"][0]
    result = {
        "file_gb": size / 1e9,
        "images": images,
        "side": args.side,
        "patch": args.patch,
        "peak_rss_mb": peak,
        "limit_mb": LIMIT_MB,
        "met": peak < LIMIT_MB and size >= 0.999e9 * gigabytes,
        "seconds": seconds,
        "bare_child_mb": bare_mb,
        "write_s": writing,
        "information_bits_per_pixel": said["information_bits_per_pixel"],
        "model": said["model"],
    }
    emit("memory", result)


if __name__ == "__main__":
    main()

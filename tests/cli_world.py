"""What the tests of the command line share: files to work on, options that take little time, and readers of results."""

import json
import subprocess
import sys

import h5py
import numpy as np
import tifffile

from ideal.measurements.measurement_set import write_measurements

TIMINGS = ("seconds", "peak_memory_mb")
FAST = ("--model", "stationary", "--patch", "8")
POISSON = ("--noise", "poisson", *FAST)
GAUSSIAN = ("--noise", "gaussian", *FAST)


def smooth(rng, count, size=16):
    field = rng.standard_normal((count, size + 4, size + 4))
    field = sum(np.roll(field, (dy, dx), (1, 2)) for dy in range(5) for dx in range(5))[:, 4:, 4:] / 5
    return 50 * np.exp(0.4 * field)


def write_data(folder):
    """Write measurement files of every kind, good and bad."""
    rng = np.random.default_rng(0)
    mean = smooth(rng, 70)
    counts = rng.poisson(mean)
    for name, light in (("a", 1.0), ("b", 0.5), ("c", 0.2)):
        write_measurements(folder / f"{name}.h5", rng.poisson(mean * light).astype(np.uint16), noise="poisson")
    pixel_sigma = np.where(np.arange(16)[:, None] < 8, 5.0, 8.0) * np.ones((16, 16))
    noisy = mean + pixel_sigma * rng.standard_normal(mean.shape)
    write_measurements(folder / "pixel-sigma.h5", noisy, noise="gaussian", sigma=pixel_sigma)
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["run/images"] = counts
    broken = {"nan": (3, np.nan), "inf": (60, np.inf), "negative": (60, -3.0)}
    for name, (sample, value) in broken.items():
        array = counts.astype(float)
        array[sample, 4, 5] = value
        np.save(folder / f"{name}.npy", array)
    visibilities = 3 * (rng.standard_normal((100, 12)) + 1j * rng.standard_normal((100, 12))) + rng.standard_normal((100, 1))
    camera = np.round((counts + 1.6 * rng.standard_normal(mean.shape)) / 0.45 + 100)
    arrays = {
        "counts": counts,
        "float": mean + 5 * rng.standard_normal(mean.shape),
        "fraction": counts + 0.3,
        "camera": camera.astype(np.uint16),
        "half-gain": (2 * counts + 100).astype(np.uint16),
        "saturated": np.minimum(counts, 60).astype(np.uint8),
        "constant": np.full((70, 16, 16), 7),
        "zero": np.zeros((70, 16, 16), int),
        "rank1": counts.ravel(),
        "one": counts[:1],
        "tiny": counts[:1, :8, :8],
        "vectors": counts[:, 0],
        "small": counts[:, :6, :5],
        "colour8": np.minimum(rng.poisson(mean[..., None] * [1, 0.8, 0.5]), 255).astype(np.uint8),
        "colour": mean[..., None] * [1, 0.8, 0.5] + 5 * rng.standard_normal((*mean.shape, 3)),
        "visibilities": visibilities,
        "huge": np.zeros((3, 128, 128)) + np.arange(3)[:, None, None],
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    tifffile.imwrite(folder / "big.tif", rng.poisson(smooth(rng, 1, 64)[0]).astype(np.uint16))
    (folder / "truncated.h5").write_bytes((folder / "a.h5").read_bytes()[:5000])
    (folder / "text.h5").write_text("hello" * 1000)
    (folder / "folder.h5").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def information(result):
    return [found["information_bits_per_pixel"] for found in document(result)["results"]]


def without_timings(value):
    if isinstance(value, dict):
        return {key: without_timings(item) for key, item in value.items() if key not in TIMINGS}
    return [without_timings(item) for item in value] if isinstance(value, list) else value


def run_python(code, *arguments, **options):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=600, **options)

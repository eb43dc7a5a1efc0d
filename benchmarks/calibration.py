"""How exact, how honest and how fast `ideal.calibrate` is, on frames of sensors whose truth is known.

Prints one line of JSON: the errors of gain, read noise and offset from 64 dark frames and 2 x 16 flat fields of 512x512 pixels,
clean and with every defect; the share of intervals that hold the truth over small sensors; and time and memory for 300 frames of
2048x2048 pixels, measured in a process of its own.

    python benchmarks/calibration.py --replications 200
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import emit, fresh_process, mean_and_error, parser, peak_rss_mb, timed

from ideal.cameras import Sensor, calibrate, simulate_frames

CLEAN = {"gain": 2.0, "read_noise": 4.0}
DEFECTS = CLEAN | {
    "dsnu": 4.0,
    "prnu": 0.01,
    "row_noise": 2.0,
    "read_noise_spread": 0.3,
    "hot": 5e-4,
    "dead": 2e-4,
    "noisy": 5e-3,
    "shading": 0.2,
    "flicker": 0.003,
}


def truth_of(sensor):
    good = sensor.kinds == 0
    return {
        "gain": sensor.gain,
        "offset": sensor.offset + sensor.dark_map[good].mean() / sensor.gain,
        "read_noise": float(np.sqrt((sensor.read_noise_map[good] ** 2).mean())),
    }


def errors(figures, levels, seed):
    """Return relative errors of gain and read noise, and that of the offset in DN."""
    sensor = Sensor((512, 512), seed=seed, **figures)
    bench = simulate_frames(sensor, dark=64, levels=levels, seed=seed)
    camera, seconds = timed(lambda: calibrate(bench.dark, bench.flat, progress=False))
    truth = truth_of(sensor)
    found = {name: float(camera.quantities[name]) - value for name, value in truth.items()}
    return {
        "gain": abs(found["gain"]) / truth["gain"],
        "read_noise": abs(found["read_noise"]) / truth["read_noise"],
        "offset_dn": abs(found["offset"]),
        "seconds": seconds,
    }


def coverage(figures, replications, seed):
    """Return the share of intervals that hold the truth, by quantity."""
    held = {}
    for number in range(replications):
        sensor = Sensor((64, 64), seed=seed + number, **figures)
        bench = simulate_frames(sensor, dark=32, levels=8, seed=seed + number)
        camera = calibrate(bench.dark, bench.flat, progress=False)
        for name, value in truth_of(sensor).items():
            found = camera.quantities[name]
            held.setdefault(name, []).append(found.low <= value <= found.high)
    return {name: float(np.mean(each)) for name, each in held.items()}


def write_large(folder, frames, side):
    """Write dark frames, and flat fields of two frames a level, each level a file, made of few that are drawn."""
    rng = np.random.default_rng(0)
    electrons = [rng.poisson(400.0, (side, side)).astype(np.float32) - 400 for _ in range(4)]
    dark, levels = frames // 3, (frames - frames // 3) // 2
    stack = np.lib.format.open_memmap(folder / "dark.npy", "w+", np.uint16, (dark, side, side))
    for k in range(dark):
        stack[k] = np.roll(electrons[k % 4], (7 * k, 13 * k), (0, 1)) * 0.1 + 100.5
    stack.flush()
    for level in range(levels):
        mean = 3500 * (level + 1) / levels
        stack = np.lib.format.open_memmap(folder / f"flat-{level:03}.npy", "w+", np.uint16, (2, side, side))
        for k in (0, 1):
            place = (3 * level + 11 * k, 17 * level + 5 * k)
            stack[k] = np.roll(electrons[(level + k) % 4], place, (0, 1)) * (0.05 * np.sqrt(mean / 2)) + 100.5 + mean
        stack.flush()


def calibrate_large(folder):
    """Calibrate what `write_large` wrote, in this process, and print time and memory."""
    flats = sorted(Path(folder).glob("flat-*.npy"))
    begun = time.process_time()
    camera, seconds = timed(lambda: calibrate(f"{folder}/dark.npy", flats, progress=False))
    result = {"seconds": seconds, "cpu_seconds": time.process_time() - begun, "peak_mb": peak_rss_mb()}
    print(json.dumps(result | {"frames": camera.frames, "gain": camera.gain.value}))


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--large":
        calibrate_large(sys.argv[2])
        return
    options = parser(__doc__)
    options.add_argument("--replications", type=int, default=200)
    options.add_argument("--frames", type=int, default=300)
    options.add_argument("--side", type=int, default=2048)
    arguments = options.parse_args()
    if arguments.quick:
        arguments.replications, arguments.frames, arguments.side = 10, 30, 512
    result = {}
    for name, figures in (("clean", CLEAN), ("defects", DEFECTS)):
        every = [errors(figures, 16, arguments.seed + k) for k in range(2 if arguments.quick else 5)]
        result[name] = {key: max(each[key] for each in every) for key in every[0]}
        result[name]["mean_gain"] = mean_and_error([each["gain"] for each in every])
        result[f"{name}_two_levels"] = errors(figures, 2, arguments.seed)["gain"]
        result[f"{name}_coverage"] = coverage(figures, arguments.replications, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        write_large(Path(folder), arguments.frames, arguments.side)
        result["large"], whole = fresh_process(__file__, "--large", folder)
        result["large"]["whole_seconds"] = whole
    emit("calibration", result)


if __name__ == "__main__":
    main()

"""Measure the false information of constant scenes: what the default models make of a sensor's noise, its model given or not.

The truth is 0 everywhere. `python benchmarks/false_information.py` prints bits per pixel for 5,000 patches of each sensor;
`--patches`, `--models` and `--only` make it shorter. `--timing` compares the CPU time with maps and by a plain camera.
"""

import argparse
import json
import time

import numpy as np

import ideal
from ideal.noise import EMCCD, CameraMaps, PhotonCounter, PoissonGaussian

SIDE, PATCH = 64, 16


def scenes(patches: int, light: float) -> np.ndarray:
    """Return frames of one brightness that hold so many patches."""
    return np.full((max(3, patches * PATCH**2 // SIDE**2), SIDE, SIDE), light)


def sensors(rng: np.random.Generator, patches: int) -> dict:
    """Return by name the frames of each sensor, its noise, and the noise that somebody would state without a calibration."""
    found = {}
    emccd = EMCCD(300.0, 45.0, gain=0.05, offset=200.0, quantised=True)
    plain = PoissonGaussian(emccd.spread, gain=0.05, offset=200.0, quantised=True)
    found["EMCCD at 5 photons"] = frames_of(emccd, rng, patches, 5.0), emccd, plain
    camera = PoissonGaussian(1.6, gain=0.5, offset=100.0, quantised=True)
    hot = CameraMaps(0.5, 100.0, 1.6, bad_pixels=rng.random((SIDE, SIDE)) < 0.002)
    frames = frames_of(hot, rng, patches, 20.0)
    frames[:, hot.bad_pixels] += rng.integers(100, 2000, int(hot.bad_pixels.sum()))
    found["0.2 % hot pixels"] = frames, hot, camera
    rows = CameraMaps(0.5, 100.0, 1.6, row_noise=1.6)
    found["row noise as large as the read noise"] = frames_of(rows, rng, patches, 20.0), rows, camera
    noisy = np.where(rng.random((SIDE, SIDE)) < 0.01, 16.0, 1.6)
    gain = 0.5 * (1 + 0.01 * rng.standard_normal((SIDE, SIDE)))
    maps = CameraMaps(gain, 100.0 + 2.0 * rng.standard_normal((SIDE, SIDE)), noisy)
    found["offset map 2 DN, gain map 1 %, 1 % noisy pixels"] = frames_of(maps, rng, patches, 20.0), maps, camera
    one_bit = PhotonCounter(bits=1)
    found["1-bit sensor at 1 photon"] = frames_of(one_bit, rng, patches, 1.0).astype(np.uint8), one_bit, "poisson"
    quiet = PoissonGaussian(0.2, gain=0.05, offset=100.0, quantised=True)
    blurred = PoissonGaussian(0.7, gain=0.05, offset=100.0, quantised=True)
    found["read noise 0.2 e- at 1 photon"] = frames_of(quiet, rng, patches, 1.0), quiet, blurred
    return found


def frames_of(noise, rng, patches: int, light: float) -> np.ndarray:
    """Return the numbers that a sensor stores of a constant scene."""
    return noise.stored(noise.sample(rng, scenes(patches, light)))


def estimate_of(frames, noise, models=None) -> tuple[dict, float]:
    """Return what an estimate says, and its CPU seconds."""
    begun = time.process_time()
    measured = ideal.from_arrays(frames, noise=noise, groups=np.arange(len(frames)))
    told = [each.name for each in measured.examination.findings if each.name not in ("units-assumed",)]
    found = ideal.estimate(measured, models=models, patch=PATCH, progress=False, allow=("clipped", "information-negative"))
    bits = {name: round(float(found.bits_per_pixel(each.values.mean)), 4) for name, each in found.models.items()}
    record = {
        "bits": round(found.information.value, 4),
        "interval": [round(end, 4) for end in found.information.interval],
        "model": found.model,
        "by_model": bits,
        "health": told,
    }
    return record, time.process_time() - begun


def main() -> None:
    """Print the table, or the comparison of CPU time."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patches", type=int, default=5000)
    options.add_argument("--models", nargs="+", help="density models; the default ones without it")
    options.add_argument("--only", help="part of a sensor's name")
    options.add_argument("--plain", action="store_true", help="state the noise as without a calibration, too")
    options.add_argument("--timing", action="store_true", help="compare CPU time with maps and by a plain camera")
    asked = options.parse_args()
    every = sensors(np.random.default_rng(0), asked.patches)
    if asked.timing:
        frames, maps, camera = every["offset map 2 DN, gain map 1 %, 1 % noisy pixels"]
        estimate_of(frames[:40], camera, asked.models)  # what is compiled once counts for neither
        seconds = {name: estimate_of(frames, noise, asked.models)[1] for name, noise in (("plain", camera), ("maps", maps))}
        print(json.dumps({"cpu_seconds": seconds, "ratio": seconds["maps"] / seconds["plain"]}))
        return
    for name, (frames, noise, plain) in every.items():
        if asked.only and asked.only not in name:
            continue
        record, seconds = estimate_of(frames, noise, asked.models)
        print(json.dumps({"sensor": name, "noise": "known", "cpu_seconds": round(seconds, 1)} | record), flush=True)
        if asked.plain:
            measured = ideal.from_arrays(frames, noise=plain, groups=np.arange(len(frames)))
            told = [each.name for each in measured.examination.findings]
            print(json.dumps({"sensor": name, "noise": "not calibrated", "health": told}), flush=True)


if __name__ == "__main__":
    main()

"""Shared by the benchmarks: Gaussian fields whose truth is known, time and memory, one line of JSON."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

LN2 = float(np.log(2))
TEXTURES = ("isotropic", "oblique")
_LENGTHS = {"isotropic": (4.0, 4.0), "oblique": (8.0, 1.5)}  # correlation lengths along the texture and across it, pixels
_ANGLE = np.deg2rad(30)  # of the texture with the rows: neither mirror image of it is the same texture


class GaussianField:
    """Patches of a Gaussian field, exponential in the distance, with white Gaussian noise: every entropy is known.

    Args:
        side: of a square patch, pixels.
        texture: "isotropic" or "oblique".
        mean: of every pixel.
        spread: standard deviation of the field.
        sigma: standard deviation of the noise.
        envelope: factor of the field's mean and spread for each pixel, (side, side), which makes it non-stationary.

    """

    def __init__(self, side, texture="isotropic", *, mean=200.0, spread=40.0, sigma=10.0, envelope=None):
        row, column = (axis.ravel() for axis in np.indices((side, side)))
        dy, dx = row[:, None] - row, column[:, None] - column
        along, across = _LENGTHS[texture]
        u, v = dx * np.cos(_ANGLE) + dy * np.sin(_ANGLE), dy * np.cos(_ANGLE) - dx * np.sin(_ANGLE)
        scale = np.ones(side * side) if envelope is None else np.asarray(envelope, dtype=float).ravel()
        self.side, self.sigma, self.mean = side, sigma, mean * scale
        self.signal = spread**2 * np.exp(-np.hypot(u / along, v / across)) * np.outer(scale, scale)
        self.covariance = self.signal + sigma**2 * np.eye(side * side)
        self.factor = np.linalg.cholesky(self.covariance)

    @property
    def values(self) -> int:
        """Pixels of a patch."""
        return self.side**2

    @property
    def entropy(self) -> float:
        """Entropy of a patch, nats."""
        return float(np.log(np.diag(self.factor)).sum() + 0.5 * self.values * np.log(2 * np.pi * np.e))

    @property
    def noise_entropy(self) -> float:
        """Entropy of a patch given its noiseless mean, nats."""
        return 0.5 * self.values * float(np.log(2 * np.pi * np.e * self.sigma**2))

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draw patches (count, side, side)."""
        rows = rng.standard_normal((count, self.values)) @ self.factor.T + self.mean
        return rows.reshape(count, self.side, self.side)

    def log_prob(self, patches) -> np.ndarray:
        """Return the true log-density, nats per patch."""
        from scipy.linalg import solve_triangular

        white = solve_triangular(self.factor, (patches.reshape(len(patches), -1) - self.mean).T, lower=True)
        return -0.5 * (white**2).sum(0) - np.log(np.diag(self.factor)).sum() - 0.5 * self.values * np.log(2 * np.pi)

    def cross_entropy(self, mean, covariance) -> float:
        """Return E[-ln q(patch)], nats, of the Gaussian q with this mean and covariance (values flattened)."""
        factor = np.linalg.cholesky(covariance)
        white = np.linalg.solve(factor, np.column_stack([self.factor, self.mean - np.ravel(mean)]))
        return float(0.5 * (white**2).sum() + np.log(np.diag(factor)).sum() + 0.5 * self.values * np.log(2 * np.pi))


def mean_and_error(values) -> tuple[float, float]:
    """Return the average and its standard error."""
    values = np.asarray(values, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def timed(call, repeats: int = 1):
    """Return the last result of a call and the median of its wall times, seconds."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - begun)
    return result, float(np.median(seconds))


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process, MB of 2**20 bytes."""
    from ideal._memory import peak_memory

    return peak_memory()


def rss_mb(usage) -> float:
    """Return the peak resident memory that `getrusage` or `wait4` reports, MB of 2**20 bytes."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def fresh_process(script: str, *arguments) -> tuple:
    """Run a script with this Python; return the JSON that it prints and the wall time from start to exit."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, script, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - begun
    return json.loads(done.stdout.splitlines()[-1]), seconds


def rounded(thing, digits: int = 5):
    """Return nested data with floats to so many significant digits."""
    if isinstance(thing, dict):
        return {str(key): rounded(value, digits) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [rounded(value, digits) for value in thing]
    if isinstance(thing, np.generic):
        thing = thing.item()
    return float(f"{thing:.{digits}g}") if isinstance(thing, float) else thing


def say(text: str) -> None:
    """Tell a person what goes on."""
    print(text, file=sys.stderr, flush=True)


def emit(name: str, result: dict) -> None:
    """Print the result as one line of JSON, with the machine, the day, the commit and a digest of the code that was measured."""
    from measured import commit, digest_of

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cpus": cpus}
    machine |= {"day": f"{datetime.date.today():%Y-%m-%d}", "commit": commit(), "code": digest_of(Path(sys.argv[0]).stem)}
    print(json.dumps({"benchmark": name, **rounded(result), **machine}), flush=True)


def parser(document: str) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring, with --seed and --quick."""
    found = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    found.add_argument("--quick", action="store_true", help="a smaller version, to see that it runs")
    return found

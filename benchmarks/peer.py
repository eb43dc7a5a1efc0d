r"""Times the published package `encoding_information` 0.1.1 in an environment of its own.

The package declares numpy only, and needs more. Two sets from PyPI that import and run under Python 3.11
on Linux x86-64; the first is of mid-2024, the second the newest when this was written:

    python3.11 -m venv peer
    peer/bin/pip install encoding_information==0.1.1 numpy==1.26.4 scipy==1.13.1 \
        jax==0.4.30 jaxlib==0.4.30 flax==0.8.5 optax==0.2.3 tensorstore==0.1.64 \
        tensorflow-cpu==2.16.2 pandas==2.2.3 matplotlib==3.9.2 cleanplots==0.5.31 tqdm

    python3.11 -m venv peer-new
    peer-new/bin/pip install encoding_information==0.1.1 numpy==2.4.6 scipy==1.17.1 \
        jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 optax==0.2.8 tensorflow-cpu==2.21.0 \
        pandas==3.1.1 matplotlib==3.11.2 cleanplots==0.5.31 tqdm

`pip check` is content with both. (flax brings tensorstore; the pin keeps it from asking for an ml_dtypes
that tensorflow 2.16 refuses. `image_utils` and `information_estimation` want cleanplots and pandas, the
Gaussian models do not.)

    peer/bin/python benchmarks/peer.py patches.npz [--limit-test N] [--skip-fit] ...

`patches.npz` holds `train` (N, h, w) and `test` (M, h, w), float32. One JSON line goes to standard output,
progress and the package's warnings to standard error. Nothing here imports `ideal`, and only the
package's public API is called, as its docstrings describe it: `StationaryGaussianProcess(images)`,
`.fit(images)`, `FullGaussianProcess(images)`, `.compute_negative_log_likelihood(images)`.

Each piece runs in a fresh process of the Python that runs this file:

- `import`: seconds and peak resident MB of `import encoding_information` (`package`, which loads next to
  nothing), of its module `models.gaussian_process` (`gaussian_process`, which loads jax, tensorflow and
  the rest), and of a bare interpreter (`bare`).
- `stationary`: the constructor (which makes the plug-in estimate), the likelihood of the test patches
  under that estimate, then on a new model `fit` with the package's defaults and the likelihood again.
  BLAS thread variables of the caller are removed: the package as it comes.
- `stationary_one_thread`: the same with OPENBLAS_NUM_THREADS=1 (no fit unless `--fit-one-thread`).
- `full`: the full Gaussian process, whose constructor is its fit.

Every `wall_s` and `cpu_s` list holds the first call in the process, compilation included, then the second;
`cpu_s` is processor time over all threads. The second constructor or fit is that of a new model on the
same patches; `fit` does not count its constructor. `nll` is the mean negative log
likelihood, nats per pixel, that the package reports, one per call. `peak_rss_mb` covers the whole process
of that piece, at the point it is read, and `process_wall_s` is that process from start to exit. A piece
that fails is `{"error": ...}` and the exit status is 1; the rest still run. With the first set on two cores,
a call now and then took many times as long as its neighbours: raise `--repeats` and take the median.

The package adds uniform noise on [0, 1) to every patch that `fit` and `compute_negative_log_likelihood`
get, floats too (it takes them for photon counts), while the constructors take the patches as they are.
By their signatures, constructors and `fit` floor the covariance's eigenvalues at 1e-3 too. Give patches in
count-like units, of a spread and a noise well above 1, or its likelihoods mean little. `--seed` goes to
`data_seed`, which fixes that noise; without it no two calls agree.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

MARK = "PEER-RESULT "
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "GOTO_NUM_THREADS")
PACKAGES = [
    "encoding_information",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "numpy",
    "scipy",
    "tensorflow-cpu",
    "tensorflow",
    "matplotlib",
    "pandas",
]


def peak_rss_mb():
    """Return the peak resident memory of this process since it began to run Python, in MB of 2**20 bytes."""
    # ru_maxrss of a child also counts what its parent held when it forked, VmHWM does not.
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def say(text):
    print(f"[peer] {text}", file=sys.stderr, flush=True)


class Times:
    """Wall and processor seconds of named calls, each name's calls in order."""

    def __init__(self):
        """Start with no calls."""
        self.record = {}

    def __call__(self, name, call):
        """Run `call`, wait for every array it left in the making, and keep how long that took."""
        import jax

        cpu, wall = time.process_time(), time.perf_counter()
        result = call()
        for array in jax.live_arrays():
            array.block_until_ready()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        entry = self.record.setdefault(name, {"wall_s": [], "cpu_s": []})
        entry["wall_s"].append(round(wall, 4))
        entry["cpu_s"].append(round(cpu, 4))
        say(f"{name}: {wall:.2f} s ({cpu:.2f} s of processor)")
        return result

    def likelihood(self, name, model, test, args):
        """Time the likelihood of `test` under `model` and keep its value."""
        for _ in range(args.repeats):
            value = self(
                name,
                lambda: float(model.compute_negative_log_likelihood(test, data_seed=args.seed, verbose=False)),
            )
            self.record[name].setdefault("nll", []).append(value)


def work_import(args):
    wall = time.perf_counter()
    if args.worker == "import-package":
        import encoding_information
    elif args.worker == "import-gaussian_process":
        import encoding_information.models.gaussian_process  # noqa: F401
    return {"wall_s": round(time.perf_counter() - wall, 4), "peak_rss_mb": peak_rss_mb()}


def load(args):
    import numpy as np

    with np.load(args.patches) as held:
        train, test = held["train"][: args.limit_train], held["test"][: args.limit_test]
    return train, test


def work_stationary(args, fit):
    from encoding_information.models.gaussian_process import StationaryGaussianProcess

    train, test = load(args)
    times = Times()
    for _ in range(args.repeats):
        model = times("construct", lambda: StationaryGaussianProcess(train))
    if not args.skip_likelihood:
        times.likelihood("likelihood_plugin", model, test, args)
    record = times.record
    record["peak_rss_mb_before_fit"] = peak_rss_mb()
    if fit:
        fits = []
        for _ in range(args.fit_repeats):
            model = StationaryGaussianProcess(train)
            history = times("fit", lambda m=model: m.fit(train, data_seed=args.seed, verbose=False))
            fits.append([float(loss) for loss in history])
        record["fit"]["epochs"] = [len(losses) for losses in fits]
        record["fit"]["validation_nll_best"] = [min(losses) for losses in fits]
        if not args.skip_likelihood:
            times.likelihood("likelihood_fitted", model, test, args)
    record["peak_rss_mb"] = peak_rss_mb()
    return record


def work_full(args):
    from encoding_information.models.gaussian_process import FullGaussianProcess

    train, test = load(args)
    times = Times()
    for _ in range(args.repeats):
        model = times("construct", lambda: FullGaussianProcess(train))
    with warnings.catch_warnings():  # `fit` of this model warns that there is nothing left to do
        warnings.simplefilter("ignore")
        model.fit(train)
    if not args.skip_likelihood:
        times.likelihood("likelihood", model, test, args)
    times.record["peak_rss_mb"] = peak_rss_mb()
    return times.record


def work(args):
    if args.worker.startswith("import-"):
        return work_import(args)
    if args.worker == "full":
        return work_full(args)
    return work_stationary(args, args.fit_one_thread if args.worker.endswith("thread") else not args.skip_fit)


def run_worker(name, extra=None):
    say(f"--- {name}")
    env = {key: value for key, value in os.environ.items() if key not in THREADS}
    env.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    env.update(extra or {})
    command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--worker", name]
    wall = time.perf_counter()
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True)
    wall = round(time.perf_counter() - wall, 3)
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return {**json.loads(line[len(MARK) :]), "process_wall_s": wall}
    return {"error": f"exit status {done.returncode}", "process_wall_s": wall}


def versions():
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def parse(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("patches", help=".npz file with `train` (N, h, w) and `test` (M, h, w)")
    parser.add_argument("--limit-train", type=int, metavar="N", help="use the first N train patches")
    parser.add_argument("--limit-test", type=int, metavar="N", help="use the first N test patches")
    parser.add_argument("--repeats", type=int, default=2, help="calls of each piece but the fit")
    parser.add_argument("--fit-repeats", type=int, default=2, help="fits of the stationary process")
    parser.add_argument("--seed", type=int, default=0, help="`data_seed` of fit and likelihood")
    parser.add_argument("--skip-import", action="store_true", help="do not measure the import")
    parser.add_argument("--skip-stationary", action="store_true", help="leave out `stationary`")
    parser.add_argument("--skip-one-thread", action="store_true", help="leave out `stationary_one_thread`")
    parser.add_argument("--skip-full", action="store_true", help="leave out `full`")
    parser.add_argument("--skip-fit", action="store_true", help="construct the stationary process, no `fit`")
    parser.add_argument("--skip-likelihood", action="store_true", help="no likelihoods anywhere")
    parser.add_argument("--fit-one-thread", action="store_true", help="also fit with one BLAS thread")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.repeats < 1 or args.fit_repeats < 1:
        parser.error("--repeats and --fit-repeats must be at least 1")
    if not Path(args.patches).is_file():
        parser.error(f"no such file: {args.patches}")
    return args


def npz_shapes(path, args):
    import numpy as np

    with np.load(path) as held:
        return {
            "train": [*held["train"][: args.limit_train].shape],
            "test": [*held["test"][: args.limit_test].shape],
        }


def main():
    args = parse()
    if args.worker:
        print(MARK + json.dumps(work(args)), flush=True)
        return
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "versions": versions(),
        "patches": npz_shapes(args.patches, args),
        "seed": args.seed,
    }
    if not args.skip_import:
        result["import"] = {name: run_worker(f"import-{name}") for name in ("bare", "package", "gaussian_process")}
    if not args.skip_stationary:
        result["stationary"] = run_worker("stationary")
    if not args.skip_one_thread:
        result["stationary_one_thread"] = run_worker("one-thread", {"OPENBLAS_NUM_THREADS": "1"})
    if not args.skip_full:
        result["full"] = run_worker("full")
    print(json.dumps(result))
    pieces = [*result.get("import", {}).values(), *(v for v in result.values() if isinstance(v, dict))]
    if any("error" in piece for piece in pieces):
        sys.exit(1)


if __name__ == "__main__":
    main()

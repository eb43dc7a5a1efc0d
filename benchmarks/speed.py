"""Seconds and memory of the parts a user waits for, each in a fresh process, compilation included.

`fit_and_score`: the stationary fit to 5,000 training patches and the score of 1,000 test patches, `process_s` from the start
of Python to its exit and `work_s` without the imports and the reading. `likelihood_s`: of 1,000 patches alone, factorisation
included. `import`: seconds and peak memory of `import ideal` and its `estimate`. `help_s`: wall time of `ideal --help`.
All are medians. With `--peer PYTHON`, benchmarks/peer.py runs under that interpreter on the same patches and `ratios` says how
many times longer the authors' package takes, in the median of its repeats; its likelihood is timed on fewer patches and scaled.
Its fit takes minutes at 32x32 and is run only with `--peer-fit`.

    python benchmarks/speed.py --peer peer/bin/python --peer-fit
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import TEXTURES, GaussianField, emit, fresh_process, parser, peak_rss_mb, say, timed

FIT_TARGETS = {16: 2.0, 32: 20.0}
PEER_IMPORT_S, PEER_IMPORT_MB = 3.6, 740
HERE = Path(__file__).resolve()


def work_import():
    def load():
        import ideal.information.estimation  # noqa: F401

    _, seconds = timed(load)
    return {"information_s": seconds, "peak_rss_mb": peak_rss_mb()}


def work_fit(path, compared, repeats=9):
    """Fit and score, then time the likelihood of models that have not been used yet."""
    begun = time.perf_counter()
    from ideal.density import StationaryGaussian, load

    imported = time.perf_counter() - begun
    with np.load(path) as held:
        train, test = held["train"], held["test"]
    (model, loss), seconds = timed(lambda: score(StationaryGaussian.fit(0, train, test), test))
    _, second = timed(lambda: score(StationaryGaussian.fit(0, train, test), test))
    found = {"import_s": imported, "work_s": seconds, "second_work_s": second, "nll_nat_per_pixel": loss}
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.h5")
        times = []
        for _ in range(repeats):
            fresh = load(Path(folder) / "model.h5")
            times.append(timed(lambda fresh=fresh: fresh.log_prob(test))[1])
    found["first_likelihood_s"], found["likelihood_s"] = times[0], float(np.median(times))
    found["likelihood_again_s"] = timed(lambda: fresh.log_prob(test), repeats)[1]
    # The peer adds uniform noise to all patches: its loss is to be compared with this one.
    rng = np.random.default_rng(0)
    noisy = [patches + rng.random(patches.shape) for patches in (train, test)]
    found["nll_with_uniform_noise"] = score(StationaryGaussian.fit(0, noisy[0], noisy[1]), noisy[1][:compared])[1]
    return found | {"peak_rss_mb": peak_rss_mb()}


def work_fit_once(path):
    from ideal.density import StationaryGaussian

    with np.load(path) as held:
        train, test = held["train"], held["test"]
    (_, loss), seconds = timed(lambda: score(StationaryGaussian.fit(0, train, test), test))
    return {"work_s": seconds, "nll_nat_per_pixel": loss, "peak_rss_mb": peak_rss_mb()}


def score(model, test):
    return model, float(-model.log_prob(test).mean() / np.prod(test.shape[1:]))


def median_of(runs, key):
    return float(np.median([run[key] for run in runs]))


def measure_import(repeats):
    """Import in bare processes, where nothing else is loaded before."""
    code = (
        "import time; t = time.perf_counter(); import ideal; a = time.perf_counter(); import ideal.information.estimation; "
        "b = time.perf_counter(); print(a - t, b - t)"
    )
    seconds = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        seconds.append([float(word) for word in done.stdout.split()])
    memory, _ = fresh_process(str(HERE), "--worker", "import")
    only, both = np.median(seconds, axis=0)
    met = bool(both < PEER_IMPORT_S / 3 and memory["peak_rss_mb"] < PEER_IMPORT_MB / 3)
    return {"ideal_s": only, "with_information_s": both, "peak_rss_mb": memory["peak_rss_mb"], "met": met}


def measure_help(repeats):
    script = Path(sysconfig.get_path("scripts")) / "ideal"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "ideal.cli"]
    quiet = {"stdout": subprocess.DEVNULL, "check": True}
    _, seconds = timed(lambda: subprocess.run([*command, "--help"], **quiet), repeats)
    return seconds


def measure_patches(side, args, folder):
    rng = np.random.default_rng([args.seed, side])
    field = GaussianField(side, args.texture)
    path = Path(folder) / f"patches-{side}.npz"
    train, test = field.sample(rng, args.train), field.sample(rng, args.test)
    np.savez(path, train=train.astype(np.float32), test=test.astype(np.float32))
    runs = []
    for _ in range(args.repeats):
        run, seconds = fresh_process(str(HERE), "--worker", "fit-once", "--patches", path)
        runs.append(run | {"process_s": seconds})
    detail, _ = fresh_process(str(HERE), "--worker", "fit", "--patches", path, "--peer-test", args.peer_test)
    found = {"side": side, "process_s": median_of(runs, "process_s"), "work_s": median_of(runs, "work_s")}
    found |= {key: detail[key] for key in ("first_likelihood_s", "likelihood_s", "likelihood_again_s", "second_work_s")}
    found |= {"nll_nat_per_pixel": detail["nll_nat_per_pixel"], "nll_with_uniform_noise": detail["nll_with_uniform_noise"]}
    found["fit_only_s"] = found["work_s"] - found["likelihood_s"]
    found["peak_rss_mb"] = median_of(runs, "peak_rss_mb")
    found["met"] = found["process_s"] < FIT_TARGETS.get(side, np.inf)
    say(f"{side}x{side}: {found['process_s']:.2f} s in all, {found['work_s']:.2f} s of it fit and score")
    if args.peer:
        found["peer"], found["ratios"] = compare(found, path, side, args)
    return found


def compare(ours, path, side, args):
    """Run the authors' package on the same patches; return its medians and how many times ours they are."""
    flags = ["--limit-test", args.peer_test, "--repeats", args.peer_repeats, "--fit-repeats", 1, "--skip-import", "--skip-full"]
    flags += [] if args.peer_fit else ["--skip-fit"]
    command = [args.peer, str(HERE.with_name("peer.py")), str(path), *map(str, flags)]
    environment = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_NUM_THREADS", "XLA_FLAGS")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    scale = args.test / min(args.peer_test, args.test)
    plain, single = (said[name]["likelihood_plugin"] for name in ("stationary", "stationary_one_thread"))
    peer = {
        "construct_s": said["stationary"]["construct"]["wall_s"],
        "likelihood_s": scale * float(np.median(plain["wall_s"])),
        "likelihood_one_thread_s": scale * float(np.median(single["wall_s"])),
        "nll_nat_per_pixel": plain["nll"][-1],
        "test_patches": min(args.peer_test, args.test),
    }
    key = "fitted_nll" if args.peer_fit else "nll_nat_per_pixel"
    ratios = {
        "likelihood": peer["likelihood_s"] / ours["likelihood_s"],
        "likelihood_one_thread": peer["likelihood_one_thread_s"] / ours["likelihood_s"],
    }
    if args.peer_fit:
        peer["fit_s"] = said["stationary"]["fit"]["wall_s"][0]
        peer["fitted_nll"] = said["stationary"]["likelihood_fitted"]["nll"][-1]
        ratios["fit"] = (peer["construct_s"][0] + peer["fit_s"]) / ours["fit_only_s"]
        ratios["fit_without_construction"] = peer["fit_s"] / ours["fit_only_s"]
    # Its uniform noise is another one: on 200 patches of 16x16 differences below 2e-4 are chance.
    ratios["loss_below_peer_nat_per_pixel"] = peer[key] - ours["nll_with_uniform_noise"]
    if side == 32:
        ratios["met"] = ratios["likelihood"] >= 100 and ratios["likelihood_one_thread"] >= 10
    return peer, ratios


def main():
    options = parser(__doc__)
    options.add_argument("--sides", type=int, nargs="+", default=[16, 32], help="of the patches (default: 16 32)")
    options.add_argument("--texture", choices=TEXTURES, default="isotropic", help="of the patches (default: isotropic)")
    options.add_argument("--train", type=int, default=5000, help="training patches (default: 5000)")
    options.add_argument("--test", type=int, default=1000, help="patches scored (default: 1000)")
    options.add_argument("--repeats", type=int, default=5, help="fresh processes of each kind (default: 5)")
    options.add_argument("--peer", metavar="PYTHON", help="interpreter that has the authors' package; see benchmarks/peer.py")
    options.add_argument("--peer-fit", action="store_true", help="also run its fit")
    options.add_argument("--peer-test", type=int, default=200, help="patches of which its likelihood is timed (default: 200)")
    options.add_argument("--peer-repeats", type=int, default=5, help="of its likelihood (default: 5)")
    options.add_argument("--worker", choices=["import", "fit", "fit-once"], help="for the script's own use")
    options.add_argument("--patches", help="for the script's own use")
    args = options.parse_args()
    if args.worker:
        work = {
            "import": work_import,
            "fit": lambda: work_fit(args.patches, args.peer_test),
            "fit-once": lambda: work_fit_once(args.patches),
        }
        print(json.dumps(work[args.worker]()))
        return
    if args.quick:
        args.sides, args.repeats, args.peer_repeats = args.sides[:1], 1, 1
    help_s = measure_help(9)
    result = {"help_s": help_s, "help_met": help_s < 0.3}
    result["import"] = measure_import(args.repeats)
    say(f"ideal --help: {help_s:.3f} s; import: {result['import']['with_information_s']:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        result["fit_and_score"] = [measure_patches(side, args, folder) for side in args.sides]
    emit("speed", result | {"texture": args.texture, "train": args.train, "test": args.test, "repeats": args.repeats})


if __name__ == "__main__":
    main()

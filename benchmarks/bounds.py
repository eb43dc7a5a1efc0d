"""How tight the trained models are: set A against processor time, little light, known truths, a color mosaic.

`curve`: bound on set A (grey CIFAR-10, 16x16, 100 photons) against the CPU seconds of a fresh process, set-up and compilation
included, model by model; with --plot a figure. `light`: CIFAR-10 at 1 and 5 photons: mass on whole counts against a density of
dequantised ones, and H(Y|X) from counts alone against that from clean means. `chain`: two-state Markov chains along rows seen
through Poisson noise, whose entropy the forward recursion gives. `images`: 16 fixed 8x8 images in Gaussian noise, truth by Monte
Carlo. `mosaic`: a random 8x8 pattern of red, green, blue and white filters on photographs, with and without its phase.
`restarts`: spread of the bound on set A over seeds.

The curve, light, mosaic and restarts need the data folder named by IDEAL_DATA.

    IDEAL_DATA=... python benchmarks/bounds.py --parts curve --plot bounds.png
"""

import json
import os
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from _common import LN2, emit, fresh_process, mean_and_error, parser, say
from scipy.special import logsumexp

from ideal.density import MODELS, Fitting, Sensor
from ideal.noise import Poisson

COUNTS = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0))
# Models of each run of the curve with their efforts; a blend comes after what it blends.
RUNS = {
    "stationary": [{"stationary": 1}],
    "full": [{"stationary": 1, "full": 1}],
    "negative-binomial": [{"negative-binomial": 1}],
    "causal-mixture": [{"causal-mixture": effort} for effort in (0.25, 0.5, 1, 3, 6, 12)],
    "pixel-cnn": [{"pixel-cnn": effort} for effort in (0.5, 1, 2, 4, 8)],
    "blend": [
        {"causal-mixture": 1, "pixel-cnn": 1, "blend": 1},
        {"causal-mixture": 3, "pixel-cnn": 2, "blend": 1},
        {"causal-mixture": 6, "pixel-cnn": 6, "blend": 1},
    ],
}
LONGEST = {"causal-mixture": 12, "pixel-cnn": 30, "blend": 1}  # 20 minutes of two cores
TARGETS = {25: 0.917, 200: 0.880}


def data_folder() -> Path:
    """Return the folder named by IDEAL_DATA."""
    if "IDEAL_DATA" not in os.environ:
        raise SystemExit("this part needs the data folder: set IDEAL_DATA")
    return Path(os.environ["IDEAL_DATA"])


def fit(name, data, sensor=COUNTS, seed=0, effort=1.0, fitted=None, **more):
    """Fit a model to (train, validation) as an estimate does: continuous models see dequantised values."""
    model = MODELS[name]
    return model.fit(seed, *data, fitted=fitted or {}, sensor=sensor, fitting=Fitting(effort=effort), **more)


def dequantised(data, seed=0):
    rng = np.random.default_rng([seed, 99])
    return [part + rng.random(part.shape) - 0.5 for part in data]


def set_a():
    """Return training, validation and test counts and the test's means."""
    import h5py

    with h5py.File(data_folder() / "set_a.h5") as file:
        parts = [file[name][:].astype(float) for name in ("train", "validation")]
        return *parts, file["test"][:1000].astype(float), file["test_clean"][:1000].astype(float)


def worker(models: dict, seed: int) -> None:
    """Fit models to set A in this process and print each one's bound and the CPU seconds spent so far."""
    train, validation, test, clean = set_a()
    noise = Poisson().conditional_entropy(test, clean)
    raw, smooth = (train, validation, test), dequantised((train, validation, test), seed)
    fitted = {}
    for name, effort in models.items():
        data = raw if MODELS[name].discrete else smooth
        fitted[name] = fit(name, data[:2], seed=seed, effort=effort, fitted=fitted)
        cpu = time.process_time()
        value, error = mean_and_error((-fitted[name].log_prob(data[2]) - noise) / (LN2 * 256))
        held_out = -fitted[name].log_prob(data[1]).mean() / (LN2 * 256)
        point = {"model": name, "efforts": models, "cpu_seconds": cpu, "bits_per_pixel": value, "standard_error": error}
        print(json.dumps(point | {"validation_loss": held_out}), flush=True)


def curve(args):
    points = []
    runs = [run for each in RUNS.values() for run in each]
    if args.longest:
        runs.append(LONGEST)
    if args.quick:
        runs = [{"stationary": 1}, {"causal-mixture": 0.25}]
    for models in runs:
        found, seconds = fresh_process(__file__, "--worker", json.dumps(models), "--seed", args.seed)
        points.append(found | {"wall_seconds": seconds})
        say(f"{models}: {found['bits_per_pixel']:.4f} bit/pixel after {found['cpu_seconds']:.0f} CPU s")
    if args.plot:
        draw(points, args.plot)
    met = {
        str(limit): min((p["bits_per_pixel"] for p in points if p["cpu_seconds"] <= limit), default=np.inf) <= target
        for limit, target in TARGETS.items()
    }
    return {"points": points, "targets": TARGETS, "met": met}


def draw(points, path):
    """Draw the bound against CPU seconds, a line a model."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    markers = dict(zip(RUNS, "osD^vP", strict=True))
    for name, marker in markers.items():
        mine = sorted((p["cpu_seconds"], p["bits_per_pixel"]) for p in points if p["model"] == name)
        if mine:
            axes.plot(*zip(*mine, strict=True), marker=marker, markersize=5, linewidth=1.2, label=name)
    published = ((163, 1.039), (275, 0.966), (445, 0.917))
    axes.plot(*zip(*published, strict=True), "x--", color="0.4", linewidth=1, label="gated PixelCNN of the published kind")
    axes.set(xscale="log", xlabel="CPU seconds of the process, set-up and compilation included")
    axes.set_ylabel("bound on the information, bits per pixel")
    axes.set_title("Grey CIFAR-10, 16x16, 100 photons, 10,000 training patches", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)


def cifar(photons, seed):
    """Return train, validation and test counts and the test's means: one 16x16 crop of each image, as set A."""
    import io

    import h5py
    from PIL import Image

    rng = np.random.default_rng([seed, 5])
    with h5py.File(data_folder() / "cifar10.h5") as file:
        packed = [
            data[start:stop].tobytes()
            for data, offsets in ((file[f"{part}/bytes"][:], file[f"{part}/offsets"][:]) for part in ("jpeg_test", "jpeg_train"))
            for start, stop in pairwise(offsets)
        ]
    crops = np.empty((12_000, 16, 16))
    for number, crop in enumerate(crops):
        picture = np.asarray(Image.open(io.BytesIO(packed[number])), dtype=float)
        row, column = rng.integers(0, 17, 2)
        crop[:] = picture.mean(-1)[row : row + 16, column : column + 16]
    means = crops * (photons / crops.mean())
    counts = rng.poisson(means).astype(float)
    return counts[:10_000], counts[10_000:11_000], counts[11_000:], means[11_000:]


def light(args):
    cases = []
    for photons in (1, 5):
        train, validation, test, clean = cifar(photons, args.seed)
        noise = Poisson()
        truth = noise.conditional_entropy(test, clean)
        alone = noise.conditional_entropy(test, means=noise.fit_means(np.concatenate([test, train[:8000]])))
        found = {}
        for head, data, sensor in (
            ("discretised", (train, validation, test), COUNTS),
            ("dequantised", dequantised((train, validation, test)), Sensor(noise_variance=(1 / 12, 1.0))),
        ):
            model = fit("causal-mixture", data[:2], sensor, args.seed, args.effort)
            found[head] = mean_and_error((-model.log_prob(data[2]) - truth) / (LN2 * 256))
        gain = found["dequantised"][0] - found["discretised"][0]
        gap = float((alone - truth).mean() / (LN2 * 256))
        case = {"photons": photons, "discretised": found["discretised"], "dequantised": found["dequantised"], "gain": gain}
        cases.append(case | {"noise_entropy_gap": gap, "met": gain >= 0.01 and abs(gap) <= 0.01})
        say(f"{photons} photons: discretised {gain:.4f} bit/pixel below dequantised; H(Y|X) alone {gap:+.4f} off")
    return cases


def chain(args):
    """Two states with means 2 and 20, kept with probability 0.9 from one pixel to the next along each row."""
    means, stay = np.array([2.0, 20.0]), 0.9
    rng = np.random.default_rng([args.seed, 6])

    def draw_rows(count):
        states = np.empty((count, 16, 16), dtype=int)
        states[:, :, 0] = rng.integers(0, 2, (count, 16))
        for column in range(1, 16):
            states[:, :, column] = states[:, :, column - 1] ^ (rng.random((count, 16)) > stay)
        return rng.poisson(means[states]).astype(float)

    def log_prob(counts):
        like = np.exp(Poisson().log_prob(counts[..., None], means))
        forward, total = np.full((*counts.shape[:2], 2), 0.5), 0.0
        step = np.array([[stay, 1 - stay], [1 - stay, stay]])
        for column in range(counts.shape[2]):
            joint = (forward if column == 0 else forward @ step) * like[:, :, column]
            total = total + np.log(joint.sum(-1))
            forward = joint / joint.sum(-1, keepdims=True)
        return total.sum(1)

    train, validation, test = draw_rows(10_000), draw_rows(1000), draw_rows(2000)
    cases = []
    for name in ("negative-binomial", "causal-mixture", "pixel-cnn"):
        model = fit(name, (train, validation), COUNTS, args.seed, args.effort)
        value, error = mean_and_error((log_prob(test) - model.log_prob(test)) / (LN2 * 256))
        cases.append({"model": name, "excess": value, "standard_error": error, "met": -error < value <= 0.01})
        say(f"Markov chain, {name}: {value:+.5f} +- {error:.5f} bit/pixel above the truth")
    return cases


def images(args):
    """Sixteen 8x8 images of white noise in Gaussian noise that leaves about 2 of their 4 bits."""
    rng = np.random.default_rng([args.seed, 7])
    pictures, sigma = rng.standard_normal((16, 8, 8)), 4.2
    noise = 32 * np.log(2 * np.pi * np.e * sigma**2)

    def draw(count):
        return pictures[rng.integers(0, 16, count)] + sigma * rng.standard_normal((count, 8, 8))

    def log_prob(y):
        score = -((y[:, None] - pictures) ** 2).sum((2, 3)) / (2 * sigma**2)
        return logsumexp(score, axis=1) - np.log(16) - 32 * np.log(2 * np.pi * sigma**2)

    truth, error = mean_and_error((-log_prob(draw(200_000)) - noise) / LN2)
    train, validation, test = (draw(count) for count in (10_000, 1000, 4000))
    cases, fitted = [], {}
    for name in ("stationary", "full", "gaussian-mixture", "causal-mixture", "pixel-cnn"):
        sensor = Sensor(noise_variance=(sigma**2, 0.0))
        fitted[name] = fit(name, (train, validation), sensor, args.seed, args.effort, fitted)
        # On the same measurements as the true density: the rest of the scatter is the noise's and cancels.
        excess, spread = mean_and_error((log_prob(test) - fitted[name].log_prob(test)) / LN2)
        held_out = float(-fitted[name].log_prob(validation).mean())
        cases.append({"model": name, "bits": truth + excess, "excess": excess, "standard_error": spread, "validation": held_out})
        say(f"16 images, {name}: {excess:+.3f} +- {spread:.3f} bit above the truth, {truth:.3f}")
    best = min(cases, key=lambda case: case["validation"])
    met = best["excess"] <= 0.3 and best["bits"] <= 4 + 2 * best["standard_error"]
    return {"truth": truth, "truth_error": error, "models": cases, "best": best["model"], "met": met}


def mosaic(args):
    """A random 8x8 pattern of red, green, blue and white filters over photographs, 300 photons on average."""
    import h5py

    from ideal.datasets.photographs import linear_light

    rng = np.random.default_rng([args.seed, 8])
    pattern = rng.permutation(np.repeat(np.arange(4), 16)).reshape(8, 8)
    filters = np.vstack([np.eye(3), np.full((1, 3), 1.0)])[pattern]  # white takes all three bands
    counts, means, groups = [], [], []
    with h5py.File(data_folder() / "natural_rgb.h5") as file:
        pictures = [picture for name in ("kodak", "mcmaster", "bsds500_half") for picture in file[f"{name}/images"][:]]
    for number, picture in enumerate(pictures):
        light = linear_light(picture)
        rows, columns = (8 * (side // 8) for side in light.shape[:2])
        seen = (light[:rows, :columns] * np.tile(filters, (rows // 8, columns // 8, 1))).sum(-1)
        tiles = seen[: rows // 16 * 16, : columns // 16 * 16].reshape(rows // 16, 16, columns // 16, 16).swapaxes(1, 2)
        tiles = tiles.reshape(-1, 16, 16)
        tiles = tiles[rng.permutation(len(tiles))[:60]] * (300 / seen.mean())
        means.append(tiles)
        counts.append(rng.poisson(tiles).astype(float))
        groups.append(np.full(len(tiles), number))
    counts, means, groups = np.concatenate(counts), np.concatenate(means), np.concatenate(groups)
    part = groups % 10
    train, validation, test = counts[part > 1], counts[part == 1], counts[part == 0]
    noise = Poisson().conditional_entropy(test, means[part == 0])
    found = {}
    for label, period in (("without phase", (1, 1)), ("with phase", (8, 8))):
        sensor = Sensor(step=1.0, lowest=0.0, noise_variance=(0.0, 1.0), period=period)
        for name in ("causal-mixture", "pixel-cnn"):
            model = fit(name, (train, validation), sensor, args.seed, args.effort)
            found[f"{name} {label}"] = mean_and_error((-model.log_prob(test) - noise) / (LN2 * 256))
            say(f"mosaic, {name} {label}: {found[f'{name} {label}'][0]:.4f} bit/pixel")
    smooth = dequantised((train, validation, test))
    for name in ("stationary", "full"):
        model = fit(name, smooth[:2], COUNTS, args.seed)
        found[name] = mean_and_error((-model.log_prob(smooth[2]) - noise) / (LN2 * 256))
        say(f"mosaic, {name}: {found[name][0]:.4f} bit/pixel")
    # One Gaussian for each phase, pixels independent.
    fine = [each.reshape(-1, 2, 8, 2, 8).transpose(0, 1, 3, 2, 4).reshape(-1, 64) for each in (smooth[0], smooth[2])]
    mean, variance = fine[0].mean(0), fine[0].var(0)
    losses = 0.5 * (np.log(2 * np.pi * variance) + (fine[1] - mean) ** 2 / variance).sum(1).reshape(-1, 4).sum(1)
    found["marginals"] = mean_and_error((losses - noise) / (LN2 * 256))
    met = all(
        found[f"{name} with phase"][0] < min(found[f"{name} without phase"][0], found["marginals"][0])
        for name in ("causal-mixture", "pixel-cnn")
    )
    return {"patches": [len(train), len(validation), len(test)], "bits_per_pixel": found, "met": met}


def restarts(args):
    values = []
    for seed in range(5):
        found, _ = fresh_process(__file__, "--worker", json.dumps({"causal-mixture": 1}), "--seed", seed)
        values.append(found["bits_per_pixel"])
        say(f"seed {seed}: {values[-1]:.4f} bit/pixel")
    spread = max(values) - min(values)
    return {"bits_per_pixel": values, "spread": spread, "met": spread < 0.01}


def main():
    options = parser(__doc__)
    options.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to run (default: all)")
    options.add_argument("--effort", type=float, default=1.0, help="of the fits, the curve's apart (default: 1)")
    options.add_argument("--plot", metavar="FILE", help="draw the curve")
    options.add_argument("--longest", action="store_true", help="let the curve go on to 20 minutes of two cores")
    options.add_argument("--worker", metavar="JSON", help="fit these models to set A in this process (the curve's own use)")
    args = options.parse_args()
    if args.worker:
        worker(json.loads(args.worker), args.seed)
        return
    if args.quick:
        args.effort = min(args.effort, 0.1)
    emit("bounds", {part: PARTS[part](args) for part in args.parts})


PARTS = {"curve": curve, "light": light, "chain": chain, "images": images, "mosaic": mosaic, "restarts": restarts}

if __name__ == "__main__":
    main()

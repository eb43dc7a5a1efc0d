"""Which target makes a good color sensor: mosaics of 8x8 filters (R, G, B, white) for photographs, 1000 photons on white.

Each target has its mosaic designed by the closed form in a fresh process, from one random start: `seconds` are those of the
design, from the statistics of the scenes on, its compilation and local search included. These, the named mosaics, random ones and
random ones of uneven shares are then compared on pictures that no design has seen:

`information`: of Gaussian scenes, about each target, bits per pixel.
`psnr`: of the linear decoder of least mean square error, fitted to other pictures, from fresh counts: dB of each picture, mean
    and interval over the pictures; `psnr_over_bayer` is paired.
`bits`: re-measured by a density fitted to fresh counts, with an interval; `total_over` and `over_bayer` are paired differences
    of the design for total information from the others, and of all from Bayer's.
`correlation`: Spearman's, of the information about each target with the PSNR over all mosaics, with a bootstrap interval over the
    mosaics; `alike` is that over mosaics of no or few white pixels alone (up to 24 of 64).

    IDEAL_DATA=... python benchmarks/mosaics.py > mosaics.json
    python benchmarks/mosaics.py --from mosaics.json --plot docs/information-and-task.png
"""

import json
import os
import time
from pathlib import Path

import numpy as np
from _common import emit, fresh_process, parser, say

PHOTONS = 1000.0
BORDER = 4  # pixels of a patch's edge that the decoder is not judged by
LETTERS = "RGBW"
TARGETS = ("total", "color", "mse", "chroma", "chroma + 0.6 luminance")
JUDGED = ("total", "luminance", "chroma", "color", "mse", "red", "green", "blue")
SUMS = {"red + green + blue": {"red": 1.0, "green": 1.0, "blue": 1.0}}  # what follows from those
SUMS |= {f"chroma + {share:g} luminance": {"chroma": 1.0, "luminance": share} for share in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)}
COMPARED = ("bayer", "rgbw-bayer", "rgbw-kodak", "random 0", "random 1", "random 2", "white")
FEW_WHITE = 24
SOURCES = ("kodak", "bsds500", "mcmaster")  # where there is IDEAL_DATA; what a density has to be fitted to is never enough


class World:
    """Pictures in three parts, exposed, and the sensor that looks at them."""

    def __init__(self, count, seed):
        from ideal.datasets import make_objects
        from ideal.imaging import make_system
        from ideal.optimize.objects import Part, divide

        self.system = make_system("color-filter-array")
        self.pictures = SOURCES if os.environ.get("IDEAL_DATA") else ("photographs",)
        parts = []
        for number, name in enumerate(self.pictures):
            source = make_objects(name).open(self.system.scene, seed)
            read = source.read(0, max(20, count * source_share(name) // 100))
            parts.append((read.scenes, read.groups + 1000 * number))
        scenes, groups = (np.concatenate(each) for each in zip(*parts, strict=True))
        self.division = divide(Part(scenes, None, groups), len(scenes), seed)
        self.exposure = np.float32(PHOTONS / self.system.brightness(self.division.design.scenes).mean())

    def scenes(self, part):
        """Return the exposed scenes of a part, (sample, row, column, channel)."""
        return getattr(self.division, part).scenes * self.exposure

    def params(self, rows):
        """Return a mosaic as parameters from its rows of letters."""
        return {"filters": np.eye(len(LETTERS), dtype=np.float32)[[[LETTERS.index(each) for each in row] for row in rows]]}


def source_share(name):
    return {"kodak": 55, "bsds500": 25, "mcmaster": 20}.get(name, 100)


def rows_of(params):
    return ["".join(LETTERS[each] for each in row) for row in np.asarray(params["filters"]).argmax(-1)]


def design(target, args):
    """Design a mosaic for a target in this process; print it and the seconds that it took."""
    from ideal.noise import Poisson
    from ideal.optimize import Ascent, Task, parse_target
    from ideal.optimize.design import find_design

    world = World(args.count, args.seed)
    scenes = {part: world.scenes(part) for part in ("design", "choose")}
    wall, processor = time.perf_counter(), time.process_time()
    wanted = parse_target(target, world.system.scene)
    task = Task(world.system, Poisson(), scenes["design"], scenes["choose"], target=wanted)
    steps = 10 if args.quick else args.steps
    found = find_design(task, "gaussian", starts=["random"], ascent=Ascent(steps=steps), search=not args.quick, seed=args.seed)
    took = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - processor}
    print(json.dumps({"mosaic": rows_of(found.params), **took}))


def mosaics(args, world):
    """Return all mosaics as rows of letters by name, and what it took to design them."""
    found = {name: rows_of(world.system.design(name)) for name in world.system.designs if name != "random"}
    rng = np.random.default_rng(args.seed)
    for number in range(2 if args.quick else 8):
        found[f"random {number}"] = rows_of(world.system.design("random", number))
    for number in range(2 if args.quick else 12):
        drawn = rng.choice(len(LETTERS), (8, 8), p=rng.dirichlet(np.ones(len(LETTERS))))
        found[f"uneven {number}"] = ["".join(LETTERS[each] for each in row) for row in drawn]
    took = {}
    for target in args.targets:
        passed = ["--design", target, "--count", args.count, "--seed", args.seed, "--steps", args.steps]
        one, process = fresh_process(str(Path(__file__)), *passed, *(["--quick"] if args.quick else []))
        found[f"for {target}"] = one.pop("mosaic")
        took[target] = one | {"process_seconds": process}
        say(f"for {target}: {counts(found[f'for {target}'])} in {one['seconds']:.1f} s ({one['cpu_seconds']:.1f} s of processor)")
    for each in args.add:
        name, rows = each.split("=")
        found[name] = rows.split("/")
    return found, took


def counts(rows):
    return {letter: "".join(rows).count(letter) for letter in LETTERS}


def informations(world, found):
    """Return the information of Gaussian scenes by mosaic and target, bits per pixel."""
    import jax
    import jax.numpy as jnp

    from ideal.noise import Poisson
    from ideal.optimize import Task, find_objective, parse_target

    scenes = world.scenes("measure")
    told = {name: {} for name in found}
    with jax.enable_x64(True):
        for target in JUDGED:
            wanted = parse_target(target, world.system.scene)
            gain = jax.jit(find_objective("gaussian")(Task(world.system, Poisson(), scenes, scenes, target=wanted)).gain)
            for name, rows in found.items():
                params = {"filters": jnp.asarray(world.params(rows)["filters"], jnp.float64)}
                told[name][target] = float(gain(params))
    for name in found:
        told[name] |= {target: sum(share * told[name][each] for each, share in parts.items()) for target, parts in SUMS.items()}
    return told


def decoded(world, found, args):
    """Return the PSNR of each picture, dB, by mosaic: (picture,)."""
    from ideal.decoders import LinearDecoder
    from ideal.noise import Poisson

    known = np.concatenate([world.scenes("design"), world.scenes("choose")])
    part = world.division.measure
    some = np.random.default_rng(args.seed).permutation(len(part.scenes))[: 200 if args.quick else 3000]
    scenes, groups = part.scenes[some] * world.exposure, part.groups[some]
    names, owner = np.unique(groups, return_inverse=True)
    inner = (slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    peak = float(known.max())
    psnr = {}
    for number, (name, rows) in enumerate(found.items()):
        params = world.params(rows)
        decoder = LinearDecoder.fit(world.system, params, Poisson(), known)
        measured = np.random.default_rng([args.seed, number]).poisson(world.system.images(params, scenes))
        error = ((decoder.decode(measured) - scenes)[inner] ** 2).reshape(len(scenes), -1).mean(1)
        psnr[name] = 10 * np.log10(peak**2 / (np.bincount(owner, error) / np.bincount(owner)))
    return psnr, len(names)


def over_pictures(values, seed):
    """Return the mean and its 95 % bootstrap interval."""
    rng = np.random.default_rng(seed)
    means = np.asarray(values)[rng.integers(0, len(values), (2000, len(values)))].mean(1)
    return [float(np.mean(values)), *np.quantile(means, (0.025, 0.975)).tolist()]


def correlations(told, psnr, names, seed):
    """Return Spearman's correlation of each target's information with the PSNR, with a bootstrap interval over mosaics."""
    from scipy.stats import spearmanr

    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, len(names), len(names)) for _ in range(1000)]
    quality, found = np.array([psnr[name].mean() for name in names]), {}
    for target in (*JUDGED, *SUMS):
        bits = np.array([told[name][target] for name in names])
        again = [spearmanr(bits[draw], quality[draw])[0] for draw in draws]
        found[target] = [float(spearmanr(bits, quality)[0]), *np.nanquantile(again, (0.025, 0.975)).tolist()]
    return found


def remeasured(world, found, args):
    """Return bits per pixel with intervals, and the differences from two designs, paired by picture."""
    from ideal.information.estimation import compare
    from ideal.noise import Poisson
    from ideal.optimize.evaluation import evaluate

    names = [f"for {target}" for target in args.targets] + [name for name in COMPARED if name in found]
    names += [each.split("=")[0] for each in args.add]
    designs = {name: world.params(found[name]) for name in names}
    models = ("full",) if args.quick else ("full", "causal-mixture")
    measured = evaluate(
        world.system, designs, Poisson(), world.division.measure, float(world.exposure), models=models, effort=args.effort
    ).estimates

    def over(first, second):
        found = compare(measured[first], measured[second], seed=args.seed)
        return [found.difference_bits_per_pixel, *found.interval]

    bits = {name: [each.information_bits_per_pixel, *each.interval, each.model] for name, each in measured.items()}
    total = {name: over("for total", name) for name in names if name != "for total"} if "for total" in names else {}
    return {"bits": bits, "total_over": total, "over_bayer": {name: over(name, "bayer") for name in names if name != "bayer"}}


def compare_all(args):
    world = World(args.count, args.seed)
    found, took = mosaics(args, world)
    told = informations(world, found)
    psnr, pictures = decoded(world, found, args)
    for name in found:
        say(f"{name:30} PSNR {psnr[name].mean():.2f} dB, " + ", ".join(f"{key} {told[name][key]:.3f}" for key in JUDGED))
    few = [name for name in found if counts(found[name])["W"] <= FEW_WHITE]
    return {
        "pictures": world.pictures,
        "photons": PHOTONS,
        "scored_pictures": pictures,
        "mosaics": found,
        "designed": took,
        "information": told,
        "psnr": {name: over_pictures(each, args.seed) for name, each in psnr.items()},
        "psnr_over_bayer": {name: over_pictures(each - psnr["bayer"], args.seed) for name, each in psnr.items()},
        "correlation": correlations(told, psnr, list(found), args.seed),
        "alike": correlations(told, psnr, few, args.seed),
        **(remeasured(world, found, args) if args.effort else {}),
    }


def main():
    options = parser(__doc__)
    options.add_argument(
        "--count", type=int, default=16000, help="pictures of 24x24, half of them to design for (default: 16000)"
    )
    options.add_argument("--steps", type=int, default=100, help="of the ascent (default: 100)")
    options.add_argument("--effort", type=float, default=1.0, help="of the density that re-measures; 0 for none (default: 1)")
    options.add_argument("--targets", nargs="+", default=list(TARGETS), help="to design for")
    options.add_argument("--add", nargs="*", default=[], help="other mosaics to compare, NAME=RGBW..../..../ by rows")
    options.add_argument("--design", metavar="TARGET", help="design this one alone, in this process, and print it")
    options.add_argument("--plot", metavar="FILE", help="draw the figure of the page on information and task")
    options.add_argument("--from", dest="result", metavar="FILE", help="take the result that an earlier run printed")
    args = options.parse_args()
    if args.design:
        return design(args.design, args)
    result = json.loads(Path(args.result).read_text().splitlines()[-1]) if args.result else compare_all(args)
    if args.plot:
        from _mosaic_figure import draw

        draw(result, args.plot)
    return None if args.result else emit("mosaics", result)


if __name__ == "__main__":
    main()

"""Do designed lensless cameras tell more than one lens, four lenslets, a diffuser and their start, and how many lenslets stay?

Twenty Gaussian lenslets, whose places, widths and shares of the light are designed by the defaults of `ideal optimize`: closed
form for dense objects, a density that is fitted anew for sparse ones. All are re-measured: fresh counts of objects that the
design was not made for, patches of 16x16, a causal mixture fitted to each, differences paired by object. A diffuser has no form
as lenslets; what it does to the scene is convolved in the same way. `lenslets` counts those that survive: at least 5 % of the
brightest one's light, those less than a pixel apart taken for one. For dense objects the free mask (`lensless`) is designed too.

    IDEAL_DATA=... python benchmarks/lensless_design.py --objects beads mnist cifar10
"""

import os
from dataclasses import replace

import numpy as np
from _common import emit, parser, say

LENSLETS = 20
SURVIVES, APART = 0.05, 1.0  # of the brightest weight; pixels
OTHERS = ("one-lens", "four-lenslets", "diffuser")
DENSE = ("cifar10", "photographs")


def surviving(params):
    """Return how many lenslets have at least 5 % of the brightest one's light, close ones taken together."""
    places, light = np.asarray(params["positions"], float), np.asarray(params["weights"], float)
    centres, together = [], []
    for number in np.argsort(-light):
        near = [i for i, centre in enumerate(centres) if np.hypot(*(centre - places[number])) < APART]
        if near:
            together[near[0]] += light[number]
        else:
            centres.append(places[number])
            together.append(light[number])
    return int((np.array(together) >= SURVIVES * max(together)).sum())


def designed(name, objects, args):
    """Return a system's design and its start as point spread functions, how it was found, and what to measure with."""
    from ideal.datasets import make_objects
    from ideal.imaging import make_system
    from ideal.optimize import Task
    from ideal.optimize.defaults import are_sparse, ascent_by, defaults_for
    from ideal.optimize.design import find_design
    from ideal.optimize.objects import divide
    from ideal.simulation import prepare

    system = make_system(name, **({"lenslets": LENSLETS} if name == "lensless-lenslets" else {}))
    division = divide(make_objects(objects).open(system.scene, args.seed), args.count, args.seed)
    simulation = prepare(system, system.design(), division.design, photons=args.photons)
    default = defaults_for(system, division.design.scenes[:32])
    how = ascent_by(default, system)
    light = [simulation.exposed(part.scenes) for part in (division.design, division.choose)]
    found = find_design(
        Task(system, simulation.noise, *light),
        default.objective,
        starts=list(default.starts),
        ascent=replace(how, steps=10) if args.quick else how,
        settings=default.settings,
        seed=args.seed,
    )
    about = {
        "objective": default.objective,
        "sparse": are_sparse(division.design.scenes[:32]),
        "steps": found.climb.steps,
        "start": default.starts[found.climb.start],
        "seconds": found.seconds,
        "gain": [found.gain_of_start, found.gain_of_ascent],
    }
    if "weights" in found.params:
        about |= {"lenslets": surviving(found.params), "weights": np.sort(found.params["weights"])[::-1].tolist()}
    functions = {"design": system.psf(found.params), "its start": system.psf(found.begun)}
    return functions, about, division, simulation


def compared(functions, division, simulation, args):
    """Return bits per pixel of point spread functions and of the named ones, and how far the first is above the others."""
    from ideal.imaging import make_system
    from ideal.optimize.evaluation import evaluate

    camera = make_system("lensless")
    designs = {name: {"psf": np.asarray(psf, np.float32)} for name, psf in functions.items()}
    designs |= {name: camera.design(name, args.seed) for name in OTHERS}
    options = {"models": ("causal-mixture",), "effort": args.effort, "seed": args.seed}
    found = evaluate(camera, designs, simulation.noise, division.measure, simulation.exposure, **options)
    bits = {name: [each.information_bits_per_pixel, *each.interval] for name, each in found.estimates.items()}
    above = {name: [each.difference_bits_per_pixel, *each.interval] for name, each in found.differences.items()}
    return bits, above


def main():
    options = parser(__doc__)
    options.add_argument("--objects", nargs="+", default=None, help="default: beads, mnist and cifar10, or beads and photographs")
    options.add_argument("--count", type=int, default=1500, help="objects, 45 %% of them to measure with (default: 1500)")
    options.add_argument("--photons", type=float, default=100.0, help="mean of a pixel (default: 100)")
    options.add_argument("--effort", type=float, default=0.25, help="of the density of the final figures (default: 0.25)")
    args = options.parse_args()
    names = args.objects or (["beads", "mnist", "cifar10"] if os.environ.get("IDEAL_DATA") else ["beads", "photographs"])
    if args.quick:
        args.count, args.effort = min(args.count, 200), 0.05
    cases, met = {}, True
    for objects in names:
        for system in ("lensless-lenslets", "lensless") if objects in DENSE else ("lensless-lenslets",):
            functions, about, division, simulation = designed(system, objects, args)
            bits, above = compared(functions, division, simulation, args)
            better = all(difference[1] > 0 for difference in above.values())
            cases[f"{objects}, {system}"] = about | {"bits": bits, "design_above": above, "met": better}
            met = met and better
            say(f"{objects}, {system}: {about.get('lenslets', 'no')} lenslets, {bits['design'][0]:.4f} bits/pixel, above {above}")
    kept = {name: case["lenslets"] for name, case in cases.items() if "lenslets" in case}
    sparse, dense = ([kept[name] for name in kept if cases[name]["sparse"] == each] for each in (True, False))
    more = min(sparse, default=LENSLETS) > max(dense, default=0)
    result = {"photons": args.photons, "count": args.count, "cases": cases, "lenslets": kept, "more_for_sparse_objects": more}
    emit("lensless_design", result | {"met": met and more})


if __name__ == "__main__":
    main()

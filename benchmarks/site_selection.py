"""Which telescopes to choose: best 4 of the 8 sites of EHT 2017, 3 of the candidates to add to them, and 2 sites moved at will.

Black hole rings at 230 GHz towards M87* for 24 h (60 s every 120 s); information in bits per observation, in closed form for
Gaussian scenes of the rings' principal components. Every strategy with its sites, bits and seconds: `best_4_of_8`; `add_3` to the
eight; `new_3` from nothing, where greedy choice falls short (a visibility every 10 minutes, 64 components); both with an
exhaustive search over all 37,820 sets, left out by --quick. `seconds_of_all_baselines` and the peak of memory belong to `add_3`.

`estimates` compares the closed form for three arrays with `ideal.estimate` (model full) on simulated noisy measurements of such
rings, a visibility every 20 minutes, and gives the excess D(D+3)/4N that is to be expected of the estimate for N fitted
measurements of D numbers. `moved` is what two free sites gain by gradient ascent (a visibility every hour), for the rings of the
design and for others.

    python benchmarks/site_selection.py
"""

import numpy as np
from _common import LN2, emit, parser, peak_rss_mb, say, timed

LARGE = 50_000  # sets of an exhaustive search
FREE = ("SMT", "PV")


def rings(system, count, seed):
    from ideal.datasets import make_objects

    return make_objects("black-hole-rings").open(system.scene, seed).read(0, count).scenes


def reported(system, selection):
    """Return the sites, bits and seconds of each strategy."""
    found = {}
    for choice in selection.choices:
        sites = [system.table.names[member] for member in choice.members]
        say(f"  {choice.strategy}: {', '.join(sites)}, {choice.bits:.2f} bits, {choice.evaluations} sets, {choice.seconds:.2f} s")
        found[choice.strategy] = {"sites": sites, "bits": choice.bits, "sets": choice.evaluations, "seconds": choice.seconds}
    return found


def estimates(scenes, arrays, rank, seed):
    """Return the closed form and an estimate of arrays of four sites, with its interval."""
    from ideal.imaging import make_system
    from ideal.information.estimation import estimate
    from ideal.measurements.measurement_set import from_arrays
    from ideal.optimize.selection.set_value import pair_information

    found = {}
    for number, sites in enumerate(arrays):
        system = make_system("interferometer", sites=sites, interval=1200.0)
        value = pair_information(system, scenes, rank=rank)
        bits = float(value.hard(np.ones(len(sites), bool))[0])
        clean = system.images(system.design(), scenes)
        measured = system.noise(system.design()).sample(np.random.default_rng([seed, number]), clean)
        source = from_arrays(measured, sigma=system.sigma, noise="complex-gaussian", units="Jy")
        result = estimate(source, models="full", seed=seed)
        numbers = 2 * result.pixels
        seen = [each * result.pixels for each in (result.information_bits_per_pixel, *result.interval)]
        found["-".join(sites)] = {
            "closed_form": bits,
            "estimate": seen[0],
            "interval": seen[1:],
            "expected_excess": numbers * (numbers + 3) / (4 * result.n_train * LN2),
            "visibilities": len(system.sigma),
        }
        say(f"  {'-'.join(sites)}: closed form {bits:.1f} bits, estimate {seen[0]:.1f} ({seen[1]:.1f} to {seen[2]:.1f})")
    return found


def moved(count, rank, steps, seed):
    """Return the bits of EHT 2017 before and after two of its sites were moved, for the rings of the design and for others."""
    import jax

    from ideal.imaging import make_system
    from ideal.optimize._contract import Task
    from ideal.optimize.ascent.gradient import Ascent, climb
    from ideal.optimize.objectives.closed_form import ClosedForm

    system = make_system("interferometer", free_sites=FREE, interval=3600.0, shape=(32, 32))
    scenes, held_out, others = (rings(system, count, seed + each) for each in range(3))
    with jax.enable_x64(True):
        start = system.design()
        objective = ClosedForm(Task(system, system.noise(start), scenes, held_out), rank=rank)
        ascent = Ascent(steps=steps, learning_rate=0.03, rates={"weights": 0.0})
        found, seconds = timed(lambda: climb(objective, [start], ascent))
        apart = ClosedForm(Task(system, system.noise(start), others, others), rank=rank)  # which the best step was not chosen by
        gain, other = jax.jit(objective.gain), jax.jit(apart.gain)
        bits = [[float(f(params)) * objective.task.pixels for params in (start, found.params)] for f in (gain, other)]
    places = np.asarray(found.params["coordinates"])[[system.table.names.index(site) for site in FREE]]
    say(f"  {', '.join(FREE)} moved: {bits[1][0]:.1f} -> {bits[1][1]:.1f} bits of other rings, {seconds:.1f} s")
    return {"bits": bits[0], "bits_held_out": bits[1], "places": places.tolist(), "steps": found.steps, "seconds": seconds}


def main():
    options = parser(__doc__)
    options.add_argument("--rings", type=int, default=2048, help="scenes of the closed form (default: 2048)")
    options.add_argument("--rank", type=int, default=192, help="principal components (default: 192)")
    args = options.parse_args()
    if args.quick:
        args.rings, args.rank = min(args.rings, 512), min(args.rank, 64)

    from ideal.imaging import make_system
    from ideal.optimize.selection.search import Choosing, choose
    from ideal.optimize.selection.set_value import pair_information

    eight = make_system("interferometer")
    scenes = rings(eight, args.rings, args.seed)
    say(f"best 4 of {len(eight.table.names)} sites")
    value, seconds_of_eight = timed(lambda: pair_information(eight, scenes, rank=args.rank))
    four = reported(eight, choose(Choosing(value, 4), seed=args.seed))

    built = eight.table.names
    all_sites = make_system("interferometer", array="EHT2017+candidates")
    say(f"3 of {len(all_sites.table.names) - len(built)} candidates, {len(all_sites.coverage.u)} visibilities of all baselines")
    value, seconds = timed(lambda: pair_information(all_sites, scenes, fixed=built, rank=args.rank))
    task, limit = Choosing(value, 3, fixed=value.fixed), 0 if args.quick else LARGE
    three = reported(all_sites, choose(task, limit=limit, seed=args.seed))
    memory = peak_rss_mb()

    say(f"3 of {len(task.free)} candidates alone")
    sparse = all_sites.replace(interval=600.0)
    alone = Choosing(pair_information(sparse, scenes[:512], rank=64), 3, candidates=tuple(task.free.tolist()))
    new = reported(all_sites, choose(alone, limit=limit, seed=args.seed))

    say("closed form and estimates")
    arrays = [tuple(four["greedy + swaps"]["sites"]), ("ALMA", "LMT", "SMT", "SPT"), ("APEX", "JCMT", "PV", "SMT")]
    checks = estimates(
        rings(eight, 1024 if args.quick else 8192, args.seed + 1), arrays[: 1 if args.quick else 3], 384, args.seed
    )
    say("two sites moved")
    free = moved(128 if args.quick else 512, 32 if args.quick else 64, 10 if args.quick else 60, args.seed)
    result = {
        "rings": args.rings,
        "rank": args.rank,
        "seconds_of_8_sites": seconds_of_eight,
        "best_4_of_8": four,
        "candidates": len(task.free),
        "bits_of_8_sites": float(task.evaluate([()])[0]),
        "seconds_of_all_baselines": seconds,
        "add_3": three,
        "new_3": new,
        "peak_memory_mb": memory,
        "estimates": checks,
        "moved": free,
    }
    emit("site_selection", result)


if __name__ == "__main__":
    main()

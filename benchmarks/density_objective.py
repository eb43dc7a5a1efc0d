"""The density objective against back-propagating through the fit: time and memory to the same re-measured information.

A lensless camera under Gaussian noise, log-normal textures, and a causal mixture as the density. Both methods begin with the same
design and the same fitted density, and follow the same learning rate. `alternating` is the objective of `ideal optimize`: the
density is frozen, and fitted anew every 20 steps. The rival, `unrolled`, fits by K steps of Adam on fresh measurements within
every step of the design, from the weights that it has, and differentiates through all of them; it is written here, with the same
batches and the same network, compiled as one program. Each runs in a fresh process. Seconds leave out imports and objects, and
hold compilation, `cpu_ms_per_step` does not; memory is the peak of the process, and what of it is above the peak before the
objective was made. Every ten steps the design is re-measured off the clock on objects apart, by a full Gaussian fitted to fresh
noisy measurements (and the last one by the causal mixture too). `times_less` is the rival's seconds to the information that both
reach, less 0.01 bits, over those of `alternating`.

    python benchmarks/density_objective.py
"""

import json
import time
from functools import partial
from pathlib import Path

import numpy as np
from _common import emit, fresh_process, parser, peak_rss_mb, say

TARGET = 3.0
SLACK = 0.01  # bits per pixel
SIGMA, PHOTONS = 5.0, 50.0
BATCH, EVERY, RATE = 64, 20, 0.05
FIT_RATE = 1e-3


def world(args):
    """Return the task, the objects to measure with and the design to begin with."""
    from ideal.datasets import make_objects
    from ideal.imaging import make_system
    from ideal.noise import Gaussian
    from ideal.optimize import Task
    from ideal.optimize.objects import divide

    side = args.side
    system = make_system("lensless", scene_shape=(side + 8, side + 8), psf_shape=(9, 9))
    source = make_objects("natural-fields").open(system.scene, args.seed)
    division = divide(source, args.count, args.seed)
    exposure = np.float32(PHOTONS / system.brightness(division.design.scenes).mean())
    task = Task(system, Gaussian(SIGMA), division.design.scenes * exposure, division.choose.scenes * exposure)
    return task, division.measure, exposure, system.design("diffuser", args.seed)


def remeasured(task, part, exposure, params, seed, models=("full",)):
    """Return bits per pixel with its interval, by densities fitted to fresh measurements of objects apart."""
    from ideal.optimize.evaluation import evaluate

    design = {"design": {name: np.asarray(value, np.float32) for name, value in params.items()}}
    found = evaluate(task.system, design, task.noise, part, float(exposure), models=models, effort=0.1, seed=seed)
    estimate = found.estimates["design"]
    return estimate.information_bits_per_pixel, *estimate.interval


def alternating(objective, system, start, args):
    """Yield the design after every ten steps of the ascent of `ideal optimize`."""
    import jax

    from ideal.optimize import Ascent
    from ideal.optimize.ascent.gradient import _Run

    run = _Run(objective, Ascent(steps=args.steps, learning_rate=RATE), jax.random.key(args.seed))
    now = run.begin([start])
    yield 0, now.best
    while now.step < args.steps:
        now = run.advance(now, time.monotonic)
        yield now.step, now.best


def unrolled(objective, system, start, args):
    """Yield the same of an ascent whose gradient goes through K steps of the fit."""
    import jax
    import jax.numpy as jnp
    import optax

    from ideal.optimize.ascent.gradient import Ascent

    # `eps_root`: the square root in Adam has no slope for weights that have not had a gradient yet
    ascent = Ascent(steps=args.steps, learning_rate=RATE)
    state = objective.start(start, jax.random.fold_in(jax.random.key(args.seed), 2**31))
    fit, climb = optax.adam(FIT_RATE, eps_root=1e-10), optax.scale_by_adam(b2=0.99)
    free = system.release(start)

    def with_weights(weights):
        return state | {"model": state["model"] | {"params": weights}}

    def step_of_design(free, weights, memory, key):
        params = system.constrain(free)

        def step_of_fit(carry, key):
            weights, memory = carry
            slope = jax.grad(lambda weights: objective.gain(params, with_weights(weights), key))(weights)
            change, memory = fit.update(slope, memory)  # the density goes down in what the design goes up in
            return (optax.apply_updates(weights, change), memory), None

        keys = jax.random.split(key, args.fit_steps + 1)
        (weights, memory), _ = jax.lax.scan(step_of_fit, (weights, memory), keys[1:])
        return -objective.gain(params, with_weights(weights), keys[0]), (weights, memory)

    @jax.jit
    def chunk(free, weights, fit_memory, memory, step):
        def advance(carry, step):
            free, weights, fit_memory, memory = carry
            key = jax.random.fold_in(jax.random.key(args.seed), step)
            slope, (weights, fit_memory) = jax.grad(step_of_design, has_aux=True)(free, weights, fit_memory, key)
            change, memory = climb.update(slope, memory)
            free = jax.tree.map(lambda each, by: (each - ascent.rate(step) * by).astype(each.dtype), free, change)
            return (free, weights, fit_memory, memory), None

        return jax.lax.scan(advance, (free, weights, fit_memory, memory), step + jnp.arange(10))[0]

    weights = state["model"]["params"]
    carry = free, weights, fit.init(weights), climb.init(free)
    yield 0, start
    for step in range(0, args.steps, 10):
        carry = jax.block_until_ready(chunk(*carry, step))
        yield step + 10, system.harden(system.constrain(carry[0]))


def one(args):
    """Climb with one method; print what it reached when."""
    import jax
    import jax.numpy as jnp

    from ideal.optimize.objectives.density import Density

    task, part, exposure, start = world(args)
    start = jax.tree.map(lambda each: jnp.asarray(np.asarray(each, np.float64)), start)
    measure = partial(remeasured, task, part, exposure, seed=args.seed)
    designs = []
    before, begun = peak_rss_mb(), time.perf_counter()
    processor = time.process_time()
    objective = Density(task, "causal-mixture", batch=BATCH, patch=args.side, every=EVERY)
    for step, params in (alternating if args.method == "alternating" else unrolled)(objective, task.system, start, args):
        seconds = time.perf_counter() - begun, time.process_time() - processor
        designs.append((step, *seconds, jax.tree.map(np.asarray, params)))
        if seconds[1] > args.limit:
            break
    memory = peak_rss_mb()
    points = [(step, *seconds, measure(params)[0]) for step, *seconds, params in designs]
    last = measure(designs[-1][-1], models=("full", "causal-mixture"))
    print(json.dumps({"points": points, "last": last, "memory": memory, "before": before}))


def reached(points, level):
    """Return the wall and processor seconds after which a level was reached, or None."""
    return next((found[1:3] for found in points if found[-1] >= level), None)


def per_step(points):
    """Return the processor's milliseconds of a step once everything is compiled, fits included."""
    return 1000 * (points[-1][2] - points[1][2]) / (points[-1][0] - points[1][0]) if len(points) > 2 else None


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=3000, help="objects, a third of them to design for (default: 3000)")
    options.add_argument("--side", type=int, default=12, help="pixels on a side of the measurement (default: 12)")
    options.add_argument("--steps", type=int, default=60, help="of the design (default: 60)")
    options.add_argument("--fit-steps", type=int, nargs="*", default=[5, 20], help="K of the rival (default: 5 20)")
    options.add_argument("--limit", type=float, default=170.0, help="seconds of the processor for each (default: 170)")
    options.add_argument("--method", choices=("alternating", "unrolled"), help="run this one alone, in this process")
    args = options.parse_args()
    if args.quick:
        args.count, args.side, args.steps, args.fit_steps = 1200, 6, 10, args.fit_steps[:1]
    if args.method:
        args.fit_steps = args.fit_steps[0]
        return one(args)

    found = {}
    passed = ["--count", args.count, "--side", args.side, "--steps", args.steps, "--limit", args.limit, "--seed", args.seed]
    for name, method, fit_steps in [
        ("alternating", "alternating", 1),
        *((f"unrolled-{k}", "unrolled", k) for k in args.fit_steps),
    ]:
        found[name], _ = fresh_process(str(Path(__file__)), "--method", method, "--fit-steps", fit_steps, *passed)
        step, wall, processor, bits = found[name]["points"][-1]
        say(
            f"{name}: {step} steps in {wall:.1f} s ({processor:.1f} s CPU), {bits:.3f} bits/pixel, {found[name]['memory']:.0f} MB"
        )
    mine, against = found["alternating"], {}
    for name in list(found)[1:]:
        level = min(max(point[-1] for point in each["points"]) for each in (mine, found[name])) - SLACK
        own, theirs = (reached(each["points"], level) for each in (mine, found[name]))
        against[name] = {
            "level": level,
            "times_less": theirs[0] / own[0],
            "times_less_cpu": theirs[1] / own[1],
            "memory_times_less": found[name]["memory"] / mine["memory"],
            "memory_above_times_less": (found[name]["memory"] - found[name]["before"]) / (mine["memory"] - mine["before"]),
        }
    emit(
        "density_objective",
        {
            "start_bits": mine["points"][0][-1],
            "points": {name: each["points"] for name, each in found.items()},
            "last_bits": {name: each["last"] for name, each in found.items()},
            "cpu_ms_per_step": {name: per_step(each["points"]) for name, each in found.items()},
            "peak_rss_mb": {name: each["memory"] for name, each in found.items()},
            "rss_mb_before": {name: each["before"] for name, each in found.items()},
            "to_the_same_information": against,
            "target_times_less": TARGET,
            "met": all(min(each["times_less"], each["memory_above_times_less"]) >= TARGET for each in against.values()),
        },
    )
    return None


if __name__ == "__main__":
    main()

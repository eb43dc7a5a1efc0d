"""Time and memory of objectives to the same information: a mosaic of 8x8 filters (R, G, B, white), photographs, 1000 photons.

Each objective runs in a fresh process from the same random start. The rivals of the closed form are the Gaussian entropy of
batches of 2304 pictures of 24x24, `published` with the published optimiser (AdamW at 1e-4, sharpness 1 + (step / 1000)^2) and
`samples` with that of `ideal optimize`, and `end-to-end`. Seconds are those of the objective alone: its preparation, its
compilation and its steps, on wall clock and of the processor; the import of the library and the reading of pictures are not
counted. After every ten steps the mosaic is made hard and re-measured, off the clock, on pictures that no objective has seen: by
the closed form, in bits per pixel, and at the end by a density fitted to fresh noisy counts (`estimates`). `times_less` says how
many times less time the closed form took to `level`, its own best less 0.01 bits. A rival has `--limit` times that processor
time; where it does not get there (`reached` is false) `times_less` is a bound from below. `step_times_less` compares single
steps, with everything compiled.

    IDEAL_DATA=... python benchmarks/objectives.py
"""

import os
import time
from pathlib import Path

import numpy as np
from _common import emit, fresh_process, parser, peak_rss_mb, say

TARGET = 20.0
SLACK = 0.01  # bits per pixel
PHOTONS = 1000.0
STEPS = {"gaussian": 100, "published": 100_000, "samples": 100, "end-to-end": 1000}
BATCH = {"batch": 2304, "patch": 24}
SETTINGS = {"gaussian": {}, "published": BATCH, "samples": BATCH, "end-to-end": {}}


def world(count, seed):
    """Return the system and the exposed scenes to design for, to choose by and to measure with (a Part), and the exposure."""
    from ideal.datasets import make_objects
    from ideal.imaging import make_system
    from ideal.optimize.objects import divide

    system = make_system("color-filter-array")
    name = "kodak" if os.environ.get("IDEAL_DATA") else "photographs"
    division = divide(make_objects(name).open(system.scene, seed), count, seed)
    exposure = np.float32(PHOTONS / system.brightness(division.design.scenes).mean())
    return name, system, division, exposure


def one(objective, args):
    """Climb with one objective; print the information at every checkpoint."""
    import json

    import jax

    from ideal.noise import Poisson
    from ideal.optimize import Task, find_objective
    from ideal.optimize.ascent.starts import starting_designs

    _, system, division, exposure = world(args.count, args.seed)
    task = Task(system, Poisson(), division.design.scenes * exposure, division.choose.scenes * exposure)
    apart = division.measure.scenes * exposure
    with jax.enable_x64(True):
        judge = jax.jit(find_objective("gaussian")(Task(system, Poisson(), apart, apart)).gain)
        starts = starting_designs(system, ["random"], args.seed)
        judge(system.harden(starts[0]))
        before, wall, processor = peak_rss_mb(), time.perf_counter(), time.process_time()
        aim = find_objective("samples" if objective == "published" else objective)(task, **SETTINGS[objective])
        steps, points = 20 if args.quick else STEPS[objective], []
        for step, hard in (published if objective == "published" else ours)(aim, starts, steps, args.seed):
            took = (time.perf_counter() - wall, time.process_time() - processor) if step else (0.0, 0.0)
            pause = time.perf_counter(), time.process_time()
            points.append((step, *took, float(judge(hard))))
            if took[1] > args.seconds or points[-1][-1] >= args.level:
                break
            wall, processor = wall + time.perf_counter() - pause[0], processor + time.process_time() - pause[1]
    filters = np.asarray(hard["filters"]).tolist()
    print(json.dumps({"points": points, "filters": filters, "memory": peak_rss_mb(), "before": before}))


def ours(aim, starts, steps, seed):
    """Yield the hard design after every ten steps of the ascent of `ideal optimize`."""
    from ideal.optimize import Ascent
    from ideal.optimize.ascent.gradient import stations

    yield from ((step, hard) for step, hard, _ in stations(aim, starts, Ascent(steps=steps), seed=seed))


def published(aim, starts, steps, seed):
    """Yield the same of an ascent with the published optimiser."""
    import jax
    import jax.numpy as jnp
    import optax

    system, adam = aim.task.system, optax.adamw(1e-4)

    def sharpness(step):
        return 1 + (step / 1000) ** 2

    @jax.jit
    def chunk(free, memory, step):
        def advance(carry, step):
            free, memory = carry
            key = jax.random.fold_in(jax.random.key(seed), step)
            slope = jax.grad(lambda free: -aim.gain(system.constrain(free, sharpness(step)), (), key))(free)
            change, memory = adam.update(slope, memory, free)
            return (optax.apply_updates(free, change), memory), None

        return jax.lax.scan(advance, (free, memory), step + jnp.arange(10))[0]

    free = system.release(starts[0])
    carry = free, adam.init(free)
    yield 0, system.harden(starts[0])
    for step in range(0, steps, 10):
        carry = jax.block_until_ready(chunk(*carry, step))
        yield step + 10, system.harden(system.constrain(carry[0], sharpness(step + 10)))


def per_step(points):
    """Return the milliseconds of a step once everything is compiled."""
    return 1000 * (points[-1][1] - points[1][1]) / max(1, points[-1][0] - points[1][0])


def reached(points, level):
    """Return the wall and processor seconds after which a level was reached, or None."""
    return next(((wall, processor) for _, wall, processor, bits in points if bits >= level), None)


def estimates(found, args):
    """Return bits per pixel with intervals, by a density fitted to fresh counts of pictures apart."""
    from ideal.noise import Poisson
    from ideal.optimize.evaluation import evaluate

    _, system, division, exposure = world(args.count, args.seed)
    designs = {name: {"filters": np.asarray(each["filters"], np.float32)} for name, each in found.items()}
    designs["random"] = system.design("random", args.seed)
    models = ("full",) if args.quick else ("full", "causal-mixture")
    measured = evaluate(system, designs, Poisson(), division.measure, exposure, models=models, effort=0.1, seed=args.seed)
    return {
        name: [each.information_bits_per_pixel, *each.interval, each.model] for name, each in measured.estimates.items()
    }, measured


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=6000, help="pictures of 24x24, half of them to design for (default: 6000)")
    options.add_argument(
        "--limit", type=float, default=25.0, help="processor time of each rival, in that of the closed form (default: 25)"
    )
    options.add_argument("--seconds", type=float, default=600.0, help="with --objective: stop after so many of the processor")
    options.add_argument("--level", type=float, default=np.inf, help="with --objective: stop at so many bits per pixel")
    options.add_argument("--objective", choices=STEPS, help="run this one alone, in this process, and print its checkpoints")
    args = options.parse_args()
    if args.objective:
        return one(args.objective, args)

    found, more = {}, []
    for name in STEPS:
        passed = ["--objective", name, "--count", args.count, "--seed", args.seed, *more]
        found[name], _ = fresh_process(str(Path(__file__)), *passed, *(["--quick"] if args.quick else []))
        step, wall, processor, bits = found[name]["points"][-1]
        memory = found[name]["memory"]
        say(f"{name}: {step} steps in {wall:.1f} s ({processor:.1f} s CPU), {bits:.3f} bits/pixel, {memory:.0f} MB")
        if name == "gaussian":
            level = max(point[-1] for point in found[name]["points"]) - SLACK
            mine = reached(found[name]["points"], level)
            more = ["--level", level, "--seconds", args.limit * mine[1]]
    closed, rivals = found["gaussian"]["points"], {}
    for name in list(found)[1:]:
        points = found[name]["points"]
        got = reached(points, level)
        theirs = got or points[-1][1:3]
        rivals[name] = {"reached": got is not None, "seconds": theirs[0], "times_less": theirs[0] / mine[0]}
        rivals[name] |= {"cpu_seconds": theirs[1], "times_less_cpu": theirs[1] / mine[1]}
        rivals[name] |= {"step_times_less": per_step(points) / per_step(closed)}
    measured, _ = estimates(found, args)
    emit(
        "objectives",
        {
            "photons": PHOTONS,
            "pictures": world(10, args.seed)[0],
            "start_bits": closed[0][-1],
            "best_bits": {name: max(point[-1] for point in each["points"]) for name, each in found.items()},
            "steps": {name: each["points"][-1][0] for name, each in found.items()},
            "seconds": {name: each["points"][-1][1] for name, each in found.items()},
            "ms_per_step": {name: per_step(each["points"]) for name, each in found.items()},
            "peak_rss_mb": {name: each["memory"] for name, each in found.items()},
            "rss_mb_before": {name: each["before"] for name, each in found.items()},
            "filters": {name: np.asarray(each["filters"]).sum((0, 1)).tolist() for name, each in found.items()},
            "level": level,
            "closed_form_seconds": mine[0],
            "closed_form_cpu_seconds": mine[1],
            "to_the_same_information": rivals,
            "estimates": measured,
            "target_times_less": TARGET,
            "met": {name: each["times_less_cpu"] >= TARGET for name, each in rivals.items()},
        },
    )
    return None


if __name__ == "__main__":
    main()

"""Do simulated systems come in the published order of information?

lensless: CIFAR-10 side by side (or, without IDEAL_DATA, photographs), 96x96 to 65x65; one lens, four lenslets, a diffuser, each
at 20, 40, 80, 160 and 320 photons a pixel. cfa: color photographs at three light levels, 8x8 mosaics: Bayer against random RGBW,
three of them. microscope: generated cells at three light levels; bright field, phase contrast, one LED, with equal power. All are
measured on the same objects, so that differences are paired. Every model of `--models` is fitted; that with the lowest loss on
validation sources counts.

    IDEAL_DATA=... python benchmarks/published_order.py --domains lensless cfa microscope
"""

import itertools
import os

import numpy as np
from _common import emit, parser, say, timed

import ideal
from ideal.datasets import make_objects
from ideal.imaging import make_system
from ideal.simulation import prepare

MICROSCOPE = {"defocus": 1.5}  # um: in focus a thin phase object is hardly seen by one LED, and cells are not thin
LEVELS = {
    "lensless": (20.0, 40.0, 80.0, 160.0, 320.0),
    "cfa": (100.0, 300.0, 1000.0),
    "microscope": (45.0, 150.0, 450.0),
}


def measure(system, params, objects, count, photons, seed, name):
    """Return simulated measurements as a set."""
    source = objects.open(system.scene, seed)
    simulation = prepare(system, params, source, photons=photons)
    blocks = list(simulation.blocks(source, count, seed))
    parts = {key: np.concatenate([getattr(block, key) for block in blocks]) for key in ("measurements", "clean", "groups")}
    counts = parts.pop("measurements").astype(np.uint32)
    return ideal.from_arrays(counts, **parts, noise="poisson", period=system.period, path=name)


def systems(domain, args):
    """Return systems and designs in the published order, the poorest first, and what they look at."""
    data = bool(os.environ.get("IDEAL_DATA"))
    if domain == "lensless":
        objects, count = make_objects("cifar10" if data else "photographs"), 2000
        designs = {name: ("lensless", {}, name, 0) for name in ("diffuser", "four-lenslets", "one-lens")}
    elif domain == "cfa":
        objects, count = make_objects("kodak" if data else "photographs"), 4000
        designs = {"bayer": ("color-filter-array", {"shape": (24, 24)}, "bayer", 0)}
        designs |= {f"random {seed}": ("color-filter-array", {"shape": (24, 24)}, "random", seed) for seed in range(3)}
    else:
        objects, count = make_objects("phase-cells"), 1500
        names = ("brightfield", "dpc-left", "single-led")
        designs = {name: ("led-microscope", MICROSCOPE, name, 0) for name in names}
    return objects, (200 if args.quick else count), designs


def rank(domain, args):
    objects, count, designs = systems(domain, args)
    levels = LEVELS[domain][-1:] if args.quick else LEVELS[domain]
    found, cases = {}, []
    for photons, (name, (kind, settings, design, seed)) in itertools.product(levels, designs.items()):
        system = make_system(kind, **settings)
        measured = measure(
            system, system.design(design, seed), objects, count, photons, args.seed, f"{name}, {photons:g} photons"
        )
        options = {"models": args.models, "patch": args.patch, "effort": args.effort, "seed": args.seed}
        each, seconds = timed(lambda measured=measured, options=options: ideal.estimate(measured, **options))
        found[photons, name] = each
        low, high = each.interval
        say(f"{each.path}: {each.information_bits_per_pixel:.4f} ({low:.4f} to {high:.4f}) by {each.model}, {seconds:.0f} s")
        cases.append(
            {
                "photons": photons,
                "design": name,
                "bits_per_pixel": each.information_bits_per_pixel,
                "interval": list(each.interval),
            }
        )
    orders = []
    for photons in levels:
        first = next(iter(designs))
        pairs = [(first, other) for other in list(designs)[1:]] if domain == "cfa" else list(itertools.pairwise(designs))
        for poorer, richer in pairs:
            difference = ideal.compare(found[photons, richer], found[photons, poorer])
            orders.append(_order(f"{photons:g} photons: {richer} above {poorer}", difference))
    for name in designs:
        for less, more in itertools.pairwise(levels):
            difference = ideal.compare(found[more, name], found[less, name])
            orders.append(_order(f"{name}: {more:g} photons above {less:g}", difference))
    for order in orders:
        say(f"{'yes' if order['met'] else 'NO '} {order['order']}: {order['difference']:+.4f} {order['interval']}")
    return {"count": count, "cases": cases, "orders": orders, "met": all(order["met"] for order in orders)}


def _order(text, difference):
    return {
        "order": text,
        "difference": difference.difference_bits_per_pixel,
        "interval": list(difference.interval),
        "met": difference.interval[0] > 0,
    }


def main():
    options = parser(__doc__)
    options.add_argument("--domains", nargs="+", choices=list(LEVELS), default=list(LEVELS))
    options.add_argument("--models", nargs="+", default=["stationary", "full", "causal-mixture"])
    options.add_argument("--patch", type=int, default=16)
    options.add_argument("--effort", type=float, default=1.0)
    args = options.parse_args()
    if args.quick:
        args.effort = 0.1
    emit("published_order", {"effort": args.effort, **{domain: rank(domain, args) for domain in args.domains}})


if __name__ == "__main__":
    main()

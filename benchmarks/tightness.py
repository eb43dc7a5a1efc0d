"""How far density models lie above the truth where the truth is known, in bit/pixel.

`fields`: 5,000 training patches of a Gaussian field in Gaussian noise, isotropic and oblique; the excess is the test loss less
that of the true density on the same patches. `few_samples`: the full Gaussian on few 20x20 patches of a field darker towards
its corners, a quarter of them for validation; the excess over the truth and over the stationary fit. `constant_object`: what
`ideal.information.estimate` reports, from counts alone, where there is nothing to see. `divergence` is the excess over all
patches in closed form. Every case says whether the bound is below the truth by more than two standard errors.

    python benchmarks/tightness.py --sides 16 32
"""

import numpy as np
from _common import LN2, TEXTURES, GaussianField, emit, mean_and_error, parser, say, timed

import ideal.information.estimation as information
from ideal.density import FullGaussian, StationaryGaussian
from ideal.measurements.measurement_set import from_arrays

TARGETS = {("stationary", 16): 0.002, ("stationary", 32): 0.002, ("full", 16): 0.005, ("full", 32): 0.01}
FEW = (320, 640, 1250, 2500, 5000, 10_000)
LIGHT = (0.1, 0.3, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0)


def excess(model, field, test) -> dict:
    """Compare a fitted Gaussian with the density that the patches come from."""
    per_patch = field.log_prob(test) - model.log_prob(test)
    bits = LN2 * field.values
    value, error = mean_and_error(per_patch / bits)
    mean = np.broadcast_to(np.ravel(model.mean), field.values)
    covariance = model.covariance if isinstance(model, FullGaussian) else model.covariance()
    divergence = (field.cross_entropy(mean, covariance) - field.entropy) / bits
    return {"excess": value, "standard_error": error, "divergence": divergence, "below_truth": value < -2 * error}


def fields(args):
    cases = []
    for side in args.sides:
        for texture in TEXTURES:
            field = GaussianField(side, texture)
            rng = np.random.default_rng([args.seed, 0, side, TEXTURES.index(texture)])
            train, validation, test = (field.sample(rng, count) for count in (args.train, args.train // 5, args.test))
            stationary, seconds = timed(lambda t=train, v=validation: StationaryGaussian.fit(0, t, v))
            fitted = {"stationary": stationary}
            full, full_seconds = timed(lambda t=train, v=validation, f=fitted: FullGaussian.fit(0, t, v, fitted=f))
            for model, took in ((stationary, seconds), (full, full_seconds)):
                case = {"texture": texture, "side": side, "model": model.name, **excess(model, field, test), "fit_seconds": took}
                target = TARGETS.get((model.name, side))
                if target:
                    case |= {"target": target, "met": case["excess"] <= target and not case["below_truth"]}
                cases.append(case)
                say(f"{texture} {side}x{side} {model.name}: {case['excess']:+.5f} +- {case['standard_error']:.5f} bit/pixel")
    return cases


def few_samples(args):
    side = 12 if args.quick else 20
    at = (np.indices((side, side)) - (side - 1) / 2) / side
    field = GaussianField(side, envelope=1 / (1 + 2 * (at**2).sum(0)))
    test = field.sample(np.random.default_rng([args.seed, 1]), args.test)
    cases = []
    for count in FEW[:3] if args.quick else FEW:
        patches = field.sample(np.random.default_rng([args.seed, 1, count]), count)
        validation, train = patches[: count // 4], patches[count // 4 :]
        stationary = StationaryGaussian.fit(0, train, validation)
        full = FullGaussian.fit(0, train, validation, fitted={"stationary": stationary})
        found, other = excess(full, field, test), excess(stationary, field, test)
        over = found["excess"] - other["excess"]
        case = {"samples": count, **found, "stationary_excess": other["excess"], "over_stationary": over}
        case["shrinkage"] = full.shrinkage
        case["met"] = over <= 0.02 and not found["below_truth"] and (count < 10_000 or found["excess"] <= 0.05)
        cases.append(case)
        say(f"few samples, {count}: {found['excess']:+.4f} above the truth, {over:+.4f} above the stationary fit, bit/pixel")
    return cases


def constant_object(args):
    cases = []
    for number, light in enumerate(LIGHT):
        rng = np.random.default_rng([args.seed, 2, number])
        counts = rng.poisson(light, (args.images, 16, 16)).astype(np.uint16)
        found, seconds = timed(lambda counts=counts: information.estimate(from_arrays(counts, noise="poisson"), seed=args.seed))
        value, bounds = found.information_bits_per_pixel, found.interval
        error = (bounds[1] - bounds[0]) / (2 * 1.96)
        cases.append(
            {
                "photons": light,
                "bits_per_pixel": value,
                "interval": bounds,
                "model": found.model,
                "models": {name: found.bits_per_pixel(result.values.mean) for name, result in found.models.items()},
                "below_truth": value < -2 * error,
                "met": abs(value) <= 0.01,
                "seconds": seconds,
            }
        )
        say(f"constant object, {light:g} photons: {value:+.5f} ({bounds[0]:+.5f} to {bounds[1]:+.5f}) bit/pixel, {found.model}")
    return cases


def main():
    options = parser(__doc__)
    options.add_argument("--sides", type=int, nargs="+", default=[16, 32], help="of the patches (default: 16 32)")
    options.add_argument("--train", type=int, default=5000, help="training patches (default: 5000)")
    options.add_argument("--test", type=int, default=2000, help="patches scored (default: 2000)")
    options.add_argument("--images", type=int, default=3000, help="16x16 images of the constant object (default: 3000)")
    options.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to run (default: all)")
    args = options.parse_args()
    if args.quick:
        args.sides, args.train, args.test, args.images = [12], 1000, 500, 500
    emit("tightness", {part: PARTS[part](args) for part in args.parts})


PARTS = {"fields": fields, "few_samples": few_samples, "constant_object": constant_object}

if __name__ == "__main__":
    main()

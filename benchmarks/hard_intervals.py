"""How often a 95 % interval covers what it should in hard cases, and what its width is: few, unequal, heavy-tailed groups.

`shapes` asks it of intervals over numbers whose average is known: averages, paired and unpaired differences, of groups of many
distributions, sizes and numbers. `weakness` sorts the same intervals by the degrees of freedom that the function of this name
gives their standard error. `estimates` asks it of `ideal.estimate` and `ideal.compare` with a stationary Gaussian, for fields
whose limit is known: what the model says of them once it knows their mean and covariance. That is where the bound goes with ever
more sources; with few it lies above, because the model knows neither well.

    python benchmarks/hard_intervals.py --replications 400
    PYTHONPATH=OTHER_CHECKOUT python benchmarks/hard_intervals.py    # the same cases with other code, to compare widths
"""

from itertools import pairwise

import numpy as np
from _common import GaussianField, emit, parser, say

import ideal
from ideal.information.intervals import GroupedValues, interval, paired_difference, unpaired_difference

CONFIDENCE = 0.95


def lognormal(spread):
    return lambda rng, size: np.exp(spread * rng.standard_normal(size)) - np.exp(spread**2 / 2)


# What groups add to the average, of expected value 0.
SHAPES = {
    "normal": lambda rng, size: rng.standard_normal(size),
    "uniform": lambda rng, size: rng.uniform(-1, 1, size),
    "exponential": lambda rng, size: rng.exponential(1, size) - 1,
    "chi-square": lambda rng, size: rng.standard_normal(size) ** 2 - 1,
    "log-normal 0.5": lognormal(0.5),
    "log-normal 1": lognormal(1.0),
    "log-normal 1, to the left": lambda rng, size: -lognormal(1.0)(rng, size),
    "log-normal 1.5": lognormal(1.5),
    "log-normal 2": lognormal(2.0),
    "Student 2.5": lambda rng, size: rng.standard_t(2.5, size),
    "Student 4": lambda rng, size: rng.standard_t(4, size),
    "Pareto 2.5": lambda rng, size: rng.pareto(2.5, size) - 1 / 1.5,
    "Pareto 1.5": lambda rng, size: rng.pareto(1.5, size) - 2,
    "one in ten is 8 higher": lambda rng, size: rng.standard_normal(size) + 8 * ((rng.random(size) < 0.1) - 0.1),
}
# shape, groups, largest group (sizes from 1 to it, uniform in the logarithm), kind of average
CASES = [
    ("normal", 3, 1, "average"),
    ("normal", 5, 1, "average"),
    ("normal", 8, 1, "average"),
    ("normal", 15, 1, "average"),
    ("normal", 30, 1, "average"),
    ("normal", 70, 1, "average"),
    ("normal", 200, 1, "average"),
    ("uniform", 15, 1, "average"),
    ("exponential", 5, 1, "average"),
    ("exponential", 15, 1, "average"),
    ("exponential", 70, 1, "average"),
    ("chi-square", 15, 1, "average"),
    ("log-normal 0.5", 15, 1, "average"),
    ("log-normal 1", 15, 1, "average"),
    ("log-normal 1, to the left", 15, 1, "average"),
    ("log-normal 1", 70, 1, "average"),
    ("log-normal 1.5", 15, 1, "average"),
    ("log-normal 1.5", 70, 1, "average"),
    ("log-normal 2", 15, 1, "average"),
    ("Student 2.5", 15, 1, "average"),
    ("Student 2.5", 70, 1, "average"),
    ("Student 4", 15, 1, "average"),
    ("Pareto 2.5", 15, 1, "average"),
    ("Pareto 1.5", 15, 1, "average"),
    ("one in ten is 8 higher", 15, 1, "average"),
    ("one in ten is 8 higher", 30, 1, "average"),
    ("normal", 5, 200, "average"),
    ("normal", 15, 200, "average"),
    ("log-normal 1", 15, 200, "average"),
    ("normal", 70, 200, "average"),
    ("exponential", 70, 200, "average"),
    ("log-normal 1", 70, 200, "average"),
    ("log-normal 1.5", 70, 200, "average"),
    ("Student 2.5", 70, 200, "average"),
    ("normal", 15, 1, "paired"),
    ("log-normal 1", 15, 1, "paired"),
    ("Student 2.5", 15, 1, "paired"),
    ("log-normal 1", 70, 200, "paired"),
    ("log-normal 1", 15, 1, "unpaired"),
    ("normal", 15, 200, "unpaired"),
]
# texture is oblique; side, share of the field's variance that is the group's, groups, samples of a group, spread of the
# logarithm of the groups' contrast, noise of a second system on the same objects (0: none) in units of the first
ESTIMATES = {
    "heavy tails, 15 groups": (4, 0.5, 15, (20, 20), 0.4, 0.0),
    "heavy tails, 15 groups, 8x8": (8, 0.5, 15, (8, 8), 0.4, 0.0),
    "heavier tails, 15 groups": (4, 0.5, 15, (20, 20), 0.7, 0.0),
    "70 groups of 1 to 200": (8, 0.5, 70, (1, 200), 0.0, 0.0),
    "70 groups of 1 to 200, correlated .9": (8, 0.9, 70, (1, 200), 0.0, 0.0),
    "paired, other noise": (4, 0.5, 15, (20, 20), 0.0, 4.0),
    "paired, other noise, correlated .9": (4, 0.9, 15, (20, 20), 0.0, 2.0),
    "correlated .9, 15 groups": (4, 0.9, 15, (20, 20), 0.0, 0.0),
    "correlated .9, 15 groups, 8x8": (8, 0.9, 15, (8, 8), 0.0, 0.0),
    "independent, 15 groups of 8, 8x8": (8, 0.0, 15, (8, 8), 0.0, 0.0),
    "ordinary, 100 groups of 8, 8x8": (8, 0.5, 100, (8, 8), 0.0, 0.0),
    "ordinary, 300 groups of 20, 8x8": (8, 0.5, 300, (20, 20), 0.0, 0.0),
}


def group_sizes(rng, groups, least, most):
    """Return whole numbers from least to most, uniform in the logarithm."""
    return np.minimum(most, np.exp(rng.uniform(np.log(least), np.log(most + 1), groups)).astype(int))


def draw(rng, shape, groups, largest):
    counts = group_sizes(rng, groups, 1, largest)
    return GroupedValues(np.arange(groups), counts * SHAPES[shape](rng, groups), counts.astype(float))


def by_shape(rng, shape, groups, largest, kind):
    """Return the interval, the truth and the values of one replication."""
    a = draw(rng, shape, groups, largest)
    if kind == "average":
        return interval(a, CONFIDENCE, rng), a
    if kind == "unpaired":
        b = draw(rng, shape, 2 * groups, largest)
        return unpaired_difference(a, GroupedValues(b.groups, 3 * b.sums, b.counts), CONFIDENCE, rng)[1], a
    # Both systems see the same objects, the second with three times the noise.
    noise = SHAPES[shape](rng, groups), 3 * SHAPES[shape](rng, groups)
    left, right = (GroupedValues(a.groups, a.sums + a.counts * each, a.counts) for each in noise)
    difference = GroupedValues(a.groups, left.sums - right.sums, a.counts)
    return paired_difference(left, right, CONFIDENCE, rng)[1], difference


def measured(rng, field, share, groups, sizes, contrast):
    """Return clean patches (sample, value) of a field that has another contrast in each group, and their groups."""
    names = np.repeat(np.arange(groups), group_sizes(rng, groups, *sizes))
    root = np.linalg.cholesky(field.signal + 1e-9 * field.signal[0, 0] * np.eye(field.values))
    own = rng.standard_normal((len(names), field.values))
    common = rng.standard_normal((groups, field.values))[names]
    scale = np.exp(contrast * rng.standard_normal(groups))[names, None]
    return field.mean + scale * ((np.sqrt(share) * common + np.sqrt(1 - share) * own) @ root.T), names


def by_estimate(rng, seed, side, share, groups, sizes, contrast, other):
    field = GaussianField(side, "oblique")
    clean, names = measured(rng, field, share, groups, sizes, contrast)
    found, limits = [], []
    for sigma in (field.sigma, *([other * field.sigma] if other else [])):
        patches = (clean + sigma * rng.standard_normal(clean.shape)).reshape(-1, side, side)
        source = ideal.from_arrays(patches, groups=names, noise="gaussian", sigma=sigma)
        found.append(ideal.estimate(source, models=["stationary"], patch=side, confidence=CONFIDENCE, seed=seed))
        # The expected loss of the Gaussian of the right moments: scale^2 has the expected value exp(2 contrast^2).
        covariance = np.exp(2 * contrast**2) * field.signal / sigma**2 + np.eye(field.values)
        limits.append(0.5 * np.linalg.slogdet(covariance)[1] / (np.log(2) * field.values))
    if not other:
        return found[0].interval, limits[0], found[0].information_bits_per_pixel - limits[0]
    difference = ideal.compare(*found, seed=seed)
    return difference.interval, limits[0] - limits[1], difference.difference_bits_per_pixel - limits[0] + limits[1]


def summary(bounds, truth):
    low, high = np.array(bounds).T
    truth = np.broadcast_to(truth, low.shape)
    return {
        "covered": np.mean((low <= truth) & (truth <= high)),
        "truth_below": np.mean(truth < low),
        "truth_above": np.mean(truth > high),
        "width": np.median(high - low),
    }


def main():
    options = parser(__doc__)
    options.add_argument("--replications", type=int, default=400, help="of each estimate, a fifth of those of a shape (400)")
    options.add_argument("--only", choices=["shapes", "estimates"], help="one of the two parts")
    options.add_argument("--case", help="the estimates whose name begins with this")
    args = options.parse_args()
    count = min(args.replications, 20) if args.quick else args.replications
    result, degrees, covered = {"shapes": [], "estimates": [], "replications": count}, [], []
    try:
        from ideal.information.intervals import weakness
    except ImportError:  # other code to compare with
        weakness = None
    for number, case in enumerate([] if args.only == "estimates" else CASES):
        bounds = []
        for i in range(5 * count):
            found, values = by_shape(np.random.default_rng([args.seed, number, i]), *case)
            bounds.append(found)
            if weakness and case[3] != "unpaired":
                degrees.append(weakness(values).degrees)
                covered.append(found[0] <= 0 <= found[1])
        row = dict(zip(("shape", "groups", "largest", "kind"), case, strict=True)) | summary(bounds, 0.0)
        say(f"{case}: {row['covered']:.3f}, {row['truth_below']:.3f} below, {row['truth_above']:.3f} above, {row['width']:.3f}")
        result["shapes"].append(row)
    if degrees:
        degrees, covered = np.array(degrees), np.array(covered)
        edges = np.array([1, 2, 3, 5, 8, 12, 20, 50, 1000])
        result["weakness"] = []
        for low, high in pairwise(edges):
            here = (degrees >= low) & (degrees < high)
            result["weakness"].append({"degrees": [low, high], "covered": covered[here].mean(), "intervals": here.sum()})
            say(f"degrees of freedom {low} to {high}: {covered[here].mean():.3f} of {here.sum()}")
    for number, (name, case) in enumerate([] if args.only == "shapes" else ESTIMATES.items()):
        if args.case and not name.startswith(args.case):
            continue
        runs = [by_estimate(np.random.default_rng([args.seed, 100 + number, i]), i, *case) for i in range(count)]
        bounds, truth, off = zip(*runs, strict=True)
        row = {"case": name} | summary(bounds, np.array(truth)) | {"off": np.mean(off), "scatter": np.std(off)}
        say(
            f"{name}: {row['covered']:.3f}, {row['truth_below']:.3f} below, {row['truth_above']:.3f} above, width "
            f"{row['width']:.4f} bits/pixel, bound {row['off']:+.4f} +- {row['scatter']:.4f} off"
        )
        result["estimates"].append(row)
    emit("hard-intervals", result)


if __name__ == "__main__":
    main()

"""How often a 95 % interval covers what it should, where that is known in closed form.

Patches of a Gaussian field in Gaussian noise come in groups of 8 that share a part of the field. A stationary Gaussian is fitted
to other groups; what it is expected to say of the information, E[-ln q(Y)] - H(Y|X), is a trace and a determinant. Each
replication draws new training and test groups and asks whether an interval of `ideal.information.intervals` over the test groups
covers that number. `estimate` asks it of the whole `ideal.estimate`, with one fold for many sources and, for few, five
of which the expected value is the average. `counts alone` has Poisson counts of independent Gamma distributed means, scored by
their true probability, whose noise entropy is deconvolved from the counts: the interval must hold the deconvolution's error too.

    python benchmarks/coverage.py --replications 200
"""

import numpy as np
from _common import GaussianField, emit, parser, say, timed
from scipy.stats import gamma, nbinom

import ideal.information.estimation as information
from ideal.density import StationaryGaussian
from ideal.information.intervals import GroupedValues, interval
from ideal.measurements.measurement_set import from_arrays
from ideal.measurements.patches import split_by_group
from ideal.noise import Poisson

SIDE, PER_GROUP, TRAIN_GROUPS = 8, 8, 60
CONFIDENCE, LOW, HIGH = 0.95, 0.93, 0.975


def draw(field, rng, groups, share):
    """Return patches (group x 8, side, side) of which a share of the field's variance is the group's, and their groups."""
    root = np.linalg.cholesky(field.signal + 1e-9 * field.signal[0, 0] * np.eye(field.values))
    own = rng.standard_normal((groups, PER_GROUP, field.values))
    common = rng.standard_normal((groups, 1, field.values))
    signal = (np.sqrt(share) * common + np.sqrt(1 - share) * own) @ root.T
    rows = field.mean + signal + field.sigma * rng.standard_normal(own.shape)
    return rows.reshape(-1, field.side, field.side), np.repeat(np.arange(groups), PER_GROUP)


def expected(model, field):
    """What the model should say of the information of a patch, nats."""
    mean = np.broadcast_to(model.mean, field.values)
    return field.cross_entropy(mean, model.covariance()) - field.noise_entropy


def by_interval(field, key, groups, share):
    rng = np.random.default_rng(key)
    train, _ = draw(field, rng, TRAIN_GROUPS, share)
    model = StationaryGaussian.fit(0, train, train)
    test, names = draw(field, rng, groups, share)
    found = interval(GroupedValues.of(-model.log_prob(test) - field.noise_entropy, names), CONFIDENCE, rng)
    return found, expected(model, field)


def by_estimate(field, key, sources, share):
    rng = np.random.default_rng(key)
    patches, names = draw(field, rng, sources, share)
    measured = from_arrays(patches, groups=names, noise="gaussian", sigma=field.sigma)
    found = information.estimate(measured, models=["stationary"], patch=field.side, confidence=CONFIDENCE, seed=key[-1])
    folds = split_by_group(names, folds=5, seed=key[-1])[: found.n_folds]
    models = [found.fitted["stationary"]]
    models += [StationaryGaussian.fit(0, patches[fold.train], patches[fold.validation]) for fold in folds[1:]]
    sizes = [len(fold.test) for fold in folds]
    truth = np.average([expected(model, field) for model in models], weights=sizes)
    return found.best.interval, truth


def by_counts_alone(light, key, groups, shape):
    """Gamma-Poisson pixels of the given mean and Gamma shape; the truth is a sum over counts and over quantiles."""
    rng = np.random.default_rng(key)
    log_p = nbinom.logpmf(np.arange(400), shape, shape / (shape + light))
    quantiles = gamma.ppf((np.arange(100_000) + 0.5) / 100_000, shape, scale=light / shape)
    truth = -(np.exp(log_p) * log_p).sum() - Poisson().entropy(quantiles).mean()
    patches = groups * PER_GROUP
    counts = rng.poisson(rng.gamma(shape, light / shape, (4 * patches, SIDE**2)))
    noise = Poisson().conditional_entropy(counts[:patches], means=Poisson().fit_means(counts))
    loss = -log_p[counts[:patches]].sum(1)
    names = np.repeat(np.arange(groups), PER_GROUP)
    return interval(GroupedValues.of((loss - noise) / SIDE**2, names), CONFIDENCE, rng), truth


def replicate(name, ask, field, args, groups, share, number, values=SIDE**2):
    results, seconds = timed(
        lambda: [ask(field, [args.seed, number, groups, i], groups, share) for i in range(args.replications)]
    )
    below = np.mean([truth < low for (low, high), truth in results])
    above = np.mean([truth > high for (low, high), truth in results])
    covered = 1 - below - above
    error = np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / args.replications)
    width = np.median([high - low for (low, high), truth in results]) / (np.log(2) * values)
    say(f"{name}, {groups} groups, share {share:g}: {covered:.3f} (truth below {below:.3f}, above {above:.3f}), {seconds:.0f} s")
    return {
        "groups": groups,
        "share": share,
        "covered": covered,
        "standard_error": error,
        "truth_below": below,
        "truth_above": above,
        "width_bits_per_pixel": width,
        "met": bool(LOW <= covered <= HIGH),
        "met_within_2_errors": bool(LOW - 2 * error <= covered <= HIGH + 2 * error),
    }


def main():
    options = parser(__doc__)
    options.add_argument("--replications", type=int, default=200, help="of each case (default: 200)")
    options.add_argument("--groups", type=int, nargs="+", default=[20, 60, 125], help="test groups (default: 20 60 125)")
    options.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.9], help="of the variance common to a group")
    options.add_argument("--sources", type=int, nargs="+", default=[40, 100, 300], help="of an estimate (default: 40 100 300)")
    options.add_argument("--skip-estimate", action="store_true", help="only the intervals")
    args = options.parse_args()
    if args.quick:
        args.replications, args.sources = min(args.replications, 40), args.sources[:1]
    field = GaussianField(SIDE, "oblique")
    result = {"intervals": [], "estimate": [], "replications": args.replications}
    for share in args.shares:
        for groups in args.groups:
            result["intervals"].append(replicate("intervals", by_interval, field, args, groups, share, 0))
        for sources in [] if args.skip_estimate else args.sources:
            result["estimate"].append(replicate("estimate", by_estimate, field, args, sources, share, 1))
    result["counts_alone"] = []
    for light, shape in ((0.3, 2.0), (1.0, 2.0), (10.0, 2.0), (0.1, 1.0)):
        row = replicate(f"counts alone, mean {light:g}", by_counts_alone, light, args, 100, shape, 2, values=1)
        row["gamma_shape"] = row.pop("share")
        result["counts_alone"].append({"mean": light} | row)
    emit("coverage", result)


if __name__ == "__main__":
    main()

"""Accuracy of noise entropies: of a Poisson variable, and H(Y|X) of an image from its noisy values alone.

The Poisson entropy and its gradient are compared with direct summation and its finite differences for means from 1e-6 to 1e6.
H(Y|X) is estimated from the noisy values of 200,000 pixels whose intensity has two lobes, and compared with the average
entropy at the true intensities: bias over independent images with its standard error, seconds, and the bias of the plug-in
formula 1/2 ln(2 pi e y) of the noisy values. A camera with read noise is treated in the same way.

    python benchmarks/noise_entropy.py --replications 10
"""

import numpy as np
from _common import emit, mean_and_error, parser, say, timed
from scipy.special import gammaln, log_ndtr, xlogy

import ideal.noise as noise_models

POISSON_MEANS = (0.3, 1.0, 3.0, 10.0, 30.0)
CAMERA_MEANS = (1.0, 3.0, 10.0, 30.0)
READ_NOISE, GAIN, OFFSET = 1.6, 0.45, 100.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def poisson_log_pmf(k, mean):
    """Return ln P(k) to full precision at any mean: the deviance form, in which no large terms cancel."""
    inverse = 1 / np.maximum(k, 1)
    stirling = sum(c * inverse ** (2 * i + 1) for i, c in enumerate(_STIRLING))
    u = (k - mean) / mean
    deviance = mean * ((1 + u) * np.log1p(np.maximum(u, -0.999)) - u)  # k of 0 is not used
    large = -stirling - deviance - 0.5 * np.log(2 * np.pi * np.maximum(k, 1))
    return np.where(k > 20, large, xlogy(k, mean) - mean - gammaln(k + 1))


def poisson_entropy_by_summation(mean):
    reach = 14 * np.sqrt(mean) + 60
    k = np.arange(max(0, int(mean - reach)), int(mean + reach) + 1)
    log_p = poisson_log_pmf(k, mean)
    return -(np.exp(log_p) * log_p).sum()


def camera_entropy_by_summation(mean):
    """Entropy of round((Poisson + read noise) / gain + offset), plus ln gain."""
    electrons = np.arange(int(mean + 14 * np.sqrt(mean) + 60))
    levels = np.arange(int(-14 * READ_NOISE / GAIN), int((electrons[-1] + 14 * READ_NOISE) / GAIN))[:, None] + round(OFFSET)
    low = ((levels - 0.5 - OFFSET) * GAIN - electrons) / READ_NOISE
    high = low + GAIN / READ_NOISE
    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    mass = np.exp(log_ndtr(high)) - np.exp(log_ndtr(low))
    probability = mass @ np.exp(poisson_log_pmf(electrons, mean))
    return -xlogy(probability, probability).sum() + np.log(GAIN)


def check_poisson_entropy(count):
    import jax

    means = np.concatenate([np.geomspace(1e-6, 1e6, count), [1 - 1e-9, 1.0, 1 + 1e-9, 64 - 1e-9, 64.0, 64 + 1e-9]])
    model = noise_models.Poisson()
    direct = np.array([poisson_entropy_by_summation(mean) for mean in means])
    errors = np.abs(model.entropy(means) - direct)
    slopes = []
    for mean in means:  # five points, step 1e-3 of the mean
        step = 1e-3 * mean
        h = [poisson_entropy_by_summation(mean + i * step) for i in (-2, -1, 1, 2)]
        slopes.append((h[0] - 8 * h[1] + 8 * h[2] - h[3]) / (12 * step))
    with jax.enable_x64(True):
        gradient = np.asarray(jax.jit(jax.vmap(jax.grad(model.entropy)))(jax.numpy.asarray(means)))
        under_jax = np.asarray(jax.jit(model.entropy)(jax.numpy.asarray(means)))
    gradient_errors = np.abs(gradient - slopes)
    boundary = np.isin(means, (1.0, 64.0))  # where one expression takes over from another
    return {
        "means": len(means),
        "max_error_nat": errors.max(),
        "at": means[errors.argmax()],
        "max_error_jax_x64_nat": np.abs(under_jax - direct).max(),
        "max_gradient_error": gradient_errors.max(),
        "gradient_at": means[gradient_errors.argmax()],
        "max_gradient_error_off_boundaries": gradient_errors[~boundary].max(),
        "met": bool(errors.max() < 1e-9 and gradient_errors.max() < 1e-6),
    }


def two_lobes(rng, mean, pixels):
    dark, bright = 0.2 * rng.gamma(4, 1 / 4, pixels), 1.8 * rng.gamma(8, 1 / 8, pixels)
    return mean * np.where(rng.random(pixels) < 0.5, dark, bright)


def recover(model, mean, args, key):
    """Return what H(Y|X) from noisy values alone is off by, nat/pixel."""
    biases, plug_ins, seconds = [], [], []
    for number in range(args.replications):
        rng = np.random.default_rng([args.seed, key, number])
        clean = two_lobes(rng, mean, args.pixels)
        noisy = model.sample(rng, clean)
        truth = model.entropy(clean).mean()
        found, took = timed(lambda noisy=noisy: model.conditional_entropy(noisy[:, None]).mean())
        variance = np.maximum(noisy, 0) + getattr(model, "read_noise", 0) ** 2
        plug_in = np.where(variance > 0, 0.5 * np.log(2 * np.pi * np.e * np.maximum(variance, 1e-300)), 0)
        biases.append(found - truth)
        plug_ins.append(plug_in.mean() - truth)
        seconds.append(took)
    bias, error = mean_and_error(biases)
    result = {
        "mean": mean,
        "bias": bias,
        "standard_error": error,
        "worst": float(np.abs(biases).max()),
        "plug_in_bias": float(np.mean(plug_ins)),
        "seconds": float(np.median(seconds)),
        "seconds_max": float(np.max(seconds)),
        "met": abs(bias) <= 0.02 and float(np.median(seconds)) < 1,
    }
    say(f"{model.name} mean {mean:g}: bias {bias:+.4f} +- {error:.4f} nat/pixel, plug-in {np.mean(plug_ins):+.3f}")
    return result


def main():
    options = parser(__doc__)
    options.add_argument("--replications", type=int, default=10, help="images for each mean (default: 10)")
    options.add_argument("--pixels", type=int, default=200_000, help="of an image (default: 200000)")
    args = options.parse_args()
    if args.quick:
        args.replications, args.pixels = 2, 50_000
    camera = noise_models.PoissonGaussian(READ_NOISE, GAIN, OFFSET, quantised=True)
    camera_errors = [
        abs(float(camera.entropy(mean)) - camera_entropy_by_summation(mean)) for mean in (0.01, 0.3, *CAMERA_MEANS, 300)
    ]
    result = {
        "poisson_entropy": check_poisson_entropy(60 if args.quick else 400),
        "poisson": [recover(noise_models.Poisson(), mean, args, 0) for mean in POISSON_MEANS],
        "camera_entropy_max_error_nat": max(camera_errors),
        "camera": [recover(camera, mean, args, 1) for mean in CAMERA_MEANS],
        "pixels": args.pixels,
        "replications": args.replications,
    }
    emit("noise_entropy", result)


if __name__ == "__main__":
    main()

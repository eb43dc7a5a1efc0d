"""Seconds for lensless captures: 96x96 scenes through a 32x32 PSF to 65x65 counts, Poisson noise included.

`encode_s` is the noiseless part (`ImagingSystem.images`) and `noise_s` the counts, for all captures; the first call, which
compiles, is in `compile_s`. The captures are made in blocks and thrown away. Beside it, in the same run,
`scipy.signal.fftconvolve` in a loop over some of the scenes, scaled to all: `scipy_s`, and in `error` the largest relative
difference to it in float64. `phase_s` is the encoding by the phase mask camera, and `psf_gradient_ms` one gradient of a function
of its PSF with respect to the heights of its 128x128 cells.

    python benchmarks/lensless.py
"""

import numpy as np
from _common import emit, parser, peak_rss_mb, say, timed

TARGET = 20.0
BLOCK = 500


def captures(camera, params, count, seed):
    """Return the seconds of encoding and of noise, and the mean count."""
    rng = np.random.default_rng(seed)
    noise, encoding, drawing, total = camera.noise(params), 0.0, 0.0, 0.0
    for start in range(0, count, BLOCK):
        scenes = rng.gamma(0.5, 200, (min(BLOCK, count - start), *camera.scene.shape)).astype(np.float32)
        means, seconds = timed(lambda scenes=scenes: camera.images(params, scenes))
        encoding += seconds
        counts, seconds = timed(lambda means=means: noise.sample(rng, means))
        drawing += seconds
        total += counts.mean() * len(counts)
    return encoding, drawing, total / count


def by_scipy(psf, scenes):
    """Return valid convolutions one by one, in the precision of the scenes."""
    from scipy.signal import fftconvolve

    return np.stack([fftconvolve(scene, psf, mode="valid") for scene in scenes])


def gradient_ms(camera, params):
    """Return the milliseconds of a gradient of the PSF's sharpness with respect to the mask's heights."""
    import jax
    import jax.numpy as jnp

    slope = jax.jit(jax.grad(lambda params: jnp.sum(camera.psf(params) ** 2)))
    slope(params)["height"].block_until_ready()
    return 1000 * timed(lambda: slope(params)["height"].block_until_ready(), 9)[1]


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=10_000, help="captures (default: 10000)")
    options.add_argument("--compared", type=int, default=1000, help="scenes that SciPy convolves (default: 1000)")
    args = options.parse_args()
    if args.quick:
        args.count, args.compared = 1000, 200

    from ideal.imaging import make_system

    camera = make_system("lensless")
    params = camera.design("diffuser", args.seed)
    scenes = np.random.default_rng(args.seed).gamma(0.5, 200, (args.compared, *camera.scene.shape)).astype(np.float32)
    _, compiling = timed(lambda: camera.images(params, scenes[:BLOCK]))
    encoding, drawing, mean = captures(camera, params, args.count, args.seed)
    say(f"{args.count} captures of {mean:.0f} photons a pixel: {encoding:.2f} s encoding, {drawing:.2f} s noise")

    psf = np.asarray(params["psf"])
    slow, looped = timed(lambda: by_scipy(psf, scenes))
    fast, batched = timed(lambda: camera.images(params, scenes))
    exact = by_scipy(psf.astype(np.float64), scenes[:BLOCK].astype(np.float64))
    error = float(np.abs(fast[:BLOCK] / exact - 1).max())
    say(f"scipy.signal.fftconvolve: {looped / len(scenes) * args.count:.2f} s for as many, {looped / batched:.1f} times as long")

    phase = make_system("lensless-phase")
    mask = phase.design("diffuser", args.seed)
    phase.images(mask, scenes[:BLOCK])
    _, diffracting = timed(lambda: phase.images(mask, scenes))
    seconds = encoding + drawing
    result = {
        "captures": args.count,
        "scene": list(camera.scene.shape),
        "psf": list(camera.psf_shape),
        "measurement": list(camera.measurement_shape),
        "mean_photons": mean,
        "compile_s": compiling,
        "encode_s": encoding,
        "noise_s": drawing,
        "total_s": compiling + seconds,
        "scipy_s": looped / len(scenes) * args.count,
        "times_faster_than_scipy": looped / batched,
        "error": error,
        "scipy_float32_error": float(np.abs(slow[:BLOCK] / exact - 1).max()),
        "phase_s": diffracting / len(scenes) * args.count,
        "psf_gradient_ms": gradient_ms(phase, mask),
        "peak_rss_mb": peak_rss_mb(),
        "target_s": TARGET,
        "met": compiling + seconds < TARGET and error < 1e-5,
    }
    emit("lensless", result)


if __name__ == "__main__":
    main()

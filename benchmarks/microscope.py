"""Speed and memory of the LED-array microscope: 1,000 images of 128 x 128 pixels with 69 LEDs, and the weak-object form.

Every LED is lit. Objects are generated cells, repeated; neither that nor the first call, which compiles, is timed. Accuracy is
that of float32 against float64 on one object, relative to the brightest pixel.

    python benchmarks/microscope.py
"""

import numpy as np
from _common import emit, parser, peak_rss_mb, say, timed

COUNT, SECONDS, MEGABYTES = 1000, 120.0, 1000.0


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=COUNT, help="images (default: 1000)")
    args = options.parse_args()
    count = 64 if args.quick else args.count

    import jax

    from ideal.datasets import make_objects
    from ideal.imaging import make_system

    full, weak = make_system("led-microscope", defocus=2.0), make_system("led-microscope-weak", defocus=2.0)
    params = full.design("all")
    cells, cell_seconds = timed(lambda: make_objects("phase-cells").open(full.scene, args.seed).read(0, min(count, 100)).scenes)
    scenes = np.resize(cells, (count, *cells.shape[1:]))
    result = {"images": count, "shape": list(full.measurement_shape), "leds": len(full.directions)}
    result["cells_generated_per_second"] = len(cells) / cell_seconds
    for name, system in (("full", full), ("weak", weak)):
        seen = scenes if system is full else 0.1 * scenes  # the weak form takes weak objects
        system.images(params, seen[:40])
        result[f"{name}_seconds"] = timed(lambda system=system, seen=seen: system.images(params, seen))[1]
        say(f"{name}: {count} images in {result[f'{name}_seconds']:.2f} s")
    single = full.images(params, scenes[:1])
    with jax.enable_x64(True):
        double = full.images({"intensities": np.asarray(params["intensities"], np.float64)}, scenes[:1].astype(np.float64))
    result["relative_error_float32"] = float(np.abs(single - double).max() / double.max())
    result["peak_rss_mb"] = peak_rss_mb()
    result["met"] = result["full_seconds"] / count * COUNT < SECONDS and result["peak_rss_mb"] < MEGABYTES
    emit("microscope", result)


if __name__ == "__main__":
    main()

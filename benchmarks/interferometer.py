"""Visibilities of 64x64 images for EHT 2017 (8 sites, M87, 230 GHz, 24 h): seconds, memory, and agreement with eht-imaging.

Times `ImagingSystem.images` with its compilation, which is to be under 20 s for 1000 images on 2 cores, and in the same run
eht-imaging's direct transform (where it is installed) on some of the images, and reports the largest difference.

    python benchmarks/interferometer.py
"""

import contextlib
import io
import warnings

import numpy as np
from _common import emit, parser, peak_rss_mb, say, timed

from ideal.imaging import make_system
from ideal.imaging.interferometer.interferometer import MICROARCSECOND

PEER_IMAGES = 3


def rings(count, system, seed):
    """Return images (count, row, column) of thick rings of 40 uas with random texture, 1 Jy each."""
    rng = np.random.default_rng(seed)
    rows, columns = system.scene.shape
    y, x = ((np.arange(size) - (size - 1) / 2) * system.scene.pixel for size in (rows, columns))
    ring = np.exp(-0.5 * ((np.hypot(x, y[:, None]) - 20) / 5) ** 2)
    scenes = ring * rng.gamma(2.0, size=(count, rows, columns))
    return (scenes / scenes.sum((1, 2), keepdims=True)).astype(np.float32)


def peer(system, scenes):
    """Return eht-imaging's visibilities of a few images and its seconds per image; None where it is not installed."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            import ehtim
            from ehtim.observing.obs_simulate import sample_vis
    except ImportError:
        say("eht-imaging is not installed: nothing to compare with")
        return None, None
    see = system.uv_coverage()
    points = np.stack([see.u, see.v], axis=1)
    images = [
        ehtim.image.Image(scene.astype(float), system.scene.pixel * MICROARCSECOND, *see.source, rf=system.frequency)
        for scene in scenes
    ]
    found, seconds = timed(lambda: np.array([sample_vis(each, points, ttype="direct", verbose=False)[0] for each in images]))
    return found, seconds / len(images)


def main():
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=1000, help="how many (default: 1000)")
    args = options.parse_args()
    count = 100 if args.quick else args.images
    system = make_system("interferometer")
    scenes = rings(count, system, args.seed)
    coverage, coverage_seconds = timed(system.uv_coverage)
    params = system.design()
    say(f"{count} images, {len(coverage.u)} visibilities each")
    found, first_seconds = timed(lambda: system.images(params, scenes))
    _, seconds = timed(lambda: system.images(params, scenes))
    result = {
        "images": count,
        "visibilities": len(coverage.u),
        "seconds_coverage": coverage_seconds,
        "seconds": first_seconds,
        "seconds_compiled": seconds,
        "peak_memory_mb": peak_rss_mb(),
    }
    theirs, per_image = peer(system, scenes[: 1 if args.quick else PEER_IMAGES])
    if theirs is not None:
        result["ehtim_seconds_per_image"] = per_image
        result["times_faster_than_ehtim"] = per_image * count / first_seconds
        result["largest_difference_of_the_flux"] = float(np.abs(found[: len(theirs)] - theirs).max())
    emit("interferometer", result)


if __name__ == "__main__":
    main()

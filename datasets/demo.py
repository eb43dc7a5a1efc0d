"""Three measurement sets of the same photographs: a sharp lens, a defocused one, and a sharp one in less light.

python -m ideal.datasets.demo FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
from scipy.signal import fftconvolve

from ideal.datasets.photographs import photograph_tiles
from ideal.measurements.measurement_set import write_measurements
from ideal.noise import Poisson, PoissonGaussian

_SIDE = 128
_MARGIN = 8
CAMERA = PoissonGaussian(read_noise=1.6, gain=0.45, offset=100.0, quantised=True)


def sharp_spread() -> np.ndarray:
    """Point spread function of a lens in focus: a Gaussian of 0.7 pixel standard deviation, sum 1."""
    r2 = (np.indices((2 * _MARGIN + 1,) * 2) - _MARGIN) ** 2
    spread = np.exp(-r2.sum(0) / (2 * 0.7**2))
    return spread / spread.sum()


def defocused_spread(radius: float = 3.0) -> np.ndarray:
    """Point spread function of a lens out of focus: a disk of `radius` pixels over the sharp one, sum 1."""
    fine = 9  # subpixels, so that the disk's edge is not a staircase
    axis = (np.arange(fine * (2 * _MARGIN + 1)) + 0.5) / fine - _MARGIN - 0.5
    disk = (np.hypot(axis[:, None], axis) <= radius).astype(float)
    disk = disk.reshape(2 * _MARGIN + 1, fine, 2 * _MARGIN + 1, fine).sum((1, 3))
    spread = fftconvolve(disk, sharp_spread(), mode="same")
    return np.maximum(spread, 0) / np.maximum(spread, 0).sum()


def make_measurements(folder: str | Path, seed: int = 0) -> list[Path]:
    """Write three measurement sets of Poisson counts, and a TIFF stack of raw camera numbers with the photograph of each.

    Existing files are replaced.

    Args:
        folder: where to; created if need be.
        seed: of the photons.

    Returns:
        The files' paths.

    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    objects, groups = photograph_tiles(_SIDE + 2 * _MARGIN)
    systems = {
        "sharp-100-photons": (sharp_spread(), 100.0),
        "defocused-100-photons": (defocused_spread(), 100.0),
        "sharp-25-photons": (sharp_spread(), 25.0),
    }
    paths = []
    for number, (name, (spread, photons)) in enumerate(systems.items()):
        mean = photons * np.maximum(fftconvolve(objects, spread[None], mode="valid", axes=(1, 2)), 0)
        counts = Poisson().sample(np.random.default_rng([seed, number]), mean)
        paths.append(folder / f"{name}.h5")
        write_measurements(
            paths[-1],
            counts.astype(np.uint16),
            groups=groups,
            noise="poisson",
            units="photoelectrons",
            description=f"photographs of scikit-image, linear light, {name.replace('-', ' ')} mean",
            overwrite=True,
        )
    mean = 100.0 * np.maximum(fftconvolve(objects, sharp_spread()[None], mode="valid", axes=(1, 2)), 0)
    electrons = CAMERA.sample(np.random.default_rng([seed, len(systems)]), mean)
    paths.append(folder / "camera.tif")
    tifffile.imwrite(paths[-1], np.round(electrons / CAMERA.gain + CAMERA.offset).astype(np.uint16), photometric="minisblack")
    paths.append(folder / "camera-groups.txt")
    np.savetxt(paths[-1], groups, fmt="%d")
    return paths


if __name__ == "__main__":
    for path in make_measurements(sys.argv[1]):
        print(path)

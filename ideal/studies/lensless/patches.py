"""What the side of a patch does to the information of cameras that show an object several times, in closed form."""

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.linalg import cholesky

from ideal.decoders.images.deconvolution import Blurring
from ideal.information.results import LN2
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context
from ideal.studies.lensless import work


def patched(settings: dict, needs: dict, context: Context) -> dict:
    """Return bits per pixel of stationary Gaussian scenes with the measured spectrum, by design and side of the patch."""
    _, part = work.needed_objects(settings, needs)
    photons = settings["photons"]
    light = world.exposure_for(work.camera(settings), part.scenes, photons)
    found: dict = {}
    for name in settings["designs"]:
        psf = np.asarray(work.params_of(settings | {"design": name}, needs)["psf"])
        blurring = Blurring.of(psf, part.scenes * light, photons)
        found[name] = {str(side): _bits_per_pixel(blurring, side) for side in settings["sides"]}
    return found


def _bits_per_pixel(blurring: Blurring, side: int) -> float:
    """Return 1/2 log2 det(1 + K / N) per pixel, K the covariance of the noiseless pixels of a patch, N the noise."""
    shape = blurring.shape
    covariance = irfft2(blurring.spectrum * np.abs(rfft2(blurring.psf, s=shape)) ** 2, s=shape)
    lag = np.arange(side)[:, None] - np.arange(side)
    matrix = covariance[(lag % shape[0])[:, None, :, None], (lag % shape[1])[None, :, None, :]].reshape(side**2, -1)
    matrix /= blurring.noise
    matrix[np.diag_indices(len(matrix))] += 1
    return float(np.log(np.diag(cholesky(matrix, lower=True, check_finite=False))).sum() / (LN2 * side**2))

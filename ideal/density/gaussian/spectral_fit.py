"""Maximum likelihood of a stationary autocovariance, over spectra that are positive by construction.

The field seen in a patch is taken as a piece of a periodic field on a torus of twice the patch's size (circulant embedding),
whose power spectrum is a positive semidefinite matrix between channels at each frequency. Then the patch's covariance is block
Toeplitz and positive whatever the parameters, and the likelihood depends on the data only through their second moments: an
iteration costs the same for a hundred patches and for a million.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor
from scipy.linalg.blas import dsymm
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from ideal.errors import DataError

_FLOOR = 1e-10  # of the mean power: only keeps the starting spectrum off zero
_LEFT = 0.05  # of the power, where the start would be that less the noise


def fit_autocovariance(
    second: np.ndarray, shape: tuple[int, int, int], *, noise: np.ndarray | None = None, tolerance: float = 1e-6
) -> np.ndarray:
    """Return the autocovariance that maximises the Gaussian likelihood, of the signal alone where the noise is known.

    Args:
        second: mean outer product of patches less their constant mean, (value, value), values in order (row, column, channel).
        shape: (row, column, channel) of a patch.
        noise: variances of independent noise in each value, (value,), which the covariance has on top of the field's; or None.
        tolerance: the iterations stop when one lowers the loss, in nats per value, by a smaller share (or amount, below 1).

    Returns:
        Shape (2 row - 1, 2 column - 1, channel, channel), zero lag in the middle.

    Raises:
        DataError: the patches do not vary.

    """
    rows, columns, channels = shape
    size = rows * columns * channels
    scale = np.trace(second) / size
    if not scale > 0:
        raise DataError("the measurements are constant: every pixel of every sample has the same value")
    noise = np.zeros(size) if noise is None else noise / scale
    second = second / scale  # the optimiser's tolerance is relative to the loss, which must not depend on the units
    torus = 2 * rows, 2 * columns
    pair = _pair_index(shape, torus)
    cells = torus[0] * torus[1] * channels**2

    def collect(matrix):  # sum of the entries at each lag, (row, column, channel, channel)
        return np.bincount(pair, weights=matrix.ravel(), minlength=cells).reshape(*torus, channels, channels)

    def autocovariance_of(root):
        spectrum = root @ root.conj().swapaxes(-1, -2)
        return np.fft.ifft2(spectrum, axes=(0, 1)).real

    # The mean periodogram of the zero-padded patches is a positive spectrum, if one smoothed by the patch.
    periodogram = np.fft.fft2(collect(second), axes=(0, 1)) / (rows * columns)
    start = _hermitian_root(periodogram, noise.mean(), _FLOOR)
    parameters = np.broadcast_to(np.eye(channels, dtype=complex), start.shape)

    def loss_and_gradient(vector):
        root = start @ vector.view(complex).reshape(start.shape)
        covariance = autocovariance_of(root).ravel()[pair].reshape(size, size)
        covariance[np.diag_indices(size)] += noise
        try:
            factor = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)[0]
        except LinAlgError:
            return np.inf, np.zeros_like(vector)
        log_det = 2 * np.log(np.diag(factor)).sum()
        precision = dpotri(factor, lower=1, overwrite_c=1)[0]
        precision = np.tril(precision) + np.tril(precision, -1).T
        weighted = dsymm(1.0, precision, second)
        loss = 0.5 * (log_det + np.trace(weighted)) / size
        slope = 0.5 * (precision - weighted @ precision) / size
        # d loss = Re sum_k tr(slope_k^H dS_k), and S = root root^H
        frequency = np.fft.fft2(collect(slope), axes=(0, 1)) / (torus[0] * torus[1])
        gradient = 2 * start.conj().swapaxes(-1, -2) @ (frequency @ root)
        return loss, np.ascontiguousarray(gradient).view(np.float64).ravel()

    result = minimize(
        loss_and_gradient,
        np.ascontiguousarray(parameters).view(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "maxcor": 10, "ftol": tolerance, "gtol": 0.0},
    )
    best = autocovariance_of(start @ result.x.view(complex).reshape(start.shape))
    inside = scale * np.roll(best, (rows - 1, columns - 1), axis=(0, 1))[: 2 * rows - 1, : 2 * columns - 1]
    return 0.5 * (inside + inside[::-1, ::-1].swapaxes(-1, -2))


def _pair_index(shape: tuple[int, int, int], torus: tuple[int, int]) -> np.ndarray:
    """Return for each pair of values the index of its (lag, channel, channel) on the torus, (value * value,)."""
    channels = shape[2]
    row, column, channel = (axis.ravel() for axis in np.indices(shape))
    dy = (row[:, None] - row[None, :]) % torus[0]
    dx = (column[:, None] - column[None, :]) % torus[1]
    index = ((dy * torus[1] + dx) * channels + channel[:, None]) * channels + channel[None, :]
    return index.ravel()


def _hermitian_root(matrices: np.ndarray, noise: float, floor: float) -> np.ndarray:
    """Return R with R R^H equal to Hermitian matrices less white noise, with eigenvalues that a fit can still move.

    They are at least a twentieth of what they were, and a share of the mean one.
    """
    values, vectors = np.linalg.eigh(0.5 * (matrices + matrices.conj().swapaxes(-1, -2)))
    values = np.maximum(np.maximum(values - noise, _LEFT * values if noise else 0.0), floor * values.mean())
    return vectors * np.sqrt(values)[..., None, :]

"""The multivariate normal density in terms of a Cholesky factor."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from ideal.errors import DataError

LOG_2PI = float(np.log(2 * np.pi))


def factorise(covariance: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor.

    Raises:
        DataError: the covariance is singular, as where a pixel never changes.

    """
    try:
        return cholesky(covariance, lower=True, check_finite=False)
    except np.linalg.LinAlgError as error:
        still = int((np.diag(covariance) <= 0).sum())
        detail = f"{still} of {len(covariance)} values never change" if still else "values are exact combinations of others"
        raise DataError(
            f"the covariance of the measurements is singular ({detail}): constant or duplicated pixels carry no noise, "
            "so they are not raw measurements; crop them away"
        ) from error


def whiten(factor: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """Return the innovations L^-1 x of rows x, shape (sample, value)."""
    return solve_triangular(factor, centred.T, lower=True, check_finite=False).T


def gaussian_log_prob(factor: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """Return ln N(x; 0, L L^T) of rows x, shape (sample,)."""
    innovations = whiten(factor, centred)
    constant = np.log(np.diag(factor)).sum() + 0.5 * len(factor) * LOG_2PI
    return -0.5 * np.einsum("ij,ij->i", innovations, innovations) - constant


def normal_log_density(values, mean, deviation) -> np.ndarray:
    """Return ln N(value; mean, deviation^2) of each value, of the broadcast shape."""
    return -0.5 * ((values - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * LOG_2PI


def predict_in_order(factor: np.ndarray, centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each value's mean given those before it and its standard deviation.

    Args:
        factor: lower Cholesky factor (value, value).
        centred: measurements less their mean (sample, ...).

    Returns:
        Means (sample, ...) and deviations (...).

    """
    rows, scale = centred.reshape(len(centred), -1), np.diag(factor)
    mean = rows - whiten(factor, rows) * scale
    return mean.reshape(centred.shape), scale.reshape(centred.shape[1:])

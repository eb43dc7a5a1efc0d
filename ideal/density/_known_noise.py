"""Noise that is known value by value: what a density model adds to its model of the signal."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.linalg import cholesky, eigh
from scipy.linalg.blas import dsyrk

from ideal.density._fitting import Sensor
from ideal.density.gaussian.moments import Moments, batches, flatten, moments
from ideal.density.gaussian.multivariate import LOG_2PI, factorise, gaussian_log_prob, whiten
from ideal.errors import DataError, UsageError

_KEPT = 64  # maps of noise that differs from sample to sample, kept to draw measurements under
_MANY = 8  # maps, above which one decomposition may save the factors of all
_NOTHING = 1e-9  # of the least noise: a variance that is none
_FEW_DIRECTIONS = 3  # times as many values as directions make the short way shorter
_LEAST_SIGNAL = 1e-3  # of the noise's variance, in the weights of samples
# Of the signal's variance, in the weights of samples: all of it suits a signal of many directions. Less lets quiet samples count
# for more, as they should where most directions hold noise alone. Validation chooses.
SHARES = (1.0, 0.03)
JUDGED = 256  # validation measurements that choose: under noise by sample each takes a factor of its own


def variances(sigma, shape: tuple[int, ...], *, is_complex: bool) -> np.ndarray:
    """Return noise variances of the real values of measurements, (sample, value).

    Args:
        sigma: standard deviations, of each of the two parts of a complex value; a shape that broadcasts to (sample, *shape).
        shape: of one measurement.
        is_complex: whether values are pairs.

    """
    sigma = np.asarray(sigma, dtype=np.float64)
    count = len(sigma) if sigma.ndim == len(shape) + 1 else 1
    rows = np.broadcast_to(sigma, (count, *shape)).reshape(count, -1) ** 2
    return np.repeat(rows, 2, axis=1) if is_complex else rows


def floor_of(sensor: Sensor, mean: np.ndarray, shape: tuple[int, ...], *, is_complex: bool) -> np.ndarray | None:
    """Return the variance that noise alone gives each real value of a measurement, (value,); None where it is not known.

    Noise of variance a + b m about means m that themselves vary adds a + b E[m], whatever the means do. Counts that were spread
    over their step have the variance of that too.

    Args:
        sensor: how the values came about.
        mean: of each real value over measurements, (value,).
        shape: of one measurement.
        is_complex: whether values are pairs.

    """
    if sensor.noise_sigma is not None:
        return variances(sensor.noise_sigma, shape, is_complex=is_complex)[0]
    constant, slope = sensor.noise_variance
    found = constant + slope * np.maximum(mean, 0.0) + sensor.step**2 / 12
    return found if constant + slope > 0 and found.min() > 0 else None


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different rows of an array, in the order of their first places, and for each row the number of its like."""
    seen: dict[bytes, int] = {}
    rows = np.ascontiguousarray(rows)
    index = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], dtype=np.int64)
    first = np.unique(index, return_index=True)[1]
    return rows[first], index


def some_maps(rows: np.ndarray) -> np.ndarray:
    """Return some of the different rows of noise variances, spread over all, to be kept with a model."""
    maps, _ = distinct(rows)
    return maps[np.linspace(0, len(maps) - 1, min(len(maps), _KEPT)).astype(int)]


def log_prob_under(signal: np.ndarray, centred: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return ln N(x; 0, signal + diag(noise)) of rows x, each under noise of its own.

    Args:
        signal: covariance without noise, (value, value).
        centred: (sample, value).
        noise: variances, (sample, value), or (1, value) for all alike.

    """
    noise = np.broadcast_to(noise, centred.shape)
    maps, index = distinct(noise)
    factors = maps[:, :1] / maps[:1, :1]
    if len(maps) > 2 and np.allclose(maps, factors * maps[0], rtol=1e-9):
        # Noise of one pattern in several strengths: in the basis where signal and pattern are diagonal, all are.
        root = np.sqrt(maps[0])
        power, vectors = eigh(signal / np.outer(root, root))
        spread = np.maximum(power, 0.0) + factors[index]
        inside = (centred / root) @ vectors
        return -0.5 * (inside**2 / spread + np.log(spread) + LOG_2PI).sum(1) - np.log(root).sum()
    found = np.empty(len(centred))
    score = partial(_by_factor, signal)
    if len(maps) > _MANY:
        power, vectors = eigh(signal)
        there = power > _NOTHING * maps.min()
        if there.sum() * _FEW_DIRECTIONS <= len(signal):
            score = partial(_by_directions, power[there], vectors[:, there])
    for number, variance in enumerate(maps):
        own = index == number
        found[own] = score(variance, centred[own])
    return found


def _by_factor(signal: np.ndarray, variance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return gaussian_log_prob(_factor_under(signal, variance), rows)


def _by_directions(power: np.ndarray, vectors: np.ndarray, variance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the same for a signal of few directions (value, direction), by Woodbury's identity and the determinant lemma."""
    seen = vectors / variance[:, None]
    inner = vectors.T @ seen
    inner[np.diag_indices_from(inner)] += 1 / power
    factor = factorise(inner)
    distance = (rows**2 / variance).sum(1) - (whiten(factor, rows @ seen) ** 2).sum(1)
    constant = np.log(np.diag(factor)).sum() + 0.5 * (np.log(power).sum() + np.log(variance).sum() + len(variance) * LOG_2PI)
    return -0.5 * distance - constant


def predict_under(signal: np.ndarray, centred: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each value's mean given those before it and its standard deviation, rows under noise of their own.

    Args:
        signal, centred, noise: as of `log_prob_under`.

    Returns:
        Means and deviations, (sample, value) both.

    """
    noise = np.broadcast_to(noise, centred.shape)
    maps, index = distinct(noise)
    mean, deviation = np.empty_like(centred), np.empty_like(centred)
    for number, variance in enumerate(maps):
        own = index == number
        factor = _factor_under(signal, variance)
        scale = np.diag(factor)
        mean[own] = centred[own] - whiten(factor, centred[own]) * scale
        deviation[own] = scale
    return mean, deviation


def draw_under(signal: np.ndarray, noise: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw rows (count, value) of a signal of mean 0, each under one of the maps of noise variances (map, value)."""
    power, vectors = eigh(signal)
    rows = rng.standard_normal((count, len(signal))) @ (vectors * np.sqrt(np.maximum(power, 0.0))).T
    return rows + np.sqrt(noise[rng.integers(len(noise), size=count)]) * rng.standard_normal(rows.shape)


def _factor_under(signal: np.ndarray, variance: np.ndarray) -> np.ndarray:
    total = signal.copy()
    total[np.diag_indices_from(total)] += variance
    return factorise(total)


def one_map(noise: np.ndarray) -> None:
    """Refuse to go on where a model's noise differs from sample to sample and nobody says which it is.

    Raises:
        UsageError: it does.

    """
    if len(noise) > 1:
        raise UsageError("the model was fitted under noise that differs from sample to sample: give the sigma of each")


def raised_to(covariance: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return a covariance raised, in units of the noise, to have no less variance in any direction than noise alone."""
    over = covariance.copy()
    over[np.diag_indices_from(over)] -= (1 - 1e-9) * noise
    try:
        cholesky(over, lower=True, check_finite=False)
        return covariance
    except np.linalg.LinAlgError:
        root = np.sqrt(noise)
        power, vectors = eigh(covariance / np.outer(root, root))
        raised = (vectors * np.maximum(power, 1.0)) @ vectors.T
        return np.outer(root, root) * (0.5 * (raised + raised.T))


@dataclass(frozen=True)
class NoisyMoments:
    """Moments under known noise.

    Attributes:
        count: measurements that an equal weight of each would be worth.
        mean: (value,).
        covariance: about that mean, (value, value), noise included.
        noise: average variance of the noise in it, (value,), or None.

    """

    count: float
    mean: np.ndarray
    covariance: np.ndarray
    noise: np.ndarray | None


def noisy_moments(
    data, noise: np.ndarray | None, *, about: np.ndarray | None = None, signal: np.ndarray | None = None, share: float = 1.0
) -> tuple[NoisyMoments, np.ndarray | None]:
    """Return moments of measurements under noise that differs from sample to sample, quiet samples counting for more.

    Args:
        data: measurements, an array or an object that gives arrays of samples.
        noise: variances of their real values (sample, value); None for noise that is the same in all or not known.
        about: mean (value,) about which to take the covariance, in place of their own.
        signal: variance of the signal, (value,), for the weights; None to find it.
        share: of the variance that is found, to take for it.

    The product of two values y, each over the variance v + s^2 that a signal of variance v and its noise have, is averaged with
    those weights; the covariance then is the signal's and the average noise's under the same weights.

    Returns:
        The moments, and the variance of the signal behind the weights.

    """
    if noise is None:
        return _plain(data), None
    if signal is None:
        found = _plain(data)
        least = _LEAST_SIGNAL * noise.mean(0)
        signal = np.maximum(share * (np.diag(found.covariance) - noise.mean(0)), least)
    centre = _weighted_mean(data, noise, signal)
    middle = centre if about is None else about
    size = len(signal)
    product, pairs = np.zeros((size, size), order="F"), np.zeros((size, size), order="F")
    own = np.zeros(size)
    fourth = np.zeros(size)
    for rows, variance in _with_noise(data, noise):
        weight = 1 / (variance + signal)
        product = dsyrk(1.0, (weight * (rows - middle)).T, beta=1.0, c=product, overwrite_c=1)
        pairs = dsyrk(1.0, weight.T, beta=1.0, c=pairs, overwrite_c=1)
        own += (weight**2 * variance).sum(0)
        fourth += (weight**4).sum(0)
    product, pairs = (each + np.triu(each, 1).T for each in (product, pairs))
    diagonal = np.diag(pairs)
    return NoisyMoments(float((diagonal**2 / fourth).mean()), centre, product / pairs, own / diagonal), signal


def judged(validation, sigma) -> tuple[np.ndarray, np.ndarray]:
    """Return some validation measurements and the noise of each, spread over all, by which a model is chosen."""
    chosen = np.linspace(0, len(validation) - 1, min(len(validation), JUDGED)).astype(int)
    return np.asarray(validation)[chosen], np.asarray(sigma)[chosen]


def _plain(data) -> NoisyMoments:
    found: Moments = moments(data)
    return NoisyMoments(found.count, found.mean, found.covariance, None)


def _with_noise(data, noise: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    start = 0
    for batch in batches(data):
        rows = flatten(batch)
        yield rows, noise[start : start + len(rows)]
        start += len(rows)
    if start != len(noise):
        raise DataError(f"{start} measurements came with the noise of {len(noise)}")


def _weighted_mean(data, noise, signal) -> np.ndarray:
    total: np.ndarray | float = 0.0
    weights: np.ndarray | float = 0.0
    for rows, variance in _with_noise(data, noise):
        weight = 1 / (variance + signal)
        total, weights = total + (weight * rows).sum(0), weights + weight.sum(0)
    return np.asarray(total / weights)

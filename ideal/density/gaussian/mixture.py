"""A mixture of Gaussians with one covariance: for scenes that are one of a few, each seen through the same noise."""

from functools import cached_property
from typing import Self

import numpy as np
from scipy.cluster.vq import ClusterError, kmeans2
from scipy.special import logsumexp

from ideal._random import generator
from ideal.density import _known_noise
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR, Sensor
from ideal.density.gaussian.full import FullGaussian
from ideal.density.gaussian.moments import batches, flatten
from ideal.density.gaussian.multivariate import LOG_2PI, factorise, whiten
from ideal.density.gaussian.spectral_fit import fit_autocovariance
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.errors import DataError

_FIRST, _MORE = (16, 4), (8, 32, 2)  # components: the second lot is tried where one of the first is better than a single one
_STARTS, _TRIAL = 6, 12  # starts, and steps after which the best goes on
_STEPS, _GAIN = 100, 1e-4  # of expectation maximisation; nats per measurement below which it has converged
_MOST_VALUES = 1024
_MOST_SAMPLES = 10_000
_PLANE = 24  # principal components in which the first means are looked for
_WEIGHTS = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0])  # of the simpler covariance


class GaussianMixture(Density):
    """A mixture of Gaussians that share one covariance.

    Exact where the scene is one of a few known or unknown ones and the noise Gaussian; for natural scenes it is about as good as
    the full Gaussian. The number of components is chosen on validation measurements.

    Args:
        weights: of the components, (component,), of sum 1.
        means: (component, ...), each of the shape of a measurement.
        covariance: of all values about their component's mean, in raster order, (value, value), under the average of the noise
            where that is known to differ from sample to sample.
        noise: variances of such noise, a row for each of some maps (map, value); None where there is none.

    """

    name = "gaussian-mixture"
    summary = "Gaussians about several means with one covariance, for scenes that are one of a few"

    def __init__(self, weights, means, covariance, *, noise=None):
        self.weights, self.means = np.asarray(weights, dtype=np.float64), np.asarray(means, dtype=np.float64)
        self.covariance = np.asarray(covariance, dtype=np.float64)
        self.shape = self.means.shape[1:]
        self.noise = None if noise is None else np.atleast_2d(np.asarray(noise, dtype=np.float64))

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept real measurements that are not too large."""
        return not is_complex and int(np.prod(shape)) <= _MOST_VALUES

    @classmethod
    def fit(
        cls,
        key,
        train,
        validation,
        *,
        fitted=_NONE,
        sensor=PLAIN_SENSOR,
        fitting=DEFAULT_FITTING,
        sigmas: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Self:
        """Fit by expectation maximisation from several starts, with several numbers of components.

        Args:
            key: of the starts.
            train: measurements; of more than 10,000, so many, spread evenly over all.
            validation: measurements by which the number of components and the shrinkage of the covariance are chosen.
            fitted: a full Gaussian among these, the mixture of one, is not fitted again.
            sensor: whose noise is left in every direction.
            fitting: not used.
            sigmas: see `ideal.density.Density.fit`.

        """
        rng = generator(key)
        shape, kept, told = tuple(train.shape[1:]), None, {}
        if sigmas is None:
            single = fitted.get(FullGaussian.name) or FullGaussian.fit(0, train, validation, fitted=fitted, sensor=sensor)
        else:  # means and covariance are found under the average noise, and judged under that of each
            single = fitted.get(FullGaussian.name) or FullGaussian.fit(0, train, validation, fitted=fitted, sigmas=sigmas)
            kept, told = single.noise, {"sigma": sigmas[1]}
            sensor = Sensor(noise_sigma=np.sqrt((np.asarray(sigmas[0]) ** 2).mean(0)))
        best = cls([1.0], single.mean[None], single.covariance, noise=kept)
        best_loss = -best.log_prob(validation, **told).mean()
        values = _spread(train)
        centre = values.mean(0)
        noise = _known_noise.floor_of(sensor, centre, shape, is_complex=False)
        values = values - centre  # sums about the mean keep their digits where the mean is large
        plane = _principal(values)
        for count in (*_FIRST, *_MORE):
            if count * 8 > len(values) or (count in _MORE and len(best.weights) == 1):
                continue
            trials = [_maximise(values, *_start(plane, values, count, rng), _TRIAL) for _ in range(_STARTS)]
            best_trial = max(trials, key=lambda each: each[0])
            _, weights, means, covariance = _maximise(values, *best_trial[1:3], _STEPS)
            candidate = _shrunk(cls, weights, (means + centre).reshape(-1, *shape), covariance, noise, validation)
            if kept is not None:
                candidate = cls(weights, candidate.means, candidate.covariance + np.diag(kept.mean(0) - noise), noise=kept)
            loss = -candidate.log_prob(validation, **told).mean()
            if loss < best_loss:
                best, best_loss = candidate, loss
        return best

    @cached_property
    def _factor(self) -> np.ndarray:
        return factorise(self.covariance)

    def _by_component(self, measurements) -> np.ndarray:
        """Return ln of weight times density of each component, (sample, component)."""
        array = np.asarray(measurements, dtype=np.float64)
        if array.shape[1:] != self.shape:
            raise DataError(f"measurements have shape {array.shape[1:]}, the model was fitted to {self.shape}")
        centre = self.means.mean(0)
        white = whiten(self._factor, flatten(array - centre))
        means = whiten(self._factor, flatten(self.means - centre))
        distance = (white**2).sum(1)[:, None] - 2 * white @ means.T + (means**2).sum(1)
        constant = np.log(np.diag(self._factor)).sum() + 0.5 * len(self._factor) * LOG_2PI
        return np.log(self.weights) - 0.5 * distance - constant

    def log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return the log-density in nats per measurement; `sigma` as of `ideal.density.Density.log_prob`."""
        if self.noise is None:
            return logsumexp(self._by_component(measurements), axis=1)
        if sigma is None:
            _known_noise.one_map(self.noise)
            sigma = np.sqrt(self.noise[0]).reshape(self.shape)
        array = np.asarray(measurements, dtype=np.float64)
        noise = np.broadcast_to(_known_noise.variances(sigma, self.shape, is_complex=False), (len(array), self.noise.shape[1]))
        signal = self.covariance - np.diag(self.noise.mean(0))
        found = np.empty(len(array))
        maps, index = _known_noise.distinct(noise)
        for number, variance in enumerate(maps):
            own = index == number
            under = GaussianMixture(self.weights, self.means, signal + np.diag(variance))
            found[own] = under.log_prob(array[own])
        return found

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray | None:
        """Return ln q of each value given those before it, nats, (sample, value); None under other noise than all had."""
        if sigma is not None:
            return None
        array = np.asarray(measurements, dtype=np.float64)
        centre = self.means.mean(0)
        white = whiten(self._factor, flatten(array - centre))
        means = whiten(self._factor, flatten(self.means - centre))
        # Up to a constant, ln of weight times density of the values so far, by component; its sum's steps are the conditionals.
        joint = np.log(self.weights)[:, None] - 0.5 * np.cumsum((white[:, None] - means) ** 2, axis=2)
        return np.diff(logsumexp(joint, axis=1), axis=1, prepend=0.0) - np.log(np.diag(self._factor)) - 0.5 * LOG_2PI

    def sample(self, key, count: int) -> np.ndarray:
        """Draw measurements (count, ...)."""
        rng = generator(key)
        which = rng.choice(len(self.weights), count, p=self.weights)
        if self.noise is None:
            rows = rng.standard_normal((count, len(self._factor))) @ self._factor.T
        else:
            rows = _known_noise.draw_under(self.covariance - np.diag(self.noise.mean(0)), self.noise, rng, count)
        return self.means[which] + rows.reshape(count, *self.shape)

    def _state(self) -> dict[str, np.ndarray]:
        state = {"weights": self.weights, "means": self.means, "covariance": self.covariance}
        return state if self.noise is None else state | {"noise": self.noise}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        return cls(state["weights"], state["means"], state["covariance"], noise=state.get("noise"))


def _spread(data) -> np.ndarray:
    """Return measurements as rows; of very many, as many as are taken, spread evenly over all."""
    taken, count = min(data.shape[0], _MOST_SAMPLES), data.shape[0]
    found, seen = [], 0
    for batch in batches(data):
        place = np.arange(seen, seen + len(batch) + 1) * taken // count
        found.append(flatten(batch[np.flatnonzero(np.diff(place))]))
        seen += len(batch)
    return np.concatenate(found)


def _principal(values: np.ndarray) -> np.ndarray:
    """Return the leading principal components of centred rows, (sample, component)."""
    _, vectors = np.linalg.eigh(values.T @ values)
    return values @ vectors[:, -_PLANE:]


def _start(plane, values, count, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return first weights and means from k-means in the plane of largest variance."""
    try:
        _, labels = kmeans2(plane, count, iter=10, minit="++", missing="raise", rng=rng)
    except ClusterError:  # a cluster lost its last member
        labels = rng.integers(0, count, len(plane))
    return _weights_and_means(values, np.eye(count)[labels])


def _weights_and_means(values, share) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and means for shares (sample, component) of each measurement."""
    total = share.sum(0) + 1e-9
    return total / total.sum(), share.T @ values / total[:, None]


def _maximise(values, weights, means, steps: int) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Run expectation maximisation; return the log-likelihood (up to a constant), weights, means and the covariance."""
    second = values.T @ values / len(values)
    before = -np.inf
    for _ in range(steps):
        covariance = second - (means.T * weights) @ means
        covariance[np.diag_indices_from(covariance)] *= 1 + 1e-6
        factor = factorise(covariance)
        white = whiten(factor, means)
        slopes = np.linalg.solve(factor.T, white.T)
        # What all components share of ln q cancels in their shares of a measurement.
        scores = values @ slopes - 0.5 * (white**2).sum(1) + np.log(weights)
        highest = scores.max(1, keepdims=True)
        share = np.exp(scores - highest)
        share_sum = share.sum(1, keepdims=True)
        share /= share_sum
        common = -0.5 * np.trace(np.linalg.solve(covariance, second)) - np.log(np.diag(factor)).sum()
        likelihood = (highest + np.log(share_sum)).mean() + common
        if likelihood - before < _GAIN:
            break
        before = likelihood
        weights, means = _weights_and_means(values, share)
    return likelihood, weights, means, covariance


def _shrunk(cls, weights, means, covariance, noise, validation):
    """Return the mixture with its covariance shrunk towards a simpler one, or towards known noise, as validation asks."""
    shape = means.shape[1:]
    if len(shape) > 1:
        channels = shape[2] if len(shape) == 3 else 1
        autocovariance = fit_autocovariance(covariance, (*shape[:2], channels))
        targets = [StationaryGaussian(np.zeros(channels), autocovariance, with_channels=True).covariance()]
    else:
        targets = [np.diag(np.diag(covariance))]
    if noise is not None:
        targets = [_known_noise.raised_to(targets[0], noise), np.diag(noise)]
        covariance = _known_noise.raised_to(covariance, noise)
    candidates = (cls(weights, means, (1 - weight) * covariance + weight * target) for target in targets for weight in _WEIGHTS)
    return max(candidates, key=lambda each: each.log_prob(validation).mean())

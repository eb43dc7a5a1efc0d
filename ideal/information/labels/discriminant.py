"""Gaussians for each class as sources of class probabilities: one covariance for all, or one for each, shrunk as validation asks.

For few measurements, or small images, these beat what is trained: the linear one is exact for classes of one covariance. They are
regularised discriminant analysis (Friedman, JASA 84, 1989). What they say is calibrated like any other scores, so that the bound
on the information stays one however far the classes are from Gaussian.
"""

from dataclasses import dataclass

import numpy as np

from ideal.density import Sensor
from ideal.density.gaussian.moments import batches, flatten
from ideal.density.networks.transform import RootTransform
from ideal.information.labels.classifier import Posterior

_MOST_VALUES = 1024  # of a measurement; the pixels of larger images are averaged in blocks
_MOST_WORK = 4e9  # products in the factorisations for all classes: with more there is no covariance for each
_STILL = 1e-3  # of the mean deviation: the least that a value is divided by
_WEIGHTS = np.array([0, 0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1])  # of the simpler one
_STEPS = 300  # of expectation maximisation, for the weights of a pool; the problem is convex
_LEAST = 1e-6  # of the mean variance: no direction has less


@dataclass(frozen=True)
class Features:
    """Measurements as rows of real values on which the noise is about even, pixels in blocks where there are very many.

    Attributes:
        transform: see `ideal.density.networks.transform.RootTransform`.
        block: pixels averaged along each side of an image.
        location, scale: subtracted from each value, and what is then divided by, (value,).

    """

    transform: RootTransform
    block: int
    location: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, train, sensor: Sensor) -> "tuple[Features, np.ndarray] | None":
        """Return the features and the training measurements in them; None where measurements are too large."""
        shape = tuple(train.shape[1:])
        values = int(np.prod(shape))
        block = max(1, int(np.ceil(np.sqrt(values / _MOST_VALUES))))
        if len(shape) == 1 and values > _MOST_VALUES:
            return None
        plain = cls(RootTransform(*sensor.noise_variance), block, np.zeros(1), np.ones(1))
        rows = np.concatenate([plain(batch) for batch in batches(train)])
        location, deviation = rows.mean(0), rows.std(0)
        scale = np.maximum(deviation, max(_STILL * deviation.mean(), 1e-300))
        return cls(plain.transform, block, location, scale), (rows - location) / scale

    def __call__(self, measurements) -> np.ndarray:
        """Return measurements as rows, (sample, value)."""
        array = np.asarray(measurements)
        if np.iscomplexobj(array) or array.ndim == 2:
            return (self.transform(flatten(array)) - self.location) / self.scale
        array = self.transform(array.astype(np.float64, copy=False))
        if self.block > 1:
            starts = [np.arange(0, side, self.block) for side in array.shape[1:3]]
            sizes = [np.diff(np.append(each, side)) for each, side in zip(starts, array.shape[1:3], strict=True)]
            array = np.add.reduceat(np.add.reduceat(array, starts[0], axis=1), starts[1], axis=2)
            area = sizes[0][:, None] * sizes[1]
            array = array / (area if array.ndim == 3 else area[..., None])
        return (array.reshape(len(array), -1) - self.location) / self.scale


class Discriminants:
    """Both kinds of Gaussian classes, fitted at once since the second begins where the first ends.

    Args:
        features: see `Features`.
        basis: to directions in which the common covariance is white, (value, direction).
        means: of the classes along them, (class, direction).
        by_class: for each class the axes of its own covariance and the variances along them, or None.

    """

    def __init__(self, features: Features, basis, means, by_class):
        self.features, self.basis, self.means, self.by_class = features, basis, means, by_class

    @classmethod
    def fit(cls, train, validation, labels, classes: int, sensor: Sensor) -> "Discriminants | None":
        """Fit to training measurements; the shrinkage is what serves the cross-entropy on validation best.

        Args:
            train, validation: measurements (sample, ...).
            labels: of both, whole numbers from 0.
            classes: number of them.
            sensor: whose noise variance gives the transform.

        Returns:
            The classes' Gaussians, or None where measurements are too large for them.

        """
        made = Features.fit(train, sensor)
        if made is None:
            return None
        features, rows = made
        held_out = features(validation)
        counts = np.bincount(labels[0], minlength=classes)
        log_prior = np.log((counts + 1) / (counts + 1).sum())
        means = np.stack([rows[labels[0] == each].mean(0) for each in range(classes)])
        inside = rows - means[labels[0]]
        variances, vectors = np.linalg.eigh(inside.T @ inside / len(rows))
        variances = np.maximum(variances, 0.0)

        def loss(scores) -> float:
            found = Posterior.fit(scores, labels[1], log_prior).log_prob(scores)
            return -float(found[np.arange(len(scores)), labels[1]].mean())

        turned, turned_means = held_out @ vectors, means @ vectors
        candidates = []
        for weight in _WEIGHTS:
            variance = np.maximum((1 - weight) * variances + weight * variances.mean(), _LEAST * variances.mean() + 1e-300)
            candidates.append((loss(_linear(turned / np.sqrt(variance), turned_means / np.sqrt(variance))), weight, variance))
        variance = min(candidates, key=lambda each: each[0])[2]
        basis, centres = vectors / np.sqrt(variance), turned_means / np.sqrt(variance)
        plain = cls(features, basis, centres, None)
        if classes * len(basis) ** 3 > _MOST_WORK:
            return plain
        axes = []
        for each in range(classes):
            part = inside[labels[0] == each] @ basis
            axes.append(np.linalg.eigh(part.T @ part / len(part)))
        held_out = held_out @ basis
        trials = []
        for weight in _WEIGHTS:
            by_class = [(np.maximum((1 - weight) * spread + weight, _LEAST), turn) for spread, turn in axes]
            if min(len(rows[labels[0] == each]) for each in range(classes)) <= len(basis) and weight == 0:
                continue  # a covariance without an inverse
            trials.append((loss(_quadratic(held_out, centres, by_class)), by_class))
        return cls(features, basis, centres, min(trials, key=lambda each: each[0])[1])

    def linear(self, measurements) -> np.ndarray:
        """Return ln q(y|t) up to a term without t, by one covariance, (sample, class)."""
        return _linear(self.features(measurements) @ self.basis, self.means)

    def quadratic(self, measurements) -> np.ndarray:
        """Return ln q(y|t) up to a term without t, by a covariance for each class, (sample, class)."""
        return _quadratic(self.features(measurements) @ self.basis, self.means, self.by_class)


def _linear(white: np.ndarray, means: np.ndarray) -> np.ndarray:
    return white @ means.T - 0.5 * (means**2).sum(1)


def _quadratic(white: np.ndarray, means: np.ndarray, by_class) -> np.ndarray:
    parts = []
    for mean, (variance, axes) in zip(means, by_class, strict=True):
        turned = (white - mean) @ axes
        parts.append(-0.5 * (turned**2 / variance).sum(1) - 0.5 * np.log(variance).sum())
    return np.stack(parts, axis=1)


@dataclass(frozen=True)
class Pool:
    """A weighted average of calibrated class probabilities: a probability again, as good as its best member or better.

    Attributes:
        weights: of the members, of sum 1.
        exponent, floor: averages of the members' own, for the record.

    """

    weights: np.ndarray
    exponent: float
    floor: float

    @classmethod
    def fit(cls, members: list[Posterior], logs: list[np.ndarray], labels: np.ndarray) -> "Pool":
        """Weigh members by what they say, ln q (sample, class) each, of validation measurements with these labels."""
        hits = np.stack([each[np.arange(len(labels)), labels] for each in logs])
        relative = np.exp(hits - hits.max(0))
        weights = np.full(len(hits), 1 / len(hits))
        for _ in range(_STEPS):
            share = weights[:, None] * relative
            weights = (share / share.sum(0)).mean(1)
        return cls(weights, *(float(weights @ [getattr(each, name) for each in members]) for name in ("exponent", "floor")))

    def log_prob(self, logs: list[np.ndarray]) -> np.ndarray:
        """Return ln q(t|y), (sample, class), for what the members say."""
        return np.logaddexp.reduce(np.stack(logs) + np.log(np.maximum(self.weights, 1e-300))[:, None, None], axis=0)


__all__ = ["Discriminants", "Pool"]

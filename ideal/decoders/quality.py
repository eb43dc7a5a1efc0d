"""How good what a decoder made is: one number for each object, and their average with an interval over sources."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from skimage import metrics

from ideal.errors import UsageError
from ideal.information.intervals import GroupedValues, interval

_SSIM_SIGMA = 1.5  # pixels, of the Gaussian window of Wang et al. 2004
_SSIM_SIDE = 11  # pixels of that window


def mean_square_error(decoded: np.ndarray, truth: np.ndarray, border: int = 0) -> np.ndarray:
    """Return the mean square error of each object, (sample,), in the square of its unit.

    Args:
        decoded: (sample, ...); images (sample, row, column, ...) where there is a border.
        truth: the same.
        border: rows and columns at each edge that are left out.

    Raises:
        UsageError: the shapes differ, or the border leaves nothing.

    """
    decoded, truth = _inner(decoded, truth, border)
    return ((decoded - truth) ** 2).reshape(len(truth), -1).mean(1)


def peak_signal_to_noise(decoded: np.ndarray, truth: np.ndarray, peak: float, border: int = 0) -> np.ndarray:
    """Return 10 log10(peak^2 / mean square error) of each image, (sample,), dB.

    Args:
        decoded: (sample, row, column, ...).
        truth: the same.
        peak: what counts as the largest value.
        border: rows and columns at each edge that are left out.

    Raises:
        UsageError: the shapes differ, or the border leaves nothing.

    """
    return 10 * np.log10(peak**2 / np.maximum(mean_square_error(decoded, truth, border), 1e-300))


def structural_similarity(decoded: np.ndarray, truth: np.ndarray, data_range: float, border: int = 0) -> np.ndarray:
    """Return the structural similarity of each image, (sample,), 1 for equal images.

    Args:
        decoded: (sample, row, column) or (sample, row, column, channel).
        truth: the same.
        data_range: difference of the largest and the least value that images can have; never taken from the images, since
            that would give each its own scale.
        border: rows and columns at each edge that are left out.

    Raises:
        UsageError: the shapes differ, or the images are smaller than the window of 11x11 pixels.

    Source: Wang et al., IEEE Trans. Image Process. 13, 600 (2004), with its Gaussian window.

    """
    decoded, truth = _inner(decoded, truth, border)
    if truth.ndim not in (3, 4) or min(truth.shape[1:3]) < _SSIM_SIDE:
        raise UsageError(
            f"structural similarity takes images (sample, row, column[, channel]) of at least {_SSIM_SIDE}x{_SSIM_SIDE} pixels;"
            f" found shape {truth.shape}{f' within a border of {border}' if border else ''}"
        )
    settings = {
        "data_range": data_range,
        "channel_axis": -1 if truth.ndim == 4 else None,
        "gaussian_weights": True,
        "sigma": _SSIM_SIGMA,
        "use_sample_covariance": False,
    }
    return np.array([metrics.structural_similarity(*pair, **settings) for pair in zip(truth, decoded, strict=True)])


def accuracy(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each object 1 where the class of the highest score is its own and 0 where not, (sample,).

    Args:
        scores: of the classes, as their log-probabilities, (sample, class).
        labels: whole numbers from 0, (sample,).

    Raises:
        UsageError: there are not as many scores as labels, or labels without a score.

    """
    scores, labels = _of_classes(scores, labels)
    return (scores.argmax(1) == labels).astype(np.float64)


def label_log_likelihood(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return ln p(label) of each object, (sample,), nats.

    Args:
        log_probabilities: of the classes, (sample, class).
        labels: whole numbers from 0, (sample,).

    Raises:
        UsageError: there are not as many rows as labels, or labels without a probability.

    """
    logs, labels = _of_classes(log_probabilities, labels)
    return logs[np.arange(len(labels)), labels]


def gaussian_log_likelihood(mean: np.ndarray, sigma: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ln p(values) of each object under independent Gaussians, (sample,), nats.

    Args:
        mean: (sample,) or (sample, value).
        sigma: the same, positive.
        values: what is true, the same.

    Raises:
        UsageError: the shapes differ, or a sigma is not positive.

    """
    mean, values = _alike(mean, values)
    sigma = np.asarray(sigma, np.float64)
    if sigma.shape != mean.shape or not (sigma > 0).all():
        raise UsageError(f"sigma of shape {sigma.shape}, expected positive numbers of shape {mean.shape}")
    logs = -0.5 * ((values - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    return logs.reshape(len(logs), -1).sum(1)


@dataclass(frozen=True)
class Score:
    """The average of a quality over objects.

    Attributes:
        mean: over all objects.
        interval: confidence interval of it, by resampling sources: objects of one source are not independent.
        objects: how many.
        sources: of how many sources.

    """

    mean: float
    interval: tuple[float, float]
    objects: int
    sources: int

    @classmethod
    def of(cls, values: np.ndarray, groups: np.ndarray | None = None, *, confidence: float = 0.95, seed: int = 0) -> Self:
        """Return the score of values.

        Args:
            values: of each object, (sample,).
            groups: number of the source of each, (sample,); None where each object is a source of its own.
            confidence: of the interval.
            seed: of the resampling.

        Raises:
            UsageError: there are no values, or not as many as groups.

        """
        values = np.asarray(values, np.float64)
        groups = np.arange(len(values)) if groups is None else np.asarray(groups)
        if values.ndim != 1 or not len(values) or groups.shape != values.shape:
            raise UsageError(f"a score takes one value and one group of each object; found shapes {values.shape}, {groups.shape}")
        grouped = GroupedValues.of(values, groups)
        found = interval(grouped, confidence, np.random.default_rng(seed))
        return cls(grouped.mean, found, len(values), len(grouped.groups))

    def to_dict(self) -> dict:
        """Return it as JSON types; an end that nothing is known of, as of a single source, is None."""
        ends = [float(end) if np.isfinite(end) else None for end in self.interval]
        return {"mean": self.mean, "interval": ends, "objects": self.objects, "sources": self.sources}


def _alike(found, truth) -> tuple[np.ndarray, np.ndarray]:
    found, truth = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    if found.shape != truth.shape:
        raise UsageError(f"what was decoded has shape {found.shape}, the truth {truth.shape}: they must agree")
    return found, truth


def _inner(decoded, truth, border: int) -> tuple[np.ndarray, np.ndarray]:
    decoded, truth = _alike(decoded, truth)
    if border < 0 or (border and (truth.ndim < 3 or min(truth.shape[1:3]) <= 2 * border)):
        raise UsageError(f"a border of {border} pixels leaves nothing of images of shape {truth.shape[1:]}")
    inner = (slice(None), *[slice(border, side - border) for side in truth.shape[1:3]])
    return (decoded[inner], truth[inner]) if border else (decoded, truth)


def _of_classes(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    whole = labels.dtype.kind in "iub" and scores.ndim == 2 and labels.shape == scores.shape[:1]
    if not whole or (len(labels) and not (labels.min() >= 0 and labels.max() < scores.shape[1])):
        raise UsageError(
            f"scores of shape {scores.shape} and labels of shape {labels.shape}, type {labels.dtype}: expected one row of scores"
            " for each label, and labels that are whole numbers from 0 below the number of classes"
        )
    return scores, labels.astype(np.int64)

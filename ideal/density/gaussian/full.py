"""The full Gaussian density: a free mean and covariance, no more of them believed than validation asks."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.linalg import eigh, solve_triangular

from ideal._random import generator
from ideal.density import _known_noise
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density._known_noise import NoisyMoments
from ideal.density.gaussian.moments import flatten
from ideal.density.gaussian.multivariate import (
    LOG_2PI,
    factorise,
    gaussian_log_prob,
    normal_log_density,
    predict_in_order,
    whiten,
)
from ideal.density.gaussian.spectra import spectra
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.errors import DataError

_STILL = 1e-12  # of the mean variance
_MOST_TARGETS = 1100  # values, above which one target is tried: each costs as much as the others
_GAIN = 0.06  # nats per value, by which more than a plain average must be better on validation patches: they are of few pictures
_FEW = 50  # measurements for each value: with more, a second target gains nothing


class FullGaussian(Density):
    """A Gaussian with a mean and a covariance of its own for each value.

    The sample covariance of N measurements of D values costs about D (D + 3) / 4N nats beyond the best Gaussian. So it is
    brought towards a simpler one: of images the stationary model's, of vectors that of independent values, and where the noise
    is known, the noise alone, which leaves a signal of few directions. How far, and in which directions, validation measurements
    choose. The noise's own variance is always left. Complex vectors are pairs of real values, so they need not be circular.

    Args:
        mean: shape of one measurement.
        covariance: between the flattened real values, (value, value), under the average of the noise where that is known.
        is_complex: whether measurements are complex.
        shrinkage: weights of the simpler model in the covariance and in the mean, for the record.
        noise: known variances of the noise in each real value, a row for each of some maps (map, value); None where the noise is
            not known.

    """

    name = "full"
    summary = "Gaussian with a mean and a covariance of its own for each value, towards the stationary one as validation asks"
    refitted = True

    def __init__(self, mean, covariance, *, is_complex: bool = False, shrinkage: tuple[float, float] = (0.0, 0.0), noise=None):
        self.mean = np.asarray(mean)
        self.covariance = np.asarray(covariance, dtype=np.float64)
        self.is_complex = is_complex
        self.shrinkage = shrinkage
        self.noise = None if noise is None else np.atleast_2d(np.asarray(noise, dtype=np.float64))
        self.shape = self.mean.shape
        size = self.mean.size * (2 if is_complex else 1)
        if self.covariance.shape != (size, size):
            raise DataError(f"a mean of {size} real values needs a covariance ({size}, {size}); found {self.covariance.shape}")

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
        """Fit by shrunk maximum likelihood; nothing is random.

        Args:
            key: not used.
            train: measurements (sample, ...).
            validation: measurements by which the shrinkage is chosen.
            fitted: a stationary model among these is not fitted again.
            sensor: whose noise is left in every direction.
            fitting: not used.
            sigmas: see `ideal.density.Density.fit`.

        """
        if sigmas is None:
            return cls._fit(key, train, validation, fitted, sensor, None, 1.0)
        several = [cls._fit(key, train, validation, fitted, sensor, sigmas, share) for share in _known_noise.SHARES]
        judges = _known_noise.judged(validation, sigmas[1])
        return max(several, key=lambda model: model.log_prob(*judges).mean())

    @classmethod
    def _fit(cls, key, train, validation, fitted, sensor, sigmas, share: float) -> Self:
        """Fit with samples weighted by their noise as `ideal.density._known_noise.SHARES` says."""
        shape, is_complex = tuple(train.shape[1:]), np.iscomplexobj(validation)
        by_sample: list[np.ndarray | None] = [None, None]
        if sigmas is not None:
            by_sample = [_known_noise.variances(each, shape, is_complex=is_complex) for each in sigmas]
        found, signal = _known_noise.noisy_moments(train, by_sample[0], share=share)
        own = np.diag(found.covariance)
        still = int((own <= _STILL * own.mean()).sum())
        if still:
            raise DataError(
                f"{still} of {len(own)} values of a measurement never change: what carries no noise is no raw measurement; "
                "crop it away, or leave out the model full"
            )
        noise = found.noise
        if noise is None:
            # Where it follows the light, a mean that is high by chance must not raise the floor above the truth.
            low = found.mean - np.sqrt(own / found.count)
            noise = _known_noise.floor_of(sensor, low, shape, is_complex=is_complex)
        rows = flatten(validation) - found.mean
        held_out = _HeldOut(rows, None, None)
        if sigmas is not None:
            second, _ = _known_noise.noisy_moments(flatten(validation), by_sample[1], about=found.mean, signal=signal)
            held_out = _HeldOut(rows, second.mean - found.mean, second.covariance)
        gain = _GAIN if len(shape) > 1 else 0.0
        choices = (
            _Choice.of(found.mean, covariance, count, target_mean, target, noise, held_out, gain)
            for target_mean, target in _targets(key, train, validation, found, noise, shape, is_complex, fitted, sensor, sigmas)
            for covariance, count in _samples(found, is_complex)
        )
        best = min(choices, key=lambda choice: choice.loss)
        mean = found.mean + best.mean_weight * best.step
        covariance = best.covariance
        kept = None
        if noise is not None:
            covariance = _known_noise.raised_to(covariance, noise)
            continuous = sensor.step == 0 and sensor.noise_variance[1] == 0
            if by_sample[0] is None:
                kept = noise[None] if continuous else None
            else:  # the average under the weights of the moments is not that of the maps that are kept
                kept = _known_noise.some_maps(by_sample[0])
                covariance = covariance + np.diag(kept.mean(0) - noise)
        mean = mean.view(np.complex128).reshape(shape) if is_complex else mean.reshape(shape)
        model = cls(mean, covariance, is_complex=is_complex, shrinkage=(best.weight, best.mean_weight), noise=kept)
        _ = model._factor  # a singular covariance is an error of the data, to be told now
        return model

    @cached_property
    def _factor(self) -> np.ndarray:
        return factorise(self.covariance)

    @property
    def signal_covariance(self) -> np.ndarray:
        """The covariance less the noise that is known, (value, value)."""
        return self.covariance if self.noise is None else self.covariance - np.diag(self.noise.mean(0))

    def _variances(self, sigma) -> np.ndarray | None:
        """Return noise variances of rows, (1 or sample, value); None where they are those of the covariance."""
        if self.noise is None:
            return None
        if sigma is None:
            _known_noise.one_map(self.noise)
            return None
        found = _known_noise.variances(sigma, self.shape, is_complex=self.is_complex)
        return None if len(self.noise) == 1 and np.allclose(found, self.noise, rtol=1e-12) else found

    def _flat(self, measurements) -> np.ndarray:
        array = np.asarray(measurements)
        if array.shape[1:] != self.shape:
            raise DataError(f"measurements have shape {array.shape[1:]}, the model was fitted to {self.shape}")
        if np.iscomplexobj(array) and not self.is_complex:
            raise DataError("the measurements are complex, the model was fitted to real ones")
        array = array.astype(np.complex128 if self.is_complex else np.float64, copy=False)
        return flatten(array - self.mean)

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray | None:
        """Return ln q of each real value given those before it, nats, (sample, value); None under other noise than all had."""
        if self._variances(sigma) is not None:
            return None
        innovations, deviation = whiten(self._factor, self._flat(measurements)), np.diag(self._factor)
        return normal_log_density(innovations, 0.0, 1.0) - np.log(deviation)

    def log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return the log-density in nats per measurement; `sigma` as of `ideal.density.Density.log_prob`."""
        rows, noise = self._flat(measurements), self._variances(sigma)
        if noise is None:
            return gaussian_log_prob(self._factor, rows)
        return _known_noise.log_prob_under(self.signal_covariance, rows, noise)

    def predict(self, measurements, sigma=None) -> tuple[np.ndarray, np.ndarray]:
        """Return each real value's mean given the values before it, and its standard deviation.

        Args:
            measurements: (sample, ...), of the shape that the model was fitted to.
            sigma: see `ideal.density.Density.log_prob`.

        Returns:
            Means, of the shape of the measurements, and standard deviations, of the shape of one measurement, or of the
            measurements where `sigma` is given.

        """
        array, noise = np.asarray(measurements, dtype=np.float64), self._variances(sigma)
        rows = self._flat(array)
        if noise is None:
            mean, deviation = predict_in_order(self._factor, rows)
            return mean.reshape(array.shape) + self.mean, deviation.reshape(self.shape)
        mean, deviation = _known_noise.predict_under(self.signal_covariance, rows, noise)
        return mean.reshape(array.shape) + self.mean, deviation.reshape(array.shape)

    def entropy(self) -> float:
        """Return the model's own entropy, nats."""
        return float(np.log(np.diag(self._factor)).sum() + 0.5 * len(self._factor) * (LOG_2PI + 1))

    def sample(self, key, count: int) -> np.ndarray:
        """Draw measurements (count, ...), each under one of the maps of noise that the model keeps, if there are several."""
        rng = generator(key)
        if self.noise is None or len(self.noise) == 1:
            rows = rng.standard_normal((count, len(self._factor))) @ self._factor.T
        else:
            rows = _known_noise.draw_under(self.signal_covariance, self.noise, rng, count)
        if self.is_complex:
            rows = np.ascontiguousarray(rows).view(np.complex128)
        return rows.reshape(count, *self.shape) + self.mean

    def _state(self) -> dict[str, np.ndarray]:
        state = {
            "mean": self.mean,
            "covariance": self.covariance,
            "is_complex": np.array(self.is_complex),
            "shrinkage": np.array(self.shrinkage),
        }
        return state if self.noise is None else state | {"noise": self.noise}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        weight, mean_weight = (float(each) for each in state["shrinkage"])
        return cls(
            state["mean"],
            state["covariance"],
            is_complex=bool(state["is_complex"]),
            shrinkage=(weight, mean_weight),
            noise=state.get("noise"),
        )


def _targets(key, train, validation, found, noise, shape, is_complex, fitted, sensor, sigmas):
    """Yield means and covariances, (value,) and (value, value), towards which a sample covariance may be brought."""
    size = len(found.mean)
    if StationaryGaussian.accepts(shape, counts=False, is_complex=is_complex):
        simpler = fitted.get(StationaryGaussian.name)
        if simpler is None:
            simpler = StationaryGaussian.fit(key, train, validation, sensor=sensor, sigmas=sigmas)
        target = simpler.covariance() if sigmas is None else simpler.signal_covariance() + np.diag(noise)
        yield np.tile(simpler.mean, size // len(simpler.mean)), target
    else:
        own = np.diag(found.covariance)
        yield found.mean, np.diag(own if noise is None else np.maximum(own, noise))
    if noise is not None and size <= _MOST_TARGETS and found.count < _FEW * size:
        yield found.mean, np.diag(noise)


def _samples(found: NoisyMoments, is_complex: bool):
    """Yield sample covariances and how many measurements each is worth: of complex values also the circular one."""
    yield found.covariance, found.count
    if is_complex and len(found.mean) <= _MOST_TARGETS:
        # Turned by i, (re, im) becomes (-im, re): with phases at random, turned measurements are as likely.
        turned = found.covariance.reshape(len(found.mean) // 2, 2, -1)[:, ::-1].reshape(found.covariance.shape)
        turned = turned.reshape(len(turned), -1, 2)[:, :, ::-1].reshape(turned.shape)
        sign = np.tile([-1.0, 1.0], len(turned) // 2)
        yield 0.5 * (found.covariance + np.outer(sign, sign) * turned), 2 * found.count


@dataclass(frozen=True)
class _HeldOut:
    """Validation measurements about the sample mean: rows, and under noise by sample their weighted mean and second moment."""

    rows: np.ndarray
    mean: np.ndarray | None
    second: np.ndarray | None

    def along(self, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean square and the mean along each direction of a basis (value, direction)."""
        if self.second is None:
            inside = self.rows @ basis
            return (inside**2).mean(0), inside.mean(0)
        return np.einsum("ij,ij->j", basis, self.second @ basis), self.mean @ basis


@dataclass(frozen=True)
class _Choice:
    """What validation prefers with one target: its loss, the covariance, the step of the mean and the weights."""

    loss: float
    covariance: np.ndarray
    step: np.ndarray
    mean_weight: float
    weight: float

    @classmethod
    def of(cls, mean, covariance, count, target_mean, target, noise, held_out: _HeldOut, gain: float) -> Self:
        """Choose among the spectra in the basis where the target is white and the sample covariance diagonal.

        Those that are no plain average of both must be better by so much per value, which is added to their loss.
        """
        factor = factorise(target)
        half = solve_triangular(factor, covariance, lower=True, check_finite=False)
        values, vectors = eigh(solve_triangular(factor, half.T, lower=True, check_finite=False))
        basis = solve_triangular(factor, vectors, lower=True, trans="T", check_finite=False)
        values = np.maximum(values, 0.0)
        above = noise is not None and np.array_equal(target, np.diag(noise))
        rows, weights = spectra(values, count, above=above)
        handicap = np.where(np.isnan(weights), gain * len(values), 0.0)
        number, mean_weight, loss = _choose(rows, handicap, *held_out.along(basis), (mean - target_mean) @ basis)
        loss += np.log(np.diag(factor)).sum()
        row, weight = rows[number], weights[number]
        if np.isnan(weight):
            around = factor @ vectors
            chosen = (around * row) @ around.T
            departure = np.abs(values - 1).sum()
            weight = float(np.clip(1 - np.abs(row - 1).sum() / departure, 0, 1)) if departure > 0 else 1.0
        else:
            chosen = (1 - weight) * covariance + weight * target
        return cls(loss, chosen, target_mean - mean, mean_weight, float(weight))


def _choose(
    rows: np.ndarray, handicap: np.ndarray, square: np.ndarray, first: np.ndarray, step: np.ndarray
) -> tuple[int, float, float]:
    """Return which spectrum costs least on validation data, with which weight of the target's mean, and the cost in nats.

    Args:
        rows: variances along the basis, (candidate, value).
        handicap: nats to add to the cost of each, (candidate,).
        square, first: mean square and mean of validation measurements less the sample mean, along the basis, (value,).
        step: sample mean less the target's mean, along the basis, (value,).

    """
    best = 0, 1.0, np.inf
    for number, variance in enumerate(rows):
        if variance.min() <= 0:
            continue
        # The mean moves by -u step, so a residual r becomes r + u step: the best u in [0, 1] is in closed form.
        curvature = (step**2 / variance).sum()
        mean_weight = float(np.clip(-(first * step / variance).sum() / curvature, 0, 1)) if curvature > 0 else 0.0
        residual = square + 2 * mean_weight * first * step + (mean_weight * step) ** 2
        loss = handicap[number] + 0.5 * (np.log(variance) + residual / variance).sum()
        if loss < best[2]:
            best = number, mean_weight, loss
    return best

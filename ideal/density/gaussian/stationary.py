"""The stationary Gaussian density: a mean and an autocovariance, fitted by exact maximum likelihood."""

from functools import cached_property
from typing import Self

import numpy as np

from ideal._random import generator
from ideal.density import _known_noise
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR
from ideal.density.gaussian.causal_window import CausalWindow
from ideal.density.gaussian.moments import flatten
from ideal.density.gaussian.multivariate import LOG_2PI, factorise, gaussian_log_prob, normal_log_density, predict_in_order
from ideal.density.gaussian.spectral_fit import fit_autocovariance
from ideal.errors import DataError, UsageError

_MIRRORED = (0.0, 0.25, 0.5)  # shares of the mirror image; 0.5 is full symmetry


class StationaryGaussian(Density):
    """A Gaussian field whose covariance between two pixels depends only on the step between them.

    Args:
        mean: of each channel, shape (channel,).
        autocovariance: c[a, b] at lag (dy, dx) is the covariance of channel a at (y + dy, x + dx) with channel b at (y, x), for
            lags below the window (row, column); shape (2 row - 1, 2 column - 1, channel, channel), zero lag in the middle.
            c_ab(lag) = c_ba(-lag) is required; no mirror symmetry is.
        with_channels: whether measurements have a channel axis.
        noise: variances of known noise that differs from place to place, which the field has on top of its autocovariance: a row
            for each of some maps of the window's size, (map, value). None where the noise is the same everywhere: it is then a
            part of the autocovariance.

    Measurements may be smaller than the window, where the likelihood is exact, or larger, where each pixel is given its past
    in a box that the window covers. With a map of noise they are of the window's size.
    """

    name = "stationary"
    summary = "Gaussian field with a free autocovariance, fitted by exact maximum likelihood"
    refitted = True

    def __init__(self, mean, autocovariance, *, with_channels: bool = False, noise=None):
        self.mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        self.autocovariance = np.asarray(autocovariance, dtype=np.float64)
        channels = len(self.mean)
        if self.autocovariance.ndim == 2:
            self.autocovariance = self.autocovariance[:, :, None, None]
        size = self.autocovariance.shape
        if len(size) != 4 or size[0] % 2 == 0 or size[1] % 2 == 0 or size[2:] != (channels, channels):
            raise UsageError(
                f"an autocovariance of {channels} channels has shape (2 row - 1, 2 column - 1, {channels}, {channels}); "
                f"found {size}"
            )
        self.window = (size[0] + 1) // 2, (size[1] + 1) // 2
        self.with_channels = with_channels
        self.shape = (*self.window, channels) if with_channels else self.window
        self.noise = None if noise is None else np.atleast_2d(np.asarray(noise, dtype=np.float64))

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images; a vector has no steps between its values."""
        return len(shape) in (2, 3) and not is_complex

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
        """Fit by maximum likelihood; nothing is random.

        Known continuous noise is added to the field's spectrum, which is then the signal's. Noise that differs from sample to
        sample enters by its average in moments that are weighted by it.

        Many textures look the same in a mirror. Where validation measurements agree, the autocovariance is made symmetric,
        partly or wholly, which halves what there is to estimate; where they do not, as for oblique structure, it is left alone.
        """
        shape = tuple(train.shape[1:])
        if not cls.accepts(shape, counts=False, is_complex=False):
            raise DataError(f"a stationary field is for images (row, column[, channel]); found measurements of shape {shape}")
        if sigmas is None:
            candidates = cls._candidates(train, shape, sensor, None, 1.0)
            return max(candidates, key=lambda candidate: candidate.log_prob(validation).mean())
        judges = _known_noise.judged(validation, sigmas[1])
        candidates = [each for share in _known_noise.SHARES for each in cls._candidates(train, shape, sensor, sigmas[0], share)]
        return max(candidates, key=lambda candidate: candidate.log_prob(*judges).mean())

    @classmethod
    def _candidates(cls, train, shape, sensor, sigma, share: float) -> list[Self]:
        """Return fits, more and less alike to their mirror image, with samples weighted by their noise."""
        noise = None if sigma is None else _known_noise.variances(sigma, shape, is_complex=False)
        found, _ = _known_noise.noisy_moments(train, noise, share=share)
        channels = shape[2] if len(shape) == 3 else 1
        mean = found.mean.reshape(-1, channels).mean(0)
        departure = found.mean - np.tile(mean, len(found.mean) // channels)
        second = found.covariance + np.outer(departure, departure)
        kept, average = None, found.noise
        if noise is not None:
            kept = _known_noise.some_maps(noise)
        elif sensor.noise_sigma is not None:
            kept = _known_noise.variances(sensor.noise_sigma, shape, is_complex=False)
            average = kept[0]
        elif sensor.noise_variance[1] == 0 and sensor.step == 0 and sensor.noise_variance[0] > 0:
            average = np.full(len(found.mean), sensor.noise_variance[0])
        signal = fit_autocovariance(second, (*shape[:2], channels), noise=average)
        if kept is None and average is not None:  # white noise is stationary, too
            signal[shape[0] - 1, shape[1] - 1] += average[0] * np.eye(channels)
        mirrored = signal[:, ::-1]
        covariances = (signal + part * (mirrored - signal) for part in _MIRRORED)
        return [cls(mean, each, with_channels=len(shape) == 3, noise=kept) for each in covariances]

    def covariance_at(self, lags: np.ndarray) -> np.ndarray:
        """Return the covariances (..., channel, channel) at integer lags (..., 2) below the window."""
        lags = np.asarray(lags)
        return self.autocovariance[lags[..., 0] + self.window[0] - 1, lags[..., 1] + self.window[1] - 1]

    def covariance(self, rows: int | None = None, columns: int | None = None) -> np.ndarray:
        """Return the covariance matrix of an image no larger than the window, (value, value), under the average map of noise."""
        rows, columns = rows or self.window[0], columns or self.window[1]
        found = self.signal_covariance(rows, columns)
        if self.noise is not None:
            average = self.noise.mean(0).reshape(*self.window, -1)[:rows, :columns]
            found[np.diag_indices_from(found)] += average.ravel()
        return found

    def signal_covariance(self, rows: int | None = None, columns: int | None = None) -> np.ndarray:
        """Return the same less the known noise that is apart, if there is any."""
        rows, columns = rows or self.window[0], columns or self.window[1]
        positions = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
        between = self.covariance_at(positions[:, None] - positions[None, :])
        size = len(positions) * len(self.mean)
        return between.transpose(0, 2, 1, 3).reshape(size, size)

    @cached_property
    def _factors(self) -> dict[tuple[int, int], np.ndarray]:
        return {}

    def _factor(self, rows: int, columns: int) -> np.ndarray:
        if (rows, columns) not in self._factors:
            self._factors[rows, columns] = factorise(self.covariance(rows, columns))
        return self._factors[rows, columns]

    @cached_property
    def causal_window(self) -> CausalWindow:
        """The prediction of a pixel from its past, for images larger than the window and for the entropy rate."""
        return CausalWindow(self.covariance_at, self.window)

    def _centre(self, measurements) -> np.ndarray:
        """Return measurements less the mean, as (sample, row, column, channel)."""
        array = np.asarray(measurements, dtype=np.float64)
        expected = 4 if self.with_channels else 3
        if array.ndim != expected or (self.with_channels and array.shape[-1] != len(self.mean)):
            raise DataError(
                f"measurements of shape {array.shape} do not fit a stationary field of measurements (sample, "
                + ", ".join(map(str, self.shape))
                + ") or of other rows and columns"
            )
        return (array if self.with_channels else array[..., None]) - self.mean

    def _variances(self, sigma, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return noise variances of rows, (1 or sample, value); None where they are those of `covariance`."""
        if self.noise is None:
            return None
        if shape[:2] != self.window:
            raise DataError(
                f"measurements have shape {shape}, the model knows the noise of {self.window[0]}x{self.window[1]} pixels only"
            )
        if sigma is None:
            _known_noise.one_map(self.noise)
            return None
        found = _known_noise.variances(sigma, self.shape, is_complex=False)
        return None if len(self.noise) == 1 and np.allclose(found, self.noise, rtol=1e-12) else found

    def _fits_window(self, shape: tuple[int, ...]) -> bool:
        return shape[0] <= self.window[0] and shape[1] <= self.window[1]

    def log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return the log-density in nats per measurement, exact up to the window's size.

        Args:
            measurements: (sample, row, column[, channel]).
            sigma: see `ideal.density.Density.log_prob`.

        """
        centred = self._centre(measurements)
        noise = self._variances(sigma, centred.shape[1:])
        if noise is not None:
            return _known_noise.log_prob_under(self.signal_covariance(), flatten(centred), noise)
        if self._fits_window(centred.shape[1:]):
            return gaussian_log_prob(self._factor(*centred.shape[1:3]), flatten(centred))
        mean, deviation = self.causal_window.predict(centred)
        constant = np.log(deviation).sum() + 0.5 * LOG_2PI * deviation.size
        return -0.5 * (((centred - mean) / deviation) ** 2).sum((1, 2, 3)) - constant

    def predict(self, measurements, sigma=None) -> tuple[np.ndarray, np.ndarray]:
        """Return each value's mean given the values before it, and its standard deviation.

        Args:
            measurements: (sample, row, column[, channel]).
            sigma: see `ideal.density.Density.log_prob`.

        Returns:
            Means, of the shape of the measurements, and standard deviations, of the shape of one measurement, or of the
            measurements where `sigma` is given.

        """
        centred = self._centre(measurements)
        noise = self._variances(sigma, centred.shape[1:])
        if noise is not None:
            rows = _known_noise.predict_under(self.signal_covariance(), flatten(centred), noise)
            mean, deviation = (each.reshape(centred.shape) for each in rows)
        elif self._fits_window(centred.shape[1:]):
            mean, deviation = predict_in_order(self._factor(*centred.shape[1:3]), centred)
        else:
            mean, deviation = self.causal_window.predict(centred)
        mean = mean + self.mean
        return (mean, deviation) if self.with_channels else (mean[..., 0], deviation[..., 0])

    def predict_interior(self, measurements) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
        """Return predictions as `predict` does, from the causal window alone and only where its box is whole.

        Returns:
            Innovations' means (sample, row, column, channel) and standard deviations (row, column, channel), for the rows and
            columns given as slices third.

        """
        centred = self._centre(measurements)
        rows, columns = self.causal_window.interior_slices(centred.shape[1:3])
        mean, deviation = self.causal_window.predict(centred)
        return mean[:, rows, columns] + self.mean, deviation[rows, columns], (rows, columns)

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray:
        """Return ln q of each value given those before it, nats, of the shape of the measurements."""
        mean, deviation = self.predict(measurements, sigma)
        return normal_log_density(np.asarray(measurements, dtype=np.float64), mean, deviation)

    def interior_log_prob(self, measurements, sigma=None) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return the log-density of each pixel given its past in the causal window's box; under a map of noise, all its past."""
        if self.noise is not None:
            rows, columns = self.causal_window.interior_slices(self.window)
            part = (slice(None), rows, columns)
            mean, deviation = self.predict(measurements, sigma)
            deviation = np.broadcast_to(deviation, mean.shape)
            white = (np.asarray(measurements, dtype=np.float64)[part] - mean[part]) / deviation[part]
            log_prob = -0.5 * white**2 - np.log(deviation[part]) - 0.5 * LOG_2PI
            return log_prob.reshape(*log_prob.shape[:3], -1).sum(-1), (rows, columns)
        mean, deviation, (rows, columns) = self.predict_interior(measurements)
        values = np.asarray(measurements, dtype=np.float64)[:, rows, columns].reshape(mean.shape)
        return normal_log_density(values, mean, deviation).sum(-1), (rows, columns)

    def entropy(self, rows: int | None = None, columns: int | None = None) -> float:
        """Return the entropy of an image no larger than the window, nats."""
        factor = self._factor(rows or self.window[0], columns or self.window[1])
        return float(np.log(np.diag(factor)).sum() + 0.5 * len(factor) * (LOG_2PI + 1))

    def entropy_rate(self) -> float:
        """Return the entropy of a pixel (channels together) given its past in the causal window, nats."""
        factor = self.causal_window.interior.factor
        return float(np.log(np.diag(factor)).sum() + 0.5 * len(factor) * (LOG_2PI + 1))

    def sample(self, key, count: int, size: tuple[int, int] | None = None) -> np.ndarray:
        """Draw images of the window's size, or of any other (row, column); under maps of noise each under one of them.

        Raises:
            UsageError: the size is another than that of the maps of noise.

        """
        rng, (rows, columns) = generator(key), size or self.window
        if self.noise is not None:
            if (rows, columns) != self.window:
                raise UsageError(
                    f"the model knows the noise of {self.window[0]}x{self.window[1]} pixels only, found {rows}x{columns}"
                )
            images = _known_noise.draw_under(self.signal_covariance(), self.noise, rng, count)
            images = images.reshape(count, rows, columns, -1) + self.mean
            return images if self.with_channels else images[..., 0]
        if self._fits_window((rows, columns)):
            factor = self._factor(rows, columns)
            images = (rng.standard_normal((count, len(factor))) @ factor.T).reshape(count, rows, columns, -1)
        else:
            images = self.causal_window.sample(rng, count, (rows, columns))
        images = images + self.mean
        return images if self.with_channels else images[..., 0]

    def _state(self) -> dict[str, np.ndarray]:
        state = {
            "mean": self.mean,
            "autocovariance": self.autocovariance,
            "with_channels": np.array(self.with_channels),
        }
        return state if self.noise is None else state | {"noise": self.noise}

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        return cls(state["mean"], state["autocovariance"], with_channels=bool(state["with_channels"]), noise=state.get("noise"))

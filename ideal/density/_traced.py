"""Log-densities of fitted models as JAX functions of the measurement, for gradients through a frozen model.

A form is the static part (which formula, which network); the arrays beside it are all that a fit changes, of the same structure
and shapes for every fit of one model to measurements of one shape. Sums are left to the caller, so that the small difference of
two measurements' log-densities keeps its digits in float32.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from scipy.linalg import solve_triangular

from ideal._shapes import rows_and_columns
from ideal.density._contract import Density
from ideal.density.gaussian.full import FullGaussian
from ideal.density.gaussian.mixture import GaussianMixture
from ideal.density.gaussian.multivariate import LOG_2PI
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.density.negative_binomial import NegativeBinomial
from ideal.density.networks import mixture
from ideal.density.networks.anchor import Anchor
from ideal.density.networks.network_density import NetworkDensity
from ideal.density.networks.transform import RootTransform
from ideal.errors import UsageError

_COMPONENTS = 32  # as many as a mixture of Gaussians may have; those that a fit has not are of no weight
_NO_WEIGHT = -1e9
_FAR = 1e3  # in standard deviations: an edge of the last cell, finite for gradients
_LARGEST_SHAPE = 1e7  # of a negative binomial, as of its model
_STIRLING = 16.0  # above it the series for ln Gamma has 12 digits
_HALF_LOG_2PI = 0.5 * LOG_2PI


def _rows(measurements: jax.Array) -> jax.Array:
    """Return measurements as rows of real values; a complex value becomes its real and its imaginary part."""
    if jnp.iscomplexobj(measurements):
        measurements = jnp.stack([jnp.real(measurements), jnp.imag(measurements)], -1)
    return measurements.reshape(len(measurements), -1)


def _whitened(arrays, rows: jax.Array) -> jax.Array:
    """Return the innovations of rows of values, in units of their deviations."""
    return (rows - arrays["mean"]) @ arrays["whitener"].T


def _moved_gaussian(arrays, shift: jax.Array, factor: jax.Array):
    """Return the arrays of a Gaussian whose mean is shifted and whose deviations are multiplied, of each real value."""
    return arrays | {
        "mean": arrays["mean"] + shift,
        "whitener": arrays["whitener"] / factor,
        "log_deviation": arrays["log_deviation"] + jnp.log(factor),
    }


class _OnMeasuredScale:
    """A density that knows measurements as they are."""

    def scaled(self, measurements: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return values (sample, value) on the density's scale, real and imaginary parts apart, and the slope of the scale."""
        rows = _rows(measurements)
        return rows, jnp.ones_like(rows)

    def moved(self, arrays, shift: jax.Array, factor: jax.Array):
        """Return arrays of the density of measurements whose values on this scale are shifted, and spread by a factor."""
        return _moved_gaussian(arrays, shift, factor)


def _gaussian_arrays(mean, factor: np.ndarray) -> dict[str, np.ndarray]:
    mean = np.asarray(mean)
    mean = np.ascontiguousarray(mean).view(np.float64).ravel() if np.iscomplexobj(mean) else mean.ravel()
    return {
        "mean": mean.astype(np.float64),
        "whitener": solve_triangular(factor, np.eye(len(factor)), lower=True),
        "log_deviation": np.log(np.diag(factor)),
    }


def _stationary_arrays(model: StationaryGaussian) -> dict[str, np.ndarray]:
    factor = model._factor(*model.window)
    return _gaussian_arrays(np.tile(model.mean, len(factor) // len(model.mean)), factor)


@dataclass(frozen=True)
class GaussianForm(_OnMeasuredScale):
    """A Gaussian by its whitening matrix."""

    classes: int = 0

    def terms(self, arrays, measurements: jax.Array) -> jax.Array:
        """Return terms whose sum is ln q(measurement), (sample, term), nats."""
        white = _whitened(arrays, _rows(measurements))
        return -0.5 * white**2 - arrays["log_deviation"] - 0.5 * LOG_2PI


@dataclass(frozen=True)
class MixtureForm(_OnMeasuredScale):
    """A mixture of Gaussians of one covariance."""

    classes: int = 0

    def terms(self, arrays, measurements: jax.Array) -> jax.Array:
        """Return ln q(measurement), (sample, 1), nats."""
        white = _whitened(arrays, _rows(measurements))
        distance = ((white[:, None] - arrays["centres"]) ** 2).sum(-1)
        constant = arrays["log_deviation"].sum() + 0.5 * white.shape[1] * LOG_2PI
        return logsumexp(arrays["log_weights"] - 0.5 * distance, axis=1)[:, None] - constant


def _mixture_arrays(model: GaussianMixture) -> dict[str, np.ndarray]:
    centre = model.means.mean(0)
    arrays = _gaussian_arrays(centre, model._factor)
    white = (model.means - centre).reshape(len(model.means), -1) @ arrays["whitener"].T
    missing = _COMPONENTS - len(white)
    return arrays | {
        "centres": np.pad(white, ((0, missing), (0, 0))),
        "log_weights": np.pad(np.log(model.weights), (0, missing), constant_values=_NO_WEIGHT),
    }


@dataclass(frozen=True)
class NegativeBinomialForm(_OnMeasuredScale):
    """A mixture of negative binomials about a Gaussian's prediction."""

    classes: int = 0

    def terms(self, arrays, measurements: jax.Array) -> jax.Array:
        """Return terms whose sum is ln q(measurement), (sample, value), nats; smooth between whole counts."""
        counts = _rows(measurements)
        prediction = counts - _whitened(arrays, counts) * jnp.exp(arrays["log_deviation"])
        rows = arrays["components"][:, :, None, None]
        parts = _negative_binomial(counts, prediction, *(rows[:, each] for each in range(1, 5)))
        log_factorial = _log_gamma(counts + 1)
        return logsumexp(parts + jnp.log(rows[:, 0]), axis=0) - log_factorial


def _negative_binomial(counts, prediction, floor, constant, slope, square):
    """Return ln k! q(k) of counts k about the positive part m of a prediction, variance m + constant + slope m + square m^2."""
    mean = 0.5 * (prediction + jnp.sqrt(prediction**2 + 4 * floor**2)) + 1e-12 * floor
    mean = jnp.maximum(mean, jnp.finfo(mean.dtype).tiny ** 0.25)
    shape = mean**2 / jnp.maximum(constant + slope * mean + square * mean**2, mean**2 / _LARGEST_SHAPE)
    # (shape + k) ln(1 + (k - m) / (shape + m)) is all that is left of two large terms of nearly equal size.
    common = (shape + counts) * jnp.log1p((counts - mean) / (shape + mean)) + counts * jnp.log(mean)
    large = jnp.maximum(shape, _STIRLING)
    series = _stirling_rest(large + counts) - _stirling_rest(large) - 0.5 * jnp.log1p(counts / large) - counts
    small = jnp.minimum(shape, _STIRLING)
    exact = _log_gamma(counts + small) - _log_gamma(small) - (counts + small) * jnp.log(small + counts) + small * jnp.log(small)
    return common + jnp.where(shape > _STIRLING, series, exact)


def _log_gamma(x):
    """Return ln Gamma(x) by Stirling's series at x + 8; JAX's own takes ten times as long to compile, its slope too."""
    low = jnp.minimum(x, _STIRLING)
    product = low * (low + 7) * ((low + 1) * (low + 6)) * ((low + 2) * (low + 5)) * ((low + 3) * (low + 4))
    up = jnp.where(x > _STIRLING, x, low + 8)
    found = (up - 0.5) * jnp.log(up) - up + _HALF_LOG_2PI + _stirling_rest(up)
    return found - jnp.where(x > _STIRLING, 0.0, jnp.log(product))


def _stirling_rest(x):
    inverse = 1 / x**2
    return (1 / 12 - (1 / 360 - (1 / 1260 - inverse / 1680) * inverse) * inverse) / x


@dataclass(frozen=True)
class NetworkForm:
    """An anchor, a network and a mixture for each value.

    Attributes:
        network: see `ideal.density.networks.neighbourhood.NeighbourhoodNetwork`.
        transform: of measured values.
        step, lowest, highest: of the levels of quantised values; 0, -inf and inf where they are continuous.
        period: of the mosaic.
        classes: of labels; 0 for none.

    """

    network: Any
    transform: RootTransform
    step: float
    lowest: float
    period: tuple[int, int]
    classes: int = 0
    highest: float = np.inf

    def terms(self, arrays, measurements: jax.Array) -> jax.Array:
        """Return terms whose sum is ln q(measurement), (sample, value), nats."""
        return self._terms(arrays, self._sites(arrays, measurements), None)

    def scaled(self, measurements: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return values (sample, value) on the scale of the network before it is standardised, and the slope of the scale."""
        rows = measurements.reshape(len(measurements), -1)
        return self.transform(rows, jnp), jnp.exp(self.transform.log_slope(rows, jnp))

    def moved(self, arrays, shift: jax.Array, factor: jax.Array):
        """Return arrays of the density of measurements whose values on this scale are shifted, and spread by a factor."""
        shape = arrays["location"].shape
        shift, factor = shift.reshape(shape), factor.reshape(shape)
        found = arrays | {"location": arrays["location"] + shift, "scale": arrays["scale"] * factor}
        if "log_floor" in arrays:  # the noise's, which does not change with the spread
            found["log_floor"] = arrays["log_floor"] - jnp.log(factor)
        return found

    def terms_by_class(self, arrays, measurements: jax.Array) -> jax.Array:
        """Return terms whose sum is ln q(measurement | class), (class, sample, value), nats."""
        sites, count = self._sites(arrays, measurements), len(measurements)

        def one(condition):
            return self._terms(arrays, sites, jnp.broadcast_to(condition, (count, self.classes)))

        return jax.lax.map(one, jnp.eye(self.classes, dtype=jnp.float32))

    def _sites(self, arrays, measurements):
        """Return standardised values, their prediction, the edges of their cells and ln of the unit of their density."""
        images = measurements.reshape(len(measurements), *arrays["location"].shape)
        location, scale = arrays["location"], arrays["scale"]

        def standard(values):
            return (self.transform(values, jnp) - location) / scale

        values = standard(images)
        rows = values.reshape(len(values), -1)
        mean = rows - _whitened(arrays["gaussian"], rows) * jnp.exp(arrays["gaussian"]["log_deviation"])
        mean = mean.reshape(values.shape)
        if not self.step:
            return values, mean, None, self.transform.log_slope(images, jnp) - jnp.log(scale)
        low, high = (standard(images + side * self.step / 2) for side in (-1, 1))
        low = jnp.where(images > self.lowest + self.step / 4, jnp.maximum(low, -_FAR), -_FAR)
        high = jnp.where(images < self.highest - self.step / 4, jnp.minimum(high, _FAR), _FAR)
        return values, mean, (low, high), -jnp.log(jnp.asarray(self.step, values.dtype))

    def _terms(self, arrays, sites, condition):
        values, mean, edges, unit = sites
        deviation = arrays["gaussian"]["log_deviation"].reshape(values.shape[1:])
        narrow = [each.astype(jnp.float32) for each in (values, mean, deviation)]
        phase = None if self.period == (1, 1) else _phase(self.period, values.shape[1:3])
        outputs = self.network.outputs(arrays["params"], *narrow, phase, condition)
        # What comes out of the network is mixed in the precision of the measurements.
        found = -mixture.training_loss(outputs.astype(values.dtype), mean, deviation, values, edges, arrays.get("log_floor"))
        return (found + unit).reshape(len(values), -1)


def _phase(period: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.arange(count) % side for count, side in zip(shape, period, strict=True))
    return (rows[:, None] * period[1] + columns).astype(np.int32)


def _network_arrays(model: NetworkDensity) -> dict[str, Any]:
    anchor: Anchor = model.anchor
    shape = rows_and_columns(model.shape)
    gaussian = anchor.gaussian
    if isinstance(gaussian, StationaryGaussian):
        arrays = _stationary_arrays(gaussian)
    else:
        arrays = _gaussian_arrays(gaussian.mean, gaussian._factor)
    found: dict[str, Any] = {
        "location": anchor._at(anchor.location, shape),
        "scale": anchor._at(anchor.scale, shape),
        "gaussian": arrays,
        "params": model.params,
    }
    floor = anchor.log_floor(shape)
    if floor is not None:
        found["log_floor"] = np.broadcast_to(floor, found["scale"].shape)
    if len(model.class_weights):
        found["log_class_weights"] = np.log(model.class_weights)
    return found


Form = GaussianForm | MixtureForm | NegativeBinomialForm | NetworkForm


def has_traced(kind: type[Density]) -> bool:
    """Tell whether models of this class have a traceable form."""
    return issubclass(kind, StationaryGaussian | FullGaussian | GaussianMixture | NegativeBinomial | NetworkDensity)


def traced(model: Density) -> tuple[Form, Any]:
    """Return a fitted model's form and arrays: `form.terms(arrays, measurements)` sums to its `log_prob`.

    Measurements are of the shape that the model was fitted to, one with labels has `terms_by_class` instead.

    Raises:
        UsageError: the model has no such form.

    """
    if isinstance(model, StationaryGaussian):
        return GaussianForm(), _stationary_arrays(model)
    if isinstance(model, FullGaussian):
        return GaussianForm(), _gaussian_arrays(model.mean, model._factor)
    if isinstance(model, GaussianMixture):
        return MixtureForm(), _mixture_arrays(model)
    if isinstance(model, NegativeBinomial) and np.isinf(model.highest):
        return NegativeBinomialForm(), _stationary_arrays(model.gaussian) | {"components": model.components}
    if isinstance(model, NetworkDensity):
        sensor = model.anchor.sensor
        form = NetworkForm(
            model.network,
            model.anchor.transform,
            sensor.step,
            sensor.lowest,
            rows_and_columns(sensor.period),
            len(model.class_weights),
            sensor.highest,
        )
        return form, _network_arrays(model)
    raise UsageError(f"the density model {model.name} has no form that gradients can be taken through")

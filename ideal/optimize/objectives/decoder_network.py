"""Small decoders that are trained along with a design: from a measurement back to the scene."""

from abc import ABC, abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal._shapes import rows_and_columns
from ideal.imaging import ImagingSystem, Params

_STEP = 0.1  # of the ascent's learning rate, relative to a weight's first size: see `_weight`
_WINDOW, _HIDDEN, _WIDE = 5, 16, 24
_HIDDEN_OF_VECTOR = 128
_FLOORS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the response, of its greatest value
_LITTLE = 100  # a decoder begins near the mean scene, at 0 dB


class DecoderNetwork(ABC):
    """A function with weights that gives a scene from a measurement, in the precision of the weights.

    It is told the design where this helps, as a real decoder is, and gives scenes less their mean, in units of their standard
    deviation.

    Args:
        system: whose measurements it sees.
        scenes: to learn the size and the spectrum of scenes from, (sample, *shape).
        light: mean and standard deviation of the values of a measurement.

    """

    def __init__(self, system: ImagingSystem, scenes: np.ndarray, light: tuple[float, float]):
        self.system, self.light = system, light
        scenes = np.asarray(scenes, dtype=np.float64)
        self.mean = scenes.mean(0)
        within = tuple(range(min(scenes.ndim, 3)))  # one number for each channel
        self.deviation = np.maximum(np.sqrt(((scenes - self.mean) ** 2).mean(within)), 1e-12)

    @abstractmethod
    def start(self, key: jax.Array) -> Any:
        """Return weights to begin with."""

    def candidates(self, weights: Any) -> list[Any]:
        """Return weights to choose the first ones from, by their error."""
        return [weights]

    @abstractmethod
    def standard(self, weights: Any, params: Params, measurements: jax.Array) -> jax.Array:
        """Return scenes less their mean over their deviation, (sample, *shape)."""

    def __call__(self, weights: Any, params: Params, measurements: jax.Array) -> jax.Array:
        """Return scenes in their own units.

        Args:
            weights: of the decoder.
            params: the design.
            measurements: (sample, *measurement_shape), real or complex.

        """
        found = self.standard(weights, params, measurements)
        return found * jnp.asarray(self.deviation, found.dtype) + jnp.asarray(self.mean, found.dtype)

    def _standardised(self, measurements: jax.Array, dtype) -> jax.Array:
        centre, spread = self.light
        if jnp.iscomplexobj(measurements):
            measurements = jnp.stack([jnp.real(measurements), jnp.imag(measurements)], axis=-1)
        return ((measurements - centre) / spread).astype(dtype)


def network_for(system: ImagingSystem, scenes: np.ndarray, light: tuple[float, float]) -> DecoderNetwork:
    """Return the decoder that suits a system's shapes.

    Pixels of the sensor that lie on those of the scene (a mosaic, a microscope) are decoded from their neighbours, by weights of
    their own for each place in the mosaic; other measurements of pictures (lensless, visibilities) by a Wiener filter that
    learns; vectors by a dense layer.
    """
    if len(system.scene.shape) == 1:
        return VectorNetwork(system, scenes, light)
    aligned = len(system.measurement_shape) > 1 and system.measurement_shape[:2] == system.scene.shape[:2]
    return (PixelNetwork if aligned else WienerNetwork)(system, scenes, light)


def _weight(key: jax.Array, *shape: int, fan: int) -> jax.Array:
    """Return random weights in the units that Adam moves them in.

    A step of Adam is the learning rate whatever the gradient, and the ascent's learning rate is made for designs, whose free
    parameters are of size 1. Weights are kept 1/_STEP times as large as they act, so that such a step changes them little.
    """
    return jax.random.normal(key, shape, jnp.float32) / (_STEP * np.float32(np.sqrt(fan)))


def _acting(weights: Any) -> Any:
    return jax.tree.map(lambda each: _STEP * each, weights)


def windows(pictures: jax.Array, side: int) -> jax.Array:
    """Return the square neighbourhood of every pixel, (sample, row, column, side^2 x channel), zero beyond the edge.

    Sums over it are products of matrices, which run well when batched over several designs; grouped convolutions do not.
    """
    reach = side // 2
    rows, columns = pictures.shape[1:3]
    padded = jnp.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    padded = jnp.concatenate([padded[:, y : y + rows] for y in range(side)], axis=-1)
    return jnp.concatenate([padded[:, :, x : x + columns] for x in range(side)], axis=-1)


def _refined(weights: Any, linear: jax.Array, hidden: jax.Array) -> jax.Array:
    """Return a linear estimate plus two layers of 3x3 on hidden features."""
    wide = jax.nn.gelu(windows(jax.nn.gelu(hidden), 3) @ weights["wide"] + weights["wide_bias"])
    return linear + windows(wide, 3) @ weights["last"]


def _refining_weights(key: jax.Array, channels: int) -> dict[str, jax.Array]:
    return {
        "wide": _weight(key, 9 * _HIDDEN, _WIDE, fan=9 * _HIDDEN),
        "wide_bias": jnp.zeros(_WIDE, jnp.float32),
        "last": jnp.zeros((9 * _WIDE, channels), jnp.float32),
    }


class PixelNetwork(DecoderNetwork):
    """A linear estimate and hidden features from 5x5 pixels, by weights for each place in the mosaic, and two layers on top."""

    @property
    def _channels(self) -> int:
        return self.system.scene.shape[2] if len(self.system.scene.shape) > 2 else 1

    def start(self, key):
        """Return weights."""
        first, second, rest = jax.random.split(key, 3)
        seen = self.system.measurement_shape[2] if len(self.system.measurement_shape) > 2 else 1
        (p, q), outputs = self.system.period, self._channels + _HIDDEN
        size = _WINDOW**2 * seen
        return {
            "local": jnp.concatenate(
                [
                    _weight(first, p, q, size, self._channels, fan=_LITTLE * size),
                    _weight(second, p, q, size, _HIDDEN, fan=size),
                ],
                axis=-1,
            ),
            "local_bias": jnp.zeros((p, q, outputs), jnp.float32),
            **_refining_weights(rest, self._channels),
        }

    def standard(self, weights, params, measurements):
        """Return scenes less their mean over their deviation."""
        weights = _acting(weights)
        pictures = self._standardised(measurements, weights["local"].dtype)
        pictures = pictures[..., None] if pictures.ndim == 3 else pictures
        count, rows, columns = pictures.shape[:3]
        p, q = self.system.period
        missing = (-rows % p, -columns % q)
        seen = jnp.pad(windows(pictures, _WINDOW), ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))
        seen = seen.reshape(count, (rows + missing[0]) // p, p, (columns + missing[1]) // q, q, -1)
        found = jnp.einsum("nupvqk,pqkf->nupvqf", seen, weights["local"]) + weights["local_bias"][:, None]
        found = found.reshape(count, rows + missing[0], columns + missing[1], -1)[:, :rows, :columns]
        out = _refined(weights, found[..., : self._channels], found[..., self._channels :])
        return out.reshape(count, *self.system.scene.shape)


class WienerNetwork(DecoderNetwork):
    """The Wiener estimate of stationary scenes, through the system as designed, with a spectrum that is learned; layers on top.

    With z = A^T N^-1 (y - mean) and q the response A^T N^-1 A of a point in the middle, the estimate has the spectrum
    z s / (1 + s (q + floor)), s the power of the scenes: exact, without a floor, where the system is a convolution without
    edges. Elsewhere (a sky seen at few frequencies) what leaks into frequencies that are not measured is held down by the floor.
    A system that is not linear is taken at its tangent in the mean scene.
    """

    def __init__(self, system: ImagingSystem, scenes: np.ndarray, light: tuple[float, float], variance=None):
        super().__init__(system, scenes, light)
        self.variance = variance or (lambda mean: jnp.ones_like(jnp.real(mean)))
        centred = (np.asarray(scenes[:512], np.float64) - self.mean).reshape(-1, *self._picture)
        power = (np.abs(np.fft.rfft2(centred, axes=(1, 2))) ** 2).mean(0) / np.prod(self._picture[:2])
        self.log_power = np.log(np.maximum(power, 1e-4 * power.mean((0, 1)) + 1e-30))

    def start(self, key):
        """Return weights, the correction of the spectrum at 0 and the floor at the lowest."""
        rows, columns = self.system.scene.shape[:2]
        channels = self.deviation.size
        first, rest = jax.random.split(key)
        size = _WINDOW**2 * channels
        return {
            "log_power": jnp.zeros((rows, columns // 2 + 1, channels), jnp.float32),
            "log_floor": jnp.float32(np.log(_FLOORS[0]) / _STEP),
            "local": _weight(first, size, _HIDDEN, fan=size),
            "local_bias": jnp.zeros(_HIDDEN, jnp.float32),
            **_refining_weights(rest, channels),
        }

    @property
    def _picture(self) -> tuple[int, int, int]:
        shape = self.system.scene.shape
        return (*rows_and_columns(shape), shape[2] if len(shape) > 2 else 1)

    def candidates(self, weights):
        """Return them with several floors."""
        return [weights | {"log_floor": jnp.full_like(weights["log_floor"], np.log(each) / _STEP)} for each in _FLOORS]

    def standard(self, weights, params, measurements):
        """Return scenes less their mean over their deviation."""
        weights = _acting(weights)
        picture, shape, kind = self._picture, self.system.scene.shape, weights["local"].dtype
        mean, middle = jnp.asarray(self.mean, kind), (picture[0] // 2, picture[1] // 2)
        centre, pull = jax.vjp(lambda scene: self.system.encode(params, scene), mean)
        variance = self.variance(jnp.real(centre))
        back = jax.vmap(lambda each: pull(jnp.conj((each / variance).astype(centre.dtype)))[0])
        gathered = back(measurements - centre).reshape(-1, *picture).astype(kind)
        points = jnp.zeros((picture[2], *picture), kind)
        points = points.at[jnp.arange(picture[2]), middle[0], middle[1], jnp.arange(picture[2])].set(1.0)
        push = jax.vmap(lambda each: jax.jvp(lambda scene: self.system.encode(params, scene), (mean,), (each,))[1])
        response = back(push(points.reshape(-1, *shape))).reshape(-1, *picture)
        response = jnp.stack([response[each, ..., each] for each in range(picture[2])], axis=-1).astype(kind)
        response = jnp.roll(response, [-place for place in middle], axis=(0, 1))
        q = jnp.maximum(jnp.real(jnp.fft.rfft2(response, axes=(0, 1))), 0)
        q = q + jnp.exp(weights["log_floor"]) * q.max()
        s = jnp.exp(jnp.asarray(self.log_power, kind) + weights["log_power"])
        spectrum = jnp.fft.rfft2(gathered, axes=(1, 2)) * (s / (1 + s * q))
        linear = jnp.fft.irfft2(spectrum, s=picture[:2], axes=(1, 2)) / jnp.asarray(self.deviation, kind).reshape(-1)
        hidden = windows(linear, _WINDOW) @ weights["local"] + weights["local_bias"]
        return _refined(weights, linear, hidden).reshape(-1, *shape)


class VectorNetwork(DecoderNetwork):
    """A dense linear estimate plus one hidden layer."""

    def _sizes(self) -> tuple[int, int]:
        measured = jax.eval_shape(self.system.encode, self.system.design(), jnp.zeros(self.system.scene.shape))
        values = measured.size * (2 if jnp.issubdtype(measured.dtype, jnp.complexfloating) else 1)
        return values, int(np.prod(self.system.scene.shape))

    def start(self, key):
        """Return weights."""
        seen, values = self._sizes()
        keys = jax.random.split(key, 2)
        return {
            "linear": _weight(keys[0], seen, values, fan=_LITTLE * seen),
            "hidden": _weight(keys[1], seen, _HIDDEN_OF_VECTOR, fan=seen),
            "hidden_bias": jnp.zeros(_HIDDEN_OF_VECTOR, jnp.float32),
            "last": jnp.zeros((_HIDDEN_OF_VECTOR, values), jnp.float32),
        }

    def standard(self, weights, params, measurements):
        """Return scenes less their mean over their deviation."""
        weights = _acting(weights)
        flat = self._standardised(measurements, weights["linear"].dtype).reshape(len(measurements), -1)
        hidden = jax.nn.gelu(flat @ weights["hidden"] + weights["hidden_bias"])
        return (flat @ weights["linear"] + hidden @ weights["last"]).reshape(-1, *self.system.scene.shape)

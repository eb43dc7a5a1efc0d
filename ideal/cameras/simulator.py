"""A sensor with every defect, and the frames that it records on a bench: for documentation, tests and first tries."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ideal.errors import UsageError

_HOT, _DEAD, _NOISY = 1, 2, 4
_NORMAL_FROM = 1e5  # photoelectrons from which on a Gaussian stands for Poisson counts


@dataclass(frozen=True)
class Sensor:
    """A sensor whose truth is known, defects included.

    Its number is DN = round((N + dark + read noise + what rows and columns share) / gain + offset), with N Poisson of the light
    times the response of the pixel, cut off at the full well and at the ends of the converter.

    Args:
        shape: (row, column).
        gain: photoelectrons per DN.
        offset: DN in the dark.
        read_noise: standard deviation of the read noise, electrons.
        dark_current: electrons a second.
        dsnu: standard deviation of the dark value from pixel to pixel, electrons.
        dsnu_row, dsnu_column: the same of rows, and of columns, as a whole.
        prnu: standard deviation of the response from pixel to pixel, a share of it.
        prnu_row, prnu_column: the same of rows, and of columns, as a whole.
        row_noise, column_noise: standard deviation of what a row, or a column, shares in a frame, electrons.
        read_noise_spread: standard deviation of the logarithm of pixels' read noise.
        hot: share of pixels whose dark current fills 5 % to 50 % of the range.
        dead: share of pixels that see 2 % of the light.
        noisy: share of pixels with 6 to 20 times the read noise.
        full_well: electrons that a pixel holds.
        bits: of the converter.
        shading: share by which the light of a flat field falls towards the corners.
        flicker: standard deviation of the lamp from frame to frame, a share of the light.
        seed: seed of the defects.

    Example:
        >>> sensor = Sensor((32, 32), gain=2.0, dsnu=3.0)
        >>> sensor.dark(4).shape, sensor.dark(4).dtype
        ((4, 32, 32), dtype('uint16'))

    """

    shape: tuple[int, int] = (512, 512)
    gain: float = 2.0
    offset: float = 100.0
    read_noise: float = 4.0
    dark_current: float = 0.0
    dsnu: float = 0.0
    dsnu_row: float = 0.0
    dsnu_column: float = 0.0
    prnu: float = 0.0
    prnu_row: float = 0.0
    prnu_column: float = 0.0
    row_noise: float = 0.0
    column_noise: float = 0.0
    read_noise_spread: float = 0.0
    hot: float = 0.0
    dead: float = 0.0
    noisy: float = 0.0
    full_well: float = math.inf
    bits: int = 12
    shading: float = 0.0
    flicker: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if not self.gain > 0 or not self.read_noise >= 0:
            raise UsageError(f"gain must be above 0 and read_noise 0 or more; found {self.gain:g} and {self.read_noise:g}")
        if not 1 <= self.bits <= 16:
            raise UsageError(f"bits of the converter go from 1 to 16; found {self.bits}")

    @property
    def ceiling(self) -> int:
        """The largest number of the converter, DN."""
        return 2**self.bits - 1

    @property
    def range(self) -> float:
        """Photoelectrons that fit into a pixel and through the converter."""
        return min(self.full_well, (self.ceiling - self.offset) * self.gain)

    @cached_property
    def kinds(self) -> np.ndarray:
        """Kind of each pixel, uint8 (row, column): 0 for a good one, else 1 hot, 2 dead, 4 noisy."""
        rng = self._rng(1)
        draw = rng.random(self.shape)
        edges = np.cumsum([self.hot, self.dead, self.noisy])
        found = np.zeros(self.shape, np.uint8)
        for kind, low, high in zip((_HOT, _DEAD, _NOISY), [0.0, *edges[:-1]], edges, strict=True):
            found[(draw >= low) & (draw < high)] = kind
        return found

    @cached_property
    def dark_map(self) -> np.ndarray:
        """Electrons that pixels have in the dark beside the dark current, float64 (row, column)."""
        rng = self._rng(2)
        found = self._pattern(rng, self.dsnu, self.dsnu_row, self.dsnu_column)
        return np.where(self.kinds == _HOT, self.range * rng.uniform(0.05, 0.5, self.shape), found)

    @cached_property
    def response(self) -> np.ndarray:
        """Response of each pixel over that of all, float64 (row, column)."""
        rng = self._rng(3)
        found = np.maximum(1 + self._pattern(rng, self.prnu, self.prnu_row, self.prnu_column), 0.0)
        return np.where(self.kinds == _DEAD, 0.02, found)

    @cached_property
    def read_noise_map(self) -> np.ndarray:
        """Standard deviation of each pixel's read noise, electrons, float64 (row, column)."""
        rng = self._rng(4)
        found = self.read_noise * np.exp(self.read_noise_spread * rng.standard_normal(self.shape))
        return np.where(self.kinds == _NOISY, self.read_noise * rng.uniform(6, 20, self.shape), found)

    @cached_property
    def light(self) -> np.ndarray:
        """Light of a flat field over its mean, float64 (row, column)."""
        y, x = (np.linspace(-1, 1, size) for size in self.shape)
        found = 1 - self.shading * (y[:, None] ** 2 + x**2) / 2
        return found / found.mean()

    def dark(self, count: int, *, exposure: float = 0.0, seed: int = 0) -> np.ndarray:
        """Return dark frames, uint16 (frame, row, column).

        Args:
            count: number of frames.
            exposure: seconds, in which the dark current flows.
            seed: seed of the noise.

        """
        return self._frames(np.zeros(self.shape), count, exposure, self._rng(5, seed), 0.0)

    def flat(self, mean: float, count: int = 2, *, exposure: float = 0.0, seed: int = 0) -> np.ndarray:
        """Return flat fields, uint16 (frame, row, column).

        Args:
            mean: mean photoelectrons of a pixel.
            count: number of frames.
            exposure: seconds, in which the dark current flows.
            seed: seed of the noise.

        """
        return self._frames(mean * self.light, count, exposure, self._rng(6, seed, round(1000 * mean)), self.flicker)

    def frames(self, means: np.ndarray, *, exposure: float = 0.0, seed: int = 0) -> np.ndarray:
        """Return one frame of each scene, uint16 (frame, row, column).

        Args:
            means: mean photoelectrons that a pixel of response 1 would count, (frame, row, column).
            exposure: seconds, in which the dark current flows.
            seed: seed of the noise.

        """
        rng = self._rng(7, seed)
        return np.concatenate([self._frames(each, 1, exposure, rng, 0.0) for each in np.asarray(means, dtype=np.float64)])

    def _frames(self, light, count, exposure, rng, flicker) -> np.ndarray:
        height, width = self.shape
        found = np.empty((count, height, width), np.uint16)
        # The number of electrons in the dark has its own scatter, but for what `offset` and `dsnu` mean by their constant part.
        hot = np.where(self.kinds == _HOT, self.dark_map, 0.0)
        fixed = self.dark_map - hot
        for frame in found:
            mean = light * self.response * (1 + flicker * rng.standard_normal()) + self.dark_current * exposure + hot
            electrons = _poisson(rng, np.maximum(mean, 0.0))
            electrons = np.minimum(electrons, self.full_well) + fixed
            electrons += self.read_noise_map * rng.standard_normal(self.shape)
            electrons += self.row_noise * rng.standard_normal((height, 1)) + self.column_noise * rng.standard_normal((1, width))
            frame[:] = np.clip(np.round(electrons / self.gain + self.offset), 0, self.ceiling)
        return found

    def _pattern(self, rng, pixel, row, column) -> np.ndarray:
        height, width = self.shape
        return (
            pixel * rng.standard_normal(self.shape)
            + row * rng.standard_normal((height, 1))
            + column * rng.standard_normal((1, width))
        )

    def _rng(self, *numbers: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *numbers])


@dataclass(frozen=True)
class SimulatedFrames:
    """Frames of a bench, and the sensor whose truth they hold.

    Attributes:
        sensor: the sensor.
        dark: dark frames, uint16 (frame, row, column).
        flat: flat fields, an array (frame, row, column) for each level of light.
        levels: mean photoelectrons of each level.

    """

    sensor: Sensor
    dark: np.ndarray
    flat: list[np.ndarray]
    levels: Sequence[float] = field(default_factory=list)


def simulate_frames(
    sensor: Sensor | None = None,
    *,
    dark: int = 64,
    levels: int = 16,
    frames: int = 2,
    brightest: float = 0.9,
    seed: int = 0,
    **defects,
) -> SimulatedFrames:
    """Simulate what a bench records of a sensor: dark frames, and flat fields at levels of light in equal steps.

    Args:
        sensor: the sensor; None for one with these `defects`.
        dark: number of dark frames.
        levels: number of levels of light.
        frames: number of frames of each level.
        brightest: light of the brightest level over what the sensor can take; above 1 the last levels are saturated.
        seed: seed of the noise.
        **defects: settings of `Sensor`, where none is given.

    Raises:
        UsageError: a setting has no meaning.

    Example:
        >>> bench = simulate_frames(shape=(32, 32), dark=8, levels=4, gain=2.0)
        >>> bench.dark.shape, len(bench.flat)
        ((8, 32, 32), 4)

    """
    if sensor is not None and defects:
        raise UsageError(f"{', '.join(defects)}: give them to the Sensor")
    sensor = Sensor(**defects) if sensor is None else sensor
    light = [brightest * sensor.range * (k + 1) / levels for k in range(levels)]
    flat = [sensor.flat(mean, frames, seed=seed) for mean in light]
    return SimulatedFrames(sensor, sensor.dark(dark, seed=seed), flat, light)


def _poisson(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    if mean.max(initial=0.0) < _NORMAL_FROM:
        return rng.poisson(mean).astype(np.float64)
    gaussian = np.maximum(np.round(mean + np.sqrt(mean) * rng.standard_normal(mean.shape)), 0.0)
    return np.where(mean < _NORMAL_FROM, rng.poisson(np.minimum(mean, _NORMAL_FROM)), gaussian)

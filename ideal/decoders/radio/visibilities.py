"""Visibilities in few numbers: the combinations of them that tell of a sky, each with noise of its own of unit variance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from ideal._shapes import rows_and_columns
from ideal.errors import DataError
from ideal.imaging import Params
from ideal.imaging.interferometer.interferometer import MICROARCSECOND, Interferometer

_LEAST = 0.1  # standard deviations of the noise that a combination has to see of a point source
_TOGETHER = 512  # visibilities of a baseline that are combined at once
_PULSE_POWER = {"point": 0, "rectangle": 1, "triangle": 2}  # of sinc(u pixel) sinc(v pixel), as in `Interferometer`


@dataclass(frozen=True, eq=False)
class CondensedVisibilities:
    """Orthonormal combinations of an observation's visibilities over their noise: a hundred numbers in place of thousands.

    A baseline moves over a small part of a cell of the u,v plane between two integrations, so that visibilities of a sky in a
    small field are nearly dependent. What is left out sees less than 0.1 standard deviations of the noise of a point source of
    the given flux, and less of anything wider: no decoder and no estimate could use it. Since the combinations are orthonormal,
    their noise is independent and of unit variance.

    Attributes:
        seen: what each combination sees of a sky, per Jy in units of the noise's standard deviation, (combination, row, column),
            float64, strongest first.
        weights: of the visibilities in each combination, (combination, visibility), complex, 1/Jy.
        flux: of the skies in Jy, for which it was decided what may be left out.

    """

    seen: np.ndarray
    weights: np.ndarray
    flux: float

    @classmethod
    def of(cls, system: Interferometer, params: Params | None = None, flux: float = 1.0) -> Self:
        """Return the combinations for an interferometer.

        Args:
            system: with its sites, times and pixels.
            params: of its design; None for all sites where they are.
            flux: largest total flux of the skies, Jy.

        Raises:
            UsageError: its parameters are not valid, or no baseline ever sees the source.

        """
        see = system.uv_coverage(params)
        pixel = system.scene.pixel * MICROARCSECOND
        used = np.flatnonzero(np.isfinite(see.sigma))
        order = used[np.lexsort((see.mjd[used], see.second[used], see.first[used]))]
        baseline = see.first * len(see.sites.names) + see.second
        turns, found = [], []
        for part in _parts(order, baseline):
            fourier = _fourier(
                rows_and_columns(system.scene.shape), see.u[part] * pixel, see.v[part] * pixel, _PULSE_POWER[system.pulse]
            )
            rows = fourier / see.sigma[part][:, None]
            turn, strong = _strongest(np.concatenate([rows.real, rows.imag]), _LEAST / flux)
            weights = np.zeros((len(turn), len(see.u)), np.complex128)
            # A share dims what is measured and leaves its noise as it is.
            weights[:, part] = (turn[:, : len(part)] + 1j * turn[:, len(part) :]) / system.sigma[part]
            turns.append(weights)
            found.append(strong)
        if not found:
            return cls(np.zeros((0, *system.scene.shape)), np.zeros((0, len(see.u)), np.complex128), flux)
        turn, strong = _strongest(np.concatenate(found), _LEAST / flux)
        return cls(strong.reshape(-1, *system.scene.shape), turn @ np.concatenate(turns), flux)

    @property
    def matrix(self) -> np.ndarray:
        """`seen` with flat skies, (combination, pixel)."""
        return self.seen.reshape(len(self.seen), int(np.prod(self.seen.shape[1:])))

    def condense(self, visibilities: np.ndarray) -> np.ndarray:
        """Return the combinations of measured visibilities.

        Args:
            visibilities: (sample, visibility), complex, Jy, as the system measures them.

        Returns:
            (sample, combination), in standard deviations of the noise.

        Raises:
            DataError: they are not as many as the system measures.

        """
        values = np.asarray(visibilities)
        if values.ndim != 2 or values.shape[1] != self.weights.shape[1]:
            raise DataError(f"visibilities of shape {values.shape}, expected (sample, {self.weights.shape[1]})")
        return values.real @ self.weights.real.T + values.imag @ self.weights.imag.T

    def mean(self, skies: np.ndarray) -> np.ndarray:
        """Return the noiseless combinations of skies (sample, row, column) in Jy per pixel, (sample, combination)."""
        skies = np.asarray(skies)
        if skies.shape[1:] != self.seen.shape[1:]:
            raise DataError(f"skies of shape {skies.shape}, expected (sample, {', '.join(map(str, self.seen.shape[1:]))})")
        blocks = [skies[start : start + 1024].astype(np.float64) for start in range(0, len(skies), 1024)]
        return np.concatenate([each.reshape(len(each), -1) @ self.matrix.T for each in blocks])

    def measure(self, skies: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return noisy combinations of skies and their means, (sample, combination) each.

        They are distributed as `condense` of simulated visibilities, at a hundredth of the work.

        Args:
            skies: (sample, row, column), Jy per pixel.
            rng: of the noise.

        """
        mean = self.mean(skies)
        return mean + rng.standard_normal(mean.shape), mean


def _parts(order: np.ndarray, baseline: np.ndarray) -> Iterator[np.ndarray]:
    """Give the visibilities of one baseline after the other, in order of time."""
    edges = np.flatnonzero(np.diff(baseline[order])) + 1
    for block in np.split(order, edges) if len(order) else ():
        yield from np.array_split(block, -(-len(block) // _TOGETHER))


def _fourier(shape: tuple[int, int], u: np.ndarray, v: np.ndarray, power: int) -> np.ndarray:
    """Return the matrix from flat skies to visibilities, (point, pixel); u and v in cycles per pixel."""
    down, across = ((size - 1) / 2 - np.arange(size) for size in shape)  # row 0 is north, column 0 east
    rows, columns = np.exp(2j * np.pi * np.outer(v, down)), np.exp(2j * np.pi * np.outer(u, across))
    columns *= ((np.sinc(u) * np.sinc(v)) ** power)[:, None]
    return (rows[:, :, None] * columns[:, None, :]).reshape(len(u), -1)


def _strongest(rows: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the orthonormal combinations of rows with a norm above the least, (combination, row), and these combinations."""
    values, vectors = np.linalg.eigh(rows @ rows.T)
    turn = vectors[:, values > least**2].T[::-1]
    return turn, turn @ rows

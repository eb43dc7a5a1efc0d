"""The constraint on where the sites of an interferometer may be."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError
from ideal.imaging.constraints import Array, Constraint

_AT_REST = 1e-3  # degrees, 100 m: what a file or float32 may do to a place that is not free


@dataclass(frozen=True, eq=False)
class Places(Constraint):
    """Latitudes and longitudes between bounds for sites that are free; the others stay where they are.

    A bounded angle is the middle of its range plus half of it times the sine of the free value, so that a site on the bound (a
    pole) has a finite free value; a longitude without bounds is the free value in radians, and wraps.

    Attributes:
        places: (site, 2) latitudes and longitudes of the table, degrees.
        movable: (site,) which are free.
        latitudes: least and largest, degrees.
        longitudes: least and largest, degrees; a range of 360 degrees is no bound.

    """

    places: np.ndarray
    movable: np.ndarray
    latitudes: tuple[float, float] = (-90.0, 90.0)
    longitudes: tuple[float, float] = (-180.0, 180.0)

    def describe(self) -> str:
        """Return how many sites may move, and where to."""
        free = int(np.sum(self.movable))
        if not free:
            return f"all {len(self.places)} sites stay where they are"
        (south, north), (west, east) = self.latitudes, self.longitudes
        bounds = f"latitudes {south:g} to {north:g} and longitudes {west:g} to {east:g} degrees"
        return f"{free} of {len(self.places)} sites free, {bounds}"

    @property
    def _wraps(self) -> bool:
        return self.longitudes[1] - self.longitudes[0] >= 360

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return latitudes and longitudes in degrees, longitudes from -180 to 180 where they wrap."""
        latitude = _sway(free[..., 0], self.latitudes)
        longitude = _wrapped(jnp.rad2deg(free[..., 1])) if self._wraps else _sway(free[..., 1], self.longitudes)
        moved = jnp.stack([latitude, longitude], axis=-1)
        return jnp.where(self.movable[:, None], moved, jnp.asarray(self.places, moved.dtype))

    def free(self, physical: Array) -> jax.Array:
        """Return arc sines and radians."""
        physical = jnp.asarray(physical)
        longitude = jnp.deg2rad(physical[..., 1]) if self._wraps else _unsway(physical[..., 1], self.longitudes)
        return jnp.stack([_unsway(physical[..., 0], self.latitudes), longitude], axis=-1)

    def harden(self, physical: Array) -> jax.Array:
        """Return the same places with longitudes from -180 to 180 where they wrap."""
        physical = jnp.asarray(physical)
        if not self._wraps:
            return physical
        return jnp.stack([physical[..., 0], _wrapped(physical[..., 1])], axis=-1)

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return the distances of the bounds, one radian for an angle without."""
        west, east = self.longitudes
        reach = self.latitudes[1] - self.latitudes[0], np.rad2deg(1.0) if self._wraps else east - west
        return np.broadcast_to(reach, np.shape(physical)).astype(float)

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the places, on a bound where they are beyond it, and at home where they are not free."""
        moved = np.array(physical, dtype=float)
        for axis, bounds in self._bounds:
            moved[..., axis] = np.clip(moved[..., axis], *bounds)
        return np.where(self.movable[:, None], moved, self.places)

    def inside(self, physical: Array, share: float) -> jax.Array:
        """Return bounded angles of free sites nearer to the middle of their range."""
        moved = [physical[..., 0], physical[..., 1]]
        for axis, bounds in self._bounds:
            moved[axis] = (1 - share) * moved[axis] + share * sum(bounds) / 2
        return jnp.where(self.movable[:, None], jnp.stack(moved, axis=-1), physical)

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell which bounded angles of free sites are next to a bound."""
        found = np.zeros(np.shape(physical), bool)
        for axis, (low, high) in self._bounds:
            value = np.asarray(physical)[..., axis]
            found[..., axis] = self.movable & (np.minimum(value - low, high - value) < share * (high - low))
        return found

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return the bound in place of an angle next to it."""
        near, found = self.at_edge(physical, share), np.array(physical, dtype=float)
        for axis, (low, high) in self._bounds:
            nearest = np.where(found[..., axis] - low < high - found[..., axis], low, high)
            found[..., axis] = np.where(near[..., axis], nearest, found[..., axis])
        return found

    @property
    def _bounds(self) -> list[tuple[int, tuple[float, float]]]:
        """The axes that have bounds, with these."""
        return [(0, self.latitudes), *([] if self._wraps else [(1, self.longitudes)])]

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse places beyond the bounds, and sites that moved and are not free."""
        away = physical - self.places
        away[:, 1] = _wrapped(away[:, 1]) * np.cos(np.deg2rad(self.places[:, 0]))
        moved = (np.abs(away).max(1) > _AT_REST) & ~self.movable
        if moved.any():
            site = int(np.argmax(moved))
            raise UsageError(
                f"{what} puts site {site} at {physical[site, 0]:.3f}, {physical[site, 1]:.3f} instead of "
                f"{self.places[site, 0]:.3f}, {self.places[site, 1]:.3f}: name it in free_sites if it may move"
            )
        for axis, (low, high), name in ((0, self.latitudes, "latitudes"), (1, self.longitudes, "longitudes")):
            values = physical[self.movable, axis]
            beyond = (values < low - _AT_REST) | (values > high + _AT_REST)
            if (axis == 0 or not self._wraps) and beyond.any():
                raise UsageError(f"{what} has {name} from {values.min():g} to {values.max():g}, expected {low:g} to {high:g}")


def _wrapped(degrees):
    return (degrees + 180) % 360 - 180


def _sway(free, bounds):
    low, high = bounds
    return (low + high) / 2 + (high - low) / 2 * jnp.sin(free)


def _unsway(value, bounds):
    low, high = bounds
    return jnp.arcsin(jnp.clip((2 * value - low - high) / (high - low), -1, 1))

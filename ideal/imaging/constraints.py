"""Constraints on parameters, as transforms between free real numbers and physical values."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError

_TOLERANCE = 1e-4  # relative, on values that a file or a float32 sum may have rounded
_SMALLEST = 1e-8  # of a share: an exact zero has no finite free value

Array = jax.Array | np.ndarray


@dataclass(frozen=True)
class Constraint:
    """No constraint: any real number. Others override what they need.

    Attributes:
        discrete: whether hard values are a choice between alternatives, so that an ascent has to be led there.

    """

    discrete: ClassVar[bool] = False

    def describe(self) -> str:
        """Return in a few words what values are allowed."""
        return "free"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> Array:
        """Return the physical value of a free one; differentiable."""
        return free

    def free(self, physical: Array) -> jax.Array:
        """Return a free value that `physical` maps onto this one, as nearly as float32 can."""
        return jnp.asarray(physical)

    def harden(self, physical: Array) -> Array:
        """Return the nearest value that can be manufactured."""
        return physical

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return how far values reach, a number for each: the unit in which an ascent measures its steps."""
        return np.full(np.shape(physical), max(1.0, float(np.sqrt(np.mean(np.square(physical))))))

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the nearest allowed value, in the sum of squares over `span`."""
        return physical

    def inside(self, physical: Array, share: float) -> Array:
        """Return a value moved by this share of the way towards the middle of what is allowed; traceable."""
        return physical

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell of each value whether it is on the edge of what is allowed, or nearer to it than this share of its span."""
        return np.zeros(np.shape(physical), bool)

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return values of which those that are `at_edge` stand exactly on it."""
        return physical

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse a value outside the constraint.

        Raises:
            UsageError: it is; the message begins with `what`.

        """


@dataclass(frozen=True)
class Bounded(Constraint):
    """Between two numbers, by a logistic function."""

    low: float
    high: float

    def describe(self) -> str:
        """Return the bounds."""
        return f"from {self.low:g} to {self.high:g}"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return low + (high - low) logistic(free)."""
        return self.low + (self.high - self.low) * jax.nn.sigmoid(free)

    def free(self, physical: Array) -> jax.Array:
        """Return the logit of the place between the bounds."""
        share = (jnp.asarray(physical) - self.low) / (self.high - self.low)
        return jax.scipy.special.logit(jnp.clip(share, 1e-6, 1 - 1e-6))

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return the distance of the bounds."""
        return np.full(np.shape(physical), self.high - self.low)

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the value, or the bound that it is beyond."""
        return np.clip(physical, self.low, self.high)

    def inside(self, physical: Array, share: float) -> Array:
        """Return a value nearer to the middle between the bounds."""
        return (1 - share) * physical + share * (self.low + self.high) / 2

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell where a bound is nearer than a share of their distance."""
        return np.minimum(physical - self.low, self.high - physical) < share * (self.high - self.low)

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return the bound in place of a value next to it."""
        nearest = np.where(physical - self.low < self.high - physical, self.low, self.high)
        return np.where(self.at_edge(physical, share), nearest, physical)

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse values beyond the bounds."""
        slack = _TOLERANCE * (self.high - self.low)
        if physical.min() < self.low - slack or physical.max() > self.high + slack:
            raise UsageError(
                f"{what} reaches from {physical.min():g} to {physical.max():g}, expected {self.low:g} to {self.high:g}"
            )


@dataclass(frozen=True)
class Positive(Constraint):
    """Positive numbers of about the size `scale`, by a softplus."""

    scale: float = 1.0

    def describe(self) -> str:
        """Return the sign and the size."""
        return f"positive, of about {self.scale:g}"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return scale softplus(free)."""
        return self.scale * jax.nn.softplus(free)

    def free(self, physical: Array) -> jax.Array:
        """Return the inverse of softplus."""
        value = jnp.maximum(jnp.asarray(physical) / self.scale, _SMALLEST)
        return value + jnp.log(-jnp.expm1(-value))

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return the scale, or the size that values have where that is less."""
        return np.full(np.shape(physical), self._size(physical))

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the value, 0 for a negative one."""
        return np.maximum(physical, 0)

    def inside(self, physical: Array, share: float) -> Array:
        """Return a value larger by this share of the size that values have."""
        largest = jax.lax.stop_gradient(jnp.max(physical))
        return physical + share * jnp.where(largest > 0, jnp.minimum(largest, self.scale), self.scale)

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell where a value is below a share of the size that values have."""
        return np.asarray(physical) < share * self._size(physical)

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return 0 in place of a value next to it."""
        return np.where(self.at_edge(physical, share), 0.0, physical)

    def _size(self, physical) -> float:
        largest = float(np.max(physical))
        return min(largest, self.scale) if largest > 0 else self.scale

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse negative values."""
        if physical.min() < 0:
            raise UsageError(f"{what} is as low as {physical.min():g}, expected positive numbers")


@dataclass(frozen=True)
class UnitSum(Constraint):
    """Nonnegative numbers whose sum over the whole array is 1: energy shared out over a mask, power over sources."""

    def describe(self) -> str:
        """Return the sum."""
        return "at least 0, with a sum of 1"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return softplus(free) over its sum."""
        value = jax.nn.softplus(free)
        return value / value.sum()

    def free(self, physical: Array) -> jax.Array:
        """Return the inverse of softplus of values with a mean of 1."""
        value = jnp.asarray(physical)
        value = jnp.maximum(value * value.size, _SMALLEST)
        return value + jnp.log(-jnp.expm1(-value))

    def span(self, physical: np.ndarray) -> np.ndarray:
        """Return an even share."""
        return np.full(np.shape(physical), 1 / np.size(physical))

    def project(self, physical: np.ndarray) -> np.ndarray:
        """Return the nearest shares: all less by the same amount, those that would be negative 0."""
        return _on_simplex(np.ravel(physical)).reshape(np.shape(physical))

    def inside(self, physical: Array, share: float) -> Array:
        """Return shares that are more even."""
        return (1 - share) * physical + share / physical.size

    def at_edge(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Tell where a value is below a share of an even one."""
        return np.asarray(physical) < share / np.size(physical)

    def settle(self, physical: np.ndarray, share: float) -> np.ndarray:
        """Return values of which small ones are 0, the others larger in proportion."""
        kept = np.where(self.at_edge(physical, share), 0.0, physical)
        return kept / kept.sum()

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse negative values and another sum."""
        if physical.min() < 0 or abs(physical.sum(dtype=np.float64) - 1) > _TOLERANCE:
            raise UsageError(
                f"{what} has a sum of {physical.sum():g} and a least value of {physical.min():g}, expected 1 and at least 0"
            )


@dataclass(frozen=True)
class OneOf(Constraint):
    """Shares of alternatives along the last axis, by a softmax; hard values have one alternative each."""

    discrete: ClassVar[bool] = True

    def describe(self) -> str:
        """Return what the shares are of."""
        return "one alternative of the last axis, or shares of them with a sum of 1"

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return softmax(sharpness x free)."""
        return jax.nn.softmax(sharpness * free, axis=-1)

    def free(self, physical: Array) -> jax.Array:
        """Return the logarithm, exact zeros made small."""
        value = jnp.log(jnp.maximum(jnp.asarray(physical), _SMALLEST))
        return value - value.mean(-1, keepdims=True)

    def inside(self, physical: Array, share: float) -> Array:
        """Return shares that are more even."""
        return (1 - share) * physical + share / physical.shape[-1]

    def harden(self, physical: Array) -> jax.Array:
        """Return the largest share of each as 1, the others as 0."""
        physical = jnp.asarray(physical)
        return jax.nn.one_hot(physical.argmax(-1), physical.shape[-1], dtype=physical.dtype)

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse negative shares and other sums along the last axis."""
        sums = physical.sum(-1)
        if physical.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
            raise UsageError(
                f"{what} has shares from {physical.min():g} with sums up to {sums.max():g}, expected at least 0 and 1"
            )


@dataclass(frozen=True)
class Budget(Constraint):
    """Weights between 0 and 1; hard values are 1 for the `count` largest and 0 for the others, where a count is set."""

    count: int | None = None
    discrete: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the bounds and the count."""
        return "from 0 to 1" + ("" if self.count is None else f", with a sum of at most {self.count}")

    def physical(self, free: Array, sharpness: jax.Array | float = 1.0) -> jax.Array:
        """Return logistic(sharpness x free), scaled down where the sum is above the count."""
        value = jax.nn.sigmoid(sharpness * free)
        return value if self.count is None else value * jnp.minimum(1.0, self.count / value.sum())

    def free(self, physical: Array) -> jax.Array:
        """Return the logit."""
        return jax.scipy.special.logit(jnp.clip(jnp.asarray(physical), 1e-4, 1 - 1e-4))

    def inside(self, physical: Array, share: float) -> Array:
        """Return weights nearer to a half."""
        return (1 - share) * physical + share / 2

    def harden(self, physical: Array) -> jax.Array:
        """Return ones for the largest weights."""
        physical = jnp.asarray(physical)
        if self.count is None:
            return jnp.round(physical)
        ranks = jnp.argsort(jnp.argsort(-physical))
        return (ranks < self.count).astype(physical.dtype)

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse weights outside 0 to 1."""
        if physical.min() < 0 or physical.max() > 1 + _TOLERANCE:
            raise UsageError(f"{what} reaches from {physical.min():g} to {physical.max():g}, expected weights from 0 to 1")


def _on_simplex(values: np.ndarray) -> np.ndarray:
    """Return the nearest nonnegative values with a sum of 1 to values (n,).

    All are lowered by one amount and cut at 0; sorted values tell how many stay above (Held, Wolfe and Crowder 1974).
    """
    ordered = np.sort(values)[::-1]
    excess = np.cumsum(ordered) - 1.0
    count = np.arange(1, len(values) + 1)
    kept = np.flatnonzero(ordered * count > excess)[-1]
    found = np.maximum(values - excess[kept] / count[kept], 0.0)
    return found / found.sum()

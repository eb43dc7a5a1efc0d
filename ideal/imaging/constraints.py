"""Constraints on parameters, as transforms between free real numbers and physical values."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError

_TOLERANCE = 1e-4  # relative, on values that a file or a float32 sum may have rounded
_SMALLEST = 1e-8  # of a share: an exact zero has no finite free value


@dataclass(frozen=True)
class Constraint:
    """No constraint: any real number. Others override what they need."""

    def describe(self) -> str:
        """Return in a few words what values are allowed."""
        return "free"

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return the physical value of a free one; differentiable."""
        return free

    def free(self, physical: jax.Array) -> jax.Array:
        """Return a free value that `physical` maps onto this one, as nearly as float32 can."""
        return jnp.asarray(physical)

    def harden(self, physical: jax.Array) -> jax.Array:
        """Return the nearest value that can be manufactured."""
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

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return low + (high - low) logistic(free)."""
        return self.low + (self.high - self.low) * jax.nn.sigmoid(free)

    def free(self, physical: jax.Array) -> jax.Array:
        """Return the logit of the place between the bounds."""
        share = (jnp.asarray(physical) - self.low) / (self.high - self.low)
        return jax.scipy.special.logit(jnp.clip(share, 1e-6, 1 - 1e-6))

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

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return scale softplus(free)."""
        return self.scale * jax.nn.softplus(free)

    def free(self, physical: jax.Array) -> jax.Array:
        """Return the inverse of softplus."""
        value = jnp.maximum(jnp.asarray(physical) / self.scale, _SMALLEST)
        return value + jnp.log(-jnp.expm1(-value))

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

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return softplus(free) over its sum."""
        value = jax.nn.softplus(free)
        return value / value.sum()

    def free(self, physical: jax.Array) -> jax.Array:
        """Return the inverse of softplus of values with a mean of 1."""
        value = jnp.asarray(physical)
        value = jnp.maximum(value * value.size, _SMALLEST)
        return value + jnp.log(-jnp.expm1(-value))

    def check(self, what: str, physical: np.ndarray) -> None:
        """Refuse negative values and another sum."""
        if physical.min() < 0 or abs(physical.sum(dtype=np.float64) - 1) > _TOLERANCE:
            raise UsageError(
                f"{what} has a sum of {physical.sum():g} and a least value of {physical.min():g}, expected 1 and at least 0"
            )


@dataclass(frozen=True)
class OneOf(Constraint):
    """Shares of alternatives along the last axis, by a softmax; hard values have one alternative each."""

    def describe(self) -> str:
        """Return what the shares are of."""
        return "one alternative of the last axis, or shares of them with a sum of 1"

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return softmax(sharpness x free)."""
        return jax.nn.softmax(sharpness * free, axis=-1)

    def free(self, physical: jax.Array) -> jax.Array:
        """Return the logarithm, exact zeros made small."""
        value = jnp.log(jnp.maximum(jnp.asarray(physical), _SMALLEST))
        return value - value.mean(-1, keepdims=True)

    def harden(self, physical: jax.Array) -> jax.Array:
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

    def describe(self) -> str:
        """Return the bounds and the count."""
        return "from 0 to 1" + ("" if self.count is None else f", with a sum of at most {self.count}")

    def physical(self, free: jax.Array, sharpness: float = 1.0) -> jax.Array:
        """Return logistic(sharpness x free), scaled down where the sum is above the count."""
        value = jax.nn.sigmoid(sharpness * free)
        return value if self.count is None else value * jnp.minimum(1.0, self.count / value.sum())

    def free(self, physical: jax.Array) -> jax.Array:
        """Return the logit."""
        return jax.scipy.special.logit(jnp.clip(jnp.asarray(physical), 1e-4, 1 - 1e-4))

    def harden(self, physical: jax.Array) -> jax.Array:
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

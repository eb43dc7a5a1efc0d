"""How the gradient is followed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from ideal.errors import UsageError, unknown_name
from ideal.optimize.members import METHODS

_SHARPEST = 16.0


@dataclass(frozen=True)
class Ascent:
    """How the gradient is followed.

    Args:
        steps: of gradient ascent, at most.
        learning_rate: of Adam, in free parameters, falling along a cosine.
        rates: factors of the learning rate, or of the unit of steps, by parameter; 0 keeps a parameter as it is.
        sharpness: what choices between alternatives are sharpened by at the end, from 1.
        patience: share of the steps after which ascent ends where the held-out gain of the hard design has not grown; 1 for
            never. Of an objective that is fitted anew, the gains right after a fit count, averaged over three.
        time_limit: seconds.
        method: "line-search" (to the optimum of an exact objective, inside the constraints), "adam" (anything), or "auto": the
            first where the objective is exact and no parameter is a choice between alternatives.

    Raises:
        UsageError: a figure has no meaning, or no method has this name.

    """

    steps: int = 200
    learning_rate: float = 0.05
    rates: Mapping[str, float] = field(default_factory=dict)
    sharpness: float = _SHARPEST
    patience: float = 1.0
    time_limit: float | None = None
    method: str = "auto"

    def __post_init__(self):
        if self.method not in METHODS:
            raise UsageError(unknown_name("no method of ascent is called", self.method, METHODS))
        if self.steps < 1 or not self.learning_rate > 0 or not self.sharpness >= 1 or not 0 < self.patience <= 1:
            raise UsageError(
                f"steps {self.steps}, learning rate {self.learning_rate:g}, sharpness {self.sharpness:g} and patience "
                f"{self.patience:g}: expected at least 1, above 0, at least 1, and above 0 up to 1"
            )

    def rate(self, step: jax.Array) -> jax.Array:
        """Return the learning rate of a step."""
        return self.learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * step / self.steps))

    def sharpen(self, step: jax.Array | int) -> jax.Array | float:
        """Return the sharpness of a step: it rises with its square."""
        return 1 + (self.sharpness - 1) * (step / self.steps) ** 2

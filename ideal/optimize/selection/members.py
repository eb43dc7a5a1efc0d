"""Whom a design chooses from: sites, LEDs or lenslets, each with a weight in one vector of the system's parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError, unknown_name
from ideal.imaging import Bounded, Budget, ImagingSystem, Params, UnitSum

_LEAST = 1e-12  # sum of the shares of an empty set, which are divided by nothing
_SMALLEST = 1e-6  # of the largest weight: a member that has less does not take part


@dataclass(frozen=True)
class Members:
    """Members of a system that take part or not.

    Attributes:
        system: whose they are.
        parameter: name of the vector of their weights.
        others: the other parameters, which stay as they are.
        names: of the members.

    """

    system: ImagingSystem
    parameter: str
    others: Params
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.names)

    @property
    def shared(self) -> bool:
        """Whether those that take part share out a fixed sum, the power of LEDs or the light of a lens."""
        return isinstance(self.system.constraints[self.parameter], UnitSum)

    def params(self, shares: jax.Array | np.ndarray) -> Params:
        """Return the parameters where each member takes part with a share from 0 to 1, (member,); traceable."""
        shares = jnp.asarray(shares)
        weights = shares / jnp.maximum(shares.sum(), _LEAST) if self.shared else shares
        return {**self.others, self.parameter: weights}

    def params_of_set(self, numbers: Sequence[int]) -> Params:
        """Return the parameters of a set of members, in float32."""
        return {
            name: np.asarray(value, np.float32)
            for name, value in self.params(np.isin(np.arange(self.size), numbers) * 1.0).items()
        }

    def used(self, params: Params) -> tuple[int, ...]:
        """Return the numbers of those that have weight."""
        weights = np.asarray(params[self.parameter])
        return tuple(np.flatnonzero(weights > _SMALLEST * weights.max()).tolist())

    def is_set(self, params: Params) -> bool:
        """Return whether parameters are those of a set: equal weights, full ones where they need not be shared."""
        return all(
            np.allclose(value, np.asarray(params[name]), atol=1e-4)
            for name, value in self.params_of_set(self.used(params)).items()
        )

    def numbers(self, names: Sequence[str], seed: int = 0) -> tuple[int, ...]:
        """Return the members of these names; the name of a design stands for all that have weight in it.

        Args:
            names: of members and of designs.
            seed: of designs that are random.

        Raises:
            UsageError: there is neither a member nor a design of that name.

        """
        found: list[int] = []
        for name in names:
            if name in self.names:
                found.append(self.names.index(name))
            elif name in self.system.designs:
                found += self.used(self.system.design(name, seed))
            else:
                what = f"{self.system.name} has no {self.noun} and no design"
                raise UsageError(unknown_name(what, name, (*self.names, *self.system.designs)))
        return tuple(dict.fromkeys(found))

    @property
    def noun(self) -> str:
        """What a member is called."""
        return self.system.member


def find_members(system: ImagingSystem, params: Params | None = None) -> Members:
    """Return what a system can choose from: the one vector of its parameters whose values are weights.

    Args:
        system: any; a vector counts whose constraint is `Budget`, `UnitSum` or `Bounded` from 0 to 1.
        params: what the other parameters are; None for the default design's.

    Raises:
        UsageError: there is no such parameter, or more than one.

    """
    params = system.design() if params is None else params
    found = [name for name, value in params.items() if np.ndim(value) == 1 and _weighs(system.constraints[name])]
    if len(found) != 1:
        what = "none of its parameters is" if not found else f"each of {', '.join(found)} is"
        raise UsageError(
            f"{system.name} has nothing to choose members of: {what} a vector of weights (choose sites of an interferometer, "
            "LEDs of a microscope, or lenslets; other systems are designed without --choose)"
        )
    name = found[0]
    size = len(np.asarray(params[name]))
    names = tuple(system.member_names) or tuple(map(str, range(size)))
    return Members(system, name, {key: value for key, value in params.items() if key != name}, names)


def _weighs(constraint) -> bool:
    return isinstance(constraint, Budget | UnitSum) or constraint == Bounded(0.0, 1.0)

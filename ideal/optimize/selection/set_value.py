"""What a set of sites, LEDs or filters is worth: bits per measurement, of hard sets and of shares that gradients are taken in."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.information.results import LN2
from ideal.optimize._contract import Objective
from ideal.optimize.objectives.log_determinant import log_determinant
from ideal.optimize.objectives.scenes import scene_factor

_RANK = 192
_SETS = 64  # that are evaluated together
_COMPONENTS = 96  # of the scenes that are encoded together


class HardValue(Protocol):
    """What whole sets of members are worth: all that a search among sets needs."""

    @property
    def size(self) -> int:
        """Number of members."""

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        """Return the values of several sets, (set,), of who takes part, (set, member), boolean."""


class SetValue(ABC):
    """What a set of members is worth: bits per measurement as a function of who takes part.

    Attributes:
        size: number of members.
        arrays: what `soft` takes beside the weights, a tree: arguments of a compiled function instead of constants in it.
        dark: numbers of members that no set gains by.
        starts, steps: of the relaxation that are worth their time.

    """

    size: int
    arrays: Any = ()
    dark: Sequence[int] = ()
    starts: int = 4
    steps: int = 100

    @abstractmethod
    def hard(self, chosen: np.ndarray) -> np.ndarray:
        """Return the bits of each of several sets.

        Args:
            chosen: who takes part, (set, member), boolean.

        Returns:
            (set,), float64.

        """

    @abstractmethod
    def soft(self, weights: jax.Array, arrays: Any) -> jax.Array:
        """Return the bits of shares from 0 to 1 of each member, (member,); traceable, and `hard` where shares are 0 or 1."""


class PairInformation(SetValue):
    """Information where each pair of members adds its part: 1/2 log2 det(1 + sum over pairs w_i w_j B_ij).

    B_ij = F A_ij^T N_ij^-1 A_ij F^T is what the measurements of one pair tell of the principal components of Gaussian scenes, in
    units of the noise (`closed_form.encoded_gram`); pairs have noise of their own, so that their parts add. Members that always
    take part are summed up beforehand: what they tell among themselves, and each other member with them.

    Kept in float64, as triangles: in float32 the well measured components drown the others, 0.03 bit of a single baseline.
    """

    def __init__(self, size: int, rank: int, fixed: Sequence[int] = ()):
        """Take the number of members and of components, and who always takes part; `add` the pairs then."""
        self.size, self.rank, self.fixed = size, rank, tuple(fixed)
        self._always = np.isin(np.arange(size), self.fixed)
        self._rows, self._columns = np.tril_indices(rank)
        self._base = np.zeros(len(self._rows))
        self._single = np.zeros((size, len(self._rows)))
        self._pairs: list[np.ndarray] = []
        self._ends: list[tuple[int, int]] = []
        self._number = np.full((size, size), -1)

    def add(self, first: int, second: int, gram: np.ndarray) -> None:
        """Add what a pair of members tells, (rank, rank); to what it tells already, in either order."""
        packed, always = gram[self._rows, self._columns], self._always[[first, second]]
        if always.all():
            self._base += packed
        elif always.any():
            self._single[second if always[0] else first] += packed
        elif (known := self._number[first, second]) >= 0:
            self._pairs[known] = self._pairs[known] + packed
        else:
            self._number[first, second] = self._number[second, first] = len(self._pairs)
            self._pairs.append(packed)
            self._ends.append((first, second))

    @cached_property
    def arrays(self) -> Any:
        """Sums over fixed members, the triangles of the others, and which pair each is."""
        triangles = np.stack(self._pairs) if self._pairs else np.zeros((0, len(self._rows)))
        self._pairs = list(triangles)  # views: once in memory
        first, second = np.array(self._ends, dtype=int).reshape(-1, 2).T
        return self._base, self._single, triangles, first, second

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        """Return bits of sets, which have all the fixed members."""
        chosen = np.atleast_2d(chosen)
        if not chosen[:, self._always].all():
            raise UsageError("a set lacks a member that always takes part")
        found = []
        for start in range(0, len(chosen), _SETS):
            block = chosen[start : start + _SETS]
            grams = np.zeros((len(block), self.rank, self.rank))
            for gram, each in zip(grams, block, strict=True):
                members = np.flatnonzero(each & ~self._always)
                numbers = self._number[np.ix_(members, members)][np.tril_indices(len(members), -1)]
                total = self._base.copy()
                for part in itertools.chain(self._single[members], (self._pairs[n] for n in numbers if n >= 0)):
                    total += part
                gram[self._rows, self._columns] = total  # all that a Cholesky factorisation looks at
            factor = np.linalg.cholesky(grams + np.eye(self.rank))
            found.append(np.log2(np.diagonal(factor, axis1=1, axis2=2)).sum(1))
        return np.concatenate(found)

    def soft(self, weights: jax.Array, arrays: Any) -> jax.Array:
        """Return bits; the weights of fixed members do not count."""
        base, single, triangles, first, second = arrays
        total = base + weights @ single + (weights[first] * weights[second]) @ triangles
        lower = jnp.zeros((self.rank, self.rank), total.dtype).at[self._rows, self._columns].set(total)
        gram = lower + jnp.tril(lower, -1).T + jnp.eye(self.rank)
        return 0.5 * log_determinant(gram) / LN2


def pair_information(
    system: ImagingSystem, scenes: np.ndarray, *, fixed: Sequence[str] = (), rank: int = _RANK, params: Params | None = None
) -> PairInformation:
    """Return the information of every set of members that measure in pairs, as sites do, from one look at all the pairs.

    Args:
        system: with all members, those that are there and those to choose from. Its noise is additive and Gaussian.
        scenes: exposed, (sample, *shape of the scene); of an interferometer skies, Jy per pixel.
        fixed: names of the members that always take part.
        rank: principal components of the scenes. Memory is 8 (visibilities rank) bytes while it is made, and 4 rank^2 for each
            pair of members that are not both fixed.
        params: with full weights for all; None for those of the first design.

    Raises:
        UsageError: there is no member of that name, or the system does not measure in pairs.
        DataError: the scenes do not vary, or are not scenes of this system.

    """
    pairs = system.pairs
    if pairs is None:
        raise UsageError(f"{system.name} does not measure in pairs of members: its sets are valued by an objective")
    numbers = member_numbers(system, fixed)
    system.check_scenes(scenes)
    scene, (first, second) = scene_factor(scenes, rank), pairs
    rank, factor = len(scene.factor), scene.factor.astype(np.float32)
    params = {name: np.asarray(value, np.float32) for name, value in (params or system.design()).items()}
    seen = np.empty((rank, len(first)), np.complex64)
    with jax.enable_x64(False):  # rounding of visibilities does no harm to factors of a Gram matrix: 1e-5 bit
        encode = jax.jit(jax.vmap(system.encode, in_axes=(None, 0)))
        for start in range(0, rank, _COMPONENTS):
            block = factor[start : start + _COMPONENTS]
            padded = np.concatenate([block, np.zeros((_COMPONENTS - len(block), *block.shape[1:]), np.float32)])
            seen[start : start + len(block)] = encode(params, padded)[: len(block)]
    seen /= np.asarray(system.noise(params).sigma, np.float32)
    value = PairInformation(len(system.member_names), rank, numbers)
    pair = first * value.size + second
    order = np.argsort(pair, kind="stable")
    found, starts = np.unique(pair[order], return_index=True)
    for number, where in zip(found, np.split(order, starts[1:]), strict=True):
        white = np.ascontiguousarray(seen[:, where], np.complex128).view(np.float64)
        value.add(*divmod(int(number), value.size), white @ white.T)
    return value


def member_numbers(system: ImagingSystem, names: Sequence[str]) -> tuple[int, ...]:
    """Return the places of members among a system's.

    Raises:
        UsageError: there is no member of that name.

    """
    for name in names:
        if name not in system.member_names:
            raise UsageError(unknown_name(f"{system.name} has no {system.member}", name, system.member_names))
    return tuple(system.member_names.index(name) for name in names)


class ObjectiveValue(SetValue):
    """Any objective of a system whose parameters are set by shares of members: LEDs, or sites one objective at a time.

    Args:
        objective: its gain is what a set is worth; one that is random keeps to one key.
        params_of: parameters of shares (member,), traceable.
        size: number of members.
        state: of the objective.
        key: of the objective.

    """

    starts, steps = 2, 40

    def __init__(
        self, objective: Objective, params_of: Callable[[jax.Array], Params], size: int, state: Any = (), key: Any = None
    ):
        self.objective, self.params_of, self.size, self.arrays = objective, params_of, size, state
        self._key = jax.random.key(0) if key is None else key
        self._many = jax.jit(lambda sets, state: jax.lax.map(lambda each: self.soft(each, state), sets, batch_size=_SETS))

    def hard(self, chosen: np.ndarray) -> np.ndarray:
        """Return bits of sets, in float64."""
        chosen = np.atleast_2d(chosen)
        whole = -(-len(chosen) // _SETS) * _SETS if len(chosen) > 1 else 1  # few shapes, few compilations
        padded = np.concatenate([chosen, np.repeat(chosen[-1:], whole - len(chosen), axis=0)])
        with jax.enable_x64(True):
            return np.asarray(self._many(jnp.asarray(padded, float), self.arrays))[: len(chosen)]

    def soft(self, weights: jax.Array, arrays: Any) -> jax.Array:
        """Return bits per measurement."""
        return self.objective.gain(self.params_of(weights), arrays, self._key) * self.objective.task.pixels

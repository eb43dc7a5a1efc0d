"""Functions of sets that have few Fourier coefficients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ideal.attribution.transforms import inverse_fourier

Term = tuple[int, ...]

_BLOCK = 2**24  # entries of characters that are made at once
_FULL = 16  # players up to which a function may have all its coefficients


@dataclass(frozen=True, eq=False)
class SparseFunction:
    """A function of sets of n players by its Fourier coefficients: f(x) = sum over S of F(S) (-1)^|S and x|.

    Args:
        n: number of players.
        terms: players of each coefficient, ascending; () is the constant.
        coefficients: of the terms, (term,).

    """

    n: int
    terms: tuple[Term, ...]
    coefficients: np.ndarray

    @classmethod
    def of(cls, n: int, coefficients: Mapping[Iterable[int], float]) -> "SparseFunction":
        """Return the function of coefficients by their players."""
        found = {tuple(sorted(players)): float(value) for players, value in coefficients.items()}
        return cls(n, tuple(found), np.array(list(found.values()), dtype=np.float64))

    @classmethod
    def full(cls, coefficients: np.ndarray) -> "SparseFunction":
        """Return the function of all 2^n coefficients, in the order of the sets' numbers."""
        n = len(coefficients).bit_length() - 1
        bits = [tuple(i for i in range(n) if number >> i & 1) for number in range(len(coefficients))]
        return cls(n, tuple(bits), np.asarray(coefficients, np.float64))

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def table(self) -> dict[Term, float]:
        """Coefficients by their players."""
        return dict(zip(self.terms, self.coefficients.tolist(), strict=True))

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many players each term has, (term,)."""
        return np.array([len(term) for term in self.terms], dtype=int)

    @property
    def degree(self) -> int:
        """The largest number of players of a term."""
        return int(self.sizes.max(initial=0))

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Return the values of sets, (mask,).

        Args:
            masks: who is present, (mask, player), boolean.

        """
        masks = np.asarray(masks, bool)
        if self.n <= _FULL and len(self.terms) > 2**self.n // 4:
            return inverse_fourier(self.all_coefficients())[masks @ (1 << np.arange(self.n))]
        found = np.zeros(len(masks))
        step = max(1, _BLOCK // max(len(masks), 1))
        for start in range(0, len(self.terms), step):
            found += characters(masks, self.terms[start : start + step]) @ self.coefficients[start : start + step]
        return found

    def all_coefficients(self) -> np.ndarray:
        """Return all 2^n coefficients in the order of the sets' numbers."""
        found = np.zeros(2**self.n)
        found[[sum(1 << i for i in term) for term in self.terms]] = self.coefficients
        return found

    @property
    def energy(self) -> np.ndarray:
        """The share of each term in the variance over uniform masks, times that variance: its square; 0 of the constant."""
        return np.where(self.sizes > 0, self.coefficients**2, 0.0)

    def ordered(self) -> "SparseFunction":
        """Return the same function with its constant first and then its largest coefficients first; equals by their players."""
        order = sorted(range(len(self.terms)), key=lambda k: (len(self.terms[k]) > 0, -abs(self.coefficients[k]), self.terms[k]))
        return SparseFunction(self.n, tuple(self.terms[k] for k in order), self.coefficients[order])

    def up_to(self, order: int) -> "SparseFunction":
        """Return the part of terms with at most so many players."""
        kept = np.flatnonzero(self.sizes <= order)
        return SparseFunction(self.n, tuple(self.terms[k] for k in kept), self.coefficients[kept])


def characters(masks: np.ndarray, terms: Iterable[Term], dtype=np.float64) -> np.ndarray:
    """Return (-1)^(sum of present players) of each term in each mask, (mask, term)."""
    terms = tuple(terms)
    masks = np.asarray(masks, bool)
    signs = (1 - 2 * masks.astype(np.int8)).T  # (player, mask)
    found = np.ones((len(terms), len(masks)), np.int8)
    sizes = np.array([len(term) for term in terms], dtype=int)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        players = np.array([terms[row] for row in rows])
        product = signs[players[:, 0]]
        for place in range(1, size):
            product = product * signs[players[:, place]]
        found[rows] = product
    return found.T.astype(dtype)

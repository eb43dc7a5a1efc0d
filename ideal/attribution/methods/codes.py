"""BCH codes as hash functions of sets: the parities of a set of few players, and the set from its parities, some of them wrong.

A systematic binary BCH code of length 2^m - 1 that corrects t errors has r = m t parity bits, or fewer. The bits of its message
stand for players. A set of players is a message; whoever sees its parity bits, and takes all message bits for zero, sees a word
with an error for each player and for each wrong parity. Decoding finds them where there are no more than t together.
"""

from functools import cache, cached_property

import numpy as np

_PRIMITIVE = {  # polynomials that make the fields of 2^m elements, by m
    3: 0b1011,
    4: 0b10011,
    5: 0b100101,
    6: 0b1000011,
    7: 0b10001001,
    8: 0b100011101,
    9: 0b1000010001,
    10: 0b10000001001,
    11: 0b100000000101,
    12: 0b1000001010011,
    13: 0b10000000011011,
    14: 0b100010001000011,
}
_BLOCK = 2**22  # evaluations of locators at once


class Code:
    """A BCH code for sets of n players that corrects t errors, shortened to them.

    Args:
        degree: m of the field.
        n: number of players.
        t: errors that are corrected.

    """

    def __init__(self, degree: int, n: int, t: int):
        self.n, self.t, self._order = n, t, 2**degree - 1
        self._power, self._log = _field(degree)
        self._generator = _generator(degree, t)
        self.parities = len(self._generator) - 1

    @cached_property
    def rows(self) -> np.ndarray:
        """Parity bits of each player, (player, parity), boolean."""
        state = np.zeros(self.parities, bool)
        state[0] = True  # x^0; then x^1, x^2 ... modulo the generator
        generator = self._generator[:-1].astype(bool)
        found = np.zeros((self.n, self.parities), bool)
        for exponent in range(1, self.parities + self.n):
            carry = state[-1]
            state = np.concatenate([[False], state[:-1]])
            if carry:
                state ^= generator
            if exponent >= self.parities:
                found[exponent - self.parities] = state
        return found

    def parity_bits(self, masks: np.ndarray) -> np.ndarray:
        """Return the parity bits of sets, (set, parity), boolean."""
        return (masks.astype(np.int64) @ self.rows.astype(np.int64) & 1).astype(bool)

    def decode(self, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sets whose parity bits these are, but for errors.

        Args:
            bits: parity bits, (word, parity), boolean.

        Returns:
            Whether each word could be decoded, (word,), and the sets, (word, player), boolean.

        """
        syndromes = self._syndromes(bits)
        locators, lengths = self._locators(syndromes)
        decoded = lengths <= self.t
        sets = np.zeros((len(bits), self.n), bool)
        rows = np.flatnonzero(decoded & (lengths > 0))
        places = self.parities + self.n
        step = max(1, _BLOCK // places)
        exponents = -np.arange(places)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            total = np.ones((len(part), places), np.int64)
            for power in range(1, self.t + 1):
                coefficient = locators[part, power]
                raised = self._power[(self._log[coefficient][:, None] + exponents * power) % self._order]
                total ^= np.where(coefficient[:, None] > 0, raised, 0)
            roots = total == 0
            decoded[part] = roots.sum(1) == lengths[part]
            sets[part] = roots[:, self.parities :]
        sets[~decoded] = False
        return decoded, sets

    def _syndromes(self, bits: np.ndarray) -> np.ndarray:
        powers = np.arange(1, 2 * self.t + 1)[:, None] * np.arange(self.parities)
        elements = self._power[powers % self._order]
        return np.bitwise_xor.reduce(np.where(bits[:, None, :], elements, 0), axis=2)

    def _times(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where((a > 0) & (b > 0), self._power[(self._log[a] + self._log[b]) % self._order], 0)

    def _locators(self, syndromes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the locator polynomials of words and how many errors each has, by Berlekamp and Massey, all words in step."""
        count, steps = syndromes.shape
        width = steps + 1
        locator = np.zeros((count, width), np.int64)
        locator[:, 0] = 1
        other, length, last = locator.copy(), np.zeros(count, np.int64), np.ones(count, np.int64)
        for step in range(steps):
            discrepancy = syndromes[:, step].copy()
            for back in range(1, step + 1):
                discrepancy ^= np.where(back <= length, self._times(locator[:, back], syndromes[:, step - back]), 0)
            other = np.concatenate([np.zeros((count, 1), np.int64), other[:, :-1]], axis=1)
            ratio = np.where(discrepancy > 0, self._power[(self._log[discrepancy] - self._log[last]) % self._order], 0)
            changed = locator ^ self._times(np.broadcast_to(ratio[:, None], other.shape), other)
            grows = (discrepancy > 0) & (2 * length <= step)
            other = np.where(grows[:, None], locator, other)
            last, length = np.where(grows, discrepancy, last), np.where(grows, step + 1 - length, length)
            locator = changed
        return locator, length


@cache
def code_for(n: int, t: int) -> Code:
    """Return the shortest BCH code for sets of n players that corrects t errors."""
    for degree in _PRIMITIVE:
        generator = _generator(degree, t)
        if 2**degree - len(generator) >= n:
            return Code(degree, n, t)
    raise ValueError(f"no code here is for {n} players")


@cache
def _field(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Return powers of the primitive element, and their logarithms; that of zero, which has none, is zero."""
    order, polynomial = 2**degree - 1, _PRIMITIVE[degree]
    power, log, element = np.zeros(order, np.int64), np.zeros(order + 1, np.int64), 1
    for exponent in range(order):
        power[exponent], log[element] = element, exponent
        element <<= 1
        if element > order:
            element ^= polynomial
    return power, log


@cache
def _generator(degree: int, t: int) -> np.ndarray:
    """Return the generator polynomial, its coefficient of x^0 first: roots are the powers 1 to 2 t and their conjugates."""
    power, log = _field(degree)
    order = 2**degree - 1
    roots = {root * 2**twice % order for root in range(1, 2 * t + 1) for twice in range(degree)}
    polynomial = [1]
    for root in sorted(roots):
        shifted = [0, *polynomial]
        scaled = [int(power[(log[each] + root) % order]) if each else 0 for each in polynomial] + [0]
        polynomial = [a ^ b for a, b in zip(shifted, scaled, strict=True)]
    return np.array(polynomial, dtype=np.int64)

"""SPEX: sub-sampled Walsh-Hadamard transforms hash Fourier coefficients into bins, and BCH codes read which one a bin holds.

Kang et al. (2025), arXiv 2502.13870. The function is asked at x = M l + p (mod 2) for all l of b bits, for three random matrices
M and, of each, for p = 0 and the parity rows p of a BCH code. Its transform over l puts the coefficient F(k) into bin M^T k with
the sign (-1)^<p, k>: over all p the signs of a bin that holds one coefficient spell the code word of k. Where several share a
bin, the largest is read, with the least certain signs flipped in turn (soft decoding after Chase); what has been read is taken
off, and others come to light (peeling).

After each round of reading, the paper's last step, a regression of all values on what was read, is taken at once: it measures the
coefficients by all masks, drops those that were read wrongly, and what it leaves is transformed and read again.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ideal.attribution.methods._contract import DRAWN, Fit, Method
from ideal.attribution.methods.codes import Code, code_for
from ideal.attribution.methods.ordered import all_terms
from ideal.attribution.regression import Regression, fit_relevance, prior_of
from ideal.attribution.sparse import Term
from ideal.attribution.transforms import fourier
from ideal.errors import UsageError
from ideal.progress import Progress, silent

DEGREE = 5  # players of a term and wrong signs of a bin, together, that decoding corrects
_GROUPS = 3  # of bins, each with a matrix of its own
_LEAST_BITS, _MOST_BITS = 2, 12
_UNSURE = 6  # signs of a bin that are flipped, one or two at a time
_EXPLAINED = 0.25  # of a bin's energy that its largest coefficient has to explain
_EMPTY = 1e-10  # of the variance: a bin of less holds nothing
_DONE = 1e-10  # of the variance: nothing is left to read
_ROUNDS = 12
_SINGLES = 3  # masks for each single player from which on the regression has all of them
_PLAYERS = 16_000


@dataclass(frozen=True, eq=False)
class Design:
    """The masks of SPEX.

    Attributes:
        code: of the parities.
        matrices: (group, player, bit), boolean.
        masks: (group, parity, 2^bits, player), boolean.

    """

    code: Code
    matrices: np.ndarray
    masks: np.ndarray

    @classmethod
    def of(cls, n: int, bits: int, seed: int) -> "Design":
        """Return the design with 2^bits bins in each group."""
        code, rng = code_for(n, DEGREE), np.random.default_rng([seed, DRAWN, n, bits])
        matrices = rng.random((_GROUPS, n, bits)) < 0.5
        places = np.arange(2**bits)[:, None] >> np.arange(bits) & 1
        spanned = np.stack([(places @ each.T.astype(np.int64) & 1).astype(bool) for each in matrices])
        delays = np.concatenate([np.zeros((1, n), bool), code.rows.T])
        return cls(code, matrices, spanned[:, None] ^ delays[None, :, None])

    @property
    def flat(self) -> np.ndarray:
        """All masks, some of them more than once, (mask, player)."""
        return self.masks.reshape(-1, self.masks.shape[-1])


def bits_for(n: int, budget: int) -> int | None:
    """Return how many bits number the bins that a budget of masks pays for; None where it pays for too few."""
    each = _GROUPS * (code_for(n, DEGREE).parities + 1)
    bits = min(int(np.log2(max(budget // each, 1))), _MOST_BITS, max(n, 1))
    return bits if bits >= min(_LEAST_BITS, n) and budget >= each * 2**bits else None


class Spex(Method):
    """Sparse Fourier transform with masks of its own."""

    name = "spex"
    meaning = f"sparse Fourier transform by masks of its own: terms of up to {DEGREE} of many players, pure parities too"
    uniform = False

    def check(self, n: int, budget: int) -> None:
        """Refuse a budget that pays for no transform."""
        if n > _PLAYERS:
            raise UsageError(f"`method=spex` is for up to {_PLAYERS} players; found {n}")
        if bits_for(n, budget) is None:
            least = _GROUPS * (code_for(n, DEGREE).parities + 1) * 2 ** min(_LEAST_BITS, n)
            raise UsageError(
                f"`method=spex` needs {least} masks or more for {n} players, beside those of tests; the budget leaves "
                f"{max(budget, 0)}"
            )

    def masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return the masks of the largest design that the budget pays for, each once."""
        bits = bits_for(n, budget)
        assert bits is not None  # by `check`
        found: dict[bytes, np.ndarray] = {}
        for mask in Design.of(n, bits, seed).flat:
            found.setdefault(np.packbits(mask).tobytes(), mask)
        return np.array(list(found.values()))

    def needed(self, masks: np.ndarray, seed: int) -> np.ndarray:
        """Return which masks are those of the largest design that is there whole."""
        found = np.zeros(len(masks), bool)
        if (design := _design_in(masks, seed)) is not None:
            found[design[1]] = True
        return found

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return the function of the coefficients that were read."""
        found = _design_in(masks, seed)
        if found is None:
            raise UsageError(
                "`method=spex` learns from masks of its own, and these are others: choose order2 or proxyspex for them"
            )
        return self._read(found[0], found[1], masks, values, report)

    @staticmethod
    def _read(design: Design, rows: np.ndarray, masks: np.ndarray, values: np.ndarray, report: Progress) -> Fit:
        n, spread = masks.shape[1], float(values.var())
        singles = all_terms(n, 1) if len(masks) >= _SINGLES * (n + 1) else ((),)
        prior = prior_of(singles, values, n)
        found = fit_relevance(n, singles, masks, values, prior)
        for number in range(_ROUNDS):
            if found.noise <= _DONE * spread:
                break
            report(f"spex, round {number + 1}", number / _ROUNDS)
            left = values - found.function(masks)
            known = dict(zip(found.function.terms, found.prior.tolist(), strict=True))
            new = {term: value for term, value in read_bins(design, left[rows]).items() if term not in known}
            if not new:
                break
            most = max(len(masks) // 2 - len(known), 8)
            more = dict(sorted(new.items(), key=lambda each: (-abs(each[1]), each[0]))[:most])
            terms = tuple(dict.fromkeys((*singles, *known, *more)))
            prior = prior_of(terms, values, n)
            for place, term in enumerate(terms):
                if len(term) > 1:
                    prior[place] = known.get(term) or more.get(term, 0.0) ** 2 + 1e-9 * spread
            after = fit_relevance(n, terms, masks, values, prior)
            if after.noise >= found.noise * (1 - 1e-3):
                break
            found = after
        return Fit(found.function, found, _notes(found, spread))


def _design_in(masks: np.ndarray, seed: int) -> tuple[Design, np.ndarray] | None:
    """Return the largest design whose masks are all there, and the row of each; None where there is none."""
    n, keys = masks.shape[1], {np.packbits(mask).tobytes(): row for row, mask in enumerate(masks)}
    for bits in range(min(_MOST_BITS, n, int(np.log2(max(len(masks), 2)))), 0, -1):
        design = Design.of(n, bits, seed)
        rows = [keys.get(np.packbits(mask).tobytes(), -1) for mask in design.flat]
        if min(rows) >= 0:
            return design, np.array(rows, dtype=int)
    return None


def _notes(found: Regression, spread: float) -> tuple[str, ...]:
    share = found.noise / spread if spread else 0.0
    if share < 0.02:
        return ()
    return (f"spex could not read {100 * share:.2g} % of the variance: more masks, or proxyspex, may explain it",)


def read_bins(design: Design, values: np.ndarray) -> dict[Term, float]:
    """Return the coefficients that can be read from the bins of a design, by their players.

    Args:
        design: of the masks.
        values: of its masks in their order, (mask,).

    """
    groups, delays, bins, _ = design.masks.shape
    inside = fourier(values.reshape(groups, delays, bins)).transpose(0, 2, 1).reshape(groups * bins, delays)
    energy = (inside**2).mean(1)
    rows = np.flatnonzero(energy > max(_EMPTY * float(values.var()), np.finfo(float).tiny))
    if not len(rows):
        return {}
    flips = _flips(inside[rows, 1:])
    found: dict[Term, list[float]] = {}
    signs = np.concatenate([inside[rows, 1:] < 0, inside[rows, 1:] >= 0])  # for either sign of the coefficient
    flips, places = np.concatenate([flips, flips]), np.concatenate([rows, rows])
    best = np.zeros(groups * bins)
    for flip in range(flips.shape[1]):
        words = signs ^ flips[:, flip]
        good, sets = design.code.decode(words)
        for row in np.flatnonzero(good):
            place, mask = int(places[row]), sets[row].astype(np.int64)
            group, number = divmod(place, bins)
            if (mask @ design.matrices[group] & 1) @ (1 << np.arange(design.matrices.shape[2])) != number:
                continue
            character = 1.0 - 2.0 * np.concatenate([[0], mask @ design.code.rows & 1])
            value = float(character @ inside[place]) / delays
            share = value**2 / energy[place]
            if share >= _EXPLAINED and share >= 0.999 * best[place]:
                best[place] = max(best[place], share)
                found.setdefault(tuple(np.flatnonzero(mask).tolist()), []).append(value)
    return {term: float(np.median(several)) for term, several in found.items()}


def _flips(inside: np.ndarray) -> np.ndarray:
    """Return which signs of each bin are flipped in turn: none, and one or two of the least certain, (bin, way, parity)."""
    unsure = np.argsort(np.abs(inside), axis=1, kind="stable")[:, :_UNSURE]
    ways = [(), *combinations(range(unsure.shape[1]), 1), *combinations(range(unsure.shape[1]), 2)]
    flips = np.zeros((len(inside), len(ways), inside.shape[1]), bool)
    for number, way in enumerate(ways):
        for each in way:
            flips[np.arange(len(inside)), number, unsure[:, each]] = True
    return flips

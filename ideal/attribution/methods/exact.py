"""The exact Fourier transform: every set is valued."""

import numpy as np

from ideal.attribution.methods._contract import Fit, Method
from ideal.attribution.sparse import SparseFunction
from ideal.attribution.transforms import all_masks, fourier
from ideal.errors import UsageError
from ideal.progress import Progress, silent

MOST = 16  # players


class Exact(Method):
    """Every coefficient, from the values of all 2^n sets."""

    name = "exact"
    meaning = f"all 2^n sets are valued (up to {MOST} players): every coefficient, without an error"
    exact = True

    def check(self, n: int, budget: int) -> None:
        """Refuse more players than 16, or fewer masks than all."""
        if n > MOST:
            raise UsageError(f"`method=exact` is for up to {MOST} players; found {n}: choose auto, proxyspex or spex")
        if budget < 2**n:
            raise UsageError(f"`method=exact` needs the values of all {2**n} sets of {n} players: `budget` is {budget}")

    def masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return all masks."""
        return all_masks(n)

    def fit(self, masks: np.ndarray, values: np.ndarray, *, seed: int = 0, report: Progress = silent) -> Fit:
        """Return all Fourier coefficients."""
        n = masks.shape[1]
        number = masks @ (1 << np.arange(n))
        found = np.full(2**n, np.nan)
        found[number] = values
        if np.isnan(found).any():
            raise UsageError(f"`method=exact` needs the values of all {2**n} sets; {int(np.isnan(found).sum())} are missing")
        return Fit(SparseFunction.full(fourier(found)))

"""The scale on which networks see values: one on which the noise has about the same variance everywhere."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RootTransform:
    """Square root of counts or of a camera's electrons, as of Anscombe (1948) and Starck et al. (1998); identity for other noise.

    z(y) = (2 / b) sqrt(b y + 3/8 b^2 + a) for noise of variance a + b m, continued smoothly below its zero; z(y) = y for b = 0.
    It increases everywhere, so that a density of z is one of y.

    Args:
        constant: a, the variance in the dark.
        slope: b, the variance per unit of light.

    """

    constant: float = 0.0
    slope: float = 0.0

    def _argument(self, values, xp):
        square = self.slope * values + 0.375 * self.slope**2 + self.constant
        knee = self.constant + 1e-3 * self.slope**2
        root = xp.sqrt(square**2 + 4 * knee**2)
        # (square + root) / 2 loses all digits far below zero, its conjugate does not.
        return xp.where(square > 0, 0.5 * (square + root), 2 * knee**2 / (root + xp.abs(square))), root

    def __call__(self, values, xp=np):
        """Return z, of the shape of the values."""
        if self.slope == 0:
            return values
        return (2 / self.slope) * xp.sqrt(self._argument(values, xp)[0])

    def log_slope(self, values, xp=np):
        """Return ln dz/dy."""
        if self.slope == 0:
            return xp.zeros_like(values)
        positive, root = self._argument(values, xp)
        return 0.5 * xp.log(positive) - xp.log(root)

    def inverse(self, transformed):
        """Return the values y whose transforms these are; transforms below 0 become the lowest value there is."""
        if self.slope == 0:
            return transformed
        positive = np.maximum(0.5 * self.slope * np.asarray(transformed), 1e-6) ** 2
        knee = self.constant + 1e-3 * self.slope**2
        return (positive - knee**2 / positive - 0.375 * self.slope**2 - self.constant) / self.slope

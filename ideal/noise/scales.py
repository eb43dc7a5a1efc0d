"""The scale on which density models see values: one on which the noise is alike at every mean."""

import numpy as np


class Scale:
    """Values as they are; another scale overrides all of this.

    A density fitted to u(y) has the entropy H(U) = H(Y) + E[ln du/dy], and I(X; U) = I(X; Y) whatever the scale is.
    """

    is_linear = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return measured values, any shape, on the scale."""
        return values

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Return the measured values that stand at these places of the scale."""
        return scaled


class LogScale(Scale):
    """The natural logarithm of positive values: what multiplies them is added to it."""

    is_linear = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithms of positive values, any shape."""
        return np.log(values)

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Return the positive values that have these logarithms."""
        return np.exp(scaled)


LINEAR, LOG = Scale(), LogScale()

"""The scale on which density models see values: one on which the noise is alike at every mean."""

import numpy as np

_LEAST = float(np.finfo(np.float32).tiny)


class Scale:
    """Values as they are; another scale overrides all of this.

    A density fitted to u(y) has the entropy H(U) = H(Y) + E[ln du/dy], and I(X; U) = I(X; Y) whatever the scale is. On a scale
    other than this one the noise is the same at every mean: E[U|X] is u(X) and a constant.
    """

    is_linear = True

    def __call__(self, values, xp=np):
        """Return measured values or means, any shape, on the scale; `xp` is NumPy or, for traced arrays, jax.numpy."""
        return values

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Return the measured values that stand at these places of the scale."""
        return scaled


class LogScale(Scale):
    """The natural logarithm of positive values: what multiplies them is added to it."""

    is_linear = False

    def __call__(self, values, xp=np):
        """Return the logarithms of positive values, any shape; traced ones may be 0, and count as the least there is."""
        return xp.log(xp.maximum(values, _LEAST))

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Return the positive values that have these logarithms."""
        return np.exp(scaled)


LINEAR, LOG = Scale(), LogScale()

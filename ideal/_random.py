"""Random numbers come from explicit keys: this turns each accepted kind into a NumPy generator."""

import numpy as np

from ideal.errors import UsageError


def generator(key) -> np.random.Generator:
    """Return a NumPy generator for an integer seed, a generator (as it is) or a JAX key."""
    if isinstance(key, np.random.Generator):
        return key
    if isinstance(key, int | np.integer | np.random.SeedSequence):
        return np.random.default_rng(key)
    if "jax" in type(key).__module__:
        import jax

        return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    raise UsageError(f"a key is an integer seed, a numpy Generator or a jax key; found {type(key).__name__}")

"""Log-determinants of many positive definite matrices, and their gradients, that cannot hang.

jaxlib's LAPACK kernels share a batch of matrices out to XLA's own thread pool and wait, inside one of its threads, until all
are done. Where every thread of a small pool waits so, as on two cores, no one is left to work, and the program hangs for good
(seen with jaxlib 0.10.2). Matrices are therefore factored one by one; a matrix of the size of a mosaic's period takes some
microseconds.
"""

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap


@sequential_vmap
def _factored(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the log-determinant and the inverse of one matrix."""
    factor = jnp.linalg.cholesky(matrix)
    root = jax.scipy.linalg.solve_triangular(factor, jnp.eye(len(matrix), dtype=matrix.dtype), lower=True)
    return 2 * jnp.log(jnp.real(jnp.diagonal(factor))).sum(), root.conj().T @ root


@jax.custom_jvp
def log_determinant_and_inverse(matrices: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return ln det (...) and inverses (..., n, n) of Hermitian positive definite matrices (..., n, n); NaN where one is not.

    Differentiable by products of the inverses alone.
    """
    values, inverses = jax.vmap(_factored)(matrices.reshape(-1, *matrices.shape[-2:]))
    return values.reshape(matrices.shape[:-2]), inverses.reshape(matrices.shape)


@log_determinant_and_inverse.defjvp
def _tangents(matrices, changes):
    (matrix,), (change,) = matrices, changes
    values, inverses = log_determinant_and_inverse(matrix)
    moved = jnp.real((inverses.swapaxes(-1, -2) * change).sum((-1, -2)))
    return (values, inverses), (moved, -inverses @ change @ inverses)


def log_determinant(matrices: jax.Array) -> jax.Array:
    """Return ln det of Hermitian positive definite matrices, (..., n, n) to (...)."""
    return log_determinant_and_inverse(matrices)[0]

"""Log-determinants of many matrices: their values, their gradients, and a deadline for a program with them."""

import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.optimize.objectives.log_determinant import log_determinant, log_determinant_and_inverse

DEADLINE = 600.0  # seconds; it takes some three, nearly all of them imports and compilation

pytestmark = pytest.mark.usefixtures("double_precision")


def positive(shape, size, seed=0, *, imaginary=True):
    """Hermitian positive definite matrices, (*shape, size, size)."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((*shape, size, size)) + 1j * imaginary * rng.standard_normal((*shape, size, size))
    found = root @ root.conj().swapaxes(-1, -2) / size + np.eye(size)
    return found if imaginary else found.real


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("imaginary", [False, True])
def test_values_and_inverses_are_those_of_numpy(shape, imaginary):
    matrices = positive(shape, 5, imaginary=imaginary)
    values, inverses = jax.jit(log_determinant_and_inverse)(jnp.asarray(matrices))
    np.testing.assert_allclose(values, np.linalg.slogdet(matrices)[1], rtol=1e-13)
    np.testing.assert_allclose(inverses, np.linalg.inv(matrices), atol=1e-13)
    assert values.dtype == np.float64
    assert inverses.dtype == matrices.dtype


@pytest.mark.parametrize("imaginary", [False, True])
def test_slopes_are_those_of_numpys_inverses(imaginary):
    matrices, change = positive((4,), 6, imaginary=imaginary), positive((4,), 6, 1, imaginary=imaginary)

    def both(step):
        values, inverses = log_determinant_and_inverse(matrices + step * change)
        return values, jnp.einsum("nij,nji->n", inverses, change).real

    inverses = np.linalg.inv(matrices)
    first = np.einsum("nij,nji->n", inverses, change).real
    second = -np.einsum("nij,njk,nkl,nli->n", inverses, change, inverses, change).real
    for found, exact in zip(jax.jit(jax.jacrev(both))(0.0), (first, second), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_gradient_in_every_entry_of_a_factor():
    root = np.random.default_rng(2).standard_normal((3, 4, 7))
    found = jax.jit(jax.grad(lambda each: log_determinant(each @ each.swapaxes(-1, -2)).sum()))(jnp.asarray(root))
    exact = 2 * np.linalg.solve(root @ root.swapaxes(-1, -2), root)
    np.testing.assert_allclose(found, exact, rtol=1e-10)


def test_a_matrix_that_is_not_positive_gives_nan_and_leaves_the_others_alone():
    matrices = positive((3,), 4)
    matrices[1] -= 10 * np.eye(4)
    values = np.asarray(log_determinant(jnp.asarray(matrices)))
    assert np.isnan(values).tolist() == [False, True, False]


ASCENT = """
    import ideal, jax, jax.numpy as jnp, numpy as np
    from ideal.optimize.objectives.log_determinant import log_determinant

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal((16, 64, 64)) + 1j * rng.standard_normal((16, 64, 64))
    blocks = jnp.asarray(blocks @ blocks.conj().swapaxes(-1, -2) / 64)

    def gain(weights):
        stacks = [factor * weights[:, None] * blocks * weights for factor in (1.0, 0.3)]
        total, part = [log_determinant(each + jnp.eye(64)).mean() for each in stacks]
        return total - part

    slopes = jax.jit(jax.vmap(jax.value_and_grad(gain)))
    weights = jnp.asarray(rng.uniform(0.5, 1.5, (3, 64)))
    for _ in range(20):
        values, slope = slopes(weights)
        weights = weights + 0.1 * slope
    assert np.isfinite(np.asarray(values)).all()
    print("done")
"""


def test_gradients_of_several_starts_end_while_another_program_keeps_a_core_busy():
    """A deadline for such a program."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(ASCENT)], capture_output=True, text=True, timeout=DEADLINE, check=False
        )
    finally:
        other.kill()
        other.wait()
    assert done.stdout == "done\n", done.stderr

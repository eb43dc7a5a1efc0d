import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ideal.density.networks.pixel_cnn import GatedNetwork
from ideal.density.networks.pixel_cnn_network import PixelCNN, Stepper
from ideal.errors import UsageError

ROWS, COLUMNS, BATCH = 6, 7, 2


def network_of(channels=1, *, outputs=4, width=6, layers=2, **options):
    """Return a small network whose outputs are not zero and whose labels matter."""
    network = nnx.eval_shape(lambda: PixelCNN(channels, outputs, width=width, layers=layers, rngs=nnx.Rngs(0), **options))
    graph, state = nnx.split(network)
    leaves, tree = jax.tree.flatten(state)
    rng = np.random.default_rng(0)
    leaves = [jnp.asarray(rng.standard_normal(x.shape) * max(x.shape[0], 4) ** -0.5, x.dtype) for x in leaves]
    return nnx.merge(graph, jax.tree.unflatten(tree, leaves))


def inputs_of(channels=1, rows=ROWS, columns=COLUMNS, batch=BATCH, seed=1):
    rng = np.random.default_rng(seed)
    values, mean = rng.standard_normal((2, batch, rows, columns, channels)).astype(np.float32)
    return values, mean, (0.3 * rng.standard_normal((rows, columns, channels)) - 1).astype(np.float32)


def labels_of(network, rows=ROWS, columns=COLUMNS, batch=BATCH):
    rng = np.random.default_rng(2)
    phase = rng.integers(network.phases, size=(rows, columns)).astype(np.int32) if network.phases > 1 else None
    condition = rng.standard_normal((batch, network.conditions)).astype(np.float32) if network.conditions else None
    return phase, condition


call = nnx.jit(lambda network, *arguments: network(*arguments))


def dependence(channels, argument, **options):
    """Return which outputs (value) depend on which inputs (value) of one argument, by the Jacobian."""
    network, arguments = network_of(channels, **options), list(inputs_of(channels, batch=1))

    def flat(x):
        given = [*arguments[:argument], x, *arguments[argument + 1 :]]
        return network(*given).sum(-1).ravel()

    jacobian = jax.jit(jax.jacrev(flat))(arguments[argument])
    return np.abs(np.asarray(jacobian)).reshape(ROWS * COLUMNS * channels, -1) > 1e-9


@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_depend_on_all_values_before_them_and_no_other(channels):
    found = dependence(channels, 0, layers=3, dilations=(1, 2, 1))
    below = np.tri(len(found), k=-1, dtype=bool)
    assert not found[~below].any()
    row, column, _ = np.unravel_index(np.arange(len(found)), (ROWS, COLUMNS, channels))
    # In reach: 5 steps and the one to the row above, 5 columns to either side; 6 to the left in the row itself.
    up, left = row[:, None] - row, column[:, None] - column
    near = np.where(up > 0, (up <= 6) & (np.abs(left) <= 5), left <= 6)
    np.testing.assert_array_equal(found, below & near)


def test_outputs_depend_on_means_up_to_their_own():
    found = dependence(2, 1, layers=3)
    assert not found[~np.tri(len(found), dtype=bool)].any()
    assert found.diagonal().all()
    assert found[1, 0]  # by the innovation of this pixel's first channel


def test_default_reach_has_no_gap():
    network = network_of(width=4, layers=7)
    values, mean, log_deviation = inputs_of(rows=16, columns=32, batch=1)
    probe = jax.jit(jax.grad(lambda x: network(x, mean, log_deviation)[0, 14, 16].sum()))(values)[0, ..., 0]
    seen = np.abs(np.asarray(probe)) > 0
    assert seen[:14, 3:30].all()
    assert seen[14, 2:16].all()
    assert not seen[14, 16:].any()
    assert not seen[15].any()


def test_outputs_start_at_zero():
    def outputs(rngs):
        return PixelCNN(2, 4, width=6, layers=0, rngs=rngs)(*inputs_of(2))

    assert not np.asarray(nnx.jit(outputs)(nnx.Rngs(0))).any()


def test_phase_and_condition_change_outputs():
    network = network_of(phases=4, conditions=3)
    phase, condition = labels_of(network)
    before = call(network, *inputs_of(), phase, condition)
    assert before.shape == (BATCH, ROWS, COLUMNS, 1, 4)
    assert before.dtype == jnp.float32
    other = phase.copy()
    other[3, 3] = (other[3, 3] + 1) % 4
    changed = np.abs(np.asarray(call(network, *inputs_of(), other, condition) - before)).max((0, 3, 4)) > 1e-6
    assert changed[3, 3]
    assert not changed[:3].any()
    changed = np.abs(np.asarray(call(network, *inputs_of(), phase, condition + 1) - before)).max((3, 4)) > 1e-6
    assert changed.all()


def test_missing_or_superfluous_labels_are_refused():
    with pytest.raises(UsageError, match="4 phases; found no"):
        network_of(phases=4)(*inputs_of())
    with pytest.raises(UsageError, match="0 conditions"):
        network_of()(*inputs_of(), None, np.ones((BATCH, 1)))
    with pytest.raises(UsageError, match="3 layers"):
        network_of(layers=3, dilations=(1, 2))


def test_larger_images_continue_smaller_ones():
    network = network_of()
    values, mean, log_deviation = inputs_of(rows=9, columns=11)
    large = call(network, values, mean, log_deviation)
    small = call(network, values[:, :5, :6], mean[:, :5, :6], log_deviation[:5, :6])
    reach = 4  # columns to the right that a pixel sees: the first layer's, both gated ones'
    np.testing.assert_allclose(small[:, :, : 6 - reach], large[:, :5, : 6 - reach], atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_steps_equal_the_full_pass(channels):
    labelled = channels > 1
    network = network_of(channels, layers=3, dilations=(1, 2, 4), phases=4 if labelled else 1, conditions=2 if labelled else 0)
    values, mean, log_deviation = inputs_of(channels)
    labels = labels_of(network)
    full = call(network, values, mean, log_deviation, *labels)
    stepper = Stepper(network, BATCH, log_deviation, *labels)
    found = np.zeros(full.shape, dtype=np.float32)
    for place in np.ndindex(values.shape[1:]):
        found[:, *place] = stepper.outputs(mean[:, *place])
        stepper.record(values[:, *place])
    np.testing.assert_allclose(found, full, atol=1e-5)
    with pytest.raises(UsageError, match="every value"):
        stepper.outputs(mean[:, 0, 0, 0])


def test_bfloat16_is_close_and_keeps_float32_parameters():
    exact, coarse = network_of(width=16), network_of(width=16, dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(coarse))} == {jnp.dtype(jnp.float32)}
    expected, found = (call(network, *inputs_of()) for network in (exact, coarse))
    assert found.dtype == jnp.float32
    assert np.asarray(found - expected).std() < 0.03 * np.asarray(expected).std()


def test_a_gradient_takes_as_many_images_as_fit_the_caches(monkeypatch):
    network = GatedNetwork()
    assert network.at_once((64, 16, 16, 1)) == 8
    assert network.at_once((64, 32, 32, 1)) == 2
    assert network.at_once((6, 20, 20, 1)) == 3
    assert network.at_once((7, 100, 100, 1)) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert network.at_once((64, 32, 32, 1)) == 64

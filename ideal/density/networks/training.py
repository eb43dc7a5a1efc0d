"""Training shared by all network models: minibatches in compiled scans, a schedule, averaged weights, checkpoints.

A run is a function of the data, the key and the schedule alone: interrupted and resumed it gives the same weights. Only a time
limit that is reached makes it depend on the machine's speed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ideal._checkpoints import distrust, read_checkpoint, write_checkpoint
from ideal._random import generator
from ideal.density._fitting import DEFAULT_FITTING, Fitting, Progress
from ideal.jobs import processes

CHUNK_STEPS = 32  # of one compiled scan; a schedule's steps are rounded up to a multiple
BATCH_VALUES, LARGEST_BATCH, SMALLEST_BATCH = 8192, 512, 8  # values and samples in a minibatch
MOST_EPOCHS = 60  # no more passes over few measurements
_CHECKPOINT_SECONDS = 15.0
_REPORT_SECONDS = 0.2
_FASTEST_AVERAGE = 10  # steps: an average over the last weights begins with about so few


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Attributes:
        steps: minibatches in all.
        batch: samples in a minibatch.
        learning_rate: of Adam at its peak, after a linear warm-up; it then falls along a half cosine.
        matrix_rate: the same of Muon (orthogonalised momentum), for the weights that the loss names as matrices.
        warmup: fraction of the steps.
        final: fraction of the learning rate at the end.
        peak: what both learning rates are multiplied by throughout, as for weights that are trained already; unlike them it does
            not need the steps to be compiled anew.
        clip: largest global norm of a gradient.
        averaging: steps over which weights are averaged exponentially; the average is what is evaluated and returned.
        weight_decay: of AdamW.
        evaluations: number of times that the validation loss is taken.
        patience: evaluations without gain after which training ends.

    """

    steps: int
    batch: int = 64
    learning_rate: float = 8e-3
    matrix_rate: float = 2e-2
    warmup: float = 0.05
    final: float = 0.01
    peak: float = 1.0
    clip: float = 1.0
    averaging: float = 50.0
    weight_decay: float = 0.0
    evaluations: int = 12
    patience: int = 4

    @classmethod
    def for_visits(cls, visits: float, samples: int, values: int, **more) -> "Schedule":
        """Return a schedule in which so many values are seen in all, each as often as it comes.

        Args:
            visits: values to be seen, those of few samples no more than some tens of times.
            samples: training measurements.
            values: of one measurement.
            more: other attributes.

        """
        batch = min(max(BATCH_VALUES // values, SMALLEST_BATCH), LARGEST_BATCH)
        steps = min(visits / values, MOST_EPOCHS * samples) / batch
        return cls(whole_chunks(steps), batch, **more)

    @property
    def optimiser(self) -> tuple[float, float, float, float]:
        """What a compiled step depends on; schedules that agree in it share one."""
        return self.clip, self.learning_rate, self.matrix_rate, self.weight_decay

    def rate(self, fraction):
        """Return the learning rates over their peaks when this fraction of the work is done."""
        rise = 0.1 + 0.9 * fraction / max(self.warmup, 1e-9)
        fall = np.clip((fraction - self.warmup) / (1 - self.warmup), 0, 1)
        return self.peak * np.minimum(rise, self.final + (1 - self.final) * 0.5 * (1 + np.cos(np.pi * fall)))


def whole_chunks(steps: float) -> int:
    """Return the nearest number of steps that compiled scans make up."""
    return max(1, round(steps / CHUNK_STEPS)) * CHUNK_STEPS


@dataclass(frozen=True)
class _State:
    """Everything that a run consists of between two scans."""

    params: Any
    average: Any
    optimiser: Any
    best: Any
    best_loss: float = np.inf
    loss: float = np.nan
    step: int = 0
    evaluated: int = 0
    stale: int = 0
    seconds: float = 0.0
    ended: bool = False

    @property
    def trees(self):
        """The trees of arrays."""
        return self.params, self.average, self.optimiser, self.best

    @property
    def numbers(self) -> np.ndarray:
        """The rest."""
        return np.array([self.best_loss, self.loss, self.step, self.evaluated, self.stale, self.seconds, self.ended], np.float64)


def train(
    loss: Callable,
    params,
    constants,
    data: tuple[np.ndarray, ...],
    validation: tuple[np.ndarray, ...],
    schedule: Schedule,
    *,
    key,
    name: str = "model",
    scale: float = 1.0,
    offset: float = 0.0,
    fitting: Fitting = DEFAULT_FITTING,
) -> tuple[Any, float]:
    """Minimise the average loss of a network over samples.

    Args:
        loss: function (params, constants, batch) of the network's weights, of a tree of arrays that stay as they are, and of a
            tuple of arrays of samples, that gives their average loss. It must be hashable: equal functions are compiled once.
            Its method `matrices` gives for each weight the axes that Muon needs, or None; `at_once` gives, for the shape of a
            batch, the number of samples that a gradient takes at a time.
        params: initial weights, a tree of float32 arrays.
        constants: see `loss`.
        data: arrays of training samples (sample, ...).
        validation: arrays of validation samples.
        schedule: see `Schedule`.
        key: of the order of samples.
        name, scale, offset: of the model in progress reports, whose loss is scale x the validation loss + offset.
        fitting: time limit, checkpoint and whom to report to.

    Returns:
        The weights with the lowest validation loss seen, and that loss.

    """
    started = time.monotonic()
    mesh = _mesh()
    batch = min(schedule.batch, power_of_two(len(data[0])))
    batch = -(-batch // mesh.size) * mesh.size
    seed = int(generator(key).integers(2**62))
    everywhere = NamedSharding(mesh, PartitionSpec())
    steps = schedule.optimiser
    optimiser = _optimiser(loss, steps)
    state = _State(params, params, optimiser.init(params), params)
    mark = _fingerprint(loss, schedule, batch, seed, state.trees, data, validation)
    checkpoint = fitting.checkpoint if processes.is_first() else None
    if checkpoint is not None:
        state = _resume(checkpoint, mark, state) or state
    state = _agreed(state)
    before = state.seconds
    trees = _placed(state.trees, everywhere)
    state = replace(state, **dict(zip(("params", "average", "optimiser", "best"), trees, strict=True)))
    constants = _placed(constants, everywhere)
    held_out = _blocks(validation, max(batch, 64), schedule, batch, mesh)
    saved = reported = time.monotonic()
    if not state.step:  # the start is the Gaussian model: with few measurements nothing may be better
        start = float(np.mean([float(_evaluate(loss, state.average, constants, each)) for each in held_out]))
        state = replace(state, best_loss=start if np.isfinite(start) else np.inf)
    fraction = _fraction(state, schedule, fitting)
    try:
        while not state.ended:
            count = CHUNK_STEPS
            ahead = fraction + count / schedule.steps
            if fitting.time_limit is not None and state.step:  # one scan may be more of the work left than of the schedule
                ahead = max(ahead, fraction * (1 + count / state.step))
            rates = schedule.rate(np.linspace(fraction, min(ahead, 1.0), count, endpoint=False)).astype(np.float32)
            indices = _indices(state.step, count, batch, len(data[0]), seed)
            chunk = tuple(_taken(array, indices, NamedSharding(mesh, PartitionSpec(None, "batch"))) for array in data)
            keeps = _averaging_weights(state.step, count, schedule.averaging)
            trees = _scan(loss, steps, state.params, state.average, state.optimiser, constants, chunk, rates, keeps)
            params, average, moments = jax.block_until_ready(trees)
            now = time.monotonic()
            seconds = before + now - started
            if fitting.time_limit is not None:
                seconds = float(processes.agreed(np.asarray(seconds)))
            after = replace(state, params=params, average=average, optimiser=moments, step=state.step + count, seconds=seconds)
            fraction = _fraction(after, schedule, fitting)
            number = int(fraction * schedule.evaluations)
            if number > state.evaluated:
                after = _evaluated(after, number, [_evaluate(loss, average, constants, each) for each in held_out])
            after = replace(after, ended=fraction >= 1 or after.stale >= schedule.patience)
            state = after  # whole from here on, whenever an interrupt comes
            if fitting.report is not None and (now - reported > _REPORT_SECONDS or state.ended):
                reported = now
                fitting.report(Progress(name, 1.0 if state.ended else fraction, scale * state.loss + offset))
            if checkpoint is not None and now - saved > _CHECKPOINT_SECONDS:
                _save(checkpoint, mark, state)
                saved = now
    finally:
        if checkpoint is not None:
            _save(checkpoint, mark, state)
    return jax.tree.map(np.asarray, state.best), state.best_loss


def _fraction(state: _State, schedule: Schedule, fitting: Fitting) -> float:
    """Return how much of the work is done: of the steps, or of the time if that runs out first."""
    of_time = 0.0 if fitting.time_limit is None or not state.step else state.seconds / fitting.time_limit
    return min(1.0, max(state.step / schedule.steps, of_time))


def _evaluated(state: _State, number: int, losses: list) -> _State:
    """Return the state after an evaluation of its average."""
    loss = float(np.mean([float(each) for each in losses]))
    better = loss < state.best_loss
    if not better:
        return replace(state, loss=loss, evaluated=number, stale=state.stale + 1)
    return replace(state, loss=loss, evaluated=number, stale=0, best=state.average, best_loss=loss)


@lru_cache
def _mesh() -> jax.sharding.Mesh:
    """All devices in a row, those of other processes that work along with this one included, along which a batch is cut."""
    devices = jax.devices() if processes.several() else jax.local_devices()
    return jax.make_mesh((len(devices),), ("batch",), axis_types=(AxisType.Auto,), devices=devices)


def _placed(tree, sharding: NamedSharding):
    """Return arrays on the devices of all processes; each process has all of them, and puts its part there."""
    if not processes.several():
        return jax.device_put(tree, sharding)
    return jax.tree.map(lambda each: _from_own(np.asarray(each), sharding), tree)


def _taken(array: np.ndarray, indices: np.ndarray, sharding: NamedSharding):
    """Return samples of an array on the devices; each process reads those alone that its devices take."""
    if not processes.several():
        return jax.device_put(array[indices], sharding)
    shape = (*indices.shape, *array.shape[1:])
    return jax.make_array_from_callback(shape, sharding, lambda part: array[indices[(part or ())[: indices.ndim]]])


def _from_own(array: np.ndarray, sharding: NamedSharding):
    return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])


def _agreed(state: _State) -> _State:
    """Return the state that the first process has: it alone has read a checkpoint."""
    if not processes.several():
        return state
    trees, numbers = processes.agreed((jax.tree.map(np.asarray, state.trees), state.numbers))
    best_loss, loss, step, evaluated, stale, seconds, ended = np.asarray(numbers).tolist()
    own: tuple[Any, Any, Any, Any] = jax.tree.map(np.asarray, trees)
    return _State(*own, best_loss, loss, int(step), int(evaluated), int(stale), seconds, bool(ended))


@lru_cache
def _optimiser(loss, figures: tuple[float, float, float, float]) -> optax.GradientTransformation:
    """Return Muon for the matrices that the loss names, Adam for the other weights; see `Schedule.optimiser`."""
    clip, learning_rate, matrix_rate, weight_decay = figures
    muon = optax.contrib.muon(
        matrix_rate,
        adam_b2=0.99,
        adam_learning_rate=learning_rate,
        weight_decay=weight_decay,
        muon_weight_dimension_numbers=loss.matrices,
    )
    return optax.chain(optax.clip_by_global_norm(clip), muon)


@partial(jax.jit, static_argnums=(0, 1))
def _scan(loss, figures, params, average, moments, constants, chunk, rates, keeps):
    """Take one step for each minibatch of a chunk (step, sample, ...)."""

    def step(carry, given):
        params, average, moments = carry
        batch, rate, keep = given
        gradient = _gradient(loss, params, constants, batch)
        change, moments = _optimiser(loss, figures).update(gradient, moments, params)
        params = jax.tree.map(lambda weight, by: weight + rate * by, params, change)
        average = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, average, params)
        return (params, average, moments), None

    carry, _ = jax.lax.scan(step, (params, average, moments), (chunk, rates, keeps))
    return carry


def _gradient(loss, params, constants, batch):
    """Return the gradient, summed over parts of the batch where they fit a processor's caches and the whole does not."""
    samples = len(batch[0])
    part = loss.at_once(batch[0].shape) if _mesh().size == 1 else samples  # devices share the whole
    if part == samples:
        return jax.grad(loss)(params, constants, batch)

    def add(total, some):
        return jax.tree.map(jnp.add, total, jax.grad(loss)(params, constants, some)), None

    parts = tuple(array.reshape(samples // part, part, *array.shape[1:]) for array in batch)
    total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), parts)
    return jax.tree.map(lambda each: each * (part / samples), total)


@partial(jax.jit, static_argnums=0)
def _evaluate(loss, params, constants, batch):
    return loss(params, constants, batch)


def power_of_two(count: int) -> int:
    """Return the largest that is no larger: folds of few samples differ in size, and each size would be compiled."""
    return 1 << (count.bit_length() - 1)


def _indices(step: int, count: int, batch: int, samples: int, seed: int) -> np.ndarray:
    """Return the samples of some steps, (step, batch): every sample comes once before any comes again."""
    wanted = np.arange(step * batch, (step + count) * batch)
    epochs, places = np.divmod(wanted, samples)
    found = np.empty(len(wanted), dtype=np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        found[here] = _order(seed, int(epoch), samples)[places[here]]
    return found.reshape(count, batch)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, samples: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(samples)


def _averaging_weights(step: int, count: int, averaging: float) -> np.ndarray:
    """Return the weight of the average so far at each step: short at first, so that the initial weights are soon forgotten."""
    steps = np.arange(step, step + count)
    return np.minimum(1 - 1 / max(averaging, 1.0), steps / (_FASTEST_AVERAGE + steps)).astype(np.float32)


def _blocks(validation, size: int, schedule: Schedule, batch: int, mesh) -> list[tuple]:
    """Return validation samples in blocks, as many as cost about a twentieth of the training."""
    total = len(validation[0])
    size = min(-(-size // mesh.size) * mesh.size, power_of_two(total))
    affordable = 0.15 * schedule.steps * batch / schedule.evaluations  # an evaluation costs a third of a step
    count = max(1, min(total // size, math.ceil(affordable / size)))
    spread = np.linspace(0, total - 1, count * size).astype(int)  # neighbours in a file may be alike
    divided = size % mesh.size == 0
    sharding = NamedSharding(mesh, PartitionSpec("batch") if divided else PartitionSpec())
    return [tuple(_taken(array, part, sharding) for array in validation) for part in np.split(spread, count)]


def _fingerprint(loss, schedule, batch, seed, trees, data, validation) -> str:
    """Return what tells one run from another."""
    leaves, structure = jax.tree.flatten(trees)
    arrays = [np.asarray(array) for array in (*leaves, *data, *validation)]
    # Sums in few digits, since the last ones of a prediction depend on the number of BLAS threads.
    sums = [
        f"{array.shape} {np.sum(array, dtype=np.float64):.4e} {np.sum(array * array, dtype=np.float64):.4e}" for array in arrays
    ]
    return repr((str(loss), schedule, batch, seed, str(structure), sums))


def _save(path, mark: str, state: _State) -> None:
    """Write a checkpoint, which appears whole or not at all."""
    arrays = {f"leaf_{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(state.trees))}
    write_checkpoint(path, {"mark": np.array(mark), "numbers": state.numbers, **arrays})


def _resume(path, mark: str, initial: _State) -> _State | None:
    """Return the state that a checkpoint holds, if it is of the same run."""
    kept = read_checkpoint(path)
    if kept is None:
        return None
    try:
        if str(kept["mark"]) != mark:
            return None
        leaves, structure = jax.tree.flatten(initial.trees)
        leaves = [jnp.asarray(kept[f"leaf_{number}"]) for number in range(len(leaves))]
        best_loss, loss, step, evaluated, stale, seconds, ended = kept["numbers"].tolist()
    except (ValueError, KeyError) as error:
        distrust(path, error)
        return None
    trees: tuple[Any, Any, Any, Any] = jax.tree.unflatten(structure, leaves)
    return _State(*trees, best_loss, loss, int(step), int(evaluated), int(stale), seconds, bool(ended))

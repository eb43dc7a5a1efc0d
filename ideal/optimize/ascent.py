"""Gradient ascent on an objective: several starts at once, annealed to what can be manufactured, kept on disk as it goes."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ideal.errors import DataError, UsageError, unknown_name
from ideal.imaging import Params
from ideal.optimize._checkpoint import read_tree, write_tree
from ideal.optimize._contract import Objective, Report

_CHUNK = 10  # steps of one compiled scan
_SHARPEST = 16.0
_KEEP_SECONDS = 10.0  # between checkpoints
_SMOOTHED = 3  # refits whose gains are averaged where it is judged whether designs still improve


@dataclass(frozen=True)
class Ascent:
    """How the gradient is followed.

    Args:
        steps: of gradient ascent.
        learning_rate: of Adam, in free parameters, falling along a cosine.
        rates: factors of the learning rate by parameter; 0 keeps a parameter as it is.
        sharpness: what choices between alternatives are sharpened by at the end, from 1.
        patience: share of the steps after which ascent ends where the held-out gain of the hard design has not grown; 1 for
            never. Of an objective that is fitted anew, the gains right after a fit count, averaged over three.
        time_limit: seconds.

    Raises:
        UsageError: a figure has no meaning.

    """

    steps: int = 200
    learning_rate: float = 0.05
    rates: Mapping[str, float] = field(default_factory=dict)
    sharpness: float = _SHARPEST
    patience: float = 1.0
    time_limit: float | None = None

    def __post_init__(self):
        if self.steps < 1 or not self.learning_rate > 0 or not self.sharpness >= 1 or not 0 < self.patience <= 1:
            raise UsageError(
                f"steps {self.steps}, learning rate {self.learning_rate:g}, sharpness {self.sharpness:g} and patience "
                f"{self.patience:g}: expected at least 1, above 0, at least 1, and above 0 up to 1"
            )

    def rate(self, step: jax.Array) -> jax.Array:
        """Return the learning rate of a step."""
        return self.learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * step / self.steps))

    def sharpen(self, step: jax.Array) -> jax.Array:
        """Return the sharpness of a step: it rises with its square."""
        return 1 + (self.sharpness - 1) * (step / self.steps) ** 2


@dataclass(frozen=True)
class Climb:
    """Where an ascent has led.

    Attributes:
        params: the best hard design of all starts, by the gain of held-out scenes. Of an objective that is fitted anew to the
            design as it moves only designs count that a fit was made to: the last one, and, where parameters are not choices,
            that at each fit before.
        start: number of the start that led to it.
        relaxed: the same start's parameters at the end, before they were made hard.
        history: for each chunk a dictionary: step, seconds, and for each start its gain, its held-out gain and that of its hard
            design; after a new fit also the gain of the hard design by it, and at the end that of the last by its own fit.
        steps: that were made.
        stopped: why it ended: "steps", "patience" or "time".
        state: of the objective at the end.

    """

    params: Params
    start: int
    relaxed: Params
    history: list[dict[str, Any]]
    steps: int
    stopped: str
    state: Any


def climb(
    objective: Objective,
    starts: list[Params],
    ascent: Ascent,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    report: Report = lambda text, fraction=None: None,
    log: Callable[[dict[str, Any]], None] = lambda record: None,
) -> Climb:
    """Follow the gradient of an objective from several designs at once.

    Args:
        objective: what to raise.
        starts: designs to begin with.
        ascent: how.
        seed: of what is random in the objective.
        checkpoint: file that keeps the state of the ascent; one that is there is gone on with.
        report: shows progress.
        log: takes each record of the history as it is made.

    Returns:
        The best hard design; the same, to the bit, whether or not it was interrupted in between.

    Raises:
        UsageError: a rate names no parameter, or an objective that is fitted anew was given several starts: what is fitted to one
            design overrates all others.
        DataError: the gain is not finite.

    """
    for name in ascent.rates:
        if name not in starts[0]:
            raise UsageError(unknown_name("a learning rate is given for the parameter", name, starts[0]))
    if objective.every and len(starts) > 1:
        raise UsageError(f"the objective {objective.name} is fitted to one design: climb from one start at a time")
    run = _Run(objective, ascent, jax.random.key(seed))
    now = _read(checkpoint, run, starts) or run.begin(starts)
    begun, kept = time.monotonic() - now.seconds, time.monotonic()
    try:
        while not now.stopped:
            now = run.advance(now, lambda: time.monotonic() - begun)
            log(now.history[-1])
            shown = f"{now.history[-1]['hard_gain'][0]:.4f}" if objective.every else f"best {now.best_gain:.4f}"
            report(f"{objective.name}: step {now.step} of {ascent.steps}, {shown} {objective.unit}", now.step / ascent.steps)
            if checkpoint is not None and time.monotonic() - kept > _KEEP_SECONDS:
                _write(checkpoint, now)
                kept = time.monotonic()
    finally:  # also where the user interrupts, or the next steps fail
        if checkpoint is not None:
            _write(checkpoint, now)
    system = objective.task.system
    relaxed = system.constrain(jax.tree.map(lambda each: each[now.best_start], now.free), float(ascent.sharpen(now.step)))
    own = jax.tree.map(lambda each: each[now.best_start], now.learned)
    state = objective.with_learned(now.state, own)
    return Climb(now.best, now.best_start, relaxed, now.history, now.step, now.stopped, state)


def stations(objective: Objective, starts: list[Params], ascent: Ascent, *, seed: int = 0) -> Iterator[tuple[int, Params, float]]:
    """Give (step, design, gain) at the start of an ascent and after every ten steps: what `climb` would return there.

    Args:
        objective: what to raise.
        starts: designs to begin with.
        ascent: how.
        seed: of what is random in the objective.

    """
    run, begun = _Run(objective, ascent, jax.random.key(seed)), time.monotonic()
    now = run.begin(starts)
    yield now.step, now.best, now.best_gain
    while not now.stopped:
        now = run.advance(now, lambda: time.monotonic() - begun)
        yield now.step, now.best, now.best_gain


@dataclass
class _Moment:
    """Everything that an ascent consists of between two chunks."""

    step: int
    free: Params
    optimiser: Any
    state: Any
    learned: Any  # of each start: a decoder suits one design
    best: Params
    best_gain: float
    best_start: int
    best_step: int
    history: list[dict[str, Any]]
    seconds: float = 0.0
    stopped: str = ""


class _Run:
    """The compiled parts of an ascent."""

    def __init__(self, objective: Objective, ascent: Ascent, key: jax.Array):
        self.objective, self.ascent, self.key = objective, ascent, key
        self.system = objective.task.system
        self.adam = optax.scale_by_adam(b2=0.99)

    def begin(self, starts: list[Params]) -> _Moment:
        free = jax.tree.map(lambda *each: jnp.stack(each), *[self.system.release(start) for start in starts])
        state = self.objective.start(starts[0], jax.random.fold_in(self.key, 2**31))
        learned = jax.tree.map(lambda each: jnp.stack([each] * len(starts)), self.objective.learned(state))
        optimiser = jax.vmap(lambda *one: self.adam.init(one))(free, learned)
        _, gains, hard = self._hardened(free, learned, state, jnp.asarray(0))
        gains = np.nan_to_num(np.asarray(gains), nan=-np.inf)
        if self.objective.every and not self._is_hard(free, 0, hard):
            gains[:] = -np.inf
        first = int(np.argmax(gains))
        best = jax.tree.map(lambda each: each[first], hard)
        return _Moment(0, free, optimiser, state, learned, best, float(gains[first]), first, 0, [])

    def _is_hard(self, free: Params, step: int, hard: Params) -> bool:
        """Tell whether the first start's design is one that can be made, so that what was fitted to it was fitted to that."""
        params = self.system.constrain(jax.tree.map(lambda each: each[0], free), self.ascent.sharpen(step))
        return all(np.allclose(each, hard[name][0], atol=1e-6) for name, each in params.items())

    def advance(self, now: _Moment, clock: Callable[[], float]) -> _Moment:
        """Return what one more chunk of steps leads to; `now` stays as it is, so that an interruption cannot spoil it."""
        count = min(_CHUNK, self.ascent.steps - now.step)
        state, record = now.state, {}
        best, gain, start, at = now.best, now.best_gain, now.best_start, now.best_step
        if self.objective.every and now.step and now.step % self.objective.every < _CHUNK:
            state = self._refreshed(now)
            _, judged, hard = self._hardened(now.free, now.learned, state, jnp.asarray(now.step))
            record["gain_by_new_fit"] = np.asarray(judged).tolist()
            if judged[0] > gain and self._is_hard(now.free, now.step, hard):
                best, gain, at = jax.tree.map(lambda each: each[0], hard), float(judged[0]), now.step
        free, optimiser, learned, gains = self._chunk(now.free, now.optimiser, now.learned, state, jnp.asarray(now.step), count)
        step = now.step + count
        if not np.isfinite(np.asarray(gains)).all():
            raise DataError(f"the objective {self.objective.name} is not finite after {step} steps: take a lower learning rate")
        soft, hard_gain, hard = self._hardened(free, learned, state, jnp.asarray(step))
        record |= {
            "step": step,
            "gain": np.asarray(gains).tolist(),
            "held_out_gain": np.asarray(soft).tolist(),
            "hard_gain": np.asarray(hard_gain).tolist(),
            "seconds": clock(),
        }
        history = [*now.history, record]
        if self.objective.every:
            stopped = self._ended(step, at, history)
            if stopped:
                last = jax.tree.map(lambda each: each[0], (hard, learned))
                state = self._fitted(*last, state, step)
                _, judged, _ = self._hardened(free, learned, state, jnp.asarray(step))
                record["gain_by_last_fit"] = float(judged[0])
                if judged[0] > gain:
                    best, gain, at = last[0], float(judged[0]), step
        else:
            judged = np.where(np.isfinite(hard_gain), hard_gain, -np.inf)
            leader = int(np.argmax(judged))
            if float(judged[leader]) > gain:
                best, gain, start, at = jax.tree.map(lambda each: each[leader], hard), float(judged[leader]), leader, step
            stopped = self._ended(step, at, history)
        return _Moment(step, free, optimiser, state, learned, best, gain, start, at, history, record["seconds"], stopped)

    def _refreshed(self, now: _Moment) -> Any:
        free, own = jax.tree.map(lambda each: each[0], (now.free, now.learned))
        return self._fitted(self.system.constrain(free, self.ascent.sharpen(now.step)), own, now.state, now.step)

    def _fitted(self, params: Params, own: Any, state: Any, step: int) -> Any:
        state = self.objective.with_learned(state, own)
        return self.objective.refresh(params, state, jax.random.fold_in(self.key, 2**30 + step))

    def _ended(self, step: int, best_step: int, history: list[dict[str, Any]]) -> str:
        """Return why the ascent ends after a step; nothing where it goes on."""
        if step >= self.ascent.steps:
            return "steps"
        if self.objective.every:
            best_step = _best_refit(history, step)
        if step - best_step >= self.ascent.patience * self.ascent.steps:
            return "patience"
        limit = self.ascent.time_limit
        return "time" if limit is not None and history[-1]["seconds"] > limit else ""

    def _held_out_key(self):
        return jax.random.fold_in(self.key, 2**31 - 1)

    @partial(jax.jit, static_argnums=(0, 6))
    def _chunk(self, free, optimiser, learned, state, step, count):
        def loss(leaves, key, sharpness):
            one, own = leaves
            params = self.system.constrain(one, sharpness)
            return -self.objective.gain(params, self.objective.with_learned(state, own), key)

        def advance(carry, step):
            free, optimiser, learned = carry
            key = jax.random.fold_in(self.key, step)
            sharpness, rate = self.ascent.sharpen(step), self.ascent.rate(step)

            def single(one, own, memory):
                value, slope = jax.value_and_grad(loss)((one, own), key, sharpness)
                change, memory = self.adam.update(slope, memory)
                moved = {name: one[name] - rate * self.ascent.rates.get(name, 1.0) * change[0][name] for name in one}
                own = jax.tree.map(lambda each, by: each - (rate * by).astype(each.dtype), own, change[1])
                return moved, own, memory, -value

            free, learned, optimiser, gains = jax.vmap(single)(free, learned, optimiser)
            return (free, optimiser, learned), gains

        (free, optimiser, learned), gains = jax.lax.scan(advance, (free, optimiser, learned), step + jnp.arange(count))
        return free, optimiser, learned, gains[-1]

    @partial(jax.jit, static_argnums=0)
    def _hardened(self, free, learned, state, step):
        key = self._held_out_key()

        def single(one, own):
            params = self.system.constrain(one, self.ascent.sharpen(step))
            hard = self.system.harden(params)
            gain, mine = self.objective.validation_gain, self.objective.with_learned(state, own)
            return gain(params, mine, key), gain(hard, mine, key), hard

        return jax.vmap(single)(free, learned)


def _best_refit(history: list[dict[str, Any]], step: int) -> int:
    """Return the step of the refit about which designs were best; the present one before there are enough of them."""
    judged = [(record["step"], max(record["gain_by_new_fit"])) for record in history if "gain_by_new_fit" in record]
    if len(judged) < _SMOOTHED:
        return step
    steps, gains = zip(*judged, strict=True)
    smooth = np.convolve(gains, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    return steps[int(np.argmax(smooth)) + _SMOOTHED - 1]


_TREES = ("free", "optimiser", "state", "learned", "best")
_FACTS = ("step", "best_gain", "best_start", "best_step", "history", "seconds", "stopped")


def _write(path: Path, now: _Moment) -> None:
    write_tree(path, [getattr(now, name) for name in _TREES], {name: getattr(now, name) for name in _FACTS})


def _read(path: Path | None, run: _Run, starts: list[Params]) -> _Moment | None:
    """Return the ascent that a file keeps, or None where there is none."""
    if path is None or not path.exists():
        return None
    empty = run.begin(starts)  # also lets the objective prepare what it keeps to itself
    trees, facts = read_tree(path, [getattr(empty, name) for name in _TREES])
    return _Moment(**dict(zip(_TREES, trees, strict=True)), **facts)

"""Gradient ascent on an objective: several starts at once, annealed to what can be manufactured, kept on disk as it goes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ideal.errors import UsageError, unknown_name
from ideal.health import Finding
from ideal.imaging import Params
from ideal.optimize._contract import Objective
from ideal.optimize.ascent.convergence import findings_of, is_level
from ideal.optimize.ascent.line_search import LineSearch, suits
from ideal.optimize.ascent.moment import Moment, read_moment, write_moment
from ideal.optimize.ascent.refusal import check_begin, lost
from ideal.optimize.ascent.settings import Ascent
from ideal.progress import Progress, silent

_CHUNK = 10  # steps of one compiled scan
_KEEP_SECONDS = 10.0  # between checkpoints
_SETTLED = (0.05, 0.02, 0.01, 3e-3, 1e-6)  # of the span: values so near to an edge are tried on it
_COSTLESS = 1e-5  # of the rise: what that may cost
_SMOOTHED = 3  # refits whose gains are averaged where it is judged whether designs still improve


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
        stopped: why it ended: "converged", "steps" (used up), "patience", "time", "unbounded" (a parameter grew beyond all
            measure), or "stuck" (no step along the slope rises).
        state: of the objective at the end.
        method: that was followed, "line-search" or "adam".
        findings: what a user should know of its end.

    """

    params: Params
    start: int
    relaxed: Params
    history: list[dict[str, Any]]
    steps: int
    stopped: str
    state: Any
    method: str = "adam"
    findings: tuple[Finding, ...] = ()


def method_of(objective: Objective, ascent: Ascent) -> str:
    """Return the method that an ascent follows, "line-search" or "adam".

    Raises:
        UsageError: line searches were asked for, and do not suit the objective or the parameters.

    """
    fitting = suits(objective, objective.task.system, ascent.rates)
    if ascent.method == "line-search" and not fitting:
        why = f"the objective {objective.name} is not exact"
        if objective.exact:
            why = f"parameters of {objective.task.system.name} are choices between alternatives, or none moves"
        raise UsageError(f"line searches do not suit, {why}: leave the method out, or take `method=adam`")
    return "line-search" if fitting and ascent.method != "adam" else "adam"


def climb(
    objective: Objective,
    starts: list[Params],
    ascent: Ascent,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    report: Progress = silent,
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
        UsageError: a rate names no parameter, the method does not suit, or an objective that is fitted anew was given several
            starts: what is fitted to one design overrates all others.
        DataError: the gain or its slope is not finite.

    """
    for name in ascent.rates:
        if name not in starts[0]:
            raise UsageError(unknown_name("a learning rate is given for the parameter", name, starts[0]))
    if objective.every and len(starts) > 1:
        raise UsageError(f"the objective {objective.name} is fitted to one design: climb from one start at a time")
    run = _run_of(objective, ascent, seed)
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
    own = jax.tree.map(lambda each: each[now.best_start], now.learned)
    state, method = objective.with_learned(now.state, own), "adam" if isinstance(run, _Run) else "line-search"
    findings = findings_of(objective, ascent, now, method)
    return Climb(now.best, now.best_start, run.relaxed(now), now.history, now.step, now.stopped, state, method, findings)


def _run_of(objective: Objective, ascent: Ascent, seed: int) -> "_Run | LineSearch":
    kind = LineSearch if method_of(objective, ascent) == "line-search" else _Run
    return kind(objective, ascent, jax.random.key(seed))


def stations(objective: Objective, starts: list[Params], ascent: Ascent, *, seed: int = 0) -> Iterator[tuple[int, Params, float]]:
    """Give (step, design, gain) at the start of an ascent and after every ten steps: what `climb` would return there.

    Args:
        objective: what to raise.
        starts: designs to begin with.
        ascent: how.
        seed: of what is random in the objective.

    """
    run, begun = _run_of(objective, ascent, seed), time.monotonic()
    now = run.begin(starts)
    yield now.step, now.best, now.best_gain
    while not now.stopped:
        now = run.advance(now, lambda: time.monotonic() - begun)
        yield now.step, now.best, now.best_gain


class _Run:
    """The compiled parts of an ascent."""

    def __init__(self, objective: Objective, ascent: Ascent, key: jax.Array):
        self.objective, self.ascent, self.key = objective, ascent, key
        self.system = objective.task.system
        self.adam = optax.scale_by_adam(b2=0.99)
        self._anneals = ascent.sharpness > 1 and any(each.discrete for each in self.system.constraints.values())

    def begin(self, starts: list[Params]) -> Moment:
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
        return Moment(0, free, optimiser, state, learned, best, float(gains[first]), first, 0, [])

    def _is_hard(self, free: Params, step: int, hard: Params) -> bool:
        """Tell whether the first start's design is one that can be made, so that what was fitted to it was fitted to that."""
        params = self.system.constrain(jax.tree.map(lambda each: each[0], free), self.ascent.sharpen(step))
        return all(np.allclose(each, hard[name][0], atol=1e-6) for name, each in params.items())

    def advance(self, now: Moment, clock: Callable[[], float]) -> Moment:
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
        moving = {name: each for name, each in free.items() if self.ascent.rates.get(name, 1.0)}
        if not all(np.isfinite(np.asarray(each)).all() for each in (gains, *moving.values())):
            self._refuse(now, state)
            raise lost(self.objective.name, step, moving)
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
                last, own = jax.tree.map(lambda each: each[0], (hard, learned))
                state = self._fitted(last, own, state, step)
                _, judged, _ = self._hardened(free, learned, state, jnp.asarray(step))
                record["gain_by_last_fit"] = float(judged[0])
                if judged[0] > gain:
                    best, gain, at = last, float(judged[0]), step
        else:
            judged = np.where(np.isfinite(hard_gain), hard_gain, -np.inf)
            leader = int(np.argmax(judged))
            if float(judged[leader]) > gain:
                best, gain, start, at = jax.tree.map(lambda each: each[leader], hard), float(judged[leader]), leader, step
            stopped = self._ended(step, at, history)
            if stopped:
                own = jax.tree.map(lambda each: each[start], learned)
                best, gain = self._settled(best, gain, self.objective.with_learned(state, own), history)
        return Moment(step, free, optimiser, state, learned, best, gain, start, at, history, record["seconds"], stopped)

    def relaxed(self, now: Moment) -> Params:
        """Return the parameters of the best start at the end, before they were made hard."""
        own = jax.tree.map(lambda each: each[now.best_start], now.free)
        return self.system.constrain(own, float(self.ascent.sharpen(now.step)))

    def _settled(self, best: Params, gain: float, state: Any, history: list[dict[str, Any]]) -> tuple[Params, float]:
        """Return the design with values that are next to an edge on it, as many as cost nothing, and its held-out gain.

        Transforms of free values come near to an edge, as a share to 0, and never reach it.
        """
        risen = max(gain - min(history[0]["hard_gain"]), 0.0)
        constraints = {name: self.system.constraints[name] for name in best if self.ascent.rates.get(name, 1.0)}
        for share in _SETTLED:
            settled = {name: each.settle(np.asarray(best[name]), share) for name, each in constraints.items()}
            if all(np.array_equal(each, best[name]) for name, each in settled.items()):
                break
            trial = {**best, **{name: jnp.asarray(each, best[name].dtype) for name, each in settled.items()}}
            judged = float(self._judged(trial, state))
            if judged >= gain - _COSTLESS * risen:
                return trial, judged
        return best, gain

    @partial(jax.jit, static_argnums=0)
    def _judged(self, params: Params, state: Any) -> jax.Array:
        return self.objective.validation_gain(params, state, self._held_out_key())

    def _refuse(self, now: Moment, state: Any) -> None:
        """Raise where it is the beginning that has no finite gain or slope."""
        if now.step:
            return
        for number in range(len(jax.tree.leaves(now.free)[0])):
            free, own = jax.tree.map(lambda each, number=number: each[number], (now.free, now.learned))
            mine = self.objective.with_learned(state, own)

            def gain(params, mine=mine):
                return self.objective.gain(params, mine, jax.random.fold_in(self.key, 0))

            params = self.system.constrain(free, self.ascent.sharpen(0))
            value, slopes = jax.value_and_grad(gain)(params)
            slopes = {name: each for name, each in slopes.items() if self.ascent.rates.get(name, 1.0)}
            check_begin(self.objective.name, params, float(value), slopes, number, len(jax.tree.leaves(now.free)[0]))

    def _refreshed(self, now: Moment) -> Any:
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
        if not self.objective.every and not self._anneals and is_level(history):
            return "converged"
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
                rates = {name: self.ascent.rates.get(name, 1.0) for name in one}
                moved = {  # what stays may have no slope
                    name: one[name] - rate * rates[name] * change[0][name] if rates[name] else one[name] for name in one
                }
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


def _write(path: Path, now: Moment) -> None:
    write_moment(path, now)


def _read(path: Path | None, run: "_Run | LineSearch", starts: list[Params]) -> Moment | None:
    """Return the ascent that a file keeps, or None where there is none."""
    if path is None or not path.exists():
        return None
    return read_moment(path, run.begin(starts))  # the beginning also lets the objective prepare what it keeps to itself

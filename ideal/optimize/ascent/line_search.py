"""Ascent of an objective that is smooth and free of chance: by line searches, inside the constraints, to the optimum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal.imaging import ImagingSystem, Params, Positive
from ideal.optimize._contract import Objective
from ideal.optimize.ascent.moment import Moment
from ideal.optimize.ascent.quasi_newton import PAIRS, Climber, next_step
from ideal.optimize.ascent.refusal import check_begin

if TYPE_CHECKING:
    from ideal.optimize.ascent.settings import Ascent

_CHUNK = 10  # steps between records
_INSIDE = {8: 1e-9, 4: 1e-6}  # by bytes of a number: how far from an edge a slope is taken, where that of a square root is finite
_SETTLED = (5e-3, 1e-6)  # of the span: values so near to an edge are put on it, where that costs next to nothing
_COSTLESS = 1e-6  # of the rise
_BOUNDLESS = 1e4  # spans: where a parameter has grown so far, it is looked at whether there is an optimum farther out
_BEYOND = tuple(10.0**power for power in range(1, 7))  # times that far: where the gain rises to all of these there is none
_TINY = 1e-3  # of the scale of a positive parameter: below, rounding may hide from a slope that the gain would rise
_LIFTED = 0.1  # of the scale: where such values are tried, too
_WORSE = 0.01  # of the held-out rise, by which the end may be below an earlier place and still counts
_MOST = 1e30  # that a file of single precision keeps
_ENDINGS = ("", "converged", "stuck", "unbounded")


def suits(objective: Objective | type[Objective], system: ImagingSystem, rates: Mapping[str, float]) -> bool:
    """Tell whether line searches can raise an objective: it is exact, trains nothing, something moves, and that is no choice."""
    moving = [each for name, each in system.constraints.items() if rates.get(name, 1.0)]
    return objective.exact and not objective.every and bool(moving) and not any(each.discrete for each in moving)


class LineSearch:
    """The parts of an ascent by line searches, with the interface of that by Adam.

    A place is the vector of the physical values of all parameters that move, each in units of its span times its rate. Starts
    are climbed from in turn, and one that has arrived costs nothing more. Of a moment, `free` holds the physical parameters of
    each start, and `optimiser` what each climber knows.

    """

    def __init__(self, objective: Objective, ascent: "Ascent", key: jax.Array):
        self.objective, self.ascent, self.key = objective, ascent, key
        self.system = objective.task.system

    def begin(self, starts: list[Params]) -> Moment:
        """Return the beginning of the ascent.

        Raises:
            DataError: the gain or a slope is not finite at a start.

        """
        begun = [{name: np.asarray(each, self._kind) for name, each in start.items()} for start in starts]
        moving = [name for name in begun[0] if self.ascent.rates.get(name, 1.0)]
        for start in begun:
            start |= {name: np.asarray(self.system.constraints[name].project(start[name]), self._kind) for name in moving}
        spans = [{name: self._span(name, start[name]) for name in moving} for start in begun]
        state, climbers = self.objective.start(starts[0], jax.random.fold_in(self.key, 2**31)), []
        for number, (start, span) in enumerate(zip(begun, spans, strict=True)):
            gain, slope = self._slope({name: start[name] for name in moving}, start, state)
            check_begin(self.objective.name, start, float(gain), slope, number, len(starts))
            space = _Space(self.system, start, span)
            climbers.append(Climber.at(space.place(start), float(gain), space.slope(slope)))
        places, _, judged, hard = self._judged(begun, state)
        gains = np.where(np.isfinite(judged), judged, -np.inf)
        first = int(np.argmax(gains))
        kept = {"spans": _stacked(spans), "begun": jnp.asarray(gains), **self._packed(climbers)}
        return Moment(0, _stacked(places), kept, state, (), _arrays(hard[first]), float(gains[first]), first, 0, [])

    def advance(self, now: Moment, clock: Callable[[], float]) -> Moment:
        """Return what one more chunk of steps leads to; `now` stays as it is, so that an interruption cannot spoil it."""
        climbers, places = _unpacked(now.optimiser), _rows(now.free)
        most, taken = min(_CHUNK, self.ascent.steps - now.step), 0
        for number, span in enumerate(_rows(now.optimiser["spans"])):
            space = _Space(self.system, places[number], span)
            climbers[number], rounds = self._climbed(climbers[number], space, now.state, most)
            places[number], taken = space.params(climbers[number].place), max(taken, rounds)
        step = now.step + taken
        places, soft, judged, hard = self._judged(places, now.state)
        record = {
            "step": step,
            "gain": [climber.gain for climber in climbers],
            "held_out_gain": soft,
            "hard_gain": judged,
            "promise": [climber.promise for climber in climbers],
            "ended": [climber.stopped for climber in climbers],
            "seconds": clock(),
        }
        gains = np.where(np.isfinite(judged), judged, -np.inf)
        leader = int(np.argmax(gains))
        best = now.best, now.best_gain, now.best_start, now.best_step
        if gains[leader] > now.best_gain:
            best = _arrays(hard[leader]), float(gains[leader]), leader, step
        stopped = self._ended(climbers, step, best[-1], record["seconds"])
        if stopped:
            stopped = climbers[leader].stopped or stopped
            begun = float(np.max(now.optimiser["begun"]))
            if gains[leader] >= best[1] - _WORSE * max(best[1] - begun, 0.0):
                best = _arrays(hard[leader]), float(gains[leader]), leader, step
        kept = {"spans": now.optimiser["spans"], "begun": now.optimiser["begun"], **self._packed(climbers)}
        history = [*now.history, record]
        return Moment(step, _stacked(places), kept, now.state, (), *best, history, record["seconds"], stopped)

    def relaxed(self, now: Moment) -> Params:
        """Return the parameters of the best start at the end, before they were made hard."""
        return {name: each[now.best_start] for name, each in now.free.items()}

    def _climbed(self, climber: Climber, space: "_Space", state, most: int) -> tuple[Climber, int]:
        """Return where at most so many steps lead, and how many they were."""
        if climber.stopped:
            return climber, 0
        first, precision = climber.rounds, float(np.finfo(self._kind).eps)

        def evaluate(place):
            gain, slope = self._slope(space.moved(place), space.fixed, state)
            return float(gain), space.slope(slope)

        for _ in range(most):
            climber = next_step(climber, evaluate, space.project, precision)
            if not climber.stopped and _has_no_end(climber, evaluate, space.project):
                climber.stopped = "unbounded"
            if climber.stopped:
                break
        if climber.stopped in ("converged", "stuck"):
            place = space.lifted(climber.place)
            if not np.array_equal(place, climber.place):
                gain, slope = evaluate(place)
                if gain > climber.gain + _COSTLESS * climber.risen and np.isfinite(slope).all():
                    begun = Climber.at(place, gain, slope)
                    reach = _LIFTED * float(np.abs(place).max())
                    return replace(begun, first=climber.first, rounds=climber.rounds, reach=reach), climber.rounds - first
        if climber.stopped == "converged":
            for share in _SETTLED:
                place = space.settle(climber.place, share)
                gain, slope = evaluate(place)
                if gain >= climber.gain - _COSTLESS * climber.risen and np.isfinite(slope).all():
                    return replace(climber, place=place, gain=gain, slope=slope), climber.rounds - first
        return climber, climber.rounds - first

    def _ended(self, climbers: list[Climber], step: int, best_step: int, seconds: float) -> str:
        """Return why the ascent ends after a step; nothing where it goes on."""
        if all(climber.stopped for climber in climbers):
            return "converged"
        if step >= self.ascent.steps:
            return "steps"
        if step - best_step >= self.ascent.patience * self.ascent.steps:
            return "patience"
        return "time" if self.ascent.time_limit is not None and seconds > self.ascent.time_limit else ""

    def _judged(self, places: Sequence[Params], state):
        """Return places, their held-out gains, those of the hard designs, and these.

        An encoder may have no value where a parameter is exactly on an edge; it has one a little inside.
        """
        found = []
        for place in places:
            soft, judged, hard = self._held_out(place, state)
            if not np.isfinite(float(soft)):
                place = {name: np.asarray(each) for name, each in self._pulled(place).items()}
                soft, judged, hard = self._held_out(place, state)
            found.append((place, float(soft), float(judged), hard))
        places, soft, judged, hard = map(list, zip(*found, strict=True))
        return places, soft, judged, hard

    def _pulled(self, params: Params) -> Params:
        """Return parameters that move, a little inside of their edges."""
        share = _INSIDE[np.dtype(self._kind).itemsize]
        rates = self.ascent.rates
        return {
            name: self.system.constraints[name].inside(jnp.asarray(each), share) if rates.get(name, 1.0) else each
            for name, each in params.items()
        }

    @partial(jax.jit, static_argnums=0)
    def _slope(self, moving, others, state):
        def gain(moving):
            return self.objective.gain(self._pulled({**others, **moving}), state, self.key)

        return jax.value_and_grad(gain)(moving)

    @partial(jax.jit, static_argnums=0)
    def _held_out(self, params, state):
        hard, gain = self.system.harden(params), self.objective.validation_gain
        soft = gain(params, state, self.key)
        made = any(each.discrete for each in self.system.constraints.values())
        return soft, gain(hard, state, self.key) if made else soft, hard

    @property
    def _kind(self):
        return jnp.zeros(()).dtype

    def _span(self, name: str, value: np.ndarray) -> np.ndarray:
        span = self.system.constraints[name].span(np.asarray(value, np.float64)) * self.ascent.rates.get(name, 1.0)
        return np.asarray(span, self._kind)

    def _packed(self, climbers: list[Climber]) -> dict[str, jax.Array]:
        """Return what climbers know as arrays whose shapes do not change, in the precision that files keep."""
        size = climbers[0].place.size
        pairs = np.zeros((2, len(climbers), PAIRS, size))
        for number, each in enumerate(climbers):
            pairs[0, number, : len(each.steps)] = each.steps
            pairs[1, number, : len(each.steps)] = each.changes
        numbers = [(len(each.steps), each.calm, each.stalled, each.rounds, _ENDINGS.index(each.stopped)) for each in climbers]
        values = [(each.gain, each.first, min(each.promise, _MOST), each.pace, each.reach) for each in climbers]
        found = {
            "places": np.stack([each.place for each in climbers]),
            "slopes": np.stack([each.slope for each in climbers]),
            "pairs": pairs,
            "values": np.array(values),
        }
        return {name: jnp.asarray(each, self._kind) for name, each in found.items()} | {"numbers": jnp.asarray(numbers)}


def _has_no_end(climber: Climber, evaluate, project) -> bool:
    """Tell whether values have grown far beyond their spans, and the gain rises on wherever they are looked at still farther out.

    Spans are often no more than the size of what an ascent begins with, and the optimum may be ten thousand times as large.
    """
    far = np.abs(climber.place) > _BOUNDLESS
    if not far.any():
        return False
    last = climber.gain
    for factor in _BEYOND:
        gain, _ = evaluate(project(np.where(far, factor * climber.place, climber.place)))
        if gain < last:
            return False
        if not np.isfinite(gain):
            break
        last = gain
    return True


def _unpacked(kept: Mapping[str, Any]) -> list[Climber]:
    places, slopes, pairs, values = (np.asarray(kept[name], np.float64) for name in ("places", "slopes", "pairs", "values"))
    found = []
    for number, (count, calm, stalled, rounds, ending) in enumerate(np.asarray(kept["numbers"]).tolist()):
        gain, first, promise, pace, reach = values[number].tolist()
        steps, changes = pairs[:, number, :count]
        here = places[number], gain, slopes[number], first, steps, changes
        found.append(Climber(*here, calm, stalled, rounds, promise, pace, reach, _ENDINGS[ending]))
    return found


class _Space:
    """Places of one start: vectors of what moves, in units of the spans; all else is fixed."""

    def __init__(self, system: ImagingSystem, params: Params, spans: Mapping[str, Any]):
        self.fixed, self._constraints = params, system.constraints
        self._spans = {name: np.asarray(each, np.float64) for name, each in spans.items()}
        self._ends = np.cumsum([each.size for each in self._spans.values()])[:-1]

    def place(self, params: Params) -> np.ndarray:
        """Return the place of parameters, (value,)."""
        return np.concatenate([np.ravel(np.asarray(params[name], np.float64) / span) for name, span in self._spans.items()])

    def slope(self, slopes: Params) -> np.ndarray:
        """Return slopes in parameters as one in the place, (value,)."""
        return np.concatenate([np.ravel(np.asarray(slopes[name], np.float64) * span) for name, span in self._spans.items()])

    def moved(self, place: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters that move."""
        parts = zip(self._spans.items(), np.split(place, self._ends), strict=True)
        return {name: part.reshape(span.shape) * span for (name, span), part in parts}

    def params(self, place: np.ndarray) -> Params:
        """Return all parameters."""
        return {name: np.asarray(each, np.asarray(self.fixed[name]).dtype) for name, each in self.moved(place).items()} | {
            name: each for name, each in self.fixed.items() if name not in self._spans
        }

    def project(self, place: np.ndarray) -> np.ndarray:
        """Return the nearest place that the constraints allow."""
        return self.place({name: self._constraints[name].project(each) for name, each in self.moved(place).items()})

    def lifted(self, place: np.ndarray) -> np.ndarray:
        """Return the place with positive parameters that are tiny in all values made a tenth of their scale, not quite even."""
        params = self.moved(place)
        for name, each in params.items():
            constraint = self._constraints[name]
            if isinstance(constraint, Positive) and np.max(each) < _TINY * constraint.scale:
                uneven = np.linspace(1.0, 1.0 + _LIFTED, each.size).reshape(each.shape)
                params[name] = _LIFTED * constraint.scale * uneven
        return self.place(params)

    def settle(self, place: np.ndarray, share: float) -> np.ndarray:
        """Return the place with values that are next to an edge on it."""
        return self.place({name: self._constraints[name].settle(each, share) for name, each in self.moved(place).items()})


def _arrays(params: Params) -> Params:
    return {name: jnp.asarray(each) for name, each in params.items()}


def _stacked(starts: Sequence[Params]) -> Params:
    return {name: jnp.asarray(np.stack([np.asarray(start[name]) for start in starts])) for name in starts[0]}


def _rows(stacked: Params) -> list[Params]:
    arrays = {name: np.asarray(each) for name, each in stacked.items()}
    count = len(next(iter(arrays.values())))
    return [{name: each[number] for name, each in arrays.items()} for number in range(count)]

"""Steps of a projected quasi-Newton method: up a smooth function whose values obey convex constraints.

A few pairs of steps and of what they did to the slope stand for the curvature (Nocedal 1980; compact form of Byrd, Nocedal and
Schnabel 1994). The next place is where the quadratic model is best among allowed ones, found by spectral projected gradients on
the model, which cost no evaluation (Schmidt, van den Berg, Friedlander and Murphy 2009). What a constraint ends at is met
exactly: shares are 0 and bounds are reached, not approached.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

Project = Callable[[np.ndarray], np.ndarray]
Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]

PAIRS = 10  # of steps and slopes that are remembered
_FIRST = 0.1  # of the unit: the longest change of a value in a first step, before any curvature is known
_LONGER = 4.0  # times that after each step that has shown none
_MOST_REACH = 1e6  # units, or times the largest value where that is more
_FARTHEST = 1.0  # units, or the size of a value where that is more, that a step may change it by
_SUFFICIENT = 1e-4  # of the rise that the slope promises (Armijo)
_HALVINGS = 30
_INNER = 60  # steps on the model
_LENGTHENINGS = 40  # of a step whose longest parts are held by a constraint
_RECENT = 8  # values of the model of which the largest may not be exceeded
_CURVED = 1e-10  # cosine of a step and of the change of slope below which they say nothing of curvature
_PRECISE = 1e-7  # of the largest step on the model: where it ends
_RELATIVE = 1e-6  # of the pace: a step that promises and gives less is none
_FORGOTTEN = 0.8  # of the pace that a step leaves: what a bad start rose by is no measure for long
_LEAST_PACE = 0.01  # of the rise so far
_LEAST_RISE = 1e-3  # of the value: what counts as the rise of one that hardly rose
_CALM = 3  # such steps one after another end the ascent
_STALLED = 6  # steps that keep so little of what they promise end it too, with curvature forgotten half way
_KEPT = 1e-3  # of the promise: a step that gives less has met a kink
_ROUNDING = 16  # units in the last place of the value that no line search can see through


@dataclass
class Climber:
    """One place on its way up.

    Attributes:
        place: (value,), in units of their spans.
        gain: there.
        slope: there, (value,).
        first: gain where it began.
        steps, changes: the remembered pairs, (pair, value), oldest first.
        calm: steps in a row that promised and brought next to nothing.
        stalled: steps in a row that brought next to nothing, or of what they promised.
        rounds: steps that were made.
        promise: what the next step was promised to bring, the last time that one was looked for.
        pace: what steps brought lately, at most, earlier ones counting less and less.
        reach: longest change of a value while no curvature is known.
        stopped: "converged", "stuck" where no step along the slope rises though one should, or "" while it goes on.

    """

    place: np.ndarray
    gain: float
    slope: np.ndarray
    first: float
    steps: np.ndarray
    changes: np.ndarray
    calm: int = 0
    stalled: int = 0
    rounds: int = 0
    promise: float = float("inf")
    pace: float = 0.0
    reach: float = _FIRST
    stopped: str = ""

    @classmethod
    def at(cls, place: np.ndarray, gain: float, slope: np.ndarray) -> "Climber":
        """Return one that begins here."""
        nothing = np.zeros((0, len(place)))
        return cls(place, gain, slope, gain, nothing, nothing)

    @property
    def risen(self) -> float:
        """The rise so far, at least a thousandth of the value."""
        return max(self.gain - self.first, _LEAST_RISE * abs(self.gain))


def next_step(now: Climber, evaluate: Evaluate, project: Project, precision: float) -> Climber:
    """Return where the next step leads: higher, or to the end.

    Args:
        now: where it stands; stays as it is.
        evaluate: gives gain and slope of a place; NaN where it has none.
        project: gives the nearest allowed place.
        precision: relative, of the gain: a unit in the last place.

    """
    pace = max(now.pace, _LEAST_PACE * now.risen)
    little = max(_RELATIVE * pace, _ROUNDING * precision * abs(now.gain))
    model = _Model.of(now, project)
    target = _best_on(model, now.place, -now.slope, project)
    way = target - now.place
    most = float(np.min(np.maximum(_FARTHEST, np.abs(now.place)) / np.maximum(np.abs(way), 1e-300)))
    if most < 1:
        way = most * way
        target = now.place + way
    steep = float(now.slope @ way)
    promise = steep - 0.5 * float(way @ model.times(way))
    found = _search(now, target, steep, evaluate, precision) if steep > 0 else None
    if found is None:
        if len(now.steps) and promise > 0:  # the curvature that is remembered may not be that of this place
            nothing = np.zeros((0, len(now.place)))
            return replace(now, steps=nothing, changes=nothing, promise=promise, reach=_FIRST)
        return replace(now, promise=max(promise, 0.0), stopped=_end(now, promise, little))
    place, gain, slope = found
    rise = gain - now.gain
    calm = now.calm + 1 if max(rise, promise) < little else 0
    stalled = now.stalled + 1 if rise < max(little, _KEPT * promise) else 0
    step = place - now.place
    steps, changes = _remembered(now, step, now.slope - slope)
    if stalled == _STALLED // 2:
        steps = changes = steps[:0]
    stopped = "converged" if calm >= _CALM else _end(now, promise, little) if stalled >= _STALLED else ""
    reach = _FIRST
    if not len(steps):
        longest = float(np.abs(step).max()) if len(now.steps) else now.reach
        reach = min(_LONGER * longest, _MOST_REACH * max(1.0, float(np.abs(place).max())))
    pace = max(rise, _FORGOTTEN * now.pace)
    counts = calm, stalled, now.rounds + 1
    return Climber(place, gain, slope, now.first, steps, changes, *counts, promise, pace, reach, stopped)


def _end(now: Climber, promise: float, little: float) -> str:
    """Return how an ascent ends whose steps bring nothing: at the limit of precision, or where the gain is not smooth."""
    return "converged" if promise <= max(_LEAST_RISE * now.risen, little) else "stuck"


def _search(now: Climber, target: np.ndarray, steep: float, evaluate: Evaluate, precision: float):
    """Return a place on the way to a target that rises enough, its gain and its slope; None where there is none."""
    share, noise = 1.0, _ROUNDING * precision * abs(now.gain)
    for _ in range(_HALVINGS):
        place = target if share == 1 else now.place + share * (target - now.place)
        if np.array_equal(place, now.place):
            return None
        gain, slope = evaluate(place)
        finite = np.isfinite(gain) and np.isfinite(slope).all()
        if finite and gain >= now.gain + _SUFFICIENT * share * steep and gain > now.gain:
            return place, gain, slope
        if share * steep < noise:
            return None
        fitted = 0.25
        if finite and (bend := now.gain + share * steep - gain) > 0:  # the top of a parabola through what is known
            fitted = 0.5 * share * steep / bend
        share *= float(np.clip(fitted, 0.1, 0.5))
    return None


def _remembered(now: Climber, step: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs with one more, without the oldest where they are too many; a pair of no curvature is left out.

    None is left where the slope has grown along the step: what was curved before is not so here, and steps by the old curvature
    would be far too short, as those of shutters that open in turn.
    """
    bend = float(step @ change)
    least = _CURVED * np.linalg.norm(step) * np.linalg.norm(change)
    if bend < -least:
        return now.steps[:0], now.changes[:0]
    if not bend > least:
        return now.steps, now.changes
    return np.vstack([now.steps, step])[-PAIRS:], np.vstack([now.changes, change])[-PAIRS:]


@dataclass(frozen=True)
class _Model:
    """The curvature B of minus the gain: scale I less a matrix of low rank.

    Attributes:
        scale: of the identity.
        wide: (2 pair, value).
        middle: (2 pair, 2 pair): B = scale I - wide^T middle^-1 wide.
        steps, changes: the pairs.

    """

    scale: float
    wide: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    middle: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(cls, now: Climber, project: Project) -> "_Model":
        steps, changes = now.steps, now.changes
        if not len(steps):
            return cls(_scale_of_reach(now, project))
        inner = steps @ changes.T
        scale = float(changes[-1] @ changes[-1]) / inner[-1, -1]
        lower = np.tril(inner, -1)
        middle = np.block([[scale * steps @ steps.T, lower], [lower.T, -np.diag(np.diag(inner))]])
        return cls(scale, np.vstack([scale * steps, changes]), middle)

    def times(self, vector: np.ndarray) -> np.ndarray:
        """Return B vector."""
        if not len(self.wide):
            return self.scale * vector
        return self.scale * vector - self.wide.T @ np.linalg.solve(self.middle, self.wide @ vector)

    def solve(self, vector: np.ndarray) -> np.ndarray:
        """Return B^-1 vector, by the formula of Woodbury."""
        if not len(self.wide):
            return vector / self.scale
        inner = self.middle - self.wide @ self.wide.T / self.scale
        return vector / self.scale + self.wide.T @ np.linalg.solve(inner, self.wide @ vector) / self.scale**2


def _scale_of_reach(now: Climber, project: Project) -> float:
    """Return the curvature by which a step along the slope changes some value by about the reach.

    Values that a constraint holds have the largest slopes, often, and are not counted: the step is looked at after projection.
    """
    scale = max(float(np.abs(now.slope).max()) / now.reach, 1e-300)
    for _ in range(_LENGTHENINGS):
        moved = float(np.abs(project(now.place + now.slope / scale) - now.place).max())
        if moved >= 0.5 * now.reach or not moved > 0:
            break
        longer = project(now.place + now.slope / (0.5 * scale)) - now.place
        if not float(np.abs(longer).max()) > moved:
            break
        scale *= 0.5
    return scale


def _best_on(model: _Model, place: np.ndarray, fall: np.ndarray, project: Project) -> np.ndarray:
    """Return about the allowed place where fall (x - place) + (x - place) B (x - place) / 2 is least.

    Args:
        model: of B.
        place: where the quadratic is taken.
        fall: slope of minus the gain there.
        project: gives the nearest allowed place.

    """

    def value(at):
        curved = model.times(at - place)
        return float((fall + 0.5 * curved) @ (at - place)), fall + curved

    begins = [project(place - fall / model.scale), project(place - model.solve(fall))]
    looked = [value(each) for each in begins]
    first = int(np.argmin([each for each, _ in looked]))
    at, (now, slope), rate = begins[first], looked[first], 1 / model.scale
    best, lowest, recent = at, now, [now]
    for _ in range(_INNER):
        target = project(at - rate * slope)
        away = target - at
        if np.abs(away).max() <= _PRECISE * np.abs(at - place).max():
            break
        down, after = float(slope @ away), value(target)
        if not down < 0:
            break
        if after[0] > max(recent) + _SUFFICIENT * down:  # else the whole step, which meets constraints exactly
            bend = float(away @ model.times(away))
            if not bend > 0:
                break
            target = at + min(1.0, -down / bend) * away
            after = value(target)
        step, change = target - at, after[1] - slope
        turned = float(step @ change)
        rate = float(step @ step) / turned if turned > 0 else 1 / model.scale
        at, (now, slope) = target, after
        recent = [*recent, now][-_RECENT:]
        if now <= lowest:
            best, lowest = at, now
    return best

"""Whether an ascent has arrived: when it may end, and what is said of one that ended before."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ideal.health import Finding
from ideal.optimize._contract import Objective
from ideal.optimize.ascent.moment import Moment

if TYPE_CHECKING:
    from ideal.optimize.ascent.settings import Ascent

_FEWEST = 5  # records through which a line can be laid that tells a rise from chance
_LEVEL = 1e-3  # of the rise: what the last third of the records may bring of it where an ascent is over
# Of the rise: what the last third has to bring for an ascent to be called unfinished. A line search that has arrived ends by
# itself; one that has not may creep, and much more be missing than it brought lately.
_RISING = {"line-search": 1e-4, "adam": 3e-3}
_LEAST_RISE = 1e-3  # of the value: what counts as the rise of one that hardly rose
_SURE = 2.0  # standard errors


def is_level(history: list[dict[str, Any]]) -> bool:
    """Tell whether no start rises any more, for held-out objects: not by a thousandth of the best rise in a third of the records.

    A line through the last third of the records gives the rise with a standard error, twice which is added: where chance is
    larger than the rise that counts, an ascent goes on.

    Args:
        history: records of all chunks of steps.

    """
    gains = np.array([record["held_out_gain"] for record in history], dtype=float)
    if len(gains) < 2 * _FEWEST or not np.isfinite(gains).all():
        return False
    window = max(_FEWEST, len(gains) // 3)
    best = int(np.argmax(gains[-1]))
    risen = max(gains[-1, best] - gains[0, best], _LEAST_RISE * abs(gains[-1, best]))
    return all(abs(rise) + _SURE * error < _LEVEL * risen for rise, error in (_rise(each[-window:]) for each in gains.T))


def _rise(values: np.ndarray) -> tuple[float, float]:
    """Return the rise of a line through values (record,) and its standard error; the difference of the ends of few."""
    if len(values) < _FEWEST:
        return float(values[-1] - values[0]), 0.0
    place = np.linspace(-0.5, 0.5, len(values))
    slope = float(place @ values / (place @ place))
    rest = values - values.mean() - slope * place
    return slope, float(np.sqrt(rest @ rest / (len(values) - 2) / (place @ place)))


def last_third(gains: list[float], steps: list[int]) -> tuple[float, float, float]:
    """Return what the last third of an ascent's steps brought, its standard error, and what all brought, at least a thousandth.

    Args:
        gains: at `steps`, the beginning where it is known included.
        steps: after which.

    """
    values, at = np.asarray(gains, dtype=float), np.asarray(steps)
    first = min(int(np.flatnonzero(at <= max(at[-1] * 2 / 3, at[0]))[-1]), len(values) - 2)
    rise, error = _rise(values[max(first, 0) :])
    return rise, error, max(float(values[-1] - values[0]), _LEAST_RISE * abs(float(values[-1])))


def findings_of(objective: Objective, ascent: "Ascent", now: Moment, method: str) -> tuple[Finding, ...]:
    """Return what a user should know of how an ascent ended: that it was still rising, and by how much.

    Args:
        objective: what was raised.
        ascent: how.
        now: its end.
        method: "line-search" or "adam".

    """
    found, unit = [], objective.unit
    if now.stopped in ("steps", "patience", "time"):
        found += _unfinished(objective, ascent, now, method)
    if now.stopped == "unbounded":
        found.append(
            Finding(
                "ascent-unbounded",
                "note",
                f"the gain still rose when a parameter had grown without limit ({_largest(objective, now)})",
                "there is no best design, and this one is arbitrary",
                "bound the parameter (constraint bounded or unit-sum), or keep it as it is (--rate NAME=0)",
                {"steps": now.step},
            )
        )
    if now.stopped == "stuck":
        promise = float(now.history[-1]["promise"][now.best_start])
        found.append(
            Finding(
                "ascent-stuck",
                "note",
                f"after {now.step} steps no step along the slope raised the gain, though one should bring {promise:.3g} {unit}",
                "the encoder is not smooth there, or its derivative is wrong, and the design may be below its best",
                "mend the encoder, or take the other method (--method adam)",
                {"steps": now.step, "promise": promise},
            )
        )
    if method == "line-search" and now.best_step < now.step:
        end = max(now.history[-1]["hard_gain"])
        found.append(
            Finding(
                "ascent-overfit",
                "note",
                f"for held-out objects the design after {now.best_step} steps was above that of the end by "
                f"{now.best_gain - end:.3g} {unit}, and is kept",
                "the objects to design for are too few for as many parameters",
                "take more objects (--count)",
                {"steps": now.step, "step": now.best_step, "difference": now.best_gain - end},
            )
        )
    return tuple(found)


def _unfinished(objective: Objective, ascent: "Ascent", now: Moment, method: str) -> list[Finding]:
    """Return a finding where the last third of the steps still brought something."""
    steps, gains = _course(objective, now, method)
    if len(gains) < 2:
        return []
    rise, error, risen = last_third(gains, steps)
    if rise - _SURE * error < _RISING[method] * risen:
        return []
    whose = "for the objects that it is made for" if method == "line-search" else "for held-out objects"
    why, effect, remedy = {
        "steps": (
            "its steps were used up",
            "the design is below its best by about as much or more",
            f"take more steps (--steps {3 * now.step})",
        ),
        "time": (
            "its time was used up",
            "the design is below its best by about as much or more",
            "give it more time (--time-limit)",
        ),
        "patience": (
            "for held-out objects nothing had grown for long",
            "the design may begin to suit these objects alone",
            "take more objects (--count), or more patience (--patience 1)",
        ),
    }[now.stopped]
    share = min(rise / risen, 1.0)
    text = (
        f"the ascent ended after {now.step} steps, since {why}, and still rose: by {rise:.3g} {objective.unit} {whose} in the "
        f"last third of its steps, {share:.2g} of all that it rose"
    )
    figures = {"steps": now.step, "rise_in_last_third": rise, "share_of_rise": share, "stopped": now.stopped}
    return [Finding("ascent-unfinished", "note", text, effect, remedy, figures)]


def _course(objective: Objective, now: Moment, method: str) -> tuple[list[int], list[float]]:
    """Return steps and the gains there by which an ascent's progress is judged, of the best start."""
    start, history = now.best_start, now.history
    steps = [record["step"] for record in history]
    if method == "line-search":
        first = float(np.asarray(now.optimiser["values"])[start, 1])
        return [0, *steps], [first, *(record["gain"][start] for record in history)]
    if objective.every:
        judged = [(record["step"], record["gain_by_new_fit"][0]) for record in history if "gain_by_new_fit" in record]
        judged += [(record["step"], record["gain_by_last_fit"]) for record in history if "gain_by_last_fit" in record]
        return [step for step, _ in judged], [gain for _, gain in judged]
    return steps, [record["hard_gain"][start] for record in history]


def _largest(objective: Objective, now: Moment) -> str:
    """Return the parameter that is largest in units of its span, and its value."""
    params = {name: np.asarray(each)[now.best_start] for name, each in now.free.items() if name in now.optimiser["spans"]}
    sizes = {
        name: float(np.abs(each / np.asarray(now.optimiser["spans"][name])[now.best_start]).max())
        for name, each in params.items()
    }
    name = max(sizes, key=lambda each: sizes[each])
    return f"{name} up to {np.abs(params[name]).max():.3g}"

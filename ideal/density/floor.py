"""A floor under a density: what it may cost at most to meet values unlike all that a model was fitted to.

A model fitted to smooth pictures charges a sharp one thousands of bits for each pixel, where the range of the values tells at
most a dozen. So each value given those before it comes from the model or from a floor, a broad density of single values. Which
of them gives the next value is learned from those before it: a hidden Markov chain of a few states, after the fixed share of
Herbster and Warmuth (Machine Learning 32, 1998). Each factor is normalised, and so is their product: it still bounds the entropy.
"""

from dataclasses import dataclass, fields

import numpy as np

from ideal._levels import level_distance
from ideal.density.gaussian.moments import flatten
from ideal.errors import DataError

_SURPRISE = 1e-6  # chance, for each value, that the model ends to hold; twice it, in nats, is what the floor costs right data
_CHANGE = 0.03  # chance to go from the floor back to the model or to another floor, and from the model again to a floor
_BINS = 8, 256  # of the histogram, fewest and most
_REACH = 40.0  # half distances of the quartiles: values further from them have no part in the histogram
_HALF_COUNT = 0.5  # in each bin beside the values seen


@dataclass(frozen=True, eq=False)
class Floor:
    """Broad densities of single values: a histogram of training values, a Cauchy density, a uniform one over what can be stored.

    Values of one kind (a channel of images, each real value of vectors) share a row of the arrays. On quantised values all are
    constant over a step, so that they are densities of dequantised values and, at the levels, probabilities over the step.

    Attributes:
        step, origin: distance of neighbouring levels, 0 for continuous values, and one of the levels.
        start: lower end of the histogram of each kind, (kind,).
        width: of its bins, (kind,).
        log_density: logarithms of the histograms, (kind, bin).
        centre, scale: of the Cauchy densities, (kind,).
        span: lower and upper end of what can be stored, half a step beyond the last levels; empty where that is not known.

    """

    step: float
    origin: float
    start: np.ndarray
    width: np.ndarray
    log_density: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    span: np.ndarray

    def __post_init__(self):
        rows = {len(getattr(self, name)) for name in ("start", "width", "log_density", "centre", "scale")}
        positive = (self.width > 0).all() and (self.scale > 0).all() and self.step >= 0
        if len(rows) != 1 or self.log_density.ndim != 2 or len(self.span) not in (0, 2) or not positive:
            raise DataError("the floor of the model is damaged: its arrays do not fit each other; fit the model again")

    @classmethod
    def fit(
        cls, values: np.ndarray, *, step: float = 0.0, origin: float = 0.0, span: tuple[float, float] | None = None
    ) -> "Floor":
        """Return the floor of training values.

        Args:
            values: measurements (sample, row, column[, channel]), (sample, value) or complex (sample, value).
            step: distance of neighbouring levels of quantised values, dequantised or not; 0 where they are continuous.
            origin: one of the levels.
            span: lower and upper end of what the stored type can hold, half a step beyond its last levels; None where that is
                not known.

        """
        values = _by_kind(values)
        count, kinds = values.shape
        if step:  # levels and dequantised values alike, in the middle of their cells
            values = origin + step * np.round((values - origin) / step)
        low, high = values.min(0), values.max(0)
        quartiles = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        between = quartiles[2] - quartiles[0]
        least = np.maximum(step, 1e-12 * np.abs(values).max(0))
        least[least == 0] = 1.0
        scale = np.maximum(np.where(between > 0, between / 2, 0.1 * values.std(0)), least)
        # A single value far from all others must not make the bins as wide as its distance.
        low, high = np.maximum(low, quartiles[0] - _REACH * scale), np.minimum(high, quartiles[2] + _REACH * scale)
        if step:
            low, high = (origin + step * np.round((end - origin) / step) for end in (low, high))
        bins = int(np.clip(np.sqrt(count), *_BINS))
        # Rounded values of continuous noise: a bin narrower than their distance would take the mass of a level for a density.
        grid = np.array(
            [
                step or level_distance(column[(column >= a) & (column <= b)])
                for column, a, b in zip(values.T, low, high, strict=True)
            ]
        )
        on_grid = grid > 0
        apart = np.where(on_grid, grid, 1.0)
        width = np.where(
            on_grid,
            apart * np.ceil((high - low + apart) / (apart * bins)),
            np.maximum((high - low) * (1 + 1e-9), least) / bins,
        )
        start = np.where(on_grid, low - apart / 2, low)
        place = np.floor((values - start) / width)
        held = (place >= 0) & (place < bins)
        counts = np.zeros((kinds, bins))
        np.add.at(counts, (np.broadcast_to(np.arange(kinds), place.shape)[held], place[held].astype(int)), 1.0)
        counts += _HALF_COUNT
        log_density = np.log(counts / counts.sum(1, keepdims=True) / width[:, None])
        ends = np.array(() if span is None else span, dtype=np.float64)
        return cls(step, origin, start, width, log_density, quartiles[1], scale, ends)

    def log_densities(self, values: np.ndarray) -> np.ndarray:
        """Return ln of each floor's density of each real value.

        Args:
            values: (sample, value), real, their kinds taking turns.

        Returns:
            (floor, sample, value); -inf where a floor says that a value cannot be.

        """
        kind = np.arange(values.shape[1]) % len(self.start)
        inside = np.floor((values - self.start[kind]) / self.width[kind])
        bins = self.log_density.shape[1]
        held = (inside >= 0) & (inside < bins)
        histogram = np.where(held, self.log_density[kind, np.where(held, inside, 0).astype(int)], -np.inf)
        found = [histogram, self._log_cauchy(values, self.centre[kind], self.scale[kind])]
        if len(self.span):
            low, high = self.span
            found.append(np.where((values >= low) & (values <= high), -np.log(high - low), -np.inf))
        return np.stack(found)

    def _log_cauchy(self, values, centre, scale) -> np.ndarray:
        if not self.step:
            return -np.log(np.pi * scale) - np.log1p(((values - centre) / scale) ** 2)
        level = self.origin + self.step * np.round((values - self.origin) / self.step)
        low, high = ((level + side * self.step - centre) / scale for side in (-0.5, 0.5))
        # The difference of two arcs, by the tangent of a difference: it keeps its digits far from the centre.
        return np.log(np.arctan2(high - low, 1 + low * high) / (np.pi * self.step))

    def conditional_log_prob(self, conditional: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ln q of each value given those before it, with the floor, and how far the floor gave it.

        Args:
            conditional: ln q of each value given those before it by the model, nats, (sample, value).
            values: the values, real, (sample, value).

        Returns:
            Nats, (sample, value), and the weight of the floor in what is known after each value, (sample, value).

        """
        return self.mix(conditional, self.log_densities(values))

    @staticmethod
    def mix(conditional: np.ndarray, floors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what `conditional_log_prob` does, for floors' log-densities (floor, sample, value).

        The states are the model in calm, the model in alarm, and the floors. A calm model fails with a chance of 1e-6 a value, or
        at once with that of a whole measurement; after it has failed once, changes are cheap.
        """
        count, length = conditional.shape
        kinds = len(floors)
        logs = np.concatenate([np.where(np.isnan(conditional), -np.inf, conditional)[None], floors]).transpose(2, 0, 1)
        highest = logs.max(1)
        weights = np.exp(logs - highest[:, None])  # (value, 1 + floor, sample)
        step = np.zeros((2 + kinds, 2 + kinds))  # from, to
        step[0, 0], step[0, 2:] = 1 - _SURPRISE, _SURPRISE / kinds
        step[1, 1], step[1, 2:] = 1 - _CHANGE, _CHANGE / kinds
        step[2:, 1] = step[2:, 2:] = _CHANGE / kinds
        step[range(2, 2 + kinds), range(2, 2 + kinds)] = 1 - _CHANGE
        first = min(_SURPRISE * length, 0.5)
        known = np.zeros((2 + kinds, count))
        known[0], known[2:] = 1 - first, first / kinds
        found, share = np.empty((length, count)), np.empty((length, count))
        for place in range(length):
            joint = step.T @ known if place else known
            joint[:2] *= weights[place, 0]
            joint[2:] *= weights[place, 1:]
            total = joint.sum(0)
            known = joint / total
            found[place] = highest[place] + np.log(total)
            share[place] = known[2:].sum(0)
        return found.T, share.T

    def to_state(self) -> dict[str, np.ndarray]:
        """Return the arrays that make up the floor."""
        return {item.name: np.asarray(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> "Floor":
        """Rebuild a floor from `to_state`.

        Raises:
            DataError: an array is missing or does not fit the others.

        """
        try:
            arrays = {item.name: np.asarray(state[item.name], dtype=np.float64) for item in fields(cls)}
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the floor of the model is damaged ({error}): fit the model again") from error
        return cls(float(arrays.pop("step")), float(arrays.pop("origin")), **arrays)


def _by_kind(values) -> np.ndarray:
    """Return values as (value, kind)."""
    array = np.asarray(values)
    kinds = 1 if array.ndim == 3 else array.shape[3] if array.ndim == 4 else None
    rows = flatten(array)
    return rows if kinds is None else rows.reshape(-1, kinds)

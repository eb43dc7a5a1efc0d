"""A density made of an anchor, a network and a mixture for each value: what the trained models have in common."""

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import jax
import numpy as np
from scipy.special import logsumexp

from ideal._documents import loads
from ideal._random import generator
from ideal._shapes import rows_and_columns
from ideal.density._contract import _NONE, Density
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR, Fitting, Sensor
from ideal.density._known_noise import one_map
from ideal.density.gaussian.moments import batches
from ideal.density.gaussian.stationary import StationaryGaussian
from ideal.density.networks import mixture
from ideal.density.networks.anchor import Anchor
from ideal.density.networks.training import Schedule, train
from ideal.errors import DataError, UsageError

_BLOCK_VALUES = 2**16  # of one forward pass
_HELD_OUT = 2**22  # values by which training is watched
_AGAIN = 0.3  # of the learning rates, where weights are trained already
_COARSE, _MANY = 1.5, 0.02  # steps of deviation, share of values: where more have less, training needs the exact mass


@dataclass(frozen=True)
class Beginning:
    """What training goes on from.

    Attributes:
        network: see `ideal.density.networks.neighbourhood.NeighbourhoodNetwork`.
        params: its weights.

    """

    network: Any
    params: Any


class NetworkDensity(Density):
    """A mixture of Gaussians for each value given those before it, its numbers from a network.

    Values are transformed so that their noise has about the same variance everywhere and standardised; a Gaussian model predicts
    each from those before it; the network moves, widens and splits that prediction. Quantised values get the mixture's mass in
    their cell, continuous ones its density.

    Args:
        anchor: transform and Gaussian prediction.
        network: see `ideal.density.networks.neighbourhood.NeighbourhoodNetwork`.
        params: its weights.
        shape: of one measurement that it was fitted to.
        class_weights: frequency of each class of labels; empty where it is not conditional.

    """

    discrete = True
    conditional = True
    trained = True
    network_type: ClassVar[type]

    def __init__(self, anchor: Anchor, network, params, shape: tuple[int, ...], class_weights=()):
        self.anchor, self.network, self.params = anchor, network, params
        self.shape = tuple(shape)
        self.class_weights = np.asarray(class_weights, dtype=np.float64)
        self.noise = anchor.gaussian.noise  # on its standardised scale

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Accept images."""
        return len(shape) in (2, 3) and not is_complex

    @classmethod
    @abstractmethod
    def _plan(cls, effort: float, samples: int, shape: tuple[int, int, int], **known) -> tuple[Any, Schedule]:
        """Return the network and its training for measurements (row, column, channel)."""

    @classmethod
    def fit(
        cls,
        key,
        train: np.ndarray,
        validation: np.ndarray,
        *,
        fitted=_NONE,
        sensor: Sensor = PLAIN_SENSOR,
        fitting: Fitting = DEFAULT_FITTING,
        labels: tuple[np.ndarray, np.ndarray] | None = None,
        start: Beginning | None = None,
        sigmas: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Self:
        """Fit by gradient descent on the training loss; the weights with the lowest validation loss are kept.

        Args:
            key: of initial weights and order of samples.
            train: measurements (sample, row, column[, channel]).
            validation: other measurements.
            fitted: not used; the anchor is fitted on a scale of its own.
            sensor: levels, noise variance and mosaic.
            fitting: effort, time limit, checkpoint, progress.
            labels: of the training and of the validation measurements, whole numbers from 0, for a conditional density.
            start: a model fitted to like measurements, of this shape, sensor and classes, whose network and weights this fit
                begins with; the Gaussian prediction is fitted anew.
            sigmas: see `ideal.density.Density.fit`. The Gaussian prediction knows the noise of each, and the network is given its
                deviation.

        """
        anchor = Anchor.fit(train, validation, sensor, sigmas)
        rng = generator(key)
        shape = tuple(train.shape[1:])
        full_shape = shape if len(shape) == 3 else (*shape, 1)
        counts = np.zeros(0) if labels is None else np.bincount(labels[0])
        if labels is not None and max(labels[1].max(), 0) >= len(counts):
            raise DataError("a class of the validation labels is missing from the training labels: measure more of it")
        network, schedule = cls._plan(
            fitting.effort,
            train.shape[0],
            full_shape,
            phases=int(np.prod(sensor.period)),
            classes=len(counts),
            positions=full_shape[:2] if anchor.registered else None,
        )
        if start is None:
            params = network.init(rng)
        else:
            network, params = start.network, start.params
            schedule = replace(schedule, peak=_AGAIN)
        constants = {}
        if sigmas is None:
            constants["log_deviation"] = anchor.log_deviation(full_shape[:2]).astype(np.float32)
            floor = anchor.log_floor(full_shape[:2])
            if floor is not None:
                constants["log_floor"] = floor.astype(np.float32)
        if sensor.period != (1, 1):
            constants["phase"] = anchor.phase(full_shape[:2])
        # A density at a limit is not the mass of all that lies beyond.
        exact = sensor.step > 0 and (_is_coarse(sensor, validation) or bool(sensor.at_limit(validation).any()))
        # No more samples are held than training will see, and of validation no more than tell a loss.
        visited = schedule.steps * schedule.batch
        chosen = np.arange(train.shape[0])
        if len(chosen) > visited:
            chosen = np.sort(rng.choice(len(chosen), visited, replace=False))
        spread = np.linspace(0, len(validation) - 1, min(len(validation), 64 + _HELD_OUT // int(np.prod(shape)))).astype(int)
        validation = np.asarray(validation)[spread]
        if sigmas is None:
            data = _arrays(anchor, _taken(batches(train), chosen), exact)
            held_out = _arrays(anchor, [validation], exact)
        else:
            data = _arrays_with_noise(anchor, np.asarray(train)[chosen], np.asarray(sigmas[0])[chosen])
            held_out = _arrays_with_noise(anchor, validation, np.asarray(sigmas[1])[spread])
        if anchor.mirrored and labels is None and len(chosen) < visited:
            mirrored = (batch[:, :, ::-1] for batch in _taken(batches(train), chosen))
            data = tuple(np.concatenate(pair) for pair in zip(data, _arrays(anchor, mirrored, exact), strict=True))
        if labels is not None:
            data = (*data, _one_hot(np.asarray(labels[0])[chosen], len(counts)))
            held_out = (*held_out, _one_hot(np.asarray(labels[1])[spread], len(counts)))
        units = np.broadcast_to(anchor.log_unit(validation, exact=exact), held_out[0].shape)
        loss = _Loss(network, exact, labels is not None, sigmas is not None)
        params, _ = train_network(
            loss,
            params,
            constants,
            data,
            held_out,
            schedule,
            key=rng,
            name=cls.name,
            scale=float(np.prod(full_shape)),
            offset=-float(units.sum((1, 2, 3)).mean()),
            fitting=fitting,
        )
        weights = np.zeros(0) if labels is None else (counts + 1.0) / (counts + 1.0).sum()
        return cls(anchor, network, params, shape, weights)

    @property
    def _fixed(self) -> bool:
        """Whether the model knows measurements of one size only, each place in them apart."""
        return not self.anchor.stationary or getattr(self.network, "positions", None) is not None

    def _check(self, measurements) -> np.ndarray:
        array = np.asarray(measurements, dtype=np.float64)
        if array.ndim != len(self.shape) + 1 or array.shape[3:] != self.shape[2:]:
            raise DataError(f"measurements of shape {array.shape} do not fit a model of images {self.shape}")
        if self._fixed and array.shape[1:] != self.shape:
            raise DataError(f"measurements have shape {array.shape[1:]}, the model knows {self.shape} only")
        sensor = self.anchor.sensor
        if sensor.step and (array < sensor.lowest - sensor.slack).any():
            raise DataError(f"a model of values from {sensor.lowest:g} was given {array.min():g}")
        if sensor.step and (array > sensor.highest + sensor.slack).any():
            raise DataError(f"a model of values up to {sensor.highest:g} was given {array.max():g}")
        if sensor.step == 1 and sensor.lowest == 0 and (np.abs(array - np.round(array)) > 1e-6).any():
            raise DataError("a model of counts was given values that are not whole")
        return array

    def _outputs(self, sites, log_deviation, labels) -> np.ndarray:
        """Return the network's numbers for some measurements, in blocks of one size that is compiled once."""
        count, shape = len(sites.values), sites.values.shape[1:]
        size = _block_size(count, max(1, _BLOCK_VALUES // int(np.prod(shape))))
        phase = self.anchor.phase(shape[:2]) if self.anchor.sensor.period != (1, 1) else None
        found = []
        for start in range(0, count, size):
            part = slice(start, start + size)
            arrays = [_padded(array[part].astype(np.float32), size) for array in (sites.values, sites.mean)]
            condition = None
            if len(self.class_weights):
                condition = _padded(_one_hot(labels[part], len(self.class_weights)), size)
            own = log_deviation.astype(np.float32)
            own = own if own.ndim == 3 else _padded(own[part], size)
            outputs = _forward(self.network, self.params, *arrays, own, phase, condition)
            found.append(np.asarray(outputs)[:, : min(size, count - start)])
        return np.concatenate(found, axis=1)

    def _value_log_prob(self, measurements: np.ndarray, labels=None, *, window: bool = False, sigma=None) -> np.ndarray:
        """Return ln q of each value given those before it, (sample, row, column, channel), in blocks of bounded memory."""
        size = max(1, 4 * _BLOCK_VALUES // int(np.prod(measurements.shape[1:])))
        found = np.empty((*measurements.shape[:3], self.anchor.location.shape[2]))
        for start in range(0, len(measurements), size):
            part = slice(start, start + size)
            own = None if sigma is None else sigma[part]
            sites, log_deviation = self.anchor.sites(measurements[part], window=window, sigma=own)
            outputs = self._outputs(sites, log_deviation, None if labels is None else labels[part])
            floor = self.anchor.log_floor(measurements.shape[1:3], own)
            log_prob = mixture.log_prob(outputs, sites.mean, log_deviation, sites.values, sites.edges, floor)
            found[part] = log_prob + self.anchor.log_unit(measurements[part], exact=sites.edges is not None)
        return found

    def _sigma(self, array: np.ndarray, sigma) -> np.ndarray | None:
        """Return the deviations of the noise in measurements, of their shape; None where the model does not know it apart."""
        if self.noise is None:
            return None
        if sigma is None:
            one_map(self.noise)
            return None
        return np.broadcast_to(np.asarray(sigma, dtype=np.float64), array.shape)

    def conditional_log_prob(self, measurements, sigma=None, labels=None) -> np.ndarray:
        """Return ln q(value | the values before it), nats, of the shape of the measurements.

        Args:
            measurements: (sample, row, column[, channel]), of any size where the model has no fixed places.
            sigma: see `ideal.density.Density.log_prob`.
            labels: class of each, (sample,), for a conditional model.

        """
        array = self._check(measurements)
        sigma = self._sigma(array, sigma)
        if len(self.class_weights) and labels is None:
            raise UsageError("a conditional model needs the label of each measurement")
        labels = None if labels is None else np.asarray(labels)
        return self._value_log_prob(array, labels, sigma=sigma).reshape(array.shape)

    def log_prob(self, measurements, labels=None, sigma=None) -> np.ndarray:
        """Return the log-density in nats per measurement.

        A conditional model without labels gives that of its average over the classes.
        """
        array = self._check(measurements)
        if len(self.class_weights) and labels is None:
            return logsumexp(self.log_prob_by_class(array, sigma) + np.log(self.class_weights), axis=1)
        labels = None if labels is None else np.asarray(labels)
        return self._value_log_prob(array, labels, sigma=self._sigma(array, sigma)).sum((1, 2, 3))

    def log_prob_by_class(self, measurements, sigma=None) -> np.ndarray:
        """Return ln q(measurement | class) for every class, (sample, class)."""
        count, classes = len(np.asarray(measurements)), range(len(self.class_weights))
        return np.stack([self.log_prob(measurements, np.full(count, each), sigma) for each in classes], axis=1)

    def floored(self, measurements, keep=None, **noise) -> tuple[np.ndarray, np.ndarray]:
        """Return `floored_log_prob` and the floor's share; a conditional model's average is taken as a whole."""
        if len(self.class_weights) and self.floor is not None:
            return self._on_floor(self.floor, None, measurements, keep, **noise)
        return super().floored(measurements, keep, **noise)

    def floored_by_class(self, measurements) -> np.ndarray:
        """Return what `log_prob_by_class` does, upon the model's floor."""
        floor = self.floor
        if floor is None:
            return self.log_prob_by_class(measurements)
        count = len(np.asarray(measurements))
        every = (np.full(count, each) for each in range(len(self.class_weights)))
        conditionals = (self.conditional_log_prob(measurements, labels=labels) for labels in every)
        parts = [self._on_floor(floor, each, measurements)[0] for each in conditionals]
        return np.stack(parts, axis=1)

    def interior_log_prob(self, measurements, sigma=None) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        """Return ln q of each pixel given its past in the causal window's box; None where places are fixed."""
        # A map of noise fixes places, not the field: each pixel is then given all its past.
        gaussian = self.anchor.gaussian
        fixed = getattr(self.network, "positions", None) is not None or len(self.class_weights)
        if fixed or not isinstance(gaussian, StationaryGaussian):
            return None
        array = self._check(measurements)
        rows, columns = gaussian.causal_window.interior_slices(array.shape[1:3])
        return self._value_log_prob(array, window=True, sigma=self._sigma(array, sigma))[:, rows, columns].sum(-1), (
            rows,
            columns,
        )

    def sample(self, key, count: int, shape: tuple[int, int] | None = None, labels=None) -> np.ndarray:
        """Draw measurements value by value.

        Args:
            key: see `ideal.density.Density.fit`.
            count: number of measurements.
            shape: (row, column); None for that of the measurements that the model was fitted to.
            labels: class of each, (count,), for a conditional model; None to draw them too.

        """
        rng = generator(key)
        drawing = self.drawing(rng, count, shape or rows_and_columns(self.shape), labels)
        return draw_in_order(drawing, count, (*(shape or self.shape[:2]), *self.shape[2:]))

    def drawing(self, rng: np.random.Generator, count: int, shape: tuple[int, int], labels=None) -> "Drawing":
        """Return what draws images value by value; arguments as of `sample`."""
        if self._fixed and tuple(shape) != self.shape[:2]:
            raise UsageError(
                f"the model knows images of {self.shape[0]}x{self.shape[1]} pixels only, found {shape[0]}x{shape[1]}"
            )
        if self.noise is not None and len(self.noise) > 1:
            raise UsageError(
                f"the model {self.name} was fitted under noise that differs from sample to sample, and draws under one map only: "
                "draw from the model full or stationary"
            )
        anchor, condition = self.anchor, None
        if len(self.class_weights):
            labels = rng.choice(len(self.class_weights), count, p=self.class_weights) if labels is None else np.asarray(labels)
            condition = _one_hot(labels, len(self.class_weights))
        log_deviation = anchor.log_deviation(shape)
        phase = anchor.phase(shape) if anchor.sensor.period != (1, 1) else None
        stepper = self.network.stepper(self.params, count, shape, log_deviation, phase, condition)
        return Drawing(anchor, anchor.sequence(count, shape), stepper, log_deviation, anchor.log_floor(shape), rng)

    def _state(self) -> dict[str, np.ndarray]:
        leaves = jax.tree.leaves(self.params)
        return {
            "network": np.array(json.dumps(asdict(self.network)).encode()),
            "shape": np.array(self.shape),
            "class_weights": self.class_weights,
            **{f"anchor_{name}": array for name, array in self.anchor.state().items()},
            **{f"weight_{number:03d}": np.asarray(leaf) for number, leaf in enumerate(leaves)},
        }

    @classmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        settings = loads(bytes(np.asarray(state["network"])[()]))
        settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
        network = cls.network_type(**settings)
        empty = network.init(np.random.default_rng(0))
        leaves = [state[name] for name in sorted(name for name in state if name.startswith("weight_"))]
        params = jax.tree.unflatten(jax.tree.structure(empty), leaves)
        anchor = {name.removeprefix("anchor_"): array for name, array in state.items() if name.startswith("anchor_")}
        return cls(Anchor.from_state(anchor), network, params, tuple(state["shape"].tolist()), state["class_weights"])


class Drawing:
    """Draws images value by value, in raster order with channels last."""

    def __init__(self, anchor: Anchor, sequence, stepper, log_deviation, log_floor, rng: np.random.Generator):
        self._anchor, self._sequence, self._stepper = anchor, sequence, stepper
        self._log_deviation, self._log_floor, self._rng = log_deviation, log_floor, rng

    def draw(self, row: int, column: int, channel: int) -> np.ndarray:
        """Draw the next value of each image, in the measurements' units."""
        mean = self._sequence.predict()
        outputs = self._stepper.outputs(row, column, channel, mean)
        at = row, column, channel
        floor = None if self._log_floor is None else self._log_floor[at]
        drawn = mixture.draw(self._rng, outputs, mean, self._log_deviation[at], floor)
        return self._anchor.restore_at(drawn, row, column, channel)

    def observe(self, row: int, column: int, channel: int, values: np.ndarray) -> None:
        """Take the values that the next ones are to follow."""
        standard = self._anchor.standardise_at(values, row, column, channel)
        self._sequence.observe(standard)
        self._stepper.observe(row, column, channel, standard)


def draw_in_order(drawing, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return images (count, row, column[, channel]) drawn value by value."""
    images = np.empty((count, *shape[:2], shape[2] if len(shape) == 3 else 1))
    for row, column, channel in np.ndindex(images.shape[1:]):
        images[:, row, column, channel] = drawing.draw(row, column, channel)
        drawing.observe(row, column, channel, images[:, row, column, channel])
    return images.reshape(count, *shape)


train_network = train  # `fit` has an argument of that name


@dataclass(frozen=True)
class _Loss:
    """Average -ln q of a value, in the measurements' units but for a constant; compiled once for equal networks."""

    network: Any
    exact: bool
    conditional: bool
    by_sample: bool = False

    def matrices(self, params):
        """Return which weights are matrices; see `train`."""
        return self.network.matrices(params)

    def at_once(self, shape):
        """Return how many samples a gradient takes at a time; see `train`."""
        return self.network.at_once(shape)

    def __call__(self, params, constants, batch):
        values, mean, *rest = batch
        condition = rest.pop() if self.conditional else None
        log_floor = rest.pop() if self.by_sample else constants.get("log_floor")
        log_deviation = rest.pop() if self.by_sample else constants["log_deviation"]
        outputs = self.network.outputs(params, values, mean, log_deviation, constants.get("phase"), condition)
        edges = tuple(rest) if self.exact else None
        return mixture.training_loss(outputs, mean, log_deviation, values, edges, log_floor).mean()


@partial(jax.jit, static_argnums=0)
def _forward(network, params, values, mean, log_deviation, phase, condition):
    return network.outputs(params, values, mean, log_deviation, phase, condition)


def _arrays(anchor: Anchor, data, exact: bool) -> tuple[np.ndarray, ...]:
    """Return measurements, given as an iterable of arrays, as the loss takes them."""
    parts = [anchor.sites(batch)[0].arrays(exact=exact) for batch in data]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _arrays_with_noise(anchor: Anchor, measurements, sigma) -> tuple[np.ndarray, ...]:
    """Return continuous measurements as the loss takes them, with the log deviations and the floors of each."""
    sites, log_deviation = anchor.sites(measurements, sigma=sigma)
    floor = anchor.log_floor(sites.values.shape[1:3], sigma)
    if floor is None:
        raise ValueError("noise that differs from measurement to measurement is that of continuous values")
    return (*sites.arrays(exact=False), log_deviation.astype(np.float32), floor.astype(np.float32))


def _taken(parts: Iterable[np.ndarray], chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the chosen samples, sorted, of arrays that follow each other."""
    seen = 0
    for part in parts:
        first, last = np.searchsorted(chosen, [seen, seen + len(part)])
        seen += len(part)
        if last > first:
            yield np.asarray(part)[chosen[first:last] - (seen - len(part))]


def _is_coarse(sensor: Sensor, measurements) -> bool:
    """Tell whether many values have noise that spreads over few levels, so that a density at the level is not its mass."""
    constant, slope = sensor.noise_variance
    deviation = np.sqrt(np.maximum(constant + slope * np.asarray(measurements), 0))
    return bool((deviation < _COARSE * sensor.step).mean() > _MANY)


def _one_hot(labels, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise DataError(f"labels run from {labels.min()} to {labels.max()}, the model knows classes 0 to {classes - 1}")
    return np.eye(classes, dtype=np.float32)[labels]


def _block_size(count: int, most: int) -> int:
    """Return a number of samples for a forward pass: of few sizes, since each is compiled."""
    size = 1
    while size < min(count, most):
        size *= 8
    return min(size, most)


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    """Return an array of so many samples, zeros after its own."""
    return np.concatenate([array, np.zeros((size - len(array), *array.shape[1:]), array.dtype)]) if len(array) < size else array

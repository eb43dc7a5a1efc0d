"""Information by a density model that is fitted anew as the design moves: for scenes that are not Gaussian, and any noise."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from ideal._random import generator
from ideal.density import MODELS, Fitting, find_model
from ideal.density import Density as Model
from ideal.density._traced import Form, NetworkForm, has_traced, traced
from ideal.density.networks.network_density import Beginning
from ideal.errors import UsageError
from ideal.imaging import Params
from ideal.information.results import LN2
from ideal.information.scoring import sensor_of
from ideal.noise import Gaussian
from ideal.optimize._contract import Objective, Task
from ideal.optimize.objectives.poisson_gradient import Photons, photon_score
from ideal.optimize.targets import LabelTarget, WeightedTarget

_PATCH = 16
_BATCH = 64
_EVERY = 10
_EFFORT = 0.1
_COORDINATES = 8
_REFIT = 0.25  # of the first fit's effort
_PATCHES = 4096  # that a model is fitted to
_HELD_BACK = 8  # one scene in so many tells a fit when to stop
_HELD_OUT = 4  # batches by which a design is judged
_DARK = 1e-6  # photoelectrons: less is taken for this, as of transforms that leave negative zeros
_BLOCK = 64  # scenes encoded at once
_WATCHED = 64  # scenes that tell how values move


@dataclass(frozen=True)
class _Score:
    """What a frozen model gives for information, but for the entropy of the noise.

    -total ln q(y) + label [ln q(y|t) - ln q(y)], q(y) the average over the classes of a model that has some.
    """

    form: Form
    total: float
    label: float

    def __call__(self, given, measurements: jax.Array) -> jax.Array:
        """Return terms (sample, term), nats, of measurements; `given` holds the model's arrays and the labels."""
        arrays, labels = given
        if not isinstance(self.form, NetworkForm) or not self.form.classes:
            return -self.total * self.form.terms(arrays, measurements)
        parts = self.form.terms_by_class(arrays, measurements)
        own = jnp.take_along_axis(parts, labels[None, :, None], 0)[0]
        relative = (parts - own).sum(-1) + arrays["log_class_weights"][:, None]
        rest = logsumexp(relative, axis=0)  # ln q(y) / q(y|t)
        return jnp.concatenate([-self.total * own, -(self.total + self.label) * rest[:, None]], axis=1)


class Density(Objective):
    """A density model q is fitted to measurements of the current design and frozen; the design ascends E[-ln q(Y)] - H(Y|X).

    As IDEAL-IO (arXiv 2507.07789) alternates. At the fit the gradient is that of the bound itself, since q is where the bound is
    least; further away the gain runs ahead of it, by the divergence of q from what measurements have become. Most of that is a
    shift and a spread of each value, which q is made to follow: from the fit on, its location and its scale move with the mean
    and the deviation that the value has in a fixed set of scenes. What remains grows slowly, and q is fitted anew every few
    steps, from the weights it has. Information about the label is E[ln q(Y|T) - ln q(Y)], with a model fitted by class.

    The gain of one design by a density fitted to another is too high: climb from one start at a time, and compare designs by
    what is measured anew.

    Settings: `model`, name of a density model ("causal-mixture"); `batch`, scenes of a step (64); `patch`, side of the square
    patch of the sensor, or values of a vector, that count (16), drawn anew for each scene at the mosaic's phase; `every`, steps
    between fits (10); `effort` of the first fit in units of the default of `ideal estimate` (0.1), a refit takes a quarter;
    `coordinates`, values of a measurement in which one more photon is tried for the gradient (8).
    """

    every = _EVERY
    name = "density"
    compares = False
    summary = "any density model, fitted anew every few steps: any scenes and noise, the slowest"

    def __init__(
        self,
        task: Task,
        model: str = "causal-mixture",
        batch: int = _BATCH,
        patch: int = _PATCH,
        every: int = _EVERY,
        effort: float = _EFFORT,
        coordinates: int = _COORDINATES,
    ):
        if min(batch, patch, every, coordinates) < 1 or not effort > 0:
            raise UsageError(
                f"batch {batch}, patch {patch}, every {every}, coordinates {coordinates} and effort {effort:g}: expected at "
                "least 1, and an effort above 0"
            )
        self.task, self.every, self.effort = task, int(every), float(effort)
        shape = task.system.measurement_shape
        self.patch = tuple(min(int(patch), side) for side in shape[:2])
        self._step = task.system.period if len(shape) > 1 else (1,)
        if any(side < step for side, step in zip(self.patch, self._step, strict=True)):
            raise UsageError(f"a patch of {patch} pixels does not show all of a mosaic of {self._step}: take a larger patch")
        self._total, self._label = _weights_of(task)
        self._kind = _kind_of(model, task, (*self.patch, *shape[2:]), labelled=self._label != 0)
        self._sensor = sensor_of(task.noise, task.system.period if len(shape) > 1 else None)
        self._dequantised = bool(task.noise.quantum) and not self._kind.discrete
        self._counting = task.noise.photons
        self._photons = Photons(task.noise, int(coordinates), self._dequantised) if self._counting else None
        self._scenes = self._with_labels(task.scenes, task.labels)
        self.batch = min(int(batch), len(task.scenes))
        self._watched = jnp.asarray(task.scenes[_spread(len(task.scenes), _WATCHED)])
        chosen = _spread(len(task.held_out), _HELD_OUT * self.batch)
        labels = None if task.held_out_labels is None else np.asarray(task.held_out_labels)[chosen]
        self._held_out = self._with_labels(task.held_out[chosen], labels)
        self._started: Form | None = None

    def _with_labels(self, scenes: np.ndarray, labels) -> tuple[jax.Array, jax.Array]:
        labels = np.zeros(len(scenes), np.int32) if labels is None or not self._label else np.asarray(labels, np.int32)
        return jnp.asarray(scenes), jnp.asarray(labels)

    @property
    def _form(self) -> Form:
        if self._started is None:
            raise ValueError("no density has been fitted yet: call start before the gain")
        return self._started

    # The fits, not traced.

    def start(self, params: Params, key: jax.Array) -> Any:
        """Return a model fitted to the measurements of a design, as arrays, and the mean and the deviation of their values."""
        self._started, arrays = traced(self._fit(params, key, None))
        return {"model": jax.tree.map(jnp.asarray, arrays), "moments": self._moments_of(params)}

    def refresh(self, params: Params, state: Any, key: jax.Array) -> Any:
        """Return the same of a model fitted anew, one that is trained from the weights that it has."""
        form, arrays = traced(self._fit(params, key, state["model"]))
        if form != self._form:
            raise UsageError(f"the state is of another model than {self._kind.name} of these measurements: begin anew")
        return jax.tree.map(
            lambda old, new: jnp.asarray(new, old.dtype), state, {"model": arrays, "moments": self._moments_of(params)}
        )

    def _fit(self, params: Params, key: jax.Array, state) -> Model:
        rng = generator(key)
        more: dict[str, Any] = {}
        effort = self.effort
        measurements, labels, held_back = self._measure(params, rng)
        if self._label:
            more["labels"] = (labels[~held_back], labels[held_back])
        if state is not None and self._kind.trained:
            more["start"], effort = self._current(state), _REFIT * effort
        train, validation = measurements[~held_back], measurements[held_back]
        # Networks are trained in float32. Systems are not encoded in it here: JAX takes a NumPy constant that a function closes
        # over for what it was in the other precision.
        with jax.enable_x64(False):
            return self._kind.fit(rng, train, validation, sensor=self._sensor, fitting=Fitting(effort=effort), **more)

    def _current(self, arrays) -> Beginning:
        """Return the network and its weights, as a fit begins with them."""
        form = self._form
        if not isinstance(form, NetworkForm):
            raise ValueError(f"{self._kind.name} is no network: it is fitted from nothing")
        return Beginning(form.network, jax.tree.map(np.asarray, arrays["params"]))

    def _measure(self, params: Params, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return noisy patches of a design's measurements of all scenes, their labels, and which are held back."""
        task = self.task
        clean = task.system.images(params, np.asarray(task.scenes, np.float32))
        clean = np.maximum(clean, 0) if self._counting else clean
        copies = -(-_PATCHES // len(clean)) if self.patch != clean.shape[1 : 1 + len(self.patch)] else 1
        sample = np.repeat(np.arange(len(clean)), copies)
        where = np.stack([step * rng.integers(0, most, len(sample)) for step, most in self._places()], -1)
        means = _patches(clean, sample, where, self.patch)
        noise = task.noise
        if not self._counting:
            noise = noise.with_sigma(_patches(self._sigma()[None], np.zeros_like(sample), where, self.patch))
        measured = noise.sample(rng, means.astype(np.complex128 if np.iscomplexobj(means) else np.float64))
        if self._dequantised:
            measured = measured + noise.quantum * (rng.random(measured.shape) - 0.5)
        labels = np.asarray(self._scenes[1])
        return measured, labels[sample], _last(labels, _HELD_BACK)[sample]

    def _sigma(self) -> np.ndarray:
        return np.broadcast_to(np.asarray(self.task.noise.sigma), self.task.system.measurement_shape)

    def _places(self) -> list[tuple[int, int]]:
        """Return for each axis the step between places of a patch, and how many there are."""
        shape = self.task.system.measurement_shape
        return [(step, (size - side) // step + 1) for step, size, side in zip(self._step, shape, self.patch, strict=False)]

    # The gain, traced.

    def gain(self, params: Params, state: Any, key: jax.Array) -> jax.Array:
        """Return bits per pixel of a random batch by the frozen model."""
        which, key = jax.random.split(key)
        chosen = jax.random.randint(which, (self.batch,), 0, len(self._scenes[0]))
        return self._information(params, state, key, *(each[chosen] for each in self._scenes))

    def validation_gain(self, params: Params, state: Any, key: jax.Array) -> jax.Array:
        """Return bits per pixel of held-out scenes by the frozen model."""
        return self._information(params, state, key, *self._held_out)

    def _information(self, params, state, key, scenes, labels) -> jax.Array:
        where, draw = jax.random.split(key)
        means, cut = self._encoded(params, scenes, where)
        noise, score = self.task.noise, _Score(self._form, self._total, self._label)
        given = self._followed(state, params), labels
        if self._counting:
            terms = photon_score(score, self._photons, given, means, draw)
            entropy = noise.entropy(means)
        else:
            sigma = self._sigma_of(cut)
            terms = score(given, means + sigma * _standard(draw, means)).sum(1)
            entropy = Gaussian(1.0).entropy(sigma) + jnp.log(sigma)
            entropy = 2 * entropy if jnp.iscomplexobj(means) else entropy
        total = terms.mean() - self._total * entropy.reshape(len(scenes), -1).sum(1).mean()
        return total / (int(np.prod(self.patch)) * LN2)

    def _encoded(self, params: Params, scenes: jax.Array, key: jax.Array) -> tuple[jax.Array, "_Cutter"]:
        """Return a noiseless patch of each scene's measurement, and what cut it."""
        scenes = jax.lax.optimization_barrier(scenes)  # the compiler would work out for seconds what it can of constants
        means = jax.lax.map(lambda scene: self.task.system.encode(params, scene), scenes, batch_size=_BLOCK)
        cut = self._cutter(key, len(scenes))
        means = cut(means)
        means = means.astype(jnp.promote_types(means.dtype, jnp.zeros(()).dtype))
        return jnp.maximum(means, _DARK) if self._counting else means, cut

    def _sigma_of(self, cut: "_Cutter") -> jax.Array:
        return jax.vmap(cut.one, (None, 0))(jnp.asarray(self._sigma()), cut.starts)

    def _moments(self, params: Params) -> tuple[jax.Array, jax.Array]:
        """Return the mean and the deviation of each value on the scale of the density, over a fixed set of scenes and places."""
        means, cut = self._encoded(params, self._watched, jax.random.key(0))
        values, slope = self._form.scaled(means)
        variance = self.task.noise.variance(means) if self._counting else self._sigma_of(cut) ** 2
        variance = variance.reshape(len(means), -1)
        if jnp.iscomplexobj(means):
            variance = jnp.repeat(variance, 2, axis=1)
        return values.mean(0), jnp.sqrt(values.var(0) + (slope**2 * variance).mean(0))

    @partial(jax.jit, static_argnums=0)
    def _moments_of(self, params: Params) -> tuple[jax.Array, jax.Array]:
        return self._moments(params)

    def _followed(self, state, params: Params) -> Any:
        """Return the arrays of the density, moved as the values have moved since its fit."""
        (mean, deviation), (now, spread) = state["moments"], self._moments(params)
        return self._form.moved(state["model"], now - mean, spread / deviation)

    def _cutter(self, key: jax.Array, count: int) -> "_Cutter":
        keys = jax.random.split(key, len(self.patch))
        starts = [
            step * jax.random.randint(own, (count,), 0, most) for own, (step, most) in zip(keys, self._places(), strict=True)
        ]
        return _Cutter(jnp.stack(starts, -1), self.patch)


@dataclass(frozen=True)
class _Cutter:
    """Takes a patch of each measurement at a place of its own."""

    starts: jax.Array
    sides: tuple[int, ...]

    def one(self, image: jax.Array, start: jax.Array) -> jax.Array:
        rest = image.shape[len(self.sides) :]
        places = [*start, *(jnp.zeros((), start.dtype) for _ in rest)]
        return jax.lax.dynamic_slice(image, places, (*self.sides, *rest))

    def __call__(self, images: jax.Array) -> jax.Array:
        return jax.vmap(self.one)(images, self.starts)


def _standard(key: jax.Array, like: jax.Array) -> jax.Array:
    """Return normal numbers of deviation 1, in the real and in the imaginary part each."""
    draw = partial(jax.random.normal, shape=like.shape, dtype=jnp.real(like).dtype)
    if not jnp.iscomplexobj(like):
        return draw(key)
    real, imaginary = jax.random.split(key)
    return draw(real) + 1j * draw(imaginary)


def _patches(images: np.ndarray, sample: np.ndarray, where: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """Return patches of images (sample, ...) at places (patch, axis)."""
    index = [sample.reshape(-1, *(1,) * len(sides))]
    for axis, side in enumerate(sides):
        spread = [1] * (len(sides) + 1)
        spread[axis + 1] = side
        index.append(where[:, axis].reshape(-1, *(1,) * len(sides)) + np.arange(side).reshape(spread))
    return images[tuple(index)]


def _spread(count: int, most: int) -> np.ndarray:
    """Return numbers below a count, so many at most, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def _last(labels: np.ndarray, one_in: int) -> np.ndarray:
    """Tell which scenes are among the last of their class, one in so many: neighbours in a file may be of one source."""
    chosen = np.zeros(len(labels), dtype=bool)
    for each in np.unique(labels):
        own = np.flatnonzero(labels == each)
        chosen[own[len(own) - max(1, len(own) // one_in) :]] = True
    return chosen


def _weights_of(task: Task) -> tuple[float, float]:
    """Return the weights of the information about the whole scene and about its label.

    Raises:
        UsageError: the target is another, or there are no labels.

    """
    target = task.target
    parts = target.parts if isinstance(target, WeightedTarget) else ((1.0, target),)
    total = sum(weight for weight, part in parts if part is None)
    label = sum(weight for weight, part in parts if isinstance(part, LabelTarget))
    other = [part.name for _, part in parts if part is not None and not isinstance(part, LabelTarget)]
    if other:
        raise UsageError(
            f"the objective density tells information about the whole scene or its label, not about {other[0]}: take the "
            "objective gaussian for it"
        )
    if label:
        for labels in (task.labels, task.held_out_labels):
            if labels is None:
                raise UsageError("the target is the label, and the objects have none: choose labelled objects")
        if task.labels is not None and len(np.unique(task.labels)) < 2:
            raise UsageError("the target is the label, and all objects have the same: choose objects of several classes")
    return float(total), float(label)


def _kind_of(model: str, task: Task, shape: tuple[int, ...], *, labelled: bool) -> type[Model]:
    """Return the class of the density model.

    Raises:
        UsageError: it is unknown, has no form for gradients, or does not suit the measurements or the target.

    """
    kind = find_model(model)
    fit = [name for name, each in MODELS.items() if has_traced(each)]
    if model not in fit:
        raise UsageError(f"gradients cannot be taken through the density model {model}: choose one of {', '.join(fit)}")
    if not (task.noise.photons or task.noise.additive):
        raise UsageError(f"the objective density has no gradients for {task.noise.name} noise: choose the objective samples")
    about = {"counts": task.noise.counts, "is_complex": task.noise.is_complex}
    fit = [name for name in fit if MODELS[name].accepts(shape, **about) and (MODELS[name].conditional or not labelled)]
    if model not in fit:
        what = f"{task.noise.name} measurements of shape {shape}" + (" by class" if labelled else "")
        raise UsageError(f"the density model {model} is not for {what}: choose one of {', '.join(fit) or 'none'}")
    return kind

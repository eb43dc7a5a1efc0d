"""Information of a Gaussian scene through a linear system, in closed form: exact gradients, no sampling."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import sequential_vmap

from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.information.results import LN2
from ideal.noise import NoiseModel
from ideal.optimize._contract import Objective, Task
from ideal.optimize.objectives.log_determinant import log_determinant, log_determinant_and_inverse
from ideal.optimize.objectives.periodic import check_memory, periodic_gain, periodic_grid
from ideal.optimize.objectives.pixel_errors import pixel_information
from ideal.optimize.objectives.scenes import SceneFactor, scene_factor, scene_spectrum
from ideal.optimize.targets import ChannelTarget, LabelTarget, PixelTarget, RegionTarget, Target, parts_of

_RANK = 256
_MOST = 1e3  # times that a covariance of few samples is enlarged
_HALVINGS = 50
_EXACT = 1e-9  # of the largest variance of a target's values: what is known of one that is known exactly


class ClosedForm(Objective):
    """Gaussian scenes through a linear system: I = 1/2 [ln det(A C A^T + N) - ln det N], N the noise variance at the mean.

    Of a sensor that repeats itself (a mosaic, a convolution) the covariance is block diagonal in the Fourier domain, one block
    for each frequency, and the scenes are stationary fields. Of any other system the scenes are their leading principal
    components, and a system that is not linear is taken at its tangent in the mean scene. Information about a target is I(T;Y)
    = H(Y) - H(Y|T), with the covariance of the scenes given the target; information about the color of a pixel is what the
    best linear estimate leaves unknown of it. Of the label it takes each class for Gaussian, and H(Y) for that of a Gaussian
    too, which is more than that of a mixture of classes: where classes are told apart well it exceeds the label's entropy.

    Settings: `rank`, number of principal components (256).
    """

    name = "gaussian"
    exact = True
    summary = "closed form for Gaussian scenes: exact gradients, milliseconds"

    def __init__(self, task: Task, rank: int = _RANK):
        self.task = task
        grid = periodic_grid(task.system)
        self.periodic = grid is not None and not _needs_factor(task.target)
        if self.periodic and grid is not None:
            check_memory(task.system, grid)

        def prepared(scenes, labels):
            if self.periodic:
                return periodic_gain(task.system, task.noise, scene_spectrum(scenes, grid), task.target)
            return _factor_gain(task, scenes, labels, rank)

        self._gain, train = prepared(task.scenes, task.labels)
        same = task.held_out is task.scenes and task.held_out_labels is task.labels
        self._held_out_gain, held_out = (self._gain, train) if same else prepared(task.held_out, task.held_out_labels)
        self._state = {"scenes": train, "held_out": held_out}

    def start(self, params: Params, key) -> Any:
        """Return the statistics of the scenes: as arguments they cost the compiler nothing, as constants half a minute."""
        return self._state

    def gain(self, params: Params, state=None, key=None) -> jax.Array:
        """Return bits per pixel."""
        return self._gain(params, (state or self._state)["scenes"])

    def validation_gain(self, params: Params, state=None, key=None) -> jax.Array:
        """Return bits per pixel of the held-out scenes' covariance."""
        return self._held_out_gain(params, (state or self._state)["held_out"])


def _needs_factor(target: Target | None) -> bool:
    return any(isinstance(part, LabelTarget | RegionTarget) for _, part in parts_of(target))


# Any other system: the leading principal components of the scenes, each encoded once.


def _factor_gain(task: Task, scenes: np.ndarray, labels, rank: int) -> tuple[Callable, Any]:
    system, noise, parts = task.system, task.noise, parts_of(task.target)
    scene = scene_factor(scenes, rank)
    pixels = [(weight, part) for weight, part in parts if isinstance(part, PixelTarget)]
    given = [(weight, _projections(scene, part, scenes, labels)) for weight, part in parts if not isinstance(part, PixelTarget)]
    weights = [weight for weight, _ in given]
    shares = [[(share, freedom) for share, freedom, _ in roots or ()] for _, roots in given]
    arrays = {
        "mean": jnp.asarray(scene.mean),
        "factor": jnp.asarray(scene.factor),
        "roots": [[jnp.asarray(root) for *_, root in roots or ()] for _, roots in given],
    }
    if pixels:
        own, within = (_by_pixel(each, len(system.scene.channels)) for each in (scenes - scene.mean, scene.factor))
        arrays["beyond"] = jnp.asarray(_covariance(own) / (len(scenes) - 1) - _covariance(within))

    def gain(params, arrays):
        gram = encoded_gram(system, params, SceneFactor(arrays["mean"], arrays["factor"], scene.kept), noise)
        found = 0.0
        for weight, own, roots in zip(weights, shares, arrays["roots"], strict=True):
            found = found + weight * _gram_information(gram, own, roots) / task.pixels
        for weight, part in pixels:
            found = found + weight * _about_pixels(gram, arrays["factor"], arrays["beyond"], part)
        return found

    return gain, arrays


def _by_pixel(values, channels: int):
    return values.reshape(len(values), -1, max(1, channels))


def _covariance(values):
    """Return sums of products of the channels of each pixel, (pixel, channel, channel)."""
    return np.einsum("nxi,nxk->xik", values, values)


def _about_pixels(gram: jax.Array, factor: jax.Array, beyond: jax.Array, target: PixelTarget) -> jax.Array:
    """Return bits per pixel of the scene; the components are of unit variance, (I + gram)^-1 with the measurement known.

    Of what a pixel has beyond the components, (pixel, channel, channel), the measurement tells nothing.
    """
    of_pixel = _by_pixel(factor, beyond.shape[-1])
    _, left = log_determinant_and_inverse(gram + jnp.eye(len(gram)))
    variance = jnp.einsum("rxi,rxk->xik", of_pixel, of_pixel)
    unknown = jnp.einsum("rxi,rxk->xik", of_pixel, jnp.tensordot(left, of_pixel, 1))
    return pixel_information(variance + beyond, variance - unknown, target)


def encoded_gram(system: ImagingSystem, params: Params, scene: SceneFactor, noise: NoiseModel) -> jax.Array:
    """Return F A^T N^-1 A F^T, (rank, rank): what the measurement tells of each principal component, in units of the noise."""
    mean, encode = jnp.asarray(scene.mean), lambda x: system.encode(params, x)
    centre = encode(mean)
    components = jax.lax.map(lambda x: jax.jvp(encode, (mean,), (x,))[1], jnp.asarray(scene.factor), batch_size=32)
    white = (components / jnp.sqrt(noise.variance(jnp.real(centre)))).reshape(len(scene.factor), -1)
    return jnp.real(white @ white.conj().T)


def _gram_information(gram: jax.Array, shares, roots) -> jax.Array:
    """Return bits per measurement: of all components, or less what remains where a target is known."""
    sampled = any(freedom for _, freedom in shares)
    total = _log_det(gram, sum(freedom + 1 for _, freedom in shares) - 1 if sampled else 0)
    for (share, freedom), root in zip(shares, roots, strict=True):
        total = total - share * _log_det(root @ gram @ root.T, freedom)
    return 0.5 * total / LN2


def _log_det(gram: jax.Array, freedom: int = 0) -> jax.Array:
    """Return ln det(1 + gram), or that to be expected of the true covariance where that of samples stands in the Gram matrix.

    The covariance of few samples makes it too small: the classes of labels drawn at random would seem to differ. The maximum
    over s of ln det(1 + s gram) + f (1 - 1/s - ln s), with f the degrees of freedom, is consistent for many dimensions as for
    many samples: Girko's G-estimate, from the deterministic equivalent of E ln det(1 + gram). At s = 1 it is what it corrects.
    """
    identity = jnp.eye(len(gram))
    if not freedom:
        return log_determinant(gram + identity)
    values = jnp.maximum(_eigenvalues(jax.lax.stop_gradient(gram)), 0)

    def halved(_, bounds):
        middle = bounds.mean()
        scaled = jnp.exp(middle) * values
        low = jnp.exp(middle) * (1 - (scaled / (1 + scaled)).sum() / freedom) < 1
        return jnp.where(low, bounds.at[0].set(middle), bounds.at[1].set(middle))

    scale = jnp.exp(jax.lax.fori_loop(0, _HALVINGS, halved, jnp.array([0.0, np.log(_MOST)]))[0])
    return log_determinant(scale * gram + identity) + freedom * (1 - 1 / scale - jnp.log(scale))


@sequential_vmap
def _eigenvalues(matrix: jax.Array) -> jax.Array:
    return jnp.linalg.eigvalsh(matrix)  # one by one, as log-determinants


def _projections(scene: SceneFactor, target: Target | None, scenes: np.ndarray, labels) -> list | None:
    """Return what turns the covariance into that given a target; None for no target.

    These are triples of a share, degrees of freedom (0 where they do not count) and a root (rank, rank). What the scenes have
    beyond their components changes a linear target too, and stands for noise in it: without, a few pixels would tell all
    components, and a region as much as the whole scene.
    """
    if target is None:
        return None
    if isinstance(target, LabelTarget):
        return _by_class(scene, scenes, labels)

    def of(values):
        if isinstance(target, ChannelTarget):
            values = np.einsum("r...i,ti->r...t", values, target.matrix)
        else:
            values = values[:, slice(*target.rows), slice(*target.columns)]
        return values.reshape(len(values), -1)

    seen = of(scene.factor)
    known, most = (seen**2).sum(0), len(scenes) - 1
    beyond = np.maximum(of(scenes - scene.mean).var(0) * len(scenes) / most - known, _EXACT * known.max())
    values, vectors = np.linalg.eigh((seen / beyond) @ seen.T)
    return [(1.0, 0, vectors.T / np.sqrt(1 + np.maximum(values, 0))[:, None])]


def _by_class(scene: SceneFactor, scenes: np.ndarray, labels) -> list[tuple[float, int, np.ndarray]]:
    if labels is None:
        raise UsageError("the target is the label, and the objects have none: choose labelled objects")
    centred = (np.asarray(scenes, np.float64) - scene.mean).reshape(len(scenes), -1)
    flat = scene.factor.reshape(len(scene.factor), -1)
    coordinates = centred @ np.linalg.pinv(flat)  # of unit covariance
    found = []
    for each in np.unique(labels):
        own = coordinates[labels == each]
        covariance = np.cov(own, rowvar=False) if len(own) > 1 else np.zeros((len(flat), len(flat)))
        values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
        found.append((len(own) / len(labels), len(own) - 1, np.sqrt(np.maximum(values, 0))[:, None] * vectors.T))
    return found

"""Gradients of expectations over photon noise in its mean, unbiased at any light.

A Poisson variable cannot be written as a smooth function of its mean. With Gaussian noise of the same variance in its place the
gradient is wrong where photons are few. What holds exactly, since d/dm of the Poisson probability p(n) is p(n - 1) - p(n):

    d/dm_i E f(n) = E [f(n + e_i) - f(n)]

One more photon in each of D pixels would take D evaluations. So the slope df/dn_i, which one backward pass gives for all pixels
and which is nearly that difference where light is plenty, stands for all of them, and K pixels drawn at random tell, D / K
times, what it misses: a control variate, which costs nothing in bias.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ideal.noise import NoiseModel

_STEEPEST = 1.0  # nats per photon: a steeper slope says nothing of a whole photon


@dataclass(frozen=True)
class Photons:
    """How photoelectrons become measurements.

    Attributes:
        noise: Poisson or Poisson-Gaussian.
        coordinates: K, values in which one more photon is tried, for each measurement.
        dequantised: whether quantised measurements are made continuous by uniform noise of one step.

    """

    noise: NoiseModel
    coordinates: int
    dequantised: bool = False

    def draw(self, key: jax.Array, mean: jax.Array) -> tuple[jax.Array, jax.Array | float]:
        """Return electrons, before a converter rounds them, and the noise that makes measurements continuous."""
        electron_key, jitter_key = jax.random.split(key)
        noise = self.noise.continuous()
        electrons = noise.sample(electron_key, mean)
        if not (self.dequantised and self.noise.quantum):
            return electrons, 0.0
        return electrons, self.noise.quantum * jax.random.uniform(jitter_key, mean.shape, mean.dtype, -0.5, 0.5)

    def read(self, electrons: jax.Array, jitter: jax.Array | float) -> jax.Array:
        """Return measurements, photoelectrons."""
        noise = self.noise
        if noise.quantum and not noise.counts:
            electrons = noise.origin + noise.quantum * jnp.round((electrons - noise.origin) / noise.quantum)
        return electrons + jitter


Score = Callable[[Any, jax.Array], jax.Array]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def photon_score(score: Score, photons: Photons, given: Any, mean: jax.Array, key: jax.Array) -> jax.Array:
    """Return the score of a measurement drawn at each mean, whose gradient in the mean is unbiased for the expectation.

    Args:
        score: hashable function (given, measurements) -> terms (sample, term), differentiable; their sum is the score.
        photons: what turns means into measurements.
        given: tree of arrays for the score, differentiable as well.
        mean: (sample, ...), not negative.
        key: of the noise, and of the values in which one more photon is tried.

    Returns:
        (sample,).

    """
    return score(given, photons.read(*photons.draw(jax.random.split(key)[0], mean))).sum(1)


def _forward(score: Score, photons: Photons, given, mean: jax.Array, key: jax.Array):
    draw_key, place_key = jax.random.split(key)
    electrons, jitter = photons.draw(draw_key, mean)
    measured = photons.read(electrons, jitter)
    terms, pull = jax.vjp(lambda measured: score(given, measured), measured)
    count, size = len(mean), mean[0].size
    tried = min(photons.coordinates, size)
    slope = jnp.clip(pull(jnp.ones_like(terms))[0].reshape(count, size), -_STEEPEST, _STEEPEST)
    places = jax.lax.top_k(jax.random.uniform(place_key, (count, size)), tried)[1]
    each = jnp.arange(count)

    def missed(at):
        more = electrons.reshape(count, size).at[each, at].add(1).reshape(electrons.shape)
        return (score(given, photons.read(more, jitter)) - terms).sum(1) - slope[each, at]

    rest = jax.lax.map(missed, places.T)  # one at a time: the memory of a single evaluation
    slope = slope.at[each[:, None], places].add(size / tried * rest.T.astype(slope.dtype))
    pull_given = jax.vjp(lambda given: score(given, measured).sum(1), given)[1]
    return terms.sum(1), (pull_given, slope.reshape(mean.shape).astype(mean.dtype))


def _backward(score: Score, photons: Photons, kept, cotangent: jax.Array):
    pull_given, slope = kept
    moved = slope * cotangent.reshape(-1, *(1,) * (slope.ndim - 1)).astype(slope.dtype)
    return pull_given(cotangent)[0], moved, None


photon_score.defvjp(_forward, _backward)

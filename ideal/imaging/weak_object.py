"""The LED-array microscope for weak objects: linear in absorption and phase, by transfer functions."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from ideal.imaging._contract import Params
from ideal.imaging.led_microscope import LedMicroscope, _floating


@dataclass(frozen=True, eq=False)
class WeakObjectMicroscope(LedMicroscope):
    """First-order form of the microscope: mean = background + H_absorption absorption + H_phase phase.

    exp(-absorption + i phase) is replaced by 1 - absorption + i phase and only what interferes with the unscattered light is
    kept, so light from outside the objective's NA gives nothing. The error is of the order of the phase in radians times the
    contrast. Linear for any object: an object that is not weak can come out negative. Settings and designs are those of
    `led-microscope`.

    Source: Tian & Waller, Opt. Express 23, 11394 (2015).
    """

    name: ClassVar[str] = "led-microscope-weak"
    summary: ClassVar[str] = "LED-array microscope for weak objects: linear, by transfer functions of absorption and phase"
    linear: ClassVar[bool] = True

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the mean photoelectrons of the camera's pixels, `measurement_shape`."""
        scene, kind = _floating(scene)
        background, transfer = self._transfer(params, scene.dtype, kind)
        spectrum = jnp.fft.fft2(jax.lax.complex(-scene[..., 0], scene[..., 1]))
        contrast = 2 * jnp.fft.ifft2(transfer * spectrum).real
        return float(self.photons) * (background + self._camera(contrast))

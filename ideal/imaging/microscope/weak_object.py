"""The LED-array microscope for weak objects: linear in absorption and phase, by transfer functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import DataError, UsageError
from ideal.imaging._contract import Params
from ideal.imaging.microscope.led_microscope import LedMicroscope, _floating
from ideal.imaging.microscope.leds import selections

# Largest departures from the mean of a scene: an absorption at which the light of the first order is gone, and a phase at which
# what is left out is half of what is kept.
_STRONGEST = {"absorption": 0.5, "phase": 1.0}
_ROUNDING = 1e-5  # of the light of the empty field
_REMEDY = (
    "use led-microscope, or weaken the objects (`objects.contrast=...` of phase-cells, `objects.phase=...` of "
    "pictures, `objects.peak=...` of cells)"
)


@dataclass(frozen=True, eq=False)
class WeakObjectMicroscope(LedMicroscope):
    """First-order form of the microscope: mean = background + H_absorption absorption + H_phase phase.

    exp(-absorption + i phase) is replaced by 1 - absorption + i phase and only what interferes with the unscattered light is
    kept, so light from outside the objective's NA gives nothing, and there is no design of such light alone. The error is of the
    order of the phase in radians times the contrast. `encode` is linear for any object; `images` refuses objects that are not
    weak: those with an absorption of 0.5 or a phase of 1 rad about their mean, and those that would come out negative.
    Settings and other designs are those of `led-microscope`.

    Source: Tian & Waller, Opt. Express 23, 11394 (2015).

    Raises:
        UsageError: as of `led-microscope`, or no LED lies within the objective's NA.

    """

    name: ClassVar[str] = "led-microscope-weak"
    summary: ClassVar[str] = "LED-array microscope for weak objects: linear, by transfer functions of absorption and phase"
    linear: ClassVar[bool] = True
    drawn: ClassVar[float] = 0.1

    def __post_init__(self):
        super().__post_init__()
        if not self._within.any():
            raise UsageError(
                f"{self.name}: no LED lies within the objective's NA of {self.na:g} (found {self._reach()}), others give no "
                "signal in the weak-object form: raise na, choose other leds, or use led-microscope"
            )

    @property
    def _within(self) -> np.ndarray:
        return np.hypot(*self.directions.T) <= self.na

    @property
    def designs(self) -> Mapping[str, str]:
        """Named illuminations that light the object from within the objective's NA."""
        lit = selections(self.directions, self.na)
        return {name: text for name, text in super().designs.items() if name not in lit or (lit[name] & self._within).any()}

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the intensities of a named illumination, {"intensities": (led,)}."""
        if name in super().designs and name not in self.designs:
            raise UsageError(f"{self.name}: {name} gives no signal in the weak-object form: use led-microscope")
        return super().design(name, seed)

    def check_scenes(self, scenes) -> None:
        """Refuse scenes of another shape, and objects that are not weak.

        Raises:
            DataError: as of every system, or absorption or phase depart from their mean by more than the form is good for.

        """
        super().check_scenes(scenes)
        values = np.asarray(scenes)
        for channel, (part, limit) in enumerate(_STRONGEST.items()):
            each = values[..., channel].reshape(len(values), -1)
            mean = each.mean(1)
            departure = np.maximum(each.max(1) - mean, mean - each.min(1))
            if (departure > limit).any():
                scene = int(np.argmax(departure > limit))
                unit = " rad" if part == "phase" else ""
                raise DataError(
                    f"{self.name}: the object is too strong for the weak-object form: scene {scene} has {part} of "
                    f"{departure[scene]:.3g}{unit} about its mean, expected at most {limit:g}{unit}: {_REMEDY}"
                )

    def images(self, params: Params, scenes) -> np.ndarray:
        """Return the noiseless measurements of many scenes; see `ImagingSystem.images`.

        Raises:
            DataError: as of `check_scenes`, or a mean is negative: the object is not weak under this light.

        """
        means = super().images(params, scenes)
        if means.size and means.min() < -_ROUNDING * self.photons:
            scene = int(np.argwhere(means == means.min())[0, 0])
            raise DataError(
                f"{self.name}: the object is too strong for the weak-object form: scene {scene} gives a mean of "
                f"{means.min():.3g} photoelectrons, expected none below 0: {_REMEDY}"
            )
        return means

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the mean photoelectrons of the camera's pixels, `measurement_shape`."""
        scene, kind = _floating(scene)
        background, transfer = self._transfer(params, scene.dtype, kind)
        spectrum = jnp.fft.fft2(jax.lax.complex(-scene[..., 0], scene[..., 1]))
        contrast = 2 * jnp.fft.ifft2(transfer * spectrum).real
        return float(self.photons) * (background + self._camera(contrast))

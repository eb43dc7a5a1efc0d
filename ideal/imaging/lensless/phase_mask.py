"""Lensless camera with a phase mask: its surface shapes the light by diffraction."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import WAVELENGTH, Range
from ideal.errors import UsageError
from ideal.health.finding import Finding
from ideal.imaging._contract import Params, setting
from ideal.imaging.constraints import Bounded, Constraint
from ideal.imaging.lensless.cameras import LenslessCamera, pick_design
from ideal.imaging.lensless.lenslets import centre, smooth_surface, spread_positions
from ideal.imaging.lensless.propagation import FresnelPropagator, disc_coverage
from ideal.text import percent

_LEAST_SHARE = 0.8  # of the light through the mask: where less falls inside the window, it is named
_THICKEST = 0.1  # of the distance to the sensor: a higher surface is no thin mask
_LARGEST = 4096  # places along a side where the intensity is taken: matrices of some hundred megabytes


@dataclass(frozen=True, eq=False)
class PhaseMaskCamera(LenslessCamera):
    """A lensless camera whose mask is a surface of square cells, each of one height, in a transparent material.

    A point source sends a plane or spherical wave on the mask; a thin mask of height h delays it by 2 pi (index - 1) h /
    wavelength. The point spread function is the light on the sensor's pixels after Fresnel (paraxial) diffraction, exact for
    such a mask; see `propagation`. It is cut to the window and, with `normalise`, scaled to a sum of 1, as an
    exposure would be that makes up for the light that misses the window; without, that light is lost. `window_share` says how
    much arrives: designs that throw light away should be charged for it.
    """

    name: ClassVar[str] = "lensless-phase"
    summary: ClassVar[str] = "lensless camera with a phase mask, by Fresnel diffraction"

    mask_cells: int = setting(128, "cells", "cells of the mask along each side", Range(2, 4096, whole=True))
    pitch: float = setting(1.0, "um", "side of a cell of the mask", Range(0.05, 1000))
    aperture: str = setting("square", "", "what the mask is cut to: square or circle")
    wavelength: float = setting(0.55, "um", "of the light", WAVELENGTH)
    index: float = setting(1.5, "", "refractive index of the mask", Range(1, 4.5, above=True))
    max_height: float = setting(1.2, "um", "largest height of the surface; at least one wave of delay", Range(0.01, 500))
    distance: float = setting(800.0, "um", "from the mask to the sensor", Range(10, 1e7))
    source_distance: float = setting(
        0.0, "um", "from the point source to the mask; 0 for infinity", Range(10, 1e12, zero="infinity")
    )
    normalise: bool = setting(True, "", "whether the light inside the window is scaled to 1; if not, what misses it is lost")

    def __post_init__(self):
        super().__post_init__()
        if self.aperture not in ("square", "circle"):
            raise UsageError(f"{self.name}: aperture is {self.aperture!r}, expected square or circle")
        if self.max_height < self._wave:
            raise UsageError(
                f"{self.name}: max_height is {self.max_height:g} um, expected at least wavelength / (index - 1) = {self._wave:g}"
            )
        self._check_sampling()

    def _check_sampling(self) -> None:
        width = self.mask_cells * self.pitch
        # Phase between neighbouring cells at the mask's edge, in half waves, of a surface that focuses on the sensor.
        step = self._vergence * width * self.pitch / self.wavelength
        if step > 1:
            raise UsageError(
                f"{self.name}: the mask is undersampled: cells of {self.pitch:g} um are {step:.3g} half waves apart at its edge, "
                f"expected at most 1: lower pitch to {self.pitch / step:.3g} um with as many cells, or raise distance"
            )
        places = self._propagator.nodes * max(self.psf_shape)
        if places > _LARGEST:
            raise UsageError(
                f"{self.name}: a pixel of {self.pixel:g} um holds too many fringes: {places} places along the PSF's side would "
                f"be needed, expected at most {_LARGEST}: lower pixel or psf_shape, or raise distance"
            )

    @property
    def _vergence(self) -> float:
        return 1 / self.distance + (1 / self.source_distance if self.source_distance else 0.0)

    @property
    def _wave(self) -> float:
        return self.wavelength / (self.index - 1)

    @cached_property
    def _propagator(self) -> FresnelPropagator:
        optics = (self.mask_cells, self.pitch, self.wavelength, self.distance)
        return FresnelPropagator(*optics, self.psf_shape, self.pixel, self.source_distance)

    @cached_property
    def _amplitude(self) -> np.ndarray:
        open_part = np.ones((self.mask_cells,) * 2) if self.aperture == "square" else disc_coverage(self.mask_cells)
        # A cell that is partly open lets through its part of the light, of which the finest detail goes to large angles.
        return open_part / (self.pitch * math.sqrt(open_part.sum()))

    @property
    def designs(self) -> Mapping[str, str]:
        """Lenses, a diffuser and a bare aperture."""
        return {
            "lens": "a lens that focuses the source on the sensor",
            "four-lenslets": "four lenslets, each with the part of the mask that is nearest to its focus",
            "diffuser": "a smooth random surface whose bumps focus about where the sensor is",
            "flat": "no surface: the aperture's own Fresnel pattern",
        }

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return {"height": (cell row, cell column)} in um, by whole waves within `max_height`."""
        name = pick_design(self, name)
        rng = np.random.default_rng(seed)
        cells = (np.arange(self.mask_cells) - (self.mask_cells - 1) / 2) * self.pitch
        if name == "flat":
            height = np.zeros((self.mask_cells,) * 2)
        elif name == "diffuser":
            height = self._diffuser(rng)
        else:
            count = 1 if name == "lens" else 4
            # Foci as far apart as the middle three quarters of the mask, or of a window that is smaller.
            side = min(self.psf_shape) - 1
            margin = (side - 0.75 * min(side, self.mask_cells * self.pitch / self.pixel)) / 2
            places = spread_positions(count, self.psf_shape, margin, rng)
            foci = (places - centre(self.psf_shape)) * self.pixel
            # A focus beside the axis of its lenslet would need a prism: seen from a source at a finite distance, it is stretched.
            foci = foci / (self.distance * self._vergence)
            squares = (cells[None, :, None] - foci[:, :1, None]) ** 2 + (cells[None, None] - foci[:, 1:, None]) ** 2
            height = -squares.min(0) * self._vergence / (2 * (self.index - 1))
        return {"height": jnp.asarray(self._wrapped(height))}

    def _diffuser(self, rng: np.random.Generator) -> np.ndarray:
        # Slopes that throw most light inside the window, in bumps as curved as a lens that focuses on the sensor.
        reach = min(min(self.psf_shape) * self.pixel, self.mask_cells * self.pitch) / 12
        slope = reach / (self.distance * (self.index - 1))
        bump = max(reach / (self.distance * self._vergence), 2 * self.pitch)
        surface, found = smooth_surface((self.mask_cells,) * 2, bump / self.pitch, rng)
        return surface * (slope * self.pitch / found)

    def _wrapped(self, height: np.ndarray) -> np.ndarray:
        height = height - height.min()
        if height.max() <= self.max_height:
            # In the middle of the bounds, where a surface can go both ways.
            return height + (self.max_height - height.max()) / 2
        return np.mod(height, self._wave * math.floor(self.max_height / self._wave))

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """Heights from 0 to `max_height`."""
        return {"height": Bounded(0.0, self.max_height)}

    def psf(self, params: Params) -> jax.Array:
        """Return the share of the light on each pixel of the window."""
        light = self._light(params)
        return light / _total(light) if self.normalise else light

    def window_share(self, params: Params) -> jax.Array:
        """Return the part of the light through the mask that falls inside the window of the point spread function."""
        return _total(self._light(params))

    def findings(self, params: Params) -> list[Finding]:
        """Return what is wrong where the window cuts off much of the point spread function, or the mask is not thin."""
        found, share = self._thick(), float(self.window_share(params))
        if share >= _LEAST_SHARE:
            return found
        fate = "is counted as if it had arrived inside" if self.normalise else "is lost"
        return [
            *found,
            Finding(
                "psf-cut",
                "biased" if self.normalise else "note",
                f"{self.name}: {percent(1 - share)} of the light through the mask falls outside the PSF's window of "
                f"{self.psf_shape[0]}x{self.psf_shape[1]} pixels and {fate}",
                "its blur is left out of the measurements" if self.normalise else "",
                "raise psf_shape or pixel, or lower distance",
                {"share_inside": share},
            ),
        ]

    def _thick(self) -> list[Finding]:
        share = self.max_height / self.distance
        if share <= _THICKEST:
            return []
        return [
            Finding(
                "mask-thick",
                "biased",
                f"{self.name}: the surface may be {self.max_height:g} um high, {percent(share)} of the {self.distance:g} um "
                "from the mask to the sensor",
                "the mask is computed as thin, and the point spread function is not that of a real one",
                f"lower max_height (um; one wave of delay is {self._wave:.3g} um), or raise distance",
                {"max_height": self.max_height, "distance": self.distance},
            )
        ]

    def _light(self, params: Params) -> jax.Array:
        height = params["height"]
        delay = height * (2 * math.pi / self._wave)
        amplitude = jnp.asarray(self._amplitude, height.dtype)
        return self._propagator.light(jax.lax.complex(amplitude * jnp.cos(delay), amplitude * jnp.sin(delay)))

    def draw(self, params: Params, figure) -> None:
        """Draw the mask, the point spread function and its modulation transfer function."""
        figure.set_layout_engine("constrained")
        figure.set_size_inches(11.5, 3.6)
        left, middle, right = figure.subplots(1, 3)
        half = self.mask_cells * self.pitch / 2
        height = np.asarray(params["height"], dtype=np.float64)
        if self.aperture == "circle":
            height = np.where(self._amplitude > 0, height, np.nan)
        image = left.imshow(
            height, cmap="viridis", vmin=0, vmax=self.max_height, extent=(-half, half, half, -half), interpolation="nearest"
        )
        left.set(xlabel="x (μm)", ylabel="y (μm)", title="surface of the mask")
        figure.colorbar(image, ax=left, shrink=0.75).set_label("height (μm)")
        self._draw_psf(params, middle)
        share = 100 * float(self.window_share(params))
        middle.set_title(f"point spread function\n({share:.3g} % of the light in the window)", fontsize="medium")
        self._draw_mtf(params, right)


def _total(light: jax.Array) -> jax.Array:
    # A plain sum of a thousand float32 numbers is off by 1e-6; a product with ones is summed in shorter pieces.
    rows, columns = (jnp.ones(side, light.dtype) for side in light.shape)
    return jnp.dot(rows, jnp.dot(light, columns, precision="highest"), precision="highest")

"""Incoherent imaging by a lens without aberrations: a slit in one dimension, a circular pupil in two."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, SHARE, SIDE, WAVELENGTH, Range, Ranges
from ideal.errors import UsageError, unknown_name
from ideal.health.finding import Finding
from ideal.imaging._contract import ImagingSystem, Params, Scene, setting
from ideal.imaging.constraints import Bounded, Constraint
from ideal.noise import Gaussian, NoiseModel, Poisson
from ideal.text import percent

_OBJECTIVES = {"objective-4x": 0.10, "objective-10x": 0.25, "objective-20x": 0.40, "objective-40x": 0.65, "objective-60x": 0.85}
_MOST_FOLDED = 2.0**26  # values of the scene's half spectrum in all orders that pixels fold into it: some seconds of work
# Share of the light on the sensor that may come from beyond the scene. Images of photographs differ from those with a wide margin
# by 0.6 to 1.1 times this share (root mean square, of their own standard deviation; measured at NA 0.1 to 0.85).
_MOST_SPILT = 0.0106
_MARGIN = 88  # pixels: enough for the default lens and a sensor of any size
_LEAST = 0.01  # of the greatest numerical aperture: none at all would pass no light


@dataclass(frozen=True, eq=False)
class DiffractionLimited(ImagingSystem):
    """Fluorescence, or any incoherent light, through a lens whose only limit is its numerical aperture.

    Each value of the scene is a point source in the middle of its pixel; its image is the intensity point spread function,
    sinc^2 for a slit (one dimension) or the Airy pattern of a circular pupil (two), gathered by square pixels. It is computed
    through the optical transfer function (Goodman, Introduction to Fourier Optics, section 6.3), with rho = frequency over
    2 NA / wavelength:

        one dimension: 1 - rho;    two: 2/pi (arccos rho - rho sqrt(1 - rho^2))

    and what lies beyond the pixels' Nyquist frequency is folded back, as sampling does, so that no mean is negative beyond
    rounding. The scene reaches `margin` pixels beyond the sensor on each side and its light spills in, as in a real field of
    view; at the scene's own edge it repeats. Light is conserved over the whole scene, whatever the aperture: how much of it a
    lens collects is set by the exposure. (With pixels that are not filled that holds for a pixel below wavelength / (2 NA).)

    Raises:
        UsageError: a setting has no meaning.

    """

    name = "diffraction-limited"
    summary = "a lens without aberrations, incoherent light, in one dimension or two"

    shape: tuple = setting(
        (32, 32),
        "pixels",
        "pixels of the sensor: one number for a line, two for rows and columns",
        Ranges(SIDE, (1, 2), most=MOST_PIXELS),
    )
    na: float = setting(0.5, "", "numerical aperture on the side of the object, of the default design", Range(0, 2.5, above=True))
    wavelength: float = setting(0.5, "um", "wavelength in vacuum", WAVELENGTH)
    pixel: float = setting(0.1, "um", "pitch of the pixels in the plane of the object", Range(1e-3, 50))
    margin: int = setting(
        _MARGIN, "pixels", "how far the scene reaches beyond the sensor on each side", Range(0, 65536, whole=True)
    )
    index: float = setting(1.0, "", "refractive index before the lens, the greatest possible numerical aperture", Range(1, 2.5))
    fill: float = setting(
        1.0, "pixels", "side of the sensitive square of a pixel: 1 gathers all light, 0 samples in the middle", SHARE
    )
    sigma: float = setting(
        0.0,
        "photoelectrons",
        "standard deviation of Gaussian noise; 0: photon counting",
        Range(1e-9, 1e9, zero="photon counting"),
    )

    def __post_init__(self):
        super().__post_init__()
        if not _LEAST * self.index <= self.na <= self.index:
            raise UsageError(
                f"{self.name}: setting na is {self.na:g}, expected {_LEAST * self.index:g} to the refractive index {self.index:g}"
            )
        self._check_size()

    def _check_size(self) -> None:
        values = float(np.prod([n + 2.0 * self.margin for n in self.shape]))
        if values > MOST_PIXELS:
            raise UsageError(
                f"{self.name}: a scene of {' x '.join(str(n + 2 * self.margin) for n in self.shape)} pixels does not fit into "
                f"memory (at most {MOST_PIXELS:.3g}): lower shape or margin"
            )
        orders = (2.0 * self._reach + 1) ** len(self.shape)
        if values / 2 * orders > _MOST_FOLDED:
            most = self.wavelength / self.index / 4 * (2 * _MOST_FOLDED / values) ** (1 / len(self.shape))
            raise UsageError(
                f"{self.name}: pixels of {self.pixel:g} um are {2 * self.index * self.pixel / self.wavelength:.3g} times as wide "
                f"as the finest detail that light of {self.wavelength:g} um carries, too many to fold back: expected a pixel "
                f"below {most:.2g} um (pitch on the camera over magnification), a longer wavelength or a smaller margin"
            )

    @property
    def scene(self) -> Scene:
        """Point sources in photoelectrons, one per pixel, over the sensor and its margin."""
        return Scene("radiance", tuple(n + 2 * self.margin for n in self.shape), pixel=self.pixel)

    @property
    def measurement_shape(self) -> tuple[int, ...]:
        """Pixels of the sensor."""
        return tuple(self.shape)

    @property
    def designs(self) -> Mapping[str, str]:
        """The aperture of the settings, and those of common microscope objectives."""
        dry = {name: f"NA {na:g}" for name, na in _OBJECTIVES.items() if na <= self.index}
        return {"lens": f"the setting na, {self.na:g}"} | dry

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the numerical aperture of a named design.

        Args:
            name: one of `designs`; None for the first.
            seed: not used.

        Returns:
            {"na": scalar}.

        Raises:
            UsageError: there is none of that name.

        """
        if name is not None and name not in self.designs:
            raise UsageError(unknown_name(f"{self.name} has no design", name, self.designs))
        return {"na": jnp.asarray(_OBJECTIVES.get(name or "", self.na), dtype=float)}

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """An aperture between a hundredth of the refractive index and all of it."""
        return {"na": Bounded(_LEAST * self.index, self.index)}

    def brightness(self, scenes) -> np.ndarray:
        """Return of each scene the mean light before the sensor, the margin left out."""
        inner = tuple(slice(self.margin, self.margin + n) for n in self.shape)
        return super().brightness(np.asarray(scenes)[(slice(None), *inner)])

    def noise(self, params: Params) -> NoiseModel:
        """Return Gaussian noise where a sigma is set, photon counting otherwise."""
        return Gaussian(self.sigma) if self.sigma else Poisson()

    @property
    def _reach(self) -> int:
        """Orders of the spectrum on each side that fold into it."""
        return max(0, int(np.ceil(2 * self.index / self.wavelength * self.pixel - 0.5)))

    @cached_property
    def _frequencies(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Squared frequency (cycles/um) and response of a pixel along each axis, (order, frequency), of each order that folds in.

        Orders are pairs of those along the axes; the response is the product of the axes', the squared radius their sum.
        """
        size = self.scene.shape
        axes = [np.fft.fftfreq(n) for n in size[:-1]] + [np.fft.rfftfreq(size[-1])]  # cycles per pixel
        orders = np.stack(np.meshgrid(*[np.arange(-self._reach, self._reach + 1)] * len(size), indexing="ij"), -1)
        places = [axis - m[:, None] for axis, m in zip(axes, orders.reshape(-1, len(size)).T, strict=True)]
        return [(each / self.pixel) ** 2 for each in places], [np.sinc(self.fill * each) for each in places]

    def transfer(self, params: Params) -> jax.Array:
        """Return the transfer function on the half spectrum of the scene (as of rfftn), real; 1 at frequency 0."""
        cutoff = 2 * jnp.asarray(params["na"]) / self.wavelength
        curve = _slit_transfer if len(self.shape) == 1 else _circle_transfer
        squares, gains = ([jnp.asarray(axis, cutoff.dtype) for axis in each] for each in self._frequencies)

        def add(total, order):
            square, gain = order
            radius = jnp.sqrt(square[0] if len(square) == 1 else square[0][:, None] + square[1])
            return total + curve(radius / cutoff) * (gain[0] if len(gain) == 1 else gain[0][:, None] * gain[1]), None

        start = jnp.zeros([axis.shape[1] for axis in squares], cutoff.dtype)
        # A loop, since there are a thousand orders where pixels are much larger than what the lens resolves.
        return jax.lax.scan(add, start, (squares, gains))[0]

    def psf(self, params: Params) -> jax.Array:
        """Return the share of a point's light that each pixel gathers, of the scene's shape, the point at [n // 2]."""
        return jnp.fft.fftshift(jnp.fft.irfftn(self.transfer(params), s=self.scene.shape))

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return mean photoelectrons on the sensor."""
        image = jnp.fft.irfftn(jnp.fft.rfftn(scene) * self.transfer(params), s=scene.shape)
        return image[tuple(slice(self.margin, self.margin + n) for n in self.shape)]

    def spilt_light(self, params: Params, margin: int | None = None) -> float:
        """Return the share of the light on the sensor that comes from beyond the scene, root mean square over the pixels.

        The model takes that light from the opposite side of the scene, which repeats there. With distances in units of
        wavelength / (2 NA), a slit puts 1 / (2 pi^2 x) of a point's light beyond x, and a circle 2 / (pi^2 r) beyond a radius r
        (Born & Wolf, Principles of Optics, section 8.5.2, the mean of the rings): 1 / pi^3 times the sum of hypot(x, y) / (x y)
        over the four corners of a scene that reaches x and y far from the point.

        Args:
            params: the numerical aperture.
            margin: in pixels; None for the setting.

        """
        margin = self.margin if margin is None else margin
        cutoff = 2 * float(params["na"]) / self.wavelength
        far = [(margin + np.arange(size) + 0.5) * self.pixel * cutoff for size in self.shape]
        if len(far) == 1:
            beyond = (1 / far[0] + 1 / far[0][::-1]) / (2 * np.pi**2)
        else:
            corners = [(y[:, None], x) for y in (far[0], far[0][::-1]) for x in (far[1], far[1][::-1])]
            beyond = np.asarray(sum(np.hypot(y, x) / (y * x) for y, x in corners)) / np.pi**3
        return float(np.sqrt(np.mean(np.minimum(beyond, 1) ** 2)))

    def margin_for(self, params: Params) -> int:
        """Return the least margin, a multiple of 8 pixels, with which hardly any light comes from beyond the scene."""
        margin = 8
        while self.spilt_light(params, margin) > _MOST_SPILT:
            margin = 8 * int(np.ceil(1.05 * margin / 8 + 1e-9)) if margin > 160 else margin + 8
        return margin

    def findings(self, params: Params) -> list[Finding]:
        """Return a warning where the scene repeats within the reach of the point spread function."""
        if not self.margin or self.spilt_light(params) <= _MOST_SPILT:
            return []
        share, margin = self.spilt_light(params), self.margin_for(params)
        return [
            Finding(
                "scene-wraps",
                "biased",
                f"{self.name}: {percent(share)} of the light on the sensor (NA {float(params['na']):.3g}) comes from beyond "
                f"the margin of {self.margin} pixels, where the scene repeats",
                f"images are wrong by about {percent(share)} of their contrast",
                f"--set margin={margin}",
                {"share": share, "margin": self.margin, "margin_needed": margin},
            )
        ]

    def draw(self, params: Params, figure) -> None:
        """Draw the point spread function and the transfer function."""
        from matplotlib.colors import PowerNorm
        from matplotlib.ticker import MaxNLocator

        figure.set_layout_engine("constrained")
        figure.set_size_inches(8, 3.6)
        left, right = figure.subplots(1, 2)
        na, line = float(params["na"]), len(self.shape) == 1
        psf = np.asarray(self.psf(params), dtype=np.float64)
        zero = (0.5 if line else 0.61) * self.wavelength / na
        if line:
            place = (np.arange(len(psf)) - len(psf) // 2) * self.pixel
            left.plot(place, 100 * psf, marker=".", markersize=4, linewidth=1)
            for side in (-zero, zero):
                left.axvline(side, color="0.6", linestyle="--", linewidth=0.8, zorder=0)
            left.set(xlabel="position (µm)", ylabel="light of a point in a pixel (%)", xlim=np.array([-4, 4]) * zero)
        else:
            edges = [(np.array([0, n]) - n // 2 - 0.5) * self.pixel for n in psf.shape]
            picture = left.imshow(100 * psf, extent=(*edges[1], *edges[0][::-1]), cmap="magma", norm=PowerNorm(0.35, vmin=0))
            angle = np.linspace(0, 2 * np.pi, 200)
            left.plot(zero * np.cos(angle), zero * np.sin(angle), color="white", linestyle="--", linewidth=0.8)
            reach = min(4 * zero, *(abs(edge).min() for edge in edges))
            left.set(xlabel="x (µm)", ylabel="y (µm)", xlim=(-reach, reach), ylim=(reach, -reach))
            left.xaxis.set_major_locator(MaxNLocator(5))
            left.yaxis.set_major_locator(MaxNLocator(5))
            figure.colorbar(
                picture,
                ax=left,
                label="light of a point in a pixel (%),\nfaint parts raised (power 0.35)",
                shrink=0.8,
                ticks=MaxNLocator(4),
            )
        left.set_title(f"NA {na:.3g}, {1000 * self.wavelength:g} nm; first zero {zero:.3g} µm", fontsize="medium")
        cutoff, nyquist = 2 * na / self.wavelength, 0.5 / self.pixel
        frequency = np.linspace(0, max(1.15 * cutoff, 1.05 * nyquist), 300)
        curve = np.asarray((_slit_transfer if line else _circle_transfer)(jnp.asarray(frequency / cutoff)))
        right.plot(frequency, curve, label="lens")
        right.plot(frequency, curve * np.sinc(self.fill * frequency * self.pixel), linestyle="--", label="lens and pixel")
        right.axvline(nyquist, color="0.6", linestyle=":", label="Nyquist frequency")
        right.set(xlabel="spatial frequency (cycles/µm)", ylabel="transfer function", xlim=(0, frequency[-1]))
        right.legend(frameon=False, fontsize="small")


def _slit_transfer(rho: jax.Array) -> jax.Array:
    return jnp.maximum(1 - rho, 0)


def _circle_transfer(rho: jax.Array) -> jax.Array:
    inside = rho < 1
    rho = jnp.where(inside, rho, 0)  # the slope of arccos has a pole at 1
    return jnp.where(inside, 2 / np.pi * (jnp.arccos(rho) - rho * jnp.sqrt(1 - rho**2)), 0)

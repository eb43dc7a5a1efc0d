"""A microscope whose object is lit by an array of LEDs: partially coherent imaging, one coherent image for each LED."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, PHOTONS, WAVELENGTH, Range, Ranges
from ideal.errors import UsageError, unknown_name
from ideal.health.finding import Finding
from ideal.imaging._contract import ImagingSystem, Params, Scene, setting
from ideal.imaging.constraints import Constraint, UnitSum
from ideal.imaging.microscope.leds import ARRANGEMENTS, led_positions, selections, sines
from ideal.imaging.microscope.pupil import Passbands, interpolate, passbands
from ideal.text import percent

_DRY = Range(0, 1, above=True, below=True, why="in air")
_MOST_BLUR = 0.3  # of the object: a defocus that spreads a point further is named
_LEAST_DEFOCUS = 0.01  # of the depth of field, wavelength / NA^2: less turns no phase by 0.04 rad
_MOST_LEDS = 20_000
_MOST_PUPILS = 2.0**25  # complex values: half a gigabyte
_BLOCK_VALUES = 2**20  # of scenes at once: their fields, spectra and images take some ten times as much

_DESIGNS = {
    "brightfield": "all LEDs within the objective's NA, alike",
    "single-led": "the LED nearest to the axis: coherent light",
    "darkfield": "all LEDs outside the objective's NA, alike",
    "dpc-left": "differential phase contrast: the LEDs within the NA to the left of the axis",
    "dpc-right": "differential phase contrast: the LEDs within the NA to the right of the axis",
    "dpc-top": "differential phase contrast: the LEDs within the NA above the axis",
    "dpc-bottom": "differential phase contrast: the LEDs within the NA below the axis",
    "annular": "the outermost LEDs within the NA, from 0.8 of it",
    "all": "every LED alike",
    "random": "random shares, from a seed",
}


@dataclass(frozen=True, eq=False)
class LedMicroscope(ImagingSystem):
    """Sum over the LEDs of the intensities of coherent images, each of a tilted plane wave.

    mean = photons x sum_l w_l |IFFT(pupil(f + s_l) FFT(object))(x)|^2, averaged over the samples of a camera pixel. An LED at the
    direction sines (x, y) sends a wave of spatial frequency s = (y, -x) / wavelength along (rows, columns): x points to the right
    in the picture, y up, and light travels away from its LED. The object is exp(-absorption + i phase), thin and periodic on its
    grid, in air. A camera pixel counts `photons` in an empty field if all power goes through LEDs within the objective's NA; the
    power of an LED is what arrives at the object. With an oversampling of 1 the intensity is taken at the pixel's centre.

    A positive defocus has the focus beyond the object, on the side of the objective: what advances the phase (a positive bump)
    then looks bright.

    Attributes:
        drawn: phase in radians, or absorption, of the disc in the figure.

    Source: Tian, Li, Ramchandran, Waller, Biomed. Opt. Express 5, 2376 (2014).

    Raises:
        UsageError: a setting has no meaning, or the samples are too coarse for the angles.
        DataError: a file of LED positions cannot be read.

    """

    name: ClassVar[str] = "led-microscope"
    summary: ClassVar[str] = "LED-array microscope: brightfield, darkfield, differential phase contrast, any intensities"
    linear: ClassVar[bool] = False
    member: ClassVar[str] = "LED"
    drawn: ClassVar[float] = 1.0

    shape: tuple = setting(
        (128, 128),
        "samples",
        "rows and columns of the object",
        Ranges(Range(2, 65536, whole=True), (2,), most=MOST_PIXELS),
    )
    na: float = setting(0.5, "", "numerical aperture of the objective", _DRY)
    wavelength: float = setting(0.53, "um", "of the light", WAVELENGTH)
    magnification: float = setting(20.0, "", "of the objective", Range(0.1, 1000))
    camera_pixel: float = setting(3.45, "um", "side of a pixel of the camera", Range(0.1, 200))
    oversampling: int = setting(1, "samples", "of the object for each camera pixel, along each side", Range(1, 256, whole=True))
    defocus: float = setting(0.0, "um", "by which the focus lies beyond the object, towards the objective", Range(-1000, 1000))
    leds: str = setting("grid", "", "arrangement: grid, rings, dome, or a .json, .csv or .npy file of x, y, z in mm")
    led_pitch: float = setting(4.0, "mm", "distance of neighbours in a named arrangement", Range(0.1, 200))
    led_height: float = setting(16.0, "mm", "of a named arrangement above the object; of a dome, the radius", Range(1, 2000))
    led_na: float = setting(0.75, "", "LEDs at a larger illumination NA are left out", _DRY)
    photons: float = setting(1000.0, "photoelectrons", "mean of a camera pixel in an empty brightfield image", PHOTONS)

    def __post_init__(self):
        super().__post_init__()
        self._check_numbers()
        self._check_sampling()

    def _check_numbers(self) -> None:
        if any(side % self.oversampling for side in self.shape):
            raise UsageError(
                f"{self.name}: oversampling {self.oversampling} does not divide the shape {tuple(self.shape)}: change one of them"
            )
        field, blur = min(self.shape) * self.pitch, self._blur
        if blur > field:
            raise UsageError(
                f"{self.name}: a defocus of {self.defocus:g} um spreads a point at an NA of {self.na:g} over {blur:.3g} um, the "
                f"object is {field:.3g} um wide and repeats: lower defocus to below {self.defocus * field / blur:.3g} um, or "
                "raise shape"
            )
        if self.leds in ARRANGEMENTS:
            reach = self.led_na / float(np.sqrt(1 - self.led_na**2)) * self.led_height / self.led_pitch
            if (2 * reach + 1) ** 2 > _MOST_LEDS:
                raise UsageError(
                    f"{self.name}: LEDs {self.led_pitch:g} mm apart at a height of {self.led_height:g} mm are some "
                    f"{(2 * reach + 1) ** 2:.3g} within an NA of {self.led_na:g}, expected at most {_MOST_LEDS}: raise "
                    "led_pitch, or lower led_height or led_na"
                )

    def _check_sampling(self) -> None:
        if not len(self.directions):
            raise UsageError(f"{self.name}: no LED of {self.leds} lies within led_na {self.led_na}: raise it")
        largest = float(np.hypot(*self.directions.T).max())
        carried = self.wavelength / (2 * self.pitch)
        window = min(2 * self.na * self.shape[0] * self.pitch / self.wavelength, self.shape[0]) * min(
            2 * self.na * self.shape[1] * self.pitch / self.wavelength, self.shape[1]
        )
        if len(self.directions) * window > _MOST_PUPILS:
            raise UsageError(
                f"{self.name}: {len(self.directions)} LEDs with pupils of {window:.3g} samples each do not fit into memory "
                f"(at most {_MOST_PUPILS:.3g} in all): take fewer LEDs (led_pitch, led_na) or lower shape"
            )
        if self.na + largest < carried:
            return
        times = int((self.na + largest) / carried) + 1
        remedy = f"set oversampling to {self.oversampling * times} (with as many times more samples in shape, for the same field)"
        if carried > self.na:
            remedy += f", or led_na below {carried - self.na:.3g}"
        raise UsageError(
            f"{self.name}: object samples of {self.pitch:.4g} um carry an NA of {carried:.3g}, but the objective ({self.na:g})"
            f" and the LEDs (up to {largest:.3g}) need more than {self.na + largest:.3g}: {remedy}"
        )

    @property
    def _blur(self) -> float:
        """Width over which a defocus spreads the light of a point, um."""
        return 2 * abs(self.defocus) * self.na / float(np.sqrt(1 - self.na**2))

    def findings(self, params: Params) -> list[Finding]:
        """Return a warning where a defocus is none, or light from one edge of the object reaches far beyond the other."""
        field, blur = min(self.shape) * self.pitch, self._blur
        depth = self.wavelength / self.na**2
        if 0 < abs(self.defocus) < _LEAST_DEFOCUS * depth:
            return [
                Finding(
                    "setting-idle",
                    "note",
                    f"{self.name}: a defocus of {self.defocus:g} um is {percent(abs(self.defocus) / depth)} of the depth of "
                    f"field, {depth:.3g} um",
                    "images are those in focus",
                    f"set defocus in um ({self.defocus:g} mm are {1000 * self.defocus:g} um), or leave it out",
                    {"defocus": self.defocus, "depth_of_field": depth},
                )
            ]
        if blur <= _MOST_BLUR * field:
            return []
        return [
            Finding(
                "scene-wraps",
                "biased",
                f"{self.name}: a defocus of {self.defocus:g} um spreads a point over {blur:.3g} um, the object is {field:.3g} um "
                "wide and repeats",
                f"the image within {blur / 2:.2g} um of its edges is mixed with the opposite side",
                f"raise shape to {int(np.ceil(blur / _MOST_BLUR / self.pitch / self.oversampling)) * self.oversampling} samples "
                "or more, or lower defocus",
                {"blur": blur, "field": field},
            )
        ]

    @property
    def pitch(self) -> float:
        """Side of a sample of the object, um."""
        return self.camera_pixel / self.magnification / self.oversampling

    @cached_property
    def positions(self) -> np.ndarray:
        """Positions x, y, z in mm of the LEDs within `led_na`, (led, 3)."""
        found = led_positions(self.leds, self.led_pitch, self.led_height, self.led_na)
        return found[np.hypot(*sines(found).T) <= self.led_na]

    @property
    def directions(self) -> np.ndarray:
        """Direction sines x and y of the LEDs as seen from the object, (led, 2)."""
        return sines(self.positions)

    @cached_property
    def _bands(self) -> Passbands:
        waves = np.stack([self.directions[:, 1], -self.directions[:, 0]], axis=1) / self.wavelength
        return passbands(self.shape, self.pitch, waves, na=self.na, wavelength=self.wavelength, defocus=self.defocus)

    @property
    def scene(self) -> Scene:
        """A transmission on the object's samples."""
        return Scene("transmission", (*self.shape, 2), ("absorption", "phase"), self.pitch, wavelength=self.wavelength)

    @property
    def measurement_shape(self) -> tuple[int, ...]:
        """Rows and columns of the camera's image."""
        return tuple(side // self.oversampling for side in self.shape)

    @property
    def designs(self) -> Mapping[str, str]:
        """Named illuminations that the array can give."""
        lit = selections(self.directions, self.na)
        return {name: text for name, text in _DESIGNS.items() if name not in lit or lit[name].any()}

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the intensities of a named illumination, {"intensities": (led,)}."""
        possible = self.designs
        name = next(iter(possible)) if name is None else name
        if name not in possible and name in _DESIGNS:
            raise UsageError(
                f"{self.name}: no LED makes up {name} (found NA {self._reach()}, objective {self.na:g}): set led_na or leds"
            )
        if name not in possible:
            raise UsageError(unknown_name(f"{self.name} has no design", name, possible))
        count = len(self.directions)
        if name == "random":
            shares = np.random.default_rng(seed).exponential(size=count)
        elif name == "all":
            shares = np.ones(count)
        else:
            shares = selections(self.directions, self.na)[name].astype(float)
        return {"intensities": jnp.asarray(shares / shares.sum(), jnp.zeros(()).dtype)}

    def _reach(self) -> str:
        radius = np.hypot(*self.directions.T)
        return f"{radius.min():.3g} to {radius.max():.3g}"

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """Intensities share out the power."""
        return {"intensities": UnitSum()}

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the mean photoelectrons of the camera's pixels, `measurement_shape`."""
        scene, kind = _floating(scene)
        bands = self._bands
        # The unscattered light is kept apart, or its rounding would be seen in a darkfield.
        scattered = jnp.expm1(jax.lax.complex(-scene[..., 0], scene[..., 1]))
        spectrum = bands.cut(jnp.fft.fft2(scattered, norm="forward").at[0, 0].add(1))

        # Checkpointed: a gradient makes each coherent image again and need not keep them all.
        @jax.checkpoint
        def add(total, led):
            offset, passes, share = led
            window = jax.lax.dynamic_slice(spectrum, offset, bands.window) * passes
            image = jnp.fft.ifft2(window, s=bands.grid, norm="forward")
            return total + share * (image.real**2 + image.imag**2), None

        leds = bands.offsets, bands.pupils.astype(kind), jnp.asarray(params["intensities"], scene.dtype)
        total, _ = jax.lax.scan(add, jnp.zeros(bands.grid, scene.dtype), leds)
        intensity = jnp.maximum(interpolate(total, self.shape), 0)  # rounding leaves the dark of a darkfield below zero
        return float(self.photons) * self._camera(intensity)

    def _camera(self, intensity: jax.Array) -> jax.Array:
        """Return the average over each camera pixel."""
        if self.oversampling == 1:
            return intensity
        rows, columns = self.measurement_shape
        return intensity.reshape(rows, self.oversampling, columns, self.oversampling).mean((1, 3))

    def brightness(self, scenes) -> np.ndarray:
        """Return `photons` for each scene: the light is the system's, not the object's."""
        return np.full(len(scenes), float(self.photons))

    @property
    def block_values(self) -> int:
        """Fewer than usual."""
        return _BLOCK_VALUES

    @cached_property
    def _bright(self) -> np.ndarray:
        """Numbers of the LEDs whose light reaches the camera through an empty field."""
        return np.flatnonzero(self._bands.centre != 0).astype(np.int32)

    def _transfer(self, params: Params, real, kind) -> tuple[jax.Array, jax.Array]:
        """Return sum_l w_l |p_l(0)|^2 and sum_l w_l conj(p_l(0)) p_l(f), as of fft2, with p_l(f) = pupil(f + s_l)."""
        bands, bright = self._bands, self._bright
        shares = jnp.asarray(params["intensities"], real)[bright]
        products = (bands.centre[bright, None, None].conj() * bands.pupils[bright]).astype(kind)
        total = jnp.zeros(self.shape, kind).at[bands.places(bright)].add(shares[:, None, None] * products)
        return shares.sum(), total  # |p_l(0)| is 1: an ideal pupil takes nothing from what it passes

    def transfer_functions(self, params: Params) -> tuple[np.ndarray, np.ndarray]:
        """Return the weak-object transfer functions of absorption and of phase.

        Relative to the light of the empty field: contrast(f) = H_absorption(f) absorption(f) + H_phase(f) phase(f). Zeros where
        no lit LED lies within the NA. Source: Tian & Waller, Opt. Express 23, 11394 (2015).

        Args:
            params: intensities.

        Returns:
            Two complex arrays of the object's shape, frequencies as of fft2.

        """
        background, product = (np.asarray(each) for each in self._transfer(params, jnp.float32, jnp.complex64))
        mirrored = np.roll(product[::-1, ::-1], (1, 1), (0, 1)).conj()
        scale = background if background > 0 else 1.0
        return -(product + mirrored) / scale, 1j * (product - mirrored) / scale

    def draw(self, params: Params, figure) -> None:
        """Draw the LEDs by intensity, a weak-object transfer function if there is one, and the image of a disc."""
        from ideal.imaging.microscope.figure import draw

        draw(self, params, figure)


def _floating(scene: jax.Array) -> tuple[jax.Array, jnp.dtype]:
    """Return a scene in a floating type, and the complex type of its precision."""
    scene = jnp.asarray(scene)
    scene = scene if scene.dtype == jnp.float64 else scene.astype(jnp.float32)
    return scene, jnp.promote_types(scene.dtype, jnp.complex64)

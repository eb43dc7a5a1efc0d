"""Rings of a black hole's surroundings with the texture of a Gaussian random field."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from ideal._ranges import SHARE, Range, Ranges
from ideal.datasets._contract import ObjectSet
from ideal.datasets._generated import (
    GeneratedSource,
    angular_pixel,
    check_extent,
    check_kind,
    draw_in_disc,
    draw_range,
    picture_shape,
    share_light,
)
from ideal.datasets._random_fields import RandomField, matern
from ideal.errors import UsageError
from ideal.health.finding import Finding
from ideal.imaging import Scene, setting

_ends = partial(Ranges, lengths=(1, 2), growing="or equal")  # one number, or the lowest and the highest
_SIZES, _SHARES = _ends(Range(0.1, 1e10)), _ends(SHARE)
_ANGLES, _SPREADS = _ends(Range(-720, 720)), _ends(Range(0, 5))
_LEAST_WIDTH = 0.25  # pixels: of a narrower ring most pixels see nothing
_FULL_WIDTH = 4 * np.log(2)  # exp(-_FULL_WIDTH (x / w)^2) is one half at x = w / 2


@dataclass(frozen=True, eq=False)
class BlackHoleRings(ObjectSet):
    """Rings such as that of M87*, each of another size, brightness pattern and texture.

    As in the published study (arXiv 2405.20559): ring images with Gaussian-random-field texture, 64x64 pixels over a field of
    128 microarcseconds, total flux 1 Jy. Our choice, since it gives no more: the shape, and every range.

    The brightness at distance r from the ring's centre and position angle p (east of north) is
        g(r) (1 + a cos(p - p0)) exp(t T),
    g a Gaussian of r about half the diameter, outside, and inside the same above a floor; T a Gaussian random field of variance
    1 with the Matern covariance of smoothness 1 (so that the texture has a turbulent power law below the correlation length).
    Diameter and width are as the Event Horizon Telescope found them for M87*, 42 +- 3 and below 20 microarcseconds (2019, ApJL
    875, L1), where the ring is brightest in the south; here it is brightest anywhere. Row 0 is north, column 0 east.

    A radiance is the same pictures, with the brightest value 1.
    """

    diameter: tuple = setting((36.0, 44.0), "uas", "diameter of the ring's ridge: one number, or lowest and highest", _SIZES)
    width: tuple = setting((8.0, 16.0), "uas", "full width of the ring at half its height", _SIZES)
    floor: tuple = setting((0.0, 0.2), "1", "brightness at the centre relative to the ring's", _SHARES)
    asymmetry: tuple = setting((0.2, 0.8), "1", "strength of the brighter side, 0 (even) to 1 (the other side is dark)", _SHARES)
    position_angle: tuple = setting((0.0, 360.0), "degrees", "direction of the brighter side, east of north", _ANGLES)
    texture: tuple = setting((0.3, 0.6), "1", "standard deviation of the logarithm of the brightness due to texture", _SPREADS)
    correlation_length: tuple = setting((5.0, 12.0), "uas", "correlation length of the texture", _SIZES)
    shift: float = setting(4.0, "uas", "largest distance of the ring's centre from the middle of the scene", Range(0, 1e9))
    flux: float = setting(1.0, "Jy", "total flux of a sky", Range(1e-7, 1e5))
    field_of_view: float = setting(
        128.0, "uas", "longer side of the scene, where the scene does not give its pixels in uas", Range(1, 1e11)
    )

    name = "black-hole-rings"
    summary = "rings such as M87*'s with Gaussian-random-field texture, as in the published study of telescope arrays"
    origin = "generated"
    licence = "none needed: generated"
    kinds = ("sky", "radiance")

    @property
    def preview(self) -> Scene:
        """The published scene."""
        return Scene("sky", (64, 64), pixel=2.0, pixel_unit="uas")

    def open(self, scene: Scene, seed: int = 0) -> GeneratedSource:
        """Return rings that fit a scene.

        Args:
            scene: its kind, shape and pixel.
            seed: of everything that is drawn from a range, and of the texture.

        Raises:
            UsageError: the kind, shape or pixel of the scene does not fit, or the ring is larger than the scene.

        """
        check_kind(self, scene)
        shape = picture_shape(self, scene)
        pixel = angular_pixel(self, scene, self.field_of_view)
        largest = self.diameter[-1] + self.width[-1] + 2 * self.shift
        if largest > pixel * min(shape):
            raise UsageError(
                f"{self.name}: rings reach over {largest:g} uas, the scene only over {pixel * min(shape):g} uas"
                f" ({min(shape)} pixels of {pixel:g} uas); set a smaller diameter, width or shift, or larger pixels"
            )
        fitting = "lower the field of view (field_of_view), give the scene more pixels (shape), or set a larger diameter or width"
        check_extent(self, "rings", self.diameter[-1] + self.width[-1], pixel, "uas", fitting)
        if self.width[0] < _LEAST_WIDTH * pixel:
            raise UsageError(
                f"{self.name}: a ring {self.width[0]:.3g} uas wide falls between the pixels of the scene, {pixel:.3g} uas: "
                + fitting
            )
        if self.correlation_length[-1] > pixel * max(shape):
            raise UsageError(
                f"{self.name}: correlation_length is {self.correlation_length[-1]:g} uas, expected at most the scene's side, "
                f"{pixel * max(shape):g} uas ({max(shape)} pixels of {pixel:g} uas)"
            )
        north, east = (pixel * ((size - 1) / 2 - np.arange(size)) for size in shape)
        north, east = np.meshgrid(north.astype(np.float32), east.astype(np.float32), indexing="ij")
        fields = _Textures(shape, pixel, self.correlation_length)

        def draw(rng):
            light = self._draw(rng, north, east, fields)
            return share_light(light / light.max() if scene.kind == "radiance" else light * (self.flux / light.sum()), scene)

        return GeneratedSource(scene.shape, seed, draw, findings=self._findings(pixel))

    def _findings(self, pixel: float) -> list[Finding]:
        """Return what is lost of the rings on pixels of this side."""
        if self.diameter[-1] < pixel:
            text = f"rings of at most {self.diameter[-1]:.3g} uas in diameter are spots on pixels of {pixel:.3g} uas"
            effect = "no measurement of such a scene can tell their shape"
        elif self.width[0] < 2 * _LEAST_WIDTH * pixel:
            text = f"rings {self.width[0]:.3g} uas wide are drawn on pixels of {pixel:.3g} uas"
            effect = "their brightness along the ring depends on where the pixels lie"
        else:
            return []
        remedy = "set diameter and width in uas, or lower field_of_view, or raise shape"
        return [Finding("objects-fine", "biased", f"{self.name}: {text}", effect, remedy, {"pixel": pixel})]

    def _draw(self, rng: np.random.Generator, north: np.ndarray, east: np.ndarray, fields: "_Textures") -> np.ndarray:
        radius, width = draw_range(rng, self.diameter) / 2, draw_range(rng, self.width)
        floor, asymmetry = draw_range(rng, self.floor), draw_range(rng, self.asymmetry)
        bright = np.deg2rad(draw_range(rng, self.position_angle))
        to_north, to_east = draw_in_disc(rng, self.shift)
        north, east = north - np.float32(to_north), east - np.float32(to_east)
        distance = np.hypot(north, east)
        ring = np.exp(np.float32(-_FULL_WIDTH) * ((distance - radius) / width) ** 2)
        ring = np.where(distance < radius, floor + (1 - floor) * ring, ring)
        # the cosine of the angle between here and the brighter side; smooth at the centre, where there is no direction
        towards = (np.cos(bright) * north + np.sin(bright) * east) / np.maximum(distance, radius / 2)
        texture = draw_range(rng, self.texture) * fields.draw(rng)
        return np.asarray(ring * (1 + asymmetry * towards) * np.exp(texture), dtype=np.float64)


class _Textures:
    # A field for each of a few correlation lengths over the range: making a spectrum for every object would take longer than
    # drawing the object.
    def __init__(self, shape: tuple[int, int], pixel: float, lengths: tuple[float, ...], count: int = 16):
        steps = np.geomspace(lengths[0], lengths[-1], count if lengths[-1] > lengths[0] else 1)
        self._make = [
            (lambda length=each: RandomField(shape, matern(length / pixel, 1.0), int(np.ceil(3 * length / pixel))))
            for each in steps
        ]
        self._made: dict[int, RandomField] = {}

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        which = int(rng.integers(len(self._make)))
        if which not in self._made:
            self._made[which] = self._make[which]()
        return self._made[which].draw(rng)

"""Lensless cameras: a mask in front of a bare sensor spreads each point of the scene over a window of pixels."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, Range, Ranges, check_range
from ideal.errors import UsageError, unknown_name
from ideal.health.finding import Finding
from ideal.imaging._contract import ImagingSystem, Params, PeriodicForm, Scene, setting
from ideal.imaging._convolution import valid_convolution
from ideal.imaging.constraints import Bounded, Constraint, UnitSum
from ideal.imaging.lensless.lenslets import Inside, caustic_psf, lenslet_psf, random_widths, spread_positions
from ideal.imaging.lensless.measured_psf import BORDER_MEDIAN, MeasuredPsf, measured_psf

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SIDES = Ranges(Range(2, 65536, whole=True), (1, 2), most=MOST_PIXELS)
_WIDTH = Range(0.01, 10_000)  # pixels
_MOST_SPOTS = 2.0**26  # values of all lenslets' spots, before they are summed
_DEFOCUS = 4.0  # the widest lenslet of several focal lengths, in units of the sharpest


@dataclass(frozen=True, eq=False)
class LenslessCamera(ImagingSystem):
    """The base of all: a scene convolved with a point spread function of sum 1 where that fits into the scene, plus stray light.

    Pixels of the scene are as large as the sensor's: as the mask projects them. A subclass says what the function is.
    """

    scene_shape: tuple = setting((96, 96), "pixels", "rows and columns of the scene", _SIDES)
    psf_shape: tuple = setting((32, 32), "pixels", "rows and columns of the window that holds the point spread function", _SIDES)
    bias: float = setting(0.0, "photoelectrons", "mean stray light on each pixel", Range(0, 1e9))
    pixel: float = setting(5.0, "um", "side of a sensor pixel", Range(0.1, 1000))

    def __post_init__(self):
        super().__post_init__()
        for name in ("scene_shape", "psf_shape"):
            object.__setattr__(self, name, _pair(f"{self.name}: setting {name}", getattr(self, name)))
        if any(psf > scene for psf, scene in zip(self.psf_shape, self.scene_shape, strict=True)):
            raise UsageError(
                f"{self.name}: a PSF of {_by(self.psf_shape)} does not fit in a scene of {_by(self.scene_shape)} pixels: "
                "raise scene_shape or lower psf_shape"
            )

    @property
    def scene(self) -> Scene:
        """Radiance in photoelectrons of an unfiltered pixel."""
        return Scene("radiance", self.scene_shape)

    @property
    def measurement_shape(self) -> tuple[int, int]:
        """Where the whole point spread function lies inside the scene: scene - PSF + 1 pixels along each side."""
        return tuple(scene - psf + 1 for scene, psf in zip(self.scene_shape, self.psf_shape, strict=True))

    @property
    def block_values(self) -> int:
        """A few hundred scenes: transforms run fastest while they stay in the processor's cache."""
        return 2**20

    def brightness(self, scenes) -> np.ndarray:
        """Return of each scene the mean light on the sensor under an even point spread function, the same for all designs."""
        scenes, (rows, columns) = np.asarray(scenes, dtype=np.float64), self.psf_shape
        share = [
            np.convolve(np.ones(scene - size + 1), np.ones(size)) / (size * (scene - size + 1))
            for scene, size in zip(self.scene_shape, (rows, columns), strict=True)
        ]
        return np.einsum("nrc,r,c->n", scenes, *share)

    @abstractmethod
    def psf(self, params: Params) -> jax.Array:
        """Return the point spread function, `psf_shape`, shares of the light on each pixel."""

    def periodic_form(self, params: Params) -> PeriodicForm:
        """Return the point spread function, every pixel alike; the sensor's edges are left out of account."""
        psf = self.psf(params)
        return PeriodicForm(jnp.ones((1, 1, 1), psf.dtype), psf, self.bias)

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the scene convolved with the point spread function, plus the bias."""
        return valid_convolution(scene, self.psf(params)) + self.bias

    def draw(self, params: Params, figure) -> None:
        """Draw the point spread function and its modulation transfer function."""
        figure.set_layout_engine("constrained")
        figure.set_size_inches(8, 3.6)
        left, right = figure.subplots(1, 2)
        self._draw_psf(params, left)
        self._draw_mtf(params, right)

    def _draw_psf(self, params: Params, axes) -> None:
        from matplotlib.colors import PowerNorm

        psf = 100 * np.asarray(self.psf(params), dtype=np.float64)
        image = axes.imshow(psf, cmap="inferno", norm=PowerNorm(0.5, 0, psf.max()), interpolation="nearest")
        # The size of a pixel stands in the label: a scale bar would lie on the light somewhere.
        axes.set(xlabel=f"column (pixels of {self.pixel:g} μm)", ylabel="row (pixels)", title="point spread function")
        bar = axes.figure.colorbar(image, ax=axes, shrink=0.75)
        bar.set_label("light per pixel (%), square-root scale")

    def _draw_mtf(self, params: Params, axes) -> None:
        frequency, lowest, middle, highest = _radial_mtf(np.asarray(self.psf(params), dtype=np.float64))
        axes.fill_between(frequency, lowest, highest, color="tab:blue", alpha=0.25, lw=0, label="all directions")
        axes.plot(frequency, middle, color="tab:blue", label="root mean square")
        axes.set(xlim=(0, 0.5), ylim=(max(1e-4, 0.5 * float(np.min(middle))), 1.3), yscale="log")
        axes.set(xlabel="spatial frequency (cycles per pixel)", ylabel="contrast", title="modulation transfer function")
        axes.legend(loc="lower left", fontsize="small", framealpha=0.9, edgecolor="none")


@dataclass(frozen=True, eq=False)
class MaskCamera(LenslessCamera):
    """A lensless camera whose point spread function is free: every pixel of it may be designed."""

    name: ClassVar[str] = "lensless"
    summary: ClassVar[str] = "lensless camera with any point spread function: lenslets, a diffuser, a measured one"

    width: float = setting(
        0.8, "pixels", "standard deviation of a lenslet's spot, and of the blur of the diffuser's caustics", _WIDTH
    )
    psf_file: str = setting("", "", "picture of a point source to measure the PSF from: .tif, .png, .npy or FILE.h5::DATASET")

    psf_background: float | str | None = setting(
        None,
        "values of the file",
        "what to subtract from the measured PSF: a number, or border-median (the median along its edge); none: nothing",
    )

    def __post_init__(self):
        super().__post_init__()
        _check_width(self, "width")
        background = self.psf_background
        if isinstance(background, str) and background != BORDER_MEDIAN:
            raise UsageError(f'{self.name}: setting psf_background is {background!r}, expected a number or "{BORDER_MEDIAN}"')
        if background is not None and background != BORDER_MEDIAN:
            check_range(f"{self.name}: setting psf_background", background, Range(-1e12, 1e12))

    def findings(self, params: Params) -> list[Finding]:
        """Return what is odd about the measured point spread function, where there is one."""
        if not self.psf_file or not np.allclose(params["psf"], self._measured.values, rtol=1e-5, atol=1e-9):
            return []
        return list(self._measured.findings)

    @property
    def designs(self) -> Mapping[str, str]:
        """Lenslets from one to ten, several focal lengths, a diffuser; with `psf_file`, first of all the measured one."""
        named = {"measured": f"as in {self.psf_file}"} if self.psf_file else {}
        named |= _lenslet_names(len(_NUMBERS))
        named["multi-focal"] = "ten lenslets at random places, of random focal lengths: spots from sharp to 4 times as wide"
        named["diffuser"] = "caustics of a smooth random surface"
        return named

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return {"psf": (row, column)}, shares of the light."""
        name = pick_design(self, name)
        rng = np.random.default_rng(seed)
        if name == "measured":
            psf = self._measured.values
        elif name == "diffuser":
            psf = caustic_psf(self.psf_shape, self.width, rng)
        else:
            count = len(_NUMBERS) if name == "multi-focal" else list(_lenslet_names(len(_NUMBERS))).index(name) + 1
            margin = _margin(self.psf_shape, self.width)
            positions = spread_positions(count, self.psf_shape, margin, rng)
            widths = np.full(count, self.width)
            if name == "multi-focal":
                positions = rng.uniform(margin, np.array(self.psf_shape) - 1 - margin, (count, 2))
                widths = random_widths(count, self.width, _DEFOCUS * self.width, rng)
            return {"psf": lenslet_psf(positions, widths, np.ones(count), self.psf_shape)}
        return {"psf": jnp.asarray(psf)}

    @cached_property
    def _measured(self) -> MeasuredPsf:
        return measured_psf(self.psf_file, self.psf_shape, self.psf_background)

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """Light is neither made nor lost."""
        return {"psf": UnitSum()}

    def psf(self, params: Params) -> jax.Array:
        """Return the parameter itself."""
        return jnp.asarray(params["psf"])


@dataclass(frozen=True, eq=False)
class LensletCamera(LenslessCamera):
    """A lensless camera of Gaussian lenslets, whose places, widths and shares of the light may be designed.

    A lenslet that is not worth its light is found by its weight going to 0.
    """

    name: ClassVar[str] = "lensless-lenslets"
    member: ClassVar[str] = "lenslet"
    summary: ClassVar[str] = "lensless camera of Gaussian lenslets: places, widths and shares of the light"

    lenslets: int = setting(10, "", "how many there are; those of weight 0 are not there", Range(1, 100_000, whole=True))
    width: float = setting(0.8, "pixels", "standard deviation of the sharpest spot, as diffraction sets it", _WIDTH)
    widest: float = setting(5.0, "pixels", "standard deviation of the widest spot", _WIDTH)

    def __post_init__(self):
        super().__post_init__()
        _check_width(self, "width", "widest")
        values = float(self.lenslets) * math.prod(self.psf_shape)
        if values > _MOST_SPOTS:
            raise UsageError(
                f"{self.name}: {self.lenslets} lenslets in a window of {_by(self.psf_shape)} pixels are {values:.3g} values, "
                f"expected at most {_MOST_SPOTS:.3g}: lower lenslets or psf_shape"
            )
        if self.widest <= self.width:
            raise UsageError(f"{self.name}: widest is {self.widest:g} pixels, expected more than width, {self.width:g}")

    @property
    def designs(self) -> Mapping[str, str]:
        """All lenslets spread, at random, of several focal lengths, or only some of them with light."""
        return {
            "spread": "all of them sharp and equal, far from each other",
            "random": "all of them sharp and equal, at random places",
            "multi-focal": "equal shares at random places, spots from sharp to 4 times as wide",
            **_lenslet_names(min(self.lenslets, len(_NUMBERS))),
        }

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return {"positions": (lenslet, 2) pixels, "widths": (lenslet,) pixels, "weights": (lenslet,) shares}."""
        name = pick_design(self, name)
        rng = np.random.default_rng(seed)
        margin, count = _margin(self.psf_shape, self.width), self.lenslets
        widths, weights = np.full(count, self.width), np.full(count, 1 / count)
        positions = rng.uniform(margin, np.array(self.psf_shape) - 1 - margin, (count, 2))
        if name == "spread":
            positions = spread_positions(count, self.psf_shape, margin, rng)
        elif name == "multi-focal":
            widths = random_widths(count, self.width, min(_DEFOCUS * self.width, self.widest), rng)
        elif name != "random":
            lit = list(_lenslet_names(count)).index(name) + 1
            positions[:lit] = spread_positions(lit, self.psf_shape, margin, rng)
            weights = np.where(np.arange(count) < lit, 1 / lit, 0.0)
        positions = np.clip(positions, margin, np.array(self.psf_shape) - 1 - margin)
        # Inside the bounds by a little, where the logistic function still has a slope.
        widths = np.clip(widths, self.width + 1e-2 * (self.widest - self.width), None)
        return {name: jnp.asarray(value) for name, value in zip(_LENSLET_PARAMS, (positions, widths, weights), strict=True)}

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """Centres so far inside the window that the edge cuts no sharp spot, widths between their bounds, weights of sum 1."""
        margin = _margin(self.psf_shape, self.width)
        sides = [Bounded(margin, side - 1 - margin) for side in self.psf_shape]
        return {"positions": Inside(*sides), "widths": Bounded(self.width, self.widest), "weights": UnitSum()}

    def psf(self, params: Params) -> jax.Array:
        """Return the sum of the lenslets' spots."""
        return lenslet_psf(params["positions"], params["widths"], params["weights"], self.psf_shape)


_LENSLET_PARAMS = ("positions", "widths", "weights")


def pick_design(system: ImagingSystem, name: str | None) -> str:
    """Return the name of a design that there is: the default one for None.

    Raises:
        UsageError: there is none of that name.

    """
    name = next(iter(system.designs)) if name is None else name
    if name not in system.designs:
        raise UsageError(unknown_name(f"{system.name} has no design", name, system.designs))
    return name


def _check_width(system: LenslessCamera, *names: str) -> None:
    for name in names:
        value, window = getattr(system, name), max(system.psf_shape)
        if value > window:
            raise UsageError(
                f"{system.name}: setting {name} is {value:g} pixels, wider than the window of the PSF, {_by(system.psf_shape)}: "
                "raise psf_shape, or lower it (in pixels, not in um)"
            )


def _lenslet_names(count: int) -> dict[str, str]:
    names = {"one-lens": "one sharp lens in the centre"}
    for number in _NUMBERS[1:count]:
        names[f"{number}-lenslets"] = f"{number} sharp, equal lenslets, far from each other"
    return names


def _margin(shape: tuple[int, int], width: float) -> float:
    return min(3 * width, (min(shape) - 1) / 4)


def _pair(what: str, value) -> tuple[int, int]:
    value = tuple(value) if isinstance(value, tuple | list) else (value,)
    value = value * 2 if len(value) == 1 else value
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side >= 2 for side in value)
    if len(value) != 2 or not whole:
        raise UsageError(f"{what} is {value}, expected rows and columns of at least 2 pixels, such as (32, 32)")
    return int(value[0]), int(value[1])


def _by(shape) -> str:
    return "x".join(map(str, shape))


def _radial_mtf(psf: np.ndarray, bins: int = 64) -> tuple[np.ndarray, ...]:
    """Return frequencies (cycles per pixel) and lowest, root mean square and highest contrast over all directions."""
    sides = [max(4 * side, 256) for side in psf.shape]
    contrast = np.abs(np.fft.rfft2(psf, s=sides)) / psf.sum()
    radius = np.hypot(np.fft.fftfreq(sides[0])[:, None], np.fft.rfftfreq(sides[1]))
    ring = np.round(radius * 2 * bins).astype(int)
    rows = [contrast[ring == each] for each in range(bins + 1)]
    ends = [(each.min(), np.sqrt(np.mean(each**2)), each.max()) for each in rows]
    return np.arange(bins + 1) / (2 * bins), *np.maximum(np.array(ends).T, 1e-12)

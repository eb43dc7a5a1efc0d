"""A radio interferometer: sites on the rotating Earth measure visibilities of a small source."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, SIDE, Range, Ranges
from ideal.errors import DataError, UsageError, unknown_name
from ideal.formats.uvfits import split_name
from ideal.health.finding import Finding
from ideal.imaging._contract import ImagingSystem, Params, Scene, setting
from ideal.imaging.combinations import informative_combinations
from ideal.imaging.constraints import Budget, Constraint
from ideal.imaging.interferometer import visibilities as _visibilities
from ideal.imaging.interferometer.coverage import Coverage, expected_visibilities, from_sites, from_uvfits
from ideal.imaging.interferometer.earth import (
    LIGHT,
    geocentric,
    geodetic,
    modified_julian_date,
    project,
    sidereal_angle,
    sine_elevation,
)
from ideal.imaging.interferometer.places import Places
from ideal.imaging.interferometer.sites import ARRAYS, Sites, find_sites
from ideal.imaging.linear import Combinations
from ideal.noise import ComplexGaussian

MICROARCSECOND = np.deg2rad(1 / 3.6e9)
_RANDOM_SITES = 4
_MOST_VISIBILITIES = 2.0**21  # half a gigabyte of coverage, and of what is computed from it
_MOST_TERMS = 2.0**31  # visibilities times pixels of the sum that each of them is: some seconds for each scene
_MOST_LOOKS = 2.0**24  # moments times sites, at all of which elevations are looked at: half a gigabyte
_LEAST_FIELD = 0.05  # of the finest fringe: below, a source that fills the field loses less than 1 % of its flux on any baseline
_TOGETHER = 24  # sites of several arrays together up to which one compilation serves all
_MOST_PIXEL = 1.0  # of the finest fringe: at the first zero of a square pixel's own pattern nothing of the sky is seen


@dataclass(frozen=True, eq=False)
class Interferometer(ImagingSystem):
    """Sites on the rotating Earth measure visibilities of a small source, by a direct Fourier transform.

    Parameters: `coordinates`, geodetic latitude and longitude of each site in degrees, (site, 2), at the table's altitude;
    `weights`, the share of each site from 0 to 1, (site,). The visibility of sites i and j is scaled by sqrt(w_i w_j) over
    constant noise, which carries as much as noise of sigma/sqrt(w_i w_j) would, and is pure noise at a weight of zero.

    One measurement is one observation: (visibility,), complex, Jy, ordered by time, then by baseline; `coverage` says which is
    which. They are those within the elevation limits at the table's positions. Baselines of a free site are there whenever the
    other site sees the source, with a share of 0 while the free site does not.

    u and v are the table's in float64, plus what a move from the table's positions adds. In float32 degrees a place is known
    to 1 m, 1e-7 of the u and v of a long baseline, and the visibilities to 1e-6 of the flux.
    """

    array: str = setting("EHT2017", "", f"{', '.join(ARRAYS)}, a file of name, X, Y, Z (m), SEFD (Jy), or several joined by +")
    sites: tuple = setting((), "", "names of the sites to use; empty for all")
    source: tuple = setting(
        (12.513729, 12.391123),
        "h, deg",
        "right ascension and declination (default: M87)",
        Ranges((Range(0, 24, unit="hours"), Range(-90, 90, unit="deg")), (2,)),
    )
    frequency: float = setting(
        230e9, "Hz", "observing frequency; flux densities of named arrays are those at 230 GHz", Range(1e7, 1e13)
    )
    bandwidth: float = setting(4e9, "Hz", "bandwidth", Range(1e3, 1e12))
    date: str = setting("2017-04-06", "", "day of the start, or a Modified Julian Date")
    start: float = setting(0.0, "h", "middle of the first integration, UTC", Range(-24, 240))
    stop: float = setting(24.0, "h", "end of the observation, UTC", Range(-24, 240))
    integration: float = setting(60.0, "s", "length of an integration", Range(0.1, 86_400))
    interval: float = setting(120.0, "s", "from one integration to the next", Range(0.1, 86_400))
    elevation: tuple = setting(
        (10.0, 85.0),
        "deg",
        "lowest and highest elevation of the source at both sites",
        Ranges((Range(-90, 90, below=True), Range(2, 90)), (2,), growing=True),
    )
    shape: tuple = setting((64, 64), "", "rows and columns of a scene", Ranges(SIDE, (2,), most=MOST_PIXELS))
    field_of_view: float = setting(128.0, "uas", "width of a scene", Range(1, 1e11))
    flux: float = setting(
        0.0,
        "Jy",
        "mean total flux that scenes are scaled to when they are simulated; 0 for what the objects have",
        Range(1e-7, 1e5, zero="as the objects have"),
    )
    efficiency: float = setting(0.88, "", "of the quantisation (0.88: two bits)", Range(0, 1, above=True, unit="share"))
    hands: int = setting(
        1,
        "",
        "correlation products averaged: 1, or 2 for the Stokes I of both parallel hands (eht-imaging's)",
        Range(1, 2, whole=True),
    )
    pulse: str = setting("triangle", "", "what a pixel is: point, rectangle or triangle (linear interpolation)")
    opacity: float = setting(
        0.0,
        "",
        "zenith optical depth of the air over every site, which dims the source (derived flux densities hold the air already)",
        Range(0, 10),
    )
    free_sites: tuple = setting((), "", "names of sites whose coordinates may change")
    latitudes: tuple = setting(
        (-90.0, 90.0), "deg", "where free sites may be, south to north", Ranges(Range(-90, 90), (2,), growing=True)
    )
    longitudes: tuple = setting(
        (-180.0, 180.0), "deg", "where free sites may be, west to east", Ranges(Range(-360, 360), (2,), growing=True)
    )
    budget: int = setting(
        0, "", "sites that may take part together; 0 for any number", Range(2, 10_000, whole=True, zero="any number")
    )
    uvfits: str = setting(
        "", "", "UVFITS file (FILE::SOURCE) whose sites, u, v, noise, source and frequency to take instead of an array's"
    )

    name = "interferometer"
    complex_valued = True
    member = "site"
    reduces = True
    summary = "radio interferometer (VLBI): sites on the rotating Earth measure visibilities of a small source"
    linear = True

    def __post_init__(self):
        super().__post_init__()
        if self.bandwidth > 2 * self.frequency:
            raise UsageError(
                f"{self.name}: a bandwidth of {self.bandwidth:g} Hz about {self.frequency:g} Hz reaches below 0 Hz: expected at "
                "most twice the frequency"
            )
        if self.pulse not in _visibilities.PULSES:
            raise UsageError(unknown_name(f"{self.name} has no pulse", self.pulse, _visibilities.PULSES))
        if self.start == self.stop:
            raise UsageError(f"{self.name}: an observation from {self.start} to {self.stop} h has no length")
        modified_julian_date(self.date)
        if self.uvfits:
            if not split_name(self.uvfits)[0].is_file():
                raise UsageError(f"{self.name}: uvfits names {self.uvfits}, and there is no such file")
        else:
            self._named_free(self.table)
            self._check_times()

    def _check_times(self) -> None:
        if self.integration > self.interval * (1 + 1e-9):
            raise UsageError(
                f"{self.name}: integrations of {self.integration:g} s begin every {self.interval:g} s, so that the same noise "
                "would be counted as new where they overlap: raise interval, or lower integration"
            )
        sites, pixels = len(self.table.names), math.prod(self.shape)
        where = f"{self.name}: {sites} sites every {self.interval:g} s over {self.hours:g} h"
        moments = self.hours * 3600 / self.interval
        if moments * sites > _MOST_LOOKS:
            interval = _rounded_up(self.interval * moments * sites / _MOST_LOOKS)
            raise UsageError(
                f"{where} are {moments:.3g} moments, expected at most {_MOST_LOOKS / sites:.3g} with so many sites: raise "
                f"interval to {interval:g} s or more, or shorten the observation"
            )
        most = min(_MOST_VISIBILITIES, _MOST_TERMS / pixels)
        if moments * sites * (sites - 1) / 2 > most and (count := expected_visibilities(self, self.table)) > most:
            interval = _rounded_up(self.interval * count / most)
            raise UsageError(
                f"{where} see some {count:.3g} visibilities, expected at most {most:.3g} with scenes of "
                f"{' x '.join(map(str, self.shape))} pixels: raise interval to {interval:g} s or more, "
                "shorten the observation (start, stop), name fewer sites, or lower shape"
            )

    @property
    def hours(self) -> float:
        """Length of the observation, hours; one that stops before it starts does so on the next day."""
        return self.stop - self.start + 24 * (self.stop < self.start)

    def _named_free(self, sites: Sites) -> np.ndarray:
        for site in self.free_sites:
            if site not in sites.names:
                raise UsageError(unknown_name(f"{self.name} has no free site", site, sites.names))
        if len(sites.names) < 2:
            raise UsageError(f"{self.name}: {len(sites.names)} site, expected two or more")
        return np.isin(sites.names, self.free_sites)

    @cached_property
    def table(self) -> Sites:
        """Names, positions (m) and flux densities (Jy) of the sites."""
        if self.uvfits:
            return self.coverage.sites
        found = find_sites(self.array, self.frequency)
        return found.select(self.sites) if self.sites else found

    @cached_property
    def coverage(self) -> Coverage:
        """Sites, time, u, v (wavelengths) and sigma (Jy) of each visibility, at the table's positions and full weights."""
        return from_uvfits(self.uvfits, self.sites)[0] if self.uvfits else from_sites(self, self.table)

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        return geodetic(self.table.positions)

    @property
    def scene(self) -> Scene:
        """A sky, Jy per pixel."""
        return Scene("sky", tuple(int(size) for size in self.shape), pixel=self._pixel, pixel_unit="uas")

    @property
    def _pixel(self) -> float:
        """Side of a pixel of the sky, uas."""
        return self.field_of_view / self.shape[1]

    @property
    def measurement_shape(self) -> tuple[int]:
        """(visibilities,)."""
        return (len(self.coverage.u),)

    @property
    def member_names(self) -> tuple[str, ...]:
        """Names of the sites."""
        return tuple(self.table.names)

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the two sites of each visibility."""
        return self.coverage.first, self.coverage.second

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviation of the real part, and of the imaginary part, of each visibility, Jy."""
        return self.coverage.sigma

    @property
    def designs(self) -> Mapping[str, str]:
        """All sites, shares of them, and the arrays that were joined."""
        found = {"sites": "all sites where they are", "half": "half the weight for every site, a start to choose from"}
        if len(self.table.names) > _RANDOM_SITES:
            found["random"] = f"{_RANDOM_SITES} sites drawn at random, the others without weight"
        parts = dict.fromkeys(self.table.arrays)
        if len(parts) > 1:
            found |= {part: f"the sites of {part} alone" for part in parts}
        if self.free_sites:
            found["anywhere"] = "free sites at random places between their bounds"
        return found

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return coordinates (degrees) and weights of a named design."""
        name = name or "sites"
        if name not in self.designs:
            raise UsageError(unknown_name(f"{self.name} has no design", name, self.designs))
        rng = np.random.default_rng(seed)
        coordinates, weights = self._places[0].copy(), np.ones(len(self.table.names))
        if name == "half":
            weights[:] = 0.5
        elif name == "random":
            weights[rng.permutation(len(weights))[_RANDOM_SITES:]] = 0
        elif name == "anywhere":
            free = self._named_free(self.table)
            (south, north), (west, east) = np.sin(np.deg2rad(self.latitudes)), self.longitudes
            sines = rng.uniform(south, north, size=free.sum())  # even over the sphere
            coordinates[free] = np.stack([np.rad2deg(np.arcsin(sines)), rng.uniform(west, east, size=free.sum())], axis=1)
        elif name != "sites":
            weights = np.array([float(part == name) for part in self.table.arrays])
        return {"coordinates": jnp.asarray(coordinates), "weights": jnp.asarray(weights)}

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """Places for the coordinates, a budget for the weights."""
        places = Places(self._places[0], self._named_free(self.table), self.latitudes, self.longitudes)
        return {"coordinates": places, "weights": Budget(self.budget or None)}

    def _observed(self, params, xp, dtype):
        """Return u and v of each visibility (wavelengths), and its share: what weights, elevations and opacity leave of it."""
        see = self.coverage
        declination = see.source[1]
        angle = xp.asarray(see.hour_angle, dtype)
        positions = geocentric(xp.asarray(params["coordinates"], dtype), xp.asarray(self._places[1], dtype), xp)
        moved = positions - xp.asarray(self.table.positions, dtype)
        first, second = see.first.astype(np.int32), see.second.astype(np.int32)  # the same with and without 64 bits
        east, north, _ = project(moved[first] - moved[second], angle, declination, xp)
        per_metre = xp.asarray(see.frequency / LIGHT, dtype)
        u, v = xp.asarray(see.u, dtype) + east * per_metre, xp.asarray(see.v, dtype) + north * per_metre

        weights = xp.asarray(params["weights"], dtype)
        product = weights[first] * weights[second]
        share = xp.where(product > 0, xp.sqrt(xp.where(product > 0, product, 1)), 0)  # no infinite slope at zero
        free = self._named_free(self.table)
        if free.any() or self.opacity:
            low, high = (float(np.sin(np.deg2rad(limit))) for limit in self.elevation)
            for site in (first, second):
                sine = sine_elevation(positions[site], angle, declination, xp)
                up = (sine > low) & (sine < high) if free.any() else True
                share = xp.where(up | ~free[site], share, 0)
                air = xp.exp(-self.opacity / 2 / xp.maximum(sine, 0.01))  # a dish that looks below the horizon has no share
                share = share * air
        return u, v, share

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the noiseless visibilities of one sky, complex, (visibility,), Jy."""
        dtype = jnp.result_type(scene.dtype, jnp.float32)
        u, v, share = self._observed(params, jnp, dtype)
        pixel = self._pixel * float(MICROARCSECOND)
        return share * _visibilities.visibilities(scene, u, v, pixel, self.pulse)

    @property
    def block_values(self) -> int:
        """A quarter of the usual: visibilities are complex, and their parts stand beside them while they are made."""
        return super().block_values // 4

    def noise(self, params: Params) -> ComplexGaussian:
        """Return thermal noise, the same for all weights and places."""
        return ComplexGaussian(self.sigma)

    def findings(self, params: Params) -> list[Finding]:
        """Return what is wrong with an observation whose coverage was taken, and whether the baselines suit the scene."""
        return [*self.coverage.findings, *self._scale()]

    def _scale(self) -> list[Finding]:
        """Return a warning where all baselines are too short, or the scene's pixels too coarse, to see what the scene shows."""
        see = self.coverage
        longest = float(np.hypot(see.u, see.v).max())
        if not longest > 0:
            return []
        fringe, field, pixel = 1 / longest / MICROARCSECOND, self.field_of_view, self._pixel
        figures = {"finest_fringe": fringe, "field_of_view": field, "pixel": pixel}
        scale = f"{self.name}: the finest fringe is {fringe:.3g} uas (baseline {longest:.3g} wavelengths)"
        if field < _LEAST_FIELD * fringe:
            return [
                Finding(
                    "scene-unresolved",
                    "note",
                    f"{scale}, the field of view only {field:.3g} uas",
                    "every baseline sees the total flux alone",
                    "check field_of_view (uas), frequency (Hz) and the sites",
                    figures,
                )
            ]
        if pixel > _MOST_PIXEL * fringe:
            return [
                Finding(
                    "scene-coarse",
                    "biased",
                    f"{scale}, a pixel of the scene has {pixel:.3g} uas",
                    "long baselines see the shape of the pixels, not of the source",
                    "lower field_of_view (uas) or raise shape; check frequency (Hz)",
                    figures,
                )
            ]
        return []

    def brightness(self, scenes) -> np.ndarray:
        """Return the total flux of each scene in Jy: an exposure of `flux` scales each scene to that total.

        Args:
            scenes: (sample, row, column), Jy per pixel.

        """
        return np.asarray(scenes, dtype=np.float64).reshape(len(scenes), -1).sum(1)

    def uv_coverage(self, params: Params | None = None) -> Coverage:
        """Return the coverage with these parameters in float64; sigma over the share of each visibility, infinite for no share.

        Args:
            params: None for the table's positions and full weights.

        """
        if params is None:
            params = {"coordinates": self._places[0], "weights": np.ones(len(self.table.names))}
        self.check_params(params)
        params = {name: np.asarray(value, dtype=np.float64) for name, value in params.items()}
        u, v, share = self._observed(params, np, np.float64)
        sigma = np.divide(self.sigma, share, out=np.full(len(share), np.inf), where=share > 0)
        positions = geocentric(params["coordinates"], self._places[1])
        return replace(self.coverage, sites=replace(self.table, positions=positions), u=u, v=v, sigma=sigma)

    def write_uvfits(self, path, visibilities, params: Params | None = None, *, object_name="", overwrite: bool = False) -> None:
        """Write one observation as calibrated UVFITS: visibilities and sigma over their share, flagged where that is zero.

        Channels of a coverage that was read become rows of one band, with their u and v in wavelengths.

        Args:
            path: of the file.
            visibilities: (visibility,) as measured, complex, Jy.
            params: of the measurement; None for the table's positions and full weights.
            object_name: of the source.
            overwrite: whether a file of this name may be replaced.

        Raises:
            DataError: there are not as many visibilities as the system measures.
            UsageError: as of `ideal.formats.uvfits_writer.write_uvfits`.

        """
        from ideal.formats.uvfits_writer import write_uvfits

        see, visibilities = self.uv_coverage(params), np.asarray(visibilities)
        if visibilities.shape != self.measurement_shape:
            raise DataError(f"visibilities of shape {visibilities.shape}, expected one observation, {self.measurement_shape}")
        share = self.sigma / see.sigma
        day = np.floor(see.mjd.min())
        write_uvfits(
            path,
            visibilities=np.divide(visibilities, share, out=np.zeros_like(visibilities), where=share > 0),
            sigma=see.sigma,
            u=see.u,
            v=see.v,
            mjd=see.mjd,
            first=see.first,
            second=see.second,
            names=see.sites.names,
            positions=see.sites.positions,
            sefd=see.sites.sefd,
            frequency=float(see.frequency.mean()),
            bandwidth=self.bandwidth,
            integration=see.integration,
            source=see.source,
            sidereal_angle=float(sidereal_angle(day)),
            object_name=object_name,
            overwrite=overwrite,
        )

    def restricted(self, params: Params) -> tuple["Interferometer", Params]:
        """Return the interferometer of the sites that have weight, and its parameters: what is left to build.

        Visibilities of sites without weight are noise alone, and are left out.

        Raises:
            UsageError: fewer than two sites have weight, or no two of them ever see the source.

        """
        weights = np.asarray(params["weights"])
        names = tuple(name for name, weight in zip(self.table.names, weights, strict=True) if weight > 0)
        free = tuple(name for name in self.free_sites if name in names)
        # A budget of all sites, or more, is none.
        smaller = self.replace(sites=names, free_sites=free, budget=self.budget if self.budget < len(names) else 0)
        found = {name: np.asarray(value)[weights > 0] for name, value in params.items()}
        _ = smaller.coverage
        return smaller, found

    def reduce(self, designs: Sequence[Params], components: np.ndarray) -> Iterator[Combinations]:
        """Give the combinations of visibilities of each array, without those of sites that take no part in it."""
        taking_part = [np.asarray(params["weights"]) > 0 for params in designs]
        together = np.any(taking_part, axis=0)
        if together.sum() > _TOGETHER:
            groups: list[tuple[Sequence[Params], np.ndarray]] = [
                ([params], present) for params, present in zip(designs, taking_part, strict=True)
            ]
        else:
            groups = [(designs, together)]
        for group, present in groups:
            small, _ = self.restricted({**group[0], "weights": present.astype(np.float32)})
            own = [{name: np.asarray(value)[present] for name, value in params.items()} for params in group]
            yield from informative_combinations(small, own, small.noise(own[0]), components)

    @property
    def known_optimum(self) -> str:
        """Of sites that cost nothing and stay where they are all are best."""
        if self.free_sites or self.budget:
            return ""
        return (
            "every site tells more, so that all of them are best: choose some (--choose 4), move some "
            "(--set free_sites=SMT,PV), or say how many may take part (--set budget=4)"
        )

    def draw(self, params: Params, figure) -> None:
        """Draw the u,v coverage and the sites on a map of longitudes and latitudes."""
        self.draw_choice(params, figure, ())

    def draw_choice(self, params: Params, figure, new: Sequence[str]) -> None:
        """Draw the same with the sites of these names in color, the others in grey; all in color where there are no names."""
        from ideal.imaging.interferometer.figure import draw

        draw(self.uv_coverage(params), np.asarray(params["weights"]), np.asarray(params["coordinates"]), figure, tuple(new))


def _rounded_up(value: float) -> float:
    """Return a number of two digits that is no less."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step

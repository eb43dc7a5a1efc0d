"""A sensor under a mosaic of color filters: each pixel measures the light that its own filter lets through."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, SIDE, Range, Ranges, check_range
from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError, unknown_name
from ideal.formats.npy import is_npy, load_array
from ideal.imaging._contract import ImagingSystem, Params, PeriodicForm, Scene, setting
from ideal.imaging.constraints import Constraint, OneOf
from ideal.imaging.mosaic.published import MOSAICS, fitting, mosaic_indices, not_fitting
from ideal.plots import palette

_PRIMARIES = ("red", "green", "blue")
_NM = Range(50, 20_000)  # extreme ultraviolet to thermal infrared
_LETTERED = 16  # pixels along a period whose filters have room for a letter
_DARK = 1e-3  # a filter that passes less of every channel measures nothing
_OPPOSITE = {"cyan": "red", "magenta": "green", "yellow": "blue"}


@dataclass(frozen=True, eq=False)
class ColorFilterArray(ImagingSystem):
    """A sensor under a mosaic of color filters that repeats every `period` pixels.

    mean[r, c] = sum_f filters[r mod P, c mod Q, f] sum_k response[f, k] scene[r, c, k]

    The scene has one value per channel k: red, green and blue in linear light, or the bands of a multispectral scene. The sum
    over the channels is what an unfiltered, "white" pixel gathers in photoelectrons; a filter passes a share of it. Exposure
    is counted on that pixel whatever the mosaic, so that a mosaic with more white gathers more light, as a real one does.

    Raises:
        UsageError: the shape is not a multiple of the period, or a filter is not known.
        DataError: the file of a response cannot be read.

    """

    name = "color-filter-array"
    summary = "a color sensor under a periodic mosaic of filters: Bayer, X-Trans, RGBW, or a design"

    shape: tuple = setting(
        (24, 24), "pixels", "rows and columns of the sensor, multiples of the period", Ranges(SIDE, (2,), most=MOST_PIXELS)
    )
    period: tuple = setting(
        (8, 8), "pixels", "rows and columns after which the mosaic repeats", Ranges(SIDE, (2,), most=MOST_PIXELS)
    )
    filters: tuple = setting(
        ("red", "green", "blue", "white"),
        "",
        "the filters to choose from: red, green, blue, cyan, magenta, yellow, white, or a wavelength in nm such as 550",
    )
    bands: int = setting(
        0,
        "bands",
        "bands of a multispectral scene, evenly over `band_range`; 0: red, green and blue",
        Range(2, 4096, whole=True, zero="red, green and blue"),
    )
    band_range: tuple = setting((400.0, 700.0), "nm", "centres of the first and the last band", Ranges(_NM, (2,), growing=True))
    peaks: tuple = setting(
        (600.0, 540.0, 460.0), "nm", "where a multispectral sensor's red, green and blue filters pass most", Ranges(_NM, (3,))
    )
    width: float = setting(100.0, "nm", "full width at half maximum of the red, green and blue filters", Range(0.5, 20_000))
    response: str | tuple | None = setting(
        None, "share", "share of each scene channel that each filter passes, (filter, channel): rows of numbers, .npy or .csv"
    )

    def __post_init__(self):
        super().__post_init__()
        if any(n % p for n, p in zip(self.shape, self.period, strict=True)):
            raise UsageError(
                f"{self.name}: setting shape is {self.shape[0]} x {self.shape[1]}, expected multiples of the period"
                f" {self.period[0]} x {self.period[1]}"
            )
        object.__setattr__(self, "filters", tuple(map(str, self.filters)))
        if not self.filters or len(set(self.filters)) < len(self.filters):
            raise UsageError(f"{self.name}: setting filters takes different names; found {', '.join(self.filters) or 'none'}")
        check_range(
            f"{self.name}: values of a scene (rows, columns, bands)",
            (*self.shape, max(self.bands, len(_PRIMARIES))),
            Ranges(SIDE, most=4 * MOST_PIXELS),
        )
        response = self._response  # a wrong response is reported where it is set
        if self.response is None:
            self._check_response(response)

    def _check_response(self, response: np.ndarray) -> None:
        for name, row in zip(self.filters, response, strict=True):
            if row.max() < _DARK:
                raise UsageError(
                    f"{self.name}: the filter {name} passes {row.max():.2g} of the light at most, expected {_DARK:g} or more in "
                    "one channel of the scene: check peaks, width and band_range (all in nm)"
                )

    @property
    def scene(self) -> Scene:
        """Radiance in each channel: photoelectrons that it would bring to an unfiltered pixel."""
        channels = tuple(f"{each:g} nm" for each in self.wavelengths) if self.bands else _PRIMARIES
        return Scene("radiance", (*self.shape, len(channels)), channels)

    @property
    def wavelengths(self) -> np.ndarray:
        """Centres of the bands in nm, (band,); empty where scenes are in red, green and blue."""
        low, high = self.band_range
        return np.linspace(low, high, self.bands)

    @property
    def measurement_shape(self) -> tuple[int, int]:
        """Rows and columns of the sensor."""
        return tuple(self.shape)

    @property
    def designs(self) -> Mapping[str, str]:
        """The published mosaics that fit the period and the filters, a random one, and no filters at all."""
        found = fitting(self.period, self.filters)
        found["random"] = "each pixel of the period draws its filter, all alike (needs a seed)"
        if "white" in self.filters:
            found["white"] = "no filters: all the light and no color"
        return found

    @property
    def further_designs(self) -> Mapping[str, str]:
        """The published mosaics of another period or other filters."""
        return not_fitting(self.shape, self.period, self.filters)

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the mosaic of a named design.

        Args:
            name: one of `designs`; None for the first.
            seed: of the random one.

        Returns:
            {"filters": (row of the period, column of the period, filter)}, ones where a pixel has that filter.

        Raises:
            UsageError: there is none of that name, or it has another period or other filters; the message says which.

        """
        name = next(iter(self.designs)) if name is None else name
        if name == "random":
            indices = np.random.default_rng(seed).integers(0, len(self.filters), self.period)
        elif name == "white" and "white" in self.filters:
            indices = np.full(self.period, self.filters.index("white"))
        elif name in MOSAICS:
            indices = mosaic_indices(name, self.period, self.filters)
        else:
            raise UsageError(unknown_name(f"{self.name} has no design", name, self.designs))
        return {"filters": jnp.asarray(np.eye(len(self.filters))[indices], dtype=float)}

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """One filter on each pixel."""
        return {"filters": OneOf()}

    @cached_property
    def _response(self) -> np.ndarray:
        """Share of each scene channel that each filter passes, (filter, channel)."""
        channels = self.bands or len(_PRIMARIES)
        if self.response is None:
            return np.stack([self._transmission(each) for each in self.filters])
        table = _read_table(self.response) if isinstance(self.response, str | Path) else _as_table(self.response)
        if table.shape != (len(self.filters), channels):
            raise UsageError(
                f"{self.name}: setting response has shape {table.shape}, expected {(len(self.filters), channels)}"
                f" for the filters {', '.join(self.filters)} and {channels} channels"
            )
        if not np.isfinite(table).all() or table.min() < 0 or table.max() > 1:
            raise UsageError(
                f"{self.name}: setting response reaches from {table.min():g} to {table.max():g}, expected shares from 0 to 1"
            )
        return table

    def _transmission(self, name: str) -> np.ndarray:
        """Return the share of each channel that a filter of this name passes, (channel,)."""
        if name == "white":
            return np.ones(self.bands or len(_PRIMARIES))
        if name in _OPPOSITE:
            return 1 - self._transmission(_OPPOSITE[name])
        if name in _PRIMARIES and not self.bands:
            return np.eye(len(_PRIMARIES))[_PRIMARIES.index(name)]
        peak = self.peaks[_PRIMARIES.index(name)] if name in _PRIMARIES else _wavelength(name)
        if peak is not None:
            check_range(f"{self.name}: the filter {name}", peak, _NM, "nm", 550.0)
        if peak is None or not self.bands:
            raise UsageError(
                f"{self.name}: what the filter {name} passes is not known: set response, or use"
                f" {', '.join((*_PRIMARIES, *_OPPOSITE))}, white, or (with bands) a wavelength in nm"
            )
        # Wavelength filters are as narrow as the bands are apart: they tell neighbouring bands from each other.
        width = self.width if name in _PRIMARIES else self.wavelengths[1] - self.wavelengths[0]
        return np.exp(-4 * np.log(2) * ((self.wavelengths - peak) / width) ** 2)

    def weights(self, params: Params) -> jax.Array:
        """Return what each pixel of the period takes of each scene channel, (row, column, channel): all that `encode` is."""
        filters = jnp.asarray(params["filters"])
        return jnp.einsum("pqf,fk->pqk", filters, self._response.astype(filters.dtype), precision="highest")

    def periodic_form(self, params: Params) -> PeriodicForm:
        """Return the weights; the scene is not blurred."""
        return PeriodicForm(self.weights(params))

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return mean photoelectrons (row, column) of a scene (row, column, channel)."""
        (rows, columns), (p, q) = self.shape, self.period
        weights = self.weights(params)
        tiles = scene.reshape(rows // p, p, columns // q, q, -1)
        # A sum of products, not a matrix product: accelerators round the factors of those.
        return (tiles * weights[:, None]).sum(-1).reshape(rows, columns)

    def brightness(self, scenes) -> np.ndarray:
        """Return of each scene the mean over pixels of what an unfiltered pixel gathers: all its channels together.

        Args:
            scenes: (sample, row, column, channel).

        """
        return np.asarray(scenes, dtype=np.float64).sum(-1).reshape(len(scenes), -1).mean(1)

    def draw(self, params: Params, figure) -> None:
        """Draw one period of the mosaic, how many pixels each filter has, and what each filter passes."""
        shares = np.asarray(params["filters"], dtype=np.float64)
        inks = np.array([self._ink(each) for each in self.filters])
        left, upper, lower = _panels(figure)
        (p, q), counts = self.period, shares.sum((0, 1))
        left.imshow(np.clip(shares @ inks, 0, 1), extent=(0, q, p, 0))
        left.set(xlabel="column (pixels)", ylabel="row (pixels)", title=f"one period, {p} × {q} pixels")
        left.vlines(np.arange(q + 1), 0, p, color="0.45", linewidth=0.6)
        left.hlines(np.arange(p + 1), 0, q, color="0.45", linewidth=0.6)
        if max(p, q) <= _LETTERED:
            marks = palette.letters_of(self.filters)
            for (row, column), number in np.ndenumerate(shares.argmax(-1)):
                if shares[row, column, number] > 0.5:  # a relaxed mosaic has pixels of no filter yet
                    ink = palette.ink_on(tuple(shares[row, column] @ inks))
                    middle = (column + 0.5, row + 0.5)
                    left.annotate(
                        marks[self.filters[number]], middle, color=ink, fontsize=min(9, 80 / max(p, q)), ha="center", va="center"
                    )
        places = np.arange(len(self.filters))
        upper.barh(places, counts, color=inks, edgecolor="0.35", linewidth=0.6)
        for place, count in zip(places, counts, strict=True):
            upper.text(count + 0.02 * counts.max(), place, f"{count:.3g}", va="center", fontsize="small")
        upper.set_yticks(places, self.filters)
        upper.invert_yaxis()
        upper.set(xlabel="pixels of the period", xlim=(0, 1.18 * counts.max()))
        self._draw_response(lower, inks)

    def _draw_response(self, axes, inks) -> None:
        if self.bands:
            for row, name, ink in zip(self._response, self.filters, inks, strict=True):
                dark = "0.5" if ink.min() > 0.9 else ink
                axes.plot(self.wavelengths, row, color=dark, marker=".", markersize=3, label=name)
            axes.set(xlabel="wavelength (nm)", ylabel="share passed", ylim=(0, 1.08))
            return
        picture = axes.imshow(self._response, cmap="Greys_r", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(_PRIMARIES)), _PRIMARIES)
        axes.set_yticks(range(len(self.filters)), self.filters)
        axes.set(xlabel="channel of the scene")
        axes.figure.colorbar(picture, ax=axes, label="share passed")

    def _ink(self, name: str) -> tuple[float, float, float]:
        import matplotlib
        from matplotlib.colors import to_rgb

        if name in palette.FILTERS:
            return to_rgb(palette.FILTERS[name])
        wavelength = _wavelength(name)
        place = 0.5 if not self.bands or wavelength is None else np.interp(wavelength, self.band_range, (0, 1))
        return matplotlib.colormaps["turbo"](place)[:3]


def _panels(figure):
    figure.set_layout_engine("constrained")
    figure.set_size_inches(7.5, 4.2)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.1, 1))
    return figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])


def _wavelength(name: str) -> float | None:
    try:
        return float(name.removesuffix("nm"))
    except ValueError:
        return None


def _as_table(rows) -> np.ndarray:
    try:
        table = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"setting response takes rows of numbers of one length: {error}") from None
    return np.atleast_2d(table)


def _read_table(path: str | Path) -> np.ndarray:
    try:
        if is_npy(path):
            return _as_table(load_array(path, "a response, (filter, channel)"))
        return _as_table(np.loadtxt(io.StringIO(read_text(path, "a response of numbers and commas")), delimiter=","))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a response: {error}; expected numbers, (filter, channel)") from None

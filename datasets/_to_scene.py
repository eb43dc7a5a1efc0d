"""How pictures become scenes: one way for all sets of pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ideal._shapes import rows_and_columns
from ideal.datasets._contract import Objects, ObjectSource
from ideal.datasets.photographs import LUMINANCE, linear_light
from ideal.errors import UsageError
from ideal.imaging import Scene

FITS = ("auto", "crop", "tile", "pad", "resize")
COLORS = ("red", "green", "blue")
TILE_BLOCK = 64  # pictures that may be neighbours in a tiled scene, at most
_FEWEST_BLOCKS = 20  # so that groups can be split into those that are fitted and those that are scored
_DARKEST = 1e-2  # of the light through a transmission: no object is blacker, for its absorption would have no end
_LINEAR = linear_light(np.arange(256)).astype(np.float32)
_ORDER, _PLACE, _BLOCKS = range(1, 4)  # what random numbers are for; numpy takes [seed, 0] for [seed]


@dataclass(frozen=True)
class Pictures:
    """Pictures, read when they are wanted.

    Attributes:
        name: of the set, for messages.
        sizes: rows and columns of each, (picture, 2).
        read: from numbers of pictures, (n,), to their values: (row, column) or (row, column, channel) each; uint8 are sRGB code
            values, floating-point numbers linear light from 0 to 1.
        labels: returns the class of each, (picture,); None where there are none.
        classes: names of the labels.
        bands: wavelength of each channel in nm, where the pictures are multispectral; without, three channels are sRGB's.
        first: so many pictures come before all others, for they are better.
        sources: number of the source of each picture, (picture,); None where each is its own.

    """

    name: str
    sizes: np.ndarray
    read: Callable[[np.ndarray], Sequence[np.ndarray] | np.ndarray]
    labels: Callable[[], np.ndarray] | None = None
    classes: tuple[str, ...] = ()
    bands: tuple[float, ...] = ()
    first: int = 0
    sources: np.ndarray | None = None


class PictureScenes(ObjectSource):
    """Scenes made of pictures; scene number i depends on the seed and on i alone.

    Every picture is seen once, in a seeded order, before any is seen again. Light is linear:

    * without channels, the luminance (Rec. 709 weights; the mean of multispectral bands), from 0 to 1;
    * red, green and blue: a third of each, so that the sum over channels, which is what an unfiltered pixel gathers, is from 0
      to 1 too and a grey picture has its luminance; of multispectral bands, the mean over 600 nm and more, 500 to 600 nm and less
      than 500 nm takes the place of red, green and blue;
    * wavelengths ("450 nm"): the multispectral bands, interpolated, over the number of channels;
    * a sky: the luminance over its sum, 1 Jy in all, the picture's upper edge in the north;
    * a transmission: absorption -ln sqrt(light) and no phase, or no absorption and a phase in proportion to the light.

    How a picture takes the size of the scene:

    * crop: a place of it at random. Group: the picture.
    * tile: the scene is filled with pictures side by side, the labelled one in the middle and others around it (Pinkard et al.
      2025 tile CIFAR-10 so). Neighbours are of the same block of pictures: no picture is in two blocks. Group: the block.
    * pad: dark around it. Group: the picture.
    * resize: its centre, of the scene's proportions, made smaller (after a blur) or larger. Group: the picture.

    Args:
        pictures: to show.
        scene: that is asked for; its kind has been checked.
        seed: of order, places and neighbours.
        fit: one of `FITS`; "auto" is crop where any picture is as large as the scene, and `small_fit` elsewhere.
        small_fit: "tile"; "pad" for pictures that are whole only as they are: larger ones are then resized, not cropped; "crop"
            where smaller pictures are refused.
        grey: show color pictures without their colors.
        phase: of a transmission, the largest phase in radians; 0 for absorption.

    Raises:
        UsageError: the pictures have no such channels, or not the size for this fit.

    """

    def __init__(
        self,
        pictures: Pictures,
        scene: Scene,
        seed: int,
        *,
        fit: str = "auto",
        small_fit: str = "tile",
        grey: bool = False,
        phase: float = 0.0,
    ):
        self.pictures, self.scene, self.seed, self.phase, self.classes = pictures, scene, seed, phase, pictures.classes
        if len(scene.shape) not in (2, 3):
            raise UsageError(f"{pictures.name} shows pictures; a scene of shape {scene.shape} has no rows and columns")
        self._size = rows_and_columns(scene.shape)
        channels = scene.channels or (COLORS if len(scene.shape) == 3 and scene.shape[2] == 3 else ())
        plain = scene.kind in ("sky", "transmission") or len(scene.shape) == 2
        self._channels = () if plain else tuple(channels)
        if not plain and len(self._channels) != scene.shape[2]:
            raise UsageError(f"{pictures.name}: a scene of {scene.shape[2]} channels names {len(channels)} of them")
        self._mixing = lru_cache(lambda n: _mixing(pictures, n, self._channels, grey))
        self._mixing(len(pictures.bands) or 1)  # refuses channels that there are not
        large = np.all(pictures.sizes >= self._size, axis=1)
        self.fit = _chosen_fit(fit, large, pictures.sizes, self._size, small_fit)
        self._usable = self._check_sizes(large)
        self.count = len(self._usable) if self.fit in ("pad", "resize") else None
        self._first = int((self._usable < pictures.first).sum())
        self._order = lru_cache(maxsize=2)(self._order_of)
        if self.fit == "tile":
            self._prepare_tiles()

    def _check_sizes(self, large: np.ndarray) -> np.ndarray:
        name, sizes, (rows, columns) = self.pictures.name, self.pictures.sizes, self._size
        usable = np.arange(len(sizes))
        if self.fit == "crop":
            usable = usable[large]
        elif self.fit == "pad":
            usable = usable[(sizes <= self._size).all(1)]
        if not len(usable):
            relation = "as large as" if self.fit == "crop" else "no larger than"
            largest = sizes.max(0) if self.fit == "crop" else sizes.min(0)
            raise UsageError(
                f"{name}: no picture is {relation} the scene of {rows} x {columns} (found {largest[0]} x {largest[1]}), which "
                f"fit={self.fit} needs: `objects.fit={'tile' if self.fit == 'crop' else 'crop'}` or `objects.fit=resize`"
            )
        return usable

    def _order_of(self, turn: int) -> np.ndarray:
        """Return the order of the pictures in a turn, each once."""
        rng = np.random.default_rng([self.seed, _ORDER, turn])
        return np.concatenate([rng.permutation(self._usable[: self._first]), rng.permutation(self._usable[self._first :])])

    def _prepare_tiles(self) -> None:
        cell = self._cell = self.pictures.sizes.min(0)
        start = (np.array(self._size) - cell) // 2  # of the labelled picture
        before = np.maximum(-(-start // cell), 0)
        self._cells = before + 1 + np.maximum(-(-(self._size - start - cell) // cell), 0)
        self._middle = int(before[0] * self._cells[1] + before[1])
        self._corner = before * cell - start
        # Blocks are the same for every seed, so that a group means the same pictures in all files.
        rng, blocks = np.random.default_rng(_BLOCKS), []
        for part in (self._usable[: self._first], self._usable[self._first :]):
            if len(part):
                length = min(TILE_BLOCK, max(int(self._cells.prod()), len(part) // _FEWEST_BLOCKS))
                blocks += np.array_split(rng.permutation(part), max(1, len(part) // length))
        self._blocks = blocks
        self._block_of = np.empty(len(self.pictures.sizes), np.int64)
        for number, block in enumerate(blocks):
            self._block_of[block] = number

    def read(self, start: int, stop: int) -> Objects:
        """Return objects start to stop (the one after the last).

        Raises:
            UsageError: there are not so many.

        """
        if self.count is not None and stop > self.count:
            raise UsageError(
                f"{self.pictures.name} has {self.count} objects with fit={self.fit}; asked for {stop}: "
                "ask for fewer, or `objects.fit=crop` or `objects.fit=tile`, which have no end"
            )
        numbers = np.arange(start, max(start, stop))
        turns, places = np.divmod(numbers, len(self._usable))
        shown = np.array([self._order(int(turn))[place] for turn, place in zip(turns, places, strict=True)], np.int64)
        scenes = np.empty((len(numbers), *self.scene.shape), np.float32)
        for row, (number, picture) in enumerate(zip(numbers, shown, strict=True)):
            scenes[row] = self._scene(int(number), int(picture))
        labels = None if self.pictures.labels is None else np.asarray(self.pictures.labels())[shown].astype(np.int64)
        if self.fit == "tile":
            return Objects(scenes, labels, self._block_of[shown])
        return Objects(scenes, labels, shown if self.pictures.sources is None else self.pictures.sources[shown].astype(np.int64))

    def _scene(self, number: int, picture: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, _PLACE, number])
        values = self._tiles(picture, rng) if self.fit == "tile" else self.pictures.read(np.array([picture]))[0]
        if self.fit == "crop":
            values = _window(values, rng.integers(np.array(values.shape[:2]) - np.array(self._size), endpoint=True), self._size)
        light = self._light(values)
        if self.fit == "resize":
            light = _resized(light, self._size)
        elif self.fit == "pad":
            light = _padded(light, self._size)
        return self._as_kind(light)

    def _tiles(self, picture: int, rng: np.random.Generator) -> np.ndarray:
        (down, across), cell = self._cells, self._cell
        block = self._blocks[self._block_of[picture]]
        others = rng.permutation(block[block != picture] if len(block) > 1 else block)
        shown = np.insert(np.resize(others, down * across - 1), self._middle, picture)
        read = self.pictures.read(shown)
        tiles = np.stack([_window(each, (np.array(each.shape[:2]) - cell) // 2, cell) for each in read])
        grid = tiles.reshape(down, across, *cell, -1).swapaxes(1, 2).reshape(down * cell[0], across * cell[1], -1)
        return _window(grid, self._corner, self._size)

    def _light(self, values: np.ndarray) -> np.ndarray:
        """Return linear light in the scene's channels, (row, column[, channel])."""
        light = _LINEAR.take(values, mode="clip") if values.dtype == np.uint8 else np.asarray(values, np.float32)
        light = light[..., None] if light.ndim == 2 else light
        mixed = light @ self._mixing(light.shape[-1])
        return mixed if self._channels else mixed[..., 0]

    def _as_kind(self, light: np.ndarray) -> np.ndarray:
        if self.scene.kind == "sky":
            flux = light.sum(dtype=np.float64)
            return light / flux if flux > 0 else np.full_like(light, 1 / light.size)
        if self.scene.kind == "transmission":
            if self.phase:
                return np.stack([np.zeros_like(light), self.phase * light], axis=-1)
            return np.stack([-0.5 * np.log(np.clip(light, _DARKEST, 1.0)), np.zeros_like(light)], axis=-1)
        return light


def _chosen_fit(fit: str, large: np.ndarray, sizes: np.ndarray, size: tuple[int, int], small_fit: str) -> str:
    if fit != "auto":
        return fit
    if small_fit == "pad":
        return "pad" if (sizes <= size).all(1).any() else "resize"
    return "crop" if large.any() else small_fit


def _mixing(pictures: Pictures, count: int, channels: tuple[str, ...], grey: bool) -> np.ndarray:
    """Return what each channel of a picture gives to each of a scene, (channel of the picture, channel of the scene)."""
    bands = np.array(pictures.bands)
    if channels in ((), COLORS):
        if len(bands):
            colors = np.stack([(bands >= 600), (bands >= 500) & (bands < 600), bands < 500], 1)
            weights = colors / np.maximum(colors.sum(0), 1) if channels else np.full((count, 1), 1 / count)
        elif count == 1:
            weights = np.ones((1, max(1, len(channels))))
        elif count == 3:
            luminance = np.array(LUMINANCE)[:, None]
            weights = luminance if not channels else np.repeat(luminance, 3, 1) if grey else np.eye(3)
        else:
            raise UsageError(f"{pictures.name}: pictures of {count} channels are neither grey nor color")
        return (weights / max(1, len(channels))).astype(np.float32)
    named = [_wavelength(name) for name in channels]
    wanted = [each for each in named if each is not None]
    if not len(bands) or len(wanted) < len(named) or any(not bands[0] <= each <= bands[-1] for each in wanted):
        has = f"bands of {bands[0]:g} to {bands[-1]:g} nm" if len(bands) else "grey or color pictures"
        raise UsageError(
            f"{pictures.name} has {has}, none for the channels {', '.join(channels)}: objects for red, green and blue are all "
            "sets of pictures, for wavelengths in nm (450 nm) multispectral"
        )
    one_hot = np.eye(count)
    return np.stack([np.array([np.interp(each, bands, row) for row in one_hot]) / len(wanted) for each in wanted], 1).astype(
        np.float32
    )


def _wavelength(channel: str) -> float | None:
    """Return the nm in "450", "450nm" or "450 nm"; None where a channel is named otherwise."""
    try:
        return float(channel.strip().removesuffix("nm"))
    except ValueError:
        return None


def _window(values: np.ndarray, corner: Sequence[int] | np.ndarray, size: Sequence[int]) -> np.ndarray:
    return values[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]


def _padded(light: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    out = np.zeros((*size, *light.shape[2:]), light.dtype)
    top, left = ((whole - part) // 2 for whole, part in zip(size, light.shape[:2], strict=True))
    out[top : top + light.shape[0], left : left + light.shape[1]] = light
    return out


def _resized(light: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from skimage.transform import resize

    have = np.array(light.shape[:2])
    kept = np.maximum(1, np.round(np.array(size) * (have / size).min()).astype(int))
    centre = _window(light, (have - kept) // 2, kept)
    shrinks = bool((kept > size).any())
    return np.clip(resize(centre, size, order=1, mode="reflect", anti_aliasing=shrinks, preserve_range=True), 0, None)

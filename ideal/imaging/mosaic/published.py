"""Published mosaics of color filters: which filter each pixel of one tile has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ideal.errors import UsageError

_COLORS = {
    "R": "red",
    "G": "green",
    "B": "blue",
    "W": "white",
    "C": "cyan",
    "M": "magenta",
    "Y": "yellow",
}


@dataclass(frozen=True)
class Mosaic:
    """One tile of a mosaic.

    Attributes:
        tile: a letter for the filter of each pixel, rows apart by spaces.
        summary: one line, with the source.

    """

    tile: str
    summary: str

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the tile."""
        rows = self.tile.split()
        return len(rows), len(rows[0])

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filters that it has."""
        return tuple(name for letter, name in _COLORS.items() if letter in self.tile)

    def fits(self, period: Sequence[int]) -> bool:
        """Return whether whole tiles fill a period (rows, columns)."""
        return all(long % short == 0 for long, short in zip(period, self.shape, strict=True))

    def indices(self, period: Sequence[int], filters: Sequence[str]) -> np.ndarray:
        """Return the index into `filters` of each pixel of a period, (row, column)."""
        index = np.array([[filters.index(_COLORS[letter]) for letter in row] for row in self.tile.split()])
        return np.tile(index, [long // short for long, short in zip(period, self.shape, strict=True)])


# The arrangement of the sensor's first pixel is a convention: makers start the same mosaic at different corners.
MOSAICS: Mapping[str, Mosaic] = {
    "bayer": Mosaic("RG GB", "half green, quarters of red and blue (Bayer, US 3,971,065)"),
    "quad-bayer": Mosaic("RRGG RRGG GGBB GGBB", "Bayer with each filter over 2 x 2 pixels (phone sensors)"),
    "x-trans": Mosaic("GBGGRG RGRBGB GBGGRG GRGGBG BGBRGR GRGGBG", "Fujifilm X-Trans, all colors in every row, period 6"),
    "rgbw-bayer": Mosaic("RG WB", "Bayer with one green of two replaced by white (Gindele and Gallagher, US 6,476,865)"),
    "rgbw-kodak": Mosaic("WBWG BWGW WGWR GWRW", "Kodak, half white, colors along diagonals (Kijima et al., US 2007/0177236)"),
    "rgbw-sony": Mosaic("WBWG RWGW WGWB GWRW", "Sony 2012, half white, a quarter green"),
    "rgbw-yamagami": Mosaic("WGWG RWBW WGWG BWRW", "half white, a quarter green (Yamagami et al., US 5,323,233)"),
    "rgbw-sparse": Mosaic(
        "WWWWWW WWWWWW WWRGWW WWGBWW WWWWWW WWWWWW", "a Bayer cell in white, period 6 (Chakrabarti et al. 2014)"
    ),
    "ryyb": Mosaic("RY YB", "Bayer with yellow for green (phone sensors)"),
    "cygm": Mosaic("MY CG", "magenta, yellow, cyan and green (US 4,390,895)"),
}


def fitting(period: Sequence[int], filters: Sequence[str]) -> dict[str, str]:
    """Return the name and summary of each mosaic that fits a period and needs no other filters."""
    return {name: each.summary for name, each in MOSAICS.items() if each.fits(period) and set(each.filters) <= set(filters)}


def not_fitting(shape: Sequence[int], period: Sequence[int], filters: Sequence[str]) -> dict[str, str]:
    """Return the name of each other mosaic, and the settings that it needs with its summary.

    Args:
        shape: rows and columns of the sensor.
        period: rows and columns.
        filters: names of the filters that there are.

    """
    found = {}
    for name, mosaic in MOSAICS.items():
        needs = [] if mosaic.fits(period) else [period_setting(name)]
        if needs and not mosaic.fits(shape):
            whole = (-(-long // short) * short for long, short in zip(shape, mosaic.shape, strict=True))
            needs.append("--set shape={},{}".format(*whole))
        if not set(mosaic.filters) <= set(filters):
            needs.append(filter_setting(name, filters))
        if needs:
            found[name] = f"needs {' '.join(needs)}: {mosaic.summary}"
    return found


def period_setting(name: str) -> str:
    """Return what to type for the period of a mosaic."""
    return "--set period={},{}".format(*MOSAICS[name].shape)


def filter_setting(name: str, filters: Sequence[str]) -> str:
    """Return what to type for the filters that there are and those of a mosaic."""
    return f"--set filters={','.join(dict.fromkeys((*filters, *MOSAICS[name].filters)))}"


def mosaic_indices(name: str, period: Sequence[int], filters: Sequence[str]) -> np.ndarray:
    """Return a mosaic as indices into `filters`, (row, column) of a period.

    Args:
        name: one of `MOSAICS`.
        period: rows and columns.
        filters: names of the filters that there are.

    Raises:
        UsageError: the mosaic has another period, or needs a filter that there is not.

    """
    mosaic = MOSAICS[name]
    missing = [each for each in mosaic.filters if each not in filters]
    if missing:
        raise UsageError(
            f"the mosaic {name} needs filters {', '.join(mosaic.filters)}, {' and '.join(missing)} not among the setting"
            f" filters ({', '.join(filters)}): {filter_setting(name, filters)}"
        )
    if not mosaic.fits(period):
        raise UsageError(
            f"the mosaic {name} repeats every {mosaic.shape[0]} x {mosaic.shape[1]} pixels, the setting period is"
            f" {period[0]} x {period[1]}: {period_setting(name)} or a multiple, and a shape that is a multiple of that"
        )
    return mosaic.indices(period, filters)

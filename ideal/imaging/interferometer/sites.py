"""Sites of radio interferometers: the table that the package carries (`sites.csv`), and tables of one's own.

Columns of `sites.csv`: `x_m`, `y_m`, `z_m` are geocentric (ITRF) metres, `sefd_jy` the system equivalent flux density at 230 GHz,
`arrays` the named arrays that have the site with these figures, `position_source` and `sefd_source` where the figures come from:

* "eht-imaging NAME": the array file of that name (facts of the stations, as published by the observatories).
* "ngEHTexplorer" (MIT licence): array `ngeht_ref1`, at 230 GHz.
* "ngehtutil" (BSD 3-clause licence): candidate sites by latitude, longitude and height, on WGS84.
* "derived": from `diameter_m`, `surface_um` (rms) and `opacity`, the median over the months of the zenith opacity at 230 GHz, by
  `derived_sefd`; "opacity assumed" where there is no record. New dishes have 6 m. At the eight places of a new 6 m dish for
  which ngEHTexplorer has a figure as well, the formula gives 1.05 to 1.36 times that, and 4.6 times at Owens Valley.
"""

import csv
import io
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError, unknown_name

_BOLTZMANN_JY = 1380.649  # J/K in Jy m^2/K
_RECEIVER, _ATMOSPHERE, _AIR_MASS, _APERTURE_EFFICIENCY = 60.0, 270.0, 1.5, 0.7  # K, K, -, -
_WAVELENGTH = 299792458.0 / 230e9

ARRAYS = {
    "EHT2017": "the eight sites of April 2017, with their figures of then",
    "EHT2022": "eleven sites: with Greenland, NOEMA and Kitt Peak",
    "ngEHT": "EHT2022 and the ten new sites of reference array 1.1A",
    "ngEHT-B": "EHT2022 and the eight new sites of reference array 1.1B",
    "candidates": "62 places where a site of the next-generation EHT was considered or a radio observatory is",
}


@dataclass(frozen=True)
class Sites:
    """Sites of an array.

    Attributes:
        names: of each.
        positions: (site, 3) geocentric X, Y, Z, metres.
        sefd: (site,) system equivalent flux densities, Jy; NaN where they are not known.
        arrays: the named array or file that each comes from.

    """

    names: tuple[str, ...]
    positions: np.ndarray
    sefd: np.ndarray
    arrays: tuple[str, ...]

    def select(self, names: tuple[str, ...]) -> "Sites":
        """Return the sites of these names, in this order.

        Raises:
            UsageError: one is not there, or is named twice.

        """
        for name in names:
            if name not in self.names:
                raise UsageError(unknown_name("the array has no site", name, self.names))
        if len(set(names)) < len(names):
            raise UsageError(f"sites {', '.join(names)}: one is named twice")
        index = [self.names.index(name) for name in names]
        return Sites(tuple(names), self.positions[index], self.sefd[index], tuple(self.arrays[i] for i in index))


def derived_sefd(diameter: float, surface: float, opacity: float) -> float:
    """Return the system equivalent flux density in Jy at 230 GHz of a dish, above the atmosphere.

    SEFD = 2 k T e^(a tau) / (eta A), with T = 60 K + 270 K (1 - e^(-a tau)) for receiver and sky at an air mass a of 1.5, and
    eta = 0.7 e^-((4 pi surface / wavelength)^2) (Ruze 1966).

    Args:
        diameter: m.
        surface: rms error, micrometres.
        opacity: tau towards the zenith.

    """
    depth = _AIR_MASS * opacity
    temperature = _RECEIVER + _ATMOSPHERE * (1 - math.exp(-depth))
    efficiency = _APERTURE_EFFICIENCY * math.exp(-((4 * math.pi * surface * 1e-6 / _WAVELENGTH) ** 2))
    return 2 * _BOLTZMANN_JY * temperature * math.exp(depth) / (efficiency * math.pi * diameter**2 / 4)


@cache
def site_table() -> tuple[dict[str, str], ...]:
    """Return the rows of the table that the package carries."""
    return tuple(
        csv.DictReader(io.StringIO(resources.files("ideal.imaging.interferometer").joinpath("sites.csv").read_text("utf-8")))
    )


def find_sites(array: str, frequency: float = 230e9) -> Sites:
    """Return the sites of an array.

    Args:
        array: one of `ARRAYS`, the path of a table (see `read_sites`), or several of both joined by "+"; a site that is in
            more than one counts once, as in the first.
        frequency: Hz; which column of flux densities to take from a table that has several.

    Raises:
        UsageError: there is no such array or file.
        DataError: the table cannot be read.

    """
    parts = [array] if Path(array).is_file() else array.split("+")
    found: dict[str, tuple] = {}
    for part in parts:
        sites = _named(part) if part in ARRAYS else None
        if sites is None:
            if not Path(part).is_file():
                raise UsageError(unknown_name("no array or file is called", part, ARRAYS))
            sites = read_sites(part, frequency)
        for name, position, sefd in zip(sites.names, sites.positions, sites.sefd, strict=True):
            found.setdefault(name, (position, sefd, part))
    positions, sefd, arrays = zip(*found.values(), strict=True)
    return Sites(tuple(found), np.array(positions), np.array(sefd), arrays)


def _named(array: str) -> Sites:
    rows = [row for row in site_table() if array in row["arrays"].split()]
    positions = np.array([[float(row[key]) for key in ("x_m", "y_m", "z_m")] for row in rows])
    sefd = np.array([float(row["sefd_jy"]) for row in rows])
    return Sites(tuple(row["name"] for row in rows), positions, sefd, (array,) * len(rows))


def read_sites(path: str | Path, frequency: float = 230e9) -> Sites:
    """Read a table of sites: name, X, Y, Z in metres, and SEFD in Jy, separated by commas or blanks.

    A first line that begins with "name" (or "#NAME", as in the array files of eht-imaging and of ngEHTexplorer) names the
    columns; without one they are taken in the order above. Of SEFDR and SEFDL the mean is taken; of SEFD86, SEFD230 and so on
    the nearest to the frequency. Other columns are left out, and so is what follows a "#".

    Args:
        path: of the table.
        frequency: Hz.

    Raises:
        DataError: a line cannot be read, a site is there twice or not near the Earth's surface, or there is no site.

    """
    path = Path(path)
    try:
        lines = read_text(path, "a table of sites").splitlines()
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read as a table of sites ({error})") from error
    columns = {"name": 0, "x": 1, "y": 2, "z": 3}
    densities = [4]
    names: list[str] = []
    positions: list[list[float]] = []
    sefd: list[float] = []
    for number, line in enumerate(lines, start=1):
        titles = _fields(line.lstrip("#"))
        if titles and not names and titles[0].lower() in ("name", "site", "station"):
            columns, densities = _titled(path, [title.lower() for title in titles], frequency)
            continue
        fields = _fields(line.split("#")[0])
        if not fields:
            continue
        try:
            name = fields[columns["name"]]
            position = [float(fields[columns[axis]]) for axis in "xyz"]
            density = float(np.mean([float(fields[column]) for column in densities]))
        except (ValueError, IndexError):
            raise DataError(f"{path}: line {number} is {line.strip()!r}, expected name, X, Y, Z (m) and SEFD (Jy)") from None
        if name in names:
            raise DataError(f"{path}: line {number}: site {name} is there twice")
        if not 6.3e6 < np.linalg.norm(position) < 6.43e6:
            raise DataError(
                f"{path}: line {number}: site {name} is {np.linalg.norm(position) / 1e3:.0f} km from the centre of the Earth, "
                "expected geocentric metres of a place on the ground"
            )
        if not 0 < density < math.inf:
            raise DataError(f"{path}: line {number}: site {name} has an SEFD of {density:g} Jy, expected a positive number")
        names.append(name)
        positions.append(position)
        sefd.append(density)
    if not names:
        raise DataError(f"{path}: no site in it, expected lines of name, X, Y, Z (m) and SEFD (Jy)")
    return Sites(tuple(names), np.array(positions), np.array(sefd), (str(path),) * len(names))


def _fields(line: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line]), [])] if "," in line else line.split()


def _titled(path: Path, titles: list[str], frequency: float) -> tuple[dict[str, int], list[int]]:
    columns = {"name": 0} | {axis: titles.index(name) for axis in "xyz" for name in (axis, f"{axis}_m") if name in titles}
    hands = [i for i, title in enumerate(titles) if title in ("sefdr", "sefdl", "sefd", "sefd_jy")]
    bands = {
        i: float(title[4:]) for i, title in enumerate(titles) if title.startswith("sefd") and title[4:].replace(".", "").isdigit()
    }
    if bands:
        hands = [min(bands, key=lambda i: abs(bands[i] - frequency / 1e9))]
    if len(columns) < 4 or not hands:
        raise DataError(f"{path}: columns {', '.join(titles)}, expected name, x, y, z (m) and sefd (Jy)")
    return columns, hands

"""Which baseline of an interferometer sees the source when, from sites and Earth rotation or from a real observation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ideal.errors import DataError, UsageError, missing_extra
from ideal.imaging._earth import LIGHT, modified_julian_date, project, sidereal_angle, sine_elevation
from ideal.imaging._sites import Sites

_JULIAN_DATE_OF_MJD_ZERO = 2400000.5


@dataclass(frozen=True, eq=False)
class Coverage:
    """Visibilities of an observation, ordered by time, then by baseline (first site, second site, channel).

    Attributes:
        sites: names, positions and flux densities.
        first: (visibility,) index of the first site of the baseline.
        second: (visibility,) of the second.
        mjd: (visibility,) UTC, Modified Julian Date of the middle of the integration.
        hour_angle: (visibility,) Greenwich sidereal time less right ascension, radians.
        u: (visibility,) towards east, wavelengths: first less second site.
        v: (visibility,) towards north, wavelengths.
        sigma: (visibility,) standard deviation of the real part and of the imaginary part each, Jy.
        frequency: (visibility,) Hz.
        integration: (visibility,) seconds.
        source: right ascension in hours and declination in degrees.

    """

    sites: Sites
    first: np.ndarray
    second: np.ndarray
    mjd: np.ndarray
    hour_angle: np.ndarray
    u: np.ndarray
    v: np.ndarray
    sigma: np.ndarray
    frequency: np.ndarray
    integration: np.ndarray
    source: tuple[float, float]

    @property
    def baselines(self) -> list[str]:
        """Names of the two sites of each visibility, as "ALMA-PV"."""
        names = self.sites.names
        return [f"{names[i]}-{names[j]}" for i, j in zip(self.first, self.second, strict=True)]


def thermal_sigma(sefd_first, sefd_second, bandwidth: float, integration: float, efficiency: float, hands: int):
    """Return the thermal noise of visibilities in Jy, of the real part and of the imaginary part each.

    sqrt(SEFD_1 SEFD_2 / (2 bandwidth integration hands)) / efficiency: the radiometer equation of a correlator (Thompson, Moran &
    Swenson 2017, section 6.2), with 0.88 the efficiency of two-bit sampling.

    Args:
        sefd_first: Jy.
        sefd_second: Jy.
        bandwidth: Hz.
        integration: seconds.
        efficiency: of the quantisation.
        hands: correlation products that are averaged: 1, or 2 for Stokes I of both parallel hands.

    """
    return np.sqrt(sefd_first * sefd_second / (2 * bandwidth * integration * hands)) / efficiency


def from_sites(system, sites: Sites) -> Coverage:
    """Return the visibilities that an array sees within its elevation limits.

    A site that may move is taken to be up at all times. The source stands still for the length of an integration, where it is in
    its middle: the first middle is at the system's `start`, as in eht-imaging.

    Args:
        system: the `Interferometer`, for its times, source and noise.
        sites: of the array.

    Raises:
        UsageError: no baseline ever sees the source.

    """
    stop = system.stop + 24 if system.stop < system.start else system.stop
    mjd = modified_julian_date(system.date) + np.arange(system.start, stop, system.interval / 3600) / 24
    right_ascension, declination = system.source
    angle = sidereal_angle(mjd) - np.pi / 12 * right_ascension
    elevation = np.rad2deg(np.arcsin(sine_elevation(sites.positions, angle[:, None], declination)))
    low, high = system.elevation
    up = ((elevation > low) & (elevation < high)) | np.isin(sites.names, system.free_sites)
    one, other = np.triu_indices(len(sites.names), k=1)
    time, pair = np.nonzero(up[:, one] & up[:, other])
    if not len(time):
        raise UsageError(
            f"no two of the sites {', '.join(sites.names[:8])} see the source (right ascension {right_ascension:g} h, "
            f"declination {declination:g} deg) at elevations of {low:g} to {high:g} deg from {system.start:g} to {stop:g} h UTC"
        )
    first, second = one[pair], other[pair]
    east, north, _ = project(sites.positions[first] - sites.positions[second], angle[time], declination)
    wavelength = LIGHT / system.frequency
    noise = (system.bandwidth, system.integration, system.efficiency, system.hands)
    every = np.ones(len(time))
    return Coverage(
        sites=sites,
        first=first,
        second=second,
        mjd=mjd[time],
        hour_angle=angle[time],
        u=east / wavelength,
        v=north / wavelength,
        sigma=thermal_sigma(sites.sefd[first], sites.sefd[second], *noise),
        frequency=system.frequency * every,
        integration=system.integration * every,
        source=system.source,
    )


def from_uvfits(path: str | Path, names: tuple[str, ...] = ()) -> tuple[Coverage, np.ndarray]:
    """Return the unflagged visibilities of a UVFITS file, all of them, and their values, complex, (visibility,), Jy.

    Unlike `ideal.formats.uvfits.open_uvfits`, which keeps a table without gaps, this keeps every baseline at every time.

    Args:
        path: of the file.
        names: of the sites to keep; empty for all that were observed.

    Raises:
        DataError: it is no UVFITS file, or has no site positions or no data.
        UsageError: astropy is not installed, or a name is not in the file.

    """
    from ideal.formats import uvfits

    try:
        from astropy.io import fits
    except ImportError as error:
        raise missing_extra("astropy", "astronomy", f"reading {path}") from error
    groups, header, _, offsets = uvfits._load(path, fits)
    values, sigma, valid, _ = uvfits._stokes_i(uvfits._ordered(path, groups, header), uvfits._stokes_codes(path, header))
    frequency = (uvfits._frequencies(header)[None, :] + offsets[:, None]).ravel()
    antennas = np.stack(uvfits._antennas(groups.par("BASELINE")), axis=1)
    dates = np.asarray(groups.par("DATE"), dtype=np.float64)
    east, north = uvfits._uv(path, groups)
    found, numbers = _antenna_table(path, fits)
    valid &= (antennas[:, 0] != antennas[:, 1])[:, None] & np.isin(antennas, numbers).all(1)[:, None]
    if names:
        found.select(names)
        wanted = [number for number, name in zip(numbers, found.names, strict=True) if name in names]
        valid &= np.isin(antennas, wanted).all(1)[:, None]
    group, channel = np.nonzero(valid)
    if not len(group):
        raise DataError(f"{path}: no unflagged visibility between {', '.join(names) or 'its sites'}")
    order = np.lexsort((channel, antennas[group, 1], antennas[group, 0], uvfits._integrations(dates)[1][group]))
    group, channel = group[order], channel[order]
    used = sorted({found.names[list(numbers).index(number)] for number in np.unique(antennas[group])}, key=found.names.index)
    sites = found.select(tuple(name for name in names if name in used) or tuple(used))
    place = {number: sites.names.index(name) for number, name in zip(numbers, found.names, strict=True) if name in used}
    first, second = (np.array([place[number] for number in antennas[group, side]]) for side in (0, 1))
    mjd = dates[group] - _JULIAN_DATE_OF_MJD_ZERO
    degrees, declination = (float(header.get(f"OBS{axis}", _header_value(header, axis))) for axis in ("RA", "DEC"))
    source = (degrees / 15, declination)
    has_times = "INTTIM" in [name.upper() for name in groups.parnames]
    integration = np.asarray(groups.par("INTTIM"), dtype=np.float64) if has_times else np.zeros(len(dates))
    coverage = Coverage(
        sites=sites,
        first=first,
        second=second,
        mjd=mjd,
        hour_angle=sidereal_angle(mjd) - np.pi / 12 * source[0],
        u=east[group] * frequency[channel],
        v=north[group] * frequency[channel],
        sigma=sigma[group, channel],
        frequency=frequency[channel],
        integration=integration[group],
        source=source,
    )
    return coverage, values[group, channel]


def _header_value(header, axis: str) -> float:
    for i in range(2, header["NAXIS"] + 1):
        if str(header.get(f"CTYPE{i}", "")).strip().upper() == axis:
            return header[f"CRVAL{i}"]
    return 0.0


def _antenna_table(path, fits) -> tuple[Sites, np.ndarray]:
    with open(path, "rb") as stream, fits.open(stream, memmap=False) as hdus:
        table = next((hdu for hdu in hdus[1:] if hdu.name == "AIPS AN"), None)
        if table is None or "STABXYZ" not in table.columns.names:
            raise DataError(f"{path}: no table AIPS AN with positions (STABXYZ), expected the sites of the observation")
        origin = [float(table.header.get(f"ARRAY{axis}", 0.0)) for axis in "XYZ"]
        positions = np.array(table.data["STABXYZ"], dtype=np.float64) + origin
        names = tuple(str(name).strip() for name in table.data["ANNAME"])
        numbers = np.array(table.data["NOSTA"], dtype=np.int64)
        has_sefd = "SEFD" in table.columns.names
        sefd = np.array(table.data["SEFD"], dtype=np.float64) if has_sefd else np.zeros(len(names))
    return Sites(names, positions, np.where(sefd > 0, sefd, np.nan), (str(path),) * len(names)), numbers

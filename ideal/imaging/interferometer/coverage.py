"""Which baseline of an interferometer sees the source when, from sites and Earth rotation or from a real observation."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.health import Finding
from ideal.health.scatter import measure_scatter
from ideal.imaging.interferometer.earth import LIGHT, modified_julian_date, project, sidereal_angle, sine_elevation
from ideal.imaging.interferometer.sites import Sites

_JULIAN_DATE_OF_MJD_ZERO = 2400000.5
_LOOKS = 500  # moments that tell how many visibilities there will be


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
        findings: what a user should know of the observation that they were read from.

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
    findings: tuple[Finding, ...] = ()

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
    angle, up = _looking(system, sites, mjd)
    right_ascension, declination = system.source
    low, high = system.elevation
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


def expected_visibilities(system, sites: Sites) -> float:
    """Return about how many visibilities an array sees, from a few moments of the observation.

    Args:
        system: the `Interferometer`, for its times, source and elevations.
        sites: of the array.

    """
    moments = system.hours * 3600 / system.interval
    hours = system.start + system.hours * (np.arange(_LOOKS) + 0.5) / _LOOKS
    _, up = _looking(system, sites, modified_julian_date(system.date) + hours / 24)
    together = up.sum(1)
    return moments * float(np.mean(together * (together - 1) / 2))


def _looking(system, sites: Sites, mjd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the hour angle at Greenwich of the source, (time,), and which sites see it, (time, site)."""
    right_ascension, declination = system.source
    angle = sidereal_angle(mjd) - np.pi / 12 * right_ascension
    elevation = np.rad2deg(np.arcsin(sine_elevation(sites.positions, angle[:, None], declination)))
    low, high = system.elevation
    return angle, ((elevation > low) & (elevation < high)) | np.isin(sites.names, system.free_sites)


def from_uvfits(path: str | Path, names: tuple[str, ...] = ()) -> tuple[Coverage, np.ndarray]:
    """Return the unflagged visibilities of a UVFITS file, all of them, and their values, complex, (visibility,), Jy.

    Unlike `ideal.formats.uvfits.open_uvfits`, which keeps a table without gaps, this keeps every baseline at every time.

    Args:
        path: of the file; `FILE::SOURCE` (`FILE::SOURCE,freqsel=N,subarray=N`) names one of several sources in it.
        names: of the sites to keep; empty for all that were observed.

    Raises:
        DataError: it is no UVFITS file, or has no data, or no positions of the sites that were observed.
        UsageError: astropy is not installed, a name is not in the file, or it holds several sources, frequency set-ups or
            subarrays and none is named.

    """
    from ideal.formats.random_groups import read_random_groups
    from ideal.formats.uvfits import split_name

    file, choice = split_name(path)
    groups = read_random_groups(file, **choice)
    findings = [*groups.findings, *map(_of_a_system, measure_scatter(groups).findings(groups))]
    found, numbers = _sites(path, groups.antennas), groups.antennas.numbers
    antennas, valid = np.stack([groups.first, groups.second], axis=1), groups.valid.copy()
    if names:
        found.select(names)
        wanted = [number for number, name in zip(numbers, found.names, strict=True) if name in names]
        valid &= np.isin(antennas, wanted).all(axis=1, keepdims=True)
    group, channel = np.nonzero(valid)
    if not len(group):
        raise DataError(f"{path}: no unflagged visibility between {', '.join(names) or 'its sites'}")
    missing = np.setdiff1d(antennas[group], numbers)
    if len(missing):
        raise DataError(
            f"{path}: antennas {', '.join(map(str, missing[:12]))} are not in its table AIPS AN, expected the positions of all "
            "that were observed: name those to use (sites)"
        )
    order = np.lexsort((channel, antennas[group, 1], antennas[group, 0], groups.time_index[group]))
    group, channel = group[order], channel[order]
    used = sorted({found.names[list(numbers).index(number)] for number in np.unique(antennas[group])}, key=found.names.index)
    sites = found.select(tuple(name for name in names if name in used) or tuple(used))
    place = {number: sites.names.index(name) for number, name in zip(numbers, found.names, strict=True) if name in used}
    first, second = (np.array([place[number] for number in antennas[group, side]]) for side in (0, 1))
    mjd = groups.days[group] - _JULIAN_DATE_OF_MJD_ZERO
    source = (groups.position[0] / 15, groups.position[1])
    frequency = groups.frequency[channel]
    coverage = Coverage(
        sites=sites,
        first=first,
        second=second,
        mjd=mjd,
        hour_angle=sidereal_angle(mjd) - np.pi / 12 * source[0],
        u=groups.u[group] * frequency,
        v=groups.v[group] * frequency,
        sigma=groups.sigma[group, channel],
        frequency=frequency,
        integration=groups.integration[group],
        source=source,
        findings=tuple(findings),
    )
    return coverage, groups.values[group, channel]


def _of_a_system(finding: Finding) -> Finding:
    """Return what the scatter says of a system's noise: visibilities that scatter too little may be simulated without noise."""
    if finding.severity != "void":
        return finding
    effect = "the noise of the system is too high, unless these visibilities hold none"
    return replace(finding, severity="biased", effect=effect)


def _sites(path, antennas) -> Sites:
    if antennas.positions is None:
        raise DataError(f"{path}: no table AIPS AN with positions (STABXYZ), expected the sites of the observation")
    return Sites(antennas.names, antennas.positions, antennas.sefd, (str(path),) * len(antennas.names))

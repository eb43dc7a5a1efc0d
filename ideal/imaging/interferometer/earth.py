"""Earth: geodetic places and geocentric vectors, sidereal time, and baselines as the source sees them.

Formulas: WGS84; Greenwich mean sidereal time of the IAU 2006 precession (Capitaine, Wallace & Chapront 2003, eq. 42; IERS
Conventions 2010, eq. 5.32). Precession, nutation, aberration, polar motion and refraction are left out, as eht-imaging does:
u and v are those of the mean equator of date, up to 0.3 degrees from a catalogue's of J2000, which turns the coverage of all
baselines together and moves no site.
"""

import math
from datetime import date as calendar_date

import numpy as np

from ideal.errors import UsageError

LIGHT = 299792458.0  # m/s
SECONDS_PER_DAY = 86400.0
_RADIUS, _FLATTENING = 6378137.0, 1 / 298.257223563
_ECCENTRICITY2 = _FLATTENING * (2 - _FLATTENING)
_J2000 = 51544.5  # MJD
_ORDINAL_OF_MJD_ZERO = calendar_date(1858, 11, 17).toordinal()

# TAI - UT1 in milliseconds every 30 days since MJD 47840 (IERS Bulletin B). Straight lines between
# them stay within 7 ms of the daily values, 3e-7 of u and v; without them UT1 would be up to 0.9 s off, 7e-5.
_UT1_START, _UT1_STEP = 47840, 30
_TAI_MINUS_UT1 = (
    "24567 24634 24687 24743 24809 24882 24946 25001 25046 25082 25133 25194 25259 25326 25388 25455 25524 25594 25662 25725 "
    "25776 25815 25859 25920 25981 26052 26121 26193 26266 26348 26431 26500 26552 26591 26641 26701 26771 26844 26918 26993 "
    "27072 27154 27237 27317 27382 27432 27488 27550 27624 27700 27770 27841 27908 27985 28061 28137 28197 28239 28282 28337 "
    "28409 28481 28553 28633 28710 28792 28876 28958 29028 29079 29118 29173 29243 29312 29387 29456 29511 29576 29644 29713 "
    "29774 29820 29857 29891 29941 30000 30058 30113 30167 30220 30294 30365 30430 30473 30509 30552 30605 30666 30726 30776 "
    "30826 30889 30953 31014 31069 31098 31109 31124 31152 31192 31237 31273 31301 31339 31372 31414 31450 31478 31488 31500 "
    "31520 31548 31591 31628 31656 31684 31712 31740 31773 31794 31800 31800 31813 31833 31868 31895 31914 31926 31958 31985 "
    "32011 32025 32026 32021 32030 32044 32070 32094 32122 32141 32168 32192 32212 32232 32231 32227 32225 32233 32250 32268 "
    "32289 32305 32322 32343 32363 32376 32368 32353 32350 32356 32370 32381 32387 32403 32416 32431 32452 32468 32469 32457 "
    "32453 32453 32465 32483 32502 32517 32535 32565 32586 32612 32616 32606 32601 32602 32617 32638 32654 32666 32687 32715 "
    "32747 32780 32799 32812 32823 32839 32871 32906 32939 32970 33012 33041 33078 33116 33148 33162 33164 33167 33191 33218 "
    "33253 33277 33305 33333 33365 33399 33430 33445 33453 33465 33492 33525 33561 33591 33616 33638 33674 33711 33744 33765 "
    "33769 33778 33797 33824 33851 33881 33905 33938 33973 34013 34046 34060 34053 34049 34057 34082 34112 34133 34148 34168 "
    "34198 34233 34267 34289 34291 34294 34306 34338 34369 34398 34433 34461 34486 34526 34558 34583 34587 34593 34605 34632 "
    "34664 34704 34731 34767 34805 34854 34899 34929 34942 34949 34964 34992 35029 35066 35100 35131 35168 35208 35250 35283 "
    "35302 35315 35327 35351 35385 35420 35456 35489 35526 35571 35613 35653 35674 35696 35720 35759 35808 35857 35906 35960 "
    "36006 36065 36122 36171 36205 36220 36236 36264 36305 36351 36394 36430 36467 36508 36554 36599 36631 36645 36658 36672 "
    "36697 36732 36768 36791 36817 36845 36875 36907 36929 36928 36932 36939 36960 36989 37019 37039 37064 37094 37126 37154 "
    "37172 37172 37160 37155 37154 37159 37170 37178 37191 37206 37225 37242 37254 37241 37210 37189 37175 37174 37179 37178 "
    "37169 37169 37171 37181 37185 37174 37147 37125 37109 37106 37107 37108 37108 37103 37101 37099 37098 37081 37052 37025 "
    "37009 37005 37015 37017 37018 37012 37020 37030 37043 37045 37027 37008 36991 36986 36989 36989 36992 36997 37005 37017 "
    "37021 37020 36993 36967 36946 36941 36945 36949 36955 36954 36957 36963 36970 36971 36955 36936 36914 36907 36907 36920 "
    "36926 36929 36933 36948 36966 36982 36987 36987 36994 37018 "
)
# MJD since which TAI - UTC is one second more.
_LEAP_SECONDS = (47892, 48257, 48804, 49169, 49534, 50083, 50630, 51179, 53736, 54832, 56109, 57204, 57754)
_TAI_MINUS_UTC_BEFORE = 24
_TT_MINUS_TAI = 32.184


def modified_julian_date(date: str | float) -> int:
    """Return the Modified Julian Date of a day, from "2017-04-06" or from a date that is one already.

    Raises:
        UsageError: it is neither.

    """
    try:
        mjd = float(date)
    except ValueError:
        try:
            return calendar_date.fromisoformat(str(date)).toordinal() - _ORDINAL_OF_MJD_ZERO
        except ValueError:
            raise UsageError(
                f"{date!r} is no date, expected year-month-day as 2017-04-06, or a Modified Julian Date as 57849"
            ) from None
    if not 0 < mjd < 1e5:
        raise UsageError(f"{date!r} is no Modified Julian Date, expected a number as 57849 (which is 2017-04-06)")
    return math.floor(mjd)


def sidereal_angle(mjd: np.ndarray) -> np.ndarray:
    """Return the Greenwich mean sidereal time in radians, from 0 to 2 pi.

    Args:
        mjd: UTC, Modified Julian Dates with fractions of a day, any shape.

    """
    mjd = np.asarray(mjd, dtype=np.float64)
    tai_minus_utc = _TAI_MINUS_UTC_BEFORE + np.searchsorted(_LEAP_SECONDS, mjd, side="right")
    days = np.array(_TAI_MINUS_UT1.split(), dtype=np.float64)
    tai_minus_ut1 = np.interp(mjd, _UT1_START + _UT1_STEP * np.arange(len(days)), days) / 1000
    ut1 = (mjd - _J2000) + (tai_minus_utc - tai_minus_ut1) / SECONDS_PER_DAY
    turn = 0.7790572732640 + np.mod(ut1, 1.0) + 0.00273781191135448 * ut1
    century = (mjd - _J2000 + (tai_minus_utc + _TT_MINUS_TAI) / SECONDS_PER_DAY) / 36525
    arcseconds = np.polyval([-3.68e-8, -2.9956e-5, -4.4e-7, 1.3915817, 4612.156534, 0.014506], century)
    return np.mod(2 * np.pi * turn + np.deg2rad(arcseconds / 3600), 2 * np.pi)


def geocentric(coordinates, altitude, xp=np):
    """Return geocentric X, Y, Z in metres of places on WGS84.

    Args:
        coordinates: (site, 2) geodetic latitude and longitude, degrees.
        altitude: (site,) above the ellipsoid, metres.
        xp: numpy, or jax.numpy to trace it.

    """
    latitude, longitude = xp.deg2rad(coordinates[..., 0]), xp.deg2rad(coordinates[..., 1])
    sine = xp.sin(latitude)
    normal = _RADIUS / xp.sqrt(1 - _ECCENTRICITY2 * sine**2)
    across = (normal + altitude) * xp.cos(latitude)
    along = (normal * (1 - _ECCENTRICITY2) + altitude) * sine
    return xp.stack([across * xp.cos(longitude), across * xp.sin(longitude), along], axis=-1)


def geodetic(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude in degrees, (site, 2), and altitude in metres, (site,), on WGS84.

    Args:
        positions: (site, 3) geocentric X, Y, Z, metres, within 50 km of the ellipsoid.

    """
    x, y, z = np.asarray(positions, dtype=np.float64).T
    distance = np.hypot(x, y)
    latitude = np.arctan2(z, distance * (1 - _ECCENTRICITY2))
    for _ in range(5):  # each step gains a factor of 1 / eccentricity^2, about 150
        normal = _RADIUS / np.sqrt(1 - _ECCENTRICITY2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + _ECCENTRICITY2 * normal * np.sin(latitude), distance)
    sine, cosine = np.sin(latitude), np.cos(latitude)
    altitude = distance * cosine + z * sine - _RADIUS * np.sqrt(1 - _ECCENTRICITY2 * sine**2)
    return np.rad2deg(np.stack([latitude, np.arctan2(y, x)], axis=1)), altitude


def project(vectors, angle, declination: float, xp=np):
    """Return the components of terrestrial vectors towards east (u), north (v) and the source (w), as the source sees them.

    Thompson, Moran & Swenson, Interferometry and Synthesis in Radio Astronomy (2017), eq. 4.1.

    Args:
        vectors: (..., 3) terrestrial, metres.
        angle: Greenwich sidereal time less right ascension, radians, of the leading shape or broadcast to it.
        declination: of the source, degrees.
        xp: numpy, or jax.numpy to trace it.

    """
    sine, cosine = xp.sin(angle), xp.cos(angle)
    out = vectors[..., 0] * cosine - vectors[..., 1] * sine
    east = vectors[..., 0] * sine + vectors[..., 1] * cosine
    up, flat = math.sin(math.radians(declination)), math.cos(math.radians(declination))
    return east, vectors[..., 2] * flat - out * up, vectors[..., 2] * up + out * flat


def sine_elevation(directions, angle, declination: float, xp=np):
    """Return the sine of a source's elevation above the plane normal to `directions`.

    The geocentric position itself as direction gives the elevation that eht-imaging selects by, up to 0.2 degrees from the one
    above the local horizon, whose normal is the geodetic one.

    Args:
        directions: (..., 3) terrestrial, of any length.
        angle: Greenwich sidereal time less right ascension, radians.
        declination: of the source, degrees.
        xp: numpy, or jax.numpy to trace it.

    """
    length = xp.sqrt((directions**2).sum(-1))
    return project(directions, angle, declination, xp)[2] / length

"""Writing UVFITS: random groups of visibilities with their u, v and weights, and the table of antennas.

The layout is that of the Event Horizon Telescope's releases, as eht-imaging and `ideal.formats.uvfits` read them: Stokes I stands
in both parallel hands, each with the weight of a single one, 1/(2 sigma^2), so that their average has the noise sigma.
Everything is float32, as the readers expect; DATE is split in two, so that times keep 5 ms.
"""

import os
from pathlib import Path

import numpy as np

from ideal._files import whole_file
from ideal.errors import DataError, UsageError, missing_extra

_JULIAN_DATE_OF_MJD_ZERO = 2400000.5
_SIDEREAL_DEGREES_PER_DAY = 360.9856473
_MOST_ANTENNAS = 255  # of the baseline number 256 i + j


def write_uvfits(
    path: str | Path,
    *,
    visibilities,
    sigma,
    u,
    v,
    mjd,
    first,
    second,
    names,
    positions,
    frequency: float,
    bandwidth: float,
    source: tuple[float, float],
    integration=0.0,
    sefd=None,
    sidereal_angle: float = 0.0,
    ut1_minus_utc: float = 0.0,
    object_name: str = "",
    overwrite: bool = False,
) -> None:
    """Write visibilities of Stokes I; the file appears whole or not at all.

    Args:
        path: of the file.
        visibilities: (visibility,) complex, Jy.
        sigma: (visibility,) of the real part and of the imaginary part each, Jy; infinite for a flagged visibility.
        u: (visibility,) towards east, wavelengths, first less second site.
        v: (visibility,) towards north, wavelengths.
        mjd: (visibility,) UTC, Modified Julian Date of the middle of the integration.
        first: (visibility,) index of the first site, from 0.
        second: (visibility,) index of the second.
        names: of the sites, at most eight letters each.
        positions: (site, 3) geocentric, metres.
        frequency: Hz.
        bandwidth: Hz.
        source: right ascension in hours and declination in degrees.
        integration: (visibility,) or a number, seconds.
        sefd: (site,) Jy; None or NaN where it is not known.
        sidereal_angle: Greenwich sidereal time at 0 h UTC of the first day, radians.
        ut1_minus_utc: seconds.
        object_name: of the source.
        overwrite: whether a file of this name may be replaced.

    Raises:
        MissingPackageError: astropy is not installed.
        UsageError: the file is there, or its folder is not.
        DataError: the arrays do not belong together, are not finite, or there are too many sites.

    """
    try:
        from astropy.io import fits
    except ImportError as error:
        raise missing_extra("astropy", "astronomy", f"writing {path}") from error
    path = Path(path)
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: already there, choose another name or ask for overwriting")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} is not there, make it first")
    values, rows = _checked(path, visibilities, sigma, u, v, mjd, first, second, integration)
    names = list(names)
    if len(names) > _MOST_ANTENNAS or max(rows["first"].max(), rows["second"].max()) >= len(names):
        raise DataError(f"{path}: {len(names)} sites, expected those that the baselines name and at most {_MOST_ANTENNAS}")
    if any(not name or len(name) > 8 for name in names):
        raise DataError(f"{path}: sites {', '.join(names)}: names have one to eight letters in UVFITS")

    day = float(np.floor(rows["mjd"].min()))
    hdus = fits.HDUList([_groups(fits, values, rows, day)])
    _describe(hdus[0].header, day, frequency, bandwidth, source, object_name)
    hdus.append(_antennas(fits, names, positions, sefd))
    hdus[1].header.update(
        {
            "EXTVER": 1,
            "ARRAYX": 0.0,
            "ARRAYY": 0.0,
            "ARRAYZ": 0.0,
            "RDATE": _iso(day),
            "GSTIA0": float(np.rad2deg(sidereal_angle)),
            "DEGPDY": _SIDEREAL_DEGREES_PER_DAY,
            "UT1UTC": float(ut1_minus_utc),
            "DATUTC": 0.0,
            "TIMESYS": "UTC",
            "FREQ": float(frequency),
            "POLARX": 0.0,
            "POLARY": 0.0,
            "ARRNAM": "VLBI",
            "XYZHAND": "RIGHT",
            "FRAME": "ITRF",
            "NUMORB": 0,
            "NO_IF": 1,
            "NOPCAL": 0,
            "POLTYPE": "VLBI",
            "FREQID": 1,
        }
    )
    hdus.append(_bands(fits, bandwidth))
    try:
        with whole_file(path) as temporary, open(temporary, "wb") as stream:
            hdus.writeto(stream)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error})") from error


def _checked(path, visibilities, sigma, u, v, mjd, first, second, integration):
    values = np.asarray(visibilities)
    if values.ndim != 1 or not len(values):
        raise DataError(f"{path}: visibilities of shape {values.shape}, expected one observation, (visibility,)")
    rows = {"sigma": sigma, "u": u, "v": v, "mjd": mjd, "integration": np.broadcast_to(integration, values.shape)}
    rows = {name: np.asarray(array, dtype=np.float64) for name, array in rows.items()}
    rows |= {"first": np.asarray(first, dtype=np.int64), "second": np.asarray(second, dtype=np.int64)}
    for name, array in rows.items():
        if array.shape != values.shape:
            raise DataError(f"{path}: {name} of shape {array.shape} for {len(values)} visibilities, expected one each")
        if name != "sigma" and not np.isfinite(array).all():
            raise DataError(f"{path}: {name} is not finite everywhere")
    if not np.isfinite(values).all():
        raise DataError(f"{path}: visibility {int(np.argmin(np.isfinite(values)))} is not finite")
    if not (rows["sigma"] > 0).all():
        raise DataError(f"{path}: a sigma of {rows['sigma'].min():g} Jy, expected positive numbers")
    return values, rows


def _groups(fits, values, rows, day):
    hand = np.stack([values.real, values.imag, 1 / (2 * rows["sigma"] ** 2)], axis=1)
    data = np.broadcast_to(hand[:, None, None, None, None, None, :], (len(values), 1, 1, 1, 1, 2, 3)).astype(np.float32)
    julian = np.full(len(values), day + _JULIAN_DATE_OF_MJD_ZERO)
    parameters = {
        "UU---SIN": rows["u"],
        "VV---SIN": rows["v"],
        "WW---SIN": np.zeros(len(values)),
        "BASELINE": 256.0 * (rows["first"] + 1) + rows["second"] + 1,
        "DATE": julian,
        "_DATE": rows["mjd"] - day,
        "INTTIM": rows["integration"],
    }
    groups = fits.GroupData(
        data,
        bitpix=-32,
        parnames=[name.lstrip("_") for name in parameters],
        pardata=list(parameters.values()),
    )
    return fits.GroupsHDU(groups)


def _describe(header, day, frequency, bandwidth, source, object_name) -> None:
    degrees = 15.0 * source[0]
    axes = [("COMPLEX", 1.0, 1.0), ("STOKES", -1.0, -1.0), ("FREQ", float(frequency), float(bandwidth)), ("IF", 1.0, 1.0)]
    for i, (name, value, step) in enumerate([*axes, ("RA", degrees, 1.0), ("DEC", float(source[1]), 1.0)], start=2):
        header[f"CTYPE{i}"], header[f"CRVAL{i}"], header[f"CDELT{i}"] = name, value, step
        header[f"CRPIX{i}"], header[f"CROTA{i}"] = 1.0, 0.0
    # Stored are wavelengths; the factor that makes seconds of them is left to the reader, so that no digit is lost.
    header["PSCAL1"] = header["PSCAL2"] = 1.0 / frequency
    header["OBJECT"], header["OBSRA"], header["OBSDEC"] = object_name, degrees, float(source[1])
    header["MJD"], header["DATE-OBS"], header["BUNIT"] = day, _iso(day), "JY"
    header["EQUINOX"], header["TELESCOP"], header["INSTRUME"], header["OBSERVER"] = "J2000", "VLBI", "VLBI", "ideal"
    header["HISTORY"] = "AIPS SORT ORDER='TB'"


def _antennas(fits, names, positions, sefd):
    count = len(names)
    sefd = np.nan_to_num(np.zeros(count) if sefd is None else np.asarray(sefd, dtype=np.float64))
    zeros, pairs = np.zeros(count), np.zeros((count, 3))
    columns = [
        fits.Column("ANNAME", "8A", array=np.array(names)),
        fits.Column("STABXYZ", "3D", unit="METERS", array=np.asarray(positions, dtype=np.float64)),
        fits.Column("ORBPARM", "1E", array=zeros),
        fits.Column("NOSTA", "1J", array=np.arange(1, count + 1)),
        fits.Column("MNTSTA", "1J", array=zeros),
        fits.Column("STAXOF", "1E", unit="METERS", array=zeros),
        fits.Column("POLTYA", "1A", array=np.array(["R"] * count)),
        fits.Column("POLAA", "1E", unit="DEGREES", array=zeros),
        fits.Column("POLCALA", "3E", array=pairs),
        fits.Column("POLTYB", "1A", array=np.array(["L"] * count)),
        fits.Column("POLAB", "1E", unit="DEGREES", array=zeros + 90),
        fits.Column("POLCALB", "3E", array=pairs),
        fits.Column("SEFD", "1D", array=sefd),
    ]
    return fits.BinTableHDU.from_columns(columns, name="AIPS AN")


def _bands(fits, bandwidth):
    columns = [
        fits.Column("FRQSEL", "1J", array=np.array([1])),
        fits.Column("IF FREQ", "1D", array=np.array([0.0])),
        fits.Column("CH WIDTH", "1E", array=np.array([bandwidth])),
        fits.Column("TOTAL BANDWIDTH", "1E", array=np.array([bandwidth])),
        fits.Column("SIDEBAND", "1J", array=np.array([1])),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="AIPS FQ")
    table.header["NO_IF"] = 1
    return table


def _iso(day: float) -> str:
    return str(np.datetime64("1858-11-17") + np.timedelta64(int(day), "D"))

"""The rows of a UVFITS file: random groups of visibilities, and the tables of antennas, sources and frequencies beside them.

The layout is AIPS memo 117 (Greisen 2020). One row is one baseline at one time; it holds every channel and correlation product.
A file may hold several sources (parameter SOURCE, table SU), several frequency set-ups (FREQSEL, table FQ) and several
subarrays (SUBARRAY, or the fraction of BASELINE; a table AN each). Only one of each is read: which one is the user's to say.
"""

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ideal._memory import check_memory
from ideal._regular_files import check_regular
from ideal.errors import DataError, UsageError, missing_extra, unknown_name
from ideal.health import Finding, plain_note
from ideal.text import plain_text

SECONDS_PER_DAY = 86400.0
_SAME_TIME = 0.5  # seconds; DATE in float32 fractions of a day is only good to milliseconds
_CLOCK = 0.01  # seconds: times closer than this are one, written twice
_MANY_REPEATS = 0.05
_FEW_NAMES = 12
_LARGEST_PARAMETER = 1e9  # beyond numbers of antennas, sources and baselines, and Julian dates


@dataclass(frozen=True, eq=False)
class Antennas:
    """The table AN of one subarray.

    Attributes:
        numbers: (antenna,) as the rows count them.
        names: one each.
        positions: (antenna, 3) geocentric, metres; None where the file has none.
        sefd: (antenna,) Jy; NaN where it is not known.

    """

    numbers: np.ndarray
    names: tuple[str, ...]
    positions: np.ndarray | None
    sefd: np.ndarray

    def name(self, number: int) -> str:
        """Return the name of an antenna, or its number where the table does not hold it."""
        place = np.flatnonzero(self.numbers == number)
        return self.names[place[0]] if len(place) else str(number)


@dataclass(frozen=True, eq=False)
class RandomGroups:
    """Stokes I of one source, one frequency set-up and one subarray, a row for each baseline and time.

    Autocorrelations are left out, and each baseline is turned so that its first antenna has the smaller number.

    Attributes:
        values: (row, channel) complex, Jy.
        sigma: (row, channel) standard deviation of the real part and of the imaginary part each, Jy.
        valid: (row, channel) whether one parallel hand or both are unflagged.
        single_hand: (row, channel) whether one parallel hand stands for Stokes I.
        hand_difference: (row, channel) complex, half of what the second parallel hand lacks to the first, which has the noise of
            Stokes I and hardly any source; NaN where one is missing. None where there is one product, or a copy of one.
        weights: (row, channel, hand) as they stand in the file.
        first: (row,) number of the first antenna.
        second: (row,) number of the second antenna.
        days: (row,) Julian date.
        times: (time,) Julian dates that differ by more than rounding, ascending.
        time_index: (row,) which of `times`.
        u: (row,) seconds, towards east.
        v: (row,) seconds, towards north.
        integration: (row,) seconds; 0 where the file does not say.
        frequency: (channel,) Hz.
        antennas: the antennas of the subarray.
        object_name: of the source.
        position: right ascension and declination of the source, degrees.
        units: of the values.
        findings: what a user should know of how the rows were read.

    """

    values: np.ndarray
    sigma: np.ndarray
    valid: np.ndarray
    single_hand: np.ndarray
    hand_difference: np.ndarray | None
    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    days: np.ndarray
    times: np.ndarray
    time_index: np.ndarray
    u: np.ndarray
    v: np.ndarray
    integration: np.ndarray
    frequency: np.ndarray
    antennas: Antennas
    object_name: str
    position: tuple[float, float]
    units: str
    findings: tuple[Finding, ...]

    def baseline(self, row: int) -> str:
        """Return the names of the two antennas of a row, as "AA-LM"."""
        return f"{self.antennas.name(int(self.first[row]))}-{self.antennas.name(int(self.second[row]))}"


def parse_selection(text: str) -> dict:
    """Return source, freqsel and subarray from what follows `FILE.uvfits::`, as "M87" or "M87,freqsel=2,subarray=1".

    Raises:
        UsageError: a part has no meaning.

    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        key, value = (key.strip().lower(), value.strip()) if equals else ("source", part)
        if key not in ("source", "freqsel", "subarray") or key in found or not value:
            raise UsageError(f"::{text} names no part of a UVFITS file: expected ::SOURCE or ::SOURCE,freqsel=N,subarray=N")
        if key != "source" and re.fullmatch("[0-9]{1,9}", value) is None:
            raise UsageError(f"::{text}: {key} is a number, found {value!r}")
        found[key] = value if key == "source" else int(value)
    return found


def read_random_groups(
    path: str | Path,
    *,
    source: str | None = None,
    freqsel: int | None = None,
    subarray: int | None = None,
    weight_scale: float | None = None,
    sigma: float | None = None,
) -> RandomGroups:
    """Read the rows of one source, one frequency set-up and one subarray of a UVFITS file.

    Args:
        path: of the file.
        source: name of the source (or its number in the table SU); may be left out where there is one.
        freqsel: number of the frequency set-up; may be left out where there is one.
        subarray: number of the subarray, from 1; may be left out where there is one.
        weight_scale: factor for the weights, of a file whose weights are not 1/sigma^2.
        sigma: standard deviation of the real part and of the imaginary part of Stokes I each, Jy, instead of the weights.

    Raises:
        DataError: it is not UVFITS, is cut short, has no Stokes I, or rows that nothing tells apart.
        MissingPackageError: astropy is not installed.
        UsageError: there are several sources, frequency set-ups or subarrays and none was chosen, or a
            choice or factor has no meaning.

    """
    try:
        from astropy.io import fits
    except ImportError as error:
        raise missing_extra("astropy", "astronomy", f"reading {path}") from error
    if weight_scale is not None and not 0 < weight_scale < math.inf:
        raise UsageError(f"{path}: weight_scale (--weight-scale) must be a positive number, found {weight_scale!r}")
    check_regular(path, "a UVFITS file")
    try:
        return _read(path, fits, source, freqsel, subarray, weight_scale, sigma)
    except (KeyError, IndexError, ValueError, TypeError, ArithmeticError, AttributeError, fits.VerifyError) as error:
        # of a header or a table that lacks what the standard asks for, or has something else in its place
        reason = plain_text(" ".join(str(error).split()))
        raise DataError(f"{path}: cannot be read as UVFITS ({reason[:200]}): copy or write the file again") from error


def _read(path, fits, source, freqsel, subarray, weight_scale, sigma) -> RandomGroups:
    groups, header, tables = _load(path, fits)
    parameters = {name.strip().upper() for name in groups.parnames}
    rows = np.arange(len(groups))
    source_names = _source_names(tables)
    number = _numbers(path, groups, "SOURCE", parameters)
    rows, source_id = _choose_source(path, rows, number, source_names, header, source)
    number = _numbers(path, groups, "FREQSEL", parameters)
    rows, setup = _choose_number(path, rows, number, "freqsel", freqsel, _describe_setups(header, tables))
    first, second, arrays = _antenna_numbers(path, groups, parameters)
    rows, array = _choose_number(path, rows, arrays, "subarray", subarray, _describe_subarrays(tables))
    rows = rows[first[rows] != second[rows]]  # autocorrelations
    if not len(rows):
        raise DataError(f"{path}: autocorrelations alone, expected visibilities of two antennas")
    first, second, days = first[rows], second[rows], _dates(path, groups, parameters)[rows]
    u, v = (axis[rows] for axis in _uv(path, groups))
    integration = np.asarray(groups.par("INTTIM"), dtype=np.float64)[rows] if "INTTIM" in parameters else np.zeros(len(rows))

    codes = _stokes_codes(path, header)
    values, deviation, valid, single, difference, weights = _stokes_i(_ordered(path, groups, header, rows, sigma), codes)
    deviation *= 1 if weight_scale is None else weight_scale**-0.5
    stated = deviation[valid & (deviation > 0) & np.isfinite(deviation)]
    uncalibrated = bool(np.all(weights[weights > 0] == 1))  # which state no noise
    replaced = [] if sigma is None or not len(stated) or uncalibrated else [_replaced(sigma, float(np.median(stated)))]
    if sigma is not None:
        deviation = np.full(deviation.shape, float(sigma))
    frequency = _frequencies(path, header, tables, setup, values.shape[1])
    turned = first > second
    values[turned] = values[turned].conj()
    if difference is not None:
        difference[turned] = difference[turned].conj()
    first, second = np.minimum(first, second), np.maximum(first, second)
    u, v = np.where(turned, -u, u), np.where(turned, -v, v)

    antennas = _antenna_table(tables, array)
    pair = first * (second.max() + 1) + second
    keep, findings = _without_repeats(path, days, pair, integration, values, weights, valid, antennas, (first, second))
    findings = [*replaced, *findings]
    missing = sorted({str(k) for k in np.unique([first[keep], second[keep]]) if k not in antennas.numbers})
    if missing and len(antennas.numbers):
        findings.append(
            plain_note(f"antennas {', '.join(missing[:_FEW_NAMES])} are not in the table AIPS AN, and go by their numbers")
        )
    times, time_index = _integrations(days[keep], pair[keep], integration[keep])
    object_name = source_names.get(-1 if source_id is None else source_id, "") or str(header.get("OBJECT", "")).strip()
    return RandomGroups(
        values=values[keep],
        sigma=deviation[keep],
        valid=valid[keep],
        single_hand=single[keep],
        hand_difference=None if difference is None else difference[keep],
        weights=weights[keep],
        first=first[keep],
        second=second[keep],
        days=days[keep],
        times=times,
        time_index=time_index,
        u=u[keep],
        v=v[keep],
        integration=integration[keep],
        frequency=frequency,
        antennas=antennas,
        object_name=object_name,
        position=_position(header, tables, source_id),
        units=_units(header),
        findings=tuple(findings),
    )


def _load(path, fits):
    """Return the random groups, their header, and the tables beside them as {name: [(header, rows), ...]}."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*truncated.*")
            with open(path, "rb") as stream, fits.open(stream, memmap=False) as hdus:  # astropy leaks what it opens
                primary = hdus[0]
                if not isinstance(primary, fits.GroupsHDU):
                    raise DataError(f"{path}: a FITS file without random groups, expected UVFITS visibilities")
                _check_promises(path, hdus)
                groups, header = primary.data, primary.header
                if groups is None or len(groups) == 0:
                    raise DataError(f"{path}: no visibilities in it")
                groups.data.sum(axis=tuple(range(1, groups.data.ndim)))  # read while open
                tables = {}
                for hdu in hdus[1:]:
                    _check_promises(path, hdus)
                    if hdu.name in ("AIPS AN", "AIPS FQ", "AIPS SU"):
                        tables.setdefault(hdu.name, []).append((hdu.header, hdu.data.copy()))
    except DataError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # astropy raises OSError, ValueError, TypeError, VerifyError and its own warnings
        raise DataError(f"{path}: cannot be read as UVFITS ({error}): is the file complete?") from error
    return groups, header, tables


def _check_promises(path, hdus) -> None:
    """Refuse a file whose headers tell of more bytes than it has, before memory is taken for them."""
    found = Path(path).stat().st_size
    for hdu in hdus:
        header = hdu.header
        if any(not int(header.get(f"NAXIS{k}", 0)) >= 0 for k in range(1, int(header.get("NAXIS", 0)) + 1)):
            raise DataError(f"{path}: an axis of negative length in its header: copy the file again")
        promised = hdu.fileinfo()["datLoc"] + int(hdu.size)
        if int(hdu.size) < 0 or promised > found:
            raise DataError(
                f"{path}: cannot be read as UVFITS: {found} bytes where its headers promise {promised}: is it complete?"
            )
        check_memory(path, 6 * int(hdu.size), "its visibilities in double precision", "split the file by time or frequency")


def _numbers(path, groups, name: str, parameters: set) -> np.ndarray | None:
    return np.rint(_parameter(path, groups, name)).astype(np.int64) if name in parameters else None


def _parameter(path, groups, name: str) -> np.ndarray:
    """Return a random parameter of each row, which says what the row is and must therefore be a number.

    Raises:
        DataError: it is none in some row, or beyond what antennas, sources and dates go to.

    """
    values = np.asarray(groups.par(name), dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(values) < _LARGEST_PARAMETER))
    if len(wrong):
        raise DataError(f"{path}: the parameter {name} of row {wrong[0]} is {values[wrong[0]]}: copy or write the file again")
    return values


def _source_names(tables) -> dict[int, str]:
    """Return the names of the sources by number; where two have one name, with their numbers."""
    found: dict[int, str] = {}
    for _, rows in tables.get("AIPS SU", []):
        key = next((name for name in ("ID. NO.", "ID_NO", "ID_NO.", "SOURCE_ID") if name in rows.names), None)
        if key and "SOURCE" in rows.names:
            found |= {int(row[key]): str(row["SOURCE"]).strip() for row in rows}
    names = list(found.values())
    return {number: name if names.count(name) == 1 else f"{name}#{number}" for number, name in found.items()}


def _choose_source(path, rows, numbers, names: dict, header, source: str | None) -> tuple[np.ndarray, int | None]:
    """Return the rows of one source and its number."""
    wanted = None if source is None else str(source).strip().lower()
    if numbers is None:
        there = str(header.get("OBJECT", "")).strip()
        only = list(names.values())
        there = only[0] if len(only) == 1 and there.upper() in ("", "MULTI") else there
        if wanted not in (None, there.lower()):
            raise UsageError(f"{path}: it holds one source, {there or 'without a name'}, and not {source!r}: leave --source out")
        return rows, next(iter(names), None) if len(names) == 1 else None
    present = np.unique(numbers).tolist()
    labels = {number: names.get(number, f"{number}") for number in present}
    if wanted is None:
        if len(present) > 1:
            raise UsageError(
                f"{path}: it holds {len(present)} sources, {_listing(labels.values())}: name one (--source NAME, or {path}::NAME)"
            )
        return rows, present[0]
    match = [number for number in present if wanted in (labels[number].lower(), str(number))]
    if not match:
        raise UsageError(f"{path}: " + unknown_name("it holds no source", str(source), list(labels.values())))
    return rows[numbers == match[0]], match[0]


def _choose_number(path, rows, numbers, option: str, wanted: int | None, describe) -> tuple[np.ndarray, int | None]:
    """Return the rows of one frequency set-up or subarray, and its number."""
    what = {"freqsel": "frequency set-up", "subarray": "subarray"}[option]
    present = np.unique(numbers[rows]).tolist() if numbers is not None else [1]
    if wanted is None and len(present) > 1:
        listing = _listing(f"{number} ({describe(number)})" if describe(number) else f"{number}" for number in present)
        raise UsageError(f"{path}: it holds {len(present)} {what}s, {listing}: name one (--{option} N)")
    if wanted is None:
        return rows, present[0] if numbers is not None else None
    if wanted not in present:
        raise UsageError(f"{path}: it holds no {what} {wanted} (there are: {_listing(map(str, present))})")
    return (rows if numbers is None else rows[numbers[rows] == wanted]), wanted


def _listing(names) -> str:
    names = list(names)
    return ", ".join(names[:_FEW_NAMES]) + (f" and {len(names) - _FEW_NAMES} more" if len(names) > _FEW_NAMES else "")


def _describe_setups(header, tables):
    def describe(number: int) -> str:
        row = _setup(tables, number)
        if row is None:
            return ""
        middle = _header_axis(header, "FREQ")[0] + np.mean(np.atleast_1d(row["IF FREQ"]))
        return f"{middle / 1e9:.6g} GHz"

    return describe


def _describe_subarrays(tables):
    return lambda number: _listing(_antenna_table(tables, number).names)


def _setup(tables, number: int | None):
    """Return the row of the table FQ of a frequency set-up; the first where rows do not name one."""
    for _, rows in tables.get("AIPS FQ", []):
        if number is None or "FRQSEL" not in rows.names:
            return rows[0] if len(rows) else None
        for row in rows:
            if int(np.ravel(row["FRQSEL"])[0]) == number:
                return row
    return None


def _antenna_numbers(path, groups, parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the two antennas and the subarray of each row."""
    subarray = _numbers(path, groups, "SUBARRAY", parameters)
    subarray = None if subarray is None or not subarray.any() else np.maximum(subarray, 1)
    first, second = (_numbers(path, groups, f"ANTENNA{k}", parameters) for k in (1, 2))
    if first is not None and second is not None and (first.any() or "BASELINE" not in parameters):
        return first, second, subarray
    if "BASELINE" not in parameters:
        raise DataError(
            f"{path}: no parameter BASELINE, and none of ANTENNA1 and ANTENNA2, among {', '.join(groups.parnames)}: which "
            "antennas the visibilities belong to is not known"
        )
    baseline = _parameter(path, groups, "BASELINE")
    first, second = _antennas(baseline)
    fraction = np.rint(100 * (baseline - np.floor(baseline))).astype(np.int64) + 1  # AIPS adds 0.01 for each further subarray
    return first, second, fraction if subarray is None else subarray


def _antennas(baseline) -> tuple[np.ndarray, np.ndarray]:
    """Split the AIPS baseline number, 256 i + j, or 65536 + 2048 i + j for arrays of more than 255 antennas."""
    number = np.floor(np.asarray(baseline, dtype=np.float64)).astype(np.int64)
    big = number > 65536
    number = np.where(big, number - 65536, number)
    base = np.where(big, 2048, 256)
    return number // base, number % base


def _antenna_table(tables, subarray: int | None) -> Antennas:
    """Return the antennas of a subarray: of the table AN whose version is its number, or of the only table."""
    every = tables.get("AIPS AN", [])
    of_it = [entry for entry in every if int(entry[0].get("EXTVER", 1)) == subarray]
    if not of_it and every:
        of_it = [every[subarray - 1 if subarray and subarray <= len(every) else 0]]
    if not of_it:
        return Antennas(np.zeros(0, dtype=np.int64), (), None, np.zeros(0))
    header, rows = of_it[0]
    names = tuple(str(name).strip() for name in rows["ANNAME"])
    positions = None
    if "STABXYZ" in rows.names:
        origin = [_card(header, f"ARRAY{axis}", 0.0) for axis in "XYZ"]
        positions = np.array(rows["STABXYZ"], dtype=np.float64) + origin
    sefd = np.array(rows["SEFD"], dtype=np.float64) if "SEFD" in rows.names else np.zeros(len(names))
    return Antennas(np.array(rows["NOSTA"], dtype=np.int64), names, positions, np.where(sefd > 0, sefd, np.nan))


def _dates(path, groups, parameters) -> np.ndarray:
    """Return the sum of the parameters DATE: the second, which some programs call _DATE, holds the fraction of the day."""
    names = {name for name in parameters if name.strip("_") == "DATE"}
    if not names:
        raise DataError(f"{path}: no parameter DATE among {', '.join(groups.parnames)}")
    return sum((_parameter(path, groups, name) for name in names), np.zeros(len(groups)))


def _integrations(days: np.ndarray, pair: np.ndarray, integration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the times that differ by more than rounding, and the index of the time of each row."""
    order = np.argsort(days, kind="stable")
    new = np.diff(days[order], prepend=-np.inf) * SECONDS_PER_DAY > _tolerance(days, pair, integration)
    index = np.empty(len(days), dtype=np.int64)
    index[order] = np.cumsum(new) - 1
    return days[order][new], index


def _tolerance(days, pair, integration) -> float:
    """Return the seconds by which times of one integration may differ: less where integrations follow each other fast."""
    order = np.lexsort((days, pair))
    steps = np.diff(days[order])[np.diff(pair[order]) == 0] * SECONDS_PER_DAY
    steps = steps[steps > _CLOCK]
    known = integration[integration > 0]
    apart = min([np.median(x) for x in (steps, known) if len(x)], default=np.inf)
    return min(_SAME_TIME, max(apart / 4, _CLOCK / 2))


def _uv(path, groups) -> list[np.ndarray]:
    """Return u and v of each row in seconds."""
    found = []
    for key in ("UU", "VV"):
        names = [name for name in groups.parnames if name.upper().startswith(key)]
        if not names:
            raise DataError(f"{path}: no parameter {key} among {', '.join(groups.parnames)}")
        found.append(np.asarray(groups.par(names[0]), dtype=np.float64))
    return found


def _replaced(sigma: float, stated: float) -> Finding:
    """Say that the noise which somebody gave stands in for that of the file."""
    return plain_note(
        f"a sigma of {sigma:g} Jy was given, and the file's weights are not used; by them the median visibility has one of "
        f"{stated:.3g} Jy"
    )


def _ordered(path, groups, header, rows, sigma) -> np.ndarray:
    """Return the data as float64 (row, channel, Stokes, 3), channels running over IF, then frequency."""
    data = groups.data
    axis = {str(header.get(f"CTYPE{i}", "")).strip().upper(): data.ndim - i + 1 for i in range(2, data.ndim + 1)}
    missing = [name for name in ("COMPLEX", "STOKES", "FREQ") if name not in axis]
    if missing:
        raise DataError(f"{path}: axes {sorted(axis)}, expected COMPLEX (real, imaginary, weight), STOKES and FREQ")
    numbers = data.shape[axis["COMPLEX"]]
    if numbers == 1 and {"WEIGHT", "SCALE"} <= {name.strip().upper() for name in groups.parnames}:
        raise DataError(
            f"{path}: compressed UVFITS (one number, WEIGHT and SCALE), expected real, imaginary, weight: write it plain"
        )
    if numbers == 2 and sigma is None:
        raise DataError(f"{path}: it holds real and imaginary parts without weights, the noise is not known: give it (--sigma)")
    if numbers not in (2, 3):
        raise DataError(f"{path}: COMPLEX has {numbers} numbers, expected three (real, imaginary, weight)")
    order = [axis[name] for name in ("IF", "FREQ", "STOKES", "COMPLEX") if name in axis]
    rest = [i for i in range(1, data.ndim) if i not in order]
    if any(data.shape[i] != 1 for i in rest):
        raise DataError(f"{path}: data of shape {data.shape[1:]} have a further axis longer than 1, expected one source only")
    shape = [data.shape[i] for i in order]
    data = np.asarray(data if len(rows) == len(data) else data[rows], dtype=np.float64)
    data = data.transpose(0, *rest, *order).reshape(len(data), math.prod(shape[:-2]), shape[-2], numbers)
    return data if numbers == 3 else np.concatenate([data, np.ones_like(data[..., :1])], axis=-1)


def _header_axis(header, name: str) -> np.ndarray:
    for i in range(2, header["NAXIS"] + 1):
        if str(header.get(f"CTYPE{i}", "")).strip().upper() == name:
            steps = np.arange(1, header[f"NAXIS{i}"] + 1) - _card(header, f"CRPIX{i}", 1.0)
            return _card(header, f"CRVAL{i}") + steps * _card(header, f"CDELT{i}", 1.0)
    raise KeyError(name)


def _frequencies(path, header, tables, setup: int | None, n_channels: int) -> np.ndarray:
    """Return the frequency of each channel: the header's axis, moved and rescaled as the frequency set-up says.

    Programs differ in whether a lower sideband shows in the sign of CH WIDTH, in SIDEBAND or in both; either counts.
    """
    axis = _header_axis(header, "FREQ")
    row = _setup(tables, setup)
    if row is None and setup is not None and setup > 1:
        raise DataError(f"{path}: FREQSEL {setup} has no row in the table AIPS FQ: its frequencies are not known")
    if row is None:
        offsets, steps = np.zeros(1), np.ones(1)
    else:
        names = row.array.names
        offsets = np.atleast_1d(np.asarray(row["IF FREQ"], dtype=np.float64))
        steps = np.ones(len(offsets))
        of_header = axis[1] - axis[0] if len(axis) > 1 else 0.0
        if "CH WIDTH" in names and of_header:
            width = np.broadcast_to(np.asarray(row["CH WIDTH"], dtype=np.float64), offsets.shape)
            side = np.asarray(row["SIDEBAND"], dtype=np.float64) if "SIDEBAND" in names else np.ones(1)
            lower = (width < 0) | np.broadcast_to(side < 0, offsets.shape)
            # A set-up that agrees with the header in size and is not marked as a lower sideband keeps the header's sign.
            sign = np.where(lower, -1.0, np.where(np.isclose(np.abs(width), abs(of_header)), np.sign(of_header), 1.0))
            steps = np.where(np.isfinite(width) & (width != 0), sign * np.abs(width) / of_header, 1.0)
    reference = _card(header, f"CRVAL{_place(header, 'FREQ')}")
    frequency = (reference + offsets[:, None] + (axis - reference)[None, :] * steps[:, None]).ravel()
    if len(frequency) != n_channels:
        raise DataError(f"{path}: {n_channels} spectral channels but {len(frequency)} frequencies in its header and FQ table")
    return frequency


def _place(header, name: str) -> int:
    return next(i for i in range(2, header["NAXIS"] + 1) if str(header.get(f"CTYPE{i}", "")).strip().upper() == name)


def _stokes_codes(path, header) -> list[int]:
    codes = np.rint(_header_axis(header, "STOKES")).astype(int).tolist()
    if not ({1, -1, -2, -5, -6} & set(codes)):
        raise DataError(f"{path}: Stokes codes {codes}, expected I (1), RR, LL (-1, -2) or XX, YY (-5, -6)")
    return codes


def _stokes_i(data: np.ndarray, codes: list[int]):
    """Return Stokes I, its sigma, where it is valid, where one hand stands for both, half the hands' difference, the weights."""
    hands = [codes.index(code) for code in ([1] if 1 in codes else [-1, -2, -5, -6]) if code in codes][:2]
    value = data[:, :, hands, 0] + 1j * data[:, :, hands, 1]
    weight = data[:, :, hands, 2]
    good = np.isfinite(value) & np.isfinite(weight) & (weight > 0)
    count = good.sum(2)
    divisor = np.maximum(count, 1)
    variance = np.where(good, 1 / np.where(good, weight, 1), 0).sum(2)
    sigma = np.sqrt(variance) / divisor
    difference = None
    if len(hands) == 2:
        with np.errstate(invalid="ignore"):
            difference = np.where(count == 2, (value[:, :, 0] - value[:, :, 1]) / 2, np.nan)
            copies = np.abs(difference) <= 1e-5 * np.abs(value[:, :, 0])
        if not (count == 2).any() or copies[count == 2].mean() > 0.5:
            difference = None
    return np.where(good, value, 0).sum(2) / divisor, sigma, count > 0, (count == 1) & (1 not in codes), difference, weight


def _without_repeats(path, days, pair, integration, values, weights, valid, antennas, ends):
    """Return the rows without those that repeat a baseline at the same time, and findings that tell of them.

    Of rows that repeat each other the first that is not flagged stands.

    Raises:
        DataError: so many differ from what they repeat that they must be something that the file does not name.

    """
    _, time_index = _integrations(days, pair, integration)
    order = np.lexsort((~valid.any(1), pair, time_index))
    same = (np.diff(time_index[order]) == 0) & (np.diff(pair[order]) == 0)
    kept = np.ones(len(days), bool)
    kept[order[1:][same]] = False
    repeats = np.flatnonzero(~kept & valid.any(1))
    if not len(repeats):
        return np.flatnonzero(kept), []
    start = np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), np.arange(len(order)), 0))
    original = np.empty(len(days), dtype=np.int64)
    original[order] = order[start]
    alike = (values[repeats] == values[original[repeats]]).all(1) & (weights[repeats] == weights[original[repeats]]).all((1, 2))
    differ, count = int((~alike).sum()), int(valid.any(1).sum())
    shown = repeats[~alike][0] if differ else repeats[0]
    name = "-".join(antennas.name(int(side[shown])) for side in ends)
    where = f"first {name} at Julian date {days[shown]:.6f}"
    if differ > _MANY_REPEATS * count:
        raise DataError(
            f"{path}: {differ} of {count} rows hold another visibility of a baseline and time that the file has already "
            f"({where}): nothing tells them apart: split the file, or leave one of each"
        )
    figures = {"repeats": len(repeats), "differing": differ, "rows": count}
    text = f"{len(repeats)} of {count} rows repeat a baseline and time ({where}; {differ} with other values): left out"
    return np.flatnonzero(kept), [Finding("repeated-visibilities", "note", text, figures=figures)]


def _position(header, tables, source_id: int | None) -> tuple[float, float]:
    """Return right ascension and declination of a source in degrees."""
    for _, rows in tables.get("AIPS SU", []):
        key = next((name for name in ("ID. NO.", "ID_NO", "ID_NO.", "SOURCE_ID") if name in rows.names), None)
        if key and source_id is not None and {"RAEPO", "DECEPO"} <= set(rows.names):
            for row in rows[np.asarray(rows[key]) == source_id]:
                return float(row["RAEPO"]), float(row["DECEPO"])
    ascension, declination = (_card(header, f"OBS{axis}", _header_value(header, axis)) for axis in ("RA", "DEC"))
    return ascension, declination


def _header_value(header, axis: str) -> float:
    for i in range(2, header["NAXIS"] + 1):
        if str(header.get(f"CTYPE{i}", "")).strip().upper() == axis:
            return _card(header, f"CRVAL{i}", 0.0)
    return 0.0


def _card(header, key: str, otherwise: float | None = None) -> float:
    """Return a number of the header.

    Raises:
        ValueError: it is not finite, or not there and nothing stands for it.

    """
    said = header.get(key, otherwise)
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise ValueError(f"{key} is {'missing' if said is None else repr(said)}, expected a number")
    return float(said)


def _units(header) -> str:
    said = str(header.get("BUNIT", "")).strip()
    return "Jy" if said.upper() in ("", "JY") else said

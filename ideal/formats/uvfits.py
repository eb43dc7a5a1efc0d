"""UVFITS: calibrated visibilities of a radio interferometer, one sample per integration time.

Noise. A UVFITS weight is 1/sigma^2, with sigma the standard deviation of the real part, and of the imaginary part, of one
correlation product. Stokes I of the two parallel hands is (RR + LL)/2 with independent noise, so its standard deviation (of
Re and of Im each) is sqrt(1/w_RR + 1/w_LL)/2, which is sigma_RR/sqrt(2) for equal weights.

The Event Horizon Telescope's StokesI files hold I twice, as RR and as LL, each with the weight of a single hand: over the
16,092 rows of the M87 2017 releases of days 096 and 101 (low band) the column Isigma of the CSV release equals
0.70711/sqrt(w) to 3e-6, and amplitudes and phases agree to 1e-6 Jy. That this is the deviation of Re and Im each, not of both
together, shows in the data: on baselines of low signal-to-noise the second differences of neighbouring integrations scatter
by 0.7 to 1.3 of Isigma in Re and in Im.
"""

import math
import warnings
from pathlib import Path

import numpy as np

from ideal.errors import DataError, missing_extra
from ideal.formats._source import Source
from ideal.health import plain_note

_SECONDS_PER_DAY = 86400.0
_SAME_TIME = 0.5  # seconds; DATE in float32 fractions of a day is only good to milliseconds
_SCAN_GAP = 60.0  # seconds
_PATTERNS = 2000
_FEWEST_DIFFERENCES, _LEAST_SCATTER = 20, 0.4  # other EHT baselines scatter by 0.5 to 2.5 of their noise


def open_uvfits(path: str | Path, *, scan_gap: float = _SCAN_GAP) -> Source:
    """Read Stokes I visibilities as complex (time, visibility) without gaps.

    Baselines come and go during an observation. Of the sets of baselines, with the times at which all of them were observed,
    the one that keeps most visibilities is chosen. Each spectral channel of a baseline is a visibility of its own.

    Args:
        path: random-groups UVFITS with circular or linear parallel hands, or Stokes I itself.
        scan_gap: seconds without data that begin a new group.

    Returns:
        Source with `measurements` (Jy), `sigma` of that shape (of Re and of Im each, Jy) and `groups` (scans). Its attributes:
        `baselines` (names, one per visibility), `frequencies` (Hz), `u`, `v` (wavelengths, of the shape of the
        measurements), `times` (Julian days), `dropped_visibilities`, `flagged_visibilities`, `single_hand_visibilities`.

    Raises:
        DataError: not UVFITS, truncated, no Stokes I, or nothing unflagged in it.

    """
    try:
        from astropy.io import fits
    except ImportError as error:
        raise missing_extra("astropy", "astronomy", f"reading {path}") from error
    groups, header, names, offsets = _load(path, fits)
    values, sigma, valid, single_hand = _stokes_i(_ordered(path, groups, header), _stokes_codes(path, header))
    n_groups, n_channels = values.shape
    frequency = (_frequencies(header)[None, :] + offsets[:, None]).ravel()
    if len(frequency) != n_channels:
        raise DataError(f"{path}: {n_channels} spectral channels but {len(frequency)} frequencies in its header and FQ table")

    first, second = _antennas(groups.par("BASELINE"))
    valid &= (first != second)[:, None]  # autocorrelations
    time, time_index = _integrations(np.asarray(groups.par("DATE"), dtype=np.float64))
    pairs, pair_index = np.unique(np.stack([first, second], 1), axis=0, return_inverse=True)
    columns = pair_index.reshape(-1, 1) * n_channels + np.arange(n_channels)
    table = np.full((len(time), len(pairs) * n_channels), -1)
    rows = np.broadcast_to(time_index[:, None], columns.shape)
    entry = np.arange(n_groups * n_channels).reshape(n_groups, n_channels)
    table[rows[valid], columns[valid]] = entry[valid]
    if not (table >= 0).any():
        raise DataError(f"{path}: every visibility is flagged (no weight > 0 in Stokes I)")
    calibrated = _not_thermal(table, time, values.ravel(), sigma.ravel(), scan_gap)
    table[:, calibrated] = -1
    kept_times, kept_columns = _largest_complete(table >= 0)
    pick = table[np.ix_(kept_times, kept_columns)]

    time = time[kept_times]
    labels = [f"{names.get(int(a), int(a))}-{names.get(int(b), int(b))}" for a, b in pairs]
    baselines = [labels[column // n_channels] for column in kept_columns]
    left_out = sorted({labels[column // n_channels] for column in calibrated})
    frequencies = frequency[kept_columns % n_channels]
    n_kept, n_valid = pick.size, int(valid.sum())
    attributes = {
        "noise": "complex-gaussian",
        "units": "Jy",
        "object": str(header.get("OBJECT", "")).strip(),
        "baselines": baselines,
        "left_out_baselines": left_out,
        "frequencies": frequencies,
        "times": time,
        "dropped_visibilities": n_valid - n_kept,
        "flagged_visibilities": int((first != second).sum()) * n_channels - n_valid,
        "single_hand_visibilities": int(single_hand.ravel()[pick].sum()),
    }
    for key, value in zip("uv", _uv(path, groups), strict=True):
        attributes[key] = value[pick // n_channels] * frequencies
    notes = []
    if left_out:
        notes.append(
            plain_note(
                f"left out {', '.join(left_out)}, which scatter far less than their stated noise: calibration has tied them to a "
                "model, and they are no measurement"
            )
        )
    if n_kept < n_valid:
        notes.append(
            plain_note(f"kept {n_kept} of {n_valid} visibilities, {len(time)} times x {len(baselines)} visibilities without gaps")
        )
    if attributes["single_hand_visibilities"]:
        notes.append(
            plain_note(f"{attributes['single_hand_visibilities']} visibilities have one parallel hand, taken as Stokes I")
        )
    scans = np.concatenate([[0], np.cumsum(np.diff(time) * _SECONDS_PER_DAY > scan_gap)])
    arrays = {"measurements": values.ravel()[pick], "sigma": sigma.ravel()[pick], "groups": scans.astype(np.int64)}
    return Source(str(path), arrays, attributes, notes, trusted=True)


def _not_thermal(table, time, values, sigma, scan_gap) -> np.ndarray:
    """Return the columns whose visibilities scatter far less from one integration to the next than their noise would have it.

    Network calibration sets the gains of co-located stations so that the baseline between them shows the known total flux.
    """
    found = []
    for column in range(table.shape[1]):
        here = np.flatnonzero(table[:, column] >= 0)
        close = np.diff(time[here]) * _SECONDS_PER_DAY <= scan_gap
        first = np.flatnonzero(close[:-1] & close[1:])
        if len(first) < _FEWEST_DIFFERENCES:
            continue
        entry = table[here, column]
        bend = values[entry[first]] - 2 * values[entry[first + 1]] + values[entry[first + 2]]
        scaled = np.abs(np.concatenate([bend.real, bend.imag])) / np.tile(np.sqrt(6) * sigma[entry[first + 1]], 2)
        if np.median(scaled) / 0.6745 < _LEAST_SCATTER:  # the median of |N(0, 1)|
            found.append(column)
    return np.array(found, dtype=int)


def _load(path, fits):
    """Return the random groups, their header, antenna names by number, and the frequency offset of each IF."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*truncated.*")
            with open(path, "rb") as stream, fits.open(stream, memmap=False) as hdus:  # astropy leaks what it opens
                primary = hdus[0]
                if not isinstance(primary, fits.GroupsHDU):
                    raise DataError(f"{path}: a FITS file without random groups, expected UVFITS visibilities")
                groups, header = primary.data, primary.header
                if groups is None or len(groups) == 0:
                    raise DataError(f"{path}: no visibilities in it")
                groups.data.sum(axis=tuple(range(1, groups.data.ndim)))  # read while open
                names, offsets = {}, np.zeros(1)
                for hdu in hdus[1:]:
                    if hdu.name == "AIPS AN":
                        names = {int(row["NOSTA"]): str(row["ANNAME"]).strip() for row in hdu.data}
                    elif hdu.name == "AIPS FQ" and len(hdu.data):
                        offsets = np.atleast_1d(np.asarray(hdu.data["IF FREQ"][0], dtype=np.float64))
    except DataError:
        raise
    except Exception as error:  # astropy raises OSError, ValueError, TypeError, VerifyError and its own warnings
        raise DataError(f"{path}: cannot be read as UVFITS ({error}): is the file complete?") from error
    return groups, header, names, offsets


def _ordered(path, groups, header) -> np.ndarray:
    """Return the data as float64 (group, channel, Stokes, 3), channels running over IF, then frequency."""
    data = np.asarray(groups.data, dtype=np.float64)
    axis = {str(header.get(f"CTYPE{i}", "")).strip().upper(): data.ndim - i + 1 for i in range(2, data.ndim + 1)}
    missing = [name for name in ("COMPLEX", "STOKES", "FREQ") if name not in axis]
    if missing or data.shape[axis["COMPLEX"]] != 3:
        raise DataError(f"{path}: axes {sorted(axis)}, expected COMPLEX (real, imaginary, weight), STOKES and FREQ")
    order = [axis[name] for name in ("IF", "FREQ", "STOKES", "COMPLEX") if name in axis]
    rest = [i for i in range(1, data.ndim) if i not in order]
    if any(data.shape[i] != 1 for i in rest):
        raise DataError(f"{path}: data of shape {data.shape[1:]} have a further axis longer than 1, expected one source only")
    shape = [data.shape[i] for i in order]
    return data.transpose(0, *rest, *order).reshape(len(data), math.prod(shape[:-2]), shape[-2], 3)


def _header_axis(header, name: str) -> np.ndarray:
    for i in range(2, header["NAXIS"] + 1):
        if str(header.get(f"CTYPE{i}", "")).strip().upper() == name:
            steps = np.arange(1, header[f"NAXIS{i}"] + 1) - header.get(f"CRPIX{i}", 1.0)
            return header[f"CRVAL{i}"] + steps * header.get(f"CDELT{i}", 1.0)
    raise KeyError(name)


def _frequencies(header) -> np.ndarray:
    return _header_axis(header, "FREQ")


def _stokes_codes(path, header) -> list[int]:
    codes = np.rint(_header_axis(header, "STOKES")).astype(int).tolist()
    if not ({1, -1, -2, -5, -6} & set(codes)):
        raise DataError(f"{path}: Stokes codes {codes}, expected I (1), RR, LL (-1, -2) or XX, YY (-5, -6)")
    return codes


def _stokes_i(data: np.ndarray, codes: list[int]):
    """Return Stokes I, its sigma, where both are valid, and where one hand stands for both; shape (group, channel)."""
    hands = [codes.index(code) for code in ([1] if 1 in codes else [-1, -2, -5, -6]) if code in codes][:2]
    value = data[:, :, hands, 0] + 1j * data[:, :, hands, 1]
    weight = data[:, :, hands, 2]
    good = np.isfinite(value) & np.isfinite(weight) & (weight > 0)
    count = good.sum(2)
    divisor = np.maximum(count, 1)
    variance = np.where(good, 1 / np.where(good, weight, 1), 0).sum(2)
    sigma = np.sqrt(variance) / divisor
    return np.where(good, value, 0).sum(2) / divisor, sigma, count > 0, (count == 1) & (1 not in codes)


def _antennas(baseline) -> tuple[np.ndarray, np.ndarray]:
    """Split the AIPS baseline number, 256 i + j, or 65536 + 2048 i + j for arrays of more than 255 antennas."""
    number = np.floor(np.asarray(baseline, dtype=np.float64)).astype(np.int64)
    big = number > 65536
    number = np.where(big, number - 65536, number)
    base = np.where(big, 2048, 256)
    return number // base, number % base


def _integrations(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the times that differ by more than rounding, and the index of the time of each group."""
    order = np.argsort(dates, kind="stable")
    new = np.diff(dates[order], prepend=-np.inf) * _SECONDS_PER_DAY > _SAME_TIME
    index = np.empty(len(dates), dtype=np.int64)
    index[order] = np.cumsum(new) - 1
    return dates[order][new], index


def _uv(path, groups) -> list[np.ndarray]:
    """Return u and v of each group in seconds."""
    found = []
    for key in ("UU", "VV"):
        names = [name for name in groups.parnames if name.upper().startswith(key)]
        if not names:
            raise DataError(f"{path}: no parameter {key} among {', '.join(groups.parnames)}")
        found.append(np.asarray(groups.par(names[0]), dtype=np.float64))
    return found


def _largest_complete(present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column indices of a large all-true submatrix of (time, visibility).

    Candidates are the sets of columns seen together at some time, and the sets that a greedy choice leads to that adds
    the column which keeps most rows. (The exact problem, a maximum edge biclique, is NP-hard.)
    """
    patterns, counts = np.unique(present, axis=0, return_counts=True)
    patterns = patterns[np.argsort(-counts, kind="stable")[:_PATTERNS]]
    rows_with_all = present.astype(np.float32) @ patterns.T.astype(np.float32) == patterns.sum(1)
    sizes = rows_with_all.sum(0) * patterns.sum(1)
    best = patterns[np.argmax(sizes)]
    best_size = int(sizes.max())
    alive, columns = np.ones(len(present), bool), np.zeros(present.shape[1], bool)
    for _ in range(present.shape[1]):
        column = np.argmax(np.where(columns, -1, present[alive].sum(0)))
        alive, columns[column] = alive & present[:, column], True
        if alive.sum() * columns.sum() > best_size:
            best, best_size = columns.copy(), int(alive.sum() * columns.sum())
    return np.flatnonzero(present[:, best].all(1)), np.flatnonzero(best)

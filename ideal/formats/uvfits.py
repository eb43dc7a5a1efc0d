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

from pathlib import Path
from typing import Any

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.fits_header import FITS, first_header
from ideal.formats.random_groups import SECONDS_PER_DAY, parse_selection, read_random_groups
from ideal.health import Finding, plain_note
from ideal.health.scatter import SCAN_GAP, measure_scatter

_PATTERNS = 2000


def open_uvfits(
    path: str | Path,
    *,
    source: str | None = None,
    freqsel: int | None = None,
    subarray: int | None = None,
    weight_scale: float | None = None,
    sigma: float | None = None,
    scan_gap: float = SCAN_GAP,
) -> Source:
    """Read Stokes I visibilities as complex (time, visibility) without gaps.

    Baselines come and go during an observation. Of the sets of baselines, with the times at which all of them were observed,
    the one that keeps most visibilities is chosen. Each spectral channel of a baseline is a visibility of its own.

    Args:
        path: random-groups UVFITS with circular or linear parallel hands, or Stokes I itself.
        source: name of the source; may be left out where the file holds one.
        freqsel: number of the frequency set-up; may be left out where the file holds one.
        subarray: number of the subarray; may be left out where the file holds one.
        weight_scale: factor for the weights, of a file whose weights are not 1/sigma^2.
        sigma: standard deviation of the real part and of the imaginary part each, Jy, instead of the weights.
        scan_gap: seconds without data that begin a new group.

    Returns:
        Source with `measurements` (Jy), `sigma` of that shape (of Re and of Im each, Jy) and `groups` (scans). Its attributes:
        `baselines` (names, one per visibility), `frequencies` (Hz), `u`, `v` (wavelengths, of the shape of the
        measurements), `times` (Julian days), `dropped_visibilities`, `flagged_visibilities`, `single_hand_visibilities`. Its
        findings compare the scatter of the visibilities with the noise that their weights state.

    Raises:
        DataError: not UVFITS, truncated, no Stokes I, nothing unflagged in it, or rows that nothing tells apart.
        UsageError: it holds several sources, frequency set-ups or subarrays and none was chosen.

    """
    groups = read_random_groups(path, source=source, freqsel=freqsel, subarray=subarray, weight_scale=weight_scale, sigma=sigma)
    n_channels = groups.values.shape[1]
    pairs, first_row, pair_index = np.unique(
        np.stack([groups.first, groups.second], 1), axis=0, return_index=True, return_inverse=True
    )
    labels = [groups.baseline(row) for row in first_row]
    table = np.full((len(groups.times), len(pairs) * n_channels), -1)
    columns = pair_index.reshape(-1, 1) * n_channels + np.arange(n_channels)
    rows = np.broadcast_to(groups.time_index[:, None], columns.shape)
    entry = np.arange(groups.values.size).reshape(groups.values.shape)
    table[rows[groups.valid], columns[groups.valid]] = entry[groups.valid]
    if not (table >= 0).any():
        raise DataError(f"{path}: every visibility is flagged (no weight > 0 in Stokes I): {_why_flagged(groups.weights)}")
    scatter = measure_scatter(groups, scan_gap)
    tied = [label in scatter.tied for label in labels]
    table[:, np.repeat(tied, n_channels)] = -1
    kept_times, kept_columns = _largest_complete(table >= 0)
    pick = table[np.ix_(kept_times, kept_columns)]

    time = groups.times[kept_times]
    baselines = [labels[column // n_channels] for column in kept_columns]
    left_out = sorted(label for label, is_tied in zip(labels, tied, strict=True) if is_tied)
    frequencies = groups.frequency[kept_columns % n_channels]
    n_kept, n_valid = pick.size, int(groups.valid.sum())
    attributes = {
        "noise": "complex-gaussian",
        "units": groups.units,
        "object": groups.object_name,
        "baselines": baselines,
        "left_out_baselines": left_out,
        "frequencies": frequencies,
        "times": time,
        "dropped_visibilities": n_valid - n_kept,
        "flagged_visibilities": groups.valid.size - n_valid,
        "single_hand_visibilities": int(groups.single_hand.ravel()[pick].sum()),
        "u": groups.u[pick // n_channels] * frequencies,
        "v": groups.v[pick // n_channels] * frequencies,
    }
    findings = [*groups.findings, *scatter.findings(groups, sigma)]
    if left_out:
        text = (
            f"left out {', '.join(left_out)}, which scatter far less than their stated noise: calibration has tied them to a "
            "model, and they are no measurement, or the weights of their antennas are too small"
        )
        effect = "the number is that of the other baselines"
        remedy = "where it is the weights, mend them (AIPS FIXWT, CASA statwt), or take the data before self-calibration"
        findings.append(Finding("tied-baselines", "note", text, effect, remedy, {"baselines": left_out}))
    if n_kept < n_valid:
        findings.append(
            plain_note(f"kept {n_kept} of {n_valid} visibilities, {len(time)} times x {len(baselines)} visibilities without gaps")
        )
    if attributes["single_hand_visibilities"]:
        findings.append(
            plain_note(f"{attributes['single_hand_visibilities']} visibilities have one parallel hand, taken as Stokes I")
        )
    scans = np.concatenate([[0], np.cumsum(np.diff(time) * SECONDS_PER_DAY > scan_gap)])
    arrays = {"measurements": groups.values.ravel()[pick], "sigma": groups.sigma.ravel()[pick], "groups": scans.astype(np.int64)}
    return Source(str(path), arrays, attributes, findings, trusted=True)


def open_named_uvfits(file: Path, name: str | None, **choice) -> Source:
    """Read the part of a UVFITS file that `FILE::NAME` names, with whatever else of `open_uvfits` was chosen.

    Raises:
        UsageError: the two contradict each other.

    """
    if name is None:
        return open_uvfits(file, **choice)
    named = parse_selection(name)
    for key in named.keys() & choice.keys():
        if str(named[key]) != str(choice[key]):
            raise UsageError(f"{file}::{name} names another {key} than {choice[key]!r} (--{key}): leave one of them out")
    found = open_uvfits(file, **choice, **{key: value for key, value in named.items() if key not in choice})
    found.path = f"{file}::{name}"
    return found


def split_name(path: str | Path) -> tuple[Path, dict]:
    """Return the file and the choice that `FILE.uvfits::SOURCE,freqsel=N,subarray=N` names; no choice for the name of a file."""
    text = str(path)
    if Path(text).exists() or "::" not in text:
        return Path(text), {}
    file, _, name = text.rpartition("::")
    return Path(file), parse_selection(name)


def _why_flagged(weights: np.ndarray) -> str:
    if (weights == 0).all():
        return "every weight is 0, they were never calibrated: write the file with weights of 1/sigma^2"
    return "choose another part of the file, or mend its flags"


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
        if alive.sum() * present.shape[1] <= best_size:  # not even all columns would make it larger
            break
        column = np.argmax(np.where(columns, -1, present[alive].sum(0)))
        alive, columns[column] = alive & present[:, column], True
        if alive.sum() * columns.sum() > best_size:
            best, best_size = columns.copy(), int(alive.sum() * columns.sum())
    return np.flatnonzero(present[:, best].all(1)), np.flatnonzero(best)


class Uvfits(Format):
    """Visibilities in UVFITS; `FILE.uvfits::SOURCE` names a source."""

    suffixes = (".uvfits", ".uvf")
    has_names = True
    options = frozenset({"source", "freqsel", "subarray", "weight_scale", "sigma"})

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether the header says that the file holds random groups; of others the ending of the name decides."""
        if not start.startswith(FITS):
            return False
        header = first_header(path)
        return header.get("GROUPS") == "T" or (path.suffix.lower() in cls.suffixes and header.get("NAXIS", "0") in ("0", ""))

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        return open_named_uvfits(path, name, **options)

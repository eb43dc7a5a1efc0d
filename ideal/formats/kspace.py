"""Raw data of magnetic resonance, ISMRMRD and fastMRI (HDF5): each point of k-space is a complex sample with a value a coil.

Noise. A scan without a signal (flag ACQ_IS_NOISE_MEASUREMENT) gives the covariance of the coils, C = E[n conj(n)^T], the noise n
of a point in all of them; its diagonal is the variance of the real and the imaginary part together. Where the two scans sample
at different rates, C is scaled by the ratio of their dwell times, as the bandwidth is (Hansen and Kellman, J. Magn. Reson.
Imaging 41, 573, 2015).
"""

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import special

from ideal._memory import check_memory
from ideal.errors import DataError
from ideal.formats._contract import Format
from ideal.formats._source import Source
from ideal.formats.damage import damaged
from ideal.formats.hdf5 import Hdf5, Hdf5Tree
from ideal.formats.meant import MeantArray, pair_of
from ideal.health import Finding, plain_note
from ideal.noise import ComplexCorrelatedGaussian
from ideal.text import plain_text

_NOISE = 19
# Numbers of the flags of readouts that are no image: noise, calibration, navigators, corrections, feedback, dummies.
_NO_IMAGE = (19, 20, 23, 24, 26, 27, 28, 29, 30, 31)
_CALIBRATION_TOO = 21  # calibration that is of the image as well
_BLOCK = 64  # readouts that are read at a time
_MOST_READOUTS = 10**7
_CORRELATED, _CHANCE = 0.05, 4.0  # correlation of coils, at least, and times what chance makes of so many points
_ROUGH = 0.01  # bits a value


class Readouts:
    """The points of readouts as (point, coil), complex64.

    Args:
        where: what messages call it.
        data: the table of readouts, of the fields head and data.
        rows: which of them.
        lengths: points of each, after those that are to be left out.
        before: points to leave out at the beginning of each.
        coils: number of coils of all.

    """

    def __init__(self, where: str, data: h5py.Dataset, rows: np.ndarray, lengths: np.ndarray, before: np.ndarray, coils: int):
        self._where, self._data, self._rows, self._before, self._coils = where, data, rows, before, coils
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self.shape, self.dtype = (int(self._starts[-1]), coils), np.dtype(np.complex64)

    def __getitem__(self, index) -> np.ndarray:
        """Return points: a slice without a step of the first axis, or of both."""
        samples, *rest = index if isinstance(index, tuple) else (index,)
        start, stop, _ = samples.indices(self.shape[0])
        values = np.empty((max(stop - start, 0), self._coils), self.dtype)
        place = int(np.searchsorted(self._starts, start, side="right")) - 1
        done = start
        while done < stop:
            last = int(min(place + _BLOCK, np.searchsorted(self._starts, stop, side="left"), len(self._rows)))
            for number, readout in enumerate(self._read(place, last), place):
                first = int(self._starts[number])
                part = readout[done - first : stop - first]
                values[done - start : done - start + len(part)] = part
                done += len(part)
            place = last
        return values[(slice(None), *rest)]

    def _read(self, first: int, last: int) -> list[np.ndarray]:
        rows = self._rows[first:last]
        low = int(rows.min())
        stored = self._data.fields("data")[low : int(rows.max()) + 1]
        found = []
        for number, row in enumerate(rows, first):
            points = _points(self._where, stored[int(row) - low], self._coils, int(row))
            length = int(self._starts[number + 1] - self._starts[number])
            begin = int(self._before[number])
            if len(points) < begin + length:
                raise DataError(
                    f"{self._where}: readout {row} holds {len(points)} points, its header promises more: copy it again"
                )
            found.append(points[begin : begin + length])
        return found


def _points(where: str, stored: Any, coils: int, row: int) -> np.ndarray:
    """Return the points of one readout, (point, coil), from the numbers that are stored: re, im, coil by coil."""
    numbers = np.asarray(stored, dtype=np.float32).ravel()
    if len(numbers) % (2 * coils):
        raise DataError(f"{where}: readout {row} holds {len(numbers)} numbers, expected pairs for {coils} coils: copy it again")
    return numbers.view(np.complex64).reshape(coils, -1).T


def noise_covariance(noise: np.ndarray) -> np.ndarray:
    """Return the covariance of coils from points without a signal.

    Args:
        noise: (point, coil) complex.

    Returns:
        (coil, coil) complex, E[n conj(n)^T].

    Example:
        >>> noise_covariance(np.array([[1 + 1j, 1], [1 - 1j, -1]])).real
        array([[2., 0.],
               [0., 1.]])

    """
    values = np.asarray(noise, dtype=np.complex128)
    return values.T @ values.conj() / len(values)


def open_ismrmrd(file: Path, group: str, tree: Hdf5Tree) -> Source:
    """Open the readouts of an image in an ISMRMRD file.

    Points of one slice belong to one source; where there is one slice, those of one readout do.

    Args:
        file: its path.
        group: that holds `data` and `xml`.
        tree: of the open file.

    Raises:
        DataError: there is no readout of an image, or their numbers of coils differ.

    """
    where = f"{file}::{plain_text(group)}"
    data = tree.get(f"{group}/data")
    count = data.shape[0]
    if count > _MOST_READOUTS:
        raise DataError(f"{where}: {count} readouts, expected at most {_MOST_READOUTS}: is it damaged?")
    check_memory(where, count * np.dtype(data.dtype).itemsize, "the headers of its readouts", "take a part of the file")
    head = _heads(where, data, file)
    flags = head["flags"].astype(np.uint64)
    is_noise = _has(flags, _NOISE)
    skipped = np.zeros(count, bool)
    for number in _NO_IMAGE:
        skipped |= _has(flags, number) if number != 20 else _has(flags, 20) & ~_has(flags, _CALIBRATION_TOO)
    rows = np.flatnonzero(~skipped & (head["number_of_samples"] > 0))
    if not len(rows):
        raise DataError(f"{where}: holds no readout of an image, {count} of noise or calibration: is it the right file?")
    coils = np.unique(head["active_channels"][rows])
    if len(coils) > 1 or not coils[0]:
        raise DataError(f"{where}: its readouts have {', '.join(map(str, coils[:6]))} coils, expected one number: split the file")
    before, after = (head[f"discard_{side}"][rows].astype(np.int64) for side in ("pre", "post"))
    lengths = head["number_of_samples"][rows].astype(np.int64) - before - after
    if (lengths <= 0).any() or lengths.sum() * int(coils[0]) * 8 > 8 * max(file.stat().st_size, 1) * 2000:
        raise DataError(f"{where}: the headers of its readouts are damaged (numbers of points): copy the file again")
    check_memory(where, 16 * int(lengths.sum()), "the sources of its points", "take a part of the file")
    array = Readouts(where, data, rows, lengths, before, int(coils[0]))
    slices = head["idx"]["slice"][rows].astype(np.int64)
    several = len(np.unique(slices)) > 1
    groups = np.repeat(np.unique(slices, return_inverse=True)[1] if several else np.arange(len(rows)), lengths)
    findings = [_sources(len(np.unique(slices)), len(rows), array.shape)]
    others = int((skipped & ~is_noise).sum())
    if others:
        findings.append(plain_note(f"{others} readouts of calibration, navigators or corrections are left out", readouts=others))
    covariance, notes = _from_noise(where, data, head, np.flatnonzero(is_noise), rows, int(coils[0]))
    arrays: dict[str, Any] = {"measurements": array, "groups": groups.astype(np.int64)}
    attributes: dict[str, Any] = {"units": "arbitrary", "noise": "complex-gaussian"}
    noise_arrays: dict[str, np.ndarray] = {}
    if covariance is not None and any(each.figures.get("correlated") for each in notes):
        attributes["noise"], noise_arrays = ComplexCorrelatedGaussian.name, {"covariance": covariance}
    if covariance is not None:
        arrays["sigma"] = np.sqrt(np.diag(covariance).real / 2)
    source = Source(where, arrays, attributes, findings + notes, trusted=True, close=tree.close, axes="nv", files=tree.files)
    source.noise_covariance, source.noise_arrays = covariance, noise_arrays
    return source


def _heads(where: str, data: h5py.Dataset, file: Path) -> np.ndarray:
    """Return the headers of all readouts.

    HDF5 reads the numbers of a readout with its header, and takes memory for as many as a damaged length says. So headers and
    lengths are read from the bytes of the table first, where these stand in the file as they are.

    Raises:
        DataError: a readout is said to hold more numbers than the file has room for.

    """
    size = file.stat().st_size
    stored = data.id.get_type()
    fields = [stored.get_member_name(i) for i in range(stored.get_nmembers())]
    head = fields.index(b"head")
    listed = [i for i in range(len(fields)) if stored.get_member_class(i) == h5py.h5t.VLEN]  # numbers, and their trajectory
    record = np.dtype(
        {
            "names": ["head", *(f"length {i}" for i in listed)],
            "formats": [stored.get_member_type(head).dtype, *["<u4"] * len(listed)],
            "offsets": [stored.get_member_offset(i) for i in (head, *listed)],
            "itemsize": stored.get_size(),
        }
    )
    layout = data.id.get_create_plist()
    plain = not (layout.get_nfilters() or data.is_virtual or data.external or data.file.userblock_size)
    plain = plain and stored.get_member_type(head).get_size() == record["head"].itemsize and record["head"].hasobject is False
    pieces: list[tuple[int, int, int]] = []  # first readout, place in the file, bytes
    if plain and data.chunks is not None:
        data.id.chunk_iter(lambda chunk: pieces.append((chunk.chunk_offset[0], chunk.byte_offset, chunk.size)))
    elif plain and (place := data.id.get_offset()) is not None:
        pieces.append((0, place, data.shape[0] * record.itemsize))
    if not pieces:
        return data.fields("head")[:]
    found = np.zeros(data.shape[0], record)
    with open(file, "rb") as stream:
        for first, place, length in pieces:
            stream.seek(place)
            content = stream.read(min(length, (data.shape[0] - first) * record.itemsize))
            rows = np.frombuffer(content[: len(content) // record.itemsize * record.itemsize], record)
            found[first : first + len(rows)] = rows
    for i in listed:
        lengths = found[f"length {i}"].astype(np.int64)
        if (wrong := np.flatnonzero(lengths * 4 > size)).size:
            told = int(lengths[wrong[0]])
            raise DataError(f"{where}: readout {wrong[0]} is said to hold {told} numbers, more than the file: copy it again")
    return found["head"]


def _has(flags: np.ndarray, number: int) -> np.ndarray:
    return (flags >> np.uint64(number - 1)) & np.uint64(1) > 0


def _sources(slices: int, readouts: int, shape: tuple[int, int]) -> Finding:
    told = f"those of each of {slices} slices" if slices > 1 else f"those of each of {readouts} readouts of one slice"
    return Finding(
        "planes-grouped",
        "note",
        f"each of {shape[0]} points of k-space is a sample with a value for each of {shape[1]} coils; {told} count as one source",
        effect="" if slices > 1 else "readouts of one object stand in for independent sources: the interval is too narrow",
        remedy="name other sources with --groups",
        figures={"points": shape[0], "coils": shape[1], "slices": slices, "readouts": readouts},
    )


def _from_noise(
    where: str, data, head, noise: np.ndarray, rows: np.ndarray, coils: int
) -> tuple[np.ndarray | None, list[Finding]]:
    """Return the covariance of the coils' noise at the sampling of the image, or None, and what is to be said of it."""
    noise = noise[head["active_channels"][noise] == coils]
    total, points = np.zeros((coils, coils), complex), 0
    for row in noise.tolist():
        values = _points(where, data.fields("data")[row : row + 1][0], coils, row)
        total += noise_covariance(values) * len(values) if len(values) else 0
        points += len(values)
    if points <= coils:
        what = f"{points} points of noise for {coils} coils" if points else "the file holds no noise scan"
        return None, [plain_note(f"{what}: the noise of the coils is not known, give it (--sigma, of the real part)")]
    dwell = [float(np.median(head["sample_time_us"][which])) for which in (noise, rows)]
    scale = dwell[0] / dwell[1] if min(dwell) > 0 else 1.0
    covariance = total / points * scale
    deviation = np.sqrt(np.diag(covariance).real)
    if not np.isfinite(covariance).all() or (deviation <= 0).any():
        return None, [plain_note("the noise scan holds nothing in some coils: the noise is not known, give it (--sigma)")]
    largest = float(np.abs(covariance / np.outer(deviation, deviation) - np.eye(coils)).max()) if coils > 1 else 0.0
    at_rate = "" if abs(scale - 1) < 1e-3 else f", scaled by {scale:.3g} for the sampling of the image"
    correlated = largest > max(_CORRELATED, _CHANCE / math.sqrt(points))
    taken = ", which the noise takes into account" * correlated
    text = (
        f"noise of {coils} coils from {points} points of the noise scan{at_rate}; coils correlate by up to {largest:.2f}{taken}"
    )
    # The logarithm of the determinant of a covariance that is estimated lies below that of the true one.
    lost = float((math.log(points) - special.digamma(points - np.arange(coils))).mean()) / math.log(2)
    rough = lost > _ROUGH
    finding = Finding(
        "noise-scan",
        "biased" if rough else "note",
        text,
        effect=f"so few points make the noise too small, and the number too high, by {lost:.2g} bits a value" * rough,
        remedy=f"record a noise scan of {math.ceil(points * lost / _ROUGH)} points or more" * rough,
        figures={"coils": coils, "points": points, "largest_correlation": largest, "scale": scale, "correlated": correlated}
        | {"bits_too_high": lost},
    )
    return covariance, [finding]


def open_fastmri(file: Path, tree: Hdf5Tree) -> Source:
    """Open the k-space of a fastMRI file: (slice, coil, row, column), or without coils; points of a slice are of one source.

    Raises:
        DataError: it has other axes.

    """
    node = tree.get("kspace")
    pair = pair_of(np.dtype(node.dtype))
    array = node if pair is None else MeantArray(node, pair=pair)
    letters = {3: "nyx", 4: "ncyx"}.get(len(array.shape))
    if letters is None:
        raise DataError(
            f"{file}: kspace has shape {tuple(array.shape)}, expected (slice, row, column) or (slice, coil, row, column)"
        )
    found = {key: value for key, value in tree.attributes().items() if key in ("acquisition", "patient_id", "max", "norm")}
    arrays: dict[str, Any] = {"measurements": array}
    return Source(str(file), arrays, found | {"units": "arbitrary"}, close=tree.close, axes=letters, files=tree.files)


def _ismrmrd_groups(file: h5py.File) -> list[str]:
    """Return the groups at the root that hold a table of readouts; links to elsewhere are not followed."""
    found = []
    for name in list(file)[:100]:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Group):
            continue
        group = file[name]
        if isinstance(group.get("data", getlink=True), h5py.HardLink) and isinstance(group["data"], h5py.Dataset):
            fields = group["data"].dtype.names or ()
            if "head" in fields and "data" in fields and len(group["data"].shape) == 1:
                found.append(name)
    return found


def _is_fastmri(file: h5py.File) -> bool:
    if not isinstance(file.get("kspace", getlink=True), h5py.HardLink) or not isinstance(file["kspace"], h5py.Dataset):
        return False
    kind = file["kspace"].dtype
    return ("ismrmrd_header" in file or "acquisition" in file.attrs) and (kind.kind == "c" or pair_of(kind) is not None)


class KSpace(Format):
    """ISMRMRD and fastMRI, raw data of magnetic resonance in HDF5; `FILE.h5::GROUP` names a group of ISMRMRD."""

    suffixes = (".mrd",)
    shares = ("hdf5",)
    has_names = True

    @classmethod
    def recognises(cls, path: Path, start: bytes) -> bool:
        """Tell whether an HDF5 file holds a table of readouts, or a k-space with the header of fastMRI."""
        if not start.startswith(Hdf5.starts):
            return False
        try:
            with h5py.File(path, "r") as file:
                return _is_fastmri(file) or bool(_ismrmrd_groups(file))
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError):
            return False  # the reader of HDF5 says what is wrong

    @classmethod
    def open(cls, path: Path, name: str | None, *, follow_links: bool, **options: Any) -> Source:
        """Open a file; see `Format.open`."""
        tree = Hdf5Tree(path, follow_links, alone=True)
        try:
            with damaged(path):
                fast, groups = _is_fastmri(tree.handle), _ismrmrd_groups(tree.handle)
                if fast and name in (None, "kspace"):
                    return open_fastmri(path, tree)
                chosen = "dataset" if name is None and "dataset" in groups else groups[0] if name is None and groups else name
                if chosen in groups and (name is not None or len(groups) == 1 or chosen == "dataset"):
                    return open_ismrmrd(path, chosen, tree)
                if name is None:
                    listed = ", ".join(plain_text(f"{path}::{each}") for each in groups[:6])
                    raise DataError(f"{path}: holds several sets of readouts: name one of {listed}")
        except BaseException:
            tree.close()
            raise
        tree.close()
        return Hdf5.open(path, name, follow_links=follow_links)  # another dataset of the file

"""A measurement set: what a camera or an interferometer recorded, with units, noise and the source of each sample.

A set is read block by block and need not fit in memory. Values are converted to photoelectrons as they are read,
(DN - offset) * gain. Units of what is not in DN (Jy, say) are left alone.

    with open_measurements("camera.h5") as measured:
        block = measured.read(0, 100)
"""

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ideal._memory import check_memory, memory_for
from ideal.calibration import Calibration, check_sigma
from ideal.errors import DataError, UsageError
from ideal.formats import (
    FORMAT,
    NAMES,
    MeasurementWriter,
    SampleArray,
    Source,
    arrange,
    as_read,
    check_layout,
    open_source,
    write_measurements,
)
from ideal.formats._source import unmasked
from ideal.health import Examination, Finding, examine, lines, plain_note
from ideal.health.calibrated import stated_gain_findings
from ideal.noise import NOISE, NoiseModel
from ideal.noise.members import check_figures, figure_names, named_noise, noises_of, of_numbers
from ideal.text import plain_text

if TYPE_CHECKING:
    from ideal.cameras.camera import Camera

__all__ = ["MeasurementSet", "MeasurementWriter", "from_arrays", "open_measurements", "write_measurements"]

_NO_NAMES = {"", "nan", "-nan", "inf", "-inf", "none", "n/a", "<na>"}
_OVERRIDES = ("noise", "sigma", "gain", "offset", "read_noise", "units", "floor", "saturation")
_MAPPED = ("gain", "offset", "read_noise", "sigma")  # which a model of arrays has of its own
_NUMBERS = {"gain", "offset", "read_noise", "floor", "saturation"}
_RADIO = ("source", "freqsel", "subarray", "weight_scale")  # which part of a UVFITS file, and what its weights are worth
_PICTURES = ("linear", "group_by")  # what pictures and sets of frames do not say themselves
_SMALLER = "write smaller samples (cut large images into parts), or use a machine with more memory"
_BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError)  # what HDF5, zarr and mapped files raise on broken data
_LARGEST_WHOLE = 2.0**53  # beyond it every float is whole
_PROBE_VALUES = 100_000
_ROUNDING = 1e-5  # of the brightest mean: negative ones as small as that are rounded zeros
_SHIFTS = {2, 4, 8, 16, 32, 64, 128, 256}  # other common factors are a coincidence or somebody's scaling


def open_measurements(
    path: str | Path, *, axes: str | None = None, follow_links: bool = False, camera=None, **overrides
) -> "MeasurementSet":
    """Open a measurement file.

    Args:
        path: a measurement file of any format that is read (docs/files.md lists them), told by its first bytes; a folder of
            frames, or a pattern of their names (`captures/*.png`), as one set. `FILE::NAME` names a dataset inside a file, or a
            source in a UVFITS file (`FILE::NAME,freqsel=N,subarray=N`).
        axes: of the measurements as they are stored, one letter each: n sample, t time, z plane, c channel, y row, x column, v
            value, as "ncyx", "yxn" or "tzcyx". None for what the file says, or else (sample, row, column[, channel]).
        follow_links: whether files that the file names may be read outside its folder. `MeasurementSet.files` lists them.
        camera: `ideal.cameras.Camera` that recorded them, or the name of its file; it serves the noise. Figures that are given
            beside it go before its own.
        **overrides: noise, sigma, gain, offset, read_noise, units, floor, saturation; what is not None replaces what the file
            says. `noise` is a name ("poisson"), a name with figures ("poisson-gaussian:read_noise=1.6") or a model of
            `ideal.noise`; further figures of it go by their names. Of UVFITS files also source (name), freqsel and subarray
            (numbers), where a file holds several, and weight_scale, a factor for weights that are not 1/sigma^2. Of pictures
            (PNG of 8 bits, JPEG) linear=True, where values are proportional to the light. Of sets of frames group_by, a regular
            expression that finds the name of the source in the name of a frame.

    Raises:
        DataError: the file cannot be used as it is.
        UsageError: `path` is no name, an override has no meaning or lacks another, or shape and values speak for other axes.

    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(
            f"`path` takes the name of a measurement file; found {type(path).__name__}: arrays go to ideal.from_arrays"
        )
    reading = _RADIO + _PICTURES
    unknown = sorted(set(overrides) - set(_OVERRIDES + reading))
    if unknown and (unknown := sorted(set(unknown) - set(figure_names()))):
        raise UsageError(f"unknown option {', '.join(unknown)} for {path}: expected {', '.join(_OVERRIDES + reading)}")
    given = {key: value for key, value in overrides.items() if value is not None and not (key == "linear" and value is False)}
    sigma = given.get("sigma")
    known = float(sigma) if isinstance(sigma, int | float | np.number) and 0 < sigma < np.inf else None
    chosen = {key: given.pop(key) for key in reading if key in given}
    known_camera = None
    if camera is not None:
        known_camera, given = serve(camera, given)
    source = open_source(path, axes, follow_links=follow_links, sigma=known, **chosen)
    try:
        return MeasurementSet(source, given, known_camera)
    except BaseException:
        source.close()
        raise


def from_arrays(
    measurements,
    *,
    clean=None,
    groups=None,
    labels=None,
    objects=None,
    sigma=None,
    noise=None,
    gain=None,
    offset=0.0,
    read_noise=0.0,
    units=None,
    floor=None,
    saturation=None,
    period=None,
    axes=None,
    camera=None,
    path="<array>",
    **figures,
) -> "MeasurementSet":
    """Wrap arrays in memory as a measurement set.

    Args:
        measurements: (sample, row, column[, channel]), (sample, value), or complex (sample, visibility); not copied. Other
            orders with `axes`.
        clean: their noiseless means in photoelectrons, same shape.
        groups: source of each sample, shape (sample,); None for each its own.
        labels: one per sample.
        objects: what was imaged, sample first.
        sigma: standard deviation of Gaussian noise after conversion: a number, shape (row, ...) or that of the measurements.
        noise: name of a noise model, as "poisson" (`ideal.noise.NOISE` lists them), or a model with its figures, as
            `ideal.noise.Poisson()`; None where it is not known.
        gain: e-/DN; None for 1, where neither `offset` nor `read_noise` makes it matter.
        offset: DN.
        read_noise: photoelectrons.
        units: of the measurements; None for DN where a gain or offset is given, else photoelectrons.
        floor: DN at which the converter cuts off what lies below; None where nobody has said.
        saturation: DN at which it cuts off what lies above; None likewise.
        period: rows and columns after which the sensor's mosaic repeats, or None.
        axes: of `measurements`, `clean` and `sigma` as given, one letter each: n sample, t time, z plane, c channel, y row, x
            column, v value, as "ncyx" or "yxn".
        camera: `ideal.cameras.Camera` that recorded them, or the name of its file; it serves the noise.
        path: what messages call it.
        **figures: further numbers that make the noise, by name.

    Raises:
        DataError: arrays do not fit each other, or a figure has no meaning.
        UsageError: counts with an offset or a read noise but no gain, or shape and values that speak for other axes.

    """
    if measurements is None:
        raise UsageError(f"{path}: no measurements: give an array (sample, row, column[, channel]) or (sample, value)")
    single = {"gain": gain, "offset": offset, "read_noise": read_noise, "floor": floor, "saturation": saturation} | figures
    for name, value in single.items():
        if isinstance(value, str | bytes):
            raise UsageError(f"{path}: {name} takes a number; found {value!r}")
    known_camera = None
    if camera is not None:
        said = {"noise": noise, "gain": gain, "offset": offset or None, "read_noise": read_noise or None}
        said |= {"sigma": sigma, "floor": floor, "saturation": saturation}
        known_camera, served = serve(camera, {name: value for name, value in said.items() if value is not None})
        noise, floor, saturation = served.get("noise"), served.get("floor"), served.get("saturation")
        gain, offset, read_noise = served.get("gain"), served.get("offset", 0.0), served.get("read_noise", 0.0)
    noise = of_numbers(noise, np.asarray(measurements).dtype.kind)
    kind, own = _named(noise, str(path), DataError)
    check_figures(kind, figures, f"{path}: ")
    sigma, gain, units = (
        own.get(key) if given is None else given for key, given in (("sigma", sigma), ("gain", gain), ("units", units))
    )
    offset, read_noise = offset or own.get("offset", 0.0), read_noise or own.get("read_noise", 0.0)
    model = own.pop("model", None)
    figures = {key: value for key, value in own.items() if key not in _OVERRIDES} | figures
    floor, saturation = (
        own.get(key) if given is None else given for key, given in (("floor", floor), ("saturation", saturation))
    )
    _check_gain(kind, gain, {"offset": offset, "read_noise": read_noise}, units, str(path))
    gain = 1.0 if gain is None else gain
    given = {"measurements": measurements, "clean": clean, "groups": groups, "labels": labels, "objects": objects}
    arrays = {key: unmasked(value, f"{path}: {key}") for key, value in given.items() if value is not None}
    if units is None and gain == 1 and offset == 0 and not np.iscomplexobj(arrays["measurements"]):
        units = "photoelectrons"
    attributes = figures | {"noise": kind, "gain": gain, "offset": offset, "read_noise": read_noise, "units": units}
    attributes |= {"floor": floor, "saturation": saturation}
    if period is not None:
        attributes["period"] = np.broadcast_to(period, 2)
    if sigma is not None and np.ndim(sigma) == 0:
        attributes["sigma"] = float(sigma)
    elif sigma is not None:
        arrays["sigma"] = unmasked(sigma, f"{path}: sigma")
    source = Source(str(path), arrays, attributes, trusted=True, noise_arrays={} if model is None else model.arrays())
    arrange(source, axes)
    return MeasurementSet(source, camera=known_camera)


class MeasurementSet(AbstractContextManager):
    """Measurements with units, noise and groups; a context manager.

    Attributes:
        path: as the user wrote it.
        shape: (sample, row, column[, channel]), (sample, value) or complex (sample, visibility).
        dtype: as stored.
        noise: the noise model, or None where nobody has named one or a figure of it is missing; where every sample has a sigma of
            its own, that of the first (`noise_of`).
        noise_kind: class of the noise that somebody has named, whether or not its figures are known; None where nobody has.
        sigma: None, a number, an array of the shape of a sample, or an array of the full shape that is read lazily; in the
            units that `read` returns.
        gain: e-/DN.
        offset: DN.
        read_noise: photoelectrons.
        units: of the stored values.
        units_assumed: whether nobody has named them.
        groups: source of each sample, int64 (sample,); sample numbers where the file has none, made when first asked for.
        files: further files that hold parts of the measurements, resolved.
        noise_covariance: (coil, coil) complex covariance of the noise E[n conj(n)^T], from the noise scan of a magnetic resonance
            file, in the units of the measurements; None where there is none.
        labels: one per sample, or None.
        axes: of the stored measurements, one letter each as of `open_measurements`.
        attributes: whatever else the file says.
        findings: what a user should know about how the file was read; `ideal.health`.
        camera: the calibrated camera that recorded them; None where nobody has named one.

    """

    def __init__(self, source: Source, overrides: dict | None = None, camera: "Camera | None" = None):
        overrides = dict(overrides or {})
        self.camera = camera
        self._examination: Examination | None = None
        arrays, self.path, self._source = source.arrays, source.path, source
        self.attributes, self.findings = source.attributes, list(source.findings)
        self.fills = source.fills
        if not source.axes:
            self.findings += check_layout(arrays["measurements"], self.path)
        self._stored = _as_measurements(arrays["measurements"], self.path)
        self.shape, self.dtype = tuple(self._stored.shape), np.dtype(self._stored.dtype)
        self.axes = source.axes or as_read(len(self.shape))
        for key in set(arrays) & set(NAMES):
            self._check_length(key, arrays[key])
        self._clean = arrays.get("clean")
        if self._clean is not None:
            self._clean = _as_measurements(self._clean, self.path, "clean")
            if tuple(self._clean.shape) != self.shape:
                raise DataError(
                    f"{self.path}: clean has shape {tuple(self._clean.shape)}, expected that of the measurements, {self.shape}"
                )
        self._objects = arrays.get("objects")
        self.has_groups = "groups" in arrays
        if self.has_groups:
            self.groups = _as_groups(arrays["groups"], self.path)
        self.labels = _in_memory(arrays["labels"], f"{self.path}: labels") if "labels" in arrays else None
        self.files = list(source.files)
        place = Path(self.path if "::" not in self.path else self.path.rpartition("::")[0]).resolve()
        folder = source.folder or (place if place.is_dir() else place.parent)
        elsewhere = [each for each in self.files if not each.is_relative_to(folder)]
        if elsewhere:
            self.findings.append(_read_too(elsewhere))
        self.noise_covariance = source.noise_covariance
        if camera is not None:
            camera.check_shape(self.shape, self.path)
        said = overrides.get("gain") or (self.attributes.get("gain") if self._source.trusted else None)
        self.calibration = self._calibrate(arrays.get("sigma"), overrides)
        if camera is not None and isinstance(said, int | float | np.number):
            self.findings += stated_gain_findings(camera, float(said))

    def _calibrate(self, stored_sigma, overrides: dict) -> Calibration:
        """Combine what the file says with what the user says, and check both."""
        known = {key: self.attributes[key] for key in _OVERRIDES if self.attributes.get(key) is not None}
        if not self._source.trusted:
            known = self._distrust(known)
        if self._source.with_gain:
            self._take_with_gain(known, overrides)
        kind = self._take_noise(known, overrides)
        model = overrides.get("model") or known.get("model")
        again = [key for key in _MAPPED if key in overrides and "model" not in overrides] if model is not None else []
        if model is not None and again:
            raise UsageError(
                f"{self.path}: {' and '.join(again)}: the {model.name} noise has arrays for it; give these, or name other noise "
                "(--noise)"
            )
        for values, error in ((known, DataError), (overrides, UsageError)):
            for key in _NUMBERS & set(values):
                values[key] = _number(values[key], key, self.path, error)
        if stored_sigma is not None:
            known["sigma"] = self._stored_sigma(stored_sigma)
        if "sigma" in overrides and np.ndim(overrides["sigma"]):
            overrides["sigma"] = self._stored_sigma(np.asarray(overrides["sigma"]))
        Calibration(**overrides).validate(self.path, self.shape[1:], UsageError)
        if known.get("units") == "photoelectrons" and {"gain", "offset"} & set(overrides):
            known.pop("units")  # who gives a gain says that these are DN
        whole = known | overrides
        _check_gain(kind, whole.get("gain"), whole, whole.get("units"), self.path)
        known = whole | {"figures": known["figures"] | overrides["figures"]}
        self.units_assumed = known.get("units") is None
        if self.dtype.kind == "c":
            known.setdefault("units", "Jy")
        calibration = Calibration(**known)
        calibration.validate(self.path, self.shape[1:])
        is_complex = self.dtype.kind == "c"
        if kind is not None and is_complex != kind.is_complex:
            *others, last = noises_of(is_complex=is_complex)
            wanted = f"{', '.join(others)} or {last}" if others else last
            error = UsageError if "noise" in overrides else DataError
            numbers = "complex" if is_complex else "real"
            raise error(f"{self.path}: noise is {kind.name} but the measurements are {numbers}, expected {wanted}")
        return calibration

    def _take_with_gain(self, known: dict, overrides: dict) -> None:
        """Take figures that the file states in DN, as the black level of a camera's raw file, where the gain is known."""
        stated = self._source.with_gain
        if "gain" in known or "gain" in overrides:
            known.update({key: value for key, value in stated.items() if key not in known})
            return
        listed = ", ".join(f"{key} {value:g} DN" for key, value in stated.items())
        self.findings.append(
            Finding(
                "camera-figures",
                "note",
                f"the file states {listed}, and no gain",
                effect="values stay as stored: they are no photoelectrons",
                remedy="give the photoelectrons per DN (--gain G)",
                figures=dict(stated),
            )
        )

    def _take_noise(self, known: dict, overrides: dict) -> type[NoiseModel] | None:
        """Put the class of the noise in place of its name, and further figures of it under "figures"; return the class."""
        kind = None
        for values, error in ((known, DataError), (overrides, UsageError)):
            named, own = _named(of_numbers(values.get("noise"), self.dtype.kind), self.path, error)
            if values is overrides and named not in (None, kind):
                known.pop("model", None)
            kind = named or kind
            if values is known and named is not None and self._source.noise_arrays and self._source.trusted:
                known["model"] = _model_of(named, self._source.noise_arrays, self.attributes, self.path)
            if named is not None:
                values.update(own | values | {"noise": named})
        further = [each.name for each in kind.figures if each.name not in _OVERRIDES] if kind is not None else []
        said = self.attributes if self._source.trusted else {}
        stated = {name: said[name] for name in further if said.get(name) is not None}
        given = {name: overrides.pop(name) for name in list(overrides) if name not in (*_OVERRIDES, "model")}
        check_figures(kind, given, f"{self.path}: ")
        known["figures"] = {name: _number(value, name, self.path, DataError) for name, value in stated.items()}
        overrides["figures"] = {name: _number(value, name, self.path, UsageError) for name, value in given.items()}
        if kind is not None and isinstance(self.attributes.get("noise"), type):
            self.attributes["noise"] = kind.name
        return kind

    def _distrust(self, said: dict) -> dict:
        """Keep what cannot be misread: another program's `gain` may be decibels, its `sigma` anything."""
        kept = {"noise": said["noise"]} if isinstance(said.get("noise"), str) and said["noise"] in NOISE else {}
        if isinstance(said.get("units"), str):
            kept["units"] = said["units"]
        left = sorted(set(said) - set(kept))
        if left:
            self.findings.append(
                plain_note(
                    f"attributes {', '.join(left)} are not used, the file does not declare format {FORMAT!r}: give them as "
                    "options"
                )
            )
        return kept

    def _stored_sigma(self, stored):
        shape = tuple(stored.shape)
        if shape == ():
            return _number(stored[()], "sigma", self.path, DataError)
        if shape == self.shape[1:]:
            return _in_memory(stored, f"{self.path}: sigma")
        if shape != self.shape:
            raise DataError(f"{self.path}: sigma has shape {shape}, expected {self.shape[1:]}, {self.shape} or one number")
        return stored

    def _check_length(self, name: str, array) -> None:
        if name == "sigma" or (len(array.shape) and array.shape[0] == len(self)):
            return
        found = array.shape[0] if len(array.shape) else "no"
        raise DataError(f"{self.path}: {name} has {found} entries, expected one for each of the {len(self)} samples")

    @cached_property
    def groups(self) -> np.ndarray:
        """Source of each sample, int64 (sample,); sample numbers where nobody has named sources."""
        return np.arange(len(self), dtype=np.int64)

    def groups_of(self, samples) -> np.ndarray:
        """Return the sources of some samples by their numbers, int64; of unnamed sources without a list of all."""
        samples = np.asarray(samples, dtype=np.int64)
        return self.groups[samples] if self.has_groups else samples

    @property
    def group_count(self) -> int:
        """Number of sources."""
        return int(np.unique(self.groups).size) if self.has_groups else len(self)

    @cached_property
    def noise(self) -> NoiseModel | None:
        """The noise model, or None where nobody has named one or a figure of it is missing."""
        return None if self.noise_kind is None else self.noise_kind.of(self)

    def noise_of(self, start: int, stop: int, rows: slice | None = None) -> NoiseModel | None:
        """Return the noise of samples start to stop, of these rows of images, each value with its own figures."""
        noise = self.noise
        if noise is not None and noise.by_place and rows is not None:
            return noise.part(rows)
        return noise.with_sigma(self.read_sigma(start, stop, rows)) if noise is not None and noise.by_value else noise

    noise_kind = property(lambda self: self.calibration.noise)
    sigma = property(lambda self: self.calibration.sigma)
    gain = property(lambda self: self.calibration.gain)
    offset = property(lambda self: self.calibration.offset)
    read_noise = property(lambda self: self.noise.least_deviation if self._is_camera else self.calibration.read_noise)
    units = property(lambda self: self.calibration.units)

    @property
    def _is_camera(self) -> bool:
        """Tell whether the noise is of a camera whose read noise is known."""
        return self.noise_kind is not None and self.noise_kind.photons and self.noise is not None

    @property
    def noise_name(self) -> str | None:
        """Name of the noise that somebody has named, for messages and records."""
        return None if self.noise_kind is None else self.noise_kind.name

    @property
    def warnings(self) -> list[str]:
        """One line for each of `findings`."""
        return lines(self.findings, self.path)

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.shape[0]

    def __exit__(self, *error) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Return path, shape, type, noise and units."""
        noise = self.noise_name
        return f"MeasurementSet({self.path!r}, shape={self.shape}, dtype={self.dtype}, noise={noise}, units={self.units!r})"

    def set_groups(self, groups) -> None:
        """Replace the source of each sample, (sample,), by integers or names.

        Raises:
            DataError: the number of them is not that of the samples, or one is missing (NaN, infinite or empty).

        """
        groups = np.unique(_as_groups(np.asarray(groups), self.path), return_inverse=True)[1]
        self._check_length("groups", groups)
        self.groups, self.has_groups, self._examination = groups.astype(np.int64), True, None
        self.findings = [_without_grouping(each) for each in self.findings]

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    @property
    def period(self) -> tuple[int, int] | None:
        """Rows and columns after which the sensor's mosaic repeats, if the file says so in its attribute `period`, or None."""
        said = self.attributes.get("period") if self._source.trusted and len(self.shape) > 2 else None
        if said is None:
            return None
        values = np.ravel(said)
        if values.size != 2 or values.dtype.kind not in "iu" or values.min() < 1:
            raise DataError(f"{self.path}: the attribute period is {said!r}, expected rows and columns of the sensor's mosaic")
        return int(values[0]), int(values[1])

    @property
    def has_clean(self) -> bool:
        """True where the noiseless means are known."""
        return self._clean is not None

    @property
    def has_objects(self) -> bool:
        """True where the file holds what was imaged."""
        return self._objects is not None

    @property
    def has_sample_sigma(self) -> bool:
        """True where every sample has its own sigma."""
        return self.sigma is not None and len(np.shape(self.sigma)) == len(self.shape)

    @cached_property
    def integer(self) -> bool:
        """True for a stored integer type, or where every value of two probed blocks is whole."""
        if self.dtype.kind in "iu":
            return True
        if self.dtype.kind == "c":
            return False
        return all(bool(np.all(np.isfinite(probe) & (probe == np.floor(probe)))) for probe in self._probes())

    @cached_property
    def step(self) -> int:
        """Stored units between two levels of the converter: 16 where 12-bit numbers stand shifted in a 16-bit container."""
        if not self.integer:
            return 1
        probes = self._probes()
        if self.dtype.kind == "f" and any(float(np.abs(probe).max(initial=0.0)) > _LARGEST_WHOLE for probe in probes):
            return 1
        found = int(np.gcd.reduce([np.gcd.reduce(probe.astype(np.int64), axis=None) for probe in probes]))
        return found if found in _SHIFTS else 1

    def _probes(self) -> list[np.ndarray]:
        count = max(1, _PROBE_VALUES // max(1, int(np.prod(self.shape[1:]))))
        middle, rows = len(self) // 2, self.middle_rows(_PROBE_VALUES)
        return [self.read_raw(0, count, rows), self.read_raw(middle, middle + count, rows)]

    def middle_rows(self, values: int) -> slice | None:
        """Return the rows in the middle of an image that hold about so many values, or None where an image has no more."""
        row = int(np.prod(self.shape[2:]))
        if len(self.shape) < 3 or self.shape[1] * row <= values:
            return None
        height = max(1, values // row)
        first = (self.shape[1] - height) // 2
        return slice(first, first + height)

    def read(self, start: int, stop: int, rows: slice | None = None) -> np.ndarray:
        """Return samples start to stop in photoelectrons (or in `units` that are none): float64, or complex128.

        Args:
            start: first sample.
            stop: the sample after the last.
            rows: of each image; None for all.

        Raises:
            DataError: a value is NaN or infinite, or cannot be read.

        """
        values = self.calibration.to_photoelectrons(self.read_raw(start, stop, rows), rows)
        return self._finite(values, start, "measurements", rows)

    def read_parts(self, start: int, stop: int, rows: slice, part: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return a part of what `read` would: of very large images, so that the rest is not converted.

        Args:
            start: first sample.
            stop: the sample after the last.
            rows: of each image.
            part: returns the part of stored values (sample, row, column[, channel]).

        Raises:
            DataError: the values cannot be read, or one in the part is NaN or infinite; its place is that in the part.

        """
        return self._finite(self.calibration.to_photoelectrons(part(self.read_raw(start, stop, rows))), start, "a part", rows)

    def read_raw(self, start: int, stop: int, rows: slice | None = None) -> np.ndarray:
        """Return samples start to stop as stored."""
        return self._slice(self._stored, start, stop, "measurements", rows)

    def read_clean(self, start: int, stop: int, rows: slice | None = None) -> np.ndarray:
        """Return the noiseless means of samples start to stop in photoelectrons, float64 or complex128."""
        if self._clean is None:
            raise DataError(f"{self.path}: no dataset 'clean', the noiseless means are not known")
        stored = self._slice(self._clean, start, stop, "clean", rows)
        values = np.array(stored, dtype=np.complex128 if self.dtype.kind == "c" else np.float64)
        self._finite(values, start, "clean", rows)
        if self.noise_kind is not None and self.noise_kind.photons:
            dark = -_ROUNDING * float(np.abs(values).max(initial=0.0))  # what a transform leaves where there is no light
            if values.min(initial=0.0) < dark:
                index = tuple(int(i) for i in np.unravel_index(values.argmin(), values.shape))
                raise DataError(
                    f"{self.path}: clean of {self._place(index, start, rows)} is {values[index]:g}, expected mean "
                    "photoelectrons, 0 or more: leave the dataset clean out, or give it in photoelectrons"
                )
            np.maximum(values, 0.0, out=values)
        return values

    def read_objects(self, start: int, stop: int) -> np.ndarray:
        """Return the objects of samples start to stop as stored."""
        if self._objects is None:
            raise DataError(f"{self.path}: no dataset 'objects', what was imaged is not known")
        return self._slice(self._objects, start, stop, "objects")

    def read_sigma(self, start: int, stop: int, rows: slice | None = None) -> np.ndarray:
        """Return the standard deviation of every value of samples start to stop; read-only where it is the same for all."""
        start, stop, _ = slice(start, stop).indices(len(self))
        if self.sigma is None:
            raise DataError(f"{self.path}: no sigma, the Gaussian noise is not known: give one (--sigma)")
        if not self.has_sample_sigma:
            sigma = np.broadcast_to(np.asarray(self.sigma, dtype=np.float64), (max(stop - start, 0), *self.shape[1:]))
            return sigma if rows is None else sigma[:, rows]
        sigma = np.asarray(self._slice(self.sigma, start, stop, "sigma", rows), dtype=np.float64)
        check_sigma(sigma, self.path, first=start)
        return sigma

    @property
    def examination(self) -> Examination:
        """What one pass over the values says of them; made when it is first asked for, and anew after `set_groups`."""
        if self._examination is None:
            with memory_for(self.path, "looking at its values", _SMALLER):
                self._examination = examine(self)
        return self._examination

    def inspect(self) -> dict:
        """Return the examination as a dictionary; see `ideal.health.examine`."""
        return self.examination.to_dict()

    def _slice(self, array, start: int, stop: int, name: str, rows: slice | None = None) -> np.ndarray:
        start, stop, _ = slice(start, stop).indices(len(self))
        samples = slice(start, max(start, stop))
        try:
            with memory_for(self.path, f"reading {name} of samples {start} to {stop}", _SMALLER):
                if rows is None:
                    return _double(np.asarray(array[samples]))
                if isinstance(array, SampleArray):
                    return _double(np.asarray(array[samples])[:, rows])
                return _double(np.asarray(array[samples, rows]))
        except _BROKEN as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{self.path}: {name} of samples {start} to {stop} cannot be read ({reason})") from error

    def _finite(self, values: np.ndarray, start: int, name: str, rows: slice | None) -> np.ndarray:
        finite = np.isfinite(values)
        if not finite.all():
            index = tuple(int(i) for i in np.argwhere(~finite)[0])
            raise DataError(
                f"{self.path}: {name} of {self._place(index, start, rows)} is {values[index]}, expected finite numbers: mend or "
                "leave out these values"
            )
        return values

    def _place(self, index: tuple[int, ...], start: int, rows: slice | None) -> str:
        """Return sample and pixel of an index into a block, in words."""
        pixel = index[1:] if rows is None else (index[1] + rows.start, *index[2:])
        return f"sample {index[0] + slice(start, None).indices(len(self))[0]}, pixel {pixel}"


def _double(values: np.ndarray) -> np.ndarray:
    """Return values of more than double precision in double precision, where some become infinite; others as they are."""
    if values.dtype.itemsize <= (16 if values.dtype.kind == "c" else 8) or values.dtype.kind not in "fc":
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _without_grouping(finding: Finding) -> Finding:
    """Return what is said of planes without which of them count as one source, as somebody has said that."""
    if finding.name != "planes-grouped":
        return finding
    text = finding.text.rsplit(", and those of one", 1)[0]
    return replace(finding, text=f"{text}; which of them are one source was said (groups)", effect="", remedy="")


def serve(camera: "Camera | str | Path", given: dict) -> "tuple[Camera, dict]":
    """Return a camera, and what is said of measurements with what it knows of them; what is said goes before.

    Args:
        camera: that recorded the measurements, or the name of its file.
        given: what somebody says of the noise and the converter, by name.

    """
    from ideal.cameras.files import as_camera  # which needs what is below it

    found = as_camera(camera)
    if "noise" in given or "sigma" in given:
        return found, given
    figures = [name for name in ("gain", "offset", "read_noise") if name in given]
    return found, found.figures(maps=not figures) | given


def _named(noise, path: str, error) -> tuple[type[NoiseModel] | None, dict]:
    """Return the class of a noise that is named, and the figures that come with it; `error` where there is none."""
    try:
        return named_noise(noise if noise is None or isinstance(noise, type | NoiseModel) else str(noise))
    except UsageError as wrong:
        raise error(f"{path}: {wrong}") from None


def _model_of(kind: type[NoiseModel], arrays: dict[str, np.ndarray], attributes: dict, path: str) -> NoiseModel:
    """Return the noise whose arrays a file keeps."""
    figures = {each.name: attributes[each.name] for each in kind.figures if attributes.get(each.name) is not None}
    figures |= {name: attributes[name] for name in ("floor", "saturation") if attributes.get(name) is not None}
    try:
        return kind.of_arrays(arrays, figures)
    except (UsageError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: the maps of its {kind.name} noise cannot be used ({error})") from error


def _check_gain(kind: type[NoiseModel] | None, gain: float | None, given: dict, units: str | None, path: str) -> None:
    """Refuse a camera's offset or read noise without its gain, where the noise depends on it.

    Raises:
        UsageError: `given` holds one of them, nobody has said the gain, and noise may be that of counts.

    """
    if kind is not None and not kind.photons:
        return
    uses = ["offset"] + ["read_noise"] * (kind is None or "read_noise" in [each.name for each in kind.figures])
    figures = [name for name in uses if given.get(name)]
    if gain is None and figures and units != "photoelectrons":
        raise UsageError(
            f"{path}: {' and '.join(figures)} without the gain: give the photoelectrons per DN (--gain G, or gain=G in Python), "
            "1 where the values are photoelectrons"
        )


def _read_too(files: list[Path]) -> Finding:
    names = [plain_text(str(each)) for each in files]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return Finding(
        "other-files",
        "note",
        f"parts of it are read from {', '.join(names[:3])}{more}",
        remedy="keep these files with it",
        figures={"files": names[:100], "count": len(names)},
    )


def _in_memory(array, where: str) -> np.ndarray:
    what = f"all of an array of shape {tuple(array.shape)}"
    check_memory(where, math.prod(array.shape) * max(1, array.dtype.itemsize), what, "expected one entry for each sample")
    try:
        if getattr(array.dtype, "kind", "") == "O" and hasattr(array, "asstr"):
            return array.asstr("utf-8", "replace")[...]
        return np.asarray(array[...])
    except _BROKEN as error:
        reason = plain_text(" ".join(str(error).split()))
        raise DataError(f"{where} cannot be read ({reason}): copy the file again, or write it without them") from error


def _number(value, name: str, path: str, error) -> float:
    try:
        if np.iscomplexobj(value):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise error(f"{path}: {name} is {value!r}, expected a number") from None


def _as_groups(array, path: str) -> np.ndarray:
    if len(array.shape) != 1:
        raise DataError(f"{path}: groups has shape {tuple(array.shape)}, expected one source number per sample")
    groups = _in_memory(array, f"{path}: groups")
    if groups.dtype.kind in "iu":
        return groups.astype(np.int64)
    missing = ~np.isfinite(groups) if groups.dtype.kind in "fc" else np.array([_is_no_name(name) for name in groups], bool)
    if missing.any():
        first = int(np.argmax(missing))
        raise DataError(f"{path}: groups of sample {first} is {groups[first]!s}, expected the number or name of its source")
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)  # names


def _is_no_name(name) -> bool:
    """Tell whether a name stands for none: empty, or what a missing number is written as."""
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return text.strip().lower() in _NO_NAMES


def _as_measurements(array, path: str, name: str = "measurements"):
    """Return the array after a check of its rank and type."""
    dtype, shape = np.dtype(array.dtype), tuple(array.shape)
    if dtype.kind == "b":
        raise DataError(
            f"{path}: {name} holds truth values (bool), expected numbers: save them as 0 and 1, array.astype('uint8')"
        )
    if dtype.kind not in "iufc":
        raise DataError(f"{path}: {name} has type {dtype}, expected integer, float or complex numbers")
    expected = "(sample, visibility)" if dtype.kind == "c" else "(sample, row, column[, channel]) or (sample, value)"
    if not 2 <= len(shape) <= (2 if dtype.kind == "c" else 4):
        hint = (
            ": where these are complex pictures, name their axes (--axes ncyx, nyx)"
            if dtype.kind == "c" and len(shape) > 2
            else ""
        )
        raise DataError(f"{path}: {name} has shape {shape}, expected {expected}{hint}")
    if 0 in shape:
        raise DataError(f"{path}: {name} has shape {shape}, it is empty, expected {expected}")
    return array

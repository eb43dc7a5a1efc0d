"""Writing measurement files: HDF5 that appears whole or not at all."""

import importlib.metadata
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from ideal._disk import check_disk
from ideal._files import Patient, named, whole_file
from ideal.calibration import Calibration, check_sigma
from ideal.errors import DataError, UsageError
from ideal.formats._source import FORMAT, FORMAT_VERSION, NOISE_ARRAYS, unmasked
from ideal.noise import NoiseModel
from ideal.noise.members import check_figures, named_noise, of_numbers

_CHUNK_BYTES = 2**20
_AXES = {2: ["sample", "value"], 3: ["sample", "row", "column"], 4: ["sample", "row", "column", "channel"]}
_FIGURES = ("sigma", "gain", "offset", "read_noise", "units")  # of a noise, or beside it
_INTERPRETATION = {2: "spectrum", 3: "image", 4: "image"}


class MeasurementWriter:
    """Write measurements block by block; a context manager.

    Blocks go to a temporary file beside the target, which takes the target's name when the block ends well, and is deleted
    when it does not.

        with MeasurementWriter("camera.h5", noise="poisson") as writer:
            for images in camera:
                writer.append(images)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        noise: str | NoiseModel | None,
        sigma=None,
        gain: float | None = None,
        offset: float | None = None,
        read_noise: float | None = None,
        units: str | None = None,
        description: str = "",
        created_by: str | None = None,
        overwrite: bool = False,
        compression: str | None = None,
        attributes: dict | None = None,
        **figures,
    ):
        """Prepare the file; nothing is written before the first block.

        Args:
            path: of the file to write.
            noise: name of a noise model, as "poisson" (`ideal.noise.NOISE` lists them), a model with its figures, as
                `ideal.noise.Poisson()`, or None where it is not known.
            sigma: standard deviation after conversion, a number or the shape of one sample. Goes with `append` if per sample.
            gain: e-/DN; None for that of the noise, or 1.
            offset: DN; None for that of the noise, or 0.
            read_noise: photoelectrons; None for that of the noise, or 0.
            units: of the values as given; None for DN where a gain or offset is given, else photoelectrons.
            description: one line for people.
            created_by: the program; None for this one.
            overwrite: whether a file of this name may be replaced.
            compression: None or "gzip".
            attributes: further root attributes.
            **figures: further numbers that make the noise, by name.

        """
        self.path = Path(path)
        self.calibration = _calibration(
            str(path), noise, figures | {"sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise, "units": units}
        )
        self.calibration.validate(str(path), error=UsageError)
        if compression not in (None, "gzip"):
            raise UsageError(f"{path}: unknown compression {compression!r}, expected None or 'gzip'")
        self._overwrite, self._compression = overwrite, compression
        self._attributes = dict(attributes or {})
        self._attributes |= {"description": description, "created_by": created_by or f"ideal {_version()}"}
        self._file: h5py.File | None = None
        self._expected: int | None = None
        self._check_target()

    def _check_target(self) -> None:
        if self.path.exists() and not self._overwrite:
            raise UsageError(f"{self.path}: already there, choose another name or ask for overwriting (--force)")
        if not self.path.parent.is_dir():
            raise UsageError(f"{self.path}: the folder {self.path.parent} is not there, make it first")

    def __enter__(self) -> "MeasurementWriter":
        """Create the temporary file."""
        try:
            with ExitStack() as stack, named(self.path):
                self._stream = stack.enter_context(Patient(stack.enter_context(whole_file(self.path))))
                self._file = stack.enter_context(h5py.File(self._stream, "w"))
                self._open = stack.pop_all()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written ({error.strerror or error})") from error
        return self

    def __exit__(self, kind, error, traceback) -> None:
        """Give the file its name, or delete it after an error."""
        file = self._file
        if kind is not None or file is None:
            self._open.__exit__(kind, error, traceback)
            return
        with self._open:
            if "measurements" not in file or not len(file["measurements"]):
                raise DataError(f"{self.path}: no measurements were appended, nothing is written")
            file.close()
            self._check_disk()
            self._check_target()

    def _check_disk(self) -> None:
        if (failure := self._stream.failure) is not None:
            raise DataError(f"{self.path}: cannot be written ({failure.strerror}); nothing is left of it") from failure

    def append(self, measurements, *, clean=None, groups=None, labels=None, objects=None, sigma=None) -> None:
        """Add samples; every call has to give the same of the optional arrays.

        Args:
            measurements: (sample, row, column[, channel]), (sample, value) or complex (sample, visibility), finite.
            clean: noiseless means in photoelectrons, same shape.
            groups: source of each sample, integers.
            labels: numbers or strings, sample first.
            objects: what was imaged, sample first.
            sigma: standard deviation of every value, same shape.

        """
        if self._file is None:
            raise UsageError(f"{self.path}: append inside a with block: with MeasurementWriter(...) as writer")
        given = {"clean": clean, "groups": groups, "labels": labels, "objects": objects, "sigma": sigma}
        block = {"measurements": unmasked(measurements, f"{self.path}: measurements")}
        block |= {key: unmasked(value, f"{self.path}: {key}") for key, value in given.items() if value is not None}
        file = self._file
        self._check(file, block)
        if "measurements" not in file:
            self._create(file, block)
        start = file["measurements"].shape[0]
        for name, values in block.items():
            dataset = file[name]
            dataset.resize(start + len(values), axis=0)
            dataset[start:] = values
        self._check_disk()

    def _check(self, file: h5py.File, block: dict[str, np.ndarray]) -> None:
        values = block["measurements"]
        if values.dtype.kind not in "iufc" or values.ndim not in ((2,) if values.dtype.kind == "c" else _AXES):
            raise DataError(
                f"{self.path}: a block of shape {values.shape} and type {values.dtype}, expected numbers "
                "(sample, row, column[, channel]) or (sample, value)"
            )
        kind = self.calibration.noise
        if kind is not None and kind.is_complex != (values.dtype.kind == "c"):
            raise DataError(f"{self.path}: noise {kind.name} does not go with values of type {values.dtype}")
        for name, array in block.items():
            if array.ndim == 0 or len(array) != len(values):
                raise DataError(f"{self.path}: {name} of shape {array.shape} for {len(values)} samples, expected one each")
            if name in ("clean", "sigma") and array.shape != values.shape:
                raise DataError(f"{self.path}: {name} of shape {array.shape}, the measurements have {values.shape}")
            if array.dtype.kind in "fc" and name != "labels" and not np.isfinite(array).all():
                index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
                raise DataError(f"{self.path}: {name} is {array[index]} at {index} of this block, expected finite numbers")
        if "groups" in block and (block["groups"].dtype.kind not in "iu" or block["groups"].ndim != 1):
            raise DataError(f"{self.path}: groups of type {block['groups'].dtype}, expected one whole number per sample")
        if "sigma" in block:
            if self.calibration.sigma is not None:
                raise DataError(f"{self.path}: sigma is given for the whole file and for this block, give one of them")
            check_sigma(block["sigma"], str(self.path), first=0)
        self.calibration.validate(str(self.path), values.shape[1:])
        if "measurements" in file:
            self._check_against_first(file, block)

    def _check_against_first(self, file: h5py.File, block: dict[str, np.ndarray]) -> None:
        present = {name for name in file if name != NOISE_ARRAYS and not (name == "sigma" and self.calibration.sigma is not None)}
        if present != set(block):
            raise DataError(f"{self.path}: this block gives {sorted(block)}, the first one gave {sorted(present)}")
        for name, array in block.items():
            dataset = file[name]
            if dataset.shape[1:] != array.shape[1:]:
                raise DataError(
                    f"{self.path}: {name} of shape {array.shape}, the first block had (sample, ...) {dataset.shape[1:]}"
                )
            if array.dtype.kind not in "OU" and not np.can_cast(array.dtype, dataset.dtype, "safe"):
                raise DataError(f"{self.path}: {name} of type {array.dtype} does not fit {dataset.dtype} of the first block")

    def _create(self, file: h5py.File, block: dict[str, np.ndarray]) -> None:
        for name, array in block.items():
            dtype = h5py.string_dtype() if array.dtype.kind in "OU" else array.dtype
            dtype = np.dtype(np.int64) if name == "groups" else dtype
            sample_bytes = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * np.dtype(array.dtype).itemsize)
            samples = max(1, _CHUNK_BYTES // sample_bytes)
            if self._expected:
                samples = min(samples, self._expected)
            file.create_dataset(
                name,
                shape=(0, *array.shape[1:]),
                maxshape=(None, *array.shape[1:]),
                dtype=dtype,
                chunks=(samples, *array.shape[1:]),
                compression=self._compression,
            )
        calibration, root = self.calibration, file.attrs
        if calibration.sigma is not None and np.ndim(calibration.sigma):
            file["sigma"] = np.asarray(calibration.sigma, dtype=np.float64)
        elif calibration.sigma is not None:
            root["sigma"] = float(calibration.sigma)
        if calibration.noise is not None:
            root["noise"] = calibration.noise.name
        for key in ("gain", "offset", "read_noise", "units"):
            root[key] = getattr(calibration, key)
        for key, value in calibration.figures.items():
            root[key] = value
        for key in ("floor", "saturation"):
            if (limit := getattr(calibration, key)) is not None:
                root[key] = limit
        arrays = {} if calibration.model is None else calibration.model.arrays()
        for name, array in arrays.items():
            file[f"{NOISE_ARRAYS}/{name}"] = array
        if arrays:
            root[NOISE_ARRAYS] = list(arrays)
        for key, value in self._attributes.items():
            root[key] = value
        root["format"], root["format_version"] = FORMAT, FORMAT_VERSION
        rank = block["measurements"].ndim
        # NXdata: viewers draw the signal; "." is an axis without a dataset of its own
        root["NX_class"], root["signal"], root["axes"] = "NXdata", "measurements", ["."] * rank
        dataset = file["measurements"]
        dataset.attrs["interpretation"], dataset.attrs["units"] = _INTERPRETATION[rank], calibration.units
        for dimension, label in zip(dataset.dims, _AXES[rank], strict=True):
            dimension.label = label


def _calibration(path: str, noise: str | NoiseModel | None, given: dict) -> Calibration:
    """Return units and noise of a file; what is given counts more than what comes with the noise."""
    try:
        kind, own = named_noise(noise)
        whole = own | {name: value for name, value in given.items() if value is not None}
        further = {name: whole.pop(name) for name in list(whole) if name not in (*_FIGURES, "model", "floor", "saturation")}
        check_figures(kind, further)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    gain, offset, read_noise = (
        float(whole.pop(name, 1.0 if name == "gain" else 0.0)) for name in ("gain", "offset", "read_noise")
    )
    return Calibration(kind, **whole, gain=gain, offset=offset, read_noise=read_noise, figures=further)


def write_measurements(path: str | Path, measurements, **options) -> None:
    """Write one block; options as of `MeasurementWriter` and its `append`."""
    if measurements is None:
        raise UsageError(f"{path}: no measurements: give an array (sample, row, column[, channel]) or (sample, value)")
    names = ("clean", "groups", "labels", "objects")
    parts = {name: options.pop(name) for name in names if name in options}
    if np.ndim(options.get("sigma", 0.0)) == np.ndim(measurements):
        parts["sigma"] = options.pop("sigma")
    options["noise"] = of_numbers(options.get("noise"), np.asarray(measurements).dtype.kind)
    with MeasurementWriter(path, **options) as writer:
        check_disk(path, sum(np.asarray(array).nbytes for array in (measurements, *parts.values()) if np.ndim(array)))
        writer._expected = len(measurements)
        writer.append(measurements, **parts)


def _version() -> str:
    try:
        return importlib.metadata.version("ideal")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"

"""What every density model can do, and how it is kept in a file."""

import copy
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Self

import h5py
import numpy as np

from ideal._documents import parse_json
from ideal._files import whole_hdf5
from ideal.density._fitting import DEFAULT_FITTING, PLAIN_SENSOR, Fitting, Sensor
from ideal.density.floor import Floor
from ideal.density.gaussian.moments import flatten
from ideal.errors import DataError, UsageError
from ideal.formats.damage import damaged
from ideal.formats.hdf5 import opened, read_arrays
from ideal.text import plain_text

if TYPE_CHECKING:
    from ideal.noise import NoiseModel

_FORMAT, _FORMAT_VERSION = "ideal-density", 1
_FLOOR = "floor_"  # begins the names of its arrays in a file
_NONE: Mapping[str, "Density"] = MappingProxyType({})


class Density(ABC):
    """A normalised probability density (or, where `discrete`, probability) of measurements.

    Since it is normalised, the mean of -log_prob over measurements that it was not fitted to bounds their entropy from
    above. An object is never changed: `fit` returns a new one.

    Attributes:
        name: its name in the registry.
        summary: what it is, one line without a full stop.
        discrete: whether it takes quantised values as they are and gives their probability over the step; if not, they are
            dequantised before they reach it.
        conditional: whether it can be fitted to labelled measurements, as a density for each class.
        trained: whether it is trained step by step, which takes much longer than the others and can be given more or less effort.
        sees_electrons: whether it scores values through the known channel of a `Sensor.channel`. Where pixels of the channel
            differ, `fit` takes their figures too, `figures`, two arrays (sample, ..., figure) of the training and the validation
            measurements, and `log_prob` and the like take those of what they score.
        refitted: whether a fit takes so little time that it is made again on halves of the sources, to learn what it lacks.
        shape: of one measurement that it was fitted to, (row, column[, channel]) or (value,).
        origin: what it was fitted to, JSON types, as `ideal.information.estimate` notes it; None where nobody has said.
        noise: variances of known noise that the model keeps apart from its model of the signal, an array of maps; None where it
            does not. Such a model knows measurements under any noise whose standard deviations it is given.
        floor: what bounds its loss on measurements unlike all that it was fitted to, `with_floor`; None without one.

    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    discrete: ClassVar[bool] = False
    conditional: ClassVar[bool] = False
    trained: ClassVar[bool] = False
    sees_electrons: ClassVar[bool] = False
    refitted: ClassVar[bool] = False
    shape: tuple[int, ...]
    origin: dict | None = None
    noise: np.ndarray | None = None
    floor: Floor | None = None

    @classmethod
    @abstractmethod
    def fit(
        cls,
        key,
        train,
        validation,
        *,
        fitted: Mapping[str, "Density"] = _NONE,
        sensor: Sensor = PLAIN_SENSOR,
        fitting: Fitting = DEFAULT_FITTING,
    ) -> Self:
        """Return the model fitted to measurements.

        Args:
            key: seed or key for whatever is random in the fit.
            train: measurements (sample, ...), an array or an object with a `shape` whose iteration gives arrays of samples
                (it may be iterated more than once).
            validation: other measurements, array of the same kind, by which the fit chooses.
            fitted: models already fitted to the same measurements, by name, from which this one may start.
            sensor: how the values came about: levels, noise variance, mosaic.
            fitting: effort, time limit, checkpoint and progress of models that are trained.

        A `conditional` model takes `labels` too, those of the training and of the validation measurements. Every model of
        continuous values takes `sigmas`, where the known noise differs from measurement to measurement: standard deviations of
        the values of the training and of the validation measurements, two arrays (sample, ...) of their shapes.

        Raises:
            DataError: the measurements cannot be modelled: too few, constant, or of the wrong kind.

        """

    @abstractmethod
    def log_prob(self, measurements) -> np.ndarray:
        """Return the log-density of measurements (sample, ...) in nats per measurement, (sample,), in the order given.

        A model with `noise` takes `sigma` too, the standard deviations of the noise in these values, of the shape of the
        measurements or of one; without it they are taken for those of the fit.
        """

    @abstractmethod
    def sample(self, key, count: int) -> np.ndarray:
        """Draw measurements, (count, ...)."""

    @classmethod
    def accepts(cls, shape: tuple[int, ...], *, counts: bool, is_complex: bool) -> bool:
        """Tell whether the model is meant for measurements of this shape (of one) and kind."""
        return True

    def interior_log_prob(self, measurements, sigma=None) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        """Return ln q(pixel | the pixels before it in a fixed box), where the model has such conditionals; else None.

        `sigma` is that of `log_prob`.

        Its mean over held-out measurements bounds the entropy rate: what one more pixel adds, whatever the size of the patch.

        Returns:
            Nats per pixel (channels summed), (sample, rows, columns), for the pixels whose box is whole, and the slices of rows
            and columns where these lie.

        """
        return None

    def conditional_log_prob(self, measurements, sigma=None) -> np.ndarray | None:
        """Return ln q of each real value given those before it, nats, (sample, ...); None where the model has none.

        The sum over a measurement is its `log_prob`, whose `sigma` it takes too.
        """
        return None

    @classmethod
    def suits(cls, noise: "NoiseModel") -> bool:
        """Tell whether the model is meant for measurements with this noise."""
        return noise.electrons or not cls.sees_electrons

    def floored_log_prob(self, measurements, **noise) -> np.ndarray:
        """Return the log-density of the model upon its floor, nats per measurement (sample,); `log_prob` without one."""
        return self.floored(measurements, **noise)[0]

    def floored(self, measurements, keep: np.ndarray | None = None, **noise) -> tuple[np.ndarray, np.ndarray]:
        """Return `floored_log_prob`, and the share of each measurement that the floor gave, 0 to 1, both (sample,).

        With `keep`, of the shape of the measurements, the values that it marks count alone: each given those before it.
        """
        if self.floor is None and keep is None:
            return self.log_prob(measurements, **noise), np.zeros(len(measurements))
        conditional = self.conditional_log_prob(measurements, **noise)
        if keep is not None:
            if conditional is None:
                raise UsageError(f"the model {self.name} cannot leave single pixels out: choose another --model")
            conditional = np.where(np.reshape(keep, conditional.shape), conditional, 0.0)
            if self.floor is None:
                return conditional.reshape(len(conditional), -1).sum(1), np.zeros(len(measurements))
        assert self.floor is not None
        return self._on_floor(self.floor, conditional, measurements, keep, **noise)

    def _on_floor(
        self, floor: Floor, conditional: np.ndarray | None, measurements, keep: np.ndarray | None = None, **noise
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what `floored` does, for conditionals by the model; where there are none, measurements are taken as a whole."""
        floors = floor.log_densities(flatten(measurements))
        if keep is not None:
            floors = np.where(np.reshape(keep, floors.shape[1:]), floors, 0.0)
        if conditional is None:
            conditional, floors = self.log_prob(measurements, **noise)[:, None], floors.sum(2, keepdims=True)
        values, share = floor.mix(conditional.reshape(floors.shape[1:]), floors)
        return values.sum(1), share.mean(1)

    def floored_interior_log_prob(self, measurements, **noise) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        """Return `interior_log_prob` upon the model's floor: nats per pixel given the pixels before it."""
        found = self.interior_log_prob(measurements, **noise)
        if found is None or self.floor is None or not found[0].size:
            return found
        pixels, (rows, columns) = found
        inside = np.asarray(measurements)[:, rows, columns]
        floors = self.floor.log_densities(flatten(inside))
        floors = floors.reshape(*floors.shape[:2], pixels[0].size, -1).sum(-1)
        values, _ = self.floor.mix(pixels.reshape(len(pixels), -1), floors)
        return values.reshape(pixels.shape), (rows, columns)

    @abstractmethod
    def _state(self) -> dict[str, np.ndarray]:
        """Return the arrays that make up the model."""

    @classmethod
    @abstractmethod
    def _from_state(cls, state: dict[str, np.ndarray]) -> Self:
        """Rebuild the model from its arrays."""

    def with_origin(self, origin: dict | None) -> Self:
        """Return the same model with a note of what it was fitted to, which goes with it into its file."""
        model = copy.copy(self)
        model.origin = origin
        return model

    def with_floor(self, floor: Floor | None) -> Self:
        """Return the same model upon a floor, which goes with it into its file."""
        model = copy.copy(self)
        model.floor = floor
        return model

    def save(self, path) -> None:
        """Write the model to an HDF5 file, which appears whole or not at all."""
        with whole_hdf5(path) as file:
            file.attrs["format"], file.attrs["format_version"] = _FORMAT, _FORMAT_VERSION
            file.attrs["model"] = self.name
            if self.origin is not None:
                file.attrs["origin"] = json.dumps(self.origin)
            floor = {} if self.floor is None else self.floor.to_state()
            state = self._state() | {_FLOOR + name: array for name, array in floor.items()}
            for name, array in state.items():
                file[name] = array
            file.attrs["checksum"] = _checksum(self.name, {name: file[name][()] for name in state})


def read_model_file(path) -> tuple[str, dict[str, np.ndarray]]:
    """Return the model's name and arrays from a file written by `Density.save`.

    Raises:
        DataError: it is none, of a later version, damaged, or changed since it was written.

    """
    with _model_file(path) as file:
        if file.attrs.get("format") != _FORMAT:
            raise DataError(f"{path} is not a model file: its format is {file.attrs.get('format')!r}, expected {_FORMAT!r}")
        version = file.attrs.get("format_version")
        if not isinstance(version, int | np.integer):
            raise DataError(f"{path} cannot be read as a model file: its format_version is {version!r}")
        if version > _FORMAT_VERSION:
            raise DataError(f"{path} has model format version {version}; this ideal reads up to {_FORMAT_VERSION}: update it")
        name, state = plain_text(str(file.attrs.get("model", ""))), read_arrays(file, path)
        checksum = file.attrs.get("checksum")
    may_be = {"mean"} if bool(np.all(state.get("is_complex", False))) else set()  # its covariance is that of the parts
    if odd := next((key for key, array in state.items() if np.iscomplexobj(array) and key not in may_be), None):
        raise DataError(f"{path} cannot be read as a model file: {odd} holds complex numbers: is it damaged?")
    for key, array in state.items() if checksum is None else ():  # of older files
        values = np.asarray(array)
        if values.dtype.kind == "f" and "sensor" not in key and np.isnan(values).any():
            raise DataError(f"{path} cannot be read as a model file: {key} holds values that are no numbers: is it damaged?")
    if checksum is not None and checksum != _checksum(name, state):
        changed = f"{path} cannot be read as a model file: its arrays are not those that were written"
        odd = next((key for key, array in state.items() if np.asarray(array).dtype.kind == "O"), None)
        raise DataError(f"{changed}{f' ({odd} is a text)' if odd else ''}: copy the file again, or fit the model again")
    return name, state


@contextmanager
def _model_file(path) -> Iterator[h5py.File]:
    """Give a model's file, open for reading."""
    try:
        with opened(path) as file, damaged(path):
            yield file
    except DataError as error:
        if str(error).startswith(f"{path} "):
            raise
        reason = str(error).removeprefix(f"{path}: ")
        raise DataError(f"{path} cannot be read as a model file: {reason}") from error


def _checksum(name: str, state: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(name.encode())
    for key in sorted(state):
        array = np.asarray(state[key])
        digest.update(f"|{key} {array.dtype.str} {array.shape}".encode())
        digest.update(repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).tobytes())
    return f"sha256:{digest.hexdigest()}"


def take_floor(state: dict[str, np.ndarray]) -> Floor | None:
    """Take the floor out of the arrays of a model's file and return it; None where there is none."""
    found = {name.removeprefix(_FLOOR): state.pop(name) for name in list(state) if name.startswith(_FLOOR)}
    return Floor.from_state(found) if found else None


def read_origin(path) -> dict | None:
    """Return what the model in a file written by `Density.save` was fitted to, or None where the file does not say.

    Raises:
        DataError: it is no such file, or what it says is no JSON.

    """
    with _model_file(path) as file:
        if "origin" not in file.attrs:
            return None
        found = parse_json(file.attrs["origin"], path)
        if not isinstance(found, dict):
            raise DataError(f"{path} cannot be read as a model file: what it was fitted to is no table")
        return found

"""What turns the values of a file into photoelectrons, and what is known of their noise."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ideal.errors import DataError, IdealError
from ideal.noise import NoiseModel

SMALLEST, LARGEST = 1e-40, 1e40  # of figures and values: fourth powers of others leave the range of floating-point numbers

_OWN = ("sigma", "gain", "offset", "read_noise")  # figures of noise that are fields of their own


@dataclass(frozen=True)
class Calibration:
    """Units and noise of one measurement set.

    Attributes:
        noise: kind of noise that somebody has named, a class of `ideal.noise.NOISE`, or None where nobody has.
        sigma: standard deviation of Gaussian noise in the units of converted values: a number, an array of the shape of
            one sample, a lazily read array of the shape of all measurements, or None.
        gain: photoelectrons per stored unit (e-/DN).
        offset: stored value without light (DN).
        read_noise: standard deviation in photoelectrons.
        floor: stored value at which the converter cuts off what lies below (DN); None where nobody has said.
        saturation: stored value at which it cuts off what lies above, the white level of a camera (DN); None likewise.
        units: of the stored values. None becomes "DN" where a gain or an offset is given, else "photoelectrons".
        figures: further numbers that make the noise, by name, as those of models of other packages.
        model: the noise itself where arrays make it, as maps of a sensor; numbers above are then typical ones.

    """

    noise: type[NoiseModel] | None = None
    sigma: Any = None
    gain: float = 1.0
    offset: float = 0.0
    read_noise: float = 0.0
    units: str | None = None
    floor: float | None = None
    saturation: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    model: NoiseModel | None = None

    def __post_init__(self):
        if self.units is None:
            object.__setattr__(self, "units", "DN" if self.converts else "photoelectrons")

    @property
    def converts(self) -> bool:
        """True where stored values and photoelectrons differ."""
        return self.gain != 1 or self.offset != 0

    def figure(self, name: str) -> Any:
        """Return a number that makes the noise, as sigma or read_noise; None where nobody has given it."""
        return self.figures.get(name) if name not in _OWN else getattr(self, name)

    @property
    def by_place(self) -> bool:
        """True where gain or offset differ from pixel to pixel."""
        return self.model is not None and self.model.by_place

    def to_photoelectrons(self, stored: np.ndarray, rows: slice | None = None) -> np.ndarray:
        """Return (stored - offset) * gain in float64, or complex128 for complex values; beyond a stated limit, the limit.

        `rows` are those of whole images that are given, where gain or offset differ from pixel to pixel; None for all.
        """
        values = np.array(stored, dtype=np.complex128 if np.iscomplexobj(stored) else np.float64)
        if self.floor is not None or self.saturation is not None:
            np.clip(values, self.floor, self.saturation, out=values)
        if self.model is not None and self.model.by_place:
            return self.model.photoelectrons(values, rows)
        if self.converts:
            values -= self.offset
            values *= self.gain
        return values

    def validate(self, where: str, sample_shape: tuple | None = None, error: type[IdealError] = DataError) -> None:
        """Raise `error` for a value without meaning; `where` opens the message."""
        for name, value, low in (("gain", self.gain, "> 0"), ("read_noise", self.read_noise, ">= 0")):
            if not math.isfinite(value) or value < 0 or (low == "> 0" and value == 0):
                raise error(f"{where}: {name} is {value}, expected a finite number {low}")
        if not math.isfinite(self.offset):
            raise error(f"{where}: offset is {self.offset}, expected a finite number of DN")
        for name, value in (("gain", self.gain), ("read_noise", self.read_noise), ("offset", self.offset)):
            if (value and not (name == "offset" or abs(value) >= SMALLEST)) or abs(value) > LARGEST:
                raise error(f"{where}: {name} is {value:g}, expected a figure between {SMALLEST:g} and {LARGEST:g}")
        for figure in self.noise.figures if self.noise is not None else ():
            given = self.figures.get(figure.name)
            if given is not None and not (math.isfinite(given) and (given > 0 or not figure.positive)):
                raise error(f"{where}: {figure.name} is {given}, expected a finite number{' > 0' * figure.positive}")
        for name, limit in (("floor", self.floor), ("saturation", self.saturation)):
            if limit is not None and not math.isfinite(limit):
                raise error(f"{where}: {name} is {limit}, expected a finite number of DN")
            if limit is not None and self.noise is not None and self.noise.is_complex:
                raise error(f"{where}: {name} is for a camera's numbers, visibilities have none")
        if self.floor is not None and self.saturation is not None and not self.floor < self.saturation:
            raise error(f"{where}: floor is {self.floor:g} and saturation {self.saturation:g}, expected a floor below saturation")
        if self.units == "photoelectrons" and self.converts:
            raise error(
                f"{where}: units are photoelectrons, yet gain is {self.gain} and offset {self.offset}: "
                "photoelectrons need neither; name the stored units (units DN) or remove gain and offset"
            )
        self._validate_sigma(where, sample_shape, error)

    def _validate_sigma(self, where, sample_shape, error) -> None:
        if self.sigma is None or not (np.isscalar(self.sigma) or isinstance(self.sigma, np.ndarray)):
            return  # an array that is read lazily is checked where it is read
        sigma = np.asarray(self.sigma)
        if sigma.dtype.kind not in "fiu":
            raise error(f"{where}: sigma has type {sigma.dtype}, expected real numbers > 0")
        if sigma.ndim and sample_shape is not None and sigma.shape[-len(sample_shape) :] != sample_shape:
            raise error(f"{where}: sigma has shape {sigma.shape}, expected one number or the shape {sample_shape} of a sample")
        per_sample = sample_shape is not None and sigma.ndim > len(sample_shape)
        check_sigma(sigma, where, error, first=0 if per_sample else None)


def check_sigma(sigma: np.ndarray, where: str, error: type[IdealError] = DataError, first: int | None = None) -> None:
    """Raise `error` unless every sigma is finite and > 0; `first` is the sample number of row 0 where there is one."""
    bad = ~(np.isfinite(sigma) & (sigma > 0))
    if not bad.any():
        low, high = (float(np.min(sigma)), float(np.max(sigma))) if np.size(sigma) else (1.0, 1.0)
        if low < SMALLEST or high > LARGEST:
            odd = high if high > LARGEST else low
            raise error(f"{where}: sigma is {odd:g}, expected a figure between {SMALLEST:g} and {LARGEST:g}: choose another unit")
        return
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    value = sigma[index]
    place = ""
    if first is not None:
        place = f" at sample {index[0] + first}, pixel {index[1:]}"
    elif index:
        place = f" at pixel {index}"
    raise error(f"{where}: sigma is {value}{place}, expected a finite standard deviation > 0")

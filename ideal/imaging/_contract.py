"""What every imaging system can do: scenes in, noiseless measurements out, by a pure function of its parameters."""

import dataclasses
import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar, Protocol, Self

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import Range, Ranges, check_ranges
from ideal.errors import DataError, UsageError, unknown_name
from ideal.health.finding import Finding
from ideal.imaging.constraints import Constraint
from ideal.imaging.linear import Combinations, LinearOperator
from ideal.noise import NoiseModel, Poisson

Params = Mapping[str, jax.Array | np.ndarray]  # nobody changes one in its place

_BLOCK_VALUES = 2**24  # values of scenes, or of measurements, that are encoded at once: 64 MB in float32


@dataclass(frozen=True)
class Scene:
    """What a system looks at.

    Attributes:
        kind: "radiance" (nonnegative light; in use, the mean photoelectrons that an unfiltered pixel would gather),
            "transmission" (channels absorption and phase in radians; the field behind the object is exp(-absorption + i phase)),
            "sky" (Jy per pixel; row 0 north, column 0 east), or "any" (a user's own).
        shape: of one scene: (value,), (row, column) or (row, column, channel).
        channels: names of the channels, where there are any.
        pixel: side of a scene's pixel in `pixel_unit`; None where it does not matter.
        pixel_unit: "um" or "uas".
        wavelength: of the light in um, where phase is looked at; None where it does not matter.

    """

    kind: str
    shape: tuple[int, ...]
    channels: tuple[str, ...] = ()
    pixel: float | None = None
    pixel_unit: str = "um"
    wavelength: float | None = None


@partial(jax.tree_util.register_dataclass, data_fields=["weights", "psf", "offset"], meta_fields=[])
@dataclass(frozen=True)
class PeriodicForm:
    """A sensor that repeats itself, in few numbers: what a closed form in the Fourier domain needs.

    mean[r, c] = offset + sum over channels of weights[r mod P, c mod Q, channel] x (psf * scene[..., channel])[r, c]

    Attributes:
        weights: (P, Q, channel).
        psf: (row, column), the same for all channels; None for a point.
        offset: what a dark scene gives.

    """

    weights: jax.Array
    psf: jax.Array | None = None
    offset: float = 0.0


def setting(default: Any, unit: str, meaning: str, within: Range | Ranges | None = None) -> Any:
    """Declare a setting of a system or of objects: a dataclass field with what people need to know of it.

    Args:
        default: its value where none is given.
        unit: of its numbers.
        meaning: one line for people.
        within: the numbers that physics and the unit allow; others are refused, with the unit that was probably meant. None for
            what is no number.

    """
    return field(default=default, metadata={"unit": unit, "help": meaning, "within": within})


@dataclass(frozen=True, eq=False)
class ImagingSystem(ABC):
    """A deterministic encoder: mean measurement = encode(parameters, scene).

    A system is a frozen set of settings: dataclass fields made by `setting`, such as sizes, wavelengths and distances. What may
    be designed is not in it but in `params`, a dictionary of named arrays in physical units, so that gradients can be taken.
    Arrays keep the precision that they are given: under `jax.enable_x64(True)` float64 parameters and scenes are encoded in
    float64.

    Attributes:
        name: its name on the command line.
        summary: one line for people.
        linear: whether encode(params, .) is linear in the scene, but for a constant offset.
        member: what one of those is called that a design may choose among: site, LED, lenslet.
        reduces: whether a measurement has too many values to fit a density model to, so that it is looked at in the few
            combinations of them that `reduce` gives.

    """

    name: ClassVar[str]
    summary: ClassVar[str]
    linear: ClassVar[bool] = True
    member: ClassVar[str] = "member"
    reduces: ClassVar[bool] = False

    def __post_init__(self):
        """Bring settings to the types of their defaults, and refuse those outside their ranges; a subclass calls this first."""
        for name, value in check_settings(type(self), self.settings).items():
            object.__setattr__(self, name, value)
        check_ranges(self)

    @property
    @abstractmethod
    def scene(self) -> Scene:
        """What the system looks at."""

    @property
    @abstractmethod
    def measurement_shape(self) -> tuple[int, ...]:
        """Shape of one measurement: (row, column), (row, column, channel), (value,) or (visibility,)."""

    @property
    def complex_valued(self) -> bool:
        """Whether measurements are complex numbers; a subclass may have a plain class attribute instead."""
        return False

    @property
    @abstractmethod
    def designs(self) -> Mapping[str, str]:
        """Named designs, the default one first, and one line on each."""

    @abstractmethod
    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the parameters of a named design.

        Args:
            name: one of `designs`; None for the first.
            seed: for those that are random.

        Raises:
            UsageError: there is none of that name.

        """

    @property
    def further_designs(self) -> Mapping[str, str]:
        """Named designs that need other settings, and one line on each that begins with these settings."""
        return {}

    @property
    @abstractmethod
    def constraints(self) -> Mapping[str, Constraint]:
        """What each parameter must satisfy, by name, as a transform of free values."""

    @abstractmethod
    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Return the noiseless measurement of one scene.

        A pure function that JAX can trace, batch and differentiate.

        Args:
            params: physical parameters, as of `design`.
            scene: of shape `scene.shape`.

        Returns:
            Mean photoelectrons (visibilities: complex, Jy; other noise: units of the measurement), of `measurement_shape`.

        """

    def noise(self, params: Params) -> NoiseModel:
        """Return the noise that belongs to the system, where the user names none: photon counting."""
        return Poisson()

    def noise_kind(self, params: Params) -> type[NoiseModel]:
        """Return the class of noise that measurements have where nobody names another."""
        return type(self.noise(params))

    def findings(self, params: Params) -> list[Finding]:
        """Return what the model of the system leaves out with these parameters, where that touches the measurements."""
        return []

    @property
    def period(self) -> tuple[int, int]:
        """Rows and columns after which the sensor repeats; (1, 1) where all pixels are alike."""
        return (1, 1)

    def brightness(self, scenes) -> np.ndarray:
        """Return of each scene what an exposure is set by: the mean over its values of the light on an unfiltered pixel.

        Args:
            scenes: (sample, ...).

        """
        return np.asarray(scenes, dtype=np.float64).reshape(len(scenes), -1).mean(1)

    def periodic_form(self, params: Params) -> PeriodicForm | None:
        """Return the sensor in periodic form, traceable; None where it has none."""
        return None

    @property
    def member_names(self) -> tuple[str, ...]:
        """Names of those that a design may choose among; empty where they have numbers alone."""
        return ()

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Which two members each value of a measurement is of, (value,) whole numbers each; None where values are not of two."""
        return None

    def restricted(self, params: Params) -> tuple["ImagingSystem", Params]:
        """Return the system that is left to build with these parameters, and its parameters: without members that have no weight.

        Most systems stay as they are.

        Raises:
            UsageError: nothing is left that measures.

        """
        return self, params

    def reduce(self, designs: Sequence[Params], components: np.ndarray) -> Iterator[Combinations]:
        """Give for each of several designs the combinations of measured values that tell of given components of scenes.

        Args:
            designs: parameters of each.
            components: principal components of scenes, (component, *shape of the scene), exposed, each as large as its standard
                deviation.

        Raises:
            UsageError: the system does not reduce its measurements.

        """
        raise UsageError(f"{self.name} is measured value by value: there are no combinations of its values")

    @property
    def known_optimum(self) -> str:
        """Which design is best without a search, and what can be asked for instead, a sentence; empty where none is known."""
        return ""

    @abstractmethod
    def draw(self, params: Params, figure) -> None:
        """Draw the system on an empty matplotlib figure, whose size it sets; axes are labelled in physical units."""

    def draw_choice(self, params: Params, figure, new: Sequence[str]) -> None:
        """Draw the system with the members of these names set off from the others, where it can."""
        self.draw(params, figure)

    # What follows is the same for all systems.

    def constrain(self, free: Params, sharpness: jax.Array | float = 1.0) -> Params:
        """Return the physical parameters of free ones (any real numbers); `sharpness` pushes choices towards one of theirs."""
        return {name: self.constraints[name].physical(value, sharpness) for name, value in free.items()}

    def release(self, params: Params) -> Params:
        """Return free parameters that `constrain` turns into these."""
        return {name: self.constraints[name].free(value) for name, value in params.items()}

    def harden(self, params: Params) -> Params:
        """Return the nearest parameters that can be manufactured: one filter per pixel, whole sites."""
        return {name: self.constraints[name].harden(value) for name, value in params.items()}

    def check_params(self, params: Params) -> Params:
        """Return parameters as JAX arrays after a check of names, shapes and constraints.

        Raises:
            UsageError: a parameter is missing, unknown, of the wrong shape, not finite or outside its constraint.

        """
        expected = jax.eval_shape(self.design)
        if set(params) != set(expected):
            raise UsageError(f"{self.name} has the parameters {', '.join(expected)}; found {', '.join(params) or 'none'}")
        for name, value in params.items():
            if np.shape(value) != expected[name].shape:
                raise UsageError(f"{self.name}: parameter {name} has shape {np.shape(value)}, expected {expected[name].shape}")
            if not np.isfinite(np.asarray(value)).all():
                raise UsageError(f"{self.name}: parameter {name} is not finite everywhere")
            self.constraints[name].check(f"{self.name}: parameter {name}", np.asarray(value))
        return {name: jnp.asarray(value) for name, value in params.items()}

    def check_scenes(self, scenes) -> None:
        """Refuse scenes of another shape or kind.

        Raises:
            DataError: the shape is wrong, a value is not finite, or light is negative.

        """
        shape, expected = np.shape(scenes), self.scene.shape
        if shape[1:] != expected:
            raise DataError(f"{self.name}: scenes of shape {shape}, expected (sample, {', '.join(map(str, expected))})")
        values = np.asarray(scenes)
        if not np.isfinite(values).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
            raise DataError(f"{self.name}: scene {index[0]} is {values[index]} at {index[1:]}, expected finite numbers")
        if self.scene.kind in ("radiance", "sky") and values.size and values.min() < 0:
            index = tuple(int(i) for i in np.argwhere(values < 0)[0])
            raise DataError(f"{self.name}: scene {index[0]} is {values[index]:g} at {index[1:]}, light cannot be negative")

    @cached_property
    def _encode_block(self):
        return jax.jit(jax.vmap(self.encode, in_axes=(None, 0)))

    def images(self, params: Params, scenes) -> np.ndarray:
        """Return the noiseless measurements of many scenes, block by block.

        Args:
            params: physical parameters.
            scenes: (sample, ...) of `scene.shape`; float32 unless float64 is enabled and given.

        Returns:
            (sample, *measurement_shape), in the precision of the scenes.

        Raises:
            DataError: as of `check_scenes`.

        """
        self.check_scenes(scenes)
        size = max(int(np.prod(self.scene.shape)), int(np.prod(self.measurement_shape)), 1)
        block = max(1, min(len(scenes), self.block_values // size))
        parts = []
        for start in range(0, len(scenes), block):
            part = np.asarray(scenes[start : start + block])
            missing = block - len(part)  # one shape, one compilation
            padded = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part
            parts.append(np.asarray(self._encode_block(params, jnp.asarray(padded)))[: len(part)])
        return np.concatenate(parts) if parts else np.empty((0, *self.measurement_shape))

    @property
    def block_values(self) -> int:
        """Values of scenes or measurements that are encoded at once; a system with large intermediate arrays asks for fewer."""
        return _BLOCK_VALUES

    def operator(self, params: Params) -> LinearOperator:
        """Return the system with these parameters as a linear operator with an offset.

        Raises:
            UsageError: the system is not linear in its scene.

        """
        if not self.linear:
            raise UsageError(f"{self.name} is not linear in its scene: it has no linear operator")
        return LinearOperator(lambda scene: self.encode(params, scene), self.scene.shape)

    def replace(self, **changes: Any) -> Self:
        """Return the system with other settings.

        Raises:
            UsageError: a setting is unknown (the message suggests the nearest) or has no meaning.

        """
        return dataclasses.replace(self, **check_settings(type(self), changes))

    @property
    def settings(self) -> dict[str, Any]:
        """Settings by name."""
        return {each.name: getattr(self, each.name) for each in settings_of(type(self))}


class _Named(Protocol):
    """What has settings and a name for messages."""

    name: ClassVar[str]


def settings_of(kind: type) -> list[dataclasses.Field]:
    """Return the settings that a system class (or any dataclass with fields made by `setting`) declares."""
    return [each for each in dataclasses.fields(kind) if "help" in each.metadata]


def check_settings(kind: type[_Named], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings converted to the types of their defaults.

    Raises:
        UsageError: a name is unknown, or a value is not of its setting's kind.

    """
    known = {each.name: each for each in settings_of(kind)}
    converted = {}
    for name, value in given.items():
        if name not in known:
            hint = "; settings of the objects are objects.NAME" if issubclass(kind, ImagingSystem) else ""
            raise UsageError(unknown_name(f"{kind.name} has no setting", name, known) + hint)
        converted[name] = _as_type_of(known[name].default, value, f"{kind.name}: setting {name}")
    return converted


def _as_type_of(default: Any, value: Any, what: str) -> Any:
    kind = type(default)
    if default is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return tuple(value) if isinstance(value, list) else value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, int | float | datetime.date) and not isinstance(value, bool):
        return str(value)  # a date in a configuration file, or a name that looks like a number
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if kind is tuple:
        return tuple(map(_number_or_text, value.strip("() ").split(","))) if isinstance(value, str) and "," in value else (value,)
    raise UsageError(f"{what} takes {_KINDS.get(kind, kind.__name__)}, as {default!r}; found {value!r}")


def _number_or_text(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


_KINDS = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}

"""A user's own encoder as an imaging system: any function of parameters and a scene that JAX can differentiate."""

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal._ranges import MOST_PIXELS, PIXELS, POSITIVE, SIDE, Range, Ranges, check_range
from ideal.errors import IdealError, UsageError, unknown_name
from ideal.imaging._contract import ImagingSystem, Params, Scene
from ideal.imaging.constraints import Constraint
from ideal.noise import NOISE, NoiseModel, Poisson
from ideal.noise.members import noises_of
from ideal.plots.palette import BLUE

_SORTS = ((bool, "true or false"), (int | float, "a number"), (str, "a text"), (list | tuple, "a list"))


@contextmanager
def guest(label: str, failure: str) -> Iterator[None]:
    """Run code of the user's: what it prints goes to stderr, since stdout is for results, and what it raises takes one line.

    Args:
        label: what the message calls the code.
        failure: what the message says of it, before the reason.

    Raises:
        UsageError: the code raises something, an exit from Python included.

    """
    with redirect_stdout(sys.stderr):
        try:
            yield
        except (IdealError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            if "RESOURCE_EXHAUSTED" in str(error):  # XLA's word for too little memory: no fault of the code
                raise
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UsageError(f"{label}: {failure} ({reason})") from error


@dataclass(frozen=True, eq=False)
class CallableSystem(ImagingSystem):
    """A system whose light a function traces: mean = function(params, scene, **settings).

    Args:
        function: traceable by JAX; params is a dictionary of arrays, scene one array of the shape of `looks_at`.
        looks_at: the scenes.
        initial: parameters of the design "initial".
        limits: constraint of each parameter; those not named are free.
        options: settings, handed to the function by name.
        repeats: rows and columns after which the sensor repeats.
        declared_linear: whether the function is linear in the scene but for a constant; it is tried on random scenes.
        label: what messages call it.
        own_noise: of its measurements, where the user names none; None for photon counting, which complex values cannot have.
        ranges: numbers that settings may have, by name; a value outside is refused with the unit that was probably meant.

    Raises:
        UsageError: the function fails on such parameters and scenes, or is not linear though declared to be; a setting is not of
            the kind of its default.

    """

    function: Callable[..., jax.Array]
    looks_at: Scene
    initial: Params
    limits: Mapping[str, Constraint] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    repeats: tuple[int, int] = (1, 1)
    declared_linear: bool = False
    label: str = "own encoder"
    own_noise: NoiseModel | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)

    name = property(lambda self: self.label)
    summary = property(lambda self: ((self.function.__doc__ or "").strip() or "a function of the user's").splitlines()[0])
    linear = property(lambda self: self.declared_linear)
    scene = property(lambda self: self.looks_at)
    period = property(lambda self: self.repeats)
    settings = property(lambda self: dict(self.options))
    designs = property(lambda self: {"initial": "as the configuration says"})

    def __post_init__(self):
        defaults = _defaults(self.function)
        given = {name: self._alike(name, defaults.get(name), value) for name, value in self.options.items()}
        object.__setattr__(self, "options", {**defaults, **given})
        for name, within in self.ranges.items():
            if name not in self.options:
                raise UsageError(
                    unknown_name(f"{self.label}: a range is given for a setting that there is not,", name, self.options)
                )
            check_range(f"{self.label}: setting {name}", self.options[name], within, within.unit or "", defaults.get(name))
        check_range(f"{self.label}: shape", self.looks_at.shape, Ranges(SIDE, most=MOST_PIXELS), "pixels")
        if self.looks_at.pixel is not None:
            unit = self.looks_at.pixel_unit
            check_range(f"{self.label}: pixel", self.looks_at.pixel, PIXELS.get(unit, POSITIVE), unit)
        object.__setattr__(self, "initial", {name: jnp.asarray(value) for name, value in self.initial.items()})
        if unknown := sorted(set(self.limits) - set(self.initial)):
            raise UsageError(f"{self.label}: a constraint is given for {', '.join(unknown)}, which is no parameter")
        self.check_params(self.initial)
        if len(self.measurement_shape) not in (1, 2, 3):
            shape = self.measurement_shape
            raise UsageError(f"{self.label}: a measurement has the shape {shape}, expected (row, column[, channel]) or (value,)")
        if self.declared_linear:
            self._check_linear()

    @cached_property
    def _returned(self) -> jax.ShapeDtypeStruct:
        scene = jax.ShapeDtypeStruct(self.looks_at.shape, jnp.zeros(()).dtype)
        with guest(self.label, self._failure):
            found = jax.eval_shape(self.encode, self.initial, scene)
        if not hasattr(found, "shape"):
            raise UsageError(f"{self.label}: returns {type(found).__name__}, expected one array: the mean measurement")
        if 0 in found.shape:
            raise UsageError(f"{self.label}: returns an array of shape {found.shape}, expected at least one value")
        return found

    @property
    def measurement_shape(self) -> tuple[int, ...]:
        """Shape of what the function returns."""
        return tuple(self._returned.shape)

    @property
    def complex_valued(self) -> bool:
        """Whether the function returns complex values."""
        return jnp.issubdtype(self._returned.dtype, jnp.complexfloating)

    def noise(self, params: Params) -> NoiseModel:
        """Return the noise that was named, or photon counting.

        Raises:
            UsageError: none was named for complex values, which are no counts.

        """
        if self.own_noise is None and self.complex_valued:
            raise UsageError(
                f"{self.label}: measures complex values, which are no photon counts: name their noise, as noise = "
                '"complex-gaussian" and sigma = 0.1 in [noise], or with --noise and --sigma'
            )
        return self.own_noise or Poisson()

    def noise_kind(self, params: Params) -> type[NoiseModel]:
        """Return the class of noise that measurements have; of complex values that of complex Gaussian noise, named or not."""
        return NOISE[noises_of(is_complex=True)[0]] if self.complex_valued else type(self.noise(params))

    @property
    def constraints(self) -> Mapping[str, Constraint]:
        """As given; other parameters are free."""
        return {name: self.limits.get(name, Constraint()) for name in self.initial}

    def design(self, name: str | None = None, seed: int = 0) -> Params:
        """Return the initial parameters."""
        if name not in (None, "initial"):
            raise UsageError(unknown_name(f"{self.label} has no design", name, self.designs))
        return dict(self.initial)

    def encode(self, params: Params, scene: jax.Array) -> jax.Array:
        """Call the function.

        Raises:
            UsageError: it fails.

        """
        with guest(self.label, self._failure):
            return self.function(params, scene, **self.options)

    def images(self, params: Params, scenes) -> np.ndarray:
        """Return the noiseless measurements of many scenes; see `ImagingSystem.images`."""
        with guest(self.label, self._failure):
            found = super().images(params, scenes)
            jax.effects_barrier()  # what the function prints by jax.debug.print comes now, while stdout is stderr
        return found

    def replace(self, **changes: Any) -> "CallableSystem":
        """Return the system with other settings."""
        for name in changes:
            if name not in self.options:
                raise UsageError(unknown_name(f"{self.label} has no setting", name, self.options))
        changes = {name: self._alike(name, self.options[name], value) for name, value in changes.items()}
        return dataclasses.replace(self, options={**self.options, **changes})

    def with_noise(self, noise: NoiseModel | None) -> "CallableSystem":
        """Return the system with noise of its own; None for photon counting."""
        return dataclasses.replace(self, own_noise=noise)

    @property
    def _failure(self) -> str:
        return f"fails on a scene of shape {self.looks_at.shape}"

    def _alike(self, name: str, before: Any, value: Any) -> Any:
        """Return a setting if it is of the same kind as what stood there before."""
        for kinds, expected in _SORTS:
            if isinstance(before, kinds):
                if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(before, bool):
                    raise UsageError(f"{self.label}: setting {name} takes {expected}, as {before!r}; found {value!r}")
                break
        return value

    def _check_linear(self) -> None:
        a, b = np.random.default_rng(0).random((2, *self.looks_at.shape)).astype(np.float32)
        encode = jax.jit(lambda scene: self.encode(self.initial, scene))
        dark, apart, together = encode(np.zeros_like(a)), encode(a) + encode(b), encode(a + b)
        gap = np.abs(np.asarray(together + dark - apart)).max()
        if gap > 1e-3 * np.abs(np.asarray(apart)).max():
            raise UsageError(f"{self.label}: declared linear, but encode(a + b) is not encode(a) + encode(b) - encode(0)")

    def draw(self, params: Params, figure) -> None:
        """Draw the parameters and the measurement of an even scene and of a point."""
        from matplotlib.ticker import MaxNLocator

        shape = self.looks_at.shape
        point = np.zeros(shape, np.float32)
        point[tuple(n // 2 for n in shape[:2])] = 1
        pictures = {name: np.asarray(value) for name, value in params.items() if np.ndim(value)}
        mean = "|mean| for a scene of 1" if self.complex_valued else "mean for a scene of 1"
        labels = [*pictures, mean, mean]
        pictures["measurement of an even scene"] = np.abs(np.asarray(self.encode(params, jnp.ones(shape))))
        pictures["measurement of a point"] = np.abs(np.asarray(self.encode(params, jnp.asarray(point))))
        figure.set_layout_engine("constrained", w_pad=0.08)
        figure.set_size_inches(3.1 * len(pictures), 3.0)
        axes = np.ravel(figure.subplots(1, len(pictures)))
        for axis, label, (title, values) in zip(axes, labels, pictures.items(), strict=True):
            axis.set_title(title, fontsize=9)
            if values.ndim == 1:
                axis.plot(values, color=BLUE)
                axis.set_xlabel("number")
                axis.set_ylabel(label)
                axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
                continue
            image = axis.imshow(values if values.ndim == 2 else values.mean(-1), cmap="gray", interpolation="nearest")
            axis.set_xlabel("column (pixel)")
            axis.set_ylabel("row (pixel)")
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            figure.colorbar(image, ax=axis, location="bottom", label=label)


def load_function(name: str, folder: Path) -> Callable:
    """Return the function "module:function"; modules are looked for in a folder first.

    Raises:
        UsageError: the name is not of this form, or there is no such module or function.

    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise UsageError(f"{name!r} names no function: write module:function, as my_optics:encode")
    sys.path.insert(0, str(folder))
    try:
        with guest(name, "cannot be imported"):
            try:
                found = importlib.import_module(module)
            except ImportError as error:
                raise UsageError(f"{name}: {error} (looked in {folder} first, then where Python looks)") from error
    finally:
        sys.path.remove(str(folder))
    if not hasattr(found, function):
        raise UsageError(unknown_name(f"the module {module} has no function", function, _functions(found)))
    if not callable(getattr(found, function)):
        kind = type(getattr(found, function)).__name__
        raise UsageError(f"{name} is no function, its type is {kind} (functions in {module}: {', '.join(_functions(found))})")
    return getattr(found, function)


def _defaults(function: Callable) -> dict[str, Any]:
    """Return the arguments beside parameters and scene that have a default: they are settings too."""
    try:
        arguments = list(inspect.signature(function).parameters.values())[2:]
    except (TypeError, ValueError):  # some compiled functions do not tell
        return {}
    return {each.name: each.default for each in arguments if each.default is not inspect.Parameter.empty}


def _functions(module) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]

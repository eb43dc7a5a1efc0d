"""A user's own encoder as an imaging system: any function of parameters and a scene that JAX can differentiate."""

import dataclasses
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import UsageError
from ideal.imaging._contract import ImagingSystem, Params, Scene, unknown_name
from ideal.imaging.constraints import Bounded, Budget, Constraint, OneOf, Positive, UnitSum

CONSTRAINTS: dict[str, Callable[..., Constraint]] = {
    "free": Constraint,
    "bounded": Bounded,
    "positive": Positive,
    "unit-sum": UnitSum,
    "one-of": OneOf,
    "budget": Budget,
}
_KINDS = ("radiance", "transmission", "sky", "any")
_KEYS = ("encoder", "shape", "kind", "channels", "pixel", "pixel_unit", "linear", "period", "settings", "parameters")


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

    Raises:
        UsageError: the function fails on such parameters and scenes, or is not linear though declared to be.

    """

    function: Callable[..., jax.Array]
    looks_at: Scene
    initial: Params
    limits: Mapping[str, Constraint] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    repeats: tuple[int, int] = (1, 1)
    declared_linear: bool = False
    label: str = "own encoder"

    name = property(lambda self: self.label)
    linear = property(lambda self: self.declared_linear)
    scene = property(lambda self: self.looks_at)
    period = property(lambda self: self.repeats)
    settings = property(lambda self: dict(self.options))
    designs = property(lambda self: {"initial": "as the configuration says"})

    def __post_init__(self):
        object.__setattr__(self, "options", {**_defaults(self.function), **self.options})
        object.__setattr__(self, "initial", {name: jnp.asarray(value) for name, value in self.initial.items()})
        if unknown := sorted(set(self.limits) - set(self.initial)):
            raise UsageError(f"{self.label}: a constraint is given for {', '.join(unknown)}, which is no parameter")
        self.check_params(self.initial)
        if len(self.measurement_shape) not in (1, 2, 3):
            shape = self.measurement_shape
            raise UsageError(f"{self.label}: a measurement has the shape {shape}, expected (row, column[, channel]) or (value,)")
        if self.declared_linear:
            self._check_linear()

    @property
    def summary(self) -> str:
        """First line of the function's documentation."""
        return (self.function.__doc__ or "a function of the user's").strip().splitlines()[0]

    @cached_property
    def measurement_shape(self) -> tuple[int, ...]:
        """Shape of what the function returns."""
        scene = jax.ShapeDtypeStruct(self.looks_at.shape, jnp.zeros(()).dtype)
        try:
            found = jax.eval_shape(self.encode, self.initial, scene)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UsageError(f"{self.label}: fails on a scene of shape {self.looks_at.shape} ({reason})") from error
        if not hasattr(found, "shape"):
            raise UsageError(f"{self.label}: returns {type(found).__name__}, expected one array: the mean measurement")
        return tuple(found.shape)

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
        """Call the function."""
        return self.function(params, scene, **self.options)

    def replace(self, **changes: Any) -> "CallableSystem":
        """Return the system with other settings."""
        for name in changes:
            if name not in self.options:
                raise UsageError(unknown_name(f"{self.label} has no setting", name, self.options))
        return dataclasses.replace(self, options={**self.options, **changes})

    def _check_linear(self) -> None:
        a, b = np.random.default_rng(0).random((2, *self.looks_at.shape)).astype(np.float32)
        encode = jax.jit(lambda scene: self.encode(self.initial, scene))
        dark, apart, together = encode(np.zeros_like(a)), encode(a) + encode(b), encode(a + b)
        gap = np.abs(np.asarray(together + dark - apart)).max()
        if gap > 1e-3 * np.abs(np.asarray(apart)).max():
            raise UsageError(f"{self.label}: declared linear, but encode(a + b) is not encode(a) + encode(b) - encode(0)")

    def draw(self, params: Params, figure) -> None:
        """Draw the parameters and the measurement of an even scene and of a point."""
        shape = self.looks_at.shape
        point = np.zeros(shape, np.float32)
        point[tuple(n // 2 for n in shape[:2])] = 1
        pictures = {name: np.asarray(value) for name, value in params.items() if np.ndim(value)}
        pictures["measurement of an even scene"] = np.abs(np.asarray(self.encode(params, jnp.ones(shape))))
        pictures["measurement of a point"] = np.abs(np.asarray(self.encode(params, jnp.asarray(point))))
        figure.set_size_inches(2.8 * len(pictures), 2.8)
        for axis, (title, values) in zip(np.ravel(figure.subplots(1, len(pictures))), pictures.items(), strict=True):
            axis.set_title(title, fontsize=9)
            if values.ndim == 1:
                axis.plot(values, color="#1f5fa8")
                axis.set_xlabel("number")
                continue
            image = axis.imshow(values if values.ndim == 2 else values.mean(-1), cmap="gray", interpolation="nearest")
            axis.set_xlabel("column (pixel)")
            axis.set_ylabel("row (pixel)")
            figure.colorbar(image, ax=axis, fraction=0.046)


def system_of_callable(table: Mapping[str, Any], folder: Path) -> CallableSystem:
    """Return the system that a configuration's table describes.

    Args:
        table: `encoder` ("module:function"), `shape` of a scene, and optionally `kind`, `channels`, `pixel`, `pixel_unit`,
            `linear`, `period`, `settings` (handed to the function) and `parameters`: by name, a table with `value` (a number,
            nested lists, the name of an .npy file, or "module:function" of a seed and of those settings that it takes), `shape`
            over which a number is spread, and `constraint` with its `kind` and bounds.
        folder: of the configuration: where modules and files are looked for first.

    Raises:
        UsageError: a key is unknown or a value has no meaning.

    """
    for key in table:
        if key not in _KEYS:
            raise UsageError(unknown_name("[system] with an encoder of your own has no key", key, _KEYS))
    label = table["encoder"]
    if "shape" not in table:
        raise UsageError(f"{label}: [system] needs the shape of a scene, as shape = [64, 64]")
    kind = table.get("kind", "radiance")
    if kind not in _KINDS:
        raise UsageError(unknown_name(f"{label}: no scenes are of kind", kind, _KINDS))
    scene = Scene(
        kind,
        tuple(int(n) for n in table["shape"]),
        tuple(table.get("channels", ())),
        table.get("pixel"),
        table.get("pixel_unit", "um"),
    )
    parameters = table.get("parameters", {})
    return CallableSystem(
        load_function(label, folder),
        scene,
        {
            name: _value(f"{label}: parameter {name}", each, folder, table.get("settings", {}))
            for name, each in parameters.items()
        },
        {
            name: _constraint(f"{label}: parameter {name}", each["constraint"])
            for name, each in parameters.items()
            if "constraint" in each
        },
        table.get("settings", {}),
        tuple(table.get("period", (1, 1))),
        bool(table.get("linear", False)),
        label,
    )


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
        found = importlib.import_module(module)
        return getattr(found, function)
    except ImportError as error:
        raise UsageError(f"{name}: {error} (looked in {folder} first, then where Python looks)") from error
    except AttributeError:
        raise UsageError(unknown_name(f"the module {module} has no function", function, _functions(found))) from None
    finally:
        sys.path.remove(str(folder))


def _defaults(function: Callable) -> dict[str, Any]:
    """Return the arguments beside parameters and scene that have a default: they are settings too."""
    arguments = list(inspect.signature(function).parameters.values())[2:]
    return {each.name: each.default for each in arguments if each.default is not inspect.Parameter.empty}


def _functions(module) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def _value(what: str, table: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]):
    if not isinstance(table, Mapping) or "value" not in table:
        raise UsageError(f"{what} needs a value: a number, nested lists, an .npy file or module:function")
    value = table["value"]
    try:
        if isinstance(value, str) and value.endswith(".npy"):
            value = np.load(folder / value)
        elif isinstance(value, str):
            function = load_function(value, folder)
            wanted = inspect.signature(function).parameters
            own = {name: each for name, each in settings.items() if name in wanted}
            value = function(int(table.get("seed", 0)), **own)
        value = np.asarray(value, dtype=np.float32)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"{what}: its value {table['value']!r} cannot be used ({error})") from error
    shape = table.get("shape")
    return value if shape is None else np.broadcast_to(value, tuple(shape)).copy()


def _constraint(what: str, table: Mapping[str, Any]) -> Constraint:
    options = dict(table)
    kind = options.pop("kind", None)
    if kind not in CONSTRAINTS:
        raise UsageError(unknown_name(f"{what}: no constraint is of kind", str(kind), CONSTRAINTS))
    try:
        return CONSTRAINTS[kind](**options)
    except TypeError as error:
        raise UsageError(f"{what}: a constraint {kind} does not take {options} ({error})") from error

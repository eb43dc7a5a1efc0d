"""What a run that designs or chooses is asked for, in words: as options and the table `[optimize]` of a configuration say it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ideal._arguments import number, whole
from ideal._durations import parse_duration
from ideal.errors import UsageError, unknown_name
from ideal.optimize.members import METHODS


@dataclass(frozen=True)
class Request:
    """What is asked for, in words and numbers; None where the user leaves it to the system.

    The keys of the table `[optimize]` are these names, with - or _, or those of the options of `ideal optimize`. A plan
    (`ideal.optimize.runs.plans`) is made of it once, with objects in the place of names.
    """

    objects: str | None = None
    objective: str | None = None
    objective_settings: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    starts: tuple[str, ...] = ()
    floors: Mapping[str, int] = field(default_factory=dict)
    against: tuple[str, ...] | None = None
    choose: int | None = None
    keep: tuple[str, ...] = ()
    method: str | None = None
    steps: int | None = None
    learning_rate: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    patience: float = 0.5
    time_limit: float | None = None
    search: bool = True
    count: int | None = None
    photons: float | None = None
    models: tuple[str, ...] = ()
    patch: int = 16
    effort: float = 0.25
    seed: int = 0

    def __post_init__(self):
        _check(self)

    def as_table(self) -> dict[str, Any]:
        """Return the table `[optimize]` that asks for the same; what is left to the system is left out."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        if self.against == ():
            said["against"] = ("none",)  # no designs, which is not the same as nothing said
        return {name.replace("_", "-"): value for name, value in said.items() if value is not None and value not in ((), {})}

    def with_objects(self, name: str) -> "Request":
        """Return the request with the name of objects."""
        return replace(self, objects=name)

    def with_defaults(self, **defaults: Any) -> "Request":
        """Return the request with these values where the user gave none."""
        return replace(self, **{name: value for name, value in defaults.items() if getattr(self, name) in (None, (), {})})


NAMES = tuple(each.name for each in fields(Request))
_OPTIONS = {"floor": "floors", "rate": "rates", "model": "models", "start": "starts"}  # each gives one of several


def read_request(table: Mapping[str, Any], given: Mapping[str, Any]) -> Request:
    """Return what is asked for by a table `[optimize]`, with what else is given in its place.

    Args:
        table: as read from TOML.
        given: values of a `Request` by name, as numbers or texts; None where the user did not give them. Tables are joined.

    Raises:
        UsageError: a key is unknown, or a value has no meaning.

    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = _OPTIONS.get(plain := key.replace("-", "_"), plain)
        if name not in NAMES:
            raise UsageError(unknown_name("[optimize] has no key", key, [each.replace("_", "-") for each in NAMES]))
        if name in found:
            raise UsageError(f"[optimize] {key} is given twice: give it once")
        found[name] = _checked(f"[optimize] {key}", name, value)
    for name, value in given.items():
        if value is not None:
            value = _checked(f"`{name}`", name, list(value) if isinstance(value, tuple) else value)
            found[name] = {**found.get(name, {}), **value} if isinstance(value, dict) else value
    return Request(**found)


def _check(request: Request) -> None:
    for name in ("steps", "patch", "choose"):
        value = getattr(request, name)
        if value is not None:
            whole(f"`{name}`", value, 1)
    if request.method not in (None, *METHODS):
        raise UsageError(unknown_name("no method of ascent is called", request.method, METHODS))
    if request.method == "line-search" and request.learning_rate is not None:
        raise UsageError(
            "`learning_rate` is of Adam, and line searches find their own steps: leave it out, or take `method=adam`"
        )
    whole("`seed`", request.seed, 0)
    for name in ("learning_rate", "photons", "effort"):
        value = getattr(request, name)
        if value is not None and not number(f"`{name}`", value) > 0:
            raise UsageError(f"`{name}` takes a number above 0; found {value:g}")
    if not 0 < request.patience <= 1:
        raise UsageError(f"`patience` takes a share of the steps, above 0 and up to 1 for never; found {request.patience:g}")
    if request.count is not None and whole("`count`", request.count) < 20:
        raise UsageError(
            f"`count={request.count}` objects are too few to design for some and measure with others: take 20 or more"
        )
    for name, value in request.floors.items():
        if value < 0:
            raise UsageError(f"`floors={name}={value}`: expected a number of pixels from 0 on")
    for name, value in request.rates.items():
        if value < 0:
            raise UsageError(f"`rates={name}={value:g}`: expected a factor from 0 on")
    if request.keep and request.choose is None:
        raise UsageError("`keep` says what is kept when some are chosen: say how many more to choose (`choose`)")


# Values as TOML and options give them.


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{what} takes a text; found {value!r}")
    return value


def _texts(what: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) and each.strip() for each in values):
        raise UsageError(f"{what} takes a name or a list of names; found {value!r}")
    return tuple(values)


def _truth(what: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{what} takes true or false; found {value!r}")
    return value


def _seconds(what: str, value: Any) -> float:
    return parse_duration(what, value if isinstance(value, str) else repr(number(what, value)))


def _settings(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{what} takes a table; found {value!r}")
    return dict(value)


def _numbers(each: Callable[[str, Any], Any], kind: type, called: str) -> Callable[[str, Any], dict[str, Any]]:
    """Return what reads a table of numbers, or texts NAME=NUMBER."""

    def read(what: str, value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            return {name: each(f"{what}.{name}", number) for name, number in value.items()}
        found = {}
        for text in _texts(what, value):
            name, _, number = (part.strip() for part in text.partition("="))
            try:
                found[name] = each(what, kind(number))
            except ValueError:
                raise UsageError(f"{what} takes NAME={called}; found {text!r}") from None
        return found

    return read


_READERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("objects", "objective", "target", "method"), _text),
    **dict.fromkeys(("starts", "against", "keep", "models"), _texts),
    **dict.fromkeys(("steps", "count", "patch", "seed", "choose"), whole),
    **dict.fromkeys(("learning_rate", "photons", "effort", "patience"), number),
    "objective_settings": _settings,
    "floors": _numbers(whole, int, "a whole number"),
    "rates": _numbers(number, float, "a number"),
    "time_limit": _seconds,
    "search": _truth,
}


def _checked(what: str, name: str, value: Any) -> Any:
    return _READERS[name](what, value)

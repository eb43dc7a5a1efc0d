"""What a sweep is asked for: settings, axes and the rest, out of a file or of arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ideal._documents import parse_toml, read_toml
from ideal.errors import UsageError, unknown_name
from ideal.sweeps.axes import Axis
from ideal.sweeps.names import canonical, plain_numbers, said

_TABLES = ("system", "objects", "noise", "simulate", "files", "estimate", "decode", "optimize", "axes", "baseline", "cost")
_LISTS = ("zip", "exclude")
_FILES = ("system", "objects", "camera", "design", "groups")  # settings that may name a file beside the configuration


@dataclass(frozen=True)
class SweepRequest:
    """A sweep in words and numbers.

    Attributes:
        settings: of what does not vary, by flat name (`ideal.sweeps.names`).
        axes: settings that take several values.
        zips: names of axes that go along together.
        excluded: values by name of the axis, of points that are left out.
        baseline: values by name of the axis, of the points that others are compared with; empty for the first value of the first
            axis that is not numeric.
        costs: cost by value of an axis, by the name of the axis.
        optimize: how designs are found, keys as of the table `[optimize]` of `ideal optimize`; "for" names the axes for whose
            values there is one each.

    """

    settings: Mapping[str, Any]
    axes: tuple[Axis, ...]
    zips: tuple[tuple[str, ...], ...] = ()
    excluded: tuple[Mapping[str, Any], ...] = ()
    baseline: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    optimize: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        axes: Mapping[str, Any],
        settings: Mapping[str, Any],
        *,
        zips: Sequence[Sequence[str]] = (),
        excluded: Sequence[Mapping[str, Any]] = (),
        baseline: Mapping[str, Any] | None = None,
        costs: Mapping[str, Mapping[str, float]] | None = None,
        optimize: Mapping[str, Any] | None = None,
    ) -> "SweepRequest":
        """Return the request of names and values as people write them.

        Raises:
            UsageError: there is no such setting, or a value has no meaning.

        """
        found = {canonical(name): plain_numbers(value) for name, value in settings.items() if value is not None}
        of_axes = []
        for name, values in axes.items():
            if not isinstance(values, list | tuple):
                raise UsageError(f"the axis {name} takes a list of values; found {values!r}")
            of_axes.append(Axis(canonical(name), tuple(plain_numbers(values))))
        for each in of_axes:
            found.pop(each.name, None)
        return cls(
            found,
            tuple(of_axes),
            tuple(tuple(map(canonical, group)) for group in zips),
            tuple({canonical(name): plain_numbers(value) for name, value in one.items()} for one in excluded),
            {canonical(name): plain_numbers(value) for name, value in (baseline or {}).items()},
            {canonical(name): {said(key): float(each) for key, each in table.items()} for name, table in (costs or {}).items()},
            {name.replace("-", "_"): value for name, value in (optimize or {}).items()},
        )

    def with_more(self, other: "SweepRequest") -> "SweepRequest":
        """Return the request with what another says in place of what this one says of the same."""
        axes = {axis.name: axis for axis in self.axes if axis.name not in other.settings}
        axes |= {axis.name: axis for axis in other.axes}
        settings = {**self.settings, **other.settings}
        return replace(
            self,
            settings={name: value for name, value in settings.items() if name not in axes},
            axes=tuple(axes.values()),
            zips=other.zips or self.zips,
            excluded=(*self.excluded, *other.excluded),
            baseline=other.baseline or self.baseline,
            costs={**self.costs, **other.costs},
            optimize={**self.optimize, **other.optimize},
        )


def read_request(path: str | Path) -> SweepRequest:
    """Return the sweep that a file describes.

    Args:
        path: of a TOML file with a table [axes], and [system], [objects], [noise], [simulate], [files], [estimate], [decode],
            [optimize], [baseline], [cost], a list `zip` and tables [[exclude]] as they are needed. Names of files beside it mean
            those files.

    Raises:
        DataError: it is not there, or is no TOML.
        UsageError: a table or a key is unknown, or a value has no meaning.

    """
    tables = read_toml(path)
    for name, table in tables.items():
        if name not in (*_TABLES, *_LISTS):
            raise UsageError(unknown_name(f"{path}: no table of a sweep is called", name, (*_TABLES, *_LISTS)))
        if name in _TABLES and not isinstance(table, Mapping):
            raise UsageError(f"{path}: {name} must be a table, as [{name}]; found {table!r}")
        if name in _LISTS and not isinstance(table, list):
            raise UsageError(f"{path}: {name} must be a list; found {table!r}")
    if "encoder" in tables.get("system", {}):
        raise UsageError(
            f'{path}: describe a system of your own in a file of its own, and name that: [system] name = "mine.toml"'
        )
    folder = Path(path).resolve().parent
    try:
        settings = _flat(tables)
        axes = {canonical(name): values for name, values in _dotted(tables.get("axes", {})).items()}
        request = SweepRequest.of(
            {name: [_beside(name, value, folder) for value in _as_list(values)] for name, values in axes.items()},
            {name: _beside(name, value, folder) for name, value in settings.items()},
            zips=_groups(tables.get("zip", [])),
            excluded=[_dotted(one) for one in tables.get("exclude", [])],
            baseline=_dotted(tables.get("baseline", {})),
            costs={name: table for name, table in tables.get("cost", {}).items() if isinstance(table, Mapping)},
            optimize=tables.get("optimize"),
        )
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return request


def request_of(
    what: Sequence[str],
    named: Mapping[str, Any],
    axes: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    baseline: Mapping[str, Any] | None = None,
) -> SweepRequest:
    """Return the sweep that words describe.

    Args:
        what: a .toml file with a table [axes]; or a system, which may be a .toml file without; or measurement files.
        named: values by name of the setting; one value does not vary, several are an axis. None for what nobody has said.
        axes: others, as "patch=8,16".
        settings: of what does not vary.
        baseline: values by name of the axis, of the points that others are compared with.

    Raises:
        DataError: a file cannot be read.
        UsageError: something is unknown or has no meaning.

    """
    given = {name: list(values) for name, values in named.items() if values}
    given |= dict(map(parse_axis, axes))
    fixed = {**(settings or {}), **{name: values[0] for name, values in given.items() if len(values) == 1}}
    varied = {name: values for name, values in given.items() if len(values) > 1}
    first = what[0]
    if len(what) == 1 and first.endswith(".toml") and "axes" in read_toml(first):
        return read_request(first).with_more(SweepRequest.of(varied, fixed, baseline=baseline))
    if len(what) > 1:
        varied = {"file": list(what), **varied}
    else:
        from ideal.imaging.systems import SYSTEMS

        fixed = {"system" if first.endswith(".toml") or first in SYSTEMS or not Path(first).exists() else "file": first, **fixed}
    return SweepRequest.of(varied, fixed, baseline=baseline)


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Return the name and the values of an axis in a text such as "patch=8,16" or "design=bayer,white".

    Values are read as TOML where that is possible, and as texts with commas between them elsewhere.

    Raises:
        UsageError: there is no name or no value.

    """
    name, _, values = (part.strip() for part in text.partition("="))
    if not (name and values):
        raise UsageError(f"`axis` takes KEY=VALUE,VALUE, as patch=8,16; found {text!r}")
    try:
        return name, parse_toml(f"values = [{values}]")["values"]
    except ValueError:
        return name, [part.strip() for part in values.split(",") if part.strip()]


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of all tables by their flat names."""
    found: dict[str, Any] = {}
    for table in ("system", "objects", "noise"):
        found |= {f"{table}.{name}": value for name, value in tables.get(table, {}).items()}
    for table in ("simulate", "files", "estimate"):
        found |= _dotted(tables.get(table, {}))
    decode = dict(tables.get("decode", {}))
    found |= {f"decoder.{name}": value for name, value in decode.pop("settings", {}).items()}
    found |= {f"decode.{name}": value for name, value in decode.items()}
    return found


def _dotted(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table by flat names; a key with a point in it may stand bare, which TOML takes for a table."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and name in ("system", "objects", "noise", "decoder", "decode"):
            found |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            found[name] = value
    return found


def _groups(value: list) -> list[list[str]]:
    groups = [value] if value and all(isinstance(each, str) for each in value) else value
    if not all(isinstance(group, list) and all(isinstance(each, str) for each in group) for group in groups):
        raise UsageError(f'zip takes a list of names, as zip = ["photons", "noise.read_noise"]; found {value!r}')
    return groups


def _as_list(values: Any) -> list:
    return values if isinstance(values, list) else [values]


def _beside(name: str, value: Any, folder: Path) -> Any:
    """Return the name of a file beside the configuration as a whole path; other values as they are."""
    plain = canonical(name)
    if not isinstance(value, str) or not (plain in (*_FILES, "file") or plain.startswith(("system.", "objects."))):
        return value
    file, mark, part = value.partition("::")
    if ("." in file or "/" in file) and (folder / file).exists():
        return f"{folder / file}{mark}{part}"
    return value

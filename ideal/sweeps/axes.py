"""The points of a sweep: products of axes, axes that go along together, and what is left out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ideal.errors import UsageError, unknown_name
from ideal.information.tables import short_names
from ideal.sweeps.names import is_number, said

_LONGEST = 36  # letters of a text that figures and tables have room for


@dataclass(frozen=True)
class Axis:
    """A setting that takes several values.

    Attributes:
        name: of the setting, as "photons" or "system.defocus".
        values: each once, in their order.

    """

    name: str
    values: tuple[Any, ...]

    def __post_init__(self):
        if not self.values:
            raise UsageError(f"the axis {self.name} has no values")
        texts = [_key(value) for value in self.values]
        if twice := next((value for value in self.values if texts.count(_key(value)) > 1), None):
            raise UsageError(f"the axis {self.name} has {said(twice)} twice: name each value once")

    @property
    def is_numeric(self) -> bool:
        """Whether all its values are numbers, two or more."""
        return len(self.values) > 1 and all(map(is_number, self.values))

    @property
    def is_logarithmic(self) -> bool:
        """Whether its numbers are told apart by ratios rather than by differences."""
        if not self.is_numeric or min(self.values) <= 0:
            return False
        ordered = sorted(self.values)
        return ordered[-1] / ordered[0] >= 8 and (len(ordered) < 3 or ordered[1] - ordered[0] < (ordered[-1] - ordered[0]) / 4)


@dataclass(frozen=True)
class Point:
    """One combination of the values of all axes.

    Attributes:
        values: by name of the axis, in the order of the axes.
        settings: all settings by their flat names, those of the axes among them.

    """

    values: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What to call it: "bayer, photons 30"."""
        return ", ".join(
            said(value) if isinstance(value, str) else f"{name} {said(value)}" for name, value in self.values.items()
        )

    @property
    def key(self) -> str:
        """A text that is the same for the same values."""
        return key_of(self.values)


def key_of(values: Mapping[str, Any]) -> str:
    """Return a text that is the same for the same values of the same axes."""
    return json.dumps({name: values[name] for name in sorted(values)}, sort_keys=True)


def points_of(
    axes: Sequence[Axis],
    settings: Mapping[str, Any],
    zips: Sequence[Sequence[str]] = (),
    excluded: Sequence[Mapping[str, Any]] = (),
) -> list[Point]:
    """Return the points of a sweep, the last axis first to change.

    Args:
        axes: each with a name of its own.
        settings: by flat name, of what does not vary.
        zips: names of axes that go along together, first value with first value.
        excluded: values by name of the axis; a point that has all of one is left out. A list stands for any of its values.

    Raises:
        UsageError: a name is of no axis, axes that go along have other numbers of values, or nothing is left.

    """
    by_name = {axis.name: axis for axis in axes}
    if len(by_name) < len(axes):
        raise UsageError("two axes have the same name: give all values of a setting in one")
    for name in [*(each for group in zips for each in group), *(each for one in excluded for each in one)]:
        if name not in by_name:
            raise UsageError(unknown_name("no axis is called", name, by_name))
    joined = [name for group in zips for name in group]
    if len(set(joined)) < len(joined):
        raise UsageError(
            f"an axis is zipped twice: {', '.join(dict.fromkeys(each for each in joined if joined.count(each) > 1))}"
        )
    steps = [list(_steps(group, by_name)) for group in _groups(axes, zips)]
    found = []
    for combination in product(*steps):
        mixed = {name: value for part in combination for name, value in part.items()}
        values = {axis.name: mixed[axis.name] for axis in axes}
        if not any(_matches(values, one) for one in excluded):
            found.append(Point(values, {**settings, **values}))
    if not found:
        raise UsageError("no point is left: every combination is excluded")
    return found


def _groups(axes: Sequence[Axis], zips: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Give the names of axes that change together, in the order of the axes."""
    seen: set[str] = set()
    for axis in axes:
        if axis.name not in seen:
            group = next((each for each in zips if axis.name in each), (axis.name,))
            seen.update(group)
            yield group


def _steps(group: Sequence[str], axes: Mapping[str, Axis]) -> Iterator[dict[str, Any]]:
    lengths = {name: len(axes[name].values) for name in group}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise UsageError(f"axes that are zipped need as many values each; found {told}")
    for values in zip(*(axes[name].values for name in group), strict=True):
        yield dict(zip(group, values, strict=True))


def _matches(values: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    return bool(one) and all(_key(values[name]) in [_key(each) for each in _listed(wanted)] for name, wanted in one.items())


def _listed(wanted: Any) -> list:
    return wanted if isinstance(wanted, list) else [wanted]


def _key(value: Any) -> str:
    return json.dumps(float(value) if is_number(value) else value, sort_keys=True)


def with_short_names(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a sweep with texts of axes as short as tells them apart: bare names of files, long ones cut."""
    shorter: dict[str, dict[Any, str]] = {}
    for each in record["axes"]:
        texts = [value for value in each["values"] if isinstance(value, str)]
        found = {text: _cut(short) for text, short in short_names(texts).items()}
        shorter[each["name"]] = found if len(set(found.values())) == len(found) else {}

    def short(name: str, value: Any) -> Any:
        return shorter.get(name, {}).get(value, value) if isinstance(value, str) else value

    def line(row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: short(name, value) for name, value in row.items()}

    axes = [{**each, "values": [short(each["name"], value) for value in each["values"]]} for each in record["axes"]]
    more = {name: [line(row) for row in record[name]] for name in ("points", "differences")}
    return {**record, "axes": axes, "baseline": line(record["baseline"]), **more}


def _cut(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"

"""Registries: the members of a family by name, each loaded when it is asked for; other installed packages may add members."""

import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TypeVar

from ideal.errors import PluginWarning, UsageError, unknown_name
from ideal.text import plain_text

T = TypeVar("T")


class Registry(MutableMapping[str, type[T]]):
    """The classes of one family by name. A new member is one file and one line in the table of its family.

    A package of yours adds a member by an entry point of the family's group, in its pyproject.toml:

        [project.entry-points."ideal.systems"]
        my-camera = "my_package.optics:MyCamera"

    A member may also be added while Python runs: `SYSTEMS["my-camera"] = MyCamera`. A member of another package that cannot be
    loaded is left out, with a warning; none takes the place of a member of this package.

    Args:
        unknown: how the message begins where there is no such name, as "no imaging system is called".
        group: of the entry points, as "ideal.systems".
        base: what a class must derive from, as "module:class".
        members: where the classes stand, as "module:class", by name.

    Example:
        >>> from ideal.imaging import SYSTEMS
        >>> SYSTEMS.find("lensless").__name__
        'MaskCamera'

    """

    def __init__(self, unknown: str, group: str, base: str, members: Mapping[str, str]):
        self._unknown = unknown
        self._group = group
        self._base = base
        self._members: dict[str, str | type[T]] = dict(members)
        self._own = frozenset(members)
        self._has_looked = False

    def __getitem__(self, name: str) -> type[T]:
        """Return the class of this name; KeyError where there is none."""
        if name not in self._members:
            self._look_for_others()
        member = self._members[name]
        return _load(member) if isinstance(member, str) else member

    def __setitem__(self, name: str, member: type[T]) -> None:
        self._members[name] = member

    def __delitem__(self, name: str) -> None:
        del self._members[name]

    def __iter__(self) -> Iterator[str]:
        self._look_for_others()
        return iter(tuple(self._members))

    def __len__(self) -> int:
        self._look_for_others()
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a member of this name, without loading it."""
        if name not in self._members:
            self._look_for_others()
        return name in self._members

    def find(self, name: str, *others: str) -> type[T]:
        """Return the class of this name.

        Args:
            name: looked for.
            others: that have a meaning in its place; the message names them as well.

        Raises:
            UsageError: there is none of this name; the message suggests the nearest.

        """
        if name not in self:
            raise UsageError(unknown_name(self._unknown, name, (*self, *others)))
        return self[name]

    def _look_for_others(self) -> None:
        """Add what other packages bring, once; what cannot be loaded is left out."""
        if self._has_looked:
            return
        self._has_looked = True
        for point in entry_points(group=self._group):
            brought = f"{plain_text(point.value)} (entry point {plain_text(point.name)} of {self._group}, {_package(point)})"
            if point.name in self._own:
                _distrust(f"{brought}: the name belongs to ideal itself")
                continue
            try:
                member = point.load()
                base: type[T] = _load(self._base)
                if not (isinstance(member, type) and issubclass(member, base)):
                    raise TypeError(f"it is no subclass of {base.__module__}.{base.__qualname__}")
            except Exception as error:  # somebody else's code
                _distrust(f"{brought} cannot be used ({type(error).__name__}: {plain_text(' '.join(str(error).split()))})")
                continue
            self._members[point.name] = member


def _load(place: str) -> type:
    module, kind = place.split(":")
    return getattr(import_module(module), kind)


def _package(point) -> str:
    return f"package {point.dist.name}" if point.dist is not None else "of no package"


def _distrust(text: str) -> None:
    warnings.warn(f"{text}: it is left out", PluginWarning, stacklevel=4)

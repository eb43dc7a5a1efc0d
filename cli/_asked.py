"""What the running command was asked: its options, for those who must know which files it reads, or speak of its arguments."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any

WRITTEN = ("out", "plot", "save_model")  # options that name what a command writes
_ARGUMENT = re.compile(r"`(?P<name>[a-z_]+(\.[a-z_]+)?)(=(?P<value>[^`]*))?`")
# What the library calls an argument, where the command has another name for it; and names that options spell otherwise.
_SYNONYMS = {"overwrite": "force", "starts": "start", "floors": "floor", "rates": "rate", "models": "model"}
_SPELLED = {"settings": "set"}
_asked: ContextVar[Mapping[str, Any]] = ContextVar("asked", default=MappingProxyType({}))


@contextmanager
def asked(options: Mapping[str, Any]) -> Iterator[None]:
    """Note the options of a command while it runs."""
    token = _asked.set(options)
    try:
        yield
    finally:
        _asked.reset(token)


def read_as(target: str) -> str | None:
    """Return how the command line names a file as one that is read; None where it does not."""
    path = Path(target)
    if not path.exists():
        return None
    for word in _words():
        for name in (word, word.split("::")[0], word.split("=")[-1]):
            try:
                if name and Path(name).samefile(path):
                    return name
            except (OSError, ValueError):
                continue
    return None


def _words() -> Iterator[str]:
    for option, value in _asked.get().items():
        if option not in WRITTEN:
            yield from (each for each in (value if isinstance(value, list | tuple) else [value]) if isinstance(each, str))


def in_options(message: str, options: Collection[str] | None = None) -> str:
    """Return a message of the library with options of the command in place of the arguments that it names.

    An argument stands between backquotes, with its value or without: `seed` becomes --seed, `photons=80` --photons 80,
    `overwrite=True` --force, and a setting of the objects, `objects.size=64`, --set objects.size=64.

    Args:
        message: of the library.
        options: names of the command's own arguments; None for those of the command that runs.

    """

    known = _asked.get() if options is None else options

    def option(found: re.Match) -> str:
        name, value = found["name"], found["value"]
        if name.startswith("objects.") and "settings" in known:
            return f"--set {name if 'system' in known else name.removeprefix('objects.')}={value}"
        name = _SYNONYMS.get(name, name)
        if name not in known:
            return found[0]
        return f"--{_SPELLED.get(name, name.replace('_', '-'))}" + (f" {value}" if value not in (None, "True") else "")

    return _ARGUMENT.sub(option, message)

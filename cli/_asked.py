"""What the running command was asked: its options, for those who must know whether a file is read by it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any

WRITTEN = ("out", "plot", "save_model")  # options that name what a command writes
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

"""TOML and JSON of somebody else: read with bounds on their size and depth, with errors that are the user's."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ideal._regular_files import read_text
from ideal.errors import DataError

_MOST_BYTES = 4 * 2**20
_DEEPEST = 32  # lists, tables and parts of a key inside each other
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])[ \t]*{_PART}(?:[ \t]*\.[ \t]*{_PART}){{{_DEEPEST}}}", re.MULTILINE)
_OPAQUE = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        DataError: it is no regular file, too large, no TOML, or nested too deep.

    """
    if not os.path.lexists(path):
        raise DataError(f"{path}: No such file or directory")
    text = read_text(path, "a configuration in TOML", _MOST_BYTES)
    try:
        return parse_toml(text)
    except ValueError as error:
        raise DataError(f"{path}: not TOML ({error})") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is none, or is nested deeper than 32.

    """
    plain = _OPAQUE.sub('""', text)
    deep = f"more than {_DEEPEST} lists, tables or parts of a key inside each other"
    if _depth(plain) > _DEEPEST or _LONG_KEY.search(text):
        raise ValueError(deep)
    try:
        found = tomllib.loads(text)
    except (RecursionError, MemoryError):
        raise ValueError(deep) from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # of numbers with thousands of digits, and dates that no calendar has
        reason = "a number has too many digits" if "digit" in str(error) else str(error)
        raise ValueError(reason) from None
    _check_depth(found)
    return found


def loads(text: str | bytes, **options: Any) -> Any:
    """Return what a JSON text says, as `json.loads` does.

    Raises:
        ValueError: it is no JSON, or nested too deep.

    """
    try:
        return json.loads(text, **options)
    except RecursionError:
        raise ValueError("nested too deep") from None


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """Return what a JSON text says.

    Raises:
        DataError: it is no JSON, or nested too deep.

    """
    try:
        return json.loads(text)
    except (RecursionError, MemoryError):
        raise DataError(f"{where}: JSON that is nested too deep: is the file damaged?") from None
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({error})") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    for letter in re.findall(r"[\[\]{}]", text):
        depth += 1 if letter in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _check_depth(tables: Mapping[str, Any]) -> None:
    level: list[Any] = [tables]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, Mapping) else each)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return
    raise ValueError(f"more than {_DEEPEST} lists, tables or parts of a key inside each other")

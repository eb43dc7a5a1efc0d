"""Tables as TOML, for configurations that a run leaves behind."""

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(tables: Mapping[str, Any], comment: str = "") -> str:
    """Return tables as TOML text, which `tomllib` reads back to the same; what is None is left out.

    Args:
        tables: of texts, numbers, truths, lists and tables.
        comment: for the first line.

    """
    return (f"# {comment}\n\n" if comment else "") + "\n\n".join(_tables(tables, ())).strip() + "\n"


def _tables(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = [f"{_key(name)} = {_value(value)}" for name, value in table.items() if not isinstance(value, Mapping | None)]
    header = [f"[{'.'.join(map(_key, path))}]"] if path else []
    nested = [text for name, value in table.items() if isinstance(value, Mapping) for text in _tables(value, (*path, name))]
    return (["\n".join(header + plain)] if plain or (header and not nested) else []) + nested


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")

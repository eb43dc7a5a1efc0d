"""The files of a user's own module: all that it imports, directly or not, from the folder that it lies in."""

import ast
from collections.abc import Iterator
from pathlib import Path


def own_modules(module: str, folder: Path) -> list[Path]:
    """Return the files in a folder that importing a module from there runs, sorted.

    Args:
        module: its name, with points for modules in packages.
        folder: where modules are looked for first. What is imported from elsewhere, or by names that are not written in the
            code, does not count.

    """
    found: dict[Path, None] = {}
    waiting = [module]
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for file in _files(name, folder):
            if file not in found:
                found[file] = None
                waiting += _imports(file, folder)
    return sorted(found)


def _files(module: str, folder: Path) -> Iterator[Path]:
    """Give the file of a module in a folder and those of the packages that hold it; none where it is not there."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:end])
        if (package := place / "__init__.py").is_file():
            yield package
        elif (file := place.with_name(f"{place.name}.py")).is_file():
            yield file
            return


def _imports(file: Path, folder: Path) -> Iterator[str]:
    """Give the names of all that a file imports anywhere, relative imports included."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # Python says what is wrong when it imports it
        return
    holder = file.relative_to(folder).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = holder[: len(holder) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else ())))
            if base:
                yield base
            yield from (f"{base}.{each.name}" if base else each.name for each in node.names if each.name != "*")

"""What a function's result depends on in our own code: a digest of all that its module can reach by imports.

Comments, docstrings and layout do not count, nor do the packages that draw and tell of results. A package that holds something
reached counts whole, because registries import its modules by name. Of `ideal` itself, of the decoders and the studies with their
folders, and of jobs and sweeps only what is imported counts.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_ROOT = "ideal"
_OPEN = (
    "ideal",
    "ideal.decoders",
    "ideal.jobs",
    "ideal.studies",
    "ideal.sweeps",
)  # packages of which only what is imported counts
_APART = ("ideal.plots", "ideal.reports")  # packages that no result depends on
_DEPENDENCIES = ("numpy", "scipy", "jax", "flax", "optax", "scikit-image")


@cache
def code_digest(module: str) -> str:
    """Return a digest of a module's code, of all that it can import of `ideal`, and of the versions of the main dependencies."""
    found = hashlib.sha256()
    for name in sorted(reached(module)):
        found.update(f"{name} {_meaning(name)}\n".encode())
        for table in sorted(_file(name).parent.glob("*.csv")) if _counts_whole(name) else ():
            found.update(table.read_bytes())
    _stamps.setdefault(module, _stamp(module))
    for name in _DEPENDENCIES:
        found.update(f"{name} {version(name)}\n".encode())
    return found.hexdigest()


def has_changed(module: str) -> bool:
    """Tell whether the code that a module can reach means something else than when its digest was taken."""
    if _stamp(module) == _stamps.setdefault(module, _stamp(module)):
        return False
    before = code_digest(module)
    forget()
    _stamps[module] = _stamp(module)
    return code_digest(module) != before


def forget() -> None:
    """Read all code anew when it is next asked for."""
    for each in (code_digest, reached, _path, _tree, _meaning):
        each.cache_clear()


_stamps: dict[str, int] = {}  # latest change of the files of each module whose digest was taken


def _stamp(module: str) -> int:
    return max(_file(name).stat().st_mtime_ns for name in reached(module))


@cache
def reached(module: str) -> frozenset[str]:
    """Return the names of a module and of all of `ideal` that it can reach by imports, wherever they stand."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [*_imports(name), *_members(name)]
    return frozenset(found)


@cache
def _path(module: str) -> Path | None:
    """Return the file of a module; None where there is no such module."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def _file(module: str) -> Path:
    """Return the file of a module that there is."""
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    return path


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


@cache
def _meaning(module: str) -> str:
    """Return a digest of a module's syntax tree without docstrings."""
    tree = ast.parse(_file(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _imports(module: str) -> Iterator[str]:
    """Give the modules of `ideal` that a module imports anywhere, with the packages that hold them where these count."""
    for node in ast.walk(_tree(module)):
        names = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = [f"{node.module}.{each.name}" for each in node.names]
            names = [name if _is_module(name) else node.module for name in inside]
        for name in names:
            if _is_module(name):
                parts = name.split(".")
                holders = (".".join(parts[:end]) for end in range(1, len(parts)))
                yield from (each for each in holders if not _is_open(each))
                yield name


def _is_module(name: str) -> bool:
    return name.split(".")[0] == _ROOT and ".".join(name.split(".")[:2]) not in _APART and _path(name) is not None


def _members(module: str) -> Iterator[str]:
    """Give the modules of a package, where it counts whole."""
    if _counts_whole(module):
        folder = _file(module).parent
        yield from (f"{module}.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__")
        yield from (f"{module}.{file.parent.name}" for file in folder.glob("*/__init__.py"))


def _counts_whole(module: str) -> bool:
    return _file(module).name == "__init__.py" and not _is_open(module)


def _is_open(package: str) -> bool:
    return package in _OPEN or package.startswith("ideal.studies.")

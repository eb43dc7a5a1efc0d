"""What the results of a run depend on: all that was asked for, the content of every input, and the versions of what computes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

# Those that numbers pass through on their way from a file to a result; the last ones are extras.
_PACKAGES = ("ideal", "numpy", "scipy", "jax", "jaxlib", "flax", "optax", "h5py", "scikit-image", "tifffile", "pillow")
_EXTRAS = ("zarr", "numcodecs", "astropy", "imagecodecs", "rawpy", "bioio-nd2", "bioio-czi", "bioio-lif")
_DEEPEST = 20  # tables in tables of a configuration


def key_of(configuration: Mapping[str, Any], inputs: Iterable[str], contents: Mapping[str, str]) -> dict[str, Any]:
    """Return what has to be the same for a run to go on, as JSON types.

    Args:
        configuration: all that was asked for. Texts in it that name files or folders count as inputs, as those of `inputs`.
        inputs: names of further files and folders.
        contents: digests of inputs that are no files, by what they are called.

    """
    configuration = json.loads(json.dumps(configuration))
    names = dict.fromkeys((*files_in(configuration), *map(str, inputs)))
    return {
        "configuration": configuration,
        "inputs": {name: checksum(name) for name in names} | dict(contents),
        "versions": versions(),
    }


def is_key(record: Mapping[str, Any]) -> bool:
    """Tell whether a record holds what `key_of` returns, of this version or an earlier one."""
    return all(isinstance(record.get(part), Mapping) for part in ("configuration", "inputs"))


def digest_of(key: Mapping[str, Any]) -> str:
    """Return a short digest of `key_of`, which stands in every result."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of what two keys differ in: inputs, options and packages."""
    found = []
    for part in ("inputs", "configuration", "versions"):
        old, new = (_part(each, part) for each in (before, now))
        found += [name for name in dict.fromkeys((*new, *old)) if old.get(name) != new.get(name)]
    return list(dict.fromkeys(found))


def _part(key: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = key.get(name)
    return found if isinstance(found, Mapping) else {}


def checksum(name: str) -> str:
    """Return the SHA-256 of an input file, or of the names and the content of all files in a folder (a zarr store)."""
    path = Path(name.split("::")[0])
    digest = hashlib.sha256()
    if path.is_dir():
        for item in sorted(path.rglob("*")):
            if item.is_file():
                digest.update(f"{item.relative_to(path)} {_content(item)}\n".encode(errors="surrogateescape"))
    elif path.is_file():
        return f"sha256:{_content(path)}"
    return "sha256:" + digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on; an extra that is not installed is left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {name: version(name) for name in _PACKAGES}
    for name in _EXTRAS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(value: Any, depth: int = 0) -> Iterator[str]:
    """Give the texts of nested tables and lists that name a file or a folder, as FILE.h5::DATASET and ONE+OTHER.txt do too."""
    if isinstance(value, Mapping | list):
        if depth < _DEEPEST:
            for each in value.values() if isinstance(value, Mapping) else value:
                yield from files_in(each, depth + 1)
    elif isinstance(value, str) and value:
        for text in dict.fromkeys((value, *value.split("+"))):
            # A bare word is a name of ours (beads, EHT2017), whatever lies there.
            if ("." in text or "/" in text) and _exists(text.split("::")[0]):
                yield text


def _exists(name: str) -> bool:
    try:
        path = Path(name)
        return path.is_file() or (path.is_dir() and not Path.cwd().is_relative_to(path.resolve()))
    except (OSError, ValueError):  # no name of a file
        return False

"""Trees of arrays on disk, with facts about them: what a design run goes on with after an interruption."""

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from ideal.errors import DataError


def write_tree(path: Path, tree: Any, about: dict[str, Any]) -> None:
    """Write the leaves of a tree and JSON types about them to a file that appears whole or not at all."""
    leaves = jax.tree.leaves(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.npz")
    try:
        arrays = {f"leaf_{n:04d}": np.asarray(leaf) for n, leaf in enumerate(leaves)}
        np.savez(partial, about=np.array(json.dumps(about)), **arrays)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_tree(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """Return a tree that `write_tree` kept, and what is known about it.

    Args:
        path: of the file.
        like: a tree of the same structure, with leaves of the same shapes.

    Raises:
        DataError: the file is damaged, or holds another tree.

    """
    try:
        with path.open("rb") as whole, np.load(whole) as file:
            about = json.loads(str(file["about"]))
            leaves = [jnp.asarray(file[name]) for name in sorted(file.files) if name.startswith("leaf_")]
        if [np.shape(leaf) for leaf in leaves] != [np.shape(leaf) for leaf in jax.tree.leaves(like)]:
            raise ValueError("it belongs to another run")
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: cannot be gone on with ({error}): begin anew (--force)") from error
    return jax.tree.unflatten(jax.tree.structure(like), leaves), about

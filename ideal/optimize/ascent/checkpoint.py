"""Trees of arrays on disk, with facts about them: what a design run goes on with after an interruption."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ideal._checkpoints import distrust, read_checkpoint, write_checkpoint
from ideal._documents import loads


def write_tree(path: Path, tree: Any, about: dict[str, Any]) -> None:
    """Write the leaves of a tree and JSON types about them to a file that appears whole or not at all.

    Warns:
        StorageWarning: as of `write_checkpoint`.

    """
    arrays = {f"leaf_{n:04d}": np.asarray(leaf) for n, leaf in enumerate(jax.tree.leaves(tree))}
    write_checkpoint(path, arrays | {"about": np.array(json.dumps(about))})


def read_tree(path: Path, like: Any) -> tuple[Any, dict[str, Any]] | None:
    """Return a tree that `write_tree` kept, and what is known about it; None where there is none that can be used.

    Args:
        path: of the file.
        like: a tree of the same structure, with leaves of the same shapes.

    Warns:
        StorageWarning: the file is damaged, or holds another tree.

    """
    arrays = read_checkpoint(path)
    if arrays is None:
        return None
    try:
        about = loads(str(arrays["about"]))
        leaves = [jnp.asarray(arrays[name]) for name in sorted(arrays) if name.startswith("leaf_")]
        if [np.shape(leaf) for leaf in leaves] != [np.shape(leaf) for leaf in jax.tree.leaves(like)]:
            raise ValueError("its arrays have other shapes")
    except (ValueError, KeyError, TypeError) as error:
        distrust(path, error)
        return None
    return jax.tree.unflatten(jax.tree.structure(like), leaves), about

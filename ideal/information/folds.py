"""Folds that an interrupted estimate had finished: kept as they were scored, so that it goes on at the next one."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ideal._checkpoints import distrust, read_checkpoint, write_checkpoint
from ideal._documents import loads
from ideal.density import Density, load
from ideal.errors import DataError, StorageWarning


class KeptFolds:
    """Scores of folds in a folder, and the models of the first one; nothing without a folder.

    Args:
        folder: where they are kept; None for nowhere.
        facts: JSON types and texts that tell this estimate from others.
        arrays: numbers that do, one after the other: they are read only where there is a folder.
        models: that were fitted before.

    """

    def __init__(
        self, folder: Path | None, facts: Any, arrays: Iterable[np.ndarray], models: Mapping[str, Density] | None = None
    ):
        self._folder, self._mark = folder, ""
        if folder is not None:
            digest = hashlib.sha256(repr(facts).encode(errors="surrogateescape"))
            for model in (models or {}).values():
                for _, array in sorted(model._state().items()):
                    digest.update(_bytes(array))
            for array in arrays:
                digest.update(_bytes(array))
            self._mark = digest.hexdigest()

    def read(self, number: int) -> tuple[dict, dict[str, Density]] | None:
        """Return what `write` kept of a fold, or None.

        Warns:
            StorageWarning: it is damaged.

        """
        if self._folder is None or (kept := read_checkpoint(_file(self._folder, number))) is None:
            return None
        try:
            about = loads(str(kept["about"]))
            if about["mark"] != self._mark:
                return None
            score = _nested({tuple(path): kept[f"array_{place}"] for place, path in enumerate(about["paths"])})
            models = {name: load(_model(self._folder, number, place)) for place, name in enumerate(about["models"])}
        except (OSError, KeyError, TypeError, ValueError, DataError) as error:
            distrust(_file(self._folder, number), error)
            return None
        return score, models

    def write(self, number: int, score: Mapping[str, Any], models: Mapping[str, Density]) -> None:
        """Keep the score of a fold, arrays and numbers in nested tables, and models by name.

        Warns:
            StorageWarning: it cannot be written; the estimate goes on without.

        """
        if self._folder is None:
            return
        paths = list(_leaves(score))
        about = {"mark": self._mark, "paths": [path for path, _ in paths], "models": list(models)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for place, model in enumerate(models.values()):
                model.save(_model(self._folder, number, place))
        except OSError as error:
            warnings.warn(f"{error.filename}: cannot be written ({error.strerror})", StorageWarning, stacklevel=2)
            return
        arrays = {f"array_{place}": np.asarray(value) for place, (_, value) in enumerate(paths)}
        write_checkpoint(_file(self._folder, number), {"about": np.array(json.dumps(about)), **arrays})


def _file(folder: Path, number: int) -> Path:
    return folder / f"fold-{number}.npz"


def _model(folder: Path, number: int, place: int) -> Path:
    return folder / f"fold-{number}-model-{place}.h5"


def _bytes(array: np.ndarray) -> bytes:
    array = np.ascontiguousarray(array)
    head = f"{array.shape} {array.dtype} ".encode()
    return head + (array.tobytes() if array.dtype.kind in "iufbc" else repr(array.tolist()).encode())


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _nested(leaves: Mapping[tuple[str, ...], np.ndarray]) -> dict:
    found: dict = {}
    for (*above, name), value in leaves.items():
        table = found
        for each in above:
            table = table.setdefault(each, {})
        table[name] = value
    return found

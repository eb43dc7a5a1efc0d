"""Values by mask: no set of players is paid for twice, in one run or over several."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ideal._documents import loads
from ideal.attribution.games._contract import Game, as_masks, checked_values
from ideal.errors import DataError, UsageError
from ideal.progress import Progress, silent

_BATCH = 4096  # masks that a value function is asked for at once


class Kept:
    """A value function that remembers: each set is valued once, in batches, and may be kept in a file.

    Args:
        game: what is valued.
        file: JSON lines of what is known, which new values are added to after each batch; None for none. An interrupted run
            goes on with it.
        batch: masks that the game is asked for at once.
        report: shows progress.

    Attributes:
        game: as given.
        asked: how many sets were valued by this object: what was known before is not among them.

    """

    def __init__(self, game: Game, file: str | Path | None = None, batch: int = _BATCH, report: Progress = silent):
        self.game, self._file, self._batch, self._report = game, None if file is None else Path(file), batch, report
        self._known: dict[bytes, float] = {}
        self.asked = 0
        if self._file is not None and self._file.exists():
            _mend(self._file)
            for mask, value in zip(*read_values(self._file, game.n), strict=True):
                self._known[_key(mask)] = float(value)

    @property
    def n(self) -> int:
        """The number of players."""
        return self.game.n

    @property
    def known(self) -> int:
        """How many sets have a value."""
        return len(self._known)

    def has(self, masks: np.ndarray) -> np.ndarray:
        """Return which of several sets have a value already, (mask,), boolean."""
        return np.array([_key(mask) in self._known for mask in as_masks(masks, self.n)], dtype=bool)

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Return what sets are worth, and value those that are new.

        Args:
            masks: who is present, (mask, player), boolean.

        Returns:
            (mask,), float64.

        Raises:
            DataError: a set has no finite value.

        """
        masks = as_masks(masks, self.n)
        keys = [_key(mask) for mask in masks]
        first: dict[bytes, int] = {}
        for number, key in enumerate(keys):
            if key not in self._known:
                first.setdefault(key, number)
        new = list(first.values())
        for start in range(0, len(new), self._batch):
            if len(new) > self._batch or start:
                self._report(f"{self.game.title}: {start} of {len(new)} sets", start / len(new))
            block = masks[new[start : start + self._batch]]
            values = checked_values(self.game.values(block), block, self.game.title)
            self.asked += len(block)
            self._known |= {_key(mask): float(value) for mask, value in zip(block, values, strict=True)}
            if self._file is not None:
                _append(self._file, block, values)
        return np.array([self._known[key] for key in keys])

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all sets that have a value, (mask, player), and their values, (mask,), in the order they came."""
        masks = np.array([np.unpackbits(np.frombuffer(key, np.uint8), count=self.n) for key in self._known], dtype=bool)
        return masks.reshape(-1, self.n), np.array(list(self._known.values()))


def write_masks(path: str | Path, masks: np.ndarray) -> None:
    """Write sets of players as JSON lines, each with its `id` and the numbers of those `present`, for somebody else to value.

    Example of a line: {"id": "9c", "players": 8, "present": [0, 3, 4, 5]}

    """
    from ideal._files import write_whole

    lines = (json.dumps({"id": mask_id(mask), "players": len(mask), "present": np.flatnonzero(mask).tolist()}) for mask in masks)
    write_whole(path, "".join(f"{line}\n" for line in lines))


def read_values(path: str | Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sets of players and their values from JSON lines.

    Args:
        path: file with a line {"id": "9c", "value": 1.5}, or {"present": [0, 3], "value": 1.5}, for each set; other keys do not
            count.
        n: number of players.

    Returns:
        (mask, player), boolean, and (mask,), float64.

    Raises:
        DataError: it cannot be read, or a line has no set or no finite value; the message has the line's number.

    """
    masks, values = [], []
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            said = loads(line)
        except ValueError as error:
            raise DataError(f"{where}: not JSON ({error})") from None
        if not isinstance(said, dict) or "value" not in said:
            raise DataError(f'{where}: expected {{"id": ..., "value": ...}}, found {line[:60]!r}')
        masks.append(_mask_of(said, n, where))
        value = said["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise DataError(f"{where}: the value is {value!r}: expected a finite number")
        values.append(float(value))
    return np.array(masks, dtype=bool).reshape(-1, n), np.array(values)


def mask_id(mask: np.ndarray) -> str:
    """Return the name of a set: its mask in hexadecimal digits, the first player the highest bit."""
    return _key(mask).hex()


def _mask_of(said: dict, n: int, where: str) -> np.ndarray:
    if "present" in said:
        present = said["present"]
        if not isinstance(present, list) or not all(type(each) is int and 0 <= each < n for each in present):
            raise DataError(f"{where}: `present` lists numbers of players, from 0 to {n - 1}; found {str(present)[:60]}")
        return np.isin(np.arange(n), present)
    name: Any = said.get("id")
    try:
        found = np.frombuffer(bytes.fromhex(name), np.uint8)
    except (TypeError, ValueError):
        raise DataError(f"{where}: the id {str(name)[:60]!r} is none that --emit writes: copy the id of the mask") from None
    bits = np.unpackbits(found).astype(bool)
    if len(found) != -(-n // 8) or bits[n:].any():
        raise DataError(f"{where}: the id {name[:60]!r} is of another number of players than {n}")
    return bits[:n]


def _key(mask: np.ndarray) -> bytes:
    return np.packbits(mask).tobytes()


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    try:
        with open(path, encoding="utf-8") as file:
            yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    except UnicodeDecodeError:
        raise DataError(f"{path}: no text in UTF-8: expected JSON lines") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _append(path: Path, masks: np.ndarray, values: Iterable[float]) -> None:
    lines = "".join(
        f"{json.dumps({'id': mask_id(mask), 'value': float(value)})}\n" for mask, value in zip(masks, values, strict=True)
    )
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            with contextlib.suppress(OSError):  # not every file system can
                os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path}: values cannot be kept ({error.strerror}): choose a folder that can be written") from None


def _mend(path: Path) -> None:
    """Cut off the last line where it has no end: whoever wrote it was killed in the middle of it."""
    with open(path, "rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)

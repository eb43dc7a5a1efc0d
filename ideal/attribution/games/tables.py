"""Value functions that are tables: some sets of players, and what each is worth."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ideal.attribution.games._contract import Game, as_masks, checked_values, described, player_names
from ideal.attribution.games.keeping import read_values
from ideal.errors import DataError, UsageError


class UnknownSetsError(DataError):
    """A table has no value for some sets of players.

    Attributes:
        masks: those sets, (mask, player), boolean.

    """

    def __init__(self, message: str, masks: np.ndarray):
        super().__init__(message)
        self.masks = masks


class TableGame(Game):
    """Given masks with their values; other sets have none.

    Args:
        masks: who is present, (mask, player), 0 and 1.
        values: of each mask, (mask,). Values of the same mask are averaged.
        names: of the players; None for numbers from 0.
        title: what it is called in messages.

    Attributes:
        masks: every mask once, in the order they came, (mask, player).
        known: their values, (mask,).
        noise: standard deviation of one value, from masks that came more than once; None where none did.

    Raises:
        UsageError: the masks are none.
        DataError: there are no masks, not as many values, or a value is no finite number.

    """

    def __init__(self, masks: np.ndarray, values: np.ndarray, names: Sequence[str] | None = None, title: str = "the table"):
        given = np.asarray(masks)
        if given.ndim != 2 or not given.size:
            raise DataError(f"{title}: masks of shape {given.shape}, expected (masks, players)")
        given = as_masks(given, given.shape[1])
        found = checked_values(values, given, title)
        self.names, self.title = player_names(given.shape[1], names), title
        _, first, place = np.unique(np.packbits(given, axis=1), axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.argsort(order)[np.ravel(place)]
        counts = np.bincount(place)
        mean = np.bincount(place, found) / counts
        spare = len(found) - len(counts)
        self.noise = float(np.sqrt(((found - mean[place]) ** 2).sum() / spare)) if spare else None
        self.masks, self.known = given[first[order]], mean
        self._row = {np.packbits(mask).tobytes(): number for number, mask in enumerate(self.masks)}

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return what the table says.

        Raises:
            UnknownSetsError: it says nothing of a set.

        """
        rows = [self._row.get(np.packbits(mask).tobytes(), -1) for mask in masks]
        missing = [number for number, row in enumerate(rows) if row < 0]
        if missing:
            first = described(masks[missing[0]])
            raise UnknownSetsError(
                f"{self.title} has no value for {len(missing)} of {len(masks)} sets, the first of them {first}", masks[missing]
            )
        return self.known[rows]

    @classmethod
    def read(cls, path: str | Path, players: int | None = None, names: Sequence[str] | None = None) -> "TableGame":
        """Return the table in a file.

        Args:
            path: .npz with arrays `masks` and `values`; .csv with a column for each player, 0 or 1, and the value last (a first
                line of words names the players); or JSON lines as `--emit` and `--values` have them (.jsonl).
            players: number of players, which JSON lines do not say.
            names: of the players; None for those of the file, or numbers.

        Raises:
            UsageError: the file is of another kind.
            DataError: it cannot be read.

        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind == ".jsonl":
            if players is None:
                raise UsageError(f"{path}: JSON lines do not say how many players there are: add `players`")
            masks, values = read_values(path, players)
        elif kind == ".npz":
            masks, values = _read_npz(path)
        elif kind == ".csv":
            masks, values, found = _read_csv(path)
            names = found if names is None else names
        else:
            raise UsageError(f"{path}: a table is a file .npz (arrays masks and values), .csv or .jsonl")
        if players is not None and np.ndim(masks) == 2 and np.shape(masks)[1] != players:
            raise UsageError(f"{path} has {np.shape(masks)[1]} players, and `players` says {players}")
        return cls(masks, values, names, str(path))


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ("masks", "values") if name not in file]
            if missing:
                raise DataError(f"{path}: there is no array {missing[0]} (there are: {', '.join(file) or 'none'})")
            return file["masks"], file["values"]
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or f'it cannot be read as .npz ({error})'}") from None


def _read_csv(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...] | None]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: no text in UTF-8") from None
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    head: tuple[str, ...] | None = None
    if rows and not _is_number(rows[0][-1]):
        head, rows = tuple(rows[0][:-1]), rows[1:]
    if not rows or len(rows[0]) < 2:
        raise DataError(f"{path}: there are no rows of masks and values (a column for each player, the value last)")
    for number, row in enumerate(rows, start=1 + (head is not None)):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}: row {number} has {len(row)} columns, the first has {len(rows[0])}")
        wrong = next((cell for cell in row if not _is_number(cell)), None)
        if wrong is not None:
            raise DataError(f"{path}: row {number} has {wrong[:40]!r}, which is no number")
    found = np.array(rows, dtype=float)
    return found[:, :-1], found[:, -1], head


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

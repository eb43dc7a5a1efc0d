"""The folder of an attribution: values by mask, which an interrupted run goes on with, the record and a figure."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal._documents import parse_json
from ideal._files import write_whole
from ideal.attribution.games._contract import Game
from ideal.errors import UsageError
from ideal.records import provenance, to_json
from ideal.runs import lock

if TYPE_CHECKING:
    from ideal.attribution.result import Attribution

_PROBES = 3  # sets whose values tell one closed form from another


@dataclass(frozen=True)
class AttributionFolder:
    """A folder with values.jsonl, run.json and attribution.png.

    Attributes:
        path: of the folder.
        key: what the values are of, as JSON types.

    """

    path: Path
    key: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path, game: Game, *, overwrite: bool = False) -> "AttributionFolder":
        """Begin a run, or go on with the values of one; the folder is locked until the command ends.

        Args:
            path: of the folder, which is made where there is none.
            game: what is valued.
            overwrite: whether values of something else may be replaced.

        Raises:
            UsageError: the folder holds values of something else, or other files, or cannot be written.

        """
        folder, key = Path(path), _key(game)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"`out={path}` is a file: name a folder, which is made where there is none")
        run = folder / "run.json"
        if folder.is_dir() and any(folder.iterdir()) and not overwrite:
            if not run.exists():
                raise UsageError(f"`out={path}` holds other files and no run: choose another folder, or `overwrite=True`")
            said = parse_json(run.read_text(encoding="utf-8"), run)
            if not isinstance(said, dict) or said.get("of") != key:
                raise UsageError(f"`out={path}` holds a run of something else: choose another folder, or `overwrite=True`")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.take(folder)
            if overwrite:
                (folder / "values.jsonl").unlink(missing_ok=True)
            write_whole(run, to_json({"status": "running", "of": key}))
        except OSError as error:
            raise UsageError(f"`out={path}` cannot be written ({error.strerror}): choose a folder that can be") from None
        return cls(folder, key)

    @property
    def values(self) -> Path:
        """The file of values by mask."""
        return self.path / "values.jsonl"

    def finish(self, result: "Attribution") -> None:
        """Write the record and the figure, and release the folder."""
        result.save_plot(self.path / "attribution.png")
        made = provenance(sys.argv, result.record["seed"])
        write_whole(self.path / "run.json", to_json({"status": "finished", "of": self.key, **made, **result.to_record()}))
        lock.release(self.path)


def _key(game: Game) -> dict[str, Any]:
    """Return what values are of: the name and the players, and of a closed form some values, of a file its content."""
    key: dict[str, Any] = {"title": game.title, "players": game.n, "names": list(game.names)}
    if game.is_exact:
        masks = np.random.default_rng(0).random((_PROBES, game.n)) < 0.5
        key["values"] = [float(f"{value:.6g}") for value in game.values(masks)]
    source = Path(game.title.rpartition(":")[0] or game.title)
    if source.suffix == ".py" and source.is_file():
        key["sha256"] = hashlib.sha256(source.read_bytes()).hexdigest()
    return key

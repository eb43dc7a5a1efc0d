"""Value functions of the user's own: Python callables, functions in files and modules, and external commands."""

import inspect
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from ideal.attribution.games._contract import Game, player_names
from ideal.errors import DataError, UsageError

_SHOWN = 200  # characters of a program's complaint that a message quotes


class FunctionGame(Game):
    """A value function in Python.

    Args:
        function: takes masks, (mask, player), boolean, and returns their values, (mask,).
        players: number of players.
        names: of the players; None for numbers from 0.
        title: what it is called in messages; None for the function's own name.

    Example:
        >>> import numpy as np
        >>> game = FunctionGame(lambda masks: masks.sum(1) ** 2, players=3)
        >>> game.values(np.array([[True, True, False]]))
        array([4])

    """

    def __init__(
        self,
        function: Callable[[np.ndarray], Any],
        players: int,
        names: Sequence[str] | None = None,
        title: str | None = None,
    ):
        self._function = function
        self.names = player_names(players, names)
        self.title = title if title is not None else str(getattr(function, "__name__", type(function).__name__))

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Return what the function returns; an error that it raises names it."""
        try:
            with redirect_stdout(sys.stderr):  # what it prints is no result
                return self._function(masks.copy())  # what it does to its argument is no matter of ours
        except (DataError, UsageError):
            raise
        except Exception as error:  # somebody else's code
            reason = " ".join(str(error).split())
            raise DataError(f"{self.title}: the function failed ({type(error).__name__}: {reason})") from error


def read_function(place: str) -> Callable[[np.ndarray], Any]:
    """Return the function that "FILE.py:FUNCTION" or "module:function" names.

    Raises:
        UsageError: there is no such file, module or function, or it takes no masks.

    """
    from ideal.imaging.custom.encoder import load_function

    source, _, name = place.rpartition(":")
    if not source or not name:
        raise UsageError(f"{place!r} names no function: write FILE.py:FUNCTION, or module:function")
    path = Path(source)
    if source.endswith(".py"):
        if not path.is_file():
            raise UsageError(f"{source}: no such file")
        found = load_function(f"{path.stem}:{name}", path.resolve().parent)
    else:
        found = load_function(f"{source}:{name}", Path.cwd())
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        raise UsageError(f"{place} has to take one argument, masks of shape (masks, players)") from None
    except ValueError:  # some compiled functions do not tell
        pass
    return found


class CommandGame(Game):
    """An external program as a value function: it reads masks from one .npy file and writes values into another.

    Args:
        command: a command line in which {masks} and {values} stand for the two files; no shell is asked.
        players: number of players.
        names: of the players; None for numbers from 0.

    Raises:
        UsageError: the command does not name both files.

    """

    def __init__(self, command: str, players: int, names: Sequence[str] | None = None):
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"`command`: {error} in {command!r}") from None
        if not all(any(mark in word for word in self._words) for mark in ("{masks}", "{values}")):
            raise UsageError("`command` has to name both files, as: ./score {masks} {values} (.npy, boolean and float64)")
        self.names, self.title = player_names(players, names), self._words[0]

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Run the command for these masks."""
        with tempfile.TemporaryDirectory(prefix="ideal-attribute-") as folder:
            files = {"masks": str(Path(folder) / "masks.npy"), "values": str(Path(folder) / "values.npy")}
            np.save(files["masks"], masks)
            words = [word.replace("{masks}", files["masks"]).replace("{values}", files["values"]) for word in self._words]
            try:
                done = subprocess.run(words, capture_output=True, check=False)
            except OSError as error:
                raise DataError(f"{self.title}: the command cannot be run ({error.strerror})") from None
            if done.returncode:
                said = " ".join(done.stderr.decode(errors="replace").split())[-_SHOWN:]
                raise DataError(f"{self.title}: the command ended with exit code {done.returncode} ({said or 'it said nothing'})")
            try:
                return np.load(files["values"], allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                raise DataError(f"{self.title}: the command left no values that can be read ({error})") from None

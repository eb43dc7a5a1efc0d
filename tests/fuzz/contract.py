"""What holds for every command, whatever its input: an exit code, at most one line of error, few seconds and little memory."""

import json
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.worker import Outcome

MEGABYTES = 600  # more than the small inputs of the groups need, less than what their headers may declare
_LINES_BEFORE = ("ideal: note: ", "ideal: warning: ", "ideal: error: ")


@dataclass(frozen=True)
class Command:
    """A command on an input that may be wrong.

    Attributes:
        arguments: of `ideal`.
        names: one of them stands in the line of error where the command fails with exit code 1; none where they are empty.
        wrong: what is wrong with the input for sure, so that exit code 0 would be wrong too; "" where it may be right.
        outputs: names that the command may leave in its folder.
        cpu_seconds: that the command may take, where it may take more or less than others.

    """

    arguments: tuple[str, ...]
    names: tuple[str, ...] = ()
    wrong: str = ""
    outputs: tuple[str, ...] = field(default=())
    cpu_seconds: int | None = None


def violations(command: Command, outcome: Outcome, before: set[str], folder: Path) -> list[str]:
    """Return what a command did that none may do; `before` holds the names in its folder when it began."""
    if outcome.code is None:
        return [f"the process ended ({outcome.end}): {_last(outcome.traceback)}"]
    if outcome.traceback:
        return [f"a traceback: {outcome.traceback.strip().splitlines()[-1]} {_last(outcome.traceback)}"]
    lines = outcome.stderr.splitlines()
    errors = [line for line in lines if line.startswith("ideal: error: ")]
    kinds = []
    if outcome.code not in (0, 1, 2):
        kinds.append(f"exit code {outcome.code}")
    if "defect of ideal" in outcome.stderr:
        kinds.append(f"called a defect: {errors[-1]}")
    if len(errors) != (outcome.code != 0):
        kinds.append(f"{len(errors)} lines of error with exit code {outcome.code}: {' | '.join(errors)}")
    strange = [line for line in lines if not line.startswith(_LINES_BEFORE)]
    if strange:
        kinds.append(f"more on stderr than notes, warnings and errors: {strange[0]}")
    hidden = [
        letter for letter in outcome.stdout + outcome.stderr if unicodedata.category(letter) == "Cc" and letter not in "\n\t"
    ]
    if hidden:
        kinds.append(f"control characters: {hidden[0]!r}")
    if outcome.code == 1 and command.names and errors and not any(name in errors[-1] for name in command.names):
        kinds.append(f"the file is not named: {errors[-1]}")
    if outcome.code == 0 and command.wrong:
        kinds.append(f"accepted though {command.wrong}")
    if outcome.megabytes > MEGABYTES:
        kinds.append(f"took {outcome.megabytes:.0f} MB")
    left = {path.name for path in folder.iterdir()} - before - set(command.outputs)
    if left:
        kinds.append(f"left behind: {sorted(left)}")
    if outcome.code == 0 and "--json" in command.arguments:
        kinds += _wrong_json(outcome.stdout)
    return kinds


def kind_of(violation: str) -> str:
    """Return a violation without what differs from example to example: names, figures, paths."""
    text = re.sub(r"(?<=error: )\S+: ", "", violation)
    return re.sub(r"'[^']*'|\"[^\"]*\"|[\d.]+", "_", text)[:160]


def _wrong_json(text: str) -> list[str]:
    def refuse(name):
        raise ValueError(f"{name} in the JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return [f"stdout is no JSON: {error}"]
    return []


def _last(traceback: str) -> str:
    """Return the innermost places of a traceback that are ours, or the innermost at all."""
    places = re.findall(r'File "([^"]+)", line (\d+),? in (\w+)', traceback)
    if not places:
        return traceback.strip()[-200:]
    ours = [place for place in places if "site-packages" not in place[0] and "/lib/python" not in place[0]] or places
    path, line, function = ours[0] if "most recent call first" in traceback else ours[-1]
    return f"({Path(path).name}:{line} in {function})"

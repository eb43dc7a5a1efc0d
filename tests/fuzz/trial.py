"""One example: its files written, its command run, and what it did judged."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fuzz.contract import Command, violations
from fuzz.worker import Outcome


@dataclass(frozen=True)
class Trial:
    """An example, what came of it, and what may not have."""

    command: Command
    outcome: Outcome
    violations: list[str]


def attempt(group, draw, worker, seeds: Path, work: Path, keep=None) -> Trial:
    """Draw an example of a group, and run it in a folder of its own, which goes again.

    Args:
        group: function of `groups`.
        draw: of Hypothesis.
        worker: runs it.
        seeds: folder of valid inputs.
        work: where folders are made.
        keep: function of the trial and its folder as it was before the command ran, called where something is wrong; or None.

    """
    outer = Path(tempfile.mkdtemp(dir=work))
    try:
        folder = outer / "folder"
        folder.mkdir()
        command = group(draw, seeds, folder)
        before = {path.name for path in folder.iterdir()}
        if keep is not None:
            shutil.copytree(folder, outer / "before", symlinks=True)
        outcome = worker.run(command.arguments, folder, cpu_seconds=command.cpu_seconds)
        trial = Trial(command, outcome, violations(command, outcome, before, folder))
        if trial.violations and keep is not None:
            keep(trial, outer / "before")
        return trial
    finally:
        shutil.rmtree(outer, ignore_errors=True)
